package syntax

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// prepared is a text as Read hands it to the two readers; false where it is refused before.
func prepared(src []byte) (*input, bool) {
	in := &input{name: "t.yaml", src: src}
	if _, bad := in.check(); bad {
		return nil, false
	}
	in.text = string(src)
	if strings.HasPrefix(in.text, byteOrderMark) {
		in.text, in.mark = in.text[len(byteOrderMark):], len(byteOrderMark)
	}
	return in, true
}

// requireAgreement fails where the subset accepts a text and the library reads it differently. It tells whether the
// subset accepted.
func requireAgreement(t *testing.T, src []byte) bool {
	t.Helper()
	in, ok := prepared(src)
	if !ok {
		return false
	}
	fast, ok := readSubset(in)
	if !ok {
		return false
	}
	slow, findings := readAny(in)
	require.Empty(t, findings, "the subset accepted %q", src)
	require.Equal(t, slow, fast, "of %q", src)
	return true
}

// tricky are texts at the borders of the subset. Those that begin with + must be accepted by it, the others need not.
var tricky = []string{
	"+a: 1\n", "+a:\n  b: c\n", "+a:\n- 1\n- 2\nb: 3\n", "+a:\n  - 1\n  - b: c\n    d: e\n", "+- a\n- b\n", "+- - a\n  - b\n- c\n",
	"+a:\nb:\n", "+a:\n", "+a:", "+a: b", "+-\n-\n", "+-\n  a: b\n", "+- a: b\n  c: d\n-\n", "+  a: b\n  c: d\n", "-", "a", "'a'", "",
	"+# only\na: b # end\n# after\n", "+a: b#c\nd: '#'\n", "+a: b c  \n", "+a: b\r\nc:\r\n  - d\r\n", "+a: 'it''s'\nb: \"x\\\"y\\\\z\\n\\t\"\n", "+\"a b\": c\n'd': e\n",
	"+a: {b: c, d: [e, f]}\n", "+a: []\nb: {}\n", "+a: [\n  b, # one\n  c\n]\nd: e\n", "+a: {\n  b: c\n}\n", "+- {name: vm1, address: 10.0.0.1}\n- {name: vm2, address: 10.0.0.2}\n",
	"+{\"a\":1,\"b\":[1,2,{\"c\":null}]}\n", "+[a, b]\n", "+a: {b: , c: }\n", "+a: [b, ]\n", "a: [b, , c]\n", "a: [,]\n", "a: {b, c}\n", "a: [b: c]\n", "a: {b:c}\n", "a: {b:, c: d}\n", "a: {? b : c}\n", "a: [b?c]\n", "a: [-, b]\n", "+a: [-1, -b]\n", "+a: -b\n", "+-1: b\n",
	"+---\na: b\n---\nc: d\n", "+---\n---\na: b\n---\n", "+--- # c\na: b\n", "--- a: b\n", "--- a\n", "a: b\n...\n", "%YAML 1.1\n---\na: b\n", "a: b\n--- \nc: d\n", "a: b\n---\t\n", "a:\n  b\n---\nc: d\n", "+---a: b\n", "+a: ---\n", "+a: [b\n  , c]\n", "a: [b\n---\n, c]\n",
	"+a: |\n  x\n  y\nb: c\n", "+a: |-\n  x\n", "+a: |+\n  x\n\n\nb: c\n", "+a: |\n\n  x\n\n    y\n   \n  z\n", "a: |\nb: c\n", "a: |2\n  x\n", "a: | # c\n  x\n", "a: >\n  x\n  y\n", "+a: |\n  x", "a: |\n  ", "a: |\n     \n  x\n", "a: |\n\tx\n", "+a: |\n  x\n # c\nb: 1\n", "+a:\n  - |\n    x\n  - y\n", "+- |\n x\n- b\n", "+a: |  \n  x  \r\n  y\r\n", "+a: |\n  x\n  ---\nb: c\n", "+a: |\n  x\n---\nb: c\n", "+a: |\n  x\n      \nb: c\n", "+a:\n- |+\n  x\n\n", "a: |\n  x\n\ty\n", "+a: |\n  x\n  \ty\n", "+a: |\n   x\n   \n  # c\nb: 1\n",
	"a: b\n  c\n", "a: b\n  c: d\n", "a: b: c\n", "a: - b\n", "a:\n  - b\n - c\n", "a:\n - b\n  - c\n", "a:\n    b: c\n  d: e\n", " a: b\nc: d\n", "a: 'b\n  c'\n", "a: \"b\n  c\"\n", "a: 'b' c\n", "a: 'b': c\n", "a:b\n", "a\nb: c\n", "a: b\n- c\n", "- a\nb: c\n", "? a\n: b\n", "a : b\n", "a: &x b\nc: *x\n", "a: !!str b\n", "<<: a\n", "+\"<<\": a\n", "a: {<<: b}\n", "+a: <<\n", "a: b\na: c\n", "a: {b: 1, b: 2}\n", "a:\tb\n", "\ta: b\n", "a: b\t\n", "a:\n\t- b\n", "+a: 'x\ty'\n", "a: @b\n", "a: `b`\n", "a: %b\n", "+a: b%c\n", "a: ?b\n", "a: :b\n", "a: !b\n", "a: 'b'#c\n", "+a: 'b' #c\n", "a: [b]#c\n", "a: [b] c\n", "[a]: b\n", "{a: b}: c\n",
	"+a: é\nü: [ñ, {ö: ä}] # ß\n日本: 語\n", "+\ufeffa: b\n", "+\ufeff# c\na: b\n", "+\ufeff\n a: b\n", "+\ufeff{a: b}", "+a: 0755\nb: 1_000\nc: 1e3\nd: .5\ne: on\nf: ~\ng: 2024-01-01\nh: .inf\ni: 0x1F\nj: True\nk: 10.0.0.1\nl: 12:30:45\n",
	"+a:\n# c\n  b: c\n", "+a:\n  # c\n- b\n", "+a: # c\n  b: c\n", "+- # c\n  a: b\n", "+- # c\n- b\n", "+a:\n  b: c\n\n  # c\nd: e\n", "+a: [ # c\n]\n", "+a: [b # c\n]\n", "+a: {b: c # c\n}\n", "+a: {b: # c\n c}\n", "+a: {b: c, # c\n}\n", "a: [#c\n]\n", "+a: {'b':c}\n", "a: {'b' : c}\n", "+a: {\"b\": 'c', d: \"e\"}\n", "a: ['b': c]\n", "a: 'b\n", "a: \"b\n", "a: [b\n", "a: {b\n", "a: ]\n", "a: }\n", "+a: b]c\n", "+a: b, c\n", "a: *b\n", "a: \"\\x41\"\n", "a: \"\\q\"\n", "a: \"b\\\n  c\"\n",
	"+a: b\n\n\n# x\n\n  # y\nc: d\n#z", "+a:\n  - b\n  # c\n  - d\n # e\nf: g\n", "+a:\n - b:\n   - c\n   d: e\n - f\n", "+a:\n- b:\n  - c\n- d\n", "+a: ''\nb: \"\"\n", "+a: null\nnull: b\n~: c\n", "+8080: a\ntrue: b\n",
	"a: b #c\n  d\n", "a: [b #c\n d]\n", "+a: http://x/y?z=1#w\n", "+a: {b: http://x/y}\n", "a: [http://x/?y]\n", "+a: x:y\n", "+a: [x:y]\n", "a: [x:]\n", "a: {x: y:}\n", "+a: [10.0.0.1, '*.example.com']\n", "+a: '*'\n", "+a: \"*\"\n", "a: [a, [b, [c]]\n", "+a: [[[1]], {b: {c: [{d: e}]}}]\n", "+a: {b: c}  # d\n", "+a: [  ]\n", "+a: { }\n", "? : b\n",
}

