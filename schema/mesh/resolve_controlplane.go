package mesh

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// controlPlane resolves what the file emits outside its workloads' namespaces, as far as the file alone says it.
func (r *resolver) controlPlane(s *schema.Spec, spec *Spec) *ControlPlane {
	in := s.ControlPlane
	if in == nil {
		return nil
	}
	g := &in.EastWestGateway
	out := &ControlPlane{
		createsNamespaces: isTrue(s.Namespaces.Create),
		At:                in.At, Spec: spec, Install: in.Install, MeshConfig: in.MeshConfig, NetworkLabel: in.NetworkLabel == "Auto" && spec.Istio.Network != "",
		EastWestGateway: EastWestGateway{
			At: g.At, Name: g.Name, Namespace: g.Namespace, Selector: g.Selector, Deployment: g.Deployment,
			ServiceType: g.Service.Type, ServiceAnnotations: g.Service.Annotations, LoadBalancerClass: g.Service.LoadBalancerClass,
			LoadBalancerSourceRanges: r.prefixes(g.Service.LoadBalancerSourceRanges, g.Service.At.Key("loadBalancerSourceRanges")),
			ExternalIPs:              r.externalIPs(g.Service.ExternalIPs, g.Service.At.Key("externalIPs"), spec.Istio),
			ExposeIstiod:             isTrue(g.ExposeIstiod),
			ExposeServices:           g.ExposeServices == "Always",
			ExposeWebhook:            g.ExposeWebhook,
			auto:                     g.ExposeServices == "Auto",
		},
	}
	if len(out.EastWestGateway.Selector) == 0 {
		out.EastWestGateway.Selector = map[string]string{"istio": strings.TrimPrefix(g.Name, "istio-")}
	}
	r.annotations(g.Service.Annotations, g.Service.At.Key("annotations"), nil)
	if g.Deployment == "Injected" && in.Install != "None" {
		r.say(ruleMisfit.At(g.At.Key("deployment"), "deployment: Injected beside install: %s, which brings the gateway itself", in.Install).
			WithHelp("drop one of the two"))
	}
	r.meshConfig(in.MeshConfig, in.At.Key("meshConfig"), spec.Istio)
	return out
}

func (r *resolver) externalIPs(list []string, at diag.Path, i *Istio) []netip.Addr {
	for n, a := range list {
		r.offCluster(a, at.Item(n, ""), i)
	}
	return r.addressList(list, at)
}

// meshConfig says what contradicts the facts that the VMs' own files are made from.
func (r *resolver) meshConfig(c *meshconfig.MeshConfig, at diag.Path, i *Istio) {
	inProxy := at.Key("defaultConfig")
	for _, f := range []struct {
		at                diag.Path
		value, fact, name string
	}{
		{at.Key("trustDomain"), c.GetTrustDomain(), i.TrustDomain, "istio.trustDomain"},
		{at.Key("rootNamespace"), c.GetRootNamespace(), i.Namespace, "istio.namespace"},
		{inProxy.Key("meshId"), c.GetDefaultConfig().GetMeshId(), i.MeshID, "istio.meshID"},
		{inProxy.Key("discoveryAddress"), c.GetDefaultConfig().GetDiscoveryAddress(), i.DiscoveryAddress, "istio.discoveryAddress"},
	} {
		if f.value == "" || f.value == f.fact {
			continue
		}
		r.say(ruleDerivedSetting.At(f.at, "%q contradicts %s, %q", f.value, f.name, f.fact).
			WithHelp("drop it here and set %s, from which the VMs' files are made too", f.name))
	}
}

// wholeControlPlane completes the control plane by what all specs of the build say.
func (r *resolver) wholeControlPlane() {
	r.sameNetworks()
	for _, s := range r.mesh.Specs {
		switch c := s.ControlPlane; {
		case c == nil:
		case r.mesh.ControlPlane != nil:
			r.say(ruleControlPlane.At(c.At, "controlPlane is %s already", place(r.mesh.ControlPlane.At, c.At)).Key().
				WithHelp("leave it in one spec, that of the platform, and drop it here"))
		default:
			r.mesh.ControlPlane = c
		}
	}
	c := r.mesh.ControlPlane
	if c == nil {
		return
	}
	c.Istiods = r.istiods()
	c.Remotes = r.remotes()
	g := &c.EastWestGateway
	istio := c.Spec.Istio
	others := slices.ContainsFunc(r.mesh.Specs, func(s *Spec) bool { return len(s.Networks) > 0 })
	g.ExposeServices = g.ExposeServices || g.auto && others && istio.Network != ""
	if g.ExposeServices {
		if istio.Network == "" {
			r.say(ruleMissingSetting.At(istio.At, "istio.network is missing: exposeServices: Always opens the way into a network that has no name").
				WithHelp("add `network: <name>`, the cluster's own, by which istiod and others find its gateway"))
		}
		g.Network = istio.Network
		g.ServiceHosts = r.passedHosts(istio)
	}
	r.exposedCA(c)
	r.gatewayService(c)
	r.claimControlPlane(c)
	r.systemNamespace(c)
}

