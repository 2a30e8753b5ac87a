package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/fn/krm"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

func (a *app) expandCommand() *cobra.Command {
	report := reportFlag(diag.Text)
	cmd := &cobra.Command{
		Use:   "expand [FILE|-]",
		Short: "Expand the specs in a stream of manifests",
		Long: `Expand the VMMesh documents in a stream of manifests, and pass every other document on as it is,
byte for byte: a post-renderer for Helm, a step in a chain of plugins, or a filter in a pipe.

FILE is any file with manifests; - and no FILE are standard input. Each VMMesh is replaced by its
objects, where it was; several are one build. An object of the stream that a spec makes too is
passed on where both are equal, and is an error where they differ. A stream without a VMMesh is
passed on unchanged.

Only Kubernetes objects go through a stream. 'vmmesh build -o' writes the files of the VMs; with
gitops.vmFiles: ConfigMap they are in the stream as well.

Findings go to standard error.

` + reportHelp + `

Exit codes: 0 expanded; 1 findings at error level, nothing was written; 2 the command line makes no
sense; 3 FILE could not be read, or standard output not written.`,
		Example: `  vmmesh expand rendered.yaml | kubectl apply -f -
  kustomize build overlay | vmmesh expand
  helm template shop ./chart | vmmesh expand
  helm upgrade shop ./chart --post-renderer vmmesh --post-renderer-args expand   # Helm 3`,
		Args: atMostOne("FILE"),
		RunE: a.runs(func(args []string) error {
			name := "-"
			if len(args) > 0 {
				name = args[0]
			}
			return a.expand(name, report)
		}),
	}
	addReportFlag(cmd, &report)
	return cmd
}

func (a *app) expand(name string, report reportFlag) error {
	text, err := a.readStream(name)
	if err != nil {
		return err
	}
	stream := krm.ExpandStream(name, text)
	// What standard error does not take is lost: there is nowhere left to report it.
	_ = a.report(a.Err, a.Err, report, stream.Findings, failOnError)
	a.tellRules(stream.Findings)
	if stream.Findings.HasErrors() {
		if diag.Format(report) != diag.JSON {
			a.talk("%s; nothing was written", tally(stream.Findings))
		}
		return errFindings
	}
	if err := stream.Write(a.out); err != nil {
		return err
	}
	a.tell("%s expanded to %s", count(stream.Specs, "spec"), count(stream.Objects, "object"))
	return a.out.Flush()
}

// readStream reads a whole file, or standard input.
func (a *app) readStream(name string) ([]byte, error) {
	in, size := a.In, int64(0)
	if name == "-" {
		if a.IsTerminal(a.In) {
			a.talk("reading from the terminal; end it with Ctrl-D")
		}
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", name, cause(err))
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			if info.IsDir() {
				return nil, fmt.Errorf("cannot read %s: it is a directory", name)
			}
			size = info.Size()
		}
		in = f
	}
	text, err := readLimited(in, size)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", spoken(name), cause(err))
	}
	if len(text) > syntax.MaxBytes {
		return nil, fmt.Errorf("%s is larger than %d MiB: expand its parts, or render the specs with 'vmmesh build'", spoken(name), syntax.MaxBytes>>20)
	}
	return text, nil
}
