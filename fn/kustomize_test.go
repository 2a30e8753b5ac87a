package fn_test

import (
	"os"
	"path"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// kustomize runs the real kustomize over files in memory and answers its objects by kind, namespace and name.
func kustomize(t testing.TB, files map[string]string, dir string) map[string]map[string]any {
	t.Helper()
	disk := filesys.MakeFsInMemory()
	for name, text := range files {
		require.NoError(t, disk.MkdirAll(path.Dir("/"+name)))
		require.NoError(t, disk.WriteFile("/"+name, []byte(text)))
	}
	result, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, dir)
	require.NoError(t, err)
	found := map[string]map[string]any{}
	for _, r := range result.Resources() {
		text, err := r.AsYAML()
		require.NoError(t, err)
		var object map[string]any
		require.NoError(t, yaml.Unmarshal(text, &object))
		found[r.GetKind()+" "+r.GetNamespace()+"/"+r.GetName()] = object
	}
	return found
}

// TestKustomizeTakesTheTree builds every good case's tree with kustomize: the same objects, as values.
func TestKustomizeTakesTheTree(t *testing.T) {
	for name, spec := range cases(t) {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(spec)
			require.NoError(t, err)
			out := mustBuild(t, spec, src)
			got := kustomize(t, out.files, "/")
			want := map[string]map[string]any{}
			for id, text := range objects(t, out) {
				var object map[string]any
				require.NoError(t, yaml.Unmarshal([]byte(text), &object))
				want[id] = object
			}
			require.Equal(t, want, got)
		})
	}
}

// TestOverlayKeepsTheMesh lays a prefix and a selecting label over a tree. Without kustomizeconfig.yaml the accounts of
// the VMs would keep their old names, and the Service would select nobody.
func TestOverlayKeepsTheMesh(t *testing.T) {
	src, err := os.ReadFile("../examples/payments/vmmesh.yaml")
	require.NoError(t, err)
	files := map[string]string{"overlay/kustomization.yaml": "" +
		"resources: [../base]\nnamePrefix: staging-\nlabels:\n- {pairs: {env: staging}, includeSelectors: true}\n"}
	for name, text := range mustBuild(t, "vmmesh.yaml", src).files {
		files["base/"+name] = text
	}
	got := kustomize(t, files, "/overlay")

	at := func(object map[string]any, keys ...string) any {
		var v any = object
		for _, key := range keys {
			m, ok := v.(map[string]any)
			require.True(t, ok, "%v has no %v", object, keys)
			v = m[key]
		}
		return v
	}
	group, entry := got["WorkloadGroup vm-workloads/staging-payment-service"], got["WorkloadEntry vm-workloads/staging-payment-service-vm1"]
	require.Contains(t, got, "ServiceAccount vm-workloads/staging-payment-service-sa")
	require.Equal(t, "staging-payment-service-sa", at(group, "spec", "template", "serviceAccount"))
	require.Equal(t, "staging-payment-service-sa", at(entry, "spec", "serviceAccount"))
	require.Equal(t, "staging", at(group, "spec", "metadata", "labels", "env"))
	require.Equal(t, "staging", at(entry, "spec", "labels", "env"))
	require.Equal(t, "staging", at(got["Service vm-workloads/staging-payment-service"], "spec", "selector", "env"))
	// Policies select by what a VM says of itself, which no overlay reaches: a label more, and they would select nobody.
	for _, id := range []string{"PeerAuthentication vm-workloads/staging-payment-service", "AuthorizationPolicy vm-workloads/staging-payment-service-allow"} {
		require.Equal(t, map[string]any{"app": "payment-service", "class": "vm"}, at(got[id], "spec", "selector", "matchLabels"), id)
	}
}

// TestOverlayKeepsTheBootstrapRole lays a prefix and a namespace over a tree whose VMs ask for tokens: the Role is for the
// account's new name, and bound to its own. The ConfigMap of root certificates, which istiod writes, keeps its name.
func TestOverlayKeepsTheBootstrapRole(t *testing.T) {
	src, err := os.ReadFile("../testdata/ok/vm-identities/vmmesh.yaml")
	require.NoError(t, err)
	files := map[string]string{"overlay/kustomization.yaml": "resources: [../base]\nnamePrefix: staging-\n"}
	for name, text := range mustBuild(t, "vmmesh.yaml", src).files {
		files["base/"+name] = text
	}
	got := kustomize(t, files, "/overlay")
	const name = "staging-pay-sa-bootstrap"
	require.Equal(t, []any{
		map[string]any{"apiGroups": []any{""}, "resources": []any{"serviceaccounts/token"}, "resourceNames": []any{"staging-pay-sa"}, "verbs": []any{"create"}},
		map[string]any{"apiGroups": []any{""}, "resources": []any{"configmaps"}, "resourceNames": []any{"istio-ca-root-cert"}, "verbs": []any{"get"}},
	}, got["Role vm-workloads/"+name]["rules"])
	binding := got["RoleBinding vm-workloads/"+name]
	require.Equal(t, map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}, binding["roleRef"])
	require.Equal(t, []any{map[string]any{"kind": "ServiceAccount", "name": name, "namespace": "vm-workloads"}}, binding["subjects"])
	require.Contains(t, got, "ServiceAccount vm-workloads/"+name)
}
