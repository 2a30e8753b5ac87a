package monitoring

import (
	"encoding/json"
	"iter"
	"slices"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// scrapeFile is what Prometheus reads by scrape_config_files.
type scrapeFile struct {
	Jobs []*job `json:"scrape_configs"`
}

// fileName is what a group's files are called, without an ending.
func fileName(g *mesh.Group) string { return g.Workload.Namespace + "." + g.Name }

// fragmentOf is the file of one group: never a whole prometheus.yml, so that it stands beside what is there.
func fragmentOf(g *mesh.Group) string { return printed(scrapeFile{[]*job{jobOf(g)}}) }

// fragments makes the ConfigMap of each group that is scraped by files in the cluster.
func fragments(m *mesh.Mesh) []draft {
	var all []draft
	for g := range groups(m, fragment) {
		w, name := g.Workload, mesh.ScrapeName(g)
		all = append(all, draft{w.Spec.Prometheus.Namespace, name, func() *manifest.Object {
			o := about(w, "v1", "ConfigMap", name)
			o.Labels = with(o.Labels, labelKind, "scrape")
			o.At = g.At
			o.Body = []manifest.Field{{Name: "data", Value: map[string]string{fileName(g) + ".yaml": fragmentOf(g)}}}
			return delivered(w.Spec.GitOps.ArgoCD, w.Spec.GitOps.Flux, o)
		}})
	}
	return all
}

// scrapeFiles makes the files of scrape configuration, in the order of their groups.
func scrapeFiles(m *mesh.Mesh) iter.Seq[manifest.File] {
	return func(yield func(manifest.File) bool) {
		for g := range groups(m, fragment, fileSD) {
			j := jobOf(g)
			if g.Workload.Spec.Prometheus.Format == fileSD && len(j.Static) > 0 {
				name := fileName(g) + ".json"
				if !yield(manifest.File{Path: scrapeFolder + name, Mode: 0o644, Data: targetList(j.Static)}) {
					return
				}
				j.Static, j.File = nil, []fileDiscovery{{[]string{name}}}
			}
			if !yield(manifest.File{Path: scrapeFolder + fileName(g) + ".yaml", Mode: 0o644, Data: []byte(printed(scrapeFile{[]*job{j}}))}) {
				return
			}
		}
	}
}

// targetList is what file_sd reads: a JSON list, a VM a line.
func targetList(all []targets) []byte {
	text := []byte("[")
	for n, t := range all {
		line, err := json.Marshal(t)
		if err != nil {
			panic(err) // lists and maps of strings
		}
		if n > 0 {
			text = append(text, ',')
		}
		text = append(append(text, '\n'), line...)
	}
	return append(text, "\n]\n"...)
}

// What follows is monitoring.coreos.com/v1alpha1 ScrapeConfig, with the fields that are written.
type (
	scrapeSpec struct {
		Static    []targets         `json:"staticConfigs,omitempty"`
		HTTP      []httpDiscovery   `json:"httpSDConfigs,omitempty"`
		EC2       []ec2Discovery    `json:"ec2SDConfigs,omitempty"`
		GCE       []gceDiscovery    `json:"gceSDConfigs,omitempty"`
		Azure     []operatorAzure   `json:"azureSDConfigs,omitempty"`
		OpenStack []openStackSearch `json:"openstackSDConfigs,omitempty"`
		Path      string            `json:"metricsPath"`
		Interval  string            `json:"scrapeInterval"`
		Relabel   []operatorRelabel `json:"relabelings"`
	}
	operatorAzure struct {
		Authentication string `json:"authenticationMethod"`
		Subscription   string `json:"subscriptionID"`
		ResourceGroup  string `json:"resourceGroup,omitempty"`
		Port           uint16 `json:"port"`
	}
	operatorRelabel struct {
		Source      []string `json:"sourceLabels,omitempty"`
		Regex       string   `json:"regex,omitempty"`
		Action      string   `json:"action,omitempty"`
		Target      string   `json:"targetLabel,omitempty"`
		Replacement string   `json:"replacement,omitempty"`
	}
)

// ScrapeConfigs makes how the Prometheus operator has each group scraped.
func ScrapeConfigs(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	var all []draft
	for g := range groups(m, scrapeConfig) {
		w, name := g.Workload, mesh.ScrapeName(g)
		all = append(all, draft{w.Spec.Prometheus.Namespace, name, func() *manifest.Object {
			o := about(w, "monitoring.coreos.com/v1alpha1", "ScrapeConfig", name)
			o.At = g.At
			o.Body = []manifest.Field{{Name: "spec", Value: operators(jobOf(g))}}
			return delivered(w.Spec.GitOps.ArgoCD, w.Spec.GitOps.Flux, o)
		}})
	}
	return sorted(all)
}

// operators says a job in the operator's words. The name of the job is the operator's own affair.
func operators(j *job) *scrapeSpec {
	s := &scrapeSpec{Static: j.Static, HTTP: j.HTTP, EC2: j.EC2, GCE: j.GCE, Path: j.Path, Interval: j.Interval}
	for _, a := range j.Azure {
		s.Azure = append(s.Azure, operatorAzure(a))
	}
	for _, o := range slices.Clone(j.OpenStack) {
		o.Role = "Instance"
		s.OpenStack = append(s.OpenStack, o)
	}
	for _, r := range j.Relabel {
		s.Relabel = append(s.Relabel, operatorRelabel(r))
	}
	return s
}
