package schema

import (
	"path"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// protoNames are the packages of Istio's types: its CRDs say v1, its protobuf files an older version.
var protoNames = strings.NewReplacer(
	"istio.networking.v1.", "istio.networking.v1alpha3.",
	"istio.security.v1.", "istio.security.v1beta1.",
	"istio.telemetry.v1.", "istio.telemetry.v1alpha1.",
)

// crdNames turn protobuf names back into what CRDs say.
var crdNames = strings.NewReplacer(
	"istio.networking.v1alpha3.", "istio.networking.v1.",
	"istio.security.v1beta1.", "istio.security.v1.",
	"istio.telemetry.v1alpha1.", "istio.telemetry.v1.",
)

// descriptor finds the message of an x-istio-type; nil for a name that is none.
func descriptor(istioType string) protoreflect.MessageDescriptor {
	t, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(protoNames.Replace(istioType)))
	if err != nil {
		return nil
	}
	return t.Descriptor()
}

// pages are the pages of Istio's reference, by protobuf file; the others are called as their file.
var pages = map[string]string{
	"mesh/v1alpha1/config.proto":                    "istio.mesh.v1alpha1/",
	"mesh/v1alpha1/proxy.proto":                     "istio.mesh.v1alpha1/",
	"mesh/v1alpha1/network.proto":                   "istio.mesh.v1alpha1/",
	"networking/v1beta1/proxy_config.proto":         "networking/proxy-config/",
	"telemetry/v1alpha1/telemetry.proto":            "telemetry/",
	"security/v1beta1/authorization_policy.proto":   "security/authorization-policy/",
	"security/v1beta1/request_authentication.proto": "security/request_authentication/",
	"type/v1beta1/selector.proto":                   "type/workload-selector/",
}

// istioPage says where Istio describes a type.
func istioPage(istioType string) string {
	m := descriptor(istioType)
	if m == nil {
		return ""
	}
	return "Istio describes it at " + pageOf(m) + "."
}

func pageOf(m protoreflect.MessageDescriptor) string {
	const reference = "https://istio.io/latest/docs/reference/config/"
	file := m.ParentFile().Path()
	if page, ok := pages[file]; ok {
		return reference + page
	}
	name := strings.TrimSuffix(path.Base(file), ".proto")
	return reference + strings.Split(file, "/")[0] + "/" + strings.ReplaceAll(name, "_", "-") + "/"
}

// istioFields lists the fields of a message.
func istioFields(istioType, above string) []FieldDoc {
	m := descriptor(istioType)
	if m == nil {
		return nil
	}
	var docs []FieldDoc
	for i := range m.Fields().Len() {
		docs = append(docs, istioField(m.Fields().Get(i), above))
	}
	return docs
}

// istioField is the reference of a field of a message, without the fields in it.
func istioField(f protoreflect.FieldDescriptor, above string) FieldDoc {
	d := FieldDoc{Name: f.JSONName(), Path: strings.TrimPrefix(above+"."+f.JSONName(), "."), Type: istioTypeName(f)}
	value := f
	if f.IsMap() {
		value = f.MapValue()
	}
	if e := value.Enum(); e != nil {
		for i := range e.Values().Len() {
			d.Allowed = append(d.Allowed, string(e.Values().Get(i).Name()))
		}
	}
	if m := value.Message(); m != nil {
		d.Form = wellKnownForms[m.FullName()]
	}
	d.Description = "A field of Istio's " + crdNames.Replace(string(f.ContainingMessage().FullName())) + "."
	if o := f.ContainingOneof(); o != nil && !o.IsSynthetic() {
		var others []string
		for i := range o.Fields().Len() {
			if other := o.Fields().Get(i); other != f {
				others = append(others, other.JSONName())
			}
		}
		if len(others) > 0 {
			d.Description += " It is used alone: not beside " + either(others) + "."
		}
	}
	return d
}

