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
	Risk                       // breaks something, or lets a caller in, where the cluster is not as this assumes
	Breaks                     // calls that work will fail, or VMs will leave the mesh
)

// String returns the name that reports use.
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
	Object   ID       // what it is about
	Others   []ID     // what else it is about, with the same message
	Message  string   // without the object, one line, no full stop
	Steps    []string // the order in which nothing breaks, or as little as can be; may be empty
}

// about names the objects of a consequence: the first few of them.
func (c *Consequence) about() string {
	if len(c.Others) == 0 {
		return c.Object.String()
	}
	names := []string{}
	for _, id := range append([]ID{c.Object}, c.Others...) {
		if id.Kind == c.Object.Kind {
			names = append(names, strings.TrimPrefix(id.String(), printable(id.Kind)+" "))
		} else {
			names = append(names, id.String())
		}
	}
	return printable(c.Object.Kind) + " " + some(names)
}

// report takes a consequence, and returns it for more to be added.
type report func(s Severity, about ID, format string, args ...any) *Consequence

// Meanings is every meaning. Each has a case in testdata/diff that begins with its name.
var Meanings = []Meaning{
	{"group-removed", "A WorkloadGroup goes: its static entries with it, and every VM that registered in it.",
		findRemovedGroups},
	{"group-renamed", "A WorkloadGroup goes and one with the same labels comes: VMs register in a group by its " +
		"name.", findRenamedGroups},
	{"group-changed", "The labels or the template of a WorkloadGroup change, which has no effect on VMs that " +
		"registered before.", findChangedGroups},
	{"entry-removed", "Static entries go while their group stays.", findRemovedEntries},
	{"entry-renamed", "A static entry has another name at the same address: its VM stays, and needs new files.",
		findRenamedEntries},
	{"policy-renamed", "A policy has another name and applies to the same workloads.", findRenamedPolicies},
	{"health-checked", "Static entries get traffic from now on only while their VM reports that it is healthy.",
		findHealthChecked},
	{"entry-address", "A static entry has another address.", findMovedEntries},
	{"identity-changed", "VMs get another service account.", findChangedIdentities},
	{"account-removed", "A ServiceAccount goes.", findRemovedAccounts},
	{"network-changed", "VMs are in another network.", findChangedNetworks},
	{"locality-changed", "VMs are in another locality.", findChangedLocalities},
	{"host-removed", "A host that clients call goes.", findRemovedHosts},
	{"host-changed", "Traffic policy or routes are for another host.", findChangedHosts},
	{"port-removed", "A host loses a port.", findRemovedPorts},
	{"target-port", "A port leads to another port of the VMs.", findTargetPorts},
	{"selector-changed", "A host selects other workloads.", findChangedSelectors},
	{"subset-removed", "A subset goes, perhaps while routes lead to it.", findRemovedSubsets},
	{"weights", "Routes or VMs take another share of the traffic.", findWeights},
	{"mtls-stricter", "mTLS is demanded where plaintext was accepted.", findStricter},
	{"mtls-looser", "Plaintext is accepted, or sent, where mTLS was demanded.", findLooser},
	{"allow-added", "The first policy that allows comes: whatever it does not allow is denied.", findAddedAllows},
	{"allow-removed", "The last policy that allows goes: everyone may call.", findRemovedAllows},
	{"deny-changed", "A policy that denies comes or goes.", findChangedDenials},
	{"rules-changed", "Who may call changes.", findChangedRules},
	{"trust-domain", "The mesh has another trust domain: every identity changes.", findTrustDomain},
	{"cluster-name", "The cluster has another name in the mesh.", findClusterName},
	{"istiod-address", "VMs reach istiod at another address or name.", findIstiodAddress},
	{"istio-version", "Another version of Istio runs in the cluster or on VMs.", findIstioVersion},
	{"mesh-network", "The network of the cluster itself has another name.", findMeshNetwork},
	{"injection-changed", "Pods of a namespace get a sidecar, or get none.", findInjection},
	{"way-removed", "VMs lose the way to istiod, or others lose the way to a network.", findRemovedWays},
	{"vm-files", "What VMs were set up with changes, which they do not see by themselves.", findVMFiles},
	{"namespace-removed", "A Namespace is not made any more.", findRemovedNamespaces},
}

