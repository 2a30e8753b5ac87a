package syntax

import (
	"strings"
	"unicode/utf8"
)

// block reads the value at the token: any in a block, on its own line or after `- `, or with inKey the value on the
// line of its key. It belongs to a collection at column indent. Afterwards the next token is on another line.
func (p *subset) block(n *Node, indent int, inKey bool) bool {
	s, i := p.text, p.pos
	if p.lenient {
		if done, ok := p.properties(n, indent, inKey); done {
			return ok
		}
		i = p.pos
	}
	n.Line, n.Col = p.place(i)
	switch c := s[i]; c {
	case '-':
		if p.blankAt(i + 1) {
			if inKey {
				return p.wrong(i, "a list cannot begin on the line of its key", "put the items on lines of their own, or write [a, b]")
			}
			return p.sequence(n, false)
		}
	case '{', '[':
		return p.flow(n) && p.endLine("the closing bracket")
	case '|':
		return p.literal(n, indent)
	case '"', '\'':
		text, ok := p.quoted()
		if !ok {
			return false
		}
		if p.pos < len(s) && s[p.pos] == ':' && p.blankAt(p.pos+1) {
			if inKey {
				return p.wrong(p.pos, "a second colon follows on the line of a key", "put the map on lines of its own, or write {key: value}")
			}
			if p.pos-i > maxKey {
				return p.unsupported()
			}
			return p.mapping(n, text, i)
		}
		n.Kind, n.Quoted, n.Value = String, true, text
		return p.endQuoted(i)
	default:
		if classes[c]&plainStart == 0 {
			return p.badStart(i)
		}
	}
	end, colon, ok := p.plain(i)
	if !ok {
		return false
	}
	if colon {
		if inKey {
			return p.wrong(end, "a colon and a space cannot stand inside a plain value", "put the value in quotes")
		}
		if end-i > maxKey || s[i:end] == "<<" && !p.lenient {
			return p.unsupported()
		}
		p.pos = end
		return p.mapping(n, s[i:end], i)
	}
	p.pos = end
	p.scalar(n, s[i:end])
	if !p.endLine("the value") {
		return false
	}
	if p.lenient {
		return p.moreLines(i, end, indent)
	}
	return true
}

// endLine moves to the next token, which must not be on this line.
func (p *subset) endLine(what string) bool {
	line, end := p.line, p.pos
	if !p.next() {
		return false
	}
	if p.col >= 0 && p.line == line {
		at := p.pos
		if p.text[at] == ':' && at == end {
			return p.wrong(at, "a colon follows "+what+" on the same line", "put a map on lines of its own")
		}
		return p.wrong(at, "there is more on the line after "+what, "put the whole value in quotes, or remove the rest")
	}
	return true
}

// endQuoted is endLine after a quoted scalar that began at an offset.
func (p *subset) endQuoted(from int) bool {
	line := p.line
	if strings.IndexByte(p.text[from:p.pos], '\n') < 0 {
		return p.endLine("the quoted text")
	}
	if !p.next() {
		return false
	}
	if p.col >= 0 && p.line == line {
		return p.wrong(from, "the quoted text that begins here goes on over several lines, and more follows where it ends", "close the quote on its own line")
	}
	return true
}

// indentation complains of a token at a column where nothing can stand.
func (p *subset) indentation() bool {
	return p.wrong(p.pos, "the indentation of this line fits no line above it", "indent it exactly as the other keys or items that it belongs to")
}

// mapping reads a block map whose first key has been scanned: pos is at its colon, at is the key's offset.
func (p *subset) mapping(n *Node, key string, at int) bool {
	if !p.enter() {
		return false
	}
	col := at - p.start
	if col < 0 {
		return p.unsupported() // a key of several lines, in lenient mode
	}
	n.Kind = Map
	n.Line, n.Col = p.place(at)
	base := len(p.fields)
	var seen map[string]struct{}
	var f Field // outside of the loop: inside, each would be an allocation
	for {
		f = Field{Key: key}
		f.Line, f.Col = p.place(at)
		if !p.lenient && p.duplicate(base, key, &seen) {
			return p.unsupported()
		}
		p.pos++
		f.Value.Line, f.Value.Col = p.place(p.pos)
		line := p.line
		if !p.next() {
			return false
		}
		switch {
		case p.col >= 0 && p.line == line:
			if !p.block(&f.Value, col, true) {
				return false
			}
		case p.col > col:
			if !p.block(&f.Value, col, false) {
				return false
			}
		case p.col == col && p.text[p.pos] == '-' && p.blankAt(p.pos+1):
			f.Value.Line, f.Value.Col = p.place(p.pos)
			if !p.sequence(&f.Value, true) {
				return false
			}
		}
		f.Value.KeyQuoted = p.text[at] == '"' || p.text[at] == '\''
		p.fields = append(p.fields, f)
		if p.col < col {
			break
		}
		if p.col > col {
			return p.deeper(&f.Value)
		}
		var ok bool
		at = p.pos
		if key, ok = p.key(); !ok {
			return false
		}
	}
	n.Fields = p.keepFields(base)
	p.depth--
	return true
}

