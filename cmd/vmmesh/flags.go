package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// oneOf sets a flag that takes one of a few words.
func oneOf[T ~string](to *T, value string, words ...T) error {
	if !slices.Contains(words, T(value)) {
		names := make([]string, len(words))
		for i, w := range words {
			names[i] = string(w)
		}
		last := len(names) - 1
		return fmt.Errorf("it takes %s or %s", strings.Join(names[:last], ", "), names[last])
	}
	*to = T(value)
	return nil
}

// reportFlag is --report.
type reportFlag diag.Format

func (f *reportFlag) String() string { return string(*f) }
func (f *reportFlag) Type() string   { return "FORMAT" }
func (f *reportFlag) Set(value string) error {
	format, err := diag.ParseFormat(value)
	if err == nil {
		*f = reportFlag(format)
	}
	return err
}

// failOn is --fail-on: the severity from which on findings fail the run.
type failOn string

const (
	failOnError   failOn = "error"
	failOnWarning failOn = "warning"
	failOnNever   failOn = "never"
)

func (f *failOn) String() string { return string(*f) }
func (f *failOn) Type() string   { return "SEVERITY" }
func (f *failOn) Set(value string) error {
	return oneOf(f, value, failOnError, failOnWarning, failOnNever)
}

// least is the severity from which on findings fail the run; above all of them for never.
func (f failOn) least() diag.Severity {
	switch f {
	case failOnNever:
		return diag.Error + 1
	case failOnWarning:
		return diag.Warning
	}
	return diag.Error
}

// fails tells whether a finding of this severity fails the run.
func (f failOn) fails(s diag.Severity) bool { return s >= f.least() }

// colorMode is --color.
type colorMode string

const (
	colorAuto   colorMode = "auto"
	colorAlways colorMode = "always"
	colorNever  colorMode = "never"
)

func (c *colorMode) String() string {
	if *c == "" {
		return string(colorAuto)
	}
	return string(*c)
}
func (c *colorMode) Type() string { return "WHEN" }
func (c *colorMode) Set(value string) error {
	return oneOf(c, value, colorAuto, colorAlways, colorNever)
}

// outputFlag is version's -o.
type outputFlag string

const (
	outputText outputFlag = "text"
	outputJSON outputFlag = "json"
)

func (o *outputFlag) String() string         { return string(*o) }
func (o *outputFlag) Type() string           { return "FORMAT" }
func (o *outputFlag) Set(value string) error { return oneOf(o, value, outputText, outputJSON) }

// graphFormat is graph's --format.
type graphFormat string

func (f *graphFormat) String() string { return string(*f) }
func (f *graphFormat) Type() string   { return "FORMAT" }
func (f *graphFormat) Set(value string) error {
	var names []graphFormat
	for _, known := range fn.GraphFormats() {
		names = append(names, graphFormat(known))
	}
	return oneOf(f, value, names...)
}

// coloured reports whether text for this stream is coloured. The flag is the last word; then NO_COLOR, CLICOLOR_FORCE
// and what the stream is, as no-color.org and bixense.com/clicolors say.
func (a *app) coloured(stream any) bool {
	switch a.color {
	case colorAlways:
		return true
	case colorNever:
		return false
	}
	env := func(name string) string { v, _ := a.LookupEnv(name); return v }
	switch {
	case env("NO_COLOR") != "":
		return false
	case env("CLICOLOR_FORCE") != "" && env("CLICOLOR_FORCE") != "0":
		return true
	}
	return a.IsTerminal(stream) && env("TERM") != "dumb"
}
