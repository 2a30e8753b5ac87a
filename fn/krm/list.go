package krm

import (
	"bytes"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// apiVersions of a ResourceList that are read. The answer has the one that came.
const (
	apiV1      = "config.kubernetes.io/v1"
	apiV1beta1 = "config.kubernetes.io/v1beta1"
	kindList   = "ResourceList"
)

// list is a ResourceList as it came: a text, and where its parts begin and end. What is not changed is written as it
// stands, comments and all.
type list struct {
	src      []byte
	sections []section
	items    []item
	indent   int // the column of the items' dashes
	tooMany  bool
}

// section is a top-level key of the list and what belongs to it: src[start:end].
type section struct {
	key        string
	start, end int
	inline     bool // a value stands on the line of the key
}

// mostItems bounds the memory that a list of tiny items can ask for.
const mostItems = 250_000

// mostSections is more than any list has; it bounds the work on one that is none.
const mostSections = 16

// span is a part of the text.
type span struct{ start, end int }

// read takes the text of a list apart. Lists that are written in block style, as every orchestrator writes them, are
// split along their lines, and their items are never in memory as trees all at once; others (JSON, mostly) are read as
// a whole and written anew in block style first.
func read(src []byte) (*list, diag.List) {
	l := &list{src: src}
	if l.split() && l.identify() {
		return l.checked()
	}
	if l.tooMany {
		return nil, tooMany()
	}
	root, findings := readWhole(src)
	if findings.HasErrors() {
		return nil, findings
	}
	l = &list{src: rewritten(root)}
	if l.split() && l.identify() {
		return l.checked()
	}
	if l.tooMany {
		return nil, tooMany()
	}
	return nil, diag.List{ruleNoList.At(diag.Root(&diag.Source{Name: "-"}), "the list on standard input is written in a way that cannot be taken apart").
		WithHelp("write it in block style, one item after the other")}
}

func tooMany() diag.List {
	return diag.List{ruleNoList.At(diag.Root(&diag.Source{Name: "-"}), "the list has more than %d items", mostItems).WithHelp("%s", howToLimit)}
}

const howToLimit = "limit the function to the objects that it is about, or render the specs with 'vmmesh build'"

// readWhole reads the text as one document.
func readWhole(src []byte) (*syntax.Node, diag.List) {
	documents, findings := syntax.Read("-", src)
	if findings.HasErrors() {
		for _, d := range findings {
			if s := d.At.Source(); s != nil {
				s.Name = "-"
			}
		}
		return nil, findings
	}
	at := diag.Root(&diag.Source{Name: "-"})
	switch {
	case len(documents) != 1:
		return nil, diag.List{ruleNoList.At(at, "there are %d documents on standard input, and a ResourceList is one", len(documents)).WithHelp("%s", howToRun)}
	case documents[0].Root.Kind != syntax.Map:
		return nil, diag.List{ruleNoList.At(at, "standard input holds a %s and no ResourceList", documents[0].Root.Kind).WithHelp("%s", howToRun)}
	}
	if items := documents[0].Root.Get("items"); items != nil && items.Kind != syntax.Seq && items.Kind != syntax.Null {
		return nil, diag.List{ruleNoList.At(at.Key("items"), "items is a %s and not a list", items.Kind).WithHelp("write each object as an item of a list")}
	}
	return documents[0].Root, nil
}

const howToRun = "vmmesh fn is called by kustomize or kpt; 'vmmesh build' expands a spec"

// split finds sections and items by their lines alone; false where the text is not in the usual form. It need not
// understand values: a line that begins at the column of the dashes or before it can only go on with a value that
// began earlier inside quotes or brackets, and then the item that was cut there cannot be read.
func (l *list) split() bool {
	l.sections, l.items, l.indent = nil, nil, -1
	src := l.src
	comments := -1 // where the comments begin that stand directly before this line
	began := false
	for at := 0; at < len(src); {
		end := lineEnd(src, at)
		line := src[at:end]
		col := 0
		for col < len(line) && line[col] == ' ' {
			col++
		}
		rest := line[col:]
		switch {
		case blank(rest):
			// an empty line neither ends nor begins anything
		case rest[0] == '\t' && !(l.inItems() && l.indent >= 0 && col > l.indent): // in an item it may be text
			return false
		case rest[0] == '#' && (col == 0 || l.inItems() && (l.indent < 0 || col <= l.indent)):
			if comments < 0 {
				comments = at
			}
			at = end
			continue
		case col == 0 && rest[0] != '-' || col == 0 && len(rest) > 2 && rest[1] == '-' && rest[2] == '-':
			if rest[0] == '-' {
				if began || !blank(rest[3:]) {
					return false
				}
				break
			}
			key, inline, ok := keyOf(rest)
			if !ok {
				return false
			}
			start := at
			if comments >= 0 {
				start = comments
			}
			l.sections = append(l.sections, section{key: key, start: start, inline: inline})
			began = true
		case l.inItems() && isDash(rest) && (l.indent < 0 || col == l.indent):
			if l.sections[len(l.sections)-1].inline {
				return false
			}
			l.indent = col
			head := at
			if comments >= 0 {
				head = comments
			}
			if len(l.items) == mostItems {
				l.tooMany = true
				return false
			}
			l.items = append(l.items, item{head: head, start: at})
		case began && !l.inItems() && col == 0 && isDash(rest) && !l.sections[len(l.sections)-1].inline:
			// an item of another list: results
		case !began || col == 0 || l.inItems() && col <= l.indent || l.inItems() && l.indent < 0:
			return false
		}
		if !blank(rest) {
			comments = -1
		}
		at = end
	}
	for i := range l.sections {
		l.sections[i].end = len(src)
		if i+1 < len(l.sections) {
			l.sections[i].end = l.sections[i+1].start
		}
	}
	for i := range l.items {
		l.items[i].end = l.section("items").end
		if i+1 < len(l.items) {
			l.items[i].end = l.items[i+1].head
		}
	}
	l.indent = max(l.indent, 0)
	return began && len(l.sections) <= mostSections && l.unique()
}

func (l *list) inItems() bool {
	return len(l.sections) > 0 && l.sections[len(l.sections)-1].key == "items"
}

// unique tells whether every section is there once, so that nothing is lost.
func (l *list) unique() bool {
	for i, s := range l.sections {
		for _, other := range l.sections[:i] {
			if other.key == s.key {
				return false // readWhole says it better
			}
		}
	}
	return true
}

func (l *list) section(key string) *section {
	for i := range l.sections {
		if l.sections[i].key == key {
			return &l.sections[i]
		}
	}
	return nil
}

// keyOf reads the plain key that a line begins with, and tells whether its value begins on the same line.
func keyOf(line []byte) (key string, inline, ok bool) {
	n := 0
	for n < len(line) && (line[n] >= 'a' && line[n] <= 'z' || line[n] >= 'A' && line[n] <= 'Z') {
		n++
	}
	if n == 0 || n >= len(line) || line[n] != ':' || n+1 < len(line) && line[n+1] != ' ' && line[n+1] != '\n' && line[n+1] != '\r' {
		return "", false, false
	}
	rest := bytes.TrimLeft(line[n+1:], " ")
	return string(line[:n]), !blank(rest) && rest[0] != '#', true
}

func isDash(line []byte) bool {
	return line[0] == '-' && (len(line) == 1 || line[1] == ' ' || line[1] == '\n' || line[1] == '\r')
}

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\n' && c != '\r' {
			return false
		}
	}
	return true
}

