package schema

import (
	"slices"
	"unicode/utf8"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// fits reports whether a value plainly satisfies the schema: the short way for the many documents that are right, which
// costs neither the compiling of the schema nor a second tree. It may err in one direction alone: what it turns down
// goes to the validator, which judges and words the fault. Tests hold it equal to the validator.
func (f *field) fits(n *syntax.Node) bool {
	switch n.Kind {
	case syntax.Map:
		if !f.is("object") {
			return false
		}
		if f.istio != "" {
			return true
		}
		return f.fitsMap(n)
	case syntax.Seq:
		if !f.is("array") || f.items == nil {
			return false
		}
		for i := range n.Items {
			if !f.items.fits(&n.Items[i]) {
				return false
			}
		}
		return true
	case syntax.String:
		if !f.is("string") || f.words != nil && !slices.Contains(f.words, n.Value) {
			return false
		}
		if f.minLength > 0 || f.maxLength > 0 {
			length := utf8.RuneCountInString(n.Value)
			if length < f.minLength || f.maxLength > 0 && length > f.maxLength {
				return false
			}
		}
		return f.pattern == nil || f.pattern.MatchString(n.Value)
	case syntax.Int:
		i, ok := n.Plain().(int)
		return ok && f.is("integer") && f.words == nil &&
			(f.min == nil || int64(i) >= *f.min) && (f.max == nil || int64(i) <= *f.max)
	case syntax.Bool:
		return f.is("boolean") && f.words == nil
	}
	return false // null in a list, or a number with a point: seldom enough
}

func (f *field) fitsMap(n *syntax.Node) bool {
	needed, set := 0, 0
	for i := range n.Fields {
		key, value := n.Fields[i].Key, &n.Fields[i].Value
		p := f.byName[key]
		switch {
		case p != nil && p.omitted(value):
			continue
		case p != nil:
			if !p.fits(value) {
				return false
			}
			set++
			if p.required {
				needed++
			}
		case f.values == nil:
			return false
		case value.Kind != syntax.Null && !f.values.fits(value):
			return false
		}
	}
	return needed == len(f.needs) || set == 0 && f.nullable
}
