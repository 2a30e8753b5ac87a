package diag

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// sourceOf is a Source whose paths stand at the given positions; a key's position is under its path and a "#".
func sourceOf(name, text string, places map[string]Pos) *Source {
	return &Source{Name: name, Text: []byte(text), Locate: func(p Path, onKey bool) Pos {
		if onKey {
			return places[p.String()+"#"]
		}
		return places[p.String()]
	}}
}

var ruleTest = &Rule{ID: "VM998", Name: "test", Severity: Warning, Doc: "Something is checked."}

func TestSeverity(t *testing.T) {
	require.Equal(t, "info", Info.String())
	require.Equal(t, "warning", Warning.String())
	require.Equal(t, "error", Error.String())
	require.Equal(t, "severity(0)", Severity(0).String())
}

func TestFinding(t *testing.T) {
	at := Root(&Source{}).Key("spec")
	d := ruleTest.At(at, "port %d of %q", 80, "a").WithHelp("write %d", 81)
	require.Equal(t, Diagnostic{Rule: "VM998", Severity: Warning, At: at, Message: `port 80 of "a"`, Help: "write 81"}, d)
	require.False(t, d.OnKey)
	require.True(t, d.Key().OnKey)
	require.False(t, d.OnKey, "Key answers a copy")
}

func TestFindingPosition(t *testing.T) {
	s := sourceOf("a", "", map[string]Pos{"spec": {2, 3}, "spec#": {1, 1}})
	d := ruleTest.At(Root(s).Key("spec"), "x")
	require.Equal(t, Pos{2, 3}, d.Pos())
	require.Equal(t, Pos{1, 1}, d.Key().Pos())
	d.Where = Pos{Line: 9}
	require.Equal(t, Pos{Line: 9}, d.Pos(), "Where wins")
	require.Equal(t, Pos{}, ruleTest.At(Root(&Source{Name: "a"}).Key("spec"), "x").Pos(), "lines are gone")
}

func TestListCounts(t *testing.T) {
	var none List
	require.Equal(t, Severity(0), none.Worst())
	require.False(t, none.HasErrors())
	l := List{{Severity: Warning}, {Severity: Info}, {Severity: Warning}}
	require.Equal(t, Warning, l.Worst())
	require.False(t, l.HasErrors())
	require.Equal(t, 2, l.Count(Warning))
	require.Equal(t, 0, l.Count(Error))
	require.True(t, append(l, Diagnostic{Severity: Error}).HasErrors())
}

func TestSorted(t *testing.T) {
	places := map[string]Pos{"a": {1, 1}, "b": {1, 5}, "c": {3, 1}}
	one, two := sourceOf("1.yaml", "", places), sourceOf("2.yaml", "", places)
	second := sourceOf("1.yaml", "", places)
	second.Doc = 1
	find := func(s *Source, key, rule, message string) Diagnostic {
		return Diagnostic{Rule: rule, At: Root(s).Key(key), Message: message}
	}
	want := List{
		find(one, "a", "VM001", "x"),
		find(one, "b", "VM001", "x"),
		find(one, "b", "VM002", "x"),
		find(one, "b", "VM002", "y"),
		find(one, "c", "VM001", "x"),
		find(second, "a", "VM001", "x"),
		find(two, "a", "VM001", "x"),
	}
	var shuffled List
	for i := range want {
		shuffled = append(shuffled, want[len(want)-1-i], want[i]) // backwards, and each twice
	}
	got := shuffled.Sorted()
	require.Len(t, got, len(want))
	for i := range want {
		require.Equal(t, want[i].At.String(), got[i].At.String(), i)
		require.Equal(t, want[i].At.Source().Name, got[i].At.Source().Name, i)
		require.Equal(t, want[i].Rule+want[i].Message, got[i].Rule+got[i].Message, i)
	}
	require.Equal(t, "VM001", shuffled[1].Rule, "the list itself is left alone")
}

// Where lines are gone, two findings of one rule at two paths are two findings.
func TestSortedWithoutLines(t *testing.T) {
	root := Root(&Source{Name: "x"})
	got := List{ruleTest.At(root.Key("b"), "m"), ruleTest.At(root.Key("a"), "m"), ruleTest.At(root.Key("b"), "m")}.Sorted()
	require.Len(t, got, 2)
	require.Equal(t, "a", got[0].At.String())
}
