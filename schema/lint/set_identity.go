package lint

import (
	"net/netip"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// virtual lists the VMs of a set, by which istiod knows them, in the order in which they came.
func virtual(s *manifest.Set) []*manifest.Workload {
	var all []*manifest.Workload
	for _, r := range s.All() {
		switch r.Spec.(type) {
		case *networking.WorkloadEntry, *networking.WorkloadGroup:
			if w := s.Workload(r); w != nil {
				all = append(all, w)
			}
		}
	}
	return all
}

// itsVMs names the VMs that an entry or a group represents.
func itsVMs(w *manifest.Workload) string {
	if w.Entry() {
		return "its VM"
	}
	return "its VMs"
}

var missingAccount = diag.Rule{
	ID: "VM101", Name: "missing-service-account", Severity: diag.Warning,
	Doc: "A WorkloadEntry or WorkloadGroup names the service account of its VMs.",
	Long: "istiod takes an endpoint without a service account for one without a sidecar: clients send it plaintext, which a VM in STRICT mode " +
		"refuses, and clients in another network get no such endpoint at all (istio: pilot/pkg/serviceregistry/serviceentry/conversion.go). " +
		"An entry of a machine that really does not have a sidecar says so with the label security.istio.io/tlsMode: disabled.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-vm1, namespace: shop}\n" +
		"spec: {address: 192.168.1.100, labels: {app: pay}}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-vm1, namespace: shop}\n" +
		"spec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay}\n",
}

func findMissingAccounts(s *manifest.Set, report Report) {
	policies := peersOf(s)
	mutual := mutualVMs(s)
	for _, w := range virtual(s) {
		if _, set := w.Clients[tlsModeLabel]; w.Account != "" || set || mutual[w] {
			continue
		}
		d := missingAccount.At(w.AccountAt, "%s does not have a serviceAccount: clients will send %s plaintext", w.Resource, itsVMs(w)).
			WithHelp("name the ServiceAccount that the VMs run as; a machine without a sidecar has the label security.istio.io/tlsMode: disabled")
		if at := policies.strict(w.Namespace, w.Own); at != nil {
			d.Severity = diag.Error
			d.Message += ", which " + at.String() + " refuses"
		}
		report(d)
	}
}

// mutualVMs finds the workloads behind hosts whose DestinationRule has clients begin mTLS, whatever the endpoint has.
func mutualVMs(s *manifest.Set) map[*manifest.Workload]bool {
	found := map[*manifest.Workload]bool{}
	rules := destinationRules(s)
	if len(rules) == 0 {
		return found
	}
	mutual := func(host, namespace string) bool {
		return slices.ContainsFunc(rulesOf(rules, hostOf(host, namespace)), func(r ruled) bool {
			return r.rule.GetTrafficPolicy().GetTls().GetMode() == networking.ClientTLSSettings_ISTIO_MUTUAL
		})
	}
	for _, v := range s.Services() {
		if mutual(v.Name, v.Namespace) {
			for _, w := range s.Selected(v.Namespace, v.Selector) {
				found[w] = true
			}
		}
	}
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		if slices.ContainsFunc(e.Hosts, func(h string) bool { return mutual(h, r.Namespace) }) {
			for _, w := range s.Selected(r.Namespace, e.GetWorkloadSelector().GetLabels()) {
				found[w] = true
			}
		}
	}
	return found
}

// everyNamespaces is the ServiceAccount that Kubernetes makes in every namespace.
const everyNamespaces = "default"

var unknownAccount = diag.Rule{
	ID: "VM102", Name: "unknown-service-account", Severity: diag.Error,
	Doc: "The service account of VMs has the name that its ServiceAccount has.",
	Long: "A VM's token is asked for in the name of this service account; without the ServiceAccount the request fails, and the VM never gets " +
		"a certificate. An overlay's `namePrefix` renames the ServiceAccount and leaves the field as it is. A service account that is " +
		"someone else's, and nothing in these manifests resembles, is not judged.",
	Bad: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: staging-pay-sa, namespace: shop}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: staging-pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay-sa}}\n",
	Good: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: staging-pay-sa, namespace: shop}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: staging-pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: staging-pay-sa}}\n",
}

