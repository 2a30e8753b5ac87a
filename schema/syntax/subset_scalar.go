package syntax

import "strings"

// scalar makes n a plain scalar.
func (p *subset) scalar(n *Node, text string) {
	n.Kind, n.Value = resolve(text), text
	if n.Kind == Bool {
		n.Value = boolText(text)
	}
}

// plain scans a plain scalar in a block: the offset after its last character, and whether a colon comes there that
// makes it a key.
func (p *subset) plain(i int) (end int, colon, ok bool) {
	s, j := p.text, i
scan:
	for ; j < len(s); j++ {
		if classes[s[j]]&blockEnd == 0 {
			continue
		}
		switch s[j] {
		case ':':
			if !p.blankAt(j + 1) {
				continue
			}
			if s[j-1] == ' ' && !p.lenient {
				return 0, false, p.unsupported()
			}
			return j, true, true
		case '#':
			if s[j-1] == ' ' || s[j-1] == '\t' {
				break scan
			}
		case '\t':
			if !p.lenient {
				return 0, false, p.unsupported()
			}
		default:
			break scan
		}
	}
	for s[j-1] == ' ' || s[j-1] == '\t' {
		j--
	}
	return j, false, true
}

// badStart complains of a character that cannot begin a plain scalar.
func (p *subset) badStart(i int) bool {
	c := p.text[i]
	switch c {
	case '%':
		if i == p.start {
			return p.unsupported() // a directive
		}
		fallthrough
	case '@', '`':
		return p.wrong(i, "a plain value cannot begin with "+string(c), "put the value in quotes")
	case ':':
		if p.blankAt(i + 1) {
			return p.wrong(i, "a key is missing before the colon", "write key: value")
		}
	case ']', '}', ',':
		return p.wrong(i, "there is a "+string(c)+" without anything that it could belong to", "remove it, or put the value in quotes")
	}
	return p.unsupported()
}

// quoted reads a scalar in quotes, at pos, and moves behind it.
func (p *subset) quoted() (string, bool) {
	s, from := p.text, p.pos
	quote := s[from]
	for i := from + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			if quote == '\'' && i+1 < len(s) && s[i+1] == '\'' {
				return p.escaped(i)
			}
			p.pos = i + 1
			return s[from+1 : i], true
		case c == '\\' && quote == '"':
			return p.escaped(i)
		case c == '\r' || c == '\n':
			if p.lenient {
				return p.escaped(i)
			}
			return "", p.unsupported()
		}
	}
	return "", p.neverClosed(from)
}

func (p *subset) neverClosed(from int) bool {
	return p.wrong(from, "the quoted text that begins here is never closed", "close it with "+p.text[from:from+1])
}

// escaped goes on with a quoted scalar from the first offset at which its value is not its text.
func (p *subset) escaped(i int) (string, bool) {
	s, from := p.text, p.pos
	quote := s[from]
	b := append(make([]byte, 0, 2*(i-from)+16), s[from+1:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == quote:
			if quote == '"' || i+1 >= len(s) || s[i+1] != '\'' {
				p.pos = i + 1
				return string(b), true
			}
			i++
		case c == '\\' && quote == '"':
			i++
			if i == len(s) {
				return "", p.neverClosed(from)
			}
			switch s[i] {
			case '"', '\\':
				c = s[i]
			case 'n':
				c = '\n'
			case 't':
				c = '\t'
			case 'r':
				c = '\r'
			case '\n':
				if !p.lenient {
					return "", p.unsupported()
				}
				i--
			case '0', 'a', 'b', 'v', 'f', 'e', ' ', '\t', '\'', 'N', '_', 'L', 'P', '\r':
				if !p.lenient {
					return "", p.unsupported()
				}
			case 'x', 'u', 'U':
				if !p.lenient {
					return "", p.unsupported()
				}
				if !escapeCode(s[i:]) {
					return "", p.wrong(i-1, `an escape such as \x41 or \u00e9 lacks digits, or names no character`,
						`write \\ for a backslash, or use single quotes`)
				}
			default:
				return "", p.wrong(i-1, "in double quotes a backslash begins an escape, and there is none of this letter",
					`write \\ for a backslash, or use single quotes`)
			}
		case c == '\n':
			if !p.lenient {
				return "", p.unsupported()
			}
			p.line++
			p.start = i + 1
		case c == '\r' && !p.lenient:
			return "", p.unsupported()
		}
		b = append(b, c)
	}
	return "", p.neverClosed(from)
}

// literal reads a literal block (`|`, `|-`, `|+`); pos is at its indicator, indent that of the collection it is in.
func (p *subset) literal(n *Node, indent int) bool {
	if p.lenient {
		return p.skipBlock(indent)
	}
	s, i := p.text, p.pos+1
	chomp := byte(0)
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		chomp = s[i]
		i++
	}
	for i < len(s) && s[i] == ' ' {
		i++
	}
	end, empty := p.lineEnd(i)
	if !empty {
		return p.unsupported() // a comment, or digits that say the indentation
	}
	p.newLine(end)

	// The first line that is not empty says how far the block is indented.
	leading, widest, width := 0, 0, 0
	for {
		i = p.start
		for i < len(s) && s[i] == ' ' {
			i++
		}
		if i >= len(s) {
			return p.unsupported()
		}
		width = i - p.start
		end, empty := p.lineEnd(i)
		if !empty {
			break
		}
		widest = max(widest, width)
		leading++
		p.newLine(end)
	}
	if width <= indent || widest > width || s[i] == '\t' {
		return p.unsupported()
	}
	n.Kind, n.Quoted = String, true
	return p.literalLines(n, leading, width, chomp)
}

// literalLines reads the lines of a literal block that is indented by width. The first follows; so many empty lines
// led to it.
func (p *subset) literalLines(n *Node, leading, width int, chomp byte) bool {
	s := p.text
	var b []byte
	breaks := leading // line breaks that are not in b yet
	for p.start < len(s) {
		i := p.start
		for i < len(s) && i-p.start < width && s[i] == ' ' {
			i++
		}
		if end, empty := p.lineEnd(i); empty {
			if i >= len(s) {
				break
			}
			breaks++
			p.newLine(end)
			continue
		}
		if i-p.start < width {
			if s[i] == '\t' {
				return p.unsupported()
			}
			break // the block has ended
		}
		for ; breaks > 0; breaks-- {
			b = append(b, '\n')
		}
		text, _, broken := strings.Cut(s[i:], "\n")
		b = append(b, strings.TrimSuffix(text, "\r")...)
		if !broken {
			p.start = len(s)
			break
		}
		breaks = 1
		p.newLine(i + len(text) + 1)
	}
	switch {
	case chomp == '-':
		breaks = 0
	case chomp == 0:
		breaks = min(breaks, 1)
	}
	for ; breaks > 0; breaks-- {
		b = append(b, '\n')
	}
	n.Value = string(b)
	p.pos = p.start
	return p.next()
}

// lineEnd tells whether a line end, or the end of the text, is at an offset, and where what follows it begins.
func (p *subset) lineEnd(i int) (next int, is bool) {
	switch s := p.text; {
	case i >= len(s):
		return i, true
	case s[i] == '\n':
		return i + 1, true
	case s[i] == '\r': // a line feed follows: check has seen to that
		return i + 2, true
	}
	return i, false
}

// newLine goes to a line that begins at an offset.
func (p *subset) newLine(i int) { p.line, p.start = p.line+1, i }
