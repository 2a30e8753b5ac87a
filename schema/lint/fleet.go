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
		"(istio: pilot/pkg/serviceregistry/util/workloadinstances).",
	Bad:  "instances:\n- {name: vm1, address: 192.168.1.100}\n- {name: vm2, address: 192.168.1.100}",
	Good: "instances:\n- {name: vm1, address: 192.168.1.100}\n- {name: vm2, address: 192.168.1.101}",
}

func findDuplicateAddresses(m *mesh.Mesh, report Report) {
	type place struct {
		network string
		address netip.Addr
	}
	first := map[place]*mesh.Instance{}
	for _, w := range m.Workloads {
		for _, g := range w.Groups {
			for _, i := range g.Instances {
				if !i.Address.IsValid() {
					continue
				}
				p := place{i.Network, i.Dial()}
				other := first[p]
				if other == nil {
					first[p] = i
					continue
				}
				key := "address"
				if i.External.IsValid() {
					key = "externalAddress"
				}
				report(duplicateAddress.At(i.At.Key(key), "%s is the address of %s too", p.address, other.At).
					WithHelp("give each VM its own address, or put VMs whose addresses overlap into networks of their own"))
			}
		}
	}
}
