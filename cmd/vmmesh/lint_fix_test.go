package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const toFix = `# keep
apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata: {name: fix}
spec:
  istio: {version: 1.31.1, istiodAddreses: [34.56.78.90]} # keep
  workloads:
  - {name: pay, ports: [{name: http, port: "8080"}], groups: [{name: pay, instances: [{name: vm1, address: 10.0.0.1}]}]}
`

var afterFix = strings.NewReplacer("Addreses", "Addresses", `"8080"`, "8080").Replace(toFix)

// TestLintFix: files are fixed in place, with their permissions and through links; standard input is printed.
func TestLintFix(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "vmmesh.yaml"), filepath.Join(dir, "link.yaml")
	require.NoError(t, os.WriteFile(file, []byte(toFix), 0o640))
	require.NoError(t, os.Symlink("vmmesh.yaml", link))

	r := run("lint", "--fix", link)
	require.Equal(t, 0, r.code, r.err)
	require.Contains(t, r.err, "fixed 2 findings in ")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, afterFix, string(text))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)
	info, err = os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "nothing is left behind")

	r = run("lint", "--fix", dir)
	require.Equal(t, 0, r.code)
	require.NotContains(t, r.err, "fixed")

	r = world{in: toFix}.run("lint", "--fix", "-")
	require.Equal(t, result{0, afterFix, "fixed 2 findings in standard input\n"}, result{r.code, r.out, strings.SplitAfter(r.err, "\n")[0]})

	bad := strings.Replace(toFix, "10.0.0.1", "nowhere", 1)
	r = world{in: bad}.run("lint", "--fix", "-", "--report", "json")
	require.Equal(t, 1, r.code)
	require.Equal(t, strings.Replace(afterFix, "10.0.0.1", "nowhere", 1), r.out)
	require.Contains(t, r.err, `"path": "spec.workloads[pay].groups[pay].instances[vm1].address"`)
}

// TestLintFixWritesAllOrNothing: where one file cannot be written, no file changes.
func TestLintFixWritesAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one.yaml"), filepath.Join(dir, "two.yaml")
	second := strings.NewReplacer("name: fix", "name: two", "name: pay", "name: buy", "10.0.0.1", "10.0.0.2").Replace(toFix)
	require.NoError(t, os.WriteFile(one, []byte(toFix), 0o644))
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	_, err = w.WriteString(second)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, os.Symlink("/dev/fd/"+strconv.Itoa(int(r.Fd())), two))

	got := run("lint", "--fix", one, two)
	require.Equal(t, 3, got.code, got.err)
	require.Contains(t, got.err, "cannot fix "+two)
	text, err := os.ReadFile(one)
	require.NoError(t, err)
	require.Equal(t, toFix, string(text))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2)
}
