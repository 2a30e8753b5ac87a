// Package krm is the door for kustomize, kpt and other orchestrators of KRM functions: a ResourceList in, a ResourceList
// out. It reads nothing else: no environment, no working directory, no network, no clock.
//
// What it does depends on what it is given. A functionConfig that is a VMMesh, and no other objects: a generator, whose
// answer has the objects of the VMMesh besides. VMMesh objects among others: each is expanded in place, and what an
// earlier run made is brought up to date ([OwnerAnnotation]). A functionConfig of kind VMMeshCheck: a validator, which
// changes nothing.
//
// The list is not held as trees: what came in is written as it stands, byte for byte, and what is new is appended as
// text. Findings name places in the spec and no lines, since the lines of a list are nobody's.
package krm

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// KindCheck is the kind of a functionConfig that asks for validation, in the group and version of the spec.
const KindCheck = "VMMeshCheck"

// Answer is what the function has to say: findings, and a list to write.
type Answer struct {
	// Findings are sorted. With one at error level the function has failed, and the list has the items as they came.
	Findings diag.List

	list    *list // nil where no list could be read
	objects map[*diag.Source]*object
	out     manifest.Encoder
	added   []span // of out, in order
}

// object is what a finding can be about: a VMMesh, or an item.
type object struct {
	apiVersion, kind, namespace, name string
	path                              string
	index                             int // -1 if nobody says
}

// Run is the function. The text is the whole of standard input; the answer keeps it.
func Run(src []byte) *Answer {
	a := &Answer{objects: map[*diag.Source]*object{}}
	a.Findings = a.run(src).Sorted()
	if a.Failed() {
		a.takeBack()
	}
	return a
}

// Failed tells whether the function must end with an exit code other than 0.
func (a *Answer) Failed() bool { return a.Findings.HasErrors() }

func (a *Answer) run(src []byte) diag.List {
	if len(bytes.TrimSpace(src)) == 0 {
		return diag.List{ruleNoList.At(diag.Root(&diag.Source{Name: "-"}), "standard input is empty").WithHelp("%s", howToRun)}
	}
	if len(src) > syntax.MaxBytes {
		return diag.List{ruleNoList.At(diag.Root(&diag.Source{Name: "-"}), "the list is larger than %d MiB", syntax.MaxBytes>>20).
			WithHelp("%s", howToLimit)}
	}
	l, findings := read(src)
	a.list = l
	if findings.HasErrors() {
		return findings
	}
	config, findings := l.config()
	switch {
	case findings.HasErrors():
		return findings
	case config != nil && config.id.kind == KindCheck && groupOf(config.apiVersion) == groupOf(schema.APIVersion):
		return append(config.unknown(), a.check()...)
	}
	return append(findings, a.expand(config)...)
}

// takeBack undoes what was planned: a failed function changes nothing.
func (a *Answer) takeBack() {
	a.added = nil
	if a.list != nil {
		for i := range a.list.items {
			a.list.items[i].gone, a.list.items[i].text = false, span{}
		}
	}
}

// config is the functionConfig, or a VMMesh among the items.
type config struct {
	item
	text   []byte // as a document
	tree   *syntax.Node
	source *diag.Source // of its findings
	number int          // among the items, -1 for the functionConfig
}

// config reads the functionConfig; nil where there is none.
func (l *list) config() (*config, diag.List) {
	src := l.sectionText("functionConfig")
	if src == nil {
		return nil, nil
	}
	n, ok := parse(src)
	if !ok {
		documents, findings := syntax.Read("functionConfig", src)
		if !findings.HasErrors() {
			findings = append(findings, ruleConfig.At(diag.Root(&diag.Source{Name: "functionConfig"}), "functionConfig holds %d documents", len(documents)))
		}
		return nil, placeless(findings)
	}
	switch n.Kind {
	case syntax.Null:
		return nil, nil
	case syntax.Map:
	default:
		return nil, diag.List{ruleConfig.At(diag.Root(&diag.Source{Name: "functionConfig"}), "functionConfig is a %s and no object", n.Kind)}
	}
	c := &config{text: src, tree: n, number: -1}
	c.learn(n)
	if c.hostile != "" {
		return nil, diag.List{rulePath.At(diag.Root(&diag.Source{Name: "functionConfig"}), "the path %q of %s leads out of the package", clip(c.hostile), c.name()).
			WithHelp("%s", mendPath)}
	}
	return c, nil
}

// isSpec tells whether the functionConfig is a VMMesh.
func (c *config) isSpec() bool { return c != nil && c.item.spec() }

