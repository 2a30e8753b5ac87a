package mesh

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fleet is a workload of n VMs in groups of a hundred, some with ports and labels of their own.
func fleet(n int) string {
	var b strings.Builder
	b.WriteString("  workloads:\n  - name: pay\n    ports: [{name: http, port: 8080}, {name: grpc, port: 9090}]\n    groups:\n")
	for i := range n {
		if i%100 == 0 {
			fmt.Fprintf(&b, "    - name: pay-%d\n      version: v%d\n      instances:\n", i/100, i/100)
		}
		fmt.Fprintf(&b, "      - {name: vm-%d, address: 10.%d.%d.%d", i, i>>16, i>>8&255, i&255)
		if i%7 == 0 {
			fmt.Fprintf(&b, ", labels: {rack: r%d}, ports: [{name: http, targetPort: %d}]", i%5, 20000+i%1000)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// What resolving allocates grows with the fleet and not with its square; unlike time, that can be counted.
func TestResolveIsLinear(t *testing.T) {
	cost := func(n int) float64 {
		text := fleet(n)
		all := testing.AllocsPerRun(1, func() { mustResolve(t, text) })
		return all
	}
	small, large := cost(400), cost(4000)
	require.Less(t, large, 11*small)
}

func TestTargets(t *testing.T) {
	m := mustResolve(t, `
  workloads:
  - name: pay
    ports: [{name: http, port: 80, targetPort: 8080}, {name: grpc, port: 9090}]
    metrics: {port: http}
    groups:
    - {name: a}
    - name: b
      ports: [{name: http, targetPort: 8081}]
      instances:
      - {name: vm1, address: 192.168.1.1}
      - {name: vm2, address: 192.168.1.2, ports: [{name: http, targetPort: 8082}, {name: grpc, targetPort: 9091}]}
`)
	w := m.Workloads[0]
	require.Equal(t, map[string][]uint32{"http": {8080, 8081, 8082}, "grpc": {9090, 9091}}, w.Targets)
	require.Equal(t, map[string]uint32{"http": 8081, "grpc": 9090}, w.Groups[1].Ports)
	require.Equal(t, map[string]uint32{"http": 8082, "grpc": 9091}, w.Groups[1].Instances[1].Ports)
	require.Equal(t, &Metrics{At: w.Metrics.At, Name: "http", Port: 8080, Path: "/metrics"}, w.Metrics)
	require.Len(t, w.portSets(), 3)
}

// A service that selects some VMs has the subsets of those VMs alone, by their own labels.
func TestDefaultSubsets(t *testing.T) {
	m := mustResolve(t, `
  workloads:
  - name: db
    ports: [{name: tcp, port: 5432}]
    groups:
    - {name: a, version: "1.0", labels: {role: primary}}
    - {name: b, version: "1.0", labels: {role: replica}, instances: [{name: vm1, address: 192.168.1.1}]}
    - {name: c, version: "2.0", labels: {role: replica}, instances: [{name: vm1, address: 192.168.1.2, labels: {role: primary}}]}
    services: [{name: db, selector: {role: primary}}, {name: db-replica, selector: {role: replica}}]
`)
	names := func(s *Service) (out []string) {
		for _, x := range s.Traffic.Subsets {
			out = append(out, x.Name+"="+x.Labels["version"])
		}
		return out
	}
	services := m.Workloads[0].Services
	require.Equal(t, []string{"1-0=1.0", "2-0=2.0"}, names(services[0]))
	require.Equal(t, []string{"1-0=1.0"}, names(services[1]), "the only VM of 2.0 says that it is no replica")
	require.False(t, services[0].Traffic.DestinationRule, "nothing refers to them")
}

// A route that leads to another service's default subset makes that service's DestinationRule, where the subset stands.
func TestRouteToAnotherServicesSubset(t *testing.T) {
	m := mustResolve(t, `
  workloads:
  - name: front
    ports: [{name: http, port: 80}]
    groups: [{name: front}]
    services: [{name: front, traffic: {http: [{route: [{destination: {host: pay, subset: v1}}]}]}}]
  - name: pay
    ports: [{name: http, port: 8080}]
    groups: [{name: pay, version: v1}]
`)
	require.True(t, m.Workloads[1].Services[0].Traffic.DestinationRule)
	d := m.Workloads[0].Services[0].Traffic.HTTP[0].Route[0].Destination
	require.Equal(t, "pay.vm-workloads.svc.cluster.local", d.Host)
	require.Nil(t, d.Port, "a host of one port takes everything there")
}

// Routes that the specs hold are left as they are: resolving twice answers the same.
func TestResolveChangesNoRoute(t *testing.T) {
	const text = `
  workloads:
  - name: pay
    ports: [{name: http, port: 80}, {name: grpc, port: 9090}]
    groups: [{name: pay}]
    services: [{name: pay, traffic: {http: [{match: [{uri: {prefix: /a}}], route: [{destination: {}}]}]}}]
`
	m := mustResolve(t, text)
	var ports []uint32
	for _, route := range m.Workloads[0].Services[0].Traffic.HTTP {
		require.Len(t, route.Match, 1)
		require.Equal(t, route.Match[0].Port, route.Route[0].Destination.Port.Number)
		ports = append(ports, route.Match[0].Port)
	}
	require.Equal(t, []uint32{80, 9090}, ports)
}

func TestNamespacesOfSeveralSpecs(t *testing.T) {
	workload := func(n string) string { return "  workloads: [{name: " + n + ", groups: [{name: " + n + "}]}]\n" }
	m := mustResolve(t,
		"  namespaces: {create: false}\n"+workload("a"),
		"  namespaces: {labels: {team: x}, mtls: {mode: STRICT}}\n"+workload("b"),
		"  namespaces: {create: false, mtls: {mode: STRICT}}\n"+workload("c"))
	require.Len(t, m.Namespaces, 1)
	n := m.Namespaces[0]
	require.True(t, n.Create)
	require.Equal(t, map[string]string{"team": "x"}, n.Labels)
	require.Equal(t, "STRICT", n.MTLS.String())

	_, found := resolve(t, "  namespaces: {labels: {team: x}}\n"+workload("a"), "  namespaces: {labels: {team: y}}\n"+workload("b"))
	require.Equal(t, []string{"VM060"}, rules(found))
	require.Contains(t, found[0].Message, "spec.namespaces of a.yaml")
	_, found = resolve(t, workload("a"), "  gitops: {pruneProtection: false}\n"+workload("b"))
	require.Equal(t, []string{"VM060"}, rules(found))
}

// The account is protected when any spec that uses it asks for that.
func TestSharedServiceAccount(t *testing.T) {
	m := mustResolve(t, `
  workloads:
  - {name: a, serviceAccount: shared, createServiceAccount: false, groups: [{name: a}]}
  - {name: b, serviceAccount: shared, groups: [{name: b}]}
  - {name: c, serviceAccount: shared, groups: [{name: c}]}
`)
	require.Len(t, m.ServiceAccounts, 1)
	require.Equal(t, "shared", m.ServiceAccounts[0].Name)
	require.True(t, m.ServiceAccounts[0].Protect)
}

// Entries are named <group>-<instance>: two pairs can make one name only where one group's name begins another's.
func TestEntryNames(t *testing.T) {
	_, found := resolve(t, `
  workloads:
  - name: pay
    groups:
    - {name: a, instances: [{name: b-c-vm1, address: 192.168.1.1}, {name: b-x, address: 192.168.1.2}]}
    - {name: a-b, instances: [{name: c-vm1, address: 192.168.1.3}]}
    - {name: a-b-c, instances: [{name: vm1, address: 192.168.1.4}, {name: vm2, address: 192.168.1.5}]}
    - {name: a-b-x, registration: Auto, instances: [{name: vm1, address: 192.168.1.6}]}
`)
	require.Equal(t, []string{"VM032", "VM032", "VM032"}, rules(found))
	mustResolve(t, `
  workloads:
  - {name: pay, namespace: one, groups: [{name: a, instances: [{name: b-vm1, address: 192.168.1.1}]}]}
  - {name: orders, namespace: two, groups: [{name: a-b, instances: [{name: vm1, address: 192.168.1.2}]}]}
`)
}

// One item of a list that repeats a name is said once, and not of everything that it would emit.
func TestDuplicateIsSaidOnce(t *testing.T) {
	_, found := resolve(t, `
  workloads:
  - {name: pay, ports: [{name: http, port: 80}], groups: [{name: a}], security: {mtls: {mode: STRICT}}}
  - {name: pay, ports: [{name: http, port: 80}], groups: [{name: a}], security: {mtls: {mode: STRICT}}}
`)
	require.Equal(t, []string{"VM030"}, rules(found))
}

func TestProtocolOf(t *testing.T) {
	for in, want := range map[[2]string]Protocol{
		{"", "http"}: "HTTP", {"", "http-admin"}: "HTTP", {"", "grpc-web-a"}: "GRPC-WEB", {"", "grpc"}: "GRPC", {"", "https"}: "HTTPS", {"", "mysql-1"}: "MYSQL",
		{"", "api"}: "", {"", "httpx"}: "", {"", "udp-dns"}: "", {"TCP", "http"}: "TCP", {"GRPC-Web", "x"}: "GRPC-WEB",
	} {
		require.Equal(t, want, ProtocolOf(in[0], in[1]), in)
	}
	require.True(t, Protocol("").IsHTTP(), "what Istio finds out by the bytes may be HTTP")
	require.False(t, Protocol("").IsTLS())
}

// A policy is for all of a workload's VMs: the oldest control plane among theirs must understand it.
func TestServiceAccountsOfOldControlPlanes(t *testing.T) {
	const rest = `
  workloads:
  - name: pay
    groups: [{name: a}, {name: b, revision: %q}]
    security: {allow: [{name: web, from: [{serviceAccounts: [frontend/web, own], notServiceAccounts: [x/y]}]}]}
`
	const istio = "  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90], revisions: [{name: old, version: 1.24.0}]}\n"
	source := mustResolve(t, istio+fmt.Sprintf(rest, "old")).Workloads[0].Allow[0].From[0].Source
	require.Equal(t, []string{"cluster.local/ns/frontend/sa/web", "cluster.local/ns/vm-workloads/sa/own"}, source.Principals)
	require.Equal(t, []string{"cluster.local/ns/x/sa/y"}, source.NotPrincipals)
	require.Empty(t, source.ServiceAccounts)
	source = mustResolve(t, istio+fmt.Sprintf(rest, "")).Workloads[0].Allow[0].From[0].Source
	require.Equal(t, []string{"frontend/web", "own"}, source.ServiceAccounts)
	require.Empty(t, source.Principals)
}

// An empty spec is a mesh of nothing, and no reason to fail.
func TestResolveNothing(t *testing.T) {
	m, found := Resolve(nil)
	require.Empty(t, found)
	require.Empty(t, m.Workloads)
	m = mustResolve(t, "  istio: {version: 1.31.1}\n")
	require.Empty(t, m.Namespaces)
	require.Len(t, m.Specs, 1)
	require.Nil(t, m.Specs[0].ControlPlane)
}
