package fn_test

import (
	"flag"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/vmmesh/vmmesh/schema/crds"
	"github.com/vmmesh/vmmesh/schema/diag"
)

var changes = flag.Int("changes", 20, "how often TestChanges changes each case")

// TestChanges changes every case, good and bad, at random places: takes values out, empties them, puts others in their
// place. Whatever comes of it, the build answers: it says the same twice, and writes nothing beside an error and nothing
// that the schemas refuse. It reaches what random bytes seldom do, since most of the spec stays right.
func TestChanges(t *testing.T) {
	var texts [][]byte
	pool := map[string][]*yaml.Node{} // values of all cases, by their keys
	for _, pattern := range []string{"../testdata/ok/*/vmmesh.yaml", "../examples/*/vmmesh.yaml", "../examples/platform-and-team/*/vmmesh.yaml", "../testdata/bad/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, path := range paths {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			var doc yaml.Node
			if yaml.Unmarshal(src, &doc) != nil || doc.Kind != yaml.DocumentNode || hasAlias(&doc) {
				continue
			}
			texts = append(texts, src)
			for _, v := range values(doc.Content[0], "") {
				pool[v.key] = append(pool[v.key], v.Node)
			}
		}
	}
	for n, src := range texts {
		r := rand.New(rand.NewSource(int64(n)))
		for range *changes {
			var doc yaml.Node
			require.NoError(t, yaml.Unmarshal(src, &doc))
			for range 1 + r.Intn(3) {
				change(&doc, pool, r)
			}
			text, err := yaml.Marshal(&doc)
			require.NoError(t, err)
			out, findings := buildOrShow(t, text)
			again, more := buildOrShow(t, text)
			require.Equal(t, report(t, findings), report(t, more), "%s", text)
			require.Equal(t, out.files, again.files, "%s", text)
			if findings.HasErrors() {
				require.Empty(t, out.files, "%s", text)
			} else if out.stream.Len() > 0 {
				require.NoError(t, crds.ValidateStream(out.stream.Bytes()), "%s", text)
			}
		}
	}
}

func hasAlias(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return true
	}
	for _, child := range n.Content {
		if hasAlias(child) {
			return true
		}
	}
	return false
}

// value is a value and the key that it stands under; items of a list have that of the list.
type value struct {
	*yaml.Node
	key string
}

// values lists the values of a document, at every depth.
func values(n *yaml.Node, key string) []value {
	var out []value
	for i, child := range n.Content {
		switch {
		case n.Kind != yaml.MappingNode:
			out = append(out, value{child, key + "[]"})
			out = append(out, values(child, key+"[]")...)
		case i%2 == 1:
			out = append(out, value{child, n.Content[i-1].Value})
			out = append(out, values(child, n.Content[i-1].Value)...)
		}
	}
	return out
}

// change puts something else in the place of one value: mostly what stands under the same key elsewhere.
func change(doc *yaml.Node, pool map[string][]*yaml.Node, r *rand.Rand) {
	all := values(doc.Content[0], "")
	if len(all) == 0 {
		return // nothing is left to change
	}
	n := all[r.Intn(len(all))]
	if others := pool[n.key]; r.Intn(3) > 0 && len(others) > 0 {
		*n.Node = *others[r.Intn(len(others))]
		return
	}
	scalar := func(tag, value string) { *n.Node = yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value} }
	switch r.Intn(8) {
	case 0:
		scalar("!!null", "null")
	case 1:
		scalar("!!str", "")
	case 2:
		*n.Node = yaml.Node{Kind: yaml.MappingNode}
	case 3:
		*n.Node = yaml.Node{Kind: yaml.SequenceNode}
	case 4:
		scalar("!!int", strconv.Itoa([]int{0, 1, -1, 22, 80, 8080, 65535, 65536, 1 << 31}[r.Intn(9)]))
	case 5:
		scalar("!!str", []string{"a", "v1", "*", "http", "pay", "10.0.0.1", "10.0.0.0/8", "a.b", "~", ".", "vm-workloads", "default"}[r.Intn(12)])
	case 6: // without one of its parts
		if step := 2; len(n.Content) > 0 {
			if n.Kind != yaml.MappingNode {
				step = 1
			}
			at := r.Intn(len(n.Content)/step) * step
			n.Content = append(n.Content[:at:at], n.Content[at+step:]...)
		}
	case 7: // with one of its items twice
		if n.Kind == yaml.SequenceNode && len(n.Content) > 0 {
			n.Content = append(n.Content, n.Content[r.Intn(len(n.Content))])
		}
	}
}

// buildOrShow builds, and shows the text where that panics.
func buildOrShow(t *testing.T, text []byte) (out *outputs, findings diag.List) {
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%v\n%s", p, text)
		}
	}()
	return build(t, "changed.yaml", text)
}
