package main

import (
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// A file's name and a value of a file can hold anything: commands of a CI system, escape sequences of a terminal. No
// command prints one as it is.
func TestHostileNames(t *testing.T) {
	const name = "x\n::error file=README.md::pwned\x1b[2J\u202e"
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("links", 0o755))
	require.NoError(t, os.Symlink("nowhere", "links/"+name+".yaml"))
	require.NoError(t, os.Symlink("nowhere", "links/"+name+".json"))
	require.NoError(t, os.Mkdir(name, 0o755))
	require.NoError(t, os.Mkdir("taken", 0o755))
	require.NoError(t, os.Mkdir("taken/"+name, 0o755))
	writeSpec(t, name+"/vmmesh.yaml", smallSpec)
	writeSpec(t, name+"/other.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: \"x\\n::error::pwned\"}\nspec: {\"\\n::a\": 1}\n")
	writeSpec(t, "vmmesh.yaml", smallSpec)
	writeSpec(t, "bad.yaml", strings.Replace(smallSpec, "spec:\n", "spec:\n  \"x\\n::error::a\\e[2J\": {locality: \"a\\n::error::b\"}\n", 1))
	require.Equal(t, exitOK, run("build", "-o", "out").code)
	require.NoError(t, os.MkdirAll("out/kubernetes", 0o755))
	for _, args := range [][]string{
		{"lint", "links/" + name + ".yaml"}, {"build", "links/" + name + ".yaml"}, {"graph", "links/" + name + ".yaml"},
		{"diff", "--against", "links/" + name + ".yaml"}, {"diff", "--against", name}, {"verify", "links"}, {"import", "links"},
		{"verify", name}, {"import", name}, {"verify", name, "--report", "github"}, {"import", name, "--report", "github"},
		{"lint", "bad.yaml"}, {"lint", "bad.yaml", "--report", "github"}, {"lint", "bad.yaml", "--report", "junit"},
		{"init", "-o", name}, {"init", name}, {"explain", name}, {"lint", "--" + name}, {name}, {"lint", "--report", name},
		{"build", "-o", name + "/vmmesh.yaml"}, {"build", "-v", "-o", name}, {"schema", name}, {"completion", name},
	} {
		r := run(args...)
		for _, text := range []string{r.out, r.err} {
			for line := range strings.Lines(text) {
				line = strings.TrimSuffix(line, "\n")
				require.False(t, strings.HasPrefix(strings.TrimSpace(line), "::error::"), "%q: %q", args, line)
				require.False(t, strings.HasPrefix(strings.TrimSpace(line), "::error file=README"), "%q: %q", args, line)
				for _, r := range line {
					require.True(t, unicode.IsPrint(r) || r == '\t', "%q: %q", args, line)
				}
			}
		}
	}
	for _, where := range []string{name, "nowhere"} {
		t.Setenv("ARGOCD_APP_PARAMETERS", `[{"name":"environment","string":"`+strings.NewReplacer("\n", `\n`, "\x1b", `\u001b`).Replace(where)+`"}]`)
		r := run("cmp")
		require.NotContains(t, r.err, "\n::", "cmp %q", where)
		require.NotContains(t, r.err, "\x1b", "cmp %q", where)
	}
}
