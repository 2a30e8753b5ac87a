package main

import (
	"bufio"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/cmd/vmmesh/tree"
	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// buildOptions is what the command line says of a build.
type buildOptions struct {
	dir    string // "-" is standard output
	force  bool
	report reportFlag
}

func (a *app) buildCommand() *cobra.Command {
	o := buildOptions{dir: "-", report: reportFlag(diag.Text)}
	cmd := &cobra.Command{
		Use:   "build [PATH…]",
		Short: "Expand specs into manifests",
		Long: `Expand specs into Kubernetes and Istio manifests.

A PATH is a file, a directory (its vmmesh.yaml, or the kustomization there whose result is specs) or
- for standard input; without one it is this directory. Several PATHs are one build.

Without -o the Kubernetes objects go to standard output, one YAML document each, in the order in
which a cluster should see them. With -o DIR a whole tree is written: the manifests, ready for
kustomize, and below vms/ a folder for each group of VMs, from which they become members. All of
it is written or, when anything goes wrong, nothing. DIR/.vmmesh.lock lists what vmmesh wrote, so
that the next build removes what is gone from the spec, and nothing else. A file that was changed
by hand, or that vmmesh did not write, is never overwritten without --force.

Findings go to standard error.

` + reportHelp + `

Exit codes: 0 built; 1 findings at error level, nothing was written; 2 the command line makes no
sense; 3 something could not be read or written, or stands in the way in DIR.`,
		Example: `  vmmesh build | kubectl apply --dry-run=server -f -
  vmmesh build -o deploy
  vmmesh build platform teams/payments -o deploy --report github`,
		RunE: a.runs(func(paths []string) error { return a.build(paths, o) }),
	}
	cmd.Flags().StringVarP(&o.dir, "output", "o", o.dir, "`DIR` to write the whole tree to; - is the objects alone, on standard output")
	cmd.Flags().BoolVar(&o.force, "force", false, "overwrite files in DIR that were changed by hand or that vmmesh did not write")
	addReportFlag(cmd, &o.report)
	if err := cmd.MarkFlagDirname("output"); err != nil {
		panic(err) // there is no such flag
	}
	return cmd
}

func (a *app) build(paths []string, o buildOptions) error {
	if o.dir == "" {
		return usageError{fmt.Errorf("-o needs the name of a directory, or -")}
	}
	if o.dir == "yaml" || o.dir == "json" {
		return usageError{fmt.Errorf("-o takes a directory, and %q is a format: without -o the objects are printed as YAML; "+
			"write -o ./%s for a directory of this name", o.dir, o.dir)}
	}
	if o.force && o.dir == "-" {
		return usageError{fmt.Errorf("--force is for files: it needs -o DIR")}
	}
	specs, err := a.load(paths)
	if err != nil {
		return err
	}
	var findings diag.List
	var done string
	switch {
	case specs.findings.HasErrors():
		findings = fn.Lint(specs.docs) // nothing will be built, but the user sees all that is wrong
	case o.dir == "-":
		findings, done, err = a.buildStream(specs)
	default:
		findings, done, err = a.buildTree(specs, o)
	}
	findings = append(findings, specs.findings...)
	// What stderr does not take is lost: there is nowhere left to say so.
	_ = a.report(a.Err, a.Err, o.report, findings, failOnError)
	if err != nil {
		return err
	}
	a.tellRules(findings)
	if diag.Format(o.report) == diag.JSON {
		done = "" // stderr is one JSON document
	}
	if findings.HasErrors() {
		if diag.Format(o.report) != diag.JSON {
			a.talk("%s; nothing was written", summary(specs, findings))
		}
		return errFindings
	}
	if done != "" {
		a.talk("%s", done)
	}
	return nil
}

// buildStream writes the objects to standard output. What it has to say of them comes back in words.
func (a *app) buildStream(s specs) (findings diag.List, done string, err error) {
	out := &streamSink{out: a.out}
	stop := a.progress("building", &out.objects)
	findings, err = fn.Print(s.docs, out.object)
	stop()
	if err == nil {
		err = a.out.Flush()
	}
	if err == nil && !findings.HasErrors() && out.objects.Load() == 0 {
		done = "the specs emit no objects"
	}
	return findings, done, err
}

// streamSink prints objects as one stream of YAML documents.
type streamSink struct {
	out     *bufio.Writer
	objects atomic.Int64
}

func (s *streamSink) object(_ string, text []byte) error {
	if s.objects.Add(1) > 1 {
		s.out.WriteString("---\n") // the writer remembers its first error
	}
	_, err := s.out.Write(text)
	return err
}

// buildTree writes the output directory. What it did comes back in words.
func (a *app) buildTree(s specs, o buildOptions) (findings diag.List, done string, err error) {
	options := tree.Options{Force: o.force, SpecSHA256: s.sha256, Names: treeNames}
	if a.Hold != nil {
		interrupted, release := a.Hold()
		options.Interrupted = interrupted
		defer func() {
			if errors.Is(err, tree.ErrInterrupted) {
				a.talk("%s", err)
			}
			release()
		}()
	}
	w, err := tree.Open(o.dir, options)
	if err != nil {
		return fn.Lint(s.docs), "", err // so that the user fixes both at once
	}
	defer w.Abort() // after a Commit it does nothing
	switch w.Recovered() {
	case tree.Completed:
		a.talk("%s: completed an earlier build that was interrupted", o.dir)
	case tree.TakenBack:
		a.talk("%s: took back an earlier build that was interrupted", o.dir)
	}
	out := &countingSink{Sink: w}
	stop := a.progress("building", &out.objects)
	defer stop()
	findings, err = fn.Build(s.docs, out)
	if err != nil || findings.HasErrors() {
		return findings, "", err
	}
	w.KeepSpec(fn.Source(s.docs))
	changes, err := w.Commit()
	if err != nil {
		return findings, "", err
	}
	for _, path := range changes.Written {
		a.tell("wrote %s", filepath.Join(o.dir, filepath.FromSlash(path)))
	}
	for _, path := range changes.Removed {
		a.tell("removed %s", filepath.Join(o.dir, filepath.FromSlash(path)))
	}
	return findings, fmt.Sprintf("%s: %s written, %d unchanged, %d removed",
		o.dir, count(len(changes.Written), "file"), changes.Unchanged, len(changes.Removed)), nil
}

// treeNames are what a build writes at the top of its directory. A lock that lists anything else is not a build's.
var treeNames = []string{
	"control-plane", "fleet", "kustomization.yaml", "kustomizeconfig.yaml", "manifests", "monitoring", "overlay", "RUNBOOK.md", "vms",
}

// countingSink counts the objects on their way, for the progress line.
type countingSink struct {
	fn.Sink
	objects atomic.Int64
}

func (s *countingSink) Object(path string, text []byte) error {
	s.objects.Add(1)
	return s.Sink.Object(path, text)
}
