package schema

import (
	"bytes"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// compiled is the schema as the validator takes it, compiled once, when it is first needed.
var compiled = sync.OnceValue(compile)

func compile() *jsonschema.Schema {
	c := jsonschema.NewCompiler()
	c.AssertFormat = true
	if err := c.AddResource(schemaURL, bytes.NewReader(schemaJSON)); err != nil {
		panic("schema: " + err.Error()) // the file is embedded: a build without it cannot be
	}
	return c.MustCompile(schemaURL)
}

// Validate checks a document against the JSON Schema and reports every fault: VM010 to VM015. It does not look into
// Istio's own blocks, which Decode judges, nor at apiVersion and kind, which Parse has judged.
//
// A document that plainly fits (see [field.fits]) is done at once. Every other one goes to jsonschema, the judge.
func (d *Document) Validate() diag.List {
	if d == nil || d.Root == nil {
		return nil
	}
	found := d.emptyAllows()
	if rootField().fits(d.Root) {
		return found
	}
	return append(found, d.judge()...).Sorted()
}

// emptyAllows reports lists `allow` without a rule, which let everyone in.
func (d *Document) emptyAllows() diag.List {
	var found diag.List
	workloads := d.Root.Get("spec").Get("workloads")
	if workloads == nil || workloads.Kind != syntax.Seq {
		return nil
	}
	for i := range workloads.Items {
		w := &workloads.Items[i]
		if allow := w.Get("security").Get("allow"); allow != nil && allow.Kind == syntax.Seq && len(allow.Items) == 0 {
			at := d.At.Key("spec").Key("workloads").Item(i, w.Get("name").Text()).Key("security").Key("allow")
			found = append(found, ruleEmptyAllow.At(at, "an empty allow lets everyone in: it is the same as none").
				WithHelp("remove it; or write who may call: allow: [{name: shop, from: [{namespaces: [shop]}]}]"))
		}
	}
	return found
}

// judge asks the validator about the whole document, and words what it finds.
func (d *Document) judge() diag.List {
	v := validation{root: d.Root, at: d.At}
	err := compiled().Validate(plain(d.Root, rootField()))
	var ve *jsonschema.ValidationError
	if errors.As(err, &ve) {
		v.leaves(ve)
	}
	return v.found.Sorted()
}

// validation is one run over one document.
type validation struct {
	root  *syntax.Node
	at    diag.Path
	found diag.List
}

// plain makes the value that the validator sees: without what is unset where it may be, and without the inside of
// Istio's blocks.
func plain(n *syntax.Node, f *field) any {
	switch n.Kind {
	case syntax.Map:
		m := make(map[string]any, len(n.Fields))
		for i := range n.Fields {
			key, value := n.Fields[i].Key, &n.Fields[i].Value
			p := f.byName[key]
			switch {
			case p != nil && p.omitted(value):
			case p != nil:
				m[key] = plain(value, p)
			case f.values != nil:
				m[key] = plain(value, f.values)
			default:
				m[key] = nil // unknown, or inside a block of Istio's: that it is there is all that counts
			}
		}
		return m
	case syntax.Seq:
		l := make([]any, len(n.Items))
		for i := range n.Items {
			if f.items != nil {
				l[i] = plain(&n.Items[i], f.items)
			}
		}
		return l
	case syntax.Float:
		if _, isText := n.Plain().(string); isText {
			return 0.5 // an infinity, or not a number at all: a number that is not an integer
		}
	}
	return n.Plain()
}

// leaves reports the faults at the ends of the validator's tree of errors.
func (v *validation) leaves(e *jsonschema.ValidationError) {
	for _, cause := range e.Causes {
		v.leaves(cause)
	}
	if len(e.Causes) > 0 {
		return
	}
	keyword := e.KeywordLocation[strings.LastIndexByte(e.KeywordLocation, '/')+1:]
	v.report(keyword, v.locate(e.InstanceLocation))
}

// place is where a fault is.
type place struct {
	node  *syntax.Node
	field *field
	at    diag.Path
}

// locate follows a JSON pointer of the validator's through the document and the schema at once.
func (v *validation) locate(pointer string) place {
	p := place{v.root, rootField(), v.at}
	if pointer == "" {
		return p
	}
	for _, token := range strings.Split(pointer[1:], "/") {
		if p.node.Kind == syntax.Seq {
			i, err := strconv.Atoi(token)
			if err != nil || i >= len(p.node.Items) || p.field.items == nil {
				return p
			}
			item := &p.node.Items[i]
			p = place{item, p.field.items, p.at.Item(i, nameOf(item))}
			continue
		}
		key, err := url.PathUnescape(token)
		if err != nil {
			key = token
		}
		key = strings.NewReplacer("~1", "/", "~0", "~").Replace(key)
		next := p.field.byName[key]
		if next == nil {
			next = p.field.values
		}
		node := p.node.Get(key)
		if next == nil || node == nil {
			return p
		}
		p = place{node, next, p.at.Key(key)}
	}
	return p
}

// nameOf is what an item calls itself: its `name`, or "".
func nameOf(n *syntax.Node) string {
	if name := n.Get("name"); name != nil && name.Kind == syntax.String {
		return name.Value
	}
	return ""
}
