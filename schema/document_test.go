package schema

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

func TestParse(t *testing.T) {
	const spec = "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: %s}\n"
	docs, findings := Parse("fleet.yaml", []byte(fmt.Sprintf(spec, "a")+"---\n# nothing\n---\n"+fmt.Sprintf(spec, "b")))
	require.Empty(t, findings)
	require.Len(t, docs, 2)
	for i, name := range []string{"a", "b"} {
		require.Equal(t, name, docs[i].Root.Get("metadata").Get("name").Value)
		require.Equal(t, i, docs[i].At.Source().Doc)
		require.Equal(t, "fleet.yaml", docs[i].At.Source().Name)
		pos := docs[i].At.Source().Locate(docs[i].At.Key("metadata").Key("name"), true)
		require.Equal(t, 3+6*i, pos.Line)
		require.Equal(t, 12, pos.Col)
	}
}

func TestWrongKind(t *testing.T) {
	const begin = "a spec begins with apiVersion: vmmesh.dev/v1alpha1 and kind: VMMesh"
	type found struct{ where, message, help string }
	for text, want := range map[string][]found{
		"- a\n":          {{"1:1 ", "this document is a list and not a spec", begin}},
		"text\n":         {{"1:1 ", "this document is a single value and not a spec", begin}},
		"spec: {}\n":     {{"1:1 ", "apiVersion and kind are missing", begin}},
		"a: b\nkind:\n":  {{"2:6 kind", "apiVersion and kind are missing", begin}},
		"kind: VMMesh\n": {{"1:1 apiVersion", "apiVersion is missing", "add apiVersion: vmmesh.dev/v1alpha1"}},
		"kind: VMmesh\n": {{"1:1 apiVersion", "apiVersion is missing", "add apiVersion: vmmesh.dev/v1alpha1"}, {"1:7 kind", "kind is VMmesh; it must be VMMesh", "did you mean VMMesh?"}},
		"kind: [VMMesh]\n": {
			{"1:1 apiVersion", "apiVersion is missing", "add apiVersion: vmmesh.dev/v1alpha1"},
			{"1:7 kind", "kind is not text; it must be VMMesh", "write kind: VMMesh"},
		},
		"apiVersion: vmmesh.dev/v1alpha1\n":                    {{"1:1 kind", "kind is missing", "add kind: VMMesh"}},
		"apiVersion: vmmesh.dev/v1\nkind: VMMesh\n":            {{"1:13 apiVersion", "apiVersion is vmmesh.dev/v1; it must be vmmesh.dev/v1alpha1", "did you mean vmmesh.dev/v1alpha1?"}},
		"apiVersion: vmesh.dev/v1alpha1\nkind: VMMesh\n":       {{"1:13 apiVersion", "apiVersion is vmesh.dev/v1alpha1; it must be vmmesh.dev/v1alpha1", "did you mean vmmesh.dev/v1alpha1?"}},
		"apiVersion: v1\nkind: VMMesh\n":                       {{"1:13 apiVersion", "apiVersion is v1; it must be vmmesh.dev/v1alpha1", "write apiVersion: vmmesh.dev/v1alpha1"}},
		"apiVersion: 1\nkind: VMMesh\n":                        {{"1:13 apiVersion", "apiVersion is not text; it must be vmmesh.dev/v1alpha1", "write apiVersion: vmmesh.dev/v1alpha1"}},
		"apiVersion: vmmesh.dev/v1alpha1\nkind: vm-mesh\n":     {{"2:7 kind", "kind is vm-mesh; it must be VMMesh", "did you mean VMMesh?"}},
		"apiVersion: vmmesh.dev/v1alpha1\nkind: VMMeshCheck\n": {{"2:7 kind", "kind is VMMeshCheck; it must be VMMesh", "write kind: VMMesh"}},
		"apiVersion: apps/v1\nkind: Deployment\n": {{"2:7 kind", "this document is a Deployment (apps/v1) and not a VMMesh",
			"give vmmesh only files with specs, or take the document out of this file"}},
		"kind: Deployment\n": {{"1:7 kind", "this document is a Deployment and not a VMMesh",
			"give vmmesh only files with specs, or take the document out of this file"}},
	} {
		docs, findings := Parse("t.yaml", []byte(text))
		require.Empty(t, docs, "of %q", text)
		var got []found
		for _, d := range findings {
			require.Equal(t, "VM004", d.Rule)
			got = append(got, found{fmt.Sprintf("%d:%d %s", d.Pos().Line, d.Pos().Col, d.At), d.Message, d.Help})
		}
		require.Equal(t, want, got, "of %q", text)
	}
}

// Faults of the syntax and a wrong kind are reported together, and the documents that are right are returned.
func TestParseReportsAll(t *testing.T) {
	docs, findings := Parse("t.yaml", []byte("kind: Pod\nkind: Pod\n---\napiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\n---\nx: 'y\n"))
	require.Len(t, docs, 1)
	require.Equal(t, syntax.Map, docs[0].Root.Kind)
	var rules []string
	for _, d := range findings.Sorted() {
		rules = append(rules, d.Rule)
	}
	require.Equal(t, []string{"VM004", "VM002", "VM001"}, rules)
}
