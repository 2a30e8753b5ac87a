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

// result is a finding as the specification of KRM functions has it.
type result struct {
	Message     string            `json:"message"`
	Severity    string            `json:"severity"`
	ResourceRef *resourceRef      `json:"resourceRef,omitempty"`
	Field       *field            `json:"field,omitempty"`
	File        *file             `json:"file,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

type resourceRef struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

type field struct {
	Path string `json:"path"`
}

type file struct {
	Path  string `json:"path"`
	Index int    `json:"index,omitempty"`
}

// results are the findings, with the objects that they are about.
func (a *Answer) results() []result {
	all := make([]result, 0, len(a.Findings))
	for _, d := range a.Findings {
		r := result{Message: message(d), Severity: d.Severity.String(), Tags: map[string]string{"rule": d.Rule}}
		if o := a.objects[d.At.Source()]; o != nil {
			if o.kind != "" && o.apiVersion != "" && o.name != "" {
				r.ResourceRef = &resourceRef{o.apiVersion, o.kind, o.namespace, o.name}
				if path := d.At.String(); path != "" {
					r.Field = &field{path}
				}
			}
			if o.path != "" {
				r.File = &file{o.path, max(o.index, 0)}
			}
		}
		all = append(all, r)
	}
	return all
}

// message is a finding in one line.
func message(d diag.Diagnostic) string {
	text := d.Rule + ": " + d.Message
	if d.Help != "" {
		text += "; help: " + d.Help
	}
	return text
}
