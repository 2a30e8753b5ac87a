package compare

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// pair is both sides, and what several meanings need of them.
type pair struct {
	was, will *set
	vmFiles   []vmFile // that differ, by path; none where the old side is not an output tree

	wasMesh, willMesh *facts // in the files of the control plane; nil where a side has none

	wasEntries, willEntries map[ID][]*object // the static entries of each group; those without a group under the zero ID
	wasGroup, willGroup     map[ID]ID        // the inverse: the group of each static entry
	renamed                 map[ID]ID        // objects of the old side that have another name on the new side
	formerly                map[ID]ID        // the inverse of renamed
}

func newPair(was, will *set, found parts) *pair {
	p := &pair{
		was: was, will: will, vmFiles: found.vms, renamed: map[ID]ID{}, formerly: map[ID]ID{},
		wasMesh: controlPlane(found.wasMesh), willMesh: controlPlane(found.willMesh),
	}
	p.wasEntries, p.wasGroup = was.entries()
	p.willEntries, p.willGroup = will.entries()
	p.pairEntries()
	p.pairGroups()
	for _, k := range pairedKinds {
		p.pairByKey(k)
	}
	return p
}

func (p *pair) rename(old, now *object) { p.renamed[old.ID], p.formerly[now.ID] = now.ID, old.ID }

// now returns what became of an object of the old side: the object of the same name, or the one that it is renamed to.
func (p *pair) now(o *object) *object {
	if same := p.will.index[o.ID]; same != nil {
		return same
	}
	if id, ok := p.renamed[o.ID]; ok {
		return p.will.index[id]
	}
	return nil
}

// before is the inverse of now.
func (p *pair) before(o *object) *object {
	if same := p.was.index[o.ID]; same != nil {
		return same
	}
	if id, ok := p.formerly[o.ID]; ok {
		return p.was.index[id]
	}
	return nil
}

// isRenamed reports whether an object of the old side has another name on the new side.
func (p *pair) isRenamed(o *object) bool {
	_, ok := p.renamed[o.ID]
	return ok
}

// gone lists the objects of a kind that are on the old side only, under this name or another.
func (p *pair) gone(group, kind string) []*object {
	return slices.DeleteFunc(slices.Clone(p.was.of(group, kind)), func(o *object) bool { return p.now(o) != nil })
}

// came lists the objects of a kind that are on the new side only, under this name or another.
func (p *pair) came(group, kind string) []*object {
	return slices.DeleteFunc(slices.Clone(p.will.of(group, kind)), func(o *object) bool { return p.before(o) != nil })
}

// both calls back with the objects of a kind that are on both sides, as they were and as they will be.
func (p *pair) both(group, kind string, f func(was, will *object)) {
	for _, o := range p.was.of(group, kind) {
		if other := p.now(o); other != nil {
			f(o, other)
		}
	}
}

// machine is the VM of a static entry, whatever its name: an address in a network.
type machine struct{ network, address string }

func machineOf(e *object) machine {
	return machine{e.text("spec", "network"), e.text("spec", "address")}
}

// pairEntries pairs the static entries that only one side has by their addresses. Of several at one address those that
// are most alike belong together.
func (p *pair) pairEntries() {
	came := map[machine][]*object{}
	for _, e := range p.came(networking, "WorkloadEntry") {
		if m := machineOf(e); m.address != "" {
			came[m] = append(came[m], e)
		}
	}
	alike := func(old, now *object) int {
		n := 0
		if old.Namespace == now.Namespace {
			n += 4
		}
		if a, b := old.at("spec"), now.at("spec"); equal(a, b) {
			n += 2
		}
		if group := p.wasGroup[old.ID]; group != (ID{}) && group == p.willGroup[now.ID] {
			n++
		}
		return n
	}
	gone := p.gone(networking, "WorkloadEntry")
	for best := 7; best >= 0; best-- { // the most alike first
		for _, old := range gone {
			list := came[machineOf(old)]
			if p.isRenamed(old) {
				continue
			}
			if i := slices.IndexFunc(list, func(e *object) bool { return alike(old, e) == best }); i >= 0 {
				p.rename(old, list[i])
				came[machineOf(old)] = slices.Delete(list, i, i+1)
			}
		}
	}
}

