package importer

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// service is a host name of a workload.
type service struct {
	w         *workload
	from      *manifest.Resource // its Service or ServiceEntry; nil where it is not among the objects
	kind      string
	name      string
	hosts     []string // sorted
	ports     []string // names
	selector  map[string]string
	pods      bool
	addresses []string
	exportTo  []string
	expose    schema.Expose
	traffic   traffic
}

// The kinds of a service, as a spec writes them.
const (
	kindService  = "Service"
	kindEntry    = "ServiceEntry"
	kindExisting = "Existing"
)

// findServices gives each Service that VMs serve to their workload. Those that a spec cannot express stay
// outside it, and it refers to them.
func (i *importer) findServices() {
	var list []*manifest.ServiceView
	for _, v := range i.set.Services() {
		if !i.settled(v.Resource) {
			list = append(list, v)
		}
	}
	slices.SortStableFunc(list, func(a, b *manifest.ServiceView) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	var later []func()
	for _, v := range list {
		serving := i.serving(v.Namespace, v.Selector)
		if len(serving) == 0 {
			continue
		}
		if len(serving) > 1 {
			i.leaves(v.Resource, v.Place("spec", "selector"), "it selects VMs of "+names(serving)+", and a service of a spec is one workload's", "")
			continue
		}
		if more := i.addService(serving[0], v); more != nil {
			later = append(later, more)
		}
	}
	for _, more := range later {
		more()
	}
}

// candidates lists the workloads of a namespace that a selector may be about, in the order of all of them.
func (i *importer) candidates(ns string, selector map[string]string) []*workload {
	if i.byApp == nil {
		i.byApp = map[[2]string][]*workload{}
		for _, w := range i.workloads {
			i.byApp[[2]string{w.namespace, ""}] = append(i.byApp[[2]string{w.namespace, ""}], w)
			if w.app != "" {
				i.byApp[[2]string{w.namespace, w.app}] = append(i.byApp[[2]string{w.namespace, w.app}], w)
			}
		}
	}
	return i.byApp[[2]string{ns, selector["app"]}]
}

// serving lists the workloads of a namespace that have VMs with these labels. No labels select nothing.
func (i *importer) serving(ns string, selector map[string]string) []*workload {
	if len(selector) == 0 {
		return nil
	}
	var list []*workload
	for _, w := range i.candidates(ns, selector) {
		if w.namespace == ns && w.mayCarry(selector) && w.anyVM(selector) {
			list = append(list, w)
		}
	}
	return list
}

// anyVM reports whether some VM of the workload has these labels.
func (w *workload) anyVM(labels ...map[string]string) bool {
	for _, g := range w.groups {
		for _, set := range g.vms() {
			if !slices.ContainsFunc(labels, func(l map[string]string) bool { return !carries(set, l) }) {
				return true
			}
		}
	}
	return false
}

// carries reports whether a VM with these labels will have every label of a selector: class=vm is on all of them.
func carries(labels, selector map[string]string) bool {
	for key, value := range selector {
		had, ok := labels[key]
		if key == "class" && had == "" {
			had, ok = "vm", true
		}
		if !ok || had != value {
			return false
		}
	}
	return true
}

// mayCarry reports whether a workload can have VMs with these labels, by the one that all of them share.
func (w *workload) mayCarry(selector map[string]string) bool {
	app, said := selector["app"]
	return !said || app == w.app
}

func names(list []*workload) string {
	var words []string
	for _, w := range list {
		words = append(words, w.name)
	}
	return listed(words)
}

// listed joins words as a sentence does.
func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// addService adds a Service to its workload. Where it stays what it is, its ports are the workload's only as far as those
// of the others leave room: what it answers does that.
func (i *importer) addService(w *workload, v *manifest.ServiceView) func() {
	s := &service{
		w: w, from: v.Resource, kind: kindService, name: v.Name, pods: i.hasPods(v.Namespace, v.Selector),
		hosts: []string{mesh.ServiceHost(v.Name, v.Namespace, i.istio.domain())}, exportTo: split(v.Annotations["networking.istio.io/exportTo"]),
	}
	if !serviceName.MatchString(v.Name) {
		i.leaves(v.Resource, nil, "its name cannot be that of a service in a spec", "")
		return nil
	}
	at, reason := w.strange(v)
	switch {
	case reason != "":
	case w.app != w.name:
		at, reason = v.Place("spec", "selector"), "a Service of a spec selects app="+w.name+", which these VMs do not have yet"
	case v.Selector["app"] != w.app:
		at, reason = v.Place("spec", "selector"), "a Service of a spec selects by app="+w.name
	default:
		if at, reason = namedTarget(v); !s.pods {
			at, reason = nil, ""
		}
	}
	if reason == "" {
		at, reason = w.takePorts(v, s)
	}
	if reason != "" {
		s.kind = kindExisting
		i.leaves(v.Resource, at, reason, "the spec refers to it as `kind: Existing`; keep its manifest beside what the spec builds")
	} else {
		s.selector = maps.Clone(v.Selector)
		delete(s.selector, "app")
		i.becomes(v.Resource, fate{identity: identity{kind: kindService, namespace: v.Namespace, name: v.Name}})
		w.objects = append(w.objects, v.Resource)
	}
	i.addHosts(s)
	if s.kind == kindExisting {
		return func() { w.takePorts(v, s) }
	}
	return nil
}

var (
	serviceName = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	portName    = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
)

func (i *importer) addHosts(s *service) {
	s.w.services = append(s.w.services, s)
	for _, h := range s.hosts {
		i.hosts[s.w.namespace+"/"+h] = s
	}
}

// plainFields are what a Service says where a cluster filled it in, with the values that mean nothing; "" is any.
var plainFields = map[string]string{
	"selector": "", "ports": "", "clusterIP": "", "clusterIPs": "", "ipFamilies": "", "type": "ClusterIP", "ipFamilyPolicy": "SingleStack",
	"internalTrafficPolicy": "Cluster", "sessionAffinity": "None", "publishNotReadyAddresses": "false",
}

// otherClass reports whether labels have a class that no VM of a spec has.
func otherClass(labels map[string]string) bool {
	return labels["class"] != "" && labels["class"] != "vm"
}

// classReason is why an object that selects by such a class stays outside.
const classReason = "it selects by another class than vm, which every VM of a spec has: it will select them no longer"

// strange finds what a Service has that a spec cannot express.
func (w *workload) strange(v *manifest.ServiceView) (diag.Path, string) {
	spec := v.Root.Get("spec")
	if otherClass(v.Selector) {
		return v.Place("spec", "selector"), classReason
	}
	if v.Headless {
		return v.Place("spec", "clusterIP"), "it is headless, and a Service of a spec is not"
	}
	for n := range spec.Fields {
		f := &spec.Fields[n]
		if value, known := plainFields[f.Key]; !known || value != "" && (&f.Value).Text() != value {
			if f.Value.Kind == syntax.Null || f.Value.Kind == syntax.Seq && len(f.Value.Items) == 0 {
				continue
			}
			return v.Place("spec", f.Key), "a spec cannot express " + f.Key + brief(&f.Value)
		}
	}
	for _, key := range sorted(v.Annotations) {
		if !noise(key) && key != "networking.istio.io/exportTo" && !delivery(key) && w.annotations[key] != v.Annotations[key] {
			return v.Place("metadata", "annotations").Key(key), "its annotation " + key + " is not one of all objects of the workload"
		}
	}
	return nil, ""
}

// brief is ": value" of a scalar.
func brief(n *syntax.Node) string {
	if t := n.Text(); t != "" {
		return ": " + t
	}
	return ""
}

// delivery reports whether an annotation is for Argo CD or Flux.
func delivery(key string) bool {
	return strings.HasPrefix(key, "argocd.argoproj.io/") || strings.HasPrefix(key, "kustomize.toolkit.fluxcd.io/")
}

// entryService makes a service of a ServiceEntry that selects VMs of one workload. Where a spec's service is something
// else, it returns the workload, and where in the ServiceEntry the reason is.
func (i *importer) entryService(r *manifest.Resource, e *networking.ServiceEntry) (w *workload, at diag.Path, reason string) {
	selector := e.GetWorkloadSelector().GetLabels()
	serving := i.serving(r.Namespace, selector)
	if len(serving) != 1 {
		if len(serving) > 1 {
			return serving[0], r.Place("spec", "workloadSelector"), "it selects VMs of " + names(serving)
		}
		return nil, nil, ""
	}
	w = serving[0]
	var taken []*port
	for n, p := range e.Ports {
		q := &port{name: p.GetName(), number: p.GetNumber(), target: p.GetTargetPort(), protocol: strings.ToUpper(p.GetProtocol())}
		if q.target == 0 {
			q.target = q.number
		}
		place := r.Place("spec", "ports").Item(n, q.name)
		switch clash := w.clash(q, taken); {
		case !portName.MatchString(q.name):
			return w, place.Key("name"), "a port of a spec cannot have this name"
		case !mesh.Protocol(q.protocol).Carried():
			return w, place.Key("protocol"), "a port of a spec cannot have the protocol " + p.GetProtocol()
		case clash != "":
			return w, place, clash
		}
		taken = append(taken, q)
	}
	if at, reason := entryUnfit(r, e, w); reason != "" {
		for _, q := range taken {
			w.addPort(q) // VMs listen there all the same, and policies may name it
		}
		return w, at, reason
	}
	s := &service{
		w: w, from: r, kind: kindEntry, name: r.Name, hosts: slices.Sorted(slices.Values(e.Hosts)), addresses: e.Addresses, exportTo: e.ExportTo,
		selector: maps.Clone(selector), pods: i.hasPods(r.Namespace, selector),
	}
	delete(s.selector, "app")
	for _, q := range taken {
		w.addPort(q)
		s.ports = append(s.ports, q.name)
	}
	w.objects = append(w.objects, r)
	i.becomes(r, fate{identity: identity{kind: kindEntry, namespace: r.Namespace, name: r.Name}})
	i.addHosts(s)
	return w, nil, ""
}

// entryUnfit finds why a ServiceEntry cannot be a service of a workload in a spec.
func entryUnfit(r *manifest.Resource, e *networking.ServiceEntry, w *workload) (diag.Path, string) {
	for n, h := range e.Hosts {
		if !strings.Contains(h, ".") || strings.HasPrefix(h, "*") {
			return r.Place("spec", "hosts").Item(n, ""), "a service of a spec cannot have the host " + strconv.Quote(h)
		}
	}
	switch {
	case otherClass(e.GetWorkloadSelector().GetLabels()):
		return r.Place("spec", "workloadSelector"), classReason
	case e.Location != networking.ServiceEntry_MESH_INTERNAL:
		return r.Place("spec", "location"), "its location is MESH_EXTERNAL, the default: clients call its VMs by plaintext, which STRICT VMs " +
			"refuse, and policies see no identity; if the VMs have sidecars, write location: MESH_INTERNAL"
	case e.Resolution != networking.ServiceEntry_STATIC:
		return r.Place("spec", "resolution"), "its resolution is " + e.Resolution.String() + ", and that of VMs is STATIC"
	case len(e.Endpoints) > 0:
		return r.Place("spec", "endpoints"), "it has endpoints beside its workloadSelector"
	case len(e.SubjectAltNames) > 0:
		return r.Place("spec", "subjectAltNames"), "it has subjectAltNames, and a spec derives the identities of VMs"
	case len(e.Hosts) == 0:
		return r.Place("spec", "hosts"), "it lacks hosts"
	case !serviceName.MatchString(r.Name):
		return r.Place("metadata", "name"), "a service of a spec cannot have its name"
	case e.GetWorkloadSelector().GetLabels()["app"] != w.name:
		return r.Place("spec", "workloadSelector"), "a service of a spec selects by app=" + w.name
	case slices.ContainsFunc(w.services, func(s *service) bool { return s.name == r.Name }):
		return r.Place("metadata", "name"), "a Service has its name, and a workload has one service of a name"
	}
	return nil, ""
}

// finish writes the service as a spec has it.
func (s *service) finish(i *importer) schema.Service {
	traffic := s.traffic.finish(i, s) // which may find that pods serve too
	out := schema.Service{Name: s.name, Pods: s.pods, Addresses: s.addresses, ExportTo: s.exportTo, Expose: s.expose, Traffic: traffic}
	if s.kind != kindService {
		out.Kind = s.kind
	}
	if s.kind == kindEntry {
		out.Hosts = s.hosts
	}
	if len(s.selector) > 0 {
		out.Selector = s.selector
	}
	if len(s.ports) > 0 && len(s.ports) < len(s.w.ports) {
		for _, p := range s.w.ports {
			if slices.Contains(s.ports, p.name) {
				out.Ports = append(out.Ports, p.name)
			}
		}
	}
	return out
}
