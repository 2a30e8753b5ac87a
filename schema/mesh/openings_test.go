package mesh

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func prefixesOf(words ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, w := range words {
		out = append(out, netip.MustParsePrefix(w))
	}
	return out
}

func TestDisjoint(t *testing.T) {
	for _, c := range []struct{ in, want []netip.Prefix }{
		{nil, nil},
		{prefixesOf("10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"), prefixesOf("10.0.0.0/8")},
		{prefixesOf("10.0.0.5/32", "10.0.0.4/32"), prefixesOf("10.0.0.4/31")},
		{prefixesOf("10.0.0.5/32", "10.0.0.6/32"), prefixesOf("10.0.0.5/32", "10.0.0.6/32")}, // neighbours, and not halves of one range
		{prefixesOf("10.0.0.3/32", "10.0.0.2/32", "10.0.0.1/32", "10.0.0.0/32"), prefixesOf("10.0.0.0/30")},
		{prefixesOf("10.0.0.0/25", "10.0.0.128/26", "10.0.0.192/26"), prefixesOf("10.0.0.0/24")},
		{prefixesOf("0.0.0.0/1", "128.0.0.0/1"), prefixesOf("0.0.0.0/0")},
		{prefixesOf("::/0", "0.0.0.0/0", "2001:db8::/32"), prefixesOf("0.0.0.0/0", "::/0")},
		{prefixesOf("::ffff:10.0.0.0/104", "10.2.3.4/32"), prefixesOf("10.0.0.0/8")},
		{prefixesOf("2001:db8::1/128", "2001:db8::/128"), prefixesOf("2001:db8::/127")},
	} {
		require.Equal(t, c.want, disjoint(c.in), "%v", c.in)
	}
}

// TestOpenings: SSH is first and for everybody, also where its port is one that others would have.
func TestOpenings(t *testing.T) {
	m := mustResolve(t, `  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90], podCIDRs: [10.244.0.0/16]}
  workloads:
  - name: pay
    ports: [{name: http, port: 8080}]
    groups: [{name: pay, instances: [{name: a, address: 10.0.0.5}]}]
  vm: {firewall: {backend: UFW, allowFrom: [10.0.0.0/24]}}
`)
	callers := prefixesOf("10.0.0.0/24", "10.244.0.0/16")
	require.Equal(t, []Opening{{Port: 22, Why: "SSH"}, {Port: 15006, Sources: callers, Why: "the mesh, captured"}}, m.Workloads[0].Groups[0].Openings())

	// VMs of another spec of the build are of the same mesh.
	m = mustResolve(t, `  workloads: [{name: pay, ports: [{name: http, port: 8080}], groups: [{name: pay, registration: Auto}]}]
  vm: {firewall: {backend: UFW, allowFrom: [10.9.0.0/16]}, interception: {mode: NONE}}
`, `  workloads: [{name: cart, ports: [{name: http, port: 8080}], groups: [{name: cart, instances: [{name: a, address: 10.0.0.5, externalAddress: 203.0.113.5}]}]}]
`)
	require.Equal(t, []Opening{{Port: 22, Why: "SSH"}, {Port: 8080, Sources: prefixesOf("10.0.0.5/32", "10.9.0.0/16", "203.0.113.5/32"), Why: "the mesh"}}, m.Workloads[1].Groups[0].Openings())
}
