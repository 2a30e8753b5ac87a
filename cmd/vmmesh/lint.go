package main

import (
	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema/diag"
)

func (a *app) lintCommand() *cobra.Command {
	report, on := reportFlag(diag.Text), failOnError
	cmd := &cobra.Command{
		Use:   "lint [PATH…]",
		Short: "Check specs and write nothing",
		Long: `Check specs against the schema and all rules, as build does, and write nothing. All findings
are reported, not the first alone, on standard output.

A PATH is a file, a directory (its vmmesh.yaml) or - for standard input; without one it is this
directory. Several PATHs are checked as one build.

` + reportHelp + `

Exit codes: 0 no finding that fails the run; 1 findings at the severity of --fail-on or above;
2 the command line makes no sense; 3 a PATH could not be read, or standard output not written.`,
		Example: `  vmmesh lint
  vmmesh lint teams/*/vmmesh.yaml --fail-on warning
  vmmesh lint --report github         in a GitHub workflow: findings beside the lines
  kustomize build spec | vmmesh lint - --report json`,
		RunE: a.runs(func(paths []string) error { return a.lint(paths, report, on) }),
	}
	addReportFlag(cmd, &report)
	cmd.Flags().Var(&on, "fail-on", "least SEVERITY that fails the run: error, warning or never")
	words(cmd, "fail-on", string(failOnError), string(failOnWarning), string(failOnNever))
	return cmd
}

const reportHelp = `Reports: text, for people; json, whose fields are stable; github, as workflow commands, of which
GitHub shows ten of each severity in a step.`

func addReportFlag(cmd *cobra.Command, report *reportFlag) {
	cmd.Flags().Var(report, "report", "FORMAT of the findings: text, json or github")
	var names []string
	for _, f := range diag.Formats() {
		names = append(names, string(f))
	}
	words(cmd, "report", names...)
}

func (a *app) lint(paths []string, report reportFlag, on failOn) error {
	specs, err := a.load(paths)
	if err != nil {
		return err
	}
	done := a.progress("checking", nil)
	findings := append(specs.findings, fn.Lint(specs.docs)...)
	done()
	if err := a.report(a.out, a.Out, report, findings, on); err != nil {
		return err
	}
	if err := a.out.Flush(); err != nil { // what is said next comes after it
		return err
	}
	a.tellRules(findings)
	a.talk("%s", summary(specs, findings))
	if on.fails(findings.Worst()) {
		return errFindings
	}
	return nil
}
