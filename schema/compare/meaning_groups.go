package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// findRemovedGroups: istiod owns the entries that it made for VMs through their group (an ownerReference), so the
// cluster removes them with it.
func findRemovedGroups(p *pair, report report) {
	for _, g := range p.gone(networking, "WorkloadGroup") {
		if _, renamed := p.renamed[g.ID]; renamed || p.losesNamespace(g) {
			continue
		}
		var left []*object
		for _, e := range p.wasEntries[g.ID] {
			if p.will.index[e.ID] == nil {
				left = append(left, e)
			}
		}
		n, stay := len(left), len(p.wasEntries[g.ID])-len(left)
		switch vms, known := p.registered(g); {
		case n > 0 && known:
			report(Breaks, g.ID, "it goes, and with it %s (%s) and %s: those VMs take no more traffic", count(n, "static entry"), some(names(left)), vms)
		case n > 0:
			report(Breaks, g.ID, "it goes, and with it %s (%s): %s no more traffic, and neither does any VM that registered in it",
				count(n, "static entry"), some(names(left)), verb(n, "that VM takes", "those VMs take"))
		case stay > 0:
			report(Breaks, g.ID, "it goes, and with it %s; its %s %s", vms, count(stay, "static entry"), verb(stay, "stays", "stay"))
		case known:
			report(Breaks, g.ID, "it goes, and with it %s", vms)
		default:
			report(Breaks, g.ID, "it goes, and with it %s: it has no static entries, so its VMs registered by themselves, and how many they are is known to the cluster alone", vms)
		}
	}
}

// registered is a group's registered VMs in a sentence, and whether they are known.
func (p *pair) registered(g *object) (vms string, known bool) {
	list := p.was.registered[g.ID]
	if len(list) == 0 {
		return "every registered VM", false
	}
	return fmt.Sprintf("%s (%s)", count(len(list), "registered VM"), some(list)), true
}

// findRenamedGroups: a VM registers in the group that its cluster.env names, and that name is not there any more.
func findRenamedGroups(p *pair, report report) {
	for _, g := range p.gone(networking, "WorkloadGroup") {
		now, renamed := p.renamed[g.ID]
		if !renamed {
			continue
		}
		name := now.Name
		if now.Namespace != g.Namespace {
			name = now.Namespace + "/" + now.Name
		}
		vms, _ := p.registered(g)
		if n := len(p.wasEntries[g.ID]); n > 0 {
			report(Breaks, g.ID, "it becomes %s, which replaces its %s and drops %s: until set up anew for %s, VMs whose health is checked take no traffic",
				name, count(n, "static entry"), vms, name)
			continue
		}
		report(Breaks, g.ID, "it becomes %s, which drops %s out of the mesh until set up anew for %s", name, vms, name)
	}
}

// findChangedGroups: istiod copies a group's labels and template into an entry when the VM registers, and never again.
func findChangedGroups(p *pair, report report) {
	p.both(networking, "WorkloadGroup", func(was, will *object) {
		if len(p.wasEntries[was.ID]) > 0 {
			return // static entries are changed along with it
		}
		var changed []string
		for _, f := range compareFields(was.root, will.root) {
			switch {
			case strings.HasPrefix(f.Path, "spec.metadata.labels"):
				changed = append(changed, "labels")
			case strings.HasPrefix(f.Path, "spec.metadata.annotations"):
				changed = append(changed, "annotations")
			case strings.HasPrefix(f.Path, "spec.template."):
				field := strings.TrimPrefix(f.Path, "spec.template.")
				if i := strings.IndexAny(field, ".["); i >= 0 {
					field = field[:i]
				}
				changed = append(changed, field)
			}
		}
		slices.Sort(changed)
		if changed = slices.Compact(changed); len(changed) > 0 {
			vms, _ := p.registered(was)
			report(Risk, was.ID, "what changes (%s) is for VMs that register from now on: the entries that istiod made of %s stay as they are",
				strings.Join(changed, ", "), vms)
		}
	})
}

