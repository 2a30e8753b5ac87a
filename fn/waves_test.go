package fn_test

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestNoWaveBehindEntries builds every good case with Argo CD's annotations: Argo CD waits for all VMs of WorkloadEntries to
// be healthy before it begins a later wave, so there is none.
func TestNoWaveBehindEntries(t *testing.T) {
	checked := 0
	for name, path := range cases(t) {
		src, err := os.ReadFile(path)
		require.NoError(t, err)
		var docs []map[string]any
		decoder := yaml.NewDecoder(bytes.NewReader(src))
		for {
			var doc map[string]any
			if decoder.Decode(&doc) != nil {
				break
			}
			spec, _ := doc["spec"].(map[string]any)
			gitops, _ := spec["gitops"].(map[string]any)
			if gitops == nil {
				gitops = map[string]any{}
			}
			gitops["argocd"] = true
			spec["gitops"] = gitops
			docs = append(docs, doc)
		}
		var text bytes.Buffer
		encoder := yaml.NewEncoder(&text)
		for _, doc := range docs {
			require.NoError(t, encoder.Encode(doc))
		}
		out, findings := build(t, name, text.Bytes())
		require.False(t, findings.HasErrors(), "%s: %s", name, report(t, findings))
		for id, object := range objects(t, out) {
			var o struct {
				Metadata struct{ Annotations map[string]string }
			}
			require.NoError(t, yaml.Unmarshal([]byte(object), &o))
			wave, err := strconv.Atoi(o.Metadata.Annotations["argocd.argoproj.io/sync-wave"])
			require.NoError(t, err, "%s: %s has no wave", name, id)
			if bytes.Contains(src, []byte("argocd.argoproj.io/sync-wave: \""+strconv.Itoa(wave)+"\"")) {
				continue // the user's own
			}
			require.LessOrEqual(t, wave, 3, "%s: %s comes after WorkloadEntries", name, id)
			if strings.HasPrefix(id, "WorkloadEntry ") {
				require.Equal(t, 3, wave, "%s: %s", name, id)
			}
			checked++
		}
	}
	require.Greater(t, checked, 500)
}
