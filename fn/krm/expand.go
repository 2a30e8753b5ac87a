package krm

import (
	"maps"
	"path"
	"slices"
	"strconv"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// expand turns every VMMesh of the list into objects.
func (a *Answer) expand(c *config) diag.List {
	specs := a.specs(c)
	if len(specs) == 0 {
		return diag.List{noSpec(c)}
	}
	var findings diag.List
	if c != nil && !c.isSpec() {
		findings = c.ignored()
	}
	docs, wrong := a.parseSpecs(specs)
	findings = append(findings, wrong...)
	if findings.HasErrors() {
		return append(findings, fn.Lint(docs)...) // nothing will be made, but the user sees all that is wrong
	}
	if a.generates(c) {
		made := 0
		findings = append(findings, fn.Expand(docs, func(o *manifest.Object) { a.add(o); made++ })...)
		if findings.HasErrors() {
			return findings
		}
		return append(findings, emitted(specs, made)...)
	}
	e := newExpansion(a, specs)
	findings = append(findings, fn.Expand(docs, e.object)...)
	if findings.HasErrors() {
		return findings
	}
	findings = append(findings, emitted(specs, e.made)...)
	return append(findings, e.finish()...)
}

// generates tells whether there is nothing in the list but the functionConfig, and no trace of files: then an
// orchestrator wants objects from it, and nothing of an earlier run can be there.
func (a *Answer) generates(c *config) bool {
	if !c.isSpec() || c.annotated || c.legacy {
		return false
	}
	return !slices.ContainsFunc(a.list.items, func(i item) bool { return !i.functionEntry })
}

// noSpec says that there is nothing to do, which is never what anybody wanted.
func noSpec(c *config) diag.Diagnostic {
	if c == nil {
		return ruleNoSpec.At(diag.Root(&diag.Source{Name: "-"}), "there is no functionConfig, and no %s among the items", schema.KindVMMesh).
			WithHelp("give the function a %s (apiVersion: %s) as its functionConfig, or among its items", schema.KindVMMesh, schema.APIVersion)
	}
	kind := c.id.kind
	if kind == "" {
		kind = "object without a kind"
	}
	return ruleNoSpec.At(diag.Root(&diag.Source{Name: "functionConfig"}).Key("kind"), "functionConfig is a %s, and there is no %s among the items", clip(kind), schema.KindVMMesh).
		WithHelp("the functionConfig is a %s or a %s of apiVersion %s", schema.KindVMMesh, KindCheck, schema.APIVersion)
}

// ignored says what a functionConfig that is no VMMesh asks for in vain. Orchestrators give an empty ConfigMap where
// the user gave none.
func (c *config) ignored() diag.List {
	at := diag.Root(&diag.Source{Name: "functionConfig"})
	if c.id.kind != "ConfigMap" {
		return diag.List{ruleIgnored.At(at.Key("kind"), "functionConfig is a %s, which says nothing to vmmesh", clip(c.id.kind)).
			WithHelp("remove it: the %s objects among the items say everything", schema.KindVMMesh)}
	}
	if data := c.tree.Get("data"); data != nil && len(data.Fields) > 0 {
		return diag.List{ruleIgnored.At(at.Key("data"), "the function takes no parameters, and is given %s", namesOf(data)).
			WithHelp("remove them: the %s objects among the items say everything", schema.KindVMMesh)}
	}
	return nil
}

// emitted says that the specs made nothing at all.
func emitted(specs []*config, made int) diag.List {
	if made > 0 {
		return nil
	}
	return diag.List{ruleNothing.At(diag.Root(specs[0].source).Key("spec"), "the spec emits no objects").
		WithHelp("describe workloads or external services, or leave the function out")}
}

// add appends an object to the list.
func (a *Answer) add(o *manifest.Object) {
	start := len(a.out.Bytes())
	a.out.Item(o)
	a.added = append(a.added, span{start, len(a.out.Bytes())})
}

// expansion brings the items of a list up to date with what the specs say.
type expansion struct {
	a        *Answer
	specs    map[*diag.Source]*config
	owners   map[string]bool // those that are being expanded
	existing map[identity]int
	next     []int          // of each item, another one of the same identity, or -1
	wanted   []bool         // of each item, whether the specs ask for it
	indices  map[string]int // of each path, the first free index in its file
	made     int            // objects that the specs ask for
	clashes  diag.List
	scratch  manifest.Encoder
}

func newExpansion(a *Answer, specs []*config) *expansion {
	items := a.list.items
	e := &expansion{
		a: a, specs: map[*diag.Source]*config{}, owners: map[string]bool{}, existing: make(map[identity]int, len(items)),
		next: make([]int, len(items)), wanted: make([]bool, len(items)), indices: map[string]int{},
	}
	for _, c := range specs {
		e.specs[c.source] = c
		e.owners[c.owner()] = true
	}
	for i := len(items) - 1; i >= 0; i-- {
		it := &items[i]
		e.next[i] = -1
		if other, twice := e.existing[it.id]; twice {
			e.next[i] = other
		}
		e.existing[it.id] = i
		if it.path != "" {
			e.indices[it.path] = max(e.indices[it.path], it.index+1)
		}
	}
	return e
}

// object puts an object of a spec in its place: over the one that an earlier run made, or at the end.
func (e *expansion) object(o *manifest.Object) {
	e.made++
	spec := e.specs[o.At.Source()]
	placed := false
	found, known := e.existing[identity{groupOf(o.APIVersion), o.Kind, o.Namespace, o.Name}]
	if !known {
		found = -1
	}
	for ; found >= 0; found = e.next[found] {
		it := &e.a.list.items[found]
		if placed && e.owners[it.owner] {
			continue // one too many: it goes
		}
		e.wanted[found], placed = true, true
		e.update(it, o, spec)
	}
	if !placed {
		e.a.add(e.owned(o, spec, e.place(o, spec)))
	}
}

// update makes an item say what the spec asks for. An item that says so already stays as it is, to the byte; one that
// somebody else owns is never touched.
func (e *expansion) update(it *item, o *manifest.Object, spec *config) {
	before, _ := parse(e.a.list.itemText(it))
	mine := e.owners[it.owner]
	kept, annotations := notes(before, !mine)
	says := func(o *manifest.Object) bool {
		e.scratch.Reset()
		e.scratch.Item(o)
		after := slices.Clone(e.scratch.Bytes())
		after[0] = ' '
		n, _ := parse(after)
		return equal(before, annotations, n)
	}
	if mine && says(e.owned(o, spec, nil)) || !mine && (says(o) || says(unlabelled(o))) {
		return
	}
	if !mine {
		e.clashes = append(e.clashes, foreign(it, o))
		return
	}
	start := len(e.a.out.Bytes())
	e.a.out.Item(e.owned(o, spec, kept))
	it.text = span{start, len(e.a.out.Bytes())}
}

// unlabelled is an object without the labels of provenance, which one that is not from a spec does not have.
func unlabelled(o *manifest.Object) *manifest.Object {
	plain := *o
	plain.Labels = maps.Clone(o.Labels)
	maps.DeleteFunc(plain.Labels, func(key, _ string) bool { return key == manifest.LabelSpec || key == manifest.LabelManagedBy })
	return &plain
}

// foreign says that an object cannot be made because somebody else's is in its place.
func foreign(it *item, o *manifest.Object) diag.Diagnostic {
	where := ""
	if it.path != "" {
		where = " in " + clip(it.path)
	}
	if it.owner != "" {
		return ruleForeign.At(o.At, "the spec makes a %s, and there is another one%s, which the VMMesh %s owns", it.name(), where, clip(it.owner)).
			WithHelp("rename one of the two, or remove the other if %s no longer exists", clip(it.owner))
	}
	return ruleForeign.At(o.At, "the spec makes a %s, and there is another one%s, which is not from a spec", it.name(), where).
		WithHelp("rename one of the two, remove the other, or hand it over with the annotation %s", OwnerAnnotation)
}

// owned is an object as it stands among others: with its owner, and with further annotations.
func (e *expansion) owned(o *manifest.Object, spec *config, more map[string]string) *manifest.Object {
	out := *o
	out.Annotations = make(map[string]string, len(o.Annotations)+len(more)+1)
	for _, from := range []map[string]string{o.Annotations, more} {
		for k, v := range from {
			out.Annotations[k] = v
		}
	}
	out.Annotations[OwnerAnnotation] = spec.owner()
	return &out
}

// place is where a new object is kept: where `vmmesh build -o` writes it, below the folder of its VMMesh. Nobody asks
// where nobody said where the VMMesh is.
func (e *expansion) place(o *manifest.Object, spec *config) map[string]string {
	if spec.path == "" {
		return nil
	}
	file := path.Join(path.Dir(path.Clean(spec.path)), o.Path())
	index := strconv.Itoa(e.indices[file])
	e.indices[file]++
	annotations := map[string]string{}
	if spec.annotated {
		annotations[pathAnnotation], annotations[indexAnnotation] = file, index
	}
	if spec.legacy {
		annotations[legacyPathAnnotation], annotations[legacyIndexAnnotation] = file, index
	}
	return annotations
}

// finish removes what an earlier run made and the specs no longer ask for, and says what stands in the way.
func (e *expansion) finish() diag.List {
	findings := e.clashes
	orphans := map[string][]*item{}
	for i := range e.a.list.items {
		it := &e.a.list.items[i]
		switch {
		case it.owner == "" || e.wanted[i] || it.spec() || !fn.Makes(it.id.group, it.id.kind):
		case e.owners[it.owner]:
			it.gone = true
		default:
			orphans[it.owner] = append(orphans[it.owner], it)
		}
	}
	for owner, items := range orphans {
		what := items[0].name()
		if len(items) > 1 {
			what += " and " + strconv.Itoa(len(items)-1) + " more"
		}
		source := &diag.Source{Name: "-"}
		if items[0].path != "" {
			source.Name = items[0].path
		}
		e.a.about(source, items[0])
		findings = append(findings, ruleOrphan.At(diag.Root(source).Key("metadata").Key("annotations").Key(OwnerAnnotation),
			"the VMMesh %s, which owns %s, is not in the list", clip(owner), what).
			WithHelp("if it no longer exists, remove what it made; if it is kept elsewhere, pass it along"))
	}
	return findings
}

// notes are an item's annotations: an orchestrator's notes, and all others. The owner is left out of the latter where
// it is not to be compared.
func notes(n *syntax.Node, ownerToo bool) (kept map[string]string, others []syntax.Field) {
	kept = map[string]string{}
	annotations := n.Get("metadata").Get("annotations")
	if annotations == nil {
		return kept, nil
	}
	for _, f := range annotations.Fields {
		switch {
		case bookkeeping(f.Key):
			kept[f.Key] = text(&f.Value)
		case ownerToo && f.Key == OwnerAnnotation:
		default:
			others = append(others, f)
		}
	}
	return kept, others
}

// equal tells whether an item, with these annotations in place of its own, says the same as an object.
func equal(it *syntax.Node, annotations []syntax.Field, object *syntax.Node) bool {
	without := func(n *syntax.Node, key string) *syntax.Node {
		c := *n
		c.Fields = slices.DeleteFunc(slices.Clone(n.Fields), func(f syntax.Field) bool { return f.Key == key })
		return &c
	}
	meta, want := it.Get("metadata"), object.Get("metadata")
	if meta == nil || want == nil || meta.Kind != syntax.Map {
		return false
	}
	left := &syntax.Node{Kind: syntax.Map, Fields: annotations}
	right := want.Get("annotations")
	if right == nil {
		right = &syntax.Node{Kind: syntax.Map}
	}
	return same(left, right) && same(without(meta, "annotations"), without(want, "annotations")) &&
		same(without(it, "metadata"), without(object, "metadata"))
}
