package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What init writes passes: no finding of any severity, and objects come out of it.
func TestInitPasses(t *testing.T) {
	longest := strings.Repeat("n", 63)
	for _, name := range append([]string{initName, "payments", "a", "a1", "x-y", longest, "my", "vms", "name"}, yamlWords...) {
		t.Run(name, func(t *testing.T) {
			spec := run("init", name, "-o", "-")
			require.Equal(t, exitOK, spec.code, spec.err)
			require.True(t, strings.HasPrefix(spec.out, "# yaml-language-server: $schema=https://vmmesh.dev/schema/v1alpha1.json\n"))
			lint := world{in: spec.out}.run("lint", "-")
			require.Equal(t, result{exitOK, "", "1 spec, no findings\n"}, lint)
			build := world{in: spec.out}.run("build", "-")
			require.Equal(t, exitOK, build.code)
			require.Empty(t, build.err)
			for _, kind := range []string{"Service", "ServiceAccount", "WorkloadGroup", "WorkloadEntry", "PeerAuthentication"} {
				require.Contains(t, build.out, "\nkind: "+kind+"\n")
			}
			require.Equal(t, 2, strings.Count(build.out, "kind: WorkloadEntry\n"))
			require.Contains(t, build.out, "mode: PERMISSIVE\n")
		})
	}
}

// It is the smallest thing a user reads first: short, and no line wider than an editor's half.
func TestInitIsReadable(t *testing.T) {
	require.LessOrEqual(t, strings.Count(initTemplate, "\n"), 45)
	for line := range strings.Lines(initTemplate) {
		require.LessOrEqual(t, len([]rune(line)), 93, line)
	}
	require.Equal(t, initTemplate, initSpec(initName))
}

func TestInitRefusesNames(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"", "A", "1a", "-a", "a-", "a.b", "a_b", "../x", "a/b", "a b", "a\nb", "é", "$(id)", "a: b", strings.Repeat("n", 64)} {
		args := []string{"init", "--", name}
		r := run(args...)
		require.Equal(t, exitUsage, r.code, name)
		require.Contains(t, r.err, fmt.Sprintf("vmmesh: %q cannot name a Service", name))
	}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestInitFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	writeSpec(t, "mine.yaml", "mine\n")
	require.Equal(t, exitIO, run("init", "-o", "mine.yaml").code)
	require.Equal(t, map[string]string{"mine.yaml": "mine\n"}, snapshot(t, "."))
	require.Equal(t, exitOK, run("init", "-o", "mine.yaml", "--force").code)
	require.Equal(t, map[string]string{"mine.yaml": initTemplate}, snapshot(t, "."))

	require.NoError(t, os.Symlink("elsewhere.yaml", "link.yaml"))
	require.Equal(t, exitIO, run("init", "-o", "link.yaml").code, "a dangling link is something that exists")
	require.NoFileExists(t, "elsewhere.yaml")

	writeSpec(t, "busy.yaml.new", "mine\n")
	r := run("init", "-o", "busy.yaml", "--force")
	require.Equal(t, result{exitIO, "", "vmmesh: cannot write busy.yaml: busy.yaml.new is in the way\n"}, r)
	require.Equal(t, "vmmesh: -o needs the name of a file, or -\nRun 'vmmesh init --help' for usage.\n", run("init", "-o", "").err)
}
