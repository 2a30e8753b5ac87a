package importer

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// finish writes a workload as a spec has it. Its security and Sidecar are there already.
func (i *importer) finish(w *workload) {
	out := &w.out
	out.Name = w.name
	if w.account != w.name {
		out.ServiceAccount = w.account
	}
	if i.set.Find("", "ServiceAccount", w.namespace, w.account) == nil || !i.plainAccount(w) {
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
	w.note("ports["+p.name+"]", "nothing says which protocol this port speaks: add `protocol`, such as TCP or HTTP")
	i.say(ruleDecide.At(w.at, "nothing says which protocol the port %q of %s speaks", p.name, w.name).
		WithHelp("add `protocol` to the port in the spec; Istio otherwise finds out by the bytes"))
}

// plainService tells whether the services are what a spec makes by itself: one, of the workload's name, with every port.
func (w *workload) plainService() bool {
	if len(w.out.Services) != 1 || len(w.out.Ports) == 0 {
		return false
	}
	s := w.out.Services[0]
	t := s.Traffic
	return s.Name == w.name && s.Kind == "" && len(s.Ports)+len(s.Selector)+len(s.ExportTo) == 0 && !s.Pods &&
		t.TrafficPolicy == nil && len(t.Subsets)+len(t.HTTP)+len(t.TCP)+len(t.TLS) == 0
}

// plainAccount tells whether a ServiceAccount is all that a spec says of one.
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
			at, reason = r.Place(key), "a spec has no word for "+key
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

// finishGroup writes a group with its instances.
func (i *importer) finishGroup(w *workload, g *group) schema.Group {
	template := g.spec().GetTemplate()
	out := schema.Group{Name: g.name, Version: g.version, Labels: w.userLabels(g.labels, g.version, w.labels)}
	network := networkOf(template.GetNetwork(), g.labels)
	out.Locality = localityOf(template.GetLocality(), g.labels)
	var weight uint32
	if g.from != nil {
		weight = template.GetWeight()
	} else {
		if g.config != nil {
			network = g.config.network
		}
		// Entries alone: what all of them say is the group's.
		network = common(network, g.entries, func(e *manifest.Workload) string { return networkOf(e.Network, e.Clients) })
		out.Locality = common(out.Locality, g.entries, func(e *manifest.Workload) string { return localityOf(entryOf(e).GetLocality(), e.Clients) })
		weight = common(weight, g.entries, func(e *manifest.Workload) uint32 { return e.Weight })
	}
	if network != i.istio.Network {
		out.Network = network
	}
	out.Weight = weightOf(weight, 0)
	listen := map[string]uint32{}
	for _, p := range w.ports {
		listen[p.name] = p.target
		if n := g.ports[p.name]; n != 0 && n != p.target {
			out.Ports = append(out.Ports, schema.PortOverride{Name: p.name, TargetPort: int(n)})
			listen[p.name] = n
		}
	}
	taken := map[string]bool{}
	for _, e := range g.entries {
		in := schema.Instance{Name: freeName(instanceName(e.Name, g.name), taken), Address: e.Address}
		taken[in.Name] = true
		if n := networkOf(e.Network, e.Clients); n != network {
			in.Network = n
		}
		if l := localityOf(entryOf(e).GetLocality(), e.Clients); l != out.Locality {
			in.Locality = l
		}
		in.Weight = weightOf(e.Weight, weight)
		in.Labels = w.userLabels(e.Clients, g.version, w.labels, out.Labels)
		for _, p := range w.ports {
			if n := e.Ports[p.name]; n != 0 && n != listen[p.name] {
				in.Ports = append(in.Ports, schema.PortOverride{Name: p.name, TargetPort: int(n)})
			}
		}
		i.becomes(e.Resource, fate{identity: identity{kind: "WorkloadEntry", namespace: w.namespace, name: mesh.EntryName(g.name, in.Name)}})
		out.Instances = append(out.Instances, in)
	}
	i.registration(w, g, &out)
	slices.SortFunc(out.Instances, func(a, b schema.Instance) int { return cmp.Compare(a.Name, b.Name) })
	out.VM = i.groupVM(w, g, listen)
	return out
}

// registration tells how a group's VMs come into the mesh.
func (i *importer) registration(w *workload, g *group, out *schema.Group) {
	switch {
	case len(g.entries) > 0 && len(g.auto) > 0:
		i.say(ruleNotExpressed.At(g.auto[0].Place("metadata", "name"), "istiod made %s for a VM that registered with the group %s, which has entries of its own too", g.auto[0], g.name).
			WithHelp("a group of a spec registers in one way: delete its written entries and import again, or list this VM among the instances"))
	case len(g.entries) > 0:
	case g.config != nil && !g.config.auto:
		// One VM of it is known, by what istioctl wrote for it.
		if g.config.address != "" && g.from == nil {
			out.Instances = []schema.Instance{{Name: "vm1", Address: g.config.address}}
			w.note("groups["+g.name+"].instances", "the one VM that the folder was written for; list the others too")
			return
		}
		fallthrough
	default:
		out.Registration = "Auto"
		if len(g.auto) == 0 && (g.config == nil || !g.config.auto) {
			w.note("groups["+g.name+"].registration", "no entry of its VMs is among the manifests, so they register by themselves; or list them as instances")
			if g.from != nil {
				d := ruleDecide.At(g.from.Place("metadata", "name"), "no entry of the VMs of %s is among the manifests, so the spec says that they register by themselves", g.from)
				d.Severity = diag.Info
				i.say(d.WithHelp("list them as instances if they do not, and `registration: Static`"))
			}
		}
	}
}

// groupVM is how the group's VMs are set up: what istioctl wrote, and what annotations say of their proxy.
func (i *importer) groupVM(w *workload, g *group, listen map[string]uint32) *schema.VM {
	vm := &schema.VM{}
	if g.config != nil {
		var ports []string
		for _, n := range listen {
			ports = append(ports, itoa(n))
		}
		vm = g.config.vm(ports)
	}
	if g.from != nil {
		for _, annotations := range []map[string]string{g.from.Annotations, g.spec().GetMetadata().GetAnnotations()} {
			i.proxyConfig(g, annotations["proxy.istio.io/config"], vm)
		}
	}
	if vm.ProxyConfig == nil && len(vm.Env) == 0 && vm.DNS.Mode == "" && emptyInterception(&vm.Interception) {
		return nil
	}
	return vm
}

func emptyInterception(x *schema.Interception) bool {
	return x.Mode == "" && len(x.IncludeInboundPorts)+len(x.ExcludeInboundPorts)+len(x.IncludeOutboundIPRanges)+
		len(x.ExcludeOutboundIPRanges)+len(x.ExcludeOutboundPorts)+len(x.ExcludeInterfaces) == 0
}

// proxyConfig takes the settings that an annotation gives the proxy.
func (i *importer) proxyConfig(g *group, value string, vm *schema.VM) {
	if value == "" {
		return
	}
	at := g.from.Place("spec", "metadata", "annotations").Key("proxy.istio.io/config")
	if g.from.Annotations["proxy.istio.io/config"] == value {
		at = g.from.Place("metadata", "annotations").Key("proxy.istio.io/config")
	}
	documents, wrong := syntax.Read("proxy.istio.io/config", []byte(value))
	if len(documents) == 1 && !wrong.HasErrors() {
		p := newProxyConfig()
		if wrong = (manifest.Terms{}).Decode(documents[0].Root, p, at); !wrong.HasErrors() {
			if vm.ProxyConfig != nil {
				proto.Merge(vm.ProxyConfig, p)
			} else if !isEmpty(p) {
				vm.ProxyConfig = p
			}
			return
		}
	}
	i.say(ruleNotExpressed.At(at, "the annotation proxy.istio.io/config cannot be read as a ProxyConfig").
		WithHelp("write its settings into the group's vm.proxyConfig"))
}

// instanceName is an entry's name without that of its group, which a build puts in front.
func instanceName(entry, group string) string {
	if rest, found := strings.CutPrefix(entry, group+"-"); found && rest != "" && rest[0] != '-' && rest[0] != '.' {
		return rest
	}
	return entry
}

// common is what all entries say, else the value.
func common[T comparable](value T, entries []*manifest.Workload, of func(*manifest.Workload) T) T {
	var none T
	if value != none || len(entries) == 0 {
		return value
	}
	said := of(entries[0])
	for _, e := range entries {
		if of(e) != said {
			return none
		}
	}
	return said
}

// weightOf is a weight as a spec says it, where it is not the one above.
func weightOf(weight, above uint32) *int {
	if weight == 0 || weight == above {
		return nil
	}
	n := int(weight)
	return &n
}

// localityOf is a locality: the field's, else the label's, where dots stand for slashes.
func localityOf(locality string, labels map[string]string) string {
	return first(locality, strings.ReplaceAll(labels["topology.istio.io/locality"], ".", "/"))
}

// findLabels finds which labels of its VMs are the workload's own: those that its other objects have as well. Where there
// are no other objects, it is all that its groups have in common.
func (w *workload) findLabels() {
	w.labels = map[string]string{}
	for n, r := range w.objects {
		if n == 0 {
			maps.Copy(w.labels, r.Labels)
		} else {
			maps.DeleteFunc(w.labels, func(k, v string) bool { return r.Labels[k] != v })
		}
	}
	for n, g := range w.groups {
		if n == 0 && len(w.objects) == 0 {
			maps.Copy(w.labels, g.labels)
		}
		if len(w.objects) == 0 {
			maps.DeleteFunc(w.labels, func(k, v string) bool { return g.labels[k] != v })
		}
		maps.DeleteFunc(w.labels, func(k, _ string) bool { _, has := g.labels[k]; return !has })
	}
	w.labels = w.userLabels(w.labels, "", nil)
	for key := range w.labels { // what istiod would find out by itself is the group's to say
		if strings.HasPrefix(key, "service.istio.io/canonical-") {
			delete(w.labels, key)
		}
	}
}

// userLabels are labels less those that are derived, and those that are said above.
func (w *workload) userLabels(labels map[string]string, version string, above ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range above {
		maps.Copy(all, m)
	}
	out := map[string]string{}
	for key, value := range labels {
		switch {
		case key == "app" || key == "version" || key == "class" || key == "networking.istio.io/tunnel" || strings.HasPrefix(key, "topology.istio.io/"):
		case all[key] == value && value != "":
		default:
			out[key] = value
		}
	}
	lay := func(key string) string {
		if v, own := out[key]; own {
			return v
		}
		return all[key]
	}
	derive := func(key, value string) {
		if all[key] == "" && out[key] == value {
			delete(out, key)
		}
	}
	derive("service.istio.io/canonical-name", first(lay("app.kubernetes.io/name"), w.name))
	derive("service.istio.io/canonical-revision", first(lay("app.kubernetes.io/version"), version, "latest"))
	if len(out) == 0 {
		return nil
	}
	return out
}
