package syntax

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// explain turns the library's complaint about a text into a finding. The library names a line, not always the right
// one, and speaks of its own states; a lenient walk through the text mostly finds the very place and says it in
// plain words. Where it does not, the library's line and a translation of its words must do.
func explain(in *input, doc int, complaint string) diag.Diagnostic {
	d := explainSyntax(in, doc, complaint)
	if cause, ok := in.invisible(d); ok {
		return cause
	}
	if cause, ok := in.variable(d); ok {
		return cause
	}
	if strings.HasPrefix(strings.TrimSpace(in.line(d.Where.Line)), "{{") { // a line of its own, as Helm's templates have them
		return d.WithHelp("%s", "render a template ({{ … }}) before it is read here; put braces that are text in quotes")
	}
	return d
}

func explainSyntax(in *input, doc int, complaint string) diag.Diagnostic {
	at := in.path(doc, nil)
	complaint = strings.TrimPrefix(complaint, "yaml: ")
	line, known := 1, false
	if m := lineNumber.FindStringSubmatch(complaint); m != nil {
		line, _ = strconv.Atoi(m[1])
		known = true
		complaint = complaint[len(m[0]):]
	}
	if name, ok := strings.CutPrefix(complaint, "unknown anchor '"); ok {
		name = strings.TrimSuffix(name, "' referenced")
		d := ruleAlias.At(at, "the alias *%s stands for nothing: no value before it is marked &%s", clip(name), clip(name))
		d.Where = in.firstWord("*" + name)
		return d.WithHelp("mark the value that it should stand for with &%s, or put the text in quotes", clip(name))
	}
	if strings.HasPrefix(complaint, "exceeded max depth") {
		d := ruleTooLarge.At(at, "maps and lists are nested too deep; the limit is %d levels", MaxDepth)
		d.Where = in.lineStart(line)
		return d
	}

	p := subset{text: in.text, line: 1, mark: in.mark, lenient: true}
	if _, ok := p.stream(); !ok && p.trouble.message != "" {
		d := ruleSyntax.At(at, "%s", p.trouble.message)
		d.Where = in.offset(p.trouble.offset)
		return d.WithHelp("%s", p.trouble.help)
	}
	for _, w := range words {
		if strings.Contains(complaint, w.complaint) {
			d := ruleSyntax.At(at, "%s", w.message)
			if known {
				line += w.off
			}
			d.Where = in.lineStart(line)
			return d.WithHelp("%s", w.help)
		}
	}
	d := ruleSyntax.At(at, "this is not well-formed YAML: %s", complaint)
	d.Where = in.lineStart(line)
	return d
}

var lineNumber = regexp.MustCompile(`^line (\d+): `)

