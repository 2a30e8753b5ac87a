package lint

import (
	"slices"

	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// captured reports whether the sidecar takes a port of the VMs over.
func captured(in *mesh.Interception, port uint32) bool {
	listed := in.IncludeInboundPorts
	if in.AllInbound {
		listed = in.ExcludeInboundPorts
	}
	_, found := slices.BinarySearch(listed, port) // they are sorted
	return found != in.AllInbound
}

// modes are the mTLS modes of namespaces, where the specs say them.
func modes(m *mesh.Mesh) map[string]security.PeerAuthentication_MutualTLS_Mode {
	found := map[string]security.PeerAuthentication_MutualTLS_Mode{}
	for _, n := range m.Namespaces {
		found[n.Name] = n.MTLS
	}
	return found
}

// modeOf is the mode of a workload's VMs at a port.
func modeOf(w *mesh.Workload, spaces map[string]security.PeerAuthentication_MutualTLS_Mode, port uint32) security.PeerAuthentication_MutualTLS_Mode {
	if mode := w.MTLS.Ports[port]; mode != security.PeerAuthentication_MutualTLS_UNSET {
		return mode
	}
	if w.MTLS.Mode != security.PeerAuthentication_MutualTLS_UNSET {
		return w.MTLS.Mode
	}
	return spaces[w.Namespace]
}

// findUncapturedPorts is [notCaptured] of a spec: the ports that interception was told to take over, and those that clients
// are led to.
func findUncapturedPorts(m *mesh.Mesh, report Report) {
	spaces := modes(m)
	for _, w := range m.Workloads {
		for _, g := range w.Groups {
			in := &g.VM.Interception
			if in.Mode == "NONE" {
				continue
			}
			served := servedPorts(w, g)
			for _, p := range w.Ports {
				target := g.Ports[p.Name]
				if captured(in, target) || reservedPorts[target] != "" || modeOf(w, spaces, target) == security.PeerAuthentication_MutualTLS_DISABLE || !served[p] {
					continue
				}
				key, help := "includeInboundPorts", "add %d to them, or drop the list: the ports of the group are its default"
				if in.AllInbound {
					key, help = "excludeInboundPorts", "take %d from them, or set the port's mTLS mode to DISABLE"
				}
				report(notCaptured.At(in.At.Key(key), "clients are led to port %d of group %q, and the sidecar does not take it over", target, g.Name).WithHelp(help, target))
			}
		}
	}
}

// servedPorts returns the ports of the group's VMs to which some service leads clients.
func servedPorts(w *mesh.Workload, g *mesh.Group) map[*mesh.Port]bool {
	served := map[*mesh.Port]bool{}
	for _, s := range w.Services {
		if s.Selects(g.Labels) {
			for _, p := range s.Ports {
				served[p] = true
			}
		}
	}
	return served
}

var wholeHost = diag.Rule{
	ID: "VM302", Name: "whole-host", Severity: diag.Warning,
	Doc: "mTLS is not required on every port when all inbound ports are captured.",
	Long: "A template without ports makes istioctl write ISTIO_INBOUND_PORTS='*', and so does includeInboundPorts: [\"*\"]. With STRICT, every daemon of the host then answers mTLS alone: " +
		"node exporters, backup agents, replication, RPC. Only 22, 15020, 15021 and 15090 are left out (istio: istioctl/pkg/workload/workload.go). List the application's ports, or exclude those of the host.",
	Bad:  "spec:\n  vm: {interception: {includeInboundPorts: [\"*\"]}}\n  workloads:\n  - security: {mtls: {mode: STRICT}}",
	Good: "spec:\n  vm: {interception: {includeInboundPorts: [\"*\"], excludeInboundPorts: [9100]}}\n  workloads:\n  - security: {mtls: {mode: STRICT}}",
}

// ownExclusions is how many ports are never captured, whatever a spec says: SSH and three of Istio's.
const ownExclusions = 4

func findWholeHosts(m *mesh.Mesh, report Report) {
	spaces := modes(m)
	for _, w := range m.Workloads {
		mode := w.MTLS.Mode
		if mode == security.PeerAuthentication_MutualTLS_UNSET {
			mode = spaces[w.Namespace]
		}
		if mode != security.PeerAuthentication_MutualTLS_STRICT {
			continue
		}
		for _, g := range w.Groups {
			if in := &g.VM.Interception; in.AllInbound && in.Mode != "NONE" && len(in.ExcludeInboundPorts) <= ownExclusions {
				report(wholeHost.At(in.At.Key("includeInboundPorts"), "with STRICT every daemon on the VMs of group %q answers mTLS alone", g.Name).
					WithHelp("list the application's ports, or add the host's own to excludeInboundPorts: [9100]"))
			}
		}
	}
}

func findWholeHostGroups(s *manifest.Set, report Report) {
	policies := peersOf(s)
	serves := map[*manifest.Workload]bool{}
	for _, c := range clientSelectors(s) {
		for _, w := range s.Selected(c.by.Namespace, c.labels) {
			serves[w] = true
		}
	}
	for r, g := range manifest.Each[*networking.WorkloadGroup](s) {
		w := s.Workload(r)
		// VMs that no one calls have no ports, which is intended.
		if len(w.Ports) > 0 || !serves[w] && g.GetProbe().GetHttpGet() == nil && g.GetProbe().GetTcpSocket() == nil {
			continue
		}
		if by := policies.strict(w.Namespace, w.Own); by != nil {
			report(wholeHost.At(w.PortsAt, "without ports the sidecar takes the whole host over, and %s demands mTLS of every daemon on it", by).
				WithHelp("add ports: {http: 8080}, those of the application"))
		}
	}
}

var registryOnly = diag.Rule{
	ID: "VM303", Name: "registry-only-host", Severity: diag.Warning,
	Doc: "With REGISTRY_ONLY, the ranges that the host itself needs (metadata, DNS, NTP) are excluded from interception.",
	Long: "With REGISTRY_ONLY the sidecar refuses what no service or ServiceEntry is for, and on a VM it takes the traffic of the whole host: package updates, the cloud's metadata at " +
		"169.254.169.254, agents. Give the mesh's ranges to includeOutboundIPRanges, or exclude those that the host needs.",
	Bad:  "sidecar: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}, egress: [{hosts: [\"./*\", \"istio-system/*\"]}]}",
	Good: "spec:\n  vm: {interception: {excludeOutboundIPRanges: [169.254.169.254/32]}}\n  workloads:\n  - sidecar: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}, egress: [{hosts: [\"./*\", \"istio-system/*\"]}]}",
}

func findRegistryOnly(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		out := w.Sidecar.GetOutboundTrafficPolicy()
		if out == nil || out.Mode != networking.OutboundTrafficPolicy_REGISTRY_ONLY {
			continue
		}
		for _, g := range w.Groups {
			in := &g.VM.Interception
			if in.Mode == "NONE" || !slices.Equal(in.IncludeOutboundIPRanges, []string{"*"}) || len(in.ExcludeOutboundIPRanges)+len(in.ExcludeOutboundPorts) > 0 {
				continue
			}
			report(registryOnly.At(w.At.Key("sidecar").Key("outboundTrafficPolicy").Key("mode"), "REGISTRY_ONLY shuts the whole host of group %q in: updates, metadata and agents too", g.Name).
				WithHelp("add vm.interception.excludeOutboundIPRanges: [169.254.169.254/32, …], or set includeOutboundIPRanges to the mesh's own ranges"))
			break
		}
	}
}

var rootUncaptured = diag.Rule{
	ID: "VM330", Name: "root-uncaptured", Severity: diag.Warning,
	Doc: "The group root is not among those whose traffic is left out of interception.",
	Long: "Most programs of a host run with the group root, and so does an application whose unit has no User=. What they call is then " +
		"plaintext that no service of the mesh authenticates, and no route, policy or metric of the mesh applies to it.",
	Bad:  "vm: {interception: {excludeOwnerGroups: [root, sssd]}}",
	Good: "vm: {interception: {excludeOwnerGroups: [sssd]}}",
}

func findRootUncaptured(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		for _, g := range w.Groups {
			in := &g.VM.Interception
			if slices.Contains(in.ExcludeOwnerGroups, "root") || slices.Contains(in.ExcludeOwnerGroups, "0") {
				report(rootUncaptured.At(in.At.Key("excludeOwnerGroups"),
					"whatever the group root runs on the VMs of group %q is not captured", g.Name).
					WithHelp("list the groups of the daemons that must work without the sidecar, such as sssd"))
			}
		}
	}
}
