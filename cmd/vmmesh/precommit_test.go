package main

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// preCommitHook is an entry of .pre-commit-hooks.yaml, as pre-commit takes it.
type preCommitHook struct {
	id, entry, language  string
	args                 []string
	files                *regexp.Regexp
	alwaysRun, passNames bool
	requireSerial        bool
}

// readHooks reads .pre-commit-hooks.yaml by its documented contract: https://pre-commit.com/#new-hooks.
func readHooks(t *testing.T) map[string]preCommitHook {
	t.Helper()
	text, err := os.ReadFile("../../.pre-commit-hooks.yaml")
	require.NoError(t, err)
	docs, findings := syntax.Read(".pre-commit-hooks.yaml", text)
	require.Empty(t, findings)
	require.Len(t, docs, 1)
	require.Equal(t, syntax.Seq, docs[0].Root.Kind)
	hooks := map[string]preCommitHook{}
	for _, item := range docs[0].Root.Items {
		h := preCommitHook{passNames: true} // its default
		said := map[string]bool{}
		for _, f := range item.Fields {
			said[f.Key] = true
			switch f.Key {
			case "id":
				h.id = f.Value.Value
			case "entry":
				h.entry = f.Value.Value
			case "language":
				h.language = f.Value.Value
			case "args":
				for _, arg := range f.Value.Items {
					require.Equal(t, syntax.String, arg.Kind)
					h.args = append(h.args, arg.Value)
				}
			case "files":
				h.files, err = regexp.Compile(f.Value.Value)
				require.NoError(t, err)
			case "always_run":
				h.alwaysRun = f.Value.Value == "true"
			case "pass_filenames":
				h.passNames = f.Value.Value == "true"
			case "require_serial":
				h.requireSerial = f.Value.Value == "true"
			case "minimum_pre_commit_version":
				require.Regexp(t, `^\d+\.\d+\.\d+$`, f.Value.Value)
			case "name", "description":
				require.NotEmpty(t, f.Value.Value)
			default:
				t.Fatalf("pre-commit knows no %s", f.Key)
			}
		}
		for _, key := range []string{"id", "name", "description", "entry", "language", "minimum_pre_commit_version"} {
			require.True(t, said[key], "hook %q has no %s", h.id, key)
		}
		hooks[h.id] = h
	}
	return hooks
}

