package manifest

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// maxDepth is how deep a free-form block (a Struct) may nest; message types nest only as deep as their types do.
const maxDepth = 1000

// Decode reads a tree into m, an empty istio.io/api message, as a block of a spec: strictly, by the names and types
// of Istio's CRDs, and against their constraints. It reports every fault in one run, each at its place below at.
// null means absent. istioVersion is the control plane's ("1.27.3"): fields and words that are newer are faults;
// "" judges no versions. What m holds after an error is unspecified, though never more than the tree says.
//
// A spec may leave out or may use early what vmmesh itself fills in or rewrites: see [Terms.Spec].
func Decode(n *syntax.Node, m proto.Message, at diag.Path, istioVersion string) diag.List {
	return Terms{Version: istioVersion, Spec: true}.Decode(n, m, at)
}

// Terms are the terms on which a tree is judged.
type Terms struct {
	// Version is Istio's version, "1.27.3" or "1.27"; "" (or no version at all) judges no versions.
	Version string
	// Spec tells that the tree is part of a vmmesh spec and not of a manifest: vmmesh itself fills in a
	// Destination's host, and turns a Source's serviceAccounts into principals where Istio is too old for them.
	Spec bool
}

// Decode is [Decode] on these terms.
func (t Terms) Decode(n *syntax.Node, m proto.Message, at diag.Path) diag.List {
	if n == nil || n.Kind == syntax.Null {
		return nil
	}
	into := m.ProtoReflect()
	d := &decoder{
		minor: minorOf(t.Version), spec: t.Spec,
		crd: into.Descriptor().ParentFile().Package() != meshPackage,
	}
	d.message(n, into, nil, at)
	return d.found
}

// meshPackage holds MeshConfig and its ProxyConfig, which are no resources: what CRDs state of the types that they
// share with resources does not hold inside them.
const meshPackage = "istio.mesh.v1alpha1"

// decoder is one run over one tree.
type decoder struct {
	minor int  // of Istio 1.<minor>; 0 judges no versions
	spec  bool // see Terms.Spec
	crd   bool // whether the CRDs' constraints hold
	found diag.List
}

func (d *decoder) add(f diag.Diagnostic) { d.found = append(d.found, f) }

// wrong reports a value that cannot be read, and names what was found.
func (d *decoder) wrong(at diag.Path, n *syntax.Node, expected, help string, fix ...diag.Fix) {
	f := ruleType.At(at, "%s must be %s, not %s", subject(at), expected, describe(n))
	f.Help = help
	if len(fix) > 0 && fix[0].New != "" {
		fix[0].Old = n.Value
		f.Fix = &fix[0]
	}
	d.add(f)
}

// message reads a map into a message, or a well-known type from its own JSON form. site has the rules of this use of
// the type, where they are not the type's own.
func (d *decoder) message(n *syntax.Node, m protoreflect.Message, site *messageRules, at diag.Path) {
	if read := readerOf(m.Descriptor().FullName()); read != nil {
		read(d, n, m, at)
		return
	}
	p := messagePlanOf(m.Descriptor())
	if n.Kind != syntax.Map {
		d.wrong(at, n, "a map", p.mapHelp())
		return
	}
	for i := range n.Fields {
		key := &n.Fields[i]
		f := p.fields[key.Key]
		if f == nil && !d.spec {
			f = p.aliases[key.Key]
		}
		if f == nil {
			d.unknown(p, n, key.Key, at)
			continue
		}
		if key.Value.Kind == syntax.Null {
			continue
		}
		here := at.Key(key.Key)
		minor := d.minor
		if d.tooNew(f, here) {
			d.minor = 0 // what is inside is as new: once is enough
		}
		d.field(&key.Value, m, f, here)
		d.minor = minor
	}
	d.oneofs(n, p, at)
	if site == nil {
		site = p.rules
	}
	d.check(n, p, site, at)
}

// unknown reports a key that the type does not have.
func (d *decoder) unknown(p *messagePlan, n *syntax.Node, key string, at diag.Path) {
	f := ruleUnknown.At(at.Key(key), "unknown field %q in %s", key, p.name).Key()
	switch meant, near := alike(key, p.names), diag.Nearest(key, p.names); {
	case meant != "":
		f = f.Suggest("write %s, as Istio's YAML spells it", key, meant, p.names)
	case near != "":
		f = f.Suggest("did you mean %q?", key, near, p.names)
	default:
		f.Help = p.mapHelp()
	}
	if f.Fix != nil && n.Get(f.Fix.New) != nil {
		f.Fix = nil // the field is there already
	}
	d.add(f)
}

