package manifests

import (
	"iter"

	security "istio.io/api/security/v1"
	selector "istio.io/api/type/v1beta1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// PeerAuthentications makes the mTLS mode of each workload's VMs, with its exceptions by the port that VMs listen on, and
// that of a whole namespace where one is said. Istio refuses exceptions without a selector, and of several policies for
// one workload uses the oldest.
func PeerAuthentications(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	var wide, own []*manifest.Object
	for _, n := range m.Namespaces {
		if n.MTLS == security.PeerAuthentication_MutualTLS_UNSET {
			continue
		}
		wide = append(wide, delivered(n.GitOps, &manifest.Object{
			APIVersion: "security.istio.io/v1", Kind: "PeerAuthentication", Namespace: n.Name, Name: mesh.NamespacePolicy, At: n.At,
			Body: spec(&security.PeerAuthentication{Mtls: &security.PeerAuthentication_MutualTLS{Mode: n.MTLS}}),
		}))
	}
	for _, w := range m.Workloads {
		if w.MTLS.Mode == security.PeerAuthentication_MutualTLS_UNSET && len(w.MTLS.Ports) == 0 {
			continue
		}
		body := &security.PeerAuthentication{Selector: &selector.WorkloadSelector{MatchLabels: w.Selector}}
		if w.MTLS.Mode != security.PeerAuthentication_MutualTLS_UNSET {
			body.Mtls = &security.PeerAuthentication_MutualTLS{Mode: w.MTLS.Mode}
		}
		for port, mode := range w.MTLS.Ports {
			if body.PortLevelMtls == nil {
				body.PortLevelMtls = map[uint32]*security.PeerAuthentication_MutualTLS{}
			}
			body.PortLevelMtls[port] = &security.PeerAuthentication_MutualTLS{Mode: mode}
		}
		o := about(w, w.Istio().Release.SecurityVersion(), "PeerAuthentication", w.Name)
		o.Body = spec(body)
		own = append(own, delivered(w.Spec.GitOps, o))
	}
	return byName(wide, own)
}
