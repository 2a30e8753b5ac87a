package mesh

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// vmOf resolves spec.vm and a group's own vm, both as flow maps.
func vmOf(t *testing.T, below, over string) *VM {
	t.Helper()
	m := mustResolve(t, "  vm: "+below+"\n  workloads: [{name: pay, ports: [{name: http, port: 8080}], groups: [{name: pay, vm: "+over+"}]}]\n")
	return m.Workloads[0].Groups[0].VM
}

func TestGroupOverridesVMFieldByField(t *testing.T) {
	below := `{
    package: {format: Deb, version: 1.30.4, baseURL: "https://mirror.example.com", checksums: [{format: Deb, arch: amd64, sha256: ` + strings.Repeat("a", 64) + `}]},
    cloud: {type: AWS, aws: {region: us-west-2}}, address: {source: Interface, interface: eth1}, dns: {mode: Forward, servers: [10.0.0.53]},
    identity: {type: HTTP, http: {url: "https://tokens.example.com", caFile: /etc/ca.pem}},
    interception: {mode: TPROXY, includeInboundPorts: [8080, 9090], excludeOutboundPorts: [25], excludeInterfaces: [docker0]},
    env: [{name: A, value: a}, {name: B, value: b}], firewall: {backend: UFW, sshPort: 2222, allowFrom: [10.0.0.0/8], scrapeFrom: [10.1.0.0/16]},
    cloudInit: {minVersion: "23.1"}}`
	same := vmOf(t, below, "{}")
	require.Equal(t, "Deb", same.Package.Format)
	require.Equal(t, Cloud{Type: "AWS", Region: "us-west-2"}, same.Cloud)
	require.Equal(t, Identity{Type: "HTTP", URL: "https://tokens.example.com", CAFile: "/etc/ca.pem"}, same.Identity)

	vm := vmOf(t, below, `{package: {version: 1.30.0}, address: {interface: eth2}, firewall: {sshPort: 22}, interception: {excludeOutboundPorts: [465, 587]}, env: [{name: C, value: c}]}`)
	want := *same
	want.At, want.ProxyAt, want.Interception.At = vm.At, vm.ProxyAt, vm.Interception.At
	want.Package.Version = "1.30.0"
	want.Package.Release = Release{Minor: 30}
	want.Address.Interface = "eth2"
	want.Firewall.SSHPort = 22
	want.Interception.ExcludeOutboundPorts = []uint32{465, 587}
	want.Env = []EnvVar{{At: vm.Env[0].At, Name: "C", Value: "c"}}
	want.Application.At, want.Drain.At = vm.Application.At, vm.Drain.At
	require.Equal(t, want, *vm, "what is said, and nothing else")
	require.Equal(t, "spec.workloads[pay].groups[pay].vm", vm.At.String())

	// A union is overridden as a whole: nothing of the other type is left.
	vm = vmOf(t, below, `{cloud: {type: GCP, gcp: {project: p}}, identity: {type: TokenFile}, address: {source: DefaultRoute}, dns: {mode: None}}`)
	require.Equal(t, Cloud{Type: "GCP", Project: "p"}, vm.Cloud)
	require.Equal(t, Identity{Type: "TokenFile", Path: "/var/lib/vmmesh/istio-token", RootCertPath: "/var/lib/vmmesh/root-cert.pem"}, vm.Identity)
	require.Equal(t, Address{Source: "DefaultRoute"}, vm.Address)
	require.Equal(t, DNS{Mode: "None"}, vm.DNS)
	vm = vmOf(t, below, `{identity: {type: HTTP, http: {url: "https://other.example.com"}}}`)
	require.Empty(t, vm.Identity.CAFile, "a union's block is not mixed with the one below")
	vm = vmOf(t, "{}", "{identity: {type: TokenFile, tokenFile: {path: /var/lib/token}}}")
	require.Equal(t, Identity{Type: "TokenFile", Path: "/var/lib/token", RootCertPath: "/var/lib/vmmesh/root-cert.pem"}, vm.Identity)
}

// TestGroupOverridesLifeFieldByField: the group's settings are laid over the spec's, a list as a whole.
func TestGroupOverridesLifeFieldByField(t *testing.T) {
	below := `{application: {units: [a.service], start: Wait}, drain: {onShutdown: false, timeout: 1m},
    interception: {backend: Nftables, excludeContainers: false}, cloudInit: {phoneHome: "https://a.example.com"},
    firewall: {backend: UFW, sshFrom: [10.1.0.0/16], open: [{name: x, port: 9100}], allowFrom: [10.0.0.0/8]}}`
	vm := vmOf(t, below, `{application: {timeout: 90s}, drain: {onShutdown: true}}`)
	require.Equal(t, []string{"a.service"}, vm.Application.Units)
	require.Equal(t, "Wait", vm.Application.Start)
	require.Equal(t, 90*time.Second, vm.Application.Timeout)
	require.True(t, vm.Drain.OnShutdown)
	require.Equal(t, time.Minute, vm.Drain.Timeout)
	require.True(t, vm.Interception.Native)
	require.False(t, vm.Interception.ExcludeContainers)
	require.Equal(t, "https://a.example.com", vm.PhoneHome)
	require.Len(t, vm.Firewall.SSHFrom, 1)
	require.Len(t, vm.Firewall.Open, 1)
	require.False(t, vm.Firewall.Open[0].UDP)

	vm = vmOf(t, below, `{interception: {excludeContainers: true}, firewall: {open: [{name: y, port: 53, protocol: UDP, from: [10.9.0.0/16]}]}}`)
	require.True(t, vm.Interception.ExcludeContainers)
	require.Equal(t, "y", vm.Firewall.Open[0].Name)
	require.True(t, vm.Firewall.Open[0].UDP)
	require.Len(t, vm.Firewall.Open[0].From, 1)

	vm = vmOf(t, "{}", "{}")
	require.Equal(t, "Require", vm.Application.Start)
	require.Equal(t, 5*time.Minute, vm.Application.Timeout)
	require.True(t, vm.Drain.OnShutdown && vm.Interception.ExcludeContainers && !vm.Interception.Native)
	require.Equal(t, 30*time.Second, vm.Drain.Timeout)
}

