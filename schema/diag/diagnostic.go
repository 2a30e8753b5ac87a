// Package diag says what is wrong with a document: findings with a rule, a severity, a place and a mend,
// and one file a format to print them. It knows nothing of meshes; everyone may complain through it.
package diag

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity ranks findings. The zero value is no severity, so that a forgotten one shows.
type Severity uint8

// The severities, weakest first.
const (
	Info Severity = iota + 1
	Warning
	Error
)

// String is the word that reports use.
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// Pos is a place in a text: line and column, both counted from 1, columns in bytes. The zero Pos is unknown.
type Pos struct{ Line, Col int }

// Source is one document that paths lead into.
type Source struct {
	Name string // as the user named it: a file path, or "-" for standard input
	Text []byte // the whole file, for excerpts; nil where there is none
	Doc  int    // which document of a stream, from 0
	// Locate finds a Path of this Source in the text: its value, or with onKey its key. It is nil where lines
	// are gone (function mode). For a place that is not in the text it answers the nearest ancestor that is.
	Locate func(p Path, onKey bool) Pos
}

// Rule is a kind of finding. Ids are stable: a retired one is never used again.
type Rule struct {
	ID       string // VM012
	Name     string // missing-field
	Severity Severity
	Doc      string // one sentence: what is checked
	Long     string // why it matters: what happens at run time, and what to do; Markdown
	Bad      string // YAML of a spec's part that draws the finding
	Good     string // the same part, mended
}

// At makes a finding of this rule. The arguments are cleaned, as by [Sprintf].
func (r *Rule) At(at Path, format string, args ...any) Diagnostic {
	return Diagnostic{Rule: r.ID, Severity: r.Severity, At: at, Message: Sprintf(format, args...)}
}

// Diagnostic is one finding. The Path is the truth; a position is looked up only when it is printed.
type Diagnostic struct {
	Rule     string
	Severity Severity
	At       Path
	OnKey    bool   // point at the key of At and not at its value (an unknown field, a misplaced one)
	Where    Pos    // overrides the position of At where the text has no paths yet (syntax errors)
	Message  string // what is wrong, one line, no full stop
	Help     string // what to write instead; may be empty

	Fix *Fix // the change that repairs it; nil where there is none

	NoExcerpt bool // the line of the source is not shown: there is a secret on it
}

// Key returns d pointing at the key of its place.
func (d Diagnostic) Key() Diagnostic { d.OnKey = true; return d }

// WithHelp returns d with what to write instead. The format may have several lines; the arguments are cleaned, as by
// [Sprintf], so that no value of a spec begins a line.
func (d Diagnostic) WithHelp(format string, args ...any) Diagnostic {
	d.Help = Sprintf(format, args...)
	return d
}

// Pos is where the finding stands in its source's text; the zero Pos where that is unknown.
func (d Diagnostic) Pos() Pos {
	if d.Where != (Pos{}) {
		return d.Where
	}
	if s := d.At.Source(); s != nil && s.Locate != nil {
		return s.Locate(d.At, d.OnKey)
	}
	return Pos{}
}

// List is a set of findings.
type List []Diagnostic

// Worst is the highest severity in the list, 0 when it is empty.
func (l List) Worst() Severity {
	var worst Severity
	for _, d := range l {
		worst = max(worst, d.Severity)
	}
	return worst
}

// HasErrors tells whether any finding is an error.
func (l List) HasErrors() bool { return l.Worst() >= Error }

// Count tells how many findings have this severity.
func (l List) Count(s Severity) int {
	n := 0
	for _, d := range l {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// Sorted returns the findings in reading order (source in order of first mention by name, document, line, column,
// rule, message) without repetitions.
func (l List) Sorted() List {
	type placed struct {
		d    Diagnostic
		name string
		doc  int
		pos  Pos
		path string
	}
	all := make([]placed, len(l))
	for i, d := range l {
		all[i] = placed{d: d, pos: d.Pos(), path: d.At.String()}
		if s := d.At.Source(); s != nil {
			all[i].name, all[i].doc = s.Name, s.Doc
		}
	}
	order := func(a, b placed) int {
		return cmp.Or(
			cmp.Compare(a.name, b.name), cmp.Compare(a.doc, b.doc),
			cmp.Compare(a.pos.Line, b.pos.Line), cmp.Compare(a.pos.Col, b.pos.Col),
			cmp.Compare(a.d.Rule, b.d.Rule), cmp.Compare(a.path, b.path), cmp.Compare(a.d.Message, b.d.Message),
		)
	}
	slices.SortStableFunc(all, order)
	all = slices.CompactFunc(all, func(a, b placed) bool { return order(a, b) == 0 })
	sorted := make(List, len(all))
	for i, p := range all {
		sorted[i] = p.d
	}
	return sorted
}
