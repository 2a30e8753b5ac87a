package lint

import (
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// ruled is a DestinationRule and its object.
type ruled struct {
	*manifest.Resource
	rule *networking.DestinationRule
}

// destinationRules lists the DestinationRules of each host.
func destinationRules(s *manifest.Set) map[string][]ruled {
	found := map[string][]ruled{}
	for r, rule := range manifest.Each[*networking.DestinationRule](s) {
		host := hostOf(rule.Host, r.Namespace).text
		found[host] = append(found[host], ruled{r, rule})
	}
	return found
}

// rulesOf lists the DestinationRules of a host. One whose namespace is not written may be in the host's.
func rulesOf(rules map[string][]ruled, h meshHost) []ruled {
	if unplaced := rules[h.name+"..svc"]; h.namespace != "" && len(unplaced) > 0 {
		return slices.Concat(rules[h.text], unplaced)
	}
	return rules[h.text]
}

const (
	payService = "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80, targetPort: 8080}]}\n---\n"
	payRule    = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: pay, namespace: shop}\nspec: {host: pay, subsets: [{name: stable, labels: {version: v1}}]}\n---\n"
)

var unknownSubset = diag.Rule{
	ID: "VM501", Name: "subset-not-defined", Severity: diag.Error,
	Doc: "A subset that a route leads to is one of a DestinationRule for the route's host.",
	Long: "A route to a subset that no DestinationRule has leads to a cluster that does not exist: its share of the traffic gets 503, NC. A " +
		"strategic-merge patch replaces the list `subsets` as a whole, so that a patch which meant to add one deletes the others.",
	Bad: payRule + "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {hosts: [pay], http: [{route: [{destination: {host: pay, subset: canary, port: {number: 80}}}]}]}\n",
	Good: payRule + "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {hosts: [pay], http: [{route: [{destination: {host: pay, subset: stable, port: {number: 80}}}]}]}\n",
}

// findUnknownSubsets is silent about hosts of which neither a rule nor the service is among the manifests.
func findUnknownSubsets(s *manifest.Set, report Report) {
	rules := destinationRules(s)
	for r, vs := range manifest.Each[*networking.VirtualService](s) {
		type want struct{ host, subset string }
		said := map[want]bool{}
		for d := range destinations(r, vs) {
			if d.to.Subset == "" {
				continue
			}
			h := hostOf(d.to.Host, r.Namespace)
			if said[want{h.text, d.to.Subset}] {
				continue
			}
			said[want{h.text, d.to.Subset}] = true
			of := rulesOf(rules, h)
			var names []string
			for _, rule := range of {
				for _, subset := range rule.rule.Subsets {
					names = append(names, subset.GetName())
				}
			}
			if slices.Contains(names, d.to.Subset) {
				continue
			}
			at := d.at.Key("subset")
			switch near := diag.Nearest(d.to.Subset, names); {
			case len(of) == 0 && service(s, h) == nil:
			case len(of) == 0:
				report(unknownSubset.At(at, "no DestinationRule is for host %q: its subset %q is nowhere", d.to.Host, d.to.Subset).
					WithHelp("add a DestinationRule for the host with this subset, or leave the subset out"))
			case near != "":
				report(unknownSubset.At(at, "%s does not have a subset %q", of[0].Resource, d.to.Subset).WithHelp("did you mean %q?", near))
			case len(names) == 0:
				report(unknownSubset.At(at, "%s does not have a subset %q, nor any other", of[0].Resource, d.to.Subset).
					WithHelp("add it to the rule, or leave the subset out"))
			default:
				report(unknownSubset.At(at, "%s does not have a subset %q; it has %s", of[0].Resource, d.to.Subset, strings.Join(names, ", ")).
					WithHelp("add it to the rule; a patch of the list `subsets` replaces all of them, so let it name all, or write it as a JSON patch (op: add)"))
			}
		}
	}
}

var emptySubset = diag.Rule{
	ID: "VM502", Name: "subset-without-workloads", Severity: diag.Warning,
	Doc: "A subset of a service that VMs serve has workloads.",
	Long: "A route to a subset that selects no endpoint gets 503 for its share of the traffic, UH. A subset selects among the endpoints of its service " +
		"alone, by its labels. Where pods with these labels serve too, and only they are not among the manifests, all is well.",
	Bad:  payService + payRule + vmGood,
	Good: payService + payRule + strings.Replace(vmGood, "{app: pay}", "{app: pay, version: v1}", 1),
}

// findEmptySubsets judges services that VMs serve and whose pods, if there are any, are among the manifests too: a
// subset that asks for another class than that of VMs is one of pods.
func findEmptySubsets(s *manifest.Set, report Report) {
	entries := serviceEntries(s)
	for host, rules := range destinationRules(s) {
		for _, rule := range rules {
			var namespace string
			var selector map[string]string
			if v := service(s, hostOf(rule.rule.Host, rule.Namespace)); v != nil {
				namespace, selector = v.Namespace, v.Selector
			} else if e := entries[host]; e.spec != nil {
				namespace, selector = e.Namespace, e.spec.GetWorkloadSelector().GetLabels()
			}
			selected := s.Selected(namespace, selector)
			if len(vms(selected)) == 0 {
				continue
			}
			for i, subset := range rule.rule.Subsets {
				if class, asked := subset.GetLabels()["class"]; asked && class != "vm" {
					continue
				}
				if slices.ContainsFunc(selected, func(w *manifest.Workload) bool { return manifest.Carries(w.Clients, subset.GetLabels()) }) {
					continue
				}
				at := rule.Place("spec", "subsets").Item(i, subset.GetName())
				report(emptySubset.At(at.Key("labels"), "subset %q selects nothing: no workload of host %q has %s", subset.GetName(), rule.rule.Host, strings.Join(missing(nil, subset.GetLabels()), ", ")).
					WithHelp("label the workloads so, or drop the subset and the routes to it"))
			}
		}
	}
}

