package fn_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema/crds"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// overlaid builds a spec and lays a kustomization over its tree: one map of folders to kustomization.yaml texts.
func overlaid(t testing.TB, spec string, layers map[string]string) (filesys.FileSystem, map[string]string) {
	t.Helper()
	disk := filesys.MakeFsInMemory()
	write := func(name, text string) {
		require.NoError(t, disk.MkdirAll(name[:strings.LastIndexByte(name, '/')]))
		require.NoError(t, disk.WriteFile(name, []byte(text)))
	}
	files := mustBuild(t, "vmmesh.yaml", []byte(spec)).files
	for name, text := range files {
		write("/build/"+name, text)
	}
	for folder, text := range layers {
		write("/"+folder+"/kustomization.yaml", text)
	}
	return disk, files
}

// layered is what kustomize makes of it, as one text.
func layered(t testing.TB, spec, last string, layers map[string]string) string {
	t.Helper()
	disk, _ := overlaid(t, spec, layers)
	result, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, "/"+last)
	require.NoError(t, err)
	text, err := result.AsYaml()
	require.NoError(t, err)
	return string(text)
}

// crossed is a mesh in which things refer to each other in every way that kustomize knows nothing of.
const crossed = `
apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata: {name: crossed}
spec:
  istio: {version: 1.31.1, trustDomain: corp.example, istiodAddresses: [34.56.78.90]}
  namespace: vms
  workloads:
  - name: pay
    ports: [{name: http, port: 8080}, {name: tls, port: 8443}]
    sidecar:
      egress: [{hosts: ["./*", "vms/store.vms.svc.cluster.local", "vms/*", "istio-system/*"]}]
    groups: [{name: pay, version: v1, instances: [{name: vm1, address: 10.0.0.1}]}]
    services:
    - name: pay
      exportTo: [vms, elsewhere]
      traffic:
        trafficPolicy: {tls: {mode: ISTIO_MUTUAL, subjectAltNames: ["spiffe://corp.example/ns/vms/sa/pay"]}}
        http:
        - match: [{uri: {prefix: /old}}]
          redirect: {authority: api.example.com}
        - route: [{destination: {host: pay.other.svc.cluster.local}, weight: 1}, {destination: {}, weight: 99}]
          mirror: {host: store.vms.svc.cluster.local}
        tls:
        - match: [{sniHosts: [pay.vms.svc.cluster.local], port: 8443}]
          route: [{destination: {}}]
  - name: store
    ports: [{name: http, port: 9000}]
    groups: [{name: store, instances: [{name: vm2, address: 10.0.0.2}]}]
    security:
      allow:
      - name: callers
        from:
        - serviceAccounts: [frontend/web, vms/pay, other/pay]
        - principals: [corp.example/ns/vms/sa/pay, partner.example/ns/vms/sa/pay]
          namespaces: [vms, vms-too]
        when: [{key: source.principal, values: [corp.example/ns/vms/sa/store]}]
`

// TestOverlayMovesHostsAndIdentities changes every name and the namespace: all that was put together from them follows,
// what only looks like it stays, and nothing else differs.
func TestOverlayMovesHostsAndIdentities(t *testing.T) {
	want := strings.NewReplacer(
		"\n  name: vms\n", "\n  name: test\n", // the Namespace, which kustomize never prefixes
		"\n  name: ", "\n  name: staging-",
		"\n  namespace: vms", "\n  namespace: test",
		"serviceAccount: ", "serviceAccount: staging-",
		" vms/store.vms.svc.", " test/staging-store.test.svc.",
		" pay.vms.svc.", " staging-pay.test.svc.",
		" store.vms.svc.", " staging-store.test.svc.",
		" vms/pay\n", " test/staging-pay\n",
		" vms/*\n", " test/*\n",
		" spiffe://corp.example/ns/vms/sa/pay\n", " spiffe://corp.example/ns/test/sa/staging-pay\n",
		" corp.example/ns/vms/sa/store\n", " corp.example/ns/test/sa/staging-store\n",
		" corp.example/ns/vms/sa/pay\n", " corp.example/ns/test/sa/staging-pay\n",
		"- vms\n", "- test\n",
		": vms,elsewhere\n", ": test,elsewhere\n",
	).Replace(layered(t, crossed, "build", nil))
	require.Contains(t, want, "host: pay.other.svc.cluster.local")
	require.Contains(t, want, "- partner.example/ns/vms/sa/pay")

	require.Equal(t, want, layered(t, crossed, "staging", map[string]string{
		"staging": "resources: [../build]\nnamePrefix: staging-\nnamespace: test\ntransformers: [../build/overlay]\n",
	}), "in one overlay")
	require.Equal(t, want, layered(t, crossed, "outer", map[string]string{
		"inner": "resources: [../build]\nnamePrefix: g-\n",
		"outer": "resources: [../inner]\nnamePrefix: stagin\nnamespace: test\ntransformers: [../build/overlay]\n",
	}), "the last of several overlays lists the folder, for all of them")
	require.Equal(t, layered(t, crossed, "build", nil), layered(t, crossed, "same", map[string]string{
		"same": "resources: [../build]\ntransformers: [../build/overlay]\n",
	}), "without another name nothing changes")
}

