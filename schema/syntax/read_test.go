package syntax

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// show prints a tree with everything that Read says of it.
func show(n *Node) string {
	var b strings.Builder
	var walk func(n *Node)
	walk = func(n *Node) {
		fmt.Fprintf(&b, "%d:%d ", n.Line, n.Col)
		switch n.Kind {
		case Map:
			b.WriteString("{")
			for i := range n.Fields {
				f := &n.Fields[i]
				if i > 0 {
					b.WriteString(", ")
				}
				fmt.Fprintf(&b, "%d:%d %s: ", f.Line, f.Col, f.Key)
				walk(&f.Value)
			}
			b.WriteString("}")
		case Seq:
			b.WriteString("[")
			for i := range n.Items {
				if i > 0 {
					b.WriteString(", ")
				}
				walk(&n.Items[i])
			}
			b.WriteString("]")
		default:
			fmt.Fprintf(&b, "%s", n.Kind)
			if n.Quoted {
				b.WriteString("'")
			}
			fmt.Fprintf(&b, " %q", n.Value)
		}
	}
	walk(n)
	return b.String()
}

func one(t *testing.T, text string) Document {
	t.Helper()
	docs, findings := Read("t.yaml", []byte(text))
	require.Empty(t, findings, "of %q", text)
	require.Len(t, docs, 1, "of %q", text)
	return docs[0]
}

func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		"a: b\n":                       `1:1 {1:1 a: 1:4 string "b"}`,
		"a:\n- 1\n-\nb:\n":             `1:1 {1:1 a: 2:1 [2:3 integer "1", 3:2 null ""], 4:1 b: 4:3 null ""}`,
		"a: {b: [1.5, 'x']}\n":         `1:1 {1:1 a: 1:4 {1:5 b: 1:8 [1:9 number "1.5", 1:14 string' "x"]}}`,
		"a: True\nb: FALSE\n":          `1:1 {1:1 a: 1:4 boolean "true", 2:1 b: 2:4 boolean "false"}`,
		"8080: a\ntrue: b\n~: c\n":     `1:1 {1:1 8080: 1:7 string "a", 2:1 true: 2:7 string "b", 3:1 ~: 3:4 string "c"}`,
		"a: 2024-01-01\nb: on\n":       `1:1 {1:1 a: 1:4 string "2024-01-01", 2:1 b: 2:4 string "on"}`,
		"a: 0755\n":                    `1:1 {1:1 a: 1:4 string "0755"}`,
		"a: |\n  x\n   y\n":            `1:1 {1:1 a: 1:4 string' "x\n y\n"}`,
		"a: >\n  x\n  y\n":             `1:1 {1:1 a: 1:4 string' "x y\n"}`,
		"a: b\n  c\n":                  `1:1 {1:1 a: 1:4 string "b c"}`,
		"a: b\r\nc:\r\n- d\r\n":        `1:1 {1:1 a: 1:4 string "b", 2:1 c: 3:1 [3:3 string "d"]}`,
		"a: |\r\n  x\r\n  y\r\n":       `1:1 {1:1 a: 1:4 string' "x\ny\n"}`,
		"\ufeffa: b\nc: d\n":           `1:4 {1:4 a: 1:7 string "b", 2:1 c: 2:4 string "d"}`,
		"\ufeffa: !!str b\nc: d\n":     `1:4 {1:4 a: 1:7 string' "b", 2:1 c: 2:4 string "d"}`,
		"ü: [ñ, é]\n日: {本: 語}\n":       `1:1 {1:1 ü: 1:5 [1:6 string "ñ", 1:10 string "é"], 2:1 日: 2:6 {2:7 本: 2:12 string "語"}}`,
		"ü: [ñ, !!str é]\n日: {本: 語}\n": `1:1 {1:1 ü: 1:5 [1:6 string "ñ", 1:10 string' "é"], 2:1 日: 2:6 {2:7 本: 2:12 string "語"}}`,
		"? a\n: b\n":                   `1:1 {1:3 a: 2:3 string "b"}`,
		"a: \"x\\u00e9\\x41\"\n":       `1:1 {1:1 a: 1:4 string' "xéA"}`,
		"a: !!int 5\nb: !!float 5\n":   `1:1 {1:1 a: 1:4 integer "5", 2:1 b: 2:4 number "5"}`,
		"a: !!str\nb: !!null ~\n":      `1:1 {1:1 a: 1:4 string' "", 2:1 b: 2:4 null "~"}`,
		"a: !!bool True\nb: !!seq []":  `1:1 {1:1 a: 1:4 boolean "true", 2:1 b: 2:4 []}`,
		"a: !!map {b: c}\n":            `1:1 {1:1 a: 1:4 {1:11 b: 1:14 string "c"}}`,
		"a: &x [1]\nb: *x\n":           `1:1 {1:1 a: 1:4 [1:8 integer "1"], 2:1 b: 2:4 [1:8 integer "1"]}`,
		"a: &x k\n*x : v\n":            `1:1 {1:1 a: 1:4 string "k", 2:1 k: 2:6 string "v"}`,
		"a:\tb\n":                      `1:1 {1:1 a: 1:4 string "b"}`,
		"\"<<\": b\n":                  `1:1 {1:1 <<: 1:7 string "b"}`,
		"a: \"b\n  c\n\n  d\"\n":       `1:1 {1:1 a: 1:4 string' "b c\nd"}`,
		"? a":                          `1:1 {1:3 a: 1:4 null ""}`,
		"just text\n":                  `1:1 string "just text"`,
	} {
		require.Equal(t, want, show(one(t, text).Root), "of %q", text)
	}
}

