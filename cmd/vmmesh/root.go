package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// command builds the whole tree of commands, anew for every run: nothing of one run is left for the next.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "vmmesh",
		Short: "Virtual machines as members of an Istio mesh, from one file",
		Long: `vmmesh expands a vmmesh.yaml, which says what a person knows about virtual machines in an
Istio mesh, into the Kubernetes and Istio manifests that make them members of it. It asks no
cluster and no network, and the same file always gives the same bytes.

Data goes to standard output, everything else to standard error.

Exit codes: 0 well; 1 findings at error level, and nothing was written; 2 the command line makes
no sense; 3 something could not be read or written.`,
		Example: `  vmmesh init payments           start a spec
  vmmesh lint                    check ./vmmesh.yaml
  vmmesh build -o deploy         write the manifests, ready for kustomize
  vmmesh diff --against deploy   what the next build would change, and what that means
  vmmesh graph --table           who reaches whom, by which way and port
  vmmesh build | kubectl apply -f -`,
		Version:           thisVersion().String(),
		Args:              cobra.ArbitraryArgs,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.quiet && a.verbose {
				return errors.New("-q and -v contradict each other")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			if cmd.Flags().NFlag() == 0 && piped(a.In) {
				return a.function()
			}
			return errNoCommand
		},
	}
	root.SetIn(a.In)
	root.SetOut(a.out)
	root.SetErr(a.Err)
	root.SetVersionTemplate("{{.Version}}")
	// The root can be run only to say that this is not enough: its usage is that of its commands.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable .HasParent}}", 1))
	flags := root.PersistentFlags()
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "say nothing but errors; findings that do not fail the run are left out")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "also say what was read and how often each rule was broken")
	flags.Var(&a.color, "color", "WHEN to colour: auto (a terminal, without NO_COLOR), always or never")
	words(root, "color", "auto", "always", "never")
	root.AddCommand(
		a.buildCommand(), a.lintCommand(), a.expandCommand(), a.verifyCommand(),
		a.diffCommand(), a.listCommand(),
		a.graphCommand(), a.lspCommand(), a.initCommand(), a.importCommand(), a.explainCommand(), a.schemaCommand(), a.fnCommand(), a.cmpCommand(), a.versionCommand(), a.completionCommand(),
	)
	root.SetHelpCommand(a.helpCommand())
	return root
}

// unknownCommand says that there is no such command, and which one was perhaps meant.
func unknownCommand(root *cobra.Command, name string) error {
	message := fmt.Sprintf("unknown command %q", name)
	root.SuggestionsMinimumDistance = 2
	if near := root.SuggestionsFor(name); len(near) > 0 {
		message += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.New(message)
}

// helpCommand is cobra's, but for its exit code when there is no such command.
func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "help [COMMAND]",
		Short:             "Help about a command",
		Args:              atMostOne("COMMAND"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 0 {
				root.InitDefaultHelpFlag()
				root.InitDefaultVersionFlag()
				return root.Help()
			}
			for _, c := range root.Commands() {
				if c.Name() == args[0] {
					c.InitDefaultHelpFlag()
					return c.Help()
				}
			}
			return unknownCommand(root, args[0])
		},
	}
}

// atMostOne refuses a second argument.
func atMostOne(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("one %s at a time: %q is too much", what, args[1])
		}
		return nil
	}
}

// none refuses any argument.
func none(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q is too much: there are no arguments here", args[0])
	}
	return nil
}

// words tells shells which words a flag takes.
func words(cmd *cobra.Command, flag string, words ...string) {
	// The only error is a flag that does not exist or has words already.
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}
