package manifests

import (
	"iter"

	telemetry "istio.io/api/telemetry/v1"
	selector "istio.io/api/type/v1beta1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Telemetries makes the access logs and traces of each workload's VMs, in one object: of several for one selector Istio
// uses the oldest.
func Telemetries(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return func(yield func(*manifest.Object) bool) {
		for _, w := range m.Workloads {
			if len(w.AccessLogging)+len(w.Tracing) == 0 {
				continue
			}
			o := about(w, w.Istio().Release.TelemetryVersion(), "Telemetry", w.Name)
			o.Body = spec(&telemetry.Telemetry{
				Selector: &selector.WorkloadSelector{MatchLabels: w.Selector}, Tracing: w.Tracing, AccessLogging: w.AccessLogging,
			})
			if !yield(delivered(w.Spec.GitOps, o)) {
				return
			}
		}
	}
}
