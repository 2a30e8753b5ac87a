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

func writeGitHub(w io.Writer, findings List) error {
	out := bufio.NewWriter(w)
	for _, d := range findings {
		pos := d.Pos()
		var properties []string
		property := func(name, value string) {
			properties = append(properties, name+"="+githubProperty.Replace(value))
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
		fmt.Fprintf(out, "::%s %s::%s\n", githubCommand(d.Severity), strings.Join(properties, ","), githubMessage.Replace(message))
	}
	return out.Flush()
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
