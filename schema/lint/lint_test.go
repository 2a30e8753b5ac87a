package lint

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// found resolves a spec, given as the inside of `spec`, and lints it.
func found(t *testing.T, body string) diag.List {
	t.Helper()
	docs, faults := schema.Parse("vmmesh.yaml", []byte("apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: a}\nspec:\n"+
		"  istio: {version: 1.31.1, network: kube, istiodAddresses: [34.56.78.90]}\n  networks: [{name: dc1}, {name: dc2}]\n"+body))
	require.Empty(t, faults)
	require.Empty(t, docs[0].Validate())
	spec, faults := docs[0].Decode()
	require.Empty(t, faults)
	schema.Default(spec)
	m, faults := mesh.Resolve([]*schema.VMMesh{spec})
	return Suppress(append(faults, Mesh(m)...), m).Sorted()
}

// workload is a spec of one workload with these groups.
func workload(groups string) string {
	return "  workloads:\n  - name: pay\n    ports: [{name: http, port: 8080}]\n    groups:\n" + groups
}

// Near misses: each is one step away from a finding, and right.
func TestSilence(t *testing.T) {
	for name, body := range map[string]string{
		"one address in two networks": workload(`
    - {name: a, network: dc1, instances: [{name: vm1, address: 10.0.0.1}]}
    - {name: b, network: dc2, instances: [{name: vm1, address: 10.0.0.1}]}
`),
		"one address behind two NATs": workload(`
    - {name: a, instances: [{name: vm1, address: 10.0.0.1, externalAddress: 203.0.113.1}, {name: vm2, address: 10.0.0.1, externalAddress: 203.0.113.2}]}
`),
		"providers of a mesh that someone else installs": workload(`
    - {name: a, instances: [{name: vm1, address: 10.0.0.1}]}
`) + "  controlPlane: {install: None, meshConfig: {extensionProviders: []}}\n  observability: {tracing: [{providers: [{name: zipkin}]}], accessLogging: [{providers: [{name: mine}]}]}\n",
		"a mesh without a configuration in the spec": workload(`
    - {name: a, instances: [{name: vm1, address: 10.0.0.1}]}
`) + "  controlPlane: {install: Helm}\n  observability: {tracing: [{providers: [{name: zipkin}]}]}\n",
		"providers that are there, however they are written": workload(`
    - {name: a, instances: [{name: vm1, address: 10.0.0.1}]}
`) + "  controlPlane: {install: Helm, meshConfig: {extensionProviders: [{name: Jaeger, opentelemetry: {service: otel.svc, port: 4317}}]}}\n" +
			"  observability: {tracing: [{providers: [{name: jaeger}]}, {providers: [{name: stackdriver}], match: {mode: CLIENT}}], accessLogging: [{providers: [{name: Envoy}, {name: stackdriver}]}]}\n",
		"Istio's own provider, made one of traces": workload(`
    - {name: a, instances: [{name: vm1, address: 10.0.0.1}]}
`) + "  controlPlane: {install: Helm, meshConfig: {extensionProviders: [{name: prometheus, zipkin: {service: zipkin.svc, port: 9411}}]}}\n" +
			"  observability: {tracing: [{providers: [{name: prometheus}]}]}\n",
		"no weights": workload(`
    - {name: a, instances: [{name: vm1, address: 10.0.0.1}]}
    - {name: b, registration: Auto, vm: {identity: {type: SPIRE}}}
`),
		"all weights": workload(`
    - {name: a, instances: [{name: vm1, address: 10.0.0.1, weight: 1}, {name: vm2, address: 10.0.0.2, weight: 3}]}
    - {name: b, registration: Auto, weight: 2, vm: {identity: {type: SPIRE}}}
`),
		"a group without a weight that does not have VMs": workload(`
    - {name: a, weight: 2, instances: [{name: vm1, address: 10.0.0.1}]}
    - {name: b}
`),
		"weights behind one of two services": workload(`
    - {name: a, weight: 2, labels: {role: primary}, instances: [{name: vm1, address: 10.0.0.1}]}
    - {name: b, labels: {role: replica}, instances: [{name: vm2, address: 10.0.0.2}]}
    services: [{name: a, selector: {role: primary}}, {name: b, selector: {role: replica}, pods: true}]
`),
		"an instance that its own label takes out of the service": workload(`
    - name: a
      labels: {role: primary}
      instances: [{name: vm1, address: 10.0.0.1, weight: 2}, {name: vm2, address: 10.0.0.2, labels: {role: spare}}]
    services: [{name: a, selector: {role: primary}}]
`),
		"a reserved number for clients": `
  workloads:
  - name: pay
    ports: [{name: http, port: 22, targetPort: 8080}, {name: http-2, port: 15021, targetPort: 15022}]
    metrics: {port: 15019}
    groups: [{name: a}]
`,
	} {
		t.Run(name, func(t *testing.T) { require.Empty(t, found(t, body)) })
	}
}

