package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/cmd/vmmesh/tree"
	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema/diag"
)

func (a *app) verifyCommand() *cobra.Command {
	report, on := reportFlag(diag.Text), failOnError
	cmd := &cobra.Command{
		Use:   "verify [PATH…]",
		Short: "Check manifests from anywhere against each other",
		Long: `Check Kubernetes and Istio manifests against each other: what came through kustomize or Helm,
what somebody wrote, or what a cluster exports. No spec is needed. It finds what Istio accepts
and what breaks at run time: selectors that select no VM, service accounts and hosts that an
overlay renamed, subsets that a patch deleted, ports and networks that do not meet.

A PATH is a file, a directory (every .yaml, .yml and .json below it) or - for standard input;
without one it is this directory. The cluster.env of a VM in such a directory, with the mesh.yaml
and hosts beside it, is checked against the objects. All PATHs are checked as one cluster: give it
one environment at a time. Documents that are no Kubernetes objects are passed over. A reference to
something that is not among the manifests is no finding by itself.

` + reportHelp + `

Exit codes: 0 no finding that fails the run; 1 findings at the severity of --fail-on or above, or
no objects to check; 2 the command line makes no sense; 3 a PATH could not be read, or standard
output not written.`,
		Example: `  kustomize build overlays/staging | vmmesh verify -
  helm template release chart | vmmesh verify - --fail-on warning
  kubectl get all,serviceaccounts,workloadgroups,workloadentries -n shop -o yaml | vmmesh verify -
  vmmesh verify deploy/manifests --report github`,
		RunE: a.runs(func(paths []string) error { return a.verify(paths, report, on) }),
	}
	addReportFlag(cmd, &report)
	cmd.Flags().Var(&on, "fail-on", "least SEVERITY that fails the run: error, warning or never")
	words(cmd, "fail-on", string(failOnError), string(failOnWarning), string(failOnNever))
	return cmd
}

func (a *app) verify(paths []string, report reportFlag, on failOn) error {
	texts, err := a.loadManifests(paths)
	if err != nil {
		return err
	}
	done := a.progress("checking", nil)
	set, findings := fn.VerifyTexts(texts)
	done()
	if err := a.report(a.out, a.Out, report, findings, on); err != nil {
		return err
	}
	if err := a.out.Flush(); err != nil { // what is said next comes after it
		return err
	}
	a.tellRules(findings)
	if set.Len() == 0 && !findings.HasErrors() {
		// A check that saw nothing, because what came before it in a pipe failed, must not pass.
		a.say("there are no Kubernetes objects in %s", spokenSources(texts))
		return errFindings
	}
	a.talk("%s, %s", count(set.Len(), "object"), tally(findings))
	if on.fails(findings.Worst()) {
		return errFindings
	}
	return nil
}

// spokenSources is what was read, in a sentence.
func spokenSources(texts []fn.Manifests) string {
	switch len(texts) {
	case 0:
		return "the PATHs"
	case 1:
		return spoken(texts[0].Name)
	}
	return count(len(texts), "file")
}

// loadManifests reads all PATHs; none means the working directory. A file that is named twice is read once. Everything
// that cannot be read is in the error, not the first alone.
func (a *app) loadManifests(paths []string) ([]fn.Manifests, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var texts []fn.Manifests
	var failures []error
	var seen seenFiles
	read := func(path string) {
		name, text, err := a.readSpec(path, &seen)
		switch {
		case err != nil:
			failures = append(failures, err)
		case text == nil:
			a.tell("%s is named twice; it is read once", spoken(name))
		default:
			a.tell("read %s: %s", spoken(name), count(len(text), "byte"))
			texts = append(texts, fn.Manifests{Name: name, Text: text})
		}
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if path == "-" || err != nil || !info.IsDir() {
			read(path)
			continue
		}
		files, err := a.manifestsBelow(path)
		if err != nil {
			failures = append(failures, err)
		} else if len(files) == 0 {
			failures = append(failures, fmt.Errorf("no .yaml, .yml or .json in %s or below it", describeDir(path)))
		}
		for _, file := range files {
			read(file)
		}
	}
	return texts, errors.Join(failures...)
}

// manifestsBelow lists the files of a directory that may hold manifests, in order of their paths. Directories whose names
// begin with a dot are tools' own. A symbolic link to a file is followed, one to a directory is not. Pipes, devices and
// links to them are named and left out: reading one could wait without end.
func (a *app) manifestsBelow(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", path, cause(err))
		}
		if e.IsDir() {
			if path != dir && strings.HasPrefix(e.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) && !fn.VMFile(e.Name()) {
			return nil
		}
		if !e.Type().IsRegular() {
			info, err := os.Stat(path)
			if err == nil && !info.Mode().IsRegular() {
				if !info.IsDir() {
					a.talk("skipped %s: it is %s", path, tree.WhatIs(info.Mode()))
				}
				return nil
			}
		}
		files = append(files, path)
		return nil
	})
	return files, err
}
