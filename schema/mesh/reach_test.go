package mesh

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rows prints a mesh's reachability table for comparison.
func rows(m *Mesh) []string {
	var out []string
	for _, w := range m.Reach() {
		var from []string
		for _, e := range w.From {
			from = append(from, strings.TrimSpace(string(e.Kind)+" "+e.Network))
		}
		row := strings.Join(from, ", ") + " -> " + strings.TrimSpace(string(w.To.Kind)+" "+w.To.Network)
		if w.Through != "" {
			row += " through " + w.Through
		}
		out = append(out, row+fmt.Sprintf(" at %v:%v%v", w.Addresses, w.Ports, w.Names))
	}
	return out
}

// TestReach follows istiod's rule for each shape of networks: who is sent where, on which ports.
func TestReach(t *testing.T) {
	const istio = "  istio: {version: 1.31.1, network: kube, istiodAddresses: [34.56.78.90], podCIDRs: [10.244.0.0/16]%s}\n"
	web := func(groups string) string {
		return "  workloads:\n  - name: web\n    ports: [{name: http, port: 80, targetPort: 8080}]\n    groups:\n" + groups
	}
	for _, c := range []struct {
		name string
		spec string
		want []string
	}{
		{"no networks at all", web("    - {name: a, instances: [{name: vm1, address: 10.0.0.1, externalAddress: 198.51.100.1}, {name: vm2, address: 10.0.0.2, ports: [{name: http, targetPort: 8081}]}]}\n"), []string{
			"pods, VMs -> VMs at [10.0.0.2 198.51.100.1]:[8080 8081][]",
			"VMs -> pods at []:[][]",
			"VMs -> istiod at [34.56.78.90]:[15012][istiod.istio-system.svc]",
		}},
		{"flat, ambient", fmt.Sprintf(istio, ", dataplaneMode: Ambient") + web("    - {name: a, registration: Auto}\n"), []string{
			"pods kube, VMs kube -> VMs kube at []:[8080 15008][]",
			"VMs kube -> pods kube at [10.244.0.0/16]:[][]",
			"VMs kube -> istiod at [34.56.78.90]:[15012][istiod.istio-system.svc]",
		}},
		{"separate, and scraped", fmt.Sprintf(istio, "") + "  networks: [{name: dc1, cidrs: [10.1.0.0/16]}]\n  observability: {prometheus: {format: Fragment}}\n" +
			web("    - {name: a, network: dc1, instances: [{name: vm1, address: 10.1.0.1}]}\n"), []string{
			"pods kube, VMs dc1 -> VMs dc1 at [10.1.0.0/16]:[8080][]",
			"VMs dc1 -> pods kube through the cluster's east-west gateway at []:[15443][]",
			"VMs dc1 -> istiod at [34.56.78.90]:[15012][istiod.istio-system.svc]",
			"scrapers -> VMs dc1 at [10.1.0.0/16]:[15020][]",
		}},
		{"gateways in front of VMs, and of the cluster", fmt.Sprintf(istio, ", revisions: [{name: canary, version: 1.31.1}]") +
			"  networks: [{name: dc1}, {name: dc2, istiodAddresses: [10.2.0.9], gateways: [{address: 203.0.113.7}, {address: 203.0.113.8, port: 443}]}]\n" +
			"  controlPlane: {eastWestGateway: {deployment: Injected, service: {externalIPs: [203.0.113.1]}}}\n" +
			web("    - {name: a, network: dc1, revision: canary, instances: [{name: vm1, address: 10.1.0.1}]}\n    - {name: b, network: dc2, instances: [{name: vm1, address: 10.2.0.1}]}\n"+
				"    - {name: c, instances: [{name: vm1, address: 10.3.0.1}]}\n"), []string{
			"pods kube, VMs dc1, VMs dc2, VMs kube -> VMs dc1 at [10.1.0.1]:[8080][]",
			"VMs dc2, gateway dc2 -> VMs dc2 at [10.2.0.1]:[8080][]",
			"pods kube, VMs dc1, VMs kube -> VMs dc2 through gateway of dc2 at [203.0.113.8]:[443][]",
			"pods kube, VMs dc1, VMs kube -> VMs dc2 through gateway of dc2 at [203.0.113.7]:[15443][]",
			"pods kube, VMs kube -> VMs kube at [10.3.0.1]:[8080][]",
			"VMs dc1, VMs dc2 -> VMs kube through istio-system/istio-eastwestgateway at [203.0.113.1]:[15443][]",
			"VMs kube -> pods kube at [10.244.0.0/16]:[][]",
			"VMs dc1, VMs dc2 -> pods kube through istio-system/istio-eastwestgateway at [203.0.113.1]:[15443][]",
			"VMs dc1 -> istiod at [34.56.78.90]:[15012][istiod-canary.istio-system.svc]",
			"VMs dc2 -> istiod at [10.2.0.9]:[15012][istiod.istio-system.svc]",
			"VMs kube -> istiod at [34.56.78.90]:[15012][istiod.istio-system.svc]",
		}},
		{"another address of istiod, and no VMs listed", "  istio: {version: 1.31.1, istiodAddresses: [lb.example.com], discoveryAddress: istiod.example.com:443}\n" +
			"  workloads: [{name: client, groups: [{name: a, registration: Auto}]}]\n", []string{
			"VMs -> pods at []:[][]",
			"VMs -> istiod at [lb.example.com]:[443][istiod.example.com]",
		}},
		{"no workloads", "  istio: {version: 1.31.1}\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := mustResolve(t, c.spec)
			require.Equal(t, c.want, rows(m))
			require.Equal(t, rows(m), rows(m), "the table changes nothing that it reads")
		})
	}
}
