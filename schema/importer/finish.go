package importer

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
)

// finish writes a workload as a spec has it. Its security and Sidecar are there already.
func (i *importer) finish(w *workload) {
	out := &w.out
	out.Name = w.name
	if w.account != w.name {
		out.ServiceAccount = w.account
	}
	if w.proxyless {
		// there is no identity
	} else if i.set.Find("", "ServiceAccount", w.namespace, w.account) == nil || !i.plainAccount(w) {
		out.CreateServiceAccount = new(bool)
	}
	w.findLabels()
	if len(w.labels) > 0 {
		out.Labels = w.labels
	}
	if len(w.annotations) > 0 {
		out.Annotations = w.annotations
	}
	for _, p := range w.ports {
		q := schema.Port{Name: p.name, Port: int(p.number)}
		if p.target != p.number {
			q.TargetPort = int(p.target)
		}
		if p.protocol != "" && p.protocol != nameProtocol(p.name) {
			q.Protocol = p.protocol
		}
		if p.said() == "" {
			i.tellProtocol(w, p)
		}
		out.Ports = append(out.Ports, q)
	}
	out.Probe = i.probe(w)
	for _, g := range w.groups {
		out.Groups = append(out.Groups, i.finishGroup(w, g))
	}
	slices.SortFunc(w.services, func(a, b *service) int { return cmp.Compare(a.name, b.name) })
	for _, s := range w.services {
		out.Services = append(out.Services, s.finish(i))
	}
	if len(out.Services) == 0 && len(out.Ports) > 0 {
		out.Services = []schema.Service{{Name: w.name, Kind: kindExisting}}
		w.note("services", "no Service of these VMs is among the manifests; without this line a build makes one")
	}
	if w.plainService() {
		out.Services = nil
	}
}

// tellProtocol asks for what no manifest says of a port.
func (i *importer) tellProtocol(w *workload, p *port) {
	w.note("ports["+p.name+"]", "no manifest sets which protocol this port speaks: add `protocol`, such as TCP or HTTP")
	i.say(ruleDecide.At(w.at, "no manifest sets which protocol the port %q of %s speaks", p.name, w.name).
		WithHelp("add `protocol` to the port in the spec; Istio otherwise finds out by the bytes"))
}

// plainService reports whether the services are the default of a spec: one, of the workload's name, with every port.
func (w *workload) plainService() bool {
	if len(w.out.Services) != 1 || len(w.out.Ports) == 0 {
		return false
	}
	s := w.out.Services[0]
	t := s.Traffic
	return s.Name == w.name && s.Kind == "" && len(s.Ports)+len(s.Selector)+len(s.ExportTo)+len(s.Expose.Hosts) == 0 && !s.Pods &&
		t.TrafficPolicy == nil && len(t.Subsets)+len(t.HTTP)+len(t.TCP)+len(t.TLS) == 0
}

// plainAccount reports whether a ServiceAccount has nothing that a spec cannot express.
func (i *importer) plainAccount(w *workload) bool {
	r := i.set.Find("", "ServiceAccount", w.namespace, w.account)
	if i.skip[r] {
		return false
	}
	reason := ""
	at := r.Place("metadata", "name")
	for n := range r.Root.Fields {
		switch key := r.Root.Fields[n].Key; key {
		case "apiVersion", "kind", "metadata", "secrets":
		default:
			at, reason = r.Place(key), "a spec cannot express "+key
		}
	}
	for _, key := range sorted(r.Annotations) {
		if !noise(key) && !delivery(key) {
			at, reason = r.Place("metadata", "annotations").Key(key), "a spec gives a ServiceAccount no annotation "+key
		}
	}
	if w.account == "default" {
		reason = "Kubernetes makes it by itself"
	}
	if reason == "" {
		i.becomes(r, fate{identity: identity{kind: "ServiceAccount", namespace: r.Namespace, name: r.Name}})
		return true
	}
	if !i.settled(r) {
		i.leaves(r, at, reason, "the spec has `createServiceAccount: false`; keep its manifest beside what the spec builds")
	}
	return false
}

// probe is the readiness probe that the groups have, less what a spec says by itself.
func (i *importer) probe(w *workload) *networking.ReadinessProbe {
	var p *networking.ReadinessProbe
	for _, g := range w.groups {
		own := g.spec().GetProbe()
		if own == nil && g.config != nil && g.from == nil {
			own = g.config.probe
		}
		if own != nil && own.HealthCheckMethod != nil {
			p = proto.Clone(own).(*networking.ReadinessProbe)
			break
		}
	}
	if p == nil {
		return nil
	}
	if p.FailureThreshold == 0 {
		p.FailureThreshold = 1 // the agent's default, and not a spec's
	}
	for _, f := range []struct {
		field *int32
		std   int32
	}{{&p.TimeoutSeconds, 1}, {&p.PeriodSeconds, 10}, {&p.SuccessThreshold, 1}, {&p.FailureThreshold, 3}} {
		if *f.field == f.std {
			*f.field = 0
		}
	}
	if tcp := p.GetTcpSocket(); tcp != nil && tcp.Host == "127.0.0.1" {
		tcp.Host = ""
	}
	return p
}
