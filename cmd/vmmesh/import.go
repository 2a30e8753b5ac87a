package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/importer"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// importOptions is what the command line says of an import.
type importOptions struct {
	importer.Options
	output string
	force  bool
	report reportFlag
}

func (a *app) importCommand() *cobra.Command {
	o := importOptions{output: "-", report: reportFlag(diag.Text)}
	cmd := &cobra.Command{
		Use:   "import PATH…",
		Short: "Turn manifests that exist into a spec that builds to them",
		Long: `Turn manifests of VMs in a mesh into a vmmesh.yaml: WorkloadGroups and WorkloadEntries with what is
about them, which is Namespaces, ServiceAccounts, Services, ServiceEntries, DestinationRules,
VirtualServices, Sidecars, policies and Telemetry. The spec goes to standard output, the report to
standard error. The report begins with what is in the spec, what stays beside it, what is left to
decide, and in which order to apply the build. Import builds the spec and compares the result with
what it read: whatever differs is reported at its line, with what that does at run time. So is every
defect that 'vmmesh verify' finds in the manifests themselves.

A PATH is a file, a directory (every .yaml, .yml and .json below it) or - for standard input. All
PATHs are one cluster: give it one environment at a time, with what has pods beside the VMs, since a
policy that selects pods too stays outside the spec. Objects without a namespace are in the one of
-n, else in the only one that others name, else in default. A directory with a cluster.env is what
'istioctl x workload entry configure' wrote for a VM: of it cluster.env, mesh.yaml, hosts and
root-cert.pem are read, the token never.

A directory that 'vmmesh build -o' wrote has its spec in .vmmesh.lock. Named alone, it gives that
spec back, and every file that is no longer as the spec builds it is reported.

No manifest has the version of Istio or where VMs reach istiod: name such a directory, or use the
flags; otherwise the spec has a comment in their place, and lint asks for them. Where the manifests
need several specs (namespaces with different settings), they are one stream.

` + reportHelp + `

Exit codes: 0 written; 1 also written, as far as it goes, but a part of the manifests cannot be
expressed, or nothing is written, because a PATH has faults of syntax, a secret or no VM; 2 the
command line makes no sense; 3 a PATH could not be read, or the output not written.`,
		Example: `  vmmesh import deploy/ -o vmmesh.yaml --istio-version 1.31.1 --istiod-address 34.56.78.90
  vmmesh import shop.yaml vm-files/ > vmmesh.yaml
  kubectl get sa,svc,deploy,workloadgroups,workloadentries,destinationrules,virtualservices,\
  peerauthentications,authorizationpolicies -n shop -o yaml | vmmesh import -`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("a PATH is missing: a file or directory with manifests, or -")
			}
			return nil
		},
		RunE: a.runs(func(paths []string) error { return a.importPaths(paths, o) }),
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.output, "output", "o", o.output, "`FILE` to write; - is standard output")
	flags.BoolVar(&o.force, "force", false, "overwrite a file that exists")
	flags.StringVarP(&o.Namespace, "namespace", "n", "", "`NAMESPACE` of the objects that do not name one")
	flags.StringVar(&o.Name, "name", "", "metadata.`NAME` of the spec (default: the workload's or the namespace's)")
	flags.StringVar(&o.IstioVersion, "istio-version", "", "`VERSION` of the control plane, x.y.z")
	flags.StringSliceVar(&o.IstiodAddresses, "istiod-address", nil, "`ADDRESS` where VMs reach istiod: an IP, several, or one DNS name")
	flags.StringVar(&o.Revision, "revision", "", "`REVISION` that VMs connect to")
	flags.StringVar(&o.IstioNamespace, "istio-namespace", "", "`NAMESPACE` of istiod (default istio-system)")
	flags.StringVar(&o.Network, "network", "", "the cluster's own `NETWORK`")
	flags.StringVar(&o.MeshID, "mesh-id", "", "`ID` of the mesh")
	flags.StringVar(&o.ClusterName, "cluster-name", "", "`NAME` by which istiod knows the cluster (default Kubernetes)")
	flags.StringVar(&o.TrustDomain, "trust-domain", "", "`DOMAIN` of identities (default cluster.local)")
	flags.StringVar(&o.ClusterDomain, "cluster-domain", "", "`DOMAIN` of Services (default cluster.local)")
	addReportFlag(cmd, &o.report)
	return cmd
}

