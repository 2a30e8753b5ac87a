package schema

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// The short way and the validator must agree on everything: here on the complete sample, with each value of it
// replaced by others, each key taken away, and keys added.
func TestFitsAgreesWithTheValidator(t *testing.T) {
	d := parseOne(t, string(complete(t)))
	header := map[string]bool{"apiVersion": true, "kind": true}
	tried, refused := 0, 0
	compare := func(path diag.Path) {
		tried++
		fits, findings := rootField().fits(d.Root), d.judge()
		require.Equal(t, fits, len(findings) == 0, "at %s: %v", path, findings)
		if !fits {
			refused++
		}
	}
	text := func(s string) syntax.Node { return syntax.Node{Kind: syntax.String, Value: s} }
	number := func(s string) syntax.Node { return syntax.Node{Kind: syntax.Int, Value: s} }
	seq := func(items ...syntax.Node) syntax.Node { return syntax.Node{Kind: syntax.Seq, Items: items} }
	mapping := func(key string, value syntax.Node) syntax.Node {
		return syntax.Node{Kind: syntax.Map, Fields: []syntax.Field{{Key: key, Value: value}}}
	}
	others := []syntax.Node{
		{Kind: syntax.Null}, text(""), text("x"), text("No Name"), text("STRICT"), text("1.31.1"), text("*"),
		number("0"), number("1"), number("70000"), number("99999999999999999999"), {Kind: syntax.Float, Value: "1.5"}, {Kind: syntax.Float, Value: ".inf"},
		{Kind: syntax.Bool, Value: "true"},
		seq(), seq(syntax.Node{}), seq(text("")), seq(text("x")), seq(number("5")), seq(syntax.Node{Kind: syntax.Map}), seq(mapping("name", text("x"))),
		{Kind: syntax.Map}, mapping("name", text("x")), mapping("type", text("None")), mapping("x", syntax.Node{}), mapping("x", text("")), mapping("x", number("1")),
	}
	var walk func(n *syntax.Node, f *field, at diag.Path)
	walk = func(n *syntax.Node, f *field, at diag.Path) {
		if f == nil || f.istio != "" && at.LastKey() == "" {
			return
		}
		before := *n
		for _, other := range others {
			*n = other
			compare(at)
		}
		*n = before
		switch n.Kind {
		case syntax.Map:
			for i := range before.Fields {
				if at.IsRoot() && header[before.Fields[i].Key] {
					continue
				}
				n.Fields = slices.Delete(slices.Clone(before.Fields), i, i+1)
				compare(at.Key(before.Fields[i].Key))
			}
			n.Fields = append(slices.Clone(before.Fields), syntax.Field{Key: "surplus", Value: text("x")})
			compare(at.Key("surplus"))
			n.Fields = before.Fields
			for i := range n.Fields {
				key := n.Fields[i].Key
				next := f.byName[key]
				if next == nil {
					next = f.values
				}
				if !(at.IsRoot() && header[key]) {
					walk(&n.Fields[i].Value, next, at.Key(key))
				}
			}
		case syntax.Seq:
			for i := range n.Items {
				walk(&n.Items[i], f.items, at.Item(i, ""))
			}
		}
	}
	compare(d.At)
	walk(d.Root, rootField(), d.At)
	require.Greater(t, tried, 5000)
	require.Greater(t, refused, tried/4)
	require.Greater(t, tried-refused, tried/10)
}

// What the contract calls unset passes the schema itself, as editors see it, wherever a field is optional: null and ""
// for a scalar, null and {} for a block, null and [] for a list.
func TestTheSchemaTakesWhatIsUnset(t *testing.T) {
	d := parseOne(t, string(complete(t)))
	tried := 0
	var walk func(n *syntax.Node, f *field, path string)
	walk = func(n *syntax.Node, f *field, path string) {
		for i := range n.Fields {
			p := f.byName[n.Fields[i].Key]
			if p == nil {
				continue
			}
			value := &n.Fields[i].Value
			before := *value
			if !p.required {
				kinds := []syntax.Node{{Kind: syntax.Null}}
				switch {
				case p.is("object"):
					kinds = append(kinds, syntax.Node{Kind: syntax.Map})
				case p.is("array"):
					kinds = append(kinds, syntax.Node{Kind: syntax.Seq})
				default:
					kinds = append(kinds, syntax.Node{Kind: syntax.String})
				}
				for _, unset := range kinds {
					*value = unset
					tried++
					require.NoError(t, compiled().Validate(d.Root.Plain()), "%s as %s", p.path, unset.Kind)
					require.False(t, d.Validate().HasErrors(), "%s as %s", p.path, unset.Kind)
				}
				*value = before
			}
			walk(value, p, p.path)
		}
		for i := range n.Items {
			if f.items != nil {
				walk(&n.Items[i], f.items, path)
			}
		}
	}
	require.NoError(t, compiled().Validate(d.Root.Plain()), "the sample as editors see it")
	walk(d.Root, rootField(), "")
	require.Greater(t, tried, 250)
}
