package schema

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// complete is the whole sample of the API's contract.
func complete(t testing.TB) []byte {
	t.Helper()
	src, err := os.ReadFile("testdata/complete.yaml")
	require.NoError(t, err)
	return src
}

func TestTheCompleteSampleIsFine(t *testing.T) {
	d := parseOne(t, string(complete(t)))
	require.Empty(t, d.Validate())
	require.Empty(t, d.judge(), "jsonschema agrees")
	m, findings := d.Decode()
	require.Empty(t, findings)
	Default(m)
	require.Equal(t, "payments", m.Metadata.Name)
	require.Len(t, m.Spec.Workloads[0].Groups[0].Instances, 2)
}

func TestJSONSchemaIsServedAsItStands(t *testing.T) {
	onDisk, err := os.ReadFile("vmmesh.schema.json")
	require.NoError(t, err)
	served := JSONSchema()
	require.Equal(t, string(onDisk), string(served))
	served[0] = 'x'
	require.Equal(t, byte('{'), JSONSchema()[0], "the caller's copy is the caller's")

	var doc struct {
		Schema string `json:"$schema"`
		ID     string `json:"$id"`
	}
	require.NoError(t, json.Unmarshal(onDisk, &doc))
	require.Equal(t, schemaURL, doc.ID)
	require.Equal(t, "http://json-schema.org/draft-07/schema#", doc.Schema, "what editors know best")
}

