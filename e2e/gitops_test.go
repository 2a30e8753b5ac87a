package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A team's changes to the production overlay, one commit after the other. Each is a patch of the spec beside the
// example's own.
const (
	withAuto = `
apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata: {name: ledger}
spec:
  workloads:
  - name: ledger
    groups:
    - {name: ledger-auto, version: v1, registration: Auto, locality: eu-west1/b}
`
	withoutV2 = `
apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata: {name: ledger}
spec:
  workloads:
  - name: ledger
    groups:
    - {name: ledger-v2, $patch: delete}
    - name: ledger
      instances: [{name: vm2, $patch: delete}]
    services:
    - name: ledger
      traffic: {http: [{route: [{destination: {subset: v1}}], timeout: 7s}]}
    security: {allow: null}
`
	unprotected = `
apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata: {name: ledger}
spec: {gitops: {pruneProtection: false}}
`
)

// testGitOps takes the overlays through a team's year: applied, changed, built again, pruned. What is not built any more
// is gone, and a VM that has registered itself meanwhile does not notice.
func testGitOps(t *testing.T, c *Cluster) {
	for _, environment := range []string{"staging", "production"} {
		t.Run(environment, func(t *testing.T) {
			objects := Kustomize(t, filepath.Join("..", "examples", "overlays", environment))
			require.NotEmpty(t, objects)
			c.Apply(t, objects)
		})
	}

	t.Run("changes", func(t *testing.T) {
		overlays := Copy(t, filepath.Join("..", "examples", "overlays"))
		production := filepath.Join(overlays, "production")
		commit := func(name, text string) {
			require.NoError(t, os.WriteFile(filepath.Join(production, "spec", name), []byte(text), 0o644))
			path := filepath.Join(production, "spec", "kustomization.yaml")
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			after := strings.TrimRight(string(before), "\n") + "\n- path: " + name + "\n"
			require.NoError(t, os.WriteFile(path, []byte(after), 0o644))
		}

		i := c.StartIstiod(t, Settings{}, "198.51.100.7")
		commit("auto.yaml", withAuto)
		first := Kustomize(t, production)
		c.Need(t, first)
		synced := c.Sync(t, nil, first)
		t.Cleanup(func() { c.Delete(t, slices.Collect(maps.Values(c.Live(t, "ledger")))) })
		t.Cleanup(func() { c.Delete(t, first) })

		// A VM of the group without addresses comes and registers itself.
		spec := filepath.Join(t.TempDir(), "vmmesh.yaml")
		require.NoError(t, os.WriteFile(spec, []byte(run(t, program("kustomize"), "build", filepath.Join(production, "spec"))), 0o644))
		built := Build(t, Case{Name: "production", Path: spec})
		g := built.Group(t, "ledger-auto")
		v := StartMachine(t, "ledger-a", "10.2.0.99", "1.31.1")
		v.StartApp(t, "8080")
		v.Join(t, c, i, built, g)
		envoy := v.Envoy(t)
		const name = "ledger-auto-10.2.0.99"
		registered := c.entry(t, "ledger", name, healthy("True"))
		pod := NewClient(t, i, Pod{Namespace: "bank"})
		const cluster = "outbound|8080|v1|ledger.ledger.svc.cluster.local"
		here := Endpoint{Address: "10.2.0.99:8080", Weight: 1, Locality: "eu-west1/b", MTLS: true, Healthy: true}
		pod.Until(t, "the VM", lists(cluster, here))

		// what is live is what is built, and what is left out of it for a reason
		check := func(synced Inventory, left func(*unstructured.Unstructured) bool) {
			t.Helper()
			live := c.Live(t, "ledger")
			for ref, o := range live {
				if synced[ref] == nil && o.GetName() != name {
					require.True(t, left(o), "%s is an orphan", ref)
				}
			}
			for ref, o := range synced {
				if o.GetNamespace() != "" {
					require.Contains(t, live, ref)
				}
			}
			now := c.entry(t, "ledger", name, healthy("True"))
			require.Equal(t, registered.GetUID(), now.GetUID(), "the VM had to register again")
			require.NoError(t, envoy.Err(), "the VM lost its connection")
			pod.Until(t, "the VM, still", lists(cluster, here))
		}
		nothing := func(*unstructured.Unstructured) bool { return false }
		check(synced, nothing)
		expectSameLive(t, c, built)

		commit("without-v2.yaml", withoutV2)
		second := Kustomize(t, production)
		require.Less(t, len(second), len(first))
		synced = c.Sync(t, synced, second)
		groups := 0
		check(synced, func(o *unstructured.Unstructured) bool {
			if o.GetKind() == "WorkloadGroup" && o.GetName() == "ledger-v2" && protected(o) {
				groups++ // its VMs, if some are left, stay members until somebody takes it away
				return true
			}
			return false
		})
		require.Equal(t, 1, groups, "the group that protects its VMs' registrations")

		// Whoever wants everything pruned says so, and then the removal of the group is seen.
		commit("unprotected.yaml", unprotected)
		third := Kustomize(t, production)
		for _, o := range third {
			require.False(t, protected(o), Ref(o))
		}
		synced = c.Sync(t, synced, third)
		c.Delete(t, []*unstructured.Unstructured{find(t, first, "WorkloadGroup", "ledger-v2")})
		check(synced, nothing)
	})
}

// find is the object of a kind and a name.
func find(t *testing.T, objects []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	t.Helper()
	for _, o := range objects {
		if o.GetKind() == kind && o.GetName() == name {
			return o
		}
	}
	require.Fail(t, "no "+kind+" "+name)
	return nil
}
