package compare

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// ID names an object. The version of its API is not a part of it: an object stays the same when that is raised.
type ID struct {
	Group     string // of its API, "" for the core
	Kind      string
	Namespace string // "" for a cluster-scoped kind
	Name      string
}

// String is the object as people name it: Service vm-workloads/payment-service.
func (id ID) String() string {
	name := id.Name
	if id.Namespace != "" {
		name = id.Namespace + "/" + id.Name
	}
	return printable(id.Kind) + " " + printable(name)
}

func (id ID) compare(other ID) int {
	return cmp.Or(
		cmp.Compare(id.folder(), other.folder()), cmp.Compare(id.Kind, other.Kind),
		cmp.Compare(id.Name, other.Name), cmp.Compare(id.Group, other.Group), cmp.Compare(id.Namespace,
			other.Namespace),
	)
}

// folder is the namespace that an object is sorted under: a Namespace is listed with what is in it.
func (id ID) folder() string {
	if id.Namespace == "" {
		return id.Name
	}
	return id.Namespace
}

// object is one object of a side.
type object struct {
	ID
	file    string
	root    *syntax.Node
	applied *syntax.Node // what kubectl applied last, nil where it did not
}

// at is a value below the object's root, nil where there is none.
func (o *object) at(keys ...string) *syntax.Node {
	if o == nil {
		return nil
	}
	return at(o.root, keys...)
}

// text is a scalar below the object's root, "" where there is none.
func (o *object) text(keys ...string) string { return o.at(keys...).Text() }

// set is the objects of a side, sorted; once it is complete, it can be asked for what is in it.
type set struct {
	objects []*object
	index   map[ID]*object
	kinds   map[kind][]*object
	others  int // documents that are not objects
	// registered are the entries that istiod made, by the group that the VMs registered in. They are in the export of a
	// cluster alone, and no build makes or removes them.
	registered map[ID][]string
	vms        map[label][]member        // see selecting
	scopes     map[scope][]*object       // see inScope
	rulesOf    map[scope]map[string]bool // see rules
	identities map[string][]string       // see naming
}

// registeredIn is where istiod notes the group that a VM registered in.
const registeredIn = "istio.io/autoRegistrationGroup"

// kind is what an object is, whatever the version of its API.
type kind struct{ group, name string }

// of lists the objects of a kind. The list is the set's own.
func (s *set) of(group, name string) []*object {
	if s.kinds == nil {
		s.kinds = map[kind][]*object{}
		for _, o := range s.objects {
			k := kind{o.Group, o.Kind}
			s.kinds[k] = append(s.kinds[k], o)
		}
	}
	return s.kinds[kind{group, name}]
}

// noDocument is the finding that a text is empty: nothing is wrong with that here.
const noDocument = "VM005"

// objectFiles are the files of a tree that hold objects for a cluster; others may look like some, and are kustomize's.
func objectFiles(files []File) []File {
	return slices.DeleteFunc(slices.Clone(files), func(f File) bool { return !isObjects(f.Path) })
}

// isObjects reports whether a file of a tree holds objects for a cluster.
func isObjects(path string) bool { return strings.HasPrefix(path, "manifests/") }

// readSet reads the objects of all texts, whose names begin with dir. Documents that are not objects, such as values of
// a chart, are passed over.
func readSet(dir string, files []File, c *Changes) (*set, diag.List) {
	s := &set{index: map[ID]*object{}, registered: map[ID][]string{}}
	var findings diag.List
	for _, f := range files {
		name := f.Path
		if dir != "" {
			name = path.Join(dir, name)
		}
		docs, found := syntax.Read(name, f.Text)
		for _, d := range found {
			if d.Rule != noDocument {
				findings = append(findings, d)
			}
		}
		for _, d := range docs {
			s.add(d.Root, name, listed{}, c)
		}
	}
	if n := s.others; n > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("%s that %s not compared", count(n, "document"),
			verb(n, "is not an object was", "are not objects were")))
	}
	slices.SortFunc(s.objects, func(a, b *object) int { return a.ID.compare(b.ID) })
	return s, findings
}

