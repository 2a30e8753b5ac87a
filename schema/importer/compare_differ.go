package importer

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// differ finds where one object is another.
type differ struct {
	r     *manifest.Resource
	host  string
	used  map[string]bool // keys of labels that something selects by
	out   map[string]any  // the built object's fields
	found []difference
	adds  []string // what a build writes out, which means the same
	same  []string // what a build writes otherwise, which means the same

	external bool // whether it is outside the workloads of a spec
	derived  bool // whether a build adds labels that a spec derives
}

// difference is one place where a build differs from what was read.
type difference struct {
	rule *diag.Rule
	r    *manifest.Resource
	at   diag.Path
	text string // what follows the object's name
	help string
}

func (d *differ) add(rule *diag.Rule, at diag.Path, help, format string, args ...any) {
	d.found = append(d.found, difference{rule: rule, r: d.r, at: at, text: fmt.Sprintf(format, args...), help: help})
}

// note remembers what means the same.
func note(list *[]string, what string) {
	if !slices.Contains(*list, what) {
		*list = append(*list, what)
	}
}

// routes compares specs, and routes in a way that does not mind that a build writes each out for each port.
func (d *differ) routes(in, out any) {
	a, _ := in.(map[string]any)
	b, _ := out.(map[string]any)
	if d.r.Kind == "VirtualService" && a != nil && b != nil {
		for _, key := range []string{"http", "tcp", "tls"} {
			bare := anyPort(a[key])
			if !reflect.DeepEqual(a[key], b[key]) && reflect.DeepEqual(bare, anyPort(b[key])) {
				note(&d.adds, "spec."+key+": each route for each port")
				b[key] = a[key]
			}
		}
	}
	d.walk(d.r.Place("spec"), "spec", in, out)
}

// selectors compares whom two policies select.
func (d *differ) selectors(in, out any) {
	a, _ := in.(map[string]any)
	b, _ := out.(map[string]any)
	for _, key := range []string{"selector", "workloadSelector"} {
		if a[key] != nil {
			d.walk(d.r.Place("spec", key), "spec."+key, a[key], b[key])
		}
	}
}

// anyPort is routes without ports in matches and destinations, where those that are then alike appear once.
func anyPort(routes any) any {
	list, _ := routes.([]any)
	var out []any
	for _, route := range list {
		route, _ := withoutPort(route).(map[string]any)
		if matches, _ := route["match"].([]any); len(matches) == 1 && reflect.DeepEqual(matches[0], map[string]any{}) {
			delete(route, "match")
		}
		if n := len(out); n == 0 || !reflect.DeepEqual(out[n-1], any(route)) {
			out = append(out, route)
		}
	}
	return out
}

