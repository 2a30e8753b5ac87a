package diag

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A report of more findings than a person reads has the most severe, and says how many are missing.
func TestLimit(t *testing.T) {
	s := &Source{Name: "a.yaml"}
	var all List
	for i := range Limit {
		all = append(all, Diagnostic{Rule: "VM002", Severity: Warning, At: Root(s).Item(i, ""), Message: "weak"})
	}
	report := func(f Format) string {
		var b bytes.Buffer
		require.NoError(t, Report(&b, f, all, Options{}))
		return b.String()
	}
	require.NotContains(t, report(Text), "more finding")
	all = append(all, Diagnostic{Rule: "VM001", Severity: Error, At: Root(s).Key("zz"), Message: "strong"})

	const more = "and 1 more finding: 1 warning; a report shows 2000"
	text := report(Text)
	require.Equal(t, Limit+1, strings.Count(text, "\n"))
	require.Contains(t, text, "error VM001: strong\n")
	require.True(t, strings.HasSuffix(text, "\n"+more+"\n"))
	require.True(t, strings.HasSuffix(report(GitHub), "\n::warning title=vmmesh::"+more+"\n"))
	require.Contains(t, report(JUnit), `tests="2001" failures="1"`)
	require.Contains(t, report(JUnit), `<testcase name="`+more+`" classname="vmmesh"></testcase>`)
	require.Contains(t, report(SARIF), `"omitted": 1`)

	var got jsonReport
	require.NoError(t, json.Unmarshal([]byte(report(JSON)), &got))
	require.Len(t, got.Findings, Limit)
	require.Equal(t, jsonSummary{Errors: 1, Warnings: Limit, Omitted: 1}, got.Summary)

	results := KRMResults(all, func(*Source) (*KRMResource, *KRMFile) { return nil, nil })
	require.Len(t, results, Limit+1)
	require.Equal(t, KRMResult{Message: more, Severity: "warning"}, results[Limit])
}

// No value of a spec, and no name of a file, ends a line of a report or acts on a terminal.
func TestHostileValues(t *testing.T) {
	const hostile = "x\n::error file=README.md::pwned\r##[error]\x1b[2J\u202e\u009b"
	s := &Source{Name: hostile}
	d := (&Rule{ID: "VM001", Severity: Error}).At(Root(s).Key(hostile), "value %s, and %q of %v", hostile, hostile, []string{hostile}).
		WithHelp("write\n  name: %s\nand %d", hostile, 8)
	for _, f := range []Format{Text, GitHub, JUnit} {
		var b bytes.Buffer
		require.NoError(t, Report(&b, f, List{d}, Options{}))
		for i, line := range strings.Split(strings.TrimRight(b.String(), "\n"), "\n") {
			if f == GitHub {
				require.Zero(t, i, "GitHub: one command: %q", b.String())
				require.True(t, strings.HasPrefix(line, "::error file="))
			} else {
				require.False(t, strings.HasPrefix(strings.TrimSpace(line), "::"), "%s %q", f, line)
				require.False(t, strings.HasPrefix(strings.TrimSpace(line), "##["), "%s %q", f, line)
			}
			require.False(t, strings.ContainsFunc(line, unprintable), "%s %q", f, line)
		}
	}
}
