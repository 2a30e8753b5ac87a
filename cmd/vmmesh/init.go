package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// Each base in init/ is itself a passing spec, in which a user's name replaces initName; the other files there are
// blocks of lines that options add to it.
//
//go:embed init/*.yaml
var initFiles embed.FS

const initName = "my-vms"

// initClouds are the values of --cloud; each has its block in init/.
var initClouds = []string{"aws", "gcp", "azure", "openstack"}

// initOptions choose what kind of spec is started.
type initOptions struct {
	cloud                   string
	auto, database, gateway bool
}

func (a *app) initCommand() *cobra.Command {
	output, force := specFile, false
	var options initOptions
	cmd := &cobra.Command{
		Use:   "init [NAME]",
		Short: "Start a spec",
		Long: `Write a short, commented vmmesh.yaml that passes lint: one workload of this NAME (` + initName + ` where
none is given) on two VMs, behind a Service. Its first line tells editors where the schema is.

--auto starts with VMs that a cloud starts and stops, --database with a primary and its replicas.
--gateway adds the east-west gateway through which VMs reach a cluster that has none yet, --cloud
the settings of that cloud.

A file that exists is not overwritten without --force.

Exit codes: 0 written; 2 the command line makes no sense; 3 the file exists or cannot be written.`,
		Example: `  vmmesh init payments
  vmmesh init payments -o teams/payments/vmmesh.yaml
  vmmesh init workers --cloud aws --auto --gateway
  vmmesh init orders --database
  vmmesh init -o - | less`,
		Args:              atMostOne("NAME"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.runs(func(args []string) error {
			name := initName
			if len(args) > 0 {
				name = args[0]
			}
			return a.init(name, options, output, force)
		}),
	}
	cmd.Flags().StringVarP(&output, "output", "o", output, "`FILE` to write; - is standard output")
	cmd.Flags().StringVar(&options.cloud, "cloud", "", "`CLOUD` that the VMs run in: "+strings.Join(initClouds, ", "))
	cmd.Flags().BoolVar(&options.auto, "auto", false, "VMs that register themselves as a cloud starts them")
	cmd.Flags().BoolVar(&options.database, "database", false, "a database: a primary and replicas")
	cmd.Flags().BoolVar(&options.gateway, "gateway", false, "emit the east-west gateway, for a cluster that has none")
	words(cmd, "cloud", initClouds...)
	cmd.Flags().BoolVar(&force, "force", false, "overwrite a file that exists")
	return cmd
}

func (a *app) init(name string, options initOptions, output string, force bool) error {
	most := 63
	if options.database {
		most -= len("-primary")
	}
	if !serviceName.MatchString(name) || len(name) > most {
		return usageError{fmt.Errorf("%q cannot name a Service: use lower-case letters, digits and hyphens, a letter first, %d at most", name, most)}
	}
	if output == "" {
		return usageError{errors.New("-o needs the name of a file, or -")}
	}
	switch {
	case options.auto && options.database:
		return usageError{errors.New("--auto and --database exclude each other: a database's VMs are listed")}
	case options.cloud != "" && !slices.Contains(initClouds, options.cloud):
		return usageError{fmt.Errorf("--cloud %s is not supported; allowed values are %s", options.cloud, strings.Join(initClouds, ", "))}
	}
	text := named(options.spec(), name)
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

// spec is the base of these options with their blocks in it: what the file emits besides before its workloads, how VMs
// join at its end.
func (o initOptions) spec() string {
	base := "static"
	switch {
	case o.auto:
		base = "auto"
	case o.database:
		base = "database"
	}
	text := initFile(base)
	if o.gateway {
		text = strings.Replace(text, "\n  workloads:", "\n"+initFile("gateway")+"\n  workloads:", 1)
	}
	vm := ""
	if o.cloud != "" {
		vm += initFile("cloud-" + o.cloud)
	}
	if o.auto {
		vm += initFile("identity")
	}
	if vm != "" {
		text += "\n  vm:\n" + vm
	}
	return text
}

// initFile is the text of a file in init/; each name is a constant of this file or one of initClouds.
func initFile(name string) string {
	text, err := initFiles.ReadFile("init/" + name + ".yaml")
	if err != nil {
		panic(err)
	}
	return string(text)
}

// named is a spec with a name in the place of initName. Comments stay in their column where the name leaves room.
func named(spec, name string) string {
	value := name
	if slices.Contains(yamlWords, name) {
		value = `"` + name + `"`
	}
	var b strings.Builder
	for line := range strings.Lines(spec) {
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
