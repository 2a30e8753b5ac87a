package diag

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/secret"
)

// The text report, for people:
//
//	vmmesh.yaml:12:9: error VM010: unknown field "adress"
//	  12 |         adress: 192.168.1.100
//	     |         ^
//	  help: did you mean "address"?
//
// Where there are no lines, the path stands in their place: payments:spec.workloads[a].groups[v1]: error …

// palette is the escape sequences of a terminal, or nothing.
type palette struct{ bold, dim, err, warn, info, off string }

func newPalette(colour bool) palette {
	if !colour {
		return palette{}
	}
	return palette{bold: "\x1b[1m", dim: "\x1b[2m", err: "\x1b[1;31m", warn: "\x1b[1;33m", info: "\x1b[1;36m", off: "\x1b[0m"}
}

func (p palette) of(s Severity) string {
	switch s {
	case Error:
		return p.err
	case Warning:
		return p.warn
	}
	return p.info
}

func writeText(w io.Writer, findings, omitted List, o Options) error {
	out := bufio.NewWriter(w)
	p := newPalette(o.Colour)
	var lines lineReader
	hidden := hiddenLines(findings)
	for _, d := range findings {
		pos := d.Pos()
		if place := where(d, pos); place != "" {
			fmt.Fprintf(out, "%s%s:%s ", p.bold, Clean(place), p.off)
		}
		fmt.Fprintf(out, "%s%s%s %s: %s\n", p.of(d.Severity), d.Severity, p.off, d.Rule, Clean(d.Message))
		if line, ok := lines.line(d.At.Source(), pos.Line); ok && !o.NoExcerpts && !hidden[lineOf(d, pos)] && !secret.InLine(string(line)) {
			writeExcerpt(out, p, p.of(d.Severity), line, pos)
		}
		if d.Help != "" {
			help := strings.Split(strings.TrimRight(d.Help, "\n"), "\n")
			fmt.Fprintf(out, "  %shelp:%s %s\n", p.bold, p.off, Clean(help[0]))
			for _, more := range help[1:] {
				fmt.Fprintln(out, strings.TrimRight("        "+Clean(more), " "))
			}
		}
	}
	if more := omission(omitted); more != "" {
		fmt.Fprintln(out, more)
	}
	return out.Flush()
}

// textLine is a line of a file.
type textLine struct {
	file string
	line int
}

func lineOf(d Diagnostic, pos Pos) textLine {
	if s := d.At.Source(); s != nil {
		return textLine{s.Name, pos.Line}
	}
	return textLine{line: pos.Line}
}

// hiddenLines returns the lines that some finding says not to show; no other finding shows them either.
func hiddenLines(findings List) map[textLine]bool {
	hidden := map[textLine]bool{}
	for _, d := range findings {
		if d.NoExcerpt {
			hidden[lineOf(d, d.Pos())] = true
		}
	}
	return hidden
}

// where is a finding's place in one word: file:line:col, as far as it is known, or else file:path.
func where(d Diagnostic, pos Pos) string {
	var parts []string
	if s := d.At.Source(); s != nil && s.Name != "" {
		parts = append(parts, s.Name)
	}
	switch {
	case pos.Line > 0 && pos.Col > 0:
		parts = append(parts, strconv.Itoa(pos.Line), strconv.Itoa(pos.Col))
	case pos.Line > 0:
		parts = append(parts, strconv.Itoa(pos.Line))
	default:
		if path := shownPath(d.At); path != "" {
			parts = append(parts, path)
		}
	}
	return strings.Join(parts, ":")
}

// writeExcerpt prints a source line and, below it, a caret.
func writeExcerpt(out io.Writer, p palette, mark string, line []byte, pos Pos) {
	number := fmt.Sprintf("%4d", pos.Line)
	text, pad := excerpt(line, pos.Col)
	fmt.Fprintf(out, "%s%s |%s", p.dim, number, p.off)
	if text != "" {
		fmt.Fprint(out, " ", text)
	}
	fmt.Fprintln(out)
	if pos.Col > 0 {
		fmt.Fprintf(out, "%s%s |%s %s%s^%s\n", p.dim, strings.Repeat(" ", len(number)), p.off, pad, mark, p.off)
	}
}
