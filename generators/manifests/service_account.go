package manifests

import (
	"iter"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// ServiceAccounts makes the identity of each workload. Workloads may share one, so it bears no workload's labels.
func ServiceAccounts(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return func(yield func(*manifest.Object) bool) {
		for _, a := range m.ServiceAccounts {
			o := &manifest.Object{
				APIVersion: "v1", Kind: "ServiceAccount", Namespace: a.Namespace, Name: a.Name, Annotations: protected(a.Protect, a.GitOps.ArgoCD, nil), At: a.At,
			}
			if !yield(delivered(a.GitOps, o)) {
				return
			}
		}
	}
}
