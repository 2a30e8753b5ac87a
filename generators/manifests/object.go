// Package manifests makes the Kubernetes objects of a mesh: one file a kind. Its functions are total: they decide
// nothing that the resolved mesh does not say.
package manifests

import (
	"maps"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// about begins an object that is about a workload: in its namespace, with its labels and annotations.
func about(w *mesh.Workload, apiVersion, kind, name string) *manifest.Object {
	return &manifest.Object{
		APIVersion: apiVersion, Kind: kind, Namespace: w.Namespace, Name: name,
		Labels: w.Labels, Annotations: w.Annotations, At: w.At,
	}
}

// spec is the body of an object that has nothing else.
func spec(value any) []manifest.Field { return []manifest.Field{{Name: "spec", Value: value}} }

// with adds annotations to others, without touching either map.
func with(annotations, more map[string]string) map[string]string {
	if len(annotations) == 0 {
		return more
	}
	if len(more) == 0 {
		return annotations
	}
	out := maps.Clone(annotations)
	maps.Copy(out, more)
	return out
}
