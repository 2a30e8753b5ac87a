// Package rulesdoc writes the page that lists every rule, schema/README.md.
package rulesdoc

import (
	"fmt"
	"strings"

	"github.com/vmmesh/vmmesh/fn"
)

// themes are where the rules of the catalogue begin, by the first digit of an id.
var themes = []struct{ first, title string }{
	{"VM0", "Specs: syntax, schema, meaning"},
	{"VM1", "Identity, registration, addresses"},
	{"VM2", "Services, ServiceEntries and ports"},
	{"VM3", "Capture and health on the VM"},
	{"VM4", "Networks and gateways"},
	{"VM5", "Traffic"},
	{"VM6", "Security and telemetry"},
	{"VM9", "Outputs"},
}

// Text is the page.
func Text() string {
	var b strings.Builder
	b.WriteString("<!-- Made by `make generate` from the rules themselves; a test holds it to them. -->\n\n")
	b.WriteString("# Rules\n\n")
	b.WriteString("What vmmesh says about a spec (`vmmesh build`, `vmmesh lint`) and about manifests from anywhere (`vmmesh verify`). `vmmesh explain VM201` prints a rule with\n" +
		"its consequence at run time, an example that draws it and one that is mended. Ids are stable, and the id of a rule that is gone is never used again.\n\n")
	b.WriteString("An **error** is a mesh that is broken, or an object that is refused; a **warning** is one that works, but not as intended; **info** is for whoever wants to know.\n" +
		"Some rules are milder or harsher by what else they see.\n\n")
	b.WriteString("A finding is ignored, for a reason, by `spec.lint.ignore` or by a comment on its line or alone on the line above it:\n\n" +
		"```yaml\nspec:\n  workloads:\n  - name: pay\n    groups:\n    - name: pay\n      weight: 2   # vmmesh:ignore VM209 the new VM is twice as large\n  lint:\n    ignore: [{rule: VM209, path: \"spec.workloads[pay]\", reason: the new VM is twice as large}]\n```\n\n" +
		"What silences nothing is reported. Errors below VM100 cannot be ignored: no mesh could be built.\n")
	theme := ""
	for _, r := range fn.Rules() {
		if first := r.ID[:3]; first != theme {
			theme = first
			title := first
			for _, t := range themes {
				if t.first == first {
					title = t.title
				}
			}
			fmt.Fprintf(&b, "\n## %s\n\n| rule | name | severity | in | what is checked |\n|---|---|---|---|---|\n", title)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.ID, r.Name, r.Severity, fn.Where(r.ID), strings.ReplaceAll(r.Doc, "|", "\\|"))
	}
	b.WriteString("\n## The catalogue\n\n")
	b.WriteString("The rules come from a catalogue of a hundred ways in which Istio accepts a VM's configuration and breaks on it. Each entry has an answer; rules that are about manifests are\n" +
		"run over everything that vmmesh itself emits, and are silent there, which is the proof of what is prevented.\n\n")
	b.WriteString("| entry | name | in specs | in manifests | prevented | where no file tells |\n|---|---|---|---|---|---|\n")
	for _, e := range Catalogue {
		undecidable := e.Undecidable
		if undecidable != "" {
			undecidable += "; see " + e.Instead
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s |\n", e.Number, e.Name, strings.Join(e.Spec, " "), strings.Join(e.Manifests, " "), e.Prevented, undecidable)
	}
	return b.String()
}
