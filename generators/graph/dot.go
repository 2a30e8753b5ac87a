package graph

import (
	"strings"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// DOT draws a mesh in the language of Graphviz.
func DOT(m *mesh.Mesh) string {
	d := drawn(m)
	var out strings.Builder
	out.WriteString("digraph mesh {\n  compound=true\n  rankdir=LR\n  node [shape=box, fontname=\"sans-serif\"]\n" +
		"  edge [fontname=\"sans-serif\"]\n")
	for _, e := range d.order {
		if e.box != nil {
			e.box.dot(&out, "  ")
		}
	}
	for _, k := range d.links {
		var with []string
		if len(k.lines) > 0 {
			with = append(with, "label="+quoted(k.lines...))
		}
		if k.from.frame {
			with = append(with, "ltail=cluster_"+k.from.id)
		}
		if k.to.frame {
			with = append(with, "lhead=cluster_"+k.to.id)
		}
		switch k.arrow {
		case calls:
			with = append(with, "penwidth=2")
		case denied:
			with = append(with, "style=dashed", "color=red")
		case same:
			with = append(with, "style=dotted", "dir=none", "constraint=false")
		}
		out.WriteString("  " + k.from.id + " -> " + k.to.id)
		if len(with) > 0 {
			out.WriteString(" [" + strings.Join(with, ", ") + "]")
		}
		out.WriteByte('\n')
	}
	out.WriteString("}\n")
	return out.String()
}

// shapes are Graphviz's names of Mermaid's shapes.
var shapes = map[string]string{"([": "ellipse", "{{": "hexagon", "[[": "box3d", "[/": "parallelogram"}

func (b *box) dot(out *strings.Builder, indent string) {
	if !b.frame {
		out.WriteString(indent + b.id + " [label=" + quoted(b.lines...))
		if s := shapes[b.begin]; s != "" {
			out.WriteString(", shape=" + s)
		} else if b.begin == "(" {
			out.WriteString(", style=rounded")
		}
		out.WriteString("]\n")
		return
	}
	out.WriteString(indent + "subgraph cluster_" + b.id + " {\n" + indent + "  label=" + quoted(b.lines...) + "\n")
	out.WriteString(indent + "  " + b.id + " [shape=point, style=invis]\n") // an arrow to a frame needs something in it
	for _, inner := range b.inside {
		inner.dot(out, indent+"  ")
	}
	out.WriteString(indent + "}\n")
}

// quoted is lines of text as a string of DOT, in which a backslash begins an escape.
func quoted(lines ...string) string {
	var out strings.Builder
	out.WriteByte('"')
	for i, line := range lines {
		if i > 0 {
			out.WriteString(`\n`)
		}
		for _, r := range short(line) {
			switch {
			case !printable(r):
				out.WriteByte('?')
			case r == '"' || r == '\\':
				out.WriteString(`\` + string(r))
			case r == '&': // Graphviz reads entities of HTML in every string
				out.WriteString("&amp;")
			default:
				out.WriteRune(r)
			}
		}
	}
	out.WriteByte('"')
	return out.String()
}
