package diag

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func text(t testing.TB, findings List, colour bool) string {
	var b strings.Builder
	require.NoError(t, Write(&b, Text, findings, colour))
	return b.String()
}

const sample = "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nspec:\n  istio:\n\tversion: 1\n"

func TestText(t *testing.T) {
	located := Root(sourceOf("vmmesh.yaml", sample, map[string]Pos{
		"kind": {2, 7}, "spec.istio.version": {5, 11}, "spec#": {3, 1}, "far": {99, 1}, "line": {2, 0},
	}))
	blind := Root(&Source{Name: "payments"})
	nameless := Root(&Source{})
	for name, c := range map[string]struct {
		finding Diagnostic
		want    string
	}{
		"caret and help": {
			Diagnostic{Rule: "VM004", Severity: Error, At: located.Key("kind"), Message: `unknown kind "VMMesh"`, Help: `write "VMMesh"`},
			`
vmmesh.yaml:2:7: error VM004: unknown kind "VMMesh"
   2 | kind: VMMesh
     |       ^
  help: write "VMMesh"
`},
		"on a key, no help": {
			Diagnostic{Rule: "VM101", Severity: Warning, At: located.Key("spec"), OnKey: true, Message: "odd"},
			`
vmmesh.yaml:3:1: warning VM101: odd
   3 | spec:
     | ^
`},
		"a tab before the caret stays a tab": {
			Diagnostic{Rule: "VM001", Severity: Error, At: located.Key("spec").Key("istio").Key("version"), Message: "m"},
			"\nvmmesh.yaml:5:11: error VM001: m\n   5 | \tversion: 1\n     | \t         ^\n"},
		"help of several lines": {
			Diagnostic{Rule: "VM101", Severity: Info, At: located.Key("kind"), Message: "m", Help: "write\n\n  a: 1\n"},
			`
vmmesh.yaml:2:7: info VM101: m
   2 | kind: VMMesh
     |       ^
  help: write

          a: 1
`},
		"a line without a column": {
			Diagnostic{Rule: "VM101", Severity: Info, At: located.Key("line"), Message: "m"},
			"\nvmmesh.yaml:2: info VM101: m\n   2 | kind: VMMesh\n"},
		"a line that the text has not": {
			Diagnostic{Rule: "VM101", Severity: Info, At: located.Key("far"), Message: "m"},
			"\nvmmesh.yaml:99:1: info VM101: m\n"},
		"no lines": {
			Diagnostic{Rule: "VM101", Severity: Error, At: blind.Key("spec").Key("workloads").Item(0, "pay").Key("name"), Message: "m", Help: "h"},
			"\npayments:spec.workloads[pay].name: error VM101: m\n  help: h\n"},
		"no lines and no name": {
			Diagnostic{Rule: "VM101", Severity: Error, At: nameless.Key("spec"), Message: "m"},
			"\nspec: error VM101: m\n"},
		"the whole document": {Diagnostic{Rule: "VM005", Severity: Error, At: blind, Message: "m"}, "\npayments: error VM005: m\n"},
		"nowhere":            {Diagnostic{Rule: "VM005", Severity: Error, Message: "m"}, "\nerror VM005: m\n"},
		"hostile words": {
			Diagnostic{Rule: "VM001", Severity: Error, At: Root(&Source{Name: "a\nb"}), Message: "x\x1b[2J\u202e\ny", Help: "\r\x07"},
			"\na\\nb: error VM001: x\\x1b[2J\\u202e\\ny\n  help: \\r\\a\n"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want[1:], text(t, List{c.finding}, false))
		})
	}
}

