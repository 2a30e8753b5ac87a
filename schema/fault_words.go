package schema

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/secret"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// subject is how messages name the value: its key, with the map's name where that is free (labels.team).
func (p place) subject() string {
	if above := p.field.above; above != nil && above.values == p.field {
		return subject(p.at.Parent()) + lastStep(p.at)
	}
	return subject(p.at)
}

// subject is how messages name a value: its key, or the list's key with the item.
func subject(at diag.Path) string {
	switch {
	case at == nil || at.IsRoot():
		return "the document"
	case at.IsItem():
		return subject(at.Parent()) + lastStep(at)
	}
	return plainKey(at.LastKey())
}

// lastStep is the end of a path as it is printed: [v1], [0] or .team.
func lastStep(at diag.Path) string {
	whole := at.String()
	return strings.TrimPrefix(whole, at.Parent().String())
}

// plainKey is a key as messages show it: quoted when it is not a plain word.
func plainKey(key string) string {
	if strings.ContainsFunc(key, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./", c))
	}) || key == "" {
		return quoted(key)
	}
	return key
}

// whereabouts names a block in a sentence.
func whereabouts(at diag.Path) string {
	if at == nil || at.IsRoot() {
		return "the document"
	}
	return at.String()
}

// wanted names the types that a field takes.
func wanted(f *field) string {
	var all []string
	for _, t := range f.types {
		all = append(all, map[string]string{
			"string": "a string", "integer": "an integer", "boolean": "true or false", "object": "a map", "array": "a list",
		}[t])
	}
	return either(all)
}

// described names what was written.
func described(n *syntax.Node) string {
	switch n.Kind {
	case syntax.Map:
		return "a map"
	case syntax.Seq:
		return "a list"
	case syntax.String:
		if k := secret.Of("", n.Value); k != nil {
			return k.What
		}
		return "the string " + quoted(n.Value)
	case syntax.Bool:
		return "the boolean " + n.Value
	case syntax.Int, syntax.Float:
		return "the number " + clipped(n.Value)
	}
	return "null"
}

// scalarText is a scalar as messages show it: strings in quotes, long ones cut, secrets not at all.
func scalarText(n *syntax.Node) string {
	if n.Kind == syntax.String {
		return quoted(n.Value)
	}
	return clipped(n.Value)
}

// writtenOut is a scalar as it would be written in YAML.
func writtenOut(n *syntax.Node) string {
	if k := secret.Of("", n.Value); k != nil {
		return "…"
	}
	if n.Kind == syntax.String {
		return scalarYAML(clipped(n.Value))
	}
	return clipped(n.Value)
}

func quoted(s string) string {
	if k := secret.Of("", s); k != nil {
		return k.What // never repeated
	}
	return strconv.Quote(clipped(s))
}

// clipped cuts a text to what a message can hold, between characters.
func clipped(s string) string {
	const most = 64
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

// either joins words: "a", "a or b", "a, b or c".
func either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

func isDigits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return c < '0' || c > '9' })
}
