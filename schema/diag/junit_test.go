package diag

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// junitForm is what Jenkins' junit-10.xsd allows of what we write: the attributes of each element (those with ! are
// required), and the elements inside it.
var junitForm = map[string]struct{ attributes, children string }{
	"testsuites": {"name time tests failures errors", "testsuite"},
	"testsuite":  {"!name !tests !failures !errors group time skipped timestamp hostname id package file log url", "testsuite properties testcase system-out system-err"},
	"testcase":   {"!name time classname group", "skipped error failure system-out system-err"},
	"failure":    {"type message", ""},
	"system-out": {"", ""},
}

// tested prints the findings as JUnit, holds the report to the schema's rules, and reads it back.
func tested(t *testing.T, findings List, failing Severity) (junitSuites, string) {
	t.Helper()
	var b strings.Builder
	require.NoError(t, Report(&b, JUnit, findings, Options{Failing: failing}))
	decoder := xml.NewDecoder(strings.NewReader(b.String()))
	var open []string
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err, b.String())
		switch token := token.(type) {
		case xml.StartElement:
			form, known := junitForm[token.Name.Local]
			require.True(t, known, token.Name.Local)
			if len(open) == 0 {
				require.Equal(t, "testsuites", token.Name.Local)
			} else {
				require.Contains(t, strings.Fields(junitForm[open[len(open)-1]].children), token.Name.Local)
			}
			var names []string
			for _, a := range token.Attr {
				names = append(names, a.Name.Local)
			}
			for _, a := range strings.Fields(form.attributes) {
				if name, required := strings.CutPrefix(a, "!"); required {
					require.Contains(t, names, name)
				}
			}
			allowed := strings.Fields(strings.ReplaceAll(form.attributes, "!", ""))
			for _, name := range names {
				require.Contains(t, allowed, name, token.Name.Local)
			}
			open = append(open, token.Name.Local)
		case xml.EndElement:
			open = slices.Delete(open, len(open)-1, len(open))
		}
	}
	var all junitSuites
	require.NoError(t, xml.Unmarshal([]byte(b.String()), &all))
	tests, failures := 0, 0
	for _, s := range all.Suites {
		require.Equal(t, len(s.Cases), s.Tests)
		tests += s.Tests
		failures += s.Failures
	}
	require.Equal(t, tests, all.Tests)
	require.Equal(t, failures, all.Failures)
	return all, b.String()
}

func TestJUnit(t *testing.T) {
	at := func(name string) Path { return Root(sourceOf(name, "", map[string]Pos{"spec": {3, 5}})).Key("spec") }
	findings := List{
		{Rule: "VM010", Severity: Error, At: at("a.yaml"), Message: "unknown <field> & \"more\"", Help: "drop it"},
		{Rule: "VM209", Severity: Warning, At: at("a.yaml"), Message: "weights"},
		{Rule: "VM622", Severity: Info, At: at("b.yaml"), Message: "a \x1b[31mred\x00 note"},
		{Rule: "VM622", Severity: Info, Message: "nowhere"},
	}
	all, text := tested(t, findings, 0)
	require.True(t, strings.HasPrefix(text, xml.Header))
	require.Len(t, all.Suites, 3)
	require.Equal(t, 1, all.Failures, "an error fails, a warning does not")
	suite := all.Suites[slices.IndexFunc(all.Suites, func(s junitSuite) bool { return s.Name == "a.yaml" })]
	require.Equal(t, "VM010 a.yaml:3:5", suite.Cases[0].Name)
	require.Equal(t, &junitFailure{"error", "VM010: unknown <field> & \"more\"", "a.yaml:3:5: error VM010: unknown <field> & \"more\"\nhelp: drop it"}, suite.Cases[0].Failure)
	require.Nil(t, suite.Cases[1].Failure)
	require.Equal(t, "a.yaml:3:5: warning VM209: weights", suite.Cases[1].Out)

	all, _ = tested(t, findings, Warning)
	require.Equal(t, 2, all.Failures)
	all, _ = tested(t, findings, Error+1)
	require.Zero(t, all.Failures, "nothing fails with --fail-on never")
}

// A run without findings is one test that passed: servers take an empty report for a broken run.
func TestJUnitWithoutFindings(t *testing.T) {
	all, _ := tested(t, nil, 0)
	require.Equal(t, 1, all.Tests)
	require.Equal(t, "no findings", all.Suites[0].Cases[0].Name)
}
