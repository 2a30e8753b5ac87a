package manifest

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// messageRules are what a CRD states of the fields of one message together.
type messageRules struct {
	required  []string
	atMostOne []group
	cel       []int // into crdExpressions
}

// group is fields of which at most one may be set.
type group struct {
	names   []string
	message string
}

// fieldRules are what a CRD states of one field.
type fieldRules struct{ value, item *limits }

// limits are what a CRD states of one value. A nil bound or count is no limit.
type limits struct {
	min, max                     *float64
	minLength, maxLength         *int // in characters
	minItems, maxItems           *int
	minProperties, maxProperties *int
	pattern                      string
	words                        []string
	unique                       []string // the keys by which the items of a list are told apart
	cel                          []int    // into crdExpressions

	compiled *regexp.Regexp
}

// compile returns the limits with their pattern ready for use.
func (l *limits) compile() *limits {
	if l == nil || l.pattern == "" {
		return l
	}
	ready := *l
	ready.compiled = regexp.MustCompile(l.pattern)
	return &ready
}

// celRule is a rule in Kubernetes' expression language, and what the CRD says where it is broken.
type celRule struct{ expression, message string }

func bound(v float64) *float64 { return &v }
func count(n int) *int         { return &n }

// broken makes the finding of a broken constraint.
func (d *decoder) broken(at diag.Path, help, format string, args ...any) {
	f := ruleLimit.At(at, format, args...)
	f.Help = help
	d.add(f)
}

// limits judges one value that was read without a fault. In a spec empty text, lists and maps count as absent, except inside
// a list or map: that is how a message forgets them before it is written out. The API server sees those of a manifest.
func (d *decoder) limits(n *syntax.Node, l *limits, at diag.Path) {
	if l == nil || !d.crd || n.Kind == syntax.Null || isBlank(n) && d.spec && !at.IsItem() {
		return
	}
	switch n.Kind {
	case syntax.Int, syntax.Float:
		d.between(n, l, at)
	case syntax.String:
		d.length(n, l, at)
	case syntax.Seq:
		d.size(len(n.Items), "item", l.minItems, l.maxItems, at)
		d.unique(n, l, at)
	case syntax.Map:
		d.size(len(n.Fields), "entry", l.minProperties, l.maxProperties, at)
	case syntax.Null, syntax.Bool:
	}
	for _, i := range l.cel {
		d.expression(view{n: n}, i, at)
	}
}

func (d *decoder) between(n *syntax.Node, l *limits, at diag.Path) {
	v, ok := floatOf(n)
	if !ok || (l.min == nil || v >= *l.min) && (l.max == nil || v <= *l.max) {
		return
	}
	switch {
	case l.max == nil:
		d.broken(at, "", "%s must be at least %s, not %s", subject(at), plain(*l.min), n.Value)
	case l.min == nil:
		d.broken(at, "", "%s must be at most %s, not %s", subject(at), plain(*l.max), n.Value)
	default:
		d.broken(at, "", "%s must be between %s and %s, not %s", subject(at), plain(*l.min), plain(*l.max), n.Value)
	}
}

func plain(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return fmt.Sprintf("%d", int64(v))
	}
	return fmt.Sprintf("%g", v)
}

func (d *decoder) length(n *syntax.Node, l *limits, at diag.Path) {
	size := utf8.RuneCountInString(n.Value)
	switch {
	case l.minLength != nil && size < *l.minLength && size == 0:
		d.broken(at, "write a value, or delete it", "%s is empty", subject(at))
	case l.minLength != nil && size < *l.minLength:
		d.broken(at, "", "%s is %s long, and needs %d at least", subject(at), plural(size, "character"), *l.minLength)
	case l.maxLength != nil && size > *l.maxLength:
		d.broken(at, "", "%s is %s long, and may have %d at most", subject(at), plural(size, "character"), *l.maxLength)
	}
	if l.compiled != nil && !l.compiled.MatchString(n.Value) {
		d.broken(at, "", "%s must match %s, not %q", subject(at), l.pattern, clip(n.Value))
	}
	if l.words != nil && !slices.Contains(l.words, n.Value) {
		d.broken(at, "", "%s must be %s, not %s", subject(at), listed(l.words, "or"), describe(n))
	}
}