func TestMergeKeys(t *testing.T) {
	const base = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n"
	for text, want := range map[string]string{
		"  <<: *x\n  b: 3\n":          `4:3 {1:8 a: 1:11 integer "1", 5:3 b: 5:6 integer "3"}`,
		"  b: 3\n  <<: *x\n":          `4:3 {4:3 b: 4:6 integer "3", 1:8 a: 1:11 integer "1"}`,
		"  <<: [*x, *y]\n":            `4:3 {1:8 a: 1:11 integer "1", 1:14 b: 1:17 integer "1", 2:14 c: 2:17 integer "2"}`,
		"  <<: [*y, *x]\n":            `4:3 {2:8 b: 2:11 integer "2", 2:14 c: 2:17 integer "2", 1:8 a: 1:11 integer "1"}`,
		"  <<: {<<: *y, d: 4}\n":      `4:3 {2:8 b: 2:11 integer "2", 2:14 c: 2:17 integer "2", 4:16 d: 4:19 integer "4"}`,
		"  <<: []\n  d: 1\n":          `4:3 {5:3 d: 5:6 integer "1"}`,
		"  d: 1\n  <<: *x\n  a: {}\n": `4:3 {4:3 d: 4:6 integer "1", 1:14 b: 1:17 integer "1", 6:3 a: 6:6 {}}`,
	} {
		require.Equal(t, want, show(one(t, base+text).Root.Get("z")), "of %q", text)
	}
}

func TestStreams(t *testing.T) {
	docs, findings := Read("t.yaml", []byte("# first\n---\n# nothing\n---\na: 1\n---\n\n---\nb: !!int 2\n---\n"))
	require.Empty(t, findings)
	require.Len(t, docs, 2)
	for i, want := range []string{`5:1 {5:1 a: 5:4 integer "1"}`, `9:1 {9:1 b: 9:4 integer "2"}`} {
		require.Equal(t, want, show(docs[i].Root))
		s := docs[i].Path.Source()
		require.Equal(t, i, s.Doc)
		require.Equal(t, "t.yaml", s.Name)
		require.True(t, bytes.HasPrefix(s.Text, []byte("# first")))
	}
	require.Equal(t, diag.Pos{Line: 9, Col: 4}, docs[1].Path.Source().Locate(docs[1].Path.Key("b"), false))
	require.Equal(t, diag.Pos{Line: 9, Col: 1}, docs[1].Path.Source().Locate(docs[1].Path.Key("b"), true))

	docs, findings = Read("t.yaml", []byte("~\n"))
	require.Empty(t, findings)
	require.Len(t, docs, 1, "null that is written is a document")
}

