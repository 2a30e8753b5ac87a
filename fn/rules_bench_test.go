package fn_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/lint"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// fleet is a spec of that many VMs: twenty of a workload, each with routes, policies and settings of its own, in as many
// namespaces as it is told.
func fleet(vms, namespaces int) []byte {
	var b strings.Builder
	b.WriteString("apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: fleet}\nspec:\n  istio: {version: 1.31.1, network: kube, istiodAddresses: [34.56.78.90]}\n" +
		"  networks: [{name: dc1, gateways: [{address: 203.0.113.7}]}]\n  observability: {accessLogging: [{providers: [{name: envoy}]}]}\n  workloads:\n")
	for first := 0; first < vms; first += 20 {
		n := first / 20
		fmt.Fprintf(&b, "  - name: app-%d\n    namespace: ns-%d\n    ports: [{name: http, port: 80, targetPort: 8080}, {name: grpc, port: 9090}, {name: tcp-feed, port: 7000}]\n"+
			"    probe: {httpGet: {path: /health, port: 8080}}\n    sidecar: {egress: [{hosts: [\"./*\", \"istio-system/*\"]}]}\n    groups:\n", n, n%namespaces)
		for version := range 2 {
			fmt.Fprintf(&b, "    - name: app-%d-v%d\n      version: v%[2]d\n      network: dc1\n      locality: us-west%[2]d/a\n      instances:\n", n, version+1)
			for i := range 10 {
				k := first + 10*version + i
				fmt.Fprintf(&b, "      - {name: vm%d, address: 10.%d.%d.%d}\n", i, k/62500, k/250%250, k%250+1)
			}
		}
		fmt.Fprintf(&b, "    services:\n    - name: app-%d\n      traffic:\n        trafficPolicy: {outlierDetection: {interval: 30s}, loadBalancer: {localityLbSetting: {failover: [{from: us-west1, to: us-west2}]}}}\n"+
			"        http: [{route: [{destination: {subset: v1}, weight: 90}, {destination: {subset: v2}, weight: 10}]}]\n"+
			"    security:\n      mtls: {mode: STRICT}\n      allow:\n      - {name: web, from: [{serviceAccounts: [ns-0/app-0, ns-1/app-1]}], to: [{methods: [GET], paths: [/api/*], ports: [http]}]}\n"+
			"      - {name: feed, to: [{ports: [tcp-feed]}]}\n      - {name: calls, to: [{ports: [grpc]}]}\n      deny: [{name: admin, to: [{paths: [/admin*], ports: [http]}]}]\n", n)
	}
	return []byte(b.String())
}

// meshOf resolves a fleet.
func meshOf(t testing.TB, vms, namespaces int) *mesh.Mesh {
	t.Helper()
	docs, faults := schema.Parse("fleet.yaml", fleet(vms, namespaces))
	require.Empty(t, faults)
	spec, faults := docs[0].Decode()
	require.Empty(t, faults)
	schema.Default(spec)
	m, faults := mesh.Resolve([]*schema.VMMesh{spec})
	require.Empty(t, faults)
	return m
}

// setOf reads what a fleet becomes.
func setOf(t testing.TB, vms, namespaces int) *manifest.Set {
	t.Helper()
	var set manifest.Set
	require.Empty(t, set.Read("fleet.yaml", mustBuild(t, "fleet.yaml", fleet(vms, namespaces)).stream.Bytes()))
	return &set
}

// TestRulesGrowWithTheFleet counts what the rules allocate: of twice the VMs, twice as much and not four times, in one
// namespace and in many. It is silent work too: a fleet without faults draws nothing.
func TestRulesGrowWithTheFleet(t *testing.T) {
	for _, namespaces := range []int{1, 1 << 20} {
		small, large := meshOf(t, 400, namespaces), meshOf(t, 800, namespaces)
		require.Empty(t, lint.Mesh(large))
		one := testing.AllocsPerRun(1, func() { lint.Mesh(small) })
		two := testing.AllocsPerRun(1, func() { lint.Mesh(large) })
		require.Less(t, two, 2.4*one+100, "specs, %d namespaces: %.0f and %.0f", namespaces, one, two)

		smallSet, largeSet := setOf(t, 400, namespaces), setOf(t, 800, namespaces)
		require.Empty(t, lint.Set(largeSet))
		one = testing.AllocsPerRun(1, func() { lint.Set(smallSet) })
		two = testing.AllocsPerRun(1, func() { lint.Set(largeSet) })
		require.Less(t, two, 2.4*one+100, "manifests, %d namespaces: %.0f and %.0f", namespaces, one, two)
	}
}

// BenchmarkRules is what the rules cost beside the whole build of the same fleet, of which they are a part. Compare the time per VM
// of two sizes for how it grows.
func BenchmarkRules(b *testing.B) {
	perVM := func(b *testing.B, vms int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(vms), "ns/VM")
	}
	for _, vms := range []int{1000, 10_000} {
		src := fleet(vms, 10)
		b.Run(fmt.Sprintf("build/%d", vms), func(b *testing.B) {
			for b.Loop() {
				docs, _ := schema.Parse("fleet.yaml", src)
				_, err := fn.Print(docs, func(string, []byte) error { return nil })
				require.NoError(b, err)
			}
			perVM(b, vms)
		})
		m := meshOf(b, vms, 10)
		b.Run(fmt.Sprintf("specs/%d", vms), func(b *testing.B) {
			for b.Loop() {
				lint.SuppressByComment(lint.Suppress(lint.Mesh(m), m), []*diag.Source{m.Specs[0].At.Source()})
			}
			perVM(b, vms)
		})
		set := setOf(b, vms, 10)
		b.Run(fmt.Sprintf("manifests/%d", vms), func(b *testing.B) {
			for b.Loop() {
				lint.Set(set)
			}
			perVM(b, vms)
		})
	}
}
