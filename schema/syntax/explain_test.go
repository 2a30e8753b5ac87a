package syntax

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// A syntax error is reported once, at its place, in plain words.
func TestSyntaxErrors(t *testing.T) {
	for text, want := range map[string]struct {
		pos     diag.Pos
		message string
	}{
		"a: b\n  c: d\n":                      {diag.Pos{Line: 2, Col: 3}, "this line is indented deeper than the one that it follows, which has its value already"},
		"a: &x b\n c: d\n":                    {diag.Pos{Line: 2, Col: 2}, "this line is indented deeper than the one that it follows, which has its value already"},
		"a:\n    b: c\n  d: e\n":              {diag.Pos{Line: 3, Col: 3}, "the indentation of this line fits no line above it"},
		"a:\n  - b\n - c\n":                   {diag.Pos{Line: 3, Col: 2}, "the indentation of this line fits no line above it"},
		" a: b\nc: d\n":                       {diag.Pos{Line: 2, Col: 1}, "the indentation of this line fits no line above it"},
		"a: b: c\n":                           {diag.Pos{Line: 1, Col: 5}, "a colon and a space cannot stand inside a plain value"},
		"é: ü: c\n":                           {diag.Pos{Line: 1, Col: 7}, "a colon and a space cannot stand inside a plain value"},
		"a: - b\n":                            {diag.Pos{Line: 1, Col: 4}, "a list cannot begin on the line of its key"},
		"a: 'b\nc: d\n":                       {diag.Pos{Line: 1, Col: 4}, "the quoted text that begins here is never closed"},
		"a: \"b\nc: \"d\"\n":                  {diag.Pos{Line: 1, Col: 4}, "the quoted text that begins here goes on over several lines, and more follows where it ends"},
		"a: 'b' c\n":                          {diag.Pos{Line: 1, Col: 8}, "there is more on the line after the quoted text"},
		"a: 'b': c\n":                         {diag.Pos{Line: 1, Col: 7}, "a second colon follows on the line of a key"},
		"a\nb: c\n":                           {diag.Pos{Line: 1, Col: 1}, "a key is expected here, with a colon and a space after it"},
		"a: b\n- c\n":                         {diag.Pos{Line: 2, Col: 1}, "a list item stands among the keys of a map"},
		"- a\nb: c\n":                         {diag.Pos{Line: 2, Col: 1}, "an item of the list is expected here, with a dash and a space before it"},
		"a: *.example.com\n":                  {diag.Pos{Line: 1, Col: 4}, "a plain value cannot begin with *, which means an alias"},
		"a: [b, *.c]\n":                       {diag.Pos{Line: 1, Col: 8}, "a plain value cannot begin with *, which means an alias"},
		"a: &.b c\n":                          {diag.Pos{Line: 1, Col: 4}, "a plain value cannot begin with &, which marks a value for aliases"},
		"a: b\n\tc: d\n":                      {diag.Pos{Line: 2, Col: 1}, "a tab stands where spaces must indent the line"},
		"\ta: b\n":                            {diag.Pos{Line: 1, Col: 1}, "a tab stands where spaces must indent the line"},
		"a:\n \t- b\n":                        {diag.Pos{Line: 2, Col: 2}, "a tab stands where spaces must indent the line"},
		"a: b\n: c\n":                         {diag.Pos{Line: 2, Col: 1}, "a key is missing before the colon"},
		"a: @b\n":                             {diag.Pos{Line: 1, Col: 4}, "a plain value cannot begin with @"},
		"a: [`b`]\n":                          {diag.Pos{Line: 1, Col: 5}, "a plain value cannot begin with `"},
		"a: [b\n":                             {diag.Pos{Line: 1, Col: 4}, "the [ that begins here is never closed"},
		"a: {b: c\nd: e\n":                    {diag.Pos{Line: 1, Col: 4}, "the { that begins here is not closed, or a comma is missing"},
		"a: ['b' c]\n":                        {diag.Pos{Line: 1, Col: 9}, "a comma or a ] is missing here"},
		"a: ]\n":                              {diag.Pos{Line: 1, Col: 4}, "there is a ] without anything that it could belong to"},
		"a: {b: c}}\n":                        {diag.Pos{Line: 1, Col: 10}, "there is more on the line after the closing bracket"},
		"a: \"b\\q\"\n":                       {diag.Pos{Line: 1, Col: 6}, "in double quotes a backslash begins an escape, and there is none of this letter"},
		"a: \"\\u12\"\n":                      {diag.Pos{Line: 1, Col: 5}, `an escape such as \x41 or \u00e9 lacks digits, or names no character`},
		"m:\n  name:pay\n  x: y\n":            {diag.Pos{Line: 2, Col: 7}, "a space is missing after the colon"},
		"m:\n  x: y\n  name:pay\n":            {diag.Pos{Line: 3, Col: 7}, "a space is missing after the colon"},
		"apiVersion:v1\nkind: X\n":            {diag.Pos{Line: 1, Col: 11}, "a space is missing after the colon"},
		"a: | x\n b\n":                        {diag.Pos{Line: 1, Col: 4}, "there is more on the line after |"},
		"a: &x\n  b: |\n   c\nd: *x\ne: [f\n": {diag.Pos{Line: 5, Col: 4}, "the [ that begins here is never closed"},
		"a: >\n  b: c\n\nd: b\n   c\ne: ]\n":  {diag.Pos{Line: 6, Col: 4}, "there is a ] without anything that it could belong to"},
		"a: b\n...\nx\n":                      {diag.Pos{Line: 3, Col: 1}, "the document has ended before this line"},
		"%YAML 2.0\n---\na: b\n":              {diag.Pos{Line: 1, Col: 1}, "the %YAML line asks for a version that is not supported"},
		"a: b\n---\nc: d\n---\ne: 'f\n":       {diag.Pos{Line: 5, Col: 4}, "the quoted text that begins here is never closed"},
		"\ufeffa: 'b\n":                       {diag.Pos{Line: 1, Col: 7}, "the quoted text that begins here is never closed"},
	} {
		_, findings := Read("t.yaml", []byte(text))
		require.Len(t, findings, 1, "of %q", text)
		d := findings[0]
		require.Equal(t, "VM001", d.Rule, "of %q: %s", text, d.Message)
		require.Equal(t, want.message, d.Message, "of %q", text)
		require.Equal(t, want.pos, d.Pos(), "of %q", text)
		require.NotEmpty(t, d.Help, "of %q", text)
	}
}

