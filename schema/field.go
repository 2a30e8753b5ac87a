package schema

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// field is a place in the schema: a property, or what the items of a list or the values of a map are. The tree of
// fields is read from vmmesh.schema.json, which is the one source; references are followed, so that every field has
// one path.
type field struct {
	name     string // the key; "" for items and values
	path     string // spec.workloads[].probe
	above    *field // the property, list or map that it is in; nil for the root
	required bool   // by the block that it is in

	doc, form, istio     string
	types                []string // of JSON, without null, and without the string that only represents ""
	nullable             bool
	words                []string // the enum, without "" and null
	std                  any      // the default, nil where there is none
	examples             []any
	min, max             *int64
	minLength, maxLength int // 0: no limit
	pattern              *regexp.Regexp
	keyed                bool // items have a name, their merge key

	fields []*field          // the properties of a block, in order
	byName map[string]*field // the same
	needs  []string          // names of the required ones
	items  *field            // of a list
	values *field            // of a free map
}

// rootField is the tree of fields, read once.
var rootField = sync.OnceValue(readFields)

func readFields() *field {
	doc := readOrdered(string(schemaJSON)).(object)
	r := fieldReader{definitions: doc.get("definitions").(object), patterns: map[string]*regexp.Regexp{}}
	return r.read(doc, "", "", nil)
}

type fieldReader struct {
	definitions object
	patterns    map[string]*regexp.Regexp // many fields have the same
}

func (r fieldReader) read(o object, name, path string, above *field) *field {
	f := &field{name: name, path: path, above: above}
	f.doc, _ = o.get("description").(string)
	if ref, ok := o.get("$ref").(string); ok {
		o = r.definitions.get(strings.TrimPrefix(ref, "#/definitions/")).(object)
	}
	f.form, _ = o.get("x-vmmesh-form").(string)
	f.istio, _ = o.get("x-istio-type").(string)
	f.std = o.get("default")
	f.examples, _ = o.get("examples").([]any)
	f.keyed = o.has("x-kubernetes-list-map-keys")
	f.types = texts(o.get("type"))
	if types, ok := o.get("type").([]any); ok {
		f.nullable = slices.Contains(types, any("null"))
	}
	f.words = texts(o.get("enum"))
	f.min, f.max = number(o.get("minimum")), number(o.get("maximum"))
	if n := number(o.get("minLength")); n != nil {
		f.minLength = int(*n)
	}
	if n := number(o.get("maxLength")); n != nil {
		f.maxLength = int(*n)
	}
	switch p, _ := o.get("pattern").(string); p {
	case "":
	case "^$":
		f.types = slices.DeleteFunc(f.types, func(t string) bool { return t == "string" })
	default:
		if r.patterns[p] == nil {
			r.patterns[p] = regexp.MustCompile(p)
		}
		f.pattern = r.patterns[p]
	}
	f.needs = texts(o.get("required"))
	if then, ok := o.get("then").(object); ok {
		f.needs = append(f.needs, texts(then.get("required"))...)
	}
	if items, ok := o.get("items").(object); ok {
		f.items = r.read(items, "", path+"[]", f)
	}
	if values, ok := o.get("additionalProperties").(object); ok {
		f.values = r.read(values, "", path, f)
	}
	if properties, ok := o.get("properties").(object); ok {
		f.byName = make(map[string]*field, len(properties))
		for _, m := range properties {
			p := r.read(m.value.(object), m.key, strings.TrimPrefix(path+"."+m.key, "."), f)
			p.required = slices.Contains(f.needs, m.key)
			f.fields = append(f.fields, p)
			f.byName[m.key] = p
		}
	}
	return f
}

// texts is a string or the strings of a list, without "" and "null".
func texts(v any) []string {
	var all []string
	switch v := v.(type) {
	case string:
		all = append(all, v)
	case []any:
		for _, item := range v {
			if s, ok := item.(string); ok && s != "" && s != "null" {
				all = append(all, s)
			}
		}
	}
	return all
}

func number(v any) *int64 {
	n, ok := v.(json.Number)
	if !ok {
		return nil
	}
	i, err := n.Int64()
	if err != nil {
		return nil
	}
	return &i
}

// is reports whether values of this JSON type is allowed here.
func (f *field) is(jsonType string) bool { return slices.Contains(f.types, jsonType) }

// names lists the properties of a block.
func (f *field) names() []string {
	names := make([]string, len(f.fields))
	for i, p := range f.fields {
		names[i] = p.name
	}
	return names
}

// closed reports whether keys that the schema does not name are faults here.
func (f *field) closed() bool { return f.byName != nil && f.values == nil }

// walk calls visit for f and everything below it, in order.
func (f *field) walk(visit func(*field)) {
	visit(f)
	for _, p := range f.fields {
		p.walk(visit)
	}
	if f.items != nil {
		f.items.walk(visit)
	}
	if f.values != nil {
		f.values.walk(visit)
	}
}