func (d *decoder) size(size int, what string, low, high *int, at diag.Path) {
	switch {
	case low != nil && size < *low:
		d.broken(at, "", "%s has %s, and needs %d at least", subject(at), plural(size, what), *low)
	case high != nil && size > *high:
		d.broken(at, "", "%s has %s, and may have %d at most", subject(at), plural(size, what), *high)
	}
}

// unique reports items of a keyed list that have the key of an earlier one.
func (d *decoder) unique(n *syntax.Node, l *limits, at diag.Path) {
	if l.unique == nil {
		return
	}
	seen := make(map[string]bool, len(n.Items))
	for i := range n.Items {
		var id []string
		for _, key := range l.unique {
			v := n.Items[i].Get(key)
			if v == nil || v.Kind == syntax.Null || v.Kind == syntax.Map || v.Kind == syntax.Seq {
				id = nil
				break
			}
			id = append(id, scalarText(v))
		}
		if id == nil {
			continue
		}
		joined := strings.Join(id, "\x00")
		if seen[joined] {
			key := l.unique[len(l.unique)-1]
			d.broken(at.Item(i, nameOf(&n.Items[i])).Key(key), "every item needs its own", "another item has the %s %s too", strings.Join(l.unique, " and "), strings.Join(id, ", "))
		}
		seen[joined] = true
	}
}

// scalarText is a scalar as JSON would have it, so that 0x50 and 80 are the same number.
func scalarText(n *syntax.Node) string {
	if v, ok := floatOf(n); ok {
		return plain(v)
	}
	return n.Value
}

// check judges the fields of a message together.
func (d *decoder) check(n *syntax.Node, p *messagePlan, r *messageRules, at diag.Path) {
	if r == nil || !d.crd {
		return
	}
	v := view{n: n, p: p}
	for _, name := range r.required {
		if d.spec && specMayOmit[string(p.full)+"."+name] {
			continue
		}
		d.required(n, p, name, at)
	}
	for _, g := range r.atMostOne {
		var set []string
		for _, name := range g.names {
			if v.has(name) {
				set = append(set, name)
			}
		}
		if len(set) > 1 {
			f := ruleLimit.At(at.Key(set[len(set)-1]), "%s", sentence(g.message)).Key().WithHelp("%s are set: keep one of them", listed(set, "and"))
			d.add(f)
		}
	}
	for _, i := range r.cel {
		d.expression(v, i, at)
	}
}

// required reports a field that is not there, or holds what a message does not write out.
func (d *decoder) required(n *syntax.Node, p *messagePlan, name string, at diag.Path) {
	v := n.Get(name)
	switch {
	case v == nil || v.Kind == syntax.Null:
		d.broken(at, "", "field %q is missing in %s", name, p.name)
	case isBlank(v):
		d.broken(at.Key(name), "", "field %q in %s is empty, and it is required", name, p.name)
	case v.Kind == syntax.Int || v.Kind == syntax.Float:
		if f, ok := floatOf(v); ok && f == 0 && !p.fields[name].desc.HasPresence() {
			d.broken(at.Key(name), "", "field %q in %s is required and must not be 0", name, p.name)
		}
	}
}

// isBlank reports whether a value is written like an absent one.
func isBlank(n *syntax.Node) bool {
	switch n.Kind {
	case syntax.Null:
		return true
	case syntax.String:
		return n.Value == ""
	case syntax.Seq:
		return len(n.Items) == 0
	case syntax.Map, syntax.Bool, syntax.Int, syntax.Float:
	}
	return false
}
