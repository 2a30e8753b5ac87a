package schema

import (
	"encoding/json"
	"reflect"
	"slices"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// Unfinished reports what a spec asks for that this version does not emit yet (VM017), the top-most field of each such
// part. The spec is decoded and not yet defaulted: what was not said, or only says the default, is not reported; nor
// are the facts in `istio` and `networks`, which emit nothing by themselves.
func Unfinished(m *VMMesh) diag.List {
	var found diag.List
	unfinished(reflect.ValueOf(m).Elem(), rootField(), m.At, &found)
	return found
}

func unfinished(v reflect.Value, block *field, at diag.Path, found *diag.List) {
	plan := planOf(v.Type())
	for _, f := range block.fields {
		k := plan.byKey[f.name]
		if !f.later || k == nil || f.path == "spec.istio" || f.path == "spec.networks" {
			continue
		}
		value, place := v.Field(k.index), at.Key(f.name)
		switch {
		case f.status != "":
			if said(value, f) {
				*found = append(*found, ruleNoEffect.At(place, "%s has %s", f.name, f.status).Key())
			}
		case k.kind == blockKey:
			unfinished(value, f, place, found)
		case k.kind == blockPointerKey && !value.IsNil():
			unfinished(value.Elem(), f, place, found)
		case k.kind == blocksKey:
			for i := range value.Len() {
				item := value.Index(i)
				unfinished(item, f.items, atOf(item, k.block), found)
			}
		}
	}
}

func atOf(v reflect.Value, p *blockPlan) diag.Path {
	at, _ := v.Field(p.at).Interface().(diag.Path)
	return at
}

// said tells whether a field says more than its default.
func said(v reflect.Value, f *field) bool {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return false
		}
		switch {
		case v.Type().Implements(messageType):
			return true
		case v.Elem().Kind() == reflect.Struct:
			return said(v.Elem(), f)
		}
		return !equalsDefault(v.Elem(), f.std) // false and 0 say something here
	case reflect.Struct:
		plan := planOf(v.Type())
		for _, p := range f.fields {
			if k := plan.byKey[p.name]; k != nil && said(v.Field(k.index), p) {
				return true
			}
		}
		return false
	case reflect.Slice, reflect.Map:
		if texts, ok := v.Interface().([]string); ok && f.std != nil && !f.overrides() {
			return len(texts) > 0 && !slices.Equal(texts, textsOf(f.std))
		}
		return v.Len() > 0
	}
	if v.IsZero() {
		return false
	}
	return f.overrides() || !equalsDefault(v, f.std)
}

func textsOf(std any) []string {
	var all []string
	for _, item := range std.([]any) {
		all = append(all, item.(string))
	}
	return all
}

// equalsDefault compares a text, number or boolean with a default of the schema.
func equalsDefault(v reflect.Value, std any) bool {
	switch std := std.(type) {
	case string:
		return v.Kind() == reflect.String && v.String() == std
	case bool:
		return v.Kind() == reflect.Bool && v.Bool() == std
	case json.Number:
		i, err := std.Int64()
		return err == nil && v.Kind() == reflect.Int && v.Int() == i
	}
	return false
}
