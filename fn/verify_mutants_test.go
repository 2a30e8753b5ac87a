package fn_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestVerifyStandsAnything puts something else in the place of each value of every case, one at a time: verify stands
// objects that are half there and half wrong, and its findings can be printed.
func TestVerifyStandsAnything(t *testing.T) {
	var instead []*yaml.Node
	for _, text := range []string{"null", "text", "7", "[]", "{}", "[null]", "[text]", "{a: null}", "[{a: [null]}]"} {
		var doc yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
		instead = append(instead, doc.Content[0])
	}
	paths, err := filepath.Glob("../testdata/verify/*.yaml")
	require.NoError(t, err)
	tried := 0
	for _, path := range paths {
		src, err := os.ReadFile(path)
		require.NoError(t, err)
		docs := documents(t, src)
		var walk func(n *yaml.Node)
		walk = func(n *yaml.Node) {
			for i := range n.Content {
				if n.Kind == yaml.MappingNode && i%2 == 0 {
					continue
				}
				was := n.Content[i]
				for _, other := range instead {
					n.Content[i] = other
					text := printed(t, docs)
					require.NotPanics(t, func() { report(t, verify("case.yaml", string(text))) }, "%s", text)
					tried++
				}
				n.Content[i] = was
				walk(was)
			}
		}
		for _, doc := range docs {
			walk(doc)
		}
	}
	require.Greater(t, tried, 10_000)
}
