package lint

import (
	"maps"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

var hiddenFromCallers = diag.Rule{
	ID: "VM514", Name: "hidden-from-callers", Severity: diag.Error,
	Doc: "Whoever may call a service can see it.",
	Long: "exportTo says which namespaces know a host and its routes. A caller of another one does not have a cluster for it: the call goes past the mesh or fails, whatever the AuthorizationPolicy allows (istio: " +
		"pilot/pkg/model/push_context.go).",
	Bad:  "spec:\n  workloads:\n  - services: [{name: pay, exportTo: [\".\"]}]\n    security: {allow: [{name: web, from: [{serviceAccounts: [frontend/web]}]}]}",
	Good: "spec:\n  workloads:\n  - services: [{name: pay, exportTo: [\".\", frontend]}]\n    security: {allow: [{name: web, from: [{serviceAccounts: [frontend/web]}]}]}",
}

// seen reports whether exportTo, of an object in a namespace, shows it to another one.
func seen(exportTo []string, own, namespace string) bool {
	return len(exportTo) == 0 || slices.Contains(exportTo, "*") || slices.Contains(exportTo, namespace) || own == namespace && slices.Contains(exportTo, ".")
}

// callersOf are the namespaces of the service accounts that rules let in by name, each with the place that says so.
func callersOf(rules []*security.Rule, at func(rule, from int) diag.Path, own string) map[string]diag.Path {
	found := map[string]diag.Path{}
	for i, rule := range rules {
		for j, from := range rule.GetFrom() {
			source := from.GetSource()
			note := func(namespace, key string, k int) {
				if _, said := found[namespace]; !said && namespace != "" && !strings.Contains(namespace, "*") {
					found[namespace] = at(i, j).Key(key).Item(k, "")
				}
			}
			for k, a := range source.GetServiceAccounts() {
				namespace, _, cut := strings.Cut(a, "/")
				if !cut {
					namespace = own
				}
				note(namespace, "serviceAccounts", k)
			}
			for k, p := range source.GetPrincipals() {
				if parts := strings.Split(p, "/"); len(parts) == 5 && parts[1] == "ns" {
					note(parts[2], "principals", k)
				}
			}
			for k, n := range source.GetNamespaces() {
				note(n, "namespaces", k)
			}
		}
	}
	return found
}

// findHiddenFromCallers speaks where no service of the workload is seen by the caller.
func findHiddenFromCallers(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		if len(w.Services) == 0 || !slices.ContainsFunc(w.Services, func(s *mesh.Service) bool { return len(s.ExportTo) > 0 }) {
			continue
		}
		callers := callersOf(w.Allow, func(rule, from int) diag.Path { return w.AllowAt[rule].Key("from").Item(from, "") }, w.Namespace)
		for _, namespace := range sorted(callers) {
			if slices.ContainsFunc(w.Services, func(s *mesh.Service) bool { return seen(s.ExportTo, w.Namespace, namespace) }) {
				continue
			}
			s := w.Services[0]
			report(hiddenFromCallers.At(s.At.Key("exportTo"), "callers in namespace %q are let in and cannot see service %q", namespace, s.Name).
				WithHelp("add %q to exportTo, or take the rule that lets them in away", namespace))
		}
	}
}

// exported is an object's exportTo: a field of Istio's kinds, an annotation of a Service.
func exported(s *manifest.Set, h meshHost, entries map[string]entry) (of *manifest.Resource, list []string, at diag.Path) {
	if v := service(s, h); v != nil {
		const key = "networking.istio.io/exportTo"
		if v.Annotations[key] == "" {
			return v.Resource, nil, nil
		}
		for _, word := range strings.Split(v.Annotations[key], ",") {
			list = append(list, strings.TrimSpace(word))
		}
		return v.Resource, list, v.Place("metadata", "annotations", key)
	}
	if e := entries[h.text]; e.spec != nil {
		return e.Resource, e.spec.ExportTo, e.Place("spec", "exportTo")
	}
	return nil, nil, nil
}

