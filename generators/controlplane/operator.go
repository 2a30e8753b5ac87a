package controlplane

import (
	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// operatorSpec is install.istio.io/v1alpha1 IstioOperatorSpec (istio: operator/pkg/apis/types.go).
type operatorSpec struct {
	Profile    string                 `json:"profile"`
	Revision   string                 `json:"revision,omitempty"`
	Namespace  string                 `json:"namespace"`
	MeshConfig *meshconfig.MeshConfig `json:"meshConfig"`
	Components *components            `json:"components,omitempty"`
	Values     operatorValues         `json:"values"`
}

type components struct {
	IngressGateways []ingressGateway `json:"ingressGateways"`
}

type ingressGateway struct {
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Enabled   bool              `json:"enabled"`
	Label     map[string]string `json:"label"`
	K8s       kubernetes        `json:"k8s"`
}

type kubernetes struct {
	Env                []manifest.EnvVar `json:"env,omitempty"`
	ServiceAnnotations map[string]string `json:"serviceAnnotations,omitempty"`
	Service            service           `json:"service"`
}

type operatorValues struct {
	Global   global    `json:"global"`
	Gateways *gateways `json:"gateways,omitempty"`
}

type gateways struct {
	Ingress ingressValues `json:"istio-ingressgateway"`
}

type ingressValues struct {
	InjectionTemplate string `json:"injectionTemplate"`
	AutoscaleMin      int    `json:"autoscaleMin"`
}

// operator makes the file for `istioctl install`. Its profile brings no gateway: the one here is the east-west gateway,
// injected as Istio's own script makes it (istio: samples/multicluster/gen-eastwest-gateway.sh).
func operator(c *mesh.ControlPlane) []manifest.File {
	i := c.Spec.Istio
	body := &operatorSpec{
		Profile: first(profile(i), "minimal"), Revision: revision(i), Namespace: i.Namespace, MeshConfig: config(c),
		Values: operatorValues{Global: globals(i)},
	}
	g := &c.EastWestGateway
	if c.Emitted() {
		gateway := ingressGateway{
			Name: g.Name, Namespace: g.Namespace, Enabled: true, Label: labels(g),
			K8s: kubernetes{Service: serviceOf(g), ServiceAnnotations: g.ServiceAnnotations},
		}
		if g.Network != "" {
			gateway.K8s.Env = []manifest.EnvVar{{Name: networkView, Value: g.Network}}
		}
		body.Components = &components{[]ingressGateway{gateway}}
		body.Values.Gateways = &gateways{ingressValues{"gateway", 2}}
	}
	return []manifest.File{file("istio-operator.yaml",
		head("# For istioctl %s, and for no cluster, which knows no such kind:\n#   istioctl install --filename istio-operator.yaml\n", i.Release),
		&manifest.Object{
			APIVersion: "install.istio.io/v1alpha1", Kind: "IstioOperator", Namespace: i.Namespace, Name: "istio",
			Body: []manifest.Field{{Name: "spec", Value: body}},
		})}
}