// listed is what the items of a typed list are, where they do not have it themselves: an API server leaves it out.
type listed struct{ version, kind string }

// add takes a document: an object, or a list of them as kubectl or an API server prints it.
func (s *set) add(root *syntax.Node, file string, of listed, c *Changes) {
	version, kind := root.Get("apiVersion").Text(), root.Get("kind").Text()
	if version == "" && kind == "" && of.kind != "" && root.Kind == syntax.Map {
		version, kind = of.version, of.kind
		whole := *root
		whole.Fields = append([]syntax.Field{
			{Key: "apiVersion", Value: syntax.Node{Kind: syntax.String, Value: version}},
			{Key: "kind", Value: syntax.Node{Kind: syntax.String, Value: kind}},
		}, drop(root, "apiVersion", "kind").Fields...)
		root = &whole
	}
	group, _, grouped := strings.Cut(version, "/")
	if !grouped {
		group = ""
	}
	if items := root.Get("items"); items != nil && items.Kind == syntax.Seq && strings.HasSuffix(kind, "List") {
		of := listed{version, strings.TrimSuffix(kind, "List")}
		if of.kind == "" {
			of = listed{}
		}
		for i := range items.Items {
			s.add(&items.Items[i], file, of, c)
		}
		return
	}
	id := ID{Group: group, Kind: kind, Namespace: at(root, "metadata", "namespace").Text(), Name: at(root,
		"metadata", "name").Text()}
	if version == "" || kind == "" || id.Name == "" {
		if group != "kustomize.config.k8s.io" && (len(root.Fields) > 0 || len(root.Items) > 0 || root.Text() != "") {
			s.others++
		}
		return
	}
	if group == "kustomize.config.k8s.io" {
		return
	}
	group = at(root, "metadata", "annotations", registeredIn).Text()
	if group != "" && kind == "WorkloadEntry" && id.Group == networking {
		of := ID{networking, "WorkloadGroup", id.Namespace, group}
		s.registered[of] = append(s.registered[of], id.Name)
		return
	}
	if first := s.index[id]; first != nil {
		c.Notes = append(c.Notes, fmt.Sprintf("%s is there twice, in %s and %s; the first was compared", id,
			printable(first.file), printable(file)))
		return
	}
	o := &object{ID: id, file: file, root: without(root)}
	if text := at(root, "metadata", "annotations", lastApplied).Text(); text != "" {
		if docs, faults := syntax.Read(file, []byte(text)); len(docs) == 1 && !faults.HasErrors() {
			o.applied = docs[0].Root
		}
	}
	s.index[id] = o
	s.objects = append(s.objects, o)
}

// keep drops the objects that are not ours to compare, and adds a note of their kinds.
func (s *set) keep(ours func(*object) bool, c *Changes) {
	dropped := map[string]int{}
	n := 0
	s.objects = slices.DeleteFunc(s.objects, func(o *object) bool {
		if ours(o) {
			return false
		}
		dropped[printable(o.Kind)]++
		n++
		delete(s.index, o.ID)
		return true
	})
	if n > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("%s that vmmesh does not make %s not compared (%s)",
			count(n, "object"), verb(n, "was", "were"), some(sortedKeys(dropped))))
	}
}

// madeByCluster are names of objects that Kubernetes and istiod make in every namespace, by kind.
var madeByCluster = map[string][]string{
	"ConfigMap":      {"kube-root-ca.crt", "istio-ca-root-cert", "istio-ca-crl", "openshift-service-ca.crt"},
	"ServiceAccount": {"default", "builder", "deployer"},
	"Namespace":      {"default", "kube-system", "kube-public", "kube-node-lease"},
	"Service":        {"kubernetes"},
}

