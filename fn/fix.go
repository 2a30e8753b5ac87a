package fn

import (
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// Text is a file with specs.
type Text struct {
	Name string
	Text []byte
}

// mostRounds is how often texts are checked again after fixes: stages that find errors hide those of later stages.
const mostRounds = 8

// Fix applies the fixes that are certain to the texts of one build, and returns the findings that it repaired. Only what
// is wrong changes: comments, order and layout are kept, byte for byte. A text that cannot be read as YAML is not changed.
func Fix(texts []Text) (fixed []Text, repaired diag.List) {
	fixed = append(fixed, texts...)
	for range mostRounds {
		var docs []*schema.Document
		var findings diag.List
		for _, t := range fixed {
			read, found := schema.Parse(t.Name, t.Text)
			docs = append(docs, read...)
			findings = append(findings, found...)
		}
		findings = append(findings, Lint(docs)...)
		changed := false
		certain := map[string]diag.List{} // by text
		for _, d := range findings {
			if s := d.At.Source(); d.Fix != nil && d.Fix.Certain && s != nil {
				certain[s.Name] = append(certain[s.Name], d)
			}
		}
		for i, t := range fixed {
			if len(certain[t.Name]) == 0 {
				continue
			}
			if _, unreadable := syntax.Read(t.Name, t.Text); len(unreadable) > 0 {
				continue
			}
			text, made := syntax.Apply(t.Text, syntax.Edits(t.Text, certain[t.Name]))
			for _, e := range made {
				repaired = append(repaired, e.Finding)
				changed = true
			}
			fixed[i].Text = text
		}
		if !changed {
			break
		}
	}
	return fixed, repaired
}
