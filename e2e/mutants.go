package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// Mutation is a change of one file that breaks vmmesh, and that a test must notice.
type Mutation struct {
	Breaks string // what is wrong then, in a sentence
	File   string // from the top of the repository
	From   string // a text that is there exactly once
	To     string
	Likely string // the part of TestMesh that is tried first
}

// Mutations reads testdata/mutants.yaml. A mutation that cannot be applied any more fails the test.
func Mutations(t testing.TB) []Mutation {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "mutants.yaml"))
	require.NoError(t, err)
	var all []Mutation
	require.NoError(t, yaml.UnmarshalStrict(text, &all))
	seen := map[string]bool{}
	for _, m := range all {
		require.NotEmpty(t, m.Breaks)
		require.NotEmpty(t, m.Likely, m.Breaks)
		require.False(t, seen[m.Breaks], "two mutations: %s", m.Breaks)
		seen[m.Breaks] = true
		source, err := os.ReadFile(filepath.Join("..", m.File))
		require.NoError(t, err, m.Breaks)
		require.Equal(t, 1, bytes.Count(source, []byte(m.From)),
			"%s: this text must be in %s exactly once: change the mutation with the code\n%s", m.Breaks, m.File, m.From)
		require.NotEqual(t, m.From, m.To, m.Breaks)
	}
	return all
}

// build compiles vmmesh with the change, as if it had been made in a copy of the checkout, and returns a folder of programs
// with it. The zero mutation changes nothing.
func (m Mutation) build(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	programs, err := filepath.Glob(program("*"))
	require.NoError(t, err)
	for _, path := range programs {
		if filepath.Base(path) != "vmmesh" {
			require.NoError(t, os.Symlink(path, filepath.Join(dir, filepath.Base(path))))
		}
	}
	args := []string{"build", "-o", filepath.Join(dir, "vmmesh")}
	if m.File != "" {
		top, err := filepath.Abs("..")
		require.NoError(t, err)
		source, err := os.ReadFile(filepath.Join(top, m.File))
		require.NoError(t, err)
		changed := filepath.Join(t.TempDir(), filepath.Base(m.File))
		require.NoError(t, os.WriteFile(changed, []byte(strings.Replace(string(source), m.From, m.To, 1)), 0o644))
		overlay := filepath.Join(t.TempDir(), "overlay.json")
		text, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(top, m.File): changed}})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(overlay, text, 0o644))
		args = append(args, "-overlay", overlay)
	}
	command := exec.Command("go", append(args, "./cmd/vmmesh")...)
	command.Dir = ".."
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s: it does not compile: %s", m.Breaks, out)
	return dir
}

// parts runs some of the tests with the programs of a folder on the cluster that this process has started. It returns the
// test that failed, or nothing.
func parts(t testing.TB, programs, run string) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.Command(self, "-test.run", "^TestMesh$/"+run, "-test.v", "-test.failfast", "-test.timeout", "10m")
	command.Env = append(os.Environ(), attachEnv+"=1", Programs+"="+programs)
	out, err := command.CombinedOutput()
	if os.Getenv("VMMESH_E2E_KEEP") != "" {
		_ = os.WriteFile(filepath.Join(os.Getenv("VMMESH_E2E_KEEP"), filepath.Base(filepath.Dir(programs))+".log"), out, 0o644)
	}
	if err == nil {
		require.Contains(t, string(out), "--- PASS: TestMesh/", "no test is named %s", run)
		return ""
	}
	failed := ""
	for line := range strings.Lines(string(out)) {
		name, found := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: ")
		if name, _, _ = strings.Cut(name, " ("); found && len(name) > len(failed) {
			failed = name
		}
	}
	require.NotEmpty(t, failed, "%v: %s", err, end(string(out), 4<<10))
	return failed
}

// describe names a mutation in a line of output.
func (m Mutation) describe() string { return fmt.Sprintf("%s (%s)", m.Breaks, m.File) }
