package schema

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func explained(t *testing.T, path string) FieldDoc {
	t.Helper()
	d, ok := Explain(path)
	require.True(t, ok, path)
	return d
}

func names(docs []FieldDoc) []string {
	var all []string
	for _, d := range docs {
		all = append(all, d.Name)
	}
	return all
}

func TestExplain(t *testing.T) {
	d := explained(t, "spec.workloads[payment].groups[v1].registration")
	require.Equal(t, FieldDoc{
		Name: "registration", Path: "spec.workloads[].groups[].registration", Type: "string", Default: "Static",
		Description: "How VMs become endpoints. Static: one WorkloadEntry is emitted for each instance. Auto: istiod makes the entries as VMs connect; " +
			"instances that are listed then get files and scrape targets, and no WorkloadEntry.",
		Allowed: []string{"Static", "Auto"},
		Values: []ValueDoc{
			{"Static", "one WorkloadEntry is emitted for each instance."},
			{"Auto", "istiod makes the entries as VMs connect; instances that are listed then get files and scrape targets, and no WorkloadEntry."},
		},
	}, d)
	require.Equal(t, "How VMs become endpoints.", d.General())

	d = explained(t, "spec.istio.version")
	require.True(t, d.Required)
	require.Equal(t, []string{"1.31.1"}, d.Examples)
	require.Equal(t, "a whole Istio version from 1.24 with its patch number, such as 1.31.1", d.Form)
}

func TestExplainTakesManySpellings(t *testing.T) {
	want := explained(t, "spec.workloads[].ports[].protocol")
	for _, path := range []string{
		"spec.workloads.ports.protocol", "workloads.ports.protocol", "workloads[pay].ports[http].protocol", " spec.workloads[0].ports[a.b].protocol ",
	} {
		require.Equal(t, want, explained(t, path), path)
	}
}

func TestExplainTheWhole(t *testing.T) {
	d := explained(t, "")
	require.Equal(t, []string{"apiVersion", "kind", "metadata", "spec"}, names(d.Fields))
	require.Equal(t, "object", d.Type)
	require.Equal(t, []string{
		"istio", "networks", "controlPlane", "emit", "namespace", "namespaces", "workloads", "externalServices", "vm", "observability", "gitops", "lint",
	}, names(explained(t, "spec").Fields), "in the contract's order")
}

// An enum has a sentence of its own before the meanings of its values, so that no value's meaning is taken for the field's.
func TestExplainEveryValue(t *testing.T) {
	enums, whole := 0, 0
	rootField().walk(func(f *field) {
		if len(f.words) < 2 || f.name == "protocol" { // protocols are Istio's
			return
		}
		enums++
		d := explained(t, f.path)
		var names []string
		for _, v := range d.Values {
			names = append(names, v.Name)
			require.NotEmpty(t, v.Meaning, "%s: %s", f.path, v.Name)
		}
		missing := slices.DeleteFunc(slices.Clone(d.Allowed), func(v string) bool { return slices.Contains(names, v) })
		if len(missing) > 0 && len(names) > 0 { // a description may be of one value and its opposite
			require.Equal(t, []string{d.Default}, missing,
				`%s: the description says what each value means: "General sentence. Value: meaning."`, f.path)
		}
		if len(missing) == 0 {
			whole++
		}
	})
	require.Greater(t, whole, 20)
	require.Greater(t, 4*whole, 3*enums, "nearly all enums explain each value")
}

func TestExplainAll(t *testing.T) {
	all, ok := ExplainAll("")
	require.True(t, ok)
	fields := 0
	rootField().walk(func(f *field) {
		if f.name != "" {
			fields++
		}
	})
	require.Len(t, all, fields+1, "the document, and each field once")
	seen := map[string]bool{}
	for _, d := range all {
		require.False(t, seen[d.Path], d.Path)
		require.NotEmpty(t, d.Type, d.Path)
		require.Empty(t, d.Fields, d.Path)
		seen[d.Path] = true
	}

	all, ok = ExplainAll("spec.workloads.probe")
	require.True(t, ok)
	var paths []string
	for _, d := range all {
		paths = append(paths, d.Path)
	}
	require.Contains(t, paths, "spec.workloads[].probe")
	require.Contains(t, paths, "spec.workloads[].probe.httpGet.httpHeaders[].name")

	all, ok = ExplainAll("spec.workloads.services.traffic.trafficPolicy.outlierDetection")
	require.True(t, ok)
	require.Equal(t, "spec.workloads[].services[].traffic.trafficPolicy.outlierDetection", all[0].Path)
	require.Greater(t, len(all), 5)

	_, ok = ExplainAll("spec.nothing")
	require.False(t, ok)
}

// Each field of the schema explains itself, and its children are there with type and a line.
func TestExplainEveryField(t *testing.T) {
	rootField().walk(func(f *field) {
		if f.name == "" {
			return
		}
		d := explained(t, f.path)
		require.Equal(t, f.path, d.Path)
		require.NotEmpty(t, d.Type, f.path)
		require.NotEmpty(t, d.Description, f.path)
		for _, child := range d.Fields {
			require.NotEmpty(t, child.Type, "%s.%s", f.path, child.Name)
			require.NotEmpty(t, child.Description, "%s.%s", f.path, child.Name)
			require.NotContains(t, child.Description, "\n")
			_, ok := Explain(child.Path)
			require.True(t, ok, child.Path)
		}
	})
}

