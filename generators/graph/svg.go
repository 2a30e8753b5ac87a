package graph

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// A picture beyond these is drawn in less detail.
const (
	mostBoxesDrawn = 160
	mostLinksDrawn = 120
)

// SVG draws a mesh as an SVG file: callers on the left, then the services, then the networks with their VMs. Arrows
// between the networks run on the right. It runs and loads nothing, and adapts to light and dark pages.
func SVG(m *mesh.Mesh) string {
	return drawn(m).svg()
}

func drawn(m *mesh.Mesh) *drawing {
	return draw(m, func(d *drawing) bool { return d.boxes <= mostBoxesDrawn && len(d.links) <= mostLinksDrawn })
}

const style = `text{font:13px system-ui,"DejaVu Sans",Verdana,sans-serif;fill:#1b1f24}
.s{font-size:12px;fill:#57606a}.t{font-weight:600}.f{fill:#818b9814;stroke:#818b98}.g{fill:#fff;stroke:#818b98}
.b{fill:#fff;stroke:#57606a}.svc{fill:#ddf4ff;stroke:#0969da}.who{fill:#fff8c5;stroke:#9a6700}.cp{fill:#fbefff;stroke:#8250df}
.gw{fill:#dafbe1;stroke:#1a7f37}.e{fill:none;stroke:#57606a;stroke-width:1.3}.call{fill:none;stroke:#0969da;stroke-width:2.2}
.no{fill:none;stroke:#cf222e;stroke-width:1.8;stroke-dasharray:5 4}.bg{fill:#fff}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9ea7b3}.bg{fill:#0d1117}.g,.b{fill:#161b22}.svc{fill:#0c2d6b}
.who{fill:#3b2300}.cp{fill:#271052}.gw{fill:#04260f}.e{stroke:#9ea7b3}.call{stroke:#58a6ff}.no{stroke:#ff7b72}}
`

func (d *drawing) svg() string {
	l := layout{drawing: d}
	l.arrange()
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`+"\n",
		l.width, l.height, l.width, l.height)
	out.WriteString("<title>Who reaches whom in the mesh</title>\n<style>\n" + style + "</style>\n<defs>\n")
	for _, m := range []struct{ id, class string }{{"e", "e"}, {"c", "call"}, {"n", "no"}} {
		fmt.Fprintf(&out, `<marker id="%s" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" `+
			`markerUnits="userSpaceOnUse" orient="auto"><path class="%s" style="stroke-dasharray:none" d="M1 1L9 5L1 9"/></marker>`+"\n", m.id, m.class)
	}
	fmt.Fprintf(&out, "</defs>\n<rect class=\"bg\" width=\"%d\" height=\"%d\"/>\n", l.width, l.height)
	for _, e := range d.order {
		if e.box != nil {
			e.box.svg(&out)
		}
	}
	for _, w := range l.wires {
		class, marker := "e", "e"
		switch w.link.arrow {
		case calls:
			class, marker = "call", "c"
		case denied:
			class, marker = "no", "n"
		}
		fmt.Fprintf(&out, `<path class="%s" marker-end="url(#%s)" d="%s"/>`+"\n", class, marker, w.path)
	}
	for _, w := range l.wires { // over all lines
		if w.text != "" {
			anchor := ""
			if w.right {
				anchor = ` text-anchor="end"`
			}
			fmt.Fprintf(&out, `<text class="s" x="%d" y="%d"%s>%s</text>`+"\n", w.x, w.y, anchor, escaped(w.text))
		}
	}
	for i, line := range legend {
		fmt.Fprintf(&out, `<text class="s" x="%d" y="%d">%s</text>`+"\n", margin, l.height-margin-lineHeight*(len(legend)-1-i), line)
	}
	out.WriteString("</svg>\n")
	return out.String()
}

var legend = []string{
	"Wide: may call, what it may call at the arrow (all, where there is nothing).  Dashed, red: denied.",
	"Thin: traffic goes there, with the ports or addresses that are dialled.",
}

func (b *box) svg(out *strings.Builder) {
	class, round := "b", 4
	switch {
	case b.frame:
		class, round = "f", 8
		if strings.HasPrefix(b.of, "group ") {
			class = "g"
		}
	case strings.HasPrefix(b.of, "service "):
		class, round = "svc", 14
	case strings.HasPrefix(b.of, "caller "):
		class, round = "who", 10
	case b.of == istiod || b.of == ca:
		class = "cp"
	case b.of == eastWest || strings.HasPrefix(b.of, "gateway "):
		class = "gw"
	}
	r := b.rect
	fmt.Fprintf(out, `<g><title>%s</title><rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="%d"/>`+"\n",
		escaped(strings.Join(b.lines, ", ")), class, r.x, r.y, r.w, r.h, round)
	y := r.y + padding + 11
	for i, line := range b.lines {
		class := "t"
		if i > 0 {
			class = "s"
		}
		fmt.Fprintf(out, `<text class="%s" x="%d" y="%d">%s</text>`+"\n", class, r.x+padding, y, escaped(short(line)))
		y += lineHeight
	}
	for _, inner := range b.inside {
		inner.svg(out)
	}
	out.WriteString("</g>\n")
}

// escaped is a text that is nothing but text in XML and HTML.
func escaped(s string) string {
	var out strings.Builder
	for _, r := range s {
		switch {
		case !printable(r):
			out.WriteByte('?')
		case strings.ContainsRune(`&<>"'`, r):
			out.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
