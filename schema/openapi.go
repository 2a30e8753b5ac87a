package schema

import "encoding/json"

// OpenAPI is the file for a kustomization's `openapi:` field: what kustomize needs to merge patches into a VMMesh by
// the names of its items. It replaces kustomize's whole built-in schema, so it belongs only into a kustomization
// that patches specs. The bytes are the same in every run.
func OpenAPI() []byte {
	vmmesh := openAPI(rootField())
	vmmesh["x-kubernetes-group-version-kind"] = []any{
		map[string]any{"group": "vmmesh.dev", "version": "v1alpha1", "kind": KindVMMesh},
	}
	file := map[string]any{"definitions": map[string]any{"dev.vmmesh.v1alpha1.VMMesh": vmmesh}}
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		panic("schema: " + err.Error()) // maps, lists and strings have a JSON form
	}
	return append(text, '\n')
}

// openAPI is the shape of a field: types, and the merge keys of keyed lists. A list without one is replaced whole.
func openAPI(f *field) map[string]any {
	o := map[string]any{}
	switch {
	case f.istio != "":
		o["type"] = "object"
	case f.items != nil:
		o["type"] = "array"
		o["items"] = openAPI(f.items)
		if f.keyed {
			o["x-kubernetes-list-map-keys"] = []string{"name"}
			o["x-kubernetes-list-type"] = "map"
			o["x-kubernetes-patch-merge-key"] = "name"
			o["x-kubernetes-patch-strategy"] = "merge"
		}
	case f.values != nil:
		o["type"] = "object"
		o["additionalProperties"] = openAPI(f.values)
	case f.byName != nil:
		o["type"] = "object"
		properties := map[string]any{}
		for _, p := range f.fields {
			properties[p.name] = openAPI(p)
		}
		o["properties"] = properties
	case len(f.types) == 1:
		o["type"] = f.types[0]
	default:
		o["x-kubernetes-int-or-string"] = true
	}
	return o
}
