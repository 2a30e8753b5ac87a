package diag

import (
	"encoding/xml"
	"io"
)

// The JUnit report, for servers that show tests: a suite for each file, a test for each finding. A finding that fails the run
// is a failure; any other is a test that passed and has something to say. A run without findings is one test that passed. The
// form is that of Jenkins' junit-10.xsd, which others read too.

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitFailure `xml:"failure"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func writeJUnit(w io.Writer, findings, omitted List, failing Severity) error {
	all := junitSuites{Name: "vmmesh"}
	for _, d := range findings {
		file := "vmmesh"
		if s := d.At.Source(); s != nil && s.Name != "" {
			file = Clean(s.Name)
		}
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != file {
			all.Suites = append(all.Suites, junitSuite{Name: file})
		}
		suite := &all.Suites[len(all.Suites)-1]
		place := Clean(where(d, d.Pos()))
		text := place
		if place != "" {
			text += ": "
		}
		text += d.Severity.String() + " " + d.Rule + ": " + Clean(d.Message)
		if d.Help != "" {
			text += "\nhelp: " + d.Help
		}
		text = cleanLines(text)
		test := junitCase{Name: d.Rule + " " + place, Class: file}
		if d.Severity >= failing {
			test.Failure = &junitFailure{Type: d.Severity.String(), Message: Clean(d.Rule + ": " + d.Message), Text: text}
			suite.Failures++
			all.Failures++
		} else {
			test.Out = text
		}
		suite.Cases = append(suite.Cases, test)
		suite.Tests++
		all.Tests++
	}
	if more := omission(omitted); more != "" {
		suite := junitSuite{Name: "vmmesh", Tests: 1, Cases: []junitCase{{Name: more, Class: "vmmesh"}}}
		if worst := omitted.Worst(); worst >= failing {
			suite.Cases[0].Failure = &junitFailure{Type: worst.String(), Message: more}
			suite.Failures++
			all.Failures++
		}
		all.Suites = append(all.Suites, suite)
		all.Tests++
	}
	if len(findings) == 0 {
		all.Tests = 1
		all.Suites = []junitSuite{{Name: "vmmesh", Tests: 1, Cases: []junitCase{{Name: "no findings", Class: "vmmesh"}}}}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
