package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/fn/krm"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/importer"
)

func (a *app) fnCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fn",
		Short: "Run as a KRM function, for kustomize and kpt",
		Long: `Run as a KRM function: a ResourceList on standard input, a ResourceList on standard output.
Without any argument vmmesh does the same when its standard input is a pipe or a file.

As a generator (kustomize's generators) the functionConfig is a VMMesh, and the answer has its
objects. As a transformer (kustomize fn run, kpt fn render) every VMMesh among the items is
expanded in place: an object that an earlier run made is brought up to date, one that the VMMesh
no longer asks for is removed, and all others are left as they are, byte for byte. The annotation
vmmesh.dev/owner tells which are whose; somebody else's object of the same name is an error. As a
validator the functionConfig is a VMMeshCheck: all items are checked against each other, as by
'vmmesh verify', and nothing changes. It is a validator for kpt; for 'kustomize build', which
refuses functions among its validators, it is the last of the transformers.

kustomize takes an object from one generator alone, and specs of one namespace all make the
Namespace: 'exists; can not use behavior'. List such specs as resources, annotated with
config.kubernetes.io/local-config: "true" so that they themselves are not applied, and vmmesh once
as a transformer; or write one spec.

It reads nothing but standard input: no file, no environment, no working directory, no network.
Files that are no Kubernetes objects have no place in a list: 'vmmesh build -o' writes them.

Findings are results in the list, with the place in the spec, and text on standard error. When one
of them is an error, the list has the items as they came.

Exit codes: 0 done; 1 findings at error level, or standard input or output failed; 2 the command
line makes no sense.`,
		Example: `  vmmesh fn < resource-list.yaml

In a vmmesh.yaml that kustomize takes as a generator, with vmmesh on the PATH:
  metadata:
    name: payments
    annotations:
      config.kubernetes.io/function: |
        exec: {path: vmmesh}
  # kustomize build --enable-alpha-plugins --enable-exec`,
		Args: none,
		RunE: func(*cobra.Command, []string) error { return a.function() },
	}
}

// function is the KRM function. Once it runs its only exit codes are 0 and 1, as orchestrators expect.
func (a *app) function() error {
	src, err := readLimited(a.In, 0)
	if err != nil {
		return a.fnFailed(fmt.Errorf("cannot read standard input: %w", cause(err)))
	}
	answer := krm.Run(src)
	a.color = colorNever // what orchestrators do with the text is not known, and the environment is not asked
	// What stderr does not take is in the results as well.
	_ = a.report(a.Err, a.Err, reportFlag(diag.Text), answer.Findings, failOnError)
	if answer.HasList() {
		err = answer.Write(a.out)
		if flushed := a.out.Flush(); err == nil {
			err = flushed
		}
		if err != nil {
			a.out.Reset(io.Discard) // the error is told here, and once
			return a.fnFailed(err)
		}
	}
	if answer.Failed() {
		return errFindings
	}
	return nil
}

// fnFailed says what failed, other than the spec.
func (a *app) fnFailed(err error) error {
	a.sayErrors(err)
	return errFindings
}

// piped tells whether a stream leads from another program, or from a file: who calls vmmesh without arguments and gives
// it something to read wants the function. A terminal and /dev/null are neither.
func piped(stream any) bool {
	f, ok := stream.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && (info.Mode().IsRegular() || info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) != 0)
}

var errNoCommand = errors.New("a command is missing")

// allRules lists every rule that any door complains by, by id.
func allRules() []*diag.Rule {
	rules := slices.Concat(fn.Rules(), importer.Rules, krm.Rules)
	slices.SortFunc(rules, func(a, b *diag.Rule) int { return strings.Compare(a.ID, b.ID) })
	return rules
}
