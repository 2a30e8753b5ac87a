package krm

import (
	"bytes"
	"io"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// HasList tells whether there is a list to write. There is none where none could be read.
func (a *Answer) HasList() bool { return a.list != nil }

// Write writes the list: the one that came, with what has changed, and with the findings as its results. The error is
// the writer's.
func (a *Answer) Write(w io.Writer) error {
	l := a.list
	p := &printer{w: w, fresh: true}
	p.print(l.src[:l.sections[0].start])
	items := false
	for _, s := range l.sections {
		switch {
		case s.key == "results" && len(a.Findings) > 0:
		case s.key == "items":
			items = true
			a.writeItems(p, s)
		default:
			p.print(l.src[s.start:s.end])
		}
	}
	if !items && len(a.added) > 0 {
		p.line()
		p.print([]byte("items:\n"))
		a.writeAdded(p)
	}
	if len(a.Findings) > 0 {
		var enc manifest.Encoder
		enc.Value(a.results())
		p.line()
		p.print([]byte("results:\n"))
		p.print(enc.Bytes())
	}
	return p.err
}

func (a *Answer) writeItems(p *printer, s section) {
	l := a.list
	left := len(a.added)
	for i := range l.items {
		if !l.items[i].gone {
			left++
		}
	}
	switch {
	case len(l.items) == 0 && left == 0:
		p.print(l.src[s.start:s.end])
		return
	case len(l.items) == 0: // items: [], or nothing at all
		p.print([]byte("items:\n"))
	case left == 0:
		p.print([]byte("items: []\n"))
		return
	default:
		p.print(l.src[s.start:l.items[0].head])
	}
	for i := range l.items {
		it := &l.items[i]
		switch {
		case it.gone:
		case it.text != span{}:
			p.line()
			p.print(l.src[it.head:it.start])
			p.block(a.out.Bytes()[it.text.start:it.text.end], l.indent)
		default:
			p.line()
			p.print(l.src[it.head:it.end])
		}
	}
	a.writeAdded(p)
}

func (a *Answer) writeAdded(p *printer) {
	for _, s := range a.added {
		p.line()
		p.block(a.out.Bytes()[s.start:s.end], a.list.indent)
	}
}

// printer writes text and remembers its first error, and whether a line is complete.
type printer struct {
	w     io.Writer
	err   error
	fresh bool // at the beginning of a line
}

func (p *printer) print(text []byte) {
	if p.err != nil || len(text) == 0 {
		return
	}
	_, p.err = p.w.Write(text)
	p.fresh = text[len(text)-1] == '\n'
}

// line ends a line that is not complete: the last one of a text may not be.
func (p *printer) line() {
	if !p.fresh {
		p.print([]byte("\n"))
	}
}

// block prints lines, moved to the right.
func (p *printer) block(text []byte, indent int) {
	if indent == 0 {
		p.print(text)
		return
	}
	blanks := bytes.Repeat([]byte(" "), indent)
	for line := range bytes.Lines(text) {
		if len(line) > 1 {
			p.print(blanks)
		}
		p.print(line)
	}
}

// results are the findings, with the objects that they are about.
func (a *Answer) results() []diag.KRMResult {
	return diag.KRMResults(a.Findings, func(s *diag.Source) (of *diag.KRMResource, in *diag.KRMFile) {
		o := a.objects[s]
		if o == nil {
			return nil, nil
		}
		if o.kind != "" && o.apiVersion != "" && o.name != "" {
			of = &diag.KRMResource{APIVersion: o.apiVersion, Kind: o.kind, Namespace: o.namespace, Name: o.name}
		}
		if o.path != "" {
			in = &diag.KRMFile{Path: o.path, Index: max(o.index, 0)}
		}
		return of, in
	})
}
