package mesh

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// DiscoveryAddress is host:port of the control plane that the group's VMs are on.
func (g *Group) DiscoveryAddress() string { return g.Workload.Istio().discovery(g.Revision) }

// DiscoveryHost is the name by which the group's VMs know istiod, without the port. It is in istiod's certificate.
func (g *Group) DiscoveryHost() string {
	host, _, _ := strings.Cut(g.DiscoveryAddress(), ":")
	return host
}

// CAAddress is host:port of what signs the certificates of the group's VMs: istiod, unless the mesh has another CA.
func (g *Group) CAAddress() string { return first(g.Workload.Istio().CAAddress, g.DiscoveryAddress()) }

// ControlPlaneHosts are the names that the group's VMs dial at istiod's addresses: istiod, and a CA that is not istiod.
func (g *Group) ControlPlaneHosts() []string {
	names := []string{g.DiscoveryHost()}
	if ca, _, _ := strings.Cut(g.CAAddress(), ":"); ca != names[0] {
		names = append(names, ca)
	}
	return names
}

// IstiodAddresses is how VMs in a network reach istiod: IPs, or one DNS name.
func (s *Spec) IstiodAddresses(network string) []string {
	if n := s.Network(network); n != nil {
		return n.IstiodAddresses
	}
	return s.Istio.IstiodAddresses
}

// Network returns the listed network of this name; nil for the cluster's own, and for a name that is not listed.
func (s *Spec) Network(name string) *Network {
	i, found := slices.BinarySearchFunc(s.Networks, name, func(n *Network, name string) int { return strings.Compare(n.Name, name) })
	if !found {
		return nil
	}
	return s.Networks[i]
}

// BehindGateways reports whether the listed network of this name is reached by gateways alone.
func (s *Spec) BehindGateways(name string) bool {
	n := s.Network(name)
	return n != nil && len(n.Gateways) > 0
}

// IstiodIPs are the IstiodAddresses that are IPs, in order: none where there is a DNS name instead.
func (s *Spec) IstiodIPs(network string) []netip.Addr {
	var ips []netip.Addr
	for _, a := range s.IstiodAddresses(network) {
		if ip, ok := parseIP(a); ok {
			ips = append(ips, ip.Unmap())
		}
	}
	return ips
}

// DefaultDiscoveryAddress is what the VM's start script takes for a control plane where it is told nothing
// (istio: tools/packaging/common/istio-start.sh, DEFAULT_PILOT_ADDRESS).
const DefaultDiscoveryAddress = "istiod.istio-system.svc:15012"

// OwnSettings tells whether a VM of this name has settings of its own: something that its group's files do not say of it.
// Its address, entry and weight are not among them.
func (i *Instance) OwnSettings() bool {
	return i.Network != i.Group.Network || i.ownLabels && !maps.Equal(i.Labels, i.Group.Labels) || i.ownPorts && !maps.Equal(i.Ports, i.Group.Ports)
}
