package lint

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// left is what is left of findings, as "line rule", after the comments of a text.
func left(text string, findings ...diag.Diagnostic) []string {
	source := &diag.Source{Name: "a.yaml", Text: []byte(text)}
	for i := range findings {
		findings[i].At = diag.Root(source)
	}
	var all []string
	for _, d := range SuppressByComment(findings, []*diag.Source{source, source}).Sorted() {
		all = append(all, fmt.Sprintf("%d:%d %s", d.Pos().Line, d.Pos().Col, d.Rule))
	}
	return all
}

func on(line int, rule string) diag.Diagnostic {
	return diag.Diagnostic{Rule: rule, Severity: diag.Error, Where: diag.Pos{Line: line, Col: 3}, Message: "m"}
}

func TestSuppressByComment(t *testing.T) {
	for name, c := range map[string]struct {
		text     string
		findings []diag.Diagnostic
		want     []string
	}{
		"on the line":          {"a: 1 # vmmesh:ignore VM209 reason\n", []diag.Diagnostic{on(1, "VM209")}, nil},
		"above it":             {"# vmmesh:ignore VM209 reason\na: 1\n", []diag.Diagnostic{on(2, "VM209")}, nil},
		"above, with others":   {"# vmmesh:ignore VM209 reason\n\n# a remark\n  # vmmesh:ignore VM113 reason\na: 1\n", []diag.Diagnostic{on(5, "VM209"), on(5, "VM113")}, nil},
		"several in one":       {"a: 1 # vmmesh:ignore VM209, VM113: reason\n", []diag.Diagnostic{on(1, "VM209"), on(1, "VM113")}, nil},
		"several findings":     {"a: 1 # vmmesh:ignore VM209 reason\n", []diag.Diagnostic{on(1, "VM209"), {Rule: "VM209", Severity: diag.Warning, Where: diag.Pos{Line: 1, Col: 9}, Message: "other"}}, nil},
		"ends of lines":        {"# vmmesh:ignore VM209 reason\r\na: 1\r\n", []diag.Diagnostic{on(2, "VM209")}, nil},
		"another line":         {"# vmmesh:ignore VM209 reason\na: 1\nb: 2\n", []diag.Diagnostic{on(3, "VM209")}, []string{"1:1 VM099", "3:3 VM209"}},
		"another rule":         {"a: 1 # vmmesh:ignore VM209 reason\n", []diag.Diagnostic{on(1, "VM113")}, []string{"1:3 VM113", "1:6 VM099"}},
		"beside, for the next": {"a: 1 # vmmesh:ignore VM209 reason\nb: 2\n", []diag.Diagnostic{on(2, "VM209")}, []string{"1:6 VM099", "2:3 VM209"}},
		"no reason":            {"a: 1 # vmmesh:ignore VM209\n", []diag.Diagnostic{on(1, "VM209")}, []string{"1:3 VM209", "1:6 VM099"}},
		"no rule":              {"a: 1 # vmmesh:ignore it is right\n", []diag.Diagnostic{on(1, "VM209")}, []string{"1:3 VM209", "1:6 VM099"}},
		"an error of meaning":  {"a: 1 # vmmesh:ignore VM033 reason\n", []diag.Diagnostic{on(1, "VM033")}, []string{"1:3 VM033", "1:6 VM099"}},
		"a hash in a word":     {"a: b#vmmesh:ignore VM209 reason\n", []diag.Diagnostic{on(1, "VM209")}, []string{"1:3 VM209"}},
		"another word":         {"a: b # vmmesh:ignored VM209 reason\n", []diag.Diagnostic{on(1, "VM209")}, []string{"1:3 VM209"}},
		"the last line":        {"a: b\n# vmmesh:ignore VM209 reason", nil, []string{"2:1 VM099"}},
		"nothing":              {"a: b\n", []diag.Diagnostic{on(1, "VM209")}, []string{"1:3 VM209"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, left(c.text, c.findings...)) })
	}
}

// Comments drop findings that they name and nothing else, wherever they are.
func FuzzSuppressByComment(f *testing.F) {
	f.Add("# vmmesh:ignore VM209 reason\na: 1\n", 2)
	f.Add("a: 1 # vmmesh:ignore VM209,VM113 \x00\n", 1)
	f.Fuzz(func(t *testing.T, text string, line int) {
		kept := left(text, on(line, "VM209"), on(line, "VM500"))
		require.True(t, strings.Contains(strings.Join(kept, "\n"), "VM500") || strings.Contains(text, "VM500"))
		if !strings.Contains(text, "VM209") {
			require.Contains(t, strings.Join(kept, "\n"), "VM209")
		}
	})
}
