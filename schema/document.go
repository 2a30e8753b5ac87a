package schema

import (
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// Document is one spec of a text, as it was written: a tree with the position of each value.
type Document struct {
	Root *syntax.Node
	At   diag.Path // its root, which knows the source
}

// Parse reads the specs of a text, of which there may be several, with `---` between them. Name is what findings call
// the text. Findings are those of the syntax and, for each document, that it is not a VMMesh of the version that is read
// here (VM004); such a document is not among those that are returned. With findings at error level, the documents
// may be incomplete.
func Parse(name string, src []byte) ([]*Document, diag.List) {
	read, findings := syntax.Read(name, src)
	documents := make([]*Document, 0, len(read))
	for _, r := range read {
		d := &Document{Root: r.Root, At: r.Path}
		if wrong := d.identify(); len(wrong) > 0 {
			findings = append(findings, wrong...)
			continue
		}
		documents = append(documents, d)
	}
	if len(findings) > 0 {
		for i := range read {
			findings = Conceal(findings, &Document{Root: read[i].Root, At: read[i].Path})
		}
	}
	return documents, findings
}

// identify checks apiVersion and kind, and nothing else.
func (d *Document) identify() diag.List {
	const begin = "a spec begins with apiVersion: " + APIVersion + " and kind: " + KindVMMesh
	if d.Root.Kind != syntax.Map {
		what := "single value"
		if d.Root.Kind == syntax.Seq {
			what = "list"
		}
		return diag.List{ruleWrongKind.At(d.At, "this document is a %s and not a spec", what).WithHelp(begin)}
	}
	version, kind := d.Root.Get("apiVersion"), d.Root.Get("kind")
	if unset(version) && unset(kind) {
		at := d.At
		switch { // point at what is there, if anything
		case version != nil:
			at = at.Key("apiVersion")
		case kind != nil:
			at = at.Key("kind")
		}
		return diag.List{ruleWrongKind.At(at, "apiVersion and kind are missing").WithHelp(begin)}
	}
	if foreign(kind) && (unset(version) || foreignVersion(version)) {
		message := "this document is a " + short(kind.Value)
		if !unset(version) {
			message += " (" + short(version.Value) + ")"
		}
		return diag.List{ruleWrongKind.At(d.At.Key("kind"), "%s and not a %s", message, KindVMMesh).
			WithHelp("give vmmesh only files with specs, or take the document out of this file")}
	}
	var wrong diag.List
	for _, f := range []struct {
		name, want string
		n          *syntax.Node
	}{{"apiVersion", APIVersion, version}, {"kind", KindVMMesh, kind}} {
		at := d.At.Key(f.name)
		switch {
		case unset(f.n):
			wrong = append(wrong, ruleWrongKind.At(at, "%s is missing", f.name).WithHelp("add %s: %s", f.name, f.want))
		case f.n.Kind != syntax.String:
			wrong = append(wrong, ruleWrongKind.At(at, "%s is not text; it must be %s", f.name, f.want).WithHelp("write %s: %s", f.name, f.want))
		case f.n.Value == f.want:
		case near(f.n.Value, f.want):
			wrong = append(wrong, ruleWrongKind.At(at, "%s is %s; it must be %s", f.name, short(f.n.Value), f.want).
				Suggest("did you mean %s?", f.n.Value, f.want, []string{f.want}))
		default:
			wrong = append(wrong, ruleWrongKind.At(at, "%s is %s; it must be %s", f.name, short(f.n.Value), f.want).WithHelp("write %s: %s", f.name, f.want))
		}
	}
	return wrong
}

// unset reports whether a field is not set.
func unset(n *syntax.Node) bool {
	return n == nil || n.Kind == syntax.Null || n.Kind == syntax.String && n.Value == ""
}

// foreign reports whether a kind is another kind, and not ours misspelled.
func foreign(n *syntax.Node) bool {
	return !unset(n) && n.Kind == syntax.String && n.Value != KindVMMesh && !near(n.Value, KindVMMesh)
}

// foreignVersion reports whether an apiVersion is of another group.
func foreignVersion(n *syntax.Node) bool {
	return n.Kind == syntax.String && n.Value != APIVersion && !near(n.Value, APIVersion)
}

// near reports whether a word was meant to be another: any version of our group, or a slip of the hand.
func near(word, want string) bool {
	group, _, versioned := strings.Cut(want, "/")
	return versioned && strings.HasPrefix(strings.ToLower(word), group+"/") || diag.Nearest(word, []string{want}) != ""
}

// short cuts a user's word to what fits a message.
func short(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
