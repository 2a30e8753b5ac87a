package fn_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/importer"
)

// importInputs are the manifests of all cases of import and verify.
func importInputs(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../testdata/import/*/in/*.yaml", "../testdata/verify/*.yaml", "../testdata/verify/silent/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, paths)
		all = append(all, paths...)
	}
	return all
}

// standsImport demands of an import what holds for any input: the same twice, findings that can be printed, and specs that
// can be read back.
func standsImport(t testing.TB, text []byte) {
	t.Helper()
	facts := importer.Options{IstioVersion: "1.31.1", IstiodAddresses: []string{"34.56.78.90"}}
	texts := []fn.Manifests{{Name: "a.yaml", Text: text}}
	got := fn.Import("vmmesh.yaml", texts, nil, facts)
	for _, d := range append(got.Faults, got.Defects...) {
		require.NotEmpty(t, d.Rule)
		require.NotEmpty(t, d.Severity)
		require.NotEmpty(t, d.Message)
		require.NotContains(t, d.Message, "\n")
		require.NotNil(t, d.At.Source())
	}
	report(t, got.Faults)
	if got.Text == "" {
		return
	}
	docs, found := schema.Parse("vmmesh.yaml", []byte(got.Text))
	require.Empty(t, report(t, found), got.Text)
	require.Len(t, docs, got.Specs)
	again := fn.Import("vmmesh.yaml", texts, nil, facts)
	require.Equal(t, got.Text, again.Text)
	require.Equal(t, report(t, got.Faults), report(t, again.Faults))
}

// FuzzImport reads anything as manifests.
func FuzzImport(f *testing.F) {
	for _, path := range importInputs(f) {
		text, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte("apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: \"a\\nb\"}\n"))
	f.Fuzz(func(t *testing.T, text []byte) { standsImport(t, text) })
}

// FuzzImportFolder reads anything as what istioctl wrote for a VM.
func FuzzImportFolder(f *testing.F) {
	for _, dir := range []string{"../testdata/import/istioctl-folder/in/vm-files", "../testdata/import/folder-beside-manifests/in/vm1"} {
		var texts [3][]byte
		for n, name := range []string{"cluster.env", "mesh.yaml", "hosts"} {
			texts[n], _ = os.ReadFile(filepath.Join(dir, name)) // one of the two lacks mesh.yaml
		}
		require.NotEmpty(f, texts[0])
		f.Add(texts[0], texts[1], texts[2])
	}
	f.Fuzz(func(t *testing.T, env, mesh, hosts []byte) {
		folder := importer.Folder{Name: "vm", Env: env, Mesh: mesh, Hosts: hosts, Token: true}
		got := fn.Import("vmmesh.yaml", nil, []importer.Folder{folder}, importer.Options{})
		report(t, got.Faults)
		require.True(t, drawn(got.Faults, "VM805"))
		if got.Text != "" {
			docs, found := schema.Parse("vmmesh.yaml", []byte(got.Text))
			require.Empty(t, report(t, found), got.Text)
			require.Len(t, docs, got.Specs)
		}
	})
}

// TestImportStandsAnything puts something else in the place of each value of the cases of import, one at a time.
func TestImportStandsAnything(t *testing.T) {
	var instead []*yaml.Node
	for _, text := range []string{"null", "text", "[{a: [null]}]"} {
		var doc yaml.Node
		require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
		instead = append(instead, doc.Content[0])
	}
	paths, err := filepath.Glob("../testdata/import/*/in/*.yaml")
	require.NoError(t, err)
	tried := 0
	for _, path := range paths {
		if strings.Contains(path, "unreadable") {
			continue
		}
		src, err := os.ReadFile(path)
		require.NoError(t, err)
		docs := documents(t, src)
		try := func() {
			text := printed(t, docs)
			require.NotPanics(t, func() {
				got := fn.Import("vmmesh.yaml", []fn.Manifests{{Name: "a.yaml", Text: text}}, nil, importer.Options{})
				report(t, got.Faults)
				if got.Text != "" {
					_, found := schema.Parse("vmmesh.yaml", []byte(got.Text))
					require.Empty(t, report(t, found), "%s\n%s", text, got.Text)
				}
			}, "%s", text)
			tried++
		}
		var walk func(n *yaml.Node)
		walk = func(n *yaml.Node) {
			for i := range n.Content {
				if n.Kind == yaml.MappingNode && i%2 == 0 {
					continue
				}
				was := n.Content[i]
				n.Content[i] = instead[tried%len(instead)] // one each: the same keys are in many places
				try()
				n.Content[i] = was
				walk(was)
			}
		}
		for _, doc := range docs {
			walk(doc)
		}
	}
	require.Greater(t, tried, 1_000)
}
