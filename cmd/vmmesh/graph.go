package main

import (
	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/fn"
)

func (a *app) graphCommand() *cobra.Command {
	table := false
	cmd := &cobra.Command{
		Use:   "graph [PATH…]",
		Short: "Draw the mesh of the specs",
		Long: `Draw the mesh of the specs as a Mermaid flowchart, which GitHub, GitLab and many editors show:
networks and their gateways, the control plane, services and the groups behind them, who may call
whom, and what is dialled on the way. A large mesh is drawn in less detail, so that Mermaid takes
it: without single VMs, then by workload, by namespace, by network.

With --table, print who reaches whom instead, in Markdown: for pods, VMs and the control plane
which address and ports are dialled, and by which gateway or route. It is what firewalls between
the networks have to let through.

A PATH is a file, a directory (its vmmesh.yaml, or the kustomization there whose result is specs) or
- for standard input; without one it is this directory. Several PATHs are one mesh. Findings go to standard error.

Exit codes: 0 drawn; 1 findings at error level, nothing was drawn; 2 the command line makes no
sense; 3 a PATH could not be read, or standard output not written.`,
		Example: `  vmmesh graph > mesh.mmd
  vmmesh graph platform teams/* --table`,
		RunE: a.runs(func(paths []string) error { return a.graph(paths, table) }),
	}
	cmd.Flags().BoolVar(&table, "table", false, "print the reachability table instead")
	return cmd
}

func (a *app) graph(paths []string, table bool) error {
	specs, err := a.load(paths)
	if err != nil {
		return err
	}
	draw := fn.Graph
	if table {
		draw = fn.Reach
	}
	text, findings := draw(specs.docs)
	findings = append(findings, specs.findings...)
	// What stderr does not take is lost: there is nowhere left to say so.
	_ = a.report(a.Err, a.Err, "text", findings, failOnError)
	if findings.HasErrors() {
		a.talk("%s; nothing was drawn", summary(specs, findings))
		return errFindings
	}
	if _, err := a.out.WriteString(text); err != nil {
		return err
	}
	return a.out.Flush()
}
