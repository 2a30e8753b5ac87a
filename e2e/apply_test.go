package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// testApply applies what vmmesh makes of every case: the API server and Istio's webhook accept it without a warning, and
// to apply it again changes nothing. `vmmesh diff` sees no difference, either.
func testApply(t *testing.T, c *Cluster) {
	for _, kase := range Cases(t) {
		t.Run(kase.Name, func(t *testing.T) {
			b := Build(t, kase)
			require.NotEmpty(t, b.Objects)
			first := c.Apply(t, b.Objects)
			expectSameAsLive(t, b, first)
			for _, o := range inOrder(b.Objects) {
				c.applyAgain(t, o, first[Ref(o)])
			}
		})
	}
}

// applyAgain applies what is there: the object stays as it is, and so does its version. What istiod writes into the
// status in the meantime is not the apply's: the version is compared with the one just before.
func (c *Cluster) applyAgain(t *testing.T, o, first *unstructured.Unstructured) {
	t.Helper()
	resource, err := c.resource(o)
	require.NoError(t, err)
	eventually(t, Ref(o)+" to be left alone", func() error {
		before, err := resource.Get(context.Background(), o.GetName(), metav1.GetOptions{})
		require.NoError(t, err)
		stored, said, err := c.TryApply(o)
		require.NoError(t, err, Ref(o))
		require.Empty(t, said, Ref(o))
		require.Equal(t, asSaid(first), asSaid(stored), Ref(o))
		if stored.GetResourceVersion() != before.GetResourceVersion() {
			return fmt.Errorf("its version was %s and is %s", before.GetResourceVersion(), stored.GetResourceVersion())
		}
		return nil
	})
}

// asSaid is what people say of an object, without what servers keep about it.
func asSaid(o *unstructured.Unstructured) map[string]any {
	copied := o.DeepCopy()
	copied.SetManagedFields(nil)
	copied.SetResourceVersion("")
	delete(copied.Object, "status")
	return copied.Object
}

// testJudges sees that those who must find nothing wrong with what vmmesh writes do find what is wrong.
func testJudges(t *testing.T, c *Cluster) {
	t.Run("unknown field", func(t *testing.T) {
		c.ExpectRejected(t, `
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: {name: judged, namespace: default}
spec: {template: {serviceAcount: typo}}
`, "serviceAcount: field not declared in schema")
	})
	t.Run("monitoring types", func(t *testing.T) {
		c.ExpectRejected(t, `
apiVersion: monitoring.coreos.com/v1alpha1
kind: ScrapeConfig
metadata: {name: judged, namespace: default}
spec: {metricPath: /typo}
`, "metricPath: field not declared in schema")
	})
	t.Run("webhook", func(t *testing.T) {
		c.ExpectRejected(t, `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: judged, namespace: default}
spec: {portLevelMtls: {"8080": {mode: DISABLE}}}
`, "portLevelMtls")
	})
	t.Run("warning", func(t *testing.T) {
		object := Objects(t, []byte(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: judged, namespace: default}
spec:
  hosts: [judged.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  workloadSelector: {labels: {}}
`))[0]
		t.Cleanup(func() { c.Delete(t, []*unstructured.Unstructured{object}) })
		_, said, err := c.TryApply(object)
		require.NoError(t, err)
		require.NotEmpty(t, said)
	})
}
