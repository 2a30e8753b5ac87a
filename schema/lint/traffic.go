package lint

import (
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Rules about traffic policies speak of a host's policy wherever it was written: in a service of a spec, or in a
// DestinationRule.

// policyAt is a traffic policy and its place. For a subset, whole is the policy of all its host's subsets.
type policyAt struct {
	*networking.TrafficPolicy
	whole *networking.TrafficPolicy
	at    diag.Path
}

// outlier is the ejection that holds where this policy does: what a subset leaves out its host's policy says.
func (p policyAt) outlier() *networking.OutlierDetection {
	if o := p.GetOutlierDetection(); o != nil {
		return o
	}
	return p.whole.GetOutlierDetection()
}

// policiesOf lists the policies of a service of a spec, or of a DestinationRule.
func policiesOf(policy *networking.TrafficPolicy, at diag.Path, subsets []*networking.Subset, subsetAt func(i int, name string) diag.Path) []policyAt {
	var all []policyAt
	if policy != nil {
		all = append(all, policyAt{policy, nil, at})
	}
	for i, s := range subsets {
		if s.GetTrafficPolicy() != nil {
			all = append(all, policyAt{s.TrafficPolicy, policy, subsetAt(i, s.Name)})
		}
	}
	return all
}

// ofService are the policies of a service; those of its subsets are told at the list, whose order the mesh does not keep.
func ofService(s *mesh.Service) []policyAt {
	at := s.At.Key("traffic")
	return policiesOf(s.Traffic.Policy, at.Key("trafficPolicy"), s.Traffic.Subsets, func(int, string) diag.Path { return at.Key("subsets") })
}

func ofRule(r *manifest.Resource, rule *networking.DestinationRule) []policyAt {
	return policiesOf(rule.TrafficPolicy, r.Place("spec", "trafficPolicy"), rule.Subsets, func(i int, name string) diag.Path {
		return r.Place("spec", "subsets").Item(i, name).Key("trafficPolicy")
	})
}

var failoverWithoutOutlier = diag.Rule{
	ID: "VM507", Name: "failover-without-ejection", Severity: diag.Error,
	Doc: "A policy that fails over has outlierDetection.",
	Long: "Envoy moves to the next locality as endpoints of the near one are ejected, and it ejects none without outlierDetection: traffic never fails over, and istiod only warns (istio: " +
		"pilot/pkg/xds/endpoints/endpoint_builder.go).",
	Bad:  "trafficPolicy: {loadBalancer: {localityLbSetting: {failover: [{from: us-west1, to: us-east1}]}}}",
	Good: "trafficPolicy: {loadBalancer: {localityLbSetting: {failover: [{from: us-west1, to: us-east1}]}}, outlierDetection: {consecutive5xxErrors: 5}}",
}

func failsOver(p policyAt, report Report) {
	l := p.GetLoadBalancer().GetLocalityLbSetting()
	if l == nil || l.GetEnabled() != nil && !l.GetEnabled().Value || p.outlier() != nil {
		return
	}
	at := p.at.Key("loadBalancer").Key("localityLbSetting")
	const help = "add outlierDetection: {consecutive5xxErrors: 5, interval: 30s, baseEjectionTime: 30s} to the policy"
	switch {
	case len(l.Failover) > 0:
		report(failoverWithoutOutlier.At(at.Key("failover"), "nothing fails over: the policy does not have an outlierDetection").WithHelp(help))
	case len(l.FailoverPriority) > 0:
		report(failoverWithoutOutlier.At(at.Key("failoverPriority"), "nothing fails over: the policy does not have an outlierDetection").WithHelp(help))
	}
}

func eachPolicy(m *mesh.Mesh, do func(*mesh.Service, policyAt)) {
	for _, w := range m.Workloads {
		for _, s := range w.Services {
			for _, p := range ofService(s) {
				do(s, p)
			}
		}
	}
}

func eachRule(s *manifest.Set, do func(*manifest.Resource, *networking.DestinationRule, policyAt)) {
	for r, rule := range manifest.Each[*networking.DestinationRule](s) {
		for _, p := range ofRule(r, rule) {
			do(r, rule, p)
		}
	}
}

func findFailoverWithoutOutlier(m *mesh.Mesh, report Report) {
	eachPolicy(m, func(_ *mesh.Service, p policyAt) { failsOver(p, report) })
}

func findFailoverWithoutOutlierRules(s *manifest.Set, report Report) {
	eachRule(s, func(_ *manifest.Resource, _ *networking.DestinationRule, p policyAt) { failsOver(p, report) })
}

var quietLocality = diag.Rule{
	ID: "VM508", Name: "ejection-keeps-traffic-near", Severity: diag.Info,
	Doc: "A host in several regions whose policy ejects says what it wants of localities.",
	Long: "outlierDetection switches on what is on by default in every mesh: clients prefer endpoints of their own region and zone, and leave them only as they are ejected (istio: " +
		"pilot/pkg/xds/endpoints/endpoint_builder.go). VMs in other regions then get no traffic. loadBalancer.localityLbSetting says whether that is meant: enabled: true, or false.",
	Bad:  "spec:\n  workloads:\n  - groups: [{locality: us-west1/a}, {locality: us-east1/a}]\n    services: [{name: pay, traffic: {trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5}}}}]",
	Good: "spec:\n  workloads:\n  - groups: [{locality: us-west1/a}, {locality: us-east1/a}]\n    services: [{name: pay, traffic: {trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5}, loadBalancer: {localityLbSetting: {enabled: false}}}}}]",
}

func findQuietLocalities(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		for _, s := range w.Services {
			p := s.Traffic.Policy
			if p.GetOutlierDetection() == nil || p.GetLoadBalancer().GetLocalityLbSetting() != nil {
				continue
			}
			if where := regionsOf(w, s); len(where) > 1 && !where[""] {
				report(quietLocality.At(s.At.Key("traffic").Key("trafficPolicy").Key("outlierDetection"), "with ejection, clients of service %q keep to the VMs of their own region", s.Name).
					WithHelp("choose explicitly: loadBalancer: {localityLbSetting: {enabled: true}}"))
			}
		}
	}
}

