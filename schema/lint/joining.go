package lint

import (
	"net/netip"
	"slices"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// What keeps VMs from joining, or from being reached, although every object is right.

var tokenByHand = diag.Rule{
	ID: "VM141", Name: "token-by-hand", Severity: diag.Warning,
	Doc: "VMs that come and go by themselves have a source of tokens that needs no one to put a file there.",
	Long: "With registration: Auto and no instances, VMs are made by a scaling group or by hand at any time. Each needs a token before " +
		"its first start; TokenFile waits for one that someone puts on that VM, so it does not join unattended. TokenRequest, HTTP, " +
		"Command and SPIRE ask for a token themselves.",
	Bad: "spec:\n  vm: {cloud: {type: AWS}}\n  workloads:\n  - groups: [{name: pay, registration: Auto, instances: []}]",
	Good: "spec:\n  vm: {cloud: {type: AWS}, identity: {type: HTTP, http: {url: \"https://tokens.example.com/\"}}}\n" +
		"  workloads:\n  - groups: [{name: pay, registration: Auto, instances: []}]",
}

func findTokensByHand(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		for _, g := range w.Groups {
			if !g.Discovered() || g.VM.Cloud.Type == "None" || g.VM.Identity.Type != "TokenFile" {
				continue // what makes VMs without a cloud may bring their tokens too
			}
			report(tokenByHand.At(g.At.Key("registration"), "VMs of group %q cannot join unattended: TokenFile waits for a token that someone puts there", g.Name).
				WithHelp("set vm.identity to TokenRequest, HTTP, Command or SPIRE, which ask for a token themselves"))
		}
	}
}

var idleMinimum = diag.Rule{
	ID: "VM142", Name: "idle-minimum", Severity: diag.Warning,
	Doc: "A group's minHealthy has an alert that watches it.",
	Long: "minHealthy is a number for alerts: nothing in Istio or on a VM reads it. It has no effect while " +
		"observability.prometheus.alerts is off.",
	Bad:  "spec:\n  workloads:\n  - groups: [{name: pay, minHealthy: 1}]",
	Good: "spec:\n  observability: {prometheus: {format: ScrapeConfig, alerts: true}}\n  workloads:\n  - groups: [{name: pay, minHealthy: 1}]",
}

func findIdleMinimums(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		for _, g := range w.Groups {
			if g.MinHealthy > 0 && !w.Spec.Prometheus.Alerts {
				report(idleMinimum.At(g.At.Key("minHealthy"), "minHealthy has no effect without alerts").
					WithHelp("set observability.prometheus: {format: ScrapeConfig, alerts: true}, or remove minHealthy"))
			}
		}
	}
}

var vmInPodRange = diag.Rule{
	ID: "VM143", Name: "vm-in-pod-range", Severity: diag.Warning,
	Doc: "A VM's address is not one that a pod of the cluster can have.",
	Long: "podCIDRs are ranges from which the cluster gives addresses to pods. A VM in one of them has an address that a pod may get too; " +
		"clients then reach one of the two. Where pods and VMs share the subnets of a cloud (as with the AWS VPC CNI), and the cloud " +
		"gives each address once, ignore this finding.",
	Bad:  "spec:\n  istio: {podCIDRs: [10.0.0.0/16]}\n  workloads:\n  - groups: [{name: pay, instances: [{name: vm1, address: 10.0.0.11}]}]",
	Good: "spec:\n  istio: {podCIDRs: [10.0.0.0/16]}\n  workloads:\n  - groups: [{name: pay, instances: [{name: vm1, address: 10.1.0.11}]}]",
}

func findVMsInPodRanges(m *mesh.Mesh, report Report) {
	eachInstance(m, func(w *mesh.Workload, i *mesh.Instance) {
		if i.Network != w.Istio().Network {
			return // another network may use the range again
		}
		for _, a := range addressesOf(i) {
			if n := slices.IndexFunc(w.Istio().PodCIDRs, func(p netip.Prefix) bool { return p.Contains(a.addr) }); n >= 0 {
				report(vmInPodRange.At(i.At.Key(a.key), "%s is an address of pods, in %s of istio.podCIDRs", a.addr, w.Istio().PodCIDRs[n]).
					WithHelp("correct the address, or leave the range of VMs out of podCIDRs"))
			}
		}
	})
}

