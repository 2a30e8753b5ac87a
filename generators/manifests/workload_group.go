package manifests

import (
	"iter"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// WorkloadGroups makes the template of each group of VMs. Ports are always there: without them istioctl and its like
// capture every port of the host.
func WorkloadGroups(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return func(yield func(*manifest.Object) bool) {
		for _, w := range m.Workloads {
			for _, g := range w.Groups {
				o := about(w, w.Istio().Release.NetworkingVersion(), "WorkloadGroup", g.Name)
				o.At = g.At
				o.Labels = g.Labels
				o.Annotations = protected(w.Spec.GitOps.PruneProtection, w.Spec.GitOps.ArgoCD, g.Annotations)
				o.Body = spec(&networking.WorkloadGroup{
					Metadata: &networking.WorkloadGroup_ObjectMeta{Labels: g.Labels, Annotations: g.Annotations},
					Template: &networking.WorkloadEntry{
						Ports: g.Ports, Network: g.Network, Locality: g.Locality, Weight: g.Weight, ServiceAccount: w.ServiceAccount,
					},
					Probe: w.Probe,
				})
				if !yield(delivered(w.Spec.GitOps, o)) {
					return
				}
			}
		}
	}
}
