package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// Outbound describes how a client's traffic to some hosts is handled: clusters, endpoints, routes, in words that a
// person can compare with a spec. A host is a name, without port.
func (v View) Outbound(hosts ...string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(v.Clusters)) {
		part := strings.Split(name, "|")
		if len(part) == 4 && part[0] == "outbound" && slices.Contains(hosts, part[3]) {
			v.describeCluster(&b, v.Clusters[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.Routes)) {
		for _, virtual := range v.Routes[name].GetVirtualHosts() {
			if slices.ContainsFunc(hosts, func(host string) bool { return slices.Contains(virtual.GetDomains(), host) }) {
				fmt.Fprintf(&b, "route %s, host %s\n", name, virtual.GetName())
				for _, r := range virtual.GetRoutes() {
					fmt.Fprintf(&b, "  %s\n", describeRoute(r))
				}
			}
		}
	}
	return b.String()
}

func (v View) describeCluster(b *strings.Builder, c *cluster.Cluster) {
	fmt.Fprintf(b, "cluster %s: %s, %s%s\n", c.GetName(), c.GetType(), c.GetLbPolicy(), describeTLS(c))
	if limits := c.GetCircuitBreakers().GetThresholds(); len(limits) > 0 {
		const unlimited = 1<<32 - 1
		var said []string
		for _, limit := range []struct {
			name  string
			value uint32
		}{
			{"connections", limits[0].GetMaxConnections().GetValue()},
			{"pending requests", limits[0].GetMaxPendingRequests().GetValue()},
			{"requests", limits[0].GetMaxRequests().GetValue()},
			{"retries", limits[0].GetMaxRetries().GetValue()},
		} {
			if limit.value != unlimited && limit.value != 0 {
				said = append(said, fmt.Sprintf("%d %s", limit.value, limit.name))
			}
		}
		if len(said) > 0 {
			fmt.Fprintf(b, "  at most %s\n", strings.Join(said, ", "))
		}
	}
	if d := c.GetConnectTimeout(); d.AsDuration().Seconds() != 10 {
		fmt.Fprintf(b, "  connect timeout %s\n", d.AsDuration())
	}
	if o := c.GetOutlierDetection(); o != nil {
		fmt.Fprintf(b, "  ejects after %d 5xx errors", o.GetConsecutive_5Xx().GetValue())
		if d := o.GetInterval().AsDuration(); d > 0 {
			fmt.Fprintf(b, ", every %s", d)
		}
		if d := o.GetBaseEjectionTime().AsDuration(); d > 0 {
			fmt.Fprintf(b, ", for %s", d)
		}
		if o.GetMaxEjectionPercent() != nil {
			fmt.Fprintf(b, ", at most %d%%", o.GetMaxEjectionPercent().GetValue())
		}
		b.WriteByte('\n')
	}
	endpoints := v.EndpointsOf(c.GetName())
	if c.GetType() != cluster.Cluster_EDS {
		endpoints = View{Endpoints: map[string]*endpoint.ClusterLoadAssignment{c.GetName(): c.GetLoadAssignment()}}.EndpointsOf(c.GetName())
	}
	for _, e := range endpoints {
		fmt.Fprintf(b, "  %s\n", e)
	}
}

// String describes an endpoint.
func (e Endpoint) String() string {
	text := e.Address
	if e.Weight > 1 {
		text += fmt.Sprintf(" weight %d", e.Weight)
	}
	if e.Locality != "" {
		text += " in " + e.Locality
	}
	if e.Priority > 0 {
		text += fmt.Sprintf(" priority %d", e.Priority)
	}
	if e.MTLS {
		text += " mTLS"
	} else {
		text += " plaintext"
	}
	if !e.Healthy {
		text += " unhealthy"
	}
	return text
}

// describeTLS says how a cluster's connections are secured: with automatic mTLS each endpoint decides.
func describeTLS(c *cluster.Cluster) string {
	if matches := c.GetTransportSocketMatches(); len(matches) > 0 {
		return ", mTLS where the endpoint has it" + describeContext(matches[0].GetTransportSocket())
	}
	if socket := c.GetTransportSocket(); socket != nil {
		return ", TLS" + describeContext(socket)
	}
	return ""
}

// describeContext says whom a client expects at the other end.
func describeContext(socket *core.TransportSocket) string {
	upstream := &tls.UpstreamTlsContext{}
	if !socket.GetTypedConfig().MessageIs(upstream) || socket.GetTypedConfig().UnmarshalTo(upstream) != nil {
		return ""
	}
	var names []string
	validation := upstream.GetCommonTlsContext().GetCombinedValidationContext().GetDefaultValidationContext()
	for _, san := range validation.GetMatchTypedSubjectAltNames() {
		names = append(names, describeString(san.GetMatcher()))
	}
	//lint:ignore SA1019 istiod still writes it
	for _, san := range validation.GetMatchSubjectAltNames() {
		names = append(names, describeString(san))
	}
	slices.Sort(names)
	text := ""
	if len(names) > 0 {
		text = " of " + strings.Join(slices.Compact(names), " or ")
	}
	if !strings.HasPrefix(upstream.GetSni(), "outbound_.") && upstream.GetSni() != "" {
		text += " (SNI " + upstream.GetSni() + ")"
	}
	return text
}

// retriesOnDefault is what istiod has requests repeated on where nobody says anything.
const retriesOnDefault = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"

// describeRoute says what of requests goes where.
func describeRoute(r *route.Route) string {
	text := describeMatch(r.GetMatch()) + " ->"
	action := r.GetRoute()
	switch {
	case r.GetRedirect() != nil:
		return text + " redirect"
	case r.GetDirectResponse() != nil:
		return text + fmt.Sprintf(" status %d", r.GetDirectResponse().GetStatus())
	case action.GetWeightedClusters() != nil:
		for _, c := range action.GetWeightedClusters().GetClusters() {
			text += fmt.Sprintf(" %d%% %s", c.GetWeight().GetValue(), c.GetName())
		}
	default:
		text += " " + action.GetCluster()
	}
	if d := action.GetTimeout().AsDuration(); d > 0 {
		text += fmt.Sprintf(", timeout %s", d)
	}
	if retries := action.GetRetryPolicy(); retries != nil && retries.GetRetryOn() != retriesOnDefault {
		text += fmt.Sprintf(", %d retries", retries.GetNumRetries().GetValue())
		if d := retries.GetPerTryTimeout().AsDuration(); d > 0 {
			text += fmt.Sprintf(" of %s", d)
		}
		text += " on " + retries.GetRetryOn()
	}
	for _, mirror := range action.GetRequestMirrorPolicies() {
		text += ", mirrored to " + mirror.GetCluster()
	}
	return text
}

func describeMatch(m *route.RouteMatch) string {
	text := ""
	switch {
	case m.GetPathSpecifier() == nil:
	case m.GetPath() != "":
		text = m.GetPath()
	case m.GetSafeRegex() != nil:
		text = "~" + m.GetSafeRegex().GetRegex()
	case m.GetPathSeparatedPrefix() != "":
		text = m.GetPathSeparatedPrefix() + "/*"
	default:
		text = m.GetPrefix() + "*"
	}
	for _, h := range m.GetHeaders() {
		text += fmt.Sprintf(" [%s %s]", h.GetName(), describeHeader(h))
	}
	return text
}

func describeHeader(h *route.HeaderMatcher) string {
	text := "present"
	if s := h.GetStringMatch(); s != nil {
		text = describeString(s)
	}
	if h.GetInvertMatch() {
		return "not " + text
	}
	return text
}

// describeString says what text matches.
func describeString(m *matcher.StringMatcher) string {
	switch p := m.GetMatchPattern().(type) {
	case *matcher.StringMatcher_Exact:
		return p.Exact
	case *matcher.StringMatcher_Prefix:
		return p.Prefix + "*"
	case *matcher.StringMatcher_Suffix:
		return "*" + p.Suffix
	case *matcher.StringMatcher_SafeRegex:
		return "~" + p.SafeRegex.GetRegex()
	case *matcher.StringMatcher_Contains:
		return "*" + p.Contains + "*"
	}
	return m.String()
}