// run does what pre-commit does with the files of a commit: those that match are arguments, or the reason to run.
func (h preCommitHook) run(t *testing.T, args []string, changed ...string) (r result, ran bool) {
	t.Helper()
	var names []string
	for _, name := range changed {
		if h.files == nil || h.files.MatchString(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 && !h.alwaysRun {
		return result{}, false
	}
	words := strings.Fields(h.entry)
	require.Equal(t, "vmmesh", words[0])
	if args == nil {
		args = h.args
	}
	command := append(words[1:], args...)
	if h.passNames {
		command = append(command, names...)
	}
	return run(command...), true
}

func TestPreCommitHooks(t *testing.T) {
	hooks := readHooks(t)
	require.Len(t, hooks, 3)
	lint, build, check := hooks["vmmesh-lint"], hooks["vmmesh-build"], hooks["vmmesh-check"]
	for _, h := range hooks {
		require.Equal(t, "golang", h.language)
	}
	require.True(t, build.requireSerial, "two builds of one tree at a time")
	require.False(t, build.passNames)
	require.False(t, check.passNames)

	t.Chdir(t.TempDir())
	writeSpec(t, "vmmesh.yaml", smallSpec)
	writeSpec(t, "staging/vmmesh.yml", smallSpec) // the same name and objects: a build of its own
	for _, name := range []string{"README.md", "my-vmmesh.yaml", "vmmesh.yaml.orig", "deploy/kustomization.yaml"} {
		_, ran := lint.run(t, nil, name)
		require.False(t, ran, name)
		_, ran = build.run(t, nil, name)
		require.False(t, ran, name)
	}
	r, ran := lint.run(t, nil, "README.md", "vmmesh.yaml", "staging/vmmesh.yml")
	require.True(t, ran)
	require.Equal(t, exitOK, r.code, r.out)

	r, ran = check.run(t, nil, "README.md")
	require.True(t, ran, "a tree is stale whatever was changed")
	require.Equal(t, exitIO, r.code)
	require.Contains(t, r.err, "make it: vmmesh build -o deploy")
	r, _ = build.run(t, nil, "vmmesh.yaml")
	require.Equal(t, exitOK, r.code, r.err)
	require.FileExists(t, "deploy/kustomization.yaml")
	r, _ = check.run(t, nil)
	require.Equal(t, result{}, r)

	// Whoever keeps things elsewhere says so by args.
	r, _ = build.run(t, []string{"staging/vmmesh.yml", "-o", "staging/out"}, "staging/vmmesh.yml")
	require.Equal(t, exitOK, r.code, r.err)
	r, _ = check.run(t, []string{"staging/vmmesh.yml", "--against", "staging/out"})
	require.Equal(t, exitOK, r.code, r.err)

	writeSpec(t, "vmmesh.yaml", strings.Replace(smallSpec, "port: 8080", "port: 8081", 1))
	before := snapshot(t, ".")
	r, _ = check.run(t, nil)
	require.Equal(t, exitFindings, r.code)
	require.Contains(t, r.out, "~ manifests/vm-workloads/service-cart.yaml\n")
	require.Contains(t, r.err, "deploy is stale; renew it: vmmesh build -o deploy\n")
	require.Equal(t, before, snapshot(t, "."), "the gate wrote something")
	r, _ = build.run(t, nil, "vmmesh.yaml")
	require.Equal(t, exitOK, r.code, r.err)
	require.NotEqual(t, before, snapshot(t, "."), "pre-commit fails the commit because files changed")
	r, _ = check.run(t, nil)
	require.Equal(t, exitOK, r.code)

	writeSpec(t, "staging/vmmesh.yml", strings.Replace(smallSpec, "port:", "prot:", 1))
	r, _ = lint.run(t, nil, "vmmesh.yaml", "staging/vmmesh.yml")
	require.Equal(t, exitFindings, r.code)
	require.Contains(t, r.out, `staging/vmmesh.yml:13:7: error VM010: unknown field "prot"`)
}

// pre-commit builds hooks with `go install ./...`: that is this program and no other, and needs no replacement of a
// module, which it would not know of.
func TestInstallIsOneProgram(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	list := exec.Command("go", "list", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "./...")
	list.Dir = root
	out, err := list.Output()
	require.NoError(t, err)
	programs := strings.Fields(string(out))
	require.Len(t, programs, 1, "%s", programs)
	for _, h := range readHooks(t) {
		require.Equal(t, path.Base(programs[0]), strings.Fields(h.entry)[0])
	}
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	require.NotRegexp(t, `(?m)^replace\b`, string(text))
}

// Several specs of one name are a clash in one build, and none in builds of their own.
func TestLintEach(t *testing.T) {
	t.Chdir(t.TempDir())
	writeSpec(t, "a.yaml", smallSpec)
	writeSpec(t, "b.yaml", smallSpec)
	require.Equal(t, exitFindings, run("lint", "a.yaml", "b.yaml").code)
	r := run("lint", "--each", "a.yaml", "b.yaml")
	require.Equal(t, exitOK, r.code, r.out)
	require.Equal(t, "2 specs, no findings\n", r.err)
	writeSpec(t, "vmmesh.yaml", smallSpec)
	require.Equal(t, "1 spec, no findings\n", run("lint", "--each").err)
	writeSpec(t, "b.yaml", strings.Replace(smallSpec, "8080", "80800", 1))
	r = run("lint", "--each", "a.yaml", "b.yaml", "a.yaml")
	require.Equal(t, exitFindings, r.code)
	require.Contains(t, r.out, "b.yaml:13:13: error VM014:")
	r = run("lint", "--each", "a.yaml", "nowhere.yaml", "neither.yaml")
	require.Equal(t, exitIO, r.code)
	require.Contains(t, r.err, "cannot read nowhere.yaml")
	require.Contains(t, r.err, "cannot read neither.yaml")
}