// A finding in a later document is at its place in the text, and belongs to that document.
func TestFindingsOfManyDocuments(t *testing.T) {
	docs, findings := Read("t.yaml", []byte("a: 1\na: 2\n---\nb: !x 1\nc: {d: 1, d: 2}\n---\ne: 'f\n"))
	require.Len(t, docs, 2)
	var got []string
	for _, d := range findings {
		got = append(got, fmt.Sprintf("%d %d:%d %s %s", d.At.Source().Doc, d.Pos().Line, d.Pos().Col, d.Rule, d.At))
	}
	require.Equal(t, []string{"0 2:1 VM002 a", "1 4:4 VM008 b", "1 5:11 VM002 c.d", "2 7:4 VM001 "}, got)
}

// finding is a finding in short.
type finding struct {
	pos           diag.Pos
	rule, message string
}

func at(line, col int) diag.Pos { return diag.Pos{Line: line, Col: col} }

func TestFindings(t *testing.T) {
	for text, want := range map[string][]finding{
		"":             {{at(1, 1), "VM005", "there is no document in this file"}},
		"# a\n---\n":   {{at(1, 1), "VM005", "there is no document in this file"}},
		"\n\n---\n...": {{at(1, 1), "VM005", "there is no document in this file"}},
		"\ufeff":       {{at(1, 1), "VM005", "there is no document in this file"}},
		"a: 1\nb: 2\na: 3\na: 4\n": {
			{at(3, 1), "VM002", "the key a is here for the second time; the first is on line 1"},
			{at(4, 1), "VM002", "the key a is here for the second time; the first is on line 1"},
		},
		"a: {b: 1, \"b\": 2}\n": {{at(1, 11), "VM002", "the key b is here for the second time; the first is on line 1"}},
		"80: 1\n'80': 2\n":      {{at(2, 1), "VM002", "the key 80 is here for the second time; the first is on line 1"}},
		"a: 1\na: {c: 1, c: 2}\n": {
			{at(2, 1), "VM002", "the key a is here for the second time; the first is on line 1"},
			{at(2, 11), "VM002", "the key c is here for the second time; the first is on line 2"},
		},
		"a: *b\n":                      {{at(1, 4), "VM003", "the alias *b stands for nothing: no value before it is marked &b"}},
		"# *b\na: x*b\nb: [*b]":        {{at(3, 5), "VM003", "the alias *b stands for nothing: no value before it is marked &b"}},
		"a: &a\n  b: *a\n":             {{at(2, 6), "VM003", "the alias *a stands inside the value that it stands for"}},
		"a: &a {<<: *a}\n":             {{at(1, 12), "VM003", "the alias *a stands inside the value that it stands for"}},
		"<<: 1\n":                      {{at(1, 5), "VM003", "a merge key takes a map or a list of maps, and this is a single value"}},
		"x: &x 1\ny: {<<: [*x, {}]}\n": {{at(2, 10), "VM003", "a merge key takes a map or a list of maps, and this is a single value"}},
		"<<: {a: 1}\n<<: {b: 1}\n":     {{at(2, 1), "VM002", "a map can have one merge key only"}},
		"a: !x b\nc: !!binary aGk=\nd: !!timestamp 2024-01-01\n": {
			{at(1, 4), "VM008", "the tag !x means nothing here"},
			{at(2, 4), "VM008", "the tag !!binary means nothing here"},
			{at(3, 4), "VM008", "the tag !!timestamp means nothing here"},
		},
		"a: !!int x\n":             {{at(1, 4), "VM008", `the tag !!int does not fit the value "x"`}},
		"a: !!float 0x1F\n":        {{at(1, 4), "VM008", `the tag !!float does not fit the value "0x1F"`}},
		"a: !!str [b]\n":           {{at(1, 4), "VM008", "the tag !!str does not fit a list"}},
		"a: !!seq {b: c}\n":        {{at(1, 4), "VM008", "the tag !!seq does not fit a map"}},
		"a: {{ .Values.b }}\n":     {{at(1, 5), "VM008", "a map cannot be a key"}},
		"? [a]\n: b\n":             {{at(1, 3), "VM008", "a list cannot be a key"}},
		"?\n: b\n":                 {{at(1, 2), "VM008", "a key is missing before the colon"}},
		"!x a: b\n":                {{at(1, 1), "VM008", "the tag !x means nothing here"}},
		"a: &x {b: !y c}\nd: *x\n": {{at(1, 11), "VM008", "the tag !y means nothing here"}},
		"é: b\nc: \xff\n":          {{at(2, 4), "VM007", "the text is not UTF-8: the byte 0xFF cannot stand here"}},
		"é: b\n\xc3":               {{at(2, 1), "VM007", "the text is not UTF-8: the byte 0xC3 cannot stand here"}},
		"a: \xed\xa0\x80":          {{at(1, 4), "VM007", "the text is not UTF-8: the byte 0xED cannot stand here"}},
		"a: é\x00\n":               {{at(1, 6), "VM007", "the control character U+0000 is not allowed"}},
		"a: b\x1b[0m\n":            {{at(1, 5), "VM007", "the control character U+001B is not allowed"}},
		"a: b\x7f\n":               {{at(1, 5), "VM007", "the control character U+007F is not allowed"}},
		"# a\u2028b: c\n":          {{at(1, 4), "VM007", "the character U+2028 ends a line for some readers and not for others"}},
		"# a\u0085b: c\n":          {{at(1, 4), "VM007", "the character U+0085 ends a line for some readers and not for others"}},
		"a: b\rc: d\r":             {{at(1, 5), "VM007", "a carriage return stands alone, without a line feed"}},
		"a: b\n\ufeffc: d\n":       {{at(2, 1), "VM007", "there is a byte order mark inside the text"}},
		"\xff\xfea\x00:\x00":       {{at(1, 1), "VM007", "the text is UTF-16; it must be UTF-8"}},
		"\xfe\xff\x00a\x00:":       {{at(1, 1), "VM007", "the text is UTF-16; it must be UTF-8"}},
		"a\x00:\x00":               {{at(1, 2), "VM007", "there is a NUL character in the text, which may be UTF-16 or a binary file"}},
	} {
		_, findings := Read("t.yaml", []byte(text))
		var got []finding
		for _, d := range findings {
			got = append(got, finding{d.Pos(), d.Rule, d.Message})
		}
		require.Equal(t, want, got, "of %q", text)
	}
}

