package krm

import (
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// identity is what makes two objects the same one, whatever the version of their API.
type identity struct{ group, kind, namespace, name string }

// item is an object of the list: where it stands in the text, and what the function needs to know of it.
type item struct {
	head, start, end int // src[head:start] is the comments before it, src[start:end] its lines, dash included

	kind          syntax.Kind // of the item as a whole; an object is a Map
	apiVersion    string
	id            identity
	owner         string
	path          string // where it is kept, "" if nobody says
	hostile       string // the first path among its annotations that leads out of the package
	index         int    // its place in the file at path, -1 if nobody says
	annotated     bool   // with the present path annotation, with the legacy one
	legacy        bool
	functionEntry bool // it is the functionConfig once more

	gone bool
	text span // what replaces it, in the buffer of the outputs
}

// spec tells whether an item is meant to be a VMMesh.
func (i *item) spec() bool { return isSpec(i.apiVersion, i.id.kind) }

// isSpec tells whether an object is meant to be a VMMesh: by its kind, or by our group and any kind that is not another
// of ours. [schema.Parse] says what is wrong with it then.
func isSpec(apiVersion, kind string) bool {
	return kind == schema.KindVMMesh || groupOf(apiVersion) == groupOf(schema.APIVersion) && kind != KindCheck
}

func groupOf(apiVersion string) string {
	group, _, versioned := strings.Cut(apiVersion, "/")
	if !versioned {
		return ""
	}
	return group
}

// identify reads every item as far as needed; false where one of them cannot be read by itself.
func (l *list) identify() bool {
	for i := range l.items {
		n, ok := parse(l.itemText(&l.items[i]))
		if !ok {
			return false
		}
		l.items[i].learn(n)
	}
	if items := l.section("items"); items != nil && len(l.items) == 0 {
		n, ok := parse(l.sectionText("items"))
		if !ok || n.Kind != syntax.Null && (n.Kind != syntax.Seq || len(n.Items) > 0) {
			return false // items in brackets, or something else altogether
		}
	}
	return true
}

// learn takes from an item what the function needs to know. Nothing is assumed of objects that are not ours: a
// kustomization may be without a kind, and a values file without a name.
func (i *item) learn(n *syntax.Node) {
	i.kind, i.index = n.Kind, -1
	i.apiVersion = text(n.Get("apiVersion"))
	meta := n.Get("metadata")
	i.id = identity{groupOf(i.apiVersion), text(n.Get("kind")), text(meta.Get("namespace")), text(meta.Get("name"))}
	annotations := meta.Get("annotations")
	i.owner = text(annotations.Get(OwnerAnnotation))
	if text(annotations.Get(kustomizeIDAnnotation)) != "" {
		return // `kustomize build`: the paths are kyaml's inventions, and no files
	}
	for _, key := range []string{pathAnnotation, legacyPathAnnotation} {
		p := text(annotations.Get(key))
		if p == "" {
			continue
		}
		if key == pathAnnotation {
			i.annotated = true
		} else {
			i.legacy = true
		}
		if i.path == "" {
			i.path = p
		}
		if i.hostile == "" && !local(p) {
			i.hostile = p
		}
	}
	for _, key := range []string{legacyIndexAnnotation, indexAnnotation} {
		if n, err := strconv.Atoi(text(annotations.Get(key))); err == nil && n >= 0 {
			i.index = n
		}
	}
}

// wrong says what makes an item unfit to be passed on.
func (i *item) wrong(number int) diag.List {
	at := diag.Root(&diag.Source{Name: "-"}).Key("items").Item(number, i.id.name)
	if i.kind != syntax.Map {
		return diag.List{ruleNoList.At(at, "item %d of the list is a %s and no object", number, i.kind).WithHelp("%s", "each item is a Kubernetes object; see what the function before this one answers")}
	}
	if i.hostile != "" {
		return diag.List{rulePath.At(at, "the path %s of %s leads out of the package", strconv.Quote(clip(i.hostile)), i.name()).
			WithHelp("%s", mendPath)}
	}
	return nil
}

// name is an object in a message: WorkloadGroup vms/pay.
func (i *item) name() string { return i.id.String() }

// String is an object in a message.
func (id identity) String() string {
	kind, name := id.kind, id.name
	if kind == "" {
		kind = "object without a kind"
	}
	if id.namespace != "" {
		name = id.namespace + "/" + name
	}
	return strings.TrimRight(clip(kind)+" "+clip(name), " ")
}

// local tells whether a path stays below the package.
func local(p string) bool {
	if strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' || r == utf8.RuneError }) || path.IsAbs(p) {
		return false
	}
	if len(p) > 1 && p[1] == ':' { // a drive of Windows
		return false
	}
	clean := path.Clean(p)
	return clean != ".." && !strings.HasPrefix(clean, "../") && clean != "."
}

// clip cuts a name to what fits a message.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	for n := most; ; n-- {
		if utf8.RuneStart(s[n]) {
			return s[:n] + "…"
		}
	}
}

// text is a scalar's text; "" for anything else.
func text(n *syntax.Node) string {
	return strings.Clone(n.Text()) // the text that it is a part of need not stay
}

// parse reads one value. What is odd in it but does not hide its structure is somebody else's business.
func parse(src []byte) (*syntax.Node, bool) {
	documents, findings := syntax.Read("", src)
	for _, d := range findings {
		switch d.Rule {
		case "VM002", "VM008": // a key that is there twice, a tag of somebody's own
		case "VM007":
			clean, changed := cleaned(src)
			if !changed {
				return nil, false
			}
			return parse(clean)
		case "VM005":
			return &syntax.Node{}, true
		default:
			return nil, false
		}
	}
	if len(documents) != 1 || documents[0].Root == nil {
		return nil, false
	}
	return documents[0].Root, true
}

// cleaned replaces characters that are not read, and that other objects may hold all the same, by underscores. Only
// what is learned of an object sees this text.
func cleaned(src []byte) ([]byte, bool) {
	changed := false
	clean := make([]byte, 0, len(src))
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return nil, false // no text at all
		case r < ' ' && r != '\n' && r != '\r' && r != '\t', r == 0x7f:
			return nil, false
		case r == '\r' && (i+1 >= len(src) || src[i+1] != '\n'),
			r >= 0x80 && r < 0xa0, r == '\u2028', r == '\u2029', r == '\ufeff', r == '\ufffe', r == '\uffff':
			clean = append(clean, '_')
			changed = true
		default:
			clean = append(clean, src[i:i+size]...)
		}
		i += size
	}
	return clean, changed
}
