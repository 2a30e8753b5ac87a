package graph

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// detail is how much of a mesh is drawn.
type detail int

const (
	instances  detail = iota // every VM
	groups                   // how many VMs a group has
	workloads                // how many groups and VMs a workload has; one host stands for its services
	namespaces               // how many workloads and VMs there are of a namespace in a network
	networks                 // how many there are in a network, of the first networks
)

// draw draws a mesh in as much detail as fits: its networks with their gateways, the control plane and what VMs dial of
// it, the services and the groups behind them, and who may call whom. The same mesh is always the same drawing.
func draw(m *mesh.Mesh, fits func(*drawing) bool) *drawing {
	for level := instances; ; level++ {
		d := drawAt(m, level)
		if level == networks || fits(d) {
			return d
		}
	}
}

func drawAt(m *mesh.Mesh, level detail) *drawing {
	d := &drawing{cut: level == networks}
	p := picture{drawing: d, mesh: m, level: level}
	p.read()
	p.networks()
	p.services()
	p.external()
	p.callers()
	p.ways()
	return d
}

// picture is a drawing of a mesh at one level of detail.
type picture struct {
	*drawing
	mesh  *mesh.Mesh
	level detail
	names []string // of networks that have VMs or gateways, the cluster's first
	more  int      // networks that are not drawn
	in    map[string][]member
	drawn map[string]bool // edges
}

// member is a group, with those of its VMs that are in one network.
type member struct {
	group     *mesh.Group
	instances []*mesh.Instance
}

// Names of things in a drawing.
func networkOf(name string) string        { return "network " + name }
func vmsOf(name string) string            { return "vms " + name }
func gatewayOf(name string, n int) string { return "gateway " + strconv.Itoa(n) + " " + name }
func groupOf(network string, g *mesh.Group) string {
	return "group " + network + " " + g.Workload.Namespace + "/" + g.Name
}
func workloadOf(network string, w *mesh.Workload) string {
	return "workload " + network + " " + w.Namespace + "/" + w.Name
}
func serviceOf(s *mesh.Service) string { return "service " + s.Workload.Namespace + "/" + s.Name }

const (
	pods     = "pods"
	istiod   = "istiod"
	ca       = "ca"
	eastWest = "eastwest"
)

// mostVMs is how many VMs of a group are drawn one by one; a larger group is one box with their number.
const mostVMs = 24

// mostNetworks is how many networks are drawn when there is no room for more of each than a number.
const mostNetworks = 40

func (p *picture) read() {
	p.in = map[string][]member{}
	for _, w := range p.mesh.Workloads {
		for _, g := range w.AllGroups() {
			by := map[string][]*mesh.Instance{}
			for _, i := range g.Instances {
				by[i.Network] = append(by[i.Network], i)
			}
			if g.Auto || len(by) == 0 {
				by[g.Network] = append(by[g.Network], nil...)
			}
			for _, network := range slices.Sorted(maps.Keys(by)) {
				p.in[network] = append(p.in[network], member{g, by[network]})
			}
		}
	}
	seen := maps.Clone(p.in)
	for _, s := range p.mesh.Specs {
		for _, n := range s.Networks {
			if len(n.Gateways) > 0 {
				seen[n.Name] = append(seen[n.Name], member{})
			}
		}
	}
	cluster := p.cluster().Network
	seen[cluster] = nil
	p.names = slices.SortedFunc(maps.Keys(seen), func(a, b string) int {
		if (a == cluster) != (b == cluster) {
			if a == cluster {
				return -1
			}
			return 1
		}
		return cmp.Compare(a, b)
	})
	if p.level == networks && len(p.names) > mostNetworks {
		p.more = len(p.names) - mostNetworks
		p.names = p.names[:mostNetworks]
	}
}

func (p *picture) cluster() *mesh.Istio { return p.mesh.Specs[0].Istio }

// networks draws each network: the cluster and its gateway in its own, gateways of others, and the VMs.
func (p *picture) networks() {
	cluster := p.cluster()
	for _, name := range p.names {
		title := "network " + name
		if name == "" {
			title = "one network"
		}
		p.open(networkOf(name), title)
		if name == cluster.Network {
			p.open("cluster", "cluster "+cluster.ClusterName)
			p.box(istiod, "[[", "]]", p.istiods()...)
			if cluster.CAAddress != "" {
				p.box(ca, "[[", "]]", "CA", cluster.CAAddress)
			}
			p.box(pods, "(", ")", "pods")
			if c := p.mesh.ControlPlane; c != nil {
				p.box(eastWest, "{{", "}}", "gateway", c.EastWestGateway.Namespace+"/"+c.EastWestGateway.Name)
			}
			p.close()
		}
		for n, w := range p.gateways(name) {
			p.box(gatewayOf(name, n), "{{", "}}", append([]string{"gateway of " + name}, endpoints(w.Addresses, w.Ports)...)...)
		}
		if members := p.in[name]; len(members) > 0 {
			p.open(vmsOf(name), "VMs")
			p.members(name, members)
			p.close()
		}
		p.close()
	}
	if p.more > 0 {
		p.box("more networks", "[", "]", counted(p.more, "more network"))
	}
}

