package vms

import (
	"iter"

	"github.com/vmmesh/vmmesh/generators/vms/cloudinit"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// userData is what a VM with these files boots from.
func (k kit) userData(g *mesh.Group, files []manifest.File) manifest.File {
	return text("user-data", k.boot(g).UserData(g.VM.Cloud.Type, files).Data)
}

// Boot is what a group's VMs boot from, or one instance with settings of its own, in a cloud that limits its size.
type Boot struct {
	Group    *mesh.Group
	Instance *mesh.Instance // nil: any VM of the group
	cloudinit.UserData
	Largest manifest.File // of the files that are not the same in every group
}

// Boots makes the user-data of every cloud that has a limit, for whoever judges its size.
func Boots(m *mesh.Mesh) iter.Seq[Boot] {
	return func(yield func(Boot) bool) {
		k := newKit()
		for _, w := range m.Workloads {
			for _, g := range w.Groups {
				if _, limited := cloudinit.LimitOf(g.VM.Cloud.Type); limited && !k.limited(g, yield) {
					return
				}
			}
		}
	}
}

func (k kit) limited(g *mesh.Group, yield func(Boot) bool) bool {
	one := func(m machine, i *mesh.Instance) bool {
		_, files := config(m, i)
		return yield(Boot{g, i, k.boot(g).UserData(g.VM.Cloud.Type, files), largest(files)})
	}
	shared := anyOf(g)
	if !one(shared, nil) {
		return false
	}
	for _, i := range g.Instances {
		if i.OwnSettings() && !one(shared.as(i), i) {
			return false
		}
	}
	return true
}

func largest(files []manifest.File) manifest.File {
	var found manifest.File
	for _, f := range files {
		if len(f.Data) > len(found.Data) {
			found = f
		}
	}
	return found
}
