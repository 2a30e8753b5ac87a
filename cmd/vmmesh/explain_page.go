package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// pageWidth is how long the lines of a page are at most, in characters, but for words and examples that are longer.
const pageWidth = 80

// fieldPage is the reference for a field.
func fieldPage(f schema.FieldDoc) string {
	var b strings.Builder
	b.WriteString(f.Path + "\n\n")
	fact := func(name, value string) {
		if value != "" {
			b.WriteString(hang(fmt.Sprintf("  %-9s ", name), value))
		}
	}
	fact("type", f.Type)
	fact("required", map[bool]string{true: "yes", false: "no"}[f.Required])
	fact("default", f.Default)
	fact("one of", strings.Join(f.Allowed, " | "))
	fact("form", f.Form)
	b.WriteString("\n" + hang("", f.General()))
	if len(f.Values) > 0 {
		width := 0
		for _, v := range f.Values {
			width = max(width, utf8.RuneCountInString(v.Name))
		}
		b.WriteString("\nValues\n")
		for _, v := range f.Values {
			b.WriteString(hang(fmt.Sprintf("  %-*s  ", width, v.Name), v.Meaning))
		}
	}
	if len(f.Examples) > 0 {
		b.WriteString("\nExample\n")
		for i, example := range f.Examples {
			if i > 0 {
				b.WriteString("\n")
			}
			b.WriteString(indent(example))
		}
	}
	if len(f.Fields) > 0 {
		b.WriteString("\nFields\n" + fieldList(f))
	}
	return b.String()
}

// overview is the top of a spec, and how to go on.
func overview() string {
	top, _ := schema.Explain("")
	spec, _ := schema.Explain("spec")
	return "The fields of a vmmesh.yaml\n\n" + fieldTable(top) + "\nBelow spec\n\n" + fieldTable(spec) + `
'vmmesh explain spec.istio' explains a field, 'vmmesh explain VM010' a rule;
'vmmesh explain rules' lists all rules.
`
}

// fieldTable is a line or more for each field of a block: its key, type and the first sentence on it.
func fieldTable(block schema.FieldDoc) string {
	keys, types := 0, 0
	for _, f := range block.Fields {
		keys = max(keys, utf8.RuneCountInString(f.Name))
		types = max(types, utf8.RuneCountInString(typeColumn(f)))
	}
	var b strings.Builder
	// The page says already whose field it is.
	known := "A field of Istio's " + strings.TrimPrefix(block.Type, "list of ") + "."
	for _, f := range block.Fields {
		said := strings.TrimSpace(strings.TrimPrefix(f.Description, known))
		b.WriteString(hang(fmt.Sprintf("  %-*s  %-*s  ", keys, f.Name, types, typeColumn(f)), said))
	}
	return b.String()
}

// fieldList is the fields of a block: for each its key, what it takes, and the first sentence on it.
func fieldList(block schema.FieldDoc) string {
	var b strings.Builder
	known := "A field of Istio's " + strings.TrimPrefix(block.Type, "list of ") + "."
	for _, f := range block.Fields {
		b.WriteString(hang("  "+f.Name+"  ", takes(f)))
		if said := strings.TrimSpace(strings.TrimPrefix(f.Description, known)); said != "" {
			b.WriteString(hang("      ", said))
		}
	}
	return b.String()
}

// takes is the type of a field, its default and its allowed values.
func takes(f schema.FieldDoc) string {
	text := typeColumn(f)
	if f.Default != "" {
		text += "; default " + f.Default
	}
	if len(f.Allowed) > 0 {
		text += "; one of " + strings.Join(f.Allowed, " | ")
	}
	return text
}

// referencePage is the reference of many fields: for each its path, what it takes, and the first sentence on it.
func referencePage(fields []schema.FieldDoc) string {
	var b strings.Builder
	for _, f := range fields {
		if f.Path == "" {
			continue
		}
		b.WriteString(f.Path + "\n" + hang("    ", takes(f)) + hang("    ", f.Description))
	}
	return b.String()
}

// typeColumn is a field's type in a table: of Istio's types the last part of the name.
func typeColumn(f schema.FieldDoc) string {
	kind := f.Type
	if before, name, ok := strings.Cut(kind, "istio."); ok {
		kind = before + name[strings.LastIndexByte(name, '.')+1:]
	}
	if f.Required {
		kind += ", required"
	}
	return kind
}

// checkedIn is where a rule speaks, and by which commands.
var checkedIn = map[string]string{
	"specs":            "specs (vmmesh build, vmmesh lint).",
	"manifests":        "manifests (vmmesh verify).",
	"specs, manifests": "specs (vmmesh build, vmmesh lint) and in manifests (vmmesh verify).",
}

// rulePage is the reference for a rule.
func rulePage(r *diag.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s (%s)\n\n", r.ID, r.Name, r.Severity)
	b.WriteString(hang("", r.Doc))
	if r.Long != "" {
		b.WriteString("\n" + hang("", r.Long))
	}
	if r.Bad != "" {
		b.WriteString("\nDraws the finding\n" + indent(r.Bad))
	}
	if r.Good != "" {
		b.WriteString("\nDraws none\n" + indent(r.Good))
	}
	b.WriteString("\n" + hang("", "Checked in "+checkedIn[fn.Where(r.ID)]))
	return b.String()
}

// rulesPage is a table of all rules.
func rulesPage(rules []*diag.Rule) string {
	names := 0
	for _, r := range rules {
		names = max(names, utf8.RuneCountInString(r.Name))
	}
	var b strings.Builder
	for _, r := range rules {
		b.WriteString(hang(fmt.Sprintf("%s  %-7s  %-*s  ", r.ID, r.Severity, names, r.Name), r.Doc))
	}
	return b.String()
}

// indent moves every line of an example to the right by two.
func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		b.WriteString(strings.TrimRight("  "+line, "\n") + "\n")
	}
	return b.String()
}

// hang wraps text behind a lead; further lines stand below the text. Empty lines part paragraphs, and lines that
// begin with a space or a list's hyphen begin anew.
func hang(lead, text string) string {
	margin := strings.Repeat(" ", utf8.RuneCountInString(lead))
	width := max(pageWidth-len(margin), 24)
	var lines []string
	line := ""
	push := func() {
		if line != "" {
			lines = append(lines, line)
			line = ""
		}
	}
	for source := range strings.Lines(strings.TrimSpace(text)) {
		if strings.TrimSpace(source) == "" {
			push()
			lines = append(lines, "")
			continue
		}
		if strings.HasPrefix(source, " ") || strings.HasPrefix(source, "- ") {
			push()
			if strings.HasPrefix(source, "  ") { // preformatted
				lines = append(lines, strings.TrimRight(source, " \n"))
				continue
			}
		}
		for _, word := range strings.Fields(source) {
			if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
				push()
			}
			line = strings.TrimPrefix(line+" "+word, " ")
		}
	}
	push()
	var b strings.Builder
	for i, l := range lines {
		if i == 0 {
			l = lead + l
		} else {
			l = margin + l
		}
		b.WriteString(strings.TrimRight(l, " ") + "\n")
	}
	if len(lines) == 0 {
		b.WriteString(strings.TrimRight(lead, " ") + "\n")
	}
	return b.String()
}
