package importer

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// finishGroup writes a group with its instances.
func (i *importer) finishGroup(w *workload, g *group) schema.Group {
	template := g.spec().GetTemplate()
	out := schema.Group{Name: g.name, Version: g.version, Labels: w.userLabels(g.labels, g.version, w.labels), Annotations: g.ownAnnotations(w)}
	network := networkOf(template.GetNetwork(), g.labels)
	out.Locality = localityOf(template.GetLocality(), g.labels)
	var weight uint32
	if g.from != nil {
		weight = template.GetWeight()
	} else {
		if g.config != nil {
			network = g.config.network
		}
		// Entries alone: what all of them have is the group's.
		network = common(network, g.entries, func(e *manifest.Workload) string { return networkOf(e.Network, e.Clients) })
		out.Locality = common(out.Locality, g.entries, func(e *manifest.Workload) string { return localityOf(entryOf(e).GetLocality(), e.Clients) })
		weight = common(weight, g.entries, func(e *manifest.Workload) uint32 { return e.Weight })
	}
	if network != i.istio.Network {
		out.Network = network
	}
	out.Weight = weightOf(weight, 0)
	listen := map[string]uint32{}
	for _, p := range w.ports {
		listen[p.name] = p.target
		if n := g.ports[p.name]; n != 0 && n != p.target {
			out.Ports = append(out.Ports, schema.PortOverride{Name: p.name, TargetPort: int(n)})
			listen[p.name] = n
		}
	}
	taken := map[string]bool{}
	for _, e := range g.entries {
		in := schema.Instance{Name: freeName(instanceName(e.Name, g.name), taken), Address: e.Address}
		taken[in.Name] = true
		if n := networkOf(e.Network, e.Clients); n != network {
			in.Network = n
		}
		if l := localityOf(entryOf(e).GetLocality(), e.Clients); l != out.Locality {
			in.Locality = l
		}
		in.Weight = weightOf(e.Weight, weight)
		in.Labels = w.userLabels(e.Clients, g.version, w.labels, out.Labels)
		for _, p := range w.ports {
			if n := e.Ports[p.name]; n != 0 && n != listen[p.name] {
				in.Ports = append(in.Ports, schema.PortOverride{Name: p.name, TargetPort: int(n)})
			}
		}
		if mesh.EntryName(g.name, in.Name) != e.Name {
			in.EntryName = e.Name
		}
		i.becomes(e.Resource, fate{identity: identity{kind: "WorkloadEntry", namespace: w.namespace, name: e.Name}})
		out.Instances = append(out.Instances, in)
	}
	if g.proxyless {
		out.Proxy = "None"
	}
	i.registration(w, g, &out)
	slices.SortFunc(out.Instances, func(a, b schema.Instance) int { return cmp.Compare(a.Name, b.Name) })
	out.VM = i.groupVM(w, g, listen)
	return out
}

// registration sets how a group's VMs come into the mesh.
func (i *importer) registration(w *workload, g *group, out *schema.Group) {
	switch {
	case len(g.entries) > 0 && len(g.auto) > 0:
		i.say(ruleNotExpressed.At(g.auto[0].Place("metadata", "name"), "istiod made %s for a VM that registered with the group %s, which has entries of its own too", g.auto[0], g.name).
			WithHelp("a group of a spec registers in one way: delete its written entries and import again, or list this VM among the instances"))
	case len(g.entries) > 0:
	case g.config != nil && !g.config.auto:
		if len(g.addresses) > 0 && g.from == nil {
			for n, address := range g.addresses {
				out.Instances = append(out.Instances, schema.Instance{Name: "vm" + strconv.Itoa(n+1), Address: address})
			}
			w.note("groups["+g.name+"].instances", "those that istioctl wrote files for; list the others too")
			return
		}
		fallthrough
	default:
		out.Registration = "Auto"
		if len(g.auto) == 0 && (g.config == nil || !g.config.auto) {
			w.note("groups["+g.name+"].registration", "no entry of its VMs is among the manifests, so they register by themselves; or list them as instances")
			if g.from != nil {
				i.alone = append(i.alone, g.from.Resource)
			}
		}
	}
}

