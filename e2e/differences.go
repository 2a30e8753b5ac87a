package e2e

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// subject is whose files are compared: a group's, or those of one of its instances.
type subject struct {
	group    *Group
	instance *InstanceSpec
}

// side is a value that one of the two writes, if it does.
type side struct {
	value string
	there bool
}

func (s side) String() string {
	if !s.there {
		return "(not there)"
	}
	return "'" + s.value + "'"
}

// difference is where vmmesh means to write something else than istioctl, and why.
type difference struct {
	reason string
	holds  func(s subject, key string, istioctl, vmmesh side) bool
}

var differences = []difference{
	{
		"istioctl writes the ports in the random order of a Go map; the same spec must give the same bytes",
		func(_ subject, key string, istioctl, vmmesh side) bool {
			return key == "cluster.env ISTIO_INBOUND_PORTS" && sameList(istioctl.value, vmmesh.value)
		},
	},
	{
		"istioctl never says which WorkloadEntry is a VM's, so that nothing would report the health of a static one",
		func(s subject, key string, istioctl, vmmesh side) bool {
			return key == "cluster.env ISTIO_META_WORKLOAD_ENTRY" && s.instance != nil && !s.group.Auto() &&
				!istioctl.there && vmmesh.value == s.group.Entry(s.instance)
		},
	},
	{
		"where the chart names no cluster istioctl writes an empty ID; what istiod then goes by is its default",
		func(s subject, key string, istioctl, vmmesh side) bool {
			return strings.HasSuffix(key, "ISTIO_META_CLUSTER_ID") && s.group.Spec.Spec.Istio.ClusterName == "" &&
				istioctl == side{"", true} && vmmesh.value == "Kubernetes"
		},
	},
	{
		"istioctl takes one address of istiod; the spec may give several, and each is a way in",
		func(s subject, key string, istioctl, vmmesh side) bool {
			name, address, _ := strings.Cut(strings.TrimPrefix(key, "hosts "), " ")
			return strings.HasPrefix(key, "hosts istiod") && strings.HasSuffix(name, ".svc") && !istioctl.there && vmmesh.there &&
				slices.Contains(s.addresses()[1:], address)
		},
	},
	{
		"VMs that declare no port serve nobody: istioctl would capture whatever else the host listens on",
		func(_ subject, key string, istioctl, vmmesh side) bool {
			return key == "cluster.env ISTIO_INBOUND_PORTS" && istioctl.value == "*" && vmmesh == side{"", true}
		},
	},
	{
		"istioctl knows nothing of ambient meshes, where a VM's sidecar has to speak HBONE",
		func(s subject, key string, istioctl, vmmesh side) bool {
			return strings.HasSuffix(key, "ISTIO_META_ENABLE_HBONE") && s.group.Spec.Spec.Istio.DataplaneMode == "Ambient" &&
				!istioctl.there && vmmesh.value == "true"
		},
	},
	{
		"istioctl cannot tell the agent where the application's own metrics are",
		func(s subject, key string, istioctl, vmmesh side) bool {
			m := s.group.Workload.Metrics
			if key != "cluster.env ISTIO_PROMETHEUS_ANNOTATIONS" || istioctl.there || m == nil {
				return false
			}
			return vmmesh.value == fmt.Sprintf(`{"scrape":"true","path":%q,"port":"%d"}`, or(m.Path, "/metrics"), s.group.Listens(s.instance, m.Port))
		},
	},
	{
		"istioctl copies an address as it was typed; vmmesh writes each in its one canonical form",
		func(_ subject, key string, istioctl, vmmesh side) bool {
			theirs, err := netip.ParseAddr(istioctl.value)
			return key == "cluster.env ISTIO_SVC_IP" && err == nil && theirs.Unmap().String() == vmmesh.value
		},
	},
	{
		"istioctl leaves the CA's address to the start script, which asks istiod by its Service's name",
		func(s subject, key string, istioctl, vmmesh side) bool {
			istio := s.group.Spec.Spec.Istio
			return key == "cluster.env CA_ADDR" && (istio.CAAddress != "" && vmmesh.value == istio.CAAddress ||
				ownAddress(s) && vmmesh.value == istio.DiscoveryAddress)
		},
	},
	{
		"istioctl's hosts name istiod by its Service, whatever the VM dials",
		func(s subject, key string, istioctl, vmmesh side) bool {
			name, address, _ := strings.Cut(strings.TrimPrefix(key, "hosts "), " ")
			host, _, _ := strings.Cut(s.group.Spec.Spec.Istio.DiscoveryAddress, ":")
			return strings.HasPrefix(key, "hosts ") && ownAddress(s) && ((name == host && vmmesh.there && slices.Contains(s.addresses(), address)) || (name != host && !vmmesh.there))
		},
	},
	{
		"istioctl's hosts have no CA other than istiod",
		func(s subject, key string, istioctl, vmmesh side) bool {
			name, address, _ := strings.Cut(strings.TrimPrefix(key, "hosts "), " ")
			ca, _, _ := strings.Cut(s.group.Spec.Spec.Istio.CAAddress, ":")
			return strings.HasPrefix(key, "hosts ") && ca != "" && name == ca && !istioctl.there && slices.Contains(s.addresses(), address)
		},
	},
	{
		"vm.env: lines that istioctl cannot be told",
		func(s subject, key string, istioctl, vmmesh side) bool {
			name := strings.TrimPrefix(key, "cluster.env ")
			for _, env := range append(slices.Clone(s.group.VM.Env), s.group.Spec.Spec.VM.Env...) {
				if env.Name == name {
					return !istioctl.there && vmmesh.value == env.Value
				}
			}
			return false
		},
	},
	{
		"vm.proxyConfig.proxyMetadata: istioctl panics on it in a WorkloadGroup's annotation, unless the mesh has some, too",
		func(s subject, key string, istioctl, vmmesh side) bool {
			for _, config := range []map[string]any{s.group.VM.ProxyConfig, s.group.Spec.Spec.VM.ProxyConfig} {
				metadata, _ := config["proxyMetadata"].(map[string]any)
				if value, said := metadata[key[strings.LastIndexAny(key, " .")+1:]]; said {
					return !istioctl.there && vmmesh.value == fmt.Sprint(value)
				}
			}
			return false
		},
	},
	{
		"vm.interception.includeInboundPorts: istioctl takes the group's ports, and no others",
		func(s subject, key string, _, vmmesh side) bool {
			var ports []string
			for _, port := range s.group.VM.Interception.IncludeInboundPorts {
				ports = append(ports, fmt.Sprint(port))
			}
			return key == "cluster.env ISTIO_INBOUND_PORTS" && len(ports) > 0 && sameList(vmmesh.value, strings.Join(ports, ","))
		},
	},
	{
		"vm.interception.excludeInboundPorts and the SSH port: istioctl leaves out port 22 alone, wherever SSH is",
		func(s subject, key string, istioctl, vmmesh side) bool {
			excluded := strings.Split(istioctl.value, ",")
			more := append([]int{s.group.VM.Firewall.SSHPort, 15020}, s.group.VM.Interception.ExcludeInboundPorts...) // 15020 is the agent's
			for _, port := range more {
				if text := fmt.Sprint(port); port != 0 && !slices.Contains(excluded, text) {
					excluded = append(excluded, text)
				}
			}
			return key == "cluster.env ISTIO_LOCAL_EXCLUDE_PORTS" && slices.Contains(s.group.VM.Interception.IncludeInboundPorts, any("*")) &&
				sameList(vmmesh.value, strings.Join(excluded, ","))
		},
	},
	{
		"vm.interception.includeOutboundIPRanges: istioctl takes everything",
		func(s subject, key string, istioctl, vmmesh side) bool {
			return key == "cluster.env ISTIO_SERVICE_CIDR" && istioctl.value == "*" && vmmesh.there &&
				sameList(vmmesh.value, ranges(longer(s.group.VM.Interception.IncludeOutboundIPRanges, s.group.Spec.Spec.VM.Interception.IncludeOutboundIPRanges)))
		},
	},
	{
		"vm.interception: what istioctl cannot be told to leave alone",
		func(s subject, key string, istioctl, vmmesh side) bool {
			c, spec := s.group.VM.Interception, s.group.Spec.Spec.VM.Interception
			var want string
			switch key {
			case "cluster.env ISTIO_SERVICE_EXCLUDE_CIDR":
				want = ranges(longer(c.ExcludeOutboundIPRanges, spec.ExcludeOutboundIPRanges))
			case "cluster.env ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE":
				want = strings.Join(strings.Fields(strings.Trim(fmt.Sprint(longer(c.ExcludeOutboundPorts, spec.ExcludeOutboundPorts)), "[]")), ",")
			case "cluster.env ISTIO_EXCLUDE_INTERFACES":
				want = strings.Join(longer(c.ExcludeInterfaces, spec.ExcludeInterfaces), ",")
			}
			if key == "cluster.env ISTIO_SERVICE_EXCLUDE_CIDR" && !istioctl.there && slices.Contains(strings.Split(vmmesh.value, ","), metadataRange) {
				// With vm.cloud, the cloud's metadata service is left alone too.
				return want == "" && vmmesh.value == metadataRange || sameList(vmmesh.value, want) || sameList(vmmesh.value, want+","+metadataRange)
			}
			return want != "" && !istioctl.there && sameList(vmmesh.value, want)
		},
	},
	{
		"workload.probe: the agent asks it by a script, which fails while the VM is out of rotation",
		func(_ subject, key string, istioctl, vmmesh side) bool {
			const method = "mesh.yaml defaultConfig.readinessProbe."
			switch {
			case strings.HasPrefix(key, method+"exec.command"):
				return vmmesh.value == `["/bin/bash","/usr/local/lib/vmmesh/probe.sh"]`
			case strings.HasPrefix(key, method+"httpGet."), strings.HasPrefix(key, method+"tcpSocket."):
				return istioctl.there && !vmmesh.there
			}
			return false
		},
	},
	{
		"vm.interception.backend: istioctl captures with iptables alone",
		func(_ subject, key string, istioctl, vmmesh side) bool {
			return key == "cluster.env NATIVE_NFTABLES" && !istioctl.there && vmmesh.value == "true"
		},
	},
	{
		"vm.interception.mode: istioctl knows REDIRECT alone",
		func(s subject, key string, istioctl, vmmesh side) bool {
			mode := s.group.VM.Interception.Mode
			switch key[strings.LastIndexAny(key, " .")+1:] {
			case "ISTIO_INBOUND_INTERCEPTION_MODE", "ISTIO_META_INTERCEPTION_MODE", "interceptionMode":
				return mode != "" && !istioctl.there && vmmesh.value == mode
			case "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE": // agent and Envoy run as root then, and must not capture themselves
				return mode == "TPROXY" && !istioctl.there && vmmesh.value == "root"
			case "ISTIO_CUSTOM_IP_TABLES":
				return mode == "NONE" && !istioctl.there && vmmesh.value == "true"
			}
			return false
		},
	},
	{
		"vm.identity.type GCE: the agent fetches its token itself",
		func(s subject, key string, istioctl, vmmesh side) bool {
			return key == "cluster.env CREDENTIAL_FETCHER_TYPE" && s.group.Identity == "GCE" && !istioctl.there && vmmesh.value == "GoogleComputeEngine"
		},
	},
	{
		"vm.identity.type SPIRE: the agent is told the name of the socket",
		func(s subject, key string, istioctl, vmmesh side) bool {
			socket := or(s.group.VM.Identity.SPIRE.SocketPath, s.group.Spec.Spec.VM.Identity.SPIRE.SocketPath)
			return key == "cluster.env WORKLOAD_IDENTITY_SOCKET_FILE" && s.group.Identity == "SPIRE" && !istioctl.there &&
				vmmesh == side{path.Base(socket), true}
		},
	},
}

// metadataRange is where clouds tell a VM about itself.
const metadataRange = "169.254.169.254/32"

// addresses are how the subject reaches istiod.
func (s subject) addresses() []string {
	if s.instance != nil {
		return s.group.IstiodAddresses(s.instance.Network)
	}
	return s.group.IstiodAddresses("")
}

// longer is the list of a group, or that of its spec where the group has none.
func longer[T any](group, spec []T) []T {
	if len(group) > 0 {
		return group
	}
	return spec
}

// ranges lists IP ranges as the agent's iptables code reads them: an address is a range, too.
func ranges(list []string) string {
	var all []string
	for _, text := range list {
		if a, err := netip.ParseAddr(text); err == nil {
			text = netip.PrefixFrom(a, a.BitLen()).String()
		}
		all = append(all, text)
	}
	return strings.Join(all, ",")
}

// ownAddress reports whether the VMs of a group find istiod under a name of its own.
func ownAddress(s subject) bool {
	return s.group.Spec.Spec.Istio.DiscoveryAddress != "" && s.group.Revision == s.group.Spec.Spec.Istio.Revision
}

// sameList reports whether two comma-separated lists have the same items.
func sameList(a, b string) bool {
	x, y := strings.Split(a, ","), strings.Split(b, ",")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
