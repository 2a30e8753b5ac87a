package main

import (
	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema/diag"
)

func (a *app) graphCommand() *cobra.Command {
	table, format := false, graphFormat(fn.Mermaid)
	cmd := &cobra.Command{
		Use:   "graph [PATH…]",
		Short: "Draw the mesh of the specs",
		Long: `Draw the mesh of the specs: networks and their gateways, the control plane, services and the
groups behind them, who may call whom and what of it, and what is dialled on the way.

Formats: mermaid, a flowchart that GitHub, GitLab and many editors show; svg, a picture that needs
no browser and no other program to be drawn; html, a page with that picture and the table; dot, for
Graphviz. A large mesh is drawn in less detail: groups of many VMs as one box, then all without
single VMs, by workload, by namespace, by network.

With --table, print who reaches whom instead, in Markdown: for pods, VMs and the control plane
which address and ports are dialled, and by which gateway or route, and what VMs dial outside the
mesh: token servers, packages, DNS, external services. It is what firewalls have to let through.

A PATH is a file, a directory (its vmmesh.yaml, or the kustomization there whose result is specs) or
- for standard input; without one it is this directory. Several PATHs are one mesh. Findings go
to standard error.

Exit codes: 0 drawn; 1 findings at error level, nothing was drawn; 2 the command line is invalid;
3 a PATH could not be read, or standard output not written.`,
		Example: `  vmmesh graph > mesh.mmd
  vmmesh graph --format svg > mesh.svg
  vmmesh graph platform teams/* --table`,
		RunE: a.runs(func(paths []string) error { return a.graph(paths, format, table) }),
	}
	cmd.Flags().BoolVar(&table, "table", false, "print the reachability table instead")
	cmd.Flags().Var(&format, "format", "FORMAT of the picture: mermaid, svg, html or dot")
	var names []string
	for _, f := range fn.GraphFormats() {
		names = append(names, string(f))
	}
	words(cmd, "format", names...)
	cmd.MarkFlagsMutuallyExclusive("table", "format")
	return cmd
}

func (a *app) graph(paths []string, format graphFormat, table bool) error {
	specs, err := a.load(paths)
	if err != nil {
		return err
	}
	var text string
	var findings diag.List
	if table {
		text, findings = fn.Reach(specs.docs)
	} else {
		text, findings = fn.Graph(specs.docs, fn.GraphFormat(format))
	}
	findings = append(findings, specs.findings...)
	// What stderr does not take is lost: there is nowhere left to report it.
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
