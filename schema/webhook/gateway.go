package webhook

import (
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// gateway checks a Gateway (istio: ValidateGateway).
func (c Check) gateway(m *networking.Gateway, o Object, at diag.Path) {
	if !isLabel(o.Name) {
		c.refuse(o.At.Key("metadata").Key("name"), "write at most 63 letters, digits and '-'", "%q cannot be the name of a Gateway", o.Name)
	}
	if len(m.Servers) == 0 {
		c.refuse(at, "add servers: [{port: {...}, hosts: [...]}]", "the Gateway has no servers")
	}
	names := map[string]bool{}
	for i, s := range m.Servers {
		here := at.Key("servers").Item(i, s.GetName())
		c.server(s, here)
		if name := s.GetPort().GetName(); s.GetPort() != nil {
			if names[name] && name != "" {
				c.refuse(here.Key("port").Key("name"), "give each server's port its own name", "another server has the port name %q", name)
			}
			names[name] = true
		}
	}
}

func (c Check) server(s *networking.Server, at diag.Path) {
	if len(s.GetHosts()) == 0 {
		c.refuse(at, "add hosts: [...], or \"*\" for any", "the server has no hosts")
	}
	for i, h := range s.GetHosts() {
		c.gatewayHost(h, at.Key("hosts").Item(i, ""))
	}
	port, place := s.GetPort(), at.Key("port")
	socket, unix := strings.CutPrefix(s.GetBind(), unixPrefix)
	if port == nil {
		c.refuse(at, "add port: {number: 443, name: https, protocol: HTTPS}", "the server has no port")
	} else {
		if port.Protocol == "" {
			c.refuse(place, "add protocol: HTTPS, or another", "the server's port has no protocol")
		} else {
			c.protocol(Refused, port.Protocol, place.Key("protocol"))
		}
		if port.Number > 0 || !unix {
			c.port(port.Number, place.Key("number"))
		}
		if port.TargetPort > 0 { // deprecated
			c.Say(Refused.At(place.Key("targetPort"), "a Gateway's port cannot have a targetPort").Key().
				WithHelp("remove it; the Service of the gateway has it"))
		}
		if port.Name == "" {
			c.refuse(place, "add a name, such as https", "the server's port has no name")
		}
	}
	switch bind := s.GetBind(); {
	case unix && (!isSocket(socket) || port.GetNumber() != 0):
		c.refuse(at.Key("bind"), "write unix:///path/to/socket, and port number 0", "%q is not a socket that a server can have with this port", bind)
	case !unix && bind != "" && !isIP(bind):
		c.refuse(at.Key("bind"), "write an address that the gateway has, or leave it out", "%q is not an IP address", bind)
	}
	c.serverTLS(Refused, s.GetTls(), at.Key("tls"))
	protocol := port.GetProtocol()
	switch tls := s.GetTls(); {
	case port == nil || protocol == "" || !IsProtocol(protocol):
	case isTLS(protocol) && tls == nil:
		c.refuse(at, "add tls: {mode: SIMPLE, credentialName: ...}, or mode: PASSTHROUGH", "the server's port is %s, and the server has no tls", protocol)
	case isTLS(protocol) || tls == nil:
	case !isHTTP(protocol):
		c.Say(Refused.At(at.Key("tls"), "the server has tls, and its port is %s", protocol).Key().WithHelp("write protocol: TLS or HTTPS, or remove tls"))
	case tls.Mode != networking.ServerTLSSettings_PASSTHROUGH && tls.Mode != networking.ServerTLSSettings_AUTO_PASSTHROUGH ||
		tls.CaCertificates != "" || tls.PrivateKey != "" || tls.ServerCertificate != "":
		// mode PASSTHROUGH is the default, which httpsRedirect alone has
		c.Say(Refused.At(at.Key("tls"), "the server has certificates, and its port is plain %s", protocol).Key().
			WithHelp("write protocol: HTTPS, or only httpsRedirect in tls"))
	}
}

// gatewayHost checks [namespace/]host.
func (c Check) gatewayHost(s string, at diag.Path) {
	namespace, host, found := strings.Cut(s, "/")
	if !found {
		namespace, host = "*", s
	}
	switch {
	case namespace != "*" && namespace != "." && !isLabel(namespace):
		c.refuse(at, "write namespace/host, ./host or */host", "%q is not a namespace", namespace)
	case host != "*" && !strings.Contains(host, "."): // an IPv6 address, too
		c.refuse(at, "write the whole name, such as pay.example.com", "%q is not a full host name, and short names are not completed here", host)
	case !isWildcardHost(host) && !isIP(host), isPartialWildcard(host):
		c.refuse(at, "write a DNS name, or one with a star in front, such as *.example.com", "%q is not a host name", host)
	}
}

// serverTLS checks how a server ends TLS (istio: pkg/config/validation, validateTLSOptions).
func (c Check) serverTLS(rule *diag.Rule, t *networking.ServerTLSSettings, at diag.Path) {
	if t == nil {
		return
	}
	if t.Mode == networking.ServerTLSSettings_ISTIO_MUTUAL {
		for _, f := range []struct {
			key string
			set bool
		}{
			{"serverCertificate", t.ServerCertificate != ""}, {"privateKey", t.PrivateKey != ""}, {"caCertificates", t.CaCertificates != ""},
			{"tlsCertificates", len(t.TlsCertificates) > 0}, {"credentialName", t.CredentialName != ""}, {"credentialNames", len(t.CredentialNames) > 0},
		} {
			if f.set {
				c.Say(rule.At(at.Key(f.key), "mode ISTIO_MUTUAL uses the mesh's certificates, and Istio refuses %s next to it", f.key).Key().
					WithHelp("remove it, or write mode: MUTUAL"))
			}
		}
		return
	}
	var sources []string
	for _, s := range []struct {
		key string
		set bool
	}{
		{"serverCertificate", t.ServerCertificate != "" && t.PrivateKey != ""}, {"credentialName", t.CredentialName != ""},
		{"credentialNames", len(t.CredentialNames) > 0}, {"tlsCertificates", len(t.TlsCertificates) > 0},
	} {
		if s.set {
			sources = append(sources, s.key)
		}
	}
	if len(sources) > 1 {
		c.Say(rule.At(at.Key(sources[1]), "%s is next to %s, and Istio takes certificates from one place", sources[1], sources[0]).Key().
			WithHelp("keep one of the two"))
	}
	simple := t.Mode == networking.ServerTLSSettings_SIMPLE
	ends := simple || t.Mode == networking.ServerTLSSettings_MUTUAL || t.Mode == networking.ServerTLSSettings_OPTIONAL_MUTUAL
	if ends && (t.CredentialName != "" || len(t.CredentialNames) > 0) {
		return // the rest is in the secret
	}
	if ends {
		if !simple && t.CaCertificates == "" {
			c.Say(rule.At(at, "mode %s needs the CA of its callers", t.Mode).WithHelp("add caCertificates, a path, or credentialName"))
		}
		if len(t.TlsCertificates) == 0 && (t.ServerCertificate == "" || t.PrivateKey == "") {
			c.Say(rule.At(at, "mode %s needs a certificate and its key", t.Mode).WithHelp("add serverCertificate and privateKey, paths, or credentialName"))
		}
		for i, pair := range t.TlsCertificates {
			if pair.GetServerCertificate() == "" || pair.GetPrivateKey() == "" {
				c.Say(rule.At(at.Key("tlsCertificates").Item(i, ""), "a certificate and its key are needed here").
					WithHelp("write {serverCertificate: ..., privateKey: ...}"))
			}
		}
	}
	if t.CaCrl != "" && (simple || t.CredentialName != "") {
		c.Say(rule.At(at.Key("caCrl"), "caCrl is for certificates of callers, which mode %s with these settings does not check", t.Mode).Key().
			WithHelp("remove it, or write mode: MUTUAL with caCertificates"))
	}
}
