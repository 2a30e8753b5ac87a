package e2e

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// packetsCase is an expect.yaml of testdata/packets: which machines there are, and what becomes of their requests.
type packetsCase struct {
	// Says is what the case shows.
	Says string
	// Spec is the folder of the spec, from the top of the repository; without it, the spec is beside expect.yaml.
	Spec string
	// Machines are the instances that are booted; without it, all.
	Machines []string
	// Auto are VMs of groups that istiod registers: the addresses, by group.
	Auto map[string][]string
	// Clients are machines that only call: pods in all but name.
	Clients []packetsClient
	// Outside are machines without a sidecar, with their addresses.
	Outside map[string]string
	// Names are what the DNS server of the machines has.
	Names map[string]string
	// Gateway has the spec's east-west gateway run, and istiod behind it.
	Gateway bool
	Calls   []Call
}

// packetsClient is a client: a workload without ports in a spec of its own, which the test writes.
type packetsClient struct {
	Name, Namespace, ServiceAccount, Address, Network, Locality string
}

// testPackets starts the machines of each case of testdata/packets, each with its own Envoy, and makes requests.
func testPackets(t *testing.T, c *Cluster) {
	needEnvoy(t)
	files, err := filepath.Glob(filepath.Join("testdata", "packets", "*", "expect.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			p := readPackets(t, file)
			l := c.StartLab(t, p, filepath.Dir(file))
			l.accepted(t)
			for _, call := range p.Calls {
				t.Run(call.String(), func(t *testing.T) { l.call(t, call) })
			}
			l.accepted(t)
		})
	}
}

// needEnvoy skips a test on a machine that has no Envoy; in CI the test fails there.
func needEnvoy(t *testing.T) {
	t.Helper()
	if exists(program("envoy")) {
		return
	}
	if os.Getenv("CI") == "true" {
		require.Fail(t, "no Envoy: build.sh could not download it")
	}
	t.Skip("no Envoy: build.sh could not download it, and what needs it is not tested")
}

// readPackets reads an expect.yaml.
func readPackets(t *testing.T, file string) packetsCase {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var p packetsCase
	require.NoError(t, yaml.UnmarshalStrict(text, &p), file)
	require.NotEmpty(t, p.Says)
	require.NotEmpty(t, p.Calls)
	return p
}

// Lab is the machines of a case.
type Lab struct {
	Built    *Built
	Istiod   *Istiod
	Machines map[string]*VM
	Apps     map[string]*App
	sidecars []*VM
}

// StartLab starts the machines of a case, and waits until every sidecar is ready.
func (c *Cluster) StartLab(t *testing.T, p packetsCase, dir string) *Lab {
	t.Helper()
	l, _ := c.startLab(t, p, dir)
	return l
}

// startLab is [Cluster.StartLab]; it returns what stops the DNS server too.
func (c *Cluster) startLab(t *testing.T, p packetsCase, dir string) (*Lab, func()) {
	t.Helper()
	kase := Case{Name: dir, Path: filepath.Join(dir, "vmmesh.yaml")}
	if p.Spec != "" {
		kase = Case{Name: p.Spec, Path: filepath.Join("..", p.Spec, "vmmesh.yaml")}
	}
	l := &Lab{Built: Build(t, kase), Machines: map[string]*VM{}, Apps: map[string]*App{}}
	require.Len(t, l.Built.Specs, 1)
	spec := l.Built.Specs[0]
	settings := l.Built.settings()
	settings.UpstreamEnvoy = true
	address := "198.18.1.1"
	if first := spec.Spec.Istio.IstiodAddresses[0]; isIP(first) && !p.Gateway {
		address = first
	}
	stopResolver := StartResolver(t, p.Names)
	l.Istiod = c.StartIstiod(t, settings, address)
	clients := clientsOf(t, kase, p.Clients)
	c.ApplyWithStatus(t, readObjects(t, filepath.Join(dir, "objects.yaml")))
	c.Apply(t, l.Built.Objects)
	if clients != nil {
		c.Apply(t, clients.Objects)
	}

	if p.Gateway {
		gateway := c.StartGateway(t, l.Built, l.Istiod, spec.Spec.Istio.IstiodAddresses[0])
		l.Machines[gateway.Name] = gateway
		l.sidecars = append(l.sidecars, gateway)
	}
	for name, address := range p.Outside {
		l.Machines[name] = StartMachine(t, name, address, spec.Spec.Istio.Version)
		l.Apps[name] = l.Machines[name].StartApp(t, "8080")
	}
	member := func(b *Built, g *Group, instance *InstanceSpec, name, address string) {
		v := StartMachine(t, name, address, spec.Spec.Istio.Version, WithEnvoy)
		require.NotContains(t, l.Machines, name)
		l.Machines[name] = v
		l.sidecars = append(l.sidecars, v)
		if ports := b.appPorts(t, g); len(ports) > 0 {
			l.Apps[name] = v.StartApp(t, ports...)
		}
		v.Join(t, c, l.Istiod, b, g)
	}
	wanted := map[string]bool{}
	for _, name := range p.Machines {
		wanted[name] = true
	}
	for _, b := range []*Built{l.Built, clients} {
		if b == nil {
			continue
		}
		for _, g := range b.Specs[0].Groups() {
			for n := range g.Instances {
				if i := &g.Instances[n]; b == clients || len(wanted) == 0 || wanted[i.Name] {
					member(b, g, i, i.Name, i.Address)
					delete(wanted, i.Name)
				}
			}
			for n, address := range p.Auto[g.Name] {
				member(b, g, nil, fmt.Sprintf("%s-%d", g.Name, n), address)
			}
		}
	}
	require.Empty(t, wanted, "no such instances")
	for _, v := range l.sidecars {
		v.Ready(t)
	}
	return l, stopResolver
}

