package mesh

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// services resolves the host names of a workload: by default one, named after it, with every port.
func (r *resolver) services(in *schema.Workload, w *Workload) {
	list := in.Services
	if len(list) == 0 && len(in.Ports) > 0 {
		list = []schema.Service{{At: in.At, Name: in.Name, Kind: string(KindService)}}
	}
	unique(r, in.Services, func(s *schema.Service) (string, diag.Path) { return s.Name, s.At })
	for i := range list {
		w.Services = append(w.Services, r.service(&list[i], w))
	}
	slices.SortStableFunc(w.Services, func(a, b *Service) int { return cmp.Compare(a.Name, b.Name) })
}

func (r *resolver) service(in *schema.Service, w *Workload) *Service {
	s := &Service{
		At: in.At, Workload: w, Name: in.Name, Kind: ServiceKind(in.Kind), Pods: in.Pods, Addresses: in.Addresses, ExportTo: in.ExportTo,
		Selector: map[string]string{labelApp: w.Name},
	}
	if s.Kind != KindExisting {
		r.claim(string(s.Kind), w.Namespace, s.Name, in.At)
	}
	r.servicePorts(in, s)
	r.serviceSelector(in, s)
	r.serviceHosts(in, s)
	r.exportTo(in.ExportTo, in.At.Key("exportTo"), w.Namespace, s.Kind == KindServiceEntry)
	s.Traffic.Policy = in.Traffic.TrafficPolicy
	r.hook().TrafficPolicy(in.Traffic.TrafficPolicy, s.Workload.Namespace, in.At.Key("traffic").Key("trafficPolicy"))
	s.Traffic.HTTP, s.Traffic.TCP, s.Traffic.TLS = in.Traffic.HTTP, in.Traffic.TCP, in.Traffic.TLS
	r.subsets(in, s)
	r.expose(in, s)
	return s
}

// servicePorts picks the service's ports from the workload's.
func (r *resolver) servicePorts(in *schema.Service, s *Service) {
	w := s.Workload
	if len(in.Ports) == 0 {
		s.Ports = slices.Clone(w.Ports)
	}
	seen := map[string]bool{}
	for i, name := range in.Ports {
		switch p := w.port(name); {
		case p == nil:
			r.unknownPort(name, w.Ports, in.At.Key("ports").Item(i, ""))
		case seen[name]:
			r.say(ruleDuplicateName.At(in.At.Key("ports").Item(i, ""), "port %q is listed twice", name).WithHelp("drop one of them"))
		default:
			s.Ports = append(s.Ports, p)
		}
		seen[name] = true
	}
	r.numbersOfService(in, s)
	slices.SortStableFunc(s.Ports, func(a, b *Port) int { return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Name, b.Name)) })
	if len(w.Ports) == 0 {
		r.say(ruleServiceShape.At(in.At, "service %q has no ports: its workload listens on none", s.Name).
			WithHelp("add `ports: [{name: http, port: 8080}]` to the workload, or drop the service"))
	}
}

// numbersOfService requires that each port of a service has a number of its own; two services may share one.
func (r *resolver) numbersOfService(in *schema.Service, s *Service) {
	list := slices.Clone(s.Ports)
	if len(in.Ports) == 0 {
		slices.SortFunc(list, func(a, b *Port) int { return cmp.Compare(a.order, b.order) })
	}
	numbers := map[uint32]*Port{}
	for _, p := range list {
		other := numbers[p.Number]
		if other == nil {
			numbers[p.Number] = p
			continue
		}
		at, help := in.At, "a Service has each number once: list the `ports` of each service, so that one of the two is in another"
		if n := slices.Index(in.Ports, p.Name); n >= 0 {
			at = in.At.Key("ports").Item(n, "")
		} else if in.At.String() == s.Workload.At.String() { // the default service
			at = p.At.Key("port")
			help = fmt.Sprintf("a Service has each number once: give this port another, or write a service for each: "+
				"services: [{name: %[1]s, ports: [%[2]s]}, {name: %[1]s-%[3]s, ports: [%[3]s]}]", s.Name, other.Name, p.Name)
		}
		r.say(rulePortClash.At(at, "service %q has port %d twice, as %q and %q", s.Name, p.Number, other.Name, p.Name).WithHelp("%s", help))
	}
}

