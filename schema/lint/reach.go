package lint

import (
	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var unknownNetwork = diag.Rule{
	ID: "VM401", Name: "network-without-gateway", Severity: diag.Error,
	Doc: "The network of VMs is one that a gateway leads to, spelled alike.",
	Long: "istiod compares names of networks letter by letter. Where none of the gateways leads into a VM's network it takes the VM for one that clients reach directly, and hands out its bare address " +
		"(istio: pilot/pkg/xds/endpoints/ep_filters.go). That may be intended, so only a name that is nearly a gateway's is a finding.",
	Bad: "apiVersion: v1\nkind: Service\nmetadata: {name: gateway, namespace: istio-system, labels: {topology.istio.io/network: branch-office}}\nspec: {selector: {istio: gateway}, ports: [{name: tls, port: 15443}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, network: branch-ofice}}\n",
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: gateway, namespace: istio-system, labels: {topology.istio.io/network: branch-office}}\nspec: {selector: {istio: gateway}, ports: [{name: tls, port: 15443}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, network: branch-office}}\n",
}

func networkAt(w *manifest.Workload) diag.Path {
	if w.Group() {
		return w.Place("spec", "template", "network")
	}
	return w.Place("spec", "network")
}

// findUnknownNetworks is silent about names that differ by a number alone: dc1 is not dc2 misspelled.
func findUnknownNetworks(s *manifest.Set, report Report) {
	all := gateways(s)
	known := networksOf(all)
	judged := map[string]string{}
	if len(all) > few {
		return // among very many names one is always near
	}
	for _, w := range virtual(s) {
		if w.Network == "" || known[w.Network] {
			continue
		}
		near, asked := judged[w.Network]
		if !asked {
			for _, g := range all {
				if slip(w.Network, g.network) {
					near = g.network
					break
				}
			}
			judged[w.Network] = near
		}
		if near != "" {
			report(unknownNetwork.At(networkAt(w), "no gateway leads into network %q: clients will dial %s directly", w.Network, itsVMs(w)).WithHelp("did you mean %q?", near))
		}
	}
}

var unlabelledSystem = diag.Rule{
	ID: "VM404", Name: "system-namespace-without-network", Severity: diag.Warning,
	Doc: "istiod's namespace has the label topology.istio.io/network where networks are used.",
	Long: "istiod reads the cluster's network from the label topology.istio.io/network of its own namespace. Without it, endpoints of pods that no injector labelled are in no network, and VMs of another " +
		"one are handed their bare addresses (istio: pilot/pkg/serviceregistry/kube/controller/network.go). `istioctl install` sets it when it makes the namespace; Helm does not.",
	Bad: "apiVersion: v1\nkind: Namespace\nmetadata: {name: istio-system}\n---\n" +
		"apiVersion: v1\nkind: Service\nmetadata: {name: eastwest, namespace: istio-system, labels: {topology.istio.io/network: kube}}\nspec: {selector: {istio: eastwest}, ports: [{name: tls, port: 15443}]}\n",
	Good: "apiVersion: v1\nkind: Namespace\nmetadata: {name: istio-system, labels: {topology.istio.io/network: kube}}\n---\n" +
		"apiVersion: v1\nkind: Service\nmetadata: {name: eastwest, namespace: istio-system, labels: {topology.istio.io/network: kube}}\nspec: {selector: {istio: eastwest}, ports: [{name: tls, port: 15443}]}\n",
}

func findUnlabelledSystems(s *manifest.Set, report Report) {
	said := map[string]bool{}
	for _, g := range gateways(s) {
		r := s.Find("", "Namespace", "", rootNamespace)
		if g.Namespace != rootNamespace || g.Group == "gateway.networking.k8s.io" || r == nil || r.Labels[networkLabel] != "" || said[r.Name] {
			continue
		}
		said[r.Name] = true
		report(unlabelledSystem.At(r.Place("metadata", "labels"), "%s leads into network %q, and %s does not say that this is the cluster's", g.Resource, g.network, r).
			WithHelp("add the label %s: %s", networkLabel, g.network))
	}
}

var halfNetwork = diag.Rule{
	ID: "VM405", Name: "network-half-said", Severity: diag.Warning,
	Doc: "Where a gateway leads into a network, VMs say which network they are in.",
	Long: "A VM without a network reaches endpoints of every named network through its gateway, while pods of that network dial the VM directly: each way takes another path (istio: " +
		"pilot/pkg/xds/endpoints/ep_filters.go). VMs beside the pods have the cluster's network, others one of their own.",
	Bad: "apiVersion: v1\nkind: Service\nmetadata: {name: eastwest, namespace: istio-system, labels: {topology.istio.io/network: kube}}\nspec: {selector: {istio: eastwest}, ports: [{name: tls, port: 15443}]}\n---\n" + vmGood,
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: eastwest, namespace: istio-system, labels: {topology.istio.io/network: kube}}\nspec: {selector: {istio: eastwest}, ports: [{name: tls, port: 15443}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, network: kube, ports: {http: 8080}}}\n",
}

// findHalfNetworks speaks once a namespace: whoever forgot the network of one VM mostly forgot it of all.
func findHalfNetworks(s *manifest.Set, report Report) {
	all := gateways(s)
	if len(all) == 0 {
		return
	}
	said := map[string]bool{}
	for _, w := range virtual(s) {
		if w.Network == "" && !said[w.Namespace] {
			said[w.Namespace] = true
			report(halfNetwork.At(networkAt(w), "%s is in no network, and %s leads into network %q", w.Resource, all[0].Resource, all[0].network).
				WithHelp("write network: %s if pods and VMs reach each other directly, or the name of the VMs' own network", all[0].network))
		}
	}
}