func findUnknownAccounts(s *manifest.Set, report Report) {
	type account struct{ namespace, name string }
	type answer struct {
		meant *manifest.Resource
		fate  string
	}
	known := map[account]answer{} // a fleet has thousands of VMs and few accounts
	for _, w := range virtual(s) {
		if w.Account == "" || w.Account == everyNamespaces || s.Find("", "ServiceAccount", w.Namespace, w.Account) != nil {
			continue
		}
		key := account{w.Namespace, w.Account}
		a, asked := known[key]
		if !asked {
			a.meant, a.fate = lost(s, reference{w.Resource, "", "ServiceAccount", w.Namespace, w.Account, true})
			known[key] = a
		}
		meant, fate := a.meant, a.fate
		if meant == nil {
			continue
		}
		help := "write " + meant.Name
		if fate != nearly {
			help += "; " + accountHelp
		}
		report(unknownAccount.At(w.AccountAt, "there is no ServiceAccount %q in namespace %s: %s %s", w.Account, spokenNamespace(w.Namespace), meant, fate).
			WithHelp("%s", help))
	}
}

var unknownCaller = diag.Rule{
	ID: "VM620", Name: "unknown-caller", Severity: diag.Warning,
	Doc: "The service accounts that an AuthorizationPolicy speaks of have the names that their ServiceAccounts have.",
	Long: "A policy compares names. One that speaks of a service account that was renamed allows no one, or no longer keeps " +
		"anybody out. An overlay's `namePrefix` changes the ServiceAccount and leaves policies as they are.",
	Bad: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: staging-web, namespace: shop}\n---\n" +
		"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: staging-pay, namespace: shop}\nspec: {rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}]}\n",
	Good: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: staging-web, namespace: shop}\n---\n" +
		"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: staging-pay, namespace: shop}\nspec: {rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/staging-web]}}]}]}\n",
}

var principalForm = diag.Rule{
	ID: "VM609", Name: "principal-form", Severity: diag.Error,
	Doc: "A principal is written <trust domain>/ns/<namespace>/sa/<service account>, in a trust domain of the mesh.",
	Long: "Istio compares a principal with the name in the caller's certificate, without the scheme. `spiffe://…` and a bare service account " +
		"name equal no caller's: an ALLOW with it allows no client, and a DENY blocks none. cluster.local means the mesh's own trust domain, whatever its name; another " +
		"one that is not an alias of it is compared as it is (istio: pilot/pkg/security/trustdomain/bundle.go).",
	Bad:  "allow: [{name: web, from: [{principals: [\"spiffe://cluster.local/ns/web/sa/web\"]}]}]",
	Good: "allow: [{name: web, from: [{principals: [cluster.local/ns/web/sa/web]}]}]",
}

// callers walks over the identities that AuthorizationPolicies speak of.
func callers(s *manifest.Set, principal, account func(r *manifest.Resource, value string, at diag.Path)) {
	for r, p := range manifest.Each[*security.AuthorizationPolicy](s) {
		for i, rule := range p.Rules {
			for j, from := range rule.GetFrom() {
				source := from.GetSource()
				at := r.Place("spec", "rules").Item(i, "").Key("from").Item(j, "").Key("source")
				for _, list := range []struct {
					key    string
					values []string
					take   func(*manifest.Resource, string, diag.Path)
				}{
					{"principals", source.GetPrincipals(), principal}, {"notPrincipals", source.GetNotPrincipals(), principal},
					{"serviceAccounts", source.GetServiceAccounts(), account}, {"notServiceAccounts", source.GetNotServiceAccounts(), account},
				} {
					for k, value := range list.values {
						list.take(r, value, at.Key(list.key).Item(k, ""))
					}
				}
			}
		}
	}
}