// groups are the old side's, and one for entries that belong to none.
func (p *pair) groups() []*object {
	return append(slices.Clone(p.was.of(networking, "WorkloadGroup")), &object{})
}

// findRemovedEntries: one line for the entries of a group.
func findRemovedEntries(p *pair, report report) {
	for _, g := range p.groups() {
		if g.Name != "" && p.will.index[g.ID] == nil {
			continue // told with the group
		}
		var left []*object
		for _, e := range p.wasEntries[g.ID] {
			if p.will.index[e.ID] == nil && !p.losesNamespace(e) {
				left = append(left, e)
			}
		}
		n := len(left)
		switch {
		case n == 0:
		case g.Name == "":
			for _, e := range left {
				report(Breaks, e.ID, "it goes: its VM, %s, takes no more traffic", e.text("spec", "address"))
			}
		case len(p.willEntries[g.ID]) == 0:
			report(Breaks, g.ID, "it loses %s (%s) and has none left: only VMs that register by themselves take its traffic",
				count(n, "static entry"), some(names(left)))
		default:
			report(Risk, g.ID, "it loses %s (%s): %s no more traffic, and %s all of it", count(n, "static entry"), some(names(left)),
				verb(n, "that VM takes", "those VMs take"), verb(len(p.willEntries[g.ID]), "the one left takes", fmt.Sprintf("the other %d take", len(p.willEntries[g.ID]))))
		}
	}
}

// findMovedEntries: one line for the entries of a group.
func findMovedEntries(p *pair, report report) {
	const address = "address"
	for _, g := range p.groups() {
		var moved []*object
		for _, e := range p.wasEntries[g.ID] {
			if now := p.will.index[e.ID]; now != nil && now.text("spec", address) != e.text("spec", address) {
				moved = append(moved, e)
			}
		}
		for _, e := range moved {
			if len(moved) > 1 && g.Name != "" {
				report(Risk, g.ID, "%s have other addresses (%s): a VM that is still at its old one takes no more traffic", count(len(moved), "static entry"), some(names(moved)))
				break
			}
			report(Risk, e.ID, "callers dial %s instead of %s: a VM that is still at the old address takes no more traffic",
				p.will.index[e.ID].text("spec", address), e.text("spec", address))
		}
	}
}

// findChangedIdentities: a VM's certificate names its service account, and so do the policies of all that it calls.
func findChangedIdentities(p *pair, report report) {
	p.fieldOfVMs([]string{"serviceAccount"}, func(about ID, was, will *syntax.Node, whose string) {
		a, b := orDefault(was.Text()), orDefault(will.Text())
		if a == b {
			return
		}
		message := "the identity of %s becomes %s instead of %s: each needs a token for the new one, and policies that name the old one match no more"
		if naming := p.policiesNaming(about.Namespace, a); len(naming) > 0 {
			report(Breaks, about, message+" (here %s)", whose, about.Namespace+"/"+b, about.Namespace+"/"+a, some(naming))
			return
		}
		report(Breaks, about, message, whose, about.Namespace+"/"+b, about.Namespace+"/"+a)
	})
}

func orDefault(account string) string {
	if account == "" {
		return "default"
	}
	return account
}

// policiesNaming lists the new side's policies that name a service account.
func (p *pair) policiesNaming(namespace, account string) []string {
	var found []string
	for _, o := range p.will.of(security, "AuthorizationPolicy") {
		named := false
		var walk func(n *syntax.Node)
		walk = func(n *syntax.Node) {
			s := n.Text()
			named = named || s == namespace+"/"+account || strings.HasSuffix(s, "/ns/"+namespace+"/sa/"+account)
			for i := range n.Fields {
				walk(&n.Fields[i].Value)
			}
			for i := range n.Items {
				walk(&n.Items[i])
			}
		}
		walk(o.root)
		if named {
			found = append(found, o.ID.String())
		}
	}
	return found
}