// findHiddenDestinations is [hiddenFromCallers] of manifests: callers that a policy lets in, and routes of other namespaces.
func findHiddenDestinations(s *manifest.Set, report Report) {
	entries := serviceEntries(s)
	said := map[[2]string]bool{}
	say := func(of *manifest.Resource, list []string, at diag.Path, namespace, why string) {
		key := [2]string{of.String(), namespace}
		if of == nil || namespace == "" || seen(list, of.Namespace, namespace) || said[key] {
			return
		}
		said[key] = true
		report(hiddenFromCallers.At(at, "namespace %q cannot see %s, and %s", namespace, of, why).WithHelp("add %q to it", namespace))
	}
	for r, vs := range manifest.Each[*networking.VirtualService](s) {
		if !inMesh(vs) {
			continue
		}
		for d := range destinations(r, vs) {
			if of, list, at := exported(s, hostOf(d.to.GetHost(), r.Namespace), entries); of != nil && len(list) > 0 {
				say(of, list, at, r.Namespace, r.String()+" leads there")
			}
		}
	}
	// Which Services a workload has that hide it, and the policies that let callers in to it.
	hidden := map[*manifest.Workload][]*manifest.ServiceView{}
	open := map[*manifest.Workload]bool{}
	for _, v := range s.Services() {
		_, list, _ := exported(s, meshHost{namespace: v.Namespace, name: v.Name}, nil)
		for _, w := range vms(s.Selected(v.Namespace, v.Selector)) {
			if len(list) > 0 {
				hidden[w] = append(hidden[w], v)
			} else {
				open[w] = true
			}
		}
	}
	if len(hidden) == 0 {
		return
	}
	for r, p := range manifest.Each[*security.AuthorizationPolicy](s) {
		labels := p.GetSelector().GetMatchLabels()
		if p.Action != security.AuthorizationPolicy_ALLOW || len(labels) == 0 {
			continue
		}
		callers := callersOf(p.Rules, func(int, int) diag.Path { return r.Place("spec", "rules") }, r.Namespace)
		for _, w := range s.Governed(r.Namespace, labels) {
			if len(hidden[w]) == 0 || open[w] {
				continue
			}
			for _, namespace := range sorted(callers) {
				visible := slices.ContainsFunc(hidden[w], func(v *manifest.ServiceView) bool {
					_, list, _ := exported(s, meshHost{namespace: v.Namespace, name: v.Name}, nil)
					return seen(list, v.Namespace, namespace)
				})
				if !visible {
					of, list, at := exported(s, meshHost{namespace: hidden[w][0].Namespace, name: hidden[w][0].Name}, nil)
					say(of, list, at, namespace, r.String()+" lets it in")
				}
			}
			break // one of the selected speaks for all
		}
	}
}

var hiddenBySidecar = diag.Rule{
	ID: "VM515", Name: "hidden-by-sidecar", Severity: diag.Warning,
	Doc: "A namespace whose Sidecar lists what it sees lists the services of VMs that let it in.",
	Long: "A Sidecar's egress hosts are all that its workloads know. A service that is not among them does not have a cluster there and no name in the sidecar's DNS (istio: pilot/pkg/model/sidecar.go): the " +
		"policy lets the caller in, and the call never comes.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: default, namespace: web}\nspec: {egress: [{hosts: [\"./*\", \"istio-system/*\"]}]}\n---\n" + payService + vmGood +
		"---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {matchLabels: {app: pay}}, rules: [{from: [{source: {namespaces: [web]}}]}]}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: default, namespace: web}\nspec: {egress: [{hosts: [\"./*\", \"istio-system/*\", shop/pay.shop.svc.cluster.local]}]}\n---\n" + payService + vmGood +
		"---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {matchLabels: {app: pay}}, rules: [{from: [{source: {namespaces: [web]}}]}]}\n",
}

// imports reports whether an egress host (namespace/name) has a Service.
func imports(host, own string, v *manifest.ServiceView) bool {
	namespace, name, cut := strings.Cut(host, "/")
	if !cut {
		return false
	}
	if namespace == "." {
		namespace = own
	}
	if namespace != "*" && namespace != v.Namespace {
		return false
	}
	full := v.Name + "." + v.Namespace + ".svc"
	return name == "*" || strings.HasPrefix(name, full) || strings.HasPrefix(name, "*.") && strings.Contains("."+full+".cluster.local", strings.TrimPrefix(name, "*"))
}