// Where findings are that the folder of bad specs does not show.
func TestPlaces(t *testing.T) {
	for path, body := range map[string]string{
		"spec.workloads[pay].metrics.port": "  workloads: [{name: pay, metrics: {port: 15020}, groups: [{name: a}]}]\n",
		"spec.workloads[pay].groups[a].instances[vm1].ports": workload(`
    - {name: a, instances: [{name: vm1, address: 10.0.0.1, ports: [{name: http, targetPort: 15090}]}]}
`),
		"spec.workloads[pay].groups[b].weight": workload(`
    - {name: a, instances: [{name: vm1, address: 10.0.0.1}]}
    - {name: b, weight: 2, registration: Auto, vm: {identity: {type: SPIRE}}}
`),
	} {
		list := found(t, body)
		require.Len(t, list, 1, path)
		require.Equal(t, path, list[0].At.String())
	}
}

const twins = `
  workloads:
  - name: pay
    groups: [{name: a, instances: [{name: vm1, address: 10.0.0.1}, {name: vm2, address: 10.0.0.1}]}]
`

func TestSuppress(t *testing.T) {
	ignore := func(rule, path string) diag.List {
		return found(t, twins+"  lint: {ignore: [{rule: "+rule+", path: \""+path+"\", reason: tested}]}\n")
	}
	const at = "spec.workloads[pay].groups[a].instances[vm2]"
	require.Empty(t, ignore("VM113", at+".address"))
	require.Empty(t, ignore("VM113", at))
	require.Empty(t, ignore("VM113", "spec"))
	for _, c := range [][2]string{
		{"VM209", at}, // another rule
		{"VM113", "spec.workloads[pay].groups[a].instances[vm1]"}, // the other VM
		{"VM113", at[:len(at)-1]},                                 // no whole step
		{"VM113", at + ".address.x"},
	} {
		list := ignore(c[0], c[1])
		require.Len(t, list, 2, c)
		require.Equal(t, "VM113", list[0].Rule)
		require.Equal(t, "VM098", list[1].Rule)
		require.Equal(t, "spec.lint.ignore[0]", list[1].At.String())
	}
}

// An error of resolving leaves no mesh, so it cannot be ignored, and the entry says so.
func TestSuppressLeavesErrorsOfResolving(t *testing.T) {
	list := found(t, "  workloads: [{name: pay, groups: [{name: a, network: gone}]}]\n  lint: {ignore: [{rule: VM033, path: spec, reason: tested}]}\n")
	require.Len(t, list, 2)
	require.Equal(t, []string{"VM033", "VM098"}, []string{list[0].Rule, list[1].Rule})
	require.Contains(t, list[1].Message, "cannot be ignored")
}

func TestTableIsSorted(t *testing.T) {
	for n := 1; n < len(Table); n++ {
		require.Less(t, Table[n-1].ID, Table[n].ID)
	}
}