func findUnknownCallers(s *manifest.Set, report Report) {
	check := func(r *manifest.Resource, namespace, name, rest string, at diag.Path) {
		if name == everyNamespaces || strings.Contains(name, "*") || s.Find("", "ServiceAccount", namespace, name) != nil {
			return
		}
		meant, fate := lost(s, reference{r, "", "ServiceAccount", namespace, name, false})
		if meant == nil {
			return
		}
		write := meant.Namespace + "/" + meant.Name
		if rest != "" {
			write = rest + "/ns/" + meant.Namespace + "/sa/" + meant.Name
		}
		report(unknownCaller.At(at, "there is no ServiceAccount %q in namespace %s: %s %s", name, spokenNamespace(namespace), meant, fate).
			WithHelp("write %s", write))
	}
	callers(s, func(r *manifest.Resource, value string, at diag.Path) {
		if parts := strings.Split(value, "/"); len(parts) == 5 && parts[1] == "ns" && parts[3] == "sa" {
			check(r, parts[2], parts[4], parts[0], at)
		}
	}, func(r *manifest.Resource, value string, at diag.Path) {
		namespace, name, cut := strings.Cut(value, "/")
		if !cut {
			namespace, name = r.Namespace, value
		}
		check(r, namespace, name, "", at)
	})
}

// principalFault finds a principal that no caller can have.
func principalFault(value string, at diag.Path) (diag.Diagnostic, bool) {
	if rest, is := strings.CutPrefix(value, "spiffe://"); is {
		return principalForm.At(at, "no caller has the principal %q: it is compared without spiffe://", value).WithHelp("write %s", rest), true
	}
	if parts := strings.Split(value, "/"); !strings.Contains(value, "*") && (len(parts) != 5 || parts[1] != "ns" || parts[3] != "sa") {
		return principalForm.At(at, "no caller has the principal %q", value).
			WithHelp("write <trust domain>/ns/<namespace>/sa/<service account>, such as cluster.local/ns/frontend/sa/web"), true
	}
	return diag.Diagnostic{}, false
}

func findPrincipalForms(s *manifest.Set, report Report) {
	callers(s, func(_ *manifest.Resource, value string, at diag.Path) {
		if d, wrong := principalFault(value, at); wrong {
			report(d)
		}
	}, func(*manifest.Resource, string, diag.Path) {})
}

// findPrincipals is findPrincipalForms of a spec, which knows the trust domain besides. One that is not the mesh's may be
// that of another mesh whose roots are trusted, so it is a note.
func findPrincipals(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		domains := []string{"cluster.local", w.Istio().TrustDomain}
		if c := w.Spec.ControlPlane; c != nil {
			domains = append(domains, c.MeshConfig.GetTrustDomainAliases()...)
		}
		check := func(rules []*security.Rule, places []diag.Path) {
			for i, rule := range rules {
				for j, from := range rule.GetFrom() {
					at := places[i].Key("from").Item(j, "")
					for key, list := range map[string][]string{"principals": from.GetSource().GetPrincipals(), "notPrincipals": from.GetSource().GetNotPrincipals()} {
						for k, value := range list {
							if d, wrong := principalFault(value, at.Key(key).Item(k, "")); wrong {
								report(d)
								continue
							}
							domain, _, _ := strings.Cut(value, "/")
							if strings.Contains(domain, "*") || slices.Contains(domains, domain) {
								continue
							}
							d := principalForm.At(at.Key(key).Item(k, ""), "%q is not the trust domain of the mesh, which is %q", domain, w.Istio().TrustDomain).
								WithHelp("write serviceAccounts: [<namespace>/<name>], or add an alias to controlPlane.meshConfig.trustDomainAliases")
							d.Severity = diag.Info
							report(d)
						}
					}
				}
			}
		}
		check(w.Allow, w.AllowAt)
		check(w.Deny, w.DenyAt)
	}
}

