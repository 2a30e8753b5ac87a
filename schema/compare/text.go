package compare

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// The text report, for people:
//
//	objects:
//	+ WorkloadEntry vm-workloads/pay-vm3
//	> AuthorizationPolicy vm-workloads/pay-allow (was pay-authz)
//	~ Service vm-workloads/pay
//	    spec.ports[http].targetPort: 8080 → 8081
//	    + spec.ports[grpc]: {name: grpc, port: 9090}
//	files:
//	~ manifests/vm-workloads/service-pay.yaml (changed by hand; …)
//	~ vms/vm-workloads/pay/vm.env and 3 more vm.env: VMMESH_ISTIOD_ADDRESSES: ('203.0.113.1') → ('203.0.113.2')
//	what it means:
//	  risk: Service vm-workloads/pay: port 8080 leads to …
//	    1. first …
//	VMs that run install.sh again: 4 VMs, 4 sidecar restarts
//	  vm-workloads/pay: pay-vm1, pay-vm2: restarts the sidecar (vm.env)
//	what is deleted:
//	  kubectl apply -k: nothing
//
// Lines that are equal but for a name are one line, with the first names and the number of the others.

// palette is the escape sequences of a terminal, or nothing.
type palette struct{ bold, dim, red, green, yellow, cyan, off string }

