package mesh

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// networks resolves the networks other than the cluster's.
func (r *resolver) networks(s *schema.Spec, istio *Istio) []*Network {
	var out []*Network
	unique(r, s.Networks, func(n *schema.Network) (string, diag.Path) { return n.Name, n.At })
	for i := range s.Networks {
		in := &s.Networks[i]
		if in.Name == istio.Network {
			r.say(ruleDuplicateName.At(in.At.Key("name"), "%q is istio.network, the cluster's own", in.Name).
				WithHelp("list only the other networks here"))
		}
		n := &Network{At: in.At, Name: in.Name, CIDRs: r.prefixes(in.CIDRs, in.At.Key("cidrs")), IstiodAddresses: in.IstiodAddresses}
		r.istiodAddresses(in.IstiodAddresses, in.At.Key("istiodAddresses"), istio)
		if len(n.IstiodAddresses) == 0 {
			n.IstiodAddresses = istio.IstiodAddresses
		}
		for _, g := range in.Gateways {
			if _, ok := parseIP(g.Address); ok {
				r.dialable(g.Address, g.At.Key("address"))
				r.noClusterIP(g.Address, g.At.Key("address"), istio, "give an address at which the gateway is reached from other networks")
			} else if !isDNSName(g.Address) || looksLikeIP(g.Address) {
				r.say(ruleBadAddress.At(g.At.Key("address"), "%q is neither an IP address nor a DNS name", g.Address).
					WithHelp("write an address such as 203.0.113.7; the port has a field of its own"))
			}
			n.Gateways = append(n.Gateways, NetworkGateway{Address: g.Address, Port: uint32(g.Port)})
		}
		r.gateways(n)
		out = append(out, n)
	}
	slices.SortStableFunc(out, func(a, b *Network) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// gateways sorts a network's gateways, and says those that are there twice or are too many for one object.
func (r *resolver) gateways(n *Network) {
	at := n.At.Key("gateways")
	byPort := map[uint32]int{}
	for i, g := range n.Gateways {
		if slices.Index(n.Gateways, g) < i {
			r.say(ruleDuplicateName.At(at.Item(i, ""), "gateway %s:%d is in the list already", g.Address, g.Port).WithHelp("drop it: a gateway counts once"))
			continue
		}
		byPort[g.Port]++
		if byPort[g.Port] == mostAddresses+1 {
			r.say(ruleGatewayAddress.At(at.Item(i, ""), "network %q has more than %d gateways of port %d", n.Name, mostAddresses, g.Port).
				WithHelp("put them behind one address: a Gateway of the Gateway API has at most %d", mostAddresses))
		}
	}
	slices.SortFunc(n.Gateways, func(a, b NetworkGateway) int {
		return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Port, b.Port))
	})
}

// network resolves a reference to a network: the cluster's own, or a listed one.
func (r *resolver) network(name string, at diag.Path, s *Spec) string {
	if name == "" || name == s.Istio.Network {
		return s.Istio.Network
	}
	if s.Network(name) != nil {
		return name
	}
	known := []string{}
	for _, n := range s.Networks {
		known = append(known, n.Name)
	}
	if s.Istio.Network != "" {
		known = append(known, s.Istio.Network)
	}
	d := ruleUnknownNetwork.At(at, "no network is named %q", name)
	switch near := diag.Nearest(name, known); {
	case near != "":
		d = d.Suggest("did you mean %q?", name, near, known)
	case len(known) == 0:
		d = d.WithHelp("set istio.network if that is the cluster's own, or add it to spec.networks")
	default:
		d = d.WithHelp("known are %s; add others to spec.networks", strings.Join(known, ", "))
	}
	r.say(d)
	return name
}
