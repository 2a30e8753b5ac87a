package importer

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// part is what will be one spec: workloads and external services whose namespaces have the same settings and whose
// VMs have the same telemetry.
type part struct {
	space     *space
	telemetry telemetry
	workloads []*workload
	externals []*external
	names     map[string]bool // of both: "w pay", "e ledger"
	speaks    bool            // of its namespaces; else another part does
	from      string          // the spec that its objects were built from; "": none
}

// makeSpecs divides everything among as few specs as can say it, and writes them.
func (i *importer) makeSpecs() {
	parts := i.divide()
	i.out.parts = parts
	taken := map[string]bool{}
	for n, p := range parts {
		name := i.specName(parts, n)
		name = freeName(name, taken)
		taken[name] = true
		i.makeSpec(p, name)
	}
}

// divide puts workloads and external services into parts.
func (i *importer) divide() []*part {
	var parts []*part
	spoken := map[string]*part{} // by namespace
	find := func(ns, from string, telemetry *telemetry, fits func(*part) bool) *part {
		s := i.spaces[ns]
		speaker := spoken[ns]
		for _, p := range parts {
			speaks := speaker == nil || speaker == p
			if p.space.key() == s.key() && (telemetry == nil || p.telemetry.key() == telemetry.key()) && p.speaks == speaks && p.from == from && fits(p) {
				return p
			}
		}
		p := &part{space: s, from: from, names: map[string]bool{}, speaks: speaker == nil}
		if telemetry != nil {
			p.telemetry = *telemetry
		}
		parts = append(parts, p)
		return p
	}
	// Telemetry does not apply to a workload without sidecars: it goes where another is.
	order := func(w *workload) int {
		if w.proxyless {
			return 1
		}
		return 0
	}
	list := slices.Clone(i.workloads)
	slices.SortStableFunc(list, func(a, b *workload) int { return cmp.Compare(order(a), order(b)) })
	for _, w := range list {
		seen := &w.telemetry
		if w.proxyless {
			seen = nil
		}
		p := find(w.namespace, w.madeFrom(), seen, func(p *part) bool { return !p.names["w "+w.name] })
		p.workloads = append(p.workloads, w)
		p.names["w "+w.name] = true
		if spoken[w.namespace] == nil {
			spoken[w.namespace] = p
		}
	}
	for _, p := range parts {
		slices.SortStableFunc(p.workloads, func(a, b *workload) int {
			return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
		})
	}
	for _, e := range i.externals {
		p := find(e.from.Namespace, e.from.Labels[mesh.LabelSpec], nil, func(p *part) bool { return !p.names["e "+e.from.Name] })
		p.externals = append(p.externals, e)
		p.names["e "+e.from.Name] = true
		if spoken[e.from.Namespace] == nil {
			spoken[e.from.Namespace] = p
		}
	}
	return parts
}

// specName names a spec after what is in it.
func (i *importer) specName(parts []*part, n int) string {
	p := parts[n]
	own := first(p.namespace(), "vm-workloads")
	if len(p.workloads) == 1 {
		own = p.workloads[0].name
	}
	switch {
	case i.options.Name != "" && n == 0:
		return i.options.Name
	case i.options.Name != "":
		return i.options.Name + "-" + strconv.Itoa(n+1)
	case p.from != "":
		return p.from
	case len(parts) == 1:
		return own
	}
	return p.space.name
}

// madeFrom is the name of the spec that a workload's objects were built from; "" where they were not.
func (w *workload) madeFrom() string {
	for _, g := range w.groups {
		if g.from != nil && g.from.Labels[mesh.LabelSpec] != "" {
			return g.from.Labels[mesh.LabelSpec]
		}
	}
	for _, r := range w.objects {
		if r.Labels[mesh.LabelSpec] != "" {
			return r.Labels[mesh.LabelSpec]
		}
	}
	return ""
}

func (i *importer) makeSpec(p *part, name string) {
	n := notes{}
	out := &schema.VMMesh{APIVersion: schema.APIVersion, Kind: schema.KindVMMesh, Metadata: schema.Metadata{Name: name}}
	s := &out.Spec
	s.Istio = i.istio.block(n, len(p.workloads) > 0)
	if p.space.injection {
		s.Istio.Revision = p.space.revision
	}
	s.Namespace = p.namespace()
	if i.guessedHome && s.Namespace == i.set.Namespace {
		n["spec.namespace"] = "the manifests name none; if they are applied to another one, set that here"
	}
	used := map[string]bool{}
	for _, w := range p.workloads {
		if w.namespace != first(s.Namespace, "vm-workloads") {
			w.out.Namespace = w.namespace
		}
		for field, note := range w.notes {
			n["spec.workloads["+w.name+"]."+field] = note
		}
		for _, g := range w.out.Groups {
			used[g.Network] = true
			for _, instance := range g.Instances {
				used[instance.Network] = true
			}
		}
		s.Workloads = append(s.Workloads, w.out)
	}
	for _, e := range p.externals {
		one := e.finish(i)
		if e.from.Namespace != first(s.Namespace, "vm-workloads") {
			one.Namespace = e.from.Namespace
		}
		s.ExternalServices = append(s.ExternalServices, one)
	}
	for _, network := range i.istio.networks {
		if used[network] {
			s.Networks = append(s.Networks, schema.Network{Name: network})
			n["spec.networks"] = "where VMs are outside the cluster's own network; add `gateways` to one whose VMs pods cannot dial directly"
		}
	}
	s.Namespaces = p.space.block(p.speaks)
	s.Observability.AccessLogging, s.Observability.Tracing = p.telemetry.logging, p.telemetry.tracing
	s.GitOps.ArgoCD, s.GitOps.Flux = p.space.argocd, p.space.flux
	if !p.space.protect && (len(p.workloads) > 0 || p.space.create) {
		s.GitOps.PruneProtection = new(bool)
		n["spec.gitops.pruneProtection"] = "as in the manifests; true, the default, keeps Argo CD and Flux from pruning what VMs depend on"
	}
	i.out.Specs = append(i.out.Specs, out)
	i.out.notes = append(i.out.notes, n)
}

// namespace is the one that most of the part is in, "" where that is the default.
func (p *part) namespace() string {
	votes := map[string]int{}
	for _, w := range p.workloads {
		votes[w.namespace]++
	}
	for _, e := range p.externals {
		votes[e.from.Namespace]++
	}
	best := ""
	for _, name := range sorted(votes) {
		if votes[name] > votes[best] {
			best = name
		}
	}
	if best == "vm-workloads" {
		return ""
	}
	return best
}
