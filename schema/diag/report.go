package diag

import (
	"fmt"
	"io"
	"strings"
)

// Format is a way of printing findings.
type Format string

// The formats that exist.
const (
	Text   Format = "text"
	JSON   Format = "json"
	GitHub Format = "github"
)

// Formats lists the formats that exist, in the order in which a help text names them.
func Formats() []Format { return []Format{Text, JSON, GitHub} }

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

// Write prints the findings, sorted and without repetitions. The colour is for a terminal, and only the text has it.
// The error is the writer's.
func Write(w io.Writer, f Format, findings List, colour bool) error {
	findings = findings.Sorted()
	switch f {
	case Text:
		return writeText(w, findings, colour)
	case JSON:
		return writeJSON(w, findings)
	case GitHub:
		return writeGitHub(w, findings)
	}
	panic("diag: no such format: " + string(f)) // ParseFormat makes no other
}
