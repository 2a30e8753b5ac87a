package manifest

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// Set is Kubernetes objects that came from anywhere, found by kind, namespace, name and label. Istio's kinds are read
// strictly, Kubernetes' own as far as a mesh is concerned with them, and others are only known to be there. The zero
// Set is empty and ready. A Set is filled first, with [Set.Read] and [Set.Add], and asked afterwards.
type Set struct {
	// Namespace is where objects are that do not name one, of the kinds that are in a namespace; "" leaves them without.
	// It is set before the first object is read.
	Namespace string

	all       []*Resource
	byID      map[resourceID]*Resource
	byKind    map[groupKind][]*Resource
	byMessage map[protoreflect.FullName][]*Resource
	spaces    map[string]*namespace
	workload  map[*Resource]*Workload
	services  []*ServiceView
	serviceOf map[*Resource]*ServiceView
	held      map[string]bool
	vms       []*VM
}

// Resource is one object of a Set.
type Resource struct {
	Group, Version, Kind string // of the apiVersion "v1" the Group is ""
	Namespace, Name      string // a Namespace that is not written is ""
	Labels, Annotations  map[string]string
	At                   diag.Path     // its root
	Root                 *syntax.Node  // as it was written
	Spec                 proto.Message // an Istio kind's spec, never nil there; nil for any other kind
	Faults               []diag.Path   // what the API server refuses
}

// String names the object as messages do: "Service vm-workloads/pay".
func (r *Resource) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// Place is a field of the object, by the keys on the way from its root.
func (r *Resource) Place(keys ...string) diag.Path {
	at := r.At
	for _, key := range keys {
		at = at.Key(key)
	}
	return at
}

type resourceID struct{ group, kind, namespace, name string }

type groupKind struct{ group, kind string }

// noDocument is the finding of the syntax that there is nothing to read, which among manifests is no fault.
const noDocument = "VM005"

// settings are groups whose objects are settings of tools, and are in no cluster. So is what is of version builtin, which
// is kustomize's.
var settings = map[string]bool{"vmmesh.dev": true, "kustomize.config.k8s.io": true, "config.kubernetes.io": true, "kpt.dev": true}

// Read adds the objects of a text: a stream of YAML or JSON documents. Name is what findings call the text. Documents
// that are no Kubernetes objects (values, settings of tools) are passed over, and a text without any document is
// no fault. A document with a fault of syntax is left out. Findings are those of the syntax, and those of [Set.Add].
func (s *Set) Read(name string, src []byte) diag.List {
	documents, findings := readDocuments(name, src)
	findings = slices.DeleteFunc(findings, func(d diag.Diagnostic) bool { return d.Rule == noDocument })
	broken := map[*diag.Source]bool{}
	for _, d := range findings {
		broken[d.At.Source()] = true
	}
	for _, d := range documents {
		if broken[d.Path.Source()] {
			continue // what is left of a document would draw findings that are none
		}
		findings = append(findings, s.Add(d.Root, d.Path)...)
	}
	return findings
}

// Add adds one object, or each item of a list of them: kubectl's List, a typed list (ServiceList) or a KRM
// ResourceList. Findings are about places below at; give each object a root of its own (diag.Root of a Source whose
// Locate is nil) where there are no lines, and the Source of a finding tells which object it is about. Specs of vmmesh,
// kustomizations and items that are marked as local configuration go to no cluster, and are left out.
func (s *Set) Add(n *syntax.Node, at diag.Path) diag.List {
	if n == nil || n.Kind != syntax.Map {
		return nil
	}
	kind, version := n.Get("kind").Text(), n.Get("apiVersion").Text()
	if kind == "" && version == "" {
		return nil
	}
	if items := n.Get("items"); items != nil && items.Kind == syntax.Seq && strings.HasSuffix(kind, "List") {
		var findings diag.List
		for i := range items.Items {
			item := &items.Items[i]
			findings = append(findings, s.Add(item, at.Key("items").Item(i, itemName(item)))...)
		}
		return findings
	}
	r := &Resource{Kind: kind, At: at, Root: n}
	if group, v, grouped := strings.Cut(version, "/"); grouped {
		r.Group, r.Version = group, v
	} else {
		r.Version = version
	}
	meta := n.Get("metadata")
	r.Namespace, r.Name = meta.Get("namespace").Text(), meta.Get("name").Text()
	r.Labels, r.Annotations = texts(meta.Get("labels")), texts(meta.Get("annotations"))
	if version == "" && n.Get("metadata") == nil {
		return nil // no object, but settings that have a field `kind`
	}
	if settings[r.Group] || version == "builtin" || r.Annotations["config.kubernetes.io/local-config"] == "true" {
		return nil
	}
	return s.add(r)
}

