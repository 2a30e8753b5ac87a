package mesh

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// End is one end of a [Way]: who opens a connection, or who takes it.
type End struct {
	Kind    EndKind
	Network string // "": the mesh has no name for it
}

// EndKind is a kind of member of the mesh.
type EndKind string

// The kinds of an [End].
const (
	EndPods     EndKind = "pods"     // of the cluster; its gateways are pods too
	EndVMs      EndKind = "VMs"      // of a network
	EndGateway  EndKind = "gateway"  // of a network that is not the cluster's
	EndIstiod   EndKind = "istiod"   // through whatever is in front of it
	EndCA       EndKind = "CA"       // that signs the VMs' certificates, where it is not istiod; reached as istiod is
	EndScrapers EndKind = "scrapers" // Prometheus, wherever it is

	// Outside the mesh; see [Mesh.Outbound].
	EndAPI      EndKind = "Kubernetes API"   // that gives tokens
	EndTokens   EndKind = "token server"     // of identity type HTTP
	EndDNS      EndKind = "DNS servers"      // that VMs ask
	EndPackages EndKind = "package server"   // that istio-sidecar comes from
	EndExternal EndKind = "external service" // the Network is its namespace and name
)

// Way is one row of the reachability table: how a kind of traffic gets from one place to another, and so what firewalls
// let through and networks route.
type Way struct {
	From []End
	To   End
	// Through names the gateway that is dialled instead of the destination; "": the destination itself is dialled.
	// What passes a gateway is mTLS only: istiod leaves endpoints without it out.
	Through string
	// Addresses are what is dialled: addresses, ranges or DNS names. None: the spec does not know them.
	Addresses []string
	Ports     []uint32 // that are dialled; none: whatever the pods listen on
	Names     []string // EndIstiod, EndCA: the TLS server names, without which a passthrough gateway does not know its way
	Protocol  string   // of the ends outside the mesh: HTTPS, or UDP and TCP
}

// place is what there is of a network: its VMs, and what they listen on.
type placeOf struct {
	name    string
	cidrs   []string
	vms     []string // addresses that others dial
	unknown bool     // whether there may be VMs whose addresses the spec does not know
	targets map[uint32]bool
	istiods map[string]*Way // by discovery address and ways to it
	metrics map[uint32]bool // ports that are scraped
}

// Reach is the reachability table: for pods and the VMs of every network whom they reach, how, and on which ports. Which
// way istiod sends a client follows its own rule: directly where the networks of both are the same, where one of them has
// no name or where the endpoint's network has no gateway; else through that network's gateways
// (istio: pilot/pkg/xds/endpoints/ep_filters.go, EndpointsByNetworkFilter).
func (m *Mesh) Reach() []Way {
	if len(m.Specs) == 0 {
		return nil
	}
	places := m.places()
	cluster := m.Specs[0].Istio.Network
	pods := End{EndPods, cluster}
	var podCIDRs []string
	for _, s := range m.Specs {
		for _, p := range s.Istio.PodCIDRs {
			podCIDRs = append(podCIDRs, p.String())
		}
	}
	slices.Sort(podCIDRs)

	clients := []End{pods}
	for _, p := range places {
		clients = append(clients, End{EndVMs, p.name})
	}
	var out []Way
	for _, p := range places {
		if len(p.targets) == 0 {
			continue // they only call
		}
		to := End{EndVMs, p.name}
		direct, through := m.split(clients, p.name)
		gateways := m.gatewaysOf(p.name)
		if p.name != cluster && len(through) > 0 {
			direct = append(direct, End{EndGateway, p.name})
		}
		out = append(out, Way{From: direct, To: to, Addresses: p.addresses(), Ports: slices.Sorted(maps.Keys(p.targets))})
		if len(through) > 0 {
			out = append(out, m.throughGateway(through, to, gateways)...)
		}
	}
	if len(places) > 0 {
		direct, through := m.split(clients[1:], cluster)
		if len(direct) > 0 {
			out = append(out, Way{From: direct, To: pods, Addresses: slices.Compact(podCIDRs)})
		}
		if len(through) > 0 {
			out = append(out, m.throughGateway(through, pods, m.gatewaysOf(cluster))...)
		}
	}
	for _, p := range places {
		for _, key := range slices.Sorted(maps.Keys(p.istiods)) {
			out = append(out, *p.istiods[key])
		}
	}
	for _, p := range places {
		if len(p.metrics) > 0 {
			out = append(out, Way{
				From: []End{{Kind: EndScrapers}}, To: End{EndVMs, p.name}, Addresses: p.addresses(), Ports: slices.Sorted(maps.Keys(p.metrics)),
			})
		}
	}
	return out
}

// split tells the clients that istiod sends to a network's endpoints directly from those that it sends to its gateways.
func (m *Mesh) split(clients []End, network string) (direct, through []End) {
	if network == "" || len(m.gatewaysOf(network)) == 0 {
		return clients, nil
	}
	for _, c := range clients {
		if c.Network == network {
			direct = append(direct, c)
		} else { // also a client without a network
			through = append(through, c)
		}
	}
	return direct, through
}

