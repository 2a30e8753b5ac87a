package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The marks that GitOps controllers leave on what they apply: Argo CD's label and annotation (docs: resource_tracking),
// Flux's labels (kustomize-controller: owner labels).
var marks = map[string]struct{ labels, annotations map[string]string }{
	"kubectl": {},
	"Argo CD": {
		map[string]string{"app.kubernetes.io/instance": "shop"},
		map[string]string{"argocd.argoproj.io/tracking-id": "shop:networking.istio.io/WorkloadGroup:shop/pay"},
	},
	"Flux": {map[string]string{"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}, nil},
}

// expectSameAsLive sees that `vmmesh diff --against -` finds no difference between a build and what the API server stored
// of it, and finds one where an object was edited.
func expectSameAsLive(t *testing.T, b *Built, stored map[string]*unstructured.Unstructured) {
	t.Helper()
	export := func(change func(*unstructured.Unstructured)) string {
		var items []any
		for _, o := range b.Objects {
			copied := stored[Ref(o)].DeepCopy()
			change(copied)
			items = append(items, copied.Object)
		}
		text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
		require.NoError(t, err)
		return string(text)
	}
	for tool, mark := range marks {
		list := export(func(o *unstructured.Unstructured) {
			labels, annotations := o.GetLabels(), o.GetAnnotations()
			for key, value := range mark.labels {
				if labels == nil {
					labels = map[string]string{}
				}
				labels[key] = value
			}
			for key, value := range mark.annotations {
				if annotations == nil {
					annotations = map[string]string{}
				}
				annotations[key] = value
			}
			o.SetLabels(labels)
			o.SetAnnotations(annotations)
		})
		out, code := diffAgainst(t, list, b.Path)
		require.Equal(t, 0, code, "applied by %s:\n%s", tool, out)
	}
	edited := export(func(o *unstructured.Unstructured) {
		if o.GetKind() == "WorkloadGroup" {
			require.NoError(t, unstructured.SetNestedField(o.Object, "edited", "spec", "template", "network"))
		}
	})
	if len(b.Kind("WorkloadGroup")) > 0 {
		out, code := diffAgainst(t, edited, b.Path)
		require.Equal(t, 1, code)
		require.Contains(t, out, "~ WorkloadGroup ")
		require.Contains(t, out, "spec.template.network: edited")
	}
}

// diffAgainst runs `vmmesh diff` against an export, and returns what it prints and its exit code.
func diffAgainst(t testing.TB, export string, paths ...string) (string, int) {
	t.Helper()
	command := exec.Command(program("vmmesh"), append([]string{"diff", "-q", "--against", "-"}, paths...)...)
	command.Stdin = strings.NewReader(export)
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if command.ProcessState == nil {
		require.NoError(t, err)
	}
	return string(out) + stderr.String(), command.ProcessState.ExitCode()
}

// expectSameLive sees that a live namespace, in which istiod registered a VM and reports its health, is what a build
// makes, in all kinds that are exported.
func expectSameLive(t *testing.T, c *Cluster, b *Built) {
	t.Helper()
	var items []any
	exported := map[string]bool{}
	for _, o := range c.Live(t, "ledger") {
		items = append(items, o.Object)
		exported[o.GetKind()] = true
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	require.NoError(t, err)
	out, _ := diffAgainst(t, string(text), b.Path, "--report", "json")
	var report struct {
		Objects []struct{ Change, Kind, Namespace, Name string }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report), out)
	for _, o := range report.Objects {
		require.False(t, exported[o.Kind] && o.Namespace == "ledger", "%s %s: %s", o.Change, o.Kind, o.Name)
	}
}