// The labels of an object that a build of a spec made.
const (
	managedBy = "app.kubernetes.io/managed-by"
	specLabel = "vmmesh.dev/spec"
)

// ofOthers reports whether an object of a live cluster is made by the cluster itself or by a controller.
func ofOthers(o *object) bool {
	return slices.Contains(madeByCluster[o.Kind], o.Name) || len(items(o.at("metadata", "ownerReferences"))) > 0 ||
		o.at("metadata", "labels", "istio.io/config").Text() == "true" ||
		strings.HasPrefix(o.at("metadata", "labels", "gateway.istio.io/managed").Text(), "istio.io-")
}

// specOf returns the spec that an object is made from, by the labels of vmmesh; "" where it does not have them.
func specOf(o *object) string {
	labels := o.at("metadata", "labels")
	if labels.Get(managedBy).Text() != "vmmesh" {
		return ""
	}
	return labels.Get(specLabel).Text()
}

// ours returns which objects of a live cluster, that a build does not make, it made before: those with the labels of
// its specs. Where none has these, a spec has another name than before, and those with labels of any are taken; where none
// has labels, all that the cluster and its controllers did not make.
func ours(was, will *set) func(*object) bool {
	specs := map[string]bool{}
	for _, o := range will.objects {
		specs[specOf(o)] = true
	}
	delete(specs, "")
	labelled := slices.ContainsFunc(was.objects, func(o *object) bool { return specOf(o) != "" })
	known := slices.ContainsFunc(was.objects, func(o *object) bool { return specs[specOf(o)] })
	return func(o *object) bool {
		return !ofOthers(o) && (!labelled || specOf(o) != "" && (!known || specs[specOf(o)]))
	}
}

// serverFields are the fields of metadata that the API server writes.
var serverFields = []string{"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}

// lastApplied is where kubectl keeps what it applied.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// without is an object without what a cluster adds to it, so that an export can be compared.
func without(root *syntax.Node) *syntax.Node {
	clean := drop(root, "status")
	for i := range clean.Fields {
		f := &clean.Fields[i]
		if f.Key != "metadata" || f.Value.Kind != syntax.Map {
			continue
		}
		f.Value = *drop(&f.Value, serverFields...)
		for j := range f.Value.Fields {
			if g := &f.Value.Fields[j]; g.Key == "annotations" && g.Value.Get(lastApplied) != nil {
				g.Value = *drop(&g.Value, lastApplied)
				if len(g.Value.Fields) == 0 {
					f.Value = *drop(&f.Value, "annotations")
				}
				break
			}
		}
	}
	return clean
}

// drop returns a copy of a map without some keys.
func drop(n *syntax.Node, keys ...string) *syntax.Node {
	clean := *n
	clean.Fields = nil
	for _, f := range n.Fields {
		if !slices.Contains(keys, f.Key) {
			clean.Fields = append(clean.Fields, f)
		}
	}
	return &clean
}

// at is a value below a node.
func at(n *syntax.Node, keys ...string) *syntax.Node {
	for _, key := range keys {
		n = n.Get(key)
	}
	return n
}

// items are the items of a list, none of any other value.
func items(n *syntax.Node) []*syntax.Node {
	if n == nil || n.Kind != syntax.Seq {
		return nil
	}
	found := make([]*syntax.Node, len(n.Items))
	for i := range n.Items {
		found[i] = &n.Items[i]
	}
	return found
}

// texts are the scalars in a list.
func texts(n *syntax.Node) []string {
	var found []string
	for _, i := range items(n) {
		if s := i.Text(); s != "" {
			found = append(found, s)
		}
	}
	return found
}

// labels are the texts in a map.
func labels(n *syntax.Node) map[string]string {
	if n == nil || n.Kind != syntax.Map {
		return nil
	}
	found := make(map[string]string, len(n.Fields))
	for i := range n.Fields {
		found[n.Fields[i].Key] = (&n.Fields[i].Value).Text()
	}
	return found
}