var crossPlaintext = diag.Rule{
	ID: "VM406", Name: "plaintext-across-networks", Severity: diag.Error,
	Doc: "Traffic that goes through a network's gateway is mTLS.",
	Long: "A gateway knows where a connection is meant to go by the SNI of its mTLS. istiod leaves endpoints behind a gateway out for clients that send plaintext: no sidecar, or a tls mode other than " +
		"ISTIO_MUTUAL in the host's traffic policy (istio: pilot/pkg/xds/endpoints/ep_filters.go).",
	Bad:  "spec:\n  istio: {network: kube}\n  networks: [{name: branch, gateways: [{address: 203.0.113.7}]}]\n  workloads:\n  - groups: [{network: branch}]\n    services: [{name: pay, traffic: {trafficPolicy: {tls: {mode: DISABLE}}}}]",
	Good: "spec:\n  istio: {network: kube}\n  networks: [{name: branch, gateways: [{address: 203.0.113.7}]}]\n  workloads:\n  - groups: [{network: branch}]\n    services: [{name: pay, traffic: {trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}}]",
}

// ownTLS reports whether a policy replaces the mesh's mTLS.
func ownTLS(p *networking.TrafficPolicy) bool {
	return p.GetTls() != nil && p.GetTls().Mode != networking.ClientTLSSettings_ISTIO_MUTUAL
}

func findCrossPlaintext(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		for _, s := range w.Services {
			if !ownTLS(s.Traffic.Policy) {
				continue
			}
			if g := groupBehind(w, s); g != nil {
				report(crossPlaintext.At(s.At.Key("traffic").Key("trafficPolicy").Key("tls"), "the VMs of group %q are behind the gateway of network %q, which takes mTLS alone", g.Name, g.Network).
					WithHelp("drop tls: between sidecars mTLS is automatic"))
			}
		}
	}
}

func groupBehind(w *mesh.Workload, s *mesh.Service) *mesh.Group {
	for _, g := range w.Groups {
		if w.Spec.BehindGateways(g.Network) && s.Selects(g.Labels) {
			return g
		}
	}
	return nil
}

func findCrossPlaintextEntries(s *manifest.Set, report Report) {
	behind := networksOf(gateways(s))
	if len(behind) == 0 {
		return
	}
	for r, rule := range manifest.Each[*networking.DestinationRule](s) {
		v := service(s, hostOf(rule.Host, r.Namespace))
		if !ownTLS(rule.TrafficPolicy) || v == nil {
			continue
		}
		var there *manifest.Workload
		elsewhere := false
		for _, w := range s.Selected(v.Namespace, v.Selector) {
			if behind[w.Network] && there == nil {
				there = w
			}
			elsewhere = elsewhere || there != nil && w.Network != there.Network
		}
		// Where one network has all, clients of the same network dial directly; whether there are others does not show.
		if there != nil && (elsewhere || len(behind) > 1) {
			report(crossPlaintext.At(r.Place("spec", "trafficPolicy", "tls"), "%s is behind the gateway of network %q, which takes mTLS alone", there.Resource, there.Network).
				WithHelp("drop tls: between sidecars mTLS is automatic"))
		}
	}
}

var nodePortGateway = diag.Rule{
	ID: "VM408", Name: "node-port-gateway", Severity: diag.Warning,
	Doc: "A network's gateway of type NodePort says which nodes it is reached at.",
	Long: "Of a load balancer istiod reads the address from the Service. Of a NodePort it takes those of the nodes that the annotation traffic.istio.io/nodeSelector selects, and without one it " +
		"knows no address: the gateway is none (istio: pilot/pkg/serviceregistry/kube/controller/network.go).",
	Bad:  "spec:\n  istio: {network: kube}\n  controlPlane: {eastWestGateway: {deployment: Injected, exposeServices: Always, service: {type: NodePort}}}",
	Good: "spec:\n  istio: {network: kube}\n  controlPlane: {eastWestGateway: {deployment: Injected, exposeServices: Always, service: {type: NodePort, annotations: {traffic.istio.io/nodeSelector: \"{}\"}}}}",
}

const nodeSelector = "traffic.istio.io/nodeSelector"

func findNodePortGateways(m *mesh.Mesh, report Report) {
	for _, s := range m.Specs {
		c := s.ControlPlane
		if c == nil || s.Istio.Network == "" || !c.EastWestGateway.ExposeServices || c.EastWestGateway.ServiceType != "NodePort" || c.EastWestGateway.ServiceAnnotations[nodeSelector] != "" {
			continue
		}
		report(nodePortGateway.At(c.EastWestGateway.At.Key("service").Key("type"), "istiod finds no address of a gateway of type NodePort").
			WithHelp("add annotations: {%s: '{\"kubernetes.io/os\": \"linux\"}'}: the nodes that others reach", nodeSelector))
	}
}

func findNodePortServices(s *manifest.Set, report Report) {
	for _, v := range s.Services() {
		if network := v.Labels[networkLabel]; network != "" && v.Type == "NodePort" && v.Annotations[nodeSelector] == "" {
			report(nodePortGateway.At(v.Place("spec", "type"), "istiod finds no address of %s, the gateway of network %q", v.Resource, network).
				WithHelp("add the annotation %s: '{\"kubernetes.io/os\": \"linux\"}': the nodes that others reach", nodeSelector))
		}
	}
}
