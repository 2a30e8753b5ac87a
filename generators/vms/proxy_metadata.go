package vms

import (
	"encoding/json"
	"maps"
	"slices"
)

// proxyMetadata is what stands in mesh.yaml and in cluster.env alike: ISTIO_META_* is read from both, the labels and the
// identity from the environment alone (istio: pkg/bootstrap/config.go, GetNodeMetaData and extractAttributesMetadata).
// The keys are those of istioctl (istio: istioctl/pkg/workload, createMeshConfig), and two more, for which see the package's documentation.
func proxyMetadata(m machine) map[string]string {
	w, vm, istio := m.workload(), m.group.VM, m.istio()
	md := map[string]string{}
	maps.Copy(md, m.proxy.ProxyMetadata)
	md["CANONICAL_SERVICE"] = m.labels["service.istio.io/canonical-name"]
	md["CANONICAL_REVISION"] = m.labels["service.istio.io/canonical-revision"]
	md["POD_NAMESPACE"] = w.Namespace
	md["SERVICE_ACCOUNT"] = w.ServiceAccount
	md["TRUST_DOMAIN"] = istio.TrustDomain
	md["ISTIO_META_CLUSTER_ID"] = istio.ClusterName
	md["ISTIO_META_MESH_ID"] = istio.MeshID
	md["ISTIO_META_NETWORK"] = m.network
	md["ISTIO_META_WORKLOAD_NAME"] = m.group.Name
	md["ISTIO_METAJSON_LABELS"] = asJSON(m.labels)
	if len(m.ports) > 0 {
		md["ISTIO_META_POD_PORTS"] = asJSON(podPorts(m.ports))
	}
	if vm.DNS.Mode == "Proxy" {
		md["ISTIO_META_DNS_CAPTURE"] = "true"
	}
	if m.group.Auto {
		md["ISTIO_META_AUTO_REGISTER_GROUP"] = m.group.Name
	}
	if istio.Ambient { // as the ambient profile has it in its defaultConfig (istio: manifests/helm-profiles/ambient.yaml)
		md["ISTIO_META_ENABLE_HBONE"] = "true"
	}
	if vm.Interception.Mode != "REDIRECT" {
		md["ISTIO_META_INTERCEPTION_MODE"] = vm.Interception.Mode
	}
	return md
}

// podPort is a port as Istio prints it, protocol included though it is empty (istio: pkg/model/proxy.go, PodPort).
type podPort struct {
	Name          string `json:"name,omitempty"`
	ContainerPort uint32 `json:"containerPort"`
	Protocol      string `json:"protocol"`
}

func podPorts(ports map[string]uint32) []podPort {
	var all []podPort
	for _, name := range slices.Sorted(maps.Keys(ports)) {
		all = append(all, podPort{Name: name, ContainerPort: ports[name]})
	}
	return all
}

// asJSON prints plain maps and structs, keys sorted.
func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of strings and numbers everything can be printed
	}
	return string(text)
}
