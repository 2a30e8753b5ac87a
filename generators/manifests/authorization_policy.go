package manifests

import (
	"iter"

	security "istio.io/api/security/v1"
	selector "istio.io/api/type/v1beta1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// AuthorizationPolicies makes who may call a workload's VMs: one policy for all that is allowed, one for all that is
// denied.
func AuthorizationPolicies(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	var out []*manifest.Object
	for _, w := range m.Workloads {
		for _, p := range []struct {
			name   string
			action security.AuthorizationPolicy_Action
			rules  []*security.Rule
		}{
			{w.Name + "-allow", security.AuthorizationPolicy_ALLOW, w.Allow},
			{w.Name + "-deny", security.AuthorizationPolicy_DENY, w.Deny},
		} {
			if len(p.rules) == 0 {
				continue
			}
			o := about(w, w.Istio().Release.SecurityVersion(), "AuthorizationPolicy", p.name)
			o.Body = spec(&security.AuthorizationPolicy{
				Selector: &selector.WorkloadSelector{MatchLabels: w.Selector}, Action: p.action, Rules: p.rules,
			})
			out = append(out, delivered(w.Spec.GitOps, o))
		}
	}
	return byName(out)
}
