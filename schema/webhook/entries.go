package webhook

import (
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// workloadEntry checks a WorkloadEntry, or an endpoint of a ServiceEntry whose ports have these names (istio:
// validateWorkloadEntry). names is nil for a WorkloadEntry.
func (c Check) workloadEntry(m *networking.WorkloadEntry, names map[string]bool, hosts bool, at diag.Path) {
	rule := Refused
	if names != nil {
		rule = ServiceEntry
	}
	refuse := func(at diag.Path, help, format string, args ...any) {
		c.Say(rule.At(at, format, args...).WithHelp("%s", help))
	}
	address := m.GetAddress()
	socket, unix := strings.CutPrefix(address, unixPrefix)
	here := at.Key("address")
	switch {
	case address == "" && m.GetNetwork() == "":
		refuse(at, "add address, or network for an endpoint behind its gateway", "there is neither an address nor a network")
	case address == "":
	case unix && !isSocket(socket):
		refuse(here, "write unix:///path/to/socket", "%q is not a socket", address)
	case unix && len(m.Ports) > 0:
		c.Say(rule.At(at.Key("ports"), "an endpoint on a socket cannot have ports").Key().WithHelp("remove ports"))
	case unix && names != nil && len(names) != 1:
		refuse(here, "let the ServiceEntry have one port", "an endpoint on a socket serves one port, and the ServiceEntry has %d", len(names))
	case unix || isIP(address):
	case strings.Contains(address, "/"):
		refuse(here, "write the address alone, without a prefix length", "%q is not an address", address)
	case !hosts:
		refuse(here, "write the address, or resolution: DNS", "%q is not an IP address, and istiod refuses it for STATIC", address)
	case !isHost(address):
		refuse(here, "write an IP address such as 192.168.1.10", "%q is neither an IP address nor a host name", address)
	}
	c.entryPorts(m.GetPorts(), names, at.Key("ports"))
	c.labels(m.GetLabels(), at.Key("labels"))
}

// entryPorts checks the ports of an entry, by name.
func (c Check) entryPorts(ports map[string]uint32, names map[string]bool, at diag.Path) {
	for _, name := range sortedKeys(ports) {
		here := at.Key(name)
		c.portName(name, here)
		c.port(ports[name], here)
		if names != nil && !names[name] {
			c.Say(ServiceEntry.At(here, "no port of the ServiceEntry is named %q", name).Key().WithHelp("its ports are %s", listed(sortedKeys(names))))
		}
	}
}

// workloadGroup checks a WorkloadGroup (istio: ValidateWorkloadGroup). What its template would be refused for is refused of
// each WorkloadEntry that istiod makes of it, without a trace in the cluster, so it is an error here.
func (c Check) workloadGroup(m *networking.WorkloadGroup, at diag.Path) {
	if m.Template == nil {
		c.refuse(at, "add template: {serviceAccount: ...}", "the WorkloadGroup has no template")
	}
	c.labels(m.GetMetadata().GetLabels(), at.Key("metadata").Key("labels"))
	c.entryPorts(m.GetTemplate().GetPorts(), nil, at.Key("template").Key("ports"))
	c.labels(m.GetTemplate().GetLabels(), at.Key("template").Key("labels"))
	if m.Probe != nil {
		c.probe(m.Probe, at.Key("probe"))
	}
}

func (c Check) probe(p *networking.ReadinessProbe, at diag.Path) {
	for _, n := range []struct {
		key   string
		value int32
	}{
		{"periodSeconds", p.PeriodSeconds}, {"initialDelaySeconds", p.InitialDelaySeconds}, {"timeoutSeconds", p.TimeoutSeconds},
		{"successThreshold", p.SuccessThreshold}, {"failureThreshold", p.FailureThreshold},
	} {
		if n.value < 0 {
			c.refuse(at.Key(n.key), "write a number from 0; 0 is Istio's default", "%s is %d, below 0", n.key, n.value)
		}
	}
	switch m := p.HealthCheckMethod.(type) {
	case *networking.ReadinessProbe_HttpGet:
		here := at.Key("httpGet")
		c.port(m.HttpGet.GetPort(), here.Key("port"))
		if s := m.HttpGet.GetScheme(); s != "" && s != "HTTP" && s != "HTTPS" {
			c.refuse(here.Key("scheme"), "write HTTP or HTTPS", "%q is not a scheme of probes", s)
		}
		for i, h := range m.HttpGet.GetHttpHeaders() {
			if !probeForm.MatchString(h.GetName()) {
				c.refuse(here.Key("httpHeaders").Item(i, "").Key("name"), "write letters, digits and '-'", "%q is not a header name", h.GetName())
			}
		}
	case *networking.ReadinessProbe_TcpSocket:
		c.port(m.TcpSocket.GetPort(), at.Key("tcpSocket").Key("port"))
	case *networking.ReadinessProbe_Exec:
		if len(m.Exec.GetCommand()) == 0 {
			c.refuse(at.Key("exec"), "add command: [...]", "the probe has no command")
		}
	default: // none, and grpc
		c.refuse(at, "add httpGet, tcpSocket or exec", "the probe does not have a method that istiod takes")
	}
}

// serviceEntry checks a ServiceEntry as it is applied.
func (c Check) serviceEntry(m *networking.ServiceEntry, o Object, at diag.Path) {
	c.selector(m.WorkloadSelector.GetLabels(), at.Key("workloadSelector").Key("labels"))
	if m.WorkloadSelector != nil && len(m.Endpoints) > 0 {
		c.Say(ServiceEntry.At(at.Key("endpoints"), "endpoints is next to workloadSelector, and Istio takes one of the two").Key().
			WithHelp("remove one of the two"))
	}
	waypoint := o.Labels["istio.io/use-waypoint"]
	if m.Resolution == networking.ServiceEntry_DYNAMIC_DNS && m.Location == networking.ServiceEntry_MESH_INTERNAL &&
		waypoint != "" && !strings.EqualFold(waypoint, "none") {
		c.Say(ServiceEntry.At(at.Key("location"), "a waypoint cannot have a host inside the mesh with resolution DYNAMIC_DNS").
			WithHelp("write location: MESH_EXTERNAL, or remove the label istio.io/use-waypoint"))
	}
	c.ServiceEntry(m, o.Namespace, at)
}

// ServiceEntry checks the fields of a ServiceEntry (istio: ValidateServiceEntry).
func (c Check) ServiceEntry(m *networking.ServiceEntry, namespace string, at diag.Path) {
	c.entryHosts(m, at)
	cidr := -1
	for i, a := range m.Addresses {
		if strings.Contains(a, "/") && cidr < 0 {
			cidr = i
		}
		if !isRange(a) {
			c.Say(ServiceEntry.At(at.Key("addresses").Item(i, ""), "%q is neither an IP address nor a range", a).
				WithHelp("write an address such as 240.240.1.1, or a range such as 10.1.0.0/16"))
		}
	}
	resolution := m.Resolution
	if cidr >= 0 && resolution != networking.ServiceEntry_NONE && resolution != networking.ServiceEntry_STATIC {
		c.Say(ServiceEntry.At(at.Key("addresses").Item(cidr, ""), "a range of addresses is for resolution NONE and STATIC, not %s", resolution).
			WithHelp("write addresses, or another resolution"))
	}
	names := c.servicePorts(m, at)
	place := at.Key("endpoints")
	switch resolution {
	case networking.ServiceEntry_NONE:
		if len(m.Endpoints) > 0 {
			c.Say(ServiceEntry.At(place, "resolution NONE sends a call where it was dialled, and Istio refuses endpoints").Key().
				WithHelp("write resolution: STATIC, or DNS for host names"))
		}
	case networking.ServiceEntry_STATIC:
		for i, e := range m.Endpoints {
			c.workloadEntry(e, names, false, place.Item(i, ""))
		}
	case networking.ServiceEntry_DNS, networking.ServiceEntry_DNS_ROUND_ROBIN:
		if resolution == networking.ServiceEntry_DNS_ROUND_ROBIN && len(m.Endpoints) > 1 {
			c.Say(ServiceEntry.At(place, "resolution DNS_ROUND_ROBIN takes one endpoint, and there are %d", len(m.Endpoints)).Key().
				WithHelp("keep one, or write resolution: DNS"))
		}
		for i, e := range m.Endpoints {
			here := place.Item(i, "")
			if !isIP(e.GetAddress()) && !isHost(e.GetAddress()) {
				c.Say(ServiceEntry.At(here.Key("address"), "%q is neither an IP address nor a host name", e.GetAddress()).
					WithHelp("write the name that is looked up, or an address"))
			}
			c.labels(e.GetLabels(), here.Key("labels"))
			c.entryPorts(e.GetPorts(), names, here.Key("ports"))
		}
	case networking.ServiceEntry_DYNAMIC_DNS:
		for _, f := range []struct {
			key string
			set bool
		}{{"addresses", len(m.Addresses) > 0}, {"endpoints", len(m.Endpoints) > 0}} {
			if f.set {
				c.Say(ServiceEntry.At(at.Key(f.key), "resolution DYNAMIC_DNS looks up the name of each request, and Istio refuses %s", f.key).Key().
					WithHelp("remove it"))
			}
		}
	default:
		c.Say(ServiceEntry.At(at.Key("resolution"), "Istio does not have this resolution").WithHelp("write NONE, STATIC, DNS, DNS_ROUND_ROBIN or DYNAMIC_DNS"))
	}
	c.exportTo(m.ExportTo, namespace, true, at.Key("exportTo"))
}

func (c Check) entryHosts(m *networking.ServiceEntry, at diag.Path) {
	place := at.Key("hosts")
	if len(m.Hosts) == 0 {
		c.Say(ServiceEntry.At(at, "the ServiceEntry has no hosts").WithHelp("add hosts: [api.example.com]"))
	}
	dns := m.Resolution == networking.ServiceEntry_DNS || m.Resolution == networking.ServiceEntry_DNS_ROUND_ROBIN
	for i, h := range m.Hosts {
		switch here := place.Item(i, ""); {
		case h == "*" || !isWildcardHost(h):
			c.Say(ServiceEntry.At(here, "%q is not a host name", h).
				WithHelp("write a DNS name; a wildcard is only in front, with a domain behind it, such as *.example.com"))
		case dns && len(m.Endpoints) == 0 && !isHost(h):
			c.Say(ServiceEntry.At(here, "%q cannot be looked up: resolution %s needs a full name or endpoints", h, m.Resolution).
				WithHelp("list the names, or use resolution: NONE"))
		case !isWild(h) && m.Resolution == networking.ServiceEntry_DYNAMIC_DNS:
			c.Say(ServiceEntry.At(here, "resolution DYNAMIC_DNS is for wildcards, and %q has none", h).WithHelp("use resolution: DNS"))
		}
	}
}

// servicePorts checks the ports of a ServiceEntry, and returns their names.
func (c Check) servicePorts(m *networking.ServiceEntry, at diag.Path) map[string]bool {
	names, numbers := map[string]bool{}, map[uint32]bool{}
	several := false
	for i, p := range m.Ports {
		here := at.Key("ports").Item(i, p.GetName())
		name, number, protocol := p.GetName(), p.GetNumber(), strings.ToUpper(p.GetProtocol())
		if !isLabel(name) {
			c.Say(ServiceEntry.At(here.Key("name"), "the port's name %q is not a DNS label", name).WithHelp("write lower-case letters, digits and '-', such as tls"))
		}
		if names[name] {
			c.Say(ServiceEntry.At(here.Key("name"), "another port has the name %q", name).WithHelp("give each port its own name"))
		}
		if numbers[number] {
			c.Say(ServiceEntry.At(here.Key("number"), "another port has the number %d", number).WithHelp("keep one of them"))
		}
		names[name], numbers[number] = true, true
		c.port(number, here.Key("number"))
		if p.GetTargetPort() > 65535 {
			c.port(p.TargetPort, here.Key("targetPort"))
		}
		c.protocol(ServiceEntry, protocol, here.Key("protocol"))
		if len(m.Hosts) > 1 && IsProtocol(protocol) && !isHTTP(protocol) && !isTLS(protocol) && m.Resolution != networking.ServiceEntry_NONE && !several {
			several = true
			shown := protocol
			if shown == "" {
				shown = "TCP"
			}
			c.Say(ServiceEntry.At(here, "%d hosts with the %s port %q: Istio refuses that, since a TCP connection names no host", len(m.Hosts), shown, name).
				WithHelp("make a ServiceEntry of each host, or use resolution: NONE"))
		}
		if m.Resolution == networking.ServiceEntry_DYNAMIC_DNS && !slices.Contains([]string{"HTTP", "HTTP2", "GRPC", "TLS"}, protocol) {
			c.Say(ServiceEntry.At(here, "resolution DYNAMIC_DNS takes the name from each request, and protocol %q has none", p.GetProtocol()).
				WithHelp("it is for HTTP, HTTP2, GRPC and TLS"))
		}
	}
	return names
}
