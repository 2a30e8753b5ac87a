package main

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDescribeVersion(t *testing.T) {
	settings := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.modified", Value: "true"}}
	for name, c := range map[string]struct {
		linked string
		build  *debug.BuildInfo
		want   string
	}{
		"nothing known":  {"", nil, "vmmesh devel\n"},
		"a checkout":     {"", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: settings}, "vmmesh devel\ncommit abc123, modified\n"},
		"go install":     {"", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "vmmesh v1.2.3\n"},
		"a release":      {"v2.0.0", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: settings[:1]}, "vmmesh v2.0.0\ncommit abc123\n"},
		"by linker only": {"v2.0.0", nil, "vmmesh v2.0.0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			v := describeVersion(c.linked, c.build)
			rest := runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH + "\nreads  vmmesh.dev/v1alpha1\nIstio  1.24 … 1.31\n"
			require.Equal(t, c.want+rest, v.String())
		})
	}
}

func TestVersion(t *testing.T) {
	text := run("version")
	require.Equal(t, exitOK, text.code)
	require.Equal(t, thisVersion().String(), text.out)
	require.Equal(t, text, run("--version"))
	require.Equal(t, text, run("version", "-o", "text"))

	r := run("version", "--output=json")
	require.Equal(t, exitOK, r.code)
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.out), &v))
	for _, field := range []string{"version", "modified", "go", "platform", "apiVersion", "istio"} {
		require.Contains(t, v, field)
	}
	require.Equal(t, map[string]any{"oldest": "1.24", "newest": "1.31"}, v["istio"])
}
