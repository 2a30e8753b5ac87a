package diag

import (
	"strconv"
	"strings"
)

// Path is a place in a document, linked leaf to root. The zero Path is nowhere. Paths are immutable and cheap:
// a child is one small allocation, and nothing is rendered or looked up until somebody complains about it.
type Path = *Step

// Step is one link of a Path. Make steps with [Root], [Step.Key] and [Step.Item] only.
type Step struct {
	parent *Step
	source *Source // set on the root only
	key    string  // the map key, for a map step
	name   string  // what an item calls itself (its `name` field), for a sequence step
	index  int     // the position in the sequence, or -1 for a map step
}

// Root is the top of a document: the parent of `spec`, `metadata` and the rest.
func Root(s *Source) Path { return &Step{source: s, index: -1} }

// Key is the value under a map key.
func (p *Step) Key(key string) Path { return &Step{parent: p, key: key, index: -1} }

// Item is an element of a sequence, counted from 0. The name is the element's own, and may be empty.
func (p *Step) Item(index int, name string) Path { return &Step{parent: p, index: index, name: name} }

// Parent is the Path one step nearer to the root; nil above the root.
func (p *Step) Parent() Path {
	if p == nil {
		return nil
	}
	return p.parent
}

// Source is the document the Path is in; nil for the zero Path.
func (p *Step) Source() *Source {
	for p != nil && p.parent != nil {
		p = p.parent
	}
	if p == nil {
		return nil
	}
	return p.source
}

// IsRoot tells whether p is the top of its document.
func (p *Step) IsRoot() bool { return p != nil && p.parent == nil }

// IsItem tells whether the last step goes into a sequence; otherwise it goes into a map (or is the root).
func (p *Step) IsItem() bool { return p != nil && p.index >= 0 }

// LastKey is the map key of the last step, "" for an item or the root.
func (p *Step) LastKey() string { return p.key }

// LastIndex is the position of the last step in its sequence, -1 for a map step.
func (p *Step) LastIndex() int { return p.index }

// Steps lists the steps from the root's first child to p itself.
func (p *Step) Steps() []Path {
	n := 0
	for q := p; q != nil && q.parent != nil; q = q.parent {
		n++
	}
	steps := make([]Path, n)
	for q := p; q != nil && q.parent != nil; q = q.parent {
		n--
		steps[n] = q
	}
	return steps
}

// String prints a Path as people name it: spec.workloads[payment-service].groups[v1].network.
// An item without a name prints its index: spec.workloads[0]. A key that is no plain word is quoted in brackets.
func (p *Step) String() string {
	var b strings.Builder
	for _, s := range p.Steps() {
		switch {
		case s.index >= 0 && s.name != "":
			b.WriteString("[" + s.name + "]")
		case s.index >= 0:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case !plainKey(s.key):
			b.WriteString("[" + strconv.Quote(s.key) + "]")
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.key)
		}
	}
	return b.String()
}

func plainKey(key string) bool {
	for i := 0; i < len(key); i++ {
		c := key[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return key != ""
}