func TestReadersAgree(t *testing.T) {
	for _, text := range tricky {
		src, must := strings.CutPrefix(text, "+")
		accepted := requireAgreement(t, []byte(src))
		if must {
			require.True(t, accepted, "the subset should accept %q", src)
		}
	}
}

// Texts put together from pieces of YAML reach further than texts of random bytes. Each word chooses the pieces.
func fromPieces(choose func(n int) int) []byte {
	pieces := []string{
		"a", "b", "key", "1", "é", "a b", "x#y", "- ", "-", "- ", "- - ", ": ", ":", ": ", "a: ", "b: ", "c:\n", "\n", "\n", "\n  ", "\n  ", "\n    ", "\n   ", "\n\n", "\r\n", "\r\n  ", " ", "  ", "\t",
		"{", "}", "[", "]", ",", ", ", "{a: 1}", "[1, 2]", "{}", "'", "\"", "'x'", "\"y\"", "'it''s'", "\"\\n\"", "\\", "#", " # c", " # c\n", "\n# c\n", "\n  # c\n", "|", "|\n", "|-\n", "|+\n", "|\n  ", ">\n  ",
		"---", "\n---\n", "...", "&a ", "*a", "!!str ", "<<: ", "?", "? ", "%", "@", "null", "true", "~", "\ufeff",
	}
	var b strings.Builder
	for n := 1 + choose(24); n > 0; n-- {
		b.WriteString(pieces[choose(len(pieces))])
	}
	return []byte(b.String())
}

