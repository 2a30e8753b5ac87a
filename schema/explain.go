package schema

import (
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// FieldDoc is the reference of one field.
type FieldDoc struct {
	Name        string     // the key; "" for the whole document
	Path        string     // spec.workloads[].probe; "" for the whole document
	Type        string     // "string", "list of object", "istio.networking.v1.ReadinessProbe", …
	Required    bool       // by the block that it is in
	Default     string     // as YAML; "" where there is none, or where it is derived: then the description says how
	Description string     // in words; of a child in Fields the first sentence only
	Allowed     []string   // the allowed values
	Form        string     // what its text or number must look like, in words
	Examples    []string   // YAML values
	Fields      []FieldDoc // what is in the block, or in each item of the list
}

// Explain answers the reference for a field. The path is that of a finding or of the reference, with or without
// `spec.` in front and with anything in the brackets of a list: spec.workloads[payment].probe, workloads.probe. It
// may lead into a block of Istio's, which the protobuf descriptors answer. "" is the whole document. The answer is
// false where there is no such field: see [ExplainNear].
func Explain(path string) (FieldDoc, bool) {
	keys := keysOf(path)
	f, rest := findField(keys)
	if len(rest) > 0 && f.block().istio == "" {
		return FieldDoc{}, false
	}
	if len(rest) > 0 {
		return explainIstio(f, rest)
	}
	doc := f.documented(f.doc)
	for _, p := range f.block().fields {
		doc.Fields = append(doc.Fields, p.documented(firstSentence(p.doc)))
	}
	if istio := f.block().istio; istio != "" {
		doc.Fields = istioFields(istio, f.path+listMark(f))
		doc.Description = strings.TrimSpace(doc.Description + " " + istioPage(istio))
	}
	return doc, true
}

// ExplainNear suggests paths for one that Explain does not know: a sibling of a like name where the path goes wrong,
// and the places that have a field of exactly that name. There may be none.
func ExplainNear(path string) []string {
	keys := keysOf(path)
	if len(keys) == 0 {
		return nil
	}
	f, rest := findField(keys)
	if len(rest) == 0 {
		return nil
	}
	wrong := rest[0]
	var near []string
	if names := f.block().names(); len(names) > 0 {
		if name := diag.Nearest(wrong, names); name != "" {
			near = append(near, f.block().byName[name].path)
		}
	}
	if istio := f.block().istio; istio != "" {
		return append(near, nearIstio(f, rest)...)
	}
	last := keys[len(keys)-1]
	rootField().walk(func(g *field) {
		if g.name == last && !slices.Contains(near, g.path) && len(near) < 5 {
			near = append(near, g.path)
		}
	})
	return near
}

// keysOf takes a path apart and drops what is in brackets.
func keysOf(path string) []string {
	var b strings.Builder
	depth := 0
	for _, c := range path {
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth <= 0:
			b.WriteRune(c)
		}
	}
	return strings.FieldsFunc(b.String(), func(c rune) bool { return c == '.' || c == ' ' })
}

// findField follows keys from the top, or from spec, as far as the schema goes, and answers what is left.
func findField(keys []string) (*field, []string) {
	top := rootField()
	if len(keys) > 0 && top.byName[keys[0]] == nil {
		top = top.byName["spec"]
	}
	f := top
	for len(keys) > 0 {
		next := f.block().byName[keys[0]]
		if next == nil {
			break
		}
		f, keys = next, keys[1:]
	}
	return f, keys
}

// block is where a field's own fields are: in itself, or in the items of a list.
func (f *field) block() *field {
	if f.items != nil {
		return f.items
	}
	return f
}

// documented is the reference of a field without the fields in it.
func (f *field) documented(description string) FieldDoc {
	d := FieldDoc{
		Name: f.name, Path: f.path, Type: f.typeName(), Required: f.required, Description: description,
		Allowed: f.words, Form: f.form,
	}
	if f.items != nil {
		if len(d.Allowed) == 0 {
			d.Allowed = f.items.words
		}
		if d.Form == "" {
			d.Form = f.items.form
		}
	}
	if f.std != nil {
		d.Default = flowYAML(f.std)
	}
	if f.overrides() {
		d.Default = "" // what it overrides is its default
	}
	for _, e := range f.examples {
		d.Examples = append(d.Examples, strings.TrimSuffix(blockYAML(e, 0), "\n"))
	}
	return d
}

// overrides reports whether the field is one of a group's `vm`, whose default is spec.vm.
func (f *field) overrides() bool {
	return strings.HasPrefix(f.path, "spec.workloads[].groups[].vm.")
}

// typeName returns the name of a field's type.
func (f *field) typeName() string {
	switch {
	case f.istio != "":
		return f.istio
	case f.is("array"):
		return "list of " + f.items.typeName()
	case f.values != nil:
		return "map of " + f.values.typeName()
	}
	return strings.Join(f.types, " or ")
}

func listMark(f *field) string {
	if f.items != nil {
		return "[]"
	}
	return ""
}

func firstSentence(s string) string {
	if i := strings.Index(s, ". "); i >= 0 {
		return s[:i+1]
	}
	return s
}
