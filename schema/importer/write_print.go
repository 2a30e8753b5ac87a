package importer

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lineWidth is how long a line with a map or list on it may be, in characters.
const lineWidth = 110

// noteWidth is how long a comment may be.
const noteWidth = 120

// longestKey is how long a printed key may be before YAML wants it announced by a question mark.
const longestKey = 1000

type printer struct {
	b     *strings.Builder
	notes notes
	above map[string]bool // the paths that have a note somewhere below them; see noted
}

func (p *printer) indent(n int) { p.b.WriteString(strings.Repeat(" ", n)) }

// block prints a tree over as many lines as it needs, each indented; of a map in a list, whose dash is printed, the first
// key follows at once.
func (p *printer) block(t *tree, indent int, path string) {
	for i, f := range t.fields {
		here := join(path, f.key)
		if i > 0 || !strings.HasSuffix(p.b.String(), "- ") {
			p.note(here, indent)
			p.indent(indent)
		}
		key := keyOf(f.key)
		if len(key) > longestKey {
			p.b.WriteString("? " + key + "\n")
			p.indent(indent)
			key = ""
		}
		p.b.WriteString(key + ":")
		p.value(f.value, indent, here)
	}
	for i, item := range t.items {
		here := path + "[" + strconv.Itoa(i) + "]"
		if item.name != "" {
			here = path + "[" + strings.Trim(item.name, `"`) + "]"
		}
		p.note(here, indent)
		if item.isMap && len(item.fields) > 0 { // a comment cannot be between a dash and its first key
			p.note(join(here, item.fields[0].key), indent)
		}
		p.indent(indent)
		p.b.WriteString("-")
		p.value(item, indent, here)
	}
}

// value prints what follows a key's colon or a dash.
func (p *printer) value(t *tree, indent int, path string) {
	dash := strings.HasSuffix(p.b.String(), "-")
	if t.text != "" {
		p.b.WriteString(" |")
		if !strings.HasSuffix(t.text, "\n") {
			p.b.WriteString("-")
		}
		p.b.WriteString("\n")
		for line := range strings.Lines(t.text) {
			if strings.TrimSpace(line) != "" {
				p.indent(indent + 2)
				p.b.WriteString(strings.TrimSuffix(line, "\n"))
			}
			p.b.WriteString("\n")
		}
		return
	}
	line := flow(t)
	scalar := len(t.fields)+len(t.items) == 0
	if room := lineWidth - p.column(); scalar || p.onOneLine(t, path, dash) && utf8.RuneCountInString(line)+1 <= room {
		p.b.WriteString(" " + line + "\n")
		return
	}
	switch {
	case dash && t.isMap:
		p.b.WriteString(" ")
		p.block(t, indent+2, path)
	case t.isList && !dash:
		p.b.WriteString("\n")
		p.block(t, indent, path) // dashes are below their key
	default:
		p.b.WriteString("\n")
		p.block(t, indent+2, path)
	}
}

// column is how long the line that is being printed is already.
func (p *printer) column() int {
	s := p.b.String()
	return utf8.RuneCountInString(s[strings.LastIndexByte(s, '\n')+1:])
}

// note prints the comment of a place.
func (p *printer) note(path string, indent int) {
	text := p.notes[path]
	if text == "" {
		return
	}
	line := ""
	for word := range strings.FieldsSeq(strings.Map(visible, text)) {
		if line != "" && indent+2+len(line)+1+len(word) > noteWidth {
			p.indent(indent)
			p.b.WriteString("# " + line + "\n")
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	p.indent(indent)
	p.b.WriteString("# " + line + "\n")
}

// visible leaves out what cannot be in a comment: names in one come from what was read.
func visible(r rune) rune {
	if unicode.IsPrint(r) || r == ' ' || r == '\n' {
		return r
	}
	return -1
}

// onOneLine reports whether a tree may be on one line: it is small, and nothing in it has a comment.
func (p *printer) onOneLine(t *tree, path string, item bool) bool {
	if t.wide && !(item && leaf(t)) && !(t.isMap && onlyName(t)) || p.noted(path) || height(t) > 4 {
		return false
	}
	return narrow(t)
}

// noted reports whether something below a path has a comment.
func (p *printer) noted(path string) bool {
	if p.above == nil {
		p.above = map[string]bool{}
		for at := range p.notes {
			for i := range at {
				if at[i] == '.' || at[i] == '[' {
					p.above[at[:i]] = true
				}
			}
		}
	}
	return p.above[path]
}

// narrow reports whether a tree reads well on one line: of several maps, each has a line of its own.
func narrow(t *tree) bool {
	if t.wide && !leaf(t) {
		return false
	}
	maps := 0
	for _, item := range t.items {
		if item.isMap {
			maps++
		}
		if !narrow(item) {
			return false
		}
	}
	if maps > 1 || t.text != "" {
		return false
	}
	inner := 0
	for _, f := range t.fields {
		if len(f.key) > longestKey/8 { // as long as it can be when escaped
			return false
		}
		if f.value.isMap && height(f.value) > 1 {
			inner++
		}
		if !narrow(f.value) {
			return false
		}
	}
	return inner == 0 || len(t.fields) == 1
}

// leaf reports whether a map holds scalars and small maps of them alone.
func leaf(t *tree) bool { return t.isMap && height(t) <= 2 && !onlyLists(t) }

func onlyLists(t *tree) bool {
	for _, f := range t.fields {
		if f.value.isList && len(f.value.items) > 0 && f.value.items[0].isMap {
			return true
		}
	}
	return false
}

func onlyName(t *tree) bool { return len(t.fields) == 1 && t.fields[0].key == "name" }

func height(t *tree) int {
	h := 0
	for _, f := range t.fields {
		h = max(h, height(f.value))
	}
	for _, item := range t.items {
		h = max(h, height(item))
	}
	if t.isMap || t.isList {
		h++
	}
	return h
}

// flow is a tree on one line.
func flow(t *tree) string {
	switch {
	case t.isMap:
		words := make([]string, len(t.fields))
		for i, f := range t.fields {
			words[i] = keyOf(f.key) + ": " + flow(f.value)
		}
		return "{" + strings.Join(words, ", ") + "}"
	case t.isList:
		words := make([]string, len(t.items))
		for i, item := range t.items {
			words[i] = flow(item)
		}
		return "[" + strings.Join(words, ", ") + "]"
	}
	return t.scalar
}
