package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// initTemplate is itself a passing spec, whose name stands wherever a user's is to stand.
//
//go:embed init.yaml
var initTemplate string

const initName = "my-vms"

func (a *app) initCommand() *cobra.Command {
	output, force := specFile, false
	cmd := &cobra.Command{
		Use:   "init [NAME]",
		Short: "Start a spec",
		Long: `Write a short, commented vmmesh.yaml that passes lint: one workload of this NAME (` + initName + ` where
none is given) on two VMs, behind a Service. Its first line tells editors where the schema is.

A file that exists is not overwritten without --force.

Exit codes: 0 written; 2 the command line makes no sense; 3 the file exists or cannot be written.`,
		Example: `  vmmesh init payments
  vmmesh init payments -o teams/payments/vmmesh.yaml
  vmmesh init -o - | less`,
		Args:              atMostOne("NAME"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.runs(func(args []string) error {
			name := initName
			if len(args) > 0 {
				name = args[0]
			}
			return a.init(name, output, force)
		}),
	}
	cmd.Flags().StringVarP(&output, "output", "o", output, "`FILE` to write; - is standard output")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite a file that exists")
	return cmd
}

func (a *app) init(name, output string, force bool) error {
	if !serviceName.MatchString(name) {
		return usageError{fmt.Errorf("%q cannot name a Service: use lower-case letters, digits and hyphens, a letter first, 63 at most", name)}
	}
	if output == "" {
		return usageError{errors.New("-o needs the name of a file, or -")}
	}
	text := initSpec(name)
	if output == "-" {
		_, err := a.out.WriteString(text)
		return err
	}
	if err := writeNew(output, text, force); err != nil {
		return err
	}
	a.talk("wrote %s: put your versions and addresses in, then run 'vmmesh lint'", output)
	return nil
}

// initSpec is the template with a name in it. Comments stay in their column where the name leaves room.
func initSpec(name string) string {
	value := name
	if slices.Contains(yamlWords, name) {
		value = `"` + name + `"`
	}
	var b strings.Builder
	for line := range strings.Lines(initTemplate) {
		before, comment, commented := strings.Cut(line, "#")
		key, named := strings.CutSuffix(strings.TrimRight(before, " \n"), "name: "+initName)
		switch {
		case named && commented:
			fmt.Fprintf(&b, "%-*s #%s", len(before)-1, key+"name: "+value, comment)
		case named:
			fmt.Fprintf(&b, "%sname: %s\n", key, value)
		default:
			b.WriteString(strings.ReplaceAll(line, initName, name))
		}
	}
	return b.String()
}

// serviceName is an RFC 1035 label: what a Service may be called.
var serviceName = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)

// yamlWords are names that YAML, as one reader or another knows it, takes for something other than text.
var yamlWords = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}

// writeNew writes a file as a whole or not at all. Without force there must be none.
func writeNew(path, text string, force bool) error {
	target := path
	if force {
		target = path + ".new"
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return fmt.Errorf("cannot write %s: it is a directory", path)
		}
	}
	f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		if info, err := os.Stat(target); err == nil && info.IsDir() {
			return fmt.Errorf("cannot write %s: it is a directory", target)
		}
		if force {
			return fmt.Errorf("cannot write %s: %s is in the way", path, target)
		}
		return fmt.Errorf("%s exists; use --force to overwrite it, or -o for another file", path)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", target, cause(err))
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Close())
	if err == nil && force {
		err = os.Rename(target, path)
	}
	if err != nil {
		os.Remove(target)
		return fmt.Errorf("cannot write %s: %w", path, cause(err))
	}
	return nil
}