func TestGroupOverridesProxyConfigFieldByField(t *testing.T) {
	vm := vmOf(t, `{proxyConfig: {concurrency: 4, drainDuration: 45s, statNameLength: 200, proxyMetadata: {A: a, B: b},
    proxyStatsMatcher: {inclusionPrefixes: [x, y], inclusionSuffixes: [z]}, tracing: {sampling: 5, zipkin: {address: "a:1"}}, privateKeyProvider: {cryptomb: {pollDelay: 10s}}}}`,
		`{proxyConfig: {concurrency: 0, drainDuration: 0.500s, proxyMetadata: {B: bb, C: c},
    proxyStatsMatcher: {inclusionPrefixes: [w]}, tracing: {lightstep: {address: "b:2"}}}}`)
	p := vm.ProxyConfig
	require.EqualValues(t, 0, p.Concurrency.GetValue())
	require.NotNil(t, p.Concurrency, "a zero that is said wins")
	require.Equal(t, 500*time.Millisecond, p.DrainDuration.AsDuration(), "durations are replaced, not added up")
	require.EqualValues(t, 200, p.StatNameLength)
	require.Equal(t, map[string]string{"A": "a", "B": "bb", "C": "c"}, p.ProxyMetadata)
	require.Equal(t, []string{"w"}, p.ProxyStatsMatcher.InclusionPrefixes, "a list is replaced as a whole")
	require.Equal(t, []string{"z"}, p.ProxyStatsMatcher.InclusionSuffixes)
	require.EqualValues(t, 5, p.Tracing.Sampling)
	require.Nil(t, p.Tracing.GetZipkin(), "of a union one is left")
	require.Equal(t, "b:2", p.Tracing.GetLightstep().GetAddress())
	require.NotNil(t, p.PrivateKeyProvider.GetCryptomb())
}

// Two groups lay their words over one spec.vm: neither sees the other's.
func TestGroupsShareNothing(t *testing.T) {
	m := mustResolve(t, `
  vm: {proxyConfig: {concurrency: 4, proxyMetadata: {A: a}}}
  workloads:
  - name: pay
    groups:
    - {name: a, vm: {proxyConfig: {concurrency: 1, proxyMetadata: {B: b}}}}
    - {name: b, vm: {proxyConfig: {proxyMetadata: {C: c}}}}
    - {name: c}
`)
	groups := m.Workloads[0].Groups
	require.Equal(t, map[string]string{"A": "a", "B": "b"}, groups[0].VM.ProxyConfig.ProxyMetadata)
	require.Equal(t, map[string]string{"A": "a", "C": "c"}, groups[1].VM.ProxyConfig.ProxyMetadata)
	require.EqualValues(t, 4, groups[1].VM.ProxyConfig.Concurrency.GetValue())
	require.Equal(t, map[string]string{"A": "a"}, groups[2].VM.ProxyConfig.ProxyMetadata)
}

// A group on another control plane may say that one's address, and not the default's.
func TestDiscoveryAddressOfARevision(t *testing.T) {
	const spec = `
  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90], revisions: [{name: old, version: 1.30.4}]}
  workloads: [{name: pay, groups: [{name: pay, revision: old, vm: {proxyConfig: {discoveryAddress: "%s.istio-system.svc:15012"}}}]}]
`
	m := mustResolve(t, strings.Replace(spec, "%s", "istiod-old", 1))
	require.Equal(t, "1.30.4", m.Workloads[0].Groups[0].VM.Package.Version)
	_, found := resolve(t, strings.Replace(spec, "%s", "istiod", 1))
	require.Equal(t, []string{"VM062"}, rules(found))
}

func TestInboundPorts(t *testing.T) {
	require.Equal(t, []uint32{8080}, vmOf(t, "{}", "{}").Interception.IncludeInboundPorts, "where the group's VMs listen")
	vm := vmOf(t, `{interception: {includeInboundPorts: ["*"], excludeInboundPorts: [9100]}, firewall: {sshPort: 2222}}`, "{}")
	require.True(t, vm.Interception.AllInbound)
	require.Equal(t, []uint32{2222, 9100, 15020, 15021, 15090}, vm.Interception.ExcludeInboundPorts)
	vm = vmOf(t, "{}", `{interception: {includeInboundPorts: [9090, "8080", 9090]}}`)
	require.Equal(t, []uint32{8080, 9090}, vm.Interception.IncludeInboundPorts)
}
