package importer

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// freeName changes a name until nothing else has it.
func freeName[T any](name string, taken map[string]T) string {
	free := name
	for n := 2; ; n++ {
		if _, is := taken[free]; !is {
			return free
		}
		free = name + "-" + strconv.Itoa(n)
	}
}

var notDNS = regexp.MustCompile(`[^a-z0-9]+`)

// dnsName makes a DNS label that begins with a letter of any word.
func dnsName(s string) string {
	s = strings.Trim(notDNS.ReplaceAllString(strings.ToLower(s), "-"), "-")
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		s = strings.TrimSuffix("vm-"+s, "-")
	}
	return strings.TrimRight(s[:min(len(s), 63)], "-")
}

// ownGroupName names a group for entries that have none: after the application, where the entries are named after it and
// have one version, so that an entry is <group>-<instance>; else after application and version.
func ownGroupName(w *manifest.Workload, versions map[string]map[string]bool) string {
	app := w.Clients["app"]
	name := first(app, w.Account, w.Name)
	v := w.Clients["version"]
	plain := app != "" && len(versions[app]) == 1 && strings.HasPrefix(w.Name, app+"-") && !strings.HasPrefix(w.Name, app+"-"+v+"-")
	if v != "" && !plain {
		name += "-" + v
	}
	return dnsName(name)
}

// versionsOf lists the versions that the WorkloadGroups and WorkloadEntries of an application have.
func versionsOf(all []*manifest.Workload) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for _, w := range all {
		if app := w.Clients["app"]; w.VM && app != "" {
			if out[app] == nil {
				out[app] = map[string]bool{}
			}
			out[app][w.Clients["version"]] = true
		}
	}
	return out
}

// refusedAnnotation reports whether a spec takes an annotation's meaning in a field of its own.
func refusedAnnotation(key string) bool { return mesh.DerivedAnnotation(key) || noise(key) }

// noise reports whether an annotation is a tool's own bookkeeping.
func noise(key string) bool {
	return key == "kubectl.kubernetes.io/last-applied-configuration" || strings.HasPrefix(key, "config.kubernetes.io/") || strings.HasPrefix(key, "internal.config.kubernetes.io/") ||
		key == mesh.LabelSpec || key == mesh.LabelManagedBy
}
