//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/internal/need"
)

// TestSignals ends a build by each signal while it writes: its process ends by that signal, and nothing is left behind.
func TestSignals(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "vmmesh")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	spec := bytes.NewBufferString("apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: big}\nspec:\n" +
		"  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90]}\n  workloads:\n")
	for n := range 400 {
		name := "w" + string(rune('a'+n/26%26)) + string(rune('a'+n%26)) + string(rune('a'+n/676))
		spec.WriteString("  - name: " + name + "\n    ports: [{name: http, port: 8080}]\n    groups: [{name: " + name + ", registration: Auto}]\n")
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "vmmesh.yaml"), spec.Bytes(), 0o644))
	require.NotEmpty(t, need.Tool(t, "bash", "bash"))
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		tree := filepath.Join(dir, "deploy", s.String())
		build := exec.Command(binary, "build", filepath.Join(dir, "vmmesh.yaml"), "-o", tree)
		var errs bytes.Buffer
		build.Stderr = &errs
		require.NoError(t, build.Start())
		for {
			// The first staged file shows that it holds its signals.
			staged, _ := os.ReadDir(filepath.Join(tree, ".vmmesh.work", "stage"))
			if len(staged) > 0 {
				break
			}
			require.Nil(t, build.ProcessState)
		}
		require.NoError(t, build.Process.Signal(s))
		_ = build.Wait()
		status := build.ProcessState.Sys().(syscall.WaitStatus)
		if status.Exited() { // the build was faster
			require.Zero(t, status.ExitStatus(), errs.String())
			continue
		}
		require.Equal(t, s, status.Signal())
		require.Contains(t, errs.String(), "interrupted; the output directory is as it was")
		require.NoDirExists(t, tree)
	}
}

// TestPipesInFolders: what is in a folder and could be read without end is named and left out, or is an error where it is
// the spec; a pipe that is named itself is read.
func TestPipesInFolders(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("m/vm", 0o755))
	writeSpec(t, "m/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n")
	require.NoError(t, syscall.Mkfifo("m/pipe.yaml", 0o644))
	require.NoError(t, syscall.Mkfifo("m/vm/cluster.env", 0o644))
	require.NoError(t, os.Symlink("/dev/zero", "m/zero.json"))
	require.NoError(t, os.Symlink("/dev/stdin", "m/stdin.yml"))
	for _, command := range []string{"verify", "import"} {
		r := run(command, "m")
		for _, name := range []string{"m/pipe.yaml: it is a named pipe", "m/zero.json: it is ", "m/stdin.yml: it is "} {
			require.Contains(t, r.err, "skipped "+name, command)
		}
	}
	require.NoError(t, os.Mkdir("spec", 0o755))
	require.NoError(t, syscall.Mkfifo("spec/vmmesh.yaml", 0o644))
	for _, command := range []string{"lint", "build", "graph"} {
		r := run(command, "spec")
		require.Equal(t, exitIO, r.code, command)
		require.Contains(t, r.err, "cannot read spec/vmmesh.yaml: it is a named pipe")
	}
	go func() {
		f, err := os.OpenFile("spec/vmmesh.yaml", os.O_WRONLY, 0)
		if err == nil {
			_, _ = f.WriteString(initOptions{}.spec())
			_ = f.Close()
		}
	}()
	require.Equal(t, exitOK, run("lint", "spec/vmmesh.yaml").code)
}

// TestForgedLock: a lock that came with somebody else's files makes a build remove nothing.
func TestForgedLock(t *testing.T) {
	t.Chdir(t.TempDir())
	writeSpec(t, "vmmesh.yaml", initOptions{}.spec())
	writeSpec(t, "README.md", "")
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for path, says := range map[string]string{
		"README.md": "lists README.md, which no build writes", ".git/HEAD": "a part of it is Git's own folder",
	} {
		writeSpec(t, ".vmmesh.lock", `{"format":1,"spec":"","files":[{"path":"`+path+`","sha256":"`+empty+`"}]}`)
		before := snapshot(t, ".")
		r := run("build", "-o", ".", "--force")
		require.Equal(t, exitIO, r.code)
		require.Contains(t, r.err, says)
		require.Equal(t, before, snapshot(t, "."))
	}
}
