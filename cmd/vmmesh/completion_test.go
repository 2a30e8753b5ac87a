package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompletion(t *testing.T) {
	seen := map[string]bool{}
	for shell, mark := range map[string]string{
		"bash":       "complete -o default -o nospace -F __start_vmmesh vmmesh",
		"zsh":        "#compdef vmmesh",
		"fish":       "complete -c vmmesh",
		"powershell": "Register-ArgumentCompleter -CommandName 'vmmesh'",
	} {
		r := run("completion", shell)
		require.Equal(t, exitOK, r.code, shell)
		require.Empty(t, r.err)
		require.Contains(t, r.out, mark)
		require.False(t, seen[r.out])
		seen[r.out] = true
	}
}
