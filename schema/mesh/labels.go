package mesh

import (
	"maps"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// Labels that vmmesh derives, or that Istio reads.
const (
	labelApp               = "app"
	labelVersion           = "version"
	labelClass             = "class"
	classVM                = "vm"
	labelCanonicalName     = "service.istio.io/canonical-name"
	labelCanonicalRevision = "service.istio.io/canonical-revision"
	labelLocality          = "topology.istio.io/locality" // since 1.29: see [Release.LocalityLabel]
	labelOldLocality       = "istio-locality"
	labelTunnel            = "networking.istio.io/tunnel"
	labelTopology          = "topology.istio.io/"
	labelRegion            = "topology.kubernetes.io/region"
	labelZone              = "topology.kubernetes.io/zone"
	labelSubzone           = "topology.istio.io/subzone"
	labelTLSMode           = "security.istio.io/tlsMode"
	tlsModeDisabled        = "disabled"
	labelInjection         = "istio-injection"
	labelRevision          = "istio.io/rev"
)

// LabelNetwork says which network something is in, or leads into.
const LabelNetwork = "topology.istio.io/network"

// AnnotationHealthChecks makes istiod wait for a VM's own health report before it sends traffic there.
const AnnotationHealthChecks = "proxy.istio.io/health-checks-enabled"

// derivedLabel tells who decides a label that users may not write; "" for labels that are theirs.
func derivedLabel(key string) string {
	switch {
	case key == labelApp:
		return "it is the workload's name"
	case key == labelVersion:
		return "set `version` on the group"
	case key == labelClass:
		return "it is `vm` on every VM"
	case key == labelTunnel:
		return "set istio.dataplaneMode"
	case key == labelTLSMode:
		return "set `proxy: None` on the group, where its VMs have no sidecar"
	case key == LabelSpec:
		return "it is metadata.name of the spec"
	case key == LabelManagedBy:
		return "it is `vmmesh` on every object"
	case key == labelOldLocality, key == labelRegion, key == labelZone:
		return "set `locality` on the group or instance"
	case strings.HasPrefix(key, labelTopology):
		return "set `network` and `locality` on the group or instance"
	}
	return ""
}

// derivedAnnotation is derivedLabel for annotations.
func derivedAnnotation(key string) string {
	switch key {
	case "proxy.istio.io/config":
		return "set vm.proxyConfig"
	case AnnotationHealthChecks:
		return "set `probe` on the workload"
	case "istio.io/autoRegistrationGroup", "istio.io/workloadController", "istio.io/connectedAt", "istio.io/disconnectedAt":
		return "istiod writes it"
	case "sidecar.istio.io/autoRegistration":
		return "no Istio has it; set `registration: Auto` on the group"
	case "networking.istio.io/exportTo":
		return "set `exportTo` on the service"
	case "istio.io/dry-run":
		return "Istio refuses it on anything but an AuthorizationPolicy"
	}
	return ""
}

// labels checks what a user wrote as labels.
func (r *resolver) labels(labels map[string]string, at diag.Path, derived func(string) string) {
	for _, key := range sortedKeys(labels) {
		if r.key("label", key, at, derived) && !isLabelValue(labels[key]) {
			r.say(ruleLabel.At(at.Key(key), "%q is no label value", labels[key]).
				WithHelp("a label value has at most 63 letters, digits, '-', '_' and '.', and begins and ends with a letter or digit"))
		}
	}
}

// annotations checks what a user wrote as annotations; their values may be anything.
func (r *resolver) annotations(annotations map[string]string, at diag.Path, derived func(string) string) {
	for _, key := range sortedKeys(annotations) {
		r.key("annotation", key, at, derived)
	}
}

func (r *resolver) key(what, key string, at diag.Path, derived func(string) string) bool {
	if !isQualifiedKey(key) {
		r.say(ruleLabel.At(at.Key(key), "%q is no %s key", key, what).Key().
			WithHelp("a key is [prefix/]name: the name has at most 63 letters, digits, '-', '_' and '.', the prefix is a DNS name"))
		return false
	}
	if derived != nil {
		if why := derived(key); why != "" {
			r.say(ruleDerivedLabel.At(at.Key(key), "the %s %s cannot be set here", what, key).Key().WithHelp("%s", why))
			return false
		}
	}
	return true
}

// labelSet is the one label set of a group or an instance: the user's own, and over them what is derived. It stands on
// the WorkloadGroup, its entries and its VMs alike, since clients select by the entry's labels and policies by the VM's.
func labelSet(w *Workload, version, locality, localityKey string, users ...map[string]string) map[string]string {
	set := map[string]string{}
	for _, labels := range users {
		maps.Copy(set, labels)
	}
	set[labelApp] = w.Name
	set[labelClass] = classVM
	if version != "" {
		set[labelVersion] = version
	}
	// As istio: pkg/model/labels (CanonicalService) finds them.
	if set[labelCanonicalName] == "" {
		set[labelCanonicalName] = first(set["app.kubernetes.io/name"], w.Name)
	}
	if set[labelCanonicalRevision] == "" {
		set[labelCanonicalRevision] = first(set["app.kubernetes.io/version"], version, "latest")
	}
	if locality != "" {
		set[localityKey] = localityLabel(locality)
		for n, part := range strings.Split(locality, "/") {
			if n < len(localityParts) {
				set[localityParts[n]] = part
			}
		}
	}
	if w.Istio().Ambient {
		set[labelTunnel] = "http"
	}
	return set
}

// localityParts are the labels of a locality's parts, as a Node has them. istiod registers a VM by the one label of the whole,
// and knows it as a client by these alone: of the whole it takes the dots for part of the region's name
// (istio: pilot/pkg/xds/ads.go, localityFromProxyLabels).
var localityParts = []string{labelRegion, labelZone, labelSubzone}

// localityLabel writes a locality as a label's value, where dots stand for slashes
// (istio: pkg/model/proxy.go, GetLocalityLabel).
func localityLabel(locality string) string { return strings.ReplaceAll(locality, "/", ".") }

// locality checks a locality: region[/zone[/subzone]], in a form that survives being a label.
func (r *resolver) locality(s string, at diag.Path) {
	if s == "" {
		return
	}
	const form = "write region, region/zone or region/zone/subzone, such as us-west1/zone-a"
	parts := strings.Split(s, "/")
	switch {
	case len(parts) > 3 || slices.Contains(parts, ""):
		r.say(ruleLocality.At(at, "%q is no locality", s).WithHelp(form))
	case strings.Contains(s, "."):
		r.say(ruleLocality.At(at, "locality %q has a dot, which Istio reads as a slash", s).WithHelp(form))
	case !isLabelValue(localityLabel(s)):
		r.say(ruleLocality.At(at, "locality %q cannot be a label's value: %s", s, "at most 63 letters, digits, '-' and '_' in all").WithHelp(form))
	}
}

// Labels of every object's metadata, by which people and `kubectl apply --prune` find what is made from a spec.
const (
	LabelManagedBy = manifest.LabelManagedBy
	LabelSpec      = manifest.LabelSpec

	// ManagedBy is the value of LabelManagedBy.
	ManagedBy = "vmmesh"
)

// SpecAt is the spec that a path is in; the first one where it is in none.
func (m *Mesh) SpecAt(p diag.Path) *Spec {
	for p.Parent() != nil {
		p = p.Parent()
	}
	for _, s := range m.Specs {
		if s.At.Parent() == p {
			return s
		}
	}
	return m.Specs[0]
}

// includes tells whether set has every label of the selector.
func includes(set, selector map[string]string) bool {
	for key, value := range selector {
		if v, ok := set[key]; !ok || v != value {
			return false
		}
	}
	return true
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// Selects tells whether the service has VMs with these labels behind it.
func (s *Service) Selects(labels map[string]string) bool { return includes(labels, s.Selector) }
