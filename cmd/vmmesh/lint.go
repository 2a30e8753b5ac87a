package main

import (
	"bufio"
	"errors"

	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// lintOptions is what the command line says of a check.
type lintOptions struct {
	each   bool
	fix    bool
	report reportFlag
	on     failOn
}

func (a *app) lintCommand() *cobra.Command {
	o := lintOptions{report: reportFlag(diag.Text), on: failOnError}
	cmd := &cobra.Command{
		Use:   "lint [PATH…]",
		Short: "Check specs, and fix them with --fix",
		Long: `Check specs against the schema and all rules, as build does, and write nothing. All findings
are reported, not the first alone, on standard output.

A PATH is a file, a directory (its vmmesh.yaml, or the kustomization there whose result is specs) or
- for standard input; without one it is this directory. Several PATHs are checked as one build,
in which two specs may clash; with --each, every PATH is a build of its own.

With --fix, fixes that are certain are written into the files first: misspelled fields, values and
names that nothing else comes as close to, and values that have to be quoted, or must not be.
Comments and everything else stay as they are; a file is replaced as a whole or not at all. The
findings that are left are reported. Of standard input the fixed text is printed, and findings go
to standard error.

` + reportHelp + `

Exit codes: 0 no finding that fails the run; 1 findings at the severity of --fail-on or above;
2 the command line is invalid; 3 a PATH could not be read, or a file or standard output not
written.`,
		Example: `  vmmesh lint
  vmmesh lint --fix
  vmmesh lint teams/*/vmmesh.yaml --fail-on warning
  vmmesh lint --report github         in a GitHub workflow: findings beside the lines
  kustomize build spec | vmmesh lint - --report json`,
		RunE: a.runs(func(paths []string) error { return a.lint(paths, o) }),
	}
	addReportFlag(cmd, &o.report)
	cmd.Flags().BoolVar(&o.each, "each", false, "check every PATH as a build of its own")
	cmd.Flags().BoolVar(&o.fix, "fix", false, "write the fixes that are certain into the files")
	cmd.Flags().Var(&o.on, "fail-on", "least SEVERITY that fails the run: error, warning or never")
	words(cmd, "fail-on", string(failOnError), string(failOnWarning), string(failOnNever))
	return cmd
}

const reportHelp = `Reports: text, for people; json, whose fields are stable; sarif, version 2.1.0, for code scanners
and editors; github, as workflow commands, of which GitHub shows ten of each severity in a step;
junit, for servers that show tests: what fails the run is a failure.

A comment ignores a rule on its own line or, if it is alone there, on the next:
  weight: 2   # vmmesh:ignore VM209 the new VM is twice as large
The reason is required, and a comment that silences nothing is reported.`

func addReportFlag(cmd *cobra.Command, report *reportFlag) {
	cmd.Flags().Var(report, "report", "FORMAT of the findings: text, json, sarif, github or junit")
	var names []string
	for _, f := range diag.Formats() {
		names = append(names, string(f))
	}
	words(cmd, "report", names...)
}

func (a *app) lint(paths []string, o lintOptions) error {
	builds := [][]string{paths}
	if o.each && len(paths) > 0 {
		builds = nil
		for _, path := range paths {
			builds = append(builds, []string{path})
		}
	}
	var all specs
	var findings diag.List
	var failures []error
	var fixes []fixedText
	done := a.progress("checking", nil)
	for _, build := range builds {
		specs, err := a.load(build)
		if err != nil {
			failures = append(failures, parts(err)...)
			continue
		}
		if o.fix {
			fixes = append(fixes, specs.fix()...)
		}
		all.docs = append(all.docs, specs.docs...)
		findings = append(findings, specs.findings...)
		findings = append(findings, fn.Lint(specs.docs)...)
	}
	done()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	out, stream := a.out, a.Out
	if o.fix {
		printed, err := a.writeFixes(fixes)
		if err != nil {
			return err
		}
		if printed { // standard output has the text
			out, stream = bufio.NewWriter(a.Err), a.Err
		}
	}
	if err := a.report(out, stream, o.report, findings, o.on); err != nil {
		return err
	}
	if out != a.out {
		_ = out.Flush() // what standard error does not take is lost
	}
	if err := a.out.Flush(); err != nil { // what is printed next comes after it
		return err
	}
	a.tellRules(findings)
	a.talk("%s", summary(all, findings))
	if o.on.fails(findings.Worst()) {
		return errFindings
	}
	return nil
}