// findDuplicateEntries is [duplicateAddress] and [staticBesideAuto] of manifests.
func findDuplicateEntries(s *manifest.Set, report func(first, second *manifest.Workload)) {
	type place struct{ network, address string }
	seen := map[place]*manifest.Workload{}
	for _, w := range virtual(s) {
		if !w.Entry() || w.Address == "" {
			continue
		}
		address := w.Address
		if a, err := netip.ParseAddr(address); err == nil {
			address = a.String()
		}
		p := place{w.Network, address}
		if first := seen[p]; first != nil {
			report(first, w)
			continue
		}
		seen[p] = w
	}
}

func findDuplicateEntryAddresses(s *manifest.Set, report Report) {
	findDuplicateEntries(s, func(first, second *manifest.Workload) {
		if (first.Auto() == "") != (second.Auto() == "") || first.Namespace != second.Namespace {
			return
		}
		help := duplicateHelp
		if first.Labels["app"] != second.Labels["app"] {
			help = "if this is one VM with several applications, write one entry with the ports of all of them, and a Service for each " +
				"that selects it; else " + help
		}
		report(duplicateAddress.At(second.Place("spec", "address"), "%s is the address of %s too", second.Address, first.Resource).
			WithHelp("%s", help))
	})
}

var foreignAddress = diag.Rule{
	ID: "VM114", Name: "address-of-another-namespace", Severity: diag.Warning,
	Doc: "The address of a VM is not that of a WorkloadEntry of another namespace.",
	Long: "istiod tells a connecting VM by its address. Where an entry of another namespace has it, and none of the VM's own, the VM is taken for that one, with its Services and " +
		"ports (istio: pilot/pkg/serviceregistry/util/workloadinstances). Where both have it, two services send their traffic to one VM, whose certificate is that of one of them.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-vm1, namespace: shop}\nspec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: cart-vm1, namespace: cart}\nspec: {address: 192.168.1.100, labels: {app: cart}, serviceAccount: cart}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-vm1, namespace: shop}\nspec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: cart-vm1, namespace: cart}\nspec: {address: 192.168.1.101, labels: {app: cart}, serviceAccount: cart}\n",
}

func findForeignAddresses(s *manifest.Set, report Report) {
	findDuplicateEntries(s, func(first, second *manifest.Workload) {
		if first.Namespace != second.Namespace && (first.Auto() == "") == (second.Auto() == "") {
			report(foreignAddress.At(second.Place("spec", "address"), "%s is the address of %s too", second.Address, first.Resource).
				WithHelp("a VM is in one namespace: delete one of the entries, or put VMs whose addresses overlap into networks of their own"))
		}
	})
}

var staticBesideAuto = diag.Rule{
	ID: "VM109", Name: "static-beside-auto", Severity: diag.Error,
	Doc: "A VM that registers itself does not also have a hand-written WorkloadEntry.",
	Long: "Of two WorkloadEntries for one VM clients see two endpoints, so that the VM gets twice its share; health is reported on one of them " +
		"alone, and the other gets traffic while the VM is down (istio: pilot/pkg/serviceregistry/util/workloadinstances).",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-vm1, namespace: shop}\nspec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-192.168.1.100, namespace: shop, annotations: {istio.io/autoRegistrationGroup: pay}}\nspec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-192.168.1.100, namespace: shop, annotations: {istio.io/autoRegistrationGroup: pay}}\nspec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay}\n",
}

// autoGroup is the annotation of an entry that istiod made for a VM that registered.
const autoGroup = "istio.io/autoRegistrationGroup"

