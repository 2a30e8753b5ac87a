package lint

import (
	"strings"
	"unicode"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// A set of manifests is seldom all that a cluster holds: a reference to something that is not among them is not a fault by
// itself. It is a fault where the set shows what became of the thing: it was renamed or moved and the reference was
// not, as overlays do to fields that they do not know, or its name was misspelled.

// reference is a mention of an object by another one.
type reference struct {
	from            *manifest.Resource
	group, kind     string
	namespace, name string
	// own tells that what is meant belongs to the referring object, so that it is meant to be in its namespace. Names
	// such as web or default are in many namespaces: without this, one of them is not a trace of another.
	own bool
}

// lost finds the object that is intended by a reference to something that is not there. What happened to it is in words:
// "was renamed". It is nil where the set does not show it.
func lost(s *manifest.Set, ref reference) (meant *manifest.Resource, fate string) {
	if r := renamed(s, ref, ref.namespace); r != nil {
		return r, "was renamed"
	}
	if own := ref.from.Namespace; ref.own && own != ref.namespace && !s.Holds(ref.namespace) {
		if r := s.Find(ref.group, ref.kind, own, ref.name); r != nil {
			return r, "was moved to namespace " + spokenNamespace(own)
		}
		if r := renamed(s, ref, own); r != nil {
			return r, "was renamed and moved to namespace " + spokenNamespace(own)
		}
	}
	return misspelled(s, ref)
}

// renamed finds an object that got a prefix or suffix which the referring object has too. Of what is not the referring
// object's own, which may well be in other manifests, all objects of the kind must have it.
func renamed(s *manifest.Set, ref reference, namespace string) *manifest.Resource {
	own := ref.from.Name
	for i := range own {
		if i == 0 {
			continue
		}
		for _, affix := range [][2]string{{own[:i], ""}, {"", own[i:]}} {
			r := s.Find(ref.group, ref.kind, namespace, affix[0]+ref.name+affix[1])
			if r != nil && (ref.own || everyHas(s, r, affix)) {
				return r
			}
		}
	}
	return nil
}

// everyHas reports whether all objects of a kind and namespace have a prefix or suffix, as an overlay leaves them. Where
// one has not, it is a part of names that people gave: shop-web is not what became of web.
func everyHas(s *manifest.Set, like *manifest.Resource, affix [2]string) bool {
	for _, r := range s.OfKind(like.Group, like.Kind) {
		if r.Namespace == like.Namespace && r.Name != everyNamespaces &&
			(!strings.HasPrefix(r.Name, affix[0]) || !strings.HasSuffix(r.Name, affix[1])) {
			return false
		}
	}
	return true
}

// few is how many names may be searched for one that is near.
const few = 500

// nearly is the fate of an object that was never renamed: whoever referred to it misspelled its name.
const nearly = "has nearly that name"

// misspelled finds an object whose name a slip of the hand away is the one that was written. Short names are near each
// other by nature, and so are numbered ones; and among very many names one is always near.
func misspelled(s *manifest.Set, ref reference) (*manifest.Resource, string) {
	all := s.OfKind(ref.group, ref.kind)
	if len(ref.name) < 6 || len(all) > few {
		return nil, ""
	}
	var names []string
	for _, r := range all {
		if r.Namespace == ref.namespace && slip(ref.name, r.Name) {
			names = append(names, r.Name)
		}
	}
	if near := diag.Nearest(ref.name, names); near != "" {
		return s.Find(ref.group, ref.kind, ref.namespace, near), nearly
	}
	return nil, ""
}

// slip reports whether one name may be another one misspelled. Names that are alike but for a number, or but for a short word
// (payment-api, payment-app), are those of different things.
func slip(written, name string) bool {
	if withoutDigits(written) == withoutDigits(name) {
		return false
	}
	is := func(r rune) bool { return r == '-' || r == '.' }
	a, b := strings.FieldsFunc(written, is), strings.FieldsFunc(name, is)
	if len(a) != len(b) {
		return strings.Join(a, "") == strings.Join(b, "") // a hyphen is missing
	}
	const long = 5
	for i := range a {
		if a[i] != b[i] && (len(a[i]) < long || len(b[i]) < long || diag.Nearest(a[i], []string{b[i]}) == "") {
			return false
		}
	}
	return true
}

func withoutDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, s)
}

func spokenNamespace(name string) string {
	if name == "" {
		return `""`
	}
	return name
}

// How an overlay over the tree that vmmesh build writes keeps names together.
const (
	accountHelp = "an overlay that renames ServiceAccounts must change this field too: keep `configurations: [kustomizeconfig.yaml]`, which vmmesh build writes"
	hostHelp    = "an overlay that renames or moves Services must change hosts too: give it `transformers: [<tree>/overlay]`, which vmmesh build writes"
)

// meshHost is a host of Istio's: of a Kubernetes Service, or another one.
type meshHost struct {
	text            string // as clients know it; a Service's without the cluster's domain
	namespace, name string // of the Service; "" for another host
}

// hostOf reads a host that an object in a namespace names. A name without dots is a Service of that namespace.
func hostOf(host, namespace string) meshHost {
	if !strings.Contains(host, ".") {
		if host == "*" || host == "" {
			return meshHost{text: host}
		}
		return meshHost{host + "." + namespace + ".svc", namespace, host}
	}
	parts := strings.Split(host, ".")
	if len(parts) > 3 && parts[2] == "svc" && parts[0] != "*" {
		return meshHost{strings.Join(parts[:3], "."), parts[1], parts[0]}
	}
	return meshHost{text: host}
}

// service finds the Service of a host. One whose namespace is not written may be in any.
func service(s *manifest.Set, h meshHost) *manifest.ServiceView {
	if h.name == "" {
		return nil
	}
	if v := s.Service(h.namespace, h.name); v != nil {
		return v
	}
	return s.Service("", h.name)
}
