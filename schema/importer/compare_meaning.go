package importer

import "strings"

// harmless tells whether a difference leaves the mesh as it is, and what to do about it.
func harmless(kind, path string, in, out any, host string) (bool, string) {
	vm := kind == "WorkloadGroup" || kind == "WorkloadEntry"
	switch {
	case strings.Contains(path, "proxy.istio.io/config") && out == nil:
		return true, "the group's vm.proxyConfig says it, and the VM's mesh.yaml"
	case strings.HasPrefix(path, "metadata.annotations"):
		return !strings.Contains(path, "istio.io/"), "a spec gives the same annotations to all objects of a workload, by `annotations`"
	case strings.HasPrefix(path, "metadata.labels") && !vm:
		return true, "a spec gives the same labels to all objects of a workload and its VMs, by `labels`"
	case kind == "WorkloadGroup" && strings.HasPrefix(path, "metadata.labels"):
		return out == nil, "the labels of VMs are those of spec.metadata.labels"
	case kind == "WorkloadGroup" && strings.HasPrefix(path, "spec.template.labels") && out == nil:
		return true, "they become part of spec.metadata.labels, which means the same"
	case strings.Contains(path, "topology.istio.io/network") && out == nil:
		return true, "the field network says it"
	case kind == "WorkloadGroup" && strings.HasPrefix(path, "spec.metadata.annotations"):
		return true, "what Istio knows of them is in fields of the spec; others go to all objects of a workload, by `annotations`"
	case kind == "Service" && strings.HasSuffix(path, ".targetPort"):
		return true, "it is the port that VMs have under this name"
	case kind == "Service" && strings.HasSuffix(path, ".appProtocol"):
		return strings.EqualFold(text2(in), text2(out)), "Istio reads it in any case"
	case kind == "ServiceEntry" && strings.HasSuffix(path, ".protocol"):
		return strings.EqualFold(text2(in), text2(out)), "Istio reads it in any case"
	case kind == "ServiceEntry" && strings.HasSuffix(path, ".targetPort") && out == nil:
		return true, "it is the port's own number"
	case (kind == "DestinationRule" && path == "spec.host" || kind == "VirtualService" && path == "spec.hosts") && host != "":
		return true, "Istio completes a short name in the same way"
	case kind == "Telemetry" && strings.HasSuffix(path, ".filter") && out == nil:
		return true, "it lets everything pass"
	case kind == "VirtualService" && path == "spec.gateways":
		return true, "mesh is the default"
	case kind == "VirtualService":
		return samePlace(path, in, out), "Istio completes a short name in the same way"
	}
	return false, ""
}

// text2 is a string among plain values.
func text2(v any) string {
	s, _ := v.(string)
	return s
}

// samePlace tells whether a destination's host was only completed.
func samePlace(path string, in, out any) bool {
	a, b := text2(in), text2(out)
	return strings.HasSuffix(path, ".host") && a != "" && strings.HasPrefix(b, a+".")
}
