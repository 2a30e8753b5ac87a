package mesh

import (
	"slices"
	"strings"
)

// Emitted tells whether the gateway itself is made: by objects of ours, or by what installs the control plane.
func (c *ControlPlane) Emitted() bool {
	g := &c.EastWestGateway
	return g.Deployment == "Injected" || c.Install != "None" && (g.ExposeIstiod || g.ExposeServices || g.ExposeWebhook)
}

// gatewayService judges the Service in front of the gateway: others have to reach it, and Kubernetes to take it.
func (r *resolver) gatewayService(c *ControlPlane) {
	g := &c.EastWestGateway
	at := g.At.Key("service")
	load := g.ServiceType == "LoadBalancer"
	switch {
	case !c.Emitted():
		r.labels(g.Selector, g.At.Key("selector"), nil)
		if len(g.ServiceAnnotations)+len(g.LoadBalancerSourceRanges)+len(g.ExternalIPs) > 0 || g.LoadBalancerClass != "" || !load {
			r.say(ruleMisfit.At(at, "service says how the gateway's Service is, and nothing here makes one").Key().
				WithHelp("add `deployment: Injected`, or let `install` bring the gateway, or drop service"))
		}
		return
	case !g.ExposeIstiod && !g.ExposeServices && !g.ExposeWebhook:
		r.say(ruleMisfit.At(g.At.Key("deployment"), "deployment: Injected makes a gateway that exposes nothing").
			WithHelp("set exposeIstiod or exposeServices, or drop the deployment"))
		return
	}
	r.labels(g.Selector, g.At.Key("selector"), c.gatewayLabel)
	for _, f := range []struct {
		name string
		said bool
	}{{"loadBalancerClass", g.LoadBalancerClass != ""}, {"loadBalancerSourceRanges", len(g.LoadBalancerSourceRanges) > 0}} {
		if f.said && !load {
			r.say(ruleMisfit.At(at.Key(f.name), "%s beside type: %s, which has no load balancer", f.name, g.ServiceType).Key().
				WithHelp("drop it, or write `type: LoadBalancer`; Kubernetes refuses the two together"))
		}
	}
	if len(g.ExternalIPs) > 0 || load {
		return
	}
	const mend = "write `type: LoadBalancer`; or add `externalIPs`, at which nodes take its traffic, in clusters that have them"
	switch {
	case g.ServiceType == "ClusterIP":
		r.say(ruleGatewayAddress.At(at.Key("type"), "type: ClusterIP without externalIPs: the gateway has no address outside the cluster, where its callers are").WithHelp(mend))
	case g.ExposeServices && g.ServiceAnnotations[nodeAddresses] == "":
		r.say(ruleGatewayAddress.At(at.Key("type"), "type: NodePort without externalIPs: istiod finds no address for the gateway of network %q", g.Network).
			WithHelp("%s; or add the annotation %s, which makes nodes' addresses the gateway's", mend, nodeAddresses))
	}
}

// gatewayLabel tells who decides a label of the gateway's pods that users may not write where the pods are made here.
func (c *ControlPlane) gatewayLabel(key string) string {
	switch key {
	case labelRevision:
		return "set istio.revision"
	case LabelNetwork:
		return "set istio.network and exposeServices"
	case "sidecar.istio.io/inject", "istio.io/dataplane-mode":
		return "the gateway is injected, and ztunnel takes no gateways in"
	}
	prefix, _, _ := strings.Cut(key, "/")
	charts := []string{"app.kubernetes.io", "helm.sh", "operator.istio.io", "install.operator.istio.io", "release", "chart", "heritage"}
	if c.Install != "None" && slices.Contains(charts, prefix) {
		return "Istio's charts write it, and Kubernetes takes no label twice"
	}
	return ""
}

// nodeAddresses is the annotation by which istiod takes the addresses of nodes for those of a NodePort gateway
// (istio: pilot/pkg/serviceregistry/kube/controller/controller.go).
const nodeAddresses = "traffic.istio.io/nodeSelector"
