package manifests

import (
	"iter"

	security "istio.io/api/security/v1"
	selector "istio.io/api/type/v1beta1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// RequestAuthentications makes whose JWTs a workload's VMs trust. It demands none: only a policy's requestPrincipals do.
func RequestAuthentications(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return func(yield func(*manifest.Object) bool) {
		for _, w := range m.Workloads {
			if len(w.JWT) == 0 {
				continue
			}
			o := about(w, w.Istio().Release.SecurityVersion(), "RequestAuthentication", w.Name)
			o.Body = spec(&security.RequestAuthentication{
				Selector: &selector.WorkloadSelector{MatchLabels: w.Selector}, JwtRules: w.JWT,
			})
			if !yield(delivered(w.Spec.GitOps, o)) {
				return
			}
		}
	}
}
