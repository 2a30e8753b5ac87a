package manifests_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/generators"
	"github.com/vmmesh/vmmesh/generators/manifests"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

const everything = `apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata: {name: a}
spec:
  istio: {version: 1.31.1, network: kube, istiodAddresses: [34.56.78.90]}
  networks: [{name: dc2, gateways: [{address: 203.0.113.7}]}]
  controlPlane: {eastWestGateway: {deployment: Injected}}
  namespaces: {mtls: {mode: STRICT}}
  workloads:
  - name: web
    annotations: {team: web, argocd.argoproj.io/sync-options: "Prune=true"}
    ports: [{name: http, port: 80, targetPort: 8080}, {name: https, port: 443}]
    probe: {httpGet: {port: 8080}}
    sidecar: {egress: [{hosts: ["./*"]}]}
    groups:
    - {name: web-b, version: v2, instances: [{name: vm2, address: 192.168.1.2}, {name: vm1, address: 192.168.1.1}]}
    - {name: web-a, version: v1, registration: Auto, instances: [{name: vm3, address: 192.168.1.3}]}
    services:
    - name: web
      kind: ServiceEntry
      hosts: [www.example.com, shop.example.com, api.example.com]
      traffic:
        http: [{match: [{uri: {prefix: /old}}], route: [{destination: {subset: v1}}], mirror: {subset: v2}}, {route: [{destination: {subset: v1}}], mirrors: [{destination: {subset: v2}}]}]
        tls: [{match: [{sniHosts: [www.example.com]}, {sniHosts: [shop.example.com, www.example.com]}], route: [{destination: {}}]}]
    - {name: www, ports: [http], exportTo: ["."]}
    security:
      mtls: {ports: [{name: http, mode: PERMISSIVE}]}
      allow: [{name: a, from: [{serviceAccounts: [x/y]}]}]
      jwt: [{issuer: a}]
  externalServices:
  - name: out
    serviceEntry: {hosts: [b.example.com, a.example.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
    trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}
  vm: {identity: {type: TokenRequest, tokenRequest: {server: "https://203.0.113.10:6443", credentialFile: /etc/vmmesh/bootstrap-token}}}
  observability:
    accessLogging: [{providers: [{name: envoy}]}]
    prometheus: {format: ScrapeConfig, alerts: true, dashboard: true}
  gitops: {vmFiles: ConfigMap}
`

func resolved(t *testing.T) *mesh.Mesh {
	t.Helper()
	docs, found := schema.Parse("vmmesh.yaml", []byte(everything))
	require.Empty(t, found)
	spec, found := docs[0].Decode()
	require.Empty(t, found)
	schema.Default(spec)
	m, found := mesh.Resolve([]*schema.VMMesh{spec})
	require.Empty(t, found)
	return m
}

// printed is every object of a mesh, as text.
func printed(m *mesh.Mesh) string {
	var all strings.Builder
	var enc manifest.Encoder
	for _, g := range generators.Table {
		if g.Objects == nil {
			continue // it makes files
		}
		for o := range g.Objects(m) {
			enc.Reset()
			enc.Object(o)
			all.WriteString("--- " + o.Path() + "\n")
			all.Write(enc.Bytes())
		}
	}
	return all.String()
}

// Generators read the mesh and change nothing: from one mesh they make the same twice.
func TestGeneratorsChangeNothing(t *testing.T) {
	m := resolved(t)
	first := printed(m)
	require.NotEmpty(t, first)
	require.Equal(t, first, printed(m))
	require.Equal(t, first, printed(resolved(t)))
}

// Each generator can be left at any object, and yields in the order of namespace and name.
func TestGeneratorsStopAndSort(t *testing.T) {
	m := resolved(t)
	for _, g := range generators.Table {
		require.NotEmpty(t, g.Doc)
		if g.Objects == nil {
			continue
		}
		var names []string
		for o := range g.Objects(m) {
			require.Equal(t, g.Name, o.Kind)
			names = append(names, o.Namespace+"/"+o.Name)
		}
		require.NotEmpty(t, names, "%s: the mesh above has none", g.Name)
		require.True(t, slices.IsSorted(names), "%s: %v", g.Name, names)
		require.Len(t, slices.Compact(slices.Clone(names)), len(names), g.Name)
		for range names {
			for range g.Objects(m) {
				break
			}
		}
	}
}

