package manifests

import (
	"cmp"
	"encoding/base64"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// ConfigMaps makes the way of VM files through the cluster, where the spec asks for it: one a group, a key for each file
// of its folder, those of an instance as <instance>.<file>. The files are made elsewhere, by one maker for all groups; none
// of them holds a secret.
func ConfigMaps(folders func() func(*mesh.Group) iter.Seq[manifest.File]) func(*mesh.Mesh) iter.Seq[*manifest.Object] {
	return func(m *mesh.Mesh) iter.Seq[*manifest.Object] {
		var groups []*mesh.Group
		for _, w := range m.Workloads {
			if w.Spec.GitOps.VMFiles == "ConfigMap" {
				groups = append(groups, w.Groups...)
			}
		}
		slices.SortStableFunc(groups, func(a, b *mesh.Group) int {
			return cmp.Or(strings.Compare(a.Workload.Namespace, b.Workload.Namespace), strings.Compare(a.Name, b.Name))
		})
		return func(yield func(*manifest.Object) bool) {
			files := folders()
			for _, g := range groups { // one at a time: a fleet's files are many
				o := about(g.Workload, "v1", "ConfigMap", mesh.VMFilesName(g.Name))
				o.At, o.Body = g.At, data(files(g))
				if !yield(delivered(g.Workload.Spec.GitOps, o)) {
					return
				}
			}
		}
	}
}

// data is the content of a ConfigMap: what is no text, or no text for YAML, is in base64.
func data(files iter.Seq[manifest.File]) []manifest.Field {
	texts, binaries := map[string]string{}, map[string]string{}
	for f := range files {
		key := strings.ReplaceAll(f.Path, "/", ".")
		if utf8.Valid(f.Data) {
			texts[key] = string(f.Data)
		} else {
			binaries[key] = base64.StdEncoding.EncodeToString(f.Data)
		}
	}
	fields := []manifest.Field{{Name: "data", Value: texts}}
	if len(binaries) > 0 {
		fields = append(fields, manifest.Field{Name: "binaryData", Value: binaries})
	}
	return fields
}