// unknown says what a VMMeshCheck asks for that does not exist.
func (c *config) unknown() diag.List {
	var wrong diag.List
	at := diag.Root(&diag.Source{Name: KindCheck})
	if c.apiVersion != schema.APIVersion {
		wrong = append(wrong, ruleConfig.At(at.Key("apiVersion"), "apiVersion is %s; it must be %s", clip(c.apiVersion), schema.APIVersion).WithHelp("write apiVersion: %s", schema.APIVersion))
	}
	for _, f := range c.tree.Fields {
		switch f.Key {
		case "apiVersion", "kind", "metadata":
		case "spec":
			for _, g := range f.Value.Fields {
				wrong = append(wrong, ruleConfig.At(at.Key("spec").Key(g.Key), "a %s has no setting %q", KindCheck, clip(g.Key)).WithHelp("remove it: every rule is always checked"))
			}
		default:
			wrong = append(wrong, ruleConfig.At(at.Key(f.Key), "a %s has no field %q", KindCheck, clip(f.Key)).WithHelp("remove it: every rule is always checked"))
		}
	}
	return wrong
}

// owner is how the objects of a VMMesh name it.
func (c *config) owner() string {
	if c.id.namespace != "" {
		return c.id.namespace + "/" + c.id.name
	}
	return c.id.name
}

// sourceName is what findings call a VMMesh: its file, or else its name.
func (c *config) sourceName() string {
	switch {
	case c.path != "":
		return c.path
	case c.id.name != "":
		return c.id.name
	}
	return "functionConfig"
}

// specs gathers every VMMesh of the list: the functionConfig, and the items. Orchestrators pass a functionConfig once
// more as an item: it counts once.
func (a *Answer) specs(c *config) []*config {
	var found []*config
	if c.isSpec() {
		found = append(found, c)
	}
	for i := range a.list.items {
		it := &a.list.items[i]
		if !it.spec() {
			continue
		}
		text := a.list.itemText(it)
		n, _ := parse(text)
		if c.isSpec() && it.id == c.id && it.apiVersion == c.apiVersion && same(n.Get("spec"), c.tree.Get("spec")) {
			it.functionEntry = true
			if c.path == "" {
				c.path, c.index, c.annotated, c.legacy = it.path, it.index, it.annotated, it.legacy
			}
			continue
		}
		found = append(found, &config{item: *it, text: text, tree: n, number: i})
	}
	return found
}

// nameSources gives each VMMesh a name that no other has.
func nameSources(specs []*config) []string {
	names := make([]string, len(specs))
	taken := make(map[string]bool, len(specs))
	for i, c := range specs {
		names[i] = c.sourceName()
		if taken[names[i]] {
			names[i] += " (items[" + strconv.Itoa(c.number) + "])"
		}
		taken[names[i]] = true
	}
	return names
}

// parseSpecs is stage 1 of the pipeline, over every VMMesh.
func (a *Answer) parseSpecs(specs []*config) ([]*schema.Document, diag.List) {
	var docs []*schema.Document
	var findings diag.List
	names := nameSources(specs)
	for i, c := range specs {
		parsed, wrong := schema.Parse(names[i], c.text)
		findings = append(findings, placeless(wrong)...)
		for _, d := range wrong {
			a.about(d.At.Source(), &c.item)
		}
		for _, doc := range parsed {
			c.source = doc.At.Source()
			c.source.Locate, c.source.Text = nil, nil
			a.about(c.source, &c.item)
		}
		docs = append(docs, parsed...)
	}
	return docs, findings
}

// about notes which object the findings of a source are about.
func (a *Answer) about(s *diag.Source, i *item) {
	if s != nil {
		a.objects[s] = &object{i.apiVersion, i.id.kind, i.id.namespace, i.id.name, i.path, i.index}
	}
}

// placeless takes the lines from findings: those of a list mean nothing to anybody.
func placeless(findings diag.List) diag.List {
	for i := range findings {
		findings[i].Where = diag.Pos{}
		findings[i].Message, _, _ = strings.Cut(findings[i].Message, "; the first is on line ")
		if s := findings[i].At.Source(); s != nil {
			s.Locate, s.Text = nil, nil
		}
	}
	return findings
}

// check is the validator: every item, against all others.
func (a *Answer) check() diag.List {
	var set manifest.Set
	var findings diag.List
	for i := range a.list.items {
		it := &a.list.items[i]
		n, _ := parse(a.list.itemText(it))
		name := it.name()
		if it.path != "" {
			name += " (" + clip(it.path) + ")"
		}
		source := &diag.Source{Name: name}
		a.about(source, it)
		findings = append(findings, set.Add(n, diag.Root(source))...)
	}
	return append(findings, fn.VerifyObjects(&set)...)
}

// same tells whether two trees say the same. The order of keys says nothing.
func same(a, b *syntax.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || len(a.Items) != len(b.Items) || len(a.Fields) != len(b.Fields) || a.Value != b.Value {
		return false
	}
	for i := range a.Items {
		if !same(&a.Items[i], &b.Items[i]) {
			return false
		}
	}
	for i := range a.Fields {
		// Mostly both have the same order.
		if a.Fields[i].Key == b.Fields[i].Key {
			if !same(&a.Fields[i].Value, &b.Fields[i].Value) {
				return false
			}
		} else if other := b.Get(a.Fields[i].Key); other == nil || !same(&a.Fields[i].Value, other) {
			return false
		}
	}
	return true
}

// namesOf lists keys of a map, for messages.
func namesOf(n *syntax.Node) string {
	var names []string
	for _, f := range n.Fields {
		names = append(names, clip(f.Key))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
