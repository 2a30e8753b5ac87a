package importer

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// notes are comments by the path of what they are above, written as findings write it:
// spec.workloads[pay].services[pay].pods. A field that has a note is printed even where it is unset.
type notes map[string]string

// Write prints specs in the form that import gives them, without comments.
func Write(specs []*schema.VMMesh) string { return write(specs, make([]notes, len(specs))) }

// write prints specs as one stream: keys in the order of the types, which is that of the reference, what is unset left
// out, small maps on one line.
func write(specs []*schema.VMMesh, comments []notes) string {
	var b strings.Builder
	for i, s := range specs {
		if i > 0 {
			b.WriteString("---\n")
		}
		t := treeOf(reflect.ValueOf(s), "", comments[i])
		p := printer{b: &b, notes: comments[i]}
		p.block(t, 0, "")
	}
	return b.String()
}

// tree is a value that is about to be printed.
type tree struct {
	scalar string // as YAML, where fields and items are nil
	text   string // a scalar of several lines
	fields []branch
	items  []*tree
	isMap  bool
	isList bool
	name   string // of an item in a keyed list
	wide   bool   // always over several lines
}

type branch struct {
	key   string
	value *tree
}

// wide are the blocks of a spec that take several lines however small they are; empty brackets match any name.
var wide = map[string]bool{
	"": true, "spec": true, "spec.istio": true, "spec.workloads": true, "spec.workloads[]": true, "spec.workloads[].groups": true,
	"spec.workloads[].groups[]": true, "spec.workloads[].groups[].instances": true, "spec.workloads[].ports": true,
	"spec.workloads[].services": true, "spec.workloads[].services[]": true, "spec.workloads[].services[].traffic": true,
	"spec.workloads[].security.allow": true, "spec.workloads[].security.deny": true,
	"spec.workloads[].security.allow[]": true, "spec.workloads[].security.deny[]": true,
	"spec.externalServices": true, "spec.externalServices[]": true, "spec.externalServices[].serviceEntry": true,
}

// treeOf makes the tree of a Go value; nil where it is unset. path is for notes, and names items.
func treeOf(v reflect.Value, path string, n notes) *tree { return treeAt(v, path, "", n) }

func treeAt(v reflect.Value, path, shape string, n notes) *tree {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		if m, ok := v.Interface().(proto.Message); ok {
			return messageTree(m, shape)
		}
		if v.Elem().Kind() != reflect.Struct {
			return scalarTree(v.Elem()) // set, be it to its zero value
		}
		return treeAt(v.Elem(), path, shape, n)
	}
	switch v.Kind() {
	case reflect.Struct:
		return structTree(v, path, shape, n)
	case reflect.Slice:
		return listTree(v, path, shape, n)
	case reflect.Map:
		t := &tree{isMap: true}
		for _, key := range sorted(v.Interface().(map[string]string)) {
			t.fields = append(t.fields, branch{key, &tree{scalar: scalarOf(v.Interface().(map[string]string)[key])}})
		}
		if len(t.fields) == 0 {
			return nil
		}
		return t
	}
	if v.IsZero() {
		return nil
	}
	return scalarTree(v)
}

func scalarTree(v reflect.Value) *tree {
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); strings.Count(s, "\n") > 0 && printableBlock(s) {
			return &tree{text: s, wide: true}
		}
		return &tree{scalar: scalarOf(v.String())}
	case reflect.Bool:
		return &tree{scalar: strconv.FormatBool(v.Bool())}
	default:
		return &tree{scalar: strconv.FormatInt(v.Int(), 10)}
	}
}

func structTree(v reflect.Value, path, shape string, n notes) *tree {
	t := &tree{isMap: true, wide: wide[shape]}
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if key == "-" || key == "" {
			continue
		}
		here, form := join(path, key), join(shape, key)
		value := treeAt(v.Field(i), here, form, n)
		if value == nil {
			if n[here] == "" {
				continue
			}
			value = unsetTree(v.Field(i))
		}
		if key == "name" {
			t.name = value.scalar
		}
		t.fields = append(t.fields, branch{key, value})
	}
	if len(t.fields) == 0 {
		return nil
	}
	return t
}

// unsetTree is the form of an unset field, which is printed where a note asks a person to set it.
func unsetTree(v reflect.Value) *tree {
	switch v.Kind() {
	case reflect.Slice:
		return &tree{scalar: "[]"}
	case reflect.Map, reflect.Struct:
		return &tree{scalar: "{}"}
	}
	return &tree{scalar: `""`}
}

func listTree(v reflect.Value, path, shape string, n notes) *tree {
	if v.Len() == 0 {
		return nil
	}
	t := &tree{isList: true, wide: wide[shape]}
	for i := range v.Len() {
		name := strconv.Itoa(i)
		item := v.Index(i)
		if item.Kind() == reflect.Struct {
			if f := item.FieldByName("Name"); f.IsValid() && f.String() != "" {
				name = f.String()
			}
		}
		value := treeAt(item, path+"["+name+"]", shape+"[]", n)
		if value == nil {
			value = unsetTree(item)
		}
		t.items = append(t.items, value)
	}
	return t
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// defaults are what the encoder prints in blocks of Istio's, and a spec need not say.
var defaults = map[string]map[string]string{
	"spec.workloads[].probe": {
		"initialDelaySeconds": "0", "timeoutSeconds": "0", "periodSeconds": "0", "successThreshold": "0", "failureThreshold": "0",
	},
	"spec.externalServices[].serviceEntry": {"location": "MESH_EXTERNAL"},
}

// messageTree is a block of Istio's own, as Istio's YAML has it; an empty one is there all the same.
func messageTree(m proto.Message, shape string) *tree {
	var e manifest.Encoder
	e.Value(m)
	documents, _ := syntax.Read("", e.Bytes())
	if len(documents) == 0 {
		return &tree{isMap: true}
	}
	t := nodeTree(documents[0].Root)
	t.wide = wide[shape]
	t.fields = slices.DeleteFunc(t.fields, func(f branch) bool { return defaults[shape][f.key] == f.value.scalar && f.value.scalar != "" })
	return t
}

func nodeTree(n *syntax.Node) *tree {
	switch n.Kind {
	case syntax.Map:
		t := &tree{isMap: true}
		for i := range n.Fields {
			t.fields = append(t.fields, branch{n.Fields[i].Key, nodeTree(&n.Fields[i].Value)})
		}
		return t
	case syntax.Seq:
		t := &tree{isList: true}
		for i := range n.Items {
			t.items = append(t.items, nodeTree(&n.Items[i]))
		}
		return t
	case syntax.String:
		if strings.Count(n.Value, "\n") > 0 && printableBlock(n.Value) {
			return &tree{text: n.Value, wide: true}
		}
		return &tree{scalar: scalarOf(n.Value)}
	case syntax.Null:
		return &tree{scalar: "null"}
	}
	return &tree{scalar: n.Value}
}
