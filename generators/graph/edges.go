package graph

import (
	"slices"
	"strconv"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// services draws the hosts under which clients call workloads, and which groups are behind each.
func (p *picture) services() {
	if p.level > workloads {
		return
	}
	for _, w := range p.mesh.Workloads {
		for _, s := range w.Services {
			var lines []string
			for i, h := range s.Hosts {
				if i == 2 && len(s.Hosts) > 3 {
					lines = append(lines, counted(len(s.Hosts)-2, "more host"))
					break
				}
				lines = append(lines, h.Name)
			}
			var ports []string
			for _, port := range s.Ports {
				ports = append(ports, port.Name+" "+strconv.Itoa(int(port.Number)))
			}
			p.box(serviceOf(s), "([", "])", append(lines, some(ports, 4))...)
		}
	}
	for _, name := range p.names {
		for _, m := range p.in[name] {
			for _, s := range m.group.Workload.Services {
				if !s.Selects(m.group.Labels) && !slices.ContainsFunc(m.instances, func(i *mesh.Instance) bool { return s.Selects(i.Labels) }) {
					continue
				}
				to := groupOf(name, m.group)
				if p.level == workloads {
					to = workloadOf(name, m.group.Workload)
				}
				p.once(serviceOf(s), leads, to)
			}
		}
	}
	for _, w := range p.mesh.Workloads {
		for _, s := range w.Services {
			if s.Pods {
				p.edge(serviceOf(s), leads, pods)
			}
		}
	}
}

// once draws an edge that is not there yet.
func (p *picture) once(from string, a arrow, to string, lines ...string) {
	key := "edge " + from + string(a) + to + strings.Join(lines, "\n")
	if p.drawn == nil {
		p.drawn = map[string]bool{}
	}
	if !p.drawn[key] {
		p.drawn[key] = true
		p.edge(from, a, to, lines...)
	}
}

// external draws what VMs call outside the mesh.
func (p *picture) external() {
	if p.level > groups || len(p.mesh.ExternalServices) == 0 {
		return
	}
	p.open("outside", "outside the mesh")
	for _, e := range p.mesh.ExternalServices {
		p.box("external "+e.Namespace+"/"+e.Name, "[/", "/]", append([]string{e.Namespace + "/" + e.Name}, some(e.Entry.GetHosts(), 2))...)
	}
	p.close()
}

// gateway begins the name of a Gateway among the callers.
const gateway = "gateway "

// callers draws who may call whom: identities and what else a rule says of a caller, and the services they may call. A
// workload without a rule takes everyone.
func (p *picture) callers() {
	if p.level > workloads {
		return
	}
	type call struct {
		from string
		to   *mesh.Workload
		deny bool
		part string // the operations and conditions, where it is not for all
	}
	var names []string
	var all []call
	add := func(w *mesh.Workload, rules []*security.Rule, deny bool) {
		for _, rule := range rules {
			for _, who := range sources(rule, w) {
				names = append(names, who)
				if c := (call{who, w, deny, operations(rule)}); !slices.Contains(all[max(0, len(all)-50):], c) {
					all = append(all, c)
				}
			}
		}
	}
	for _, w := range p.mesh.Workloads {
		if len(w.Services) == 0 {
			continue
		}
		if len(w.Allow) == 0 {
			names = append(names, everyone)
			all = append(all, call{from: everyone, to: w})
		}
		add(w, w.Allow, false)
		add(w, w.Deny, true)
		for _, s := range w.Services {
			if s.Expose != nil {
				for _, g := range s.Expose.Gateways {
					names = append(names, gateway+g)
				}
			}
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	names = slices.Compact(names)
	p.open("callers", "callers")
	for _, name := range names {
		p.box("caller "+name, "(", ")", name)
	}
	p.close()
	for _, w := range p.mesh.Workloads {
		for _, s := range w.Services {
			if s.Expose != nil {
				for _, g := range s.Expose.Gateways {
					p.once("caller "+gateway+g, calls, serviceOf(s), some(s.Expose.Hosts, 2))
				}
			}
		}
	}
	for _, c := range all {
		for _, s := range c.to.Services {
			switch {
			case c.deny && c.part != "":
				p.once("caller "+c.from, denied, serviceOf(s), "denied "+c.part)
			case c.deny:
				p.once("caller "+c.from, denied, serviceOf(s), "denied")
			case c.part != "":
				p.once("caller "+c.from, calls, serviceOf(s), c.part)
			default:
				p.once("caller "+c.from, calls, serviceOf(s))
			}
		}
	}
	for _, network := range p.names {
		for _, m := range p.in[network] {
			from := groupOf(network, m.group)
			if p.level == workloads {
				from = workloadOf(network, m.group.Workload)
			}
			if m.group.VM == nil {
				continue // without a sidecar it does not have an identity
			}
			if who := "caller " + identity(m.group.Workload.Namespace, m.group.Workload.ServiceAccount); p.known(who) {
				p.once(from, same, who)
			}
		}
	}
}

// operations describes what of a service a rule is for, such as "GET, HEAD /api/* on port 8080 if source.ip"; "" for a
// rule that is for all of it.
func operations(rule *security.Rule) string {
	var all []string
	for _, to := range rule.GetTo() {
		op := to.GetOperation()
		var parts []string
		for _, f := range []struct {
			before string
			values []string
		}{
			{"", op.GetMethods()}, {"not ", op.GetNotMethods()},
			{"", op.GetPaths()}, {"not ", op.GetNotPaths()},
			{"to ", op.GetHosts()}, {"not to ", op.GetNotHosts()},
			{"on port ", op.GetPorts()}, {"not on port ", op.GetNotPorts()},
		} {
			if len(f.values) > 0 {
				parts = append(parts, f.before+some(f.values, 3))
			}
		}
		if len(parts) > 0 {
			all = append(all, strings.Join(parts, " "))
		}
	}
	if len(all) > 2 {
		all = append(all[:1], strconv.Itoa(len(all)-1)+" more operations")
	}
	text := strings.Join(all, " or ")
	var keys []string
	for _, c := range rule.GetWhen() {
		keys = append(keys, c.GetKey())
	}
	if len(keys) > 0 {
		text = strings.TrimSpace(text + " if " + some(keys, 2))
	}
	return text
}

const everyone = "everyone"

func identity(namespace, account string) string { return "account " + namespace + "/" + account }

// sources describes the callers of a rule: one text for each source.
func sources(rule *security.Rule, w *mesh.Workload) []string {
	if len(rule.From) == 0 {
		return []string{everyone}
	}
	var out []string
	for _, from := range rule.From {
		s := from.Source
		if only := onlyIdentities(s); len(only) > 0 {
			for _, who := range only {
				out = append(out, accountOf(who, w))
			}
			continue
		}
		var words []string
		for _, f := range []struct {
			name   string
			values []string
		}{
			{"account", s.GetServiceAccounts()}, {"not account", s.GetNotServiceAccounts()},
			{"principal", s.GetPrincipals()}, {"not principal", s.GetNotPrincipals()},
			{"namespace", s.GetNamespaces()}, {"not namespace", s.GetNotNamespaces()},
			{"token", s.GetRequestPrincipals()}, {"not token", s.GetNotRequestPrincipals()},
			{"address", s.GetIpBlocks()}, {"not address", s.GetNotIpBlocks()},
			{"client", s.GetRemoteIpBlocks()}, {"not client", s.GetNotRemoteIpBlocks()},
		} {
			if len(f.values) > 0 {
				words = append(words, f.name+" "+some(f.values, 3))
			}
		}
		out = append(out, strings.Join(words, ", "))
	}
	return out
}

// onlyIdentities returns the identities of a source without other fields.
func onlyIdentities(s *security.Source) []string {
	if len(s.GetNotServiceAccounts())+len(s.GetNotPrincipals())+len(s.GetNamespaces())+len(s.GetNotNamespaces())+len(s.GetRequestPrincipals())+
		len(s.GetNotRequestPrincipals())+len(s.GetIpBlocks())+len(s.GetNotIpBlocks())+len(s.GetRemoteIpBlocks())+len(s.GetNotRemoteIpBlocks()) > 0 {
		return nil
	}
	if len(s.GetServiceAccounts()) > 0 && len(s.GetPrincipals()) > 0 {
		return nil // both have to hold
	}
	return append(slices.Clone(s.GetServiceAccounts()), s.GetPrincipals()...)
}

// accountOf is an identity as namespace and account, where it is one of the mesh's.
func accountOf(who string, w *mesh.Workload) string {
	if rest, ours := strings.CutPrefix(strings.TrimPrefix(who, "spiffe://"), w.Istio().TrustDomain+"/ns/"); ours {
		if namespace, account, ok := strings.Cut(rest, "/sa/"); ok {
			return identity(namespace, account)
		}
	}
	if namespace, account, ok := strings.Cut(who, "/"); ok && !strings.Contains(account, "/") {
		return identity(namespace, account)
	}
	if !strings.Contains(who, "/") && !strings.Contains(who, "*") {
		return identity(w.Namespace, who)
	}
	return "principal " + who
}

// ways draws how traffic gets from network to network, to istiod and to its CA.
func (p *picture) ways() {
	numbers := func(list []uint32) string {
		var words []string
		for _, n := range list {
			words = append(words, strconv.Itoa(int(n)))
		}
		return some(words, 4)
	}
	for _, w := range p.mesh.Reach() {
		to, known := p.place(w.To)
		if !known || w.To.Kind == mesh.EndVMs && len(w.From) > 0 && w.From[0].Kind == mesh.EndScrapers {
			continue
		}
		words := numbers(w.Ports)
		if w.To.Kind == mesh.EndIstiod || w.To.Kind == mesh.EndCA {
			words = strings.Join(endpoints(w.Addresses, w.Ports), ", ")
			if c := p.mesh.ControlPlane; c != nil && c.EastWestGateway.ExposeIstiod {
				p.once(eastWest, leads, to)
			}
		}
		if w.Through != "" {
			gateways := p.gateways(w.To.Network)
			for n, g := range gateways {
				if slices.Equal(g.Ports, w.Ports) {
					to = gatewayOf(w.To.Network, n)
				}
			}
			if len(gateways) == 0 {
				if to = eastWest; !p.known(eastWest) {
					p.box(eastWest, "{{", "}}", "gateway of "+w.To.Network)
				}
				if behind, known := p.place(w.To); known {
					p.once(eastWest, leads, behind)
				}
			}
		}
		for _, from := range w.From {
			if from.Kind == mesh.EndGateway {
				for n := range p.gateways(from.Network) {
					p.once(gatewayOf(from.Network, n), leads, to)
				}
				continue
			}
			place, known := p.place(from)
			if !known || place == to {
				continue
			}
			if words == "" {
				p.once(place, leads, to)
			} else {
				p.once(place, leads, to, words)
			}
		}
	}
}

// place is where an end of a way is drawn.
func (p *picture) place(e mesh.End) (string, bool) {
	switch e.Kind {
	case mesh.EndPods:
		return pods, true
	case mesh.EndIstiod:
		return istiod, true
	case mesh.EndCA:
		return ca, p.known(ca)
	case mesh.EndVMs:
		return vmsOf(e.Network), p.known(vmsOf(e.Network))
	case mesh.EndGateway, mesh.EndScrapers:
	}
	return "", false
}
