package lint

import (
	"cmp"
	"slices"

	security "istio.io/api/security/v1beta1"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// rootNamespace is where settings for the whole mesh are, unless meshConfig.rootNamespace says otherwise.
const rootNamespace = "istio-system"

// peers finds the PeerAuthentication of a workload. Policies with a selector are found by the rarest of its labels, so
// that a fleet in which every workload has its own is not searched for each VM.
type peers struct {
	wide   map[string]peerPolicy
	narrow map[[3]string][]peerPolicy
}

type peerPolicy struct {
	*manifest.Resource
	*security.PeerAuthentication
}

// mode is that of a port, where labels select the workload's own policy.
func (p peerPolicy) mode(port uint32) security.PeerAuthentication_MutualTLS_Mode {
	if p.PeerAuthentication == nil {
		return security.PeerAuthentication_MutualTLS_UNSET
	}
	if m := p.PortLevelMtls[port]; m != nil && m.Mode != security.PeerAuthentication_MutualTLS_UNSET {
		return m.Mode
	}
	return p.GetMtls().GetMode()
}

func peersOf(s *manifest.Set) peers {
	found := peers{map[string]peerPolicy{}, map[[3]string][]peerPolicy{}}
	often := map[[3]string]int{}
	var narrow []peerPolicy
	for r, p := range manifest.Each[*security.PeerAuthentication](s) {
		labels := p.GetSelector().GetMatchLabels()
		if len(labels) == 0 {
			if _, older := found.wide[r.Namespace]; !older {
				found.wide[r.Namespace] = peerPolicy{r, p}
			}
			continue
		}
		narrow = append(narrow, peerPolicy{r, p})
		for key, value := range labels {
			often[[3]string{r.Namespace, key, value}]++
		}
	}
	for _, p := range narrow {
		var pairs [][3]string
		for key, value := range p.GetSelector().GetMatchLabels() {
			pairs = append(pairs, [3]string{p.Namespace, key, value})
		}
		rarest := slices.MinFunc(pairs, func(a, b [3]string) int {
			return cmp.Or(cmp.Compare(often[a], often[b]), cmp.Compare(a[1], b[1]), cmp.Compare(a[2], b[2]))
		})
		found.narrow[rarest] = append(found.narrow[rarest], p)
	}
	return found
}

// of is the policy that is the last word on what has these labels: its own before the namespace's, that before the mesh's.
// Its Resource is nil where there is none among the manifests.
func (p peers) of(namespace string, labels map[string]string) peerPolicy {
	var own peerPolicy
	for key, value := range labels {
		for _, q := range p.narrow[[3]string{namespace, key, value}] {
			if manifest.Carries(labels, q.GetSelector().GetMatchLabels()) && (own.Resource == nil || q.Name < own.Name) {
				own = q
			}
		}
	}
	if own.Resource != nil && own.GetMtls().GetMode() != security.PeerAuthentication_MutualTLS_UNSET {
		return own
	}
	for _, space := range []string{namespace, rootNamespace} {
		if q, ok := p.wide[space]; ok && q.GetMtls().GetMode() != security.PeerAuthentication_MutualTLS_UNSET {
			if own.Resource == nil {
				return q
			}
			// The workload's own exceptions by port override the mode that it leaves to others.
			return peerPolicy{own.Resource, &security.PeerAuthentication{Mtls: q.Mtls, PortLevelMtls: own.PortLevelMtls}}
		}
	}
	return own
}

// strict is the policy that demands mTLS of what has these labels; nil where none does.
func (p peers) strict(namespace string, labels map[string]string) *manifest.Resource {
	if q := p.of(namespace, labels); q.Resource != nil && q.GetMtls().GetMode() == security.PeerAuthentication_MutualTLS_STRICT {
		return q.Resource
	}
	return nil
}
