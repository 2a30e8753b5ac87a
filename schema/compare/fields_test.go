package compare

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

func read(t testing.TB, text string) *syntax.Node {
	t.Helper()
	docs, findings := syntax.Read("test", []byte(text))
	require.Empty(t, findings)
	require.Len(t, docs, 1)
	return docs[0].Root
}

func TestFields(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"nothing", `{a: 1}`, `{a: 1}`, ``},
		{"the order of keys is none", `{a: 1, b: 2}`, `{b: 2, a: 1}`, ``},
		{"null is nothing", `{a: null}`, `{b: null}`, ``},
		{"null in a list is something", `{a: [null, 1]}`, `{a: [1]}`, `- a[0]: null`},
		{"quotes are no difference", `{a: x}`, `{a: "x"}`, ``},
		{"text is not a number", `{a: "1"}`, `{a: 1}`, `a: "1" → 1`},
		{"text is not a boolean", `{a: "true"}`, `{a: true}`, `a: "true" → true`},
		{"notations of a number", `{a: 16, b: 1}`, `{a: 0x10, b: 1.0}`, ``},
		{"large numbers keep their digits", `{a: 9007199254740993}`, `{a: 9007199254740992}`, `a: 9007199254740993 → 9007199254740992`},
		{"added and removed", `{a: 1}`, `{b: {c: d}}`, "- a: 1\n+ b: {c: d}"},
		{"an empty map is not nothing", `{a: {}}`, `{}`, `: {a: {}} → {}`},
		{"nor is an empty list", `{x: 1, a: []}`, `{x: 1}`, `- a: []`},
		{"a map that gets its first field", `{a: {}}`, `{a: {b: 1}}`, `a: {} → {b: 1}`},
		{"kinds", `{a: [1]}`, `{a: {b: 1}}`, `a: [1] → {b: 1}`},
		{"empty things of two kinds", `{a: {}, b: [], c: {}}`, `{a: [], b: "", c: x}`, "a: {} → []\nb: [] → \"\"\nc: {} → x"},
		{"a number is not a name", `{l: [{name: 1, x: 1}]}`, `{l: [{name: 1, x: 2}]}`, `l[0].x: 1 → 2`},
		{"keys that need quotes", `{a: {"topology.istio.io/network": x}}`, `{a: {"topology.istio.io/network": "y"}}`, `a["topology.istio.io/network"]: x → "y"`},
		{"items by name", `{l: [{name: a, x: 1}, {name: b, x: 2}]}`, `{l: [{name: b, x: 3}, {name: c}]}`,
			"- l[a]: {name: a, x: 1}\nl[b].x: 2 → 3\n+ l[c]: {name: c}"},
		{"named items in another order", `{l: [{name: a}, {name: b}, {name: c}]}`, `{l: [{name: c}, {name: a}, {name: d}]}`,
			"- l[b]: {name: b}\n+ l[d]: {name: d}\nl: in another order: [a, b, c] → [c, a, d]"},
		{"a name twice does not name an item", `{l: [{name: a}, {name: a, x: 1}]}`, `{l: [{name: a, x: 1}]}`, `- l[0]: {name: a}`},
		{"items by their order", `{l: [a, b, c]}`, `{l: [a, c, d]}`, "- l[1]: b\n+ l[2]: d"},
		{"one in front changes no other", `{l: [{a: 1}, {a: 2}]}`, `{l: [{a: 0}, {a: 1}, {a: 2}]}`, `+ l[0]: {a: 0}`},
		{"one that changed", `{l: [{a: 1}, {a: 2, b: 2}, {a: 3}]}`, `{l: [{a: 1}, {a: 2, b: 5}, {a: 3}]}`, `l[1].b: 2 → 5`},
		{"one that changed beside one that came", `{l: [{a: 1}, {a: 2}, {a: 3}]}`, `{l: [{a: 1}, {a: 9}, {a: 8}, {a: 3}]}`, "l[1].a: 2 → 9\n+ l[2]: {a: 8}"},
		{"long values are cut", `{a: 1}`, `{a: "` + strings.Repeat("x", 300) + `"}`, `a: 1 → ` + strings.Repeat("x", 120) + "…"},
		{"a terminal is safe", `{"a\e[31m": 1}`, `{"a\e[31m": "\e[2J"}`, `["a\x1b[31m"]: 1 → "\x1b[2J"`},
		{"addresses and paths are bare", `{a: 10.0.0.1, b: /x/*, c: yes, d: "", e: "1.5"}`, `{}`,
			`: {a: 10.0.0.1, b: /x/*, c: "yes", d: "", e: "1.5"} → {}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var lines []string
			for _, f := range compareFields(read(t, c.old), read(t, c.new)) {
				lines = append(lines, f.lines(palette{})...)
			}
			require.Equal(t, c.want, strings.Join(lines, "\n"))
		})
	}
}

// Whatever is compared with itself is the same; and turned round, what was added is removed.
func TestFieldsTurnedRound(t *testing.T) {
	values := []string{`{a: [1, 2, {name: x}]}`, `{a: [{name: x, y: 1}, {name: z}], b: {c: d}}`, `{a: [1, 2], b: {}}`, `{}`, `{b: 3}`}
	for _, a := range values {
		require.Empty(t, compareFields(read(t, a), read(t, a)))
		for _, b := range values {
			there, back := compareFields(read(t, a), read(t, b)), compareFields(read(t, b), read(t, a))
			require.Equal(t, len(there), len(back), "%s and %s", a, b)
			n := map[Change]int{}
			for _, f := range there {
				n[f.Change]++
			}
			for _, f := range back {
				switch f.Change {
				case Added:
					n[Removed]--
				case Removed:
					n[Added]--
				case Changed:
					n[Changed]--
				}
			}
			require.Equal(t, map[Change]int{}, withoutZeros(n), "%s and %s", a, b)
		}
	}
}

func withoutZeros(n map[Change]int) map[Change]int {
	for c, v := range n {
		if v == 0 {
			delete(n, c)
		}
	}
	return n
}

// Lists that are too long to align are paired by their places, and quickly.
func TestAlignLongLists(t *testing.T) {
	list := func(first int) *syntax.Node {
		n := &syntax.Node{Kind: syntax.Seq}
		for i := range 5000 {
			n.Items = append(n.Items, syntax.Node{Kind: syntax.Int, Value: "1" + strings.Repeat("0", (i+first)%100)})
		}
		return n
	}
	var d fieldDiff
	d.lists(diag.Root(nil), list(0), list(7))
	require.Len(t, d.found, 5000)
	require.Equal(t, "[0]", d.found[0].Path)
	require.Equal(t, Changed, d.found[0].Change)
}
