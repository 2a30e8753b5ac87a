package vms

import (
	"slices"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// instances is the table in which a VM finds out who it is: a line for each instance, sorted by name, fields apart by a
// tab. They are its address on the VM, the one that others dial, its WorkloadEntry ("-" where istiod makes it), its name,
// and whether its group's files are its own too.
func instances(list []*mesh.Instance) []byte {
	var text []byte
	for _, i := range list {
		text = instance(text, i, i.OwnSettings())
	}
	return text
}

func instance(text []byte, i *mesh.Instance, own bool) []byte {
	text = append(i.Address.AppendTo(slices.Grow(text, 160)), '\t')
	text = append(i.Dial().AppendTo(text), '\t')
	if i.Group.Auto {
		text = append(text, '-')
	} else {
		text = append(text, i.EntryName...)
	}
	text = append(append(append(text, '\t'), i.Name...), '\t')
	if own {
		return append(text, "own\n"...)
	}
	return append(text, "shared\n"...)
}
