package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestImportCases runs import over the folders in testdata/import: of each, `in` is what is imported and flags (where it
// is there) the command line's; vmmesh.yaml is the spec that comes out, and report.txt the exit code and the report.
func TestImportCases(t *testing.T) {
	dirs, err := filepath.Glob("../../testdata/import/*/in")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(dirs), 8)
	for _, in := range dirs {
		dir, err := filepath.Abs(filepath.Dir(in))
		require.NoError(t, err)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Chdir(dir)
			args := []string{"import", "in"}
			if flags, err := os.ReadFile("flags"); err == nil {
				args = append(args, strings.Fields(string(flags))...)
			}
			r := run(args...)
			require.Equal(t, r, run(args...), "a second run says something else")
			require.NotContains(t, r.err, "internal error")
			got := map[string]string{"vmmesh.yaml": r.out, "report.txt": "exit " + strconv.Itoa(r.code) + "\n" + r.err}
			for name, text := range got {
				if *update {
					require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
				}
				want, err := os.ReadFile(name)
				require.NoError(t, err)
				require.Equal(t, string(want), text)
			}
			require.NotContains(t, r.out+r.err, "eyJ", "a token came out")
			if r.out == "" {
				return
			}
			lint := run("lint", "vmmesh.yaml")
			if strings.Contains(r.out, "# TODO") { // lint asks for what a person has to write
				require.Equal(t, exitFindings, lint.code)
				require.Contains(t, lint.out, "error VM011: field \"version\" in spec.istio is empty")
				return
			}
			require.Equal(t, exitOK, lint.code, lint.out)
			require.Equal(t, exitOK, run("build", "vmmesh.yaml").code)
		})
	}
}

// TestImportWrites holds -o to what it says: a file that exists is not touched without --force.
func TestImportWrites(t *testing.T) {
	t.Chdir(t.TempDir())
	group := "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay, class: vm}}, template: {serviceAccount: pay, ports: {http: 8080}}}\n"
	require.NoError(t, os.WriteFile("group.yaml", []byte(group), 0o644))
	args := []string{"import", "group.yaml", "-o", "vmmesh.yaml", "--istio-version", "1.31.1", "--istiod-address", "34.56.78.90"}
	r := run(args...)
	require.Equal(t, exitOK, r.code, r.err)
	require.Empty(t, r.out)
	text, err := os.ReadFile("vmmesh.yaml")
	require.NoError(t, err)
	require.Equal(t, exitOK, run("lint").code)

	require.NoError(t, os.WriteFile("vmmesh.yaml", []byte("mine\n"), 0o644))
	r = run(args...)
	require.Equal(t, exitIO, r.code)
	require.Contains(t, r.err, "vmmesh.yaml exists; use --force to overwrite it")
	mine, err := os.ReadFile("vmmesh.yaml")
	require.NoError(t, err)
	require.Equal(t, "mine\n", string(mine))

	require.Equal(t, exitOK, run(append(args, "--force")...).code)
	again, err := os.ReadFile("vmmesh.yaml")
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
}

// TestImportTree builds an example, restores its spec from the tree alone and builds that: the trees are the same. What
// was changed by hand since is named, and so is a tree among other PATHs.
func TestImportTree(t *testing.T) {
	spec, err := filepath.Abs("../../examples/payments/vmmesh.yaml")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.Equal(t, exitOK, run("build", spec, "-o", "a").code)
	r := run("import", "a", "-o", "vmmesh.yaml")
	require.Equal(t, exitOK, r.code, r.err)
	require.Equal(t, exitOK, run("build", "-o", "b").code)
	require.Equal(t, filesBelow(t, "a"), filesBelow(t, "b"))

	require.NoError(t, os.WriteFile("a/vms/istio-token", []byte("secret"), 0o600))
	env := "a/vms/vm-workloads/payment-service/vm.env"
	text, err := os.ReadFile(env)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(env, append(text, "A='b'\n"...), 0o644))
	r = run("import", "a")
	require.Equal(t, exitFindings, r.code)
	require.Contains(t, r.err, env+":")
	require.Equal(t, 1, strings.Count(r.err, "VM802"), r.err)

	r = run("import", "a", "vmmesh.yaml", "--istio-version", "1.31.1")
	require.Contains(t, r.err, "import it alone")

	require.NoError(t, os.Remove("b/.vmmesh.lock")) // then what no manifest has is named
	r = run("import", "b", "--istio-version", "1.31.1")
	require.Equal(t, exitFindings, r.code)
	require.Contains(t, r.err, "error VM802: monitoring/dashboards/vm-fleet.json: the spec does not build it")
	require.NotContains(t, r.err, "vm.env") // the VMs' files are built from what was read, byte for byte
	r = run("import", "b")
	require.Contains(t, r.err, "are not compared: the spec cannot be built yet")
}

// filesBelow reads all files of a tree but its lock, whose checksum is that of the spec's text.
func filesBelow(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == ".vmmesh.lock" {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(text)
		return err
	}))
	require.NotEmpty(t, files)
	return files
}

// TestImportToken puts a token beside cluster.env that cannot be read: nothing tries to.
func TestImportToken(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("vm/istio-token", 0o755)) // a directory: reading it would fail
	require.NoError(t, os.WriteFile("vm/cluster.env", []byte("POD_NAMESPACE='shop'\nISTIO_META_WORKLOAD_NAME='pay'\nSERVICE_ACCOUNT='pay'\nISTIO_META_DNS_CAPTURE='true'\n"), 0o600))
	for _, path := range []string{"vm", "vm/cluster.env", "."} {
		r := run("import", path, "--istio-version", "1.31.1", "--istiod-address", "34.56.78.90")
		require.Equal(t, exitOK, r.code, r.err)
		require.Contains(t, r.err, "VM805: there is a token in this folder; it was not read")
		require.Contains(t, r.out, "- name: pay\n")
	}
}
