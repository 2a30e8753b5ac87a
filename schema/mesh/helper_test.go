package mesh

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// resolve reads specs, each the inside of `spec` without istio's address, and resolves them together.
func resolve(t *testing.T, specs ...string) (*Mesh, diag.List) {
	t.Helper()
	var decoded []*schema.VMMesh
	for n, body := range specs {
		text := "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: " + string(rune('a'+n)) + "}\nspec:\n"
		if !strings.Contains(body, "istio:") {
			text += "  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90]}\n"
		}
		docs, found := schema.Parse(string(rune('a'+n))+".yaml", []byte(text+body))
		require.Empty(t, found)
		require.Len(t, docs, 1)
		require.Empty(t, docs[0].Validate())
		spec, found := docs[0].Decode()
		require.Empty(t, found)
		schema.Default(spec)
		decoded = append(decoded, spec)
	}
	return Resolve(decoded)
}

// mustResolve is resolve for specs without findings.
func mustResolve(t *testing.T, specs ...string) *Mesh {
	t.Helper()
	m, found := resolve(t, specs...)
	require.Empty(t, found)
	return m
}

// rules lists the ids of findings, in order.
func rules(found diag.List) []string {
	var ids []string
	for _, d := range found {
		ids = append(ids, d.Rule)
	}
	return ids
}
