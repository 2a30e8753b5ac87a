package importer

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// hostOf is the host that a rule or routes are for.
func hostOf(kind string, v *value) string {
	spec, _ := v.fields["spec"].(map[string]any)
	switch kind {
	case "DestinationRule":
		host, _ := spec["host"].(string)
		return host
	case "VirtualService":
		hosts, _ := spec["hosts"].([]any)
		if len(hosts) == 1 {
			host, _ := hosts[0].(string)
			return host
		}
	}
	return ""
}

func texts(m map[string]string) map[string]any {
	out := map[string]any{}
	for key, value := range m {
		if !noise(key) {
			out[key] = value
		}
	}
	return out
}

// valueOf is an object that was read, as plain values, less what a cluster writes into it.
func valueOf(r *manifest.Resource, enc *manifest.Encoder) value {
	v := value{fields: map[string]any{"labels": texts(r.Labels), "annotations": texts(r.Annotations)}}
	switch {
	case r.Spec != nil:
		enc.Reset()
		enc.Value(r.Spec)
		if documents, _ := syntax.Read("", slices.Clone(enc.Bytes())); len(documents) > 0 {
			v.fields["spec"] = tidy("", documents[0].Root.Plain())
		}
	case r.Kind == "Service":
		spec, _ := r.Root.Get("spec").Plain().(map[string]any)
		v.fields["spec"] = tidy("", serviceValue(spec))
	case r.Kind == "Namespace":
		delete(v.fields["labels"].(map[string]any), "kubernetes.io/metadata.name")
	}
	return v
}

// serviceValue writes out the defaults of a Service, and leaves out what the cluster adds.
func serviceValue(spec map[string]any) map[string]any {
	out := map[string]any{"type": "ClusterIP"}
	for _, key := range []string{"type", "selector", "ports"} {
		if v := spec[key]; v != nil {
			out[key] = v
		}
	}
	ports, _ := out["ports"].([]any)
	var full []any
	for _, p := range ports {
		p, _ := p.(map[string]any)
		q := maps.Clone(p)
		if q == nil {
			continue
		}
		if q["targetPort"] == nil {
			q["targetPort"] = q["port"]
		}
		if q["protocol"] == nil {
			q["protocol"] = "TCP"
		}
		delete(q, "nodePort")
		full = append(full, q)
	}
	// A cluster and a build order ports alike by nothing: their numbers tell them apart.
	slices.SortStableFunc(full, func(a, b any) int {
		return cmp.Compare(fmt.Sprint(a.(map[string]any)["port"]), fmt.Sprint(b.(map[string]any)["port"]))
	})
	out["ports"] = full
	return out
}

// unordered are lists without a meaningful order.
var unordered = map[string]bool{
	"hosts": true, "notHosts": true, "exportTo": true, "ports": true, "notPorts": true, "methods": true, "notMethods": true, "paths": true,
	"notPaths": true, "principals": true, "notPrincipals": true, "namespaces": true, "notNamespaces": true, "serviceAccounts": true,
	"notServiceAccounts": true, "sniHosts": true, "addresses": true, "subsets": true,
}

// hollow are blocks that have no effect when they are empty.
var hollow = map[string]bool{"metadata": true, "template": true, "mtls": true, "labels": true, "annotations": true, "selector": true}

// tidy brings values that mean the same into one form.
func tidy(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, inner := range v {
			inner = tidy(k, inner)
			m, isMap := inner.(map[string]any)
			if isMap && k == "probe" { // an unset number is printed as 0
				maps.DeleteFunc(m, func(_ string, n any) bool { return n == 0 })
			}
			if isMap && len(m) == 0 && hollow[k] {
				continue
			}
			if inner != nil {
				out[k] = inner
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		scalars := true
		for n := range v {
			out[n] = tidy("", v[n])
			if _, ok := out[n].(string); !ok {
				scalars = false
			}
		}
		if unordered[key] {
			if scalars {
				slices.SortFunc(out, func(a, b any) int { return cmp.Compare(a.(string), b.(string)) })
			} else if key == "subsets" {
				slices.SortStableFunc(out, func(a, b any) int { return cmp.Compare(nameIn(a), nameIn(b)) })
			} else if key == "ports" { // of Services and ServiceEntries, which have numbers
				slices.SortStableFunc(out, func(a, b any) int { return cmp.Compare(portKey(a), portKey(b)) })
			}
		}
		return out
	}
	return v
}

func nameIn(v any) string {
	m, _ := v.(map[string]any)
	name, _ := m["name"].(string)
	return name
}

func portKey(v any) string {
	m, _ := v.(map[string]any)
	return fmt.Sprintf("%6v%6v", m["port"], m["number"])
}
