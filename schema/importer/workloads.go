package importer

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// workload is what will be one workload of a spec.
type workload struct {
	namespace, name string
	app             string // the label that its VMs have; often the name
	at              diag.Path
	account         string
	proxyless       bool // none of its VMs has a sidecar
	groups          []*group
	services        []*service
	ports           []*port
	portNamed       map[string]*port                // the same by name
	portsAt         map[uint32][]*port              // and by the port of the VMs
	targets         map[string][]uint32             // where any VM listens, by the name of a port
	objects         []*manifest.Resource            // what is about it, but for its VMs
	sources         map[string][]*manifest.Resource // of its parts: allow, deny, mtls, jwt, sidecar
	annotations     map[string]string
	labels          map[string]string // of the workload itself
	out             schema.Workload
	telemetry       telemetry
	notes           notes // below the workload's own path
}

// note asks a person something at a field of the workload.
func (w *workload) note(field, text string) { w.notes[field] = text }

// group is what will be one group.
type group struct {
	name      string
	from      *manifest.Workload // its WorkloadGroup; nil where there are entries only, or a folder
	config    *config            // what istioctl wrote for one of its VMs; nil: nothing
	addresses []string           // of the VMs that it wrote something for
	entries   []*manifest.Workload
	auto      []*manifest.Workload // entries that istiod made
	labels    map[string]string    // of its VMs
	ports     map[string]uint32
	account   string
	version   string
	proxyless bool                // its VMs have no sidecar
	labelSets []map[string]string // see vms
	ofPorts   []map[string]uint32 // see portSets
}

// spec is the group's WorkloadGroup, empty where it has none.
func (g *group) spec() *networking.WorkloadGroup {
	if g.from == nil {
		return &networking.WorkloadGroup{}
	}
	return g.from.Spec.(*networking.WorkloadGroup)
}

// vms lists the label sets that VMs of the group have, each once. Its entries are all there when it is first called.
func (g *group) vms() []map[string]string {
	if g.labelSets == nil {
		g.labelSets = []map[string]string{g.labels}
		for _, e := range g.entries {
			g.labelSets = append(g.labelSets, e.Clients)
		}
		g.labelSets = distinct(g.labelSets)
	}
	return g.labelSets
}

// portSets lists the ports that the group and its VMs have, each set once, as vms does.
func (g *group) portSets() []map[string]uint32 {
	if g.ofPorts == nil {
		g.ofPorts = []map[string]uint32{g.ports}
		for _, e := range g.entries {
			g.ofPorts = append(g.ofPorts, e.Ports)
		}
		g.ofPorts = distinct(g.ofPorts)
	}
	return g.ofPorts
}

// distinct leaves the first of maps that are equal.
func distinct[V any](list []map[string]V) []map[string]V {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(m map[string]V) bool {
		key := fmt.Sprintf("%#v", m) // which prints keys in order
		known := seen[key]
		seen[key] = true
		return known
	})
}

