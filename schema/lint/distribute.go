package lint

import (
	"maps"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var leftOutByLocality = diag.Rule{
	ID: "VM533", Name: "left-out-by-distribute", Severity: diag.Warning,
	Doc: "The localities of `distribute` have VMs of every subset that a route leads to, and of every group.",
	Long: "For clients in `from`, endpoints in none of the localities of `to` get no requests at all. A route to a subset whose VMs are all " +
		"elsewhere then answers 503 for its part of the requests, which is an error; a group outside of every `to` is idle for these " +
		"clients, which is a warning (istio: pilot/pkg/networking/core/loadbalancer, applyLocalityWeights). This is judged where all " +
		"localities are set.",
	Bad: "spec:\n  workloads:\n  - groups: [{locality: us-west1/a}, {locality: us-east1/a}]\n    services:\n    - name: pay\n" +
		"      traffic: {trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: us-west1/*, to: {us-west1/*: 100}}]}}}}",
	Good: "spec:\n  workloads:\n  - groups: [{locality: us-west1/a}, {locality: us-east1/a}]\n    services:\n    - name: pay\n" +
		"      traffic: {trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: us-west1/*, to: {us-west1/*: 80, us-east1/*: 20}}]}}}}",
}

// located is a VM, or all of a group that are not listed.
type located struct {
	group    *mesh.Group
	labels   map[string]string
	locality string
}

// locatedVMs lists the VMs behind a service.
func locatedVMs(s *mesh.Service) []located {
	var all []located
	for _, g := range s.Workload.Groups {
		if g.Auto || len(g.Instances) == 0 {
			all = append(all, located{g, g.Labels, g.Locality})
		}
		for _, i := range g.Instances {
			all = append(all, located{g, i.Labels, i.Locality})
		}
	}
	return slices.DeleteFunc(all, func(v located) bool { return !s.Selects(v.labels) })
}

func findLeftOutByLocality(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		for _, s := range w.Services {
			if s.Pods || s.Kind == mesh.KindExisting {
				continue
			}
			if vms := locatedVMs(s); !slices.ContainsFunc(vms, func(v located) bool { return v.locality == "" }) {
				leftOut(s, vms, report)
			}
		}
	}
}

// leftOut judges the distributions of a service whose VMs are all in known places.
func leftOut(s *mesh.Service, vms []located, report Report) {
	for _, p := range ofService(s) {
		at := p.at.Key("loadBalancer").Key("localityLbSetting").Key("distribute")
		distribute := p.GetLoadBalancer().GetLocalityLbSetting().GetDistribute()
		told := map[*mesh.Group]bool{}
		for i, d := range distribute {
			for _, subset := range routedSubsets(s) {
				if !p.holdsFor(subset) {
					continue
				}
				of := slices.DeleteFunc(slices.Clone(vms), func(v located) bool { return !manifest.Carries(v.labels, subset.GetLabels()) })
				if len(of) == 0 || slices.ContainsFunc(of, func(v located) bool { return reachedBy(d, v.locality) }) {
					continue
				}
				what := "service " + quoted(s.Name)
				if subset != nil {
					what = "subset " + quoted(subset.Name)
				}
				f := leftOutByLocality.At(at.Item(i, "").Key("to"), "no VM of %s is in these localities: its requests from %s get 503", what, d.From).
					WithHelp("add a share for %s, where its VMs are", localitiesOf(of))
				f.Severity = diag.Error
				report(f)
				for _, v := range of {
					told[v.group] = true
				}
			}
		}
		if len(distribute) == 0 {
			continue
		}
		for _, v := range vms {
			if told[v.group] || slices.ContainsFunc(vms, func(o located) bool {
				return o.group == v.group && slices.ContainsFunc(distribute, func(d *networking.LocalityLoadBalancerSetting_Distribute) bool {
					return reachedBy(d, o.locality)
				})
			}) {
				continue
			}
			told[v.group] = true
			report(leftOutByLocality.At(at, "no VM of group %q is in the localities of distribute: it gets no requests from %s", v.group.Name, distribute[0].From).
				WithHelp("add a share for %s, where its VMs are", v.locality))
		}
	}
}

// holdsFor reports whether a policy decides the localities of a subset; nil is the host as a whole.
func (p policyAt) holdsFor(s *networking.Subset) bool {
	if p.whole != nil || s.GetTrafficPolicy().GetLoadBalancer() != nil {
		return s.GetTrafficPolicy() == p.TrafficPolicy
	}
	return true
}

// routedSubsets lists where the routes of a service lead; nil in it is the host as a whole.
func routedSubsets(s *mesh.Service) []*networking.Subset {
	names := map[string]bool{}
	to := func(d *networking.Destination, weight int32, alone bool) {
		if weight > 0 || alone {
			names[d.GetSubset()] = true
		}
	}
	for _, r := range s.Traffic.HTTP {
		for _, d := range r.Route {
			to(d.Destination, d.Weight, len(r.Route) == 1)
		}
	}
	for _, r := range s.Traffic.TCP {
		for _, d := range r.Route {
			to(d.Destination, d.Weight, len(r.Route) == 1)
		}
	}
	for _, r := range s.Traffic.TLS {
		for _, d := range r.Route {
			to(d.Destination, d.Weight, len(r.Route) == 1)
		}
	}
	if len(names) == 0 {
		return []*networking.Subset{nil}
	}
	var out []*networking.Subset
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if name == "" {
			out = append(out, nil)
		}
		for _, x := range s.Traffic.Subsets {
			if x.Name == name {
				out = append(out, x)
			}
		}
	}
	return out
}

// reachedBy reports whether a locality gets a share (istio: pilot/pkg/networking/util, LocalityMatch).
func reachedBy(d *networking.LocalityLoadBalancerSetting_Distribute, locality string) bool {
	is := strings.Split(locality, "/")
	for pattern, share := range d.To {
		matches := share > 0
		for n, part := range strings.Split(pattern, "/") {
			matches = matches && (part == "*" || part == "" || n < len(is) && is[n] == part)
		}
		if matches {
			return true
		}
	}
	return false
}

// localitiesOf lists the places of VMs.
func localitiesOf(vms []located) string {
	seen := map[string]bool{}
	for _, v := range vms {
		seen[v.locality] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(seen)), ", ")
}

func quoted(s string) string { return `"` + s + `"` }
