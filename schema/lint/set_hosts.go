package lint

import (
	"fmt"
	"iter"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

var unknownHost = diag.Rule{
	ID: "VM517", Name: "unknown-host", Severity: diag.Error,
	Doc: "The host of a rule or route is that of a Service or ServiceEntry, under the name and in the namespace that it has.",
	Long: "Istio attaches a DestinationRule or VirtualService to a host by its name alone. Where no service has the name, the rule governs " +
		"nothing and a route leads nowhere, and nothing says so. An overlay's `namePrefix` and `namespace` rename and move the Service and " +
		"leave hosts as they are; and a name with dots is taken as it is, so that `pay.shop` is not the Service pay of namespace shop.",
	Bad: "apiVersion: v1\nkind: Service\nmetadata: {name: staging-pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: staging-pay, namespace: shop}\nspec: {host: pay.shop.svc.cluster.local}\n",
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: staging-pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: staging-pay, namespace: shop}\nspec: {host: staging-pay.shop.svc.cluster.local}\n",
}

// findUnknownHosts reports each host once an object, at the first place where it is.
func findUnknownHosts(s *manifest.Set, report Report) {
	entries := serviceEntries(s)
	ruled := destinationRules(s)
	// Where whole hosts followed a Service, the overlay was told of them: a host of another namespace that did not
	// follow is someone else's.
	followed := map[string]bool{}
	for m := range mentions(s) {
		if m.own && strings.Contains(m.host, ".") {
			followed[hostOf(m.host, m.from.Namespace).text] = true
		}
	}
	for m := range mentions(s) {
		h := hostOf(m.host, m.from.Namespace)
		if entries[h.text].spec != nil || service(s, h) != nil {
			continue
		}
		more := ""
		if m.count > 1 {
			more = fmt.Sprintf(" (%d times)", m.count)
		}
		if h.name == "" {
			// Not a Service's full name; it may be intended as a short one.
			parts := strings.Split(m.host, ".")
			short := len(parts) == 2 || len(parts) == 3 && parts[2] == "svc"
			if v := s.Service(parts[min(1, len(parts)-1)], parts[0]); short && v != nil {
				report(unknownHost.At(m.at, "no Service has the host %q%s: Istio completes only names without dots", m.host, more).
					WithHelp("write %s.%s.svc.cluster.local, with the cluster's own domain", v.Name, v.Namespace))
			}
			continue
		}
		// A rule for a host of another namespace is one for clients if the own Service of that name has its own.
		own := m.own && len(ruled[hostOf(h.name, m.from.Namespace).text]) == 0
		meant, fate := lost(s, reference{m.from, "", "Service", h.namespace, h.name, own})
		if meant == nil || meant.Namespace != h.namespace && followed[meant.Name+"."+meant.Namespace+".svc"] {
			continue
		}
		full := meant.Name + "." + meant.Namespace + ".svc" + strings.TrimPrefix(m.host, h.text)
		if !strings.Contains(m.host, ".") && meant.Namespace == m.from.Namespace {
			full = meant.Name
		}
		help := "write " + full
		if fate != nearly {
			help += "; " + hostHelp
		}
		report(unknownHost.At(m.at, "no service has the host %q%s: %s %s", m.host, more, meant, fate).WithHelp("%s", help))
	}
}

// entry is a ServiceEntry and its object.
type entry struct {
	*manifest.Resource
	spec *networking.ServiceEntry
}

// serviceEntries finds the first ServiceEntry of each host.
func serviceEntries(s *manifest.Set) map[string]entry {
	found := map[string]entry{}
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		for _, host := range e.Hosts {
			if text := hostOf(host, r.Namespace).text; found[text].spec == nil {
				found[text] = entry{r, e}
			}
		}
	}
	return found
}

// mention is a host that an object names, at its first place.
type mention struct {
	from  *manifest.Resource
	at    diag.Path
	host  string
	count int
	own   bool // the object is about this host, and does not only lead to it
}

// mentions lists the hosts that rules and routes name.
func mentions(s *manifest.Set) iter.Seq[mention] {
	return func(yield func(mention) bool) {
		for r, rule := range manifest.Each[*networking.DestinationRule](s) {
			if !yield(mention{r, r.Place("spec", "host"), rule.Host, 1, true}) {
				return
			}
		}
		for r, vs := range manifest.Each[*networking.VirtualService](s) {
			var order []string
			first := map[string]*mention{}
			note := func(host string, at diag.Path, own bool) {
				if m := first[host]; m != nil {
					m.count++
					return
				}
				first[host] = &mention{r, at, host, 1, own}
				order = append(order, host)
			}
			if inMesh(vs) {
				for i, host := range vs.Hosts {
					note(host, r.Place("spec", "hosts").Item(i, ""), true)
				}
			}
			for d := range destinations(r, vs) {
				note(d.to.GetHost(), d.at.Key("host"), false)
			}
			for _, host := range order {
				if !yield(*first[host]) {
					return
				}
			}
		}
	}
}