func (p *picture) istiods() []string {
	lines := []string{"istiod"}
	seen := map[string]bool{}
	for _, s := range p.mesh.Specs {
		for _, v := range s.Istio.Revisions {
			line := v.Release.String()
			if v.Name != "" {
				line = "revision " + v.Name + ", " + line
			}
			if !seen[line] {
				seen[line] = true
				lines = append(lines, line)
			}
		}
	}
	if len(lines) > 6 {
		return append(lines[:5], counted(len(lines)-5, "more revision"))
	}
	return lines
}

// gateways are the ways into a network other than the cluster's, one for each port.
func (p *picture) gateways(name string) []mesh.Way {
	var out []mesh.Way
	for _, s := range p.mesh.Specs {
		for _, n := range s.Networks {
			if n.Name != name || len(out) > 0 {
				continue
			}
			for _, g := range n.Gateways {
				i := slices.IndexFunc(out, func(w mesh.Way) bool { return w.Ports[0] == g.Port })
				if i < 0 {
					i = len(out)
					out = append(out, mesh.Way{Ports: []uint32{g.Port}})
				}
				out[i].Addresses = append(out[i].Addresses, g.Address)
			}
		}
	}
	slices.SortFunc(out, func(a, b mesh.Way) int { return cmp.Compare(a.Ports[0], b.Ports[0]) })
	if p.level == networks {
		out = out[:min(len(out), 2)]
	}
	return out
}

// endpoints are addresses with their port, a few of them.
func endpoints(addresses []string, ports []uint32) []string {
	var lines []string
	for i, a := range addresses {
		if i == 3 && len(addresses) > 4 {
			return append(lines, strconv.Itoa(len(addresses)-i)+" more addresses")
		}
		for _, port := range ports {
			lines = append(lines, bracketed(a)+":"+strconv.Itoa(int(port)))
		}
	}
	return lines
}

// bracketed is an address or a host name, an IPv6 address in brackets.
func bracketed(address string) string {
	if strings.Contains(address, ":") {
		return "[" + address + "]"
	}
	return address
}

// members draws the VMs of a network.
func (p *picture) members(network string, list []member) {
	switch p.level {
	case instances, groups:
		for _, m := range list {
			p.group(network, m)
		}
	case workloads:
		for w, of := range chunks(list, func(m member) *mesh.Workload { return m.group.Workload }) {
			p.box(workloadOf(network, w), "[", "]", "workload "+w.Namespace+"/"+w.Name, size(of))
		}
	case namespaces:
		for ns, of := range chunks(list, func(m member) string { return m.group.Workload.Namespace }) {
			p.box("namespace "+network+" "+ns, "[", "]", "namespace "+ns, size(of))
		}
	case networks:
		p.box("all "+network, "[", "]", size(list))
	}
}

// chunks are the runs of members that share something.
func chunks[K comparable](list []member, key func(member) K) func(yield func(K, []member) bool) {
	return func(yield func(K, []member) bool) {
		for len(list) > 0 {
			k := key(list[0])
			n := slices.IndexFunc(list, func(m member) bool { return key(m) != k })
			if n < 0 {
				n = len(list)
			}
			if !yield(k, list[:n]) {
				return
			}
			list = list[n:]
		}
	}
}

// size counts what is summed up.
func size(list []member) string {
	seen := map[*mesh.Workload]bool{}
	vms, auto := 0, 0
	for _, m := range list {
		seen[m.group.Workload] = true
		vms += len(m.instances)
		if m.group.Auto {
			auto++
		}
	}
	words := []string{}
	if len(seen) > 1 {
		words = append(words, counted(len(seen), "workload"))
	}
	words = append(words, counted(len(list), "group"), counted(vms, "VM"))
	if auto > 0 {
		words = append(words, strconv.Itoa(auto)+" of them register by themselves")
	}
	return strings.Join(words, ", ")
}

// group draws a group, with its VMs where there is room for them.
func (p *picture) group(network string, m member) {
	g := m.group
	lines := []string{"group " + g.Workload.Namespace + "/" + g.Name}
	var facts []string
	if g.Version != "" {
		facts = append(facts, "version "+g.Version)
	}
	if g.Revision != g.Workload.Istio().Revision {
		facts = append(facts, "revision "+g.Revision.Name)
	}
	if g.Auto {
		facts = append(facts, "VMs register by themselves")
	}
	if len(facts) > 0 {
		lines = append(lines, strings.Join(facts, ", "))
	}
	if p.level == groups || len(m.instances) == 0 || len(m.instances) > mostVMs {
		if len(m.instances) > 0 {
			lines = append(lines, counted(len(m.instances), "VM"))
		}
		p.box(groupOf(network, g), "[", "]", lines...)
		return
	}
	p.open(groupOf(network, g), lines...)
	for _, i := range m.instances {
		address := bracketed(i.Address.String())
		if i.External.IsValid() {
			address += ", outside " + bracketed(i.External.String())
		}
		p.box("vm "+groupOf(network, g)+" "+i.Name, "[", "]", i.Name, address)
	}
	p.close()
}
