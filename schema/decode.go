package schema

import (
	"math"
	"reflect"
	"strconv"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// Decode reads a document into its types. Every At is set, in blocks that are not written too; null, "" and the like
// are the zero value; an optional block of Istio's that is empty is nil. Numbers where text is allowed (ports by
// number or name) become decimal text.
//
// It expects a document that Validate found no errors in: of others it reads what it can and reports nothing twice.
// Its own findings are those inside Istio's blocks, VM020 to VM023. No tree makes it panic.
func (d *Document) Decode() (*VMMesh, diag.List) {
	m := &VMMesh{}
	if d == nil || d.Root == nil {
		return m, nil
	}
	r := decoding{}
	if version := d.Root.Get("spec").Get("istio").Get("version"); version != nil && version.Kind == syntax.String {
		r.istioVersion = version.Value
	}
	r.block(d.Root, reflect.ValueOf(m).Elem(), d.At)
	return m, r.found
}

// decoding is one run over one document.
type decoding struct {
	istioVersion string
	found        diag.List
}

// blockPlan is how a struct type is read: worked out once for each type.
type blockPlan struct {
	at     int // index of the At field, -1 where there is none
	byKey  map[string]*keyPlan
	blocks []*keyPlan // blocks by value: they have an At even where they are not written
}

type keyPlan struct {
	key   string
	index int
	kind  keyKind
	block *blockPlan // of a block, a pointer to one, or the items of a list
	above reflect.Type
}

// keyKind is what a struct field holds.
type keyKind uint8

const (
	textKey       keyKind = iota // string
	textsKey                     // []string
	textMapKey                   // map[string]string
	intKey                       // int
	intsKey                      // []int
	intPointerKey                // *int
	boolKey                      // bool
	boolPointerKey
	blockKey        // a struct
	blockPointerKey // a pointer to one: nil where it is empty
	blocksKey       // a list of structs
	messageKey      // a pointer to a message of Istio's: nil where it is empty
	messagesKey     // a list of them
)

var (
	messageType = reflect.TypeFor[proto.Message]()
	pathType    = reflect.TypeFor[diag.Path]()
	// blockPlans caches plans by reflect.Type. They depend on nothing but the types.
	blockPlans sync.Map
)

func planOf(t reflect.Type) *blockPlan {
	if p, ok := blockPlans.Load(t); ok {
		return p.(*blockPlan)
	}
	p := &blockPlan{at: -1, byKey: map[string]*keyPlan{}}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == pathType {
			p.at = i
			continue
		}
		k := &keyPlan{key: f.Tag.Get("json"), index: i, above: f.Type}
		k.kind, k.block = kindOf(f.Type)
		if k.kind == blockKey {
			p.blocks = append(p.blocks, k)
		}
		p.byKey[k.key] = k
	}
	blockPlans.Store(t, p)
	return p
}

func kindOf(t reflect.Type) (keyKind, *blockPlan) {
	switch {
	case t.Implements(messageType):
		return messageKey, nil
	case t.Kind() == reflect.Slice && t.Elem().Implements(messageType):
		return messagesKey, nil
	}
	switch t.Kind() {
	case reflect.String:
		return textKey, nil
	case reflect.Int:
		return intKey, nil
	case reflect.Bool:
		return boolKey, nil
	case reflect.Map:
		return textMapKey, nil
	case reflect.Struct:
		return blockKey, planOf(t)
	case reflect.Pointer:
		switch t.Elem().Kind() {
		case reflect.Int:
			return intPointerKey, nil
		case reflect.Bool:
			return boolPointerKey, nil
		case reflect.Struct:
			return blockPointerKey, planOf(t.Elem())
		}
	case reflect.Slice:
		switch t.Elem().Kind() {
		case reflect.String:
			return textsKey, nil
		case reflect.Int:
			return intsKey, nil
		case reflect.Struct:
			return blocksKey, planOf(t.Elem())
		}
	}
	panic("schema: no way to decode into " + t.String()) // types.go is ours, and a test walks all of it
}

// block reads a map into a struct. Another kind of node leaves it as it is, but for the places.
func (r *decoding) block(n *syntax.Node, v reflect.Value, at diag.Path) {
	r.planned(n, v, at, planOf(v.Type()))
}

func (r *decoding) planned(n *syntax.Node, v reflect.Value, at diag.Path, p *blockPlan) {
	if p.at >= 0 {
		v.Field(p.at).Set(reflect.ValueOf(at))
	}
	if n != nil && n.Kind == syntax.Map {
		for i := range n.Fields {
			f := &n.Fields[i]
			if k := p.byKey[f.Key]; k != nil && k.kind != blockKey {
				r.key(&f.Value, v.Field(k.index), at, k)
			}
		}
	}
	for _, k := range p.blocks {
		r.planned(n.Get(k.key), v.Field(k.index), at.Key(k.key), k.block)
	}
}

