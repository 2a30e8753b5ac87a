package mesh

import (
	"fmt"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// routes resolves the routes of a service once every host of the mesh is known: destinations are filled in and checked,
// and on a service of several ports each route is written out for each port, with the port on either side. Without that
// a route's destination takes the port that was dialled, which works only while every destination has it, and istioctl
// analyze calls it an error (IST0112).
func (r *resolver) routes(s *Service) {
	t := &s.Traffic
	at := s.At.Key("traffic")
	if t.Routed() && s.Ports == nil {
		return // said already: it has no ports
	}
	for i, route := range t.TLS {
		r.serverNames(s, route, at.Key("tls").Item(i, ""))
	}
	r.hook().Dead(t.HTTP, at.Key("http"))
	for i, route := range t.HTTP {
		here := at.Key("http").Item(i, "")
		r.hook().HTTPRoute(route, here)
		for k, m := range route.Match {
			r.forSidecars(m.GetGateways(), here.Key("match").Item(k, ""))
		}
	}
	for i, route := range t.TCP {
		here := at.Key("tcp").Item(i, "").Key("match")
		r.hook().TCPMatches(route.Match, here)
		for k, m := range route.Match {
			r.forSidecars(m.GetGateways(), here.Item(k, ""))
		}
	}
	for i, route := range t.TLS {
		here := at.Key("tls").Item(i, "").Key("match")
		r.hook().TLSMatches(route.Match, here)
		for k, m := range route.Match {
			r.forSidecars(m.GetGateways(), here.Item(k, ""))
		}
	}
	t.HTTP = resolveRoutes(r, s, httpForm, t.HTTP, at.Key("http"))
	t.TCP = resolveRoutes(r, s, tcpForm, t.TCP, at.Key("tcp"))
	t.TLS = resolveRoutes(r, s, tlsForm, t.TLS, at.Key("tls"))
	if (t.Routed() || t.DestinationRule) && slices.Contains(s.ExportTo, "~") {
		r.say(ruleExportTo.At(s.At.Key("exportTo"), "service %q is exported to nobody, and its routes and policies can be for somebody only", s.Name).
			WithHelp("write \".\" for this namespace, or drop `traffic`"))
	}
}

// forSidecars checks which gateways a match is for. The routes of a workload are for sidecars: Istio calls them the gateway
// mesh, and a match on other gateways never holds.
func (r *resolver) forSidecars(gateways []string, at diag.Path) {
	if len(gateways) > 0 && !slices.Contains(gateways, "mesh") {
		r.say(ruleSettings.At(at.Key("gateways"), "these routes are for the mesh's sidecars, so a match on gateway %q never holds", gateways[0]).
			WithHelp("remove `gateways`; a gateway's routes are in its VirtualService"))
	}
}

// serverNames holds the names of TLS matches to the hosts of the service: Istio refuses others
// (istio: pkg/config/validation, validateSniHost).
func (r *resolver) serverNames(s *Service, route *networking.TLSRoute, at diag.Path) {
	for n, m := range route.Match {
		for k, name := range m.SniHosts {
			if !r.ownHost(s, name) {
				r.say(ruleRoute.At(at.Key("match").Item(n, "").Key("sniHosts").Item(k, ""), "%q is no host of service %q, so Istio refuses the route", name, s.Name).
					WithHelp("write %s", s.Hosts[0].Name))
			}
		}
	}
}

// form is what the three kinds of route have in common, as functions over one of them.
type form[R any] struct {
	name  string // of the protocol, for messages
	takes func(Protocol) bool
	clone func(R) R
	// destinations lists where a route sends traffic, with the path of each; empty ones are made where they are missing.
	destinations func(route R, at diag.Path) []destination
	matches      func(route R) []uint32 // the port of each match, 0 = any
	forPort      func(route R, port uint32) R
	elsewhere    func(R) bool   // whether it needs no destination: a redirect, a direct response, a delegate
	both         func(R) string // which of these stands beside destinations, "" if none
}

// destination is one place a route sends traffic to. A mirror has no weight.
type destination struct {
	*networking.Destination
	at       diag.Path // of what holds it: the weighted destination, or the mirror
	weight   int32
	weighted bool
	mirror   bool // at is the destination itself
}

func resolveRoutes[R any](r *resolver, s *Service, f form[R], routes []R, at diag.Path) []R {
	if len(routes) == 0 {
		return nil
	}
	var ports []*Port
	for _, p := range s.Ports {
		if f.takes(p.Protocol) {
			ports = append(ports, p)
		}
	}
	if len(ports) == 0 {
		r.say(ruleUnknownPort.At(at, "service %q has no %s port that these routes could act on", s.Name, f.name).
			WithHelp("its ports are %s", portList(s.Ports)))
		return nil
	}
	var out []R
	for i, route := range routes {
		out = append(out, resolveRoute(r, s, f, f.clone(route), ports, at.Item(i, ""))...)
	}
	return out
}

// resolveRoute fills and checks one route, and answers it once, or once for each port.
func resolveRoute[R any](r *resolver, s *Service, f form[R], route R, ports []*Port, at diag.Path) []R {
	said := false
	for i, n := range f.matches(route) {
		if n != 0 && !slices.ContainsFunc(ports, func(p *Port) bool { return p.Number == n }) {
			said = true
			r.say(ruleUnknownPort.At(at.Key("match").Item(i, "").Key("port"), "service %q has no %s port %d", s.Name, f.name, n).
				WithHelp("its ports are %s", portList(s.Ports)))
		}
	}
	if key := f.both(route); key != "" {
		r.say(ruleRoute.At(at.Key(key), "%s stands beside route, and Istio refuses a route that does both", key).Key().WithHelp("drop one of the two"))
		return nil
	}
	list := f.destinations(route, at)
	if !slices.ContainsFunc(list, func(d destination) bool { return d.weighted }) && !f.elsewhere(route) {
		r.say(ruleRoute.At(at, "the route sends its traffic nowhere").
			WithHelp("add `route: [{destination: {}}]` for the service itself, or the destination it is meant for"))
		return nil
	}
	r.weights(list, at)
	dialled := slices.DeleteFunc(slices.Clone(ports), func(p *Port) bool { // the ports that the route acts on
		matches := f.matches(route)
		return len(matches) > 0 && !slices.Contains(matches, 0) && !slices.Contains(matches, p.Number)
	})
	open := false // whether a destination takes the port that was dialled
	for _, d := range list {
		target := r.destination(s, d)
		if target == nil || d.Port != nil || len(target.Ports) == 1 {
			continue // a host of one port takes everything there
		}
		open = true
		for _, p := range dialled {
			if !target.has(p.Number) {
				r.say(ruleUnknownPort.At(d.place(), "the route also takes calls of port %d, which service %q does not have", p.Number, target.Name).
					WithHelp("add `port: {number: ...}` to the destination, or `port` to the route's matches; its ports are %s", portList(target.Ports)))
				break
			}
		}
	}
	if !open || said {
		return []R{route}
	}
	var out []R
	for _, p := range dialled {
		one := route
		if len(s.Ports) > 1 {
			one = f.forPort(f.clone(route), p.Number)
		}
		for _, d := range f.destinations(one, at) {
			if target := r.target(s, d.Host); d.Port == nil && target != nil && len(target.Ports) > 1 {
				d.Port = &networking.PortSelector{Number: p.Number}
			}
		}
		out = append(out, one)
	}
	return out
}

// target finds the service of a route's host: s itself, or another of the mesh; nil for hosts that somebody else has.
func (r *resolver) target(s *Service, host string) *Service {
	if r.ownHost(s, host) {
		return s
	}
	return r.known(host)
}

// has tells whether clients can dial a port of the service.
func (s *Service) has(number uint32) bool {
	return slices.ContainsFunc(s.Ports, func(p *Port) bool { return p.Number == number })
}

// place is where a destination stands in the spec.
func (d destination) place() diag.Path {
	if d.mirror {
		return d.at
	}
	return d.at.Key("destination")
}

// destination fills in and checks where a route goes, and answers the service that it reaches; nil for hosts that
// somebody else has.
func (r *resolver) destination(s *Service, d destination) *Service {
	host := d.Host
	if host == "" {
		d.Host = s.Hosts[0].Name
	} else if !strings.Contains(host, ".") {
		// A short name means the VirtualService's own namespace (istio: pkg/config/host, ResolveShortnameToFQDN).
		host = ServiceHost(host, s.Workload.Namespace, s.Workload.Istio().ClusterDomain)
		if r.known(host) != nil {
			d.Host = host
		}
	}
	target := r.target(s, d.Host)
	at := d.place()
	if d.Host == "*" {
		r.say(ruleUnknownDestination.At(at.Key("host"), "\"*\" is no host that traffic could be sent to").WithHelp("write one host, or leave host out for the service itself"))
		return nil
	}
	if target == nil {
		if near := r.partial(d.Host); near != "" {
			r.say(ruleUnknownDestination.At(at.Key("host"), "%q is no full host name, and Istio completes only names without dots", d.Host).
				WithHelp("write %s", near).WithFix(diag.Fix{Old: d.Host, New: near}))
		}
		return nil
	}
	if d.Subset != "" {
		target.Traffic.DestinationRule = true // its subsets stand there, also the default ones
		if !slices.ContainsFunc(target.Traffic.Subsets, func(x *networking.Subset) bool { return x.Name == d.Subset }) {
			r.unknownSubset(target, d.Subset, at.Key("subset"))
		}
	}
	if n := d.Port.GetNumber(); d.Port != nil && !target.has(n) {
		r.say(ruleUnknownPort.At(at.Key("port"), "service %q has no port %d", target.Name, n).
			WithHelp("its ports are %s", portList(target.Ports)))
	}
	return target
}

func (r *resolver) unknownSubset(s *Service, name string, at diag.Path) {
	var names []string
	for _, x := range s.Traffic.Subsets {
		names = append(names, x.Name)
	}
	d := ruleUnknownSubset.At(at, "service %q has no subset %q", s.Name, name)
	switch near := diag.Nearest(name, names); {
	case near != "":
		d = d.Suggest("did you mean %q?", name, near, names)
	case len(names) > 0:
		d = d.WithHelp("its subsets are %s", strings.Join(names, ", "))
	default:
		d = d.WithHelp("give its groups a `version`, or add it to traffic.subsets")
	}
	r.say(d)
}

// weights checks that several destinations share traffic that is more than none (istio: pkg/config/validation,
// validateWeights).
func (r *resolver) weights(list []destination, at diag.Path) {
	sum, count := int64(0), 0
	for _, d := range list {
		if !d.weighted {
			continue
		}
		count++
		sum += int64(d.weight)
		if d.weight < 0 {
			r.say(ruleWeight.At(d.at.Key("weight"), "the weight %d is below 0", d.weight).WithHelp("write 0 for no traffic, or a share"))
		}
	}
	if count > 1 && sum == 0 {
		r.say(ruleWeight.At(at, "the weights of its %d destinations add up to 0, so no traffic goes anywhere", count).
			WithHelp("give each destination a `weight`"))
	}
}

// ownHost tells whether a host is one of the service's.
func (r *resolver) ownHost(s *Service, host string) bool {
	return slices.ContainsFunc(s.Hosts, func(h Host) bool { return h.Name == host })
}

// known finds the mesh's own service of a host name, nil for hosts that somebody else has.
func (r *resolver) known(host string) *Service { return r.byHost[host] }

// partial completes name.namespace and name.namespace.svc of a service in the mesh.
func (r *resolver) partial(host string) string {
	if len(r.mesh.Specs) == 0 {
		return ""
	}
	domain := r.mesh.Specs[0].Istio.ClusterDomain
	for _, end := range []string{".svc." + domain, "." + domain} {
		if r.known(host+end) != nil {
			return host + end
		}
	}
	return ""
}

func portList(ports []*Port) string {
	var words []string
	for _, p := range ports {
		words = append(words, fmt.Sprintf("%d (%s)", p.Number, p.Name))
	}
	if words == nil {
		return "none"
	}
	return strings.Join(words, ", ")
}
