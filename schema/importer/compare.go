package importer

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// Comparison holds what is built from the specs of a Result against what they were made of.
type Comparison struct {
	result *Result
	built  map[identity]*value // by name, and rules of hosts by host too: derived names are the generators' matter
	order  []identity
	enc    manifest.Encoder
}

// value is an object as plain values.
type value struct {
	name   string
	fields map[string]any // labels, annotations, spec
	seen   bool           // an object that was read became it
}

// Compare begins a comparison; give it each object of the build.
func (r *Result) Compare() *Comparison { return &Comparison{result: r, built: map[identity]*value{}} }

// Add takes an object of the build, which is only read during the call.
func (c *Comparison) Add(o *manifest.Object) {
	c.enc.Reset()
	c.enc.Object(o)
	documents, _ := syntax.Read("", slices.Clone(c.enc.Bytes()))
	if len(documents) == 0 {
		return
	}
	id := identity{kind: o.Kind, namespace: o.Namespace, name: o.Name}
	v := &value{name: o.Name, fields: map[string]any{"labels": texts(o.Labels), "annotations": texts(o.Annotations)}}
	if spec := documents[0].Root.Get("spec"); spec != nil {
		v.fields["spec"] = tidy("", spec.Plain())
	}
	c.built[id] = v
	c.order = append(c.order, id)
	if host := hostOf(o.Kind, v); host != "" {
		c.built[identity{kind: o.Kind, namespace: o.Namespace, host: host}] = v
	}
}

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

// serviceValue writes out what a Service leaves unsaid, and leaves out what the cluster adds.
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

// unordered are lists whose order says nothing.
var unordered = map[string]bool{
	"hosts": true, "notHosts": true, "exportTo": true, "ports": true, "notPorts": true, "methods": true, "notMethods": true, "paths": true,
	"notPaths": true, "principals": true, "notPrincipals": true, "namespaces": true, "notNamespaces": true, "serviceAccounts": true,
	"notServiceAccounts": true, "sniHosts": true, "addresses": true, "subsets": true,
}

// hollow are blocks that say nothing when they are empty.
var hollow = map[string]bool{"metadata": true, "template": true, "mtls": true, "labels": true, "annotations": true, "selector": true}

// tidy brings values that say the same into one form.
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

// Findings is what differs, each thing at its place among what was read, and what a build adds.
func (c *Comparison) Findings() diag.List {
	var found diag.List
	adds := map[string]*addition{}
	var order []*addition
	for _, r := range c.result.order {
		f := c.result.fates[r]
		if f.left {
			if _, clash := c.built[identity{kind: r.Kind, namespace: r.Namespace, name: r.Name}]; clash {
				found = append(found, ruleNotExpressed.At(r.Place("metadata", "name"), "%s stays outside the spec, and a build makes another of that name in its place", r).
					WithHelp("rename this one, or what it would be taken for"))
			}
			continue
		}
		id := f.identity
		made, ok := c.built[id]
		if !ok {
			found = append(found, ruleNotExpressed.At(r.Place("metadata", "name"), "nothing of %s is built from the spec", r).
				WithHelp("keep its manifest beside what the spec builds"))
			continue
		}
		made.seen = true
		for _, name := range f.more {
			if other := c.built[identity{kind: f.kind, namespace: f.namespace, name: name}]; other != nil {
				other.seen = true
			}
		}
		if made.name != r.Name && !f.told {
			found = append(found, renamed(r, made.name))
		}
		if f.merged {
			continue // it is part of another, which was said
		}
		d := differ{r: r, host: f.host}
		was := valueOf(r, &c.enc)
		d.walk(r.Place("metadata", "labels"), "metadata.labels", was.fields["labels"], made.fields["labels"])
		d.walk(r.Place("metadata", "annotations"), "metadata.annotations", was.fields["annotations"], made.fields["annotations"])
		d.routes(was.fields["spec"], made.fields["spec"])
		found = append(found, d.found...)
		if len(d.adds) > 0 {
			key := r.Kind + "\x00" + strings.Join(d.adds, "\x00")
			a := adds[key]
			if a == nil {
				a = &addition{r: r, what: d.adds}
				adds[key] = a
				order = append(order, a)
			}
			a.count++
		}
	}
	for _, a := range order {
		found = append(found, a.finding())
	}
	return append(found, c.extra()...)
}

