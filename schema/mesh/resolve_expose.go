package mesh

import (
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// expose resolves where a service is public. Its routes follow once those of the mesh are known: see
// [resolver.exposedRoutes].
func (r *resolver) expose(in *schema.Service, s *Service) {
	x := &in.Expose
	if len(x.Gateways)+len(x.Hosts) == 0 {
		return
	}
	s.Expose = &Expose{At: x.At, Object: ExposedName(s.Name)}
	switch {
	case len(x.Gateways) == 0:
		r.say(ruleExpose.At(x.At, "gateways is missing: the public hosts would be served nowhere").
			WithHelp("add `gateways: [istio-ingress/public]`: the Istio Gateways that take requests from outside, as " +
				"namespace/name"))
	case len(x.Hosts) == 0:
		r.say(ruleExpose.At(x.At, "hosts is missing: the gateways could not tell which requests are for the service").
			WithHelp("add `hosts: [%s.example.com]`: the names that clients outside dial", s.Name))
	}
	for i, g := range x.Gateways {
		if r.gatewayName(g, s, x.At.Key("gateways").Item(i, "")) {
			s.Expose.Gateways = append(s.Expose.Gateways, g)
		}
	}
	for i, h := range x.Hosts {
		if r.publicHost(h, s, x.At.Key("hosts").Item(i, "")) {
			s.Expose.Hosts = append(s.Expose.Hosts, h)
		}
	}
	slices.Sort(s.Expose.Gateways)
	slices.Sort(s.Expose.Hosts)
	r.exposedOnce(s)
}

// ExposedName returns the name of the VirtualService that exposes a service.
func ExposedName(service string) string { return service + "-exposed" }

// gatewayName reports whether a text names one more Gateway, as namespace/name.
func (r *resolver) gatewayName(g string, s *Service, at diag.Path) bool {
	namespace, name, cut := strings.Cut(g, "/")
	switch {
	case g == "mesh":
		r.say(ruleExpose.At(at,
			"\"mesh\" is not a Gateway but every sidecar, and sidecars have the routes of `traffic` already").
			WithHelp("remove it"))
	case !cut && isDNSName(g):
		r.say(ruleExpose.At(at, "%q does not say the namespace of the Gateway", g).WithHelp("write <namespace>/%s", g))
	case !isDNSLabel(namespace) || !isDNSName(name):
		r.say(ruleExpose.At(at, "%q is not a Gateway's namespace/name", g).
			WithHelp("write, for example, istio-ingress/public"))
	case slices.Contains(s.Expose.Gateways, g):
		r.say(ruleDuplicateName.At(at, "gateway %q is listed twice", g).WithHelp("remove one of them"))
	default:
		return true
	}
	return false
}

// publicHost reports whether a text is one more host that a Gateway can serve (istio: pkg/config/validation,
// ValidateVirtualService): a DNS name, also with a wildcard as its first label, an IP address, or "*".
func (r *resolver) publicHost(h string, s *Service, at diag.Path) bool {
	plain := strings.TrimPrefix(h, "*.")
	_, notIP := netip.ParseAddr(h)
	switch {
	case slices.Contains(s.Expose.Hosts, h):
		r.say(ruleDuplicateName.At(at, "host %q is listed twice", h).WithHelp("remove one of them"))
	case h == "*" || notIP == nil:
		return true
	case !isDNSName(plain) || looksLikeIP(plain):
		r.say(ruleExpose.At(at, "%q is not a host name", h).
			WithHelp("write a DNS name in lower case, without scheme, port and path: %s.example.com, or *.example.com", s.Name))
	case !strings.Contains(h, "."):
		r.say(ruleExpose.At(at, "%q does not have a dot, and Istio completes such a name to a Service of the namespace", h).
			WithHelp("write a full DNS name, such as %s.example.com", h))
	default:
		return true
	}
	return false
}

// exposedOnce requires that one service has a host at a gateway: of two VirtualServices for it, the older one's
// routes come
// first, and the other's are never reached.
func (r *resolver) exposedOnce(s *Service) {
	for _, g := range s.Expose.Gateways {
		for _, h := range s.Expose.Hosts {
			other := r.exposed[g+" "+h]
			if other == nil {
				r.exposed[g+" "+h] = s
			} else if other != s && !repeated(other.At, s.At) {
				r.say(ruleHostClash.At(s.Expose.At.Key("hosts"), "the host %s of gateway %s is that of %s already", h, g,
					place(other.At, s.At)).
					WithHelp("give each service hosts of its own, or route both from one service: `route: [{destination: {host: " +
						"...}}]`"))
				return
			}
		}
	}
}

// exposedRoutes derives what gateways do with requests for the public hosts. The routes of the mesh are resolved.
func (r *resolver) exposedRoutes(s *Service) {
	x := s.Expose
	if x == nil || len(s.Ports) == 0 {
		return
	}
	x.HTTP, x.TLS = ExposedRoutes(s, x.Hosts)
	if len(x.HTTP)+len(x.TLS) > 0 {
		return
	}
	if !slices.ContainsFunc(s.Ports, func(p *Port) bool { return p.Protocol.IsHTTP() || p.Protocol.IsTLS() }) {
		r.say(ruleExpose.At(x.At,
			"service %q does not have a port that speaks HTTP or TLS: a plain TCP connection does not name a host", s.Name).
			WithHelp("its ports are %s; set `protocol: HTTP` where that is what the application speaks, or remove `expose`",
				portList(s.Ports)))
		return
	}
	r.say(ruleExpose.At(x.At, "no route of service %q is for the port that gateways lead to", s.Name).
		WithHelp("add a route without a port in its matches to traffic.http or traffic.tls"))
}

// ExposedRoutes returns the routes of a service as gateways have them. A gateway's own port is another one than the
// service's, so
// of routes that are for one port each, those of the first port of the protocol count, without the port; and every
// destination
// has its port, since there is none that a client dialled. Where the service has no routes for a protocol, all goes
// to its host.
func ExposedRoutes(s *Service, hosts []string) (http []*networking.HTTPRoute, tls []*networking.TLSRoute) {
	host := s.Hosts[0].Name
	whole := func(p *Port) *networking.Destination {
		d := &networking.Destination{Host: host}
		if len(s.Ports) > 1 {
			d.Port = &networking.PortSelector{Number: p.Number}
		}
		return d
	}
	if p := s.exposedPort(Protocol.IsHTTP); p != nil {
		for _, route := range s.Traffic.HTTP {
			matches := len(route.Match)
			route = route.DeepCopy()
			route.Match = onPort(route.Match, p.Number)
			if matches > 0 && len(route.Match) == 0 {
				continue // it is for other ports
			}
			for _, m := range route.Match {
				m.Port = 0
			}
			if slices.ContainsFunc(route.Match, func(m *networking.HTTPMatchRequest) bool { return proto.Size(m) == 0 }) {
				route.Match = nil
			}
			http = append(http, route)
		}
		if len(s.Traffic.HTTP) == 0 {
			http = []*networking.HTTPRoute{{Route: []*networking.HTTPRouteDestination{{Destination: whole(p)}}}}
		}
	}
	names := slices.DeleteFunc(slices.Clone(hosts), func(h string) bool {
		_,
			err := netip.ParseAddr(h)
		return err == nil
	})
	if p := s.exposedPort(Protocol.IsTLS); p != nil &&
		len(names) > 0 { // a client that dials an address sends no server name
		for _, route := range s.Traffic.TLS {
			route = route.DeepCopy()
			route.Match = onPort(route.Match, p.Number)
			if len(route.Match) == 0 {
				continue
			}
			for _, m := range route.Match {
				m.Port, m.SniHosts = 0, names
			}
			tls = append(tls, route)
		}
		if len(s.Traffic.TLS) == 0 {
			tls = []*networking.TLSRoute{{
				Match: []*networking.TLSMatchAttributes{{SniHosts: names}},
				Route: []*networking.RouteDestination{{Destination: whole(p)}},
			}}
		}
	}
	return http, tls
}

// exposedPort returns the port of a protocol to which gateways lead: of several the one of the lowest number. nil:
// none.
func (s *Service) exposedPort(is func(Protocol) bool) *Port {
	if n := slices.IndexFunc(s.Ports, func(p *Port) bool { return is(p.Protocol) }); n >= 0 {
		return s.Ports[n]
	}
	return nil
}
