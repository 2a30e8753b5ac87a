package lint

import (
	"slices"
	"strconv"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

const networkLabel = "topology.istio.io/network"

// gateway is what leads into a network: a Service with the network's label, the same of an IstioOperator's component, or a
// Gateway of the Gateway API.
type gateway struct {
	*manifest.Resource
	network  string
	selector map[string]string // of its pods; nil: not known
	ports    []uint32          // nil: not known
	labelAt  diag.Path
}

// gateways are those that say that they lead into a network, in the order in which they came.
func gateways(s *manifest.Set) []gateway {
	var found []gateway
	for _, v := range s.Services() {
		if network := v.Labels[networkLabel]; network != "" && !v.External {
			g := gateway{v.Resource, network, v.Selector, nil, v.Place("metadata", "labels", networkLabel)}
			for _, p := range v.Ports {
				g.ports = append(g.ports, p.Number)
			}
			found = append(found, g)
		}
	}
	for _, r := range s.OfKind("install.istio.io", "IstioOperator") {
		for _, kind := range []string{"ingressGateways", "egressGateways"} {
			for i := range listOf(r.Root.Get("spec").Get("components").Get(kind)) {
				c := &r.Root.Get("spec").Get("components").Get(kind).Items[i]
				at := r.Place("spec", "components", kind).Item(i, c.Get("name").Text())
				network := c.Get("label").Get(networkLabel).Text()
				if network == "" || c.Get("enabled").Text() == "false" {
					continue
				}
				g := gateway{r, network, map[string]string{}, nil, at.Key("label").Key(networkLabel)}
				for _, f := range fieldsOf(c.Get("label")) {
					g.selector[f.Key] = (&f.Value).Text()
				}
				for _, p := range listOf(c.Get("k8s").Get("service").Get("ports")) {
					if n, err := strconv.ParseUint(p.Get("port").Text(), 10, 16); err == nil {
						g.ports = append(g.ports, uint32(n))
					}
				}
				found = append(found, g)
			}
		}
	}
	for _, r := range s.OfKind("gateway.networking.k8s.io", "Gateway") {
		if network := r.Labels[networkLabel]; network != "" {
			found = append(found, gateway{r, network, nil, nil, r.Place("metadata", "labels", networkLabel)})
		}
	}
	return found
}

// networksOf are the networks that gateways lead into.
func networksOf(all []gateway) map[string]bool {
	found := map[string]bool{}
	for _, g := range all {
		found[g.network] = true
	}
	return found
}

var noWayIn = diag.Rule{
	ID: "VM120", Name: "no-address-and-no-gateway", Severity: diag.Error,
	Doc: "A WorkloadEntry without an address is in a network that has a gateway.",
	Long: "Clients reach such an entry through the gateway of its network. Where istiod knows none, it leaves the entry out of the endpoints " +
		"(istio: pilot/pkg/xds/endpoints/ep_filters.go). This is judged where the gateways of other networks are among the manifests.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-dc2, namespace: shop}\nspec: {network: dc2, labels: {app: pay}, serviceAccount: pay}\n---\n" +
		"apiVersion: v1\nkind: Service\nmetadata: {name: eastwest, namespace: istio-system, labels: {topology.istio.io/network: dc1}}\nspec: {selector: {istio: eastwest}, ports: [{name: tls, port: 15443}]}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-dc2, namespace: shop}\nspec: {network: dc2, labels: {app: pay}, serviceAccount: pay}\n---\n" +
		"apiVersion: v1\nkind: Service\nmetadata: {name: eastwest, namespace: istio-system, labels: {topology.istio.io/network: dc2}}\nspec: {selector: {istio: eastwest}, ports: [{name: tls, port: 15443}]}\n",
}

func findNoWayIn(s *manifest.Set, report Report) {
	known := networksOf(gateways(s))
	if len(known) == 0 {
		return
	}
	for _, w := range virtual(s) {
		if w.Entry() && w.Address == "" && w.Network != "" && !known[w.Network] {
			report(noWayIn.At(w.Place("spec", "network"), "%s does not have an address, and no Service is labelled as a gateway of network %q", w.Resource, w.Network).
				WithHelp("give the entry an address, or label the network's gateway with %s: %s", networkLabel, w.Network))
		}
	}
}

var deafGateway = diag.Rule{
	ID: "VM402", Name: "gateway-does-not-listen", Severity: diag.Error,
	Doc: "A Service that is labelled as the gateway of a network listens on 15443, or 15008.",
	Long: "istiod takes a Service with the label topology.istio.io/network for that network's gateway only if it has the port 15443 (or the one " +
		"that the label networking.istio.io/gatewayPort says), or 15008 for HBONE; otherwise it logs a line and ignores it, and clients dial " +
		"addresses that they cannot reach (istio: pilot/pkg/serviceregistry/kube/controller/network.go).",
	Bad:  "apiVersion: v1\nkind: Service\nmetadata: {name: eastwest, namespace: istio-system, labels: {topology.istio.io/network: dc1}}\nspec: {selector: {istio: eastwest}, ports: [{name: tls-istiod, port: 15012}]}\n",
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: eastwest, namespace: istio-system, labels: {topology.istio.io/network: dc1}}\nspec: {selector: {istio: eastwest}, ports: [{name: tls-istiod, port: 15012}, {name: tls, port: 15443}]}\n",
}