func (a *app) importPaths(paths []string, o importOptions) error {
	if _, ok := mesh.ParseRelease(o.IstioVersion); !ok && o.IstioVersion != "" {
		return usageError{fmt.Errorf("--istio-version %s: it is x.y.z, from 1.%d", o.IstioVersion, mesh.OldestMinor)}
	}
	if o.output == "" {
		return usageError{errors.New("-o needs the name of a file, or -")}
	}
	name := o.output
	if name == "-" {
		name = specFile
	}
	built, err := a.loadTree(paths)
	if err != nil {
		return err
	}
	var got fn.Imported
	var texts []fn.Manifests
	if built != nil && built.Source != "" {
		done := a.progress("importing", nil)
		got = fn.ImportTree(name, *built, o.Options)
		done()
	} else {
		var folders []importer.Folder
		if texts, folders, err = a.loadImport(paths); err != nil {
			return err
		}
		done := a.progress("importing", nil)
		if built != nil {
			got = fn.ImportParts(name, texts, folders, o.Options, *built)
		} else {
			got = fn.Import(name, texts, folders, o.Options)
		}
		done()
	}
	whole := built != nil && built.Source != ""
	if err := a.writeImport(got.Text, o); err != nil {
		return err
	}
	findings := slices.Concat(got.Faults, got.Defects)
	if diag.Format(o.report) == diag.Text {
		a.sumUpImport(got, whole)
	}
	if err := a.report(a.Err, a.Err, o.report, findings, failOnError); err != nil {
		return err
	}
	a.tellRules(findings)
	a.talkImport(got, o, whole)
	switch {
	case got.Text == "" && !got.Faults.HasErrors():
		a.say("there is no WorkloadGroup, WorkloadEntry or ServiceEntry in %s", spokenSources(texts))
		return errFindings
	case got.Text == "" || got.Faults.HasErrors():
		return errFindings
	}
	return nil
}

// writeImport writes the specs, where there are any.
func (a *app) writeImport(text string, o importOptions) error {
	if text == "" {
		return nil
	}
	if o.output == "-" {
		if _, err := a.out.WriteString(text); err != nil {
			return err
		}
		return a.out.Flush() // the next message comes after it
	}
	return writeNew(o.output, text, o.force)
}

// sumUpImport prints what a person has to know and to do, before the findings.
func (a *app) sumUpImport(got fn.Imported, tree bool) {
	if got.Text == "" {
		return
	}
	s := got.Summary
	if tree {
		a.talk("restored: %s, and %s of the tree as it is built from it", count(got.Specs, "spec"), count(got.Equal, "file"))
		return
	}
	if got.Objects > 0 {
		a.talk("in the spec: %d of %s; %d of them are built back with the same names and meaning", s.Taken, count(got.Objects, "object"), s.Exact)
	}
	list := func(title string, lines []string, numbered bool) {
		if len(lines) == 0 {
			return
		}
		a.talk("%s:", title)
		for n, line := range lines {
			mark := "-"
			if numbered {
				mark = strconv.Itoa(n+1) + "."
			}
			a.talk("  %s %s", mark, line)
		}
	}
	list("stays beside the spec, as it is", s.Stays, false)
	list("to decide", s.Decide, false)
	list("to apply, in this order", s.Steps, true)
	a.talk("")
}

// talkImport counts.
func (a *app) talkImport(got fn.Imported, o importOptions, tree bool) {
	if tree {
		a.talk("%s; in the tree: %s", count(got.Specs, "spec"), tally(got.Faults))
	} else {
		parts := []string{count(got.Objects, "object")}
		if got.Text != "" {
			parts = append(parts, count(got.Specs, "spec"))
		}
		a.talk("%s; what the spec does not express: %s; in the manifests themselves: %s", strings.Join(parts, ", "), tally(got.Faults), tally(got.Defects))
	}
	if got.Text == "" && slices.ContainsFunc(got.Faults, func(d diag.Diagnostic) bool { return d.Severity >= diag.Error && d.Rule < "VM010" }) {
		a.talk("no spec is written: what is in a file that cannot be read is not known; fix it, or leave it out")
	}
	if got.Unbuilt {
		a.talk("the spec has errors of its own, so it could not be held against the manifests: fix them there, or in the manifests, and import again")
	}
	if got.Text != "" && o.output != "-" {
		a.talk("wrote %s: read its comments, then run 'vmmesh lint'", o.output)
	}
}

// loadImport reads all PATHs: manifests, and what istioctl wrote for VMs.
func (a *app) loadImport(paths []string) ([]fn.Manifests, []importer.Folder, error) {
	var plain []string
	var folders []importer.Folder
	var failures []error
	for _, path := range paths {
		if filepath.Base(path) == envFile {
			path = filepath.Dir(path)
		}
		info, err := os.Stat(path)
		if path == "-" || err != nil || !info.IsDir() {
			plain = append(plain, path)
			continue
		}
		dirs, err := a.vmFolders(path)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		files, err := a.manifestsBelow(path)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		files = slices.DeleteFunc(files, func(file string) bool {
			return slices.Contains(vmFiles, filepath.Base(file)) && slices.Contains(dirs, filepath.Dir(file))
		})
		if len(files)+len(dirs) == 0 {
			failures = append(failures, fmt.Errorf("no .yaml, .yml, .json or %s in %s or below it", envFile, describeDir(path)))
		}
		plain = append(plain, files...)
		for _, dir := range dirs {
			folder, err := a.readFolder(dir)
			if err != nil {
				failures = append(failures, err)
				continue
			}
			folders = append(folders, folder)
		}
	}
	var texts []fn.Manifests
	if len(plain) > 0 {
		read, err := a.loadManifests(plain)
		if err != nil {
			failures = append(failures, parts(err)...)
		}
		texts = read
	}
	return texts, folders, errors.Join(failures...)
}
