package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/vmmesh/vmmesh/cmd/vmmesh/lsp"
)

func (a *app) lspCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lsp",
		Short: "Serve an editor: findings while a spec is written",
		Long: `Speak the Language Server Protocol on standard input and output: findings of all rules while a
spec is written, the reference of the field under the cursor, completion of fields, values and
names, the outline, definitions and references of names, and the fixes of 'vmmesh lint --fix'.

Editors start it; docs/editors.md has the lines for some of them.

Exit codes: 0 the editor shut it down; 1 the editor went away without that; 2 the command line is
invalid.`,
		Example: `  vmmesh lsp                     an editor starts it so
  vmmesh lsp --stdio             the same, for editors that insist on the flag`,
		Args:              none,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.runs(func([]string) error {
			err := lsp.Serve(a.In, a.Streams.Out, thisVersion().Version)
			if errors.Is(err, lsp.ErrNotShutDown) {
				a.talk("vmmesh: %v", err)
				return errFindings
			}
			return err
		}),
	}
	cmd.Flags().Bool("stdio", true, "speak on standard input and output; there is no other way")
	return cmd
}