// inMesh reports whether a VirtualService is for sidecars, and not for gateways alone.
func inMesh(vs *networking.VirtualService) bool {
	for _, g := range vs.Gateways {
		if g == "mesh" {
			return true
		}
	}
	return len(vs.Gateways) == 0
}

// destination is where a route leads.
type destination struct {
	to *networking.Destination
	at diag.Path
}

// destinations lists the places where the routes of a VirtualService lead, mirrors among them.
func destinations(r *manifest.Resource, vs *networking.VirtualService) iter.Seq[destination] {
	return func(yield func(destination) bool) {
		for i, route := range vs.Http {
			at := r.Place("spec", "http").Item(i, route.GetName())
			for j, to := range route.GetRoute() {
				if to.GetDestination() != nil && !yield(destination{to.Destination, at.Key("route").Item(j, "").Key("destination")}) {
					return
				}
			}
			if route.GetMirror() != nil && !yield(destination{route.Mirror, at.Key("mirror")}) {
				return
			}
			for j, to := range route.GetMirrors() {
				if to.GetDestination() != nil && !yield(destination{to.Destination, at.Key("mirrors").Item(j, "").Key("destination")}) {
					return
				}
			}
		}
		routes := func(key string, i int, list []*networking.RouteDestination) bool {
			for j, to := range list {
				at := r.Place("spec", key).Item(i, "").Key("route").Item(j, "").Key("destination")
				if to.GetDestination() != nil && !yield(destination{to.Destination, at}) {
					return false
				}
			}
			return true
		}
		for i, route := range vs.Tls {
			if !routes("tls", i, route.GetRoute()) {
				return
			}
		}
		for i, route := range vs.Tcp {
			if !routes("tcp", i, route.GetRoute()) {
				return
			}
		}
	}
}

var unknownGateway = diag.Rule{
	ID: "VM518", Name: "unknown-gateway", Severity: diag.Error,
	Doc: "The Gateway that a VirtualService is bound to has the name, and is in the namespace, that the VirtualService says.",
	Long: "A VirtualService that is bound to a Gateway which does not exist is served nowhere: the gateway answers 404, or resets the " +
		"connection. An overlay's `namePrefix` and `namespace` rename and move the Gateway and leave the binding as it is.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: staging-istiod, namespace: istio-system}\n" +
		"spec: {selector: {istio: eastwestgateway}, servers: [{port: {number: 15012, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: [istiod.istio-system.svc]}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: staging-istiod, namespace: istio-system}\n" +
		"spec: {hosts: [istiod.istio-system.svc], gateways: [istiod], tls: [{match: [{port: 15012, sniHosts: [istiod.istio-system.svc]}], route: [{destination: {host: istiod.istio-system.svc.cluster.local, port: {number: 15012}}}]}]}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: staging-istiod, namespace: istio-system}\n" +
		"spec: {selector: {istio: eastwestgateway}, servers: [{port: {number: 15012, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: [istiod.istio-system.svc]}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: staging-istiod, namespace: istio-system}\n" +
		"spec: {hosts: [istiod.istio-system.svc], gateways: [staging-istiod], tls: [{match: [{port: 15012, sniHosts: [istiod.istio-system.svc]}], route: [{destination: {host: istiod.istio-system.svc.cluster.local, port: {number: 15012}}}]}]}\n",
}

func findUnknownGateways(s *manifest.Set, report Report) {
	for r, vs := range manifest.Each[*networking.VirtualService](s) {
		for i, g := range vs.Gateways {
			if g == "mesh" {
				continue
			}
			namespace, name := r.Namespace, g
			if before, after, cut := strings.Cut(g, "/"); cut {
				namespace, name = before, after
			}
			if namespace == "." {
				namespace = r.Namespace
			}
			if s.Find(manifest.NetworkingGroup, "Gateway", namespace, name) != nil {
				continue
			}
			meant, fate := lost(s, reference{r, manifest.NetworkingGroup, "Gateway", namespace, name, false})
			if meant == nil {
				continue
			}
			full := meant.Name
			if meant.Namespace != r.Namespace {
				full = meant.Namespace + "/" + full
			}
			report(unknownGateway.At(r.Place("spec", "gateways").Item(i, ""), "there is no Gateway %s/%s: %s %s", spokenNamespace(namespace), name, meant, fate).
				WithHelp("write %s", full))
		}
	}
}
