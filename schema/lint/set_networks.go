package lint

import (
	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

const networkLabel = "topology.istio.io/network"

// gateways are the Services that say that they lead into a network, by its name.
func gateways(s *manifest.Set) map[string][]*manifest.ServiceView {
	found := map[string][]*manifest.ServiceView{}
	for _, v := range s.Services() {
		if network := v.Labels[networkLabel]; network != "" {
			found[network] = append(found[network], v)
		}
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
	known := gateways(s)
	if len(known) == 0 {
		return
	}
	for _, w := range virtual(s) {
		if w.Entry() && w.Address == "" && w.Network != "" && known[w.Network] == nil {
			report(noWayIn.At(w.Place("spec", "network"), "%s has no address, and no Service is labelled as a gateway of network %q", w.Resource, w.Network).
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

func findClosedGateways(s *manifest.Set, report Report) {
	for _, v := range s.Services() {
		network := v.Labels[networkLabel]
		if network == "" || !listens(v, 15443) || len(v.Selector) == 0 {
			continue
		}
		var configured *manifest.Resource
		open := false
		for r, g := range manifest.Each[*networking.Gateway](s) {
			if len(g.Selector) == 0 || !manifest.Carries(v.Selector, g.Selector) {
				continue
			}
			if configured == nil {
				configured = r
			}
			for _, server := range g.Servers {
				open = open || server.GetPort().GetNumber() == 15443 && server.GetTls().GetMode() == networking.ServerTLSSettings_AUTO_PASSTHROUGH
			}
		}
		if configured != nil && !open {
			report(closedGateway.At(configured.Place("spec", "servers"), "nothing passes port 15443 of %s on, the gateway of network %q", v.Resource, network).
				WithHelp("add a server: {port: {number: 15443, name: tls, protocol: TLS}, tls: {mode: AUTO_PASSTHROUGH}, hosts: [\"*.local\"]}"))
		}
	}
}
