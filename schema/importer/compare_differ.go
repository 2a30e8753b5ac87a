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
	found diag.List
	adds  []string
}

// routes compares specs, and routes in a way that does not mind that a build writes each out for each port.
func (d *differ) routes(in, out any) {
	a, _ := in.(map[string]any)
	b, _ := out.(map[string]any)
	if d.r.Kind == "VirtualService" && a != nil && b != nil {
		for _, key := range []string{"http", "tcp", "tls"} {
			bare := anyPort(a[key])
			if !reflect.DeepEqual(a[key], b[key]) && reflect.DeepEqual(bare, anyPort(b[key])) {
				d.adds = append(d.adds, "spec."+key+": each route for each port")
				b[key] = a[key]
			}
		}
	}
	d.walk(d.r.Place("spec"), "spec", in, out)
}

// anyPort is routes without ports in matches and destinations, where those that are then alike stand once.
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
			m, _ := a[n].(map[string]any)
			name, _ := m["name"].(string)
			word := name
			if word == "" {
				word = strconv.Itoa(n)
			}
			d.walk(at.Item(n, name), path+"["+word+"]", a[n], b[n])
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
	if m, ok := out.(map[string]any); ok && len(m) > 0 {
		for _, k := range sorted(m) {
			d.added(at.Key(k), pathKey(path, k), m[k])
		}
		return
	}
	if app := path == "spec.metadata.labels.app" || path == "spec.labels.app"; app && (d.r.Kind == "WorkloadGroup" || d.r.Kind == "WorkloadEntry") {
		d.found = append(d.found, ruleDifferent.At(at, "%s gets the label app: %s, by which a spec knows the VMs of a workload", d.r, printed(out)).
			WithHelp("see that no Service and no policy selects others by it"))
		return
	}
	if key := at.LastKey(); strings.HasSuffix(path, pathKey("abels", key)) && derivedLabels[key] && !strings.HasPrefix(path, "spec.selector") && !strings.HasPrefix(path, "spec.workloadSelector") {
		if !slices.Contains(d.adds, derivedWord) {
			d.adds = append(d.adds, derivedWord)
		}
		return
	}
	if strings.HasPrefix(path, "spec.selector.") || strings.HasPrefix(path, "spec.workloadSelector.") {
		d.found = append(d.found, ruleDifferent.At(at, "%s gets %s: it selects the VMs alone", d.r, said(path, out)).
			WithHelp("pods with the other labels are no longer meant: give them a policy of their own where they need one"))
		return
	}
	if entry, _ := d.r.Spec.(*networking.WorkloadEntry); path == "spec.locality" && (out == localityOf("", entry.GetLabels()) || out == localityOf("", d.r.Labels)) {
		d.adds = append(d.adds, said(path, out)) // its label says it
		return
	}
	if d.r.Kind == "WorkloadEntry" && (path == "spec.weight" || path == "spec.locality" || strings.HasPrefix(path, "spec.labels")) {
		d.found = append(d.found, ruleNotExpressed.At(at, "%s gets %s, as its group has it", d.r, said(path, out)).
			WithHelp("an instance of a spec can change what its group says, and not unsay it: give the group's others their own, or this one the group's"))
		return
	}
	d.adds = append(d.adds, said(path, out))
}

// derivedLabels are those that a spec derives for VMs and objects alike.
var derivedLabels = map[string]bool{
	"app": true, "class": true, "version": true, "topology.istio.io/locality": true, "istio-locality": true,
	"service.istio.io/canonical-name": true, "service.istio.io/canonical-revision": true,
}

const derivedWord = "labels that are derived"

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
	same, help := harmless(d.r.Kind, path, in, out, d.host)
	rule := ruleNotExpressed
	if same {
		rule = ruleDifferent
	}
	message := "a build leaves out " + said(path, in)
	if out != nil {
		message = fmt.Sprintf("%s is %s here, and %s in a build", path, printed(in), printed(out))
	}
	if help == "" || !same {
		help = "change the manifest so that a spec can say it, or keep in mind that this is lost"
	}
	d.found = append(d.found, rule.At(at, "%s: %s", d.r, message).WithHelp("%s", help))
}
