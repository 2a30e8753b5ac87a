package mesh

import (
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// The three kinds of route, as what they have in common.

var httpForm = form[*networking.HTTPRoute]{
	name:  "HTTP",
	takes: Protocol.IsHTTP,
	clone: func(h *networking.HTTPRoute) *networking.HTTPRoute { return h.DeepCopy() },
	destinations: func(h *networking.HTTPRoute, at diag.Path) []destination {
		var out []destination
		for i, d := range h.Route {
			if d.Destination == nil {
				d.Destination = &networking.Destination{}
			}
			out = append(out, destination{Destination: d.Destination, at: at.Key("route").Item(i, ""), weight: d.Weight, weighted: true})
		}
		if h.Mirror != nil {
			out = append(out, destination{Destination: h.Mirror, at: at.Key("mirror"), mirror: true})
		}
		for i, m := range h.Mirrors {
			if m.Destination == nil {
				m.Destination = &networking.Destination{}
			}
			out = append(out, destination{Destination: m.Destination, at: at.Key("mirrors").Item(i, "")})
		}
		return out
	},
	matches: func(h *networking.HTTPRoute) []uint32 { return matchPorts(h.Match) },
	forPort: func(h *networking.HTTPRoute, port uint32) *networking.HTTPRoute {
		if len(h.Match) == 0 {
			h.Match = []*networking.HTTPMatchRequest{{}}
		}
		h.Match = onPort(h.Match, port)
		for _, m := range h.Match {
			m.Port = port
		}
		return h
	},
	elsewhere: func(h *networking.HTTPRoute) bool {
		return h.Redirect != nil || h.DirectResponse != nil || h.Delegate != nil
	},
	both: func(h *networking.HTTPRoute) string {
		switch {
		case len(h.Route) == 0:
			return ""
		case h.Redirect != nil:
			return "redirect"
		case h.DirectResponse != nil:
			return "directResponse"
		case h.Delegate != nil:
			return "delegate"
		}
		return ""
	},
}

var tcpForm = form[*networking.TCPRoute]{
	name:         "TCP",
	takes:        func(p Protocol) bool { return !p.IsHTTP() && !p.IsTLS() || p == "" },
	clone:        func(t *networking.TCPRoute) *networking.TCPRoute { return t.DeepCopy() },
	destinations: func(t *networking.TCPRoute, at diag.Path) []destination { return routeDestinations(t.Route, at) },
	matches:      func(t *networking.TCPRoute) []uint32 { return matchPorts(t.Match) },
	forPort: func(t *networking.TCPRoute, port uint32) *networking.TCPRoute {
		if len(t.Match) == 0 {
			t.Match = []*networking.L4MatchAttributes{{}}
		}
		t.Match = onPort(t.Match, port)
		for _, m := range t.Match {
			m.Port = port
		}
		return t
	},
	elsewhere: func(*networking.TCPRoute) bool { return false },
	both:      func(*networking.TCPRoute) string { return "" },
}

var tlsForm = form[*networking.TLSRoute]{
	name:         "TLS",
	takes:        Protocol.IsTLS,
	clone:        func(t *networking.TLSRoute) *networking.TLSRoute { return t.DeepCopy() },
	destinations: func(t *networking.TLSRoute, at diag.Path) []destination { return routeDestinations(t.Route, at) },
	matches:      func(t *networking.TLSRoute) []uint32 { return matchPorts(t.Match) },
	forPort: func(t *networking.TLSRoute, port uint32) *networking.TLSRoute {
		t.Match = onPort(t.Match, port)
		for _, m := range t.Match {
			m.Port = port
		}
		return t
	},
	elsewhere: func(*networking.TLSRoute) bool { return false },
	both:      func(*networking.TLSRoute) string { return "" },
}

// match is what the matches of every kind of route have: the port that was dialled, 0 for any.
type match interface{ GetPort() uint32 }

func matchPorts[M match](matches []M) []uint32 {
	var out []uint32
	for _, m := range matches {
		out = append(out, m.GetPort())
	}
	return out
}

// onPort leaves the matches that a call of this port could meet.
func onPort[M match](matches []M, port uint32) []M {
	return slices.DeleteFunc(matches, func(m M) bool { return m.GetPort() != 0 && m.GetPort() != port })
}

func routeDestinations(list []*networking.RouteDestination, at diag.Path) []destination {
	var out []destination
	for i, d := range list {
		if d.Destination == nil {
			d.Destination = &networking.Destination{}
		}
		out = append(out, destination{Destination: d.Destination, at: at.Key("route").Item(i, ""), weight: d.Weight, weighted: true})
	}
	return out
}
