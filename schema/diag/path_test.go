package diag

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPathString(t *testing.T) {
	root := Root(&Source{Name: "vmmesh.yaml"})
	for want, p := range map[string]Path{
		"":              nil,
		"spec":          root.Key("spec"),
		"spec.istio":    root.Key("spec").Key("istio"),
		"workloads[0]":  root.Key("workloads").Item(0, ""),
		"items[12].x":   root.Key("items").Item(12, "").Key("x"),
		"a[0][1]":       root.Key("a").Item(0, "").Item(1, ""),
		`a["x.y/z"].b`:  root.Key("a").Key("x.y/z").Key("b"),
		`a[""]`:         root.Key("a").Key(""),
		`["two words"]`: root.Key("two words"),
		"spec.workloads[payment-service].groups[v1].network": root.Key("spec").Key("workloads").
			Item(3, "payment-service").Key("groups").Item(0, "v1").Key("network"),
	} {
		require.Equal(t, want, p.String())
	}
	require.Empty(t, root.String())
}

func TestPathSteps(t *testing.T) {
	source := &Source{Name: "vmmesh.yaml"}
	root := Root(source)
	spec := root.Key("spec")
	item := spec.Key("workloads").Item(2, "pay")

	steps := item.Steps()
	require.Len(t, steps, 3)
	require.Equal(t, "spec", steps[0].LastKey())
	require.Equal(t, "workloads", steps[1].LastKey())
	require.Equal(t, -1, steps[1].LastIndex())
	require.False(t, steps[1].IsItem())
	require.True(t, steps[2].IsItem())
	require.Equal(t, 2, steps[2].LastIndex())
	require.Empty(t, steps[2].LastKey())
	require.Same(t, item, steps[2])

	require.Same(t, source, item.Source())
	require.Same(t, source, root.Source())
	require.True(t, root.IsRoot())
	require.False(t, spec.IsRoot())
	require.Same(t, root, spec.Parent())
	require.Nil(t, root.Parent())
}

func TestNowhere(t *testing.T) {
	var p Path
	require.Nil(t, p.Source())
	require.Nil(t, p.Parent())
	require.Empty(t, p.Steps())
	require.False(t, p.IsRoot())
	require.False(t, p.IsItem())
	require.Equal(t, Pos{}, Diagnostic{At: p}.Pos())
}

// A child does not change its parent, so one parent can have many.
func TestPathsAreImmutable(t *testing.T) {
	ports := Root(&Source{}).Key("ports")
	first, second := ports.Item(0, "http"), ports.Item(1, "grpc")
	require.Equal(t, "ports[http]", first.String())
	require.Equal(t, "ports[grpc]", second.String())
	require.Equal(t, "ports", ports.String())
}
