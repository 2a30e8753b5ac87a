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

// Every combination of options passes, short name and longest name, and emits what the options are for.
func TestInitVariants(t *testing.T) {
	for _, base := range []string{"", "--auto", "--database"} {
		for _, cloud := range append([]string{""}, initClouds...) {
			for _, gateway := range []bool{false, true} {
				args := []string{"init", "-o", "-"}
				if base != "" {
					args = append(args, base)
				}
				if cloud != "" {
					args = append(args, "--cloud", cloud)
				}
				if gateway {
					args = append(args, "--gateway")
				}
				for _, name := range []string{"payments", "yes", strings.Repeat("n", 55)} {
					args := append(args, name)
					t.Run(strings.Join(args[3:], " "), func(t *testing.T) {
						spec := run(args...)
						require.Equal(t, exitOK, spec.code, spec.err)
						require.NotContains(t, spec.out, initName)
						lint := world{in: spec.out}.run("lint", "-")
						if cloud == "aws" && base == "--auto" {
							// The smallest user-data of all clouds: diagnose.sh is copied to a VM when it is needed.
							require.Equal(t, result{exitOK, lint.out, "1 spec, 1 info\n"}, lint)
							require.Contains(t, lint.out, "info VM905: user-data does not have room for diagnose.sh in")
						} else {
							require.Equal(t, result{exitOK, "", "1 spec, no findings\n"}, lint)
						}
						build := world{in: spec.out}.run("build", "-")
						require.Equal(t, exitOK, build.code)
						require.Equal(t, gateway, strings.Contains(build.out, "\nkind: Deployment\n"))
						require.Equal(t, gateway, strings.Contains(build.out, "\nkind: Gateway\n"))
						require.Equal(t, base == "--auto", strings.Contains(build.out, "serviceaccounts/token"))
						entries := map[string]int{"": 2, "--auto": 0, "--database": 3}
						require.Equal(t, entries[base], strings.Count(build.out, "kind: WorkloadEntry\n"))
					})
				}
			}
		}
	}
}

func TestInitRefusesOptions(t *testing.T) {
	t.Chdir(t.TempDir())
	for args, says := range map[string]string{
		"--auto --database":                     "--auto and --database exclude each other",
		"--cloud AWS":                           "--cloud AWS is not supported; allowed values are aws, gcp, azure, openstack",
		"--database " + strings.Repeat("n", 56): "55 at most",
	} {
		r := run(append([]string{"init"}, strings.Fields(args)...)...)
		require.Equal(t, exitUsage, r.code, args)
		require.Contains(t, r.err, says)
	}
	require.NoFileExists(t, specFile)
}

// It is the first thing that a user reads: short, and no line wider than half of an editor.
func TestInitIsReadable(t *testing.T) {
	for _, o := range []initOptions{{}, {auto: true}, {database: true}, {cloud: "aws", auto: true, gateway: true}} {
		text := o.spec()
		require.LessOrEqual(t, strings.Count(text, "\n"), 60)
		for line := range strings.Lines(text) {
			require.LessOrEqual(t, len([]rune(line)), 93, line)
		}
		require.Equal(t, text, named(text, initName))
	}
	require.LessOrEqual(t, strings.Count(initOptions{}.spec(), "\n"), 45)
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
	require.Equal(t, map[string]string{"mine.yaml": initOptions{}.spec()}, snapshot(t, "."))

	require.NoError(t, os.Symlink("elsewhere.yaml", "link.yaml"))
	require.Equal(t, exitIO, run("init", "-o", "link.yaml").code, "a dangling link is something that exists")
	require.NoFileExists(t, "elsewhere.yaml")

	writeSpec(t, "busy.yaml.new", "mine\n")
	r := run("init", "-o", "busy.yaml", "--force")
	require.Equal(t, result{exitIO, "", "vmmesh: cannot write busy.yaml: busy.yaml.new is in the way\n"}, r)
	require.Equal(t, "vmmesh: -o needs the name of a file, or -\nRun 'vmmesh init --help' for usage.\n", run("init", "-o", "").err)
}
