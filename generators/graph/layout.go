package graph

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sizes in pixels.
const (
	margin     = 20
	padding    = 10
	gap        = 14
	lineHeight = 17
	slot       = 20 // between two arrows at one side of a box
	lane       = 12 // between two arrows that run side by side
	gridWidth  = 3  // VMs of a group in a row
)

// rect is where a box is.
type rect struct{ x, y, w, h int }

// wire is an arrow with its place.
type wire struct {
	link  *link
	path  string
	text  string
	x, y  int
	right bool // whether the text ends at x
}

// layout places the one shape that a mesh has: columns of callers, services and networks.
type layout struct {
	*drawing
	columns       [3][]*box
	in, out, side map[*box][]*link // arrows at the left, and from it to the right; those between boxes of the last column
	wires         []wire
	width, height int
}

func printable(r rune) bool { return r != utf8.RuneError && unicode.IsPrint(r) }

// textWidth estimates how wide a text is drawn in bold.
func textWidth(s string) int {
	w := 0.0
	for _, r := range s {
		switch {
		case r >= 0x1100:
			w += 14
		case strings.ContainsRune("iljtfI.,:;'|!()[]/ ", r):
			w += 5.4
		case strings.ContainsRune("mwMW@%#<>{}&+=~_", r):
			w += 12
		case r >= 'A' && r <= 'Z':
			w += 9.4
		default:
			w += 8.3
		}
	}
	return int(math.Ceil(w))
}

// smallWidth is [textWidth] of small, thin text.
func smallWidth(s string) int { return textWidth(s) * 6 / 7 }

func columnOf(b *box) int {
	for b.up != nil {
		b = b.up
	}
	switch {
	case b.of == "callers":
		return 0
	case strings.HasPrefix(b.of, "service "):
		return 1
	}
	return 2
}

func (l *layout) arrange() {
	l.in, l.out, l.side = map[*box][]*link{}, map[*box][]*link{}, map[*box][]*link{}
	for _, e := range l.order {
		if e.box != nil {
			c := columnOf(e.box)
			l.columns[c] = append(l.columns[c], e.box)
		}
	}
	runs := map[*box][]string{}
	for _, k := range l.links {
		from, to := columnOf(k.from), columnOf(k.to)
		switch {
		case k.arrow == same:
			runs[k.to] = append(runs[k.to], k.from.lines[0])
		case from < to:
			l.out[k.from] = append(l.out[k.from], k)
			l.in[k.to] = append(l.in[k.to], k)
		default:
			l.side[k.from] = append(l.side[k.from], k)
			l.side[k.to] = append(l.side[k.to], k)
		}
	}
	for b, groups := range runs {
		b.lines = append(slices.Clone(b.lines), "is "+some(groups, 2))
	}
	for _, column := range l.columns {
		for _, b := range column {
			l.size(b)
		}
	}
	x := margin
	// The networks are placed first, then services beside their VMs, then callers beside what they call.
	y := margin
	for _, b := range l.columns[2] {
		b.move(0, y)
		y += b.rect.h + gap
	}
	l.beside(1, l.columns[1], l.out)
	if len(l.columns[0]) > 0 {
		frame := l.columns[0][0]
		l.beside(0, frame.inside, l.out)
		l.fit(frame)
	}
	for c, column := range l.columns {
		if len(column) == 0 {
			continue
		}
		widest := 0
		for _, b := range column {
			widest = max(widest, b.rect.w)
		}
		for _, b := range column {
			b.widen(widest)
			b.move(x-b.rect.x, 0)
		}
		x += widest
		if c < 2 {
			x += 70 + l.room(c)
		}
	}
	if len(l.columns[2]) == 0 {
		x -= 70
	}
	l.width = l.connect(x) + margin
	for _, column := range l.columns {
		for _, b := range column {
			l.height = max(l.height, b.rect.y+b.rect.h)
		}
	}
	l.height += margin + lineHeight*(len(legend)+1)
	l.width = max(l.width, textWidth(legend[0])+2*margin)
}

// room is the width of the widest text on an arrow from a column to the next.
func (l *layout) room(column int) int {
	w := 0
	for _, k := range l.links {
		if k.arrow != same && columnOf(k.from) == column && columnOf(k.to) > column {
			w = max(w, smallWidth(text(k)))
		}
	}
	return w
}

func text(k *link) string { return short(strings.Join(k.lines, ", ")) }

// size finds how large a box is, and places what is inside relative to its corner.
func (l *layout) size(b *box) {
	w := 0
	for i, line := range b.lines {
		if i == 0 {
			w = textWidth(short(line))
		} else {
			w = max(w, smallWidth(short(line)))
		}
	}
	b.rect = rect{0, 0, w + 2*padding, 2*padding + lineHeight*len(b.lines) - 3}
	for _, inner := range b.inside {
		l.size(inner)
	}
	if b.frame {
		l.stack(b)
	}
	b.rect.h = max(b.rect.h, slot*max(len(l.side[b]), len(l.in[b]), len(l.out[b]))+padding)
}

// stack places what is in a frame: VMs of a group in a grid, all else one below the other, for arrows at its sides.
func (l *layout) stack(b *box) {
	across := 1
	if strings.HasPrefix(b.of, "group ") {
		across = min(gridWidth, max(1, len(b.inside)))
	}
	if b.of == "callers" {
		return // they are placed beside what they call
	}
	cell := 0
	for _, inner := range b.inside {
		cell = max(cell, inner.rect.w)
	}
	y, high := b.rect.h, 0
	for i, inner := range b.inside {
		if i%across == 0 && i > 0 {
			y += high + gap
			high = 0
		}
		inner.move(padding+i%across*(cell+gap), y)
		high = max(high, inner.rect.h)
	}
	if len(b.inside) > 0 {
		y += high + padding
	}
	b.rect.w = max(b.rect.w, 2*padding+across*cell+(across-1)*gap)
	for _, inner := range b.inside {
		if across > 1 {
			inner.rect.w = cell
		}
	}
	b.rect.h = max(b.rect.h, y)
}