// itemName is how the path of a list's item names it.
func itemName(n *syntax.Node) string {
	kind, name := n.Get("kind").Text(), n.Get("metadata").Get("name").Text()
	if kind == "" || name == "" {
		return ""
	}
	return kind + "/" + name
}

func (s *Set) add(r *Resource) diag.List {
	kind := groupKind{r.Group, r.Kind}
	istio, isIstio := istioKinds[kind]
	_, isCore := coreKinds[kind]
	if r.Namespace == "" && (isIstio || isCore && kind != (groupKind{"", "Namespace"})) {
		r.Namespace = s.Namespace
	}
	var findings diag.List
	if !isIstio && !isCore {
		if wrong, unfit := r.misplaced(); unfit {
			findings = append(findings, wrong)
		}
	}
	if isIstio || isCore {
		if wrong, unfit := r.identify(istio); unfit {
			findings = append(findings, wrong)
			r.Faults = append(r.Faults, r.At)
			if r.Name == "" {
				return findings
			}
		}
		id := resourceID{r.Group, r.Kind, r.Namespace, r.Name}
		if first := s.byID[id]; first != nil {
			if !sameObject(first.Root, r.Root) {
				findings = append(findings, ruleTwice.At(r.Place("metadata", "name"), "there is another %s, and it differs", r).
					WithHelp("keep one of them: %s", whereIs(first)))
			}
			return findings
		}
		if s.byID == nil {
			s.byID = map[resourceID]*Resource{}
		}
		s.byID[id] = r
	}
	if isIstio && r.Version != istio.versions[0] && slices.Contains(istio.versions, r.Version) {
		findings = append(findings, ruleOlder.At(r.Place("apiVersion"), "%s/%s is an older version of %s", r.Group, r.Version, r.Kind).
			WithHelp("write %s/%s", r.Group, istio.versions[0]))
	}
	if isIstio {
		r.Spec = istio.empty()
		faults := Terms{}.Decode(r.Root.Get("spec"), r.Spec, r.Place("spec"))
		if r.Root.Get("spec") == nil && specNeeded[r.Kind] && len(faults) == 0 {
			faults = append(faults, ruleLimit.At(r.At, "this %s has no spec", r.Kind).WithHelp("add spec"))
		}
		for _, f := range faults {
			r.Faults = append(r.Faults, f.At)
		}
		findings = append(findings, faults...)
	}
	s.index(r, kind)
	if kind == (groupKind{"", "ConfigMap"}) {
		findings = append(findings, s.readVMData(r)...)
	}
	return findings
}

// whereIs returns where an object is, for a message about another one.
func whereIs(r *Resource) string {
	source := r.At.Source()
	if source == nil {
		return "the first one counts here"
	}
	if source.Locate == nil {
		return "the first one is " + source.Name
	}
	pos := source.Locate(r.Place("metadata", "name"), false)
	return "the first one is in " + source.Name + ", line " + itoa(pos.Line)
}

// identify finds an object without a name, and one of a version that Istio does not serve.
func (r *Resource) identify(istio istioKind) (diag.Diagnostic, bool) {
	switch {
	case r.Name == "":
		return ruleObject.At(r.Place("metadata", "name"), "this %s has no name", r.Kind).
			WithHelp("add metadata.name"), true
	case istio.empty != nil && !slices.Contains(istio.versions, r.Version):
		return ruleObject.At(r.Place("apiVersion"), "Istio serves no %s of %s/%s", r.Kind, r.Group, r.Version).
			WithHelp("write apiVersion: %s/%s", r.Group, istio.versions[0]), true
	}
	return diag.Diagnostic{}, false
}

// apiVersions are those of the kinds that a Set reads. Kinds of other projects are not among them.
var apiVersions = func() map[string]string {
	known := map[string]string{}
	for kind, k := range istioKinds {
		known[kind.kind] = kind.group + "/" + k.versions[0]
	}
	for kind := range coreKinds {
		if known[kind.kind] == "" && !strings.Contains(kind.group, ".") {
			known[kind.kind] = strings.TrimPrefix(kind.group+"/v1", "/")
		}
	}
	return known
}()

