package compare

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// The text report, for people:
//
//	objects:
//	+ WorkloadEntry vm-workloads/pay-vm3
//	~ Service vm-workloads/pay
//	    spec.ports[http].targetPort: 8080 → 8081
//	    + spec.ports[grpc]: {name: grpc, port: 9090}
//	files:
//	~ manifests/vm-workloads/service-pay.yaml (changed by hand; …)
//	what it means:
//	  risk: Service vm-workloads/pay: port 8080 leads to …

// palette is the escape sequences of a terminal, or nothing.
type palette struct{ bold, dim, red, green, yellow, cyan, off string }

func newPalette(colour bool) palette {
	if !colour {
		return palette{}
	}
	return palette{
		bold: "\x1b[1m", dim: "\x1b[2m", red: "\x1b[31m", green: "\x1b[32m", yellow: "\x1b[33m", cyan: "\x1b[36m", off: "\x1b[0m",
	}
}

// mark is a change as a report shows it.
func (p palette) mark(c Change) string {
	colour := p.yellow
	switch c {
	case Added:
		colour = p.green
	case Removed:
		colour = p.red
	case Changed:
	}
	return colour + string(rune(c)) + p.off
}

func (p palette) severity(s Severity) string {
	colour := p.cyan
	switch s {
	case Breaks:
		colour = p.red
	case Risk:
		colour = p.yellow
	case Note:
	}
	return colour + s.String() + p.off
}

// WriteText prints all changes, for people; nothing where there is nothing to say. The error is the writer's.
func WriteText(w io.Writer, c *Changes, colour bool) error {
	out := bufio.NewWriter(w)
	p := newPalette(colour)
	heading := func(text string, n int) {
		if n > 0 {
			fmt.Fprintf(out, "%s%s:%s\n", p.bold, text, p.off)
		}
	}
	heading("objects", len(c.Objects))
	for _, o := range c.Objects {
		fmt.Fprintf(out, "%s %s\n", p.mark(o.Change), o.ID)
		for _, f := range o.Fields {
			fmt.Fprintf(out, "    %s\n", f.line(p))
		}
	}
	heading("files", len(c.Files))
	for _, f := range c.Files {
		fmt.Fprintln(out, f.line(p))
	}
	heading("what it means", len(c.Consequences))
	for _, m := range c.Consequences {
		fmt.Fprintf(out, "  %s: %s: %s\n", p.severity(m.Severity), m.Object, m.Message)
	}
	heading("also", len(c.Strangers)+len(c.Notes))
	for _, path := range c.Strangers {
		fmt.Fprintf(out, "  %s was not written by vmmesh; a build leaves it, and kustomization.yaml does not list it\n", printable(path))
	}
	for _, note := range c.Notes {
		fmt.Fprintf(out, "  %s\n", note)
	}
	return out.Flush()
}

// WriteList prints what differs, a line each, and nothing else: the files of an output tree, or else the objects. The
// error is the writer's.
func WriteList(w io.Writer, c *Changes, colour bool) error {
	out := bufio.NewWriter(w)
	p := newPalette(colour)
	for _, f := range c.Files {
		fmt.Fprintln(out, f.line(p))
	}
	if len(c.Files) == 0 {
		for _, o := range c.Objects {
			fmt.Fprintf(out, "%s %s\n", p.mark(o.Change), o.ID)
		}
	}
	return out.Flush()
}

func (f FileChange) line(p palette) string {
	line := p.mark(f.Change) + " " + printable(f.Path)
	if f.Why != "" {
		line += p.dim + " (" + printable(f.Why) + ")" + p.off
	}
	return line
}

func (f FieldChange) line(p palette) string {
	switch {
	case f.Moved:
		return f.Path + ": in another order: " + shownAt(f.Path, f.Old) + " → " + shownAt(f.Path, f.New)
	case f.Change == Added:
		return p.mark(Added) + " " + f.Path + ": " + shownAt(f.Path, f.New)
	case f.Change == Removed:
		return p.mark(Removed) + " " + f.Path + ": " + shownAt(f.Path, f.Old)
	}
	return f.Path + ": " + shownAt(f.Path, f.Old) + " → " + shownAt(f.Path, f.New)
}

// Summary is the changes in numbers: "2 objects and 3 files would change".
func (c *Changes) Summary() string {
	var parts []string
	if n := len(c.Objects); n > 0 {
		parts = append(parts, count(n, "object"))
	}
	if n := len(c.Files); n > 0 {
		parts = append(parts, count(n, "file"))
	}
	if len(parts) == 0 {
		return "nothing would change"
	}
	return strings.Join(parts, " and ") + " would change"
}
