package syntax

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// readAny reads all of YAML, by way of the library. The answer has one root for each document that has content; it
// is nil for one that could not be made into a tree.
func readAny(in *input) ([]*Node, diag.List) {
	var roots []*Node
	var findings diag.List
	decoder := yaml.NewDecoder(strings.NewReader(in.text))
	places := placer{text: in.text, mark: in.mark}
	for {
		document, err := decode(decoder)
		if errors.Is(err, io.EOF) {
			return roots, findings
		}
		if err != nil {
			return roots, append(findings, explain(in, len(roots), err.Error()))
		}
		if len(document.Content) == 0 || empty(document.Content[0]) {
			continue
		}
		c := converter{at: in.path(len(roots), nil), places: &places, active: map[*yaml.Node]bool{}, begin: document.Content[0].Line}
		root := new(Node)
		c.convert(root, document.Content[0], c.at, 0)
		if c.stopped {
			root = nil
		}
		roots = append(roots, root)
		findings = append(findings, c.findings...)
	}
}

// decode reads one document. The library panics on some texts that it cannot read; that is an error like any other.
func decode(decoder *yaml.Decoder) (document *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: the reader gave up (%v)", r)
		}
	}()
	document = new(yaml.Node)
	return document, decoder.Decode(document)
}

// empty tells whether a document has no content: nothing at all was written, not even null.
func empty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 && n.Anchor == ""
}

// converter makes a Node of a library's node.
type converter struct {
	at       diag.Path // the root
	places   *placer
	findings diag.List
	active   map[*yaml.Node]bool // what is being converted, from the root on: an alias to one of these is a cycle
	begin    int                 // the line where the document begins
	aliases  int                 // how many aliases lead to where we are
	outer    *yaml.Node          // the first of them
	expanded int                 // nodes made below aliases
	depth    int
	again    bool // whether a second document begins without a line ---
	stopped  bool // the document cannot be made into a tree
}

// add reports a finding at a node. What lies below an alias was reported where it is written.
func (c *converter) add(n *yaml.Node, d diag.Diagnostic) {
	if c.aliases > 0 && d.Rule != ruleAlias.ID && d.Rule != ruleTooLarge.ID {
		return
	}
	line, col := c.places.find(n.Line, n.Column)
	d.Where = diag.Pos{Line: int(line), Col: int(col)}
	c.findings = append(c.findings, d)
}

// stop reports what makes it impossible to go on with the document.
func (c *converter) stop(n *yaml.Node, d diag.Diagnostic) {
	if !c.stopped {
		c.add(n, d)
	}
	c.stopped = true
}

// convert makes to of from, which stands at a path.
func (c *converter) convert(to *Node, from *yaml.Node, at diag.Path, depth int) {
	if c.stopped {
		return
	}
	if c.aliases > 0 {
		if c.expanded++; c.expanded > maxExpanded {
			c.stop(c.outer, ruleAlias.At(at, "the aliases of this document expand to more than %d values", maxExpanded).
				WithHelp("write the repeated parts out, or use fewer aliases of aliases"))
			return
		}
	}
	if from.Kind == yaml.AliasNode {
		c.alias(to, from, at, depth)
		return
	}
	to.Line, to.Col = c.places.find(from.Line, from.Column)
	if from.Kind == yaml.ScalarNode {
		c.scalar(to, from, at)
		return
	}
	if depth >= MaxDepth {
		c.stop(from, ruleTooLarge.At(at, "maps and lists are nested more than %d levels deep", MaxDepth))
		return
	}
	c.active[from] = true
	if from.Kind == yaml.MappingNode {
		to.Kind = Map
		c.tag(from, at, "!!map")
		c.fields(to, from, at, depth+1)
	} else {
		to.Kind = Seq
		c.tag(from, at, "!!seq")
		if len(from.Content) > 0 {
			to.Items = make([]Node, len(from.Content))
		}
		for i, item := range from.Content {
			c.convert(&to.Items[i], item, at.Item(i, nameOf(item)), depth+1)
		}
	}
	delete(c.active, from)
}

// nameOf is the name of an item of a keyed list, for messages.
func nameOf(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "name" && n.Content[i+1].Kind == yaml.ScalarNode {
				return n.Content[i+1].Value
			}
		}
	}
	return ""
}