func findDeafGateways(s *manifest.Set, report Report) {
	for _, v := range s.Services() {
		network := v.Labels[networkLabel]
		if network == "" || v.External || v.Labels["networking.istio.io/gatewayPort"] != "" || listens(v, 15443) || listens(v, 15008) {
			continue
		}
		report(deafGateway.At(v.Place("metadata", "labels", networkLabel), "%s is labelled as the gateway of network %q and has neither port 15443 nor 15008", v.Resource, network).
			WithHelp("add {name: tls, port: 15443} to its ports, or take the label off"))
	}
}

func listens(v *manifest.ServiceView, port uint32) bool {
	for _, p := range v.Ports {
		if p.Number == port {
			return true
		}
	}
	return false
}

var closedGateway = diag.Rule{
	ID: "VM403", Name: "gateway-without-passthrough", Severity: diag.Error,
	Doc: "The gateway of a network has a Gateway that passes *.local on by itself.",
	Long: "Traffic between networks arrives at 15443 with the host in its SNI. Without a server of mode AUTO_PASSTHROUGH for it the gateway " +
		"resets every such connection. This is judged where other Gateways for the same gateway are among the manifests.",
	Bad: "apiVersion: v1\nkind: Service\nmetadata: {name: eastwest, namespace: istio-system, labels: {topology.istio.io/network: dc1}}\nspec: {selector: {istio: eastwest}, ports: [{name: tls, port: 15443}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: cross-network, namespace: istio-system}\nspec: {selector: {istio: eastwest}, servers: [{port: {number: 15443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: [\"*.local\"]}]}\n",
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: eastwest, namespace: istio-system, labels: {topology.istio.io/network: dc1}}\nspec: {selector: {istio: eastwest}, ports: [{name: tls, port: 15443}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: cross-network, namespace: istio-system}\nspec: {selector: {istio: eastwest}, servers: [{port: {number: 15443, name: tls, protocol: TLS}, tls: {mode: AUTO_PASSTHROUGH}, hosts: [\"*.local\"]}]}\n",
}

// findClosedGateways takes the Gateways of a gateway's own pods; of several Services of the same pods the first speaks.
func findClosedGateways(s *manifest.Set, report Report) {
	said := map[*manifest.Resource]bool{}
	for _, v := range gateways(s) {
		if !slices.Contains(v.ports, 15443) || len(v.selector) == 0 {
			continue
		}
		var configured *manifest.Resource
		open := false
		for r, g := range manifest.Each[*networking.Gateway](s) {
			if len(g.Selector) == 0 || !manifest.Carries(v.selector, g.Selector) {
				continue
			}
			if configured == nil {
				configured = r
			}
			for _, server := range g.Servers {
				open = open || server.GetPort().GetNumber() == 15443 && server.GetTls().GetMode() == networking.ServerTLSSettings_AUTO_PASSTHROUGH
			}
		}
		if configured != nil && !open && !said[configured] {
			said[configured] = true
			report(closedGateway.At(configured.Place("spec", "servers"), "nothing passes port 15443 of %s on, the gateway of network %q", v.Resource, v.network).
				WithHelp("add a server: {port: {number: 15443, name: tls, protocol: TLS}, tls: {mode: AUTO_PASSTHROUGH}, hosts: [\"*.local\"]}"))
		}
	}
}
