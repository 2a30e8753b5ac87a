package fn

import (
	"strings"

	"github.com/vmmesh/vmmesh/generators/manifests"
	"github.com/vmmesh/vmmesh/generators/vms"
	"github.com/vmmesh/vmmesh/schema/lint"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// sizes is what stage 7 looks at: only what has a limit is made for it.
func sizes(m *mesh.Mesh) lint.Sizes {
	var s lint.Sizes
	for b := range vms.Boots(m) {
		u := lint.UserData{
			At: b.Group.At, Cloud: b.Group.VM.Cloud.Type, Form: b.Form.String(), Smallest: b.Last, Spared: b.Spare, Bytes: len(b.Data), Limit: b.Limit,
			Largest: b.Largest.Path, LargestIs: len(b.Largest.Data), Listed: len(b.Group.Instances),
		}
		if b.Instance != nil {
			u.At, u.Listed = b.Instance.At, 1
		}
		s.UserData = append(s.UserData, u)
	}
	for o := range manifests.ConfigMaps(vms.Folders)(m) {
		c := lint.ConfigMap{At: o.At, Name: o.Name}
		for _, f := range o.Body {
			for _, value := range f.Value.(map[string]string) {
				c.Bytes += len(value)
				if f.Name == "binaryData" {
					c.Bytes -= len(value) - len(value)/4*3 + strings.Count(value, "=")
				}
			}
		}
		s.ConfigMaps = append(s.ConfigMaps, c)
	}
	return s
}
