package lint

import (
	"fmt"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var mixedWeights = diag.Rule{
	ID: "VM209", Name: "mixed-weights", Severity: diag.Warning,
	Doc: "Either all endpoints of a service have a weight, or none has.",
	Long: "An endpoint without a weight has the weight 1, and so has every pod. A VM of weight 100 beside them gets a hundred times " +
		"their traffic (istio: pilot/pkg/model/service.go, GetLoadBalancingWeight).",
	Bad:  "groups:\n- {name: v1, weight: 90, instances: [{name: vm1, address: 192.168.1.100}]}\n- {name: v2, instances: [{name: vm2, address: 192.168.1.101}]}",
	Good: "groups:\n- {name: v1, weight: 90, instances: [{name: vm1, address: 192.168.1.100}]}\n- {name: v2, weight: 10, instances: [{name: vm2, address: 192.168.1.101}]}",
}

func findMixedWeights(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		for _, s := range w.Services {
			with, without := firstOfEach(w, s)
			switch {
			case with.said() && without.said():
				report(mixedWeights.At(with.at(), "%s has a weight and %s has none, behind service %q", with, without, s.Name).
					WithHelp("give all of them a weight, or none; a VM without one has the weight 1"))
			case with.said() && s.Pods:
				report(mixedWeights.At(with.at(), "%s has a weight, and the pods behind service %q cannot have one", with, s.Name).
					WithHelp("drop the weights; shift traffic between VMs and pods with subsets and route weights"))
			}
		}
	}
}

// endpoint is a VM that is known by address, or all of a group that are not.
type endpoint struct {
	group    *mesh.Group
	instance *mesh.Instance // nil: the group
}

func (e endpoint) said() bool { return e.group != nil }

// at is the path of its weight, set or not.
func (e endpoint) at() diag.Path {
	if e.instance != nil && e.instance.Weight != e.group.Weight {
		return e.instance.At.Key("weight")
	}
	return e.group.At.Key("weight")
}

func (e endpoint) String() string {
	if e.instance != nil && e.instance.Weight != e.group.Weight {
		return fmt.Sprintf("VM %q of group %q", e.instance.Name, e.group.Name)
	}
	return fmt.Sprintf("group %q", e.group.Name)
}

// firstOfEach finds the first endpoint of a service that has a weight, and the first that has none.
func firstOfEach(w *mesh.Workload, s *mesh.Service) (with, without endpoint) {
	count := func(weight uint32, e endpoint) {
		switch {
		case weight > 0 && !with.said():
			with = e
		case weight == 0 && !without.said():
			without = e
		}
	}
	for _, g := range w.AllGroups() {
		if g.Auto && s.Selects(g.Labels) {
			count(g.Weight, endpoint{group: g})
		}
		for _, i := range g.Instances {
			if !g.Auto && s.Selects(i.Labels) {
				count(i.Weight, endpoint{g, i})
			}
		}
	}
	return with, without
}
