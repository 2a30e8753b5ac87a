package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/cmd/vmmesh/tree"
	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema/compare"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// diffOptions are the options of a comparison.
type diffOptions struct {
	against string // a directory or a file; "-" is standard input
	check   bool
	stat    bool
	report  diffReport
	failOn  diffFailOn
}

// diffReport is diff's --report.
type diffReport string

const (
	diffText     diffReport = "text"
	diffJSON     diffReport = "json"
	diffMarkdown diffReport = "markdown"
	diffGitHub   diffReport = "github"
)

func (r *diffReport) String() string { return string(*r) }
func (r *diffReport) Type() string   { return "FORMAT" }
func (r *diffReport) Set(value string) error {
	return oneOf(r, value, diffText, diffJSON, diffMarkdown, diffGitHub)
}

// findings is the format in which findings of the specs are printed beside a report.
func (r diffReport) findings() reportFlag {
	switch r {
	case diffJSON:
		return reportFlag(diag.JSON)
	case diffGitHub:
		return reportFlag(diag.GitHub)
	case diffText, diffMarkdown:
	}
	return reportFlag(diag.Text)
}

// diffFailOn is diff's --fail-on: which changes fail.
type diffFailOn string

const (
	diffFailAny    diffFailOn = "any"
	diffFailRisk   diffFailOn = "risk"
	diffFailBreaks diffFailOn = "breaks"
)

func (f *diffFailOn) String() string { return string(*f) }
func (f *diffFailOn) Type() string   { return "LEVEL" }
func (f *diffFailOn) Set(value string) error {
	return oneOf(f, value, diffFailAny, diffFailRisk, diffFailBreaks)
}

// fails reports whether changes are at the level that fails.
func (f diffFailOn) fails(c *compare.Changes) bool {
	switch f {
	case diffFailBreaks:
		return c.Worst() >= compare.Breaks
	case diffFailRisk:
		return c.Worst() >= compare.Risk
	case diffFailAny:
	}
	return !c.Same()
}

func (a *app) diffCommand() *cobra.Command {
	o := diffOptions{report: diffText, failOn: diffFailAny}
	cmd := &cobra.Command{
		Use:   "diff [PATH…] --against DIR",
		Short: "What a build would change, and what that means",
		Long: `Compare what a build of the specs would make with the present state: which objects and which of
their fields differ, which files, and what that means to a mesh that runs: VMs that drop out,
callers that are refused or let in, routes that lead nowhere; for whom, and in which order nothing
breaks. Nothing is written.

A PATH is a file, a directory (its vmmesh.yaml, or the kustomization there whose result is specs) or
- for standard input; without one it is this directory. Several PATHs are one build.

DIR is a tree that 'vmmesh build -o DIR' wrote: its objects and all files that .vmmesh.lock lists
are compared, with those that were changed by hand, are missing or are not vmmesh's. Or it is a
file or directory with manifests from anywhere, or - for standard input: then the objects of the
kinds that vmmesh makes are compared, without what an API server, kubectl, Argo CD, Flux and istiod
add to them. One that the specs do not make counts as removed; where some have the labels of
vmmesh, those without are others'.

What a change means has a severity: breaks, for calls that fail or VMs that drop out; risk; and
note. What only changes its name is paired: a policy by what it selects, a static entry by its
address. The report lists the VMs that have to run install.sh again, and whether their sidecar
restarts; and what is deleted by kubectl, with and without --prune, by Argo CD and by Flux. VMs that
registered by themselves are in the cluster alone: compare with an export of its workload entries,
and they are counted.

With --check only the list of what differs is printed, a line each: the gate for a repository in
which the tree is kept beside its spec. --stat prints the numbers instead. --report markdown is a
comment on a pull request, github are annotations of a workflow (examples/ci).

Exit codes: 0 the same, or below --fail-on; 1 something differs, or there are findings at error
level, which then are all that is reported, on standard error; 2 invalid command line; 3 something
could not be read or written.`,
		Example: `  vmmesh diff --against deploy
  vmmesh diff --against deploy --check          in CI: fails when deploy is stale
  vmmesh diff --against deploy --fail-on breaks --report markdown
  kubectl get -n vm-workloads workloadgroups,workloadentries -o yaml | vmmesh diff --against -`,
		RunE: a.runs(func(paths []string) error { return a.diff(paths, o) }),
	}
	cmd.Flags().StringVar(&o.against, "against", "", "`DIR` that a build wrote, or a file or directory with "+
		"manifests; - is standard input")
	cmd.Flags().BoolVar(&o.check, "check", false, "print the list of what differs and nothing else")
	cmd.Flags().BoolVar(&o.stat, "stat", false, "print the numbers of what differs and nothing else")
	cmd.Flags().Var(&o.report, "report", "FORMAT: text, for people; json, whose fields are stable; markdown, for a "+
		"comment; or github, for annotations")
	words(cmd, "report", string(diffText), string(diffJSON), string(diffMarkdown), string(diffGitHub))
	cmd.Flags().Var(&o.failOn, "fail-on", "LEVEL that exits 1: any change, risk (and breaks), or breaks")
	words(cmd, "fail-on", string(diffFailAny), string(diffFailRisk), string(diffFailBreaks))
	return cmd
}

