package manifest

import (
	"math"
	"math/rand"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	mesh "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1"
	security "istio.io/api/security/v1"
	telemetry "istio.io/api/telemetry/v1"
)

// printed is one of every message type that is at the top of something we print.
func printed() []proto.Message {
	return []proto.Message{
		&networking.WorkloadGroup{}, &networking.WorkloadEntry{}, &networking.ServiceEntry{}, &networking.DestinationRule{},
		&networking.VirtualService{}, &networking.Sidecar{}, &networking.Gateway{},
		&security.PeerAuthentication{}, &security.AuthorizationPolicy{}, &security.RequestAuthentication{},
		&telemetry.Telemetry{},
		&mesh.MeshConfig{}, &mesh.ProxyConfig{},
	}
}

func nameOfMessage(m proto.Message) string { return string(m.ProtoReflect().Descriptor().Name()) }

// reachable calls visit once with every message type that values of m can hold, m itself first.
func reachable(m protoreflect.MessageDescriptor, visit func(protoreflect.MessageDescriptor)) {
	seen := map[protoreflect.FullName]bool{}
	var walk func(protoreflect.MessageDescriptor)
	walk = func(d protoreflect.MessageDescriptor) {
		if seen[d.FullName()] {
			return
		}
		seen[d.FullName()] = true
		visit(d)
		for i := range d.Fields().Len() {
			if fd := d.Fields().Get(i); fd.Message() != nil {
				walk(fd.Message())
			}
		}
	}
	walk(m)
}

// filler puts random but repeatable values into messages.
type filler struct {
	*rand.Rand
	words []string // what strings are taken from
	sure  bool     // every field is set, as far as depth allows
}

func newFiller(seed int64) *filler {
	return &filler{Rand: rand.New(rand.NewSource(seed)), words: append(hostile[:len(hostile):len(hostile)], "vm1", "payments", "a/b", "x.y.z")}
}

const deepest = 9

func (r *filler) fill(m protoreflect.Message, depth int) {
	d := m.Descriptor()
	switch d.FullName() {
	case "google.protobuf.Duration", "google.protobuf.Timestamp":
		r.fillTime(m)
		return
	case "google.protobuf.Value":
		r.fillMember(m, d.Oneofs().Get(0), depth)
		return
	}
	for i := range d.Oneofs().Len() {
		if oneof := d.Oneofs().Get(i); !oneof.IsSynthetic() && (r.sure || r.Intn(3) > 0) {
			r.fillMember(m, oneof, depth)
		}
	}
	for i := range d.Fields().Len() {
		fd := d.Fields().Get(i)
		if fd.ContainingOneof() != nil && !fd.ContainingOneof().IsSynthetic() {
			continue
		}
		if depth > deepest && (fd.Message() != nil || fd.IsList() || fd.IsMap()) || !r.sure && r.Intn(2) == 0 {
			continue
		}
		r.fillField(m, fd, depth)
	}
}

func (r *filler) fillMember(m protoreflect.Message, oneof protoreflect.OneofDescriptor, depth int) {
	for {
		fd := oneof.Fields().Get(r.Intn(oneof.Fields().Len()))
		if depth <= deepest || fd.Message() == nil || oneof.FullName() != "google.protobuf.Value.kind" {
			r.fillField(m, fd, depth)
			return
		}
	}
}

func (r *filler) fillField(m protoreflect.Message, fd protoreflect.FieldDescriptor, depth int) {
	switch {
	case fd.IsMap():
		to := m.Mutable(fd).Map()
		for range 1 + r.Intn(3) {
			to.Set(r.scalar(fd.MapKey()).MapKey(), r.element(fd.MapValue(), to.NewValue, depth))
		}
	case fd.IsList():
		to := m.Mutable(fd).List()
		for range 1 + r.Intn(3) {
			to.Append(r.element(fd, to.NewElement, depth))
		}
	case fd.Message() != nil:
		r.fill(m.Mutable(fd).Message(), depth+1)
	default:
		m.Set(fd, r.scalar(fd))
	}
}

func (r *filler) element(fd protoreflect.FieldDescriptor, make func() protoreflect.Value, depth int) protoreflect.Value {
	if fd.Message() == nil {
		return r.scalar(fd)
	}
	v := make()
	r.fill(v.Message(), depth+1)
	return v
}

func (r *filler) scalar(fd protoreflect.FieldDescriptor) protoreflect.Value {
	zero := r.Intn(4) == 0
	pick := func(n uint64) uint64 {
		if zero {
			return 0
		}
		return n >> r.Intn(64)
	}
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(r.Intn(2) == 0)
	case protoreflect.EnumKind:
		values := fd.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(r.Intn(values.Len())).Number())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(pick(r.Uint64())))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(pick(r.Uint64())))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(pick(r.Uint64())))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(pick(r.Uint64()))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(r.float()))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(r.float())
	case protoreflect.BytesKind:
		b := make([]byte, r.Intn(20))
		r.Read(b)
		return protoreflect.ValueOfBytes(b)
	}
	return protoreflect.ValueOfString(r.words[r.Intn(len(r.words))])
}

func (r *filler) float() float64 {
	switch r.Intn(4) {
	case 0:
		return float64(r.Intn(100))
	case 1:
		return r.Float64() * 100
	case 2:
		return math.Pow(10, float64(r.Intn(60)-30)) * float64(1+r.Intn(9))
	}
	return -r.ExpFloat64()
}

func (r *filler) fillTime(m protoreflect.Message) {
	seconds, nanos := r.Int63n(1e9), r.Int31n(1e9)
	switch r.Intn(4) {
	case 0:
		nanos = 0
	case 1:
		nanos -= nanos % 1e6
	case 2:
		nanos -= nanos % 1e3
	}
	if r.Intn(5) == 0 && m.Descriptor().Name() == "Duration" {
		seconds, nanos = -seconds, -nanos
	}
	fields := m.Descriptor().Fields()
	m.Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(seconds))
	m.Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(nanos))
}

// random is a new message of m's type.
func random(m proto.Message, seed int64) proto.Message {
	out := m.ProtoReflect().New()
	r := newFiller(seed)
	r.sure = seed%4 == 0
	r.fill(out, 0)
	return out.Interface()
}

// text is what an Encoder prints of one value.
func text(t testing.TB, v any) string {
	t.Helper()
	var e Encoder
	e.Value(v)
	return string(e.Bytes())
}

// goType is the struct behind a message.
func goType(m proto.Message) reflect.Type { return reflect.TypeOf(m).Elem() }