// serviceSelector narrows the service to some of the workload's VMs, and demands that any are left.
func (r *resolver) serviceSelector(in *schema.Service, s *Service) {
	at := in.At.Key("selector")
	r.labels(in.Selector, at, nil)
	if app, said := in.Selector[labelApp]; said && app != s.Workload.Name {
		r.say(ruleDerivedLabel.At(at.Key(labelApp), "the selector's app is %q, the workload's name", s.Workload.Name).WithHelp("drop it"))
	}
	maps.Copy(s.Selector, in.Selector)
	s.Selector[labelApp] = s.Workload.Name
	if len(in.Selector) > 0 && !s.Pods && len(s.Workload.AllGroups()) > 0 && !s.Workload.anyVM(s.Selector) {
		r.say(ruleEmptySelector.At(at, "no VM of workload %q has these labels", s.Workload.Name).
			WithHelp("give a group those labels, or set `pods: true` where pods have them"))
	}
}

// anyVM tells whether some VM of the workload has every label of the selectors.
func (w *Workload) anyVM(selectors ...map[string]string) bool {
	return slices.ContainsFunc(w.AllGroups(), func(g *Group) bool { return g.anyVM(selectors...) })
}

// anyVM tells whether some VM of the group has every label of the selectors.
func (g *Group) anyVM(selectors ...map[string]string) bool {
	return slices.ContainsFunc(g.labelSets, func(set map[string]string) bool {
		return !slices.ContainsFunc(selectors, func(s map[string]string) bool { return !includes(set, s) })
	})
}

// serviceHosts finds the names that clients dial, and what each kind of service must or may not have.
func (r *resolver) serviceHosts(in *schema.Service, s *Service) {
	w := s.Workload
	if s.Kind == KindServiceEntry {
		r.entryHosts(in, s)
	} else {
		s.Hosts = []Host{{Name: ServiceHost(s.Name, w.Namespace, w.Istio().ClusterDomain), Object: s.Name}}
		for _, field := range []struct {
			key  string
			said int
		}{{"hosts", len(in.Hosts)}, {"addresses", len(in.Addresses)}} {
			if field.said > 0 {
				r.say(ruleServiceShape.At(in.At.Key(field.key), "a service of kind %s has no %s of its own", s.Kind, field.key).Key().
					WithHelp("drop it, or set `kind: ServiceEntry`"))
			}
		}
	}
	for _, h := range s.Hosts {
		if r.byHost[h.Name] == nil {
			r.byHost[h.Name] = s
		}
	}
	if s.Kind == KindExisting && len(in.ExportTo) == 0 && in.Traffic.TrafficPolicy == nil && len(in.Traffic.Subsets) == 0 && len(in.Traffic.HTTP)+len(in.Traffic.TCP)+len(in.Traffic.TLS) == 0 {
		return // says only that the name exists
	}
	for i, h := range s.Hosts {
		if other := r.hosts[w.Namespace+"/"+h.Name]; other != nil {
			if repeated(other.At, in.At) || s.Kind == KindService && other.Kind == KindService {
				continue // said of the name
			}
			at := in.At
			if s.Kind == KindServiceEntry {
				at = in.At.Key("hosts").Item(i, "")
			}
			r.say(ruleHostClash.At(at, "the host %s is that of %s already", h.Name, place(other.At, at)).
				WithHelp("a host has one DestinationRule and one VirtualService: rename this one, or merge the two"))
			continue
		}
		r.hosts[w.Namespace+"/"+h.Name] = s
	}
}

