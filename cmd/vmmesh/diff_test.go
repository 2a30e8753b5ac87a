package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/compare"
)

// TestDiffCases runs `vmmesh diff` over each folder of testdata/diff. The new side is its vmmesh.yaml; the old one is
// old.yaml, the directory old, or what old-vmmesh.yaml builds. want.txt is what is printed, rewritten by -update. A folder
// that begins with the name of a meaning must draw it.
func TestDiffCases(t *testing.T) {
	folders, err := filepath.Glob("../../testdata/diff/*")
	require.NoError(t, err)
	drawn := map[string]bool{}
	for _, folder := range folders {
		folder, err := filepath.Abs(folder)
		require.NoError(t, err)
		name := filepath.Base(folder)
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			require.NoError(t, os.CopyFS(".", os.DirFS(folder)))
			old := "old.yaml"
			if _, err := os.Stat("old-vmmesh.yaml"); err == nil {
				built := run("build", "old-vmmesh.yaml")
				require.Equal(t, exitOK, built.code, built.err)
				require.NoFileExists(t, old)
				writeSpec(t, old, built.out)
			} else if _, err := os.Stat("old-tree-vmmesh.yaml"); err == nil {
				old = "old"
				require.NoDirExists(t, old)
				built := run("build", "old-tree-vmmesh.yaml", "-o", old)
				require.Equal(t, exitOK, built.code, built.err)
			} else if _, err := os.Stat("old"); err == nil {
				require.NoFileExists(t, old)
				old = "old"
			}

			r := run("diff", "--against", old)
			got := r.out + "-- stderr --\n" + r.err
			golden := filepath.Join(folder, "want.txt")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)

			report := diffReportOf(t, "--against", old)
			require.Equal(t, report.Same, r.code == exitOK)
			require.Equal(t, !report.Same, r.code == exitFindings)
			about := meaningOf(name)
			for _, m := range report.Meanings {
				if m.Meaning == about {
					drawn[about] = true
					require.Contains(t, r.out, "  "+m.Severity+": "+m.Object)
					require.Contains(t, r.out, ": "+m.Message+"\n")
					require.NotContains(t, name, "-but-")
					return
				}
			}
			// "but for" is a case beside one that draws the meaning, and must not.
			require.True(t, about == "" || strings.Contains(name, "-but-"), "nothing means %s", about)
		})
	}
	for _, m := range compare.Meanings {
		require.True(t, drawn[m.Name], "no case in testdata/diff is about %s", m.Name)
		require.NotEmpty(t, m.Doc)
	}
}

// meaningOf is the meaning that a case is about, "" where it is about none.
func meaningOf(name string) string {
	about := ""
	for _, m := range compare.Meanings {
		if (name == m.Name || strings.HasPrefix(name, m.Name+"-")) && len(m.Name) > len(about) {
			about = m.Name
		}
	}
	return about
}

// diffJSONReport is the report for programs, as a program reads it.
type diffJSONReport struct {
	Objects []struct {
		Change, Group, Kind, Namespace, Name, Was string
		Fields                                    []struct {
			Change, Path string
			Old, New     any
		}
	}
	Files []struct {
		Change, Path, Why string
		Lines             []string
	}
	Meanings []struct {
		Severity, Meaning, Object, Message string
		Others, Steps                      []string
	}
	Setup []struct {
		Group      string
		Restart    bool
		VMs, Files []string
	}
	Deletions []struct {
		Object, Now string
		By          []string
	}
	Delete    []string
	Strangers []string
	Notes     []string
	Same      bool
}

func diffReportOf(t *testing.T, args ...string) diffJSONReport {
	t.Helper()
	r := run(append([]string{"diff", "--report", "json"}, args...)...)
	require.Empty(t, r.err)
	var report diffJSONReport
	dec := json.NewDecoder(strings.NewReader(r.out))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&report), r.out)
	return report
}

// builtTree makes ./vmmesh.yaml and, of it, ./deploy.
func builtTree(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	writeSpec(t, "vmmesh.yaml", smallSpec)
	built := run("build", "-o", "deploy")
	require.Equal(t, exitOK, built.code, built.err)
}

const smallService = "deploy/manifests/vm-workloads/service-cart.yaml"

