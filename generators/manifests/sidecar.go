package manifests

import (
	"iter"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Sidecars makes what a workload's VMs see of the mesh, for those VMs alone.
func Sidecars(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return func(yield func(*manifest.Object) bool) {
		for _, w := range m.Workloads {
			if w.Sidecar == nil {
				continue
			}
			body := w.Sidecar.DeepCopy()
			body.WorkloadSelector = &networking.WorkloadSelector{Labels: w.Selector}
			o := about(w, w.Istio().Release.NetworkingVersion(), "Sidecar", w.Name)
			o.Body = spec(body)
			if !yield(delivered(w.Spec.GitOps, o)) {
				return
			}
		}
	}
}
