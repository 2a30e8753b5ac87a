package e2e

import (
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	typeCluster  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	typeEndpoint = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	typeListener = "type.googleapis.com/envoy.config.listener.v3.Listener"
	typeRoute    = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
)

// Client plays an Envoy: it holds a stream to a control plane and keeps what it is sent.
type Client struct {
	name   string
	stream discovery.AggregatedDiscoveryService_StreamAggregatedResourcesClient

	mu        sync.Mutex
	answered  map[string]bool // by type
	clusters  map[string]*cluster.Cluster
	endpoints map[string]*endpoint.ClusterLoadAssignment
	listeners map[string]*listener.Listener
	routes    map[string]*route.RouteConfiguration
	asked     map[string][]string // the names that were subscribed to, by type
	err       error
}

// Pod is a client that lives in the cluster. Zero values are those of a pod without any.
type Pod struct {
	Name, Namespace string
	Gateway         bool // its proxy is a gateway, not a sidecar
	ServiceAccount  string
	Labels          map[string]string
	IP              string
	Network         string
	Locality        string         // region/zone/subzone
	Metadata        map[string]any // more of what an agent tells, such as AUTO_REGISTER_GROUP
}

// NewClient connects as a pod's sidecar, by the door that asks for no certificate.
func NewClient(t testing.TB, i *Istiod, p Pod) *Client {
	t.Helper()
	return connect(t, or(p.Name, "client"), net.JoinHostPort(i.Address, "15010"), p.node(t, i), insecure.NewCredentials(), nil)
}

// Enter connects by the door that asks who one is, as an agent does that has a token and no certificate yet.
func (c *Cluster) Enter(t testing.TB, i *Istiod, p Pod, token string) *Client {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(c.RootCert(t, i.Settings.namespace())))
	host := strings.TrimSuffix("istiod-"+i.Settings.Revision, "-") + "." + i.Settings.namespace() + ".svc"
	return connect(t, or(p.Name, "client"), net.JoinHostPort(i.Address, "15012"), p.node(t, i), credentials.NewClientTLSFromCert(roots, host),
		map[string]string{"authorization": "Bearer " + token, "clusterid": p.clusterID(i)})
}

// clusterID is the cluster that a proxy says it is in.
func (p Pod) clusterID(i *Istiod) string {
	if id, told := p.Metadata["CLUSTER_ID"].(string); told {
		return id
	}
	return i.Settings.cluster()
}

// node is what a proxy says of itself.
func (p Pod) node(t testing.TB, i *Istiod) *core.Node {
	p.Name, p.Namespace = or(p.Name, "client"), or(p.Namespace, "default")
	p.IP = or(p.IP, "10.244.0.9")
	labels := map[string]any{}
	for name, value := range p.Labels {
		labels[name] = value
	}
	known := map[string]any{
		"NAMESPACE": p.Namespace, "NAME": p.Name, "LABELS": labels, "SERVICE_ACCOUNT": or(p.ServiceAccount, "default"),
		"CLUSTER_ID": i.Settings.cluster(), "NETWORK": p.Network, "INSTANCE_IPS": p.IP, "MESH_ID": i.Settings.MeshID,
		"ISTIO_VERSION": "1.31.1", "INTERCEPTION_MODE": "REDIRECT",
	}
	for name, value := range p.Metadata {
		known[name] = value
	}
	told, err := structpb.NewStruct(known)
	require.NoError(t, err)
	kind := "sidecar"
	if p.Gateway {
		kind = "router"
	}
	return &core.Node{
		Id:       fmt.Sprintf("%s~%s~%s.%s~%s.svc.%s", kind, p.IP, p.Name, p.Namespace, p.Namespace, i.Settings.clusterDomain()),
		Metadata: told,
		Locality: locality(p.Locality),
	}
}

// locality splits region/zone/subzone.
func locality(text string) *core.Locality {
	part := append(strings.Split(text, "/"), "", "")
	return &core.Locality{Region: part[0], Zone: part[1], SubZone: part[2]}
}

// connect opens a stream and subscribes to everything.
func connect(t testing.TB, name, target string, node *core.Node, door credentials.TransportCredentials, headers map[string]string) *Client {
	t.Helper()
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(door),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(metadata.NewOutgoingContext(context.Background(), metadata.New(headers)))
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(connection).StreamAggregatedResources(ctx, grpc.WaitForReady(true))
	require.NoError(t, err)
	c := &Client{name: name, stream: stream, answered: map[string]bool{}, asked: map[string][]string{}}
	done := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-done
		_ = connection.Close()
	})
	// Whoever is refused learns of it by what is received: that a request cannot be sent says only that it was.
	_ = stream.Send(&discovery.DiscoveryRequest{Node: node, TypeUrl: typeCluster})
	_ = stream.Send(&discovery.DiscoveryRequest{TypeUrl: typeListener})
	go func() {
		defer close(done)
		for {
			answer, err := stream.Recv()
			if err == nil {
				err = c.take(answer)
			}
			if err != nil {
				c.mu.Lock()
				c.err = err
				c.mu.Unlock()
				return
			}
		}
	}()
	return c
}

