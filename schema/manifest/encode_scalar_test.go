package manifest

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	yaml "go.yaml.in/yaml/v3"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	sigs "sigs.k8s.io/yaml"
)

// hostile is text that some reader of YAML takes for something else, or cannot read, when it is written carelessly.
var hostile = []string{
	"", " ", "  ", "\t", "\n", "\n\n", " \n", "\n ", "a", "a\n", "a\n\n", "\na\n", " a\n", "\ta\n", "a\n b\n", "a\n\tb\n", "a \nb\n", "a\t\nb\n", "a\n \nb\n",
	"a\n\nb\n", "a\nb", "a\r\nb\r\n", "a\rb", "a\u0085b", "a\u2028b", "a\u2029b\n", "\u00a0", "\ufeff", "\ufeffa", "a\ufeffb", "\ufffe", "\uffff", "\ufffd",
	"no", "No", "NO", "nO", "yes", "on", "On", "off", "y", "Y", "n", "N", "true", "True", "TRUE", "tRue", "false", "null", "Null", "NULL", "~", "nil", "none", "None",
	"1e3", "1E3", "e3", "E3", "e1e", "0x10", "0o14", "012", "08", "1_000", "1:30", "190:20:30", "0b101", "+1", "-1", ".5", "5.", "1.", "-.5", "+.inf", ".inf", "-.Inf", ".NaN", "inf", "nan", "NaN", "Infinity",
	"0", "1", "00", "-0", "1.0", "1.10", "1.31.1", "1,000", "10.0.0.1", "192.168.1.100", "10.0.0.0/8", "10.0.0.0/33", "256.1.1.1", "1.2.3", "1.2.3.4.5", "1..2.3", "1234.1.1.1", "10.0.0.1/", "10.0.0.1/100", "::1", "fe80::1", "2001:db8::/32",
	"2001-12-14", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43", "12:30:45", "10s", "1.5s", "1h30m", "1m0.5s", "100ms", "1e3s", ".5s", "1.s", "5d", "10ss", "s", "-10s",
	"-", "--", "---", "...", "--- a", "- a", "-a", "?", "? a", "?a", ":", ": a", ":a", "a:", "a: b", "a:b", "a :b", "a::", "http://a.b/c?d=e#f", "spiffe://cluster.local/ns/a/sa/b",
	"#", "# a", "#a", "a #b", "a#b", "a# b", ",", "a,b", "[", "[]", "[a]", "]", "{", "{}", "{a: b}", "}", "&", "&a", "*", "*a", "a*", "!", "!a", "!!str", "!!str a", "|", "|-", ">", "> a", "%", "%a", "%YAML 1.2", "@", "@a", "`", "`a`",
	"'", "''", "'a'", "\"", "\"\"", "\"a\"", "a'b", "a\"b", "\\", "\\n", "a\\", "\\x41", "=", "==", "a=b", "<<", "<", ">a", "^", "$", "${VAR}", "$(VAR)", "(a)", "a;b", "_", "_a", "a_b", "/", "//", "/a", "/healthz", "/api/payments/*", "*.svc", "a.b.svc.cluster.local",
	" a", "a ", "\ta", "a\t", "a\tb", "a  b", "a b", "\x00", "a\x00b", "\x01", "\x07", "\b", "\x1b[0m", "\x7f", "\u0080", "\u009f", "\u00ad", "é", "ünï", "日本語", "🙂", "👨‍👩‍👧", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "\u202e", "\u200b", "\u2000", "\u3000", "\U0001fffe", "\U0010ffff", "\ue000",
	"key: value\nother: [1, 2]\n", "---\na: b\n...\n", "#!/bin/sh\nset -eu\n\techo hi # there\n", "# a\n", "- a\n- b\n", "a: |\n  b\n", "%a\n", "\"a\"\n", "x\n---\n", "a\n\n\n",
	strings.Repeat("a", 2000), strings.Repeat("é ", 700), strings.Repeat("a\n", 3000), strings.Repeat("\"", 600), strings.Repeat("a ", 5000),
}

// holder puts one string in every kind of place that a string can be in.
type holder struct {
	Value string              `json:"value"`
	Map   map[string]string   `json:"map"`
	List  []string            `json:"list"`
	Lists [][]string          `json:"lists"`
	Maps  []map[string]string `json:"maps"`
	Under map[string][]string `json:"under"`
	Last  string              `json:"last"`
}

