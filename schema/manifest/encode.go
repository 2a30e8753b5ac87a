package manifest

import (
	"reflect"
	"slices"
	"strings"
)

// Encoder prints typed values as YAML text, appending to one buffer that is used again after [Encoder.Reset], so that
// a stream of objects needs no more memory than its largest part. The zero Encoder is ready. It only reads what it
// prints; it is not safe for concurrent use, but any number of Encoders may print the same values at once.
//
// What it takes: pointers to protobuf messages with exported Go fields (all of istio.io/api), and plain Go values made
// of structs with json tags, pointers, slices, maps with string or integer keys, strings, booleans, numbers and any.
// Messages follow the JSON mapping of proto3, with two exceptions: the zero values listed in zeros.go are printed, and
// 64-bit integers are plain numbers, because Istio's CRDs ask for integers there. Plain Go values follow
// encoding/json, omitempty and omitzero included, except that nil lists and maps without them print [] and {}, and that
// [Fields] are a map.
// Fields are in the order in which the .proto file or the Go struct declares them, map keys in byte order.
//
// A Go type outside this list is a mistake in this program, not in anybody's input: it panics with the type's name.
// TestEveryEmittedFieldIsSupported proves that nothing reachable from an emitted kind does.
type Encoder struct {
	buf  []byte
	at   position
	keys []string // scratch for sorting the keys of a map that holds scalars
}

// position is what is directly before the next thing to be written.
type position uint8

const (
	afterKey  position = iota // the colon of a key: scalars follow a space, blocks begin a line
	afterDash                 // the dash of a list item: everything follows a space
	atStart                   // nothing: the document begins here
)

// Bytes is what has been printed since the last Reset. It is valid until the next call on e.
func (e *Encoder) Bytes() []byte { return e.buf }

// Reset empties the buffer and keeps its memory.
func (e *Encoder) Reset() { e.buf = e.buf[:0] }

// Text appends s as it is: the `---` between documents, comments, the head of a list of items.
func (e *Encoder) Text(s string) { e.buf = append(e.buf, s...) }

// Object appends o as one YAML document that ends in a newline, without a leading `---`: apiVersion, kind, metadata,
// then the body's fields in their order. Empty metadata and body fields whose value is nil are left out.
func (e *Encoder) Object(o *Object) {
	e.at = atStart
	e.object(o, 0)
}

// Item appends o as one item of a block sequence whose dashes are in column 0, as in the `items` of a List.
func (e *Encoder) Item(o *Object) {
	e.buf = append(e.buf, '-')
	e.at = afterDash
	e.object(o, 2)
}

// Value appends v as one YAML document that ends in a newline, for files that are no Kubernetes objects.
func (e *Encoder) Value(v any) {
	e.at = atStart
	e.any(reflect.ValueOf(v), -2)
	e.buf = append(e.buf, '\n')
}

func (e *Encoder) object(o *Object, indent int) {
	e.line(indent)
	e.Text("apiVersion:")
	e.string(o.APIVersion, indent)
	e.line(indent)
	e.Text("kind:")
	e.string(o.Kind, indent)
	e.line(indent)
	e.Text("metadata:")
	start := len(e.buf)
	if o.Name != "" {
		e.line(indent + 2)
		e.Text("name:")
		e.string(o.Name, indent+2)
	}
	if o.Namespace != "" {
		e.line(indent + 2)
		e.Text("namespace:")
		e.string(o.Namespace, indent+2)
	}
	if len(o.Labels) > 0 {
		e.line(indent + 2)
		e.Text("labels:")
		e.stringMap(o.Labels, indent+2)
	}
	if len(o.Annotations) > 0 {
		e.line(indent + 2)
		e.Text("annotations:")
		e.stringMap(o.Annotations, indent+2)
	}
	if len(e.buf) == start {
		e.word("{}")
	}
	for _, f := range o.Body {
		v := reflect.ValueOf(f.Value)
		if isNil(v) {
			continue
		}
		e.key(f.Name, indent)
		e.any(v, indent)
	}
	e.buf = append(e.buf, '\n')
}

// any prints a value whose type is known only now.
func (e *Encoder) any(v reflect.Value, indent int) {
	if !v.IsValid() {
		e.word("null")
		return
	}
	writerOf(v.Type())(e, v, indent)
}

// line begins the line of a key or of a dash, in the given column.
func (e *Encoder) line(indent int) {
	switch e.at {
	case afterDash:
		e.buf = append(e.buf, ' ')
	case afterKey:
		e.buf = append(e.buf, '\n')
		e.spaces(indent)
	}
	e.at = afterKey
}

func (e *Encoder) spaces(n int) {
	const blanks = "                                "
	for n > len(blanks) {
		e.buf = append(e.buf, blanks...)
		n -= len(blanks)
	}
	e.buf = append(e.buf, blanks[:n]...)
}

// maxSimpleKey is how long a printed key may be before it needs the explicit form `? key`, `: value`. YAML allows
// 1024 characters; readers differ in what they count, so this stays below.
const maxSimpleKey = 1000

// key begins a line with a map key and its colon.
func (e *Encoder) key(key string, indent int) {
	e.line(indent)
	start := len(e.buf)
	e.buf = appendScalar(e.buf, key)
	if len(e.buf)-start > maxSimpleKey {
		e.buf = slices.Insert(e.buf, start, '?', ' ')
		e.buf = append(e.buf, '\n')
		e.spaces(indent)
	}
	e.buf = append(e.buf, ':')
}

// gap is between a key or dash and a scalar.
func (e *Encoder) gap() {
	if e.at != atStart {
		e.buf = append(e.buf, ' ')
	}
	e.at = afterKey
}

// word prints text that is YAML already: numbers, null, {}.
func (e *Encoder) word(s string) {
	e.gap()
	e.buf = append(e.buf, s...)
}

// string prints a string; indent is the column of its key or dash.
func (e *Encoder) string(s string, indent int) {
	e.gap()
	if !isLiteral(s) {
		e.buf = appendScalar(e.buf, s)
		return
	}
	e.buf = append(e.buf, '|')
	for len(s) > 0 {
		end := strings.IndexByte(s, '\n')
		e.buf = append(e.buf, '\n')
		if end > 0 {
			e.spaces(max(indent, 0) + 2)
			e.buf = append(e.buf, s[:end]...)
		}
		s = s[end+1:]
	}
}

// stringMap prints a map of strings, sorted by the bytes of its keys.
func (e *Encoder) stringMap(m map[string]string, indent int) {
	for _, k := range sortedKeys(e, m) {
		e.key(k, indent+2)
		e.string(m[k], indent+2)
	}
}

// isNil reports whether v is nothing at all, typed or not.
func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		return v.IsNil()
	}
	return false
}
