package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema"
)

// requirePage checks what holds for every page: it ends its last line, and no line is too wide unless it is an
// example or a single word.
func requirePage(t *testing.T, page string) {
	require.True(t, strings.HasSuffix(page, "\n"), page)
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		require.Equal(t, strings.TrimRight(line, " "), line)
		if utf8.RuneCountInString(line) > pageWidth {
			lead := len(line) - len(strings.TrimLeft(line, " "))
			example := lead >= 2 && lead < 12
			require.True(t, example || strings.Count(strings.TrimSpace(line), " ") == 0, "%q in\n%s", line, page)
		}
	}
}

// Every rule has a page, by its id and by its name.
func TestExplainRules(t *testing.T) {
	list := run("explain", "rules")
	require.Equal(t, exitOK, list.code)
	require.Equal(t, list, run("explain", "--list"))
	requirePage(t, list.out)
	for _, r := range allRules() {
		page := run("explain", r.ID)
		require.Equal(t, exitOK, page.code, r.ID)
		require.Equal(t, page, run("explain", strings.ToLower(r.ID)))
		require.True(t, strings.HasPrefix(page.out, r.ID+" "+r.Name+" ("+r.Severity.String()+")\n\n"), page.out)
		requirePage(t, page.out)
		require.Contains(t, page.out, "\nDraws the finding\n")
		require.Contains(t, page.out, "\nDraws none\n")
		require.Contains(t, list.out, r.ID+"  ")
		require.True(t, strings.HasPrefix(run("explain", r.Name).out, page.out), r.Name)
	}
}

// Every field has a page.
func TestExplainFields(t *testing.T) {
	pages := 0
	var visit func(block schema.FieldDoc)
	visit = func(block schema.FieldDoc) {
		for _, f := range block.Fields {
			page := run("explain", f.Path)
			require.Equal(t, exitOK, page.code, f.Path)
			require.True(t, strings.HasPrefix(page.out, f.Path+"\n\n  type      "), page.out)
			requirePage(t, page.out)
			require.Equal(t, page, run("explain", typed(f.Path)), "what a message tells the user to type")
			doc, ok := schema.Explain(f.Path)
			require.True(t, ok, f.Path)
			pages++
			if !strings.Contains(f.Type, "istio.") {
				visit(doc)
			}
		}
	}
	top, ok := schema.Explain("")
	require.True(t, ok)
	visit(top)
	require.Greater(t, pages, 150)
	require.Equal(t, run("explain"), run("explain", ""))
	requirePage(t, run("explain").out)
}

func TestHang(t *testing.T) {
	long := strings.Repeat("word ", 30)
	for name, c := range map[string]struct{ lead, text, want string }{
		"short":        {"  type  ", "string", "  type  string\n"},
		"empty":        {"  name  string  ", "", "  name  string\n"},
		"joined lines": {"", "one\ntwo", "one two\n"},
		"paragraphs":   {"", "one\n\ntwo\n", "one\n\ntwo\n"},
		"a list":       {"", "these:\n- one\n- two", "these:\n- one\n- two\n"},
		"code":         {"", "write\n  a:   1\nthere", "write\n  a:   1\nthere\n"},
		"wrapped": {strings.Repeat(" ", 20), long, strings.Repeat(strings.Repeat(" ", 20)+strings.TrimSpace(strings.Repeat("word ", 12))+"\n", 2) +
			strings.Repeat(" ", 20) + strings.TrimSpace(strings.Repeat("word ", 6)) + "\n"},
		"a long word": {"", "x " + strings.Repeat("y", 100) + " z", "x\n" + strings.Repeat("y", 100) + "\nz\n"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, hang(c.lead, c.text)) })
	}
}

func TestCompleteExplain(t *testing.T) {
	require.Contains(t, run("__complete", "explain", "").out, "\nVM001\t")
	require.Contains(t, run("__complete", "explain", "").out, "\nspec\t")
	require.Contains(t, run("__complete", "explain", "spec.istio.v").out, "spec.istio.version\t")
	require.Contains(t, run("__complete", "explain", "workloads[a].gr").out, "workloads[a].groups\t")
	require.Equal(t, ":6\n", run("__complete", "explain", "spec.nothing.").out)
	require.Equal(t, ":4\n", run("__complete", "explain", "spec", "").out)
}