// consequences runs every meaning over two sides. Those that differ in their object alone are one.
func consequences(p *pair) []Consequence {
	var found []*Consequence
	for _, m := range Meanings {
		m.find(p, func(s Severity, about ID, format string, args ...any) *Consequence {
			c := &Consequence{Severity: s, Meaning: m.Name, Object: about, Message: printable(fmt.Sprintf(format,
				args...))}
			found = append(found, c)
			return c
		})
	}
	slices.SortStableFunc(found, func(a, b *Consequence) int { return int(b.Severity) - int(a.Severity) })
	type same struct {
		severity                      Severity
		meaning, kind, message, steps string
	}
	index := map[same]int{}
	var folded []Consequence
	for _, c := range found {
		c.Steps = slices.Clone(c.Steps)
		for i, step := range c.Steps {
			c.Steps[i] = printable(step)
		}
		key := same{c.Severity, c.Meaning, c.Object.Kind, c.Message, strings.Join(c.Steps, "\x00")}
		if i, ok := index[key]; ok {
			folded[i].Others = append(append(folded[i].Others, c.Object), c.Others...)
			continue
		}
		index[key] = len(folded)
		folded = append(folded, *c)
	}
	return folded
}

// The groups of the kinds that mean something.
const (
	networking = "networking.istio.io"
	security   = "security.istio.io"
)

// entries sorts the static entries by the group they belong to: the one in their namespace whose name, and a hyphen,
// their own begins with; of several the longest.
func (s *set) entries() (of map[ID][]*object, owner map[ID]ID) {
	groups := map[ID]bool{}
	for _, g := range s.of(networking, "WorkloadGroup") {
		groups[g.ID] = true
	}
	of, owner = map[ID][]*object{}, map[ID]ID{}
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
		of[id], owner[e.ID] = append(of[id], e), id
	}
	return of, owner
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

// member is a group or a static entry, with the labels of its VMs.
type member struct {
	*object
	labels map[string]string
}

// selecting lists the groups and static entries of a namespace that a selector matches. An empty one matches all.
func (s *set) selecting(namespace string, selector map[string]string) []member {
	if s.vms == nil {
		s.vms = map[label][]member{}
		add := func(o *object, keys ...string) {
			m := member{o, labels(o.at(keys...))}
			all := label{namespace: o.Namespace}
			s.vms[all] = append(s.vms[all], m)
			for key, value := range m.labels {
				if l := (label{o.Namespace, key, value}); l != all {
					s.vms[l] = append(s.vms[l], m)
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
	var found []member
	for _, m := range candidates {
		if selects(selector, m.labels) {
			found = append(found, m)
		}
	}
	return found
}

// selected returns how many groups and static entries of a namespace a selector matches.
func (s *set) selected(namespace string, selector map[string]string) int {
	return len(s.selecting(namespace, selector))
}

// whose names the groups that a policy selects, or else its static entries: " of web, web-canary"; nothing where it
// selects none.
func (s *set) whose(policy *object) string {
	var groups, entries []string
	for _, m := range s.selecting(policy.Namespace, labels(policy.at("spec", "selector", "matchLabels"))) {
		if m.Kind == "WorkloadGroup" {
			groups = append(groups, m.Name)
		} else {
			entries = append(entries, m.Name)
		}
	}
	switch {
	case len(groups) > 0:
		return " of " + some(groups)
	case len(entries) > 0:
		return " of " + some(entries)
	}
	return ""
}

// selects reports whether a selector matches labels.
func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if have, ok := labels[key]; !ok || have != value {
			return false
		}
	}
	return true
}
