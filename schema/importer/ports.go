package importer

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// port is a port of a workload.
type port struct {
	name           string
	number, target uint32
	protocol       string // in upper case; "" is what its name says
}

// takePorts takes a Service's ports as the workload's; where that cannot be, it takes none, and says why.
func (w *workload) takePorts(v *manifest.ServiceView, s *service) (diag.Path, string) {
	var taken []*port
	for _, p := range v.Ports {
		q := &port{name: p.Name, number: p.Number, target: p.Target, protocol: strings.ToUpper(p.AppProtocol)}
		if q.target == 0 {
			q.target = w.listening(p.TargetName)
		}
		switch {
		case p.Protocol != "" && p.Protocol != "TCP":
			return p.At.Key("protocol"), "a spec has no " + p.Protocol + " ports"
		case p.Name == "" || !portName.MatchString(p.Name):
			return p.At, "a port of a spec has a name"
		case q.number == 0 || q.target == 0:
			return p.At, "no manifest has the port that VMs listen on"
		case q.protocol != "" && !mesh.Protocol(q.protocol).Carried():
			return p.At.Key("appProtocol"), "a spec knows no protocol " + p.AppProtocol
		}
		if reason := w.clash(q, taken); reason != "" {
			return p.At, reason
		}
		taken = append(taken, q)
	}
	if len(taken) == 0 {
		return v.Place("spec"), "it lacks ports"
	}
	for _, q := range taken {
		w.addPort(q)
		s.ports = append(s.ports, q.name)
	}
	return nil, ""
}

// namedTarget finds a port that names the one behind it: pods may have another under that name than VMs.
func namedTarget(v *manifest.ServiceView) (diag.Path, string) {
	for _, p := range v.Ports {
		if p.TargetName != "" {
			return p.At.Key("targetPort"), "pods serve it too, and a Service of a spec has the number that VMs have under " + p.TargetName
		}
	}
	return nil, ""
}

// listening is the first port that VMs have under a name; 0 where they have none.
func (w *workload) listening(name string) uint32 {
	for _, g := range w.groups {
		for _, set := range g.portSets() {
			if n := set[name]; n != 0 {
				return n
			}
		}
	}
	return 0
}

// clash returns why a port cannot be one of the workload's next to those that it has, and to the service's own: a number is
// unique within a service only. It returns "" where it can, or is one already.
func (w *workload) clash(p *port, own []*port) string {
	others := slices.Concat(w.portsAt[p.target], own)
	if q := w.portNamed[p.name]; q != nil {
		others = append(others, q)
	}
	for _, q := range others {
		switch {
		case q.name == p.name && (q.number != p.number || q.target != p.target || q.said() != p.said()):
			return "another service has other numbers for the port " + p.name + ", and a port of a spec is the same for all"
		case q.name != p.name && q.target == p.target && q.said() != "" && p.said() != "" &&
			mesh.Protocol(q.said()).IsHTTP() != mesh.Protocol(p.said()).IsHTTP():
			return "the ports " + q.name + " and " + p.name + " lead to one port of the VMs with two protocols"
		}
	}
	for _, q := range own {
		if q.name != p.name && q.number == p.number {
			return "its ports " + q.name + " and " + p.name + " have one number"
		}
	}
	return ""
}

// said is the port's protocol, be it in its name only.
func (p *port) said() string { return first(p.protocol, nameProtocol(p.name)) }

// nameProtocol returns the protocol that a port's name begins with; "" for none.
func nameProtocol(name string) string { return string(mesh.ProtocolOf("", name)) }

func (w *workload) addPort(p *port) {
	if q := w.portNamed[p.name]; q != nil {
		or(&q.protocol, p.protocol)
		return
	}
	if w.portNamed == nil {
		w.portNamed, w.portsAt = map[string]*port{}, map[uint32][]*port{}
	}
	w.ports = append(w.ports, p)
	w.portNamed[p.name] = p
	w.portsAt[p.target] = append(w.portsAt[p.target], p)
}

// sidecarPorts are those at which nothing but the sidecar, or SSH, listens on a VM: a spec refuses them.
var sidecarPorts = map[uint32]bool{
	22: true, 15000: true, 15001: true, 15004: true, 15006: true, 15008: true, 15020: true, 15021: true, 15053: true, 15090: true,
}

// findPorts adds the ports that VMs have and no service, and finds where VMs listen.
func (i *importer) findPorts() {
	for _, w := range i.workloads {
		for _, g := range w.groups {
			for _, set := range g.portSets() {
				for _, name := range sorted(set) {
					q := &port{name: name, number: set[name], target: set[name]}
					known := w.portNamed[name] != nil
					if sidecarPorts[q.target] || known || !portName.MatchString(name) || q.number == 0 || q.number > 65535 || len(w.ports) > 1000 {
						continue
					}
					// No service has this port, so what clients would dial is any free number.
					for slices.ContainsFunc(w.ports, func(p *port) bool { return p.number == q.number }) {
						q.number = q.number%65535 + 1
					}
					w.addPort(q)
				}
			}
		}
		slices.SortFunc(w.ports, func(a, b *port) int {
			return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.name, b.name))
		})
		w.targets = map[string][]uint32{}
		for _, p := range w.ports {
			for _, g := range w.groups {
				own := p.target
				if n := g.ports[p.name]; n != 0 {
					own = n
				}
				if len(g.entries) == 0 || len(g.auto) > 0 {
					w.targets[p.name] = append(w.targets[p.name], own)
				}
				for _, set := range g.portSets() {
					if n := set[p.name]; n != 0 {
						w.targets[p.name] = append(w.targets[p.name], n)
					}
				}
				w.targets[p.name] = append(w.targets[p.name], own)
			}
			slices.Sort(w.targets[p.name])
			w.targets[p.name] = slices.Compact(w.targets[p.name])
		}
	}
}