func renamed(r *manifest.Resource, name string) diag.Diagnostic {
	d := ruleDifferent.At(r.Place("metadata", "name"), "%s is named %s by a build", r, name)
	if r.Kind == "WorkloadEntry" {
		return d.WithHelp("an entry is named <group>-<instance>; after the first apply delete the old one, and where the VM reports its health, ISTIO_META_WORKLOAD_ENTRY there follows")
	}
	return d.WithHelp("names are derived; delete the old one after the first apply: `kubectl delete %s -n %s %s`", strings.ToLower(r.Kind), r.Namespace, r.Name)
}

// addition is what a build adds to objects of one kind, all of them alike.
type addition struct {
	r     *manifest.Resource
	what  []string
	count int
}

func (a *addition) finding() diag.Diagnostic {
	more := ""
	if a.count > 1 {
		more = " and " + strconv.Itoa(a.count-1) + " more"
	}
	d := ruleDifferent.At(a.r.Place("metadata", "name"), "a build adds to %s%s: %s", a.r, more, strings.Join(a.what, ", "))
	for _, what := range a.what {
		switch {
		case strings.Contains(what, "proxy.istio.io/health-checks-enabled"):
			return d.WithHelp("istiod then waits for each VM's own report of its health: bring the VMs the files of this spec first")
		case strings.HasPrefix(what, "spec.network: "), strings.HasPrefix(what, "spec.template.network: "):
			return d.WithHelp("to a spec, VMs without a network are in the cluster's own; say theirs if they are not")
		}
	}
	d.Severity = diag.Info
	return d
}

// extra lists the objects of the build that nothing of what was read became.
func (c *Comparison) extra() diag.List {
	var found diag.List
	for _, id := range c.order {
		if c.built[id].seen {
			continue
		}
		at := c.anchor(id.namespace)
		if at == nil {
			continue
		}
		d := ruleDifferent.At(at, "a build makes %s %s, which is not among the manifests", id.kind, strings.TrimPrefix(id.namespace+"/"+id.name, "/"))
		d.Severity = diag.Info
		found = append(found, d)
	}
	return found
}

// anchor is a place for what is about a namespace, and stands nowhere.
func (c *Comparison) anchor(namespace string) diag.Path {
	for _, key := range sorted(c.result.anchors) {
		if strings.HasPrefix(key, namespace+"/") {
			return c.result.anchors[key]
		}
	}
	return nil
}

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
	if m, ok := out.(map[string]any); ok && len(m) > 0 {
		for _, k := range sorted(m) {
			d.added(at.Key(k), pathKey(path, k), m[k])
		}
		return
	}
	if strings.HasPrefix(path, "spec.selector.") || strings.HasPrefix(path, "spec.workloadSelector.") {
		d.found = append(d.found, ruleDifferent.At(at, "%s gets %s: it selects the VMs alone", d.r, said(path, out)).
			WithHelp("pods with the other labels are no longer meant: give them a policy of their own where they need one"))
		return
	}
	if key := at.LastKey(); strings.HasSuffix(path, pathKey("abels", key)) && derivedLabels[key] {
		if !slices.Contains(d.adds, derivedWord) {
			d.adds = append(d.adds, derivedWord)
		}
		return
	}
	d.adds = append(d.adds, said(path, out))
}

// derivedLabels are those that a spec derives for VMs and objects alike.
var derivedLabels = map[string]bool{
	"app": true, "class": true, "version": true, "topology.istio.io/locality": true,
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
