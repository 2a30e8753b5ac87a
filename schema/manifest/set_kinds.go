package manifest

import (
	"strconv"

	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"
	telemetry "istio.io/api/telemetry/v1alpha1"

	"google.golang.org/protobuf/proto"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// Istio's API groups.
const (
	NetworkingGroup = "networking.istio.io"
	SecurityGroup   = "security.istio.io"
	TelemetryGroup  = "telemetry.istio.io"
)

// istioKind is a kind of Istio's that a Set reads, with the versions that are served, newest first.
type istioKind struct {
	empty    func() proto.Message
	versions []string
}

func spec[T any, P interface {
	*T
	proto.Message
}]() proto.Message {
	return P(new(T))
}

var (
	networkingVersions = []string{"v1", "v1beta1", "v1alpha3"}
	securityVersions   = []string{"v1", "v1beta1"}
	telemetryVersions  = []string{"v1", "v1alpha1"}
)

var istioKinds = map[groupKind]istioKind{
	{NetworkingGroup, "DestinationRule"}: {spec[networking.DestinationRule], networkingVersions},
	{NetworkingGroup, "Gateway"}:         {spec[networking.Gateway], networkingVersions},
	{NetworkingGroup, "ServiceEntry"}:    {spec[networking.ServiceEntry], networkingVersions},
	{NetworkingGroup, "Sidecar"}:         {spec[networking.Sidecar], networkingVersions},
	{NetworkingGroup, "VirtualService"}:  {spec[networking.VirtualService], networkingVersions},
	{NetworkingGroup, "WorkloadEntry"}:   {spec[networking.WorkloadEntry], networkingVersions},
	{NetworkingGroup, "WorkloadGroup"}:   {spec[networking.WorkloadGroup], networkingVersions},

	{SecurityGroup, "AuthorizationPolicy"}:   {spec[security.AuthorizationPolicy], securityVersions},
	{SecurityGroup, "PeerAuthentication"}:    {spec[security.PeerAuthentication], securityVersions},
	{SecurityGroup, "RequestAuthentication"}: {spec[security.RequestAuthentication], securityVersions},

	{TelemetryGroup, "Telemetry"}: {spec[telemetry.Telemetry], telemetryVersions},
}

// coreKinds are the other kinds that a mesh is concerned with. Those with pods have where their pods' metadata is.
var coreKinds = map[groupKind][]string{
	{"", "Namespace"}:                  nil,
	{"", "Service"}:                    nil,
	{"", "ServiceAccount"}:             nil,
	{"", "Pod"}:                        {"metadata"},
	{"", "ReplicationController"}:      {"spec", "template", "metadata"},
	{"apps", "DaemonSet"}:              {"spec", "template", "metadata"},
	{"apps", "Deployment"}:             {"spec", "template", "metadata"},
	{"apps", "ReplicaSet"}:             {"spec", "template", "metadata"},
	{"apps", "StatefulSet"}:            {"spec", "template", "metadata"},
	{"argoproj.io", "Rollout"}:         {"spec", "template", "metadata"},
	{"batch", "CronJob"}:               {"spec", "jobTemplate", "spec", "template", "metadata"},
	{"batch", "Job"}:                   {"spec", "template", "metadata"},
	{"serving.knative.dev", "Service"}: {"spec", "template", "metadata"},
}

// otherKinds are kinds of Istio's groups that a Set does not read.
var otherKinds = map[string]bool{"EnvoyFilter": true, "ProxyConfig": true}

// specNeeded are the kinds whose CRD demands a spec.
var specNeeded = map[string]bool{"ServiceEntry": true, "WorkloadEntry": true, "WorkloadGroup": true}

// builtinGroups are the groups of Kubernetes' own kinds.
var builtinGroups = map[string]bool{
	"apps": true, "autoscaling": true, "batch": true, "extensions": true, "policy": true, "networking.k8s.io": true, "rbac.authorization.k8s.io": true,
}

// texts is a map of scalars as they were written; nil for anything else.
func texts(n *syntax.Node) map[string]string {
	if n == nil || n.Kind != syntax.Map || len(n.Fields) == 0 {
		return nil
	}
	m := make(map[string]string, len(n.Fields))
	for i := range n.Fields {
		m[n.Fields[i].Key] = n.Fields[i].Value.Text()
	}
	return m
}

func itoa(n int) string { return strconv.Itoa(n) }
