package fn

import "slices"

// madeKinds are the kinds of objects that builds make, with the API groups that each is in.
var madeKinds = map[string][]string{
	"AuthorizationPolicy":     {"security.istio.io"},
	"ConfigMap":               {""},
	"Deployment":              {"apps"},
	"DestinationRule":         {"networking.istio.io"},
	"Gateway":                 {"networking.istio.io", "gateway.networking.k8s.io"},
	"HorizontalPodAutoscaler": {"autoscaling"},
	"Namespace":               {""},
	"PeerAuthentication":      {"security.istio.io"},
	"PodDisruptionBudget":     {"policy"},
	"PrometheusRule":          {"monitoring.coreos.com"},
	"RequestAuthentication":   {"security.istio.io"},
	"Role":                    {"rbac.authorization.k8s.io"},
	"RoleBinding":             {"rbac.authorization.k8s.io"},
	"ScrapeConfig":            {"monitoring.coreos.com"},
	"Service":                 {""},
	"ServiceAccount":          {""},
	"ServiceEntry":            {"networking.istio.io"},
	"Sidecar":                 {"networking.istio.io"},
	"Telemetry":               {"telemetry.istio.io"},
	"VirtualService":          {"networking.istio.io"},
	"WorkloadEntry":           {"networking.istio.io"},
	"WorkloadGroup":           {"networking.istio.io"},
}

// Makes reports whether a build can make objects of this API group and kind. What says that vmmesh owns it and is of
// another kind was marked by someone else, and is never removed.
func Makes(group, kind string) bool { return slices.Contains(madeKinds[kind], group) }
