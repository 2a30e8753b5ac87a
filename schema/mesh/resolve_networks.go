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
			} else if !isDNSName(g.Address) || looksLikeIP(g.Address) {
				r.say(ruleBadAddress.At(g.At.Key("address"), "%q is neither an IP address nor a DNS name", g.Address).
					WithHelp("write an address such as 203.0.113.7; the port has a field of its own"))
			}
			n.Gateways = append(n.Gateways, NetworkGateway{Address: g.Address, Port: uint32(g.Port)})
		}
		out = append(out, n)
	}
	slices.SortStableFunc(out, func(a, b *Network) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// network resolves a reference to a network: the cluster's own, or a listed one.
func (r *resolver) network(name string, at diag.Path, s *Spec) string {
	if name == "" || name == s.Istio.Network {
		return s.Istio.Network
	}
	known := []string{}
	for _, n := range s.Networks {
		if n.Name == name {
			return name
		}
		known = append(known, n.Name)
	}
	if s.Istio.Network != "" {
		known = append(known, s.Istio.Network)
	}
	d := ruleUnknownNetwork.At(at, "no network is named %q", name)
	switch near := diag.Nearest(name, known); {
	case near != "":
		d = d.WithHelp("did you mean %q?", near)
	case len(known) == 0:
		d = d.WithHelp("set istio.network if that is the cluster's own, or add it to spec.networks")
	default:
		d = d.WithHelp("known are %s; add others to spec.networks", strings.Join(known, ", "))
	}
	r.say(d)
	return name
}

// controlPlane resolves what the file emits outside its workloads' namespaces.
func (r *resolver) controlPlane(s *schema.Spec, spec *Spec) *ControlPlane {
	in := s.ControlPlane
	if in == nil {
		return nil
	}
	g := &in.EastWestGateway
	out := &ControlPlane{
		At: in.At, Install: in.Install, MeshConfig: in.MeshConfig, NetworkLabel: in.NetworkLabel == "Auto" && spec.Istio.Network != "",
		EastWestGateway: EastWestGateway{
			At: g.At, Name: g.Name, Namespace: g.Namespace, Selector: g.Selector, Deployment: g.Deployment,
			ServiceType: g.Service.Type, ServiceAnnotations: g.Service.Annotations, LoadBalancerClass: g.Service.LoadBalancerClass,
			LoadBalancerSourceRanges: r.prefixes(g.Service.LoadBalancerSourceRanges, g.Service.At.Key("loadBalancerSourceRanges")),
			ExternalIPs:              r.addressList(g.Service.ExternalIPs, g.Service.At.Key("externalIPs")),
			ExposeIstiod:             isTrue(g.ExposeIstiod),
			ExposeServices:           g.ExposeServices == "Always" || g.ExposeServices == "Auto" && len(spec.Networks) > 0,
			ExposeWebhook:            g.ExposeWebhook,
		},
	}
	if len(out.EastWestGateway.Selector) == 0 {
		out.EastWestGateway.Selector = map[string]string{"istio": strings.TrimPrefix(g.Name, "istio-")}
	}
	r.labels(g.Selector, g.At.Key("selector"), nil)
	r.annotations(g.Service.Annotations, g.Service.At.Key("annotations"), nil)
	if g.Deployment == "Injected" && in.Install != "None" {
		r.say(ruleMisfit.At(g.At.Key("deployment"), "deployment: Injected beside install: %s, which brings the gateway itself", in.Install).
			WithHelp("drop one of the two"))
	}
	return out
}