func TestReadersAgreeOnPieces(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 20_000 {
		if requireAgreement(t, fromPieces(random.IntN)) {
			accepted++
		}
	}
	require.Greater(t, accepted, 500, "too few texts to compare")
}

// writer writes random documents of the subset.
type writer struct {
	strings.Builder
	random *rand.Rand
	keys   int
	end    string // of a line
}

func (w *writer) one(of ...string) string { return of[w.random.IntN(len(of))] }

func (w *writer) key() string {
	w.keys++
	return fmt.Sprintf(w.one("k%d", "k%d", "a b%d", "'q''%d'", "\"q\\\"%d\"", "é%d", "%d", "x:y%d", "k#%d"), w.keys)
}

func (w *writer) value(flow bool) string {
	v := w.one("x", "10.0.0.1", "1", "-1", "1.5", "true", "~", "a b", "é", "x:y", "x#y", "http://a/b", "'x'", "''", "'it''s, [ok] # \"'", "\"y\"", "\"a\\n\\\"\\\\é\"", "0755", "2024-01-01", "-", "k=v", "a\\b", "x y z")
	if v == "-" || !flow && w.random.IntN(9) == 0 {
		v = w.one("a, b", "a]b", "x?y", "-x", "a{b}", "x'y\"z")
	}
	if flow && strings.ContainsAny(v, ",]?{}") && v[0] != '\'' {
		v = "x"
	}
	return v
}

// space is what may stand between lines: nothing mostly, or empty lines and comments at any column.
func (w *writer) space() {
	for w.random.IntN(6) == 0 {
		w.WriteString(strings.Repeat(" ", w.random.IntN(8)) + w.one("", "# c", "#", "# é: [x") + w.end)
	}
}

func (w *writer) lineEnd() {
	w.WriteString(w.one("", "", "", " ", " # c", "  #c # d") + w.end)
	w.space()
}

func (w *writer) flow(depth int) {
	gap := func() {
		w.WriteString(w.one("", "", "", " ", w.end+"  ", w.end, " # c"+w.end+"   ", w.end+w.end+"# x"+w.end))
	}
	n := w.random.IntN(4)
	isMap := w.random.IntN(2) == 0
	w.WriteString(map[bool]string{true: "{", false: "["}[isMap])
	for i := range n {
		gap()
		if isMap {
			w.WriteString(w.key() + ": ")
		}
		if depth > 0 && w.random.IntN(3) == 0 {
			w.flow(depth - 1)
		} else {
			w.WriteString(w.value(true))
		}
		gap()
		if i < n-1 || w.random.IntN(5) == 0 {
			w.WriteString(",")
		}
	}
	gap()
	w.WriteString(map[bool]string{true: "}", false: "]"}[isMap])
}

// block writes a map or list at a column; with here its first line has begun, and stands at that column.
func (w *writer) block(depth, column int, here bool) {
	isMap := w.random.IntN(2) == 0
	pad := strings.Repeat(" ", column)
	for i := range 1 + w.random.IntN(4) {
		if i > 0 || !here {
			w.WriteString(pad)
		}
		if isMap {
			w.WriteString(w.key() + ":")
		} else {
			w.WriteString("-")
		}
		deeper := column + 1 + w.random.IntN(3)
		switch k := w.random.IntN(10); {
		case k == 0:
			w.lineEnd()
		case k == 1:
			w.WriteString(" ")
			w.flow(2)
			w.lineEnd()
		case k == 2:
			w.WriteString(" |" + w.one("", "-", "+") + w.one("", " ") + w.end)
			for range w.random.IntN(2) {
				w.WriteString(w.end)
			}
			for j := range 1 + w.random.IntN(4) {
				if j == 0 || w.random.IntN(3) > 0 {
					w.WriteString(strings.Repeat(" ", deeper) + w.one("x", "x: y ", "# no comment", "---", "é") + w.one("", "  ", "\tz") + w.end)
				} else {
					w.WriteString(strings.Repeat(" ", w.random.IntN(deeper+3)) + w.end)
				}
			}
		case k < 6 && depth > 0:
			if !isMap && w.random.IntN(2) == 0 {
				gap := strings.Repeat(" ", 1+w.random.IntN(3))
				w.WriteString(gap)
				w.block(depth-1, column+1+len(gap), true)
				break
			}
			w.lineEnd()
			w.block(depth-1, deeper, false)
		case k == 6 && depth > 0 && isMap: // a list at the column of its key
			w.lineEnd()
			for range 1 + w.random.IntN(3) {
				w.WriteString(pad + "- " + w.value(false))
				w.lineEnd()
			}
		default:
			w.WriteString(" " + w.value(false))
			w.lineEnd()
		}
	}
}

