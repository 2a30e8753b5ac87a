package syntax

import (
	"sync"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// wideMap is the number of fields from which a map is searched by an index.
const wideMap = 32

// locator finds the places of Paths in one document. Wide maps are indexed once, so that a document of n fields with a
// finding for each is located in n steps, not n².
type locator struct {
	root *Node

	mu     sync.Mutex
	fields map[*Node]map[string]int // wide maps that were asked, and where each of their keys is in Fields
}

// locate returns the position of the value that a Path names, or with onKey that of its key. Where the Path leads to
// something that is not in the text, it returns the position of the nearest ancestor that is.
func (l *locator) locate(p diag.Path, onKey bool) diag.Pos {
	n := l.root
	steps := p.Steps()
	for i, s := range steps {
		if s.IsItem() {
			if n.Kind != Seq || s.LastIndex() >= len(n.Items) {
				break
			}
			n = &n.Items[s.LastIndex()]
			continue
		}
		f := l.field(n, s.LastKey())
		if f == nil {
			break
		}
		if onKey && i == len(steps)-1 {
			return diag.Pos{Line: int(f.Line), Col: int(f.Col)}
		}
		n = &f.Value
	}
	return diag.Pos{Line: int(n.Line), Col: int(n.Col)}
}

// field returns the field of a map that has the key; nil where there is none.
func (l *locator) field(n *Node, key string) *Field {
	if n.Kind != Map {
		return nil
	}
	if len(n.Fields) < wideMap {
		for i := range n.Fields {
			if n.Fields[i].Key == key {
				return &n.Fields[i]
			}
		}
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	index := l.fields[n]
	if index == nil {
		index = make(map[string]int, len(n.Fields))
		for i := range n.Fields {
			index[n.Fields[i].Key] = i
		}
		if l.fields == nil {
			l.fields = map[*Node]map[string]int{}
		}
		l.fields[n] = index
	}
	if i, ok := index[key]; ok {
		return &n.Fields[i]
	}
	return nil
}
