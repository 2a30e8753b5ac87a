package vms_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/generators/vms"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// resolved is the mesh of a spec without its head, and what is wrong with it.
func resolved(t testing.TB, spec string) (*mesh.Mesh, diag.List) {
	t.Helper()
	text := "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: a}\nspec:\n" + spec
	docs, found := schema.Parse("vmmesh.yaml", []byte(text))
	if found.HasErrors() {
		return nil, found
	}
	if found = append(docs[0].Validate(), docs[0].Secrets()...); found.HasErrors() {
		return nil, found
	}
	decoded, found := docs[0].Decode()
	if found.HasErrors() {
		return nil, found
	}
	schema.Default(decoded)
	return mesh.Resolve([]*schema.VMMesh{decoded})
}

// files are those of a spec without faults, by path.
func files(t testing.TB, spec string) map[string]manifest.File {
	t.Helper()
	m, found := resolved(t, spec)
	require.False(t, found.HasErrors(), "%v", found)
	all := map[string]manifest.File{}
	for f := range vms.Files(m) {
		require.NotContains(t, all, f.Path)
		all[f.Path] = f
	}
	return all
}

const pay = `
  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90]}
  workloads:
  - name: pay
    ports: [{name: http, port: 80, targetPort: 8080}]
    groups:
    - name: pay
      locality: us-west1/a
      instances:
      - {name: vm1, address: 192.168.1.1}
      - {name: vm2, address: 192.168.1.2, weight: 5, labels: {app.kubernetes.io/name: other}}
      - {name: vm3, address: 192.168.1.3, locality: us-west1/a, ports: [{name: http, targetPort: 8080}], network: ""}
`

// An instance has a cluster.env in any case, and anything else only where it differs: to say again what the group says
// is no difference, nor is the weight, which no VM knows.
func TestOnlyWhatDiffers(t *testing.T) {
	all := files(t, pay)
	own := map[string][]string{}
	for path := range all {
		rest, _ := strings.CutPrefix(path, "vms/vm-workloads/pay/")
		if instance, file, below := strings.Cut(rest, "/"); below {
			own[instance] = append(own[instance], file)
		}
	}
	require.Equal(t, []string{"cluster.env"}, own["vm1"])
	require.ElementsMatch(t, []string{"cluster.env", "mesh.yaml", "instances", "user-data", "vm.env"}, own["vm2"])
	require.Equal(t, []string{"cluster.env"}, own["vm3"])
	require.Equal(t, "192.168.1.1\t192.168.1.1\tpay-vm1\tvm1\tshared\n192.168.1.2\t192.168.1.2\tpay-vm2\tvm2\town\n"+
		"192.168.1.3\t192.168.1.3\tpay-vm3\tvm3\tshared\n", string(all["vms/vm-workloads/pay/instances"].Data))
	require.Equal(t, "192.168.1.2\t192.168.1.2\tpay-vm2\tvm2\tshared\n", string(all["vms/vm-workloads/pay/vm2/instances"].Data))
}

// What a VM of the group has is what the group has, and its own lines in their places.
func TestAnInstancesLinesAreTheGroupsAndItsOwn(t *testing.T) {
	all := files(t, strings.ReplaceAll(pay, "vm1, address: 192.168.1.1", "vm1, address: 192.168.1.1, externalAddress: 203.0.113.1"))
	group := strings.SplitAfter(string(all["vms/vm-workloads/pay/cluster.env"].Data), "\n")
	lines := strings.SplitAfter(string(all["vms/vm-workloads/pay/vm1/cluster.env"].Data), "\n")
	require.IsIncreasing(t, lines[:len(lines)-1])
	var more []string
	for _, line := range lines {
		if len(group) > 0 && line == group[0] {
			group = group[1:]
		} else {
			more = append(more, line)
		}
	}
	require.Empty(t, group)
	require.Equal(t, []string{"ISTIO_META_WORKLOAD_ENTRY='pay-vm1'\n", "ISTIO_SVC_IP='203.0.113.1'\n", "REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION='true'\n"}, more)
}

// No instance's folder can be where a file of its group is.
func TestNoInstanceIsNamedAfterAFile(t *testing.T) {
	seen := map[string]bool{}
	for _, backend := range []string{"Nftables", "UFW"} {
		m, found := resolved(t, pay+"  vm: {firewall: {backend: "+backend+", allowFrom: [10.0.0.0/8]}}\n")
		require.False(t, found.HasErrors(), "%v", found)
		m.Specs[0].Istio.RootCert = "a certificate"
		for f := range vms.Folders()(m.Workloads[0].Groups[0]) {
			name := f.Path
			if strings.Contains(name, "/") {
				continue
			}
			seen[name] = true
			require.Contains(t, mesh.VMFileNames, name)
			_, found := resolved(t, strings.Replace(pay, "name: vm1", "name: "+name, 1))
			require.True(t, found.HasErrors(), "an instance may be called %s", name)
		}
	}
	for _, name := range mesh.VMFileNames {
		require.True(t, seen[name], "no file is called %s", name)
	}
}

// Files can be left at any of them.
func TestFilesStop(t *testing.T) {
	m, _ := resolved(t, pay)
	total := len(files(t, pay))
	for stop := range total {
		n := 0
		for range vms.Files(m) {
			if n++; n > stop {
				break
			}
		}
		require.Equal(t, stop+1, n)
	}
}

// What the mesh says to every proxy is below what is said of VMs: metadata key by key, any other field as a whole. What is
// derived for VMs it does not reach.
func TestTheMeshsOwnDefaults(t *testing.T) {
	const spec = `
  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90]}
  controlPlane:
    install: INSTALL
    meshConfig:
      defaultConfig:
        concurrency: 3
        tracing: {sampling: 10, zipkin: {address: "zipkin:9411"}}
        proxyMetadata: {ISTIO_META_DNS_CAPTURE: "true", BOTH: mesh, MESH: mesh}
  workloads: [{name: pay, groups: [{name: pay}]}]
  vm:
    dns: {mode: None}
    proxyConfig: {tracing: {sampling: 5}, proxyMetadata: {BOTH: vm}}
`
	folder := "vms/vm-workloads/pay/"
	all := files(t, strings.ReplaceAll(spec, "INSTALL", "Helm"))
	env, config := string(all[folder+"cluster.env"].Data), string(all[folder+"mesh.yaml"].Data)
	for _, line := range []string{"BOTH='vm'\n", "MESH='mesh'\n"} {
		require.Contains(t, env, line)
	}
	require.NotContains(t, env+config, "DNS_CAPTURE")
	require.Contains(t, config, "  concurrency: 3\n  discoveryAddress: istiod.istio-system.svc:15012\n")
	require.Contains(t, config, "  tracing:\n    sampling: 5\n")
	require.NotContains(t, config, "zipkin")

	all = files(t, strings.ReplaceAll(spec, "INSTALL", "None"))
	require.NotContains(t, string(all[folder+"cluster.env"].Data), "MESH='mesh'", "who installs the mesh says what is in it")
}