// regionsOf are the regions of a service's VMs; "" is among them where one is not known.
func regionsOf(w *mesh.Workload, s *mesh.Service) map[string]bool {
	found := map[string]bool{}
	add := func(locality string) {
		region, _, _ := strings.Cut(locality, "/")
		found[region] = true
	}
	for _, g := range w.AllGroups() {
		if (g.Auto || len(g.Instances) == 0) && s.Selects(g.Labels) {
			add(g.Locality)
		}
		for _, i := range g.Instances {
			if s.Selects(i.Labels) {
				add(i.Locality)
			}
		}
	}
	return found
}

var unknownRegion = diag.Rule{
	ID: "VM509", Name: "failover-to-nowhere", Severity: diag.Warning,
	Doc: "A region to which traffic fails over is one that VMs of the host are in.",
	Long: "Istio compares regions as they are written. Where no endpoint is in the region that a failover names, the rule is ignored: once the near ones are ejected, the rest of the world is one " +
		"(istio: pkg/config/validation/agent, pilot/pkg/networking/core/loadbalancer). This is judged for hosts that VMs alone serve, and whose regions are all known.",
	Bad:  "spec:\n  workloads:\n  - groups: [{locality: us-west1/a}, {locality: us-west1/b}]\n    services:\n    - name: pay\n      traffic: {trafficPolicy: {outlierDetection: {interval: 30s}, loadBalancer: {localityLbSetting: {failover: [{from: us-west1, to: us-east1}]}}}}",
	Good: "spec:\n  workloads:\n  - groups: [{locality: us-west1/a}, {locality: us-east1/b}]\n    services:\n    - name: pay\n      traffic: {trafficPolicy: {outlierDetection: {interval: 30s}, loadBalancer: {localityLbSetting: {failover: [{from: us-west1, to: us-east1}]}}}}",
}