func hold(s string) *holder {
	return &holder{
		Value: s, Last: s, List: []string{s, "between", s}, Lists: [][]string{{s, s}, {s}},
		Map: map[string]string{s: s}, Maps: []map[string]string{{s: s}, {"k": s}}, Under: map[string][]string{s: {s}},
	}
}

// requireReadBack proves that all three readers find exactly what was printed, and that no string needs a guess.
func requireReadBack(t *testing.T, printed string, want any, fresh func() any) {
	t.Helper()
	byYAML := fresh()
	require.NoError(t, yaml.Unmarshal([]byte(printed), byYAML), printed)
	require.Equal(t, want, byYAML, "yaml.v3 read of\n%s", printed)

	bySigs := fresh()
	require.NoError(t, sigs.UnmarshalStrict([]byte(printed), bySigs), printed)
	require.Equal(t, want, bySigs, "sigs read of\n%s", printed)

	node, err := kyaml.Parse(printed)
	require.NoError(t, err, printed)
	byKyaml := fresh()
	require.NoError(t, node.YNode().Decode(byKyaml), printed)
	require.Equal(t, want, byKyaml, "kyaml read of\n%s", printed)
}

func (h *holder) UnmarshalYAML(n *yaml.Node) error {
	return n.Decode(&struct {
		Value *string              `yaml:"value"`
		Map   *map[string]string   `yaml:"map"`
		List  *[]string            `yaml:"list"`
		Lists *[][]string          `yaml:"lists"`
		Maps  *[]map[string]string `yaml:"maps"`
		Under *map[string][]string `yaml:"under"`
		Last  *string              `yaml:"last"`
	}{&h.Value, &h.Map, &h.List, &h.Lists, &h.Maps, &h.Under, &h.Last})
}

// requireString proves that s survives in every place, typed as a string and untyped.
func requireString(t *testing.T, s string) {
	t.Helper()
	want := string([]rune(s)) // one U+FFFD for each byte that is no UTF-8
	printed := text(t, hold(s))
	requireReadBack(t, printed, hold(want), func() any { return &holder{} })
	requireReadBack(t, printed, &map[string]any{
		"value": want, "last": want, "list": []any{want, "between", want}, "lists": []any{[]any{want, want}, []any{want}},
		"map": map[string]any{want: want}, "maps": []any{map[string]any{want: want}, map[string]any{"k": want}},
		"under": map[string]any{want: []any{want}},
	}, func() any { return &map[string]any{} })

	o := &Object{APIVersion: s, Kind: s, Name: s, Namespace: s, Labels: map[string]string{s: s}, Annotations: map[string]string{s: s}, Body: []Field{{s + "!", s}}}
	var e Encoder
	e.Object(o)
	metadata := map[string]any{"labels": map[string]any{want: want}, "annotations": map[string]any{want: want}}
	if s != "" {
		metadata["name"], metadata["namespace"] = want, want
	}
	requireReadBack(t, string(e.Bytes()), &map[string]any{"apiVersion": want, "kind": want, "metadata": metadata, want + "!": want},
		func() any { return &map[string]any{} })

	e.Reset()
	e.Text("items:\n")
	e.Item(o)
	e.Item(o)
	item := map[string]any{"apiVersion": want, "kind": want, "metadata": metadata, want + "!": want}
	requireReadBack(t, string(e.Bytes()), &map[string]any{"items": []any{item, item}}, func() any { return &map[string]any{} })
}

func TestHostileStrings(t *testing.T) {
	for _, s := range hostile {
		requireString(t, s)
	}
}

func TestBrokenUTF8IsReplaced(t *testing.T) {
	for _, s := range []string{"\xff", "a\xffb", "\xed\xa0\x80", "\xc3", "a\n\xff\n", "\xf4\x90\x80\x80", "\xc0\x80"} {
		requireString(t, s)
	}
	require.Equal(t, "\"a\ufffdb\"\n", text(t, "a\xffb"))
}

func FuzzScalar(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Add("a\xffb")
	f.Fuzz(requireString)
}

