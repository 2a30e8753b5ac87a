package schema

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// decoded is a spec with these lines, which does not have a fault.
func decoded(t testing.TB, spec string) *VMMesh {
	t.Helper()
	d := parseOne(t, specOf(spec))
	require.Empty(t, d.Validate())
	m, findings := d.Decode()
	require.Empty(t, findings)
	return m
}

// The standard library reads the same from the same document, once what is not set is taken out of it.
func TestDecodeAgreesWithEncodingJSON(t *testing.T) {
	d := parseOne(t, string(complete(t)))
	m, findings := d.Decode()
	require.Empty(t, findings)

	plain := pruned(d.Root.Plain()).(map[string]any)
	workload := plain["spec"].(map[string]any)["workloads"].([]any)[0].(map[string]any)
	workload["metrics"].(map[string]any)["port"] = "9091" // text, in the types
	text, err := json.Marshal(plain)
	require.NoError(t, err)
	want := &VMMesh{}
	require.NoError(t, json.Unmarshal(text, want))
	require.Equal(t, jsonOf(t, want), jsonOf(t, m))
}

// pruned leaves out null, "", {} and [], inside out.
func pruned(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for key, value := range v {
			if value = pruned(value); value != nil && value != "" {
				m[key] = value
			}
		}
		if len(m) == 0 {
			return nil
		}
		return m
	case []any:
		if len(v) == 0 {
			return nil
		}
		l := make([]any, len(v))
		for i := range v {
			l[i] = pruned(v[i])
		}
		return l
	}
	return v
}

// Every At is set, to the place of its block: in blocks that are not written too.
func TestDecodeSetsEveryPlace(t *testing.T) {
	for _, src := range []string{string(complete(t)), specOf("namespace: x")} {
		m, _ := parseOne(t, src).Decode()
		blocks := 0
		var walk func(v reflect.Value, path string)
		walk = func(v reflect.Value, path string) {
			switch {
			case v.Type().Implements(messageType):
			case v.Kind() == reflect.Pointer && v.Type() != pathType && !v.IsNil():
				walk(v.Elem(), path)
			case v.Kind() == reflect.Slice:
				for i := range v.Len() {
					item := v.Index(i)
					if item.Kind() == reflect.Struct {
						walk(item, atOf(item, planOf(item.Type())).String())
					}
				}
			case v.Kind() == reflect.Struct:
				blocks++
				at := atOf(v, planOf(v.Type()))
				require.NotNil(t, at, path)
				require.Equal(t, path, at.String())
				require.Equal(t, "vmmesh.yaml", at.Source().Name)
				for i := range v.NumField() {
					key := v.Type().Field(i).Tag.Get("json")
					if path != "" {
						key = path + "." + key
					}
					walk(v.Field(i), key)
				}
			}
		}
		walk(reflect.ValueOf(m).Elem(), "")
		require.GreaterOrEqual(t, blocks, 15)
	}
	m, _ := parseOne(t, string(complete(t))).Decode()
	pay := m.Spec.Workloads[0]
	require.Equal(t, "spec.workloads[payment-service].groups[payment-service].instances[vm1]", pay.Groups[0].Instances[0].At.String())
	require.Equal(t, "spec.workloads[payment-service].security.mtls", pay.Security.MTLS.At.String())
}

func TestDecodeWhatIsUnset(t *testing.T) {
	for _, nothing := range []string{"null", `""`, "{}", "[]"} {
		m := decoded(t, ""+
			"namespace: "+pick(nothing, `""`)+"\n"+
			"controlPlane: "+pick(nothing, "{}")+"\n"+
			"gitops: {pruneProtection: "+pick(nothing, `""`)+"}\n"+
			"workloads:\n"+
			"- name: pay\n"+
			"  probe: "+pick(nothing, "{}")+"\n"+
			"  metrics: "+pick(nothing, "{}")+"\n"+
			"  labels: "+pick(nothing, "{}")+"\n"+
			"  ports: "+pick(nothing, "[]")+"\n"+
			"  groups: [{name: v1, weight: "+pick(nothing, `""`)+", vm: "+pick(nothing, "{}")+"}]\n")
		w := m.Spec.Workloads[0]
		require.Empty(t, m.Spec.Namespace)
		require.Nil(t, m.Spec.ControlPlane)
		require.Nil(t, m.Spec.GitOps.PruneProtection)
		require.Nil(t, w.Probe)
		require.Nil(t, w.Metrics)
		require.Nil(t, w.Labels)
		require.Nil(t, w.Ports)
		require.Nil(t, w.Groups[0].Weight)
		require.Nil(t, w.Groups[0].VM)
	}
	m := decoded(t, "controlPlane: {install: \"\", meshConfig: {}, eastWestGateway: {service: {annotations: null, externalIPs: []}}}")
	require.Nil(t, m.Spec.ControlPlane, "a block of nothing is nothing")
	m = decoded(t, "controlPlane: {eastWestGateway: {exposeIstiod: false}}")
	require.False(t, *m.Spec.ControlPlane.EastWestGateway.ExposeIstiod, "false says something")
}

