package e2e

import (
	"fmt"
	"net"
	"slices"
	"strings"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// View is what a client has been sent, by name. Endpoints are by the name of their cluster.
type View struct {
	Clusters  map[string]*cluster.Cluster
	Endpoints map[string]*endpoint.ClusterLoadAssignment
	Listeners map[string]*listener.Listener
	Routes    map[string]*route.RouteConfiguration
}

// Endpoint is one address of a cluster, as a client sees it.
type Endpoint struct {
	Address  string // host:port
	Weight   uint32
	Locality string
	Priority uint32
	MTLS     bool
	Healthy  bool
}

// EndpointsOf lists the addresses of a cluster, in order.
func (v View) EndpointsOf(name string) []Endpoint {
	var found []Endpoint
	for _, group := range v.Endpoints[name].GetEndpoints() {
		l := group.GetLocality()
		for _, e := range group.GetLbEndpoints() {
			match := e.GetMetadata().GetFilterMetadata()["envoy.transport_socket_match"]
			found = append(found, Endpoint{
				Address:  addressOf(e.GetEndpoint().GetAddress()),
				Weight:   e.GetLoadBalancingWeight().GetValue(),
				Locality: strings.TrimRight(l.GetRegion()+"/"+l.GetZone()+"/"+l.GetSubZone(), "/"),
				Priority: group.GetPriority(),
				MTLS:     match.GetFields()["tlsMode"].GetStringValue() == "istio",
				Healthy:  e.GetHealthStatus() != core.HealthStatus_UNHEALTHY,
			})
		}
	}
	slices.SortFunc(found, func(a, b Endpoint) int { return strings.Compare(a.Address, b.Address) })
	return found
}

// addressOf is host:port, or the name of what else it is.
func addressOf(a *core.Address) string {
	if s := a.GetSocketAddress(); s != nil {
		return net.JoinHostPort(s.GetAddress(), fmt.Sprint(s.GetPortValue()))
	}
	if e := a.GetEnvoyInternalAddress(); e != nil {
		return e.GetServerListenerName() + "/" + e.GetEndpointId()
	}
	return a.GetPipe().GetPath()
}
