package fleet

import (
	"iter"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Files makes the folder fleet/ for a mesh that has VMs.
func Files(hashes func() func(*mesh.Group, *mesh.Instance) string) func(*mesh.Mesh) iter.Seq[manifest.File] {
	return func(m *mesh.Mesh) iter.Seq[manifest.File] {
		return func(yield func(manifest.File) bool) {
			list := Of(m, hashes())
			if len(list.Groups) == 0 {
				return
			}
			yield(manifest.File{Path: "fleet/vms.json", Mode: 0o644, Data: list.JSON()})
		}
	}
}