// alias converts what an alias stands for. The value is where the alias is; what is inside it is where it is written.
func (c *converter) alias(to *Node, from *yaml.Node, at diag.Path, depth int) {
	target := from.Alias
	if c.active[target] {
		c.stop(from, ruleAlias.At(at, "the alias *%s stands inside the value that it stands for", clip(from.Value)).
			WithHelp("write out here what is meant"))
		return
	}
	if target.Line < c.begin { // the library keeps marks from document to document
		c.stop(from, ruleAlias.At(at, "the alias *%s stands for nothing: &%s is in another document", clip(from.Value), clip(from.Value)).
			WithHelp("marks hold within one document: write the value out here, or mark it here too"))
		return
	}
	if c.aliases == 0 {
		c.outer = from
	}
	c.aliases++
	c.convert(to, target, at, depth)
	c.aliases--
	to.Line, to.Col = c.places.find(from.Line, from.Column)
}

// tag complains of an explicit tag on a map or list that is not this one.
func (c *converter) tag(n *yaml.Node, at diag.Path, own string) {
	if n.Style&yaml.TaggedStyle != 0 && n.Tag != own {
		c.unfit(n, at)
	}
}

// unfit complains of a tag that has no meaning here, or not with this value.
func (c *converter) unfit(n *yaml.Node, at diag.Path) {
	what := map[yaml.Kind]string{yaml.MappingNode: "map", yaml.SequenceNode: "list", yaml.ScalarNode: "value"}[n.Kind]
	switch n.Tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq":
		if n.Kind == yaml.ScalarNode {
			c.add(n, ruleTag.At(at, "the tag %s does not fit the value %q", n.Tag, clip(n.Value)))
		} else {
			c.add(n, ruleTag.At(at, "the tag %s does not fit a %s", n.Tag, what))
		}
	default:
		c.add(n, ruleTag.At(at, "the tag %s means nothing here", clip(n.Tag)).
			WithHelp("remove the tag, or put a text that begins with ! in quotes"))
	}
}

func (c *converter) scalar(to *Node, from *yaml.Node, at diag.Path) {
	const text = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	to.Value = from.Value
	if from.Style&yaml.TaggedStyle == 0 {
		if from.Style&text != 0 {
			to.Kind, to.Quoted = String, true
		} else {
			to.Kind = resolve(from.Value)
		}
	} else {
		kind := resolve(from.Value)
		switch {
		case from.Tag == "!!str":
			kind, to.Quoted = String, true
		case from.Tag == "!!float" && kind == Int:
			kind = Float
			if !decimal(from.Value) {
				c.unfit(from, at)
			}
		case from.Tag == "!!int" && kind == Int, from.Tag == "!!float" && kind == Float,
			from.Tag == "!!bool" && kind == Bool, from.Tag == "!!null" && kind == Null:
		default:
			c.unfit(from, at)
		}
		to.Kind = kind
	}
	if to.Kind == Bool {
		to.Value = boolText(to.Value)
	}
}

// decimal tells whether the text of an Int has no prefix.
func decimal(s string) bool { return !strings.HasPrefix(s, "0x") && !strings.HasPrefix(s, "0o") }

// merging is a merge key among the fields of a map.
type merging struct {
	before int // it stands before the field with this index
	value  Node
}

// fields converts the entries of a map: those that are written, and those of merge keys that are not.
func (c *converter) fields(to *Node, from *yaml.Node, at diag.Path, depth int) {
	if len(from.Content) == 0 {
		return
	}
	to.Fields = make([]Field, 0, len(from.Content)/2)
	written := make(map[string]int32, len(from.Content)/2) // key to its line
	var merges []merging
	for i := 0; i+1 < len(from.Content); i += 2 {
		key, value := from.Content[i], from.Content[i+1]
		line, col := c.places.find(key.Line, key.Column)
		if key.Kind == yaml.ScalarNode && key.Tag == "!!merge" {
			if len(merges) > 0 {
				c.add(key, ruleDuplicate.At(at, "a map can have one merge key only").WithHelp("write <<: [*one, *two]"))
			}
			m := merging{before: len(to.Fields)}
			c.convert(&m.value, value, at, depth)
			merges = append(merges, m)
			continue
		}
		text, ok := c.key(key, at)
		if !ok {
			c.convert(new(Node), value, at, depth) // for its own findings
			continue
		}
		if first, twice := written[text]; twice {
			if at.IsRoot() && text == "apiVersion" && !c.again {
				c.again = true
				c.add(key, ruleDuplicate.At(at.Key(text), "a second document begins here, without a line --- before it; the first is on line %d", first).
					WithHelp("write --- on the line before it, or delete one of the two"))
			}
			if at.IsRoot() && c.again { // said of the whole document
				c.convert(new(Node), value, at.Key(text), depth)
				continue
			}
			c.add(key, ruleDuplicate.At(at.Key(text), "the key %s is here for the second time; the first is on line %d", clip(text), first).
				WithHelp("delete one of the two, or join their values"))
			c.convert(new(Node), value, at.Key(text), depth)
			continue
		}
		written[text] = line
		f := Field{Key: text, Line: line, Col: col}
		c.convert(&f.Value, value, at.Key(text), depth)
		f.Value.KeyQuoted = key.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.TaggedStyle) != 0
		to.Fields = append(to.Fields, f)
	}
	if len(merges) > 0 && !c.stopped {
		to.Fields = c.merge(to.Fields, merges, at, written)
	}
}

