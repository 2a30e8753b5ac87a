package syntax

// flow reads a flow map or list and moves behind its bracket.
func (p *subset) flow(n *Node) bool {
	if !p.enter() {
		return false
	}
	open, line := p.pos, p.line
	n.Line, n.Col = p.place(open)
	if p.text[open] == '[' {
		n.Kind = Seq
	} else {
		n.Kind = Map
	}
	fields, items := len(p.fields), len(p.items)
	var seen map[string]struct{}
	var item Node
	var f Field
	p.pos++
	for {
		if !p.flowNext(open, line) {
			return false
		}
		if c := p.text[p.pos]; n.Kind == Seq && c == ']' || n.Kind == Map && c == '}' {
			break
		}
		if n.Kind == Seq {
			item, p.ofKey = Node{}, false
			if !p.flowValue(&item) {
				return false
			}
			p.items = append(p.items, item)
		} else {
			f = Field{}
			f.Line, f.Col = p.place(p.pos)
			quoted := p.text[p.pos] == '"' || p.text[p.pos] == '\''
			var ok bool
			if f.Key, ok = p.flowKey(); !ok {
				return false
			}
			if !p.lenient && p.duplicate(fields, f.Key, &seen) {
				return p.unsupported()
			}
			p.pos++
			if !p.flowNext(open, line) {
				return false
			}
			if c := p.text[p.pos]; c == ',' || c == '}' {
				f.Value.Line, f.Value.Col = p.place(p.pos)
			} else if p.ofKey = true; !p.flowValue(&f.Value) {
				return false
			}
			f.Value.KeyQuoted = quoted
			p.fields = append(p.fields, f)
		}
		if !p.flowNext(open, line) {
			return false
		}
		switch c := p.text[p.pos]; {
		case c == ',':
			p.pos++
		case n.Kind == Seq && c == ']', n.Kind == Map && c == '}':
		default:
			return p.flowMissing(n, open, line)
		}
	}
	p.pos++
	if n.Kind == Seq {
		n.Items = p.keepItems(items)
	} else {
		n.Fields = p.keepFields(fields)
	}
	p.depth--
	return true
}

// flowMissing complains of what is neither a comma nor the closing bracket of a collection.
func (p *subset) flowMissing(n *Node, open, line int) bool {
	if p.lenient && p.text[p.pos] == ':' {
		return p.unsupported()
	}
	closing := "]"
	if n.Kind == Map {
		closing = "}"
	}
	if line != p.line {
		return p.wrong(open, "the "+p.text[open:open+1]+" that begins here is not closed, or a comma is missing", "close it with "+closing+", or put a comma between its values")
	}
	return p.wrong(p.pos, "a comma or a "+closing+" is missing here", "put a value that holds brackets, braces or commas in quotes")
}

// flowNext is next within a flow collection that opened at an offset and line, which must not end here.
func (p *subset) flowNext(open, line int) bool {
	p.col = inFlow
	if !p.next() {
		return false
	}
	if p.col < 0 {
		return p.wrong(open, "the "+p.text[open:open+1]+" that begins here is never closed", "close it with "+map[byte]string{'[': "]", '{': "}"}[p.text[open]])
	}
	return true
}

// flowValue reads a value in a flow collection and moves behind it.
func (p *subset) flowValue(n *Node) bool {
	s, i := p.text, p.pos
	n.Line, n.Col = p.place(i)
	switch c := s[i]; c {
	case '[', '{':
		return p.flow(n)
	case '"', '\'':
		text, ok := p.quoted()
		n.Kind, n.Quoted, n.Value = String, true, text
		return ok
	case '-':
		if p.blankAt(i+1) || classes[s[i+1]]&flowEnd != 0 {
			return p.unsupported()
		}
	default:
		if classes[c]&plainStart == 0 {
			if p.lenient {
				if done, ok := p.flowProperties(n); done {
					return ok
				}
			}
			return p.badStart(i)
		}
	}
	j := i + 1
scan:
	for ; j < len(s); j++ {
		if classes[s[j]]&flowEnd == 0 {
			continue
		}
		switch s[j] {
		case ':':
			if p.blankAt(j+1) || classes[s[j+1]]&flowEnd != 0 {
				if p.lenient && p.ofKey {
					return p.wrong(j, "a colon and a space cannot be in a plain value", "put the value in quotes")
				}
				return p.unsupported()
			}
		case '#':
			if s[j-1] == ' ' {
				break scan
			}
		case '?', '\t':
			return p.unsupported()
		default:
			break scan
		}
	}
	for s[j-1] == ' ' {
		j--
	}
	p.pos = j
	p.scalar(n, s[i:j])
	return true
}

// flowKey scans a key of a flow map and moves to its colon.
func (p *subset) flowKey() (string, bool) {
	s, i := p.text, p.pos
	c := s[i]
	if c == '"' || c == '\'' {
		text, ok := p.quoted()
		if !ok || p.pos >= len(s) || s[p.pos] != ':' || p.pos-i > maxKey {
			return "", false
		}
		return text, true
	}
	if classes[c]&plainStart == 0 {
		if c == '{' || c == '[' || c == '-' || c == '&' || c == '*' || c == '!' || c == '?' || c == ':' {
			return "", p.unsupported()
		}
		return "", p.badStart(i)
	}
	for j := i + 1; j < len(s); j++ {
		if classes[s[j]]&flowEnd == 0 {
			continue
		}
		switch s[j] {
		case ':':
			if !p.blankAt(j + 1) {
				if classes[s[j+1]]&flowEnd != 0 {
					return "", p.unsupported()
				}
				continue
			}
			if s[j-1] == ' ' || j-i > maxKey || s[i:j] == "<<" && !p.lenient {
				return "", p.unsupported()
			}
			p.pos = j
			return s[i:j], true
		case '#':
			if s[j-1] == ' ' {
				return "", p.unsupported()
			}
		default:
			return "", p.unsupported()
		}
	}
	return "", p.unsupported()
}