// widen gives a box this width, and what is one below the other in it too.
func (b *box) widen(w int) {
	b.rect.w = w
	if strings.HasPrefix(b.of, "group ") && len(b.inside) > 1 {
		return
	}
	for _, inner := range b.inside {
		inner.widen(w - 2*padding)
	}
}

// move moves a box with what is inside.
func (b *box) move(x, y int) {
	b.rect.x += x
	b.rect.y += y
	for _, inner := range b.inside {
		inner.move(x, y)
	}
}

func (b *box) middle() int { return b.rect.y + b.rect.h/2 }

// beside places boxes of a column at the height of what their arrows lead to, without overlap.
func (l *layout) beside(column int, boxes []*box, out map[*box][]*link) {
	if len(boxes) == 0 {
		return
	}
	at := map[*box]int{}
	for _, b := range boxes {
		sum := 0
		for _, k := range out[b] {
			sum += k.to.middle()
		}
		if n := len(out[b]); n > 0 {
			at[b] = sum/n - b.rect.h/2
		}
	}
	sorted := slices.Clone(boxes)
	slices.SortStableFunc(sorted, func(a, b *box) int { return cmp.Compare(at[a]+a.rect.h/2, at[b]+b.rect.h/2) })
	y := margin
	if column == 0 {
		y += padding + lineHeight + gap
	}
	for _, b := range sorted {
		y = max(y, at[b])
		b.move(-b.rect.x, y-b.rect.y)
		y += b.rect.h + gap
	}
}

// fit draws a frame around what was placed.
func (l *layout) fit(b *box) {
	top, bottom, w := math.MaxInt, 0, b.rect.w
	for _, inner := range b.inside {
		top = min(top, inner.rect.y)
		bottom = max(bottom, inner.rect.y+inner.rect.h)
		w = max(w, inner.rect.w+2*padding)
	}
	for _, inner := range b.inside {
		inner.rect.w = w - 2*padding
		inner.move(padding, 0)
	}
	b.rect = rect{0, top - padding - lineHeight - 3, w, bottom - top + 2*padding + lineHeight + 3}
}

// end is where an arrow touches a side of a box: arrows are spread over the side by where they come from or go to.
func end(list []*link, k *link, b *box, other func(*link) *box) int {
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, c *link) int { return cmp.Compare(other(a).middle(), other(c).middle()) })
	return spread(slices.Index(sorted, k), len(sorted), b)
}

// spread is the height of one of n places at a side of a box; at a frame with something inside, near its title.
func spread(i, n int, b *box) int {
	if b.frame {
		return b.rect.y + padding + 4 + i*slot
	}
	return b.middle() - (n-1)*slot/2 + i*slot
}

// connect draws the arrows; it returns how wide the picture is. right is where the last column ends.
func (l *layout) connect(right int) int {
	var sideways []*link
	for _, k := range l.links {
		if k.arrow == same {
			continue
		}
		if columnOf(k.from) >= columnOf(k.to) {
			sideways = append(sideways, k)
			continue
		}
		y1 := end(l.out[k.from], k, k.from, func(k *link) *box { return k.to })
		y2 := end(l.in[k.to], k, k.to, func(k *link) *box { return k.from })
		x1, x2 := k.from.rect.x+k.from.rect.w, k.to.rect.x
		words := text(k)
		straight := l.columnLeft(columnOf(k.to)) - l.room(columnOf(k.from)) - 14
		l.wires = append(l.wires, wire{
			link: k, text: words, x: l.columnLeft(columnOf(k.to)) - 10, y: y2 - 5, right: true,
			path: fmt.Sprintf("M%d %dC%d %d %d %d %d %dH%d", x1, y1, x1+35, y1, straight-35, y2, straight, y2, x2),
		})
	}
	if len(sideways) == 0 {
		return right
	}
	words := 0
	for _, k := range sideways {
		words = max(words, smallWidth(text(k)))
	}
	ends := map[*link][2]int{}
	for b, list := range l.side {
		sorted := slices.Clone(list)
		slices.SortStableFunc(sorted, func(a, c *link) int { return cmp.Compare(a.opposite(b).middle(), c.opposite(b).middle()) })
		for i, k := range sorted {
			e := ends[k]
			if k.from == b {
				e[0] = spread(i, len(sorted), b)
			} else {
				e[1] = spread(i, len(sorted), b)
			}
			ends[k] = e
		}
	}
	span := func(k *link) int { return max(ends[k][0], ends[k][1]) - min(ends[k][0], ends[k][1]) }
	slices.SortStableFunc(sideways, func(a, b *link) int { return cmp.Compare(span(a), span(b)) })
	x := right + words + 26
	for _, k := range sideways {
		y1, y2 := ends[k][0], ends[k][1]
		l.wires = append(l.wires, wire{
			link: k, text: text(k), x: right + 14, y: y2 - 5,
			path: fmt.Sprintf("M%d %dH%dV%dH%d", k.from.rect.x+k.from.rect.w, y1, x, y2, k.to.rect.x+k.to.rect.w),
		})
		x += lane
	}
	return x
}

func (l *layout) columnLeft(c int) int {
	x := math.MaxInt
	for _, b := range l.columns[c] {
		x = min(x, b.rect.x)
	}
	return x
}

func (k *link) opposite(b *box) *box {
	if k.from == b {
		return k.to
	}
	return k.from
}
