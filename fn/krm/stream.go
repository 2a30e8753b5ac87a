package krm

import (
	"bytes"
	"io"
	"regexp"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// Stream is a stream of YAML documents whose VMMesh documents were expanded. Write prints it.
type Stream struct {
	// Findings are sorted. With one at error level there is nothing to write.
	Findings diag.List
	// Specs is the number of VMMesh documents, Objects that of the objects which they were expanded to.
	Specs, Objects int

	src   []byte
	parts []part
}

// part is one document of a stream, with the separator before it: src[start:end].
type part struct {
	start, end int
	spec       bool
	text       []byte // of a spec: the objects that replace it
}

// ExpandStream expands every VMMesh document of a stream. Each is replaced by its objects, where it was; what is not a
// VMMesh is not changed, not even where it is not YAML. All VMMesh documents are one build. Name is what findings call
// the stream, and their lines are its lines.
func ExpandStream(name string, src []byte) *Stream {
	s := &Stream{src: src, parts: splitStream(src)}
	roots := make([]*syntax.Node, len(s.parts))
	for i := range s.parts {
		p := &s.parts[i]
		text := src[p.start:p.end]
		if !mayBeSpec(text) {
			continue
		}
		root, ok := parse(text)
		switch {
		case !ok:
			p.spec = looksLikeSpec.Match(text)
		case isSpec(stringAt(root, "apiVersion"), stringAt(root, "kind")):
			p.spec = true
		default:
			s.Findings = append(s.Findings, s.inList(name, p, root)...)
		}
		if p.spec {
			s.Specs++
		}
		roots[i] = root
	}
	if s.Specs == 0 {
		return s
	}
	docs, findings := schema.Parse(name, s.specsAlone())
	s.Findings = append(s.Findings, findings...)
	if s.Findings.HasErrors() {
		s.Findings = append(s.Findings, fn.Lint(docs)...).Sorted() // nothing is written, but the user sees all that is wrong
		return s
	}
	s.Findings = append(s.Findings, s.replace(docs, s.others(roots))...).Sorted()
	return s
}

// Write prints the stream.
func (s *Stream) Write(w io.Writer) error {
	for _, p := range s.parts {
		text := s.src[p.start:p.end]
		if p.spec {
			text = p.text
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// splitStream splits a stream at the markers between its documents, which are at the start of a line, and nowhere within
// a value. A `---` begins a part, a `...` ends one.
func splitStream(src []byte) []part {
	var parts []part
	start := 0
	cut := func(at int) {
		if at > start {
			parts = append(parts, part{start: start, end: at})
			start = at
		}
	}
	at := 0
	if bytes.HasPrefix(src, []byte("\ufeff")) {
		at = len("\ufeff")
	}
	for first := true; at < len(src); first = false {
		line := src[at:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end+1]
		}
		switch {
		case marker(line, "---") && !first:
			cut(at)
		case marker(line, "..."):
			cut(at + len(line))
		}
		at += len(line)
	}
	cut(len(src))
	return parts
}

// marker reports whether a line begins with this marker.
func marker(line []byte, mark string) bool {
	rest, found := bytes.CutPrefix(line, []byte(mark))
	return found && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}

// mayBeSpec reports whether a text has to be read to find out whether it is a VMMesh: most are not.
func mayBeSpec(text []byte) bool {
	for _, mark := range []string{schema.KindVMMesh, groupOf(schema.APIVersion), `\u`, `\U`, `\x`} {
		if bytes.Contains(text, []byte(mark)) {
			return true
		}
	}
	return false
}

// looksLikeSpec matches a text that cannot be read and is a VMMesh all the same: block style, or JSON.
var looksLikeSpec = regexp.MustCompile(`(?m)^(["']?kind["']?[ \t]*:[ \t]*["']?VMMesh["']?[ \t\r]*(#.*)?$|["']?apiVersion["']?[ \t]*:[ \t]*["']?vmmesh\.dev/)` +
	`|^[ \t]*["']?kind["']?[ \t]*:[ \t]*["']VMMesh["'][ \t]*,?[ \t\r]*$|[{,][ \t\r\n]*"(kind"[ \t]*:[ \t]*"VMMesh"|apiVersion"[ \t]*:[ \t]*"vmmesh\.dev/)`)

// stringAt is the text of a key of a map.
func stringAt(n *syntax.Node, key string) string { return n.Get(key).Text() }

// inList refuses a VMMesh among the items of a list: it would reach the cluster, which does not have its kind.
func (s *Stream) inList(name string, p *part, root *syntax.Node) diag.List {
	items := root.Get("items")
	if items == nil {
		return nil
	}
	var found diag.List
	for i := range items.Items {
		if n := &items.Items[i]; isSpec(stringAt(n, "apiVersion"), stringAt(n, "kind")) {
			label := stringAt(n.Get("metadata"), "name")
			d := ruleListed.At(diag.Root(&diag.Source{Name: name, Text: s.src}).Key("items").Item(i, label),
				"the VMMesh %s is an item of a list", clip(label)).
				WithHelp("make it a document of its own, after a line of three dashes")
			d.Where = diag.Pos{Line: bytes.Count(s.src[:p.start], []byte("\n")) + int(n.Line), Col: int(n.Col)}
			found = append(found, d)
		}
	}
	return found
}

// specsAlone is the stream with its lines, in which everything but the VMMesh documents is blank.
func (s *Stream) specsAlone() []byte {
	out := make([]byte, 0, len(s.src))
	open := false // a document that nothing ends yet
	for _, p := range s.parts {
		text := s.src[p.start:p.end]
		switch {
		case p.spec:
			out = append(out, text...)
			open = true
			continue
		case open && marker(text, "---"):
			out = append(out, "---"...)
			open = false
		}
		for range bytes.Count(text, []byte("\n")) {
			out = append(out, '\n')
		}
	}
	return out
}

// others is every object of the stream that is not a VMMesh, by identity. roots has those that were read before.
func (s *Stream) others(roots []*syntax.Node) map[identity]*syntax.Node {
	all := map[identity]*syntax.Node{}
	for i, p := range s.parts {
		n := roots[i]
		if p.spec {
			continue
		}
		if n == nil {
			n, _ = parse(s.src[p.start:p.end])
		}
		if n == nil || n.Kind != syntax.Map {
			continue
		}
		objects := []*syntax.Node{n}
		if items := n.Get("items"); items != nil {
			for i := range items.Items {
				objects = append(objects, &items.Items[i])
			}
		}
		for _, o := range objects {
			var it item
			it.learn(o)
			if it.id.kind != "" && it.id.name != "" {
				all[it.id] = o
			}
		}
	}
	return all
}

// replace makes the objects of every spec.
func (s *Stream) replace(docs []*schema.Document, others map[identity]*syntax.Node) diag.List {
	specs := make([]*part, 0, s.Specs)
	for i := range s.parts {
		if s.parts[i].spec {
			specs = append(specs, &s.parts[i])
		}
	}
	of := make(map[*diag.Source]*part, len(docs))
	made := make(map[*part]int, len(docs))
	for i, d := range docs {
		of[d.At.Source()] = specs[i]
	}
	var clashes diag.List
	var enc manifest.Encoder
	findings := fn.Expand(docs, func(o *manifest.Object) {
		p := of[o.At.Source()]
		made[p]++
		enc.Reset()
		enc.Object(o)
		if other := others[identity{groupOf(o.APIVersion), o.Kind, o.Namespace, o.Name}]; other != nil {
			object, _ := parse(enc.Bytes())
			if _, annotations := notes(other, true); !equal(other, annotations, object) {
				var it item
				it.learn(other)
				it.path = ""
				clashes = append(clashes, foreign(&it, o).
					WithHelp("rename one of the two, or remove the other: a stream has one object of a name"))
			}
			return
		}
		s.Objects++
		if len(p.text) == 0 {
			p.text = header(s.src[p.start:p.end])
		} else {
			p.text = append(p.text, "---\n"...)
		}
		p.text = append(p.text, enc.Bytes()...)
	})
	if findings = append(findings, clashes...); findings.HasErrors() {
		return findings
	}
	for _, d := range docs {
		p := of[d.At.Source()]
		if made[p] == 0 {
			findings = append(findings, ruleNothing.At(d.At.Key("spec"), "the spec emits no objects").
				WithHelp("describe workloads or external services, or leave the spec out"))
		}
		p.text = append(p.text, footer(s.src[p.start:p.end])...)
	}
	return findings
}

// header is the separator and the comments above a document, with which its objects begin.
func header(text []byte) []byte {
	var out []byte
	for line := range bytes.Lines(text) {
		trimmed := bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
		switch rest, mark := bytes.CutPrefix(trimmed, []byte("---")); {
		case mark && len(out) == 0:
			if rest = bytes.TrimSpace(rest); len(rest) > 0 && rest[0] != '#' {
				return []byte("---\n") // the document begins on this line
			}
			out = append(out, line...)
		case len(trimmed) == 0 || trimmed[0] == '#':
			out = append(out, line...)
		default:
			return out
		}
	}
	return out
}

// footer is the `...` that ends a document: what follows may be a document without a separator, or a directive.
func footer(text []byte) []byte {
	last := text[bytes.LastIndexByte(bytes.TrimRight(text, "\r\n"), '\n')+1:]
	if marker(last, "...") {
		return last
	}
	return nil
}