func TestScalarForms(t *testing.T) {
	for s, want := range map[string]string{
		// bare
		"payments": "payments", "v1": "v1", "us-west1/zone-a": "us-west1/zone-a", "a.b.svc.cluster.local": "a.b.svc.cluster.local",
		"/healthz": "/healthz", "/api/*": "/api/*", "http://a:80/b": "http://a:80/b", "key=value": "key=value", "RSA+SHA,x@y": "RSA+SHA,x@y",
		"192.168.1.100": "192.168.1.100", "10.0.0.0/8": "10.0.0.0/8", "10s": "10s", "1.500s": "1.500s", "1h30m": "1h30m", "100ms": "100ms",
		"ye": "ye", "nil": "nil", "falsey": "falsey", "e": "e", "ex1": "ex1",
		// quoted
		"": `""`, "true": `"true"`, "ON": `"ON"`, "yEs": `"yEs"`, "n": `"n"`, "Null": `"Null"`, "1": `"1"`, "1.10": `"1.10"`, "1.31.1": `"1.31.1"`,
		"0x10": `"0x10"`, "1e3": `"1e3"`, "e3": `"e3"`, "2001-12-14": `"2001-12-14"`, "1:30": `"1:30"`, "-": `"-"`, "*.a": `"*.a"`, "a b": `"a b"`,
		"a:": `"a:"`, "a#b": `"a#b"`, "::1": `"::1"`, "10.0.0.1/": `"10.0.0.1/"`, "10.0.0.1/100": `"10.0.0.1/100"`, "1.2.3.4.5": `"1.2.3.4.5"`, "5d": `"5d"`, "-10s": `"-10s"`,
		"é": `"é"`, "🙂": `"🙂"`, `a"b\c`: `"a\"b\\c"`, "a\tb": `"a\tb"`, "a\r\n": `"a\r\n"`, "\x00\x1b\x7f": `"\u0000\u001b\u007f"`,
		"a\u0085\u00a0\u2028\u2029\ufeff\ufffe\uffff": `"a\u0085\u00a0\u2028\u2029\ufeff\ufffe\uffff"`, "a\u202eb\u200d": `"a\u202eb\u200d"`, "\U000e0067": `"\U000e0067"`,
		"a\nb": `"a\nb"`, "a\n\n": `"a\n\n"`, "\na\n": `"\na\n"`, " a\n": `" a\n"`, "\ta\n": `"\ta\n"`, "a \nb\n": `"a \nb\n"`, "a\n \nb\n": `"a\n \nb\n"`, "\n": `"\n"`, "é\n": `"é\n"`,
		// literal
		"a\n": "|\n  a", "a\n\nb\n": "|\n  a\n\n  b", "a\n  b\n\tc\n": "|\n  a\n    b\n  \tc",
	} {
		require.Equal(t, want+"\n", text(t, s), "%q", s)
	}
}

func TestLongKeysAreExplicit(t *testing.T) {
	long := strings.Repeat("k", 1500)
	type inner struct {
		A string `json:"a"`
	}
	a := map[string]any{"a": "v"}
	for _, c := range []struct{ v, want any }{
		{map[string]string{long: "v"}, map[string]any{long: "v"}},
		{map[string][]string{long: {"v", "w"}}, map[string]any{long: []any{"v", "w"}}},
		{map[string]inner{long: {A: "v"}}, map[string]any{long: a}},
		{[]map[string][]inner{{long: {{A: "v"}}, "k": nil}}, []any{map[string]any{long: []any{a}, "k": []any{}}}},
	} {
		printed := text(t, c.v)
		require.Contains(t, printed, "? "+long+"\n")
		requireReadBack(t, printed, &c.want, func() any { return new(any) })
	}
}

func TestFloats(t *testing.T) {
	for want, f := range map[string]float64{
		"0": 0, "1": 1, "-1": -1, "0.1": 0.1, "99.99": 99.99, "100000000000000": 1e14, "1.0e+15": 1e15, "1.5e+300": 1.5e300, "-1.0e+21": -1e21,
		"0.000001": 1e-6, "1.0e-07": 1e-7, "5.0e-324": 5e-324, "-0.0": math.Copysign(0, -1),
		`"NaN"`: math.NaN(), `"Infinity"`: math.Inf(1), `"-Infinity"`: math.Inf(-1),
	} {
		printed := text(t, f)
		require.Equal(t, want+"\n", printed)
		if want[0] == '"' {
			continue
		}
		var back float64
		require.NoError(t, yaml.Unmarshal([]byte(printed), &back))
		require.Equal(t, math.Float64bits(f), math.Float64bits(back))
		require.NoError(t, sigs.Unmarshal([]byte(printed), &back))
		require.Equal(t, f, back)
	}
	require.Equal(t, "0.1\n", text(t, float32(0.1)))
}