var missingPort = diag.Rule{
	ID: "VM503", Name: "destination-without-port", Severity: diag.Warning,
	Doc: "A route to a service of several ports says which one.",
	Long: "Without a port Istio takes the one on which the request came in. That is another service's port as soon as the route serves a gateway, " +
		"or a host of another one, and then there is no such cluster: 503, NC (istio: pilot/pkg/networking/core/route/route.go).",
	Bad: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80}, {name: grpc, port: 90}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: pay, namespace: shop}\nspec: {hosts: [pay], http: [{route: [{destination: {host: pay}}]}]}\n",
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80}, {name: grpc, port: 90}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: pay, namespace: shop}\nspec: {hosts: [pay], http: [{route: [{destination: {host: pay, port: {number: 80}}}]}]}\n",
}

func findMissingPorts(s *manifest.Set, report Report) {
	entries := serviceEntries(s)
	for r, vs := range manifest.Each[*networking.VirtualService](s) {
		said := map[string]bool{}
		for d := range destinations(r, vs) {
			h := hostOf(d.to.Host, r.Namespace)
			if d.to.GetPort().GetNumber() != 0 || said[h.text] {
				continue
			}
			ports := len(entries[h.text].spec.GetPorts())
			if v := service(s, h); v != nil {
				ports = len(v.Ports)
			}
			if ports < 2 {
				continue
			}
			said[h.text] = true
			report(missingPort.At(d.at, "%q has %d ports, and this route does not say which", d.to.Host, ports).
				WithHelp("add port: {number: …}, with a match on the port where routes differ by it"))
		}
	}
}

var twoRules = diag.Rule{
	ID: "VM504", Name: "two-destination-rules", Severity: diag.Error,
	Doc: "A host has one DestinationRule in a namespace.",
	Long: "Istio keeps the traffic policy of the oldest of them and drops the others', of which only subsets of new names are taken over (istio: " +
		"pilot/pkg/model/destination_rule.go). Which is the oldest depends on what was applied first.",
	Bad: payRule + "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: pay-pool, namespace: shop}\n" +
		"spec: {host: pay.shop.svc.cluster.local, trafficPolicy: {connectionPool: {tcp: {maxConnections: 100}}}}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {host: pay, trafficPolicy: {connectionPool: {tcp: {maxConnections: 100}}}, subsets: [{name: stable, labels: {version: v1}}]}\n",
}

func findTwoRules(s *manifest.Set, report Report) {
	first := map[[2]string]*manifest.Resource{}
	for r, rule := range manifest.Each[*networking.DestinationRule](s) {
		if rule.GetWorkloadSelector() != nil {
			continue
		}
		key := [2]string{r.Namespace, hostOf(rule.Host, r.Namespace).text}
		if other := first[key]; other != nil {
			report(twoRules.At(r.Place("spec", "host"), "%s is for host %q too", other, rule.Host).WithHelp("join them into one"))
			continue
		}
		first[key] = r
	}
}

var twoRoutes = diag.Rule{
	ID: "VM506", Name: "two-virtual-services", Severity: diag.Error,
	Doc: "Sidecars get the routes of a host from one VirtualService.",
	Long: "Of several VirtualServices for a host Istio gives sidecars the oldest and ignores the others for that host; a counter of istiod's is the " +
		"only trace (istio: pilot/pkg/networking/core/httproute.go). Only for gateways are they merged.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: pay, namespace: shop}\nspec: {hosts: [pay], http: [{route: [{destination: {host: pay}}]}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: pay-timeout, namespace: shop}\nspec: {hosts: [pay.shop.svc.cluster.local], http: [{timeout: 5s, route: [{destination: {host: pay}}]}]}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: pay, namespace: shop}\nspec: {hosts: [pay], http: [{timeout: 5s, route: [{destination: {host: pay}}]}]}\n",
}

// findTwoRoutes takes VirtualServices of different namespaces for seen by different clients when one of them is not
// exported to all.
func findTwoRoutes(s *manifest.Set, report Report) {
	type route struct {
		*manifest.Resource
		everywhere bool
	}
	seen := map[string][]route{}
	for r, vs := range manifest.Each[*networking.VirtualService](s) {
		if !inMesh(vs) || len(vs.Hosts) == 0 {
			continue
		}
		mine := route{r, len(vs.ExportTo) == 0 || slices.Contains(vs.ExportTo, "*")}
		said := false
		for i, host := range vs.Hosts {
			text := hostOf(host, r.Namespace).text
			for _, other := range seen[text] {
				if said {
					break
				}
				if other.Resource == r || other.Namespace != r.Namespace && !(mine.everywhere && other.everywhere) {
					continue
				}
				report(twoRoutes.At(r.Place("spec", "hosts").Item(i, ""), "%s has routes for host %q too", other.Resource, host).WithHelp("join them into one"))
				said = true
			}
			seen[text] = append(seen[text], mine)
		}
	}
}