// key reads the value of one key.
func (r *decoding) key(n *syntax.Node, v reflect.Value, at diag.Path, k *keyPlan) {
	switch k.kind {
	case textKey:
		v.SetString(text(n))
	case textsKey:
		if n.Kind == syntax.Seq && len(n.Items) > 0 {
			all := make([]string, len(n.Items))
			for i := range n.Items {
				all[i] = text(&n.Items[i])
			}
			v.Set(reflect.ValueOf(all))
		}
	case textMapKey:
		if n.Kind == syntax.Map {
			if all := textMap(n); len(all) > 0 {
				v.Set(reflect.ValueOf(all))
			}
		}
	case intKey:
		if i, ok := integer(n); ok {
			v.SetInt(int64(i))
		}
	case intsKey:
		if n.Kind == syntax.Seq && len(n.Items) > 0 {
			all := make([]int, 0, len(n.Items))
			for i := range n.Items {
				if number, ok := integer(&n.Items[i]); ok {
					all = append(all, number)
				}
			}
			v.Set(reflect.ValueOf(all))
		}
	case intPointerKey:
		if i, ok := integer(n); ok {
			v.Set(reflect.ValueOf(&i))
		}
	case boolKey:
		v.SetBool(n.Kind == syntax.Bool && n.Value == "true")
	case boolPointerKey:
		if n.Kind == syntax.Bool {
			b := n.Value == "true"
			v.Set(reflect.ValueOf(&b))
		}
	case blockPointerKey:
		if n.Kind == syntax.Map && !k.block.silent(n) {
			block := reflect.New(k.above.Elem())
			r.planned(n, block.Elem(), at.Key(k.key), k.block)
			v.Set(block)
		}
	case blocksKey:
		if n.Kind == syntax.Seq && len(n.Items) > 0 {
			list := at.Key(k.key)
			all := reflect.MakeSlice(k.above, len(n.Items), len(n.Items))
			for i := range n.Items {
				item := &n.Items[i]
				r.planned(item, all.Index(i), list.Item(i, nameOf(item)), k.block)
			}
			v.Set(all)
		}
	case messageKey:
		if n.Kind == syntax.Map && !silentMessage(n) {
			message := reflect.New(k.above.Elem())
			r.message(n, message, at.Key(k.key))
			v.Set(message)
		}
	case messagesKey:
		if n.Kind == syntax.Seq && len(n.Items) > 0 {
			list := at.Key(k.key)
			all := reflect.MakeSlice(k.above, len(n.Items), len(n.Items))
			for i := range n.Items {
				item := &n.Items[i]
				message := reflect.New(k.above.Elem().Elem())
				if item.Kind == syntax.Map {
					r.message(item, message, list.Item(i, nameOf(item)))
				}
				all.Index(i).Set(message)
			}
			v.Set(all)
		}
	case blockKey:
	}
}

func (r *decoding) message(n *syntax.Node, v reflect.Value, at diag.Path) {
	r.found = append(r.found, manifest.Decode(n, v.Interface().(proto.Message), at, r.istioVersion)...)
}

// silent reports whether a map is empty: every value of it is unset.
func (p *blockPlan) silent(n *syntax.Node) bool {
	for i := range n.Fields {
		v := &n.Fields[i].Value
		switch v.Kind {
		case syntax.Null:
		case syntax.String:
			if v.Value != "" {
				return false
			}
		case syntax.Seq:
			if len(v.Items) > 0 {
				return false
			}
		case syntax.Map:
			k := p.byKey[n.Fields[i].Key]
			switch {
			case k == nil:
				return false
			case k.kind == blockKey || k.kind == blockPointerKey:
				if !k.block.silent(v) {
					return false
				}
			case !silentMessage(v):
				return false
			}
		default:
			return false
		}
	}
	return true
}

// silentMessage reports whether a block of Istio's, or a free map, is empty: it does not have fields, or every value is null.
func silentMessage(n *syntax.Node) bool {
	for i := range n.Fields {
		if n.Fields[i].Value.Kind != syntax.Null {
			return false
		}
	}
	return true
}

// text is a string, or a number in decimal.
func text(n *syntax.Node) string {
	switch n.Kind {
	case syntax.String:
		return n.Value
	case syntax.Int, syntax.Float:
		if i, ok := integer(n); ok {
			return strconv.Itoa(i)
		}
	}
	return ""
}

func textMap(n *syntax.Node) map[string]string {
	all := make(map[string]string, len(n.Fields))
	for i := range n.Fields {
		if n.Fields[i].Value.Kind == syntax.String {
			all[n.Fields[i].Key] = n.Fields[i].Value.Value
		}
	}
	return all
}

// integer is a whole number, which may be written as 8080.0, as JSON Schema has it.
func integer(n *syntax.Node) (int, bool) {
	switch n.Kind {
	case syntax.Int:
		i, ok := n.Plain().(int)
		return i, ok
	case syntax.Float:
		f, ok := n.Plain().(float64)
		if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return 0, false
		}
		return int(f), true
	}
	return 0, false
}
