package mesh

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Outbound is what VMs dial outside the mesh, for whoever owns the firewalls in between: where their tokens and their
// package come from, DNS, and the external services of the specs. What a cloud has on a link-local address, such as its
// metadata, never crosses a firewall and is left out.
func (m *Mesh) Outbound() []Way {
	var out []Way
	index := map[string]int{}
	add := func(from string, w Way) {
		w.From = []End{{EndVMs, from}}
		key := strings.Join([]string{string(w.To.Kind), w.To.Network, w.Protocol, strings.Join(w.Addresses, " ")}, "\x00")
		for _, p := range w.Ports {
			key += " " + strconv.Itoa(int(p))
		}
		if i, seen := index[key]; !seen {
			index[key] = len(out)
			out = append(out, w)
		} else if !slices.Contains(out[i].From, w.From[0]) {
			out[i].From = append(out[i].From, w.From[0])
		}
	}
	from := map[string]bool{}
	for _, w := range m.Workloads {
		for _, g := range w.Groups {
			for _, network := range g.networks() {
				from[network] = true
				if g.VM == nil {
					continue
				}
				switch id := g.VM.Identity; id.Type {
				case "TokenRequest":
					add(network, web(EndAPI, id.Server))
				case "HTTP":
					add(network, web(EndTokens, id.URL))
				}
				if p := g.VM.Package; p.Format != "None" {
					add(network, web(EndPackages, p.BaseURL))
				}
				var servers []string
				for _, s := range g.VM.DNS.Servers {
					servers = append(servers, s.String())
				}
				add(network, Way{To: End{Kind: EndDNS}, Addresses: servers, Ports: []uint32{53}, Protocol: "UDP and TCP"})
			}
		}
	}
	networks := make([]string, 0, len(from))
	for name := range from {
		networks = append(networks, name)
	}
	slices.Sort(networks)
	for _, e := range m.ExternalServices {
		addresses := e.Entry.GetHosts()
		if endpoints := e.Entry.GetEndpoints(); len(endpoints) > 0 {
			addresses = nil
			for _, p := range endpoints {
				addresses = append(addresses, p.GetAddress())
			}
		}
		var ports []uint32
		var protocols []string
		for _, p := range e.Entry.GetPorts() {
			ports = append(ports, cmp.Or(p.GetTargetPort(), p.GetNumber()))
			protocols = append(protocols, strings.ToUpper(p.GetProtocol()))
		}
		slices.Sort(ports)
		slices.Sort(protocols)
		for _, network := range networks {
			add(network, Way{
				To: End{EndExternal, e.Namespace + "/" + e.Name}, Addresses: addresses, Ports: slices.Compact(ports),
				Protocol: strings.Join(slices.Compact(protocols), ", "),
			})
		}
	}
	slices.SortStableFunc(out, func(a, b Way) int { return cmp.Compare(outboundOrder[a.To.Kind], outboundOrder[b.To.Kind]) })
	for _, w := range out {
		slices.SortFunc(w.From, func(a, b End) int { return cmp.Compare(a.Network, b.Network) })
	}
	return out
}

var outboundOrder = map[EndKind]int{EndAPI: 1, EndTokens: 2, EndPackages: 3, EndDNS: 4, EndExternal: 5}

// networks are the networks that VMs of the group are in, sorted.
func (g *Group) networks() []string {
	var all []string
	if g.Auto || len(g.Instances) == 0 {
		all = append(all, g.Network)
	}
	for _, i := range g.Instances {
		all = append(all, i.Network)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// web is a way to the server of a URL.
func web(kind EndKind, address string) Way {
	w := Way{To: End{Kind: kind}, Protocol: "HTTPS", Ports: []uint32{443}}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		w.Addresses = []string{address}
		return w
	}
	if u.Scheme == "http" {
		w.Protocol, w.Ports = "HTTP", []uint32{80}
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		w.Ports = []uint32{uint32(n)}
	}
	w.Addresses = []string{u.Hostname()}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		w.Addresses[0] = ip.String()
	}
	return w
}
