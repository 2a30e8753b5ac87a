package importer

import (
	"regexp"
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

// Findings is what differs, each thing at its place among what was read, and what a build adds. What is the same of
// several objects of a kind is one finding.
func (c *Comparison) Findings() diag.List {
	var found diag.List
	var differences []difference
	var labelled []*manifest.Resource
	var named renames
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
				WithHelp(keepBeside))
			continue
		}
		made.seen = true
		for _, name := range f.more {
			if other := c.built[identity{kind: f.kind, namespace: f.namespace, name: name}]; other != nil {
				other.seen = true
			}
		}
		if made.name != r.Name {
			c.result.replaced = append(c.result.replaced, r)
			if !f.told {
				named.add(r, made.name)
			}
		}
		d := differ{r: r, host: f.host, used: c.result.used, out: made.fields, external: c.result.outside[r]}
		was := valueOf(r, &c.enc)
		if f.merged { // it is part of another, which was reported: only whom it selects can be compared
			d.selectors(was.fields["spec"], made.fields["spec"])
			differences = append(differences, d.found...)
			if c.selectorNarrows(&d) && made.name == r.Name {
				c.result.narrowed = append(c.result.narrowed, r)
			}
			continue
		}
		c.completeHosts(&d, was.fields["spec"])
		d.walk(r.Place("metadata", "labels"), "metadata.labels", was.fields["labels"], made.fields["labels"])
		d.walk(r.Place("metadata", "annotations"), "metadata.annotations", was.fields["annotations"], made.fields["annotations"])
		d.routes(was.fields["spec"], made.fields["spec"])
		differences = append(differences, d.found...)
		for _, part := range []struct {
			verb string
			list []string
		}{{"a build writes out", d.adds}, {"a build writes otherwise, which means the same", d.same}} {
			if len(part.list) > 0 {
				differences = append(differences, difference{
					r: r, at: r.Place("metadata", "name"), text: part.verb + ": " + strings.Join(part.list, "; "),
				})
			}
		}
		for _, x := range d.found {
			c.result.waits = c.result.waits || strings.Contains(x.text, "proxy.istio.io/health-checks-enabled")
		}
		if d.derived {
			labelled = append(labelled, r)
		}
		if len(d.found) == 0 && made.name == r.Name {
			c.result.exact++
		} else if c.selectorNarrows(&d) && made.name == r.Name {
			c.result.narrowed = append(c.result.narrowed, r)
		}
	}
	found = append(found, named.findings()...)
	found = append(found, together(differences)...)
	if len(labelled) > 0 {
		d := ruleDifferent.At(labelled[0].Place("metadata", "name"), "a build adds labels that a spec derives to %s", several(labelled))
		d.Severity = diag.Info
		found = append(found, d)
	}
	return append(found, c.extra()...)
}

// several names the first of some objects.
func several(list []*manifest.Resource) string {
	const most = 3
	var words []string
	for n, r := range list {
		if n == most {
			return strings.Join(words, ", ") + " and " + strconv.Itoa(len(list)-most) + " more"
		}
		words = append(words, r.String())
	}
	return listed(words)
}

// selectorNarrows reports whether a policy of this name will select VMs only once they have the label class.
func (c *Comparison) selectorNarrows(d *differ) bool {
	return slices.ContainsFunc(d.found, func(x difference) bool { return x.at.LastKey() == "class" && strings.Contains(x.text, "selector") })
}

// together makes findings of differences: those that are alike of several objects of a kind are one, at the first.
func together(list []difference) diag.List {
	type key struct {
		rule       *diag.Rule
		kind       string
		text, help string
	}
	groups := map[key][]difference{}
	var order []key
	for _, d := range list {
		k := key{d.rule, d.r.Kind, d.text, d.help}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], d)
	}
	var found diag.List
	for _, k := range order {
		group := groups[k]
		subject := group[0].r.String()
		const most = 3
		for n, d := range group[1:] {
			if n+1 == most {
				subject += " and " + strconv.Itoa(len(group)-most) + " more"
				break
			}
			subject += ", " + strings.TrimPrefix(d.r.String(), d.r.Kind+" ")
		}
		if k.rule == nil {
			d := ruleDifferent.At(group[0].at, "%s: %s", subject, k.text)
			d.Severity = diag.Info
			found = append(found, d)
			continue
		}
		d := k.rule.At(group[0].at, "%s: %s", subject, k.text)
		if k.help != "" {
			d = d.WithHelp("%s", k.help)
		}
		found = append(found, d)
	}
	return found
}

