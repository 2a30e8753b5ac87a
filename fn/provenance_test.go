package fn_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// TestProvenance: every object of every case has the two labels, of the spec that it is made from; no selector, template,
// or file of a VM has them.
func TestProvenance(t *testing.T) {
	kinds := map[string]bool{}
	for name, path := range cases(t) {
		src, err := os.ReadFile(path)
		require.NoError(t, err)
		out := mustBuild(t, name+"/vmmesh.yaml", src)
		documents, _ := syntax.Read("stream", out.stream.Bytes())
		for _, d := range documents {
			labels := d.Root.Get("metadata").Get("labels")
			require.Equal(t, "vmmesh", labels.Get("app.kubernetes.io/managed-by").Text(), name)
			spec := labels.Get("vmmesh.dev/spec").Text()
			require.Contains(t, string(src), "name: "+spec, name)
			require.LessOrEqual(t, len(spec), 63)
			kinds[kindOf(d.Root)] = true
		}
		require.Equal(t, len(documents), strings.Count(out.stream.String(), "vmmesh.dev/spec:"),
			"%s: in a selector or a template too", name)
		for file, text := range out.files {
			if strings.HasPrefix(file, "vms/") {
				require.NotContains(t, text, "vmmesh.dev/spec", file)
			}
		}
	}

	// The allow-list of the documentation has every kind of ours that can go without a VM that depends on it.
	page, err := os.ReadFile("../docs/deploy.md")
	require.NoError(t, err)
	var listed []string
	for _, m := range regexp.MustCompile(`--prune-allowlist=(\S+)`).FindAllStringSubmatch(string(page), -1) {
		listed = append(listed, m[1])
	}
	require.True(t, slices.IsSorted(listed))
	for _, guarded := range []string{"core/v1/Namespace", "core/v1/ServiceAccount", "networking.istio.io/v1/WorkloadGroup"} {
		require.True(t, kinds[guarded], guarded)
		require.NotContains(t, listed, guarded)
	}
	for _, kind := range listed {
		require.True(t, kinds[kind], "%s: no case makes one", kind)
	}
	for kind := range kinds {
		if group, _, _ := strings.Cut(kind, "/"); strings.HasSuffix(group, ".istio.io") && !strings.HasSuffix(kind, "/WorkloadGroup") {
			require.Contains(t, listed, kind)
		}
	}
}

// kindOf is group/version/kind as kubectl takes it.
func kindOf(n *syntax.Node) string {
	version := n.Get("apiVersion").Text()
	if !strings.Contains(version, "/") {
		version = "core/" + version
	}
	return version + "/" + n.Get("kind").Text()
}
