package scripts_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"mvdan.cc/sh/v3/syntax"

	"github.com/vmmesh/vmmesh/generators/vms/scripts"
	"github.com/vmmesh/vmmesh/internal/need"
)

// TestFiles are in a fixed order, with modes that cloud-init and people can rely on, and carry nothing that YAML or a
// shell of another kind would change.
func TestFiles(t *testing.T) {
	var names []string
	total := 0
	for _, f := range scripts.Files() {
		names = append(names, f.Path)
		script := filepath.Ext(f.Path) == ".sh"
		require.Equal(t, script, f.Mode == 0o755, f.Path)
		require.Equal(t, !script, f.Mode == 0o644, f.Path)
		require.True(t, bytes.HasSuffix(f.Data, []byte("\n")) && !bytes.Contains(f.Data, []byte("\r")) && !regexp.MustCompile(`(?m)[ \t]$`).Match(f.Data), f.Path)
		if f.Path != "folders.sh" { // which user-data does not have
			total += len(f.Data)
		}
	}
	require.IsIncreasing(t, names)
	require.Less(t, total, 81_000, "a cloud with 16 KiB of user-data has to take them, gzipped")
	require.Contains(t, names, "install.sh")
}

// TestShellcheck finds nothing, with every optional style remark left to taste.
func TestShellcheck(t *testing.T) {
	files, err := filepath.Glob("*.sh")
	require.NoError(t, err)
	for _, f := range scripts.Files() {
		require.Equal(t, filepath.Ext(f.Path) == ".sh", slices.Contains(files, f.Path), f.Path)
	}
	out, err := exec.Command(need.Tool(t, "shellcheck", "shellcheck"), append([]string{"--shell=bash", "--external-sources"}, append(files, "testdata/enter.sh")...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// TestParsers: bash reads the scripts, and so does a parser that is not bash.
func TestParsers(t *testing.T) {
	for _, f := range scripts.Files() {
		if filepath.Ext(f.Path) != ".sh" {
			continue
		}
		out, err := exec.Command(need.Tool(t, "bash", "bash"), "-n", f.Path).CombinedOutput()
		require.NoError(t, err, "%s", out)
		_, err = syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(f.Data), f.Path)
		require.NoError(t, err)
	}
}

// TestVariables: the scripts use no name of vm.env that is not one.
func TestVariables(t *testing.T) {
	var all strings.Builder
	for _, f := range scripts.Files() {
		all.Write(f.Data)
	}
	known := settings()
	for _, m := range regexp.MustCompile(`VMMESH_([A-Z0-9_]+)`).FindAllStringSubmatch(all.String(), -1) {
		name := strings.TrimSuffix(m[1], "_")
		if name != "LOCKED" && name != "PACKAGE_SHA256" { // the scripts' own, and one that goes on with format and architecture
			require.Contains(t, known, name)
		}
	}
}

// TestUnits has systemd itself judge the units and drop-ins, beside stand-ins for the package's and an application's.
func TestUnits(t *testing.T) {
	analyze := need.Tool(t, "systemd", "systemd-analyze")
	dir := t.TempDir()
	put := func(name, text string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	// Units are verified where their programs are: the paths of the scripts stand for themselves, being arguments.
	put("istio.service", "[Unit]\nDescription=istio-sidecar: The Istio sidecar\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/true\nExecStartPre=+/usr/bin/install -d -m 0755 /var/run/secrets\nRestart=always\nRestartSec=10\n[Install]\nWantedBy=multi-user.target\n")
	put("payment-service.service", "[Service]\nExecStart=/bin/true\n")
	units := []string{filepath.Join(dir, "istio.service"), filepath.Join(dir, "payment-service.service")}
	for _, f := range scripts.Files() {
		switch {
		case f.Path == "istio.conf":
			put("istio.service.d/10-vmmesh.conf", string(f.Data))
		case f.Path == "application.conf":
			put("payment-service.service.d/10-vmmesh.conf", string(f.Data))
		case strings.HasPrefix(f.Path, "vmmesh-"):
			put(f.Path, string(f.Data))
			units = append(units, filepath.Join(dir, f.Path))
		}
	}
	cmd := exec.Command(analyze, append([]string{"verify", "--man=no"}, units...)...)
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
	out, err := cmd.CombinedOutput()
	var own []string
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, dir) || strings.Contains(line, "vmmesh") {
			own = append(own, line) // of other units on this machine nothing is demanded
		}
	}
	require.Empty(t, own)
	require.NoError(t, err, "%s", out)

	// The check finds what is wrong.
	put("istio.service.d/10-vmmesh.conf", "[Service]\nExecStartPer=/bin/true\n")
	out, _ = cmd2(cmd).CombinedOutput()
	require.Contains(t, string(out), "ExecStartPer")
}

// cmd2 is the same command once more.
func cmd2(c *exec.Cmd) *exec.Cmd {
	again := exec.Command(c.Path, c.Args[1:]...)
	again.Env = c.Env
	return again
}