// The reader of the schema knows no faults: it must read what the standard library reads.
func TestReadOrdered(t *testing.T) {
	var want any
	d := json.NewDecoder(strings.NewReader(string(schemaJSON)))
	d.UseNumber()
	require.NoError(t, d.Decode(&want))
	require.Equal(t, want, unordered(readOrdered(string(schemaJSON))))

	require.Equal(t, object{{"b", []any{json.Number("1"), true, nil}}, {"a", "\"\\ü\n"}}, readOrdered(`{"b": [1, true, null], "a": "\"\\\u00fc\n"}`))
	for _, broken := range []string{"", "{", `{"a"`, `{"a":`, "[", `"`, `"\`, "[1,", "}"} {
		require.NotPanics(t, func() { readOrdered(broken) }, broken)
	}
}

func unordered(v any) any {
	switch v := v.(type) {
	case object:
		m := map[string]any{}
		for _, e := range v {
			m[e.key] = unordered(e.value)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i := range v {
			l[i] = unordered(v[i])
		}
		return l
	}
	return v
}

// Every key of the types is in the schema and the other way round, with the same shape.
func TestSchemaAndTypesAgree(t *testing.T) {
	agree(t, rootField(), reflect.TypeFor[VMMesh]())
}

func agree(t *testing.T, f *field, typ reflect.Type) {
	var keys []string
	plan := planOf(typ)
	require.GreaterOrEqual(t, plan.at, 0, "%s does not have an At", typ)
	for key := range plan.byKey {
		keys = append(keys, key)
	}
	require.ElementsMatch(t, keys, f.names(), "%s and %s", where(f.path), typ)
	for _, p := range f.fields {
		k := plan.byKey[p.name]
		switch k.kind {
		case textKey:
			require.True(t, p.is("string"), p.path)
		case intKey, intPointerKey:
			require.Equal(t, []string{"integer"}, p.types, p.path)
		case boolKey, boolPointerKey:
			require.Equal(t, []string{"boolean"}, p.types, p.path)
			require.Equal(t, k.kind == boolPointerKey, p.std == true, "%s: a pointer, if and only if it is on by default", p.path)
		case textMapKey:
			require.NotNil(t, p.values, p.path)
			require.Equal(t, []string{"string"}, p.values.types, p.path)
		case textsKey:
			require.True(t, p.items.is("string"), p.path)
		case intsKey:
			require.Equal(t, []string{"integer"}, p.items.types, p.path)
		case blockKey:
			agree(t, p, k.above)
		case blockPointerKey:
			agree(t, p, k.above.Elem())
		case blocksKey:
			agree(t, p.items, k.above.Elem())
			require.Equal(t, p.items.byName["name"] != nil, p.keyed, "%s: keyed, if and only if items have a name", p.path)
		case messageKey:
			require.Equal(t, protoName(k.above), protoNames.Replace(p.istio), p.path)
		case messagesKey:
			require.Equal(t, protoName(k.above.Elem()), protoNames.Replace(p.items.istio), p.path)
		}
	}
}

func protoName(t reflect.Type) string {
	return string(reflect.New(t.Elem()).Interface().(proto.Message).ProtoReflect().Descriptor().FullName())
}

func TestEveryFieldIsDescribed(t *testing.T) {
	count := 0
	rootField().walk(func(f *field) {
		if f.name == "" {
			return // an item or a value: the list describes it
		}
		count++
		require.NotEmpty(t, f.doc, f.path)
		require.True(t, strings.HasSuffix(f.doc, "."), "%s: a sentence ends in a full stop", f.path)
		require.True(t, !f.required || strings.Contains(f.doc, "Required") || f.fields != nil, "%s: says Required where it is", f.path)
		if len(f.fields) == 0 {
			require.True(t, len(f.examples) > 0 || len(f.words) > 0 || f.std != nil, "%s: no example, enum or default", f.path)
		}
		if f.pattern != nil {
			require.NotEmpty(t, f.form, "%s: a pattern in words", f.path)
		}
	})
	require.Greater(t, count, 200)
}

func TestEveryNumberHasLimits(t *testing.T) {
	rootField().walk(func(f *field) {
		if f.is("integer") {
			require.NotNil(t, f.min, f.path)
			require.NotNil(t, f.max, f.path)
		}
	})
}

// Keyed lists are those that the contract names, and closed blocks are all but the free maps.
func TestKeyedLists(t *testing.T) {
	var keyed []string
	rootField().walk(func(f *field) {
		if f.keyed {
			keyed = append(keyed, f.name)
			require.True(t, f.items.byName["name"].required, f.path)
		}
	})
	slices.Sort(keyed)
	require.Equal(t, []string{
		"allow", "deny", "env", "env", "externalServices", "groups", "instances", "networks", "open", "open", "ports", "ports", "ports", "ports",
		"revisions", "services", "subsets", "workloads",
	}, keyed)
}

func TestExamplesAreRight(t *testing.T) {
	rootField().walk(func(f *field) {
		for _, e := range f.examples {
			text := blockYAML(e, 0)
			docs, findings := syntax.Read("example", []byte(text))
			require.Empty(t, findings, "%s:\n%s", f.path, text)
			n := docs[0].Root
			require.Equal(t, jsonOf(t, unordered(e)), jsonOf(t, n.Plain()), "%s is printed as it is", f.path)
			flow, findings := syntax.Read("example", []byte("x: "+flowYAML(e)))
			require.Empty(t, findings, f.path)
			require.Equal(t, jsonOf(t, unordered(e)), jsonOf(t, flow[0].Root.Get("x").Plain()), "%s on one line", f.path)
			if !(len(n.Fields) == 0 && f.closed()) {
				require.True(t, f.fits(n), "%s: %s", f.path, text)
			}
			switch {
			case f.istio != "":
				require.Empty(t, decodeExample(t, f.istio, n), f.path)
			case f.items != nil && f.items.istio != "":
				for i := range n.Items {
					require.Empty(t, decodeExample(t, f.items.istio, &n.Items[i]), f.path)
				}
			}
		}
		if f.std != nil {
			docs, findings := syntax.Read("default", []byte("x: "+flowYAML(f.std)))
			require.Empty(t, findings, f.path)
			require.True(t, f.fits(docs[0].Root.Get("x")), "%s: default %v", f.path, f.std)
		}
	})
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func decodeExample(t *testing.T, istioType string, n *syntax.Node) diag.List {
	t.Helper()
	typ, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(protoNames.Replace(istioType)))
	require.NoError(t, err)
	return manifest.Decode(n, typ.New().Interface(), diag.Root(&diag.Source{Name: "example"}), "1.31.1")
}

func TestScalarYAML(t *testing.T) {
	for in, want := range map[string]string{
		"pay": "pay", "1.31.1": "1.31.1", "10.0.0.0/8": "10.0.0.0/8", "/metrics": "/metrics", "https://a.b/c": "https://a.b/c",
		"": `""`, "1.0": `"1.0"`, "5": `"5"`, "true": "\"true\"", "Yes": `"Yes"`, "a: b": `"a: b"`, "*": `"*"`, ".": `"."`, "-": `"-"`,
		"1e3": `"1e3"`, "0x1f": `"0x1f"`, "null": `"null"`, "~": `"~"`, "a,b": `"a,b"`, "22.4": `"22.4"`, "1-30": "1-30",
	} {
		require.Equal(t, want, scalarYAML(in))
		docs, findings := syntax.Read("x", []byte("x: "+scalarYAML(in)))
		require.Empty(t, findings)
		require.Equal(t, in, docs[0].Root.Get("x").Plain(), "%q is read back as itself", in)
	}
}

func TestRulesAreInOrderAndTheirExamplesHold(t *testing.T) {
	require.True(t, slices.IsSortedFunc(Rules, func(a, b *diag.Rule) int { return strings.Compare(a.ID, b.ID) }))
	for _, r := range Rules {
		require.NotEmpty(t, r.Doc, r.ID)
		require.NotEmpty(t, r.Long, r.ID)
		if r.ID < "VM010" || r.ID > "VM015" {
			continue // judged elsewhere
		}
		require.Contains(t, rulesOf(t, r.Bad), r.ID, "the bad example draws its finding")
		require.Empty(t, rulesOf(t, r.Good), "%s: the good example draws none", r.ID)
	}
}

func rulesOf(t *testing.T, spec string) []string {
	t.Helper()
	d := parseOne(t, specOf(spec))
	findings := d.Validate()
	_, more := d.Decode()
	var ids []string
	for _, f := range slices.Concat(findings, more) {
		ids = append(ids, f.Rule)
	}
	return ids
}