func withoutPort(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, inner := range v {
			if k != "port" {
				out[k] = withoutPort(inner)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for n := range v {
			out[n] = withoutPort(v[n])
		}
		return out
	}
	return v
}

func (d *differ) walk(at diag.Path, path string, in, out any) {
	if in != nil && out == nil && (strings.HasSuffix(path, "abels") || strings.HasSuffix(path, "nnotations")) {
		out = map[string]any{} // so that each key is spoken of
	}
	switch a := in.(type) {
	case nil:
		if out != nil {
			d.added(at, path, out)
		}
		return
	case map[string]any:
		b, ok := out.(map[string]any)
		if !ok {
			d.differs(at, path, in, out)
			return
		}
		keys := map[string]bool{}
		for k := range a {
			keys[k] = true
		}
		for k := range b {
			keys[k] = true
		}
		for _, k := range sorted(keys) {
			d.walk(at.Key(k), pathKey(path, k), a[k], b[k])
		}
		return
	case []any:
		b, ok := out.([]any)
		if !ok || len(a) != len(b) || len(a) > 0 && isScalar(a[0]) {
			if !reflect.DeepEqual(in, out) {
				d.differs(at, path, in, out)
			}
			return
		}
		for n := range a {
			name := nameIn(a[n])
			d.walk(at.Item(n, name), path+"["+first(name, strconv.Itoa(n))+"]", a[n], b[n])
		}
		return
	}
	if !reflect.DeepEqual(in, out) {
		d.differs(at, path, in, out)
	}
}

func isScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

func pathKey(path, key string) string {
	if strings.ContainsAny(key, "./ ") {
		return path + "[" + key + "]"
	}
	return path + "." + key
}

// added notes what a build adds. A selector that gets narrower is more than an addition.
func (d *differ) added(at diag.Path, path string, out any) {
	if out == anyNetwork {
		return // it was asked for
	}
	if m, ok := out.(map[string]any); ok && len(m) > 0 && path != "spec.probe" {
		for _, k := range sorted(m) {
			d.added(at.Key(k), pathKey(path, k), m[k])
		}
		return
	}
	vm := d.r.Kind == "WorkloadGroup" || d.r.Kind == "WorkloadEntry"
	key := at.LastKey()
	label := strings.HasSuffix(path, pathKey("abels", key))
	selector := strings.HasPrefix(path, "spec.selector") || strings.HasPrefix(path, "spec.workloadSelector")
	entry, _ := d.r.Spec.(*networking.WorkloadEntry)
	switch {
	case vm && (path == "spec.metadata.labels.app" || path == "spec.labels.app"):
		d.add(ruleDifferent, at, "see that no Service and no policy selects others by it",
			"gets the label app: %s, which every VM of a workload has in a spec", printed(out))
	case label && !selector && derivedLabels[key]:
		d.derived = true
	case selector && key == "class":
		d.add(ruleDifferent, at, "it has no effect on a VM before the VM has the label class: vm, which comes with its new entry and files: "+
			"keep the old one until then. Pods with the other labels are no longer selected",
			"gets %s in its selector: it selects the VMs alone", said("class", out))
	case selector:
		d.add(ruleNotExpressed, at, "it selects fewer workloads than before: "+effect(d.r.Kind, path), "gets %s", said(path, out))
	case path == "spec.locality" && (out == localityOf("", entry.GetLabels()) || out == localityOf("", d.r.Labels)):
		note(&d.adds, said(path, out)) // its label says it
	case d.r.Kind == "WorkloadEntry" && strings.HasPrefix(path, "spec.labels") && d.r.Labels[key] == out:
		note(&d.adds, said(path, out)+" (from metadata.labels, which Istio lays over them)")
	case d.r.Kind == "WorkloadEntry" && strings.HasPrefix(path, "spec.labels") && !d.used[key]:
		d.add(ruleDifferent, at, "nothing among the manifests selects by this label; give it to the other instances alone if it matters",
			"gets %s, as its group has it", said(path, out))
	case d.r.Kind == "WorkloadEntry" && (path == "spec.weight" || path == "spec.locality" || strings.HasPrefix(path, "spec.labels")):
		d.add(ruleNotExpressed, at, effect(d.r.Kind, path)+": an instance can change what its group has, and not remove it; give the "+
			"group's others their own value, or this one the group's", "gets %s, as its group has it", said(path, out))
	case path == "spec.serviceAccount" || path == "spec.template.serviceAccount":
		if entry.GetLabels()[tlsMode] == "disabled" {
			note(&d.adds, said(path, out)) // the label counts
			return
		}
		d.add(ruleDifferent, at, "clients then call it by mTLS instead of plaintext, which a machine without a sidecar cannot answer",
			"gets %s, where it names none", said(path, out))
	case path == "spec.probe":
		d.add(ruleDifferent, at, "istiod then takes a VM out of rotation that does not pass it", "gets a probe: %s", printed(out))
	case strings.Contains(path, "proxy.istio.io/health-checks-enabled"):
		d.add(ruleDifferent, at, "istiod then waits for each VM's own report of its health: bring the VMs the files of this spec first",
			"gets %s", said(path, out))
	case path == "spec.network" || path == "spec.template.network":
		d.add(ruleDifferent, at, "to a spec, VMs without a network are in the cluster's own; set theirs if they are not", "gets %s", said(path, out))
	case harmlessAddition(d.r.Kind, path, out):
		note(&d.adds, said(path, out))
	default:
		d.add(ruleDifferent, at, effect(d.r.Kind, path), "gets %s", said(path, out))
	}
}

// tlsMode is the label of machines without a sidecar.
const tlsMode = "security.istio.io/tlsMode"

// derivedLabels are those that a spec derives for VMs and objects alike.
var derivedLabels = map[string]bool{
	"app": true, "class": true, "version": true, "topology.istio.io/locality": true, "istio-locality": true,
	"topology.kubernetes.io/region": true, "topology.kubernetes.io/zone": true, "topology.istio.io/subzone": true,
	"service.istio.io/canonical-name": true, "service.istio.io/canonical-revision": true,
	"app.kubernetes.io/managed-by": true, "vmmesh.dev/spec": true,
}

func said(path string, v any) string { return path + ": " + printed(v) }

// printed is a value in a message.
func printed(v any) string {
	var text string
	switch v := v.(type) {
	case []any:
		var words []string
		for _, item := range v {
			words = append(words, printed(item))
		}
		text = "[" + strings.Join(words, ", ") + "]"
	case map[string]any:
		var words []string
		for _, k := range sorted(v) {
			words = append(words, k+": "+printed(v[k]))
		}
		text = "{" + strings.Join(words, ", ") + "}"
	default:
		text = strings.Join(strings.Fields(fmt.Sprint(v)), " ")
	}
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return text
}

// differs notes what a build leaves out or writes otherwise.
func (d *differ) differs(at diag.Path, path string, in, out any) {
	key := at.LastKey()
	class, why := d.meaning(path, key, in, out)
	text := "a build leaves out " + said(path, in)
	if out != nil {
		text = fmt.Sprintf("%s is %s here, and %s in a build", path, printed(in), printed(out))
	}
	switch class {
	case sameMeaning:
		note(&d.same, path+": "+why)
	case littleMeaning:
		d.add(ruleDifferent, at, why, "%s", text)
	default:
		d.add(ruleNotExpressed, at, first(why, effect(d.r.Kind, path))+": change the manifest so that a spec can express it, or "+
			"keep in mind that this is lost", "%s", text)
	}
}
