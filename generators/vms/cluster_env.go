package vms

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// clusterEnv is the environment of the VM's start script and agent: what mesh.yaml has as proxyMetadata, and over it
// what istioctl adds (istio: istioctl/pkg/workload, createClusterEnv), and more, for which see the package's documentation. Nothing of a single
// VM is in it.
func clusterEnv(m machine, metadata map[string]string) map[string]string {
	w, vm := m.workload(), m.group.VM
	env := maps.Clone(metadata)
	env["ISTIO_INBOUND_PORTS"] = commas(m.inbound())
	env["ISTIO_LOCAL_EXCLUDE_PORTS"] = commas(m.uncaptured())
	env["ISTIO_NAMESPACE"] = w.Namespace
	env["ISTIO_SERVICE"] = m.group.Name + "." + w.Namespace
	env["ISTIO_SERVICE_CIDR"] = commas(vm.Interception.IncludeOutboundIPRanges)
	env["SERVICE_ACCOUNT"] = w.ServiceAccount
	if address := m.group.CAAddress(); address != mesh.DefaultDiscoveryAddress {
		env["CA_ADDR"] = address
	}
	intercept(env, &vm.Interception, vm.Cloud.Type)
	identify(env, vm)
	if port := m.metricsPort(); port != 0 {
		env["ISTIO_PROMETHEUS_ANNOTATIONS"] = asJSON(scrape{"true", w.Metrics.Path, strconv.Itoa(int(port))})
	}
	for _, e := range vm.Env {
		env[e.Name] = e.Value
	}
	return env
}

// uncaptured are the ports that are left alone where all others are captured: istioctl's own, in its order, then what
// the spec adds.
func (m machine) uncaptured() []string {
	vm := m.group.VM
	ports := []uint32{22, 15090, 15021}
	switch status := uint32(m.proxy.StatusPort); status {
	case 0:
		ports = append(ports, 15020)
	case 15090, 15021:
	default:
		ports = append(ports, status)
	}
	if vm.Interception.AllInbound { // which is where they count: SSH, wherever it is, is among ExcludeInboundPorts then
		for _, more := range vm.Interception.ExcludeInboundPorts {
			if !slices.Contains(ports, more) {
				ports = append(ports, more)
			}
		}
	}
	return decimals(ports)
}

// metadataRange is where a cloud tells a VM about itself. Agents of the host ask there too, while no sidecar runs.
const metadataRange = "169.254.169.254/32"

// hasMetadata are the clouds with such a service.
var hasMetadata = map[string]bool{"AWS": true, "GCP": true, "Azure": true, "OpenStack": true}

// intercept adds what istioctl knows no word for (istio: tools/istio-iptables/pkg/cmd/root.go, bindCmdlineFlags; the
// start script reads the mode too).
func intercept(env map[string]string, c *mesh.Interception, cloud string) {
	ranges := c.ExcludeOutboundIPRanges
	if hasMetadata[cloud] && c.Mode != "NONE" && !slices.Contains(ranges, metadataRange) {
		ranges = append(slices.Clone(ranges), metadataRange)
	}
	for name, words := range map[string][]string{
		"ISTIO_SERVICE_EXCLUDE_CIDR":         ranges,
		"ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE": decimals(c.ExcludeOutboundPorts),
		"ISTIO_EXCLUDE_INTERFACES":           c.ExcludeInterfaces,
	} {
		if len(words) > 0 {
			env[name] = commas(words)
		}
	}
	if c.Native {
		env["NATIVE_NFTABLES"] = "true"
	}
	switch c.Mode {
	case "TPROXY":
		env["ISTIO_INBOUND_INTERCEPTION_MODE"] = "TPROXY"
		// The start script runs agent and Envoy as root then, and istio-iptables leaves out istio-proxy alone: the agent's
		// own connections to istiod would be captured, before there is an Envoy that could take them.
		env["ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE"] = "root"
	case "NONE":
		env["ISTIO_CUSTOM_IP_TABLES"] = "true"
	}
}

// identify adds what the agent has to know of an identity that is no token in a file (istio: security/pkg/
// credentialfetcher/fetcher.go, and pkg/istio-agent/agent.go, which takes the name of a socket and no path).
func identify(env map[string]string, vm *mesh.VM) {
	switch vm.Identity.Type {
	case "GCE":
		env["CREDENTIAL_FETCHER_TYPE"] = "GoogleComputeEngine"
	case "SPIRE":
		if name := path.Base(vm.Identity.SocketPath); name != "socket" && vm.Package.Release.NamesWorkloadSocket() {
			env["WORKLOAD_IDENTITY_SOCKET_FILE"] = name
		}
	}
}

// scrape is where the agent fetches the application's metrics (istio: pilot/cmd/pilot-agent/status/server.go,
// PrometheusScrapeConfiguration).
type scrape struct {
	Scrape string `json:"scrape"`
	Path   string `json:"path"`
	Port   string `json:"port"`
}

// variable is one line of cluster.env.
type variable struct{ name, text string }

// variables are lines, sorted by name.
type variables []variable

func sorted(env map[string]string) variables {
	lines := make(variables, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		lines = append(lines, variable{name, string(assign(nil, name, env[name]))})
	}
	return lines
}

// with is the text of the lines with further ones in their places.
func (v variables) with(more variables) []byte {
	size := 0
	for _, l := range v {
		size += len(l.text)
	}
	for _, l := range more {
		size += len(l.text)
	}
	text := make([]byte, 0, size)
	for _, l := range v {
		for len(more) > 0 && more[0].name < l.name {
			text, more = append(text, more[0].text...), more[1:]
		}
		text = append(text, l.text...)
	}
	for _, l := range more {
		text = append(text, l.text...)
	}
	return text
}

// ofInstance is what only one VM has in its cluster.env, sorted by name. A VM behind NAT is known by the address that
// others dial; its probe then must not go there (istio: istioctl/pkg/workload, createClusterEnv). A VM with an entry of
// its own says which, or istiod would take no health report for it (istio: pilot/pkg/autoregistration).
func ofInstance(i *mesh.Instance) variables {
	var lines variables
	add := func(name, value string) { lines = append(lines, variable{name, string(assign(nil, name, value))}) }
	if !i.Group.Auto {
		add("ISTIO_META_WORKLOAD_ENTRY", i.EntryName)
	}
	add("ISTIO_SVC_IP", i.Dial().String())
	if i.External.IsValid() {
		add("REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION", "true")
	}
	return lines
}

// hosts is what a VM needs before DNS works: the names in the certificates of istiod, and of a CA that is not istiod, at
// each of istiod's addresses. It is empty where the spec has a DNS name, which only the VM can resolve.
func hosts(m machine) []byte {
	var text strings.Builder
	for _, name := range m.group.ControlPlaneHosts() {
		for _, ip := range m.workload().Spec.IstiodIPs(m.network) {
			text.WriteString(ip.String() + " " + name + "\n")
		}
	}
	return []byte(text.String())
}
