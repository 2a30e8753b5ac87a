package mesh

import (
	"maps"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// externalService resolves something outside the mesh that VMs call, and checks what istiod's webhook demands of its
// ServiceEntry beyond the CRD (istio: pkg/config/validation, ValidateServiceEntry).
func (r *resolver) externalService(spec *Spec, s *schema.Spec, in *schema.ExternalService) {
	e := &ExternalService{At: in.At, Spec: spec, Name: in.Name, Entry: in.ServiceEntry, Policy: in.TrafficPolicy}
	e.Namespace = r.namespace(in.Namespace, s, spec)
	at := in.At.Key("serviceEntry")
	if e.Entry == nil {
		r.say(ruleMissingSetting.At(in.At, "serviceEntry is missing: the hosts and ports that VMs call").
			WithHelp("add `serviceEntry: {hosts: [api.example.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}`"))
		return
	}
	r.claim("ServiceEntry", e.Namespace, e.Name, in.At)
	r.entry(e.Entry, e.Namespace, at)
	r.trafficPolicy(e.Policy, in.At.Key("trafficPolicy"))
	hosts := slices.Clone(e.Entry.Hosts)
	slices.Sort(hosts)
	for _, h := range slices.Compact(hosts) {
		object := e.Name
		if len(hosts) > 1 {
			object = hostObject(e.Name, h)
		}
		e.Hosts = append(e.Hosts, Host{Name: h, Object: object})
		if e.Policy != nil {
			r.objectName(object, "its DestinationRule", at.Key("hosts"))
		}
	}
	own := &Service{At: in.At}
	for i, h := range e.Entry.Hosts {
		here := at.Key("hosts").Item(i, "")
		switch other := r.hosts[e.Namespace+"/"+h]; {
		case other == own:
			r.say(ruleDuplicateName.At(here, "host %q is listed twice", h).WithHelp("drop one of them"))
		case other != nil && !repeated(other.At, in.At):
			r.say(ruleHostClash.At(here, "the host %s is that of %s already", h, place(other.At, at)).
				WithHelp("keep it in one of the two: Istio would mix their endpoints, with the settings of the older one"))
		case other == nil:
			r.hosts[e.Namespace+"/"+h] = own
		}
	}
	r.mesh.ExternalServices = append(r.mesh.ExternalServices, e)
}

func (r *resolver) entry(e *networking.ServiceEntry, namespace string, at diag.Path) {
	for i, h := range e.Hosts {
		name := strings.TrimPrefix(h, "*.")
		if !isDNSName(name) || looksLikeIP(name) {
			r.say(ruleServiceEntry.At(at.Key("hosts").Item(i, ""), "%q is no host name", h).
				WithHelp("write a DNS name in lower case; a wildcard stands only in front, with a domain behind it"))
		}
		wild := strings.HasPrefix(h, "*.")
		switch {
		case wild && (e.Resolution == networking.ServiceEntry_DNS || e.Resolution == networking.ServiceEntry_DNS_ROUND_ROBIN) && len(e.Endpoints) == 0:
			r.say(ruleServiceEntry.At(at.Key("hosts").Item(i, ""), "%q cannot be looked up: resolution %s needs a full name or endpoints", h, e.Resolution).
				WithHelp("list the names, or use resolution: NONE"))
		case !wild && e.Resolution == networking.ServiceEntry_DYNAMIC_DNS:
			r.say(ruleServiceEntry.At(at.Key("hosts").Item(i, ""), "resolution DYNAMIC_DNS is for wildcards, and %q is none", h).
				WithHelp("use resolution: DNS"))
		}
	}
	if len(e.Ports) == 0 {
		r.say(ruleServiceEntry.At(at, "the ServiceEntry has no ports").WithHelp("add `ports: [{number: 443, name: tls, protocol: TLS}]`"))
	}
	names := map[string]bool{}
	for i, p := range e.Ports {
		here := at.Key("ports").Item(i, p.GetName())
		if !isDNSLabel(p.GetName()) {
			r.say(ruleServiceEntry.At(here.Key("name"), "the port's name %q is no DNS label", p.GetName()).WithHelp("write lower-case letters, digits and '-', such as tls"))
		}
		proto := Protocol(strings.ToUpper(p.GetProtocol()))
		switch {
		case !knownProtocol(p.GetProtocol()):
			d := ruleServiceEntry.At(here.Key("protocol"), "Istio knows no protocol %q", p.GetProtocol())
			if near := diag.Nearest(string(proto), protocolWords()); near != "" {
				d = d.Suggest("did you mean %s?", p.GetProtocol(), near, protocolWords())
			} else {
				d = d.WithHelp("known are %s", strings.Join(protocolWords(), ", "))
			}
			r.say(d)
		case len(e.Hosts) > 1 && !proto.IsHTTP() && !proto.IsTLS() && e.Resolution != networking.ServiceEntry_NONE:
			r.say(ruleServiceEntry.At(here, "%d hosts with the %s port %q: Istio refuses that, since a TCP connection names no host", len(e.Hosts), proto, p.GetName()).
				WithHelp("make an external service of each host, or use resolution: NONE"))
		}
		if e.Resolution == networking.ServiceEntry_DYNAMIC_DNS && !slices.Contains([]Protocol{"HTTP", "HTTP2", "GRPC", "TLS"}, proto) {
			r.say(ruleServiceEntry.At(here, "resolution DYNAMIC_DNS takes the name from each request, and protocol %q has none", p.GetProtocol()).
				WithHelp("it is for HTTP, HTTP2, GRPC and TLS"))
		}
		names[p.GetName()] = true
	}
	if e.Resolution == networking.ServiceEntry_STATIC {
		for i, p := range e.Endpoints {
			for _, name := range slices.Sorted(maps.Keys(p.GetPorts())) {
				if !names[name] {
					r.say(ruleServiceEntry.At(at.Key("endpoints").Item(i, "").Key("ports").Key(name), "no port of the ServiceEntry is named %q", name).Key().
						WithHelp("its ports are %s", strings.Join(slices.Sorted(maps.Keys(names)), ", ")))
				}
			}
			if _, ok := parseIP(p.GetAddress()); !ok && !strings.HasPrefix(p.GetAddress(), "unix://") && p.GetAddress() != "" {
				r.say(ruleServiceEntry.At(at.Key("endpoints").Item(i, "").Key("address"), "%q is no IP address, which resolution STATIC needs", p.GetAddress()).
					WithHelp("use resolution: DNS for names"))
			}
		}
		if len(e.Endpoints) == 0 && e.WorkloadSelector == nil {
			r.say(ruleServiceEntry.At(at, "resolution STATIC without endpoints reaches nothing").WithHelp("add `endpoints`, or use resolution: DNS"))
		}
	}
	for i, a := range e.Addresses {
		if _, ok := parsePrefix(a); !ok {
			r.say(ruleServiceEntry.At(at.Key("addresses").Item(i, ""), "%q is neither an IP address nor a range", a).
				WithHelp("write an address such as 240.240.1.1, or a range such as 10.1.0.0/16"))
		}
	}
	r.exportTo(e.ExportTo, at.Key("exportTo"), namespace, true)
}

func protocolWords() []string {
	var words []string
	for _, p := range protocols {
		words = append(words, string(p))
	}
	slices.Sort(words)
	return words
}