// What the library says of texts that the walk cannot explain has plain words too.
func TestLibraryComplaints(t *testing.T) {
	for text, want := range map[string]string{
		"a: !<x b\n":           "this is not well-formed YAML: did not find the expected '>'",
		"? a: [b\n":            "",
		"a: !foo!bar b\n":      "a tag begins with a handle that nothing defines",
		"? a\n- b\n":           "the map that begins here is broken further down, where a key is expected",
		"a: {? [b: c]: }: d\n": "",
	} {
		_, findings := Read("t.yaml", []byte(text))
		require.NotEmpty(t, findings, "of %q", text)
		require.Equal(t, "VM001", findings[0].Rule)
		require.NotContains(t, findings[0].Message, "yaml:")
		require.Positive(t, findings[0].Pos().Line)
		if want != "" {
			require.Equal(t, want, findings[0].Message, "of %q", text)
		}
	}
	for _, w := range words {
		d := explain(&input{text: "- a\n- b\n- c\n"}, 0, "yaml: line 2: "+w.complaint)
		require.Equal(t, w.message, d.Message)
		require.Equal(t, diag.Pos{Line: 2 + w.off, Col: 1}, d.Pos())
	}
	d := explain(&input{text: "- a\n"}, 0, "yaml: line 1: exceeded max depth of 10000")
	require.Equal(t, "VM006", d.Rule)
	require.False(t, strings.Contains(d.Message, "10000"))
}
