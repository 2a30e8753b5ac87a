package lint

import (
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var unresolvable = diag.Rule{
	ID: "VM146", Name: "name-of-the-mesh-in-dns", Severity: diag.Warning,
	Doc: "A ServiceEntry that VMs see is not resolved by a name that only the mesh has.",
	Long: "With resolution DNS, Envoy itself resolves the endpoint. On a VM its resolver is outside of the DNS capture, so it asks the VM's own " +
		"DNS servers, which do not have names of Kubernetes or of ServiceEntries. While a name does not resolve, the cluster is not " +
		"initialized, and every sidecar that sees the ServiceEntry does not get ready (istio issue 56865; seen on a real sidecar). " +
		"exportTo and the egress hosts of a Sidecar limit which sidecars see it.",
	Bad:  "externalServices:\n- name: db\n  serviceEntry: {hosts: [db.internal], resolution: DNS, ports: [{number: 5432, name: tcp}], endpoints: [{address: db.prod.svc.cluster.local}]}",
	Good: "externalServices:\n- name: db\n  serviceEntry: {hosts: [db.internal], resolution: DNS, ports: [{number: 5432, name: tcp}], endpoints: [{address: db.example.com}]}",
}

const unresolvableHelp = "dial the Service by its own name instead, or give the endpoint a name of public DNS, or an address with resolution: STATIC"

func resolvedByDNS(e *networking.ServiceEntry) bool {
	return e.GetResolution() == networking.ServiceEntry_DNS || e.GetResolution() == networking.ServiceEntry_DNS_ROUND_ROBIN
}

// namedByCluster reports whether a name is one that the DNS of a cluster has.
func namedByCluster(name, domain string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	return strings.HasSuffix(name, ".svc") || strings.HasSuffix(name, ".svc."+domain) || strings.HasSuffix(name, ".pod."+domain) ||
		strings.Contains(name, ".svc.") && strings.HasSuffix(name, ".cluster.local")
}

func findUnresolvable(m *mesh.Mesh, report Report) {
	hosts := map[string]bool{} // that istiod alone answers for
	for _, w := range m.Workloads {
		for _, s := range w.Services {
			for _, h := range s.Hosts {
				hosts[h.Name] = true
			}
		}
	}
	for _, x := range m.ExternalServices {
		if !resolvedByDNS(x.Entry) {
			continue
		}
		only := func(name string) bool { return namedByCluster(name, x.Spec.Istio.ClusterDomain) || hosts[name] }
		at := x.At.Key("serviceEntry")
		for i, e := range x.Entry.Endpoints {
			if only(e.Address) {
				report(unresolvable.At(at.Key("endpoints").Item(i, "").Key("address"),
					"%q is a name of the mesh, which Envoy on a VM cannot resolve: no sidecar that sees this gets ready", e.Address).
					WithHelp(unresolvableHelp))
			}
		}
		for i, h := range x.Entry.Hosts {
			if len(x.Entry.Endpoints) == 0 && namedByCluster(h, x.Spec.Istio.ClusterDomain) {
				report(unresolvable.At(at.Key("hosts").Item(i, ""),
					"%q is a name of the mesh, which Envoy on a VM cannot resolve: no sidecar that sees this gets ready", h).
					WithHelp(unresolvableHelp))
			}
		}
	}
}

func findUnresolvableEntries(s *manifest.Set, report Report) {
	if len(virtual(s)) == 0 && len(s.OfKind(manifest.NetworkingGroup, "WorkloadGroup")) == 0 {
		return
	}
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		if !resolvedByDNS(e) {
			continue
		}
		for i, p := range e.Endpoints {
			if namedByCluster(p.Address, "cluster.local") {
				report(unresolvable.At(r.Place("spec", "endpoints").Item(i, "").Key("address"),
					"%q is a name of the mesh, which Envoy on a VM cannot resolve: no sidecar that sees this gets ready", p.Address).
					WithHelp(unresolvableHelp))
			}
		}
	}
}

