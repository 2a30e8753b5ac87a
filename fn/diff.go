package fn

import (
	"slices"

	"github.com/vmmesh/vmmesh/generators"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/compare"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// Diff finds what a build of the specs would change of the present state, and what that means. The sum is that of the
// specs' text, as a build would write it into the tree's lock. The findings are those of the build, and of reading the
// old side; with an error among them there are no changes. A Go error is that of reading a file, or our own bug.
func Diff(docs []*schema.Document, specSHA256 string, old compare.Old) (compare.Changes, diag.List, error) {
	made := collector{compare.New{SpecSHA256: specSHA256, Kinds: kinds(false), Shared: kinds(true)}}
	findings, err := Build(docs, &made)
	if err != nil || findings.HasErrors() {
		return compare.Changes{}, findings, err
	}
	changes, faults, err := compare.Compare(old, made.New)
	return changes, append(findings, faults...), err
}

// kinds are those of the objects that builds make: those of which a mesh's VMs have most, or those of which most are others'.
func kinds(shared bool) map[string]bool {
	all := map[string]bool{}
	for _, g := range generators.Table {
		if g.Objects != nil && g.Shared == shared {
			all[g.Name] = true
		}
	}
	return all
}

// collector keeps all that a build emits.
type collector struct{ compare.New }

// Object joins the objects of one path to one stream, as the writer of a tree does.
func (c *collector) Object(path string, text []byte) error {
	if n := len(c.Files); n > 0 && c.Files[n-1].Path == path {
		f := &c.Files[n-1]
		f.Text = append(append(f.Text, "---\n"...), text...)
		return nil
	}
	c.Files = append(c.Files, compare.File{Path: path, Mode: 0o644, Text: slices.Clone(text)})
	return nil
}

func (c *collector) File(f manifest.File) error {
	c.Files = append(c.Files, compare.File{Path: f.Path, Mode: f.Mode, Text: f.Data})
	return nil
}
