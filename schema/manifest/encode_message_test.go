package manifest

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	yaml "go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	sigs "sigs.k8s.io/yaml"
)

// shownZeros pins which zeros are printed, apart from the table in zeros.go.
var shownZeros = []string{
	"istio.mesh.v1alpha1.MeshConfig.InboundTrafficPolicy.mode",
	"istio.mesh.v1alpha1.MeshConfig.OutboundTrafficPolicy.mode",
	"istio.mesh.v1alpha1.MeshConfig.ServiceScopeConfigs.scope",
	"istio.networking.v1alpha3.ClientTLSSettings.mode",
	"istio.networking.v1alpha3.HTTPRetry.attempts",
	"istio.networking.v1alpha3.OutboundTrafficPolicy.mode",
	"istio.networking.v1alpha3.Percent.value",
	"istio.networking.v1alpha3.ReadinessProbe.failure_threshold",
	"istio.networking.v1alpha3.ReadinessProbe.initial_delay_seconds",
	"istio.networking.v1alpha3.ReadinessProbe.period_seconds",
	"istio.networking.v1alpha3.ReadinessProbe.success_threshold",
	"istio.networking.v1alpha3.ReadinessProbe.timeout_seconds",
	"istio.networking.v1alpha3.ServiceEntry.location",
	"istio.networking.v1alpha3.ServiceEntry.resolution",
	"istio.networking.v1alpha3.TrafficPolicy.ProxyProtocol.version",
	"istio.security.v1beta1.AuthorizationPolicy.action",
	"istio.telemetry.v1alpha1.AccessLogging.LogSelector.mode",
	"istio.telemetry.v1alpha1.MetricSelector.mode",
	"istio.telemetry.v1alpha1.MetricsOverrides.TagOverride.operation",
	"istio.telemetry.v1alpha1.Tracing.TracingSelector.mode",
}

const (
	redirectingMode = "istio.networking.v1alpha3.ServerTLSSettings.mode" // shown unless httpsRedirect
	httpWeight      = "istio.networking.v1alpha3.HTTPRouteDestination.weight"
	l4Weight        = "istio.networking.v1alpha3.RouteDestination.weight"
)

func TestZeroRules(t *testing.T) {
	enums, fields := map[protoreflect.FullName]bool{}, map[protoreflect.FullName]bool{}
	for _, m := range printed() {
		reachable(m.ProtoReflect().Descriptor(), func(d protoreflect.MessageDescriptor) {
			for i := range d.Fields().Len() {
				fd := d.Fields().Get(i)
				fields[fd.FullName()] = true
				if fd.Enum() != nil && !fd.IsList() && !fd.HasPresence() {
					enums[fd.FullName()] = true
				}
			}
		})
	}
	for name := range enums {
		require.Contains(t, zeroRules, name, "a new enum: judge its zero in zeros.go")
	}
	var always, other []string
	for name, rule := range zeroRules {
		require.True(t, fields[name], "%s is no field that we print", name)
		require.NotEmpty(t, rule.why, name)
		switch {
		case rule.show == shown && rule.unless == "":
			always = append(always, string(name))
		case rule.show != hidden:
			other = append(other, string(name))
		}
	}
	slices.Sort(always)
	slices.Sort(other)
	require.Equal(t, shownZeros, always)
	require.Equal(t, []string{httpWeight, l4Weight, redirectingMode}, other)
	require.Equal(t, "https_redirect", zeroRules[redirectingMode].unless)
}

// TestEveryEmittedFieldIsSupported makes the writer of every message type that can be part of an output, which panics at
// a field that it does not know, and counts that no field is left behind.
func TestEveryEmittedFieldIsSupported(t *testing.T) {
	for _, m := range printed() {
		b := builder{}
		require.NotPanics(t, func() { b.message(reflect.TypeOf(m)) })
		reachable(m.ProtoReflect().Descriptor(), func(d protoreflect.MessageDescriptor) {
			if d.FullName().Parent() == "google.protobuf" || d.FullName().Parent().Parent() == "google.protobuf" || d.IsMapEntry() {
				return
			}
			mt, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
			require.NoError(t, err)
			l := b[goType(mt.Zero().Interface())]
			require.NotNil(t, l, d.FullName())
			fields := 0
			for _, f := range l.fields {
				if f.members == nil {
					fields++
				}
				fields += len(f.members)
			}
			require.Equal(t, d.Fields().Len(), fields, d.FullName())
		})
	}
}

