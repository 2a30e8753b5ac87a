package generators

import (
	"maps"
	"reflect"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Provenance returns a function that labels objects of a mesh with what made them, and from which spec. The labels are of
// the object's metadata alone: no selector asks for them, and no VM has them.
func Provenance(m *mesh.Mesh) func(*manifest.Object) {
	var spec *mesh.Spec
	var before, after map[string]string // the last object's, without and with ours: entries of a group share theirs
	return func(o *manifest.Object) {
		of := m.SpecAt(o.At)
		if of != spec || before == nil || reflect.ValueOf(before).Pointer() != reflect.ValueOf(o.Labels).Pointer() {
			spec, before = of, o.Labels
			after = map[string]string{}
			maps.Copy(after, before)
			after[mesh.LabelManagedBy], after[mesh.LabelSpec] = mesh.ManagedBy, of.Name
		}
		o.Labels = after
	}
}
