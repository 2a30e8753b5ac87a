package fn_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
)

// guideDefects are the faults of the guide in testdata/guide, by the numbers under which a review listed them. Each is found, at
// its line, or no manifest shows it, and then why.
var guideDefects = []struct {
	number    int
	what      string
	found     []string
	invisible string
}{
	{1, "the gateway in the way of traffic between pods and VMs", nil, "drawings"},
	{2, "an old Istio, one architecture, no checksum", nil, "text and shell scripts"},
	{3, "an IstioOperator in Git", nil, "it is right as a file for istioctl install; where it is applied it does not say"},
	{4, "ISTIO_META_ROUTER_MODE", []string{"istio-operator-vm.yaml:64:21: warning VM123"}, ""},
	{5, "a network's gateway without AUTO_PASSTHROUGH", []string{"expose-istiod.yaml:15:5: error VM403"}, ""},
	{6, "holdApplicationUntilProxyStarts", nil, "it acts on pods, of which the mesh has some"},
	{7, "older API versions", []string{
		"expose-istiod.yaml:4:13: info VM026", "expose-istiod.yaml:37:13: info VM026", "workload-group-payment-service.yaml:4:13: info VM026",
		"workload-entry-payment-vm1.yaml:4:13: info VM026", "service-entry-vm-database.yaml:4:13: info VM026", "destination-rule-payment.yaml:4:13: info VM026",
		"virtual-service-payment.yaml:4:13: info VM026", "peer-authentication-strict.yaml:4:13: info VM026", "authorization-policy-payment.yaml:4:13: info VM026",
		"telemetry-access-log.yaml:4:13: info VM026", "telemetry-tracing.yaml:3:13: info VM026", "workload-group-auto-register.yaml:4:13: info VM026",
		"complete-vm-integration.yaml:24:13: info VM026",
	}, ""},
	{8, "every name exposed where istiod's would do", nil, "it works; two revisions would clash, and there is one"},
	{9, "an injection label on a namespace of VMs", nil, "pods that are not among the manifests may live there"},
	{10, "a WorkloadGroup without ports", []string{
		"workload-group-payment-service.yaml:27:5: warning VM302", "workload-group-auto-register.yaml:22:5: warning VM302", "complete-vm-integration.yaml:36:5: warning VM302",
	}, ""},
	{11, "a locality that registration takes away", []string{"workload-group-payment-service.yaml:34:15: warning VM511"}, ""},
	{12, "a probe without failureThreshold", []string{"workload-group-auto-register.yaml:26:5: info VM307", "complete-vm-integration.yaml:39:5: info VM307"}, ""},
	{13, "a selector that WorkloadGroups do not have", nil, "text"},
	{14, "a VM with an entry and a group", nil, "whether it registers too its own settings say"},
	{15, "a weight beside peers without", nil, "one entry is all that there is, and its peers are not among the manifests"},
	{16, "three label sets", []string{"workload-entry-payment-vm1.yaml:22:5: error VM110"}, ""},
	{17, "flags that istioctl does not have", nil, "a command"},
	{18, "files below /etc/istio before the package", nil, "a shell script"},
	{19, "directories that istio-proxy does not own", nil, "a shell script"},
	{20, "hosts that grow", nil, "a shell script"},
	{21, "a script that pages", nil, "a shell script"},
	{22, "endpoints that Kubernetes does not have", nil, "a command"},
	{23, "ISTIO_META_DNS_AUTO_ALLOCATE", []string{"mesh-config-dns.yaml:15:9: warning VM123"}, ""},
	{24, "queries forwarded to a ClusterIP", nil, "a shell script"},
	{25, "a database whose replica gets the writes, in plaintext, under a name that nobody resolves", []string{
		"service-entry-vm-database.yaml:34:9: error VM208", "service-entry-vm-database.yaml:32:7: error VM216", "service-entry-vm-database.yaml:12:7: warning VM211",
	}, ""},
	{26, "two DestinationRules of one host", []string{"complete-vm-integration.yaml:71:9: error VM504"}, ""},
	{27, "failover to a region without VMs", []string{"destination-rule-payment.yaml:37:17: warning VM509"}, ""},
	{28, "a canary without workloads; routes without a port", []string{"destination-rule-payment.yaml:61:9: warning VM502", "virtual-service-payment.yaml:25:13: warning VM503"}, ""},
	{29, "exceptions by port for a whole namespace", []string{"peer-authentication-strict.yaml:20:3: error VM022"}, ""},
	{30, "gRPC denied; one policy written twice", []string{
		"authorization-policy-payment.yaml:21:5: warning VM607", "complete-vm-integration.yaml:112:5: warning VM607", "complete-vm-integration.yaml:104:9: warning VM025",
	}, ""},
	{31, "files that istio-proxy cannot read", nil, "a shell script"},
	{32, "a timer for what needs none", nil, "a shell script"},
	{33, "a firewall that locks everybody out", nil, "a shell script"},
	{34, "a discovery that finds no VM, at a path that is not served", []string{"prometheus-vm-scrape.yaml:19:19: error VM615", "prometheus-vm-scrape.yaml:36:26: error VM616"}, ""},
	{35, "a tracing provider that nobody defines; a filter of everything", []string{"telemetry-tracing.yaml:13:17: error VM614", "telemetry-access-log.yaml:25:21: info VM622"}, ""},
	{36, "an annotation that does not exist", []string{"workload-group-auto-register.yaml:19:7: warning VM122"}, ""},
	{37, "an address of istiod's that does not exist, credentials for anybody", nil, "a shell script in user-data"},
	{38, "an expiry that is none", nil, "a shell script"},
	{39, "a dump that does not show DNS", nil, "text"},
	{40, "no order", nil, "manifests have none; a VM must not connect before its group is there"},
}

// TestGuide verifies the guide's manifests as a reader would: what the steps build up, the complete example at the end, and
// both together, which say two things of some objects.
func TestGuide(t *testing.T) {
	paths, err := filepath.Glob("../testdata/guide/*.yaml")
	require.NoError(t, err)
	require.Len(t, paths, 17)
	var steps, complete []fn.Manifests
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		m := fn.Manifests{Name: filepath.Base(path), Text: text}
		if strings.HasPrefix(m.Name, "complete-") {
			complete = append(complete, m)
		} else {
			steps = append(steps, m)
		}
	}
	require.Len(t, complete, 1)
	got := fmt.Sprintf("The steps\n\n%s\nThe complete example\n\n%s\nBoth\n\n%s", report(t, fn.Verify(steps)), report(t, fn.Verify(complete)), report(t, fn.Verify(append(steps, complete...))))

	const golden = "../testdata/guide/findings.txt"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got)

	require.Len(t, guideDefects, 40)
	for i, d := range guideDefects {
		require.Equal(t, i+1, d.number)
		require.Equal(t, len(d.found) == 0, d.invisible != "", "%d (%s) is found, or there is a reason", d.number, d.what)
		for _, place := range d.found {
			require.Contains(t, got, place+":", "%d: %s", d.number, d.what)
		}
	}
}
