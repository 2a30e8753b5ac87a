package graph

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Diagrams beyond these are refused where Mermaid has its defaults (mermaid:
// packages/mermaid/src/schemas/config.schema.yaml, maxTextSize and maxEdges).
const (
	mostBytes = 50_000
	mostEdges = 500
)

// Mermaid draws a mesh as a flowchart. A mesh that is too large for one picture is drawn in less detail.
func Mermaid(m *mesh.Mesh) string {
	return draw(m, func(d *drawing) bool { return d.edges <= mostEdges && len(d.mermaid()) <= mostBytes }).mermaid()
}

func (d *drawing) mermaid() string {
	var out strings.Builder
	out.WriteString("flowchart " + d.direction() + "\n")
	for _, e := range d.order {
		if e.box != nil {
			e.box.mermaid(&out, "  ")
			continue
		}
		text := ""
		if len(e.link.lines) > 0 {
			text = "|" + label(e.link.lines...) + "|"
		}
		out.WriteString("  " + e.link.from.id + " " + string(e.link.arrow) + text + " " + e.link.to.id + "\n")
	}
	return out.String()
}

func (b *box) mermaid(out *strings.Builder, indent string) {
	if !b.frame {
		out.WriteString(indent + b.id + b.begin + label(b.lines...) + b.end + "\n")
		return
	}
	out.WriteString(indent + "subgraph " + b.id + "[" + label(b.lines...) + "]\n")
	for _, inner := range b.inside {
		inner.mermaid(out, indent+"  ")
	}
	out.WriteString(indent + "end\n")
}

// direction returns how a flowchart grows: top-down where the chain from callers to what VMs dial would be
// wider than a screen, and few boxes are side by side then; else from left to right.
func (d *drawing) direction() string {
	chains, widest := false, 0
	for _, b := range d.by {
		if !b.frame {
			continue
		}
		leaves := 0
		for _, inner := range b.inside {
			if !inner.frame {
				leaves++
			}
		}
		widest = max(widest, leaves)
	}
	services := 0
	for _, l := range d.links {
		if l.arrow == calls || l.arrow == denied {
			chains = true
		}
	}
	for of := range d.by {
		if strings.HasPrefix(of, "service ") {
			services++
		}
	}
	if chains && max(widest, services) <= 6 && d.boxes <= 40 {
		return "TB"
	}
	return "LR"
}

// label is lines of text in quotes. Letters, digits and a few marks are written as they are; all else is written by its
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
