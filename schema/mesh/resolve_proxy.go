package mesh

import (
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// derivedEnv are the lines of cluster.env that are facts of the mesh, said elsewhere in the spec
// (istio: istioctl/pkg/workload, createClusterEnv and createMeshConfig).
var derivedEnv = map[string]string{
	"CA_ADDR": "istio.revision", "CANONICAL_REVISION": "group.version", "CANONICAL_SERVICE": "workload.name",
	"ISTIO_EXCLUDE_INTERFACES": "vm.interception", "ISTIO_INBOUND_INTERCEPTION_MODE": "vm.interception", "ISTIO_INBOUND_PORTS": "vm.interception",
	"ISTIO_LOCAL_EXCLUDE_PORTS": "vm.interception", "ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE": "vm.interception",
	"ISTIO_SERVICE_CIDR": "vm.interception", "ISTIO_SERVICE_EXCLUDE_CIDR": "vm.interception",
	"ISTIO_META_AUTO_REGISTER_GROUP": "group.registration", "ISTIO_META_WORKLOAD_ENTRY": "group.registration",
	"ISTIO_META_CLUSTER_ID": "istio.clusterName", "ISTIO_META_DNS_CAPTURE": "vm.dns", "ISTIO_META_ENABLE_HBONE": "istio.dataplaneMode",
	"ISTIO_META_MESH_ID": "istio.meshID", "ISTIO_META_NETWORK": "group.network", "ISTIO_META_POD_PORTS": "workload.ports",
	"ISTIO_META_WORKLOAD_NAME": "group.name", "ISTIO_METAJSON_LABELS": "workload.labels", "ISTIO_NAMESPACE": "workload.namespace",
	"ISTIO_PROMETHEUS_ANNOTATIONS": "workload.metrics", "ISTIO_SERVICE": "group.name", "ISTIO_SVC_IP": "instance.address",
	"POD_NAMESPACE": "workload.namespace", "REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION": "instance.externalAddress",
	"SERVICE_ACCOUNT": "workload.serviceAccount", "TRUST_DOMAIN": "istio.trustDomain",
}

func (r *resolver) env(in *schema.VM, vm *VM) {
	unique(r, in.Env, func(e *schema.EnvVar) (string, diag.Path) { return e.Name, e.At })
	for _, e := range in.Env {
		if from := derivedEnv[e.Name]; from != "" {
			r.say(ruleDerivedSetting.At(e.At.Key("name"), "%s is derived and cannot be set here", e.Name).WithHelp("it comes from %s", from))
		}
	}
}

// proxyConfig holds the free block to what the rest of the spec says.
func (r *resolver) proxyConfig(in *schema.VM, vm *VM, g *Group) {
	p := vm.ProxyConfig
	if p == nil {
		return
	}
	at := in.At.Key("proxyConfig")
	istio := g.Workload.Istio()
	derived := func(key, from string) {
		r.say(ruleDerivedSetting.At(at.Key(key), "%s is derived and cannot be set here", key).Key().WithHelp("it comes from %s", from))
	}
	if p.DiscoveryAddress != "" && p.DiscoveryAddress != istio.discovery(g.Revision) {
		derived("discoveryAddress", "istio.discoveryAddress and the group's revision")
	}
	if p.MeshId != "" && p.MeshId != istio.MeshID {
		derived("meshId", "istio.meshID")
	}
	if p.ReadinessProbe != nil {
		derived("readinessProbe", "workload.probe")
	}
	for _, key := range sortedKeys(p.ProxyMetadata) {
		if from := derivedEnv[key]; from != "" {
			r.say(ruleDerivedSetting.At(at.Key("proxyMetadata").Key(key), "%s is derived and cannot be set here", key).Key().WithHelp("it comes from %s", from))
		}
	}
	if p.InterceptionMode != 0 && p.InterceptionMode.String() != vm.Interception.Mode {
		derived("interceptionMode", "vm.interception.mode")
	}
}