func leadsNowhere(p policyAt, host string, regions map[string]bool, report Report) {
	if len(regions) == 0 || regions[""] {
		return
	}
	for i, f := range p.GetLoadBalancer().GetLocalityLbSetting().GetFailover() {
		if f.GetTo() != "" && !regions[f.GetTo()] {
			at := p.at.Key("loadBalancer").Key("localityLbSetting").Key("failover").Item(i, "").Key("to")
			report(unknownRegion.At(at, "no VM of %q is in region %q", host, f.GetTo()).
				WithHelp("its VMs are in %s", strings.Join(sorted(regions), ", ")))
		}
	}
}

func findUnknownRegions(m *mesh.Mesh, report Report) {
	eachPolicy(m, func(s *mesh.Service, p policyAt) {
		if !s.Pods && s.Kind != mesh.KindExisting {
			leadsNowhere(p, s.Name, regionsOf(s.Workload, s), report)
		}
	})
}

func findUnknownRegionRules(s *manifest.Set, report Report) {
	eachRule(s, func(r *manifest.Resource, rule *networking.DestinationRule, p policyAt) {
		v := service(s, hostOf(rule.Host, r.Namespace))
		if v == nil {
			return
		}
		regions := map[string]bool{}
		for _, w := range s.Selected(v.Namespace, v.Selector) {
			regions[regionOf(w)] = true
		}
		leadsNowhere(p, rule.Host, regions, report)
	})
}

// regionOf is the region of a VM; "" where it is not known, as that of pods.
func regionOf(w *manifest.Workload) string {
	region, _, _ := strings.Cut(w.Locality, "/")
	if region == "" && w.VM {
		region, _, _ = strings.Cut(labelledLocality(w), ".")
	}
	return region
}

// The labels that say a locality: the second is read by Istio before 1.29 too.
const (
	localityLabel    = "topology.istio.io/locality"
	oldLocalityLabel = "istio-locality"
)

// labelledLocality is the locality that a VM's labels say; "" for none.
func labelledLocality(w *manifest.Workload) string {
	if said := w.Clients[localityLabel]; said != "" {
		return said
	}
	return w.Clients[oldLocalityLabel]
}

var upgradedPlain = diag.Rule{
	ID: "VM512", Name: "upgrade-of-others", Severity: diag.Warning,
	Doc: "Only hosts whose endpoints all speak HTTP/2 behind a sidecar are upgraded to it.",
	Long: "h2UpgradePolicy: UPGRADE is unconditional: it holds for every port of the host that carries HTTP, also one whose protocol Istio finds out by the bytes, and for endpoints without a sidecar, " +
		"which must then speak HTTP/2 in plaintext (istio: pilot/pkg/networking/core/cluster_traffic_policy.go).",
	Bad:  "spec:\n  workloads:\n  - ports: [{name: web, port: 8080}]\n    services: [{name: pay, traffic: {trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}}}]",
	Good: "spec:\n  workloads:\n  - ports: [{name: web, port: 8080, protocol: HTTP}]\n    services: [{name: pay, traffic: {trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}}}]",
}

func upgrades(p policyAt) bool {
	return p.GetConnectionPool().GetHttp().GetH2UpgradePolicy() == networking.ConnectionPoolSettings_HTTPSettings_UPGRADE
}

func (p policyAt) upgradeAt() diag.Path {
	return p.at.Key("connectionPool").Key("http").Key("h2UpgradePolicy")
}

func findUpgradedPlain(m *mesh.Mesh, report Report) {
	eachPolicy(m, func(s *mesh.Service, p policyAt) {
		if i := slices.IndexFunc(s.Ports, func(p *mesh.Port) bool { return p.Protocol == "" }); i >= 0 && upgrades(p) {
			report(upgradedPlain.At(p.upgradeAt(), "port %q of service %q does not say that it is HTTP, and is upgraded all the same", s.Ports[i].Name, s.Name).
				WithHelp("give the port its protocol, or the ports services of their own"))
		}
	})
}

