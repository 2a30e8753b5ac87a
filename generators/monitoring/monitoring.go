// Package monitoring makes what watches the VMs of a mesh: Prometheus' scrape configuration, alerts, and a dashboard.
// Its functions are total: they decide nothing that the resolved mesh does not say.
package monitoring

import (
	"bytes"
	"cmp"
	"iter"
	"maps"
	"slices"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// The words of observability.prometheus.format.
const (
	fragment     = "Fragment"     // scrape_configs as files, and as ConfigMaps
	scrapeConfig = "ScrapeConfig" // resources of the Prometheus operator
	fileSD       = "FileSD"       // files alone, targets apart
)

// Where the files stand in the output tree. A job and its targets are neighbours: Prometheus reads the path of the one in
// the other from there.
const (
	scrapeFolder    = "monitoring/scrape/"
	rulesFolder     = "monitoring/rules/"
	dashboardFolder = "monitoring/dashboards/"
)

// labelKind tells what a ConfigMap holds, for whoever collects them by label.
const labelKind = "vmmesh.dev/prometheus"

// groups are the groups whose spec has one of the formats and that have VMs to scrape, or may have.
func groups(m *mesh.Mesh, formats ...string) iter.Seq[*mesh.Group] {
	return func(yield func(*mesh.Group) bool) {
		for _, w := range m.Workloads {
			if !slices.Contains(formats, w.Spec.Prometheus.Format) {
				continue
			}
			for _, g := range w.Groups {
				if watched(g) && !yield(g) {
					return
				}
			}
		}
	}
}

// alerting are the workloads whose spec asks for alerts in one of the formats, where there is something to scrape.
func alerting(m *mesh.Mesh, formats ...string) iter.Seq[*mesh.Workload] {
	return func(yield func(*mesh.Workload) bool) {
		for _, w := range m.Workloads {
			p := w.Spec.Prometheus
			if p.Alerts && slices.Contains(formats, p.Format) && slices.ContainsFunc(w.Groups, watched) && !yield(w) {
				return
			}
		}
	}
}

// watched tells whether a group has VMs, or may have some.
func watched(g *mesh.Group) bool { return g.Auto || len(g.Instances) > 0 }

// draft is an object by its name, before its text is made: only one of them is whole at a time.
type draft struct {
	namespace, name string
	make            func() *manifest.Object
}

// sorted yields drafts by namespace and name.
func sorted(all []draft) iter.Seq[*manifest.Object] {
	slices.SortStableFunc(all, func(a, b draft) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	return func(yield func(*manifest.Object) bool) {
		for _, d := range all {
			if !yield(d.make()) {
				return
			}
		}
	}
}

// about begins an object that is about a workload, in the namespace of Prometheus, with the workload's labels and
// annotations.
func about(w *mesh.Workload, apiVersion, kind, name string) *manifest.Object {
	return &manifest.Object{
		APIVersion: apiVersion, Kind: kind, Namespace: w.Spec.Prometheus.Namespace, Name: name,
		Labels: manifest.Over(w.Spec.Prometheus.Labels, w.Labels), Annotations: w.Annotations, At: w.At,
	}
}

// with adds to a map, without touching it.
func with(below map[string]string, key, value string) map[string]string {
	out := maps.Clone(below)
	if out == nil {
		out = map[string]string{}
	}
	out[key] = value
	return out
}

// What Argo CD and Flux have to know of an object, where they are in use.
const (
	syncWave = "argocd.argoproj.io/sync-wave"
	fluxVars = "kustomize.toolkit.fluxcd.io/substitute"
)

// delivered adds the annotations of the GitOps tools in use. Argo CD applies what watches the VMs before their entries: a
// wave behind those would wait for every VM to be healthy, and one VM that is down would hold up all later commits. Flux
// does not substitute in objects that contain its variables' marks. The user's own annotations take precedence.
func delivered(argoCD, flux bool, o *manifest.Object) *manifest.Object {
	if argoCD && o.Annotations[syncWave] == "" {
		o.Annotations = with(o.Annotations, syncWave, "2")
	}
	if flux && o.Annotations[fluxVars] == "" {
		var enc manifest.Encoder
		enc.Object(o)
		if bytes.Contains(enc.Bytes(), []byte("${")) || bytes.Contains(enc.Bytes(), []byte("$$")) {
			o.Annotations = with(o.Annotations, fluxVars, "disabled")
		}
	}
	return o
}

// printed is a value as a YAML file.
func printed(value any) string {
	var enc manifest.Encoder
	enc.Value(value)
	return string(enc.Bytes())
}
