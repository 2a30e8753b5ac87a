package webhook

import (
	"cmp"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// virtualService checks a VirtualService (istio: ValidateVirtualService).
func (c Check) virtualService(m *networking.VirtualService, o Object, at diag.Path) {
	delegate := len(m.Hosts) == 0
	if delegate {
		for _, f := range []struct {
			key string
			set bool
		}{{"gateways", len(m.Gateways) > 0}, {"tls", len(m.Tls) > 0}, {"tcp", len(m.Tcp) > 0}} {
			if f.set {
				c.Say(Refused.At(at.Key(f.key), "a VirtualService without hosts is a delegate, which cannot have %s", f.key).Key().
					WithHelp("add hosts, or remove %s", f.key))
			}
		}
	}
	c.gatewayNames(m.Gateways, at.Key("gateways"))
	c.routedHosts(m, at)
	if len(m.Http) == 0 && len(m.Tcp) == 0 && len(m.Tls) == 0 {
		c.refuse(at, "add http, tcp or tls", "the VirtualService has no routes")
	}
	for i, h := range m.Http {
		here := at.Key("http").Item(i, h.GetName())
		c.HTTPRoute(h, here)
		c.httpDestinations(h, delegate, here)
		if !atGateway(m) {
			c.claims(h, here)
		}
	}
	c.Dead(m.Http, at.Key("http"))
	for i, t := range m.Tcp {
		here := at.Key("tcp").Item(i, "")
		c.TCPMatches(t.GetMatch(), here.Key("match"))
		c.routeDestinations(t.GetRoute(), here)
	}
	for i, t := range m.Tls {
		here := at.Key("tls").Item(i, "")
		c.TLSMatches(t.GetMatch(), here.Key("match"))
		c.serverNames(t, m, here)
		c.routeDestinations(t.GetRoute(), here)
	}
	c.exportTo(m.ExportTo, o.Namespace, false, at.Key("exportTo"))
}

// meshGateway is the name of all sidecars among gateways.
const meshGateway = "mesh"

// atGateway reports whether a VirtualService is for gateways alone.
func atGateway(m *networking.VirtualService) bool {
	return len(m.Gateways) > 0 && !slices.Contains(m.Gateways, meshGateway)
}

// isGenerated reports whether a name is one that Istio generates for SNI across networks, outbound_.80_.v1_.host: a
// VirtualService of a gateway can have them.
func isGenerated(s string) bool {
	parts := strings.Split(s, "_")
	return len(parts) >= 4 && parts[0] == "outbound" && strings.ContainsAny(strings.Trim(parts[1], "."), "0123456789") &&
		strings.ContainsFunc(parts[3], func(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' })
}

func (c Check) routedHosts(m *networking.VirtualService, at diag.Path) {
	sni := slices.ContainsFunc(m.Tls, func(t *networking.TLSRoute) bool {
		return slices.ContainsFunc(t.GetMatch(), func(m *networking.TLSMatchAttributes) bool { return len(m.GetSniHosts()) > 0 })
	})
	valid := true
	for i, h := range m.Hosts {
		here := at.Key("hosts").Item(i, "")
		switch {
		case atGateway(m) && sni && isGenerated(h), isIP(h):
		case !isWildcardHost(h):
			valid = false
			c.refuse(here, "write a DNS name, or one with a star in front, such as *.example.com", "%q is not a host name", h)
		case h == "*" && !atGateway(m) && (len(m.Gateways) == 0 || slices.Contains(m.Gateways, meshGateway)):
			valid = false
			c.refuse(here, "write the hosts, or name gateways without mesh", "the host * is for gateways, and these routes are for sidecars")
		}
	}
	if valid {
		c.distinctHosts(m.Hosts, at.Key("hosts"))
	}
}

// distinctHosts reports each host that has a name in common with another one. A host's suffixes are looked up in those with
// a star, so that a thousand hosts do not need a million comparisons.
func (c Check) distinctHosts(hosts []string, at diag.Path) {
	exact, wild := map[string]int{}, map[string]int{} // the index of the first
	for i, h := range hosts {
		if isWild(h) {
			if first, is := wild[h[1:]]; is {
				c.twice(hosts[first], h, at.Item(i, ""))
				continue
			}
			wild[h[1:]] = i
		} else {
			if first, is := exact[h]; is {
				c.twice(hosts[first], h, at.Item(i, ""))
				continue
			}
			exact[h] = i
		}
	}
	if len(wild) == 0 {
		return
	}
	type pair struct{ here, other int }
	var pairs []pair
	for i, h := range hosts {
		rest := strings.TrimPrefix(h, "*")
		for n := range rest {
			if n == 0 && isWild(h) {
				continue // itself
			}
			if other, is := wild[rest[n:]]; is {
				pairs = append(pairs, pair{max(i, other), min(i, other)})
				break
			}
		}
		if other, is := wild[""]; is && rest != "" {
			pairs = append(pairs, pair{max(i, other), min(i, other)})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Or(cmp.Compare(a.here, b.here), cmp.Compare(a.other, b.other)) })
	for n, p := range pairs {
		if n == 0 || pairs[n-1].here != p.here {
			c.twice(hosts[p.other], hosts[p.here], at.Item(p.here, ""))
		}
	}
}

func (c Check) twice(first, second string, at diag.Path) {
	if first == second {
		c.refuse(at, "remove one of them", "the host %q is listed twice", second)
		return
	}
	c.refuse(at, "make a VirtualService of each, or keep one of the two", "the hosts %q and %q overlap", first, second)
}

// claims refuses matches on claims of a token away from gateways.
func (c Check) claims(h *networking.HTTPRoute, at diag.Path) {
	for i, m := range h.GetMatch() {
		for _, list := range []struct {
			key     string
			matches map[string]*networking.StringMatch
		}{{"headers", m.GetHeaders()}, {"withoutHeaders", m.GetWithoutHeaders()}} {
			for _, name := range sortedKeys(list.matches) {
				if isClaim(name) {
					c.Say(Refused.At(at.Key("match").Item(i, "").Key(list.key).Key(name), "routes by claims of a token are for gateways, and these are for sidecars").Key().
						WithHelp("name the gateways, without mesh, or match on a header that RequestAuthentication writes"))
				}
			}
		}
	}
}

// httpDestinations checks where a route leads, and that it leads to one kind of place.
func (c Check) httpDestinations(h *networking.HTTPRoute, delegate bool, at diag.Path) {
	switch {
	case h.GetDelegate() != nil && delegate:
		c.Say(Route.At(at.Key("delegate"), "a delegate cannot delegate again").Key().WithHelp("write the route here"))
	case h.GetDelegate() != nil:
		for _, f := range []struct {
			key string
			set bool
		}{{"redirect", h.Redirect != nil}, {"route", h.Route != nil}} {
			if f.set {
				c.Say(Route.At(at.Key(f.key), "%s is next to delegate, and Istio refuses both together", f.key).Key().WithHelp("remove one of the two"))
			}
		}
	case h.GetRedirect() != nil || h.GetDirectResponse() != nil:
		if len(h.Route) > 0 {
			key := "redirect"
			if h.Redirect == nil {
				key = "directResponse"
			}
			c.Say(Route.At(at.Key(key), "%s is next to route, and Istio refuses a route that does both", key).Key().WithHelp("remove one of the two"))
		}
	case len(h.GetRoute()) == 0:
		c.Say(Route.At(at, "the route sends its traffic nowhere").WithHelp("add `route: [{destination: {host: ...}}]`, redirect, directResponse or delegate"))
	}
	var weights []int32
	for i, d := range h.GetRoute() {
		here := at.Key("route").Item(i, "")
		c.destination(d.GetDestination(), true, here)
		weights = append(weights, d.GetWeight())
	}
	c.weights(weights, at.Key("route"))
	if h.GetMirror() != nil {
		c.destinationFields(h.Mirror, at.Key("mirror"))
	}
	for i, m := range h.GetMirrors() {
		c.destination(m.GetDestination(), true, at.Key("mirrors").Item(i, ""))
	}
}

func (c Check) routeDestinations(list []*networking.RouteDestination, at diag.Path) {
	if len(list) == 0 {
		c.Say(Route.At(at, "the route sends its traffic nowhere").WithHelp("add `route: [{destination: {host: ...}}]`"))
	}
	var weights []int32
	for i, d := range list {
		c.destination(d.GetDestination(), true, at.Key("route").Item(i, ""))
		weights = append(weights, d.GetWeight())
	}
	c.weights(weights, at.Key("route"))
}

func (c Check) weights(list []int32, at diag.Path) {
	var sum int32 // as istiod adds
	for i, w := range list {
		sum += w
		if w < 0 {
			c.Say(RouteWeight.At(at.Item(i, "").Key("weight"), "weight is %d, below 0", w).WithHelp("write a share; 0 sends nothing"))
		}
	}
	if len(list) > 1 && sum == 0 {
		c.Say(RouteWeight.At(at, "the weights of these destinations add up to 0").WithHelp("write a weight for each: they are shares"))
	}
}

// destination checks what holds a destination.
func (c Check) destination(d *networking.Destination, needed bool, at diag.Path) {
	if d == nil {
		if needed {
			c.Say(Route.At(at, "the destination is missing").WithHelp("add `destination: {host: ...}`"))
		}
		return
	}
	c.destinationFields(d, at.Key("destination"))
}

func (c Check) destinationFields(d *networking.Destination, at diag.Path) {
	if d.Host == "*" || !isWildcardHost(d.Host) {
		c.refuse(at.Key("host"), "write the host that the route leads to, such as pay.shop.svc.cluster.local", "%q is not a host name", d.Host)
	}
	if d.Subset != "" {
		c.subsetName(d.Subset, at.Key("subset"))
	}
	if d.Port != nil {
		c.port(d.Port.Number, at.Key("port").Key("number"))
	}
}

// serverNames checks the names of a TLS route: each is one of the VirtualService's hosts, or below one.
func (c Check) serverNames(t *networking.TLSRoute, vs *networking.VirtualService, at diag.Path) {
	if len(t.GetMatch()) == 0 {
		c.Say(Route.At(at, "a TLS route needs a match on names, and this one has none").WithHelp("add `match: [{sniHosts: [...]}]`"))
	}
	for i, m := range t.GetMatch() {
		here := at.Key("match").Item(i, "").Key("sniHosts")
		if len(m.GetSniHosts()) == 0 {
			c.Say(Route.At(here.Parent(), "the match has no sniHosts").WithHelp("add `sniHosts: [...]`: names of the hosts that clients ask for"))
		}
		for n, name := range m.GetSniHosts() {
			switch {
			case sniGateway(vs) && isGenerated(name), isWildcardHost(name):
				if !slices.ContainsFunc(vs.Hosts, func(h string) bool { return within(name, h) }) {
					c.Say(Route.At(here.Item(n, ""), "%q is not a host of this VirtualService, so Istio refuses the route", name).
						WithHelp("write one of its hosts: %s", listed(vs.Hosts)))
				}
			case isIP(name): // accepted with a warning
			default:
				c.refuse(here.Item(n, ""), "write a DNS name", "%q is not a host name", name)
			}
		}
	}
}

// sniGateway reports whether istiod reads the names of TLS matches as those of a gateway: it does where no gateway is set,
// too.
func sniGateway(m *networking.VirtualService) bool { return !slices.Contains(m.Gateways, meshGateway) }
