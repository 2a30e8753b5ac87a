package fn

import (
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/lint"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// Rules lists every rule of every room, by id.
func Rules() []*diag.Rule {
	rules := slices.Concat(syntax.Rules, schema.Rules, manifest.Rules, manifest.SetRules, mesh.Rules)
	for i := range lint.Table {
		rules = append(rules, &lint.Table[i].Rule)
	}
	for i := range lint.BundleTable {
		rules = append(rules, &lint.BundleTable[i].Rule)
	}
	slices.SortFunc(rules, func(a, b *diag.Rule) int { return strings.Compare(a.ID, b.ID) })
	return rules
}
