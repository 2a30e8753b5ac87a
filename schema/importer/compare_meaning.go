package importer

import (
	"fmt"
	"strconv"
	"strings"
)

// The classes of a difference.
const (
	sameMeaning   = iota // the mesh is the same
	littleMeaning        // no traffic changes by it, but something reads it
	otherMeaning
)

// meaning returns the class of a difference, and why it is harmless or what it does.
func (d *differ) meaning(path, key string, in, out any) (class int, why string) {
	kind := d.r.Kind
	vm := kind == "WorkloadGroup" || kind == "WorkloadEntry"
	vmLabel := vm && (strings.HasPrefix(path, "spec.metadata.labels") || strings.HasPrefix(path, "spec.template.labels") ||
		strings.HasPrefix(path, "spec.labels"))
	switch {
	case strings.Contains(path, "proxy.istio.io/config") && out == nil && kind == "WorkloadGroup":
		return sameMeaning, "the group's vm.proxyConfig has it, and the VM's mesh.yaml"
	case strings.Contains(path, "proxy.istio.io/config") && out == nil:
		return littleMeaning, "Istio reads it on WorkloadGroups and pods alone: write what it sets into the group's vm.proxyConfig if the VM needs it"
	case strings.Contains(path, "topology.istio.io/network") && out == nil:
		return sameMeaning, "the field network has it"
	case strings.HasPrefix(path, "metadata.annotations["+autoGroup):
		return sameMeaning, "reported above"
	case strings.HasPrefix(path, "metadata.annotations"):
		if strings.Contains(path, "istio.io/") {
			return otherMeaning, "Istio reads this annotation"
		}
		if d.external {
			return littleMeaning, "a spec gives an external service no annotations; see what reads this one"
		}
		return littleMeaning, "a spec gives the same annotations to all objects of a workload, by `annotations`; see what reads this one"
	case vmLabel && strings.HasPrefix(path, "spec.template.labels") && out == nil && d.builtLabel(key) == in:
		return sameMeaning, "it is among spec.metadata.labels"
	case vmLabel && key == "class":
		if d.used[key] {
			return otherMeaning, "a spec gives each VM class: vm, and something selects by the value that it had"
		}
		return littleMeaning, "a spec gives each VM class: vm; nothing among the manifests selects by the value that it had"
	case kind == "WorkloadEntry" && strings.HasPrefix(path, "metadata.labels") && d.builtLabel(key) == in:
		return sameMeaning, "it is among spec.labels"
	case vmLabel, kind == "WorkloadEntry" && strings.HasPrefix(path, "metadata.labels"):
		if d.used[key] {
			return otherMeaning, "something among the manifests selects by this label"
		}
		return otherMeaning, "selectors and subsets by this label find other VMs"
	case kind == "WorkloadGroup" && strings.HasPrefix(path, "metadata.labels"):
		return sameMeaning, "VMs have the labels of spec.metadata.labels"
	case strings.HasPrefix(path, "metadata.labels") && d.external:
		return littleMeaning, "a spec gives an external service no labels; see what reads this one"
	case strings.HasPrefix(path, "metadata.labels"):
		return littleMeaning, "a spec gives the same labels to all objects of a workload and its VMs, by `labels`; see what reads this one"
	case kind == "WorkloadGroup" && strings.HasPrefix(path, "spec.metadata.annotations"):
		return littleMeaning, "what Istio reads of them is in fields of the spec; others go to all objects of a workload, by `annotations`"
	case vm && (strings.HasPrefix(path, "spec.ports.") || strings.HasPrefix(path, "spec.template.ports.")) && out == nil && sidecarPort(in):
		return littleMeaning, "the sidecar or SSH has this port on the VM, so no client of the mesh can be sent there"
	case kind == "Service" && strings.HasSuffix(path, ".targetPort"):
		return sameMeaning, "it is the port that VMs have under this name"
	case (kind == "Service" && strings.HasSuffix(path, ".appProtocol") || kind == "ServiceEntry" && strings.HasSuffix(path, ".protocol")) &&
		strings.EqualFold(text2(in), text2(out)):
		return sameMeaning, "Istio reads it in any case"
	case kind == "ServiceEntry" && strings.HasSuffix(path, ".targetPort") && out == nil:
		return sameMeaning, "it is the port's own number"
	case kind == "DestinationRule" && path == "spec.host" && d.host != "":
		return sameMeaning, "a short host in full, as Istio completes it"
	case kind == "Telemetry" && strings.HasSuffix(path, ".filter") && out == nil:
		return sameMeaning, "it lets everything pass"
	case kind == "VirtualService" && path == "spec.gateways":
		return sameMeaning, "mesh is the default"
	}
	return otherMeaning, ""
}

