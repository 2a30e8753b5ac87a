package syntax

import "strings"

// readSubset reads the plain part of YAML that fleets are written in, some ten times faster than the library: block
// maps and lists, flow maps and lists, plain and quoted scalars on one line, literal blocks, comments, `---`.
// Its rule is to accept only what it reads exactly as [readAny] does, with the same kinds, values and positions, and
// to answer false for everything else, right or wrong: anchors, aliases, tags, merge keys, complex keys, directives,
// folded blocks, scalars of several lines, tabs, duplicate keys, and all errors. FuzzReadersAgree holds it to that.
func readSubset(in *input) ([]*Node, bool) {
	p := subset{text: in.text, line: 1, mark: in.mark}
	roots, ok := p.stream()
	return roots, ok
}

// subset is the reader's state. Between calls, pos is at the beginning of a token.
//
// A lenient subset serves to explain what is wrong with a text (see explain): it steps over what it does not
// support, as far as that is simple, and its values mean nothing.
type subset struct {
	text    string
	lenient bool
	mark    int // length of the byte order mark before text

	pos   int // offset of the token
	line  int // its line, from 1
	start int // offset at which that line begins
	col   int // its column in bytes from 0; -1 at the end of a document

	ofKey  bool // whether the value of a flow collection that is read now has a key
	depth  int
	fields []Field // of maps that are not complete, the innermost last
	items  []Node  // of lists that are not complete
	keptF  []Field // room for the fields of complete maps
	keptI  []Node  // room for the items of complete lists

	trouble trouble
}

// inFlow is the column while next skips blanks within a flow collection, where tabs are no indentation.
const inFlow = -2

// trouble is why reading stopped, and where. Without a message it is something that the subset does not support.
type trouble struct {
	offset        int
	message, help string
}

func (p *subset) unsupported() bool { return false }

// wrong stops at an offset with a reason.
func (p *subset) wrong(offset int, message, help string) bool {
	if p.trouble.message == "" {
		p.trouble = trouble{offset, message, help}
	}
	return false
}

// Classes of bytes.
const (
	blockEnd   = 1 << iota // may end a plain scalar in a block: line ends, colon, hash, tab
	flowEnd                // may end a plain scalar in a flow collection
	plainStart             // may begin a plain scalar, whatever follows it
)

var classes = func() (t [256]uint8) {
	for _, c := range []byte("\r\n:#\t") {
		t[c] |= blockEnd | flowEnd
	}
	for _, c := range []byte(",?[]{}") {
		t[c] |= flowEnd
	}
	for c := '!'; c < 0x100; c++ {
		if c != 0x7f && !strings.ContainsRune("-?:,[]{}#&*!|>'\"%@`", c) {
			t[c] |= plainStart
		}
	}
	return t
}()

// blankAt tells whether a blank, a line end or the end of the text is at an offset.
func (p *subset) blankAt(i int) bool {
	if i >= len(p.text) {
		return true
	}
	switch p.text[i] {
	case ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

// stream reads all documents; false where the subset ends.
func (p *subset) stream() ([]*Node, bool) {
	var roots []*Node
	if !p.next() {
		return nil, false
	}
	for {
		if p.col < 0 && p.pos < len(p.text) { // at ---
			line := p.line
			p.pos += 3
			if !p.next() {
				return nil, false
			}
			if p.col >= 0 && p.line == line {
				return nil, p.unsupported() // content on the line of ---
			}
		}
		if p.col >= 0 {
			root := new(Node)
			if !p.block(root, -1, false) {
				return nil, false
			}
			if p.col >= 0 {
				return nil, p.indentation()
			}
			if root.Kind != Map && root.Kind != Seq {
				return nil, p.unsupported()
			}
			roots = append(roots, root)
		}
		if p.pos >= len(p.text) {
			return roots, true
		}
	}
}

// next moves to the next token, over blanks, comments and lines.
func (p *subset) next() bool {
	s, i := p.text, p.pos
	for ; i < len(s); i++ {
		switch s[i] {
		case ' ', '\r': // a carriage return is followed by a line feed: check has seen to that
		case '\n':
			p.line++
			p.start = i + 1
		case '#':
			if i > p.start && s[i-1] != ' ' && !(p.lenient && s[i-1] == '\t') {
				return p.unsupported()
			}
			end := strings.IndexByte(s[i:], '\n')
			if end < 0 {
				i = len(s) - 1
			} else {
				i += end - 1
			}
		case '\t':
			if !p.lenient {
				return p.unsupported()
			}
			if p.col != inFlow && (p.pos < p.start || p.pos == 0) && strings.Trim(s[p.start:i], " ") == "" && !p.restBlank(i) {
				return p.wrong(i, "a tab stands where spaces must indent the line", "indent with spaces: a tab has no width that all readers agree on")
			}
		default:
			p.pos, p.col = i, i-p.start
			if i == p.start && (s[i] == '-' || s[i] == '.') && i+3 <= len(s) && s[i+1] == s[i] && s[i+2] == s[i] && p.blankAt(i+3) {
				if s[i] == '.' {
					return p.unsupported()
				}
				p.col = -1
			}
			return true
		}
	}
	p.pos, p.col = len(s), -1
	return true
}

// restBlank tells whether only blanks, or a comment, follow on the line.
func (p *subset) restBlank(i int) bool {
	rest := strings.TrimLeft(p.text[i:], " \t\r")
	return rest == "" || rest[0] == '\n' || rest[0] == '#'
}

// place is the position of an offset on the current line.
func (p *subset) place(offset int) (line, col int32) {
	col = int32(offset - p.start + 1)
	if p.line == 1 {
		col += int32(p.mark)
	}
	return int32(p.line), col
}

// keepFields moves the fields from base on to where they stay.
func (p *subset) keepFields(base int) []Field {
	n := len(p.fields) - base
	if n == 0 {
		return nil
	}
	if cap(p.keptF)-len(p.keptF) < n {
		p.keptF = make([]Field, 0, room(cap(p.keptF), n))
	}
	at := len(p.keptF)
	p.keptF = append(p.keptF, p.fields[base:]...)
	p.fields = p.fields[:base]
	return p.keptF[at : at+n : at+n]
}

// keepItems is keepFields for the items of lists.
func (p *subset) keepItems(base int) []Node {
	n := len(p.items) - base
	if n == 0 {
		return nil
	}
	if cap(p.keptI)-len(p.keptI) < n {
		p.keptI = make([]Node, 0, room(cap(p.keptI), n))
	}
	at := len(p.keptI)
	p.keptI = append(p.keptI, p.items[base:]...)
	p.items = p.items[:base]
	return p.keptI[at : at+n : at+n]
}

// room is the size of the next block of memory: twice the last, within reason, and enough.
func room(last, need int) int {
	const least, most = 16, 2048
	return max(need, min(max(2*last, least), most))
}