// misplaced finds an object of a kind that the Set reads whose apiVersion has another group, or is missing: the API server
// does not have such a kind. Groups of other projects, which have kinds of the same name, are not judged.
func (r *Resource) misplaced() (diag.Diagnostic, bool) {
	written := r.Version
	if r.Group != "" {
		written = r.Group + "/" + r.Version
	}
	ofIstio := r.Group == NetworkingGroup || r.Group == SecurityGroup || r.Group == TelemetryGroup
	switch right := apiVersions[r.Kind]; {
	case right == "" && ofIstio && !otherKinds[r.Kind]:
		d := ruleObject.At(r.Place("kind"), "Istio does not have a kind %s in %s", r.Kind, r.Group)
		if near := diag.Nearest(r.Kind, slices.Sorted(maps.Keys(apiVersions))); near != "" {
			return d.WithHelp("did you mean %s?", near), true
		}
		return d.WithHelp("write one of Istio's kinds, such as WorkloadEntry"), true
	case right == "":
	case written == "":
		return ruleObject.At(r.At, "this %s has no apiVersion", r.Kind).WithHelp("add apiVersion: %s", right), true
	case ofIstio || r.Group == "" || r.Group == "istio.io" || builtinGroups[r.Group]:
		return ruleObject.At(r.Place("apiVersion"), "there is no %s in %s", r.Kind, written).WithHelp("write apiVersion: %s", right), true
	}
	return diag.Diagnostic{}, false
}

func (s *Set) index(r *Resource, kind groupKind) {
	if s.byKind == nil {
		s.byKind = map[groupKind][]*Resource{}
		s.byMessage = map[protoreflect.FullName][]*Resource{}
		s.serviceOf = map[*Resource]*ServiceView{}
		s.workload = map[*Resource]*Workload{}
		s.held = map[string]bool{}
	}
	s.all = append(s.all, r)
	s.byKind[kind] = append(s.byKind[kind], r)
	s.held[r.Namespace] = true
	if r.Spec != nil {
		name := r.Spec.ProtoReflect().Descriptor().FullName()
		s.byMessage[name] = append(s.byMessage[name], r)
	}
	if kind == (groupKind{"", "Service"}) {
		v := readService(r)
		s.services = append(s.services, v)
		s.serviceOf[r] = v
	}
	if w := readWorkload(r); w != nil {
		s.workload[r] = w
		s.space(r.Namespace).add(w)
	}
}

// Len counts the objects.
func (s *Set) Len() int { return len(s.all) }

// All lists the objects in the order in which they came.
func (s *Set) All() []*Resource { return s.all }

// OfKind lists the objects of one kind in the order in which they came; the group of "v1" is "".
func (s *Set) OfKind(group, kind string) []*Resource { return s.byKind[groupKind{group, kind}] }

// Holds reports whether there is anything in a namespace. The Namespace itself is in none.
func (s *Set) Holds(namespace string) bool { return s.held[namespace] }

// Find is one object; nil where there is none. It knows Istio's kinds, Namespace, ServiceAccount, Service, and what has
// pods.
func (s *Set) Find(group, kind, namespace, name string) *Resource {
	return s.byID[resourceID{group, kind, namespace, name}]
}

// Services lists the Services in the order in which they came.
func (s *Set) Services() []*ServiceView { return s.services }

// Service is one Service; nil where there is none.
func (s *Set) Service(namespace, name string) *ServiceView {
	return s.serviceOf[s.Find("", "Service", namespace, name)]
}

// Each lists the Istio objects whose spec is a T, in the order in which they came:
//
//	for r, entry := range manifest.Each[*networking.WorkloadEntry](set) { … }
func Each[T proto.Message](s *Set) iter.Seq2[*Resource, T] {
	return func(yield func(*Resource, T) bool) {
		var none T
		for _, r := range s.byMessage[none.ProtoReflect().Descriptor().FullName()] {
			if spec, ok := r.Spec.(T); ok && !yield(r, spec) {
				return
			}
		}
	}
}

// sameObject reports whether two objects have the same content. The version of their group makes no difference.
func sameObject(a, b *syntax.Node) bool {
	without := func(n *syntax.Node) *syntax.Node {
		rest := *n
		rest.Fields = slices.DeleteFunc(slices.Clone(n.Fields), func(f syntax.Field) bool { return f.Key == "apiVersion" })
		return &rest
	}
	return sameNode(without(a), without(b))
}

// sameNode reports whether two trees have the same content, in whatever order.
func sameNode(a, b *syntax.Node) bool {
	if a.Kind != b.Kind || a.Value != b.Value || len(a.Items) != len(b.Items) || len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.Items {
		if !sameNode(&a.Items[i], &b.Items[i]) {
			return false
		}
	}
	for i := range a.Fields {
		other := b.Get(a.Fields[i].Key)
		if other == nil || !sameNode(&a.Fields[i].Value, other) {
			return false
		}
	}
	return true
}
