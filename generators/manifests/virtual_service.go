package manifests

import (
	"iter"
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// VirtualServices makes one for each host that has routes, one for the public hosts of each service that is exposed, and one for
// each istiod that is.
func VirtualServices(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return joined(workloadRoutes(m), istiodRoutes(m))
}

// workloadRoutes makes one for a host: of two Istio would use the oldest.
func workloadRoutes(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return func(yield func(*manifest.Object) bool) {
		for _, w := range m.Workloads {
			for _, s := range w.Services {
				for _, h := range s.Hosts {
					if !s.Traffic.Routed() {
						break
					}
					o := about(w, w.Istio().Release.NetworkingVersion(), "VirtualService", h.Object)
					o.At = s.At
					body := &networking.VirtualService{
						Hosts: []string{h.Name}, Http: s.Traffic.HTTP, Tcp: s.Traffic.TCP, Tls: s.Traffic.TLS, ExportTo: s.ExportTo,
					}
					if len(s.Hosts) > 1 {
						body = toward(body.DeepCopy(), s.Hosts[0].Name, h.Name)
					}
					if len(body.Http)+len(body.Tcp)+len(body.Tls) == 0 {
						continue // its TLS routes name other hosts only
					}
					o.Body = spec(body)
					if !yield(delivered(w.Spec.GitOps, o)) {
						return
					}
				}
				if x := s.Expose; x != nil {
					o := about(w, w.Istio().Release.NetworkingVersion(), "VirtualService", x.Object)
					o.At = x.At
					o.Body = spec(&networking.VirtualService{
						Hosts: x.Hosts, Gateways: x.Gateways, Http: x.HTTP, Tls: x.TLS, ExportTo: s.ExportTo,
					})
					if !yield(delivered(w.Spec.GitOps, o)) {
						return
					}
				}
			}
		}
	}
}

// toward turns the routes of a service, which lead to the first of its hosts, into those of one host: they lead there,
// and TLS matches name no other, which Istio would refuse.
func toward(v *networking.VirtualService, from, to string) *networking.VirtualService {
	turn := func(d *networking.Destination) {
		if d.GetHost() == from {
			d.Host = to
		}
	}
	for _, route := range v.Http {
		for _, d := range route.Route {
			turn(d.Destination)
		}
		turn(route.Mirror)
		for _, mirror := range route.Mirrors {
			turn(mirror.Destination)
		}
	}
	for _, route := range v.Tcp {
		for _, d := range route.Route {
			turn(d.Destination)
		}
	}
	for _, route := range v.Tls {
		for _, d := range route.Route {
			turn(d.Destination)
		}
		for _, m := range route.Match {
			m.SniHosts = slices.DeleteFunc(m.SniHosts, func(name string) bool { return name != to })
		}
		route.Match = slices.DeleteFunc(route.Match, func(m *networking.TLSMatchAttributes) bool { return len(m.SniHosts) == 0 })
	}
	v.Tls = slices.DeleteFunc(v.Tls, func(route *networking.TLSRoute) bool { return len(route.Match) == 0 })
	return v
}