func findRemovedAccounts(p *pair, report report) {
	for _, a := range p.gone("", "ServiceAccount") {
		var users []string
		for _, g := range p.will.of(networking, "WorkloadGroup") {
			if g.Namespace == a.Namespace && g.text("spec", "template", "serviceAccount") == a.Name {
				users = append(users, g.Name)
			}
		}
		switch {
		case p.losesNamespace(a):
		case len(users) > 0:
			report(Breaks, a.ID, "it goes while %s (%s) still %s it: unless somebody else makes it, their VMs get no token",
				count(len(users), "WorkloadGroup"), some(users), verb(len(users), "uses", "use"))
		default:
			report(Risk, a.ID, "it goes: tokens for it are worth nothing from then on, here or wherever else it is used")
		}
	}
}

func findChangedNetworks(p *pair, report report) {
	p.fieldOfVMs([]string{"network"}, func(about ID, was, will *syntax.Node, whose string) {
		a, b := was.Text(), will.Text()
		if a != b {
			report(Risk, about, "the network of %s becomes %s instead of %s: callers in another network go through a gateway, those in the same dial directly, "+
				"and the VMs' own files must say the same", whose, orNone(b), orNone(a))
		}
	})
}

func findChangedLocalities(p *pair, report report) {
	p.fieldOfVMs([]string{"locality"}, func(about ID, was, will *syntax.Node, whose string) {
		a, b := was.Text(), will.Text()
		if a != b {
			report(Note, about, "the locality of %s becomes %s instead of %s: failover and locality weights send other callers there", whose, orNone(b), orNone(a))
		}
	})
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// fieldOfVMs calls back with a field of each group's template, and of static entries where it is not that of their
// group, as it was and as it will be. Entries of one group that change alike are told once.
func (p *pair) fieldOfVMs(field []string, f func(about ID, was, will *syntax.Node, whose string)) {
	template := append([]string{"spec", "template"}, field...)
	own := append([]string{"spec"}, field...)
	change := func(was, will *object, keys []string) string {
		return was.at(keys...).Text() + "\x00" + will.at(keys...).Text()
	}
	ofGroup := map[ID]string{}
	p.both(networking, "WorkloadGroup", func(was, will *object) {
		ofGroup[was.ID] = change(was, will, template)
		f(was.ID, was.at(template...), will.at(template...), "its VMs")
	})
	for _, g := range p.groups() {
		alike := map[string][]*object{}
		for _, e := range p.wasEntries[g.ID] {
			if now := p.will.index[e.ID]; now != nil {
				if c := change(e, now, own); c != ofGroup[g.ID] {
					alike[c] = append(alike[c], e)
				}
			}
		}
		for _, c := range sortedKeys(alike) {
			entries := alike[c]
			e := entries[0]
			about, whose := g.ID, count(len(entries), "VM")+" ("+some(names(entries))+")"
			if len(entries) == 1 || g.Name == "" {
				about, whose = e.ID, "its VM"
			}
			f(about, e.at(own...), p.will.index[e.ID].at(own...), whose)
		}
	}
}

// losesNamespace tells whether an object goes because its Namespace does.
func (p *pair) losesNamespace(o *object) bool {
	id := ID{Kind: "Namespace", Name: o.Namespace}
	return p.was.index[id] != nil && p.will.index[id] == nil
}

func findRemovedNamespaces(p *pair, report report) {
	for _, ns := range p.gone("", "Namespace") {
		groups, entries := 0, 0
		for _, g := range p.was.of(networking, "WorkloadGroup") {
			if g.Namespace == ns.Name {
				groups++
			}
		}
		for _, e := range p.was.of(networking, "WorkloadEntry") {
			if e.Namespace == ns.Name {
				entries++
			}
		}
		registered := 0
		for of, list := range p.was.registered {
			if of.Namespace == ns.Name {
				registered += len(list)
			}
		}
		vms := "every registered VM"
		if registered > 0 {
			vms = count(registered, "registered VM")
		}
		report(Breaks, ns.ID, "it goes, with all that is in it, whoever made it: here %s, %s and %s",
			count(groups, "WorkloadGroup"), count(entries, "static entry"), vms)
	}
}
