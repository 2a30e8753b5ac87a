package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// Workload is what has endpoints: a WorkloadEntry, a WorkloadGroup (for the VMs that will register with it), a pod or
// what makes pods.
type Workload struct {
	*Resource
	VM        bool              // a WorkloadEntry or WorkloadGroup
	Clients   map[string]string // labels by which Services, ServiceEntries and subsets select it
	Own       map[string]string // labels that it reports of itself, as far as manifests tell: those that policies go by
	LabelsAt  diag.Path         // where its own labels are
	Account   string            // its service account, of a VM
	AccountAt diag.Path
	Ports     map[string]uint32 // of a VM: the ports that it listens on, by name
	PortsAt   diag.Path
	Network   string
	Address   string // of a WorkloadEntry
	Weight    uint32 // 0: not written
	WeightAt  diag.Path
	Locality  string // of a VM; as it was written, without that of a label
	LocalAt   diag.Path
}

// Group reports whether the workload is a WorkloadGroup.
func (w *Workload) Group() bool { return w.VM && w.Kind == "WorkloadGroup" }

// Entry reports whether the workload is a WorkloadEntry.
func (w *Workload) Entry() bool { return w.VM && w.Kind == "WorkloadEntry" }

// Auto is the WorkloadGroup that istiod made this entry for; "" for an entry that a user wrote.
func (w *Workload) Auto() string {
	if !w.Entry() {
		return ""
	}
	return w.Annotations["istio.io/autoRegistrationGroup"]
}

func readWorkload(r *Resource) *Workload {
	switch m := r.Spec.(type) {
	case *networking.WorkloadEntry:
		// istiod lays the labels of the object over those of its spec; what the VM itself says of itself is not in
		// the object, and the spec's labels are the nearest.
		return &Workload{
			Resource: r, VM: true, Clients: Over(m.Labels, r.Labels), Own: Over(r.Labels, m.Labels), LabelsAt: r.Place("spec", "labels"),
			Account: m.ServiceAccount, AccountAt: r.Place("spec", "serviceAccount"),
			Ports: m.Ports, PortsAt: r.Place("spec", "ports"), Network: m.Network, Address: m.Address,
			Weight: m.Weight, WeightAt: r.Place("spec", "weight"), Locality: m.Locality, LocalAt: r.Place("spec", "locality"),
		}
	case *networking.WorkloadGroup:
		template := m.Template
		if template == nil {
			template = &networking.WorkloadEntry{}
		}
		labels := Over(m.GetMetadata().GetLabels(), template.Labels)
		return &Workload{
			Resource: r, VM: true, Clients: labels, Own: labels, LabelsAt: r.Place("spec", "metadata", "labels"),
			Account: template.ServiceAccount, AccountAt: r.Place("spec", "template", "serviceAccount"),
			Ports: template.Ports, PortsAt: r.Place("spec", "template", "ports"), Network: template.Network,
			Weight: template.Weight, WeightAt: r.Place("spec", "template", "weight"),
			Locality: template.Locality, LocalAt: r.Place("spec", "template", "locality"),
		}
	}
	way := coreKinds[groupKind{r.Group, r.Kind}]
	if way == nil {
		return nil
	}
	n, at := r.Root, r.At
	for _, key := range append(way[:len(way):len(way)], "labels") {
		n, at = n.Get(key), at.Key(key)
	}
	labels := texts(n)
	return &Workload{Resource: r, Clients: labels, Own: labels, LabelsAt: at}
}

// Over returns the keys of both maps, with the values of above where both have one. It may return one of the two.
func Over(below, above map[string]string) map[string]string {
	if len(above) == 0 {
		return below
	}
	if len(below) == 0 {
		return above
	}
	m := maps.Clone(below)
	maps.Copy(m, above)
	return m
}

// namespace is the workloads of one namespace, also by each of their labels.
type namespace struct {
	workloads []*Workload
	clients   map[[2]string][]*Workload
	own       map[[2]string][]*Workload

	// What selectors found, until a workload is added: a thousand Services may have one selector, and ten rules ask.
	selected, governed map[string][]*Workload
}

func (s *Set) space(name string) *namespace {
	if s.spaces == nil {
		s.spaces = map[string]*namespace{}
	}
	if s.spaces[name] == nil {
		s.spaces[name] = &namespace{clients: map[[2]string][]*Workload{}, own: map[[2]string][]*Workload{}}
	}
	return s.spaces[name]
}

func (n *namespace) add(w *Workload) {
	n.workloads = append(n.workloads, w)
	n.selected, n.governed = nil, nil
	for key, value := range w.Clients {
		n.clients[[2]string{key, value}] = append(n.clients[[2]string{key, value}], w)
	}
	for key, value := range w.Own {
		n.own[[2]string{key, value}] = append(n.own[[2]string{key, value}], w)
	}
}

// Namespaces lists the namespaces that have workloads, in no order.
func (s *Set) Namespaces() map[string][]*Workload {
	all := make(map[string][]*Workload, len(s.spaces))
	for name, space := range s.spaces {
		all[name] = space.workloads
	}
	return all
}

// Workloads lists the workloads of a namespace in the order in which they came.
func (s *Set) Workloads(ns string) []*Workload {
	if space := s.spaces[ns]; space != nil {
		return space.workloads
	}
	return nil
}

// Workload is an object as a workload; nil where it is none.
func (s *Set) Workload(r *Resource) *Workload { return s.workload[r] }

// Selected lists the workloads of a namespace that Services, ServiceEntries and subsets select by these labels. No labels
// select nothing: so do Kubernetes and istiod.
func (s *Set) Selected(ns string, labels map[string]string) []*Workload {
	if space := s.spaces[ns]; space != nil && len(labels) > 0 {
		return remember(&space.selected, labels, func() []*Workload {
			return pick(space.clients, labels, func(w *Workload) map[string]string { return w.Clients })
		})
	}
	return nil
}

// Governed lists the workloads of a namespace that a policy, Sidecar or Telemetry selects by these labels. No labels
// select all of them. Labels that only the object of an entry has, and not the VM, are taken for the VM's.
func (s *Set) Governed(ns string, labels map[string]string) []*Workload {
	space := s.spaces[ns]
	if space == nil {
		return nil
	}
	if len(labels) == 0 {
		return space.workloads
	}
	return remember(&space.governed, labels, func() []*Workload {
		return pick(space.own, labels, func(w *Workload) map[string]string { return w.Own })
	})
}

// remember returns what was found for these labels before, or else finds it. Callers do not change the list.
func remember(known *map[string][]*Workload, labels map[string]string, find func() []*Workload) []*Workload {
	var key strings.Builder
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		fmt.Fprintf(&key, "%q=%q,", name, labels[name])
	}
	found, ok := (*known)[key.String()]
	if !ok {
		if *known == nil {
			*known = map[string][]*Workload{}
		}
		found = slices.Clip(find())
		(*known)[key.String()] = found
	}
	return found
}

// pick looks through the rarest of the labels only.
func pick(index map[[2]string][]*Workload, labels map[string]string, of func(*Workload) map[string]string) []*Workload {
	var rarest []*Workload
	first := true
	for key, value := range labels {
		if with := index[[2]string{key, value}]; first || len(with) < len(rarest) {
			rarest, first = with, false
		}
	}
	var found []*Workload
	for _, w := range rarest {
		if Carries(of(w), labels) {
			found = append(found, w)
		}
	}
	return found
}

// Carries reports whether labels have every label of a selector.
func Carries(labels, selector map[string]string) bool {
	for key, value := range selector {
		if had, ok := labels[key]; !ok || had != value {
			return false
		}
	}
	return true
}
