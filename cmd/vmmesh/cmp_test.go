//go:build unix

package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/internal/need"
)

// TestPluginServer runs the built program as Argo CD's plugin server does: as user 999, with the server's environment
// alone and nothing on standard input, in a copy of the application's directory that has lost its exec bits and that
// the user cannot write to.
func TestPluginServer(t *testing.T) {
	need.Root(t)
	home := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(home), 0o755))
	require.NoError(t, os.Chmod(home, 0o755))
	binary := filepath.Join(home, "vmmesh")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	text, err := build.CombinedOutput()
	require.NoError(t, err, "%s", text)
	require.NoError(t, os.Chmod(binary, 0o755))

	spec, err := os.ReadFile("../../examples/payments/vmmesh.yaml")
	require.NoError(t, err)
	dir := filepath.Join(home, "_cmp_server", "app")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "production"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "production", "vmmesh.yaml"), spec, 0o444))
	require.NoError(t, os.WriteFile(filepath.Join(home, "vmmesh.yaml"), spec, 0o444))
	require.NoError(t, os.Symlink("../../vmmesh.yaml", filepath.Join(dir, "outside.yaml")))
	require.NoError(t, os.Chmod(filepath.Join(dir, "production"), 0o555))
	require.NoError(t, os.Chmod(dir, 0o555))

	plugin := func(parameters string, args ...string) (code int, out, errs string) {
		var stdout, stderr bytes.Buffer
		cmd := exec.Command(binary, args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr // no Stdin: /dev/null
		cmd.Env = []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=argocd-repo-server-0", "HOME=/home/argocd",
			"ARGOCD_APP_NAME=payments", "ARGOCD_APP_NAMESPACE=vm-workloads", "ARGOCD_APP_REVISION=0123abcd", "ARGOCD_APP_SOURCE_PATH=app",
			"KUBE_VERSION=1.33.0", "KUBE_API_VERSIONS=v1,networking.istio.io/v1", "ARGOCD_ENV_ENVIRONMENT=ignored", "ARGOCD_APP_PARAMETERS=" + parameters,
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 999, Gid: 999}}
		err := cmd.Run()
		if _, ended := err.(*exec.ExitError); !ended {
			require.NoError(t, err)
		}
		return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
	}

	want := run("build", "../../examples/payments")
	require.Equal(t, 0, want.code, want.err)
	code, out, errs := plugin(`[{"name":"environment","string":"production"}]`, "cmp")
	require.Equal(t, 0, code, errs)
	require.Equal(t, want.out, out)
	require.Empty(t, errs)

	code, out, errs = plugin(`[]`, "cmp", "parameters")
	require.Equal(t, 0, code, errs)
	require.Contains(t, out, "Here: production.")
	require.Contains(t, out, `"required": true`)

	code, out, errs = plugin(`[{"name":"environment","string":"outside.yaml"}]`, "cmp")
	require.Equal(t, 3, code)
	require.Empty(t, out)
	require.Equal(t, "vmmesh: cannot read outside.yaml: path escapes from parent\n", errs)

	code, out, errs = plugin(`null`, "cmp")
	require.Equal(t, 3, code)
	require.Empty(t, out)
	require.Equal(t, "vmmesh: no vmmesh.yaml in the application's directory; the parameter environment may be production\n", errs)

	var left []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			left = append(left, e.Name())
		}
		return err
	}))
	require.Equal(t, []string{"outside.yaml", "vmmesh.yaml"}, left)
}