// key is the text of a key; false where it has none.
func (c *converter) key(n *yaml.Node, at diag.Path) (string, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.MappingNode, yaml.SequenceNode:
		what := "map"
		if n.Kind == yaml.SequenceNode {
			what = "list"
		}
		d := ruleTag.At(at, "a %s cannot be a key", what)
		if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 {
			d = d.WithHelp("render a template ({{ … }}) before it is read here; put braces that are text in quotes")
		}
		c.add(n, d)
		return "", false
	}
	if n.Value == "" && n.Style == 0 {
		c.add(n, ruleTag.At(at, "a key is missing before the colon"))
		return "", false
	}
	var as Node
	c.scalar(&as, n, at)
	return n.Value, true
}

// merge adds to the fields of a map what its merge keys stand for: what is written beside them wins, then the
// earlier of two.
func (c *converter) merge(fields []Field, merges []merging, at diag.Path, written map[string]int32) []Field {
	merged := make([]Field, 0, 2*len(fields))
	from := 0
	for i := range merges {
		m := &merges[i]
		merged = append(merged, fields[from:m.before]...)
		from = m.before
		sources := []Node{m.value}
		if m.value.Kind == Seq {
			sources = m.value.Items
		}
		for j := range sources {
			source := &sources[j]
			if source.Kind != Map {
				what := "single value"
				if source.Kind == Seq {
					what = "list"
				}
				d := ruleAlias.At(at, "a merge key takes a map or a list of maps, and this is a %s", what)
				d.Where = diag.Pos{Line: int(source.Line), Col: int(source.Col)}
				c.findings = append(c.findings, d.WithHelp("write <<: *name, where &name marks a map"))
				continue
			}
			for _, f := range source.Fields {
				if _, taken := written[f.Key]; !taken {
					written[f.Key] = f.Line
					merged = append(merged, f)
				}
			}
		}
	}
	return append(merged, fields[from:]...)
}

// placer turns the library's positions, which count characters, into ours, which count bytes.
type placer struct {
	text   string
	mark   int // length of the byte order mark before text
	lines  []place
	stride []int32 // offset of every stride-th character
	ready  bool
}

// place is where a line begins.
type place struct{ offset, char int32 }

const stride = 64

// find answers for a line and a column in characters, both from 1.
func (p *placer) find(line, column int) (int32, int32) {
	if !p.ready {
		p.index()
	}
	char := math.MaxInt // the library lets an unfinished last line end on the next, which is not there
	if line <= len(p.lines) {
		char = int(p.lines[line-1].char) + column - 1
	}
	line = min(line, len(p.lines))
	at := p.lines[line-1]
	i, left := len(p.text), 0
	if char/stride < len(p.stride) {
		i, left = int(p.stride[char/stride]), char%stride
	}
	for ; left > 0 && i < len(p.text); left-- {
		_, size := utf8.DecodeRuneInString(p.text[i:])
		i += size
	}
	col := int32(i) - at.offset + 1
	if line == 1 {
		col += int32(p.mark)
	}
	return int32(line), col
}

func (p *placer) index() {
	p.ready = true
	p.lines = append(p.lines, place{})
	char := 0
	for i, r := range p.text {
		if char%stride == 0 {
			p.stride = append(p.stride, int32(i))
		}
		char++
		if r == '\n' {
			p.lines = append(p.lines, place{int32(i) + 1, int32(char)})
		}
	}
}
