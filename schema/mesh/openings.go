package mesh

import (
	"cmp"
	"net/netip"
	"slices"
)

// Opening is a port of a VM that its own firewall opens, as the INPUT chain sees it.
type Opening struct {
	Port    uint32
	UDP     bool           // TCP otherwise
	Sources []netip.Prefix // sorted, none within another; empty: anyone
	Why     string         // a few words without quotes: backends keep them as the rule's comment
}

// ReasonSSH is the reason of the opening for SSH.
const ReasonSSH = "SSH"

// Ports of the sidecar that others dial (istio: pkg/bootstrap, and tools/istio-iptables for the two that capture).
const (
	portInbound = 15006
	portHBONE   = 15008
	portStatus  = 15020
	portReady   = 15021
	portEnvoy   = 15090
)

// Openings is who may reach the group's VMs, on which port and why: SSH first, then by port. Captured
// traffic comes to the INPUT chain with port 15006, because nat PREROUTING rewrites it before; with TPROXY it keeps its
// own port, and what is not captured does too.
func (g *Group) Openings() []Opening {
	fw := &g.VM.Firewall
	all := []Opening{{Port: fw.SSHPort, Sources: disjoint(fw.SSHFrom), Why: ReasonSSH}}
	open := func(port uint32, sources []netip.Prefix, why string) {
		if len(sources) > 0 && !slices.ContainsFunc(all, func(o Opening) bool { return o.Port == port }) {
			all = append(all, Opening{Port: port, Sources: sources, Why: why})
		}
	}
	callers := disjoint(slices.Concat(g.Workload.Spec.peers, fw.AllowFrom))
	captured, targets := g.captured()
	if captured && g.VM.Interception.Mode == "REDIRECT" {
		open(portInbound, callers, "the mesh, captured")
	}
	for _, port := range targets {
		open(port, callers, "the mesh")
	}
	if g.Workload.Istio().Ambient {
		open(portHBONE, callers, "the mesh, by HBONE")
	}
	scrapers := disjoint(fw.ScrapeFrom)
	open(g.statusPort(), scrapers, "metrics, with those of the application")
	open(portReady, scrapers, "readiness")
	open(portEnvoy, scrapers, "metrics of Envoy alone")
	for _, o := range fw.Open {
		all = append(all, Opening{Port: o.Port, UDP: o.UDP, Sources: disjoint(o.From), Why: o.Name})
	}
	slices.SortStableFunc(all[1:], func(a, b Opening) int { return cmp.Compare(a.Port, b.Port) })
	return all
}

// captured tells whether any inbound traffic is captured, and which ports INPUT sees as they were dialled.
func (g *Group) captured() (bool, []uint32) {
	in := &g.VM.Interception
	var targets []uint32
	for _, port := range g.Ports {
		targets = append(targets, port)
	}
	for _, i := range g.Instances {
		for _, port := range i.Ports {
			targets = append(targets, port)
		}
	}
	included := in.IncludeInboundPorts
	if in.TargetPorts {
		included = targets
	}
	switch in.Mode {
	case "NONE":
		included = nil
	case "TPROXY":
		if !in.AllInbound {
			targets = append(targets, included...)
		}
	default:
		listed := map[uint32]bool{}
		if in.AllInbound {
			included = in.ExcludeInboundPorts
		}
		for _, port := range included {
			listed[port] = true
		}
		targets = slices.DeleteFunc(targets, func(port uint32) bool { return listed[port] != in.AllInbound })
	}
	slices.Sort(targets)
	return in.Mode != "NONE" && (in.AllInbound || len(included) > 0), slices.Compact(targets)
}

// statusPort is where the agent serves merged metrics.
func (g *Group) statusPort() uint32 {
	if port := g.ProxyConfig().StatusPort; port > 0 {
		return uint32(port)
	}
	return portStatus
}

// peers finds out who may call any VM of the mesh: pods, the networks and their gateways, and the declared VMs, as
// themselves and as what they look like from outside.
func (r *resolver) peers() {
	var all []netip.Prefix
	one := func(a netip.Addr) {
		if a.IsValid() {
			all = append(all, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	for _, s := range r.mesh.Specs {
		all = append(all, s.Istio.PodCIDRs...)
		for _, n := range s.Networks {
			all = append(all, n.CIDRs...)
			for _, g := range n.Gateways {
				if a, ok := parseIP(g.Address); ok {
					one(a)
				}
			}
		}
	}
	for _, w := range r.mesh.Workloads {
		for _, g := range w.AllGroups() {
			for _, i := range g.Instances {
				one(i.Address)
				one(i.External)
			}
		}
	}
	all = disjoint(all)
	for _, s := range r.mesh.Specs {
		s.peers = all
	}
}

// disjoint are the same addresses in as few prefixes as there can be, sorted, IPv4 first.
func disjoint(list []netip.Prefix) []netip.Prefix {
	sorted := make([]netip.Prefix, 0, len(list))
	for _, p := range list {
		if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		sorted = append(sorted, p.Masked())
	}
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	var out []netip.Prefix
	for _, p := range sorted {
		if n := len(out); n > 0 && out[n-1].Overlaps(p) {
			continue // within the one before, which is wider
		}
		out = append(out, p)
		for n := len(out); n > 1; n = len(out) { // two halves are one whole
			whole, err := out[n-1].Addr().Prefix(out[n-1].Bits() - 1)
			if err != nil || out[n-2].Bits() != out[n-1].Bits() || !whole.Contains(out[n-2].Addr()) {
				break
			}
			out = append(out[:n-2], whole)
		}
	}
	return out
}
