package manifests

import (
	"iter"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// DestinationRules makes one rule for each host about which something is said: of two for one host Istio would use the
// oldest.
func DestinationRules(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	var own, external []*manifest.Object
	for _, w := range m.Workloads {
		for _, s := range w.Services {
			if !s.Traffic.DestinationRule {
				continue
			}
			for _, h := range s.Hosts {
				o := about(w, w.Istio().Release.NetworkingVersion(), "DestinationRule", h.Object)
				o.At = s.At
				o.Body = spec(&networking.DestinationRule{
					Host: h.Name, TrafficPolicy: s.Traffic.Policy, Subsets: s.Traffic.Subsets, ExportTo: s.ExportTo,
				})
				own = append(own, delivered(w.Spec.GitOps, o))
			}
		}
	}
	for _, e := range m.ExternalServices {
		if e.Policy == nil {
			continue
		}
		for _, h := range e.Hosts {
			external = append(external, delivered(e.Spec.GitOps, &manifest.Object{
				APIVersion: e.Spec.Istio.Release.NetworkingVersion(), Kind: "DestinationRule", Namespace: e.Namespace, Name: h.Object, At: e.At,
				Body: spec(&networking.DestinationRule{Host: h.Name, TrafficPolicy: e.Policy, ExportTo: e.Entry.ExportTo}),
			}))
		}
	}
	return byName(own, external)
}
