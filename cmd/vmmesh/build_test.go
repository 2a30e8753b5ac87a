package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const smallSpec = `apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata:
  name: shop
spec:
  istio:
    version: 1.31.1
    istiodAddresses: [203.0.113.10]
  workloads:
  - name: cart
    ports:
    - name: http
      port: 8080
    groups:
    - name: cart
      instances:
      - name: vm1
        address: 192.0.2.11
`

func writeSpec(t *testing.T, path, text string) {
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// The same spec gives the same bytes, by whatever way it comes and in whatever order.
func TestBuildSameBytes(t *testing.T) {
	t.Chdir(t.TempDir())
	other := strings.NewReplacer("shop", "blog", "cart", "post", ".11", ".12").Replace(smallSpec)
	writeSpec(t, "shop/vmmesh.yaml", smallSpec)
	writeSpec(t, "blog/vmmesh.yaml", other)
	require.NoError(t, os.Symlink(filepath.Join("shop", "vmmesh.yaml"), "link.yaml"))
	require.NoError(t, os.Symlink("shop", "linked"))

	file := run("build", "shop/vmmesh.yaml")
	require.Equal(t, exitOK, file.code, file.err)
	require.NotEmpty(t, file.out)
	require.Equal(t, file, run("build", "shop"))
	require.Equal(t, file, run("build", "link.yaml"))
	require.Equal(t, file, run("build", "linked/"))
	require.Equal(t, file, world{in: smallSpec}.run("build", "-"))
	require.Equal(t, file, run("build", "shop", "link.yaml", "linked"), "one file by three names")

	both := run("build", "shop", "blog")
	require.Equal(t, exitOK, both.code, both.err)
	require.Equal(t, both, run("build", "blog", "shop"))
	require.Equal(t, both, world{in: smallSpec + "---\n" + other}.run("build", "-"))
	require.Contains(t, both.out, "name: cart-vm1\n")
	require.Contains(t, both.out, "name: post-vm1\n")
	require.True(t, strings.HasPrefix(both.out, "apiVersion: "))
	require.Equal(t, strings.Count(both.out, "\nkind: "), strings.Count(both.out, "\n---\n")+1)
}

// The tree holds the objects of the stream.
func TestBuildTreeIsStream(t *testing.T) {
	t.Chdir(t.TempDir())
	writeSpec(t, "vmmesh.yaml", smallSpec)
	stream := run("build")
	require.Equal(t, exitOK, run("build", "-o", "out").code)
	inTree := map[string]bool{}
	for path, text := range snapshot(t, "out/manifests") {
		for _, object := range strings.Split(text, "---\n") {
			require.False(t, inTree[object], path)
			inTree[object] = true
		}
	}
	inStream := map[string]bool{}
	for _, object := range strings.Split(stream.out, "---\n") {
		inStream[object] = true
	}
	require.Equal(t, inStream, inTree)
}

// A directory goes from one spec to the next, and nothing in it is lost that vmmesh does not own.
func TestBuildTreeAgain(t *testing.T) {
	t.Chdir(t.TempDir())
	writeSpec(t, "vmmesh.yaml", smallSpec)
	first := run("build", "-o", "out")
	require.Equal(t, exitOK, first.code, first.err)
	require.Regexp(t, `^out: \d+ files written, 0 unchanged, 0 removed\n$`, first.err)
	built := snapshot(t, "out")

	again := run("build", "-o", "out")
	require.Regexp(t, `^out: 0 files written, \d+ unchanged, 0 removed\n$`, again.err)
	require.Equal(t, built, snapshot(t, "out"))

	// An error in the spec leaves the directory alone.
	writeSpec(t, "vmmesh.yaml", strings.Replace(smallSpec, "8080", "80800", 1))
	require.Equal(t, exitFindings, run("build", "-o", "out").code)
	require.Equal(t, built, snapshot(t, "out"))

	// So does an edited file, until --force.
	service := filepath.Join("out", "manifests", "vm-workloads", "service-cart.yaml")
	writeSpec(t, "vmmesh.yaml", strings.Replace(smallSpec, "port: 8080", "port: 8081", 1))
	writeSpec(t, service, "mine: true\n")
	edited := snapshot(t, "out")
	refused := run("build", "-o", "out")
	require.Equal(t, exitIO, refused.code)
	require.Empty(t, refused.out)
	require.Contains(t, refused.err, "vmmesh: changed by hand since vmmesh wrote:\n  "+service+"\n")
	require.Contains(t, refused.err, "--force")
	require.Equal(t, edited, snapshot(t, "out"))
	forced := run("build", "-o", "out", "--force", "-v")
	require.Equal(t, exitOK, forced.code, forced.err)
	require.Contains(t, forced.err, "wrote "+service+"\n")
	require.Contains(t, snapshot(t, "out")[service], "port: 8081\n")

	// What is gone from the spec goes; what vmmesh did not write stays.
	writeSpec(t, filepath.Join("out", "README.md"), "mine\n")
	head, _, _ := strings.Cut(smallSpec, "  workloads:")
	writeSpec(t, "vmmesh.yaml", head)
	emptied := run("build", "-o", "out", "-v")
	require.Equal(t, exitOK, emptied.code, emptied.err)
	require.Contains(t, emptied.err, "removed "+service+"\n")
	after := snapshot(t, "out")
	require.NotContains(t, after, service)
	require.Equal(t, "mine\n", after[filepath.Join("out", "README.md")])
}

// The lock names the spec by its sum: another spec, another sum; the order of PATHs is part of it.
func TestBuildSpecSum(t *testing.T) {
	sums := map[string]bool{}
	a, b := [32]byte{1}, [32]byte{2}
	for _, list := range [][][32]byte{{a}, {b}, {a, b}, {b, a}, {a, a}, {}} {
		sum := sumOf(list)
		require.Len(t, sum, 64)
		require.False(t, sums[sum])
		sums[sum] = true
	}
}

// Where the directory cannot be written to, the user learns what is wrong with the spec all the same.
func TestBuildFindingsAndFailure(t *testing.T) {
	t.Chdir(t.TempDir())
	writeSpec(t, "vmmesh.yaml", strings.Replace(smallSpec, "8080", "80800", 1))
	r := run("build", "-o", "vmmesh.yaml")
	require.Equal(t, exitIO, r.code)
	require.Contains(t, r.err, "error VM014:")
	require.Contains(t, r.err, "\nvmmesh: cannot write to vmmesh.yaml: not a directory\n")
}