// deeper complains of a line that is indented below a value that is complete.
func (p *subset) deeper(value *Node) bool {
	if value.Kind == Map || value.Kind == Seq {
		return p.indentation()
	}
	return p.wrong(p.pos, "this line is indented deeper than the one that it follows, which has its value already",
		"indent it as the keys above it; if the line above begins an item of a list, write \"- \" before its key")
}

// key scans a further key of a block map and moves to its colon.
func (p *subset) key() (string, bool) {
	s, i := p.text, p.pos
	c := s[i]
	if c == '"' || c == '\'' {
		text, ok := p.quoted()
		if !ok {
			return "", false
		}
		if p.pos >= len(s) || s[p.pos] != ':' || !p.blankAt(p.pos+1) {
			if p.lenient && p.pos < len(s) && (s[p.pos] == ' ' || s[p.pos] == ':') {
				return "", p.unsupported()
			}
			return "", p.wrong(i, "a key is expected here, with a colon and a space after it", "write key: value")
		}
		if p.pos-i > maxKey {
			return "", p.unsupported()
		}
		return text, true
	}
	if classes[c]&plainStart == 0 && (c != '-' || p.blankAt(i+1)) {
		if c == '-' && p.blankAt(i+1) {
			return "", p.wrong(i, "a list item stands among the keys of a map", "indent it under the key that it belongs to")
		}
		if c == '?' && p.blankAt(i+1) || c == '&' || c == '!' || c == '*' {
			return "", p.unsupported()
		}
		return "", p.badStart(i)
	}
	end, colon, ok := p.plain(i)
	if !ok {
		return "", false
	}
	if !colon {
		return "", p.noColon(i, end)
	}
	if end-i > maxKey || s[i:end] == "<<" && !p.lenient {
		return "", p.unsupported()
	}
	p.pos = end
	return s[i:end], true
}

// noColon complains of a line without a key.
func (p *subset) noColon(i, end int) bool {
	if colon := strings.IndexByte(p.text[i:end], ':'); colon > 0 {
		return p.wrong(i+colon, "a space is missing after the colon", "write "+clip(p.text[i:i+colon])+": "+clip(p.text[i+colon+1:end]))
	}
	return p.wrong(i, "a key is expected here, with a colon and a space after it", "write key: value, or indent the line to continue the value above it")
}

// clip shortens a text for a message.
func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	cut := most
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// duplicate tells whether a key is among the fields from base on. It builds an index where they are many.
func (p *subset) duplicate(base int, key string, seen *map[string]struct{}) bool {
	const few = 16
	fields := p.fields[base:]
	if len(fields) < few {
		for i := range fields {
			if fields[i].Key == key {
				return true
			}
		}
		return false
	}
	if *seen == nil {
		*seen = make(map[string]struct{}, 4*few)
		for i := range fields {
			(*seen)[fields[i].Key] = struct{}{}
		}
	}
	if _, ok := (*seen)[key]; ok {
		return true
	}
	(*seen)[key] = struct{}{}
	return false
}

// sequence reads a block list; pos is at its first dash. An indentless one stands at the column of the map whose
// value it is.
func (p *subset) sequence(n *Node, indentless bool) bool {
	if !p.enter() {
		return false
	}
	n.Kind = Seq
	col, base := p.col, len(p.items)
	var item Node
	for {
		item = Node{}
		p.pos++
		item.Line, item.Col = p.place(p.pos)
		if !p.next() {
			return false
		}
		if p.col > col && !p.block(&item, col, false) {
			return false
		}
		p.items = append(p.items, item)
		if p.col < col {
			break
		}
		if p.col > col {
			return p.deeper(&item)
		}
		if p.text[p.pos] != '-' || !p.blankAt(p.pos+1) {
			if indentless {
				break
			}
			return p.wrong(p.pos, "an item of the list is expected here, with a dash and a space before it", "write - value, or indent the line as the map that it belongs to")
		}
	}
	n.Items = p.keepItems(base)
	p.depth--
	return true
}

// enter counts a collection that begins.
func (p *subset) enter() bool {
	p.depth++
	return p.depth <= MaxDepth
}