func TestTextColour(t *testing.T) {
	root := Root(sourceOf("a", sample, map[string]Pos{"kind": {2, 7}}))
	d := Diagnostic{Rule: "VM004", Severity: Error, At: root.Key("kind"), Message: "m", Help: "h"}
	coloured := text(t, List{d}, true)
	require.Equal(t, "\x1b[1ma:2:7:\x1b[0m \x1b[1;31merror\x1b[0m VM004: m\n"+
		"\x1b[2m   2 |\x1b[0m kind: VMMesh\n"+
		"\x1b[2m     |\x1b[0m       \x1b[1;31m^\x1b[0m\n"+
		"  \x1b[1mhelp:\x1b[0m h\n", coloured)
	d.Severity = Warning
	require.Contains(t, text(t, List{d}, true), "\x1b[1;33mwarning\x1b[0m")
	d.Severity = Info
	require.Contains(t, text(t, List{d}, true), "\x1b[1;36minfo\x1b[0m")
}

func TestTextIsSortedAndEmpty(t *testing.T) {
	require.Empty(t, text(t, nil, false))
	root := Root(sourceOf("a", sample, map[string]Pos{"x": {1, 1}, "y": {2, 1}, "z": {4, 3}}))
	got := text(t, List{
		ruleTest.At(root.Key("z"), "3"), ruleTest.At(root.Key("x"), "1"), ruleTest.At(root.Key("y"), "2"), ruleTest.At(root.Key("x"), "1"),
	}, false)
	require.Equal(t, `a:1:1: warning VM998: 1
   1 | apiVersion: vmmesh.dev/v1alpha1
     | ^
a:2:1: warning VM998: 2
   2 | kind: VMMesh
     | ^
a:4:3: warning VM998: 3
   4 |   istio:
     |   ^
`, got)
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestWriteErrors(t *testing.T) {
	for _, f := range Formats() {
		require.ErrorContains(t, Write(fullDisk{}, f, List{ruleTest.At(nil, "m")}, false), "no space left", f)
	}
}

func TestParseFormat(t *testing.T) {
	for _, f := range Formats() {
		got, err := ParseFormat(string(f))
		require.NoError(t, err)
		require.Equal(t, f, got)
	}
	for _, name := range []string{"xml", "", "TEXT"} {
		_, err := ParseFormat(name)
		require.ErrorContains(t, err, "there are text, json, sarif, github and junit", name)
	}
}

// However wrong a position is, the report has its lines and nothing else: no panic, no control characters, a caret
// line no wider than the line above it.
func FuzzText(f *testing.F) {
	f.Add("a: 1\nb: 日本\n", "message", "help", 2, 7)
	f.Add("\ta: \x1b[31m\xff", "m\nm", "h\nh", 1, 3)
	f.Add(strings.Repeat("x", 500), "", "", 1, 250)
	f.Add("a\r\nb\rc", "", "", 3, 1)
	f.Add("", "", "", -1, -1)
	f.Fuzz(func(t *testing.T, source, message, help string, line, col int) {
		s := &Source{Name: "f", Text: []byte(source)}
		d := Diagnostic{Rule: "VM001", Severity: Error, At: Root(s), Message: message, Help: help, Where: Pos{line, col}}
		got := text(t, List{d}, false)
		require.True(t, utf8.ValidString(got))
		require.True(t, strings.HasSuffix(got, "\n"))
		require.False(t, strings.ContainsFunc(strings.NewReplacer("\n", "", "\t", "").Replace(got), unprintable))
		lines := strings.Split(got, "\n")
		for i, l := range lines {
			if !strings.HasPrefix(l, "     | ") || !strings.HasSuffix(l, "^") {
				continue
			}
			shown, caret := 0, 0
			for _, r := range lines[i-1] {
				shown += cells(r)
			}
			for _, r := range l {
				caret += cells(r)
			}
			require.LessOrEqual(t, caret, max(shown+1, len("     | ^")))
		}
		for _, format := range []Format{JSON, GitHub, SARIF, JUnit} {
			var b strings.Builder
			require.NoError(t, Write(&b, format, List{d}, false))
			require.True(t, utf8.ValidString(b.String()) || format == GitHub)
		}
	})
}
