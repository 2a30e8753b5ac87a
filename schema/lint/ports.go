package lint

import (
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var reservedPort = diag.Rule{
	ID: "VM219", Name: "reserved-port", Severity: diag.Error,
	Doc: "VMs do not listen for the mesh on a port that the sidecar or SSH uses.",
	Long: "15001, 15006, 15021 and 15090 are Envoy's own listeners: istiod leaves an application's port of that number out, as a conflict. " +
		"15000, 15004, 15020 and 15053 are sockets of the agent, 15008 is HBONE's. 22 is never captured, so that an operator is never locked out " +
		"(istio: pilot/pkg/model/context.go, pilot/cmd/pilot-agent/status/server.go).",
	Bad:  "ports: [{name: http, port: 80, targetPort: 15021}]",
	Good: "ports: [{name: http, port: 80, targetPort: 8080}]",
}

// reservedPorts lists the ports that are already in use on a VM, and by what.
var reservedPorts = map[uint32]string{
	22: "SSH's, which is never captured", 15000: "Envoy's admin interface", 15001: "Envoy's listener for outbound traffic",
	15004: "the agent's debug interface", 15006: "Envoy's listener for inbound traffic", 15008: "Envoy's listener for HBONE",
	15020: "where the agent serves metrics", 15021: "where Envoy answers health checks", 15053: "the agent's DNS proxy",
	15090: "where Envoy serves metrics",
}

func findReservedPorts(m *mesh.Mesh, report Report) {
	say := func(at diag.Path, number uint32) {
		if whose := reservedPorts[number]; whose != "" {
			report(reservedPort.At(at, "VMs cannot listen for the mesh on %d: it is %s", number, whose).
				WithHelp("let the application listen elsewhere; clients may still dial any port"))
		}
	}
	ssh := func(at diag.Path, g *mesh.Group, number uint32) {
		if port := g.VM.Firewall.SSHPort; number == port && reservedPorts[number] == "" {
			report(reservedPort.At(at, "VMs of group %q cannot listen for the mesh on %d: it is their SSH port", g.Name, number).
				WithHelp("let the application listen elsewhere, or correct vm.firewall.sshPort, which is never captured"))
		}
	}
	for _, w := range m.Workloads {
		if len(w.Groups) == 0 && len(w.Proxyless) > 0 {
			continue // there is no sidecar
		}
		if m := w.Metrics; m != nil && m.Name == "" {
			say(m.At.Key("port"), m.Port)
		}
		for _, p := range w.Ports {
			at := p.At.Key("port")
			if p.Target != p.Number {
				at = p.At.Key("targetPort")
			}
			say(at, p.Target)
		}
		for _, g := range w.Groups {
			for _, p := range w.Ports {
				n, at := g.Ports[p.Name], p.At
				if n != p.Target {
					at = g.At.Key("ports")
					say(at, n)
				}
				ssh(at, g, n)
			}
			for _, i := range g.Instances {
				for _, p := range w.Ports {
					if n := i.Ports[p.Name]; n != g.Ports[p.Name] {
						say(i.At.Key("ports"), n)
						ssh(i.At.Key("ports"), g, n)
					}
				}
			}
		}
	}
}
