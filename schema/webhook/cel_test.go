package webhook

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCEL(t *testing.T) {
	for _, good := range []string{
		"response.code >= 400", `response.code >= 400 || response.flags != ""`, "a", "!a", "-1", "a - -1", "!(a && b)", "- a.b",
		"'x-a' in request.headers && request.headers[\"x-a\"].startsWith('b')", "connection.mtls && !(xds.cluster_name == 'PassthroughCluster')",
		"response.code in [200, 201,]", "{'a': 1, 'b': [2]}.a == 1", "a ? b : c", "1.5e-3 < x", ".5 < x", "0x1F == y", "1u == z", `r"a\" == b`, `b'a' == c`,
		"'''a\nb''' == c", "f() && g.h()", "a // what it means", "// what it means\n a", "\"a\\\"b\" == c", "list.exists(x, x > 1)", "Type{field: 1}.field == 1", "a[0][1].b",
		"request.path.matches('^/é')", "in_a || orders", "has((a.b))", "a.map(x, y, z)",
	} {
		fault, _ := celFault(good)
		require.Empty(t, fault, good)
	}
	for _, bad := range []struct{ text, fault, help string }{
		{"response.code = 400", `"=" is not an operator of CEL`, "write =="},
		{"a & b", `"&" is not an operator of CEL`, "write &&"},
		{"a | b", `"|" is not an operator of CEL`, "write ||"},
		{"a === b", `"=" is not an operator of CEL`, "write =="},
		{"a and b", `an operator is missing before "and"`, "write &&"},
		{"a OR b", `an operator is missing before "OR"`, "write ||"},
		{"not a", `an operator is missing before "a"`, "put an operator between the two, such as && or =="},
		{"a !b", `an operator is missing before "!"`, "write != to compare"},
		{"a == 'b", "the text that begins with ' is not closed", "close it with '"},
		{"a == \"b\nc\"", `the text that begins with " is not closed`, `close it with "`},
		{`a == "b\"`, `the text that begins with " is not closed`, `close it with "`},
		{"(a && b", `the bracket '(' is not closed`, "close it"},
		{"a && b)", `")" closes nothing`, celExample},
		{"[a)", `")" closes nothing`, celExample},
		{"a &&", `a value is missing after "&&"`, celExample},
		{"&& a", `a value is missing before "&&"`, celExample},
		{"a && () || b", "there is nothing between the brackets", celExample},
		{"(a ==) && b", `a value is missing before ")"`, celExample},
		{"f(a,)", `a value is missing before ")"`, celExample},
		{"a.", `a value is missing after "."`, celExample},
		{"a; b", `';' has no meaning in CEL`, celExample},
		{"%RESPONSE_CODE% >= 400", `a value is missing before "%"`, celExample},
		{"${CODE} == 1", `'$' has no meaning in CEL`, celExample},
		{"response.code >= 400\"", `the text that begins with " is not closed`, `close it with "`},
		{"10.0.0.1", `CEL cannot read the expression from ".0" on`, celExample},
		{"5xx", `CEL cannot read the expression from "xx" on`, celExample},
		{"localhost:80", `CEL cannot read the expression from ":" on`, celExample},
		{"{a}", `CEL cannot read the expression from "}" on`, celExample},
		{"x[]", `CEL cannot read the expression from "]" on`, celExample},
		{"a ? b", "CEL cannot read the expression from its end on", celExample},
		{`a == "\q"`, "CEL cannot read the expression from \"\\\"\\\\q\\\"\" on", celExample},
		{"has(a)", "CEL cannot read the expression from its end on", celExample},
		{"has(request.headers['x-a'])", "CEL cannot read the expression from its end on", celExample},
		{"a.all(1, b)", "CEL cannot read the expression from its end on", celExample},
		{"package == 1", `CEL cannot read the expression from "package" on`, celExample},
		{strings.Repeat("(", 300) + "a" + strings.Repeat(")", 300), `CEL cannot read the expression from "(" on`, celExample},
		{"a <> b", `a value is missing before ">"`, celExample},
	} {
		fault, help := celFault(bad.text)
		require.Equal(t, bad.fault, fault, bad.text)
		require.Equal(t, bad.help, help, bad.text)
	}
}

// FuzzCEL reads anything without a panic.
func FuzzCEL(f *testing.F) {
	for _, text := range []string{"response.code >= 400 || !(a.b[0] in ['c', \"d\"])", "r'\\", "1e", "0x-", "a(", "{:}", "'''"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fault, help := celFault(text)
		require.Equal(t, fault == "", help == "")
	})
}