// pairGroups pairs the groups that only one side has: those with the same labels, or those to which all static entries
// of a group move. Of several the one that takes most entries is the same group under another name.
func (p *pair) pairGroups() {
	labelled := map[string][]*object{}
	for _, now := range p.came(networking, "WorkloadGroup") {
		if l := now.at("spec", "metadata", "labels"); !isNull(l) {
			labelled[canonical(l)] = append(labelled[canonical(l)], now)
		}
	}
	for _, old := range p.gone(networking, "WorkloadGroup") {
		moved := map[ID]int{} // how many entries each group takes
		for _, e := range p.wasEntries[old.ID] {
			moved[p.willGroup[p.renamed[e.ID]]]++
		}
		var candidates []*object
		if l := old.at("spec", "metadata", "labels"); !isNull(l) {
			// The first that is free represents all to which no entries move.
			list := labelled[canonical(l)]
			for len(list) > 0 && p.before(list[0]) != nil {
				list = list[1:]
			}
			if labelled[canonical(l)] = list; len(list) > 0 {
				candidates = append(candidates, list[0])
			}
		}
		for id, n := range moved {
			now := p.will.index[id]
			if now == nil || p.before(now) != nil {
				continue
			}
			a, b := old.at("spec", "metadata", "labels"), now.at("spec", "metadata", "labels")
			if n == len(p.wasEntries[old.ID]) || !isNull(a) && !isNull(b) && equal(a, b) {
				candidates = append(candidates, now)
			}
		}
		if len(candidates) == 0 {
			continue
		}
		p.rename(old, slices.MinFunc(candidates, func(a, b *object) int {
			return cmp.Or(cmp.Compare(moved[b.ID], moved[a.ID]), a.ID.compare(b.ID))
		}))
	}
}

// pairedKind is a kind whose objects have an effect that does not depend on their names.
type pairedKind struct {
	group, kind string
	key         func(*object) string // what an object applies to: objects of one key can be each other's successor
}

// pairedKinds are the kinds that are paired by what they apply to. The name of a Service is its host, and that of a
// ServiceAccount an identity: these are never the same under another name.
var pairedKinds = []pairedKind{
	{security, "AuthorizationPolicy", func(o *object) string { return action(o) + scopeOf(o) }},
	{security, "PeerAuthentication", scopeOf},
	{security, "RequestAuthentication", scopeOf},
	{"telemetry.istio.io", "Telemetry", scopeOf},
	{networking, "Sidecar", func(o *object) string { return canonicalAt(o, "spec", "workloadSelector") }},
	{networking, "DestinationRule", func(o *object) string {
		return fullHost(o.text("spec", "host"), o.Namespace) + canonicalAt(o, "spec", "workloadSelector")
	}},
	{networking, "ServiceEntry", func(o *object) string { return sortedTexts(o.at("spec", "hosts")) }},
	{networking, "VirtualService", func(o *object) string {
		return sortedTexts(o.at("spec", "hosts")) + "\x00" + sortedTexts(o.at("spec", "gateways"))
	}},
}

// scopeOf is what a policy applies to.
func scopeOf(o *object) string {
	return canonicalAt(o, "spec", "selector", "matchLabels") + canonicalAt(o, "spec", "targetRef") + canonicalAt(o,
		"spec", "targetRefs")
}

// canonicalAt is a value of an object as a text that equal values share; nothing, null and {} are equal.
func canonicalAt(o *object, keys ...string) string {
	n := o.at(keys...)
	if isNull(n) || n.Kind == syntax.Map && len(n.Fields) == 0 {
		return ""
	}
	return canonical(n)
}

func sortedTexts(n *syntax.Node) string {
	list := texts(n)
	slices.Sort(list)
	return strings.Join(list, "\x00")
}

// pairByKey pairs the objects of a kind that only one side has: those with the same content first, then those that
// apply to the same.
func (p *pair) pairByKey(k pairedKind) {
	type place struct{ namespace, key string }
	came := map[place][]*object{}
	at := func(o *object) place { return place{o.Namespace, k.key(o)} }
	for _, o := range p.came(k.group, k.kind) {
		came[at(o)] = append(came[at(o)], o)
	}
	for _, exact := range []bool{true, false} {
		for _, old := range p.gone(k.group, k.kind) {
			list := came[at(old)]
			i := slices.IndexFunc(list, func(o *object) bool {
				return !exact || len(compareSpecs(old, o)) == 0
			})
			if i >= 0 {
				p.rename(old, list[i])
				came[at(old)] = slices.Delete(list, i, i+1)
			}
		}
	}
}

// compareSpecs finds the fields in which two objects differ, without their metadata.
func compareSpecs(old, now *object) []FieldChange {
	a, b := withDefaults(old, now)
	return compareFields(drop(a, "metadata", "apiVersion"), drop(b, "metadata", "apiVersion"))
}
