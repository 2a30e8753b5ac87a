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
		if p.losesNamespace(g) {
			continue
		}
		var left []*object
		for _, e := range p.wasEntries[g.ID] {
			if p.now(e) == nil {
				left = append(left, e)
			}
		}
		n, stay := len(left), len(p.wasEntries[g.ID])-len(left)
		vms, known := p.registered(g)
		if isProtected(g) {
			switch {
			case n > 0:
				report(Breaks, g.ID, "its %s (%s) %s: %s no more traffic; the group itself is kept from pruning, "+
					"with %s, until `kubectl delete`",
					count(n, "static entry"), some(names(left)), verb(n, "goes", "go"), verb(n, "that VM takes",
						"those VMs take"), vms)
			default:
				report(Risk, g.ID, "it is not made any more, and is kept from pruning: %s takes traffic until "+
					"`kubectl delete` removes the group", vms)
			}
			continue
		}
		switch {
		case n > 0 && known:
			report(Breaks, g.ID, "it goes, and with it %s (%s) and %s: those VMs take no more traffic", count(n,
				"static entry"), some(names(left)), vms)
		case n > 0:
			report(Breaks, g.ID, "it goes, and with it %s (%s): %s no more traffic, and neither does any VM that "+
				"registered in it",
				count(n, "static entry"), some(names(left)), verb(n, "that VM takes", "those VMs take"))
		case stay > 0:
			report(Breaks, g.ID, "it goes, and with it %s; its %s %s", vms, count(stay, "static entry"), verb(stay,
				"stays", "stay"))
		case known:
			report(Breaks, g.ID, "it goes, and with it %s", vms)
		default:
			report(Breaks, g.ID, "it goes, and with it %s: it has no static entries, so its VMs registered by "+
				"themselves, "+
				"and only the cluster has their number", vms)
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

// vmFolder is the folder with the files of a group's VMs.
func vmFolder(group ID) string { return "vms/" + group.Namespace + "/" + group.Name }

// nameFrom is an object's name, with its namespace where that is not the one of another.
func nameFrom(id, other ID) string {
	if id.Namespace != other.Namespace {
		return id.Namespace + "/" + id.Name
	}
	return id.Name
}

// isHealthChecked reports whether istiod waits for a VM's word before it sends traffic to an entry.
func isHealthChecked(entry *object) bool {
	return entry.at("metadata", "annotations", "proxy.istio.io/health-checks-enabled").Text() == "true"
}

// renameSteps is the order in which VMs that get other files lose no traffic.
func renameSteps(folder string, old []ID) []string {
	return []string{
		"apply the new objects and keep the old ones: `kubectl apply -k` deletes nothing; switch pruning off in " +
			"Argo CD and Flux for this change",
		"run `install.sh` with the files of " + folder + " on each VM, one after another; wait until its new entry " +
			"is healthy",
		"delete the old objects: `" + strings.Join(deleteCommands(old), "`, `") + "`",
	}
}

// findRenamedGroups: a VM registers in the group that its cluster.env names, and that name goes.
func findRenamedGroups(p *pair, report report) {
	p.both(networking, "WorkloadGroup", func(g, now *object) {
		if now.ID == g.ID {
			return
		}
		name := nameFrom(now.ID, g.ID)
		vms, known := p.registered(g)
		var old []ID
		severity, checked := Breaks, false
		var moved []*object
		for _, e := range p.wasEntries[g.ID] {
			if other := p.now(e); other != nil && other.ID != e.ID {
				moved, old = append(moved, e), append(old, e.ID)
				checked = checked || isHealthChecked(other)
			}
		}
		old = append(old, g.ID)
		n := len(moved)
		switch {
		case n > 0 && known:
			report(Breaks, g.ID, "it becomes %s: its %s (%s) are renamed, and %s is dropped from the mesh until set "+
				"up again for %s",
				name, count(n, "static entry"), some(names(moved)), vms, name).Steps = renameSteps(vmFolder(now.ID),
				old)
		case n > 0:
			until := "they take traffic under the new name, and report health, metrics and logs under the old one"
			if checked {
				until = "they take no traffic, since their health is reported for the old name"
			} else {
				severity = Risk
			}
			report(severity, g.ID, "it becomes %s, and its %s (%s) %s renamed at the same %s: until `install.sh` of "+
				"the new files ran on the VMs, %s",
				name, count(n, "static entry"), some(names(moved)), verb(n, "is", "are"), verb(n, "address",
					"addresses"), until).
				Steps = renameSteps(vmFolder(now.ID), old)
		default:
			report(Breaks, g.ID, "it becomes %s: %s is dropped from the mesh with the old group until set up again "+
				"for %s", name, vms, name).
				Steps = renameSteps(vmFolder(now.ID), old)
		}
	})
}

// findRenamedEntries: the VM at an address stays, whatever its entry is called.
func findRenamedEntries(p *pair, report report) {
	type move struct{ from, to ID }
	moves := map[move][]*object{}
	var order []move
	for _, e := range p.was.of(networking, "WorkloadEntry") {
		now := p.now(e)
		if now == nil || now.ID == e.ID {
			continue
		}
		m := move{p.wasGroup[e.ID], p.willGroup[now.ID]}
		if m.from != (ID{}) && p.renamed[m.from] == m.to {
			continue // reported with the group
		}
		if moves[m] == nil {
			order = append(order, m)
		}
		moves[m] = append(moves[m], e)
	}
	for _, m := range order {
		entries := moves[m]
		var pairs []string
		var old []ID
		checked := false
		for _, e := range entries {
			now := p.now(e)
			pairs = append(pairs, fmt.Sprintf("%s → %s (%s)", e.Name, nameFrom(now.ID, e.ID), e.text("spec",
				"address")))
			old, checked = append(old, e.ID), checked || isHealthChecked(now)
		}
		about, folder := m.to, vmFolder(m.to)
		if m.to == (ID{}) {
			about, folder = p.now(entries[0]).ID, "its group"
		}
		n := len(entries)
		what := "under another name"
		if m.from != m.to && m.from != (ID{}) && m.to != (ID{}) {
			what = "as " + verb(n, "a VM", "VMs") + " of " + nameFrom(m.to, m.from) + " instead of " + m.from.Name
		}
		severity, until := Risk, "until then health, metrics and logs are reported under the old name"
		if checked {
			severity, until = Breaks, "until then it takes no traffic, since its health is reported for the old name"
		}
		report(severity, about, "%s %s in the mesh %s (%s): run `install.sh` there with the new files; %s",
			count(n, "VM"), verb(n, "stays", "stay"), what, some(pairs), until).Steps = renameSteps(folder, old)
	}
}

// findChangedGroups: istiod copies a group's labels and template into an entry when the VM registers, and never again.
func findChangedGroups(p *pair, report report) {
	p.both(networking, "WorkloadGroup", func(was, will *object) {
		if len(p.wasEntries[was.ID]) > 0 || was.ID != will.ID {
			return // static entries are changed along with it; VMs register anew in a group that is renamed
		}
		var changed []string
		for _, f := range compareFields(withDefaults(was, will)) {
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
			report(Risk, was.ID, "what changes (%s) is for VMs that register from now on: the entries that istiod "+
				"made of %s stay as they are",
				strings.Join(changed, ", "), vms)
		}
	})
}

// groups are the old side's, and one for entries that belong to none.
func (p *pair) groups() []*object {
	return append(slices.Clone(p.was.of(networking, "WorkloadGroup")), &object{})
}

// findHealthChecked: an entry with the annotation has no traffic until its VM reports its health, which it does with
// the
// probe of its own files (istio: isEligibleForHealthCheck in pilot/pkg/autoregistration).
func findHealthChecked(p *pair, report report) {
	for _, g := range p.groups() {
		var waiting, released []*object
		for _, e := range p.wasEntries[g.ID] {
			now := p.now(e)
			switch {
			case now == nil || now.ID != e.ID: // reported as renamed
			case isHealthChecked(now) && !isHealthChecked(e):
				waiting = append(waiting, e)
			case !isHealthChecked(now) && isHealthChecked(e):
				released = append(released, e)
			}
		}
		about := func(list []*object) ID {
			if g.Name == "" {
				return list[0].ID
			}
			return g.ID
		}
		which := func(list []*object) string {
			if len(list) == len(p.wasEntries[g.ID]) && g.Name != "" {
				return "its static entries get"
			}
			return fmt.Sprintf("%s (%s) %s", count(len(list), "static entry"), some(names(list)), verb(len(list),
				"gets", "get"))
		}
		if len(waiting) > 0 {
			report(Breaks, about(waiting), "%s no traffic until the VM reports that it is healthy, which it does "+
				"once `install.sh` of the new files ran on it",
				which(waiting)).Steps = []string{
				"run `install.sh` with the new files on each VM: it starts to probe the application, and takes " +
					"traffic as before",
				"apply the objects of one group after another, and see that each entry has the condition Healthy " +
					"before the next: " +
					"`kubectl get workloadentries -o yaml`; one without it is connected again with `systemctl " +
					"restart istio` on the VM",
			}
		}
		if len(released) > 0 {
			report(Risk, about(released), "%s traffic whether the VM is healthy or not", which(released))
		}
	}
}

// findRemovedEntries: one line for the entries of a group.
func findRemovedEntries(p *pair, report report) {
	for _, g := range p.groups() {
		if g.Name != "" && p.now(g) == nil {
			continue // reported with the group
		}
		var left []*object
		for _, e := range p.wasEntries[g.ID] {
			if p.now(e) == nil && !p.losesNamespace(e) {
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
		case len(p.willEntries[p.now(g).ID]) == 0:
			report(Breaks, g.ID, "it loses %s (%s) and has none left: only VMs that register by themselves take its "+
				"traffic",
				count(n, "static entry"), some(names(left)))
		default:
			report(Risk, g.ID, "it loses %s (%s): %s no more traffic, and %s all of it", count(n, "static entry"),
				some(names(left)),
				verb(n, "that VM takes", "those VMs take"), p.othersTake(g))
		}
	}
}

// othersTake names the static entries that a group has, with a verb.
func (p *pair) othersTake(g *object) string {
	n := len(p.willEntries[p.now(g).ID])
	return verb(n, "the one left takes", fmt.Sprintf("the other %d take", n))
}

// addressSteps is the order in which a VM changes its address.
var addressSteps = []string{
	"have the VM answer at both addresses, or start its successor at the new one, with the new files and `install.sh`",
	"apply the objects, and see that calls arrive at the new address",
	"give up the old address",
}

// findMovedEntries: one line for the entries of a group.
func findMovedEntries(p *pair, report report) {
	const address = "address"
	for _, g := range p.groups() {
		var moved []*object
		for _, e := range p.wasEntries[g.ID] {
			if now := p.now(e); now != nil && now.text("spec", address) != e.text("spec", address) {
				moved = append(moved, e)
			}
		}
		for _, e := range moved {
			if len(moved) > 1 && g.Name != "" {
				report(Risk, g.ID, "%s have other addresses (%s): a VM that is still at its old one takes no more "+
					"traffic", count(len(moved), "static entry"), some(names(moved))).
					Steps = addressSteps
				break
			}
			report(Risk, e.ID, "callers dial %s instead of %s: a VM that is still at the old address takes no more "+
				"traffic",
				p.now(e).text("spec", address), e.text("spec", address)).Steps = addressSteps
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
		message := "the identity of %s becomes %s instead of %s: each needs a token for the new one, and policies " +
			"that name the old one no longer match"
		here := ""
		if naming := p.policiesNaming(about.Namespace, a); len(naming) > 0 {
			here = " (here " + some(naming) + ")"
		}
		report(Breaks, about, message+"%s", whose, about.Namespace+"/"+b, about.Namespace+"/"+a, here).Steps = []string{
			"allow " + about.Namespace + "/" + b + " beside " + about.Namespace + "/" + a + " in every policy of " +
				"what these VMs call",
			"apply the new ServiceAccount and what may make tokens for it; keep the old ones",
			"run `install.sh` with the new files on each VM, one after another: it gets a certificate for the new " +
				"identity, and the sidecar restarts",
			"remove the old identity from the policies, then delete its ServiceAccount",
		}
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
	return p.will.naming()[namespace+"/"+account]
}

// naming lists the policies that name each service account, by <namespace>/<name>.
func (s *set) naming() map[string][]string {
	if s.identities != nil {
		return s.identities
	}
	s.identities = map[string][]string{}
	for _, o := range s.of(security, "AuthorizationPolicy") {
		named := map[string]bool{}
		var walk func(n *syntax.Node)
		walk = func(n *syntax.Node) {
			if text := n.Text(); strings.Count(text, "/") == 1 {
				named[text] = true
			} else if _, of, ok := strings.Cut(text, "/ns/"); ok {
				if namespace, account, ok := strings.Cut(of, "/sa/"); ok {
					named[namespace+"/"+account] = true
				}
			}
			for i := range n.Fields {
				walk(&n.Fields[i].Value)
			}
			for i := range n.Items {
				walk(&n.Items[i])
			}
		}
		walk(o.root)
		for _, account := range sortedKeys(named) {
			s.identities[account] = append(s.identities[account], o.ID.String())
		}
	}
	return s.identities
}

func findRemovedAccounts(p *pair, report report) {
	using := map[ID][]string{}
	for _, g := range p.will.of(networking, "WorkloadGroup") {
		id := ID{Kind: "ServiceAccount", Namespace: g.Namespace, Name: g.text("spec", "template", "serviceAccount")}
		using[id] = append(using[id], g.Name)
	}
	for _, a := range p.gone("", "ServiceAccount") {
		users := using[a.ID]
		switch {
		case p.losesNamespace(a):
		case len(users) > 0:
			report(Breaks, a.ID, "it goes while %s (%s) still %s it: unless it is made elsewhere, their VMs get no "+
				"token",
				count(len(users), "WorkloadGroup"), some(users), verb(len(users), "uses", "use"))
		default:
			if isProtected(a) {
				report(Note, a.ID, "it is not made any more, and is kept from pruning: its tokens are valid until "+
					"`kubectl delete` removes it")
				continue
			}
			report(Risk, a.ID, "it goes: its tokens are not valid any more, here or wherever else it is used")
		}
	}
}

func findChangedNetworks(p *pair, report report) {
	p.fieldOfVMs([]string{"network"}, func(about ID, was, will *syntax.Node, whose string) {
		a, b := was.Text(), will.Text()
		if a != b {
			report(Risk, about, "the network of %s becomes %s instead of %s: callers in another network go through "+
				"a gateway of it, those in the same dial "+
				"directly, and until `install.sh` ran with the new files the VMs send traffic as if they were in "+
				"the old one", whose, orNone(b), orNone(a)).
				Steps = []string{
				"see that network " + orNone(b) + " has a gateway that callers in other networks reach, and keep " +
					"that of " + orNone(a) + " until the last step",
				"apply the objects, then run `install.sh` with the new files on each VM",
				"remove the gateway of " + orNone(a) + " when no entry is in that network",
			}
		}
	})
}

func findChangedLocalities(p *pair, report report) {
	p.fieldOfVMs([]string{"locality"}, func(about ID, was, will *syntax.Node, whose string) {
		a, b := was.Text(), will.Text()
		if a != b {
			report(Note, about, "the locality of %s becomes %s instead of %s: failover and locality weights send "+
				"other callers there", whose, orNone(b), orNone(a))
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
// group, as it was and as it will be. Entries of one group that change alike are reported once.
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
			if now := p.now(e); now != nil {
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
			f(about, e.at(own...), p.now(e).at(own...), whose)
		}
	}
}

// losesNamespace reports whether an object goes because its Namespace does. Argo CD and Flux do not prune one that is
// protected, and kubectl deletes nothing by itself: then what is in it goes, or stays, one by one.
func (p *pair) losesNamespace(o *object) bool {
	id := ID{Kind: "Namespace", Name: o.Namespace}
	was := p.was.index[id]
	return was != nil && p.will.index[id] == nil && !isProtected(was)
}

func findRemovedNamespaces(p *pair, report report) {
	of := map[kind]map[string][]string{}
	for _, k := range []kind{{networking, "WorkloadGroup"}, {networking, "WorkloadEntry"}, {"", "Service"}} {
		of[k] = map[string][]string{}
		for _, o := range p.was.of(k.group, k.name) {
			of[k][o.Namespace] = append(of[k][o.Namespace], o.Name)
		}
	}
	registered := map[string]int{}
	for group, list := range p.was.registered {
		registered[group.Namespace] += len(list)
	}
	for _, ns := range p.gone("", "Namespace") {
		if isProtected(ns) {
			report(Note, ns.ID, "it is not made any more, and is kept from pruning: it stays, with what others made "+
				"in it, until `kubectl delete` removes it")
			continue
		}
		in := func(group, name string) []string { return of[kind{group, name}][ns.Name] }
		vms := "every registered VM"
		if n := registered[ns.Name]; n > 0 {
			vms = count(n, "registered VM")
		}
		what := fmt.Sprintf("%s, %s and %s", count(len(in(networking, "WorkloadGroup")), "WorkloadGroup"),
			count(len(in(networking, "WorkloadEntry")), "static entry"), vms)
		if hosts := in("", "Service"); len(hosts) > 0 {
			what += "; clients of " + count(len(hosts), "Service") + " (" + some(hosts) + ") fail"
		}
		report(Breaks, ns.ID, "it goes, with all that is in it, whoever made it: here %s", what)
	}
}
