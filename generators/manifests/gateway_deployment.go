package manifests

import (
	"iter"
	"maps"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// The east-west gateway itself, where it is to be made of objects: what Istio's chart `gateway` makes of it
// (istio: manifests/charts/gateway), with two replicas, since VMs have no other way in.

// own is the gateway that is made here; nil for none.
func own(m *mesh.Mesh) *mesh.EastWestGateway {
	if m.ControlPlane == nil || m.ControlPlane.EastWestGateway.Deployment != "Injected" {
		return nil
	}
	return &m.ControlPlane.EastWestGateway
}

// ofGateway makes one object of the gateway. It comes late: until an address is there nobody else waits for it, and
// before the entries, since their VMs report through it.
func ofGateway(m *mesh.Mesh, apiVersion, kind string, body ...manifest.Field) []*manifest.Object {
	g := own(m)
	if g == nil {
		return nil
	}
	return []*manifest.Object{delivered(m.ControlPlane.Spec.GitOps, &manifest.Object{
		APIVersion: apiVersion, Kind: kind, Namespace: g.Namespace, Name: g.Name, Labels: podLabels(g), Body: body, At: g.At,
	})}
}

// podLabels are what the gateway's pods are found by.
func podLabels(g *mesh.EastWestGateway) map[string]string {
	return with(map[string]string{"app": g.Name}, g.Selector)
}

// gatewayRole lets the gateway read the Secrets of its namespace: certificates of servers that end TLS.
func gatewayRole(m *mesh.Mesh) []*manifest.Object {
	return ofGateway(m, rbacVersion, "Role", manifest.Field{Name: "rules", Value: []manifest.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "watch", "list"}},
	}})
}

// gatewayBinding gives the gateway's identity its Role.
func gatewayBinding(m *mesh.Mesh) []*manifest.Object {
	g := own(m)
	if g == nil {
		return nil
	}
	return ofGateway(m, rbacVersion, "RoleBinding",
		manifest.Field{Name: "roleRef", Value: &manifest.RoleRef{APIGroup: rbacGroup, Kind: "Role", Name: g.Name}},
		manifest.Field{Name: "subjects", Value: []manifest.Subject{{Kind: "ServiceAccount", Name: g.Name, Namespace: g.Namespace}}},
	)
}

// gatewayService is what callers dial. With the network's label istiod takes it for the way into that network, which
// only a Service that has 15443 can be.
func gatewayService(m *mesh.Mesh) []*manifest.Object {
	g := own(m)
	if g == nil {
		return nil
	}
	c := m.ControlPlane
	body := &manifest.ServiceSpec{Type: g.ServiceType, LoadBalancerClass: g.LoadBalancerClass, Selector: podLabels(g)}
	for _, p := range g.LoadBalancerSourceRanges {
		body.LoadBalancerSourceRanges = append(body.LoadBalancerSourceRanges, p.String())
	}
	for _, a := range g.ExternalIPs {
		body.ExternalIPs = append(body.ExternalIPs, a.String())
	}
	for _, p := range g.Ports() {
		body.Ports = append(body.Ports, manifest.ServicePort{Name: p.Name, Port: int(p.Number), TargetPort: int(p.Target()), Protocol: "TCP"})
	}
	return []*manifest.Object{after(c, waves["Deployment"], &manifest.Object{
		APIVersion: "v1", Kind: "Service", Namespace: g.Namespace, Name: g.Name,
		Labels: inNetwork(g, podLabels(g)), Annotations: g.ServiceAnnotations, Body: spec(body), At: g.At,
	})}
}

// inNetwork adds the network that the gateway leads into.
func inNetwork(g *mesh.EastWestGateway, labels map[string]string) map[string]string {
	if g.Network == "" {
		return labels
	}
	return with(labels, map[string]string{mesh.LabelNetwork: g.Network})
}

// Deployments makes the gateway's pods, which istiod's injector completes: template `gateway`, image `auto`.
func Deployments(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	g := own(m)
	if g == nil {
		return byName()
	}
	labels := map[string]string{"app.kubernetes.io/name": g.Name}
	maps.Copy(labels, podLabels(g))
	labels["sidecar.istio.io/inject"] = "true"
	labels["istio.io/dataplane-mode"] = "none" // ztunnel takes no gateways in
	if rev := m.ControlPlane.Spec.Istio.Revision.Name; rev != "" {
		labels["istio.io/rev"] = rev
	}
	proxy := manifest.Container{
		Name: "istio-proxy", Image: "auto",
		Ports: []manifest.ContainerPort{{Name: "http-envoy-prom", ContainerPort: 15090, Protocol: "TCP"}},
		Resources: &manifest.Resources{
			Requests: map[string]string{"cpu": "100m", "memory": "128Mi"}, Limits: map[string]string{"cpu": "2000m", "memory": "1024Mi"},
		},
		SecurityContext: &manifest.SecurityContext{Capabilities: manifest.Capabilities{Drop: []string{"ALL"}}, ReadOnlyRootFilesystem: true, RunAsNonRoot: true},
	}
	if g.Network != "" { // it sees endpoints of its own network alone, and sends traffic to no other gateway
		proxy.Env = []manifest.EnvVar{{Name: "ISTIO_META_REQUESTED_NETWORK_VIEW", Value: g.Network}}
	}
	return byName(ofGateway(m, "apps/v1", "Deployment", manifest.Field{Name: "spec", Value: &manifest.DeploymentSpec{
		Selector: manifest.LabelSelector{MatchLabels: podLabels(g)},
		Template: manifest.PodTemplateSpec{
			Metadata: manifest.PodMetadata{Labels: inNetwork(g, labels), Annotations: map[string]string{
				"inject.istio.io/templates": "gateway",
				"prometheus.io/path":        "/stats/prometheus",
				"prometheus.io/port":        "15020",
				"prometheus.io/scrape":      "true",
				"sidecar.istio.io/inject":   "true",
			}},
			Spec: manifest.PodSpec{
				ServiceAccountName: g.Name, Containers: []manifest.Container{proxy},
				TopologySpreadConstraints: []manifest.TopologySpreadConstraint{{
					MaxSkew: 1, TopologyKey: "kubernetes.io/hostname", WhenUnsatisfiable: "ScheduleAnyway",
					LabelSelector: manifest.LabelSelector{MatchLabels: podLabels(g)},
				}},
			},
		},
	}}))
}

// Autoscalers sizes the gateway.
func Autoscalers(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	g := own(m)
	if g == nil {
		return byName()
	}
	return byName(ofGateway(m, "autoscaling/v2", "HorizontalPodAutoscaler", manifest.Field{Name: "spec", Value: &manifest.AutoscalerSpec{
		ScaleTargetRef: manifest.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: g.Name},
		MinReplicas:    2, MaxReplicas: 5,
		Metrics: []manifest.MetricSpec{{Type: "Resource", Resource: manifest.ResourceMetric{
			Name: "cpu", Target: manifest.MetricTarget{Type: "Utilization", AverageUtilization: 80},
		}}},
	}}))
}

// DisruptionBudgets keeps one of the gateway's pods when nodes are drained.
func DisruptionBudgets(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	g := own(m)
	if g == nil {
		return byName()
	}
	return byName(ofGateway(m, "policy/v1", "PodDisruptionBudget", manifest.Field{Name: "spec", Value: &manifest.DisruptionBudgetSpec{
		MinAvailable: 1, Selector: manifest.LabelSelector{MatchLabels: podLabels(g)},
	}}))
}
