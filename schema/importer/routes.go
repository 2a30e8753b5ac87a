package importer

import (
	"cmp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// findRoutes gives each VirtualService to the host that it is about.
func (i *importer) findRoutes() {
	var public []*manifest.Resource
	more := map[*service]map[string]*networking.VirtualService{}
	for _, r := range age(each[*networking.VirtualService](i)) {
		v := r.Spec.(*networking.VirtualService)
		if len(v.Gateways) > 0 && !slices.Contains(v.Gateways, "mesh") {
			public = append(public, r)
			continue
		}
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
		case len(v.Gateways) > 1:
			i.leaves(r, r.Place("spec", "gateways"), "it is for sidecars and gateways, and a spec makes an object for each", "")
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
	for _, r := range public {
		i.findExposed(r)
	}
	for _, w := range i.workloads {
		for _, s := range w.services {
			i.shorten(s)
		}
	}
}

// findExposed gives a VirtualService of gateways to the service that it makes public, if the service has the same routes in
// the mesh. Others stay as they are: a spec's routes are one list for sidecars and gateways.
func (i *importer) findExposed(r *manifest.Resource) {
	v := proto.Clone(r.Spec.(*networking.VirtualService)).(*networking.VirtualService)
	var s *service
	for _, d := range destinations(v.Http, v.Tcp, v.Tls) {
		d.Host = i.fullHost(d.Host, r.Namespace)
		if s == nil {
			s = i.serviceOf(d.Host, r.Namespace)
		}
	}
	if s == nil {
		return
	}
	var gateways []string
	for _, g := range v.Gateways {
		if !strings.Contains(g, "/") {
			g = r.Namespace + "/" + g
		}
		gateways = append(gateways, g)
	}
	slices.Sort(gateways)
	hosts := slices.Sorted(slices.Values(v.Hosts))
	http, tls := mesh.ExposedRoutes(s.resolved(), hosts)
	switch {
	case !sameSet(v.ExportTo, s.exportTo):
		i.leaves(r, r.Place("spec", "exportTo"), "it is exported otherwise than its service, and a spec says exportTo once for a host", "")
	case len(s.expose.Hosts) > 0:
		i.leaves(r, r.Place("spec", "gateways"), "its service is exposed by another, and a spec has one list of gateways and hosts for a service", "")
	case len(hosts) == 0 || len(v.Tcp) > 0 || !slices.EqualFunc(v.Http, http, same) || !slices.EqualFunc(v.Tls, tls, same):
		i.leaves(r, r.Place("spec", "gateways"), "gateways have other routes than sidecars, and a spec has one list for both", "")
	default:
		for _, d := range destinations(v.Http, nil, v.Tls) {
			if to := i.anyService(d.Host, r.Namespace); to != nil && d.Subset != "" {
				to.traffic.asked = true
			}
		}
		s.expose = schema.Expose{Gateways: gateways, Hosts: hosts}
		i.becomes(r, fate{identity: identity{kind: "VirtualService", namespace: r.Namespace, name: mesh.ExposedName(s.name)}})
		s.w.objects = append(s.w.objects, r)
	}
}

// same is proto.Equal of two messages of one type.
func same[M proto.Message](a, b M) bool { return proto.Equal(a, b) }

// resolved is the service as far as [mesh.ExposedRoutes] reads it.
func (s *service) resolved() *mesh.Service {
	out := &mesh.Service{Name: s.name, Traffic: mesh.Traffic{HTTP: s.traffic.http, TLS: s.traffic.tls}}
	for _, h := range s.hosts {
		out.Hosts = append(out.Hosts, mesh.Host{Name: h})
	}
	for _, p := range s.w.ports {
		if len(s.ports) == 0 || slices.Contains(s.ports, p.name) {
			out.Ports = append(out.Ports, &mesh.Port{Name: p.name, Number: p.number, Target: p.target, Protocol: mesh.Protocol(p.said())})
		}
	}
	slices.SortFunc(out.Ports, func(a, b *mesh.Port) int { return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Name, b.Name)) })
	return out
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