func TestExplainTypes(t *testing.T) {
	for path, want := range map[string]string{
		"spec.workloads":                           "list of object",
		"workloads.labels":                         "map of string",
		"workloads.metrics.port":                   "integer or string",
		"workloads.groups.weight":                  "integer",
		"gitops.argocd":                            "boolean",
		"istio.podCIDRs":                           "list of string",
		"vm":                                       "object",
		"workloads.probe":                          "istio.networking.v1.ReadinessProbe",
		"workloads.services.traffic.http":          "list of istio.networking.v1.HTTPRoute",
		"workloads.services.traffic.http.retries":  "istio.networking.v1.HTTPRetry",
		"workloads.services.traffic.http.timeout":  "duration",
		"workloads.probe.httpGet.port":             "integer",
		"vm.proxyConfig.proxyMetadata":             "map of string",
		"workloads.services.traffic.trafficPolicy": "istio.networking.v1.TrafficPolicy",
		"workloads.sidecar.egress.hosts":           "list of string",
		"security.mtls":                            "",
	} {
		d, ok := Explain(path)
		require.Equal(t, want != "", ok, path)
		require.Equal(t, want, d.Type, path)
	}
}

func TestExplainAGroupsVMHasSpecVMsDefaults(t *testing.T) {
	require.Equal(t, "Proxy", explained(t, "vm.dns.mode").Default)
	require.Empty(t, explained(t, "workloads.groups.vm.dns.mode").Default)
}

func TestExplainInsideIstiosBlocks(t *testing.T) {
	d := explained(t, "spec.workloads.probe")
	require.Equal(t, []string{
		"initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold", "httpGet", "tcpSocket", "exec", "grpc",
	}, names(d.Fields))
	require.Contains(t, d.Description, "https://istio.io/latest/docs/reference/config/networking/workload-group/")

	d = explained(t, "workloads[pay].probe.httpGet")
	require.Equal(t, "spec.workloads[].probe.httpGet", d.Path)
	require.Contains(t, d.Description, "A field of Istio's istio.networking.v1.ReadinessProbe.")
	require.Contains(t, d.Description, "not beside tcpSocket, exec or grpc")
	require.Contains(t, names(d.Fields), "httpHeaders")

	d = explained(t, "workloads.services.traffic.http.match")
	require.Equal(t, "spec.workloads[].services[].traffic.http[].match[].name", d.Fields[0].Path)

	_, ok := Explain("workloads.probe.httpGet.prot")
	require.False(t, ok)
}

func TestExplainIstiosWordsAndPages(t *testing.T) {
	d := explained(t, "workloads.services.traffic.trafficPolicy.tls.mode")
	require.Equal(t, []string{"DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"}, d.Allowed)
	require.Equal(t, "spec.workloads[].services[].traffic.trafficPolicy.tls.mode", d.Path)

	d = explained(t, "workloads.services.traffic.http.match.headers.x-canary.exact")
	require.Equal(t, "spec.workloads[].services[].traffic.http[].match[].headers.exact", d.Path, "a free map's key is passed over")

	for path, page := range map[string]string{
		"workloads.services.traffic.http.retries":      "networking/virtual-service/",
		"workloads.services.traffic.trafficPolicy.tls": "networking/destination-rule/",
		"workloads.sidecar.egress":                     "networking/sidecar/",
		"workloads.security.allow.from.principals":     "security/authorization-policy/",
		"workloads.security.jwt.issuer":                "security/request_authentication/",
		"observability.tracing.providers":              "telemetry/",
		"externalServices.serviceEntry.hosts":          "networking/service-entry/",
		"vm.proxyConfig.concurrency":                   "istio.mesh.v1alpha1/",
		"controlPlane.meshConfig.accessLogFile":        "istio.mesh.v1alpha1/",
	} {
		require.Contains(t, explained(t, path).Description, "https://istio.io/latest/docs/reference/config/"+page+".", path)
	}
	require.Contains(t, explained(t, "workloads.services.traffic.http.timeout").Form, "1.5s")
}

func TestExplainNear(t *testing.T) {
	for path, want := range map[string][]string{
		"spec.worklods":           {"spec.workloads"},
		"workloads.gruops":        {"spec.workloads[].groups"},
		"probe":                   {"spec.workloads[].probe"},
		"spec.eastWestGateway":    {"spec.controlPlane.eastWestGateway"},
		"workloads.probe.httpget": {"spec.workloads[].probe.httpGet"},
		"workloads.services.traffic.http.retires":  {"spec.workloads[].services[].traffic.http[].retries"},
		"workloads.services.traffic.http.route.wt": nil,
		"spec.nothing.like.it.anywhere":            nil,
		"spec.workloads":                           nil,
		"":                                         nil,
	} {
		_, ok := Explain(path)
		require.Equal(t, path == "" || path == "spec.workloads", ok, path)
		require.Equal(t, want, ExplainNear(path), path)
	}
}

func TestExplainOddPaths(t *testing.T) {
	for _, path := range []string{".", "..", "[", "]", "[[", "spec..", "spec.[]", "\x00", strings.Repeat("a.", 1000), "workloads.probe.", "workloads.probe.[x]"} {
		require.NotPanics(t, func() { Explain(path); ExplainNear(path) }, path)
	}
}

func TestBlockYAML(t *testing.T) {
	require.Equal(t, "- name: payment-service\n  version: v1\n  instances:\n  - name: vm1\n    address: 192.168.1.100", explained(t, "workloads.groups").Examples[0])
	require.Equal(t, "hosts: [api.stripe.com]\nports:\n- number: 443\n  name: tls\n  protocol: TLS\nresolution: DNS", explained(t, "externalServices.serviceEntry").Examples[0])
	require.Equal(t, "a:\n  b:\n  - 1\n  - {}\nc: {}\n", blockYAML(object{{"a", object{{"b", []any{json.Number("1"), object{}}}}}, {"c", object{}}}, 0))
}