// groupVM is how the group's VMs are set up: what istioctl wrote, and what annotations say of their proxy.
func (i *importer) groupVM(w *workload, g *group, listen map[string]uint32) *schema.VM {
	vm := &schema.VM{}
	if g.config != nil {
		var ports []string
		for _, n := range listen {
			ports = append(ports, strconv.FormatUint(uint64(n), 10))
		}
		vm = g.config.vm(ports)
	}
	if g.from != nil && g.config == nil && len(g.ports) == 0 && len(w.ports) > 0 {
		vm.Interception.IncludeInboundPorts = []string{"*"}
		w.note("groups["+g.name+"].vm", "as istioctl sets up the VMs of a group without ports: each port is captured; "+
			"without this line those of the workload are")
	}
	if g.from != nil {
		for _, annotations := range []map[string]string{g.from.Annotations, g.spec().GetMetadata().GetAnnotations()} {
			i.proxyConfig(g, annotations["proxy.istio.io/config"], vm)
		}
	}
	if vm.ProxyConfig == nil && len(vm.Env) == 0 && vm.DNS.Mode == "" && emptyInterception(&vm.Interception) {
		return nil
	}
	return vm
}

func emptyInterception(x *schema.Interception) bool {
	return x.Mode == "" && len(x.IncludeInboundPorts)+len(x.ExcludeInboundPorts)+len(x.IncludeOutboundIPRanges)+
		len(x.ExcludeOutboundIPRanges)+len(x.ExcludeOutboundPorts)+len(x.ExcludeInterfaces) == 0
}

// proxyConfig takes the settings that an annotation gives the proxy.
func (i *importer) proxyConfig(g *group, value string, vm *schema.VM) {
	if value == "" {
		return
	}
	at := g.from.Place("spec", "metadata", "annotations").Key("proxy.istio.io/config")
	if g.from.Annotations["proxy.istio.io/config"] == value {
		at = g.from.Place("metadata", "annotations").Key("proxy.istio.io/config")
	}
	documents, wrong := syntax.Read("proxy.istio.io/config", []byte(value))
	if len(documents) == 1 && !wrong.HasErrors() {
		p := &meshconfig.ProxyConfig{}
		if wrong = (manifest.Terms{}).Decode(documents[0].Root, p, at); !wrong.HasErrors() {
			if vm.ProxyConfig != nil {
				proto.Merge(vm.ProxyConfig, p)
			} else if !isEmpty(p) {
				vm.ProxyConfig = p
			}
			return
		}
	}
	i.say(ruleNotExpressed.At(at, "the annotation proxy.istio.io/config cannot be read as a ProxyConfig").
		WithHelp("write its settings into the group's vm.proxyConfig"))
}

// instanceName is an entry's name without that of its group, which a build puts in front.
func instanceName(entry, group string) string {
	if rest, found := strings.CutPrefix(entry, group+"-"); found && rest != "" && rest[0] != '-' && rest[0] != '.' {
		return rest
	}
	return entry
}

// common is what all entries have, else the value.
func common[T comparable](value T, entries []*manifest.Workload, of func(*manifest.Workload) T) T {
	var none T
	if value != none || len(entries) == 0 {
		return value
	}
	said := of(entries[0])
	for _, e := range entries {
		if of(e) != said {
			return none
		}
	}
	return said
}

// weightOf is a weight as a spec sets it, where it is not the one above.
func weightOf(weight, above uint32) *int {
	if weight == 0 || weight == above {
		return nil
	}
	n := int(weight)
	return &n
}

// localityOf is a locality: the field's, else the label's, in which dots replace slashes.
func localityOf(locality string, labels map[string]string) string {
	return first(locality, strings.ReplaceAll(first(labels["topology.istio.io/locality"], labels["istio-locality"]), ".", "/"))
}