// plainTree is the plain way to print a message: by protobuf reflection, into maps. weighed says that a sibling has a weight.
func plainTree(m protoreflect.Message, weighed bool) any {
	switch v := m.Interface().(type) {
	case *durationpb.Duration:
		b, err := protojson.Marshal(v)
		if err != nil {
			panic(err)
		}
		return strings.Trim(string(b), `"`)
	case *timestamppb.Timestamp:
		b, err := protojson.Marshal(v)
		if err != nil {
			panic(err)
		}
		return strings.Trim(string(b), `"`)
	case *structpb.Struct:
		return v.AsMap()
	case *structpb.Value:
		return v.AsInterface()
	case *structpb.ListValue:
		return v.AsSlice()
	case *wrapperspb.BoolValue, *wrapperspb.StringValue, *wrapperspb.BytesValue, *wrapperspb.Int32Value, *wrapperspb.Int64Value,
		*wrapperspb.UInt32Value, *wrapperspb.UInt64Value, *wrapperspb.FloatValue, *wrapperspb.DoubleValue:
		fd := m.Descriptor().Fields().Get(0)
		return leaf(fd, m.Get(fd))
	}
	out := map[string]any{}
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		name := string(fd.FullName())
		show := m.Has(fd) || slices.Contains(shownZeros, name)
		if name == httpWeight || name == l4Weight {
			show = show || weighed
		}
		if name == redirectingMode {
			show = show || !m.Get(m.Descriptor().Fields().ByName("https_redirect")).Bool()
		}
		if show {
			out[fd.JSONName()] = branch(fd, m.Get(fd))
		}
	}
	return out
}

func branch(fd protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch {
	case fd.IsMap():
		out := map[string]any{}
		v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			out[k.String()] = branch(fd.MapValue(), v)
			return true
		})
		return out
	case fd.IsList():
		weighed := false
		if d := fd.Message(); d != nil && (d.FullName() == "istio.networking.v1alpha3.HTTPRouteDestination" || d.FullName() == "istio.networking.v1alpha3.RouteDestination") {
			for i := range v.List().Len() {
				weighed = weighed || v.List().Get(i).Message().Get(d.Fields().ByName("weight")).Int() != 0
			}
		}
		out := []any{}
		for i := range v.List().Len() {
			if fd.Message() != nil {
				out = append(out, plainTree(v.List().Get(i).Message(), weighed))
			} else {
				out = append(out, leaf(fd, v.List().Get(i)))
			}
		}
		return out
	case fd.Message() != nil:
		return plainTree(v.Message(), false)
	}
	return leaf(fd, v)
}

func leaf(fd protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch fd.Kind() {
	case protoreflect.EnumKind:
		if fd.Enum().FullName() == "google.protobuf.NullValue" {
			return nil
		}
		return string(fd.Enum().Values().ByNumber(v.Enum()).Name())
	case protoreflect.BytesKind:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case protoreflect.BoolKind, protoreflect.StringKind:
		return v.Interface()
	case protoreflect.FloatKind:
		f, _ := strconv.ParseFloat(strconv.FormatFloat(v.Float(), 'g', -1, 32), 64)
		return f
	case protoreflect.DoubleKind:
		return v.Float()
	}
	f, _ := strconv.ParseFloat(v.String(), 64)
	return f
}

// likeOurs turns what Istio's marshaller printed of m into what we print: it adds the pinned zeros, and takes 64-bit
// integers out of their quotes. It touches nothing else.
func likeOurs(t *testing.T, m protoreflect.Message, theirs any, weighed bool) any {
	if m.Descriptor().FullName().Parent() == "google.protobuf" {
		switch m.Interface().(type) {
		case *wrapperspb.Int64Value, *wrapperspb.UInt64Value:
			return unquote(t, theirs)
		}
		return theirs
	}
	out := theirs.(map[string]any)
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		was, has := out[fd.JSONName()]
		if !has {
			ours := plainTree(m, weighed).(map[string]any)
			if zero, ok := ours[fd.JSONName()]; ok {
				require.False(t, m.Has(fd))
				out[fd.JSONName()] = zero
			}
			continue
		}
		switch v := m.Get(fd); {
		case fd.IsMap():
			for key, value := range was.(map[string]any) {
				if fd.MapValue().Message() != nil {
					v.Map().Range(func(k protoreflect.MapKey, mv protoreflect.Value) bool {
						if k.String() == key {
							was.(map[string]any)[key] = likeOurs(t, mv.Message(), value, false)
						}
						return true
					})
				}
			}
		case fd.IsList() && fd.Message() != nil:
			some := false
			if w := fd.Message().Fields().ByName("weight"); w != nil && (string(w.FullName()) == httpWeight || string(w.FullName()) == l4Weight) {
				for i := range v.List().Len() {
					some = some || v.List().Get(i).Message().Has(w)
				}
			}
			for i := range v.List().Len() {
				was.([]any)[i] = likeOurs(t, v.List().Get(i).Message(), was.([]any)[i], some)
			}
		case fd.IsList():
		case fd.Message() != nil:
			out[fd.JSONName()] = likeOurs(t, v.Message(), was, false)
		case fd.Kind() == protoreflect.Int64Kind || fd.Kind() == protoreflect.Uint64Kind:
			out[fd.JSONName()] = unquote(t, was)
		}
	}
	return out
}

