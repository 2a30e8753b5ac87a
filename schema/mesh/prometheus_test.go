package mesh

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestScraped is what is just right beside the bad cases of testdata, and the same thing wrong.
func TestScraped(t *testing.T) {
	group := func(fields string) string {
		return "  workloads: [{name: pay, groups: [{name: pay, " + fields + "}]}]\n"
	}
	scraped := func(more string) string { return "  observability: {prometheus: {format: Fragment" + more + "}}\n" }
	for _, c := range []struct {
		name, spec string
		want       []string
	}{
		{"nobody scrapes", group("registration: Auto"), nil},
		{"nobody can find them", group("registration: Auto") + scraped(""), []string{"VM052"}},
		{"an instance is listed", group("registration: Auto, instances: [{name: vm1, address: 10.0.0.1}]") + scraped(""), nil},
		{"no VM at all", group("version: v1") + scraped(""), nil},
		{"an endpoint lists them", group("registration: Auto") + scraped(", discovery: {type: HTTP, http: {url: \"https://cmdb.example.com:8443/t?a=b@c\"}}"), nil},
		{"an endpoint lists them, whatever the cloud", group("registration: Auto, vm: {cloud: {type: AWS}}") + scraped(", discovery: {type: HTTP, http: {url: \"http://[fd00::1]/t\"}}"), nil},
		{"a user in the URL", group("registration: Auto") + scraped(", discovery: {type: HTTP, http: {url: \"https://a@cmdb.example.com/t\"}}"), []string{"VM068"}},
		{"a cloud with its fields", group("registration: Auto, vm: {cloud: {type: GCP, gcp: {project: p, zones: [a]}}}") + scraped(""), nil},
		{"the spec's cloud", group("registration: Auto") + "  vm: {cloud: {type: AWS, aws: {region: a}}}\n" + scraped(""), nil},
		{"a whole subscription", group("registration: Auto, vm: {cloud: {type: Azure, azure: {subscriptionID: 11111111-2222-3333-4444-555555555555}}}") + scraped(""), nil},
		{"half of a cloud, for listed VMs", group("instances: [{name: vm1, address: 10.0.0.1}], vm: {cloud: {type: AWS}}") + scraped(""), nil},
		{"half of a cloud, for VMs to be found", group("registration: Auto, vm: {cloud: {type: AWS}}") + scraped(""), []string{"VM052"}},
		{"metrics for everybody", group("vm: {env: [{name: METRICS_LOCALHOST_ACCESS_ONLY, value: \"false\"}]}") + scraped(""), nil},
		{"metrics for localhost, and nobody scrapes", group("vm: {env: [{name: METRICS_LOCALHOST_ACCESS_ONLY, value: \"true\"}]}"), nil},
		{"metrics for localhost", group("vm: {env: [{name: METRICS_LOCALHOST_ACCESS_ONLY, value: \"1\"}]}") + scraped(""), []string{"VM068"}},
		{"alerts", group("minHealthy: 0") + scraped(", alerts: true"), nil},
		{"alerts on what is seldom looked at", group("minHealthy: 0") + scraped(", alerts: true, interval: 4m59s"), nil},
		{"alerts on what is forgotten", group("minHealthy: 0") + scraped(", alerts: true, interval: 5m"), []string{"VM068"}},
		{"no alerts on what is forgotten", group("minHealthy: 0") + scraped(", interval: 1h"), nil},
		{"alerts on nothing", group("minHealthy: 0") + "  observability: {prometheus: {alerts: true}}\n", []string{"VM068"}},
		{"a dashboard of what others scrape", group("minHealthy: 0") + "  observability: {prometheus: {dashboard: true}}\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, found := resolve(t, c.spec)
			require.Equal(t, c.want, rules(found))
		})
	}
}

// TestManyTargets is a group that just fits into an object of Kubernetes, and one that does not.
func TestManyTargets(t *testing.T) {
	fleet := func(n int, format string) string {
		var b strings.Builder
		b.WriteString("  observability: {prometheus: {format: " + format + "}}\n  workloads:\n  - name: pay\n    groups:\n    - name: pay\n      instances:\n")
		for i := range n {
			fmt.Fprintf(&b, "      - {name: vm-%05d, address: 10.%d.%d.%d}\n", i, i>>16, 100+i>>8&127, 100+i&127)
		}
		return b.String()
	}
	_, found := resolve(t, fleet(10500, "Fragment"))
	require.NotContains(t, rules(found), "VM068")
	_, found = resolve(t, fleet(11500, "ScrapeConfig"))
	require.Contains(t, rules(found), "VM068")
	_, found = resolve(t, fleet(11500, "FileSD"))
	require.NotContains(t, rules(found), "VM068")
}

func TestStatusPort(t *testing.T) {
	require.EqualValues(t, 15020, vmOf(t, "{}", "{}").StatusPort())
	require.EqualValues(t, 16020, vmOf(t, "{proxyConfig: {statusPort: 16020}}", "{}").StatusPort())
	require.EqualValues(t, 15020, vmOf(t, "{proxyConfig: {concurrency: 2}}", "{}").StatusPort())
}
