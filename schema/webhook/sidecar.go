package webhook

import (
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// sidecarObject checks a Sidecar as it is applied.
func (c Check) sidecarObject(m *networking.Sidecar, at diag.Path) {
	c.selector(m.WorkloadSelector.GetLabels(), at.Key("workloadSelector").Key("labels"))
	if len(m.Egress) == 0 && len(m.Ingress) == 0 && m.OutboundTrafficPolicy == nil && m.InboundConnectionPool == nil {
		c.Say(Sidecar.At(at, "the Sidecar is empty, and Istio refuses that").WithHelp("add `egress: [{hosts: [\"./*\"]}]`, or delete the object"))
	}
	c.Sidecar(m, at)
}

// Sidecar checks the settings of a Sidecar (istio: pkg/config/validation, ValidateSidecar).
func (c Check) Sidecar(s *networking.Sidecar, at diag.Path) {
	if s == nil {
		return
	}
	seen := map[uint32]bool{}
	for i, in := range s.Ingress {
		here := at.Key("ingress").Item(i, "")
		if in.GetPort() == nil {
			c.Say(Sidecar.At(here, "the listener has no port").WithHelp("add `port: {number: 8080, protocol: HTTP, name: http}`"))
			continue
		}
		c.listener(in.Port, in.GetBind(), seen, here)
		if in.Port.Number == 0 {
			c.Say(Sidecar.At(here.Key("port"), "the listener's port has no number").WithHelp("add number: 8080"))
		}
		if e := in.GetDefaultEndpoint(); e != "" && !isLocalEndpoint(e) {
			c.Say(Sidecar.At(here.Key("defaultEndpoint"), "%q is not an endpoint on the VM itself", e).
				WithHelp("write 127.0.0.1:8080, 0.0.0.0:8080 (the VM's address) or unix:///path"))
		}
		c.ingressTLS(in, here.Key("tls"))
		c.connectionPool(in.GetConnectionPool(), here.Key("connectionPool"))
	}
	c.connectionPool(s.InboundConnectionPool, at.Key("inboundConnectionPool"))
	seen = map[uint32]bool{}
	sockets := map[string]bool{}
	for i, out := range s.Egress {
		here := at.Key("egress").Item(i, "")
		port := out.GetPort()
		if port == nil && i < len(s.Egress)-1 {
			c.Say(Sidecar.At(here, "a listener without a port takes everything, so Istio demands it last").
				WithHelp("move it to the end, join its hosts with the other's, or give it a port"))
		}
		c.listener(port, out.GetBind(), seen, here)
		if port != nil && port.Number == 0 {
			if sockets[out.GetBind()] {
				c.Say(Sidecar.At(here.Key("bind"), "another listener is bound to %q", out.GetBind()).WithHelp("give each its own socket"))
			}
			sockets[out.GetBind()] = true
			if mode := out.GetCaptureMode(); mode != networking.CaptureMode_DEFAULT && mode != networking.CaptureMode_NONE {
				c.Say(Sidecar.At(here.Key("captureMode"), "a listener on a socket cannot capture by %s", mode).WithHelp("remove captureMode, or write NONE"))
			}
		}
		if len(out.GetHosts()) == 0 {
			c.Say(Sidecar.At(here, "the listener has no hosts").WithHelp("add `hosts: [\"./*\"]`"))
		}
		for k, h := range out.GetHosts() {
			c.egressHost(h, here.Key("hosts").Item(k, ""))
		}
	}
	c.outbound(s.OutboundTrafficPolicy, at.Key("outboundTrafficPolicy"))
}

// dynamicDNS is OutboundTrafficPolicy's value ALLOW_ANY_DYNAMIC_DNS, which only the mesh's configuration can have.
const dynamicDNS = 3

func (c Check) outbound(p *networking.OutboundTrafficPolicy, at diag.Path) {
	if p.GetMode() == dynamicDNS {
		c.Say(Sidecar.At(at.Key("mode"), "ALLOW_ANY_DYNAMIC_DNS is for the mesh's configuration, not for a Sidecar").WithHelp("write ALLOW_ANY or REGISTRY_ONLY"))
		return
	}
	e := p.GetEgressProxy()
	if e == nil {
		return
	}
	here := at.Key("egressProxy")
	switch {
	case p.Mode != networking.OutboundTrafficPolicy_ALLOW_ANY:
		c.Say(Sidecar.At(here, "an egress proxy takes what the registry does not have, and mode REGISTRY_ONLY stops that").
			WithHelp("use mode: ALLOW_ANY, or remove egressProxy"))
		return
	case e.GetPort().GetNumber() == 0:
		c.Say(Sidecar.At(here, "the egress proxy has no port").WithHelp("add `port: {number: 8443}`"))
	}
	if !isHost(e.Host) {
		c.Say(Sidecar.At(here.Key("host"), "%q is not a host name", e.Host).WithHelp("write the whole name of the egress gateway's Service"))
		return
	}
	if e.Subset != "" {
		c.subsetName(e.Subset, here.Key("subset"))
	}
	if n := e.GetPort().GetNumber(); n > 65535 {
		c.port(n, here.Key("port").Key("number"))
	}
}

// listener checks the port of a listener and where it is bound.
func (c Check) listener(p *networking.SidecarPort, bind string, seen map[uint32]bool, at diag.Path) {
	if p == nil {
		return
	}
	place := at.Key("port")
	c.protocol(Sidecar, p.Protocol, place.Key("protocol"))
	if p.Name != "" {
		c.portName(p.Name, place.Key("name"))
	}
	if p.TargetPort != 0 { // deprecated
		c.Say(Sidecar.At(place.Key("targetPort"), "a listener cannot have a targetPort").Key().WithHelp("remove it; defaultEndpoint is where the traffic goes"))
	}
	if p.Number > 65535 {
		c.port(p.Number, place.Key("number"))
	}
	if p.Number != 0 && seen[p.Number] {
		c.Say(Sidecar.At(place.Key("number"), "another listener is on port %d", p.Number).WithHelp("join the two, or give one another port"))
	}
	seen[p.Number] = true
	socket, unix := strings.CutPrefix(bind, unixPrefix)
	switch {
	case p.Number == 0 && unix && isSocket(socket):
	case p.Number == 0 && !unix:
		c.Say(Sidecar.At(place, "the listener has neither a port number nor a socket").WithHelp("add number: 8080"))
	case bind != "" && !isIP(bind):
		c.Say(Sidecar.At(at.Key("bind"), "%q is not an IP address", bind).WithHelp("write one that the VM has, or leave it out"))
	}
}

// isLocalEndpoint reports whether Istio takes s as a place on the VM: address:port, of the loopback or of any, or a socket.
func isLocalEndpoint(s string) bool {
	if socket, unix := strings.CutPrefix(s, unixPrefix); unix {
		return isSocket(socket)
	}
	cut := strings.LastIndexByte(s, ':')
	if cut < 0 {
		return false
	}
	n, err := strconv.ParseUint(s[cut+1:], 10, 16)
	return err == nil && n > 0 && slices.Contains([]string{"", "127.0.0.1", "0.0.0.0", "[::1]", "[::]"}, s[:cut])
}

// egressHost checks namespace/host; either may be a star, and a star may begin a host. A ~ before the namespace leaves the
// host out.
func (c Check) egressHost(s string, at diag.Path) {
	namespace, host, found := strings.Cut(s, "/")
	const help = "write namespace/host: \"./*\" for this namespace, \"istio-system/*\" for another, \"*/api.example.com\" for one host"
	plain := strings.TrimPrefix(namespace, "~")
	switch {
	case !found:
		c.Say(Sidecar.At(at, "%q does not name a namespace", s).WithHelp(help))
	case namespace == "", plain != "" && plain != "*" && plain != "." && !isLabel(plain):
		c.Say(Sidecar.At(at, "%q is not a namespace", namespace).WithHelp(help))
	case host == "*":
	case !strings.Contains(host, "."):
		c.Say(Sidecar.At(at, "%q is not a full host name, and short names are not completed here", host).
			WithHelp("write the whole name, such as %s", example(namespace, host)))
	case !isWildcardHost(host), isPartialWildcard(host):
		c.Say(Sidecar.At(at, "%q is not a host name", host).WithHelp(help))
	}
}

// example completes a short host name.
func example(namespace, host string) string {
	if namespace == "." || namespace == "*" || strings.HasPrefix(namespace, "~") {
		return namespace + "/" + host + ".namespace.svc.cluster.local"
	}
	return namespace + "/" + host + "." + namespace + ".svc.cluster.local"
}

func (c Check) ingressTLS(in *networking.IstioIngressListener, at diag.Path) {
	t := in.GetTls()
	if t == nil {
		return
	}
	for _, f := range []struct {
		key string
		set bool
	}{
		{"subjectAltNames", len(t.SubjectAltNames) > 0}, {"httpsRedirect", t.HttpsRedirect}, {"credentialName", t.CredentialName != ""},
		{"credentialNames", len(t.CredentialNames) > 0}, {"tlsCertificates", len(t.TlsCertificates) > 0},
	} {
		if f.set {
			c.Say(Sidecar.At(at.Key(f.key), "Istio refuses %s in a sidecar", f.key).Key().WithHelp("remove it; it is for gateways"))
		}
	}
	if t.Mode == networking.ServerTLSSettings_ISTIO_MUTUAL || t.Mode == networking.ServerTLSSettings_AUTO_PASSTHROUGH {
		c.Say(Sidecar.At(at.Key("mode"), "Istio refuses mode %s in a sidecar", t.Mode).
			WithHelp("write SIMPLE or MUTUAL; PeerAuthentication sets the mesh's mTLS"))
		return
	}
	if !isTLS(in.GetPort().GetProtocol()) {
		c.Say(Sidecar.At(at, "the listener has tls, and its port is %q", in.GetPort().GetProtocol()).Key().WithHelp("write protocol: HTTPS or TLS, or remove tls"))
		return
	}
	c.serverTLS(Sidecar, t, at)
}