func findStaticBesideAuto(s *manifest.Set, report Report) {
	findDuplicateEntries(s, func(first, second *manifest.Workload) {
		static, auto := first, second
		if static.Auto() != "" {
			static, auto = auto, static
		}
		if static.Auto() == "" && auto.Auto() != "" {
			report(staticBesideAuto.At(static.Place("spec", "address"), "the VM at %s has registered itself, as %s", static.Address, auto.Resource).
				WithHelp("delete %s, or take ISTIO_META_AUTO_REGISTER_GROUP from the VM's settings", static.Resource))
		}
	})
	for _, w := range virtual(s) {
		group := w.Auto()
		if group == "" || w.Address == "" || w.Annotations["istio.io/workloadController"] != "" {
			continue // istiod writes both annotations
		}
		name := group + "-" + strings.ReplaceAll(w.Address, ":", "-")
		if w.Network != "" {
			name += "-" + w.Network
		}
		if w.Name != name {
			report(staticBesideAuto.At(w.Place("metadata", "annotations").Key(autoGroup),
				"%s has the annotation of entries that istiod makes, and not their name: when its VM registers there is a second one", w.Resource).Key().
				WithHelp("delete the entry, since istiod makes %s; or remove the annotation, and ISTIO_META_AUTO_REGISTER_GROUP from the VM", name))
		}
	}
}

var hostNameAddress = diag.Rule{
	ID: "VM118", Name: "entry-without-ip", Severity: diag.Error,
	Doc: "A WorkloadEntry that a Service selects has an IP address.",
	Long: "A Service's endpoints are IP addresses. istiod leaves out an entry whose address is a host name or a socket, without an error; only a " +
		"ServiceEntry whose resolution is DNS takes one (istio: pilot/pkg/serviceregistry/serviceentry/conversion.go).",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-vm1, namespace: shop}\nspec: {address: vm1.example.com, labels: {app: pay}, serviceAccount: pay}\n---\n" +
		"apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80}]}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-vm1, namespace: shop}\nspec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay}\n---\n" +
		"apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80}]}\n",
}

func findHostNameAddresses(s *manifest.Set, report Report) {
	said := map[*manifest.Workload]bool{}
	check := func(by *manifest.Resource, selected []*manifest.Workload) {
		for _, w := range selected {
			if !w.Entry() || w.Address == "" || said[w] {
				continue
			}
			if _, err := netip.ParseAddr(w.Address); err == nil {
				continue
			}
			said[w] = true
			report(hostNameAddress.At(w.Place("spec", "address"), "%q is not an IP address: %s takes no such endpoint", w.Address, by).
				WithHelp("write the VM's IP address, or let a ServiceEntry with resolution: DNS select the entry"))
		}
	}
	for _, v := range s.Services() {
		check(v.Resource, s.Selected(v.Namespace, v.Selector))
	}
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		if e.Resolution == networking.ServiceEntry_STATIC {
			check(r, s.Selected(r.Namespace, e.GetWorkloadSelector().GetLabels()))
		}
	}
}

var noLabels = diag.Rule{
	ID: "VM119", Name: "entry-without-labels", Severity: diag.Error,
	Doc: "A WorkloadEntry or WorkloadGroup has labels.",
	Long: "Services, ServiceEntries, subsets and policies select by labels. A VM without any is selected by none of them: it gets no traffic, " +
		"and no policy of its own. The labels of a group's VMs are in spec.metadata.labels; those of the group's own metadata are not theirs.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop, labels: {app: pay}}\n" +
		"spec: {template: {serviceAccount: pay}}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop, labels: {app: pay}}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n",
}

func findNoLabels(s *manifest.Set, report Report) {
	for _, w := range virtual(s) {
		if len(w.Clients) > 0 {
			continue
		}
		help := "add spec.labels, with app at least"
		if w.Group() {
			help = "add spec.metadata.labels, with app at least"
		}
		report(noLabels.At(w.LabelsAt, "%s gives %s no labels: nothing can select them", w.Resource, itsVMs(w)).WithHelp("%s", help))
	}
}
