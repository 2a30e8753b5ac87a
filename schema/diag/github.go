package diag

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The GitHub report: one workflow command a finding, which Actions shows beside the line that it is about.
//
//	::error file=vmmesh.yaml,line=12,col=9,title=VM010::unknown field "adress"%0Ahelp: did you mean "address"?

// What GitHub's runner turns back: in a message, and in a property besides.
var (
	githubMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func writeGitHub(w io.Writer, findings, omitted List) error {
	out := bufio.NewWriter(w)
	for _, d := range findings {
		pos := d.Pos()
		var properties []string
		property := func(name, value string) {
			properties = append(properties, name+"="+githubProperty.Replace(cleanLines(value)))
		}
		message := d.Message
		// Standard input is no file of the repository, and without a file GitHub has no use for a line.
		if s := d.At.Source(); s != nil && s.Name != "" && s.Name != "-" {
			property("file", s.Name)
			if pos.Line > 0 {
				property("line", strconv.Itoa(pos.Line))
			}
			if pos.Line > 0 && pos.Col > 0 {
				property("col", strconv.Itoa(pos.Col))
			}
			if path := shownPath(d.At); pos.Line <= 0 && path != "" {
				message = path + ": " + message
			}
		} else if place := where(d, pos); place != "" {
			message = place + ": " + message
		}
		property("title", d.Rule)
		if d.Help != "" {
			message += "\nhelp: " + d.Help
		}
		fmt.Fprintf(out, "::%s %s::%s\n", githubCommand(d.Severity), strings.Join(properties, ","), githubMessage.Replace(cleanLines(message)))
	}
	if more := omission(omitted); more != "" {
		fmt.Fprintf(out, "::%s title=vmmesh::%s\n", githubCommand(omitted.Worst()), more)
	}
	return out.Flush()
}

// cleanLines cleans everything but the ends of lines, which a workflow command encodes and the runner turns back.
func cleanLines(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		end := strings.IndexAny(s, "\r\n")
		if end < 0 {
			end = len(s)
		}
		b.WriteString(Clean(s[:end]))
		if end < len(s) {
			b.WriteByte(s[end])
			end++
		}
		s = s[end:]
	}
	return b.String()
}

func githubCommand(s Severity) string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	}
	return "notice"
}
