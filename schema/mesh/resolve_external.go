package mesh

import (
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
	r.withoutAddress(e, at)
	r.hook().TrafficPolicy(e.Policy, e.Namespace, in.At.Key("trafficPolicy"))
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

// entry checks the ServiceEntry of an external service. A spec is stricter than istiod: hosts are in lower case, and what
// reaches nothing is an error.
func (r *resolver) entry(e *networking.ServiceEntry, namespace string, at diag.Path) {
	before := len(r.findings)
	r.hook().ServiceEntry(e, namespace, at)
	for i, h := range e.Hosts {
		name, here := strings.TrimPrefix(h, "*."), at.Key("hosts").Item(i, "")
		known := slices.ContainsFunc(r.findings[before:], func(d diag.Diagnostic) bool { return d.At.String() == here.String() })
		if !known && (!isDNSName(name) || looksLikeIP(name)) {
			r.say(ruleServiceEntry.At(here, "%q is not a host name", h).
				WithHelp("write a DNS name in lower case; a wildcard is only in front, with a domain behind it"))
		}
	}
	if len(e.Ports) == 0 {
		r.say(ruleServiceEntry.At(at, "the ServiceEntry has no ports").WithHelp("add `ports: [{number: 443, name: tls, protocol: TLS}]`"))
	}
	if e.Resolution == networking.ServiceEntry_STATIC && len(e.Endpoints) == 0 && e.WorkloadSelector == nil {
		r.say(ruleServiceEntry.At(at, "resolution STATIC without endpoints reaches nothing").WithHelp("add `endpoints`, or use resolution: DNS"))
	}
}
