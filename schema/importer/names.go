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

// ownGroupName names a group for entries that have none.
func ownGroupName(w *manifest.Workload) string {
	name := first(w.Clients["app"], w.Account, w.Name)
	if v := w.Clients["version"]; v != "" {
		name += "-" + v
	}
	return dnsName(name)
}

// refusedAnnotation reports whether a spec takes an annotation's meaning in a field of its own.
func refusedAnnotation(key string) bool { return mesh.DerivedAnnotation(key) || noise(key) }

// noise reports whether an annotation is a tool's own bookkeeping.
func noise(key string) bool {
	return key == "kubectl.kubernetes.io/last-applied-configuration" || strings.HasPrefix(key, "config.kubernetes.io/") || strings.HasPrefix(key, "internal.config.kubernetes.io/")
}
