package lint

import (
	"iter"
	"slices"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var unusedIgnore = diag.Rule{
	ID: "VM098", Name: "unused-ignore", Severity: diag.Warning,
	Doc: "An entry of lint.ignore silences something.",
	Long: "An entry that matches no finding is a leftover, or is misspelled and protects nothing; either way the next reader is misled. " +
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
	type place struct {
		source     *diag.Source
		rule, path string
	}
	byPlace := map[place][]*entry{}
	var all []*entry
	for _, s := range m.Specs {
		for _, i := range s.Ignores {
			e := &entry{Ignore: i}
			all = append(all, e)
			at := place{e.At.Source(), e.Rule, e.Path}
			byPlace[at] = append(byPlace[at], e)
		}
	}
	if len(all) == 0 {
		return found
	}
	var kept diag.List
	rules := map[string]bool{}
	for _, e := range all {
		rules[e.Rule] = true
	}
	for _, d := range found {
		ignored := false
		if rules[d.Rule] {
			for path := range prefixes(d.At.String()) {
				for _, e := range byPlace[place{d.At.Source(), d.Rule, path}] {
					if suppressible(d) {
						e.used, ignored = true, true
					} else {
						e.refused = true
					}
				}
			}
		}
		if !ignored {
			kept = append(kept, d)
		}
	}
	failed := kept.HasErrors()
	for _, e := range all {
		switch {
		case e.used:
		case e.refused:
			kept = append(kept, unusedIgnore.At(e.At.Key("rule"), "%s cannot be ignored: nothing can be built until it is fixed", e.Rule).
				WithHelp("fix the finding, and delete this entry"))
		case failed && isBundleRule(e.Rule): // not run while there are errors
		default:
			kept = append(kept, unusedIgnore.At(e.At, "nothing to ignore: no finding of %s at %s or below it", e.Rule, e.Path).
				WithHelp("delete this entry"))
		}
	}
	return kept
}

func isBundleRule(id string) bool {
	return slices.ContainsFunc(BundleTable, func(r BundleRule) bool { return r.ID == id })
}

func suppressible(d diag.Diagnostic) bool { return d.Severity < diag.Error || d.Rule >= firstLintID }

// prefixes yields the paths that a path is at or below: spec, spec.workloads, spec.workloads[pay] and so on.
func prefixes(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := 1; i <= len(path); i++ {
			if (i == len(path) || path[i] == '.' || path[i] == '[') && !yield(path[:i]) {
				return
			}
		}
	}
}