// take keeps an answer, acknowledges it, and asks for what it refers to.
func (c *Client) take(answer *discovery.DiscoveryResponse) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	var next string // the type whose names this answer gives
	var names []string
	switch answer.TypeUrl {
	case typeCluster:
		c.clusters, err = unpack(answer, (*cluster.Cluster).GetName)
		next = typeEndpoint
		for name, cl := range c.clusters {
			if cl.GetType() == cluster.Cluster_EDS {
				names = append(names, or(cl.GetEdsClusterConfig().GetServiceName(), name))
			}
		}
	case typeEndpoint:
		var some map[string]*endpoint.ClusterLoadAssignment
		some, err = unpack(answer, (*endpoint.ClusterLoadAssignment).GetClusterName)
		if c.endpoints == nil {
			c.endpoints = map[string]*endpoint.ClusterLoadAssignment{}
		}
		maps.Copy(c.endpoints, some) // an answer may be of some clusters alone
	case typeListener:
		c.listeners, err = unpack(answer, (*listener.Listener).GetName)
		next = typeRoute
		for _, l := range c.listeners {
			names = append(names, routeNames(l)...)
		}
	case typeRoute:
		var some map[string]*route.RouteConfiguration
		some, err = unpack(answer, (*route.RouteConfiguration).GetName)
		if c.routes == nil {
			c.routes = map[string]*route.RouteConfiguration{}
		}
		maps.Copy(c.routes, some)
	}
	if err != nil {
		return err
	}
	c.answered[answer.TypeUrl] = true
	err = c.stream.Send(&discovery.DiscoveryRequest{
		TypeUrl: answer.TypeUrl, VersionInfo: answer.VersionInfo, ResponseNonce: answer.Nonce, ResourceNames: c.asked[answer.TypeUrl],
	})
	if err != nil || next == "" {
		return err
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if slices.Equal(names, c.asked[next]) {
		c.answered[next] = c.answered[next] || len(names) == 0 // who asks for nothing is not answered
		return nil
	}
	c.asked[next] = names
	c.answered[next] = len(names) == 0
	if len(names) == 0 {
		return nil
	}
	return c.stream.Send(&discovery.DiscoveryRequest{TypeUrl: next, ResourceNames: names})
}

// unpack reads the resources of an answer, by name.
func unpack[T any, M interface {
	*T
	proto.Message
}](answer *discovery.DiscoveryResponse, name func(M) string) (map[string]M, error) {
	found := map[string]M{}
	for _, packed := range answer.Resources {
		m := M(new(T))
		if err := packed.UnmarshalTo(m); err != nil {
			return nil, err
		}
		found[name(m)] = m
	}
	return found, nil
}

// routeNames lists the routes that a listener's filters ask for.
func routeNames(l *listener.Listener) []string {
	var names []string
	for _, chain := range append(slices.Clone(l.GetFilterChains()), l.GetDefaultFilterChain()) {
		for _, filter := range chain.GetFilters() {
			manager := &hcm.HttpConnectionManager{}
			if filter.GetTypedConfig().MessageIs(manager) && filter.GetTypedConfig().UnmarshalTo(manager) == nil {
				if name := manager.GetRds().GetRouteConfigName(); name != "" {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// See returns what the client has been sent by now, or why that is not everything yet.
func (c *Client) See() (View, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return View{}, fmt.Errorf("%s: %w", c.name, c.err)
	}
	for _, kind := range []string{typeCluster, typeEndpoint, typeListener, typeRoute} {
		if !c.answered[kind] {
			return View{}, fmt.Errorf("%s: no answer about %s", c.name, kind)
		}
	}
	view := View{
		Clusters: maps.Clone(c.clusters), Endpoints: maps.Clone(c.endpoints),
		Listeners: maps.Clone(c.listeners), Routes: maps.Clone(c.routes),
	}
	// What is not asked for any more has no meaning.
	maps.DeleteFunc(view.Endpoints, func(name string, _ *endpoint.ClusterLoadAssignment) bool {
		return !slices.Contains(c.asked[typeEndpoint], name)
	})
	maps.DeleteFunc(view.Routes, func(name string, _ *route.RouteConfiguration) bool {
		return !slices.Contains(c.asked[typeRoute], name)
	})
	return view, nil
}

// Err is why the stream has ended, or nil.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Until waits until what the client sees is what is asked for.
func (c *Client) Until(t testing.TB, what string, ask func(View) error) {
	t.Helper()
	eventually(t, what, func() error {
		view, err := c.See()
		if err != nil {
			return err
		}
		return ask(view)
	})
}