// A tree that is just built is the same, and the gate then prints nothing.
func TestDiffOfATree(t *testing.T) {
	builtTree(t)
	before := snapshot(t, ".")
	r := run("diff", "--against", "deploy")
	require.Equal(t, result{exitOK, "", "deploy is what a build makes: nothing would change\n"}, r)
	require.Equal(t, result{exitOK, "", ""}, run("diff", "--against", "deploy", "--check"))
	require.True(t, diffReportOf(t, "--against", "deploy").Same)

	writeSpec(t, "vmmesh.yaml", strings.Replace(smallSpec, "port: 8080", "port: 8081", 1))
	r = run("diff", "--against", "deploy")
	require.Equal(t, exitFindings, r.code)
	require.Contains(t, r.out, "~ Service vm-workloads/cart\n    spec.ports[http].port: 8080 → 8081\n")
	require.Contains(t, r.out, "files:\n~ RUNBOOK.md\n~ fleet/inventory.yaml\n~ fleet/vms.json\n~ manifests/vm-workloads/service-cart.yaml\n")
	require.Contains(t, r.out, "  breaks: Service vm-workloads/cart: port 8080 (http) becomes 8081")
	r = run("diff", ".", "--against", "deploy", "--check")
	require.Equal(t, exitFindings, r.code)
	require.Contains(t, r.out, "~ manifests/vm-workloads/service-cart.yaml\n")
	require.NotContains(t, r.out, ":")
	require.Equal(t, "deploy is stale; renew it: vmmesh build . -o deploy\n", r.err)
	require.Empty(t, run("diff", "--against", "deploy", "--check", "-q").err)

	writeSpec(t, "vmmesh.yaml", smallSpec)
	require.Equal(t, before, snapshot(t, "."), "a comparison wrote something")
}

// What happened to a tree since it was written is reported for each file.
func TestDiffOfATreeThatWasTouched(t *testing.T) {
	builtTree(t)
	const account = "deploy/manifests/vm-workloads/serviceaccount-cart.yaml"
	const namespace = "deploy/manifests/vm-workloads/namespace-vm-workloads.yaml"
	const group = "deploy/manifests/vm-workloads/workloadgroup-cart.yaml"
	text, err := os.ReadFile(smallService)
	require.NoError(t, err)
	writeSpec(t, smallService, strings.Replace(string(text), "port: 8080", "port: 9999", 1))
	require.NoError(t, os.Remove(account))
	require.NoError(t, os.Remove(namespace))
	require.NoError(t, os.Mkdir(namespace, 0o755))
	require.NoError(t, os.Rename(group, "elsewhere"))
	require.NoError(t, os.Symlink("../../../elsewhere", group))
	writeSpec(t, "deploy/manifests/vm-workloads/mine.yaml", "mine: true\n")
	writeSpec(t, "deploy/README.md", "mine\n")
	writeSpec(t, "deploy/kustomization.yaml", "resources: []\n")

	r := run("diff", "--against", "deploy")
	require.Equal(t, exitFindings, r.code, r.err)
	_, files, _ := strings.Cut(r.out, "files:\n")
	files, _, _ = strings.Cut(files, "what it means:\n")
	require.Equal(t, `~ kustomization.yaml (changed by hand; a build overwrites it only with --force)
~ manifests/vm-workloads/namespace-vm-workloads.yaml (a folder is there, and a build does not write over it)
~ manifests/vm-workloads/service-cart.yaml (changed by hand; a build overwrites it only with --force)
+ manifests/vm-workloads/serviceaccount-cart.yaml (missing: it was written and is gone)
~ manifests/vm-workloads/workloadgroup-cart.yaml (a symbolic link is there, and a build does not write over it)
`, files)
	require.Contains(t, r.out, "spec.ports[http].port: 9999 → 8080\n")
	require.Contains(t, r.out, "also:\n  manifests/vm-workloads/mine.yaml was not written by vmmesh;")
	require.NotContains(t, r.out, "README.md")
	check := run("diff", "--against", "deploy", "--check")
	require.Equal(t, exitFindings, check.code)
	require.Equal(t, files, check.out)

	// Files of others alone are not a difference: a build leaves them.
	t.Chdir(t.TempDir())
	builtTree(t)
	writeSpec(t, "deploy/manifests/vm-workloads/mine.yaml", "mine: true\n")
	r = run("diff", "--against", "deploy")
	require.Equal(t, exitOK, r.code)
	require.Contains(t, r.out, "mine.yaml was not written by vmmesh")
}

// A file of an earlier build that was edited since, and one that is where a new one would be.
func TestDiffOfWhatABuildWouldRefuse(t *testing.T) {
	builtTree(t)
	writeSpec(t, smallService, "kind: Edited\n")
	writeSpec(t, "deploy/manifests/vm-workloads/service-other.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: vm-workloads}\n")
	writeSpec(t, "vmmesh.yaml", strings.ReplaceAll(smallSpec, "cart", "other"))
	r := run("diff", "--against", "deploy", "--check")
	require.Equal(t, exitFindings, r.code, r.err)
	require.Contains(t, r.out, "- manifests/vm-workloads/service-cart.yaml (changed by hand; a build removes it only with --force)\n")
	require.Contains(t, r.out, "~ manifests/vm-workloads/service-other.yaml (not written by vmmesh; a build overwrites it only with --force)\n")
	require.Contains(t, r.out, "- manifests/vm-workloads/workloadgroup-cart.yaml\n")
	require.Contains(t, r.out, "+ manifests/vm-workloads/workloadgroup-other.yaml\n")
}