// words translates the library's complaints. Its parser counts lines from 0 where its scanner counts from 1: off
// makes up for that.
var words = []struct {
	complaint     string
	off           int
	message, help string
}{
	{"mapping values are not allowed", 0, "a colon stands where no key can be", "put a value with a colon and a space in quotes, and give all keys of a map the same indentation"},
	{"did not find expected key", 1, "the map that begins here is broken further down, where a key is expected", "give all its keys the same indentation, and close quotes and brackets"},
	{"did not find expected '-' indicator", 1, "the list that begins here is broken further down, where an item is expected", "give all its dashes the same indentation"},
	{"did not find expected ',' or ']'", 1, "the [ that begins here is not closed, or a comma is missing in it", "close it with ], and put values that hold brackets or commas in quotes"},
	{"did not find expected ',' or '}'", 1, "the { that begins here is not closed, or a comma is missing in it", "close it with }, and put values that hold braces or commas in quotes"},
	{"did not find expected node content", 1, "a value is expected here", "put a value that begins with a special character in quotes"},
	{"did not find expected <document start>", 1, "the document has ended before this line", "indent the line as the others, or begin a new document with ---"},
	{"could not find expected ':'", 0, "a key is expected here, with a colon and a space after it", "write key: value"},
	{"found unexpected end of stream", 0, "quoted text that begins here is never closed", "close the quote"},
	{"found unexpected document indicator", 0, "quoted text that begins here is never closed in its document", "close the quote"},
	{"cannot start any token", 0, "a character that cannot begin a value stands here", "indent with spaces and not with tabs, and put a value that begins with a special character in quotes"},
	{"found a tab character", 0, "a tab stands where spaces must indent the line", "indent with spaces"},
	{"found unknown escape character", 0, "in double quotes a backslash begins an escape, and there is none of this letter", `write \\ for a backslash, or use single quotes`},
	{"hexdecimal number", 0, `an escape such as \x41 or \u00e9 lacks digits`, `write \\ for a backslash, or use single quotes`},
	{"invalid Unicode character escape code", 0, "an escape names a character that does not exist", ""},
	{"found incompatible YAML document", 1, "the %YAML line asks for a version that is not supported", "remove it"},
	{"alphabetic or numeric character", 0, "the name after & or * is missing or has a character that it may not have", "put a text that begins with & or * in quotes"},
	{"undefined tag handle", 1, "a tag begins with a handle that nothing defines", "put a text that begins with ! in quotes"},
	{"block sequence entries are not allowed", 0, "a list cannot begin here", "put the items on lines of their own"},
	{"while parsing a tag", 0, "a tag is not well-formed", "put a text that begins with ! in quotes"},
	{"did not find expected comment or line break", 0, "there is more on the line after | or >", "begin the text on the next line"},
}

// offset is the position of an offset into the text.
func (in *input) offset(i int) diag.Pos {
	before := in.text[:i]
	pos := diag.Pos{Line: 1 + strings.Count(before, "\n"), Col: i - strings.LastIndexByte(before, '\n')}
	if pos.Line == 1 {
		pos.Col += in.mark
	}
	return pos
}

// line is a line of the text, counted from 1; "" where there is none.
func (in *input) line(n int) string {
	text := in.text
	for ; n > 1; n-- {
		_, text, _ = strings.Cut(text, "\n")
	}
	text, _, _ = strings.Cut(text, "\n")
	return text
}

// lineStart is the position of the first character of a line that is no blank.
func (in *input) lineStart(line int) diag.Pos {
	i := 0
	for ; line > 1; line-- {
		end := strings.IndexByte(in.text[i:], '\n')
		if end < 0 {
			break
		}
		i += end + 1
	}
	for i < len(in.text) && (in.text[i] == ' ' || in.text[i] == '\t') {
		i++
	}
	return in.offset(i)
}

// firstWord is the position of the first place outside of comments where a word stands by itself.
func (in *input) firstWord(word string) diag.Pos {
	start := 0
	for whole := range strings.Lines(in.text) {
		line := whole
		if comment := strings.Index(" "+line, " #"); comment >= 0 {
			line = line[:comment] + "\n"
		}
		for i := 0; ; i += len(word) {
			j := strings.Index(line[i:], word)
			if j < 0 {
				break
			}
			i += j
			after := i + len(word)
			if (i == 0 || strings.IndexByte(" \t[{,", line[i-1]) >= 0) && (after == len(line) || strings.IndexByte(" \r\n\t]},:", line[after]) >= 0) {
				return in.offset(start + i)
			}
		}
		start += len(whole)
	}
	return diag.Pos{Line: 1, Col: 1}
}

// What follows lets a lenient subset step over parts of YAML that it does not support. Each part that can stand for
// a value answers done where it was the whole value.

