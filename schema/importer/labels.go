package importer

import (
	"maps"
	"strings"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// findLabels finds which labels of its VMs are the workload's own: those that its other objects have as well. Where there
// is nothing else, they are all that its groups have in common.
func (w *workload) findLabels() {
	w.labels = map[string]string{}
	for n, r := range w.objects {
		if n == 0 {
			maps.Copy(w.labels, r.Labels)
		} else {
			maps.DeleteFunc(w.labels, func(k, v string) bool { return r.Labels[k] != v })
		}
	}
	for n, g := range w.groups {
		if n == 0 && len(w.objects) == 0 && len(w.groups) > 1 {
			maps.Copy(w.labels, g.labels)
		}
		if len(w.objects) == 0 {
			maps.DeleteFunc(w.labels, func(k, v string) bool { return g.labels[k] != v })
		}
		maps.DeleteFunc(w.labels, func(k, _ string) bool { _, has := g.labels[k]; return !has })
	}
	w.labels = w.userLabels(w.labels, "", nil)
	for key := range w.labels { // what istiod would find out by itself is the group's to say
		if strings.HasPrefix(key, "service.istio.io/canonical-") {
			delete(w.labels, key)
		}
	}
}

// userLabels are labels less those that are derived, and those that a level above sets.
func (w *workload) userLabels(labels map[string]string, version string, above ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range above {
		maps.Copy(all, m)
	}
	out := map[string]string{}
	for key, value := range labels {
		switch {
		case mesh.DerivedLabel(key):
		case all[key] == value && value != "":
		default:
			out[key] = value
		}
	}
	lay := func(key string) string {
		if v, own := out[key]; own {
			return v
		}
		return all[key]
	}
	derive := func(key, value string) {
		if all[key] == "" && out[key] == value {
			delete(out, key)
		}
	}
	derive("service.istio.io/canonical-name", first(lay("app.kubernetes.io/name"), w.name))
	derive("service.istio.io/canonical-revision", first(lay("app.kubernetes.io/version"), version, "latest"))
	if len(out) == 0 {
		return nil
	}
	return out
}
