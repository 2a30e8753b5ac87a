package compare

import (
	"fmt"
	"slices"
	"strings"
)

// Severity ranks what changes mean. The zero value is none, so that a forgotten one shows.
type Severity uint8

// The severities, weakest first.
const (
	Note   Severity = iota + 1 // good to know
	Risk                       // breaks something, or lets somebody in, where the world is not as this assumes
	Breaks                     // calls that work will fail, or VMs will leave the mesh
)

// String is the word that reports use.
func (s Severity) String() string {
	switch s {
	case Note:
		return "note"
	case Risk:
		return "risk"
	case Breaks:
		return "breaks"
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// Meaning is something that a change can mean to a mesh that runs.
type Meaning struct {
	Name string
	Doc  string // one sentence: what is found
	find func(*pair, report)
}

// Consequence is a Meaning that was found.
type Consequence struct {
	Severity Severity
	Meaning  string
	Object   ID     // what it is about
	Message  string // without the object, one line, no full stop
}

// report takes a consequence.
type report func(s Severity, about ID, format string, args ...any)

// Meanings is every meaning. Each has a case in testdata/diff that begins with its name.
var Meanings = []Meaning{
	{"group-removed", "A WorkloadGroup goes: its static entries with it, and every VM that registered in it.", findRemovedGroups},
	{"group-renamed", "A WorkloadGroup goes and one with the same labels comes: VMs know their group by its name.", findRenamedGroups},
	{"group-changed", "The labels or the template of a WorkloadGroup change, of which VMs that registered before see nothing.", findChangedGroups},
	{"entry-removed", "Static entries go while their group stays.", findRemovedEntries},
	{"entry-address", "A static entry has another address.", findMovedEntries},
	{"identity-changed", "VMs get another service account.", findChangedIdentities},
	{"account-removed", "A ServiceAccount goes.", findRemovedAccounts},
	{"network-changed", "VMs are in another network.", findChangedNetworks},
	{"locality-changed", "VMs are in another locality.", findChangedLocalities},
	{"host-removed", "A host that clients call goes.", findRemovedHosts},
	{"host-changed", "Traffic policy or routes are for another host.", findChangedHosts},
	{"port-removed", "A host has a port no more.", findRemovedPorts},
	{"target-port", "A port leads to another port of the VMs.", findTargetPorts},
	{"selector-changed", "A host selects other workloads.", findChangedSelectors},
	{"subset-removed", "A subset goes, perhaps while routes lead to it.", findRemovedSubsets},
	{"weights", "Routes or VMs take another share of the traffic.", findWeights},
	{"mtls-stricter", "mTLS is demanded where plaintext was taken.", findStricter},
	{"mtls-looser", "Plaintext is taken, or spoken, where mTLS was demanded.", findLooser},
	{"allow-added", "The first policy that allows comes: whatever it does not allow is denied.", findAddedAllows},
	{"allow-removed", "The last policy that allows goes: everyone may call.", findRemovedAllows},
	{"deny-changed", "A policy that denies comes or goes.", findChangedDenials},
	{"rules-changed", "Who may call changes.", findChangedRules},
	{"vm-files", "What VMs were set up with changes, which they do not see by themselves.", findVMFiles},
	{"namespace-removed", "A Namespace goes, with all that is in it.", findRemovedNamespaces},
}

// consequences runs every meaning over two sides.
func consequences(was, will *set, changes []ObjectChange, vms []vmFile) []Consequence {
	p := newPair(was, will, changes)
	p.vmFiles = vms
	var found []Consequence
	for _, m := range Meanings {
		m.find(p, func(s Severity, about ID, format string, args ...any) {
			found = append(found, Consequence{s, m.Name, about, printable(fmt.Sprintf(format, args...))})
		})
	}
	slices.SortStableFunc(found, func(a, b Consequence) int { return int(b.Severity) - int(a.Severity) })
	return found
}

// pair is both sides, and what more than one meaning asks for.
type pair struct {
	was, will *set
	changes   []ObjectChange
	vmFiles   []vmFile // that differ, by path; none where the old side is no output tree

	wasEntries, willEntries map[ID][]*object // the static entries of each group; those of none under the zero ID
	renamed                 map[ID]ID        // groups that went, and what they are called now
}

// The groups of the kinds that mean something.
const (
	networking = "networking.istio.io"
	security   = "security.istio.io"
)

func newPair(was, will *set, changes []ObjectChange) *pair {
	p := &pair{was: was, will: will, changes: changes, wasEntries: was.entries(), willEntries: will.entries(), renamed: map[ID]ID{}}
	taken := map[ID]bool{}
	for _, old := range p.gone(networking, "WorkloadGroup") {
		labels := old.at("spec", "metadata", "labels")
		for _, came := range p.came(networking, "WorkloadGroup") {
			other := came.at("spec", "metadata", "labels")
			if !taken[came.ID] && !isNull(labels) && !isNull(other) && equal(labels, other) {
				taken[came.ID], p.renamed[old.ID] = true, came.ID
				break
			}
		}
	}
	return p
}

// gone lists the objects of a kind that are on the old side only.
func (p *pair) gone(group, kind string) []*object { return lacking(p.was.of(group, kind), p.will) }

// came lists the objects of a kind that are on the new side only.
func (p *pair) came(group, kind string) []*object { return lacking(p.will.of(group, kind), p.was) }

func lacking(objects []*object, other *set) []*object {
	return slices.DeleteFunc(slices.Clone(objects), func(o *object) bool { return other.index[o.ID] != nil })
}

// both calls back with the objects of a kind that are on both sides, as they were and as they will be.
func (p *pair) both(group, kind string, f func(was, will *object)) {
	for _, o := range p.was.of(group, kind) {
		if other := p.will.index[o.ID]; other != nil {
			f(o, other)
		}
	}
}

// entries sorts the static entries by the group they belong to: the one in their namespace whose name, and a hyphen,
// their own begins with; of several the longest.
func (s *set) entries() map[ID][]*object {
	groups := map[ID]bool{}
	for _, g := range s.of(networking, "WorkloadGroup") {
		groups[g.ID] = true
	}
	found := map[ID][]*object{}
	for _, e := range s.of(networking, "WorkloadEntry") {
		id := ID{networking, "WorkloadGroup", e.Namespace, e.Name}
		for {
			i := strings.LastIndexByte(id.Name, '-')
			if i < 0 {
				id = ID{}
				break
			}
			if id.Name = id.Name[:i]; groups[id] {
				break
			}
		}
		found[id] = append(found[id], e)
	}
	return found
}

// names are the names of objects.
func names(objects []*object) []string {
	list := make([]string, len(objects))
	for i, o := range objects {
		list[i] = o.Name
	}
	return list
}

// verb is a verb that agrees with a number: it goes, they go.
func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// label is a label that a group or a static entry gives to its VMs. Each has one without key and value, too.
type label struct{ namespace, key, value string }

// selected tells how many groups and static entries a selector takes in a namespace. One that says nothing takes all.
func (s *set) selected(namespace string, selector map[string]string) int {
	if s.vms == nil {
		s.vms = map[label][]map[string]string{}
		add := func(o *object, keys ...string) {
			own := labels(o.at(keys...))
			all := label{namespace: o.Namespace}
			s.vms[all] = append(s.vms[all], own)
			for key, value := range own {
				if l := (label{o.Namespace, key, value}); l != all {
					s.vms[l] = append(s.vms[l], own)
				}
			}
		}
		for _, g := range s.of(networking, "WorkloadGroup") {
			add(g, "spec", "metadata", "labels")
		}
		for _, e := range s.of(networking, "WorkloadEntry") {
			add(e, "spec", "labels")
		}
	}
	candidates := s.vms[label{namespace: namespace}]
	for key, value := range selector { // the rarest of its labels leaves the fewest to look at
		if list := s.vms[label{namespace, key, value}]; len(list) < len(candidates) {
			candidates = list
		}
	}
	n := 0
	for _, own := range candidates {
		if selects(selector, own) {
			n++
		}
	}
	return n
}

// selects tells whether a selector takes labels.
func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if have, ok := labels[key]; !ok || have != value {
			return false
		}
	}
	return true
}