// Every host of a service has routes of its own, which lead to itself and match no other host's name.
func TestRoutesOfEachHost(t *testing.T) {
	services := map[string]*networking.VirtualService{}
	for o := range manifests.VirtualServices(resolved(t)) {
		body := o.Body[0].Value.(*networking.VirtualService)
		if len(body.Gateways) > 0 {
			continue // it leads to istiod
		}
		require.Len(t, body.Hosts, 1)
		services[body.Hosts[0]] = body
	}
	require.Len(t, services, 3)
	for host, body := range services {
		mirrors := 0
		for _, route := range body.Http {
			require.Equal(t, host, route.Route[0].Destination.Host)
			if route.Mirror != nil {
				require.Equal(t, host, route.Mirror.Host)
				mirrors++
			}
			for _, mirror := range route.Mirrors {
				require.Equal(t, host, mirror.Destination.Host)
				mirrors++
			}
		}
		require.Equal(t, len(body.Http), mirrors, "one mirror a route")
		for _, route := range body.Tls {
			require.Equal(t, host, route.Route[0].Destination.Host)
			for _, match := range route.Match {
				require.Equal(t, []string{host}, match.SniHosts)
			}
		}
	}
	require.Empty(t, services["api.example.com"].Tls, "no TLS match names it")
	require.Len(t, services["shop.example.com"].Tls[0].Match, 1)
	require.Len(t, services["www.example.com"].Tls[0].Match, 2)
}

// What the user says of pruning holds; other sync options stand beside ours.
func TestPruneProtection(t *testing.T) {
	m := resolved(t)
	annotations := func() map[string]string {
		for o := range manifests.WorkloadGroups(m) {
			return o.Annotations
		}
		return nil
	}
	require.Equal(t, map[string]string{
		"argocd.argoproj.io/sync-options": "Prune=true", "kustomize.toolkit.fluxcd.io/prune": "disabled", "team": "web",
	}, annotations())
	m.Workloads[0].Groups[0].Annotations = map[string]string{"argocd.argoproj.io/sync-options": "Replace=true"}
	require.Equal(t, "Replace=true,Prune=false", annotations()["argocd.argoproj.io/sync-options"])
	m.Specs[0].GitOps.PruneProtection = false
	require.Equal(t, map[string]string{"argocd.argoproj.io/sync-options": "Replace=true"}, annotations())
}

// Instances of a group that registers by itself get no entry: their VMs make one each.
func TestNoEntryBesideAutoRegistration(t *testing.T) {
	var names []string
	for o := range manifests.WorkloadEntries(resolved(t)) {
		names = append(names, o.Name)
	}
	require.Equal(t, []string{"web-b-vm1", "web-b-vm2"}, names)
}

// The gateway's Service has what the spec says of it, and the network's label only where it passes other networks' traffic.
func TestGatewayService(t *testing.T) {
	m := resolved(t)
	g := &m.ControlPlane.EastWestGateway
	service := func() *manifest.Object {
		for o := range manifests.Services(m) {
			if o.Name == g.Name {
				return o
			}
		}
		return nil
	}
	o := service()
	require.Equal(t, "kube", o.Labels["topology.istio.io/network"])
	require.Equal(t, []manifest.ServicePort{
		{Name: "status-port", Port: 15021, TargetPort: 15021, Protocol: "TCP"}, {Name: "tls", Port: 15443, TargetPort: 15443, Protocol: "TCP"},
		{Name: "tls-istiod", Port: 15012, TargetPort: 15012, Protocol: "TCP"},
	}, o.Body[0].Value.(*manifest.ServiceSpec).Ports)

	g.ServiceType, g.ExternalIPs, g.LoadBalancerClass = "NodePort", []netip.Addr{netip.MustParseAddr("2001:db8::5")}, "a/b"
	g.LoadBalancerSourceRanges = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	g.ExposeServices, g.ExposeWebhook, g.Network = false, true, ""
	o = service()
	require.NotContains(t, o.Labels, "topology.istio.io/network")
	body := o.Body[0].Value.(*manifest.ServiceSpec)
	require.Equal(t, []string{"2001:db8::5"}, body.ExternalIPs)
	require.Equal(t, []string{"10.0.0.0/8"}, body.LoadBalancerSourceRanges)
	require.Equal(t, []string{"NodePort", "a/b"}, []string{body.Type, body.LoadBalancerClass})
	require.Equal(t, 15017, body.Ports[2].Port)
}
