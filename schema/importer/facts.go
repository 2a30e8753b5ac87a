package importer

import (
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// anyVersion is the version that is assumed where one is needed and none is known.
const anyVersion = "1.31.1"

// anyNetwork is the name that is assumed for the cluster's own network where it is unknown.
const anyNetwork = "network-of-the-cluster"

// facts are those of the mesh that the VMs join.
type facts struct {
	schema.Istio
	networks []string // the other ones
	guessed  bool     // that the only network is the cluster's own
}

// release is the version, or the assumed one.
func (f *facts) release() mesh.Release {
	release, ok := mesh.ParseRelease(f.Version)
	if !ok {
		release, _ = mesh.ParseRelease(anyVersion)
	}
	return release
}

// domain is the cluster's domain.
func (f *facts) domain() string { return first(f.ClusterDomain, "cluster.local") }

// trust is the trust domain.
func (f *facts) trust() string { return first(f.TrustDomain, "cluster.local") }

// readFacts finds the facts: what the command line says, then the folders, then an IstioOperator, then what the objects
// show.
func (i *importer) readFacts(configs []*config) {
	o, f := i.options, &i.istio
	f.Version = o.IstioVersion
	f.IstiodAddresses = o.IstiodAddresses
	f.Namespace, f.Revision, f.MeshID, f.ClusterName = o.IstioNamespace, o.Revision, o.MeshID, o.ClusterName
	f.Network, f.TrustDomain, f.ClusterDomain = o.Network, o.TrustDomain, o.ClusterDomain
	for _, c := range configs {
		c.tell(f, len(o.IstiodAddresses) > 0)
	}
	for _, r := range i.set.OfKind("install.istio.io", "IstioOperator") {
		spec := r.Root.Get("spec")
		global := spec.Get("values").Get("global")
		or(&f.MeshID, global.Get("meshID").Text())
		or(&f.ClusterName, global.Get("multiCluster").Get("clusterName").Text())
		or(&f.Network, global.Get("network").Text())
		or(&f.TrustDomain, spec.Get("meshConfig").Get("trustDomain").Text())
		or(&f.Revision, spec.Get("revision").Text())
		or(&f.Namespace, spec.Get("namespace").Text())
		or(&f.Version, version(spec.Get("tag").Text()))
	}
	if n := i.set.Find("", "Namespace", "", first(f.Namespace, "istio-system")); n != nil {
		or(&f.Network, n.Labels["topology.istio.io/network"])
	}
	or(&f.ClusterDomain, i.findDomain())
	for _, field := range []*string{&f.TrustDomain, &f.ClusterDomain} { // defaults are left out
		if *field == "cluster.local" {
			*field = ""
		}
	}
	if f.Namespace == "istio-system" {
		f.Namespace = ""
	}
	if f.ClusterName == "Kubernetes" {
		f.ClusterName = ""
	}
	i.findNetworks(configs)
}

// version is a version that a spec may name, else "".
func version(s string) string {
	if _, ok := mesh.ParseRelease(s); ok {
		return s
	}
	return ""
}

// findDomain reads the cluster's domain off a host that is a Service's; "" where none shows one.
func (i *importer) findDomain() string {
	try := func(host string) string {
		name, rest, found := strings.Cut(host, ".")
		namespace, domain, full := strings.Cut(rest, ".svc.")
		if found && full && i.set.Service(namespace, name) != nil {
			return domain
		}
		return ""
	}
	for r := range manifest.Each[*networking.DestinationRule](i.set) {
		if domain := try(r.Spec.(*networking.DestinationRule).GetHost()); domain != "" {
			return domain
		}
	}
	for r := range manifest.Each[*networking.VirtualService](i.set) {
		for _, host := range r.Spec.(*networking.VirtualService).GetHosts() {
			if domain := try(host); domain != "" {
				return domain
			}
		}
	}
	return ""
}

// findNetworks tells the cluster's own network from the others that VMs are in.
func (i *importer) findNetworks(configs []*config) {
	f := &i.istio
	seen := map[string]bool{}
	none := false
	for _, space := range i.set.Namespaces() {
		for _, w := range space {
			if w.VM {
				n := networkOf(w.Network, w.Clients)
				seen[n] = true
				none = none || n == ""
			}
		}
	}
	for _, c := range configs {
		if c.network != "" {
			seen[c.network] = true
		}
	}
	delete(seen, "")
	if f.Network == "" && len(seen) == 1 && !none {
		f.Network, f.guessed = sorted(seen)[0], true
	}
	for _, n := range sorted(seen) {
		if n != f.Network {
			f.networks = append(f.networks, n)
		}
	}
}

// networkOf is a workload's network: the field's, or the label's, which older objects have instead.
func networkOf(network string, labels map[string]string) string {
	return first(network, labels["topology.istio.io/network"])
}

// block is the spec's istio block, with notes on what a person has to say or to check.
func (f *facts) block(n notes, workloads bool) schema.Istio {
	out := f.Istio
	if out.Version == "" {
		n["spec.istio.version"] = "TODO: the control plane's version, x.y.z, as `istioctl version` prints it: no manifest has it"
	}
	if len(out.IstiodAddresses) == 0 && workloads {
		n["spec.istio.istiodAddresses"] = "TODO: where VMs reach istiod, the east-west gateway's or a load balancer's IPs or one DNS name: no manifest has it"
	}
	if f.Network == "" && len(f.networks) > 0 {
		n["spec.istio.network"] = "TODO: the cluster's own network, as in the label topology.istio.io/network of istio-system: no manifest has it"
	}
	if f.guessed {
		n["spec.istio.network"] = "every VM is in this network; if it is not the cluster's own, name that one here and list this one in spec.networks"
	}
	return out
}

// tellMissing reports what is left for a person to fill in.
func (i *importer) tellMissing(at diag.Path) {
	f := &i.istio
	if at == nil {
		return
	}
	if f.Version == "" {
		i.say(ruleMissing.At(at, "no manifest has istio.version").WithHelp("add --istio-version x.y.z, the control plane's, or write it into the spec"))
	}
	if len(f.IstiodAddresses) == 0 && len(i.workloads) > 0 {
		i.say(ruleMissing.At(at, "no manifest has where VMs reach istiod").
			WithHelp("add --istiod-address, or name the folder that istioctl wrote for one of the VMs, whose hosts file has it"))
	}
	if f.Network == "" && len(f.networks) > 0 {
		i.say(ruleMissing.At(i.networkAt(at), "VMs are in %s, and no manifest has the cluster's own network", networkList(f.networks)).
			WithHelp("add --network with it; the spec takes all of these for others"))
	}
	if f.guessed {
		i.say(ruleDecide.At(i.networkAt(at), "every VM is in the network %q, and no manifest has it as the cluster's own", f.Network).
			WithHelp("if it is not, add --network with the cluster's own: pods and VMs then reach each other through gateways"))
	}
}

func networkList(names []string) string {
	if len(names) == 1 {
		return "the network " + names[0]
	}
	return "the networks " + listed(names)
}

// networkAt is the place of a VM's network.
func (i *importer) networkAt(otherwise diag.Path) diag.Path {
	for _, w := range i.workloads {
		for _, g := range w.groups {
			switch {
			case g.from != nil && g.from.Network != "":
				return g.from.Place("spec", "template", "network")
			case len(g.entries) > 0 && g.entries[0].Network != "":
				return g.entries[0].Place("spec", "network")
			}
		}
	}
	return otherwise
}

func or(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// addressList puts addresses in order, each once.
func addressList(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