// entryHosts resolves the hosts of a ServiceEntry.
func (r *resolver) entryHosts(in *schema.Service, s *Service) {
	at := in.At.Key("hosts")
	if len(in.Hosts) == 0 {
		r.say(ruleServiceShape.At(in.At, "a service of kind ServiceEntry has no hosts").
			WithHelp("add `hosts: [%s.example.com]`: the names that clients dial", s.Name))
	}
	seen := map[string]bool{}
	for i, host := range in.Hosts {
		here := at.Item(i, "")
		switch {
		case strings.HasPrefix(host, "*.") && strings.Contains(host[2:], ".") && isDNSName(host[2:]):
			s.wildcard = host
		case !isDNSName(host) || looksLikeIP(host):
			r.say(ruleServiceShape.At(here, "%q is not a host name", host).
				WithHelp("write a full DNS name in lower case, such as pay.example.com, or *.example.com for the names below one"))
			continue
		case !strings.Contains(host, "."):
			r.say(ruleServiceShape.At(here, "%q has no dot, and Istio takes such a name for a Kubernetes Service of the namespace", host).
				WithHelp("write a full DNS name, such as %s.example.com", host))
			continue
		case seen[host]:
			r.say(ruleDuplicateName.At(here, "host %q is listed twice", host).WithHelp("drop one of them"))
			continue
		}
		seen[host] = true
		object := s.Name
		if len(in.Hosts) > 1 {
			object = hostObject(s.Name, host)
		}
		s.Hosts = append(s.Hosts, Host{Name: host, Object: object})
		r.objectName(object, "its DestinationRule and VirtualService", here)
	}
	slices.SortFunc(s.Hosts, func(a, b Host) int { return cmp.Compare(a.Name, b.Name) })
	if len(s.Hosts) == 0 { // so that the rest of the mesh can be resolved
		s.Hosts = []Host{{Name: s.Name, Object: s.Name}}
	}
	for i, a := range in.Addresses {
		if _, ok := parsePrefix(a); !ok {
			r.say(ruleBadAddress.At(in.At.Key("addresses").Item(i, ""), "%q is no virtual IP", a).WithHelp("write an IP address such as 240.240.1.1"))
		}
	}
	for _, p := range s.Ports {
		if p.Protocol.IsHTTP() || p.Protocol.IsTLS() {
			continue
		}
		if len(in.Addresses) == 0 && s.wildcard != "" {
			r.say(ruleServiceShape.At(at, "port %q speaks %s, which does not name a host, and Istio gives %s no address", p.Name, p.Protocol, s.wildcard).
				WithHelp("add `addresses: [<virtual IP>]`, or write each host in full"))
			continue
		}
		if len(in.Addresses) == 0 && !s.Workload.Istio().Release.AllocatesAddresses() {
			r.say(ruleServiceShape.At(in.At, "port %q speaks %s, and Istio %s gives a ServiceEntry no address of its own", p.Name, p.Protocol, s.Workload.Istio().Release).
				WithHelp("add `addresses: [<virtual IP>]`: without one, Istio cannot tell the host of a TCP connection"))
		}
		if len(s.Hosts) > 1 {
			r.say(ruleServiceShape.At(at, "%d hosts with the %s port %q: Istio refuses that, since a TCP connection names no host", len(s.Hosts), p.Protocol, p.Name).
				WithHelp("make one service of each host"))
		}
	}
}

// exportTo checks who may see a host of a namespace: ".", "*", "~" (ServiceEntry only) or namespaces.
func (r *resolver) exportTo(list []string, at diag.Path, namespace string, entry bool) {
	seen := map[string]bool{}
	for i, e := range list {
		here := at.Item(i, "")
		switch {
		case seen[e]:
			r.say(ruleExportTo.At(here, "%q is listed twice", e).WithHelp("drop one of them"))
		case e == "." && seen[namespace] || e == namespace && seen["."]:
			r.say(ruleExportTo.At(here, "%q and %q are one namespace", ".", namespace).WithHelp("drop one of the two"))
		case (e == "*" || e == "~") && len(list) > 1:
			r.say(ruleExportTo.At(here, "%q stands beside others; Istio takes it only alone", e).WithHelp("drop it, or drop the others"))
		case e == "~" && !entry:
			r.say(ruleExportTo.At(here, `"~" is for services of kind ServiceEntry only`).WithHelp(`write "." for this namespace`))
		case e != "." && e != "*" && e != "~" && !isDNSLabel(e):
			r.say(ruleExportTo.At(here, "%q is no namespace", e).WithHelp(`write ".", "*" or names of namespaces`))
		}
		seen[e] = true
	}
}

