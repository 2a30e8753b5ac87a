package crds

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Kubernetes' forms of names.
var (
	subdomain   = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`) // RFC 1123
	label1123   = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	label1035   = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	labelValue  = regexp.MustCompile(`^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$`)
	keyNamePart = regexp.MustCompile(`^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$`)
)

// maxAnnotations is what the annotations of an object may hold in all, keys and values, in bytes.
const maxAnnotations = 256 << 10

// metadataFaults judges metadata: only what vmmesh writes there, in Kubernetes' forms. A Kustomization is a file and
// needs none.
func metadataFaults(obj map[string]any) []string {
	if obj["kind"] == "Kustomization" {
		return nil
	}
	meta, ok := obj["metadata"].(map[string]any)
	if !ok {
		return []string{"/metadata: must be an object"}
	}
	var faults []string
	fault := func(at, format string, args ...any) {
		faults = append(faults, "/metadata"+at+": "+fmt.Sprintf(format, args...))
	}
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		value := meta[key]
		switch key {
		case "name":
			if s, ok := value.(string); !ok || !goodName(obj["kind"], s) {
				fault("/name", "%q is no name for this kind", value)
			}
		case "namespace":
			if s, ok := value.(string); !ok || len(s) > 63 || !label1123.MatchString(s) {
				fault("/namespace", "%q is no namespace", value)
			}
		case "labels":
			for _, f := range labelFaults(value) {
				fault("/labels", "%s", f)
			}
		case "annotations":
			for _, f := range annotationFaults(value) {
				fault("/annotations", "%s", f)
			}
		default:
			fault("", "unexpected field %q", key)
		}
	}
	if meta["name"] == nil {
		fault("", "name is missing")
	}
	if kind := obj["kind"]; kind != "Namespace" && meta["namespace"] == nil {
		fault("", "namespace is missing")
	}
	return faults
}

// goodName tells whether a kind takes this name: a Service is a DNS label that begins with a letter, a Namespace is a
// DNS label, anything else a DNS subdomain.
func goodName(kind any, name string) bool {
	switch kind {
	case "Service":
		return len(name) <= 63 && label1035.MatchString(name)
	case "Namespace":
		return len(name) <= 63 && label1123.MatchString(name)
	}
	return len(name) <= 253 && subdomain.MatchString(name)
}

func labelFaults(v any) []string {
	labels, ok := v.(map[string]any)
	if !ok {
		return []string{"must be an object"}
	}
	var faults []string
	for key, value := range labels {
		if !goodKey(key) {
			faults = append(faults, fmt.Sprintf("%q is no label key", key))
		}
		if s, ok := value.(string); !ok || len(s) > 63 || !labelValue.MatchString(s) {
			faults = append(faults, fmt.Sprintf("%s: %q is no label value", key, fmt.Sprint(value)))
		}
	}
	return faults
}

func annotationFaults(v any) []string {
	annotations, ok := v.(map[string]any)
	if !ok {
		return []string{"must be an object"}
	}
	var faults []string
	size := 0
	for key, value := range annotations {
		if !goodKey(strings.ToLower(key)) {
			faults = append(faults, fmt.Sprintf("%q is no annotation key", key))
		}
		s, ok := value.(string)
		if !ok {
			faults = append(faults, fmt.Sprintf("%s: must be a string, not %T", key, value))
		}
		size += len(key) + len(s)
	}
	if size > maxAnnotations {
		faults = append(faults, fmt.Sprintf("%d bytes, at most %d are allowed", size, maxAnnotations))
	}
	return faults
}

// goodKey tells whether a label may have this key: an optional DNS subdomain and a slash, then a name.
func goodKey(key string) bool {
	prefix, name, prefixed := strings.Cut(key, "/")
	if !prefixed {
		prefix, name = "", key
	}
	if prefixed && (len(prefix) > 253 || !subdomain.MatchString(prefix)) {
		return false
	}
	return len(name) <= 63 && keyNamePart.MatchString(name)
}

// serviceFaults judges what a schema cannot say of a Service: several ports need names, and names and pairs of number
// and protocol are unique. The keys of its selector are label keys.
func serviceFaults(obj map[string]any) []string {
	spec, _ := obj["spec"].(map[string]any)
	ports, _ := spec["ports"].([]any)
	selector, _ := spec["selector"].(map[string]any)
	var faults []string
	for key := range selector {
		if !goodKey(key) {
			faults = append(faults, fmt.Sprintf("/spec/selector: %q is no label key", key))
		}
	}
	names, numbers := map[any]bool{}, map[string]bool{}
	for i, p := range ports {
		port, _ := p.(map[string]any)
		name, named := port["name"]
		if !named && len(ports) > 1 {
			faults = append(faults, fmt.Sprintf("/spec/ports/%d: of several ports each needs a name", i))
		}
		if named && names[name] {
			faults = append(faults, fmt.Sprintf("/spec/ports/%d/name: %v is there twice", i, name))
		}
		protocol := port["protocol"]
		if protocol == nil {
			protocol = "TCP"
		}
		number := fmt.Sprint(port["port"], " ", protocol)
		if numbers[number] {
			faults = append(faults, fmt.Sprintf("/spec/ports/%d/port: %s is there twice", i, number))
		}
		names[name], numbers[number] = true, true
	}
	return faults
}
