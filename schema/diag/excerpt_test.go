package diag

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExcerpt(t *testing.T) {
	for name, c := range map[string]struct {
		line      string
		col       int
		text, pad string
	}{
		"first column":         {"name: a", 1, "name: a", ""},
		"in the middle":        {"name: a", 7, "name: a", "      "},
		"just after the end":   {"name:", 6, "name:", "     "},
		"beyond the end":       {"name:", 60, "name:", "     "},
		"before the beginning": {"name:", -3, "name:", ""},
		"empty line":           {"", 1, "", ""},
		"tabs":                 {"\ta:\tb", 5, "\ta:\tb", "\t  \t"},
		"wide characters":      {"名前: x", 9, "名前: x", "      "},
		"within a character":   {"a名b", 3, "a名b", " "},
		"emoji":                {"🚀: x", 7, "🚀: x", "    "},
		"skin tone":            {"👍🏽é: x", 1 + len("👍🏽é: "), "👍🏽é: x", "     "},
		"combining mark":       {"e\u0301: x", 6, "e\u0301: x", "   "},
		"control characters":   {"a\x1b[31m: x", 9, "a\ufffd[31m: x", "        "},
		"reading direction":    {"a\u202eb: x", 5, "a\ufffdb: x", "  "},
		"no UTF-8":             {"a\xff\xfe: x", 4, "a\ufffd\ufffd: x", "   "},
		"byte order mark":      {"\ufeffkind: x", 4, "\ufeffkind: x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text, pad := excerpt([]byte(c.line), c.col)
			require.Equal(t, c.text, text)
			require.Equal(t, c.pad, pad)
		})
	}
}

// A line that is cut shows what the caret is at, the caret stands below it, and the rest is marked as left out.
func TestExcerptOfLongLines(t *testing.T) {
	var line strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&line, "%03d,", i)
	}
	long := line.String()
	for _, col := range []int{1, 41, 201, 2001, 3801, 3961, 3997, 4001} {
		text, pad := excerpt([]byte(long), col)
		runes := []rune(text)
		require.LessOrEqual(t, len(runes), excerptWidth+2, col)
		if col <= len(long) {
			require.Equal(t, long[col-1], string(runes[len(pad)])[0], col)
			require.True(t, strings.HasPrefix(string(runes[len(pad):]), long[col-1:col+2]), col)
		} else {
			require.Len(t, runes, len(pad))
		}
		require.Equal(t, col > excerptBefore+1, strings.HasPrefix(text, "…"), col)
		require.Equal(t, col < len(long)-excerptWidth+excerptBefore, strings.HasSuffix(text, "…"), col)
	}

	fits := strings.Repeat("x", excerptWidth)
	text, pad := excerpt([]byte(fits), excerptWidth)
	require.Equal(t, fits, text, "a line that fits is shown whole wherever the caret is")
	require.Len(t, pad, excerptWidth-1)

	text, pad = excerpt([]byte(strings.Repeat("名", 1000)), 1+3*500)
	require.Equal(t, "…"+strings.Repeat("名", excerptWidth/2)+"…", text)
	require.Len(t, pad, 1+excerptBefore)
}

func TestLineReader(t *testing.T) {
	unix, dos := &Source{Text: []byte("one\ntwo\n\nfour")}, &Source{Text: []byte("one\r\nt\rwo\r\nthree\r\n")}
	// The documents of a stream are sources of their own with one text.
	second := &Source{Text: unix.Text, Doc: 1}
	var r lineReader
	for _, c := range []struct {
		source *Source
		number int
		want   string
		ok     bool
	}{
		{unix, 1, "one", true}, {unix, 2, "two", true}, {unix, 2, "two", true}, {unix, 4, "four", true}, {unix, 5, "", false},
		{second, 3, "", true}, {second, 4, "four", true}, {unix, 1, "one", true}, {dos, 3, "three", true}, {dos, 1, "one", true}, {dos, 2, "t\rwo", true},
		{dos, 4, "", true}, {dos, 5, "", false}, {unix, 0, "", false}, {unix, -1, "", false}, {nil, 1, "", false},
		{&Source{}, 1, "", false}, {unix, 4, "four", true},
	} {
		got, ok := r.line(c.source, c.number)
		require.Equal(t, c.ok, ok, "line %d", c.number)
		require.Equal(t, c.want, string(got), "line %d", c.number)
	}
}
