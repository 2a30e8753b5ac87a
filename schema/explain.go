package schema

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

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
	Values      []ValueDoc // what each of them means, where the description says it; the description has them too
	Form        string     // what its text or number must look like, in words
	Examples    []string   // YAML values
	Fields      []FieldDoc // what is in the block, or in each item of the list
}

// ValueDoc is the reference of an allowed value.
type ValueDoc struct{ Name, Meaning string }

// General is the description without the meanings of values, which Values has.
func (d *FieldDoc) General() string {
	if len(d.Values) == 0 {
		return d.Description
	}
	general, _, _ := strings.Cut(" "+d.Description, " "+d.Values[0].Name+": ")
	return strings.TrimSpace(general)
}

// valuesOf takes a description apart that ends in sentences "Value: what it means." for all of the allowed values.
func valuesOf(description string, allowed []string) []ValueDoc {
	type start struct {
		at   int
		name string
	}
	var starts []start
	for _, name := range allowed {
		if at := strings.Index(". "+description, ". "+name+": "); at >= 0 {
			starts = append(starts, start{at - len(". "), name})
		}
	}
	slices.SortFunc(starts, func(a, b start) int { return a.at - b.at })
	var out []ValueDoc
	for i, s := range starts {
		end := len(description)
		if i+1 < len(starts) {
			end = starts[i+1].at + 1
		}
		meaning := description[s.at+len(". "+s.name+": ") : end]
		out = append(out, ValueDoc{s.name, strings.TrimSuffix(strings.TrimSpace(meaning), " Required.")})
	}
	return out
}

// ExplainAll returns the reference of a field, and of every field below it in the order of the schema, each with the first
// sentence of its description. Where the field is a block of Istio's, or in one, the fields of Istio's types are among
// them; where such a block is further below, its fields are not: it has a reference of its own.
func ExplainAll(path string) ([]FieldDoc, bool) {
	top, ok := Explain(path)
	if !ok {
		return nil, false
	}
	f, rest := findField(keysOf(path))
	if f.block().istio != "" {
		all := []FieldDoc{brief(top)}
		m, above := descriptor(f.block().istio), f.path+listMark(f)
		if len(rest) > 0 {
			var last protoreflect.FieldDescriptor
			last, above, m, _ = followIstio(f, rest)
			above += "." + last.JSONName()
			if last.IsList() {
				above += "[]"
			}
		}
		return append(all, istioBelow(m, above, nil)...), true
	}
	var all []FieldDoc
	f.walk(func(p *field) {
		if p.name != "" || p == f {
			all = append(all, p.documented(firstSentence(p.doc)))
		}
	})
	return all, true
}

// brief is a reference for a table: with one sentence, and without the fields in it.
func brief(d FieldDoc) FieldDoc {
	d.Description, d.Fields, d.Examples = firstSentence(d.Description), nil, nil
	return d
}

// istioBelow lists the fields of a message and of the messages in it, down to a message that is in itself.
func istioBelow(m protoreflect.MessageDescriptor, above string, in []protoreflect.FullName) []FieldDoc {
	if m == nil || slices.Contains(in, m.FullName()) {
		return nil
	}
	in = append(slices.Clone(in), m.FullName())
	var all []FieldDoc
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		d := istioField(f, above)
		all = append(all, brief(d))
		below := d.Path
		switch {
		case f.IsMap():
			below += ".*"
		case f.IsList():
			below += "[]"
		}
		all = append(all, istioBelow(inside(f), below, in)...)
	}
	return all
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
		Allowed: distinct(f.words), Form: f.form,
	}
	if f.items != nil {
		if len(d.Allowed) == 0 {
			d.Allowed = distinct(f.items.words)
		}
		if d.Form == "" {
			d.Form = f.items.form
		}
	}
	d.Values = valuesOf(f.doc, d.Allowed)
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