func findUpgradedPlainRules(s *manifest.Set, report Report) {
	eachRule(s, func(r *manifest.Resource, rule *networking.DestinationRule, p policyAt) {
		v := service(s, hostOf(rule.Host, r.Namespace))
		if v == nil || !upgrades(p) {
			return
		}
		selected := vms(s.Selected(v.Namespace, v.Selector))
		if len(selected) == 0 {
			return
		}
		for _, port := range v.Ports {
			if protocolOf(port) == "" {
				report(upgradedPlain.At(p.upgradeAt(), "port %q of %s does not say that it is HTTP, and is upgraded all the same", port.Name, v.Resource).
					WithHelp("give the port an appProtocol, or the ports Services of their own"))
				return
			}
		}
		for _, w := range selected {
			if w.Clients["security.istio.io/tlsMode"] == "disabled" || w.Account == "" {
				report(upgradedPlain.At(p.upgradeAt(), "%s does not have a sidecar, and gets HTTP/2 in plaintext", w.Resource).
					WithHelp("drop the upgrade, or make sure that it speaks HTTP/2 without TLS"))
				return
			}
		}
	})
}

var tlsOfMesh = diag.Rule{
	ID: "VM513", Name: "tls-beside-mesh", Severity: diag.Warning,
	Doc: "The traffic policy of VMs with a sidecar leaves TLS to the mesh.",
	Long: "Between sidecars mTLS is automatic, endpoint by endpoint. A tls mode in the host's policy takes its place for all of them: DISABLE sends plaintext and SIMPLE another TLS, which a VM in STRICT " +
		"mode refuses, and policies see no caller's identity (istio: pilot/pkg/xds/endpoints/mtls_checker.go).",
	Bad:  "spec:\n  workloads:\n  - services: [{name: pay, traffic: {trafficPolicy: {tls: {mode: DISABLE}}}}]",
	Good: "spec:\n  workloads:\n  - services: [{name: pay, traffic: {trafficPolicy: {connectionPool: {tcp: {maxConnections: 100}}}}}]",
}

const tlsHelp = "drop tls; a plaintext port is an exception of its PeerAuthentication, in mode DISABLE"

func findTLSOfMesh(m *mesh.Mesh, report Report) {
	spaces := modes(m)
	eachPolicy(m, func(s *mesh.Service, p policyAt) {
		if !ownTLS(p.TrafficPolicy) || s.Kind == mesh.KindExisting {
			return
		}
		d := tlsOfMesh.At(p.at.Key("tls"), "tls mode %s takes the place of the mesh's mTLS for service %q", p.Tls.Mode, s.Name).WithHelp(tlsHelp)
		plain := 0
		for _, port := range s.Ports {
			switch modeOf(s.Workload, spaces, port.Target) {
			case security.PeerAuthentication_MutualTLS_STRICT:
				d.Severity = diag.Error
				d.Message += ", and its VMs refuse everything else"
				report(d)
				return
			case security.PeerAuthentication_MutualTLS_DISABLE:
				plain++
			}
		}
		if plain < len(s.Ports) {
			report(d)
		}
	})
}

func findTLSOfMeshRules(s *manifest.Set, report Report) {
	policies := peersOf(s)
	eachRule(s, func(r *manifest.Resource, rule *networking.DestinationRule, p policyAt) {
		v := service(s, hostOf(rule.Host, r.Namespace))
		if v == nil || !ownTLS(p.TrafficPolicy) {
			return
		}
		for _, w := range s.Selected(v.Namespace, v.Selector) {
			if !w.VM || w.Account == "" || w.Clients["security.istio.io/tlsMode"] == "disabled" {
				continue
			}
			policy := policies.of(w.Namespace, w.Own)
			if policy.Resource != nil && policy.GetMtls().GetMode() == security.PeerAuthentication_MutualTLS_DISABLE {
				continue
			}
			d := tlsOfMesh.At(p.at.Key("tls"), "tls mode %s takes the place of the mesh's mTLS for %s", p.Tls.Mode, w.Resource).WithHelp(tlsHelp)
			if policy.Resource != nil && policy.GetMtls().GetMode() == security.PeerAuthentication_MutualTLS_STRICT {
				d.Severity = diag.Error
				d.Message += ", and " + policy.Resource.String() + " refuses everything else"
			}
			report(d)
			return
		}
	})
}
