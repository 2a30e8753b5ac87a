package manifest

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Every expression of the CRDs is judged, and no translation is left over from an older Istio.
func TestEveryExpressionIsTranslated(t *testing.T) {
	require.NotEmpty(t, crdExpressions)
	used := map[string]bool{}
	for _, rule := range crdExpressions {
		used[rule.expression] = true
		require.Contains(t, expressionRules, rule.expression,
			"istio.api %s brings an expression that decode_cel.go does not translate: %q", crdVersion, rule.message)
		require.NotEmpty(t, rule.message)
	}
	for expression := range expressionRules {
		require.True(t, used[expression], "no CRD has this expression any more: %s", expression)
	}
}

// The tables name things by strings: each must exist.
func TestTablesNameWhatExists(t *testing.T) {
	find := func(id string) (protoreflect.Descriptor, bool) {
		if d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(id)); err == nil {
			return d, true
		}
		full := protoreflect.FullName(id)
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(full.Parent())
		if err != nil {
			return nil, false
		}
		switch d := d.(type) {
		case protoreflect.MessageDescriptor:
			fd := d.Fields().ByJSONName(string(full.Name()))
			return fd, fd != nil
		case protoreflect.EnumDescriptor:
			v := d.Values().ByName(full.Name())
			return v, v != nil
		}
		return nil, false
	}
	for id, r := range crdMessages {
		d, ok := find(id)
		require.True(t, ok, id)
		if fd, isField := d.(protoreflect.FieldDescriptor); isField {
			d = fd.Message()
		}
		m := d.(protoreflect.MessageDescriptor)
		for _, name := range r.required {
			require.NotNil(t, m.Fields().ByJSONName(name), "%s: %s", id, name)
		}
		for _, g := range r.atMostOne {
			for _, name := range g.names {
				require.NotNil(t, m.Fields().ByJSONName(name), "%s: %s", id, name)
			}
		}
	}
	for id, r := range crdFields {
		_, ok := find(id)
		require.True(t, ok, id)
		for _, l := range []*limits{r.value, r.item} {
			if l != nil {
				_, err := regexp.Compile(l.pattern)
				require.NoError(t, err, id)
			}
		}
	}
	for id, minor := range firstVersions {
		_, ok := find(id)
		require.True(t, ok, id)
		require.Greater(t, minor, 24, id)
	}
	for _, table := range []map[string]bool{specMayBeNew, specMayOmit} {
		for id := range table {
			_, ok := find(id)
			require.True(t, ok, id)
		}
	}
	for id, json := range crdAliases {
		full := protoreflect.FullName(id)
		m, ok := find(string(full.Parent()))
		require.True(t, ok, id)
		require.NotNil(t, m.(protoreflect.MessageDescriptor).Fields().ByJSONName(json), id)
	}
}

func TestRules(t *testing.T) {
	for i, r := range Rules {
		require.Equal(t, fmt.Sprintf("VM%03d", 20+i), r.ID)
		require.NotEmpty(t, r.Doc, r.ID)
		require.NotEmpty(t, r.Long, r.ID)
		require.NotEqual(t, r.Bad, r.Good, r.ID)
	}
}