// A lock that does not list the files of the tree is stale, also where all files are right. That the spec has other
// comments is not a difference.
func TestDiffOfALock(t *testing.T) {
	builtTree(t)
	writeSpec(t, "vmmesh.yaml", "# a remark\n"+smallSpec)
	r := run("diff", "--against", "deploy", "--check")
	require.Equal(t, result{exitOK, "", ""}, r)

	writeSpec(t, "vmmesh.yaml", smallSpec)
	lock, err := os.ReadFile("deploy/.vmmesh.lock")
	require.NoError(t, err)
	var kept []string
	for line := range strings.Lines(string(lock)) {
		if !strings.Contains(line, "service-cart.yaml") {
			kept = append(kept, line)
		}
	}
	writeSpec(t, "deploy/.vmmesh.lock", strings.Join(kept, ""))
	r = run("diff", "--against", "deploy", "--check")
	require.Equal(t, exitFindings, r.code, r.err)
	require.Equal(t, "~ .vmmesh.lock (its list of files is not that of a build)\n", r.out)

	writeSpec(t, "deploy/.vmmesh.lock", "<<<<<<< HEAD\n")
	r = run("diff", "--against", "deploy")
	require.Equal(t, exitIO, r.code)
	require.Contains(t, r.err, ".vmmesh.lock is damaged")
	require.Contains(t, r.err, "restore it from version control")

	if runtime.GOOS == "windows" {
		return // which has no such bits
	}
	builtTree(t)
	require.NoError(t, os.Chmod(smallService, 0o755))
	r = run("diff", "--against", "deploy", "--check")
	require.Equal(t, exitFindings, r.code)
	require.Equal(t, "~ manifests/vm-workloads/service-cart.yaml (its mode alone)\n", r.out)
}

// What cannot be read on the old side is reported like any finding, with its place.
func TestDiffOfWhatIsNoYAML(t *testing.T) {
	builtTree(t)
	writeSpec(t, smallService, "<<<<<<< HEAD\nkind: Service\n=======\n")
	r := run("diff", "--against", "deploy")
	require.Equal(t, exitFindings, r.code)
	require.Empty(t, r.out)
	require.Contains(t, r.err, smallService+":1:")
	require.Contains(t, r.err, "error VM001:")
	require.Contains(t, r.err, "1 error; nothing was compared\n")
}

// Findings of the specs are those of a build, and nothing is compared.
func TestDiffFindings(t *testing.T) {
	builtTree(t)
	writeSpec(t, "vmmesh.yaml", strings.Replace(smallSpec, "8080", "80800", 1))
	for _, more := range [][]string{nil, {"--check"}, {"--report", "json"}} {
		r := run(append([]string{"diff", "--against", "deploy"}, more...)...)
		require.Equal(t, exitFindings, r.code)
		require.Empty(t, r.out)
		require.Contains(t, r.err, "VM014")
	}
	writeSpec(t, "vmmesh.yaml", "a: [\n")
	r := run("diff", "--against", "deploy")
	require.Equal(t, exitFindings, r.code)
	require.Contains(t, r.err, "error VM001:")
}

func TestDiffUsage(t *testing.T) {
	builtTree(t)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"diff"}, exitUsage, "--against DIR is missing"},
		{[]string{"diff", "-", "--against", "-"}, exitUsage, "standard input cannot be both"},
		{[]string{"diff", "--against", "deploy", "--check", "--report", "json"}, exitUsage, "--check prints a list"},
		{[]string{"diff", "--against", "deploy", "--stat", "--report", "markdown"}, exitUsage, "--stat prints numbers"},
		{[]string{"diff", "--against", "deploy", "--stat", "--check"}, exitUsage, "omit one of them"},
		{[]string{"diff", "--against", "deploy", "--fail-on", "note"}, exitUsage, "it takes any, risk or breaks"},
		{[]string{"diff", "--against", "deploy", "--report", "xml"}, exitUsage, "it takes text, json, markdown or github"},
		{[]string{"diff", "--against", "it's not"}, exitIO, `cannot read it's not: no such file or directory; make it: vmmesh build -o 'it'\''s not'`},
		{[]string{"diff", "nowhere", "--against", "nope"}, exitIO, "cannot read nowhere: "},
	} {
		r := run(c.args...)
		require.Equal(t, c.code, r.code, "%q: %s", c.args, r.err)
		require.Contains(t, r.err, c.says)
		require.Empty(t, r.out)
	}
}

