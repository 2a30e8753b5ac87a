package gen

import (
	"bytes"
	"encoding/json"
	"math"
)

// closedSchema is a JSON Schema of one kind, compact, for objects that are about to be applied: every object is closed
// but for the free-form ones, and there is no status. apiVersions holds the served versions.
func closedSchema(c crd) ([]byte, error) {
	var versions []any
	for _, v := range c.Spec.Versions {
		if v.Served {
			versions = append(versions, c.Spec.Group+"/"+v.Name)
		}
	}
	root := map[string]any{
		"$schema":  "http://json-schema.org/draft-07/schema#",
		"type":     "object",
		"required": []any{"apiVersion", "kind", "metadata", "spec"},
		"properties": map[string]any{
			"apiVersion": map[string]any{"enum": versions},
			"kind":       map[string]any{"const": c.Spec.Names.Kind},
			"metadata":   map[string]any{"type": "object"}, // schema/crds judges metadata for all kinds alike
			"spec":       closed(c.best().spec()),
		},
		"additionalProperties": false,
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(root); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// closed turns a structural schema into a JSON Schema.
func closed(s *schema) map[string]any {
	out := map[string]any{}
	switch {
	case s.IntOrString:
		out["type"] = []any{"integer", "string"}
	case s.Type != "" && s.Nullable:
		out["type"] = []any{s.Type, "null"}
	case s.Type != "":
		out["type"] = s.Type
	}
	if s.Properties != nil {
		props := map[string]any{}
		for name, p := range s.Properties {
			props[name] = closed(p)
		}
		out["properties"] = props
	}
	switch {
	case s.AdditionalProperties != nil:
		out["additionalProperties"] = closed(s.AdditionalProperties)
	case s.Type == "object" && !s.Preserve:
		out["additionalProperties"] = false
	}
	if s.Items != nil {
		out["items"] = closed(s.Items)
	}
	if s.Required != nil {
		out["required"] = s.Required
	}
	if s.Enum != nil {
		words := make([]any, 0, len(s.Enum)+1)
		for _, w := range s.Enum {
			words = append(words, w)
		}
		if s.Nullable {
			words = append(words, nil)
		}
		out["enum"] = words
	}
	number := func(key string, v *float64) {
		if v != nil {
			out[key] = *v
		}
	}
	number("minimum", s.Minimum)
	number("maximum", s.Maximum)
	if s.Format == "int32" {
		if s.Minimum == nil {
			out["minimum"] = math.MinInt32
		}
		if s.Maximum == nil {
			out["maximum"] = math.MaxInt32
		}
	}
	if s.Format == "byte" {
		out["pattern"] = `^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$`
	}
	count := func(key string, v *int) {
		if v != nil {
			out[key] = *v
		}
	}
	count("minLength", s.MinLength)
	count("maxLength", s.MaxLength)
	count("minItems", s.MinItems)
	count("maxItems", s.MaxItems)
	count("minProperties", s.MinProperties)
	count("maxProperties", s.MaxProperties)
	if s.Pattern != "" {
		out["pattern"] = s.Pattern
	}
	branches := func(key string, list []*schema) {
		if list == nil {
			return
		}
		all := make([]any, len(list))
		for i, b := range list {
			all[i] = closed(b)
		}
		out[key] = all
	}
	branches("oneOf", s.OneOf)
	branches("anyOf", s.AnyOf)
	branches("allOf", s.AllOf)
	if s.Not != nil {
		out["not"] = closed(s.Not)
	}
	return out
}
