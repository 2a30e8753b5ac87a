package schema

import _ "embed"

//go:embed vmmesh.schema.json
var schemaJSON []byte

// schemaURL is the schema's own address, its $id. Nothing is fetched from there.
const schemaURL = "https://vmmesh.dev/schema/v1alpha1.json"

// JSONSchema is the JSON Schema (draft 7) of a VMMesh, as editors and other validators take it. Its own keywords:
// x-istio-type names the Istio message that a block is (a strict decoder judges those), x-vmmesh-form says a pattern
// in words. The caller may keep and change the bytes.
func JSONSchema() []byte { return append([]byte(nil), schemaJSON...) }