// The old side may come through a pipe, and so may the spec.
func TestDiffOfStandardInput(t *testing.T) {
	builtTree(t)
	stream := run("build").out
	require.Equal(t, result{exitOK, "", "standard input is what a build makes: nothing would change\n"}, world{in: stream}.run("diff", "--against", "-"))
	require.Equal(t, exitOK, world{in: smallSpec}.run("diff", "-", "--against", "deploy").code)
	r := world{in: "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: y}\n"}.run("diff", "--against", "-", "--check")
	require.Equal(t, exitFindings, r.code)
	require.Contains(t, r.out, "- Service y/x\n")
	require.Contains(t, r.out, "+ Service vm-workloads/cart\n")
	require.Equal(t, "standard input is not what a build makes\n", r.err)
	require.Contains(t, world{in: stream, tty: "out"}.run("diff", "--against", "-", "--color", "always").err, "nothing would change")
}

// --fail-on decides which changes fail; findings at error level always do.
func TestDiffFailOn(t *testing.T) {
	note, risk, breaks := "weights", "allow-removed", "host-removed"
	for _, c := range []struct {
		folder string
		code   map[string]int
	}{
		{"same", map[string]int{"any": exitOK, "risk": exitOK, "breaks": exitOK}},
		{note, map[string]int{"any": exitFindings, "risk": exitOK, "breaks": exitOK}},
		{risk, map[string]int{"any": exitFindings, "risk": exitFindings, "breaks": exitOK}},
		{breaks, map[string]int{"any": exitFindings, "risk": exitFindings, "breaks": exitFindings}},
	} {
		folder, err := filepath.Abs("../../testdata/diff/" + c.folder)
		require.NoError(t, err)
		t.Run(c.folder, func(t *testing.T) {
			t.Chdir(folder)
			built := run("build", "old-vmmesh.yaml").out
			for level, code := range c.code {
				for _, more := range [][]string{nil, {"--check"}, {"--stat"}, {"--report", "json"}, {"--report", "markdown"}, {"--report", "github"}} {
					r := world{in: built}.run(append([]string{"diff", "--against", "-", "--fail-on", level}, more...)...)
					require.Equal(t, code, r.code, "%s %s", level, more)
				}
			}
		})
	}
	builtTree(t)
	writeSpec(t, "vmmesh.yaml", "a: 1\n")
	require.Equal(t, exitFindings, run("diff", "--against", "deploy", "--fail-on", "breaks").code)
}

// The formats of one change.
func TestDiffReports(t *testing.T) {
	builtTree(t)
	writeSpec(t, "vmmesh.yaml", strings.Replace(smallSpec, "port: 8080", "port: 8081", 1))
	const message = "port 8080 (http) becomes 8081: clients that dial 8080 fail"

	r := run("diff", "--against", "deploy", "--report", "markdown")
	require.Equal(t, exitFindings, r.code)
	require.Empty(t, r.err)
	require.True(t, strings.HasPrefix(r.out, compare.Marker+"\n### vmmesh diff: "), r.out)
	require.Contains(t, r.out, "| **breaks** | Service vm-workloads/cart | "+message+"<br>1. add port 8081 ")
	require.Contains(t, r.out, "! Service vm-workloads/cart\n")

	r = run("diff", "--against", "deploy", "--report", "github")
	require.Equal(t, exitFindings, r.code)
	require.Empty(t, r.err)
	require.Contains(t, r.out, "::error title=vmmesh diff%3A breaks%2C port-removed::Service vm-workloads/cart: "+message+"%0A1. add port 8081 ")

	r = run("diff", "--against", "deploy", "--stat")
	require.Equal(t, exitFindings, r.code)
	require.Contains(t, r.out, "  Service: 1 changed\n")
	require.Regexp(t, `(?m)^meaning: 1 breaks, `, r.out)

	writeSpec(t, "vmmesh.yaml", smallSpec)
	require.Equal(t, compare.Marker+"\n### vmmesh diff: nothing would change\n", run("diff", "--against", "deploy", "--report", "markdown").out)
	for _, quiet := range [][]string{{"--report", "github"}, {"--stat"}} {
		require.Empty(t, run(append([]string{"diff", "--against", "deploy"}, quiet...)...).out)
	}
	// Findings of the spec have the form of the report, on standard error.
	writeSpec(t, "vmmesh.yaml", strings.Replace(smallSpec, "8080", "80800", 1))
	r = run("diff", "--against", "deploy", "--report", "github")
	require.Empty(t, r.out)
	require.Contains(t, r.err, "::error file=vmmesh.yaml,")
}
