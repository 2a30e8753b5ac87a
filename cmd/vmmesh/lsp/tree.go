package lsp

import (
	"strings"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// spot is a key or a scalar in a document.
type spot struct {
	path       string // spec.workloads.groups.network: without items
	key        bool
	value      string
	start, end int
	document   int
	workload   int // index in spec.workloads, -1 outside
}

// spots lists the keys and scalars of documents, in reading order where there is not an alias.
func (t *text) spots(docs []*schema.Document) []spot {
	var out []spot
	for d, doc := range docs {
		var walk func(n *syntax.Node, path string, workload int)
		walk = func(n *syntax.Node, path string, workload int) {
			switch n.Kind {
			case syntax.Map:
				for i := range n.Fields {
					f := &n.Fields[i]
					start := t.at(diag.Pos{Line: int(f.Line), Col: int(f.Col)})
					inner := strings.TrimPrefix(path+"."+f.Key, ".")
					out = append(out, spot{inner, true, f.Key, start, t.token(start), d, workload})
					walk(&f.Value, inner, workload)
				}
			case syntax.Seq:
				for i := range n.Items {
					if path == "spec.workloads" {
						workload = i
					}
					walk(&n.Items[i], path, workload)
				}
			default:
				start := t.at(diag.Pos{Line: int(n.Line), Col: int(n.Col)})
				out = append(out, spot{path, false, n.Text(), start, t.token(start), d, workload})
			}
		}
		walk(doc.Root, "", -1)
	}
	return out
}

// name is what a spot declares or refers to: a kind of name, and whether it is one of a workload.
type name struct {
	kind     string
	declares bool
	local    bool // known within its workload alone
}

// names are the places of a spec that declare names, and those that refer to them.
var names = map[string]name{
	"spec.networks.name":         {"network", true, false},
	"spec.istio.network":         {"network", true, false},
	"spec.istio.revision":        {"revision", true, false},
	"spec.istio.revisions.name":  {"revision", true, false},
	"spec.workloads.ports.name":  {"port", true, true},
	"spec.workloads.groups.name": {"group", true, true},

	"spec.workloads.services.traffic.subsets.name": {"subset", true, true},
	"spec.workloads.groups.version":                {"subset", true, true},

	"spec.workloads.groups.network":              {"network", false, false},
	"spec.workloads.groups.instances.network":    {"network", false, false},
	"spec.workloads.groups.revision":             {"revision", false, false},
	"spec.workloads.groups.ports.name":           {"port", false, true},
	"spec.workloads.groups.instances.ports.name": {"port", false, true},
	"spec.workloads.services.ports":              {"port", false, true},
	"spec.workloads.metrics.port":                {"port", false, true},
	"spec.workloads.security.mtls.ports.name":    {"port", false, true},
	"spec.workloads.security.allow.to.ports":     {"port", false, true},
	"spec.workloads.security.deny.to.ports":      {"port", false, true},

	"spec.workloads.services.traffic.subsets.version": {"subset", false, true},
}

// nameAt is the kind of name at a path.
func nameAt(path string) (name, bool) {
	if strings.HasPrefix(path, "spec.workloads.services.") && strings.HasSuffix(path, ".subset") {
		return name{"subset", false, true}, true
	}
	n, ok := names[path]
	return n, ok
}

// same lists the spots that declare the name of a spot, and those that refer to it.
func same(all []spot, of spot) (declared, referred []spot) {
	what, ok := nameAt(of.path)
	if !ok || of.key || of.value == "" {
		return nil, nil
	}
	for _, s := range all {
		n, ok := nameAt(s.path)
		if !ok || s.key || n.kind != what.kind || s.value != of.value || s.document != of.document || n.local && s.workload != of.workload {
			continue
		}
		if n.declares {
			declared = append(declared, s)
		} else {
			referred = append(referred, s)
		}
	}
	return declared, referred
}

// spotAt is the key or scalar at an offset.
func spotAt(all []spot, offset int) (spot, bool) {
	for _, s := range all {
		if s.start <= offset && offset <= s.end && s.end > s.start {
			return s, true
		}
	}
	return spot{}, false
}

// symbols is the outline of documents: blocks and lists by their keys, items by their names.
func (t *text) symbols(docs []*schema.Document) []documentSymbol {
	out := []documentSymbol{}
	for _, doc := range docs {
		title := "VMMesh"
		if n := doc.Root.Get("metadata").Get("name"); n != nil && n.Text() != "" {
			title = n.Text()
		}
		s, _ := t.symbol(title, 2, t.at(diag.Pos{Line: int(doc.Root.Line), Col: int(doc.Root.Col)}), doc.Root)
		out = append(out, s)
	}
	return out
}

func (t *text) symbol(title string, kind, start int, n *syntax.Node) (documentSymbol, int) {
	end := t.token(start)
	s := documentSymbol{Name: title, Kind: kind, SelectionRange: t.span(start, end)}
	add := func(title string, kind, at int, n *syntax.Node) {
		inner, last := t.symbol(title, kind, at, n)
		end = max(end, last)
		if n.Kind == syntax.Map || n.Kind == syntax.Seq {
			s.Children = append(s.Children, inner)
		} else if n.Text() != "" && title == "address" {
			s.Detail = n.Text()
		}
	}
	switch n.Kind {
	case syntax.Map:
		for i := range n.Fields {
			f := &n.Fields[i]
			title := f.Key
			if title == "" {
				title = `""`
			}
			add(title, 8, t.at(diag.Pos{Line: int(f.Line), Col: int(f.Col)}), &f.Value)
		}
	case syntax.Seq:
		for i := range n.Items {
			item := &n.Items[i]
			title := "-"
			if v := item.Get("name"); v != nil && v.Text() != "" {
				title = v.Text()
			}
			add(title, 19, t.at(diag.Pos{Line: int(item.Line), Col: int(item.Col)}), item)
		}
	default:
		if n.Text() != "" {
			end = max(end, t.token(t.at(diag.Pos{Line: int(n.Line), Col: int(n.Col)})))
		}
	}
	// What an alias expands to is earlier in the text; only the place of its use counts.
	s.Range = t.span(start, end)
	return s, end
}
