package mesh

import (
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// sidecar checks what istiod's webhook demands of a Sidecar beyond the CRD (istio: pkg/config/validation,
// ValidateSidecar).
func (r *resolver) sidecar(s *networking.Sidecar, at diag.Path) {
	if s == nil {
		return
	}
	seen := map[uint32]bool{}
	for i, in := range s.Ingress {
		here := at.Key("ingress").Item(i, "")
		r.listener(in.GetPort(), in.GetBind(), seen, here)
		if e := in.GetDefaultEndpoint(); e != "" && !isLocalEndpoint(e) {
			r.say(ruleSidecar.At(here.Key("defaultEndpoint"), "%q is no endpoint on the VM itself", e).WithHelp("write 127.0.0.1:8080, 0.0.0.0:8080 (the VM's address) or unix:///path"))
		}
		r.serverTLS(in.GetTls(), here.Key("tls"))
		r.connectionPool(in.GetConnectionPool(), here.Key("connectionPool"))
	}
	r.connectionPool(s.InboundConnectionPool, at.Key("inboundConnectionPool"))
	seen = map[uint32]bool{}
	for i, out := range s.Egress {
		here := at.Key("egress").Item(i, "")
		if out.GetPort() == nil && i < len(s.Egress)-1 {
			r.say(ruleSidecar.At(here, "a listener without a port takes everything, so Istio wants it last").WithHelp("move it to the end, join its hosts with the other's, or give it a port"))
		}
		r.listener(out.GetPort(), out.GetBind(), seen, here)
		for k, h := range out.GetHosts() {
			r.egressHost(h, here.Key("hosts").Item(k, ""))
		}
	}
	if p := s.GetOutboundTrafficPolicy().GetEgressProxy(); p != nil {
		here := at.Key("outboundTrafficPolicy").Key("egressProxy")
		if p.GetPort().GetNumber() == 0 {
			r.say(ruleSidecar.At(here, "the egress proxy has no port").WithHelp("add `port: {number: 8443}`"))
		}
		if s.OutboundTrafficPolicy.Mode != networking.OutboundTrafficPolicy_ALLOW_ANY {
			r.say(ruleSidecar.At(here, "an egress proxy takes what the registry does not know, and mode REGISTRY_ONLY stops that").WithHelp("use mode: ALLOW_ANY, or drop egressProxy"))
		}
	}
}

const unixPrefix = "unix://"

// listener checks the port of a listener and where it is bound.
func (r *resolver) listener(p *networking.SidecarPort, bind string, seen map[uint32]bool, at diag.Path) {
	if p == nil {
		return
	}
	at = at.Key("port")
	if !knownProtocol(p.Protocol) {
		d := ruleSidecar.At(at.Key("protocol"), "Istio knows no protocol %q", p.Protocol)
		if near := diag.Nearest(strings.ToUpper(p.Protocol), protocolWords()); near != "" {
			r.say(d.Suggest("did you mean %s?", p.Protocol, near, protocolWords()))
		} else {
			r.say(d.WithHelp("known are %s", strings.Join(protocolWords(), ", ")))
		}
	}
	if p.TargetPort != 0 { // deprecated, and therefore said
		r.say(ruleSidecar.At(at.Key("targetPort"), "a listener has no targetPort").Key().WithHelp("drop it; where the traffic goes is said in defaultEndpoint"))
	}
	if p.Number != 0 && seen[p.Number] {
		r.say(ruleSidecar.At(at.Key("number"), "another listener is on port %d", p.Number).WithHelp("join the two, or give one another port"))
	}
	seen[p.Number] = true
	if _, ip := parseIP(bind); bind != "" && !ip && (p.Number != 0 || !strings.HasPrefix(bind, unixPrefix)) {
		r.say(ruleSidecar.At(at.Parent().Key("bind"), "%q is no IP address", bind).WithHelp("write one that the VM has, or leave it out"))
	}
}

// knownProtocol tells whether Istio knows a protocol; "" is for Istio to find out.
func knownProtocol(s string) bool {
	p := Protocol(strings.ToUpper(s))
	return p == "" || p == "UDP" || slices.Contains(protocols, p)
}

// isLocalEndpoint tells whether Istio takes s as a place on the VM: address:port, of the loopback or of any, or a socket.
func isLocalEndpoint(s string) bool {
	if socket, unix := strings.CutPrefix(s, unixPrefix); unix {
		return strings.HasPrefix(socket, "/") || strings.HasPrefix(socket, "@")
	}
	cut := strings.LastIndexByte(s, ':')
	if cut < 0 {
		return false
	}
	n, err := strconv.ParseUint(s[cut+1:], 10, 16)
	return err == nil && n > 0 && slices.Contains([]string{"", "127.0.0.1", "0.0.0.0", "[::1]", "[::]"}, s[:cut])
}

// egressHost checks namespace/host; either may be a star, and a star may begin a host.
func (r *resolver) egressHost(s string, at diag.Path) {
	namespace, host, found := strings.Cut(s, "/")
	const help = "write namespace/host: \"./*\" for this namespace, \"istio-system/*\" for another, \"*/api.example.com\" for one host"
	label, rest, dotted := strings.Cut(host, ".")
	switch {
	case !found:
		r.say(ruleSidecar.At(at, "%q names no namespace", s).WithHelp(help))
	case !slices.Contains([]string{"*", ".", "~"}, namespace) && !isDNSLabel(namespace):
		r.say(ruleSidecar.At(at, "%q is no namespace", namespace).WithHelp(help))
	case host == "*":
	case !dotted:
		r.say(ruleSidecar.At(at, "%q is no full host name, and short names are not completed here", host).WithHelp("write the whole name, such as %s", example(namespace, host)))
	case label != "*" && !isDNSLabel(label), looksLikeIP(host), !isDNSName(strings.TrimSuffix(rest, ".")):
		r.say(ruleSidecar.At(at, "%q is no host name", host).WithHelp(help))
	}
}

// example completes a short host name.
func example(namespace, host string) string {
	if namespace == "." || namespace == "*" || namespace == "~" {
		return namespace + "/" + host + ".namespace.svc.cluster.local"
	}
	return namespace + "/" + host + "." + namespace + ".svc.cluster.local"
}

func (r *resolver) serverTLS(t *networking.ServerTLSSettings, at diag.Path) {
	if t == nil {
		return
	}
	for _, f := range []struct {
		key string
		set bool
	}{{"subjectAltNames", len(t.SubjectAltNames) > 0}, {"httpsRedirect", t.HttpsRedirect}, {"credentialName", t.CredentialName != ""}, {"tlsCertificates", len(t.TlsCertificates) > 0}} {
		if f.set {
			r.say(ruleSidecar.At(at.Key(f.key), "Istio refuses %s in a sidecar", f.key).Key().WithHelp("drop it; it is for gateways"))
		}
	}
	switch t.Mode {
	case networking.ServerTLSSettings_ISTIO_MUTUAL, networking.ServerTLSSettings_AUTO_PASSTHROUGH:
		r.say(ruleSidecar.At(at.Key("mode"), "Istio refuses mode %s in a sidecar", t.Mode).WithHelp("write SIMPLE or MUTUAL; the mesh's own mTLS is said in security.mtls"))
	case networking.ServerTLSSettings_SIMPLE, networking.ServerTLSSettings_MUTUAL, networking.ServerTLSSettings_OPTIONAL_MUTUAL:
		if t.ServerCertificate == "" || t.PrivateKey == "" {
			r.say(ruleSidecar.At(at, "mode %s needs a certificate and its key", t.Mode).WithHelp("add serverCertificate and privateKey: paths on the VM"))
		}
		if t.Mode != networking.ServerTLSSettings_SIMPLE && t.CaCertificates == "" {
			r.say(ruleSidecar.At(at, "mode %s needs the CA of its callers", t.Mode).WithHelp("add caCertificates: a path on the VM"))
		}
	}
}
