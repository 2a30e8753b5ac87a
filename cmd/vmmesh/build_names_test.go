package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTreeNames holds the names at the top of a tree to what builds write: a lock with another one is refused.
func TestTreeNames(t *testing.T) {
	require.True(t, slices.IsSortedFunc(treeNames, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }))
	var specs []string
	for _, pattern := range []string{"../../examples/*/vmmesh.yaml", "../../examples/platform-and-team/*/vmmesh.yaml", "../../testdata/ok/*/vmmesh.yaml"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		specs = append(specs, found...)
	}
	require.Greater(t, len(specs), 40)
	for _, spec := range specs {
		dir := filepath.Join(t.TempDir(), "tree")
		require.Equal(t, exitOK, run("build", "-q", spec, "-o", dir).code, spec)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			if e.Name() != ".vmmesh.lock" {
				require.Contains(t, treeNames, e.Name(), spec)
			}
		}
		require.Equal(t, exitOK, run("build", "-q", spec, "-o", dir).code, "its own lock is refused: %s", spec)
	}
}
