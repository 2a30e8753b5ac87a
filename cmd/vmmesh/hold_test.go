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
