package manifests

import (
	"iter"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// textAt is a text in an object, and the way to it for kustomize's replacements: the innermost list that it is in, and
// the fields below that list's items; none for an item that is itself the text.
type textAt struct {
	value string
	list  string // "spec.http.*.route"; "" where there is no list on the way
	below []string
}

// field is the name of the field that holds the text, or the list of texts.
func (t textAt) field() string {
	if len(t.below) > 0 {
		return t.below[len(t.below)-1]
	}
	return t.list[strings.LastIndexByte(t.list, '.')+1:]
}

// path finds the text by what it says. Of an item that is a block kustomize compares the block's YAML.
func (t textAt) path() string {
	fields := strings.Join(t.below, ".")
	switch {
	case t.list == "":
		return fields
	case len(t.below) == 0:
		return t.list + ".[=^" + quoted(t.value) + "$]"
	case len(t.below) == 1:
		return t.list + ".[" + fields + "=^" + quoted(t.value) + "$]." + fields
	}
	return t.list + ".[" + t.below[0] + `=\b` + t.field() + ": " + quoted(t.value) + `(\s|$)].` + fields
}

// quoted is a text in a regular expression in a path: there a backslash before a dot is kustomize's own.
func quoted(s string) string { return strings.ReplaceAll(s, ".", `\\.`) }

// texts walks the texts of an object's messages, but for maps, whose values refer to nothing.
func texts(o *manifest.Object) iter.Seq[textAt] {
	return func(yield func(textAt) bool) {
		for _, f := range o.Body {
			if m, ok := f.Value.(proto.Message); ok && !walk(m.ProtoReflect(), "", []string{f.Name}, yield) {
				return
			}
		}
	}
}

func walk(m protoreflect.Message, list string, below []string, yield func(textAt) bool) bool {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() { // not Range, whose order is any
		f := fields.Get(i)
		if !m.Has(f) || f.IsMap() {
			continue
		}
		value, inner := m.Get(f), append(below[:len(below):len(below)], f.JSONName())
		text, block := f.Kind() == protoreflect.StringKind, f.Kind() == protoreflect.MessageKind
		switch {
		case f.IsList() && (text || block):
			items := strings.Join(inner, ".")
			if list != "" {
				items = list + ".*." + items
			}
			for n := range value.List().Len() {
				item := value.List().Get(n)
				if text && !yield(textAt{value: item.String(), list: items}) ||
					block && !walk(item.Message(), items, nil, yield) {
					return false
				}
			}
		case f.IsList():
		case text && !yield(textAt{value: value.String(), list: list, below: inner}):
			return false
		case block && !walk(value.Message(), list, inner, yield):
			return false
		}
	}
	return true
}