func newPalette(colour bool) palette {
	if !colour {
		return palette{}
	}
	return palette{
		bold: "\x1b[1m", dim: "\x1b[2m", red: "\x1b[31m", green: "\x1b[32m", yellow: "\x1b[33m", cyan: "\x1b[36m",
		off: "\x1b[0m",
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
	case Changed, Renamed:
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

// WriteText prints all changes, for people; nothing where nothing differs. The error is the writer's.
func WriteText(w io.Writer, c *Changes, colour bool) error {
	out := bufio.NewWriter(w)
	p := newPalette(colour)
	heading := func(text string, n int) {
		if n > 0 {
			fmt.Fprintf(out, "%s%s:%s\n", p.bold, text, p.off)
		}
	}
	heading("objects", len(c.Objects))
	c.writeObjects(out, p)
	heading("files", len(c.Files))
	c.writeFiles(out, p)
	heading("what it means", len(c.Consequences))
	for i := range c.Consequences {
		m := &c.Consequences[i]
		fmt.Fprintf(out, "  %s: %s: %s\n", p.severity(m.Severity), m.about(), m.Message)
		for n, step := range m.Steps {
			fmt.Fprintf(out, "    %d. %s\n", n+1, step)
		}
	}
	heading("VMs that run install.sh again: "+setupSummary(c.Setup), len(c.Setup))
	for _, line := range c.setupLines() {
		fmt.Fprintf(out, "  %s\n", line)
	}
	heading("what is deleted", len(c.Deletions))
	for _, line := range c.deletionLines() {
		fmt.Fprintf(out, "  %s\n", line)
	}
	heading("also", len(c.Strangers)+len(c.Notes))
	for _, path := range c.Strangers {
		fmt.Fprintf(out, "  %s was not written by vmmesh; a build leaves it, and kustomization.yaml does not list "+
			"it\n", printable(path))
	}
	for _, note := range c.Notes {
		fmt.Fprintf(out, "  %s\n", note)
	}
	return out.Flush()
}

// mostLines is how many lines of a file or of a value a report for people has.
const mostLines = 40

// writeObjects prints the objects that differ, those that differ alike as one.
func (c *Changes) writeObjects(out io.Writer, p palette) {
	for _, f := range foldObjects(c.Objects) {
		fmt.Fprintf(out, "%s %s\n", p.mark(f.Change), f.title)
		for _, field := range f.Fields {
			for i, line := range field.lines(p) {
				indent := "    "
				if i > 0 {
					indent = "      "
				}
				fmt.Fprintf(out, "%s%s\n", indent, line)
			}
		}
	}
}

// writeFiles prints the files that differ, those that differ alike as one.
func (c *Changes) writeFiles(out io.Writer, p palette) {
	for _, f := range foldFiles(c.Files) {
		line := p.mark(f.Change) + " " + f.title
		if f.Why != "" {
			line += p.dim + " (" + printable(f.Why) + ")" + p.off
		}
		if len(f.Lines) == 1 && f.Lines[0].Change == Changed { // one variable
			fmt.Fprintf(out, "%s: %s\n", line, f.Lines[0].Text)
			continue
		}
		fmt.Fprintln(out, line)
		for _, l := range cut(f.Lines) {
			if l.Change == Changed {
				fmt.Fprintf(out, "    %s\n", l.Text)
			} else {
				fmt.Fprintf(out, "    %s %s\n", p.mark(l.Change), l.Text)
			}
		}
	}
}

// cut is as many lines as a report for people has.
func cut(lines []Line) []Line {
	if len(lines) <= mostLines {
		return lines
	}
	return append(slices.Clone(lines[:mostLines]), Line{Changed, fmt.Sprintf("… and %s more",
		count(len(lines)-mostLines, "line"))})
}

// foldedObject are objects that differ alike.
type foldedObject struct {
	ObjectChange
	title string
}

// foldObjects joins the objects of a kind and a namespace that differ alike. Those that come or go are named each, up
// to
// a few.
func foldObjects(all []ObjectChange) []foldedObject {
	const few = 4
	type alike struct {
		change                 Change
		group, kind, namespace string
		fields                 string
	}
	key := func(o ObjectChange) alike {
		k := alike{o.Change, o.ID.Group, o.ID.Kind, o.ID.Namespace, ""}
		for _, f := range o.Fields {
			k.fields += strings.Join(f.lines(palette{}), "\n") + "\n"
		}
		return k
	}
	groups := map[alike][]ObjectChange{}
	keys := make([]alike, len(all))
	for i, o := range all {
		keys[i] = key(o)
		groups[keys[i]] = append(groups[keys[i]], o)
	}
	name := func(o ObjectChange) string {
		text := o.ID.String()
		if o.Change == Renamed {
			text += " (was " + printable(nameFrom(o.Was, o.ID)) + ")"
		}
		return text
	}
	var folded []foldedObject
	for i, o := range all {
		list := groups[keys[i]]
		single := o.Change != Changed && (len(list) <= few || o.ID.Kind != "WorkloadEntry")
		switch {
		case single || len(list) == 1:
			folded = append(folded, foldedObject{o, name(o)})
		case list[0].ID == o.ID: // the first represents all
			names := []string{name(o)}
			for _, other := range list[1:] {
				names = append(names, strings.TrimPrefix(name(other), printable(other.ID.Kind)+" "))
			}
			folded = append(folded, foldedObject{o, some(names)})
		}
	}
	return folded
}

// foldedFile are files that differ alike.
type foldedFile struct {
	FileChange
	title string
}

// foldFiles joins the files of a group of VMs that comes or goes, and the files of one name that differ alike for
// several VMs or groups.
func foldFiles(all []FileChange) []foldedFile {
	folder := func(path string) string {
		if f, ok := vmFileAt(path); ok {
			return "vms/" + f.namespace + "/" + f.group + "/"
		}
		return ""
	}
	type place struct {
		change Change
		folder string
	}
	whole := map[place]int{} // groups that come or go, and how many files they have
	for _, f := range all {
		if v, ok := vmFileAt(f.Path); ok && v.instance == "" && v.name == "vm.env" && f.Change != Changed && f.Why == "" {
			whole[place{f.Change, folder(f.Path)}] = 0
		}
	}
	type alike struct {
		place
		name, why, lines string
	}
	key := func(f FileChange) (alike, bool) {
		v, ok := vmFileAt(f.Path)
		if !ok {
			return alike{}, false
		}
		if at := (place{f.Change, folder(f.Path)}); f.Why == "" {
			if _, ok := whole[at]; ok {
				return alike{place: at}, true
			}
		}
		k := alike{place: place{change: f.Change}, name: v.name, why: f.Why}
		for _, l := range f.Lines {
			k.lines += string(rune(l.Change)) + l.Text + "\n"
		}
		return k, true
	}
	groups := map[alike][]FileChange{}
	for _, f := range all {
		if k, ok := key(f); ok {
			groups[k] = append(groups[k], f)
		}
	}
	var folded []foldedFile
	for _, f := range all {
		k, ok := key(f)
		list := groups[k]
		switch {
		case !ok || len(list) == 1:
			folded = append(folded, foldedFile{f, printable(f.Path)})
		case list[0].Path != f.Path:
		case k.folder != "":
			folded = append(folded, foldedFile{f, fmt.Sprintf("%s (%s)", printable(k.folder), count(len(list),
				"file"))})
		default:
			title := fmt.Sprintf("%s and %d more %s", printable(f.Path), len(list)-1, printable(k.name))
			folded = append(folded, foldedFile{f, title})
		}
	}
	return folded
}

// setupLines are the VMs that have to run install.sh again, a line for those that do for the same reason.
func (c *Changes) setupLines() []string {
	var lines []string
	alike := map[string]int{}
	for _, s := range c.Setup {
		key := fmt.Sprint(s.Restart, s.Files)
		if n := alike[key]; n >= mostLines {
			alike[key] = n + 1
			continue
		}
		alike[key]++
		lines = append(lines, s.line())
	}
	for _, key := range sortedKeys(alike) {
		if n := alike[key]; n > mostLines {
			lines = append(lines, fmt.Sprintf("… and %s more", count(n-mostLines, "group")))
		}
	}
	return lines
}

// deletionLines are what each tool deletes of what is not made any more.
func (c *Changes) deletionLines() []string {
	if len(c.Deletions) == 0 {
		return nil
	}
	var lines []string
	for _, t := range tools {
		deleted, left := t.split(c.Deletions)
		switch {
		case t.keeps == "":
			lines = append(lines, fmt.Sprintf("%s: nothing; %s until deleted, in this order:", t.name,
				count(len(left), "object")+" "+verb(len(left), "stays", "stay")))
			commands := deleteCommands(left)
			for i, command := range commands {
				if i == mostLines {
					lines = append(lines, fmt.Sprintf("  … and %s more: see --report json", count(len(commands)-i,
						"command")))
					break
				}
				lines = append(lines, "  "+command)
			}
		case len(left) == 0:
			lines = append(lines, fmt.Sprintf("%s: %s", t.name, count(len(deleted), "object")))
		default:
			lines = append(lines, fmt.Sprintf("%s: %d of %s; %s %s (%s)", t.name, len(deleted),
				count(len(c.Deletions), "object"),
				some(idNames(left)), verb(len(left), "stays", "stay"), t.keeps))
		}
		if flags := pruneFlags(c.Deletions); t.key == "kubectlPrune" && flags != "" {
			lines = append(lines, "  "+flags)
		}
	}
	return lines
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
			line := p.mark(o.Change) + " " + o.ID.String()
			if o.Change == Renamed {
				line += " (was " + printable(nameFrom(o.Was, o.ID)) + ")"
			}
			fmt.Fprintln(out, line)
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

// lines are a field that differs: one line, or of a text of several lines those that differ.
func (f FieldChange) lines(p palette) []string {
	switch {
	case f.Moved:
		return []string{f.Path + ": in another order: " + shownAt(f.Path, f.Old) + " → " + shownAt(f.Path, f.New)}
	case f.Change == Added:
		return []string{p.mark(Added) + " " + f.Path + ": " + shownAt(f.Path, f.New)}
	case f.Change == Removed:
		return []string{p.mark(Removed) + " " + f.Path + ": " + shownAt(f.Path, f.Old)}
	case isText(f.Old) && isText(f.New):
		differ := lineChanges([]byte(f.Old.Value), []byte(f.New.Value))
		if len(differ) == 0 {
			return []string{f.Path + ": differs in what is left out, or in white space"}
		}
		lines := []string{f.Path + ":"}
		for _, l := range cut(differ) {
			if l.Change == Changed {
				lines = append(lines, l.Text)
			} else {
				lines = append(lines, p.mark(l.Change)+" "+l.Text)
			}
		}
		return lines
	}
	return []string{f.Path + ": " + shownAt(f.Path, f.Old) + " → " + shownAt(f.Path, f.New)}
}

// isText reports whether a value is a text of several lines.
func isText(n *syntax.Node) bool {
	return n.Kind == syntax.String && strings.Contains(strings.TrimRight(n.Value, "\n"), "\n")
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