// gatewayOf is a gateway of a network by what is dialled.
type gatewayOf struct {
	name      string
	addresses []string
	port      uint32
}

// gatewaysOf lists the gateways of a network, those of one port together. The cluster's own has one where it has a name
// and there are other networks: the east-west gateway, of this build or of somebody else's.
func (m *Mesh) gatewaysOf(network string) []gatewayOf {
	first := m.Specs[0].Istio
	if network == first.Network {
		others := slices.ContainsFunc(m.Specs, func(s *Spec) bool { return len(s.Networks) > 0 })
		if c := m.ControlPlane; c != nil && c.EastWestGateway.ExposeServices && network != "" {
			g := &c.EastWestGateway
			var addresses []string
			for _, a := range g.ExternalIPs {
				addresses = append(addresses, a.String())
			}
			return []gatewayOf{{g.Namespace + "/" + g.Name, addresses, PortPassthrough}}
		}
		if network == "" || !others {
			return nil
		}
		return []gatewayOf{{"the cluster's east-west gateway", nil, PortPassthrough}}
	}
	var out []gatewayOf
	for _, s := range m.Specs {
		if n := s.Network(network); n != nil {
			for _, g := range n.Gateways {
				i := slices.IndexFunc(out, func(o gatewayOf) bool { return o.port == g.Port })
				if i < 0 {
					i = len(out)
					out = append(out, gatewayOf{name: "gateway of " + network, port: g.Port})
				}
				if !slices.Contains(out[i].addresses, g.Address) {
					out[i].addresses = append(out[i].addresses, g.Address)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b gatewayOf) int { return cmp.Compare(a.port, b.port) })
	return out
}

func (m *Mesh) throughGateway(from []End, to End, gateways []gatewayOf) []Way {
	var out []Way
	for _, g := range gateways {
		out = append(out, Way{From: from, To: to, Through: g.name, Addresses: g.addresses, Ports: []uint32{g.port}})
	}
	return out
}

// places lists the networks that have VMs, by name.
func (m *Mesh) places() []*placeOf {
	by := map[string]*placeOf{}
	at := func(name string) *placeOf {
		if by[name] == nil {
			by[name] = &placeOf{name: name, targets: map[uint32]bool{}, istiods: map[string]*Way{}, metrics: map[uint32]bool{}}
		}
		return by[name]
	}
	for _, w := range m.Workloads {
		for _, g := range w.AllGroups() {
			if g.Auto || len(g.Instances) == 0 {
				p := at(g.Network)
				p.unknown = true
				p.add(g, g.Ports)
			}
			for _, i := range g.Instances {
				p := at(i.Network)
				p.add(g, i.Ports)
				if i.Dial().IsValid() {
					p.vms = append(p.vms, i.Dial().String())
				}
			}
		}
	}
	for _, s := range m.Specs {
		for _, n := range s.Networks {
			if p := by[n.Name]; p != nil {
				for _, c := range n.CIDRs {
					p.cidrs = append(p.cidrs, c.String())
				}
			}
		}
	}
	var out []*placeOf
	for _, name := range slices.Sorted(maps.Keys(by)) {
		out = append(out, by[name])
	}
	return out
}

// add counts VMs of a group that listen on these ports.
func (p *placeOf) add(g *Group, ports map[string]uint32) {
	w := g.Workload
	for _, port := range ports {
		p.targets[port] = true
	}
	if g.VM == nil {
		return // no sidecar
	}
	if w.Istio().Ambient {
		p.targets[15008] = true
	}
	if w.Spec.Prometheus.Format != "None" {
		p.metrics[g.statusPort()] = true
	}
	discovery := w.Istio().discovery(g.Revision)
	addresses := w.Spec.IstiodAddresses(p.name)
	p.dials(EndIstiod, discovery, addresses)
	if ca := w.Istio().CAAddress; ca != "" && g.VM.Identity.Type != "SPIRE" {
		p.dials(EndCA, ca, addresses)
	}
}

// dials counts a server of the control plane that VMs reach at istiod's addresses.
func (p *placeOf) dials(kind EndKind, server string, addresses []string) {
	key := string(kind) + " " + server + " " + strings.Join(addresses, " ")
	if p.istiods[key] != nil {
		return
	}
	host, port, _ := strings.Cut(server, ":")
	number, _ := strconv.ParseUint(port, 10, 16)
	p.istiods[key] = &Way{
		From: []End{{EndVMs, p.name}}, To: End{Kind: kind}, Addresses: addresses, Ports: []uint32{uint32(number)}, Names: []string{host},
	}
}

// addresses are the VMs' own: their network's ranges where these are known, since VMs come and go.
func (p *placeOf) addresses() []string {
	list := p.vms
	if len(p.cidrs) > 0 {
		list = p.cidrs
	} else if p.unknown {
		return nil
	}
	list = slices.Sorted(slices.Values(list))
	return slices.Compact(list)
}
