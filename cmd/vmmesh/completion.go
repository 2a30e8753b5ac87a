package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a shell's completion script",
		Long: `Print the script that makes a shell complete vmmesh's commands, flags and words. A SHELL is bash,
zsh, fish or powershell.

Exit codes: 0 printed; 2 the command line makes no sense; 3 standard output could not be written.`,
		Example: `  source <(vmmesh completion bash)                                    this session
  vmmesh completion bash > /etc/bash_completion.d/vmmesh              every session
  vmmesh completion zsh > "${fpath[1]}/_vmmesh"
  vmmesh completion fish > ~/.config/fish/completions/vmmesh.fish
  vmmesh completion powershell | Out-String | Invoke-Expression`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("a SHELL is missing: bash, zsh, fish or powershell")
			}
			return atMostOne("SHELL")(cmd, args)
		},
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runs(func(args []string) error { return a.completion(cmd.Root(), args[0]) })(cmd, args)
		},
	}
}

func (a *app) completion(root *cobra.Command, shell string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(a.out, true)
	case "zsh":
		return root.GenZshCompletion(a.out)
	case "fish":
		return root.GenFishCompletion(a.out, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(a.out)
	}
	return usageError{fmt.Errorf("unknown shell %q; there are bash, zsh, fish and powershell", shell)}
}