var istiodIsVM = diag.Rule{
	ID: "VM144", Name: "istiod-at-a-vm", Severity: diag.Error,
	Doc: "The addresses of istiod are not those of VMs of the mesh.",
	Long: "istiodAddresses lead to the east-west gateway or to a load balancer in front of istiod. A VM of the mesh has neither: it would " +
		"look for istiod at itself, and never join.",
	Bad:  "spec:\n  istio: {istiodAddresses: [10.0.0.11]}\n  workloads:\n  - groups: [{name: pay, instances: [{name: vm1, address: 10.0.0.11}]}]",
	Good: "spec:\n  istio: {istiodAddresses: [34.56.78.90]}\n  workloads:\n  - groups: [{name: pay, instances: [{name: vm1, address: 10.0.0.11}]}]",
}

func findIstiodsAtVMs(m *mesh.Mesh, report Report) {
	eachInstance(m, func(w *mesh.Workload, i *mesh.Instance) {
		if slices.Contains(w.Spec.IstiodIPs(i.Network), i.Address) {
			report(istiodIsVM.At(i.At.Key("address"), "%s is where VMs look for istiod", i.Address).
				WithHelp("correct the address, or istiodAddresses: they are those of the east-west gateway, or of a load balancer in front of istiod"))
		}
	})
}

var inRootNamespace = diag.Rule{
	ID: "VM145", Name: "workload-in-root-namespace", Severity: diag.Warning,
	Doc: "VMs are in another namespace than istiod.",
	Long: "The namespace of istiod is the mesh's root namespace. A policy there with a selector applies to the workloads with these labels in " +
		"every namespace, one without a selector to the whole mesh; and whoever may create a token there may become a part of the control " +
		"plane (istio: pilot/pkg/model, the policies of the root namespace).",
	Bad:  "spec: {namespace: istio-system}",
	Good: "spec: {namespace: payments}",
}

func findInRootNamespace(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		if root := w.Istio().Namespace; w.Namespace == root {
			report(inRootNamespace.At(w.At, "workload %q is in istiod's namespace: its policies apply to every namespace", w.Name).
				WithHelp("set spec.namespace, or the workload's, to a namespace of its own"))
		}
	}
}

// eachInstance walks over the VMs that are listed.
func eachInstance(m *mesh.Mesh, do func(*mesh.Workload, *mesh.Instance)) {
	for _, w := range m.Workloads {
		for _, g := range w.Groups {
			for _, i := range g.Instances {
				do(w, i)
			}
		}
	}
}

// addressOf is an address of an instance, and the field that has it.
type addressOf struct {
	key  string
	addr netip.Addr
}

func addressesOf(i *mesh.Instance) []addressOf {
	all := []addressOf{{"address", i.Address}}
	if i.External.IsValid() {
		all = append(all, addressOf{"externalAddress", i.External})
	}
	return all
}

var otherInterface = diag.Rule{
	ID: "VM630", Name: "discovery-of-another-interface", Severity: diag.Error,
	Doc: "Prometheus scrapes VMs that a cloud lists at the address that they report.",
	Long: "The lists of EC2, Google Cloud, Azure and OpenStack have a VM's primary private address and its public one, and not which address " +
		"belongs to which interface. VMs with address.source: Interface report another one, perhaps in a network that Prometheus does not " +
		"reach otherwise, and the primary address of such a VM need not answer.",
	Bad: "spec:\n  observability: {prometheus: {format: ScrapeConfig}}\n" +
		"  vm: {cloud: {type: AWS, aws: {region: eu-central-1}}, identity: {type: SPIRE}, address: {source: Interface, interface: eth1}}\n" +
		"  workloads:\n  - groups: [{name: pay, registration: Auto, instances: []}]",
	Good: "spec:\n  observability: {prometheus: {format: ScrapeConfig}}\n" +
		"  vm: {cloud: {type: AWS, aws: {region: eu-central-1}}, identity: {type: SPIRE}, address: {source: Metadata}}\n" +
		"  workloads:\n  - groups: [{name: pay, registration: Auto, instances: []}]",
}

func findOtherInterfaces(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		p := w.Spec.Prometheus
		for _, g := range w.Groups {
			if p.Format == "None" || p.DiscoveryType != "Auto" || !g.Discovered() || g.VM.Address.Source != "Interface" ||
				!slices.Contains([]string{"AWS", "GCP", "Azure", "OpenStack"}, g.VM.Cloud.Type) {
				continue
			}
			report(otherInterface.At(g.At.Key("registration"), "Prometheus would dial the primary address of the VMs of group %q, and they report that of %s", g.Name, g.VM.Address.Interface).
				WithHelp("set vm.address.source: Metadata, where that is the primary address; or list the VMs: as instances, or by observability.prometheus.discovery: {type: HTTP, http: {url: https://…}}"))
		}
	}
}
