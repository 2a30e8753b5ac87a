package manifest

import (
	"reflect"
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// writer prints a value of the Go type that it was made for. The value's key and colon, or its dash, are at the end
// of the buffer; indent is the column where that line begins.
type writer func(e *Encoder, v reflect.Value, indent int)

// layout is how a struct is printed: what its fields are called, in which order they come, when they are left out.
type layout struct {
	fields []field
	weight int           // index of the Go field that says how a list item weighs against its siblings, or -1
	zero   reflect.Value // the empty struct, which a nil message is read as
}

// field is one field of a struct, or all members of one oneof.
type field struct {
	key     string // as it is printed, with the colon
	index   int    // of the Go field
	write   writer
	keep    keep
	unless  int      // keepUnless: index of the other Go field
	members []member // of a oneof; key, write and keep mean nothing then
}

// member is what a oneof may hold.
type member struct {
	wrapper reflect.Type // the pointer type that Go holds the member by
	key     string
	write   writer
}

// keep says when a field is printed.
type keep uint8

const (
	keepSet    keep = iota // where it is neither zero nor empty
	keepAlways             // always
	keepUnless             // where it is not zero, or another field is
	keepWeight             // where it is not zero, or the weight of a sibling is not
	keepSolid              // where it differs from the zero value of its type: omitzero
)

// writers remembers the writer of each type that was printed directly. It holds nothing but what follows from the types.
var writers sync.Map // reflect.Type to writer

func writerOf(t reflect.Type) writer {
	if w, ok := writers.Load(t); ok {
		return w.(writer)
	}
	w := builder{}.value(t)
	writers.Store(t, w)
	return w
}

// builder makes writers. It holds the layouts that it has begun, since a struct may contain itself.
type builder map[reflect.Type]*layout

// messageLayout is the layout of a generated message struct.
func (b builder) messageLayout(t reflect.Type, m protoreflect.Message) *layout {
	if p, ok := b[t]; ok {
		return p
	}
	p := &layout{weight: -1, zero: reflect.Zero(t)}
	b[t] = p
	at := goFields(t)
	fds := m.Descriptor().Fields()
	for i := range fds.Len() {
		fd := fds.Get(i)
		oneof := fd.ContainingOneof()
		if oneof == nil || oneof.IsSynthetic() {
			p.fields = append(p.fields, b.messageField(p, t, fd, at))
		} else if fd.Index() == oneof.Fields().Get(0).Index() {
			p.fields = append(p.fields, b.oneof(t, m, oneof, at))
		}
	}
	return p
}

func (b builder) messageField(p *layout, t reflect.Type, fd protoreflect.FieldDescriptor, at map[string]int) field {
	index, ok := at[string(fd.Name())]
	if !ok {
		unsupported(t, "it has no Go field for "+string(fd.FullName()))
	}
	f := field{key: printedKey(fd.JSONName()), index: index, write: b.protoField(fd, t.Field(index).Type)}
	rule := zeroRules[fd.FullName()]
	switch {
	case rule.show == shownByWeight:
		f.keep = keepWeight
		p.weight = index
	case rule.show == shown && rule.unless != "":
		f.keep, f.unless = keepUnless, at[rule.unless]
	case rule.show == shown:
		f.keep = keepAlways
	}
	return f
}

func (b builder) oneof(t reflect.Type, m protoreflect.Message, oneof protoreflect.OneofDescriptor, at map[string]int) field {
	index, ok := at[string(oneof.Name())]
	if !ok {
		unsupported(t, "it has no Go field for "+string(oneof.FullName()))
	}
	f := field{index: index}
	for i := range oneof.Fields().Len() {
		fd := oneof.Fields().Get(i)
		one := m.New() // the only public way from a member to its wrapper is to set it and look
		one.Set(fd, one.NewField(fd))
		wrapper := reflect.ValueOf(one.Interface()).Elem().Field(index).Elem().Type()
		f.members = append(f.members, member{
			wrapper: wrapper,
			key:     printedKey(fd.JSONName()),
			write:   b.protoField(fd, wrapper.Elem().Field(0).Type),
		})
	}
	return f
}

// goFields finds the Go fields of a message by the proto names of their fields and oneofs.
func goFields(t reflect.Type) map[string]int {
	at := map[string]int{}
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		if name := tag.Get("protobuf_oneof"); name != "" {
			at[name] = i
		}
		for part := range strings.SplitSeq(tag.Get("protobuf"), ",") {
			if name, ok := strings.CutPrefix(part, "name="); ok {
				at[name] = i
			}
		}
	}
	return at
}

// structLayout is the layout of a plain struct with json tags.
func (b builder) structLayout(t reflect.Type) *layout {
	if p, ok := b[t]; ok {
		return p
	}
	p := &layout{weight: -1, zero: reflect.Zero(t)}
	b[t] = p
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("json")
		if tag == "-" || !sf.IsExported() && !sf.Anonymous {
			continue
		}
		if sf.Anonymous {
			unsupported(t, "embedded field "+sf.Name)
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "" {
			unsupported(t, "field "+sf.Name+" has no json name")
		}
		f := field{key: printedKey(name), index: i, keep: keepAlways, write: b.value(sf.Type)}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "":
			case "omitempty":
				if sf.Type.Kind() != reflect.Struct { // encoding/json never finds a struct empty
					f.keep = keepSet
				}
			case "omitzero":
				f.keep = keepSolid
			default:
				unsupported(t, "option "+option+" of field "+sf.Name)
			}
		}
		p.fields = append(p.fields, f)
	}
	return p
}

func printedKey(name string) string { return string(appendScalar(nil, name)) + ":" }

// write prints a struct below the key, or behind the dash, whose line begins at indent. weighed says that a sibling in
// the same list has a weight.
func (p *layout) write(e *Encoder, v reflect.Value, indent int, weighed bool) {
	start := len(e.buf)
	indent += 2
	for i := range p.fields {
		f := &p.fields[i]
		fv := v.Field(f.index)
		if f.members != nil {
			f.writeMember(e, fv, indent)
			continue
		}
		if f.leaveOut(v, fv, weighed) {
			continue
		}
		e.line(indent)
		e.buf = append(e.buf, f.key...)
		f.write(e, fv, indent)
	}
	if len(e.buf) == start {
		e.word("{}")
	}
}

func (f *field) writeMember(e *Encoder, v reflect.Value, indent int) {
	if v.IsNil() {
		return
	}
	v = v.Elem()
	if v.IsNil() { // a typed nil in a oneof counts as unset
		return
	}
	t := v.Type()
	for i := range f.members {
		if m := &f.members[i]; m.wrapper == t {
			e.line(indent)
			e.buf = append(e.buf, m.key...)
			m.write(e, v.Elem().Field(0), indent)
			return
		}
	}
	unsupported(t, "it is no member of its oneof")
}

func (f *field) leaveOut(v, fv reflect.Value, weighed bool) bool {
	switch f.keep {
	case keepAlways:
		return false
	case keepSolid:
		return fv.IsZero()
	case keepWeight:
		return !weighed && isEmpty(fv)
	case keepUnless:
		return isEmpty(fv) && !isEmpty(v.Field(f.unless))
	}
	return isEmpty(fv)
}

// isEmpty is omitempty's notion: zero, or without elements.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String, reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Pointer, reflect.Interface:
		return v.IsNil()
	}
	return v.IsZero()
}
