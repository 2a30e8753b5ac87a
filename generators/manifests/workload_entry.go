package manifests

import (
	"iter"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// WorkloadEntries makes one entry for each instance of a static group. Groups that register by themselves get none: a
// VM with both would be two endpoints. Where the workload has a probe, the entry waits for the VM's own health report,
// which the VM sends because its ISTIO_META_WORKLOAD_ENTRY names the entry.
func WorkloadEntries(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return func(yield func(*manifest.Object) bool) {
		for _, w := range m.Workloads {
			o := about(w, w.Istio().Release.NetworkingVersion(), "WorkloadEntry", "")
			for _, g := range w.AllGroups() {
				if g.Auto {
					continue
				}
				annotations := g.Annotations
				if w.Probe != nil && g.VM != nil {
					annotations = with(annotations, map[string]string{mesh.AnnotationHealthChecks: "true"})
				}
				o.File = "workloadentry-" + g.Name + ".yaml"
				account := w.ServiceAccount
				if g.VM == nil {
					account = "" // without a sidecar it does not have an identity
				}
				for _, i := range g.Instances {
					o.Name, o.Labels, o.Annotations, o.At = i.EntryName, i.Labels, annotations, i.At
					o.Body = spec(&networking.WorkloadEntry{
						Address: i.Dial().String(), Ports: i.Ports, Labels: i.Labels, Network: i.Network, Locality: i.Locality,
						Weight: i.Weight, ServiceAccount: account,
					})
					if !yield(delivered(w.Spec.GitOps, o)) {
						return
					}
				}
			}
		}
	}
}