func TestDepth(t *testing.T) {
	for _, open := range []string{"[", "{a: "} {
		closing := map[string]string{"[": "]", "{a: ": "}"}[open]
		nested := func(n int) string { return strings.Repeat(open, n) + strings.Repeat(closing, n) }
		one(t, nested(MaxDepth))
		one(t, "&x "+nested(MaxDepth))
		_, findings := Read("t.yaml", []byte(nested(MaxDepth+1)))
		require.Len(t, findings, 1)
		require.Equal(t, "VM006", findings[0].Rule)
		require.Equal(t, at(1, 1+MaxDepth*len(open)), findings[0].Pos())
	}
	var block strings.Builder
	for i := range MaxDepth {
		block.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	one(t, block.String())
	block.WriteString(strings.Repeat(" ", MaxDepth) + "a:\n")
	_, findings := Read("t.yaml", []byte(block.String()))
	require.Len(t, findings, 1)
	require.Equal(t, "VM006", findings[0].Rule)

	for _, n := range []int{20_000, 1_000_000} { // beyond the library's own limit
		_, findings = Read("t.yaml", []byte(strings.Repeat("[", n)))
		require.Len(t, findings, 1)
		require.Equal(t, "VM006", findings[0].Rule)
	}
}

func TestAliasBombs(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), i-1)
	}
	merges := "a0: &a0 {k: {x: 1, y: 2, z: 3}}\n"
	for i := 1; i < 30; i++ {
		merges += fmt.Sprintf("a%d: &a%d {<<: *a%d, k%d: *a%d}\n", i, i, i-1, i, i-1)
	}
	for _, text := range []string{bomb.String(), merges} {
		_, findings := Read("t.yaml", []byte(text))
		require.Len(t, findings, 1)
		require.Equal(t, "VM003", findings[0].Rule)
		require.Contains(t, findings[0].Message, "more than 100000 values")
	}

	// What is many and yet harmless passes, up to the limit.
	aliases := func(n int) string { return "a: &a 1\nb: [" + strings.Repeat("*a, ", n-1) + "*a]\n" }
	require.Len(t, one(t, aliases(maxExpanded)).Root.Get("b").Items, maxExpanded)
	_, findings := Read("t.yaml", []byte(aliases(maxExpanded+1)))
	require.Len(t, findings, 1)
	require.Equal(t, "VM003", findings[0].Rule)
}

