// Package webhook is istiod's admission: what its validating webhook refuses of Istio's objects, beyond what their CRDs
// refuse (istio: pkg/config/validation). The functions take messages of istio.io/api and report by path, so that they
// serve the blocks of a spec and the objects of manifests alike.
//
// Where a check refuses more than istiod does, a comment says why. Warnings of the webhook are not repeated here.
package webhook

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"
	telemetry "istio.io/api/telemetry/v1alpha1"

	"google.golang.org/protobuf/proto"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// Check reports what istiod refuses to Say.
type Check struct{ Say func(diag.Diagnostic) }

// Object is one object of Istio's, as it is applied.
type Object struct {
	Kind, Namespace, Name string
	Labels, Annotations   map[string]string
	Spec                  proto.Message
	At                    diag.Path // its root
}

// Object checks a whole object. A kind that it does not have is passed over.
func (c Check) Object(o Object) {
	at := o.At.Key("spec")
	c.metadata(o)
	switch m := o.Spec.(type) {
	case *networking.DestinationRule:
		c.destinationRule(m, o.Namespace, at)
	case *networking.Gateway:
		c.gateway(m, o, at)
	case *networking.ServiceEntry:
		c.serviceEntry(m, o, at)
	case *networking.Sidecar:
		c.sidecarObject(m, at)
	case *networking.VirtualService:
		c.virtualService(m, o, at)
	case *networking.WorkloadEntry:
		c.workloadEntry(m, nil, true, at)
	case *networking.WorkloadGroup:
		c.workloadGroup(m, at)
	case *security.AuthorizationPolicy:
		c.authorizationPolicy(m, at)
	case *security.PeerAuthentication:
		c.peerAuthentication(m, at)
	case *security.RequestAuthentication:
		c.requestAuthentication(m, at)
	case *telemetry.Telemetry:
		c.telemetryObject(m, at)
	}
}

// metadata checks the annotations that istiod itself reads of any object.
func (c Check) metadata(o Object) {
	at := o.At.Key("metadata").Key("annotations")
	if value, set := o.Annotations["istio.io/dry-run"]; set {
		here := at.Key("istio.io/dry-run")
		policy, is := o.Spec.(*security.AuthorizationPolicy)
		_, err := strconv.ParseBool(value)
		switch {
		case !is:
			c.Say(Refused.At(here, "only an AuthorizationPolicy can have the annotation istio.io/dry-run").Key().
				WithHelp("remove the annotation"))
		case policy.Action != security.AuthorizationPolicy_ALLOW && policy.Action != security.AuthorizationPolicy_DENY:
			c.Say(Refused.At(here, "istio.io/dry-run is for the actions ALLOW and DENY, and this policy has %s", policy.Action).Key().
				WithHelp("remove the annotation, or change the action"))
		case err != nil:
			c.Say(Refused.At(here, "istio.io/dry-run must be true or false, not %q", value).WithHelp(`write "true" or "false"`))
		}
	}
	for _, key := range []string{"internal.istio.io/webhook-always-reject", "internal.istio.io/parents", "internal.istio.io/parent-namespace"} {
		if _, set := o.Annotations[key]; set {
			c.Say(Refused.At(at.Key(key), "the annotation %s is internal to istiod", key).Key().WithHelp("remove it"))
		}
	}
}

// refuse reports what no other rule is about.
func (c Check) refuse(at diag.Path, help, format string, args ...any) {
	d := Refused.At(at, format, args...)
	d.Help = help
	c.Say(d)
}

// sortedKeys lists the keys of a map in order, so that findings come in one order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// listed joins names for a message.
func listed(names []string) string { return strings.Join(names, ", ") }