// builtLabel is a label of the VM as a build has it.
func (d *differ) builtLabel(key string) any {
	spec, _ := d.out["spec"].(map[string]any)
	if d.r.Kind == "WorkloadGroup" {
		spec, _ = spec["metadata"].(map[string]any)
	}
	labels, _ := spec["labels"].(map[string]any)
	return labels[key]
}

// harmlessAddition reports whether what a build adds is what Istio does without it.
func harmlessAddition(kind, path string, out any) bool {
	switch {
	case strings.HasPrefix(path, "metadata."):
		return true // Istio reads labels and annotations of objects only where it is reported above
	case kind == "WorkloadGroup" && strings.HasPrefix(path, "spec.metadata.annotations"):
		return true
	case kind == "WorkloadGroup" || kind == "WorkloadEntry":
		// Ports are those of the Services, whose numbers VMs are dialled on without them. A probe's numbers are the agent's.
		return strings.HasPrefix(path, "spec.ports.") || strings.HasPrefix(path, "spec.template.ports.") ||
			path == "spec.probe.timeoutSeconds" && out == 1 || path == "spec.probe.periodSeconds" && out == 10 ||
			path == "spec.probe.successThreshold" && out == 1 || path == "spec.probe.failureThreshold" && out == 1 ||
			strings.HasPrefix(path, "spec.probe.") && strings.HasSuffix(path, ".host") ||
			strings.HasPrefix(path, "spec.metadata.labels") || strings.HasPrefix(path, "spec.labels")
	case kind == "Service":
		return strings.HasSuffix(path, ".appProtocol") || strings.HasSuffix(path, ".protocol") || strings.HasSuffix(path, ".targetPort")
	case kind == "ServiceEntry":
		return strings.HasSuffix(path, ".targetPort") || path == "spec.location" || path == "spec.exportTo"
	case kind == "DestinationRule":
		return path == "spec.subsets" // those of its versions, which no route names
	case kind == "PeerAuthentication":
		return path == "spec.mtls.mode" && out == "UNSET"
	case kind == "AuthorizationPolicy":
		return path == "spec.action" && out == "ALLOW"
	}
	return false
}

// effect is what a difference does at run time.
func effect(kind, path string) string {
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(path, part) {
				return true
			}
		}
		return false
	}
	switch kind {
	case "WorkloadGroup", "WorkloadEntry":
		switch {
		case has("abels"):
			return "selectors and subsets by this label find other VMs"
		case has("serviceAccount"):
			return "clients expect another identity of the VM, and mTLS to it fails until it runs as that account"
		case has("weight"):
			return "the VM gets another share of the requests"
		case has("locality"):
			return "load balancing by locality sends it other requests"
		case has("network"):
			return "clients reach it through a gateway, or no longer do"
		case has("ports"):
			return "clients dial another port of the VM"
		case has("probe"):
			return "istiod takes the VM out of rotation at another time"
		case has("address"):
			return "clients dial another machine"
		}
		return "the VM is another endpoint to its clients"
	case "Service", "ServiceEntry":
		switch {
		case has("elector"):
			return "other workloads answer for this host"
		case has("ports"):
			return "clients dial other ports, or by another protocol"
		}
		return "clients resolve or reach this host otherwise"
	case "DestinationRule":
		return "clients balance, limit or encrypt calls to this host otherwise"
	case "VirtualService":
		return "requests to this host take other ways"
	case "AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication":
		return "other callers are let in or refused"
	case "Sidecar":
		return "VMs reach other hosts, or listen otherwise"
	case "Telemetry":
		return "other things are logged or traced"
	case "Namespace":
		return "pods of the namespace are injected, or its objects seen, otherwise"
	}
	return "what reads it sees another value"
}

// sidecarPort reports whether a number among plain values is a port of the sidecar or of SSH.
func sidecarPort(v any) bool {
	n, err := strconv.ParseUint(fmt.Sprint(v), 10, 32)
	return err == nil && sidecarPorts[uint32(n)]
}

// text2 is a string among plain values.
func text2(v any) string {
	s, _ := v.(string)
	return s
}
