package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kustomize builds a folder with the real kustomize and vmmesh as its exec function.
func Kustomize(t testing.TB, dir string) []*unstructured.Unstructured {
	t.Helper()
	command := exec.Command(program("kustomize"), "build", "--enable-alpha-plugins", "--enable-exec", dir)
	command.Env = []string{"PATH=" + program("."), "HOME=" + workDir()}
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	require.NoError(t, err, stderr.String())
	require.Empty(t, stderr.String())
	return Objects(t, out)
}

// Inventory is what a GitOps controller remembers of its last sync.
type Inventory map[string]*unstructured.Unstructured

// Sync does what Argo CD and Flux do: it applies what is built, and deletes what it applied before and is built no more,
// except where the object itself forbids that.
func (c *Cluster) Sync(t testing.TB, last Inventory, objects []*unstructured.Unstructured) Inventory {
	t.Helper()
	now := Inventory{}
	for _, o := range inOrder(objects) {
		_, said, err := c.TryApply(o)
		require.NoError(t, err, Ref(o))
		require.Empty(t, said, Ref(o))
		now[Ref(o)] = o
	}
	for ref, o := range last {
		if now[ref] == nil && !protected(o) {
			c.Delete(t, []*unstructured.Unstructured{o})
		}
	}
	return now
}

// protected tells whether an object is not to be pruned: it says so to both controllers.
func protected(o *unstructured.Unstructured) bool {
	argo := strings.Contains(o.GetAnnotations()["argocd.argoproj.io/sync-options"], "Prune=false")
	flux := o.GetAnnotations()["kustomize.toolkit.fluxcd.io/prune"] == "disabled"
	return argo && flux
}

// kinds are those that vmmesh writes into a namespace of workloads.
var kinds = []schema.GroupVersionResource{
	{Version: "v1", Resource: "serviceaccounts"},
	{Version: "v1", Resource: "services"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
	{Group: "networking.istio.io", Version: "v1", Resource: "workloadgroups"},
	{Group: "networking.istio.io", Version: "v1", Resource: "workloadentries"},
	{Group: "networking.istio.io", Version: "v1", Resource: "serviceentries"},
	{Group: "networking.istio.io", Version: "v1", Resource: "destinationrules"},
	{Group: "networking.istio.io", Version: "v1", Resource: "virtualservices"},
	{Group: "networking.istio.io", Version: "v1", Resource: "sidecars"},
	{Group: "security.istio.io", Version: "v1", Resource: "peerauthentications"},
	{Group: "security.istio.io", Version: "v1", Resource: "requestauthentications"},
	{Group: "security.istio.io", Version: "v1", Resource: "authorizationpolicies"},
	{Group: "telemetry.istio.io", Version: "v1", Resource: "telemetries"},
}

// Live lists what is in a namespace.
func (c *Cluster) Live(t testing.TB, namespace string) Inventory {
	t.Helper()
	live := Inventory{}
	for _, kind := range kinds {
		list, err := c.Dynamic.Resource(kind).Namespace(namespace).List(context.Background(), metav1.ListOptions{})
		require.NoError(t, err)
		for _, o := range list.Items {
			live[Ref(&o)] = &o
		}
	}
	return live
}

// Copy copies a folder to where it can be changed.
func Copy(t testing.TB, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(from))
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	return to
}
