package main

import (
	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/fn"
)

func (a *app) listCommand() *cobra.Command {
	report := outputText
	cmd := &cobra.Command{
		Use:   "list [PATH…]",
		Short: "List the VMs of the specs",
		Long: `List every VM of the specs: its namespace, group, instance, address, network, identity, the folder
of 'vmmesh build -o' that it is set up from, and the hash of its files.

The hash is VMMESH_FILES_HASH in the VM's vm.env, and 'diagnose.sh' on the VM prints it: a VM with
another hash was set up from other files. It changes with the settings of the VM's group and with
the scripts, not with the other VMs of the group.

--report json also has the groups, whose VMs are not listed where istiod registers them, and further
fields of each VM. It is the file fleet/vms.json of 'vmmesh build -o'.

A PATH is a file, a directory (its vmmesh.yaml, or the kustomization there whose result is specs) or
- for standard input; without one it is this directory. Several PATHs are one build. Findings
go to standard error.

Exit codes: 0 listed; 1 findings at error level, nothing was listed; 2 the command line makes no
sense; 3 a PATH could not be read, or standard output not written.`,
		Example: `  vmmesh list
  vmmesh list platform teams/payments --report json | jq -r '.vms[] | [.address, .hash] | @tsv'`,
		RunE: a.runs(func(paths []string) error { return a.list(paths, report) }),
	}
	cmd.Flags().Var(&report, "report", "FORMAT of the list: text or json")
	words(cmd, "report", string(outputText), string(outputJSON))
	return cmd
}

func (a *app) list(paths []string, report outputFlag) error {
	specs, err := a.load(paths)
	if err != nil {
		return err
	}
	vms, findings := fn.List(specs.docs)
	findings = append(findings, specs.findings...)
	// What standard error does not take is lost: there is nowhere left to report it.
	_ = a.report(a.Err, a.Err, "text", findings, failOnError)
	if findings.HasErrors() {
		a.talk("%s; nothing was listed", summary(specs, findings))
		return errFindings
	}
	text := []byte(vms.Text())
	if report == outputJSON {
		text = vms.JSON()
	}
	if _, err := a.out.Write(text); err != nil {
		return err
	}
	if err := a.out.Flush(); err != nil {
		return err
	}
	a.talk("%s", vms.Count())
	return nil
}
