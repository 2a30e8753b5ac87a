package compare

import (
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// findRemovedHosts: of Services, by their name, and of ServiceEntries, by their hosts.
func findRemovedHosts(p *pair, report report) {
	served := p.will.served()
	for _, o := range p.gone("", "Service") {
		host := o.Name + "." + o.Namespace
		switch {
		case p.losesNamespace(o):
		case served[host]:
			report(Note, o.ID, "%s is served by a ServiceEntry from now on", host)
		default:
			report(Breaks, o.ID, "%s goes: clients that call it fail", host).Steps = []string{
				"see that no client calls it: `istio_requests_total` and `istio_tcp_connections_opened_total` with " +
					"destination_service=\"" + host + ".svc.…\"",
				"remove routes, policies and configuration of clients that name it, then the Service",
			}
		}
	}
	remaining := map[string]bool{}
	for _, o := range p.will.of(networking, "ServiceEntry") {
		for _, h := range texts(o.at("spec", "hosts")) {
			remaining[h] = true
		}
	}
	for _, o := range p.was.of(networking, "ServiceEntry") {
		if p.losesNamespace(o) {
			continue
		}
		var left []string
		for _, h := range texts(o.at("spec", "hosts")) {
			if !remaining[h] {
				left = append(left, h)
			}
		}
		if n := len(left); n > 0 {
			report(Breaks, o.ID, "%s %s: clients that call %s fail, or leave the mesh unseen", some(left), verb(n,
				"goes", "go"), verb(n, "it", "them"))
		}
	}
}

// served lists the Kubernetes host names, as <service>.<namespace>, that ServiceEntries have.
func (s *set) served() map[string]bool {
	found := map[string]bool{}
	for _, o := range s.of(networking, "ServiceEntry") {
		for _, h := range texts(o.at("spec", "hosts")) {
			if host, _, ok := strings.Cut(h, ".svc."); ok {
				found[host] = true
			}
		}
	}
	return found
}

// findChangedHosts: a DestinationRule has one host, a VirtualService several.
func findChangedHosts(p *pair, report report) {
	p.both(networking, "DestinationRule", func(was, will *object) {
		a, b := was.text("spec", "host"), will.text("spec", "host")
		short := !strings.Contains(a, ".") || !strings.Contains(b, ".")
		if a != b && !(short && fullHost(a, was.Namespace) == fullHost(b, will.Namespace)) {
			report(Risk, was.ID, "its policy and subsets are for %s from now on, and no longer for %s", orNone(b),
				orNone(a))
		}
	})
	p.both(networking, "VirtualService", func(was, will *object) {
		now := texts(will.at("spec", "hosts"))
		left := slices.DeleteFunc(texts(was.at("spec", "hosts")), func(h string) bool {
			return slices.Contains(now,
				h)
		})
		if n := len(left); n > 0 {
			report(Risk, was.ID, "its routes are no longer for %s: calls there go where they would go without it",
				some(left))
		}
	})
}

// hostPort is a port that clients dial.
type hostPort struct{ name, number, target string }

// ports are those of a Service or a ServiceEntry.
func ports(o *object) []hostPort {
	var found []hostPort
	for _, p := range items(o.at("spec", "ports")) {
		number := p.Get("port").Text()
		if o.Kind == "ServiceEntry" {
			number = p.Get("number").Text()
		}
		target := p.Get("targetPort").Text()
		if target == "" {
			target = number
		}
		found = append(found, hostPort{p.Get("name").Text(), number, target})
	}
	return found
}

// bothHosts calls back with Services and ServiceEntries.
func (p *pair) bothHosts(f func(was, will *object)) {
	p.both("", "Service", f)
	p.both(networking, "ServiceEntry", f)
}

func findRemovedPorts(p *pair, report report) {
	p.bothHosts(func(was, will *object) {
		for _, old := range ports(was) {
			same := func(n hostPort) bool { return n.number == old.number }
			if slices.ContainsFunc(ports(will), same) {
				continue
			}
			moved := slices.IndexFunc(ports(will), func(n hostPort) bool { return n.name == old.name && n.name != "" })
			if moved >= 0 {
				report(Breaks, was.ID, "port %s (%s) becomes %s: clients that dial %s fail", old.number, old.name,
					ports(will)[moved].number, old.number).
					Steps = []string{
					"add port " + ports(will)[moved].number + " beside " + old.number + ", under another name, and " +
						"apply it",
					"move the clients", "remove port " + old.number,
				}
			} else {
				report(Breaks, was.ID, "port %s (%s) goes: clients that dial it fail", old.number, orNone(old.name))
			}
		}
	})
}

func findTargetPorts(p *pair, report report) {
	p.bothHosts(func(was, will *object) {
		for _, old := range ports(was) {
			for _, now := range ports(will) {
				if now.number == old.number && now.target != old.target {
					report(Risk, was.ID, "port %s leads to port %s of its VMs instead of %s: they must listen there "+
						"first", now.number, now.target, old.target).
						Steps = []string{
						"have the application listen on " + now.target + " too, and open it in firewalls",
						"run `install.sh` with the new files on each VM, so that the sidecar takes its traffic",
						"apply the objects",
					}
				}
			}
		}
	})
}

func findChangedSelectors(p *pair, report report) {
	compare := func(was, will *object, keys ...string) {
		a, b := was.at(keys...), will.at(keys...)
		if isNull(a) || isNull(b) || equal(a, b) {
			return
		}
		before, after := p.was.selected(was.Namespace, labels(a)), p.will.selected(was.Namespace, labels(b))
		if before > 0 && after == 0 {
			report(Breaks, was.ID, "it selects %s from now on, which no WorkloadGroup or static entry has: calls "+
				"reach no VM", shown(b))
			return
		}
		report(Risk, was.ID, "it selects %s instead of %s: groups and entries that it selects %d, before %d",
			shown(b), shown(a), after, before)
	}
	p.both("", "Service", func(was, will *object) { compare(was, will, "spec", "selector") })
	p.both(networking, "ServiceEntry", func(was, will *object) {
		compare(was, will, "spec", "workloadSelector",
			"labels")
	})
}

// target is where a route leads.
type target struct{ host, subset string }

// destinations are where a VirtualService's routes lead.
func destinations(o *object) []target {
	var found []target
	add := func(d *syntax.Node) {
		if host := d.Get("host").Text(); host != "" {
			found = append(found, target{fullHost(host, o.Namespace), d.Get("subset").Text()})
		}
	}
	for _, kind := range []string{"http", "tcp", "tls"} {
		for _, route := range items(o.at("spec", kind)) {
			for _, r := range items(route.Get("route")) {
				add(r.Get("destination"))
			}
			add(route.Get("mirror"))
			for _, m := range items(route.Get("mirrors")) {
				add(m.Get("destination"))
			}
		}
	}
	return found
}

// fullHost is a host as istiod completes it: a name without a dot is a Service of the object's namespace. The cluster's
// domain is left out, since no field has it.
func fullHost(host, namespace string) string {
	if !strings.Contains(host, ".") {
		return host + "." + namespace + ".svc"
	}
	if before, _, ok := strings.Cut(host, ".svc."); ok {
		return before + ".svc"
	}
	return host
}

// routers are the VirtualServices with a route to each target.
func (s *set) routers() map[target][]string {
	found := map[target][]string{}
	for _, o := range s.of(networking, "VirtualService") {
		for _, to := range destinations(o) {
			if list := found[to]; len(list) == 0 || list[len(list)-1] != o.ID.String() {
				found[to] = append(list, o.ID.String())
			}
		}
	}
	return found
}

// subsets are those of a set's DestinationRules, and the rule that each is in, in order.
func (s *set) subsets() (list []target, in map[target]*object) {
	in = map[target]*object{}
	for _, o := range s.of(networking, "DestinationRule") {
		for _, subset := range items(o.at("spec", "subsets")) {
			t := target{fullHost(o.text("spec", "host"), o.Namespace), subset.Get("name").Text()}
			if in[t] == nil {
				list, in[t] = append(list, t), o
			}
		}
	}
	return list, in
}

// findRemovedSubsets: a route to a subset that is not there answers 503. Proxies do not learn of the routes and the
// subsets at one moment, so even a route that goes together with its subset fails for a while.
func findRemovedSubsets(p *pair, report report) {
	type fate struct {
		rule     ID
		severity Severity
		routers  string
	}
	var fates []fate // one line for the subsets of a rule that share one
	subsets := map[fate][]string{}
	before, in := p.was.subsets()
	_, remaining := p.will.subsets()
	then, now := p.was.routers(), p.will.routers()
	for _, t := range before {
		if remaining[t] != nil || p.losesNamespace(in[t]) {
			continue
		}
		f := fate{rule: in[t].ID, severity: Note}
		switch {
		case len(now[t]) > 0:
			f.severity, f.routers = Breaks, some(now[t])
		case len(then[t]) > 0:
			f.severity, f.routers = Risk, some(then[t])
		}
		if subsets[f] == nil {
			fates = append(fates, f)
		}
		subsets[f] = append(subsets[f], t.subset)
	}
	for _, f := range fates {
		n := len(subsets[f])
		which := verb(n, "subset ", "subsets ") + some(subsets[f]) + verb(n, " goes", " go")
		switch f.severity {
		case Breaks:
			report(Breaks, f.rule, "%s while routes of %s still lead there: those requests get 503", which, f.routers)
		case Risk:
			report(Risk, f.rule, "%s together with the routes there (%s): proxies that lose the subset first answer "+
				"503; "+
				"take away the routes first, then the %s", which, f.routers, verb(n, "subset", "subsets"))
		case Note:
			report(Note, f.rule, "%s; no route here leads there", which)
		}
	}
}

// findWeights: of routes that are at the same place on both sides, and of VMs.
func findWeights(p *pair, report report) {
	p.both(networking, "VirtualService", func(was, will *object) {
		var seen []string
		for _, kind := range []string{"http", "tcp", "tls"} {
			before, after := items(was.at("spec", kind)), items(will.at("spec", kind))
			if len(before) != len(after) {
				continue
			}
			for i := range before {
				old, now := shares(before[i], was.Namespace), shares(after[i], was.Namespace)
				for _, s := range now {
					j := slices.IndexFunc(old, func(o share) bool { return o.to == s.to })
					if j < 0 || old[j].weight == s.weight {
						continue
					}
					line := s.to.String() + " " + old[j].weight + " → " + s.weight
					if !slices.Contains(seen, line) {
						seen = append(seen, line)
					}
				}
			}
		}
		if len(seen) > 0 {
			report(Note, was.ID, "traffic shifts: %s", strings.Join(seen, ", "))
		}
	})
	p.fieldOfVMs([]string{"weight"}, func(about ID, was, will *syntax.Node, whose string) {
		if a, b := was.Text(), will.Text(); a != b {
			report(Note, about, "the weight of %s becomes %s instead of %s", whose, orNone(b), orNone(a))
		}
	})
}

// String is a target in a sentence.
func (t target) String() string {
	if t.subset != "" {
		return t.subset
	}
	return t.host
}

// share is a target and its weight.
type share struct {
	to     target
	weight string
}

// shares are a route's targets. A weight that is not written is 0 beside others, and all where there is one target.
func shares(route *syntax.Node, namespace string) []share {
	var found []share
	list := items(route.Get("route"))
	for _, r := range list {
		weight := r.Get("weight").Text()
		switch {
		case weight != "":
		case len(list) == 1:
			weight = "100"
		default:
			weight = "0"
		}
		d := r.Get("destination")
		found = append(found, share{target{fullHost(d.Get("host").Text(), namespace), d.Get("subset").Text()}, weight})
	}
	return found
}
