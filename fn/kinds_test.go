package fn_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/generators"
)

// TestMakes holds the list of kinds to what all cases are built to, and to the table of generators.
func TestMakes(t *testing.T) {
	made := map[string]bool{}
	for name, path := range cases(t) {
		src, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, text := range strings.Split(mustBuild(t, name, src).stream.String(), "---\n") {
			var o struct{ APIVersion, Kind string }
			require.NoError(t, yaml.Unmarshal([]byte(text), &o))
			if o.Kind == "" {
				continue
			}
			group, _, found := strings.Cut(o.APIVersion, "/")
			if !found {
				group = ""
			}
			require.True(t, fn.Makes(group, o.Kind), "%s %s is not in the list", o.APIVersion, o.Kind)
			made[o.Kind] = true
		}
	}
	for _, g := range generators.Table {
		if g.Objects != nil {
			require.True(t, made[g.Name], "no case makes a %s", g.Name)
		}
	}
	require.False(t, fn.Makes("", "Secret"))
	require.False(t, fn.Makes("apps", "Service"))
	require.False(t, fn.Makes("", ""))
}