// findWorkloads sorts WorkloadGroups and WorkloadEntries into workloads: those of one namespace with one label app.
func (i *importer) findWorkloads(configs []*config) {
	namespaces := map[string][]*manifest.Workload{}
	maps.Copy(namespaces, i.set.Namespaces())
	for _, c := range configs {
		if _, known := namespaces[c.namespace]; !known {
			namespaces[c.namespace] = nil
		}
	}
	for _, ns := range sorted(namespaces) {
		all := slices.Clone(namespaces[ns])
		slices.SortStableFunc(all, func(a, b *manifest.Workload) int { return cmp.Compare(a.Name, b.Name) })
		i.findGroups(ns, all, configs)
	}
	slices.SortStableFunc(i.workloads, func(a, b *workload) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
}

func (i *importer) findGroups(ns string, all []*manifest.Workload, configs []*config) {
	var groups []*group
	byName := map[string]*group{}
	byApp := map[string][]*group{}
	versions := versionsOf(all)
	add := func(g *group) {
		groups, byName[g.name] = append(groups, g), g
		byApp[g.labels["app"]] = append(byApp[g.labels["app"]], g)
	}
	for _, w := range all {
		if w.Group() && !i.skip[w.Resource] {
			g := &group{name: w.Name, from: w, labels: w.Clients, ports: w.Ports, account: w.Account, version: w.Clients["version"]}
			add(g)
			i.becomes(w.Resource, fate{identity: identity{kind: "WorkloadGroup", namespace: ns, name: w.Name}})
		}
	}
	for _, c := range configs {
		if c.namespace != ns {
			continue
		}
		g := byName[c.group]
		if g == nil {
			g = &group{name: c.group, labels: c.labels, ports: c.ports, account: c.account, version: c.labels["version"]}
			add(g)
		}
		if g.config == nil {
			g.config = c
		}
		if c.address != "" && !slices.Contains(g.addresses, c.address) {
			g.addresses = append(g.addresses, c.address)
		}
	}
	for _, w := range all {
		switch {
		case !w.Entry() || i.skip[w.Resource]:
		case madeByIstiod(w):
			g := byName[w.Auto()]
			if g == nil && w.Auto() != "" { // its WorkloadGroup is not among the objects
				g = &group{name: w.Auto(), labels: w.Clients, ports: w.Ports, account: w.Account, version: w.Clients["version"]}
				add(g)
			}
			if g != nil {
				g.auto = append(g.auto, w)
			}
			i.becomes(w.Resource, fate{left: true})
		case !isAddress(w.Address):
			i.leaves(w.Resource, w.Place("spec", "address"), "a spec takes IP addresses for VMs, and nothing else", "keep its manifest, or give the VM's IP address")
		default:
			g := byName[w.Auto()]
			if w.Auto() != "" {
				i.tellWritten(w)
			}
			if g == nil {
				candidates := groups // without the label, any may be the one
				if app := w.Clients["app"]; app != "" {
					candidates = byApp[app]
				}
				g = groupOf(w, candidates)
			}
			if g == nil {
				g = &group{name: freeName(ownGroupName(w, versions), byName), labels: w.Clients, ports: w.Ports, account: w.Account, version: w.Clients["version"]}
				add(g)
			}
			g.entries = append(g.entries, w)
		}
	}
	for _, g := range groups {
		g.shareLabels(i.out.used)
	}
	i.joinGroups(ns, groups)
}

// shareLabels leaves a group that is made of entries alone the labels that all of them have: the others are each VM's. Of
// a single entry, the labels that something selects by are taken for the group's.
func (g *group) shareLabels(used map[string]bool) {
	if g.from != nil || g.config != nil || len(g.entries) == 0 {
		return
	}
	labels := maps.Clone(g.entries[0].Clients)
	for _, e := range g.entries[1:] {
		maps.DeleteFunc(labels, func(k, v string) bool { return k != "app" && k != "version" && e.Clients[k] != v })
	}
	if len(g.entries) == 1 {
		maps.DeleteFunc(labels, func(k, _ string) bool {
			return !used[k] && k != "app" && k != "version" && !mesh.DerivedLabel(k) && !strings.Contains(k, ".io/")
		})
	}
	g.labels = labels
}

// tellWritten reports an entry with the annotation of those that istiod makes, which istiod did not make.
func (i *importer) tellWritten(w *manifest.Workload) {
	at := w.Place("metadata", "annotations").Key(autoGroup)
	i.say(ruleDifferent.At(at, "%s was not made by istiod, and has the annotation %s of those that were: the spec lists its VM without it",
		w, autoGroup).
		WithHelp("as it is, istiod makes a second entry when the VM registers; bring the VM the files of this spec, with which it does not"))
}

// autoGroup is the annotation of entries that istiod makes.
const autoGroup = "istio.io/autoRegistrationGroup"

// madeByIstiod reports whether istiod made an entry for a VM that registered by itself.
func madeByIstiod(w *manifest.Workload) bool {
	if !w.Entry() {
		return false
	}
	for _, key := range []string{"istio.io/workloadController", "istio.io/connectedAt", "istio.io/disconnectedAt"} {
		if w.Annotations[key] != "" {
			return true
		}
	}
	return controlled(w.Resource)
}

// longestName is more than the name of an object can have characters.
const longestName = 300

// isAddress reports whether a spec takes an address for a VM's.
func isAddress(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == "" && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
}

// controlled reports whether another object made this one, and will unmake it.
func controlled(r *manifest.Resource) bool {
	owners := r.Root.Get("metadata").Get("ownerReferences")
	if owners == nil {
		return false
	}
	for n := range owners.Items {
		if owners.Items[n].Get("kind").Text() == "WorkloadGroup" {
			return true
		}
	}
	return false
}

// plaintext reports whether the labels of a VM say that it is without a sidecar.
func plaintext(labels map[string]string) bool {
	return labels["security.istio.io/tlsMode"] == "disabled"
}

// findProxyless finds the groups whose VMs have no sidecar: those with the label, and those without a service account that no
// policy is for, to which clients speak plaintext as well.
func (i *importer) findProxyless() {
	for _, w := range i.workloads {
		s := &w.out.Security
		governed := len(s.Allow)+len(s.Deny)+len(s.JWT)+len(s.MTLS.Ports) > 0 || s.MTLS.Mode != "UNSET" || w.out.Sidecar != nil
		all := true
		for _, g := range w.groups {
			g.proxyless = g.from == nil && g.config == nil && len(g.auto) == 0 && len(g.entries) > 0
			for _, e := range g.entries {
				_, labelled := e.Clients["security.istio.io/tlsMode"]
				if e.Account != "" || labelled && !plaintext(e.Clients) || !labelled && governed {
					g.proxyless = false
				}
			}
			all = all && g.proxyless
			if g.proxyless && !plaintext(g.labels) {
				d := ruleDecide.At(g.entries[0].Place("metadata", "name"),
					"%s names no service account, so clients speak plaintext to it, and the spec has proxy: None", g.entries[0].Resource)
				d.Severity = diag.Info
				i.say(d.WithHelp("where the VM has a sidecar, remove the line, and give the workload a serviceAccount"))
			}
		}
		if w.proxyless = all && len(w.groups) > 0; w.proxyless {
			w.account, s.MTLS.Mode = "", ""
			delete(w.notes, "serviceAccount")
		}
	}
}

// groupOf finds the group that an entry is of: the same application, version and identity, and of several the one whose
// labels are its own, or whose name begins the entry's.
func groupOf(w *manifest.Workload, groups []*group) *group {
	var best *group
	most := 0
	for _, g := range groups {
		same := g.labels["app"] == w.Clients["app"] && (g.labels["app"] != "" || g.account == w.Account) || w.Clients["app"] == "" && g.account == w.Account && g.account != ""
		if plaintext(g.labels) != plaintext(w.Clients) {
			continue
		}
		if !same || g.version != w.Clients["version"] && w.Clients["version"] != "" || w.Account != "" && g.account != "" && w.Account != g.account {
			continue
		}
		score := 0
		if strings.HasPrefix(w.Name, g.name+"-") {
			score += len(g.name)
		}
		for key, value := range g.labels {
			switch { // what is derived, such as from a VM's own locality, tells nothing about its group
			case mesh.DerivedLabel(key) || strings.HasPrefix(key, "service.istio.io/canonical-"):
			case w.Clients[key] == value:
				score += longestName
			default:
				score -= longestName
			}
		}
		if best == nil || score > most {
			best, most = g, score
		}
	}
	return best
}

// joinGroups makes workloads of the groups with one label app. Without the label, a group is known by what else names it.
func (i *importer) joinGroups(ns string, groups []*group) {
	byApp := map[string]*workload{}
	taken := map[string]*workload{}
	slices.SortStableFunc(groups, func(a, b *group) int { return cmp.Compare(a.name, b.name) })
	for _, g := range groups {
		app := g.labels["app"]
		key := app
		if app == "" {
			key = "\x00" + first(g.labels["app.kubernetes.io/name"], g.labels["service.istio.io/canonical-name"], g.name)
		}
		w := byApp[key]
		if w == nil {
			w = &workload{namespace: ns, app: app, name: freeName(dnsName(strings.TrimPrefix(key, "\x00")), taken), notes: notes{}}
			byApp[key], taken[w.name] = w, w
			i.workloads = append(i.workloads, w)
		}
		w.groups = append(w.groups, g)
		for _, r := range g.resources() {
			if w.at == nil {
				w.at = r.Place("metadata", "name")
			}
		}
		if w.at == nil && g.config != nil {
			w.at = g.config.at
		}
	}
	for _, w := range taken {
		w.chooseAccount()
		i.commonAnnotations(w)
		i.out.anchors[ns+"/"+w.name] = w.at
	}
}

// resources lists the objects that the group is made of.
func (g *group) resources() []*manifest.Resource {
	var list []*manifest.Resource
	if g.from != nil {
		list = append(list, g.from.Resource)
	}
	for _, e := range g.entries {
		list = append(list, e.Resource)
	}
	return list
}

// chooseAccount takes the service account that most of its VMs have.
func (w *workload) chooseAccount() {
	votes := map[string]int{}
	for _, g := range w.groups {
		if g.account != "" {
			votes[g.account] += 1 + len(g.entries)
		}
		for _, e := range g.entries {
			if e.Account != "" {
				votes[e.Account]++
			}
		}
	}
	most := 0
	for _, name := range sorted(votes) {
		if votes[name] > most {
			w.account, most = name, votes[name]
		}
	}
	if w.account == "" {
		w.account = "default"
		w.note("serviceAccount", "no manifest names one, and istioctl then uses default. Clients call the VMs by mTLS with it, which "+
			"needs a sidecar there; policies can tell only an identity of their own from others")
	}
}

// commonAnnotations finds the annotations of the workload: those that its Services have alike, or its groups where it has
// no Service. A key that a group lacks is not the workload's, since a build would add it there.
func (i *importer) commonAnnotations(w *workload) {
	if i.servicesOf == nil {
		i.servicesOf = map[[2]string][]*manifest.ServiceView{}
		for _, v := range i.set.Services() {
			if app := v.Selector["app"]; app != "" {
				key := [2]string{v.Namespace, app}
				i.servicesOf[key] = append(i.servicesOf[key], v)
			}
		}
	}
	services := i.servicesOf[[2]string{w.namespace, w.app}]
	var ofServices, ofGroups map[string]string
	for _, v := range services {
		ofServices = alike(ofServices, v.Annotations)
	}
	for _, g := range w.groups {
		if g.from != nil {
			ofGroups = alike(ofGroups, g.spec().GetMetadata().GetAnnotations())
		}
	}
	w.annotations = map[string]string{}
	maps.Copy(w.annotations, ofGroups)
	if len(services) > 0 {
		// What GitOps tools read differs by kind, so there the groups alone tell.
		maps.DeleteFunc(w.annotations, func(k, _ string) bool { return !delivery(k) })
		maps.DeleteFunc(ofServices, func(k, _ string) bool { return delivery(k) })
		maps.Copy(w.annotations, ofServices)
	}
	for _, g := range w.groups {
		if g.from != nil {
			own := g.spec().GetMetadata().GetAnnotations()
			maps.DeleteFunc(w.annotations, func(k, _ string) bool { _, has := own[k]; return !has })
		}
	}
	maps.DeleteFunc(w.annotations, func(k, _ string) bool { return refusedAnnotation(k) })
}

// alike returns what both maps have; before is nil for the first of several.
func alike(before, next map[string]string) map[string]string {
	if before == nil {
		return manifest.Over(map[string]string{}, maps.Clone(next))
	}
	maps.DeleteFunc(before, func(k, v string) bool { other, has := next[k]; return !has || other != v })
	return before
}

// ownAnnotations are the annotations that a group has beyond those of its workload.
func (g *group) ownAnnotations(w *workload) map[string]string {
	own := map[string]string{}
	annotations := g.spec().GetMetadata().GetAnnotations()
	if g.from == nil { // those that all of its entries have
		for n, e := range g.entries {
			if n == 0 {
				annotations = nil
			}
			annotations = alike(annotations, e.Annotations)
		}
	}
	for k, v := range annotations {
		if above, has := w.annotations[k]; (!has || above != v) && !refusedAnnotation(k) {
			own[k] = v
		}
	}
	if len(own) == 0 {
		return nil
	}
	return own
}
