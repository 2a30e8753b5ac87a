package e2e

import (
	"net/netip"
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
				!istioctl.there && vmmesh.value == s.group.Name+"-"+s.instance.Name
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
			network := ""
			if s.instance != nil {
				network = s.instance.Network
			}
			return strings.HasPrefix(key, "hosts istiod") && strings.HasSuffix(name, ".svc") && !istioctl.there && vmmesh.there &&
				slices.Contains(s.group.IstiodAddresses(network)[1:], address)
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
		func(_ subject, key string, istioctl, vmmesh side) bool {
			return key == "cluster.env ISTIO_PROMETHEUS_ANNOTATIONS" && !istioctl.there && vmmesh.there
		},
	},
	{
		"istioctl copies an address as it was typed; vmmesh writes each in its one canonical form",
		func(_ subject, key string, istioctl, vmmesh side) bool {
			theirs, err := netip.ParseAddr(istioctl.value)
			return key == "cluster.env ISTIO_SVC_IP" && err == nil && theirs.Unmap().String() == vmmesh.value
		},
	},
}

// sameList tells whether two comma-separated lists have the same items.
func sameList(a, b string) bool {
	x, y := strings.Split(a, ","), strings.Split(b, ",")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
