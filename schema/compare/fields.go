package compare

import (
	"slices"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// FieldChange is a field that differs. Items of a list are called by their `name` where they have one.
type FieldChange struct {
	Path     string
	Change   Change
	Old, New *syntax.Node // nil where there is none
	Moved    bool         // a list with the same items in another order
}

// compareFields finds the fields in which two values differ, the old one's first.
func compareFields(old, new *syntax.Node) []FieldChange {
	var d fieldDiff
	d.value(diag.Root(nil), old, new)
	return d.found
}

type fieldDiff struct{ found []FieldChange }

func (d *fieldDiff) add(p diag.Path, change Change, old, new *syntax.Node) {
	d.found = append(d.found, FieldChange{Path: printable(p.String()), Change: change, Old: old, New: new})
}

// value compares the values at a path. Nothing and null are the same.
func (d *fieldDiff) value(p diag.Path, old, new *syntax.Node) {
	switch {
	case isNull(old) && isNull(new):
	case isNull(old):
		d.add(p, Added, nil, new)
	case isNull(new):
		d.add(p, Removed, old, nil)
	case old.Kind == syntax.Map && new.Kind == syntax.Map:
		d.maps(p, old, new)
	case old.Kind == syntax.Seq && new.Kind == syntax.Seq:
		d.lists(p, old, new)
	case !equal(old, new):
		d.add(p, Changed, old, new)
	}
}

// maps compares two maps; one of them may be empty, which is reported as a whole.
func (d *fieldDiff) maps(p diag.Path, old, new *syntax.Node) {
	if (len(old.Fields) == 0) != (len(new.Fields) == 0) {
		d.add(p, Changed, old, new)
		return
	}
	others := fieldIndex(new)
	for i := range old.Fields {
		f := &old.Fields[i]
		d.value(p.Key(f.Key), &f.Value, others[f.Key])
	}
	mine := fieldIndex(old)
	for i := range new.Fields {
		if f := &new.Fields[i]; mine[f.Key] == nil {
			d.value(p.Key(f.Key), nil, &f.Value)
		}
	}
}

func fieldIndex(n *syntax.Node) map[string]*syntax.Node {
	index := make(map[string]*syntax.Node, len(n.Fields))
	for i := range n.Fields {
		index[n.Fields[i].Key] = &n.Fields[i].Value
	}
	return index
}

// lists compares two lists: by the names of their items, or else by their order.
func (d *fieldDiff) lists(p diag.Path, old, new *syntax.Node) {
	if (len(old.Items) == 0) != (len(new.Items) == 0) {
		d.add(p, Changed, old, new)
		return
	}
	oldNames, ok1 := itemNames(old)
	newNames, ok2 := itemNames(new)
	if ok1 && ok2 {
		d.named(p, old, new, oldNames, newNames)
		return
	}
	for _, m := range align(old, new) {
		switch {
		case m.old < 0:
			d.add(p.Item(m.new, ""), Added, nil, &new.Items[m.new])
		case m.new < 0:
			d.add(p.Item(m.old, ""), Removed, &old.Items[m.old], nil)
		default:
			d.value(p.Item(m.new, ""), &old.Items[m.old], &new.Items[m.new])
		}
	}
}

// named compares two lists whose items have names.
func (d *fieldDiff) named(p diag.Path, old, new *syntax.Node, oldNames, newNames []string) {
	place := make(map[string]int, len(newNames))
	for i, name := range newNames {
		place[name] = i
	}
	seen := map[string]bool{}
	var order []int
	for i, name := range oldNames {
		seen[name] = true
		if j, ok := place[name]; ok {
			order = append(order, j)
			d.value(p.Item(j, name), &old.Items[i], &new.Items[j])
		} else {
			d.add(p.Item(i, name), Removed, &old.Items[i], nil)
		}
	}
	for j, name := range newNames {
		if !seen[name] {
			d.add(p.Item(j, name), Added, nil, &new.Items[j])
		}
	}
	if !slices.IsSorted(order) {
		d.found = append(d.found, FieldChange{
			Path: printable(p.String()), Change: Changed, Old: nameList(oldNames), New: nameList(newNames), Moved: true,
		})
	}
}

// nameList is names as a value.
func nameList(names []string) *syntax.Node {
	list := &syntax.Node{Kind: syntax.Seq}
	for _, name := range names {
		list.Items = append(list.Items, syntax.Node{Kind: syntax.String, Value: name})
	}
	return list
}

// itemNames are the names of a list's items, if all are maps and each has one of its own.
func itemNames(list *syntax.Node) ([]string, bool) {
	names := make([]string, len(list.Items))
	seen := make(map[string]bool, len(list.Items))
	for i := range list.Items {
		name := list.Items[i].Get("name")
		if name == nil || name.Kind != syntax.String || name.Value == "" || seen[name.Value] {
			return nil, false
		}
		names[i], seen[name.Value] = name.Value, true
	}
	return names, true
}
