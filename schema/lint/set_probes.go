package lint

import (
	"net/netip"
	"slices"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var probeOfLoopback = diag.Rule{
	ID: "VM304", Name: "probe-beside-loopback", Severity: diag.Warning,
	Doc: "Without interception a probe asks 127.0.0.1, where the application listens.",
	Long: "With interception mode NONE the sidecar itself listens on the VM's address, and the application on 127.0.0.1. A probe without a host asks the VM's address: " +
		"it reaches the sidecar, or nothing, and does not test the application (istio: pkg/istio-agent/health/health_check.go).",
	Bad:  "spec:\n  vm: {interception: {mode: NONE}}\n  workloads:\n  - probe: {httpGet: {path: /health, port: 8080}}",
	Good: "spec:\n  vm: {interception: {mode: NONE}}\n  workloads:\n  - probe: {httpGet: {path: /health, port: 8080, host: 127.0.0.1}}",
}

func findProbesOfLoopback(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		http := w.Probe.GetHttpGet()
		if http == nil || http.Host != "" || !slices.ContainsFunc(w.Groups, func(g *mesh.Group) bool { return g.VM.Interception.Mode == "NONE" }) {
			continue
		}
		report(probeOfLoopback.At(w.At.Key("probe").Key("httpGet"), "without interception the application listens on 127.0.0.1, and this probe asks the VM's own address").
			WithHelp("add host: 127.0.0.1"))
	}
}

var probeOfSidecar = diag.Rule{
	ID: "VM305", Name: "probe-of-sidecar", Severity: diag.Warning,
	Doc: "A tcpSocket probe of a port that the sidecar takes over asks 127.0.0.1.",
	Long: "The agent's TCP probe of the VM's own address is intercepted like any other connection: the sidecar accepts it, whether the application is up or not, and " +
		"the VM is healthy for ever (istio: pkg/istio-agent/health/health_probers.go, tools/istio-iptables). httpGet probes pass the sidecar by.",
	Bad:  "probe: {tcpSocket: {host: 192.168.1.50, port: 8080}}",
	Good: "probe: {tcpSocket: {port: 8080}}",
}

// loopback reports whether a probe's host is the VM itself, past the sidecar.
func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

const probeHelp = "write host: 127.0.0.1, or ask with httpGet or exec"

func findProbesOfSidecar(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		tcp := w.Probe.GetTcpSocket()
		if tcp == nil || loopback(tcp.Host) {
			continue
		}
		for _, g := range w.Groups {
			if in := g.VM.Interception; in.Mode != "NONE" && (in.AllInbound && !slices.Contains(in.ExcludeInboundPorts, tcp.Port) || slices.Contains(in.IncludeInboundPorts, tcp.Port)) {
				report(probeOfSidecar.At(w.At.Key("probe").Key("tcpSocket").Key("host"), "the sidecar answers on %d of %s, and not the application", tcp.Port, tcp.Host).WithHelp(probeHelp))
				break
			}
		}
	}
}

func findGroupProbesOfSidecar(s *manifest.Set, report Report) {
	for r, g := range manifest.Each[*networking.WorkloadGroup](s) {
		tcp := g.GetProbe().GetTcpSocket()
		if tcp == nil || loopback(tcp.Host) {
			continue
		}
		w := s.Workload(r)
		if len(w.Ports) > 0 && portNamed(w, tcp.Port) == "" {
			continue // not taken over
		}
		report(probeOfSidecar.At(r.Place("spec", "probe", "tcpSocket"), "the sidecar answers on %d, and not the application: this probe always succeeds", tcp.Port).WithHelp(probeHelp))
	}
}

var probeMethod = diag.Rule{
	ID: "VM306", Name: "probe-method", Severity: diag.Error,
	Doc: "A WorkloadGroup's probe has a method that istiod takes: httpGet, tcpSocket or exec.",
	Long: "The API has grpc too, and istiod's webhook refuses it as an unknown method, as it refuses a probe without any (istio: pkg/config/validation, validateReadinessProbe). " +
		"Ask a gRPC server with exec and a program such as grpc_health_probe.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, ports: {grpc: 9090}}, probe: {failureThreshold: 3, grpc: {port: 9090}}}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, ports: {grpc: 9090}}, probe: {failureThreshold: 3, exec: {command: [grpc_health_probe, -addr=127.0.0.1:9090]}}}\n",
}

func findProbeMethods(s *manifest.Set, report Report) {
	for r, g := range manifest.Each[*networking.WorkloadGroup](s) {
		switch {
		case g.Probe == nil:
		case g.Probe.HealthCheckMethod == nil:
			report(probeMethod.At(r.Place("spec", "probe"), "the probe asks nothing: istiod refuses the object").WithHelp("add httpGet, tcpSocket or exec"))
		case g.Probe.GetGrpc() != nil:
			report(probeMethod.At(r.Place("spec", "probe", "grpc"), "istiod refuses grpc probes of VMs").Key().
				WithHelp("write exec: {command: [grpc_health_probe, -addr=127.0.0.1:%d]}", g.Probe.GetGrpc().Port))
		}
	}
}

var failureThreshold = diag.Rule{
	ID: "VM307", Name: "failure-threshold", Severity: diag.Info,
	Doc: "A probe says how many failures make a VM unhealthy.",
	Long: "The agent on the VM uses 1 where it is not set, not 3 as the API's documentation states: one slow answer takes the VM out of its services " +
		"(istio: pkg/istio-agent/health/health_check.go).",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, ports: {http: 8080}}, probe: {httpGet: {path: /health, port: 8080}}}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, ports: {http: 8080}}, probe: {failureThreshold: 3, httpGet: {path: /health, port: 8080}}}\n",
}

func findFailureThresholds(s *manifest.Set, report Report) {
	for r, g := range manifest.Each[*networking.WorkloadGroup](s) {
		if p := g.Probe; p != nil && p.FailureThreshold == 0 {
			report(failureThreshold.At(r.Place("spec", "probe"), "without failureThreshold one failure makes the VM unhealthy").WithHelp("add failureThreshold: 3"))
		}
	}
}
