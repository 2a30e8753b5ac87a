package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

func (a *app) cmpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cmp",
		Short: "Generate manifests as a plugin of Argo CD",
		Long: `Generate manifests as a config management plugin of Argo CD: the generate command of plugin.yaml.

Argo CD runs it in the application's directory. The objects of the spec there go to standard
output; everything else goes to standard error, which Argo CD shows, so source lines are left out
there. An answer without objects is refused: Argo CD would prune everything.

The parameters of the Application, from ARGOCD_APP_PARAMETERS or else PARAM_…:

  environment   string, default ".": the spec, a file or the directory of its vmmesh.yaml or of a
                kustomization whose result is specs, below the application's directory
  only          array, default empty (everything): namespace=NAME, kind=KIND or group=NAME, the
                objects to keep. Items of one sort are alternatives; of several sorts, an object
                needs one of each. group keeps a WorkloadGroup and its WorkloadEntries. An item that
                fits no object is an error

Exit codes: 0 printed; 1 findings at error level, or nothing to print; 2 a parameter makes no sense;
3 something could not be read or written.`,
		Example: `  vmmesh cmp
  ARGOCD_APP_PARAMETERS='[{"name":"environment","string":"production"}]' vmmesh cmp`,
		Args:              none,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              a.runs(func([]string) error { return a.cmp() }),
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "parameters",
		Short: "Announce the parameters of an application",
		Long: `Announce the parameters of an application to Argo CD: the parameters.dynamic command of
plugin.yaml. Prints JSON: what "vmmesh cmp" takes, and what there is to choose from in this directory.

Exit codes: 0 printed, even where the spec has faults; 3 standard output could not be written.`,
		Example:           `  vmmesh cmp parameters`,
		Args:              none,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              a.runs(func([]string) error { return a.cmpParameters() }),
	})
	return cmd
}

// cmp prints what one Application wants of the spec in the working directory: all of it, or nothing and an error.
func (a *app) cmp() error {
	p, err := a.cmpParams()
	if err != nil {
		return usageError{err}
	}
	docs, findings, err := readEnvironment(p.environment)
	if err != nil {
		return err
	}
	out := newSelection(p.only)
	if findings.HasErrors() {
		findings = append(findings, fn.Lint(docs)...)
	} else {
		more, err := fn.Build(docs, out)
		if err != nil {
			return err
		}
		findings = append(findings, more...)
	}
	a.tellFindings(findings.Sorted())
	if findings.HasErrors() {
		return errFindings
	}
	if err := out.unmatched(); err != nil {
		return usageError{err}
	}
	if out.text.Len() == 0 {
		a.say("vmmesh: nothing to print: %s. Argo CD would prune every object of the application, so this is an error", out.emptiness())
		return errFindings
	}
	_, err = a.out.Write(out.text.Bytes())
	return err
}

// ruleSecret is the rule that finds secrets in specs.
const ruleSecret = "VM018"

// tellFindings prints findings without the lines that they are about: Argo CD shows them to whoever may see the
// application. What lies in the place of a secret is not spoken of in other findings either, since some quote it.
func (a *app) tellFindings(findings diag.List) {
	hidden := map[string]bool{}
	for _, d := range findings {
		if d.Rule == ruleSecret {
			hidden[d.At.String()] = true
		}
	}
	var shown diag.List
	for _, d := range findings {
		if d.Severity >= diag.Warning && (d.Rule == ruleSecret || !hidden[d.At.String()]) {
			shown = append(shown, d)
		}
	}
	// What standard error does not take is lost: there is nowhere left to report it.
	_ = diag.Report(a.Err, diag.Text, shown, diag.Options{NoExcerpts: true})
}

// readEnvironment reads the spec that the environment names. Nothing outside the working directory is read, be it by a
// symbolic link.
func readEnvironment(environment string) ([]*schema.Document, diag.List, error) {
	root, err := os.OpenRoot(".")
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read the application's directory: %w", cause(err))
	}
	defer root.Close()
	name := filepath.FromSlash(environment)
	info, err := root.Stat(name)
	if err == nil && info.IsDir() {
		if file := kustomizationIn(name); file != "" {
			text, err := kustomize(file, ".")
			if err != nil {
				return nil, nil, err
			}
			docs, findings := schema.Parse(filepath.ToSlash(file), text)
			return docs, placeless(docs, findings), nil
		}
		name = filepath.Join(name, specFile)
		info, err = root.Stat(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		message := "no " + filepath.ToSlash(name) + " in the application's directory"
		if found := environments(root); len(found) > 0 {
			message += "; the parameter environment may be " + strings.Join(found, ", ")
		}
		return nil, nil, errors.New(message)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read %s: %w", filepath.ToSlash(name), cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("cannot read %s: it is no file", filepath.ToSlash(name))
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read %s: %w", filepath.ToSlash(name), cause(err))
	}
	defer f.Close()
	text, err := readLimited(f, info.Size())
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read %s: %w", filepath.ToSlash(name), cause(err))
	}
	docs, findings := schema.Parse(filepath.ToSlash(name), text)
	return docs, findings, nil
}

// environmentDepth and environmentLimit keep the search for specs short: Argo CD waits for it.
const (
	environmentDepth = 3
	environmentLimit = 20
)

// environments finds the directories that have a spec, sorted, the application's own as ".".
func environments(root *os.Root) []string {
	var found []string
	// What cannot be read is not offered.
	_ = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir
		case e.IsDir() && name != "." && (strings.HasPrefix(e.Name(), ".") || strings.Count(name, "/") >= environmentDepth):
			return fs.SkipDir
		case !e.IsDir() && e.Name() == specFile:
			found = append(found, path.Dir(name))
		}
		if len(found) == environmentLimit {
			return fs.SkipAll
		}
		return nil
	})
	slices.Sort(found)
	return found
}