// appPorts is where the application of a group's VMs listens: with interception NONE the sidecar has the VM's own address.
func (b *Built) appPorts(t *testing.T, g *Group) []string {
	ports := b.Ports(t, g)
	if or(g.VM.Interception.Mode, g.Spec.Spec.VM.Interception.Mode) == "NONE" {
		for n, port := range ports {
			ports[n] = "127.0.0.1:" + port
		}
	}
	return ports
}

// clientsOf builds a spec of the clients in the mesh of a case.
func clientsOf(t *testing.T, kase Case, clients []packetsClient) *Built {
	t.Helper()
	if len(clients) == 0 {
		return nil
	}
	text, err := os.ReadFile(kase.Path)
	require.NoError(t, err)
	var of struct{ Spec map[string]any }
	require.NoError(t, yaml.Unmarshal(text, &of))
	var workloads []any
	for _, c := range clients {
		group := map[string]any{"name": c.Name, "instances": []any{map[string]any{"name": c.Name, "address": c.Address}}}
		if c.Network != "" {
			group["network"] = c.Network
		}
		if c.Locality != "" {
			group["locality"] = c.Locality
		}
		workloads = append(workloads, map[string]any{
			"name": c.Name, "namespace": c.Namespace, "serviceAccount": c.ServiceAccount, "ports": []any{}, "services": []any{}, "groups": []any{group},
		})
	}
	spec := map[string]any{
		"istio": of.Spec["istio"], "workloads": workloads, "namespace": "clients", "vm": map[string]any{"proxyConfig": map[string]any{"concurrency": 1}},
	}
	if networks, there := of.Spec["networks"]; there {
		spec["networks"] = networks
	}
	text, err = yaml.Marshal(map[string]any{
		"apiVersion": "vmmesh.dev/v1alpha1", "kind": "VMMesh", "metadata": map[string]any{"name": "clients"}, "spec": spec,
	})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "vmmesh.yaml")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return Build(t, Case{Name: "clients", Path: path})
}

// accepted sees that no Envoy has rejected anything, or warned of it.
func (l *Lab) accepted(t *testing.T) {
	t.Helper()
	for _, v := range l.sidecars {
		found, err := v.Rejections()
		require.NoError(t, err, v.Name)
		require.Empty(t, found, "%s rejects or warns", v.Name)
	}
}

// call makes a request until what becomes of it is what is expected, or all requests of a call of many.
func (l *Lab) call(t *testing.T, call Call) {
	from := l.Machines[call.From]
	require.NotNil(t, from, "no machine %s", call.From)
	client := from.HTTP(call.Times > 1)
	defer client.CloseIdleConnections()
	eventually(t, call.String(), func() error {
		before, err := from.sentTo(call.Via)
		if err != nil {
			return err
		}
		o, err := from.Do(client, call)
		if err != nil {
			return err
		}
		after, err := from.sentTo(call.Via)
		if err == nil && call.Via != "" && after == before {
			err = errors.New("the request was not sent to " + call.Via)
		}
		return errors.Join(call.judge(o), err)
	})
	if call.Times <= 1 {
		return
	}
	answered := map[string]int{}
	for range call.Times {
		o, err := from.Do(client, call)
		require.NoError(t, err)
		require.NoError(t, call.judge(o))
		answered[o.Seen.Name]++
	}
	for name, share := range call.Share {
		n := float64(call.Times)
		sigma := math.Sqrt(n * share * (1 - share))
		require.InDelta(t, n*share, answered[name], 3*sigma+0.5, "of %d requests: %v", call.Times, answered)
	}
}