func unquote(t *testing.T, v any) any {
	f, err := strconv.ParseFloat(v.(string), 64)
	require.NoError(t, err)
	return f
}

func generic(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(b, &v))
	return v
}

// requireFaithful proves that a message is printed as Istio prints it, but for the pinned exceptions; as the plain walk
// prints it; in the order of its .proto file; and that every reader gets it back.
func requireFaithful(t *testing.T, m proto.Message) {
	t.Helper()
	before := proto.Clone(m)
	ours := text(t, m)
	require.True(t, proto.Equal(before, m), "printing changed the message")
	again := text(t, m)
	require.Equal(t, ours, again)

	asJSON, err := sigs.YAMLToJSONStrict([]byte(ours))
	require.NoError(t, err, ours)
	got := generic(t, asJSON)
	plain, err := json.Marshal(plainTree(m.ProtoReflect(), false))
	require.NoError(t, err)
	require.Equal(t, generic(t, plain), got, ours)

	istio, err := m.(json.Marshaler).MarshalJSON()
	require.NoError(t, err)
	require.Equal(t, likeOurs(t, m.ProtoReflect(), generic(t, istio), false), got, ours)

	byStrict := m.ProtoReflect().New().Interface()
	require.NoError(t, protojson.Unmarshal(asJSON, byStrict), ours)
	require.True(t, proto.Equal(m, byStrict), ours)
	byIstio := m.ProtoReflect().New().Interface()
	require.NoError(t, byIstio.(json.Unmarshaler).UnmarshalJSON(asJSON), ours)
	require.True(t, proto.Equal(m, byIstio), ours)

	var node yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(ours), &node), ours)
	requireOrder(t, m.ProtoReflect().Descriptor(), node.Content[0])
	var v3 any
	require.NoError(t, node.Decode(&v3))
	requireSameJSON(t, got, v3)
	rnode, err := kyaml.Parse(ours)
	require.NoError(t, err)
	var k any
	require.NoError(t, rnode.YNode().Decode(&k))
	requireSameJSON(t, got, k)
}

func requireSameJSON(t *testing.T, want, got any) {
	t.Helper()
	b, err := json.Marshal(got)
	require.NoError(t, err)
	require.Equal(t, want, generic(t, b))
}

// requireOrder proves that fields are in the order in which the .proto file has them, and that maps are sorted.
func requireOrder(t *testing.T, d protoreflect.MessageDescriptor, n *yaml.Node) {
	t.Helper()
	if d.FullName().Parent() == "google.protobuf" {
		requireSorted(t, n)
		return
	}
	last := -1
	for i := 0; i < len(n.Content); i += 2 {
		fd := d.Fields().ByJSONName(n.Content[i].Value)
		require.NotNil(t, fd, n.Content[i].Value)
		require.Greater(t, fd.Index(), last, "%s is out of order", fd.FullName())
		last = fd.Index()
		value := n.Content[i+1]
		switch {
		case fd.IsMap():
			requireSorted(t, value)
			for j := 1; fd.MapValue().Message() != nil && j < len(value.Content); j += 2 {
				requireOrder(t, fd.MapValue().Message(), value.Content[j])
			}
		case fd.Message() != nil && fd.IsList():
			for _, item := range value.Content {
				requireOrder(t, fd.Message(), item)
			}
		case fd.Message() != nil:
			requireOrder(t, fd.Message(), value)
		}
	}
}

func requireSorted(t *testing.T, n *yaml.Node) {
	t.Helper()
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 2; i < len(n.Content); i += 2 {
		require.Less(t, n.Content[i-2].Value, n.Content[i].Value)
	}
}

func TestRandomMessages(t *testing.T) {
	for _, m := range printed() {
		t.Run(nameOfMessage(m), func(t *testing.T) {
			for seed := range int64(60) {
				requireFaithful(t, random(m, seed))
			}
			requireFaithful(t, m)
		})
	}
}

func FuzzObject(f *testing.F) {
	f.Add(int64(0), uint8(0), "a", "b: c")
	f.Add(int64(4), uint8(4), "no", "1e3\n")
	f.Add(int64(8), uint8(11), "", "\u2028")
	f.Fuzz(func(t *testing.T, seed int64, kind uint8, a, b string) {
		m := printed()[int(kind)%len(printed())].ProtoReflect().New()
		r := newFiller(seed)
		r.words = []string{strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?"), "c"}
		r.sure = seed%4 == 0
		r.fill(m, 4)
		requireFaithful(t, m.Interface())
	})
}
