package manifests

import (
	"iter"
	"net/netip"
	"slices"
	"strconv"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Gateways makes what the east-west gateway takes from outside, istiod's TLS by its own names and mTLS between networks,
// and says where the gateways of other networks are.
func Gateways(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	c := m.ControlPlane
	if c == nil {
		return byName()
	}
	return byName(exposures(c), remotes(c))
}

// exposures stand in the gateway's own namespace: istiod may be told to look for them nowhere else.
func exposures(c *mesh.ControlPlane) []*manifest.Object {
	g := &c.EastWestGateway
	var names []string
	for _, i := range c.Istiods {
		names = append(names, i.Names...)
	}
	var istiod []*networking.Server
	if g.ExposeIstiod {
		hosts := names
		if g.CA != nil && g.CA.Port == mesh.PortIstiod {
			hosts = slices.Concat(names, g.CA.Names)
		}
		istiod = append(istiod, passing("tls-istiod", mesh.PortIstiod, networking.ServerTLSSettings_PASSTHROUGH, hosts))
	}
	if g.CA != nil && g.CA.Port != mesh.PortIstiod {
		istiod = append(istiod, passing("tls-ca", g.CA.Port, networking.ServerTLSSettings_PASSTHROUGH, g.CA.Names))
	}
	if g.ExposeWebhook {
		istiod = append(istiod, passing("tls-webhook", mesh.PortWebhook, networking.ServerTLSSettings_PASSTHROUGH, names))
	}
	var out []*manifest.Object
	if len(istiod) > 0 {
		out = append(out, exposure(c, "Gateway", mesh.IstiodGateway, &networking.Gateway{Selector: g.Selector, Servers: istiod}))
	}
	if g.ExposeServices {
		out = append(out, exposure(c, "Gateway", mesh.PassthroughGateway, &networking.Gateway{Selector: g.Selector, Servers: []*networking.Server{
			passing("tls", mesh.PortPassthrough, networking.ServerTLSSettings_AUTO_PASSTHROUGH, g.ServiceHosts),
		}}))
	}
	return out
}

func passing(name string, port uint32, mode networking.ServerTLSSettings_TLSmode, hosts []string) *networking.Server {
	return &networking.Server{
		Port: &networking.Port{Number: port, Name: name, Protocol: "TLS"}, Tls: &networking.ServerTLSSettings{Mode: mode}, Hosts: hosts,
	}
}

// istiodRoutes leads each control plane's names to its own Service. Names are exact: with "*" two revisions would be
// one filter chain, and every VM would reach the same of the two.
func istiodRoutes(m *mesh.Mesh) []*manifest.Object {
	c := m.ControlPlane
	if c == nil {
		return nil
	}
	g := &c.EastWestGateway
	var out []*manifest.Object
	for _, i := range c.Istiods {
		body := &networking.VirtualService{Hosts: i.Names, Gateways: []string{mesh.IstiodGateway}}
		route := func(port, to uint32) {
			body.Tls = append(body.Tls, &networking.TLSRoute{
				Match: []*networking.TLSMatchAttributes{{Port: port, SniHosts: i.Names}},
				Route: []*networking.RouteDestination{{Destination: &networking.Destination{Host: i.Service, Port: &networking.PortSelector{Number: to}}}},
			})
		}
		if g.ExposeIstiod {
			route(mesh.PortIstiod, 15012)
		}
		if g.ExposeWebhook {
			route(mesh.PortWebhook, 443)
		}
		if len(body.Tls) > 0 {
			out = append(out, exposure(c, "VirtualService", i.VirtualService(), body))
		}
	}
	if ca := g.CA; ca != nil {
		out = append(out, exposure(c, "VirtualService", ca.VirtualService(), &networking.VirtualService{
			Hosts: ca.Names, Gateways: []string{mesh.IstiodGateway}, Tls: []*networking.TLSRoute{{
				Match: []*networking.TLSMatchAttributes{{Port: ca.Port, SniHosts: ca.Names}},
				Route: []*networking.RouteDestination{{
					Destination: &networking.Destination{Host: ca.Service, Port: &networking.PortSelector{Number: ca.Port}},
				}},
			}},
		}))
	}
	return out
}

func exposure(c *mesh.ControlPlane, kind, name string, body any) *manifest.Object {
	g := &c.EastWestGateway
	return delivered(c.Spec.GitOps, &manifest.Object{
		APIVersion: c.Spec.Istio.Release.NetworkingVersion(), Kind: kind, Namespace: g.Namespace, Name: name, Body: spec(body), At: g.At,
	})
}

// remotes tells istiod where the gateways of other networks are, by objects for which nothing is deployed. istiod takes
// the addresses whose type is said, and of the listeners those that pass mTLS on, by their option or by the port 15443
// (istio: pilot/pkg/serviceregistry/kube/controller/network.go, handleGatewayResource; kube/conversion.go,
// IsAutoPassthrough). One object has one port: each of its listeners would count for each of its addresses.
func remotes(c *mesh.ControlPlane) []*manifest.Object {
	var out []*manifest.Object
	for _, r := range c.Remotes {
		port := strconv.Itoa(int(r.Port))
		body := &manifest.NetworkGatewaySpec{GatewayClassName: "istio-remote", Listeners: []manifest.Listener{{
			Name: "cross-network", Port: int(r.Port), Protocol: "TLS",
			TLS: manifest.ListenerTLS{Mode: "Passthrough", Options: map[string]string{"gateway.istio.io/listener-protocol": "auto-passthrough"}},
		}}}
		for _, a := range r.Addresses {
			kind := "Hostname"
			if _, err := netip.ParseAddr(a); err == nil {
				kind = "IPAddress"
			}
			body.Addresses = append(body.Addresses, manifest.GatewayAddress{Type: kind, Value: a})
		}
		o := &manifest.Object{
			APIVersion: "gateway.networking.k8s.io/v1", Kind: "Gateway", Namespace: c.Spec.Istio.Namespace, Name: "istio-remote-" + r.Network + "-" + port,
			Labels: map[string]string{mesh.LabelNetwork: r.Network}, Body: spec(body), At: c.At,
		}
		out = append(out, after(c, "3", o))
	}
	return out
}

// after is delivered for objects whose kind comes at another time elsewhere.
func after(c *mesh.ControlPlane, wave string, o *manifest.Object) *manifest.Object {
	if c.Spec.GitOps.ArgoCD {
		o.Annotations = with(map[string]string{syncWave: wave}, o.Annotations)
	}
	return delivered(c.Spec.GitOps, o)
}

// joined puts objects of the control plane among those of workloads.
func joined(objects iter.Seq[*manifest.Object], more []*manifest.Object) iter.Seq[*manifest.Object] {
	if len(more) == 0 {
		return objects
	}
	return byName(slices.Collect(objects), more)
}
