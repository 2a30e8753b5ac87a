package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// selector is one item of the parameter only: a sort and a value.
type selector struct{ sort, value string }

func (s selector) String() string { return s.sort + "=" + s.value }

// sorts are what objects are selected by, in the order in which choices are shown.
var sorts = []string{"namespace", "group", "kind"}

func parseSelector(item string) (selector, error) {
	sort, value, found := strings.Cut(item, "=")
	if !found || value == "" || !slices.Contains(sorts, sort) {
		return selector{}, fmt.Errorf("%q in the parameter only: an item is namespace=NAME, group=NAME or kind=KIND", item)
	}
	return selector{sort, value}, nil
}

// selection is a sink that keeps the objects that an Application wants, as one stream.
type selection struct {
	only  []selector
	text  bytes.Buffer
	there map[selector]bool // every selector that fits an object of the spec
	total int
}

func newSelection(only []selector) *selection {
	return &selection{only: only, there: map[selector]bool{}}
}

// Object keeps an object if of every sort that is asked for one selector fits it.
func (s *selection) Object(path string, text []byte) error {
	s.total++
	is := selectorsOf(path, text)
	for _, fits := range is {
		s.there[fits] = true
	}
	for _, sort := range sorts {
		asked := false
		fits := false
		for _, want := range s.only {
			if want.sort == sort {
				asked = true
				fits = fits || slices.Contains(is, want)
			}
		}
		if asked && !fits {
			return nil
		}
	}
	if s.text.Len() > 0 {
		s.text.WriteString("---\n")
	}
	s.text.Write(text)
	return nil
}

// File leaves out what is no object.
func (s *selection) File(manifest.File) error { return nil }

// selectorsOf is every selector that fits an object, which stands at manifests/<namespace>/<file> in the output tree.
func selectorsOf(path string, text []byte) []selector {
	var is []selector
	if _, rest, found := strings.Cut(path, "/"); found {
		namespace, file, _ := strings.Cut(rest, "/")
		is = append(is, selector{"namespace", namespace})
		for _, prefix := range []string{"workloadgroup-", "workloadentry-"} {
			if name, ours := strings.CutPrefix(strings.TrimSuffix(file, ".yaml"), prefix); ours {
				is = append(is, selector{"group", name})
			}
		}
	}
	for line := range bytes.Lines(text) {
		if kind, found := bytes.CutPrefix(line, []byte("kind: ")); found {
			return append(is, selector{"kind", string(bytes.TrimSpace(kind))})
		}
	}
	return is
}

// choices is every selector that there is, by sort.
func (s *selection) choices() []string {
	var all []string
	for _, sort := range sorts {
		var names []string
		for one := range s.there {
			if one.sort == sort {
				names = append(names, one.String())
			}
		}
		slices.Sort(names)
		all = append(all, names...)
	}
	return all
}

// unmatched complains of a selector that fits no object: what it was meant to keep would be pruned.
func (s *selection) unmatched() error {
	if s.total == 0 {
		return nil // there is something worse to say
	}
	for _, want := range s.only {
		if s.there[want] {
			continue
		}
		var same []string
		for _, choice := range s.choices() {
			if strings.HasPrefix(choice, want.sort+"=") {
				same = append(same, choice)
			}
		}
		if near := diag.Nearest(want.String(), same); near != "" {
			return fmt.Errorf("%q in the parameter only fits no object of the spec: did you mean %q?", want, near)
		}
		return fmt.Errorf("%q in the parameter only fits no object of the spec: there are %s", want, strings.Join(same, ", "))
	}
	return nil
}

// emptiness says why nothing was kept.
func (s *selection) emptiness() string {
	if s.total == 0 {
		return "the spec emits no objects"
	}
	return "no object has all that the parameter only asks for"
}
