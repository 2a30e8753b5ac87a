package fn_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// TestClientSide builds every good case for another cluster's clients: no object and no file is of a kind that they
// do not
// need, and what they get is what the VMs' own cluster has, to the last byte.
func TestClientSide(t *testing.T) {
	kinds := map[string]bool{"Namespace": true, "Service": true, "ServiceEntry": true, "DestinationRule": true,
		"VirtualService": true}
	seen := map[string]int{}
	for name, path := range cases(t) {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			text := regexp.MustCompile(`(?m)^  emit: .*$`).ReplaceAllString(string(src), "")
			whole := objectsByName(t, mustBuild(t, path, []byte(text)))
			text = regexp.MustCompile(`(?m)^spec:`).ReplaceAllString(text, "spec:\n  emit: ClientSide")
			clients := mustBuild(t, path, []byte(strings.ReplaceAll(text, "vmFiles: ConfigMap", "vmFiles: Files")))
			for id, object := range objectsByName(t, clients) {
				kind, _, _ := strings.Cut(id, " ")
				require.True(t, kinds[kind], id)
				seen[kind]++
				if kind != "Namespace" || whole[id] != "" && !strings.Contains(whole[id], "topology.istio.io/network") {
					require.Equal(t, whole[id], object)
				}
				require.NotRegexp(t, `istiod[-.\w]*\.svc`, object, "what is exposed of the control plane is not for the clients of VMs")
			}
			for file := range clients.files {
				top, _, _ := strings.Cut(file, "/")
				require.Contains(t, []string{"kustomization.yaml", "kustomizeconfig.yaml", "overlay", "manifests"}, top, file)
			}
		})
	}
	for kind := range kinds {
		require.NotZero(t, seen[kind], kind)
	}
}

// objectsByName is the text of every object of a build, by kind, namespace and name.
func objectsByName(t *testing.T, out *outputs) map[string]string {
	t.Helper()
	objects := map[string]string{}
	if out.stream.Len() == 0 {
		return objects
	}
	var set manifest.Set
	require.Empty(t, report(t, set.Read("stream.yaml", out.stream.Bytes())))
	for n, text := range strings.Split(out.stream.String(), "\n---\n") {
		objects[set.All()[n].String()] = strings.TrimSpace(text)
	}
	return objects
}
