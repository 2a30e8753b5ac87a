package manifest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

func entryText(i int) string {
	return fmt.Sprintf("---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-%d, namespace: shop}\n"+
		"spec: {address: 10.0.0.%d, labels: {app: pay, version: v1}}\n", i, i+1)
}

// Many objects that have one selector are one search: the rules ask for each of them.
func TestSelectorsAreSearchedOnce(t *testing.T) {
	var set manifest.Set
	var text strings.Builder
	for i := range 9 {
		text.WriteString(entryText(i))
	}
	require.Empty(t, set.Read("a.yaml", []byte(text.String())))
	labels := map[string]string{"app": "pay", "version": "v1"}
	for _, find := range []func(string, map[string]string) []*manifest.Workload{set.Selected, set.Governed} {
		first := find("shop", labels)
		require.Len(t, first, 9)
		require.Same(t, &first[0], &find("shop", map[string]string{"version": "v1", "app": "pay"})[0])
		require.Empty(t, find("shop", map[string]string{"app": "pay", "version": "v2"}))
		require.Empty(t, find("shop", map[string]string{"app": "pay", "versio": "nv1"}))
		require.Empty(t, find("other", labels))
	}
	require.Empty(t, set.Read("b.yaml", []byte(entryText(9))))
	require.Len(t, set.Selected("shop", labels), 10, "a workload that comes later is found")
	require.Len(t, set.Governed("shop", labels), 10)
}