// pick is an empty value, where the field takes it, and otherwise the other.
func pick(nothing, other string) string {
	if nothing == "null" || nothing == `""` || nothing == other {
		return nothing
	}
	return other
}

func TestDecodeValues(t *testing.T) {
	m := decoded(t, `
namespaces: {labels: {a: "", b: x, c: null}}
workloads:
- name: pay
  metrics: {port: 9091}
  ports: [{name: http, port: 8080.0}, {name: hex, port: 0x1F90}]
  groups:
  - {name: v1, weight: 4294967295}
vm: {interception: {includeInboundPorts: [8080, "9090", "*"], excludeOutboundPorts: [1, 2]}}
observability: {accessLogging: [{}, {providers: [{name: envoy}]}]}`)
	require.Equal(t, map[string]string{"a": "", "b": "x"}, m.Spec.Namespaces.Labels, `"" is a label's value, null takes it away`)
	w := m.Spec.Workloads[0]
	require.Equal(t, "9091", w.Metrics.Port)
	require.Equal(t, 8080, w.Ports[0].Port)
	require.Equal(t, 8080, w.Ports[1].Port)
	require.Equal(t, 4294967295, *w.Groups[0].Weight)
	require.Equal(t, []string{"8080", "9090", "*"}, m.Spec.VM.Interception.IncludeInboundPorts)
	require.Equal(t, []int{1, 2}, m.Spec.VM.Interception.ExcludeOutboundPorts)
	require.Len(t, m.Spec.Observability.AccessLogging, 2, "an empty item of a list is an item")
}

// Istio's blocks are read strictly, at their place, and by the version that the document names.
func TestDecodeReportsFaultsInIstiosBlocks(t *testing.T) {
	d := parseOne(t, specOf(`
istio: {version: 1.24.0}
workloads:
- name: pay
  probe: {httpGet: {prot: 8080}}
  services:
  - name: pay
    traffic: {http: [{name: all, timeout: soon}]}
  security:
    allow: [{name: web, to: [{methods: [GET], hostss: [x]}]}]`))
	require.Empty(t, d.Validate())
	_, findings := d.Decode()
	var got []string
	for _, f := range findings.Sorted() {
		got = append(got, f.Rule+" "+f.At.String())
	}
	require.Equal(t, []string{
		"VM022 spec.workloads[pay].probe.httpGet",
		"VM020 spec.workloads[pay].probe.httpGet.prot",
		"VM021 spec.workloads[pay].services[pay].traffic.http[all].timeout",
		"VM020 spec.workloads[pay].security.allow[web].to[0].hostss",
	}, got)
}

func TestDecodeJudgesByTheVersionOfTheDocument(t *testing.T) {
	const spec = "\ncontrolPlane: {meshConfig: {defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}}}"
	_, findings := parseOne(t, specOf("istio: {version: 1.31.0}"+spec)).Decode()
	require.Empty(t, findings)
	_, findings = parseOne(t, specOf("istio: {version: 1.24.0}"+spec)).Decode()
	require.NotEmpty(t, findings)
	require.Equal(t, "VM023", findings[0].Rule)
}

// A document that was not validated, or has faults, is read as far as it goes.
func TestDecodeOfFaultyDocuments(t *testing.T) {
	m, findings := (*Document)(nil).Decode()
	require.NotNil(t, m)
	require.Empty(t, findings)
	for _, n := range []*syntax.Node{nil, {}, {Kind: syntax.String, Value: "x"}, {Kind: syntax.Seq}, {Kind: syntax.Map}} {
		m, findings := (&Document{Root: n, At: diag.Root(&diag.Source{})}).Decode()
		require.NotNil(t, m)
		require.Empty(t, findings)
		require.NotPanics(t, func() { Default(m) })
	}
	m, _ = parseOne(t, specOf(`
istio: {version: [1], namespace: 5.5, podCIDRs: {a: b}}
networks: [null, x, {gateways: [null, {port: 1.5}, {port: x}]}]
workloads: [{probe: x, metrics: [], labels: [], createServiceAccount: maybe, ports: {}, groups: [{vm: x, weight: .inf, instances: x}]}]
observability: {tracing: [null, x]}
vm: {interception: {includeInboundPorts: [null, {}], excludeOutboundPorts: [x, 5]}}`)).Decode()
	require.Len(t, m.Spec.Networks, 3)
	require.Empty(t, m.Spec.Istio.Version)
	require.Empty(t, m.Spec.Istio.Namespace)
	require.Nil(t, m.Spec.Workloads[0].Groups[0].Weight)
	require.Equal(t, []int{5}, m.Spec.VM.Interception.ExcludeOutboundPorts)
	require.NotPanics(t, func() { Default(m) })
}

func atOf(v reflect.Value, p *blockPlan) diag.Path {
	at, _ := v.Field(p.at).Interface().(diag.Path)
	return at
}
