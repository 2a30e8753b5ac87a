package controlplane

import (
	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

type baseValues struct {
	DefaultRevision string `json:"defaultRevision"`
	Global          global `json:"global"`
}

type istiodValues struct {
	Profile    string                 `json:"profile,omitempty"`
	Revision   string                 `json:"revision,omitempty"`
	MeshConfig *meshconfig.MeshConfig `json:"meshConfig"`
	Global     global                 `json:"global"`
}

type gatewayValues struct {
	Name     string            `json:"name"`
	Revision string            `json:"revision,omitempty"`
	Labels   map[string]string `json:"labels"`
	Env      map[string]string `json:"env,omitempty"`
	Service  service           `json:"service"`
	Scaling  scaling           `json:"autoscaling"`
	Budget   budget            `json:"podDisruptionBudget"`
}

type scaling struct {
	MinReplicas int `json:"minReplicas"`
}

type budget struct {
	MinAvailable int `json:"minAvailable"`
}

// helm makes values for Istio's charts. The gateway's ports are said one by one, and not by `networkGateway`, which
// brings that of the webhook along.
func helm(c *mesh.ControlPlane) []manifest.File {
	i := c.Spec.Istio
	name, rev := "istiod", revision(i)
	if rev != "" {
		name += "-" + rev
	}
	files := []manifest.File{
		file("base-values.yaml", command(i, "base", "istio-base", i.Namespace), &baseValues{
			DefaultRevision: first(rev, "default"), Global: global{IstioNamespace: i.Namespace},
		}),
		file("istiod-values.yaml", command(i, "istiod", name, i.Namespace), &istiodValues{
			Profile: profile(i), Revision: rev, MeshConfig: config(c), Global: globals(i),
		}),
	}
	g := &c.EastWestGateway
	if c.Emitted() {
		values := &gatewayValues{
			Name: g.Name, Revision: rev, Labels: labels(g), Service: serviceOf(g), Scaling: scaling{2}, Budget: budget{1},
		}
		values.Labels["istio.io/dataplane-mode"] = "none" // the chart's own, which labels here would take the place of
		values.Service.Annotations = g.ServiceAnnotations
		if g.Network != "" {
			values.Env = map[string]string{networkView: g.Network}
		}
		files = append(files, file("gateway-values.yaml", command(i, "gateway", g.Name, g.Namespace), values))
	}
	return files
}

// command heads a file of values with what takes it.
func command(i *mesh.Istio, chart, release, namespace string) string {
	more := ""
	if chart == "istiod" && i.Ambient {
		more = "# Ambient needs the charts cni and ztunnel beside it, of the same version, cni with `profile: ambient` too.\n"
	}
	return head("# Values for Istio's chart %s, version %s:\n#   helm upgrade --install %s istio/%s --version %s --namespace %s --create-namespace --values %s-values.yaml\n%s",
		chart, i.Release, release, chart, i.Release, namespace, chart, more)
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}
