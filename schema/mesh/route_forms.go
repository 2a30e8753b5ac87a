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
	matches: func(h *networking.HTTPRoute) []uint32 {
		var out []uint32
		for _, m := range h.Match {
			out = append(out, m.Port)
		}
		return out
	},
	forPort: func(h *networking.HTTPRoute, port uint32) *networking.HTTPRoute {
		if len(h.Match) == 0 {
			h.Match = []*networking.HTTPMatchRequest{{}}
		}
		h.Match = slices.DeleteFunc(h.Match, func(m *networking.HTTPMatchRequest) bool { return m.Port != 0 && m.Port != port })
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
	matches: func(t *networking.TCPRoute) []uint32 {
		var out []uint32
		for _, m := range t.Match {
			out = append(out, m.Port)
		}
		return out
	},
	forPort: func(t *networking.TCPRoute, port uint32) *networking.TCPRoute {
		if len(t.Match) == 0 {
			t.Match = []*networking.L4MatchAttributes{{}}
		}
		t.Match = slices.DeleteFunc(t.Match, func(m *networking.L4MatchAttributes) bool { return m.Port != 0 && m.Port != port })
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
	matches: func(t *networking.TLSRoute) []uint32 {
		var out []uint32
		for _, m := range t.Match {
			out = append(out, m.Port)
		}
		return out
	},
	forPort: func(t *networking.TLSRoute, port uint32) *networking.TLSRoute {
		t.Match = slices.DeleteFunc(t.Match, func(m *networking.TLSMatchAttributes) bool { return m.Port != 0 && m.Port != port })
		for _, m := range t.Match {
			m.Port = port
		}
		return t
	},
	elsewhere: func(*networking.TLSRoute) bool { return false },
	both:      func(*networking.TLSRoute) string { return "" },
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
