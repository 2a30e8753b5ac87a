// Package graph draws a mesh for people: as Mermaid, SVG, HTML and DOT, and as the table of who reaches whom.
package graph

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// drawing is a picture as it grows: boxes, frames around boxes, and arrows, in the order in which they are drawn.
type drawing struct {
	order []entry
	stack []*box // the frames that are open
	by    map[string]*box
	boxes int
	links []*link
	edges int  // of all arrows, those that are left out too
	cut   bool // whether arrows that Mermaid would not take are left out
}

// entry is a box that is in no frame, or an arrow.
type entry struct {
	box  *box
	link *link
}

// box is a node, or a frame around what is inside.
type box struct {
	id         string // n0, n1, …: a name of the mesh could be syntax in the format
	of         string
	begin, end string // Mermaid's shape, as [ and ]
	lines      []string
	frame      bool
	inside     []*box
	up         *box
	rect       rect // where the SVG has it
}

// link is an arrow.
type link struct {
	from, to *box
	arrow    arrow
	lines    []string
}

// arrow is a kind of arrow, as Mermaid writes it.
type arrow string

const (
	leads  arrow = "-->"  // traffic goes there
	calls  arrow = "==>"  // may call
	denied arrow = "-.-x" // may not call
	same   arrow = "-.-"  // is the same
)

// known reports whether something of this name was drawn.
func (d *drawing) known(of string) bool { return d.by[of] != nil }

// box draws a node; shape is how it begins and ends, as [ and ].
func (d *drawing) box(of, begin, end string, lines ...string) {
	d.add(&box{of: of, begin: begin, end: end, lines: lines})
}

// open begins a frame around what follows, up to close. Its title is one line: Mermaid hides a second one behind the
// first row of what is inside.
func (d *drawing) open(of string, lines ...string) {
	b := &box{of: of, lines: []string{strings.Join(lines, ", ")}, frame: true}
	d.add(b)
	d.stack = append(d.stack, b)
}

func (d *drawing) close() { d.stack = d.stack[:len(d.stack)-1] }

func (d *drawing) add(b *box) {
	if d.by == nil {
		d.by = map[string]*box{}
	}
	b.id = "n" + strconv.Itoa(d.boxes)
	d.boxes++
	d.by[b.of] = b
	if n := len(d.stack); n > 0 {
		b.up = d.stack[n-1]
		b.up.inside = append(b.up.inside, b)
		return
	}
	d.order = append(d.order, entry{box: b})
}

// edge draws an arrow with text on it, where there is any.
func (d *drawing) edge(from string, a arrow, to string, lines ...string) {
	if d.edges++; d.cut && d.edges > mostEdges || d.by[from] == nil || d.by[to] == nil {
		return
	}
	l := &link{d.by[from], d.by[to], a, lines}
	d.links = append(d.links, l)
	d.order = append(d.order, entry{link: l})
}

// mostRunes is how long a line of a label may be.
const mostRunes = 80

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
