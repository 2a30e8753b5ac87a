package handbook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// overview is what stands before the sections: how to begin, and whose names they are.
func (p *page) overview() {
	p.line("# Runbook\n")
	p.line("What to do when a VM of this mesh is not well. Every command has the mesh's own names. Commands without the note `on the VM` are for")
	p.line("a workstation with `kubectl` and `istioctl`. Begin on the VM:")
	p.onVM("sudo bash /usr/local/lib/vmmesh/diagnose.sh")
	p.line("It names the section of this page for whatever is wrong, and exits with 0 (all is well), 1 (a warning), 2 (an error) or 3 (it could not")
	p.line("look); `--json` is for programs. It is the first answer to every alert. A VM whose user-data had no room for it (VM905) gets it from")
	p.line("its group's folder: `scp vms/<namespace>/<group>/diagnose.sh VM:`, then `sudo install diagnose.sh /usr/local/lib/vmmesh/`.\n")

	i := p.istio
	rows := [][]string{
		{"Istio", code(i.Release.String()) + " in namespace " + code(i.Namespace)},
		{"cluster, trust domain", code(i.ClusterName) + ", " + code(i.TrustDomain)},
	}
	for _, at := range p.istiods() {
		rows = append(rows, []string{at.what, code(at.server) + " at " + code(strings.Join(at.addresses, ", "))})
	}
	p.table([]string{"this mesh", ""}, rows, "")
	p.line("")

	groups, more := p.groups()
	rows = nil
	for _, g := range groups {
		least := "–"
		if g.MinHealthy > 0 {
			least = fmt.Sprint(g.MinHealthy)
		}
		rows = append(rows, []string{
			code(g.Workload.Namespace + "/" + g.Name), code(g.Workload.Name), code(g.Workload.ServiceAccount), registration(g),
			fmt.Sprint(len(g.Instances)), least, code(ports(g)), g.VM.Identity.Type, g.VM.Firewall.Backend,
		})
	}
	rest := ""
	if more > 0 {
		rest = "and " + number(more, "more group") + ", in the folders of `vms/`."
	}
	p.table([]string{"group", "workload", "service account", "registration", "VMs listed", "minimum", "ports", "identity", "firewall"}, rows, rest)
}

func registration(g *mesh.Group) string {
	if g.Auto {
		return "Auto"
	}
	return "Static"
}

// ports are where a group's VMs listen.
func ports(g *mesh.Group) string {
	var words []string
	for _, port := range g.Workload.Ports {
		words = append(words, fmt.Sprintf("%s %d", port.Name, g.Ports[port.Name]))
	}
	return strings.Join(words, ", ")
}

// istiod is a control plane as some VMs reach it.
type istiod struct {
	what      string // istiod, or CA for a server that signs certificates in its place
	server    string // host:port, as in its certificate
	addresses []string
}

// host and port of an istiod.
func (i istiod) split() (string, string) {
	host, port, _ := strings.Cut(i.server, ":")
	return host, port
}

// istiods are the control planes that the groups use, each once, sorted.
func (p *page) istiods() []istiod {
	var all []istiod
	for _, w := range p.mesh.Workloads {
		for _, g := range w.Groups {
			addresses := w.Spec.IstiodAddresses(g.Network)
			servers := []istiod{{"istiod", g.DiscoveryAddress(), addresses}}
			if ca := w.Istio().CAAddress; ca != "" {
				servers = append(servers, istiod{"CA", ca, addresses})
			}
			for _, one := range servers {
				if !slices.ContainsFunc(all, func(o istiod) bool { return o.server == one.server && slices.Equal(o.addresses, one.addresses) }) {
					all = append(all, one)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b istiod) int {
		key := func(i istiod) string { return strings.Join(append([]string{i.server}, i.addresses...), " ") }
		return cmp.Or(-strings.Compare(a.what, b.what), strings.Compare(key(a), key(b)))
	})
	return all
}

// uses tells whether any group's VMs are of a kind.
func (p *page) uses(of func(*mesh.VM) bool) bool {
	return slices.ContainsFunc(p.mesh.Workloads, func(w *mesh.Workload) bool {
		return slices.ContainsFunc(w.Groups, func(g *mesh.Group) bool { return of(g.VM) })
	})
}
