package importer

import (
	"slices"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"
)

// findRoutes gives each VirtualService to the host that it is about.
func (i *importer) findRoutes() {
	more := map[*service]map[string]*networking.VirtualService{}
	for _, r := range age(each[*networking.VirtualService](i)) {
		v := r.Spec.(*networking.VirtualService)
		var s *service
		var host string
		for _, h := range v.Hosts {
			host = i.fullHost(h, r.Namespace)
			if s = i.serviceOf(host, r.Namespace); s != nil {
				break
			}
		}
		if s == nil {
			continue
		}
		if s.from == nil && s.traffic.rule == nil && len(s.exportTo) == 0 {
			s.exportTo = v.ExportTo
		}
		switch {
		case len(v.Hosts) != 1:
			i.leaves(r, r.Place("spec", "hosts"), "it is for several hosts, and the routes of a spec are for those of one service", "")
		case len(v.Gateways) > 1 || len(v.Gateways) == 1 && v.Gateways[0] != "mesh":
			i.leaves(r, r.Place("spec", "gateways"), "it is for gateways, and the routes of a spec are for sidecars", "")
		case !sameSet(v.ExportTo, s.exportTo):
			i.leaves(r, r.Place("spec", "exportTo"), "it is exported otherwise than its service, and a spec sets exportTo once for a host", "")
		case len(v.Http)+len(v.Tcp)+len(v.Tls) == 0:
			i.leaves(r, nil, "it lacks routes", "delete it")
		case s.traffic.routes != nil && host == s.hosts[0]:
			i.leaves(r, r.Place("spec", "hosts"), s.traffic.routes.String()+" has this host too, and Istio uses the older one", "merge the two, or delete this one")
		default:
			i.becomes(r, fate{identity: identity{kind: "VirtualService", namespace: r.Namespace, host: host}})
			s.w.objects = append(s.w.objects, r)
			if more[s] == nil {
				more[s] = map[string]*networking.VirtualService{}
			}
			if s.traffic.routes == nil || host == s.hosts[0] {
				s.traffic.routes = r
			}
			more[s][host] = i.copied(v, r.Namespace)
		}
	}
	// Subsets are asked for by routes of any service, so all of them are read before one is written.
	for s, byHost := range more {
		s.traffic.http, s.traffic.tcp, s.traffic.tls = s.together(byHost)
	}
	for _, w := range i.workloads {
		for _, s := range w.services {
			i.shorten(s)
		}
	}
}

// copied is a VirtualService with the full hosts of its destinations; services whose subsets it names learn of it.
func (i *importer) copied(v *networking.VirtualService, namespace string) *networking.VirtualService {
	v = proto.Clone(v).(*networking.VirtualService)
	for _, d := range destinations(v.Http, v.Tcp, v.Tls) {
		d.Host = i.fullHost(d.Host, namespace)
		if s := i.anyService(d.Host, namespace); s != nil && d.Subset != "" {
			s.traffic.asked = true
		}
	}
	return v
}

// anyService finds the service of a host in any namespace.
func (i *importer) anyService(host, namespace string) *service {
	if s := i.hosts[namespace+"/"+host]; s != nil {
		return s
	}
	for _, w := range i.workloads {
		if s := i.hosts[w.namespace+"/"+host]; s != nil {
			return s
		}
	}
	return nil
}

// together makes the routes of a service of those of its hosts: they lead to the first, and server names of TLS matches
// are those of all.
func (s *service) together(byHost map[string]*networking.VirtualService) ([]*networking.HTTPRoute, []*networking.TCPRoute, []*networking.TLSRoute) {
	var main *networking.VirtualService
	for _, h := range s.hosts {
		v := byHost[h]
		switch {
		case v == nil:
			continue
		case main == nil:
			main = v
			continue
		}
		for n, route := range v.Tls {
			for k, m := range route.Match {
				if n < len(main.Tls) && k < len(main.Tls[n].Match) {
					into := main.Tls[n].Match[k]
					into.SniHosts = append(into.SniHosts, m.SniHosts...)
				}
			}
		}
	}
	return main.Http, main.Tcp, main.Tls
}

// destinations lists where routes lead.
func destinations(http []*networking.HTTPRoute, tcp []*networking.TCPRoute, tls []*networking.TLSRoute) []*networking.Destination {
	var out []*networking.Destination
	add := func(d *networking.Destination) {
		if d != nil {
			out = append(out, d)
		}
	}
	for _, route := range http {
		for _, d := range route.GetRoute() {
			add(d.GetDestination())
		}
		add(route.GetMirror())
		for _, m := range route.GetMirrors() {
			add(m.GetDestination())
		}
	}
	for _, route := range tcp {
		for _, d := range route.GetRoute() {
			add(d.GetDestination())
		}
	}
	for _, route := range tls {
		for _, d := range route.GetRoute() {
			add(d.GetDestination())
		}
	}
	return out
}

// numbers lists the ports that clients dial, in order; nil takes all of them.
func (s *service) numbers(is func(*port) bool) []uint32 {
	var out []uint32
	for _, p := range s.w.ports {
		if (len(s.ports) == 0 || slices.Contains(s.ports, p.name)) && (is == nil || is(p)) {
			out = append(out, p.number)
		}
	}
	return out
}
