package lint

import (
	"slices"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var unprobed = diag.Rule{
	ID: "VM540", Name: "unprobed", Severity: diag.Warning,
	Doc: "The callers of VMs without a sidecar eject those that do not answer.",
	Long: "A VM with proxy: None is not probed: one that is down keeps its share of the requests until its entry is " +
		"removed. outlierDetection in the " +
		"traffic policy makes each caller stop for a while after some failures.",
	Bad: "groups: [{name: win, proxy: None, instances: [{name: vm1, address: 192.168.1.100}]}]",
	Good: "groups: [{name: win, proxy: None, instances: [{name: vm1, address: 192.168.1.100}]}]\n" +
		"services: [{name: win, traffic: {trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5}}}}]",
}

func findUnprobed(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		for _, s := range w.Services {
			if slices.ContainsFunc(ofService(s), func(p policyAt) bool { return p.outlier() != nil }) {
				continue
			}
			for _, g := range w.Proxyless {
				if s.Selects(g.Labels) || slices.ContainsFunc(g.Instances,
					func(i *mesh.Instance) bool { return s.Selects(i.Labels) }) {
					report(unprobed.At(s.At,
						"callers keep sending to VMs of group %q that are down: service %q does not have outlierDetection", g.Name,
						s.Name).
						WithHelp("add `traffic: {trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5, interval: 10s, " +
							"baseEjectionTime: 30s}}}`"))
					break
				}
			}
		}
	}
}
