package manifests

import (
	"bytes"
	"strings"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Annotations of Argo CD and Flux; they mean nothing where neither runs.
const (
	syncOptions = "argocd.argoproj.io/sync-options"
	syncWave    = "argocd.argoproj.io/sync-wave"
	fluxPrune   = "kustomize.toolkit.fluxcd.io/prune"
	fluxVars    = "kustomize.toolkit.fluxcd.io/substitute"
)

// waves is the order in which Argo CD applies the kinds; it deletes in the opposite one. It begins a wave when all of
// the one before is healthy, so entries, whose health is that of VMs, come last: nothing waits for a VM that is down.
// Policy that selects VMs is there before the group that lets them register. Subsets come before routes to them, and
// mTLS modes after the DestinationRules by which clients learn to speak it.
var waves = map[string]string{
	"Namespace":             "-5",
	"ServiceAccount":        "-4",
	"Role":                  "-4",
	"RoleBinding":           "-4",
	"RequestAuthentication": "-3",
	"AuthorizationPolicy":   "-3",
	"Telemetry":             "-3",
	"Sidecar":               "-3",
	"WorkloadGroup":         "-2",
	"ConfigMap":             "-1",
	"Service":               "-1",
	"ServiceEntry":          "-1",
	"DestinationRule":       "0",
	"VirtualService":        "1",
	"PeerAuthentication":    "2",
	"WorkloadEntry":         "3",
}

// delivered adds what the GitOps tools in use have to know of an object, when all else of it is there. What the user
// says of the same things holds.
func delivered(g mesh.GitOps, o *manifest.Object) *manifest.Object {
	if g.ArgoCD {
		o.Annotations = with(map[string]string{syncWave: waves[o.Kind]}, o.Annotations)
	}
	if g.Flux && substitutable(o) {
		o.Annotations = with(map[string]string{fluxVars: "disabled"}, o.Annotations)
	}
	return o
}

// substitutable tells whether Flux's variable substitution would find something in an object: in all of its text it
// replaces ${…}, by nothing where that is not defined, and $$, by which a dollar is escaped there.
func substitutable(o *manifest.Object) bool {
	var enc manifest.Encoder
	enc.Object(o)
	return bytes.Contains(enc.Bytes(), []byte("${")) || bytes.Contains(enc.Bytes(), []byte("$$"))
}

// protected adds the annotations that keep GitOps tools from pruning what VMs depend on: a WorkloadGroup that goes takes
// every VM that registered in it along, by ownerReference (istio: pilot/pkg/autoregistration), and a ServiceAccount or
// Namespace the identities. Where Argo CD is in use it does not delete them together with their Application either.
// What the user says of pruning or deleting holds; other sync options stay beside ours.
func protected(protect, argoCD bool, annotations map[string]string) map[string]string {
	if !protect {
		return annotations
	}
	options := []string{"Prune=false"}
	if argoCD {
		options = append(options, "Delete=false")
	}
	own := annotations[syncOptions]
	all := []string{}
	if own != "" {
		all = append(all, own)
	}
	for _, option := range options {
		name, _, _ := strings.Cut(option, "=")
		if !strings.Contains(own, name+"=") {
			all = append(all, option)
		}
	}
	out := with(map[string]string{fluxPrune: "disabled"}, annotations)
	return with(out, map[string]string{syncOptions: strings.Join(all, ",")})
}
