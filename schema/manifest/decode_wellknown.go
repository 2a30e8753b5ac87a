package manifest

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// readerOf finds the reader of a type that proto3 JSON writes in a form of its own; nil for plain messages.
func readerOf(name protoreflect.FullName) func(*decoder, *syntax.Node, protoreflect.Message, diag.Path) {
	switch name {
	case "google.protobuf.Duration":
		return (*decoder).duration
	case "google.protobuf.Timestamp":
		return (*decoder).timestamp
	case "google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue":
		return (*decoder).free
	case "google.protobuf.Any", "google.protobuf.FieldMask":
		return (*decoder).unsupported
	case "google.protobuf.DoubleValue", "google.protobuf.FloatValue",
		"google.protobuf.Int64Value", "google.protobuf.UInt64Value",
		"google.protobuf.Int32Value", "google.protobuf.UInt32Value",
		"google.protobuf.BoolValue", "google.protobuf.StringValue", "google.protobuf.BytesValue":
		return (*decoder).wrapper
	}
	return nil
}

// fill copies what was read into the message of the field; the types differ only where a caller decodes into
// messages that were not generated.
func (d *decoder) fill(m protoreflect.Message, read proto.Message, at diag.Path) {
	if m.Descriptor() != read.ProtoReflect().Descriptor() {
		d.add(ruleType.At(at, "vmmesh cannot read a %s here", m.Descriptor().Name()))
		return
	}
	proto.Merge(m.Interface(), read)
}

func (d *decoder) unsupported(_ *syntax.Node, m protoreflect.Message, at diag.Path) {
	d.add(ruleType.At(at, "vmmesh cannot read a %s here", m.Descriptor().Name()))
}

// duration reads what Istio reads: the units of Go's durations, which hold proto3 JSON's own form ("1.5s").
func (d *decoder) duration(n *syntax.Node, m protoreflect.Message, at diag.Path) {
	if n.Kind == syntax.String {
		if v, err := time.ParseDuration(n.Value); err == nil {
			d.fill(m, durationpb.New(v), at)
			return
		}
	}
	d.wrong(at, n, "a duration such as 10s, 1.5s, 100ms or 5m", durationHelp(n))
}

// durationHelp guesses the duration that was meant.
func durationHelp(n *syntax.Node) string {
	if n.Kind != syntax.Int && n.Kind != syntax.Float && n.Kind != syntax.String {
		return "write 10s"
	}
	text := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(n.Value), " ", ""))
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	value, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.IsInf(value, 0) || value < 0 {
		return "write 10s"
	}
	unit, known := map[string]string{
		"": "s", "s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
		"m": "m", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
		"h": "h", "hour": "h", "hours": "h", "ms": "ms", "msec": "ms", "millisecond": "ms", "milliseconds": "ms",
	}[text[len(digits):]]
	if unit, days := text[len(digits):], value*24; !known && (unit == "d" || unit == "day" || unit == "days") {
		return fmt.Sprintf("write %gh: the largest unit is the hour", days)
	}
	if !known {
		return "write 10s"
	}
	return "write " + digits + unit
}

func (d *decoder) timestamp(n *syntax.Node, m protoreflect.Message, at diag.Path) {
	if n.Kind == syntax.String {
		if v, err := time.Parse(time.RFC3339Nano, n.Value); err == nil {
			if stamp := timestamppb.New(v); stamp.CheckValid() == nil {
				d.fill(m, stamp, at)
				return
			}
		}
	}
	d.wrong(at, n, "a time such as 2026-01-31T12:00:00Z", "")
}

// wrapper reads the bare value inside a wrapper type.
func (d *decoder) wrapper(n *syntax.Node, m protoreflect.Message, at diag.Path) {
	inner := m.Descriptor().Fields().ByNumber(1)
	if v, ok := d.scalar(n, inner, nil, at); ok {
		m.Set(inner, v)
	}
}

// free reads the free-form types: Struct, Value and ListValue.
func (d *decoder) free(n *syntax.Node, m protoreflect.Message, at diag.Path) {
	var read proto.Message
	switch m.Descriptor().Name() {
	case "Struct":
		if n.Kind != syntax.Map {
			d.wrong(at, n, "a map", "")
			return
		}
		read = d.freeMap(n, at, 0)
	case "ListValue":
		if n.Kind != syntax.Seq {
			d.wrong(at, n, "a list", "")
			return
		}
		read = d.freeList(n, at, 0)
	default:
		read = d.freeValue(n, at, 0)
	}
	d.fill(m, read, at)
}

func (d *decoder) freeMap(n *syntax.Node, at diag.Path, depth int) *structpb.Struct {
	s := &structpb.Struct{Fields: make(map[string]*structpb.Value, len(n.Fields))}
	for i := range n.Fields {
		f := &n.Fields[i]
		here := at.Key(f.Key)
		if key, ok := d.text(&syntax.Node{Kind: syntax.String, Value: f.Key}, here); ok {
			s.Fields[key.String()] = d.freeValue(&f.Value, here, depth+1)
		}
	}
	return s
}

func (d *decoder) freeList(n *syntax.Node, at diag.Path, depth int) *structpb.ListValue {
	l := &structpb.ListValue{Values: make([]*structpb.Value, len(n.Items))}
	for i := range n.Items {
		l.Values[i] = d.freeValue(&n.Items[i], at.Item(i, nameOf(&n.Items[i])), depth+1)
	}
	return l
}

func (d *decoder) freeValue(n *syntax.Node, at diag.Path, depth int) *structpb.Value {
	if depth > maxDepth {
		d.add(ruleType.At(at, "nested more than %d levels deep", maxDepth))
		return structpb.NewNullValue()
	}
	switch n.Kind {
	case syntax.Bool:
		return structpb.NewBoolValue(n.Value == "true")
	case syntax.Int, syntax.Float:
		return d.freeNumber(n, at)
	case syntax.String:
		if v, ok := d.text(n, at); ok {
			return structpb.NewStringValue(v.String())
		}
	case syntax.Map:
		return structpb.NewStructValue(d.freeMap(n, at, depth))
	case syntax.Seq:
		return structpb.NewListValue(d.freeList(n, at, depth))
	case syntax.Null:
	}
	return structpb.NewNullValue()
}

// freeNumber reads a number of a free-form block, which are doubles: an integer that a double cannot hold would
// silently become another one on its way to the proxy.
func (d *decoder) freeNumber(n *syntax.Node, at diag.Path) *structpb.Value {
	v, ok := floatOf(n)
	if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
		d.wrong(at, n, "a finite number", "")
		return structpb.NewNullValue()
	}
	if n.Kind == syntax.Int && !isExact(n.Value) {
		d.wrong(at, n, "an integer that a double can hold", fmt.Sprintf("quote it: %q", n.Value))
		return structpb.NewNullValue()
	}
	return structpb.NewNumberValue(v)
}

// isExact reports whether an integer is the same as a double.
func isExact(text string) bool {
	i, ok := new(big.Int).SetString(text, 0)
	if !ok {
		return false
	}
	_, accuracy := new(big.Float).SetInt(i).Float64()
	return accuracy == big.Exact
}