func (a *app) diff(paths []string, o diffOptions) error {
	switch {
	case o.against == "":
		return usageError{errors.New("--against DIR is missing: what is the build compared with?")}
	case o.against == "-" && slices.Contains(paths, "-"):
		return usageError{errors.New("standard input cannot be both a spec and what it is compared with")}
	case o.check && o.report != diffText:
		return usageError{errors.New("--check prints a list: omit --report")}
	case o.stat && o.report != diffText:
		return usageError{errors.New("--stat prints numbers: omit --report")}
	case o.stat && o.check:
		return usageError{errors.New("--stat prints numbers and --check a list: omit one of them")}
	}
	specs, err := a.load(paths)
	old, failed := a.readOld(o.against)
	if err = errors.Join(append(parts(err), parts(failed)...)...); err != nil {
		return err
	}

	var changes compare.Changes
	findings := specs.findings
	done := a.progress("comparing", nil)
	if findings.HasErrors() {
		findings = append(findings, fn.Lint(specs.docs)...) // nothing is compared, but the user sees all that is wrong
	} else {
		var more diag.List
		changes, more, err = fn.Diff(specs.docs, specs.sha256, old)
		findings = append(findings, more...)
	}
	done()
	if err != nil {
		return err
	}
	failing := findings
	if o.check { // lint reports warnings
		failing = nil
		for _, d := range findings {
			if d.Severity >= diag.Error {
				failing = append(failing, d)
			}
		}
	}
	// What stderr does not take is lost: there is no other place for it.
	if len(failing) > 0 {
		_ = a.report(a.Err, a.Err, o.report.findings(), failing, failOnError)
	}
	if findings.HasErrors() {
		if o.report == diffText || o.report == diffMarkdown {
			a.talk("%s; nothing was compared", tally(findings))
		}
		return errFindings
	}

	switch {
	case o.report == diffJSON:
		err = compare.WriteJSON(a.out, &changes)
	case o.report == diffMarkdown:
		err = compare.WriteMarkdown(a.out, &changes)
	case o.report == diffGitHub:
		err = compare.WriteGitHub(a.out, &changes)
	case o.stat:
		err = compare.WriteStat(a.out, &changes)
	case o.check:
		err = compare.WriteList(a.out, &changes, a.coloured(a.Out))
	default:
		err = compare.WriteText(a.out, &changes, a.coloured(a.Out))
	}
	if err == nil {
		err = a.out.Flush() // before what is printed on stderr
	}
	if err != nil {
		return err
	}
	if o.report == diffText {
		a.sumUp(paths, o, old.Lock != nil, &changes)
	}
	if o.failOn.fails(&changes) {
		return errFindings
	}
	return nil
}

// sumUp prints the summary of a comparison.
func (a *app) sumUp(paths []string, o diffOptions, isTree bool, changes *compare.Changes) {
	where := spoken(o.against)
	switch {
	case changes.Same() && o.check:
	case changes.Same():
		a.talk("%s is what a build makes: nothing would change", where)
	case o.check && isTree:
		a.talk("%s is stale; renew it: %s", where, buildCommand(paths, o.against))
	case o.check:
		a.talk("%s is not what a build makes", where)
	default:
		a.talk("%s: %s", where, changes.Summary())
	}
}