// TestOverlayHolds lays other names and another namespace over the examples: what verify finds without the folder, it
// does not find with it.
func TestOverlayHolds(t *testing.T) {
	const renamed = "resources: [../build]\nnamePrefix: staging-\nnamespace: test\nlabels:\n- {pairs: {env: test}, includeSelectors: true}\n"
	for _, example := range []string{"payments", "minimal", "database", "autoscaling", "two-networks"} {
		src, err := os.ReadFile("../examples/" + example + "/vmmesh.yaml")
		require.NoError(t, err)
		got := layered(t, string(src), "staging", map[string]string{"staging": renamed + "transformers: [../build/overlay]\n"})
		require.Empty(t, verified(t, got), "%s", got)
		require.NoError(t, crds.ValidateStream([]byte(got)))
		if example == "payments" {
			torn := layered(t, string(src), "staging", map[string]string{"staging": renamed})
			require.Contains(t, verified(t, torn), `no service has the host "payment-service.vm-workloads.svc.cluster.local"`)
		}
	}
}

// TestOverlayPatches lays patches and another name over a tree at once. JSON patches add to lists without a loss; what
// they add is not taken for something of ours.
func TestOverlayPatches(t *testing.T) {
	patches := func(ops string) map[string]string {
		return map[string]string{"staging": "resources: [../build]\nnameSuffix: -blue\ntransformers: [../build/overlay]\n" +
			"patches:\n- target: {kind: VirtualService, name: pay}\n  patch: |-\n" + ops}
	}
	got := layered(t, crossed, "staging", patches(`
    - op: add
      path: /spec/http/0
      value: {match: [{uri: {prefix: /new}}], route: [{destination: {host: pay.vms.svc.cluster.local.example.com}}]}
    - op: add
      path: /spec/http/-
      value: {route: [{destination: {subset: x, host: pay.vms.svc.cluster.local}}]}
`))
	require.Contains(t, got, "    route:\n    - destination:\n        host: pay.vms.svc.cluster.local.example.com\n")
	require.Contains(t, got, "    - destination:\n        host: pay-blue.vms.svc.cluster.local\n        subset: x\n")
	require.Contains(t, got, "      host: store-blue.vms.svc.cluster.local\n")
	require.NotContains(t, got, "host: pay.vms.svc.cluster.local\n")

	disk, _ := overlaid(t, crossed, patches(`
    - op: remove
      path: /spec/http/1/mirror
`))
	_, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, "/staging")
	require.ErrorContains(t, err, "unable to find field \"spec.http.[mirror=", "a place that is gone is said, not passed over")
}

// verified is what verify says of manifests, at warning level or above.
func verified(t testing.TB, text string) string {
	t.Helper()
	found := fn.Verify([]fn.Manifests{{Name: "manifests", Text: []byte(text)}})
	return report(t, slices.DeleteFunc(found, func(d diag.Diagnostic) bool { return d.Severity < diag.Warning }))
}

// TestOverlayRenamesTheGateway: the routes to istiod stay with the Gateway that is renamed, its autoscaler with the
// Deployment, its rights with its identity; what selects its pods does so by labels, which no prefix reaches.
func TestOverlayRenamesTheGateway(t *testing.T) {
	src, err := os.ReadFile("../testdata/ok/network-separate/vmmesh.yaml")
	require.NoError(t, err)
	got := layered(t, string(src), "eu", map[string]string{"eu": "resources: [../build]\nnamePrefix: eu-\ntransformers: [../build/overlay]\n"})
	require.Empty(t, verified(t, got), "%s", got)
	require.NoError(t, crds.ValidateStream([]byte(got)))
	for _, want := range []string{
		"    app.kubernetes.io/managed-by: vmmesh\n    vmmesh.dev/spec: separate\n  name: eu-istiod-gateway\n",
		"  gateways:\n  - eu-istiod-gateway\n",
		"    kind: Deployment\n    name: eu-istio-eastwestgateway\n",
		"      serviceAccountName: eu-istio-eastwestgateway\n",
		"- kind: ServiceAccount\n  name: eu-istio-eastwestgateway\n",
		"  name: istio-system\n",
	} {
		require.Contains(t, got, want)
	}
}
