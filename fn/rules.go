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
	"github.com/vmmesh/vmmesh/schema/webhook"
)

// Rules lists every rule of every room, by id.
func Rules() []*diag.Rule {
	rules := slices.Concat(syntax.Rules, schema.Rules, manifest.Rules, manifest.SetRules, mesh.Rules, webhook.ObjectRules)
	for i := range lint.Table {
		rules = append(rules, &lint.Table[i].Rule)
	}
	for i := range lint.BundleTable {
		rules = append(rules, &lint.BundleTable[i].Rule)
	}
	slices.SortFunc(rules, func(a, b *diag.Rule) int { return strings.Compare(a.ID, b.ID) })
	return rules
}

// Where returns what a rule is about: "specs", "manifests" or "specs, manifests".
func Where(id string) string {
	is := func(r *diag.Rule) bool { return r.ID == id }
	if slices.ContainsFunc(manifest.SetRules, is) {
		return "manifests"
	}
	for _, r := range lint.Table {
		if r.ID == id && r.Set != nil {
			if r.Mesh != nil {
				return "specs, manifests"
			}
			return "manifests"
		}
	}
	// What an Istio block may hold is the same in a spec and in an object.
	if slices.ContainsFunc(manifest.Rules, is) || slices.ContainsFunc(syntax.Rules, is) || slices.ContainsFunc(webhook.Rules, is) || id == lint.CommentRule {
		return "specs, manifests"
	}
	return "specs"
}