// sameNetworks holds specs of one build to one description of a network: istiod knows each once.
func (r *resolver) sameNetworks() {
	known := map[string]*Network{}
	for _, s := range r.mesh.Specs {
		for _, n := range s.Networks {
			other := known[n.Name]
			if other == nil {
				known[n.Name] = n
			} else if !slices.Equal(other.Gateways, n.Gateways) && !repeated(other.At, n.At) {
				r.say(ruleOneCluster.At(n.At, "the gateways of network %q are others than in %s", n.Name, place(other.At, n.At)).
					WithHelp("write the same gateways in every spec that names the network"))
			}
		}
	}
}

// istiods lists the control planes that are in use, with the names in their certificates and upstream's longer form of
// them (istio: samples/multicluster/expose-istiod-rev.yaml.tmpl; pilot/pkg/bootstrap/server.go, getDNSNames).
func (r *resolver) istiods() []Istiod {
	var out []Istiod
	for _, s := range r.mesh.Specs {
		i := s.Istio
		for _, v := range i.Revisions {
			n := slices.IndexFunc(out, func(o Istiod) bool { return o.Revision.Host == v.Host })
			if n < 0 {
				service := v.Host + "." + i.ClusterDomain
				n = len(out)
				out = append(out, Istiod{Revision: v, Names: []string{v.Host, service}, Service: service})
			}
			host, _, _ := strings.Cut(i.discovery(v), ":")
			if !slices.Contains(out[n].Names, host) {
				out[n].Names = append(out[n].Names, host)
			}
		}
	}
	slices.SortFunc(out, func(a, b Istiod) int { return cmp.Compare(a.Revision.Name, b.Revision.Name) })
	return out
}

// exposedCA finds the way to a CA other than istiod, which VMs reach where they reach istiod.
func (r *resolver) exposedCA(c *ControlPlane) {
	istio, g := c.Spec.Istio, &c.EastWestGateway
	host, number, found := strings.Cut(istio.CAAddress, ":")
	if !found || !g.ExposeIstiod {
		return
	}
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return // said already
	}
	ca := &GatewayCA{Port: uint32(port), Names: []string{host}, Service: host}
	if strings.HasSuffix(host, ".svc") {
		ca.Service = host + "." + istio.ClusterDomain
		ca.Names = append(ca.Names, ca.Service)
	}
	for _, taken := range g.Ports() {
		if taken.Number == ca.Port && ca.Port != PortIstiod {
			r.say(ruleMisfit.At(istio.At.Key("caAddress"), "the east-west gateway already uses port %d, for %s", port, taken.Name).
				WithHelp("let the CA's Service have another port, such as 443: VMs reach it through the gateway of istiod"))
			return
		}
	}
	for _, i := range c.Istiods {
		if ca.Port == PortIstiod && slices.Contains(i.Names, host) {
			return // istiod of another revision
		}
	}
	g.CA = ca
}

// mostAddresses is how many addresses a Gateway of the Gateway API may have (gateway-api: apis/v1/gateway_types.go).
const mostAddresses = 16

// remotes lists the gateways of other networks, those of one network and port together.
func (r *resolver) remotes() []RemoteGateways {
	var out []RemoteGateways
	seen := map[string]bool{}
	for _, s := range r.mesh.Specs {
		for _, n := range s.Networks {
			if seen[n.Name] {
				continue
			}
			seen[n.Name] = true
			byPort := map[uint32][]string{}
			for _, g := range n.Gateways {
				byPort[g.Port] = append(byPort[g.Port], g.Address)
			}
			for port, addresses := range byPort {
				out = append(out, RemoteGateways{Network: n.Name, Port: port, Addresses: addresses})
			}
		}
	}
	slices.SortFunc(out, func(a, b RemoteGateways) int {
		return cmp.Or(cmp.Compare(a.Network, b.Network), cmp.Compare(a.Port, b.Port))
	})
	return out
}

