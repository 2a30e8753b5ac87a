package manifest

import (
	"fmt"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// alike finds the name that differs from what was written only in case and separators; "" where there is none.
func alike(written string, names []string) string {
	for _, name := range names {
		if name != written && fold(name) == fold(written) {
			return name
		}
	}
	return ""
}

func fold(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(s))
}

// subject is how messages name a value: its key, or the list's key with the item.
func subject(at diag.Path) string {
	switch {
	case at == nil || at.IsRoot():
		return "the document"
	case at.IsItem():
		return subject(at.Parent()) + strings.TrimPrefix(at.String(), at.Parent().String())
	}
	return at.LastKey()
}

// describe names a value as it is in the text.
func describe(n *syntax.Node) string {
	switch n.Kind {
	case syntax.Null:
		return "nothing"
	case syntax.Map, syntax.Seq:
		return "a " + n.Kind.String()
	case syntax.String:
		return fmt.Sprintf("the text %q", clip(n.Value))
	case syntax.Int:
		return "the integer " + clip(n.Value)
	case syntax.Bool, syntax.Float:
	}
	return fmt.Sprintf("the %s %s", n.Kind, clip(n.Value))
}

// clip keeps a user's long text from filling the report.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// listed joins words as a sentence does: a, b and c.
func listed(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

// plural counts things.
func plural(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "y"):
		return fmt.Sprintf("%d %sies", n, what[:len(what)-1])
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// sentence is a CRD's message as this program's messages begin: in lower case, acronyms and names as they are.
func sentence(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if len(word) > 1 && word[1:] == strings.ToLower(word[1:]) {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}