// wellKnown are the protobuf types that have a form of their own in YAML.
var wellKnown = map[protoreflect.FullName]string{
	"google.protobuf.Duration":    "duration",
	"google.protobuf.Timestamp":   "time",
	"google.protobuf.Struct":      "object",
	"google.protobuf.Value":       "any value",
	"google.protobuf.ListValue":   "list of any value",
	"google.protobuf.BoolValue":   "boolean",
	"google.protobuf.StringValue": "string",
	"google.protobuf.Int32Value":  "integer",
	"google.protobuf.Int64Value":  "integer",
	"google.protobuf.UInt32Value": "integer",
	"google.protobuf.UInt64Value": "integer",
	"google.protobuf.FloatValue":  "number",
	"google.protobuf.DoubleValue": "number",
}

var wellKnownForms = map[protoreflect.FullName]string{
	"google.protobuf.Duration":  "a number of seconds, minutes or hours with its unit, such as 1.5s, 10m or 1h",
	"google.protobuf.Timestamp": "a time as RFC 3339 has it, such as 2026-01-31T12:00:00Z",
}

func istioTypeName(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return "map of " + singleTypeName(f.MapValue())
	case f.IsList():
		return "list of " + singleTypeName(f)
	}
	return singleTypeName(f)
}

func singleTypeName(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return "boolean"
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.EnumKind:
		return "string"
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return "number"
	case protoreflect.MessageKind, protoreflect.GroupKind:
		if name, ok := wellKnown[f.Message().FullName()]; ok {
			return name
		}
		return crdNames.Replace(string(f.Message().FullName()))
	}
	return "integer"
}

// inside is the message in which the fields of f are; nil where there are none of ours to list.
func inside(f protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	if f.IsMap() {
		f = f.MapValue()
	}
	m := f.Message()
	if m == nil {
		return nil
	}
	if _, ok := wellKnown[m.FullName()]; ok {
		return nil
	}
	return m
}

// followIstio goes from an Istio block of ours along keys, as far as there are fields. It answers the last field (nil
// where not even the first key is one), the path to it, the message that the next key would be in, and what is left.
func followIstio(f *field, keys []string) (last protoreflect.FieldDescriptor, above string, m protoreflect.MessageDescriptor, rest []string) {
	above, m = f.path+listMark(f), descriptor(f.block().istio)
	for len(keys) > 0 && m != nil {
		next := m.Fields().ByJSONName(keys[0])
		if next == nil {
			next = m.Fields().ByTextName(keys[0])
		}
		if next == nil {
			break
		}
		if last != nil {
			above += "." + last.JSONName()
			if last.IsList() {
				above += "[]"
			}
		}
		last, m, keys = next, inside(next), keys[1:]
		if last.IsMap() && len(keys) > 0 && (m == nil || m.Fields().ByJSONName(keys[0]) == nil) {
			keys = keys[1:] // the map's own key
		}
	}
	return last, above, m, keys
}

func explainIstio(f *field, keys []string) (FieldDoc, bool) {
	last, above, m, rest := followIstio(f, keys)
	if last == nil || len(rest) > 0 {
		return FieldDoc{}, false
	}
	d := istioField(last, above)
	d.Description += " Istio describes it at " + pageOf(last.ContainingMessage()) + "."
	if m == nil {
		return d, true
	}
	below := d.Path
	if last.IsList() {
		below += "[]"
	}
	for i := range m.Fields().Len() {
		d.Fields = append(d.Fields, istioField(m.Fields().Get(i), below))
	}
	return d, true
}

// nearIstio suggests a path inside a block of Istio's.
func nearIstio(f *field, keys []string) []string {
	last, above, m, rest := followIstio(f, keys)
	if m == nil || len(rest) == 0 {
		return nil
	}
	var names []string
	for i := range m.Fields().Len() {
		names = append(names, m.Fields().Get(i).JSONName())
	}
	name := diag.Nearest(rest[0], names)
	if name == "" {
		return nil
	}
	if last != nil {
		above += "." + last.JSONName()
		if last.IsList() {
			above += "[]"
		}
	}
	return []string{above + "." + name}
}
