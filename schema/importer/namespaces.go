package importer

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// HomeOf chooses the namespace of the objects that do not name one: the only namespace that other objects or VM files
// name, else default, as kubectl does. It is "" where every object has a namespace.
func HomeOf(set *manifest.Set, folders []Folder) string {
	unplaced := false
	named := map[string]bool{}
	for _, r := range set.All() {
		switch {
		case r.Group == "" && r.Kind == "Namespace":
			named[r.Name] = true
		case r.Namespace != "":
			named[r.Namespace] = true
		case Takes(r):
			unplaced = true
		}
	}
	for _, f := range folders {
		env, _ := readEnv(nil, f.Env)
		if ns := env["POD_NAMESPACE"]; ns != "" {
			named[ns] = true
		}
	}
	maps.DeleteFunc(named, func(ns string, _ bool) bool { return strings.HasPrefix(ns, "istio-") || strings.HasPrefix(ns, "kube-") })
	switch {
	case !unplaced:
		return ""
	case len(named) == 1:
		return sorted(named)[0]
	}
	return "default"
}

// tellHome reports the objects that do not name a namespace, once for all of them.
func (i *importer) tellHome() {
	var unplaced []*manifest.Resource
	for _, r := range i.set.All() {
		if Takes(r) && r.Kind != "Namespace" && r.Root.Get("metadata").Get("namespace").Text() == "" {
			unplaced = append(unplaced, r)
		}
	}
	if len(unplaced) == 0 {
		return
	}
	at := unplaced[0].Place("metadata", "name")
	i.guessedHome = i.options.Namespace == ""
	if i.options.Namespace != "" {
		d := ruleDecide.At(at, "%s without a namespace: the spec puts %s in %s, as --namespace has it",
			counted(len(unplaced), "object is", "objects are"), themOrIt(len(unplaced)), i.options.Namespace)
		d.Severity = diag.Info
		i.say(d)
		return
	}
	i.say(ruleDecide.At(at, "%s without a namespace: the spec puts %s in %q", counted(len(unplaced), "object is", "objects are"),
		themOrIt(len(unplaced)), i.set.Namespace).
		WithHelp("add -n with the namespace that they are applied to: in another one, a build makes each VM's endpoint a second time"))
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func themOrIt(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// space holds the settings of a namespace that a workload or an external service is in.
type space struct {
	name      string
	create    bool
	labels    map[string]string
	injection bool
	revision  string // by its label istio.io/rev
	mode      string // of its own PeerAuthentication
	protect   bool   // from pruning
	argocd    bool
	flux      bool
}

// findSpaces reads the settings of the namespaces.
func (i *importer) findSpaces() {
	for _, w := range i.workloads {
		i.space(w.namespace)
	}
	if i.istio.Revision == "" {
		revisions := map[string]bool{}
		for _, s := range i.spaces {
			if s.revision != "" {
				revisions[s.revision] = true
			}
		}
		if len(revisions) == 1 {
			i.istio.Revision = sorted(revisions)[0]
		}
	}
	for _, w := range i.workloads {
		for _, g := range w.groups {
			if g.labels["networking.istio.io/tunnel"] == "http" {
				i.istio.DataplaneMode = "Ambient"
			}
		}
	}
}

// space finds a namespace.
func (i *importer) space(name string) *space {
	if s := i.spaces[name]; s != nil {
		return s
	}
	s := &space{name: name}
	i.spaces[name] = s
	i.readDelivery(s)
	r := i.set.Find("", "Namespace", "", name)
	if r == nil || i.skip[r] || i.rootNamespace(name) { // Istio's own is the control plane's matter
		return s
	}
	s.create = true
	s.labels = maps.Clone(r.Labels)
	maps.DeleteFunc(s.labels, func(key, _ string) bool {
		return key == "kubernetes.io/metadata.name" || noise(key)
	})
	s.revision = s.labels["istio.io/rev"]
	switch {
	case s.labels["istio-injection"] == "enabled" && s.revision == "":
		s.injection = true
		delete(s.labels, "istio-injection")
	case s.revision != "" && s.labels["istio-injection"] == "":
		s.injection = true
		delete(s.labels, "istio.io/rev")
	}
	reason, key := "", ""
	for _, k := range sorted(r.Annotations) {
		if !noise(k) && !delivery(k) {
			reason, key = "a spec gives a Namespace no annotation "+k, "annotations"
		}
	}
	if fact := i.istio.Revision; s.injection && fact != "" && fact != s.revision {
		reason, key = "VMs connect to the revision "+fact+", and its pods are injected by another", "labels"
	}
	for _, k := range []string{"istio-injection", "istio.io/rev"} {
		if v := s.labels[k]; v != "" {
			reason, key = "a spec cannot express the label "+k+"="+v+" of a Namespace", "labels"
		}
	}
	if reason != "" {
		s.create, s.labels, s.injection = false, nil, false
		i.leaves(r, r.Place("metadata", key), reason, "the spec has `namespaces: {create: false}`; keep its manifest beside what the spec builds")
		return s
	}
	i.becomes(r, fate{identity: identity{kind: "Namespace", name: name}})
	return s
}

// readDelivery finds out what Argo CD and Flux are told of the namespace's objects.
func (i *importer) readDelivery(s *space) {
	if i.within == nil {
		i.within = map[string][]*manifest.Resource{}
		for _, r := range i.set.All() {
			ns := r.Namespace
			if r.Group == "" && r.Kind == "Namespace" {
				ns = r.Name
			}
			i.within[ns] = append(i.within[ns], r)
		}
	}
	only := !slices.ContainsFunc(i.within[s.name], func(r *manifest.Resource) bool { return r.Kind == "WorkloadGroup" || r.Kind == "ServiceAccount" })
	for _, r := range i.within[s.name] {
		switch r.Kind {
		case "WorkloadGroup", "ServiceAccount", "Namespace":
			if r.Kind == "Namespace" && !only {
				continue
			}
			if r.Annotations["kustomize.toolkit.fluxcd.io/prune"] == "disabled" || strings.Contains(r.Annotations["argocd.argoproj.io/sync-options"], "Prune=false") {
				s.protect = true
			}
			s.argocd = s.argocd || r.Annotations["argocd.argoproj.io/sync-wave"] != ""
		case "WorkloadEntry", "Service", "DestinationRule", "ServiceEntry":
			s.argocd = s.argocd || r.Annotations["argocd.argoproj.io/sync-wave"] != ""
		}
		s.flux = s.flux || Takes(r) && r.Annotations["kustomize.toolkit.fluxcd.io/substitute"] == "disabled"
	}
}

// namespaceMode takes the PeerAuthentication of a whole namespace.
func (i *importer) namespaceMode(r *manifest.Resource, p *security.PeerAuthentication) {
	mode := p.GetMtls().GetMode()
	s := i.spaces[r.Namespace]
	switch {
	case s == nil && !slices.ContainsFunc(i.externals, func(e *external) bool { return e.from.Namespace == r.Namespace }):
		return // no VM is in this namespace
	case len(p.GetPortLevelMtls()) > 0:
		i.leaves(r, r.Place("spec", "portLevelMtls"), "Istio takes no exceptions by port for a whole namespace", "")
	case mode == security.PeerAuthentication_MutualTLS_DISABLE:
		i.leaves(r, r.Place("spec", "mtls"), "a spec cannot express DISABLE of a whole namespace", "")
	case mode == security.PeerAuthentication_MutualTLS_UNSET:
		i.leaves(r, r.Place("spec"), "it sets nothing", "delete it")
	default:
		if s = i.space(r.Namespace); s.mode != "" {
			i.leaves(r, nil, "another PeerAuthentication is for the namespace, and Istio uses the older one", "delete this one")
			return
		}
		s.mode = mode.String()
		i.becomes(r, fate{identity: identity{kind: "PeerAuthentication", namespace: r.Namespace, name: "default"}})
	}
}

// findNamespaceModes makes sure of the namespaces of external services.
func (i *importer) findNamespaceModes() {
	for _, e := range i.externals {
		i.space(e.from.Namespace)
	}
}

// key is equal for namespaces that one spec can speak of.
func (s *space) key() string {
	words := []string{s.mode, yesNo(s.create), yesNo(s.injection), yesNo(s.protect), yesNo(s.argocd), yesNo(s.flux), ""}
	if s.injection {
		words[6] = s.revision
	}
	for _, k := range sorted(s.labels) {
		words = append(words, k+"="+s.labels[k])
	}
	return strings.Join(words, "\x00")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// block is what a spec sets for its namespaces; of several specs about one, the first speaks.
func (s *space) block(speaks bool) schema.Namespaces {
	var out schema.Namespaces
	if !speaks || !s.create {
		out.Create = new(bool)
	}
	if !speaks {
		return out
	}
	if len(s.labels) > 0 {
		out.Labels = s.labels
	}
	out.Injection = s.injection
	out.MTLS.Mode = s.mode
	return out
}