// completeHosts writes the short hosts of a VirtualService in full, as Istio reads them.
func (c *Comparison) completeHosts(d *differ, spec any) {
	fields, _ := spec.(map[string]any)
	if d.r.Kind != "VirtualService" || fields == nil {
		return
	}
	full := func(v any) any {
		short, _ := v.(string)
		host := c.result.full(short, d.r.Namespace)
		if host != short {
			note(&d.same, "short hosts in full, as Istio completes them")
			return host
		}
		return v
	}
	if hosts, _ := fields["hosts"].([]any); hosts != nil {
		for n := range hosts {
			hosts[n] = full(hosts[n])
		}
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				if place, _ := inner.(map[string]any); place != nil && place["host"] != nil &&
					(key == "destination" || key == "mirror") {
					place["host"] = full(place["host"])
				}
				walk(inner)
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(fields)
}

// shellWord is a name as a shell takes it: the names of foreign objects may be anything.
func shellWord(name string) string {
	if plainWord.MatchString(name) {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'"'"'`) + "'"
}

var plainWord = regexp.MustCompile(`^[a-zA-Z0-9][-a-zA-Z0-9._]*$`)

// renames are objects that a build makes under another name: one finding for each kind.
type renames struct {
	kinds map[string][]rename
}

type rename struct {
	r    *manifest.Resource
	name string
}

func (x *renames) add(r *manifest.Resource, name string) {
	if x.kinds == nil {
		x.kinds = map[string][]rename{}
	}
	x.kinds[r.Kind] = append(x.kinds[r.Kind], rename{r, name})
}

func (x *renames) findings() diag.List {
	var found diag.List
	for _, kind := range sorted(x.kinds) {
		list := x.kinds[kind]
		var words, commands []string
		for n, one := range list {
			if n == 3 {
				words = append(words, strconv.Itoa(len(list)-n)+" more are named otherwise too")
				break
			}
			words = append(words, nameOf(one.r)+" is named "+one.name)
			commands = append(commands, "`kubectl delete "+strings.ToLower(kind)+" -n "+shellWord(one.r.Namespace)+" "+shellWord(one.r.Name)+"`")
		}
		d := ruleDifferent.At(list[0].r.Place("metadata", "name"), "%s %s by a build", kind, strings.Join(words, ", "))
		if kind == "WorkloadEntry" {
			found = append(found, d.WithHelp("delete the old one with the apply: until then the VM is an endpoint twice"))
			continue
		}
		found = append(found, d.WithHelp("names are derived; the old and the new one together mean the same. Delete the old one last: %s",
			strings.Join(commands, ", ")))
	}
	return found
}

// extra lists the objects of the build that nothing of what was read became: one finding for each kind.
func (c *Comparison) extra() diag.List {
	var found diag.List
	byKind := map[string][]string{}
	places := map[string]diag.Path{}
	anchors := map[string]diag.Path{} // where findings about a namespace are, which lacks a line of its own
	for _, key := range sorted(c.result.anchors) {
		if namespace, _, _ := strings.Cut(key, "/"); anchors[namespace] == nil {
			anchors[namespace] = c.result.anchors[key]
		}
	}
	for _, id := range c.order {
		if c.built[id].seen {
			continue
		}
		at := anchors[id.namespace]
		if at == nil && len(c.result.order) > 0 {
			at = c.result.order[0].Place("metadata", "name")
		}
		if at == nil {
			continue // there are no manifests, but folders of VMs
		}
		if places[id.kind] == nil {
			places[id.kind] = at
		}
		byKind[id.kind] = append(byKind[id.kind], strings.TrimPrefix(id.namespace+"/"+id.name, "/"))
	}
	for _, kind := range sorted(byKind) {
		list := byKind[kind]
		rest := ""
		if len(list) > 3 {
			rest, list = " and "+strconv.Itoa(len(list)-3)+" more", list[:3]
		}
		d := ruleDifferent.At(places[kind], "a build makes %s %s%s, not among the manifests%s", kind, strings.Join(list, ", "), rest, newObject(kind))
		if kind != "WorkloadGroup" && kind != "Namespace" {
			found = append(found, d.WithHelp("if the cluster has it from elsewhere, apply one of the two"))
			continue
		}
		d.Severity = diag.Info
		found = append(found, d)
	}
	return found
}

// newObject is what an object that a build adds does.
func newObject(kind string) string {
	if kind == "WorkloadGroup" {
		return "; it adds no endpoint, and VMs do not register with it"
	}
	return ": " + effect(kind, "")
}