// What is written by the rules of the subset is read by it, as the library reads it.
func TestReadersAgreeOnDocuments(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 3_000 {
		w := &writer{random: random, end: "\n"}
		if random.IntN(4) == 0 {
			w.end = "\r\n"
		}
		w.space()
		for i := range 1 + random.IntN(2) {
			if i > 0 {
				w.WriteString("---" + w.end)
			}
			w.space()
			if random.IntN(8) == 0 {
				w.flow(3)
				w.lineEnd()
			} else {
				w.block(4, random.IntN(2), false)
			}
		}
		text := w.String()
		if random.IntN(3) == 0 {
			text = strings.TrimRight(text, "\r\n")
		}
		require.True(t, requireAgreement(t, []byte(text)), "the subset should accept %q", text)
	}
}

func TestSubsetReadsFleets(t *testing.T) {
	for _, n := range []int{1, 20, 500} {
		require.True(t, requireAgreement(t, fleet(n)))
		require.True(t, requireAgreement(t, []byte(strings.ReplaceAll(string(fleet(n)), "\n", "\r\n"))))
	}
}

// The examples are what people copy: they read without findings, and by the subset.
func TestSubsetReadsExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/vmmesh.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		require.True(t, requireAgreement(t, src), file)
	}
}

func FuzzReadersAgree(f *testing.F) {
	for _, text := range tricky {
		f.Add([]byte(strings.TrimPrefix(text, "+")))
	}
	f.Add(fleet(3))
	f.Fuzz(func(t *testing.T, src []byte) { requireAgreement(t, src) })
}

// fleet is a spec of n VMs, in all the styles that people and programs write.
func fleet(n int) []byte {
	var b strings.Builder
	b.WriteString("# a fleet\napiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata:\n  name: fleet\nspec:\n  istio:\n    version: 1.31.1\n    istiodAddresses: [34.56.78.90]\n  workloads:\n")
	for w := 0; w*20 < n; w++ {
		fmt.Fprintf(&b, "  - name: service-%d\n    labels: {team: \"payments\", tier: 'back'}\n    ports:\n    - {name: http, port: 8080}\n    groups:\n    - name: service-%d\n      version: v1\n      locality: us-west1/zone-a\n      instances:\n", w, w)
		for i := w * 20; i < min(n, w*20+20); i++ {
			if w%2 == 0 {
				fmt.Fprintf(&b, "      - {name: vm%d, address: 10.%d.%d.%d}\n", i, i>>16, i>>8&255, i&255)
			} else {
				fmt.Fprintf(&b, "      - name: vm%d\n        address: 10.%d.%d.%d\n        weight: 5 # of 10\n", i, i>>16, i>>8&255, i&255)
			}
		}
	}
	return []byte(b.String())
}

func BenchmarkSubset(b *testing.B) {
	benchmarkReader(b, func(in *input) { _, ok := readSubset(in); require.True(b, ok) })
}

func BenchmarkLibrary(b *testing.B) { benchmarkReader(b, func(in *input) { readAny(in) }) }

func BenchmarkRead(b *testing.B) { benchmarkReader(b, func(in *input) { Read(in.name, in.src) }) }

func benchmarkReader(b *testing.B, read func(*input)) {
	in, ok := prepared(fleet(20_000))
	require.True(b, ok)
	b.SetBytes(int64(len(in.src)))
	b.ReportAllocs()
	for b.Loop() {
		read(in)
	}
}
