package mesh

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// reachable says what no way leads to, where the spec alone tells.
func (r *resolver) reachable() {
	named, ambient := map[*Spec]bool{}, map[*Spec]bool{}
	for _, w := range r.mesh.Workloads {
		gatewayed := ""
		for _, g := range w.AllGroups() {
			if w.Spec.BehindGateways(g.Network) && g.VM != nil {
				gatewayed = g.Network
			}
			r.clusterNetwork(w.Spec, g.Network, g.At, named)
			r.ambientNetwork(w.Spec, g.Network, g.At, ambient)
			for _, i := range g.Instances {
				if w.Spec.BehindGateways(i.Network) && g.VM != nil {
					gatewayed = i.Network
				}
				r.clusterNetwork(w.Spec, i.Network, i.At, named)
				r.ambientNetwork(w.Spec, i.Network, i.At, ambient)
				if n := w.Spec.Network(i.Network); n != nil {
					r.insideNetwork(i, n.CIDRs)
				}
			}
		}
		r.proxylessBehind(w)
		if gatewayed != "" {
			r.plaintext(w, gatewayed)
		}
	}
}

// clusterNetwork says VMs in another network than a cluster that names none: istiod takes the two for one, and sends
// these VMs to addresses of pods (istio: pilot/pkg/model/proxy.go, InNetwork).
func (r *resolver) clusterNetwork(s *Spec, network string, at diag.Path, said map[*Spec]bool) {
	if network == "" || s.Istio.Network != "" || said[s] {
		return
	}
	if s.Network(network) == nil {
		return // said as unknown
	}
	said[s] = true
	r.say(ruleMissingSetting.At(at.Key("network"), "VMs are in network %q, and istio.network does not name the cluster's own", network).
		WithHelp("add `network: <name>` to istio, as in the label topology.istio.io/network of %s: without a name istiod sends these VMs to addresses of pods", s.Istio.Namespace))
}

// ambientNetwork says VMs in another network than ambient pods. For a client in another network istiod leaves out every
// endpoint without a sidecar's mTLS, and ztunnel takes gateways for HBONE only, where its networks are on at all (istio:
// pilot/pkg/xds/endpoints/ep_filters.go; pilot/pkg/features/ambient.go, AMBIENT_ENABLE_MULTI_NETWORK).
func (r *resolver) ambientNetwork(s *Spec, network string, at diag.Path, said map[*Spec]bool) {
	if !s.Istio.Ambient || s.Istio.Network == "" || network == s.Istio.Network || said[s] {
		return
	}
	said[s] = true
	r.say(ruleAmbient.At(at.Key("network"), "VMs are in network %q and the cluster's pods are ambient: between networks only pods with a sidecar are reached", network).
		WithHelp("give the pods that these VMs call a sidecar; or leave network out, where VMs and pods can dial each other"))
}

// insideNetwork says an address that is in none of its network's ranges: firewalls and routes are made from those.
func (r *resolver) insideNetwork(i *Instance, ranges []netip.Prefix) {
	if !i.Address.IsValid() || len(ranges) == 0 || slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(i.Address) }) {
		return
	}
	var list []string
	for _, p := range ranges {
		list = append(list, p.String())
	}
	r.say(ruleOutsideNetwork.At(i.At.Key("address"), "%s is in none of the cidrs of network %q (%s)", i.Address, i.Network, strings.Join(list, ", ")).
		WithHelp("add its range to networks[%s].cidrs, or set the network that the VM is in", i.Network))
}

// plaintext says ports that nobody reaches from outside their network: a gateway knows where traffic goes by what mTLS
// says, and istiod leaves endpoints without it out (istio: pilot/pkg/xds/endpoints/ep_filters.go).
func (r *resolver) plaintext(w *Workload, network string) {
	const mend = "write PERMISSIVE, which takes plaintext from the VM's own network too"
	off := security.PeerAuthentication_MutualTLS_DISABLE
	if w.MTLS.Mode == off {
		r.say(rulePlaintext.At(w.MTLS.At.Key("mode"), "mtls.mode is DISABLE, and VMs are behind the gateways of network %q, which pass mTLS only", network).WithHelp(mend))
	}
	for _, port := range slices.Sorted(maps.Keys(w.MTLS.Ports)) {
		if w.MTLS.Ports[port] == off {
			r.say(rulePlaintext.At(w.MTLS.At.Key("ports"), "mTLS of port %d is DISABLE, and VMs are behind the gateways of network %q, which pass mTLS only", port, network).WithHelp(mend))
		}
	}
}
