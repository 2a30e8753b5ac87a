package fleet

import (
	"iter"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Files makes the folder fleet/ for a mesh that has VMs: the list of them and, where any is listed, the inventory and the
// playbook for Ansible.
func Files(hashes func() func(*mesh.Group, *mesh.Instance) string) func(*mesh.Mesh) iter.Seq[manifest.File] {
	return func(m *mesh.Mesh) iter.Seq[manifest.File] {
		return func(yield func(manifest.File) bool) {
			list := Of(m, hashes())
			if len(list.Groups) == 0 {
				return
			}
			if len(list.VMs) > 0 {
				all, sizes := hosts(m, hashes())
				if !yield(manifest.File{Path: "fleet/inventory.yaml", Mode: 0o644, Data: inventory(all)}) ||
					!yield(manifest.File{Path: "fleet/site.yml", Mode: 0o644, Data: site(sizes)}) {
					return
				}
			}
			yield(manifest.File{Path: "fleet/vms.json", Mode: 0o644, Data: list.JSON()})
		}
	}
}