// A duplicate is found among few keys and among many, in either reader.
func TestDuplicateAmongMany(t *testing.T) {
	for _, n := range []int{2, 15, 16, 17, 100} {
		for _, first := range []string{"k0: 0\n", "k0: !!int 0\n"} {
			text := first
			for i := 1; i < n; i++ {
				text += fmt.Sprintf("k%d: %d\n", i, i)
			}
			require.Len(t, one(t, text).Root.Fields, n)
			for _, twice := range []int{0, n - 1} {
				_, findings := Read("t.yaml", []byte(text+fmt.Sprintf("k%d: x\n", twice)))
				require.Len(t, findings, 1, "of %q", text)
				require.Equal(t, fmt.Sprintf("the key k%d is here for the second time; the first is on line %d", twice, twice+1), findings[0].Message)
				require.Equal(t, at(n+1, 1), findings[0].Pos())
			}
		}
	}
}

func TestTooLarge(t *testing.T) {
	src := bytes.Repeat([]byte("a: [[[\x00\xff\n"), 100<<20/9+1) // no parser has seen this
	_, findings := Read("t.yaml", src)
	require.Len(t, findings, 1)
	require.Equal(t, "VM006", findings[0].Rule)
	require.Equal(t, "the text is larger than 64 MiB", findings[0].Message)
	require.Equal(t, at(1, 1), findings[0].Pos())

	_, findings = Read("t.yaml", []byte("["+strings.Repeat("a,", maxValues)+"]"))
	require.Len(t, findings, 1)
	require.Equal(t, "VM006", findings[0].Rule)
}

// A long line with characters of several bytes costs no more than a short one for each value.
func TestLongLine(t *testing.T) {
	text := "é: [" + strings.Repeat("ü, ", 200_000) + "!!str x]\n"
	items := one(t, text).Root.Get("é").Items
	require.Equal(t, int32(len("é: [")+200_000*len("ü, ")+1), items[len(items)-1].Col)
}

func FuzzRead(f *testing.F) {
	for _, text := range tricky {
		f.Add([]byte(strings.TrimPrefix(text, "+")))
	}
	for _, text := range []string{"a: &x {b: c}\nd: {<<: *x}\n", "a: !!int 5\n", "é: !x ü\n", "a: >-\n  b\n\n c\n", "? {a: b}\n: c\n", "- # a\n\n # b\n  c: d\n", "a: b\x00", "\xff\xfe"} {
		f.Add([]byte(text))
	}
	f.Add(fleet(3))
	f.Fuzz(func(t *testing.T, src []byte) {
		docs, findings := Read("t.yaml", src)
		again, findingsAgain := Read("t.yaml", src)
		require.Equal(t, len(docs), len(again))
		require.Equal(t, len(findings), len(findingsAgain))
		require.True(t, len(docs) > 0 || len(findings) > 0, "neither a document nor a finding")

		lines := bytes.Split(src, []byte("\n"))
		inside := func(line, col int32) {
			require.True(t, line >= 1 && int(line) <= len(lines) && col >= 1 && int(col) <= len(lines[line-1])+1, "%d:%d is not in %q", line, col, src)
		}
		for i := range findings {
			require.Equal(t, findings[i].Message, findingsAgain[i].Message)
			require.Equal(t, findings[i].Pos(), findingsAgain[i].Pos())
			inside(int32(findings[i].Pos().Line), int32(findings[i].Pos().Col))
		}
		var walk func(n *Node)
		walk = func(n *Node) {
			inside(n.Line, n.Col)
			for i := range n.Fields {
				inside(n.Fields[i].Line, n.Fields[i].Col)
				walk(&n.Fields[i].Value)
			}
			for i := range n.Items {
				walk(&n.Items[i])
			}
		}
		for i := range docs {
			walk(docs[i].Root)
			require.Equal(t, docs[i].Root, again[i].Root)
			docs[i].Root.Plain()
		}
	})
}
