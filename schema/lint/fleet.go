package lint

import (
	"net/netip"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var duplicateAddress = diag.Rule{
	ID: "VM113", Name: "duplicate-address", Severity: diag.Error,
	Doc: "No two instances of a network have one address.",
	Long: "istiod tells a connecting VM by its first address. Of two WorkloadEntries with that address in one network, whichever " +
		"sorts first becomes the VM's identity, and clients see two endpoints where there is one VM, which then gets twice its share " +
		"(istio: pilot/pkg/serviceregistry/util/workloadinstances). A VM that serves several applications is one workload with one " +
		"instance, which has the ports of all and a service for each.",
	Bad:  "instances:\n- {name: vm1, address: 192.168.1.100}\n- {name: vm2, address: 192.168.1.100}",
	Good: "instances:\n- {name: vm1, address: 192.168.1.100}\n- {name: vm2, address: 192.168.1.101}",
}

// eachDuplicate walks over the instances that have the address of another one in their network.
func eachDuplicate(m *mesh.Mesh, do func(first, second *mesh.Instance, at diag.Path)) {
	type place struct {
		network string
		address netip.Addr
	}
	seen := map[place]*mesh.Instance{}
	for _, w := range m.Workloads {
		for _, g := range w.AllGroups() {
			for _, i := range g.Instances {
				if !i.Address.IsValid() {
					continue
				}
				p := place{i.Network, i.Dial()}
				first := seen[p]
				if first == nil {
					seen[p] = i
					continue
				}
				key := "address"
				if i.External.IsValid() {
					key = "externalAddress"
				}
				do(first, i, i.At.Key(key))
			}
		}
	}
}

const duplicateHelp = "give each VM its own address, or put VMs whose addresses overlap into networks of their own"

// duplicateFix is how to resolve two instances of one address. In two workloads they often are one VM with two applications,
// which has one identity, and so is one workload.
func duplicateFix(first, second *mesh.Instance) string {
	if first.Group.Workload != second.Group.Workload {
		return "if this is one VM with several applications, write one workload with one instance, the ports of all of them, and " +
			"a service for each: services: [{name: shop, ports: [http-shop]}, {name: admin, ports: [http-admin]}]; else " + duplicateHelp
	}
	return duplicateHelp
}

// registers reports whether two instances would register as one entry.
func registers(first, second *mesh.Instance) bool {
	return first.Group == second.Group && first.Group.Auto
}

func findDuplicateAddresses(m *mesh.Mesh, report Report) {
	eachDuplicate(m, func(first, second *mesh.Instance, at diag.Path) {
		if !registers(first, second) {
			report(duplicateAddress.At(at, "%s is the address of %s too", second.Dial(), mesh.Place(first.At, at)).
				WithHelp("%s", duplicateFix(first, second)))
		}
	})
}

func findRegistrationClashes(m *mesh.Mesh, report Report) {
	eachDuplicate(m, func(first, second *mesh.Instance, at diag.Path) {
		if registers(first, second) {
			report(registrationClash.At(at, "%s is the address of %s too: both would register as one entry", second.Dial(), mesh.Place(first.At, at)).WithHelp(duplicateHelp))
		}
	})
}

var registrationClash = diag.Rule{
	ID: "VM107", Name: "registration-clash", Severity: diag.Error,
	Doc: "No two VMs of a group that registers have one address in one network.",
	Long: "istiod names the entry of a VM that registers after its group, its address and its network. The second VM of the same three takes the entry of the first over: the group " +
		"has one endpoint where there are two VMs (istio: pilot/pkg/autoregistration/controller.go). Addresses overlap behind NAT and in networks that were planned apart.",
	Bad:  "groups: [{name: pay, registration: Auto, instances: [{name: vm1, address: 192.168.1.100}, {name: vm2, address: 192.168.1.100}]}]",
	Good: "groups: [{name: pay, registration: Auto, instances: [{name: vm1, address: 192.168.1.100}, {name: vm2, address: 192.168.1.101}]}]",
}