// subsets resolves the subsets of a service: those that are said, else one for each version of its groups.
func (r *resolver) subsets(in *schema.Service, s *Service) {
	t := &in.Traffic
	unique(r, t.Subsets, func(x *schema.Subset) (string, diag.Path) { return x.Name, x.At })
	for _, x := range t.Subsets {
		labels := maps.Clone(x.Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		r.labels(x.Labels, x.At.Key("labels"), nil)
		r.hook().TrafficPolicy(x.TrafficPolicy, s.Workload.Namespace, x.At.Key("trafficPolicy"))
		if x.Version != "" {
			if v, said := labels[labelVersion]; said && v != x.Version {
				r.say(ruleMisfit.At(x.At.Key("version"), "version is %q here and %q among the labels", x.Version, v).WithHelp("say it once"))
			}
			labels[labelVersion] = x.Version
		}
		if !s.Pods && len(s.Workload.AllGroups()) > 0 && !s.Workload.anyVM(s.Selector, labels) {
			r.emptySubset(x, s)
		}
		s.Traffic.Subsets = append(s.Traffic.Subsets, &networking.Subset{Name: x.Name, Labels: labels, TrafficPolicy: x.TrafficPolicy})
	}
	if len(t.Subsets) == 0 {
		s.Traffic.Subsets = s.versions()
	}
	if len(t.Subsets) == 0 {
		r.versionsClash(s)
	}
	slices.SortStableFunc(s.Traffic.Subsets, func(a, b *networking.Subset) int { return cmp.Compare(a.Name, b.Name) })
	s.Traffic.DestinationRule = t.TrafficPolicy != nil || len(t.Subsets) > 0
}

func (r *resolver) emptySubset(x schema.Subset, s *Service) {
	var versions []string
	for _, v := range s.versions() {
		versions = append(versions, v.Labels[labelVersion])
	}
	d := ruleEmptySubset.At(x.At, "no VM of service %q is in subset %q", s.Name, x.Name)
	switch {
	case x.Version != "" && len(versions) > 0:
		d = d.WithHelp("write a version that one of its groups has: %s", strings.Join(versions, ", "))
	case x.Version != "":
		d = d.WithHelp("none of its groups has a `version`")
	default:
		d = d.WithHelp("give a group those labels, or set `pods: true` on the service where pods have them")
	}
	r.say(d)
}

// versionsClash says versions whose default subsets would have one name, such as 1.0 and 1-0.
func (r *resolver) versionsClash(s *Service) {
	versions := make(map[string]string, len(s.Traffic.Subsets)) // by subset
	for _, x := range s.Traffic.Subsets {
		versions[x.Name] = x.Labels[labelVersion]
	}
	for _, g := range s.Workload.AllGroups() {
		name := subsetName(g.Version)
		if v := versions[name]; g.Version != "" && v != "" && v != g.Version && g.anyVM(s.Selector) {
			r.say(ruleObjectClash.At(g.At.Key("version"), "versions %q and %q would both be the subset %q of service %q", v, g.Version, name, s.Name).
				WithHelp("list the service's traffic.subsets with names of their own"))
		}
	}
}

// versions makes the default subsets: one for each version of the groups that the service selects.
func (s *Service) versions() []*networking.Subset {
	var out []*networking.Subset
	seen := map[string]bool{}
	for _, g := range s.Workload.AllGroups() {
		name := subsetName(g.Version)
		if name == "" || seen[name] || !g.anyVM(s.Selector) {
			continue
		}
		seen[name] = true
		out = append(out, &networking.Subset{Name: name, Labels: map[string]string{labelVersion: g.Version}})
	}
	return out
}