// findHiddenBySidecars looks at Sidecars of whole namespaces: they are what a policy's caller in it has.
func findHiddenBySidecars(s *manifest.Set, report Report) {
	type side struct {
		r *manifest.Resource
		e *networking.Sidecar
	}
	of := map[string]side{}
	for r, e := range manifest.Each[*networking.Sidecar](s) {
		if len(e.GetWorkloadSelector().GetLabels()) == 0 && len(e.Egress) > 0 {
			of[r.Namespace] = side{r, e}
		}
	}
	if len(of) == 0 {
		return
	}
	served := map[*manifest.Workload][]*manifest.ServiceView{}
	for _, v := range s.Services() {
		for _, w := range vms(s.Selected(v.Namespace, v.Selector)) {
			served[w] = append(served[w], v)
		}
	}
	for r, p := range manifest.Each[*security.AuthorizationPolicy](s) {
		labels := p.GetSelector().GetMatchLabels()
		if p.Action != security.AuthorizationPolicy_ALLOW || len(labels) == 0 {
			continue
		}
		selected := s.Governed(r.Namespace, labels)
		if len(selected) == 0 || len(served[selected[0]]) == 0 {
			continue
		}
		callers := callersOf(p.Rules, func(int, int) diag.Path { return nil }, r.Namespace)
		for _, namespace := range sorted(callers) {
			sidecar, there := of[namespace]
			if !there || namespace == r.Namespace {
				continue
			}
			visible := slices.ContainsFunc(served[selected[0]], func(v *manifest.ServiceView) bool {
				return slices.ContainsFunc(sidecar.e.Egress, func(l *networking.IstioEgressListener) bool {
					return slices.ContainsFunc(l.GetHosts(), func(host string) bool { return imports(host, namespace, v) })
				})
			})
			if v := served[selected[0]][0]; !visible {
				report(hiddenBySidecar.At(sidecar.r.Place("spec", "egress").Item(0, "").Key("hosts"), "workloads of namespace %q do not see %s, and %s lets them in", namespace, v.Resource, r).
					WithHelp("add %s/%s.%s.svc.cluster.local", v.Namespace, v.Name, v.Namespace))
			}
		}
	}
}

var ruleElsewhere = diag.Rule{
	ID: "VM505", Name: "rule-in-unread-namespace", Severity: diag.Warning,
	Doc: "A DestinationRule is in the namespace of its service, of its clients or of the whole mesh.",
	Long: "For a host Istio looks for a rule in the client's namespace, then in the service's, then in the root namespace (istio: pilot/pkg/model/push_context.go). One that is anywhere else is never used. " +
		"This is judged where there is nothing that could call in the rule's namespace, and other namespaces have workloads.",
	Bad: payService + vmGood + "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: pay, namespace: policies}\nspec: {host: pay.shop.svc.cluster.local, trafficPolicy: {connectionPool: {tcp: {maxConnections: 100}}}}\n---\n" +
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: policies}\n",
	Good: payService + vmGood + "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: pay, namespace: shop}\nspec: {host: pay.shop.svc.cluster.local, trafficPolicy: {connectionPool: {tcp: {maxConnections: 100}}}}\n",
}

// findRulesElsewhere takes a namespace for one without clients if its Namespace is among the manifests, and no workload
// and no ServiceAccount of it is.
func findRulesElsewhere(s *manifest.Set, report Report) {
	accounts := map[string]bool{}
	for _, r := range s.OfKind("", "ServiceAccount") {
		accounts[r.Namespace] = true
	}
	for r, rule := range manifest.Each[*networking.DestinationRule](s) {
		v := service(s, hostOf(rule.Host, r.Namespace))
		if v == nil || v.Namespace == r.Namespace || v.Namespace == "" || r.Namespace == rootNamespace || accounts[r.Namespace] ||
			len(s.Workloads(r.Namespace)) > 0 || s.Find("", "Namespace", "", r.Namespace) == nil || len(vms(s.Selected(v.Namespace, v.Selector))) == 0 {
			continue
		}
		report(ruleElsewhere.At(r.Place("metadata", "namespace"), "Istio ignores this rule: it is neither in %s's namespace nor in one with clients", v.Resource).
			WithHelp("put it into namespace %s, or into %s for the whole mesh", v.Namespace, rootNamespace))
	}
}
