package lint

import (
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var unusedIgnore = diag.Rule{
	ID: "VM098", Name: "unused-ignore", Severity: diag.Warning,
	Doc: "An entry of lint.ignore silences something.",
	Long: "An entry that matches no finding is a leftover, or is misspelt and protects nothing; either way the next reader is misled. " +
		"Warnings and notes can be ignored, and errors of the catalogue (VM101 and up). Errors below that cannot: no mesh could be built.",
	Bad:  "lint: {ignore: [{rule: VM045, path: \"spec.workloads[gone]\", reason: \"it was here once\"}]}",
	Good: "lint: {ignore: []}",
}

// firstLintID is where the catalogue begins. Errors with a smaller id leave no mesh to speak of.
const firstLintID = "VM100"

// Suppress drops the findings that the specs ask to ignore, and adds one for each entry that matched nothing.
func Suppress(found diag.List, m *mesh.Mesh) diag.List {
	type entry struct {
		mesh.Ignore
		used    bool
		refused bool // it matched an error that leaves no mesh
	}
	byRule := map[string][]*entry{}
	var all []*entry
	for _, s := range m.Specs {
		for _, i := range s.Ignores {
			e := &entry{Ignore: i}
			all = append(all, e)
			byRule[i.Rule] = append(byRule[i.Rule], e)
		}
	}
	if len(all) == 0 {
		return found
	}
	var kept diag.List
	for _, d := range found {
		ignored := false
		for _, e := range byRule[d.Rule] {
			switch {
			case d.At.Source() != e.At.Source() || !below(d.At.String(), e.Path):
			case suppressible(d):
				e.used, ignored = true, true
			default:
				e.refused = true
			}
		}
		if !ignored {
			kept = append(kept, d)
		}
	}
	for _, e := range all {
		switch {
		case e.used:
		case e.refused:
			kept = append(kept, unusedIgnore.At(e.At.Key("rule"), "%s cannot be ignored: nothing can be built while it holds", e.Rule).
				WithHelp("mend the finding, and drop this entry"))
		case kept.HasErrors() && isBundleRule(e.Rule): // nobody asks those while there are errors
		default:
			kept = append(kept, unusedIgnore.At(e.At, "nothing to ignore: no finding of %s at %s or below it", e.Rule, e.Path).
				WithHelp("drop this entry"))
		}
	}
	return kept
}

func isBundleRule(id string) bool {
	return slices.ContainsFunc(BundleTable, func(r BundleRule) bool { return r.ID == id })
}

func suppressible(d diag.Diagnostic) bool { return d.Severity < diag.Error || d.Rule >= firstLintID }

// below tells whether a path is the given one or lies under it.
func below(path, parent string) bool {
	rest, found := strings.CutPrefix(path, parent)
	return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
