package manifest

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// unsupported ends the program: a type that the Encoder does not know was given to it by a line of this program.
func unsupported(t reflect.Type, why string) {
	panic(fmt.Sprintf("manifest: cannot print Go type %s: %s", t, why))
}

var (
	protoMessage  = reflect.TypeFor[proto.Message]()
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// value is the writer of a plain Go type, or of a pointer to a message.
func (b builder) value(t reflect.Type) writer {
	if t.Implements(protoMessage) && t.Kind() == reflect.Pointer {
		return b.message(t)
	}
	for _, it := range []reflect.Type{protoMessage, jsonMarshaler, textMarshaler} {
		if t.Kind() != reflect.Interface && (t.Implements(it) || reflect.PointerTo(t).Implements(it)) {
			unsupported(t, "it prints itself, or is a message that is no pointer")
		}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return pointerWriter(b.value(t.Elem()))
	case reflect.Interface:
		return writeInterface
	case reflect.Struct:
		return structWriter(b.structLayout(t))
	case reflect.Slice:
		if t == fieldsType {
			return writeFields
		}
		if t.Elem().Kind() == reflect.Uint8 {
			return writeBytes
		}
		return listWriter(b.value(t.Elem()))
	case reflect.Map:
		return mapWriter(t, b.value(t.Elem()))
	}
	return scalarWriter(t)
}

// protoField is the writer of a field of a message, whose Go type is t.
func (b builder) protoField(fd protoreflect.FieldDescriptor, t reflect.Type) writer {
	switch {
	case fd.IsMap():
		return mapWriter(t, b.protoValue(fd.MapValue(), t.Elem()))
	case !fd.IsList():
		return b.protoValue(fd, t)
	case fd.Message() != nil && wellKnownWriter(fd.Message().FullName()) == nil:
		return messagesWriter(b.protoLayout(t.Elem()))
	}
	return listWriter(b.protoValue(fd, t.Elem()))
}

// protoValue is the writer of one value of a field, be it alone, in a list or in a map.
func (b builder) protoValue(fd protoreflect.FieldDescriptor, t reflect.Type) writer {
	switch {
	case fd.Message() != nil:
		return b.message(t)
	case t.Kind() == reflect.Pointer: // a scalar that is marked optional
		return pointerWriter(b.protoValue(fd, t.Elem()))
	case fd.Enum() != nil:
		return enumWriter(fd.Enum())
	case fd.Kind() == protoreflect.BytesKind:
		return writeBytes
	}
	return scalarWriter(t)
}

// message is the writer of a pointer to a message. A nil pointer is an empty message: whoever may be nil and left out
// is left out before.
func (b builder) message(t reflect.Type) writer {
	if w := wellKnownWriter(emptyMessage(t).Descriptor().FullName()); w != nil {
		return w
	}
	p := b.protoLayout(t)
	return func(e *Encoder, v reflect.Value, indent int) { p.write(e, p.deref(v), indent, false) }
}

func (b builder) protoLayout(t reflect.Type) *layout {
	return b.messageLayout(t.Elem(), emptyMessage(t))
}

func emptyMessage(t reflect.Type) protoreflect.Message {
	return reflect.New(t.Elem()).Interface().(proto.Message).ProtoReflect()
}

func (p *layout) deref(v reflect.Value) reflect.Value {
	if v.IsNil() {
		return p.zero
	}
	return v.Elem()
}

// messagesWriter is the writer of a list of messages. Items that weigh against each other all show their weight where one does.
func messagesWriter(p *layout) writer {
	return func(e *Encoder, v reflect.Value, indent int) {
		weighed := false
		for i := 0; p.weight >= 0 && i < v.Len() && !weighed; i++ {
			weighed = !isEmpty(p.deref(v.Index(i)).Field(p.weight))
		}
		e.list(v, indent, func(e *Encoder, v reflect.Value, indent int) { p.write(e, p.deref(v), indent, weighed) })
	}
}

func structWriter(p *layout) writer {
	return func(e *Encoder, v reflect.Value, indent int) { p.write(e, v, indent, false) }
}

func listWriter(item writer) writer {
	return func(e *Encoder, v reflect.Value, indent int) { e.list(v, indent, item) }
}

// list prints a list with its dashes in the column of its key, or of what follows the dash before it.
func (e *Encoder) list(v reflect.Value, indent int, item writer) {
	n := v.Len()
	if n == 0 {
		e.word("[]")
		return
	}
	if e.at != afterKey {
		indent += 2
	}
	for i := range n {
		e.dash(indent)
		item(e, v.Index(i), indent)
	}
}

func (e *Encoder) dash(indent int) {
	e.line(indent)
	e.buf = append(e.buf, '-')
	e.at = afterDash
}

var (
	stringsType = reflect.TypeFor[map[string]string]()
	numbersType = reflect.TypeFor[map[string]uint32]()
)

// mapWriter is the writer of a map, sorted by the bytes of its keys. The two kinds of map that every VM has are printed
// without an allocation.
func mapWriter(t reflect.Type, value writer) writer {
	switch t {
	case stringsType:
		return func(e *Encoder, v reflect.Value, indent int) {
			e.stringMap(v.Interface().(map[string]string), indent)
		}
	case numbersType:
		return func(e *Encoder, v reflect.Value, indent int) {
			m := v.Interface().(map[string]uint32)
			for _, k := range sortedKeys(e, m) {
				e.key(k, indent+2)
				e.uint(uint64(m[k]))
			}
		}
	}
	text := keyText(t)
	return func(e *Encoder, v reflect.Value, indent int) {
		if v.Len() == 0 {
			e.word("{}")
			return
		}
		type entry struct {
			key   string
			value reflect.Value
		}
		entries := make([]entry, 0, v.Len())
		for it := v.MapRange(); it.Next(); {
			entries = append(entries, entry{text(it.Key()), it.Value()})
		}
		slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
		for _, x := range entries {
			e.key(x.key, indent+2)
			value(e, x.value, indent+2)
		}
	}
}

// sortedKeys are the keys of m in the Encoder's scratch memory, good until it is called again. An empty map is printed
// here.
func sortedKeys[V any](e *Encoder, m map[string]V) []string {
	if len(m) == 0 {
		e.word("{}")
	}
	e.keys = e.keys[:0]
	for k := range m {
		e.keys = append(e.keys, k)
	}
	slices.Sort(e.keys)
	return e.keys
}

// keyText prints keys of t's kind. A number in a key comes out in quotes, as every string does that looks like one.
func keyText(t reflect.Type) func(reflect.Value) string {
	switch t.Key().Kind() {
	case reflect.String:
		return reflect.Value.String
	case reflect.Bool:
		return func(v reflect.Value) string { return strconv.FormatBool(v.Bool()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(v reflect.Value) string { return strconv.FormatInt(v.Int(), 10) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(v reflect.Value) string { return strconv.FormatUint(v.Uint(), 10) }
	}
	unsupported(t, "its keys")
	return nil
}

func pointerWriter(to writer) writer {
	return func(e *Encoder, v reflect.Value, indent int) {
		if v.IsNil() {
			e.word("null")
			return
		}
		to(e, v.Elem(), indent)
	}
}

var fieldsType = reflect.TypeFor[Fields]()

func writeFields(e *Encoder, v reflect.Value, indent int) {
	fields := v.Interface().(Fields)
	if len(fields) == 0 {
		e.word("{}")
	}
	for _, f := range fields {
		e.key(f.Name, indent+2)
		e.any(reflect.ValueOf(f.Value), indent+2)
	}
}

func writeInterface(e *Encoder, v reflect.Value, indent int) { e.any(v.Elem(), indent) }

func writeBytes(e *Encoder, v reflect.Value, indent int) {
	e.string(base64.StdEncoding.EncodeToString(v.Bytes()), indent)
}

func enumWriter(ed protoreflect.EnumDescriptor) writer {
	if ed.FullName() == "google.protobuf.NullValue" {
		return func(e *Encoder, _ reflect.Value, _ int) { e.word("null") }
	}
	names := map[int64]string{}
	for i := range ed.Values().Len() {
		d := ed.Values().Get(i)
		if _, alias := names[int64(d.Number())]; !alias {
			names[int64(d.Number())] = string(appendScalar(nil, string(d.Name())))
		}
	}
	return func(e *Encoder, v reflect.Value, _ int) {
		if name, ok := names[v.Int()]; ok {
			e.word(name)
			return
		}
		e.int(v.Int()) // a value of a later version, as proto3 JSON has it
	}
}

// scalarWriter is the writer of a string, boolean or number.
func scalarWriter(t reflect.Type) writer {
	switch t.Kind() {
	case reflect.String:
		return func(e *Encoder, v reflect.Value, indent int) { e.string(v.String(), indent) }
	case reflect.Bool:
		return func(e *Encoder, v reflect.Value, _ int) { e.bool(v.Bool()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(e *Encoder, v reflect.Value, _ int) { e.int(v.Int()) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(e *Encoder, v reflect.Value, _ int) { e.uint(v.Uint()) }
	case reflect.Float32:
		return func(e *Encoder, v reflect.Value, _ int) { e.float(v.Float(), 32) }
	case reflect.Float64:
		return func(e *Encoder, v reflect.Value, _ int) { e.float(v.Float(), 64) }
	}
	unsupported(t, "its kind")
	return nil
}

func (e *Encoder) bool(b bool) {
	e.gap()
	e.buf = strconv.AppendBool(e.buf, b)
}

func (e *Encoder) int(i int64) {
	e.gap()
	e.buf = strconv.AppendInt(e.buf, i, 10)
}

func (e *Encoder) uint(i uint64) {
	e.gap()
	e.buf = strconv.AppendUint(e.buf, i, 10)
}

func (e *Encoder) float(f float64, bits int) {
	e.gap()
	e.buf = appendFloat(e.buf, f, bits)
}
