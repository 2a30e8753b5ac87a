package mesh

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const inNetwork = "  istio: {version: 1.31.1, network: kube, istiodAddresses: [34.56.78.90]}\n"

// TestControlPlaneNamespaces: istiod's namespace is emitted for its label alone, the gateway's where nobody else makes it.
func TestControlPlaneNamespaces(t *testing.T) {
	for _, c := range []struct {
		name, spec string
		want       map[string]bool // namespace, and whether it is istiod's
	}{
		{"label", "  controlPlane: {install: Helm}\n", map[string]bool{"istio-system": true}},
		{"no label", "  controlPlane: {install: Helm, networkLabel: Never}\n", map[string]bool{}},
		{"gateway beside istiod", "  controlPlane: {networkLabel: Never, eastWestGateway: {deployment: Injected}}\n", map[string]bool{}},
		{"gateway elsewhere", "  controlPlane: {networkLabel: Never, eastWestGateway: {deployment: Injected, namespace: edge}}\n", map[string]bool{"edge": false}},
		{"gateway of Helm's", "  controlPlane: {networkLabel: Never, install: Helm, eastWestGateway: {namespace: edge}}\n", map[string]bool{"edge": false}},
		{"gateway of somebody else's", "  controlPlane: {networkLabel: Never, eastWestGateway: {namespace: edge}}\n", map[string]bool{}},
		{"namespaces of somebody else's", "  namespaces: {create: false}\n  controlPlane: {eastWestGateway: {deployment: Injected, namespace: edge}}\n", map[string]bool{"istio-system": true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := map[string]bool{}
			for _, n := range mustResolve(t, inNetwork+c.spec).Namespaces {
				require.True(t, n.Create)
				got[n.Name] = n.System
			}
			require.Equal(t, c.want, got)
		})
	}
}

// TestGatewayReach: what a Service without a load balancer needs, and when a gateway is made at all.
func TestGatewayReach(t *testing.T) {
	gateway := func(spec string) *ControlPlane { return mustResolve(t, inNetwork+spec).ControlPlane }
	require.Len(t, gateway("  controlPlane: {eastWestGateway: {deployment: Injected, service: {type: ClusterIP, externalIPs: [203.0.113.5]}}}\n").EastWestGateway.ExternalIPs, 1)
	require.True(t, gateway("  controlPlane: {eastWestGateway: {deployment: Injected, service: {type: NodePort}}}\n").Emitted(), "what stands before its nodes is for people to say")
	require.True(t, gateway("  controlPlane: {install: Helm}\n").Emitted())
	require.False(t, gateway("  controlPlane: {install: Helm, eastWestGateway: {exposeIstiod: false}}\n").Emitted(), "it would expose nothing")
	require.False(t, gateway("  controlPlane: {networkLabel: Never}\n").Emitted())
}

// TestNetworksOfSpecs: two specs may name a network alike; one spec that names it twice hears so once.
func TestNetworksOfSpecs(t *testing.T) {
	_, found := resolve(t, inNetwork+"  networks: [{name: a, gateways: [{address: 203.0.113.7}]}, {name: a}]\n")
	require.Equal(t, []string{"VM030"}, rules(found))
	m := mustResolve(t,
		inNetwork+"  networks: [{name: a, gateways: [{address: 203.0.113.7}]}]\n  controlPlane: {networkLabel: Never}\n",
		inNetwork+"  networks: [{name: a, gateways: [{address: 203.0.113.7, port: 15443}]}, {name: b, gateways: [{address: 203.0.113.9}]}]\n")
	require.Equal(t, []RemoteGateways{
		{Network: "a", Port: 15443, Addresses: []string{"203.0.113.7"}}, {Network: "b", Port: 15443, Addresses: []string{"203.0.113.9"}},
	}, m.ControlPlane.Remotes, "those of every spec, each once")
	require.True(t, m.ControlPlane.EastWestGateway.ExposeServices)
}