// tooNew reports a field that this Istio does not have yet.
func (d *decoder) tooNew(f *fieldPlan, at diag.Path) bool {
	if d.minor == 0 || f.since <= d.minor || d.spec && specMayBeNew[f.id] {
		return false
	}
	d.add(ruleNewer.At(at, "%s exists since Istio 1.%d, and istio.version is 1.%d", f.json, f.since, d.minor).Key().
		WithHelp("leave it out, or upgrade Istio first: an older control plane drops the field in silence"))
	return true
}

// oneofs reports fields of one group that are side by side.
func (d *decoder) oneofs(n *syntax.Node, p *messagePlan, at diag.Path) {
	for _, members := range p.oneofs {
		var set []string
		for i := range n.Fields {
			for _, f := range members {
				if n.Fields[i].Key == f && n.Fields[i].Value.Kind != syntax.Null {
					set = append(set, f)
				}
			}
		}
		if len(set) > 1 {
			d.add(ruleType.At(at.Key(set[len(set)-1]), "%s exclude each other", listed(set, "and")).Key().
				WithHelp("keep one of them"))
		}
	}
}

// field reads one value into a field of m.
func (d *decoder) field(n *syntax.Node, m protoreflect.Message, f *fieldPlan, at diag.Path) {
	switch {
	case f.desc.IsMap():
		d.mapping(n, m, f, at)
	case f.desc.IsList():
		d.list(n, m, f, at)
	case f.desc.Message() != nil:
		d.inner(n, m.Mutable(f.desc).Message(), f, f.rules.value, at)
	default:
		if v, ok := d.scalar(n, f.desc, f.words, at); ok {
			m.Set(f.desc, v)
			d.limits(n, f.rules.value, at)
		}
	}
}

// inner reads a message that is a field's value or an element of it. Limits are judged only where the value could be
// read: one mistake draws one finding.
func (d *decoder) inner(n *syntax.Node, m protoreflect.Message, f *fieldPlan, l *limits, at diag.Path) {
	before := len(d.found)
	d.message(n, m, f.site, at)
	if len(d.found) == before {
		d.limits(n, l, at)
	}
}

func (d *decoder) list(n *syntax.Node, m protoreflect.Message, f *fieldPlan, at diag.Path) {
	if n.Kind != syntax.Seq {
		help := ""
		if n.Kind != syntax.Map {
			help = fmt.Sprintf("write a list: %s: [%s]", f.json, clip(n.Value))
		} else if f.desc.Message() != nil {
			help = "write a list: each item begins with \"- \""
		}
		d.wrong(at, n, "a list", help)
		return
	}
	list := m.Mutable(f.desc).List()
	for i := range n.Items {
		item := &n.Items[i]
		here := at.Item(i, nameOf(item))
		if f.desc.Message() != nil {
			v := list.NewElement()
			if item.Kind == syntax.Null {
				d.wrong(here, item, "a map", "write the item, or delete the \"- \"")
			} else {
				d.inner(item, v.Message(), f, f.rules.item, here)
			}
			list.Append(v)
			continue
		}
		if v, ok := d.scalar(item, f.desc, f.words, here); ok {
			list.Append(v)
			d.limits(item, f.rules.item, here)
		}
	}
	d.limits(n, f.rules.value, at)
}

func (d *decoder) mapping(n *syntax.Node, m protoreflect.Message, f *fieldPlan, at diag.Path) {
	if n.Kind != syntax.Map {
		d.wrong(at, n, "a map", "write its keys and values below it, without \"- \"")
		return
	}
	into := m.Mutable(f.desc).Map()
	value := f.desc.MapValue()
	for i := range n.Fields {
		entry := &n.Fields[i]
		here := at.Key(entry.Key)
		key, keyOK := d.mapKey(entry.Key, f.desc.MapKey(), here)
		if value.Message() != nil {
			v := into.NewValue()
			if entry.Value.Kind == syntax.Null {
				d.wrong(here, &entry.Value, "a map", "")
			} else {
				d.inner(&entry.Value, v.Message(), f, f.rules.item, here)
			}
			if keyOK {
				into.Set(key, v)
			}
			continue
		}
		if v, ok := d.scalar(&entry.Value, value, f.words, here); ok {
			d.limits(&entry.Value, f.rules.item, here)
			if keyOK {
				into.Set(key, v)
			}
		}
	}
	if len(n.Fields) > 0 {
		d.limits(n, f.rules.value, at)
	}
}

// nameOf is what an item of a list calls itself, for its path.
func nameOf(n *syntax.Node) string {
	if name := n.Get("name"); name != nil && name.Kind == syntax.String {
		return name.Value
	}
	return ""
}
