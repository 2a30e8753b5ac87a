package manifest

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// wellKnownWriter is the writer of a message that JSON does not show as an object, nil for every other message. A nil pointer
// prints what the empty message prints.
func wellKnownWriter(name protoreflect.FullName) writer {
	switch name {
	case "google.protobuf.Duration":
		return wellKnown(func(e *Encoder, m *durationpb.Duration, _ int) { e.duration(m.GetSeconds(), m.GetNanos()) })
	case "google.protobuf.Timestamp":
		return wellKnown(func(e *Encoder, m *timestamppb.Timestamp, _ int) { e.timestamp(m) })
	case "google.protobuf.Struct":
		return wellKnown(func(e *Encoder, m *structpb.Struct, indent int) { e.structMap(m.GetFields(), indent) })
	case "google.protobuf.Value":
		return wellKnown((*Encoder).structValue)
	case "google.protobuf.ListValue":
		return wellKnown(func(e *Encoder, m *structpb.ListValue, indent int) { e.structList(m.GetValues(), indent) })
	case "google.protobuf.BoolValue":
		return wellKnown(func(e *Encoder, m *wrapperspb.BoolValue, _ int) { e.bool(m.GetValue()) })
	case "google.protobuf.StringValue":
		return wellKnown(func(e *Encoder, m *wrapperspb.StringValue, indent int) { e.string(m.GetValue(), indent) })
	case "google.protobuf.BytesValue":
		return wellKnown(func(e *Encoder, m *wrapperspb.BytesValue, indent int) {
			writeBytes(e, reflect.ValueOf(m.GetValue()), indent)
		})
	case "google.protobuf.Int32Value":
		return wellKnown(func(e *Encoder, m *wrapperspb.Int32Value, _ int) { e.int(int64(m.GetValue())) })
	case "google.protobuf.Int64Value":
		return wellKnown(func(e *Encoder, m *wrapperspb.Int64Value, _ int) { e.int(m.GetValue()) })
	case "google.protobuf.UInt32Value":
		return wellKnown(func(e *Encoder, m *wrapperspb.UInt32Value, _ int) { e.uint(uint64(m.GetValue())) })
	case "google.protobuf.UInt64Value":
		return wellKnown(func(e *Encoder, m *wrapperspb.UInt64Value, _ int) { e.uint(m.GetValue()) })
	case "google.protobuf.FloatValue":
		return wellKnown(func(e *Encoder, m *wrapperspb.FloatValue, _ int) { e.float(float64(m.GetValue()), 32) })
	case "google.protobuf.DoubleValue":
		return wellKnown(func(e *Encoder, m *wrapperspb.DoubleValue, _ int) { e.float(m.GetValue(), 64) })
	case "google.protobuf.Any", "google.protobuf.FieldMask":
		panic("manifest: cannot print message type " + string(name))
	}
	return nil
}

func wellKnown[M proto.Message](write func(e *Encoder, m M, indent int)) writer {
	return func(e *Encoder, v reflect.Value, indent int) { write(e, v.Interface().(M), indent) }
}

// duration prints seconds with 0, 3, 6 or 9 decimals. A message whose parts have different signs, which no reader of
// JSON makes, prints what they add up to.
func (e *Encoder) duration(seconds int64, nanos int32) {
	seconds += int64(nanos / 1e9)
	nanos %= 1e9
	switch {
	case seconds > 0 && nanos < 0:
		seconds, nanos = seconds-1, nanos+1e9
	case seconds < 0 && nanos > 0:
		seconds, nanos = seconds+1, nanos-1e9
	}
	e.gap()
	negative := seconds < 0 || nanos < 0
	if negative {
		e.buf = append(e.buf, '"', '-')
		seconds, nanos = -seconds, -nanos
	}
	e.buf = strconv.AppendUint(e.buf, uint64(seconds), 10)
	e.buf = append(appendDecimals(e.buf, nanos), 's')
	if negative {
		e.buf = append(e.buf, '"')
	}
}

// timestamp prints RFC 3339 in UTC with 0, 3, 6 or 9 decimals, in quotes since YAML has timestamps of its own.
func (e *Encoder) timestamp(m *timestamppb.Timestamp) {
	t := m.AsTime()
	e.gap()
	e.buf = append(e.buf, '"')
	e.buf = t.AppendFormat(e.buf, time.DateOnly+"T"+time.TimeOnly)
	e.buf = append(appendDecimals(e.buf, int32(t.Nanosecond())), 'Z', '"')
}

// appendDecimals appends a dot and as many groups of three digits as nanos needs, nothing for 0.
func appendDecimals(dst []byte, nanos int32) []byte {
	if nanos == 0 {
		return dst
	}
	var digits [9]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + nanos%10)
		nanos /= 10
	}
	n := 9
	for n > 3 && string(digits[n-3:n]) == "000" {
		n -= 3
	}
	return append(append(dst, '.'), digits[:n]...)
}

// structValue prints JSON of any shape.
func (e *Encoder) structValue(v *structpb.Value, indent int) {
	switch k := v.GetKind().(type) {
	case *structpb.Value_BoolValue:
		e.bool(k.BoolValue)
	case *structpb.Value_NumberValue:
		e.float(k.NumberValue, 64)
	case *structpb.Value_StringValue:
		e.string(k.StringValue, indent)
	case *structpb.Value_StructValue:
		e.structMap(k.StructValue.GetFields(), indent)
	case *structpb.Value_ListValue:
		e.structList(k.ListValue.GetValues(), indent)
	default:
		e.word("null")
	}
}

func (e *Encoder) structMap(m map[string]*structpb.Value, indent int) {
	if len(m) == 0 {
		e.word("{}")
		return
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		e.key(k, indent+2)
		e.structValue(m[k], indent+2)
	}
}

func (e *Encoder) structList(values []*structpb.Value, indent int) {
	if len(values) == 0 {
		e.word("[]")
		return
	}
	if e.at != afterKey {
		indent += 2
	}
	for _, v := range values {
		e.dash(indent)
		e.structValue(v, indent)
	}
}