var wildcardHost = diag.Rule{
	ID: "VM532", Name: "wildcard-host", Severity: diag.Info,
	Doc: "Clients can resolve the names below a wildcard host.",
	Long: "Istio gives clients routes, endpoints and mTLS for a host such as *.example.com, and no address: its DNS answers for whole names " +
		"alone (istio: pkg/dns/server/name_table.go). The clients' own DNS must have the names, at whatever address the port is captured: " +
		"HTTP and TLS find the host in the request.",
	Bad:  "services: [{name: pay, kind: ServiceEntry, hosts: [\"*.example.com\"]}]",
	Good: "services: [{name: pay, kind: ServiceEntry, hosts: [pay.example.com]}]",
}

func findWildcardHosts(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		for _, s := range w.Services {
			for _, h := range s.Hosts {
				if strings.HasPrefix(h.Name, "*.") {
					report(wildcardHost.At(s.At.Key("hosts"), "Istio's DNS does not answer for %s: the DNS of its clients must", h.Name).
						WithHelp("add a wildcard record to the DNS that clients ask, or write each host in full"))
				}
			}
		}
	}
}

var egressPort = diag.Rule{
	ID: "VM531", Name: "egress-without-port", Severity: diag.Error,
	Doc: "A listener of sidecar.egress has a port that one of its hosts has.",
	Long: "A listener with a port is made for those of its hosts that have this port; where none has it, there is no listener, and calls go past " +
		"the mesh or nowhere. HTTP_PROXY alone takes hosts of any port (istio: pilot/pkg/model/sidecar.go, serviceMatchingListenerPort).",
	Bad:  "spec:\n  workloads:\n  - name: pay\n    ports: [{name: http, port: 8080}]\n    sidecar: {egress: [{port: {number: 9090, name: http, protocol: HTTP}, hosts: [./pay.vm-workloads.svc.cluster.local]}]}",
	Good: "spec:\n  workloads:\n  - name: pay\n    ports: [{name: http, port: 8080}]\n    sidecar: {egress: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: [./pay.vm-workloads.svc.cluster.local]}]}",
}

func findEgressPorts(m *mesh.Mesh, report Report) {
	ports := map[string][]uint32{} // of hosts that the specs make
	for _, w := range m.Workloads {
		for _, s := range w.Services {
			if s.Kind == mesh.KindExisting {
				continue
			}
			for _, h := range s.Hosts {
				for _, p := range s.Ports {
					ports[h.Name] = append(ports[h.Name], p.Number)
				}
			}
		}
	}
	for _, x := range m.ExternalServices {
		for _, h := range x.Hosts {
			for _, p := range x.Entry.Ports {
				ports[h.Name] = append(ports[h.Name], p.Number)
			}
		}
	}
	for _, w := range m.Workloads {
		for i, l := range w.Sidecar.GetEgress() {
			number := l.GetPort().GetNumber()
			if number == 0 || strings.EqualFold(l.GetPort().GetProtocol(), "HTTP_PROXY") {
				continue
			}
			var have []uint32
			known := len(l.Hosts) > 0
			for _, h := range l.Hosts {
				_, name, _ := strings.Cut(h, "/")
				of, own := ports[name]
				known = known && own && !strings.HasPrefix(h, "~")
				have = append(have, of...)
			}
			if known && !slices.Contains(have, number) {
				slices.Sort(have)
				report(egressPort.At(w.At.Key("sidecar").Key("egress").Item(i, "").Key("port").Key("number"),
					"no host of this listener has port %d: Istio makes no listener", number).
					WithHelp("write one of their ports: %s", numbered(slices.Compact(have))))
			}
		}
	}
}

// numbered lists numbers.
func numbered(list []uint32) string {
	var words []string
	for _, n := range list {
		words = append(words, strconv.Itoa(int(n)))
	}
	return strings.Join(words, ", ")
}
