package importer

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// traffic is what rules a service's hosts.
type traffic struct {
	rule    *manifest.Resource // a DestinationRule; nil: none
	routes  *manifest.Resource // a VirtualService; nil: none
	policy  *networking.TrafficPolicy
	subsets []*networking.Subset
	http    []*networking.HTTPRoute
	tcp     []*networking.TCPRoute
	tls     []*networking.TLSRoute
	asked   bool // whether a route names one of the subsets
}

// age orders objects as istiod does, which takes the oldest of several for one host; without a time, by name.
func age(list []*manifest.Resource) []*manifest.Resource {
	list = byName(list)
	slices.SortStableFunc(list, func(a, b *manifest.Resource) int {
		return cmp.Compare(a.Root.Get("metadata").Get("creationTimestamp").Text(), b.Root.Get("metadata").Get("creationTimestamp").Text())
	})
	return list
}

// findRules gives each DestinationRule to the host that it is about.
func (i *importer) findRules() {
	for _, r := range age(each[*networking.DestinationRule](i)) {
		d := r.Spec.(*networking.DestinationRule)
		host := i.fullHost(d.Host, r.Namespace)
		if s := i.serviceOf(host, r.Namespace); s != nil {
			i.addRule(s, r, d, host)
		} else if e := i.externalOf(host, r.Namespace); e != nil {
			i.addExternalRule(e, r, d, host)
		}
	}
}

func (i *importer) addRule(s *service, r *manifest.Resource, d *networking.DestinationRule, host string) {
	t := &s.traffic
	if s.from == nil && len(s.exportTo) == 0 {
		s.exportTo = d.ExportTo
	}
	switch first := t.rule; {
	case d.WorkloadSelector != nil:
		i.leaves(r, r.Place("spec", "workloadSelector"), "it is for some callers only, and a spec's is for all", "")
		return
	case !sameSet(d.ExportTo, s.exportTo):
		i.leaves(r, r.Place("spec", "exportTo"), "it is exported otherwise than its service, and a spec sets exportTo once for a host", "")
		return
	case slices.ContainsFunc(d.Subsets, func(x *networking.Subset) bool {
		return otherClass(x.GetLabels()) && s.w.anyVM(map[string]string{"class": x.GetLabels()["class"]})
	}):
		i.leaves(r, r.Place("spec", "subsets"), classReason, "")
		return
	case d.TrafficPolicy == nil && len(d.Subsets) == 0:
		i.leaves(r, nil, "it sets nothing", "delete it")
		return
	case first != nil && s.hosts[0] != host:
		i.becomes(r, fate{identity: identity{kind: "DestinationRule", namespace: r.Namespace, host: host}}) // one rule for each host of the service
		s.w.objects = append(s.w.objects, r)
		return
	case first != nil:
		i.merge(r, fate{identity: identity{kind: "DestinationRule", namespace: r.Namespace, host: host}})
		message := "%s is for the host of %s too"
		if d.TrafficPolicy != nil && t.policy != nil {
			message += ", whose trafficPolicy counts"
		}
		i.say(ruleDifferent.At(r.Place("spec", "host"), message, r, first).WithHelp("a spec makes one rule of both; delete this one last, once the VMs run with their new files"))
	default:
		i.becomes(r, fate{identity: identity{kind: "DestinationRule", namespace: r.Namespace, host: host}})
		t.rule = r
		s.w.objects = append(s.w.objects, r)
	}
	if t.policy == nil {
		t.policy = d.TrafficPolicy
	}
	for _, subset := range d.Subsets {
		if !slices.ContainsFunc(t.subsets, func(other *networking.Subset) bool { return other.GetName() == subset.GetName() }) {
			t.subsets = append(t.subsets, subset)
		}
	}
}

func (i *importer) addExternalRule(e *external, r *manifest.Resource, d *networking.DestinationRule, host string) {
	switch {
	case d.TrafficPolicy == nil || len(d.Subsets) > 0 || d.WorkloadSelector != nil:
		i.leaves(r, nil, "a spec has only a trafficPolicy for an external service", "")
	case !sameSet(d.ExportTo, e.entry.ExportTo):
		i.leaves(r, r.Place("spec", "exportTo"), "it is exported otherwise than its ServiceEntry, and a spec sets exportTo once for a host", "")
	case e.policy != nil && !proto.Equal(e.policy, d.TrafficPolicy):
		i.leaves(r, r.Place("spec", "trafficPolicy"), "another host of the ServiceEntry has another policy, and a spec sets it once", "")
	default:
		e.policy, e.rule = d.TrafficPolicy, r
		i.becomes(r, fate{identity: identity{kind: "DestinationRule", namespace: r.Namespace, host: host}})
	}
}