// buildCommand is the command that renews a tree, for a shell.
func buildCommand(paths []string, dir string) string {
	words := append(append([]string{"vmmesh", "build"}, paths...), "-o", dir)
	for i, w := range words {
		if w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,") != "" {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// readOld reads the present state. All that cannot be read is in the error.
func (a *app) readOld(against string) (compare.Old, error) {
	if against == "-" {
		text, err := readLimited(a.In, 0)
		if err != nil {
			return compare.Old{}, fmt.Errorf("cannot read standard input: %w", cause(err))
		}
		return compare.Old{Files: []compare.File{{Path: "-", Text: text}}}, nil
	}
	info, err := os.Stat(against)
	if errors.Is(err, fs.ErrNotExist) {
		return compare.Old{}, fmt.Errorf("cannot read %s: %w; make it: %s", against, cause(err), buildCommand(nil,
			against))
	}
	if err != nil {
		return compare.Old{}, fmt.Errorf("cannot read %s: %w", against, cause(err))
	}
	if !info.IsDir() {
		text, err := readManifest(against)
		return compare.Old{Files: []compare.File{{Path: against, Text: text}}}, err
	}
	lock, err := tree.ReadLock(against)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.tell("%s has no %s: its objects are compared, and not its files", against, compare.LockName)
		files, err := readManifests(against)
		return compare.Old{Files: files}, err
	case err != nil:
		return compare.Old{}, err
	}
	return readTree(against, lock)
}

// readTree reads a tree that a build wrote: its lock now, its files when they are asked for.
func readTree(dir string, lock *tree.Lock) (compare.Old, error) {
	old := compare.Old{
		Name: dir,
		Lock: &compare.Lock{SpecSHA256: lock.SpecSHA256},
		Read: func(path string) (compare.File, error) { return readTreeFile(dir, path) },
	}
	folders := map[string]bool{}
	for _, f := range lock.Files {
		old.Lock.Files = append(old.Lock.Files, compare.Locked{Path: f.Path, SHA256: f.SHA256, Mode: f.Mode})
		if i := strings.LastIndexByte(f.Path, '/'); i >= 0 { // what lies at the top is often the user's
			folders[f.Path[:i]] = true
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return old, fmt.Errorf("cannot read %s: %w", dir, cause(err))
	}
	defer root.Close()
	for folder := range folders {
		entries, err := fs.ReadDir(root.FS(), folder)
		if err != nil {
			continue // each of its files is reported as missing, or with what is in its place
		}
		for _, e := range entries {
			path := folder + "/" + e.Name()
			if _, listed := lock.Find(path); !listed && !e.IsDir() {
				old.Strangers = append(old.Strangers, path)
			}
		}
	}
	return old, nil
}

// readTreeFile reads a file of a tree as a build sees it: no symbolic link is followed.
func readTreeFile(dir, path string) (compare.File, error) {
	name := filepath.Join(dir, filepath.FromSlash(path))
	root, err := os.OpenRoot(dir)
	if err != nil {
		return compare.File{}, fmt.Errorf("cannot read %s: %w", dir, cause(err))
	}
	defer root.Close()
	segments := strings.Split(path, "/")
	for i := range segments {
		info, err := root.Lstat(filepath.FromSlash(strings.Join(segments[:i+1], "/")))
		last := i == len(segments)-1
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			return compare.File{}, fs.ErrNotExist
		case err != nil:
			return compare.File{}, fmt.Errorf("cannot read %s: %w", name, cause(err))
		case info.Mode()&fs.ModeSymlink != 0:
			return compare.File{}, compare.NoFile{What: "a symbolic link"}
		case last && info.IsDir():
			return compare.File{}, compare.NoFile{What: "a folder"}
		case last && !info.Mode().IsRegular():
			return compare.File{}, compare.NoFile{What: "something that is not a file"}
		case last:
			text, err := root.ReadFile(filepath.FromSlash(path))
			if err != nil {
				return compare.File{}, fmt.Errorf("cannot read %s: %w", name, cause(err))
			}
			f := compare.File{Path: path, Text: text}
			if runtime.GOOS != "windows" { // which does not have these bits
				f.Mode = uint32(info.Mode().Perm())
			}
			return f, nil
		}
	}
	return compare.File{}, fs.ErrNotExist
}

// readManifests reads all YAML and JSON files below a directory, less hidden folders and symbolic links. Everything
// that cannot be read is in the error, not the first alone.
func readManifests(dir string) ([]compare.File, error) {
	var files []compare.File
	var failures []error
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			failures = append(failures, fmt.Errorf("cannot read %s: %w", path, cause(err)))
			return nil
		case e.IsDir():
			if path != dir && strings.HasPrefix(e.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		case !e.Type().IsRegular() || !slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(path))):
			return nil
		}
		text, err := readManifest(path)
		if err != nil {
			failures = append(failures, err)
			return nil
		}
		files = append(files, compare.File{Path: filepath.ToSlash(path), Text: text})
		return nil
	})
	return files, errors.Join(append(failures, err)...)
}

// readManifest reads a file, or of what is too large just enough to see that it is.
func readManifest(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, cause(err))
	}
	defer f.Close()
	text, err := readLimited(f, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, cause(err))
	}
	return text, nil
}
