package importer

import (
	"slices"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"
)

// shorten brings routes back to the form of a spec: one for all ports where there was one for each, and without the host
// where that is the service's own.
func (i *importer) shorten(s *service) {
	t := &s.traffic
	t.http = joined(i, s, t.http, httpPorts)
	t.tcp = joined(i, s, t.tcp, tcpPorts)
	t.tls = joined(i, s, t.tls, tlsPorts)
	for _, d := range destinations(t.http, t.tcp, t.tls) {
		if d.Host == s.hosts[0] {
			d.Host = ""
		}
	}
}

// joined finds routes that were written out for each port, and answers one for all of them.
func joined[R proto.Message](i *importer, s *service, routes []R, ports func(R, bool) ([]*uint32, []*networking.Destination)) []R {
	numbers := s.numbers(func(p *port) bool { return takes(routes, p.said()) })
	if len(s.numbers(nil)) < 2 || len(numbers) == 0 {
		return routes
	}
	var out []R
	for len(routes) > 0 {
		if len(routes) >= len(numbers) {
			if one, ok := allPorts(i, s, routes[:len(numbers)], numbers, ports); ok {
				out = append(out, one)
				routes = routes[len(numbers):]
				continue
			}
		}
		dialled(i, s, routes[0], numbers, ports)
		out = append(out, routes[0])
		routes = routes[1:]
	}
	return out
}

// allPorts takes the ports out of routes, one for each number, and answers what they then all are.
func allPorts[R proto.Message](i *importer, s *service, routes []R, numbers []uint32, ports func(R, bool) ([]*uint32, []*networking.Destination)) (R, bool) {
	var one R
	for n, route := range routes {
		bare := proto.Clone(route).(R)
		matches, list := ports(bare, true)
		if len(matches) == 0 {
			return one, false
		}
		for _, m := range matches {
			if *m != numbers[n] {
				return one, false
			}
			*m = 0
		}
		open := false // whether a destination would take the port that was dialled
		for _, d := range list {
			target := i.anyService(d.Host, s.w.namespace)
			if target == nil || len(target.numbers(nil)) < 2 {
				continue
			}
			if d.Port.GetNumber() == numbers[n] {
				d.Port, open = nil, true
			}
		}
		if !open {
			return one, false
		}
		ports(bare, false)
		if n > 0 && !proto.Equal(one, bare) {
			return one, false
		}
		one = bare
	}
	return one, true
}

// dialled leaves out the port of destinations where a route acts on one port alone, and it is that one.
func dialled[R proto.Message](i *importer, s *service, route R, numbers []uint32, ports func(R, bool) ([]*uint32, []*networking.Destination)) {
	matches, list := ports(route, true)
	if len(matches) == 0 || !slices.Contains(numbers, *matches[0]) {
		return
	}
	n := *matches[0]
	if slices.ContainsFunc(matches, func(m *uint32) bool { return *m != n }) {
		return
	}
	for _, d := range list {
		target := i.anyService(d.Host, s.w.namespace)
		if target != nil && len(target.numbers(nil)) > 1 && d.Port.GetNumber() == n {
			d.Port = nil
		}
	}
}

// takes reports whether routes of a kind act on a port of a protocol.
func takes[R proto.Message](_ []R, protocol string) bool {
	var kind R
	http := slices.Contains([]string{"HTTP", "HTTP2", "GRPC", "GRPC-WEB", ""}, protocol)
	tls := protocol == "TLS" || protocol == "HTTPS"
	switch any(kind).(type) {
	case *networking.HTTPRoute:
		return http
	case *networking.TLSRoute:
		return tls
	}
	return !http && !tls || protocol == ""
}

// The three kinds of route: where their matches' ports are, and their destinations. Without taking, they drop a match
// that is empty, where it is the only one.

func httpPorts(h *networking.HTTPRoute, take bool) ([]*uint32, []*networking.Destination) {
	if !take {
		if len(h.Match) == 1 && isEmpty(h.Match[0]) {
			h.Match = nil
		}
		return nil, nil
	}
	var out []*uint32
	for _, m := range h.Match {
		out = append(out, &m.Port)
	}
	return out, destinations([]*networking.HTTPRoute{h}, nil, nil)
}

func tcpPorts(h *networking.TCPRoute, take bool) ([]*uint32, []*networking.Destination) {
	if !take {
		if len(h.Match) == 1 && isEmpty(h.Match[0]) {
			h.Match = nil
		}
		return nil, nil
	}
	var out []*uint32
	for _, m := range h.Match {
		out = append(out, &m.Port)
	}
	return out, destinations(nil, []*networking.TCPRoute{h}, nil)
}

func tlsPorts(h *networking.TLSRoute, take bool) ([]*uint32, []*networking.Destination) {
	if !take {
		return nil, nil
	}
	var out []*uint32
	for _, m := range h.Match {
		out = append(out, &m.Port)
	}
	return out, destinations(nil, nil, []*networking.TLSRoute{h})
}

// isEmpty reports whether no field of a message is set.
func isEmpty(m proto.Message) bool { return proto.Size(m) == 0 }