// passedHosts lists what the passthrough server takes: the cluster's own services, which *.local is for where the
// domain is as usual, and hosts of ServiceEntries whose VMs are in the cluster's network, which no wildcard is for.
func (r *resolver) passedHosts(i *Istio) []string {
	hosts := []string{"*.local"}
	if !strings.HasSuffix(i.ClusterDomain, ".local") {
		hosts = append(hosts, "*."+i.ClusterDomain)
	}
	covered := func(host string) bool {
		return slices.ContainsFunc(hosts[:min(len(hosts), 2)], func(wild string) bool { return strings.HasSuffix(host, wild[1:]) })
	}
	var more []string
	for _, w := range r.mesh.Workloads {
		here := slices.ContainsFunc(w.Groups, func(g *Group) bool {
			return g.Network == i.Network || slices.ContainsFunc(g.Instances, func(v *Instance) bool { return v.Network == i.Network })
		})
		for _, s := range w.Services {
			if !here || s.Kind != KindServiceEntry {
				continue
			}
			for _, h := range s.Hosts {
				if !covered(h.Name) {
					more = append(more, h.Name)
				}
			}
		}
	}
	slices.Sort(more)
	return append(hosts, slices.Compact(more)...)
}

// Names of what exposes istiod and services, as Istio's samples have them, so that whoever applied those gets them mended.
const (
	IstiodGateway       = "istiod-gateway"
	PassthroughGateway  = "cross-network-gateway"
	istiodVirtualServer = "istiod-vs"
)

// VirtualService is the name of what routes to the control plane.
func (i *Istiod) VirtualService() string {
	if i.Revision.Name == "" {
		return istiodVirtualServer
	}
	return istiodVirtualServer + "-" + i.Revision.Name
}

// claimControlPlane reserves the control plane's own objects, where a workload's could be of the same name.
func (r *resolver) claimControlPlane(c *ControlPlane) {
	g := &c.EastWestGateway
	if g.ExposeIstiod || g.ExposeWebhook {
		for _, i := range c.Istiods {
			r.claim("VirtualService", g.Namespace, i.VirtualService(), g.At)
		}
	}
	if g.CA != nil {
		r.claim("VirtualService", g.Namespace, g.CA.VirtualService(), g.At)
	}
	if g.Deployment != "Injected" {
		return
	}
	r.claim("Service", g.Namespace, g.Name, g.At)
	if other := r.accounts[g.Namespace+"/"+g.Name]; other != nil {
		r.say(ruleObjectClash.At(g.At, "the ServiceAccount %s/%s is emitted for %s already", g.Namespace, g.Name, place(other.At, g.At)).
			WithHelp("rename the gateway, or give the workload another serviceAccount: they would be one identity"))
		return
	}
	account := &ServiceAccount{At: g.At, Namespace: g.Namespace, Name: g.Name, Protect: c.Spec.GitOps.PruneProtection, GitOps: c.Spec.GitOps}
	r.mesh.ServiceAccounts = append(r.mesh.ServiceAccounts, account)
}

// systemNamespace puts the network's label on istiod's namespace. Whatever else the Namespace says is somebody else's.
func (r *resolver) systemNamespace(c *ControlPlane) {
	istio := c.Spec.Istio
	if c.NetworkLabel {
		n := r.ownNamespace(istio.Namespace, c)
		if v := n.Labels[LabelNetwork]; v != "" && v != istio.Network {
			r.say(ruleNamespaceConflict.At(n.At, "label %s of namespace %q: %s here, %s by istio.network", LabelNetwork, n.Name, v, istio.Network).
				WithHelp("drop the label: controlPlane.networkLabel writes it"))
		}
		n.System = true
		n.Labels[LabelNetwork] = istio.Network
	}
	if g := &c.EastWestGateway; c.Emitted() && g.Namespace != istio.Namespace && r.namespaces[g.Namespace] == nil && c.createsNamespaces {
		r.ownNamespace(g.Namespace, c)
	}
}

// ownNamespace is a Namespace that is emitted for the control plane's sake.
func (r *resolver) ownNamespace(name string, c *ControlPlane) *Namespace {
	n := r.namespaces[name]
	if n == nil {
		n = &Namespace{At: c.At, Name: name, Protect: c.Spec.GitOps.PruneProtection, GitOps: c.Spec.GitOps}
		r.namespaces[name] = n
		r.mesh.Namespaces = append(r.mesh.Namespaces, n)
	}
	if !n.Create {
		n.Create, n.Labels = true, map[string]string{}
	}
	return n
}
