// Package graph draws a mesh for people: as a Mermaid diagram, and as the table of who reaches whom.
package graph

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// drawing is a Mermaid flowchart as it grows.
type drawing struct {
	strings.Builder
	indent int
	edges  int
	cut    bool              // whether arrows that Mermaid would not take are left out
	ids    map[string]string // by what they are for
}

// Diagrams beyond these are refused where Mermaid has its defaults (mermaid: packages/mermaid/src/schemas/config.schema.yaml,
// maxTextSize and maxEdges).
const (
	mostBytes = 50_000
	mostEdges = 500
)

// fits tells whether Mermaid draws it.
func (d *drawing) fits() bool { return d.Len() <= mostBytes && d.edges <= mostEdges }

func (d *drawing) line(words ...string) {
	d.WriteString(strings.Repeat("  ", d.indent))
	for _, w := range words {
		d.WriteString(w)
	}
	d.WriteByte('\n')
}

// id is a name that Mermaid takes for anything: what a thing is called in the mesh could mean something there.
func (d *drawing) id(of string) string {
	if d.ids == nil {
		d.ids = map[string]string{}
	}
	if d.ids[of] == "" {
		d.ids[of] = "n" + strconv.Itoa(len(d.ids))
	}
	return d.ids[of]
}

// known tells whether something of this name was drawn.
func (d *drawing) known(of string) bool { return d.ids[of] != "" }

// box draws a node; shape is how it begins and ends, as [ and ].
func (d *drawing) box(of, begin, end string, lines ...string) {
	d.line(d.id(of), begin, label(lines...), end)
}

// open begins a frame around what follows, up to close.
func (d *drawing) open(of string, lines ...string) {
	d.line("subgraph ", d.id(of), "[", label(lines...), "]")
	d.indent++
}

func (d *drawing) close() {
	d.indent--
	d.line("end")
}

// edge draws an arrow, such as --> or ==>, with words on it, where there are any.
func (d *drawing) edge(from, arrow, to string, lines ...string) {
	if d.edges++; d.cut && d.edges > mostEdges {
		return
	}
	text := ""
	if len(lines) > 0 {
		text = "|" + label(lines...) + "|"
	}
	d.line(d.id(from), " ", arrow, text, " ", d.id(to))
}

// mostRunes is how long a line of a label may be.
const mostRunes = 80

// label is lines of text in quotes. Letters, digits and a few marks stand as they are; all else is written by its
// number, so that no name becomes syntax, Markdown or HTML.
func label(lines ...string) string {
	var out strings.Builder
	out.WriteByte('"')
	for i, line := range lines {
		if i > 0 {
			out.WriteString("<br/>")
		}
		for n, r := range []rune(short(line)) {
			switch {
			case r == utf8.RuneError || !unicode.IsPrint(r):
				out.WriteByte('?')
			case unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" ._,/-()=:+…", r) && (n > 0 || r != '-'):
				out.WriteRune(r)
			default:
				out.WriteString("#" + strconv.Itoa(int(r)) + ";")
			}
		}
	}
	out.WriteByte('"')
	return out.String()
}

func short(s string) string {
	if utf8.RuneCountInString(s) <= mostRunes {
		return s
	}
	return string([]rune(s)[:mostRunes-1]) + "…"
}

// counted is a number and its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
