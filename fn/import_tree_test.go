package fn_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/importer"
)

// builtTree returns what a build wrote, as ImportTree takes it.
func builtTree(t testing.TB, path string, src []byte, out *outputs) fn.Tree {
	t.Helper()
	docs, found := schema.Parse(path, src)
	require.False(t, found.HasErrors())
	files := map[string][]byte{}
	for name, text := range out.files {
		files[name] = []byte(text)
	}
	return fn.Tree{Name: "deploy", Source: fn.Source(docs), Files: files}
}

// TestImportTreeIsExact builds every example and good case, imports the tree and builds the result: every file is the
// same, byte for byte, the VMs' files, monitoring and the control plane included.
func TestImportTreeIsExact(t *testing.T) {
	all := cases(t)
	for _, pattern := range []string{"../examples/*/*/vmmesh.yaml"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, path := range paths {
			all[path] = path
		}
	}
	for name, path := range all {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			first, _ := build(t, path, src)
			require.NotEmpty(t, first.files)
			tree := builtTree(t, path, src, first)
			got := fn.ImportTree("vmmesh.yaml", tree, importer.Options{})
			require.Empty(t, report(t, got.Faults))
			require.Equal(t, len(first.files), got.Equal)
			second, found := build(t, "vmmesh.yaml", []byte(got.Text))
			require.False(t, found.HasErrors(), "%s\n%s", report(t, found), got.Text)
			require.Equal(t, first.files, second.files, got.Text)
			require.Equal(t, first.modes, second.modes)
			require.Equal(t, got.Text, builtTree(t, "vmmesh.yaml", []byte(got.Text), second).Source, "imported again it is different")
		})
	}
}

// TestImportTreeNamesChanges changes a tree in each way that a person might: each change is named, at its line.
func TestImportTreeNamesChanges(t *testing.T) {
	path := "../examples/payments/vmmesh.yaml"
	src, err := os.ReadFile(path)
	require.NoError(t, err)
	whole := builtTree(t, path, src, mustBuild(t, path, src))
	names := slices.Sorted(maps.Keys(whole.Files))
	find := func(part string) string {
		n := slices.IndexFunc(names, func(name string) bool { return strings.Contains(name, part) })
		require.GreaterOrEqual(t, n, 0, part)
		return names[n]
	}
	entry, env, service := find("/workloadentry-"), find("/cluster.env"), find("/service-")
	for name, c := range map[string]struct {
		change func(files map[string][]byte)
		want   string
	}{
		"a value": {func(files map[string][]byte) {
			files[entry] = []byte(strings.Replace(string(files[entry]), "address: ", "address: 1", 1))
		}, "deploy/" + entry + ":"},
		"an object that went": {func(files map[string][]byte) { delete(files, service) }, "is missing here"},
		"an object that came": {func(files map[string][]byte) {
			files["manifests/more.yaml"] = []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: x}\n")
		}, "deploy/manifests/more.yaml:3:18: warning VM801: ConfigMap x/more stays outside the spec"},
		"an object beside the tree": {func(files map[string][]byte) {
			files["more.yaml"] = []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: x}\n")
		}, "deploy/more.yaml:3:18: warning VM801"},
		"a VM's file":           {func(files map[string][]byte) { files[env] = append(files[env], "A='b'\n"...) }, "deploy/" + env + ":"},
		"a VM's file that went": {func(files map[string][]byte) { delete(files, env) }, env + " is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := whole
			tree.Files = maps.Clone(whole.Files)
			c.change(tree.Files)
			got := fn.ImportTree("vmmesh.yaml", tree, importer.Options{})
			require.Len(t, got.Faults, 1, report(t, got.Faults))
			require.Contains(t, report(t, got.Faults), c.want)
			require.NotEmpty(t, got.Text)
		})
	}
}

// TestImportTreeOptions: what the command line sets takes the place of what the tree has.
func TestImportTreeOptions(t *testing.T) {
	path := "../examples/minimal/vmmesh.yaml"
	src, err := os.ReadFile(path)
	require.NoError(t, err)
	tree := builtTree(t, path, src, mustBuild(t, path, src))
	got := fn.ImportTree("vmmesh.yaml", tree, importer.Options{IstiodAddresses: []string{"203.0.113.9"}})
	require.Contains(t, got.Text, "istiodAddresses: [203.0.113.9]")
	require.NotEmpty(t, got.Faults)
	for _, text := range []string{"", "a: [", "kind: VMMesh\n"} { // a lock that was edited
		tree.Source = text
		require.NotPanics(t, func() { got = fn.ImportTree("vmmesh.yaml", tree, importer.Options{}) })
		require.True(t, text == "" || got.Faults.HasErrors() || got.Unbuilt)
	}
}
