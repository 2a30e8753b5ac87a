package manifests

import (
	"iter"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Namespaces makes one Namespace for every namespace that a workload or an external service is in. Of istiod's own it
// makes the network's label and nothing else.
func Namespaces(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return func(yield func(*manifest.Object) bool) {
		for _, n := range m.Namespaces {
			if !n.Create {
				continue
			}
			o := &manifest.Object{
				APIVersion: "v1", Kind: "Namespace", Name: n.Name, Labels: n.Labels, Annotations: protected(n.Protect, n.GitOps.ArgoCD, nil), At: n.At,
			}
			if n.System {
				o.Annotations = shared()
			}
			if !yield(delivered(n.GitOps, o)) {
				return
			}
		}
	}
}