// properties steps over anchors and tags, and over what may stand for a value besides what block knows.
func (p *subset) properties(n *Node, indent int, inKey bool) (done, ok bool) {
	line := p.line
	for p.text[p.pos] == '&' || p.text[p.pos] == '!' {
		if p.text[p.pos] == '&' && !nameAt(p.text, p.pos+1) {
			return true, p.wrong(p.pos, "a plain value cannot begin with &, which marks a value for aliases", "put the value in quotes")
		}
		for !p.blankAt(p.pos) {
			p.pos++
		}
		if !p.next() {
			return true, false
		}
		if p.line == line && p.col >= 0 {
			continue
		}
		switch {
		case p.col > indent:
			return true, p.block(n, indent, false)
		case inKey && p.col == indent && p.text[p.pos] == '-' && p.blankAt(p.pos+1):
			return true, p.sequence(n, true)
		}
		return true, true
	}
	switch p.text[p.pos] {
	case '>':
		return true, p.skipBlock(indent)
	case '*':
		if !p.alias() {
			return true, false
		}
		if p.pos+1 < len(p.text) && strings.HasPrefix(p.text[p.pos:], " :") {
			return true, p.unsupported()
		}
		return true, p.endLine("the alias")
	}
	return false, false
}

// flowProperties is properties in a flow collection.
func (p *subset) flowProperties(n *Node) (done, ok bool) {
	switch p.text[p.pos] {
	case '*':
		return true, p.alias()
	case '&', '!':
		open, line := p.pos, p.line
		for !p.blankAt(p.pos) && strings.IndexByte(",]}", p.text[p.pos]) < 0 {
			p.pos++
		}
		if !p.flowNext(open, line) {
			return true, false
		}
		if strings.IndexByte(",]}", p.text[p.pos]) >= 0 {
			return true, true
		}
		return true, p.flowValue(n)
	}
	return false, false
}

// alias steps over an alias.
func (p *subset) alias() bool {
	i := p.pos + 1
	for nameAt(p.text, i) {
		i++
	}
	if i == p.pos+1 || !p.blankAt(i) && strings.IndexByte(",]}", p.text[i]) < 0 {
		return p.wrong(p.pos, "a plain value cannot begin with *, which means an alias", "put the value in quotes")
	}
	p.pos = i
	return true
}

// escapeCode tells whether an escape of digits, from its letter on, names a character.
func escapeCode(s string) bool {
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	if len(s) <= digits {
		return false
	}
	code, err := strconv.ParseUint(s[1:1+digits], 16, 32)
	return err == nil && code <= utf8.MaxRune && (code < 0xd800 || code > 0xdfff)
}

// nameAt tells whether a character of an anchor's name is at an offset.
func nameAt(s string, i int) bool {
	if i >= len(s) {
		return false
	}
	c := s[i]
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// skipBlock steps over a block scalar in a collection at column indent.
func (p *subset) skipBlock(indent int) bool {
	header := p.pos
	s := p.text
	for {
		end := strings.IndexByte(s[p.pos:], '\n')
		if end < 0 {
			p.pos = len(s)
			return p.next()
		}
		if p.pos == header {
			rest, _, _ := strings.Cut(strings.TrimLeft(s[header+1:header+end], "+-123456789"), " #")
			if strings.Trim(rest, " \t\r") != "" {
				return p.wrong(header, "there is more on the line after "+s[header:header+1], "begin the text on the next line, or put a value that begins with "+s[header:header+1]+" in quotes")
			}
		}
		p.pos += end + 1
		p.newLine(p.pos)
		i := p.pos
		for i < len(s) && s[i] == ' ' {
			i++
		}
		if i < len(s) && s[i] != '\n' && s[i] != '\r' && i-p.pos <= indent {
			return p.next()
		}
	}
}

// moreLines steps over the further lines of a plain scalar that began at from and whose first line ended at end.
func (p *subset) moreLines(from, end, indent int) bool {
	for p.col > indent {
		next, colon, ok := p.plain(p.pos)
		if !ok {
			return false
		}
		if colon {
			level := from-strings.LastIndexByte(p.text[:from], '\n')-1 == p.col
			if level || strings.IndexByte(p.text[from:end], ':') > 0 {
				return p.noColon(from, end)
			}
			return p.deeper(&Node{Kind: String})
		}
		p.pos = next
		if !p.endLine("the value") {
			return false
		}
	}
	return true
}
