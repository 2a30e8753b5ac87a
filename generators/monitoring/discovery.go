package monitoring

import (
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// The tags by which a cloud's VMs are told apart: whoever makes the VMs of a group puts them on. On Google Cloud they are
// labels, on OpenStack metadata. The first is only asked for where the cluster has a name of its own.
const (
	tagCluster   = "vmmesh-cluster"
	tagNamespace = "vmmesh-namespace"
	tagGroup     = "vmmesh-group"
)

// unnamedCluster is what istiod calls a cluster that nobody named.
const unnamedCluster = "Kubernetes"

type (
	httpDiscovery struct {
		URL string `json:"url"`
	}
	ec2Discovery struct {
		Region  string      `json:"region"`
		Port    uint16      `json:"port"`
		Filters []ec2Filter `json:"filters"`
	}
	ec2Filter struct {
		Name   string   `json:"name"`
		Values []string `json:"values"`
	}
	gceDiscovery struct {
		Project string `json:"project"`
		Zone    string `json:"zone"`
		Filter  string `json:"filter"`
		Port    uint16 `json:"port"`
	}
	azureDiscovery struct {
		Authentication string `json:"authentication_method"` // ManagedIdentity: no secret has to be written anywhere
		Subscription   string `json:"subscription_id"`
		ResourceGroup  string `json:"resource_group,omitempty"`
		Port           uint16 `json:"port"`
	}
	openStackSearch struct { // the account is that of the environment of Prometheus, OS_…
		Role   string `json:"role"`
		Region string `json:"region"`
		Port   uint16 `json:"port"`
	}
)

// tag is what a VM of a group carries.
type tag struct{ name, value string }

func tags(g *mesh.Group) []tag {
	var all []tag
	if cluster := g.Workload.Istio().ClusterName; cluster != unnamedCluster {
		all = append(all, tag{tagCluster, cluster})
	}
	return append(all, tag{tagNamespace, g.Workload.Namespace}, tag{tagGroup, g.Name})
}

// discover fills in how the VMs of a group are found that are no instances, and what is known of them besides.
func (j *job) discover(g *mesh.Group) {
	w, port, cloud := g.Workload, g.VM.StatusPort(), g.VM.Cloud
	public := g.VM.Address.Source == "MetadataExternal" // behind NAT: the cloud knows the address that others dial
	switch {
	case w.Spec.Prometheus.DiscoveryType == "HTTP":
		j.HTTP = []httpDiscovery{{w.Spec.Prometheus.DiscoveryURL}}
		j.keep([]string{"namespace", "workload"}, is(w.Namespace)+";"+is(g.Name))
		// With a port or without, as an inventory has them.
		j.Relabel = append(j.Relabel,
			relabel{Source: []string{"__address__"}, Regex: `(\[.+\]|[^:]+)(?::\d+)?`, Target: "__address__", Replacement: "$1:" + strconv.Itoa(int(port))},
			relabel{Source: []string{labelPod, "__address__"}, Regex: ";(.+)", Target: labelPod, Replacement: "$1"},
		)
	case cloud.Type == "AWS":
		search := ec2Discovery{Region: cloud.Region, Port: port}
		for _, t := range tags(g) {
			search.Filters = append(search.Filters, ec2Filter{"tag:" + t.name, []string{t.value}})
		}
		search.Filters = append(search.Filters, ec2Filter{"instance-state-name", []string{"running"}})
		j.EC2 = []ec2Discovery{search}
		j.reach(public, "__meta_ec2_public_ip", port)
		j.take("__meta_ec2_instance_id", "(.+)", labelPod, "$1")
		if g.Locality == "" { // as the agent finds it (istio: pkg/bootstrap/platform/aws.go, Locality)
			j.take("__meta_ec2_availability_zone", "(.+)", labelLocality, cloud.Region+"/$1")
		}
	case cloud.Type == "GCP":
		var conditions []string
		for _, t := range tags(g) {
			conditions = append(conditions, "(labels."+t.name+" = "+strconv.Quote(gceLabel(t.value))+")")
		}
		filter := strings.Join(append(conditions, `(status = "RUNNING")`), " ")
		for _, zone := range cloud.Zones {
			j.GCE = append(j.GCE, gceDiscovery{Project: cloud.Project, Zone: zone, Filter: filter, Port: port})
		}
		j.reach(public, "__meta_gce_public_ip", port)
		j.take("__meta_gce_instance_name", "(.+)", labelPod, "$1")
		if g.Locality == "" { // as the agent finds it (istio: pkg/bootstrap/platform/gcp.go, Locality)
			j.take("__meta_gce_zone", ".+/((.+)-[^-]+)", labelLocality, "$2/$1")
		}
	case cloud.Type == "Azure":
		j.Azure = []azureDiscovery{{"ManagedIdentity", cloud.SubscriptionID, cloud.ResourceGroup, port}}
		j.keepTagged(g, "__meta_azure_machine_tag_")
		j.reach(public, "__meta_azure_machine_public_ip", port)
		j.take("__meta_azure_machine_name", "(.+)", labelPod, "$1")
		if g.Locality == "" {
			j.take("__meta_azure_machine_location", "(.+)", labelLocality, "$1")
		}
	case cloud.Type == "OpenStack":
		j.OpenStack = []openStackSearch{{"instance", cloud.Region, port}}
		j.keepTagged(g, "__meta_openstack_tag_")
		j.reach(public, "__meta_openstack_public_ip", port)
		j.take("__meta_openstack_instance_name", "(.+)", labelPod, "$1")
	}
}

// keep drops every target whose labels do not match.
func (j *job) keep(source []string, regex string) {
	j.Relabel = append(j.Relabel, relabel{Source: source, Regex: regex, Action: "keep"})
}

// keepTagged tells VMs apart where the cloud cannot be asked for those with a tag. Prometheus writes a tag's name with
// underscores.
func (j *job) keepTagged(g *mesh.Group, prefix string) {
	for _, t := range tags(g) {
		j.keep([]string{prefix + strings.ReplaceAll(t.name, "-", "_")}, is(t.value))
	}
}

// reach dials the public address of a VM instead of its own, where it has one.
func (j *job) reach(public bool, label string, port uint16) {
	if public {
		j.take(label, "(.+)", "__address__", "$1:"+strconv.Itoa(int(port)))
	}
}

// take fills a label in from another one, where that is there.
func (j *job) take(from, regex, to, replacement string) {
	j.Relabel = append(j.Relabel, relabel{Source: []string{from}, Regex: regex, Target: to, Replacement: replacement})
}

// gceLabel writes a value as Google Cloud takes it in a label: small letters, digits, "-" and "_".
func gceLabel(value string) string {
	return strings.ReplaceAll(strings.ToLower(value), ".", "-")
}
