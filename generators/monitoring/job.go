package monitoring

import (
	"net/netip"
	"regexp"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Job is the label `job` of every VM, whoever scrapes it: what alerts and dashboards select by.
const Job = "istio-proxy-vm"

// metricsPath is where the agent serves what it has merged (istio: pilot/cmd/pilot-agent/status/server.go, handleStats).
const metricsPath = "/stats/prometheus"

// job is how the VMs of one group are scraped, in the words of Prometheus. Either targets or one list of discovery is
// there. The same structs print Prometheus' own files; the operator's resources have other names for the same things.
type job struct {
	Name      string            `json:"job_name"`
	Interval  string            `json:"scrape_interval"`
	Path      string            `json:"metrics_path"`
	Static    []targets         `json:"static_configs,omitempty"`
	File      []fileDiscovery   `json:"file_sd_configs,omitempty"`
	HTTP      []httpDiscovery   `json:"http_sd_configs,omitempty"`
	EC2       []ec2Discovery    `json:"ec2_sd_configs,omitempty"`
	GCE       []gceDiscovery    `json:"gce_sd_configs,omitempty"`
	Azure     []azureDiscovery  `json:"azure_sd_configs,omitempty"`
	OpenStack []openStackSearch `json:"openstack_sd_configs,omitempty"`
	Relabel   []relabel         `json:"relabel_configs"`
}

// targets is one VM: what all VMs of a group have in common is said once, by relabelling.
type targets struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

type fileDiscovery struct {
	Files []string `json:"files"`
}

// relabel is relabel_config. An empty Regex is Prometheus' own, which matches everything.
type relabel struct {
	Source      []string `json:"source_labels,omitempty"`
	Regex       string   `json:"regex,omitempty"`
	Action      string   `json:"action,omitempty"`
	Target      string   `json:"target_label,omitempty"`
	Replacement string   `json:"replacement,omitempty"`
}

// The labels of a VM, as far as they may be its own. The canonical ones are called what the labels of pods are called.
const (
	labelPod               = "pod"
	labelNetwork           = "network"
	labelLocality          = "locality"
	labelCanonicalName     = "service_istio_io_canonical_name"
	labelCanonicalRevision = "service_istio_io_canonical_revision"
)

// jobOf makes the job of a group. The labels are those that Istio's own configuration gives to pods (namespace, pod,
// node, and the labels app, version, service_istio_io_canonical_name; istio: samples/addons/prometheus.yaml), and what
// is known of a VM besides: its group as `workload`, which is what its own metrics call it, cluster, network, locality.
func jobOf(g *mesh.Group) *job {
	w := g.Workload
	p := w.Spec.Prometheus
	j := &job{Name: Job + "/" + w.Namespace + "/" + g.Name, Interval: p.Interval, Path: metricsPath}
	if g.Discovered() {
		j.discover(g)
	} else {
		for _, i := range g.Instances {
			j.Static = append(j.Static, target(i))
		}
	}
	set := func(label, value string) {
		if value != "" {
			j.Relabel = append(j.Relabel, relabel{Target: label, Replacement: value})
		}
	}
	unless := func(label, value string) { // what a VM has not said itself
		if value != "" {
			j.Relabel = append(j.Relabel, relabel{Source: []string{label}, Regex: "^$", Target: label, Replacement: value})
		}
	}
	set("job", Job)
	set("cluster", w.Istio().ClusterName)
	set("namespace", w.Namespace)
	set("app", w.Name)
	set("workload", g.Name)
	set("version", g.Version)
	unless(labelNetwork, g.Network)
	unless(labelLocality, g.Locality)
	unless(labelCanonicalName, g.Labels["service.istio.io/canonical-name"])
	unless(labelCanonicalRevision, g.Labels["service.istio.io/canonical-revision"])
	j.Relabel = append(j.Relabel, relabel{Source: []string{labelPod}, Target: "node"})
	return j
}

// target is one VM, by the address at which others reach it.
func target(i *mesh.Instance) targets {
	g := i.Group
	labels := map[string]string{labelPod: i.Name}
	own := func(label, value, groups string) {
		if value != groups {
			labels[label] = value
		}
	}
	own(labelNetwork, i.Network, g.Network)
	own(labelLocality, i.Locality, g.Locality)
	own(labelCanonicalName, i.Labels["service.istio.io/canonical-name"], g.Labels["service.istio.io/canonical-name"])
	own(labelCanonicalRevision, i.Labels["service.istio.io/canonical-revision"], g.Labels["service.istio.io/canonical-revision"])
	return targets{Targets: []string{netip.AddrPortFrom(i.Dial(), g.VM.StatusPort()).String()}, Labels: labels}
}

// is matches one text and no other.
func is(text string) string { return regexp.QuoteMeta(text) }
