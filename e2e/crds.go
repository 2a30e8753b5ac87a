package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var crdResource = schema.GroupVersionResource{
	Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
}

// installCRDs installs the types of Istio, of the Gateway API and of the Prometheus operator, and waits for them.
func (c *Cluster) installCRDs(t testing.TB) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(program("crds"), "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	crds := c.Dynamic.Resource(crdResource)
	var names []string
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, crd := range Objects(t, text) {
			_, err := crds.Create(context.Background(), crd, metav1.CreateOptions{})
			require.NoError(t, err, "%s in %s", crd.GetName(), path)
			names = append(names, crd.GetName())
		}
	}
	for _, name := range names {
		eventually(t, "the type "+name, func() error {
			crd, err := crds.Get(context.Background(), name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
			for _, condition := range conditions {
				if c, ok := condition.(map[string]any); ok && c["type"] == "Established" && c["status"] == "True" {
					return nil
				}
			}
			return fmt.Errorf("not established: %v", conditions)
		})
	}
}
