package manifests

import (
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Overlay makes the folder that an overlay with a namePrefix, nameSuffix or namespace lists among its transformers:
//
//	transformers: [../build/overlay]
//
// kustomize knows names, but not the host names and identities that are put together from them. The transformers run
// after all that the same kustomization does. Each object that is referred to in such a way first gets an annotation
// that holds the reference as it was built; its parts are replaced by what the object is called now; then every place
// that has the old text gets the new one, and the annotation goes. Places are found by the old text, not by their
// number, so that routes and rules which an overlay adds are left alone. A place that is gone is an error of kustomize's.
func Overlay(m *mesh.Mesh) iter.Seq[manifest.File] {
	return func(yield func(manifest.File) bool) {
		refs := newReferences(m)
		refs.collect(m)
		var enc manifest.Encoder
		enc.Value(&manifest.Kustomization{
			APIVersion: "kustomize.config.k8s.io/v1beta1", Kind: "Kustomization", Resources: []string{"references.yaml"},
		})
		if !yield(manifest.File{Path: "overlay/kustomization.yaml", Mode: 0o644, Data: slices.Clone(enc.Bytes())}) {
			return
		}
		yield(manifest.File{Path: "overlay/references.yaml", Mode: 0o644, Data: refs.text()})
	}
}

// remembered is where an object keeps its reference while it is put together anew. No object leaves with it.
const remembered = "overlay.vmmesh.dev/reference-"

// thing is an object, by what it is called in the tree.
type thing struct{ apiVersion, kind, namespace, name string }

// reference is one text that is put together from an object's name and namespace.
type reference struct {
	of              thing
	old             string
	delimiter       string
	name, namespace int // which parts they are
	annotation      string
	places          []place
}

// place is where such a text stands.
type place struct {
	in    thing
	path  string
	part  string // "": the whole text, else the delimiter
	index int    // of the part
}

// references is every reference of a mesh, in the order in which they are met.
type references struct {
	services    map[string]thing // by host name
	accounts    map[string]thing // by namespace/name
	namespaces  map[string]thing // something that stands in it
	domains     map[string]bool  // trust domains
	byText      map[string]*reference
	texts       []*reference
	ofNamespace map[string]*reference
	spaces      []*reference
	annotations map[thing]int
}

func newReferences(m *mesh.Mesh) *references {
	r := &references{
		services: map[string]thing{}, accounts: map[string]thing{}, namespaces: map[string]thing{},
		domains: map[string]bool{"cluster.local": true}, // which istiod takes for its own, whatever it is called
		byText:  map[string]*reference{}, ofNamespace: map[string]*reference{}, annotations: map[thing]int{},
	}
	for _, a := range m.ServiceAccounts {
		r.accounts[a.Namespace+"/"+a.Name] = thing{"v1", "ServiceAccount", a.Namespace, a.Name}
	}
	for _, w := range m.Workloads {
		r.domains[w.Istio().TrustDomain] = true
		for _, s := range w.Services {
			if s.Kind == mesh.KindService {
				for _, h := range s.Hosts {
					r.services[h.Name] = thing{"v1", "Service", w.Namespace, s.Name}
				}
			}
		}
	}
	for _, objects := range []iter.Seq[*manifest.Object]{WorkloadGroups(m), ServiceEntries(m)} {
		for o := range objects {
			if _, known := r.namespaces[o.Namespace]; !known {
				r.namespaces[o.Namespace] = thingOf(o)
			}
		}
	}
	return r
}

func thingOf(o *manifest.Object) thing { return thing{o.APIVersion, o.Kind, o.Namespace, o.Name} }

// collect meets every text of the kinds that refer to others by more than a name.
func (r *references) collect(m *mesh.Mesh) {
	for _, objects := range []iter.Seq[*manifest.Object]{
		AuthorizationPolicies(m), Sidecars(m), ServiceEntries(m), DestinationRules(m), VirtualServices(m),
	} {
		for o := range objects {
			for t := range texts(o) {
				r.meet(thingOf(o), t)
			}
		}
	}
	for o := range Services(m) {
		for i, name := range strings.Split(o.Annotations[exportTo], ",") {
			r.meetNamespace(name, place{in: thingOf(o), path: "metadata.annotations.[" + exportTo + "]", part: ",", index: i})
		}
	}
}

// namespaceFields are those whose texts are the names of namespaces.
var namespaceFields = []string{"namespaces", "notNamespaces", "exportTo"}

var principal = regexp.MustCompile(`^(spiffe://)?([^/]+)/ns/([^/]+)/sa/([^/]+)$`)

func (r *references) meet(in thing, t textAt) {
	if service, ours := r.services[t.value]; ours {
		r.add(reference{of: service, old: t.value, delimiter: ".", name: 0, namespace: 1}, place{in: in, path: t.path()})
		return
	}
	if slices.Contains(namespaceFields, t.field()) {
		r.meetNamespace(t.value, place{in: in, path: t.path()})
		return
	}
	if account, ours := r.accounts[t.value]; ours {
		r.add(reference{of: account, old: t.value, delimiter: "/", name: 1, namespace: 0}, place{in: in, path: t.path()})
		return
	}
	if parts := principal.FindStringSubmatch(t.value); parts != nil && r.domains[parts[2]] {
		if account, ours := r.accounts[parts[3]+"/"+parts[4]]; ours {
			namespace := 2
			if parts[1] != "" {
				namespace = 4 // "spiffe:" and "" come first
			}
			r.add(reference{of: account, old: t.value, delimiter: "/", name: namespace + 2, namespace: namespace}, place{in: in, path: t.path()})
		}
		return
	}
	if namespace, host, found := strings.Cut(t.value, "/"); found && in.kind == "Sidecar" { // egress hosts: namespace/host
		if service, ours := r.services[host]; ours {
			r.add(reference{of: service, old: host, delimiter: ".", name: 0, namespace: 1}, place{in: in, path: t.path(), part: "/", index: 1})
		}
		r.meetNamespace(namespace, place{in: in, path: t.list + ".[=^" + quoted(namespace) + "/]", part: "/", index: 0})
	}
}

func (r *references) meetNamespace(name string, at place) {
	if inside, ours := r.namespaces[name]; ours {
		ref := r.ofNamespace[name]
		if ref == nil {
			ref = &reference{of: inside}
			r.ofNamespace[name] = ref
			r.spaces = append(r.spaces, ref)
		}
		ref.stands(at)
	}
}

func (r *references) add(ref reference, at place) {
	known := r.byText[ref.old]
	if known == nil {
		known = &ref
		known.annotation = remembered + strconv.Itoa(r.annotations[ref.of]+1)
		r.annotations[ref.of]++
		r.byText[ref.old] = known
		r.texts = append(r.texts, known)
	}
	known.stands(at)
}

func (ref *reference) stands(at place) {
	if !slices.Contains(ref.places, at) {
		ref.places = append(ref.places, at)
	}
}
