// Package generators turns the resolved mesh into outputs: one table, whose order is the order in which a cluster
// should see the objects. Generators are total functions: everything that could go wrong was said before.
package generators

import (
	"iter"

	"github.com/vmmesh/vmmesh/generators/controlplane"
	"github.com/vmmesh/vmmesh/generators/fleet"
	"github.com/vmmesh/vmmesh/generators/handbook"
	"github.com/vmmesh/vmmesh/generators/manifests"
	"github.com/vmmesh/vmmesh/generators/monitoring"
	"github.com/vmmesh/vmmesh/generators/vms"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Generator makes one kind of output. Objects are yielded sorted by namespace and name; an object is only valid until
// the next one is asked for. Either function may be nil.
type Generator struct {
	Name    string // the kind, or the file
	Doc     string // one sentence: what it makes, and when
	Shared  bool   // whether most objects of the kind in a cluster are others'
	Objects func(*mesh.Mesh) iter.Seq[*manifest.Object]
	Files   func(*mesh.Mesh) iter.Seq[manifest.File]
}

// Table is every generator. What others refer to comes first; policy comes before the entries that let traffic in.
var Table = []Generator{
	{Name: "Namespace", Doc: "one for every namespace that a workload or an external service is in; the network's label on istiod's", Objects: manifests.Namespaces},
	{Name: "ServiceAccount", Doc: "the identity of each workload, unless it is somebody else's, and of the gateway", Objects: manifests.ServiceAccounts},
	{Name: "Role", Doc: "what the gateway may read, and what the credential may do with which VMs ask the Kubernetes API for tokens", Shared: true, Objects: manifests.Roles},
	{Name: "RoleBinding", Doc: "gives a Role to the account that it is for", Shared: true, Objects: manifests.RoleBindings},
	{Name: "PeerAuthentication", Doc: "which ports demand mTLS, of a workload or a namespace", Objects: manifests.PeerAuthentications},
	{Name: "RequestAuthentication", Doc: "whose JWTs a workload trusts", Objects: manifests.RequestAuthentications},
	{Name: "AuthorizationPolicy", Doc: "who may call a workload: one for allow, one for deny", Objects: manifests.AuthorizationPolicies},
	{Name: "Telemetry", Doc: "access logs and traces of a workload's VMs", Objects: manifests.Telemetries},
	{Name: "Sidecar", Doc: "what a workload's VMs see of the mesh, and their listeners", Objects: manifests.Sidecars},
	{Name: "Service", Doc: "the Kubernetes host name of a workload, and what is dialled of the gateway", Objects: manifests.Services},
	{Name: "ServiceEntry", Doc: "host names of workloads that are no Kubernetes Services, and of external services", Objects: manifests.ServiceEntries},
	{Name: "DestinationRule", Doc: "traffic policy and subsets of a host, before anything routes to them", Objects: manifests.DestinationRules},
	{Name: "Gateway", Doc: "what the east-west gateway lets in, and where the gateways of other networks are", Shared: true, Objects: manifests.Gateways},
	{Name: "VirtualService", Doc: "routes of a host, and to each istiod", Objects: manifests.VirtualServices},
	{Name: "Deployment", Doc: "the east-west gateway, where it is to be made here", Shared: true, Objects: manifests.Deployments},
	{Name: "HorizontalPodAutoscaler", Doc: "how many there are of it", Shared: true, Objects: manifests.Autoscalers},
	{Name: "PodDisruptionBudget", Doc: "how many stay when nodes are drained", Shared: true, Objects: manifests.DisruptionBudgets},
	{Name: "WorkloadGroup", Doc: "the template of a group of VMs", Objects: manifests.WorkloadGroups},
	{Name: "ConfigMap", Doc: "the files of a group's VMs, where they go through the cluster", Objects: manifests.ConfigMaps(vms.Folders)},
	{Name: "WorkloadEntry", Doc: "each VM of a static group", Objects: manifests.WorkloadEntries},
	{Name: "ScrapeConfig", Doc: "how the Prometheus operator scrapes the VMs of a group", Objects: monitoring.ScrapeConfigs},
	{Name: "PrometheusRule", Doc: "alerts on a workload's VMs, for the Prometheus operator", Objects: monitoring.PrometheusRules},
	{Name: "ConfigMap", Doc: "scrape configuration and alerts as files for a Prometheus in the cluster, and Grafana's dashboard", Objects: monitoring.ConfigMaps},
	{Name: "monitoring", Doc: "the same as files: jobs, targets, alerts, the dashboard", Files: monitoring.Files},
	{Name: "control-plane", Doc: "the file for istioctl install, or values for Helm, that make the mesh of the spec", Files: controlplane.Install},
	{Name: "overlay", Doc: "what lets a kustomize overlay with another prefix or namespace keep hosts and identities together", Files: manifests.Overlay},
	{Name: "handbook", Doc: "RUNBOOK.md: what to do when something is wrong, with the mesh's own names", Files: handbook.Files},
	{Name: "fleet", Doc: "all VMs as a list for programs, each with the hash of its files", Files: fleet.Files(vms.Hashes)},
	{Name: "vms", Doc: "the files from which the VMs of each group become members", Files: vms.Files},
}
