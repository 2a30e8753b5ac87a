package diag

import (
	"fmt"
	"io"
	"strings"

	"github.com/vmmesh/vmmesh/schema/secret"
)

// Format is a way of printing findings.
type Format string

// The formats that exist.
const (
	Text   Format = "text"
	JSON   Format = "json"
	SARIF  Format = "sarif"
	GitHub Format = "github"
	JUnit  Format = "junit"
)

// Formats lists the formats that exist, in the order in which a help text names them.
func Formats() []Format { return []Format{Text, JSON, SARIF, GitHub, JUnit} }

// ParseFormat reads the name of a format. The error names those that exist.
func ParseFormat(name string) (Format, error) {
	names := make([]string, 0, len(Formats()))
	for _, f := range Formats() {
		if string(f) == name {
			return f, nil
		}
		names = append(names, string(f))
	}
	last := len(names) - 1
	return "", fmt.Errorf("unknown report format %q; there are %s and %s", name, strings.Join(names[:last], ", "), names[last])
}

// Options are what a report depends on beside the findings.
type Options struct {
	Colour     bool     // for a terminal; only the text has it
	NoExcerpts bool     // leave out the lines of the sources; only the text has them
	Rules      []*Rule  // the rules of the findings; only SARIF describes them
	Failing    Severity // from which on findings fail the run, 0 = Error; only JUnit tells failures from others
}

// Write is Report with nothing but the findings. The colour is for a terminal, and only the text has it.
func Write(w io.Writer, f Format, findings List, colour bool) error {
	return Report(w, f, findings, Options{Colour: colour})
}

// Report prints the findings, sorted and without repetitions, at most [Limit] of them. The error is the writer's.
func Report(w io.Writer, f Format, findings List, o Options) error {
	findings, omitted := findings.Sorted().limited()
	for i := range findings {
		findings[i].Message, findings[i].Help = secret.Redact(findings[i].Message), secret.Redact(findings[i].Help)
	}
	if o.Failing == 0 {
		o.Failing = Error
	}
	switch f {
	case Text:
		return writeText(w, findings, omitted, o)
	case JSON:
		return writeJSON(w, findings, omitted)
	case SARIF:
		return writeSARIF(w, findings, omitted, o.Rules)
	case GitHub:
		return writeGitHub(w, findings, omitted)
	case JUnit:
		return writeJUnit(w, findings, omitted, o.Failing)
	}
	panic("diag: no such format: " + string(f)) // ParseFormat makes no other
}

// shownPath is a path as reports print it: a key that is a secret is left out.
func shownPath(at Path) string { return secret.Redact(at.String()) }
