package schema

import "github.com/vmmesh/vmmesh/schema/syntax"

// unset reports whether a value is not set: null, "", {}, [] or a map of such values. Where a value is optional,
// saying nothing is the same as leaving it out. (In a free map, such as labels, "" is a value: f knows.)
func (f *field) unset(n *syntax.Node) bool {
	switch n.Kind {
	case syntax.Null:
		return true
	case syntax.String:
		return n.Value == ""
	case syntax.Seq:
		return len(n.Items) == 0 && f.is("array")
	case syntax.Map:
		if !f.is("object") {
			return false
		}
		for i := range n.Fields {
			v := &n.Fields[i].Value
			switch p := f.byName[n.Fields[i].Key]; {
			case p != nil:
				if !p.unset(v) {
					return false
				}
			case f.closed():
				return false // unknown keys are faults, whatever they hold
			case v.Kind != syntax.Null:
				return false
			}
		}
		return true
	}
	return false
}

// omitted reports whether a field counts as left out. A required block that is written, and holds nothing that was
// said, does not: what is missing is inside it.
func (f *field) omitted(n *syntax.Node) bool {
	return f.unset(n) && !(f.required && n.Kind == syntax.Map && len(f.needs) > 0)
}
