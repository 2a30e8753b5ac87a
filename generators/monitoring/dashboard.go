package monitoring

import (
	_ "embed"
	"iter"
	"maps"
	"slices"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// fleet is a Grafana dashboard of every VM that has the label job that [jobOf] gives. It has nothing of a mesh in it, so one of
// them is enough, whichever spec asks for it.
//
//go:embed vm-fleet.json
var fleet string

const dashboardName = "vm-fleet"

// dashboards makes one ConfigMap in each namespace for which a spec asks for the dashboard.
func dashboards(m *mesh.Mesh) []draft {
	type wish struct{ argoCD, flux bool }
	wishes := map[string]wish{}
	at := map[string]*mesh.Spec{}
	for _, s := range m.Specs {
		if !s.Prometheus.Dashboard {
			continue
		}
		n := s.Prometheus.Namespace
		wishes[n] = wish{wishes[n].argoCD || s.GitOps.ArgoCD, wishes[n].flux || s.GitOps.Flux}
		if at[n] == nil {
			at[n] = s
		}
	}
	var all []draft
	for _, n := range slices.Sorted(maps.Keys(wishes)) {
		all = append(all, draft{n, dashboardName, func() *manifest.Object {
			return delivered(wishes[n].argoCD, wishes[n].flux, &manifest.Object{
				APIVersion: "v1", Kind: "ConfigMap", Namespace: n, Name: dashboardName, At: at[n].Prometheus.At,
				// Grafana's sidecar collects dashboards by this label.
				Labels: manifest.Over(at[n].Prometheus.Labels, map[string]string{"grafana_dashboard": "1"}),
				Body:   []manifest.Field{{Name: "data", Value: map[string]string{dashboardName + ".json": fleet}}},
			})
		}})
	}
	return all
}

// dashboardFiles makes the same as a file, for a Grafana that reads files.
func dashboardFiles(m *mesh.Mesh) iter.Seq[manifest.File] {
	return func(yield func(manifest.File) bool) {
		if slices.ContainsFunc(m.Specs, func(s *mesh.Spec) bool { return s.Prometheus.Dashboard }) {
			yield(manifest.File{Path: dashboardFolder + dashboardName + ".json", Mode: 0o644, Data: []byte(fleet)})
		}
	}
}

// ConfigMaps makes what Prometheus and Grafana read in the cluster: scrape configuration and alerts as files, the dashboard.
func ConfigMaps(m *mesh.Mesh) iter.Seq[*manifest.Object] {
	return sorted(slices.Concat(fragments(m), ruleMaps(m), dashboards(m)))
}

// Files makes the folder monitoring/: the dashboard, alerts, jobs and targets.
func Files(m *mesh.Mesh) iter.Seq[manifest.File] {
	return func(yield func(manifest.File) bool) {
		for _, files := range []iter.Seq[manifest.File]{dashboardFiles(m), ruleFiles(m), scrapeFiles(m)} {
			for f := range files {
				if !yield(f) {
					return
				}
			}
		}
	}
}