// serviceOf finds the service of a host. A workload whose Service is not among the objects has one of its own name.
func (i *importer) serviceOf(host, namespace string) *service {
	if s := i.hosts[namespace+"/"+host]; s != nil {
		return s
	}
	name, rest, _ := strings.Cut(host, ".")
	if rest != namespace+".svc."+i.istio.domain() || i.set.Service(namespace, name) != nil {
		return nil
	}
	for _, w := range i.workloads {
		if w.namespace == namespace && w.name == name && len(w.ports) > 0 && !slices.ContainsFunc(w.services, func(s *service) bool { return s.name == name }) {
			s := &service{w: w, kind: kindExisting, name: name, hosts: []string{host}}
			i.addHosts(s)
			return s
		}
	}
	return nil
}

func (i *importer) externalOf(host, namespace string) *external {
	for _, e := range i.externals {
		if e.from.Namespace == namespace && slices.Contains(e.entry.Hosts, host) {
			return e
		}
	}
	return nil
}

// fullHost completes the name of a Service as istiod does, and name.namespace[.svc], which it takes for a host of its own.
func (i *importer) fullHost(host, namespace string) string {
	parts := strings.Split(host, ".")
	switch {
	case host == "" || host == "*":
		return host
	case len(parts) == 1:
		return host + "." + namespace + ".svc." + i.istio.domain()
	case (len(parts) == 2 || len(parts) == 3 && parts[2] == "svc") && i.set.Service(parts[1], parts[0]) != nil:
		return parts[0] + "." + parts[1] + ".svc." + i.istio.domain()
	}
	return host
}

// finish writes what rules a service's hosts as a spec has it.
func (t *traffic) finish(i *importer, s *service) schema.Traffic {
	out := schema.Traffic{TrafficPolicy: t.policy, HTTP: t.http, TCP: t.tcp, TLS: t.tls}
	if t.policy == nil && !t.asked || !t.defaultSubsets(s) {
		for _, subset := range t.subsets {
			one := schema.Subset{Name: subset.GetName(), TrafficPolicy: subset.GetTrafficPolicy()}
			labels := maps.Clone(subset.GetLabels())
			one.Version = labels["version"]
			if delete(labels, "version"); len(labels) > 0 {
				one.Labels = labels
			}
			out.Subsets = append(out.Subsets, one)
		}
	}
	slices.SortStableFunc(out.Subsets, func(a, b schema.Subset) int { return cmp.Compare(a.Name, b.Name) })
	if !s.pods {
		for _, subset := range t.subsets {
			if !s.w.anyVM(s.full(), subset.GetLabels()) {
				s.pods = true
				s.w.note("services["+s.name+"].pods", "no VM is in the subset "+subset.GetName()+"; if no pods are either, drop the subset, the routes to it and this line")
				at := t.rule.Place("spec", "subsets")
				for n, x := range t.rule.Spec.(*networking.DestinationRule).Subsets {
					if x == subset {
						at = at.Item(n, subset.GetName())
					}
				}
				i.say(ruleDecide.At(at, "no VM is in the subset %q, so in the spec pods serve this host too", subset.GetName()).
					WithHelp("if no pods do, drop the subset and the routes to it: calls that they send there fail"))
				break
			}
		}
	}
	return out
}

// full is the selector of the service with the workload's own label.
func (s *service) full() map[string]string {
	if s.w.app == "" {
		return s.selector
	}
	labels := maps.Clone(s.selector)
	if labels == nil {
		labels = map[string]string{}
	}
	labels["app"] = s.w.app
	return labels
}

// defaultSubsets reports whether the subsets are those that a spec makes by itself: one for each version.
func (t *traffic) defaultSubsets(s *service) bool {
	want := map[string]string{}
	for _, g := range s.w.groups {
		if g.version == "" || !slices.ContainsFunc(g.vms(), func(set map[string]string) bool { return carries(set, s.full()) }) {
			continue
		}
		want[subsetName(g.version)] = g.version
	}
	for _, subset := range t.subsets {
		if v := want[subset.GetName()]; v == "" || !maps.Equal(subset.GetLabels(), map[string]string{"version": v}) || subset.GetTrafficPolicy() != nil {
			return false
		}
	}
	return len(want) == len(t.subsets)
}

// subsetName is the name that a spec gives the subset of a version.
func subsetName(version string) string {
	return strings.Trim(strings.NewReplacer(".", "-", "_", "-").Replace(strings.ToLower(version)), "-")
}
