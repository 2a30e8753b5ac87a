package lint

import (
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/webhook"
)

// refused reports what istiod's webhook refuses of the objects of a set. What the CRD refuses in the same place, or an error
// among those found already, is not reported again.
func refused(s *manifest.Set, found diag.List) diag.List {
	errors := map[*diag.Source]*places{}
	for _, d := range found {
		if d.Severity == diag.Error {
			placesOf(errors, d.At).add(d.At)
		}
	}
	var out diag.List
	for _, r := range s.All() {
		if r.Spec == nil {
			continue
		}
		for _, fault := range r.Faults {
			placesOf(errors, fault).add(fault)
		}
		known := errors[r.At.Source()]
		webhook.Check{Say: func(d diag.Diagnostic) {
			if !known.near(d.At) {
				out = append(out, d)
			}
		}}.Object(webhook.Object{
			Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Labels: r.Labels, Annotations: r.Annotations, Spec: r.Spec, At: r.At,
		})
	}
	return out
}

// places are places in one source.
type places struct{ exact, around map[string]bool }

func placesOf(all map[*diag.Source]*places, at diag.Path) *places {
	source := at.Source()
	if all[source] == nil {
		all[source] = &places{map[string]bool{}, map[string]bool{}}
	}
	return all[source]
}

func (p *places) add(at diag.Path) {
	p.exact[at.String()] = true
	for ; at != nil; at = at.Parent() {
		p.around[at.String()] = true
	}
}

// near reports whether a place is one of these, within one, or around one.
func (p *places) near(at diag.Path) bool {
	if p == nil {
		return false
	}
	if p.around[at.String()] {
		return true
	}
	for ; at != nil; at = at.Parent() {
		if p.exact[at.String()] {
			return true
		}
	}
	return false
}
