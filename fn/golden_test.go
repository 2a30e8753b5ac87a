package fn_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/crds"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/lint"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

var update = flag.Bool("update", false, "rewrite the expected outputs")

// outputs is a sink that keeps everything.
type outputs struct {
	files  map[string]string // by path; objects of one path are one stream
	modes  map[string]uint32 // of those that are no objects
	stream bytes.Buffer      // every object, in order
}

func (o *outputs) Object(path string, text []byte) error {
	if o.stream.Len() > 0 {
		o.stream.WriteString("---\n")
	}
	o.stream.Write(text)
	if before, more := o.files[path]; more {
		o.files[path] = before + "---\n" + string(text)
	} else {
		o.files[path] = string(text)
	}
	return nil
}

func (o *outputs) File(f manifest.File) error {
	o.files[f.Path], o.modes[f.Path] = string(f.Data), f.Mode
	return nil
}

// build runs the pipeline over a text.
func build(t testing.TB, name string, src []byte) (*outputs, diag.List) {
	t.Helper()
	out := &outputs{files: map[string]string{}, modes: map[string]uint32{}}
	docs, findings := schema.Parse(name, src)
	if findings.HasErrors() {
		return out, findings
	}
	more, err := fn.Build(docs, out)
	require.NoError(t, err)
	return out, append(findings, more...).Sorted()
}

// mustBuild is build for specs that have no findings worth a warning.
func mustBuild(t testing.TB, name string, src []byte) *outputs {
	t.Helper()
	out, findings := build(t, name, src)
	var text strings.Builder
	require.NoError(t, diag.Write(&text, diag.Text, findings, false))
	require.Less(t, findings.Worst(), diag.Warning, "%s", text.String())
	return out
}

// report is findings as the command prints them.
func report(t testing.TB, findings diag.List) string {
	var text strings.Builder
	require.NoError(t, diag.Write(&text, diag.Text, findings, false))
	return text.String()
}

// cases lists the specs below testdata/ok and examples: a folder is a case.
func cases(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{
		"../testdata/ok/*/vmmesh.yaml", "../examples/*/vmmesh.yaml", "../examples/platform-and-team/*/vmmesh.yaml",
		"../examples/two-clusters/*/vmmesh.yaml",
	} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, path := range paths {
			name := filepath.Base(filepath.Dir(path))
			require.NotContains(t, found, name, "two cases of one name: one would not be built")
			found[name] = path
		}
	}
	require.NotEmpty(t, found)
	return found
}

// TestOK builds every good case: without a warning, accepted by the schemas, twice the same, and equal to the tree that
// is committed beside it. A file too many fails, and so does one too few.
func TestOK(t *testing.T) {
	for name, path := range cases(t) {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			out := mustBuild(t, name+"/vmmesh.yaml", src)
			require.NoError(t, crds.ValidateStream(out.stream.Bytes()))
			require.Equal(t, out.files, mustBuild(t, name+"/vmmesh.yaml", src).files, "a second build differs")

			dir, files := filepath.Join(filepath.Dir(path), "expected"), out.files
			if !strings.Contains(path, "/examples/") { // which show everything as it is written
				files = withoutScripts(t, files)
			}
			if *update {
				writeTree(t, dir, files)
			}
			require.Equal(t, readTree(t, dir), files, "run `make golden` and read the difference")
		})
	}
}

func readTree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(text)
		return err
	})
	require.NoError(t, err)
	return files
}

func writeTree(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(dir))
	for path, text := range files {
		path = filepath.Join(dir, filepath.FromSlash(path))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
}

// TestBad builds every bad case: nothing comes out, and the findings are exactly those in the file beside it.
func TestBad(t *testing.T) {
	paths, err := filepath.Glob("../testdata/bad/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(paths), 60)
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(strings.TrimSuffix(name, ".yaml"), func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			out, findings := build(t, name, src)
			got := report(t, findings)
			rule, _, _ := strings.Cut(name, "-")
			require.Contains(t, got, " "+rule+": ", "the case is named after a rule that does not speak")
			if findings.HasErrors() {
				require.Empty(t, out.files, "something was written beside an error")
			}
			golden := strings.TrimSuffix(path, ".yaml") + ".txt"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
	expected, err := filepath.Glob("../testdata/bad/*.txt")
	require.NoError(t, err)
	require.Len(t, expected, len(paths), "each case has its .txt, and no .txt is left over")
}

// TestNearMisses builds the specs in testdata/bad/silent: each is a near miss of the rule that it is named after, and
// nothing is said about it.
func TestNearMisses(t *testing.T) {
	paths, err := filepath.Glob("../testdata/bad/silent/*.yaml")
	require.NoError(t, err)
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(strings.TrimSuffix(name, ".yaml"), func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			out, findings := build(t, name, src)
			require.Empty(t, report(t, findings))
			require.NotEmpty(t, out.files)
		})
	}
	for _, rule := range lint.Table {
		older := []string{"VM098", "VM113", "VM209", "VM219"} // theirs are in schema/lint/lint_test.go
		if rule.Mesh == nil || slices.Contains(older, rule.ID) {
			continue
		}
		of := func(path string) bool { return strings.HasPrefix(filepath.Base(path), rule.ID+"-") }
		require.True(t, slices.ContainsFunc(paths, of), "no near miss of %s (%s) in testdata/bad/silent", rule.ID, rule.Name)
	}
}

// TestEveryRuleHasACase holds the rules and the bad cases to each other.
func TestEveryRuleHasACase(t *testing.T) {
	for _, rule := range fn.Rules() {
		folder := "bad"
		if aboutManifests(rule.ID) {
			folder = "verify"
		}
		of := func(path string) bool { return strings.HasPrefix(filepath.Base(path), rule.ID+"-") }
		require.True(t, slices.ContainsFunc(verifyCases(t, "../testdata/"+folder), of), "no case in testdata/%s draws %s (%s)", folder, rule.ID, rule.Name)
	}
}