// lineEnd is where the line that begins at an offset ends, its line feed included.
func lineEnd(text []byte, at int) int {
	if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(text)
}

// value is a part of the list as a document of its own: what stands before the value (a dash, a key and its colon)
// gives way to blanks, so that all keeps its column.
func (l *list) value(s span, before int) []byte {
	text := append([]byte(nil), l.src[s.start:s.end]...)
	for i := range text[:before] {
		if text[i] != '\n' && text[i] != '\r' {
			text[i] = ' '
		}
	}
	return text
}

// itemText is an item as a document.
func (l *list) itemText(i *item) []byte { return l.value(span{i.start, i.end}, l.indent+1) }

// sectionText is the value of a section as a document; nil where there is none.
func (l *list) sectionText(key string) []byte {
	s := l.section(key)
	if s == nil {
		return nil
	}
	start := s.start
	for l.src[start] == '#' || blank(l.src[start:lineEnd(l.src, start)]) {
		start = lineEnd(l.src, start) // comments before the key
	}
	return l.value(span{start, s.end}, len(key)+1)
}

// checked is the list, with what is wrong with its items; or none, with what makes it no ResourceList.
func (l *list) checked() (*list, diag.List) {
	if findings := l.header(); len(findings) > 0 {
		return nil, findings
	}
	var wrong diag.List
	for i := range l.items {
		wrong = append(wrong, l.items[i].wrong(i)...)
	}
	return l, wrong
}

// header says what makes the list no ResourceList.
func (l *list) header() diag.List {
	at := diag.Root(&diag.Source{Name: "-"})
	var found [2]string
	for i, key := range []string{"apiVersion", "kind"} {
		if value := l.sectionText(key); value != nil {
			if n, ok := parse(value); ok {
				found[i] = text(n)
			}
		}
	}
	version, kind := found[0], found[1]
	switch {
	case kind == "":
		return diag.List{ruleNoList.At(at.Key("kind"), "what stands on standard input has no kind").WithHelp("a list says kind: %s; %s", kindList, howToRun)}
	case kind != kindList:
		return diag.List{ruleNoList.At(at.Key("kind"), "standard input holds a %s and no %s", clip(kind), kindList).WithHelp("%s", howToRun)}
	case version == "":
		return diag.List{ruleNoList.At(at.Key("apiVersion"), "the list has no apiVersion").WithHelp("write apiVersion: %s", apiV1)}
	case version != apiV1 && version != apiV1beta1:
		return diag.List{ruleNoList.At(at.Key("apiVersion"), "the apiVersion of the list is %s", clip(version)).WithHelp("it must be %s or %s", apiV1, apiV1beta1)}
	}
	return nil
}
