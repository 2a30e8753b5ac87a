package mesh

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
)

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// kindWorkload is no kind of object: a workload's policies and services find its VMs by its name and namespace.
const kindWorkload = "workload"

// claim is the identity of an object that the mesh will emit.
type claim struct{ kind, namespace, name string }

// claim reserves an object for one part of the specs; a second part that would emit the same one is an error.
func (r *resolver) claim(kind, namespace, name string, at diag.Path) {
	c := claim{kind, namespace, name}
	if other, taken := r.claims[c]; taken {
		if repeated(other, at) {
			return
		}
		d := ruleObjectClash.At(at, "the %s %s/%s is emitted for %s already", kind, namespace, name, place(other, at)).WithHelp("rename one of the two")
		if kind == "PeerAuthentication" && name == NamespacePolicy {
			d = d.WithHelp("rename the workload: %s is the name of the namespace's own policy", NamespacePolicy)
		}
		if kind == kindWorkload {
			d.Message = sprintf("workload %q of namespace %q is there already: %s", name, namespace, place(other, at))
		}
		r.say(d)
		return
	}
	r.claims[c] = at
}

// objectName says derived names of objects that are too long.
func (r *resolver) objectName(name, of string, at diag.Path) {
	if len(name) > maxObjectName {
		r.say(ruleNameTooLong.At(at, "the name of %s would be %s, %d characters; a name may have %d", of, name, len(name), maxObjectName).
			WithHelp("shorten the names that it is made of"))
	}
}

// repeated tells whether two places are items of one name in one list: that was said once, of the name.
func repeated(a, b diag.Path) bool { return a.Source() == b.Source() && a.String() == b.String() }

// place names a path for a message at another one: with its file, or its line, where it is in another document.
func place(p, from diag.Path) string {
	a, b := p.Source(), from.Source()
	switch {
	case a == nil || b == nil || a == b:
		return p.String()
	case a.Name != b.Name:
		return p.String() + " of " + a.Name
	}
	return p.String() + onLine(p)
}

// Place names what is at a path, for a finding at another one: with its file or its line where the path is not enough.
func Place(p, from diag.Path) string { return place(p, from) }

// onLine tells where a path stands, where lines are known.
func onLine(p diag.Path) string {
	if pos := (diag.Diagnostic{At: p}).Pos(); pos.Line > 0 {
		return sprintf(" on line %d", pos.Line)
	}
	return ""
}

// claimPolicies reserves what is known only once routes are resolved: rules of hosts, and the mTLS modes.
func (r *resolver) claimPolicies() {
	for _, n := range r.mesh.Namespaces {
		if n.MTLS != 0 {
			r.claim("PeerAuthentication", n.Name, NamespacePolicy, n.At)
		}
	}
	for _, w := range r.mesh.Workloads {
		if r.claims[claim{kindWorkload, w.Namespace, w.Name}] != w.At {
			continue // there are two of this name, as was said
		}
		if w.MTLS.Mode != 0 || len(w.MTLS.Ports) > 0 {
			r.claim("PeerAuthentication", w.Namespace, w.Name, w.At)
		}
		for _, s := range w.Services {
			if s.Expose != nil {
				r.claim("VirtualService", w.Namespace, s.Expose.Object, s.Expose.At)
			}
			for _, h := range s.Hosts {
				if s.Traffic.DestinationRule {
					r.claim("DestinationRule", w.Namespace, h.Object, s.At)
				}
				if s.Traffic.Routed() {
					r.claim("VirtualService", w.Namespace, h.Object, s.At)
				}
			}
		}
	}
	for _, e := range r.mesh.ExternalServices {
		if e.Policy == nil {
			continue
		}
		for _, h := range e.Hosts {
			r.claim("DestinationRule", e.Namespace, h.Object, e.At)
		}
	}
}

// claimEntries finds WorkloadEntries of one name. Where no entry has a name of its own, an entry is named
// <group>-<instance>, so two can only clash where one group's name begins with another's: `a` with instance `b-c`, and
// `a-b` with instance `c`. In a namespace where entryName is set, every entry is compared.
//
// The work grows with the number of instances times the dashes in their group's name.
func (r *resolver) claimEntries() {
	groups := map[string]*Group{}
	names := map[*Group]map[string]*Instance{}
	named := map[string]bool{} // namespaces in which an entry has a name of its own
	for _, w := range r.mesh.Workloads {
		for _, g := range w.AllGroups() {
			if g.Auto {
				continue
			}
			groups[w.Namespace+"/"+g.Name] = g
			if slices.ContainsFunc(g.Instances, func(i *Instance) bool { return i.ownEntryName }) {
				named[w.Namespace] = true
			}
		}
	}
	all := map[string]map[string]*Instance{} // by namespace and name, where entries have names of their own
	for _, w := range r.mesh.Workloads {
		if named[w.Namespace] && all[w.Namespace] == nil {
			all[w.Namespace] = map[string]*Instance{}
		}
		for _, long := range w.AllGroups() {
			if long.Auto {
				continue
			}
			if taken := all[w.Namespace]; taken != nil {
				for _, i := range long.Instances {
					if other := taken[i.EntryName]; other != nil && !repeated(other.At, i.At) {
						r.entryClash(other, i)
					} else {
						taken[i.EntryName] = i
					}
				}
				continue
			}
			for i := range long.Name {
				if long.Name[i] != '-' {
					continue
				}
				short := groups[w.Namespace+"/"+long.Name[:i]]
				if short == nil {
					continue
				}
				if names[short] == nil {
					names[short] = dashed(short)
				}
				r.clashingEntries(names[short], long)
			}
		}
	}
}

// dashed finds the entries of a group whose instance has a dash in its name: the only ones that another group's could
// be called.
func dashed(g *Group) map[string]*Instance {
	out := map[string]*Instance{}
	for _, i := range g.Instances {
		if strings.Contains(i.Name, "-") {
			out[i.EntryName] = i
		}
	}
	return out
}

func (r *resolver) clashingEntries(taken map[string]*Instance, long *Group) {
	if len(taken) == 0 {
		return
	}
	for _, i := range long.Instances {
		if other := taken[i.EntryName]; other != nil {
			r.entryClash(other, i)
		}
	}
}

// entryClash reports an instance whose WorkloadEntry has the name of another's.
func (r *resolver) entryClash(other, i *Instance) {
	at := i.At
	if i.ownEntryName {
		at = at.Key("entryName")
	}
	r.say(ruleObjectClash.At(at, "the WorkloadEntry %s/%s is emitted for %s already", i.Group.Workload.Namespace, i.EntryName, place(other.At, i.At)).
		WithHelp("give one of the two another `name` or `entryName`; without entryName an entry is named <group>-<instance>"))
}
