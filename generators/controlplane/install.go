// Package controlplane makes the files by which people install the control plane itself, with istioctl or Helm. They are
// no part of the applied tree: an IstioOperator is a file of istioctl's and no kind that a cluster knows.
package controlplane

import (
	"fmt"
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"
	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Install makes the file for istioctl, or the values for Helm, that lead to the mesh of the spec: its id, cluster,
// network, domains and revision, and the user's MeshConfig.
func Install(m *mesh.Mesh) iter.Seq[manifest.File] {
	var files []manifest.File
	if c := m.ControlPlane; c != nil {
		switch c.Install {
		case "IstioOperator":
			files = operator(c)
		case "Helm":
			files = helm(c)
		}
	}
	return slices.Values(files)
}

// file prints a value below a head of comments.
func file(name, head string, value any) manifest.File {
	var enc manifest.Encoder
	enc.Text(head)
	if o, ok := value.(*manifest.Object); ok {
		enc.Object(o)
	} else {
		enc.Value(value)
	}
	return manifest.File{Path: "control-plane/" + name, Mode: 0o644, Data: slices.Clone(enc.Bytes())}
}

// global is what all of Istio's charts call so (istio: manifests/charts/istio-control/istio-discovery/values.yaml).
type global struct {
	IstioNamespace string        `json:"istioNamespace"`
	MeshID         string        `json:"meshID,omitempty"`
	MultiCluster   *multiCluster `json:"multiCluster,omitempty"`
	Network        string        `json:"network,omitempty"`
	Proxy          *proxy        `json:"proxy,omitempty"`
}

type multiCluster struct {
	ClusterName string `json:"clusterName"`
}

type proxy struct {
	ClusterDomain string `json:"clusterDomain"`
}

func globals(i *mesh.Istio) global {
	return global{
		IstioNamespace: i.Namespace, MeshID: i.MeshID, MultiCluster: &multiCluster{i.ClusterName}, Network: i.Network, Proxy: &proxy{i.ClusterDomain},
	}
}

// config is the user's MeshConfig, and what the mesh's facts say of it. The charts make its other facts of their own
// values: the root namespace, the mesh's id and the discovery address.
func config(c *mesh.ControlPlane) *meshconfig.MeshConfig {
	out := &meshconfig.MeshConfig{}
	if c.MeshConfig != nil {
		out = proto.CloneOf(c.MeshConfig)
	}
	out.TrustDomain = c.Spec.Istio.TrustDomain
	return out
}

// revision is a control plane's name in values, where the default one has none.
func revision(i *mesh.Istio) string {
	if i.Revision.Name == "default" {
		return ""
	}
	return i.Revision.Name
}

// profile is the set of defaults that the data plane needs; Istio's charts have no other name for it.
func profile(i *mesh.Istio) string {
	if i.Ambient {
		return "ambient"
	}
	return ""
}

// labels are those of the gateway's pods, by which its Service and our Gateways find it.
func labels(g *mesh.EastWestGateway) map[string]string {
	out := map[string]string{"app": g.Name}
	for key, value := range g.Selector {
		out[key] = value
	}
	if g.Network != "" {
		out[mesh.LabelNetwork] = g.Network
	}
	return out
}

type servicePort struct {
	Name       string `json:"name"`
	Port       int    `json:"port"`
	TargetPort int    `json:"targetPort"`
	Protocol   string `json:"protocol"`
}

// service is a Service, as far as the charts and istioctl share its words.
type service struct {
	Type                     string            `json:"type"`
	Annotations              map[string]string `json:"annotations,omitempty"`
	LoadBalancerClass        string            `json:"loadBalancerClass,omitempty"`
	LoadBalancerSourceRanges []string          `json:"loadBalancerSourceRanges,omitempty"`
	ExternalIPs              []string          `json:"externalIPs,omitempty"`
	Ports                    []servicePort     `json:"ports"`
}

func serviceOf(g *mesh.EastWestGateway) service {
	s := service{Type: g.ServiceType, LoadBalancerClass: g.LoadBalancerClass}
	for _, p := range g.LoadBalancerSourceRanges {
		s.LoadBalancerSourceRanges = append(s.LoadBalancerSourceRanges, p.String())
	}
	for _, a := range g.ExternalIPs {
		s.ExternalIPs = append(s.ExternalIPs, a.String())
	}
	for _, p := range g.Ports() {
		s.Ports = append(s.Ports, servicePort{p.Name, int(p.Number), int(p.Target()), "TCP"})
	}
	return s
}

// networkView makes the gateway see endpoints of its own network alone: it sends traffic to no other gateway.
const networkView = "ISTIO_META_REQUESTED_NETWORK_VIEW"

func head(format string, args ...any) string { return fmt.Sprintf(format, args...) }
