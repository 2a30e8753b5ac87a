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

// shellWord is a name as a shell takes it: the names of foreign objects may be anything.
func shellWord(name string) string {
	if plainWord.MatchString(name) {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'"'"'`) + "'"
}

var plainWord = regexp.MustCompile(`^[a-zA-Z0-9][-a-zA-Z0-9._]*$`)

func renamed(r *manifest.Resource, name string) diag.Diagnostic {
	d := ruleDifferent.At(r.Place("metadata", "name"), "%s is named %s by a build", r, name)
	if r.Kind == "WorkloadEntry" {
		return d.WithHelp("an entry is named <group>-<instance>; after the first apply delete the old one, and where the VM reports its health, ISTIO_META_WORKLOAD_ENTRY there follows")
	}
	return d.WithHelp("names are derived; delete the old one after the first apply: `kubectl delete %s -n %s %s`",
		strings.ToLower(r.Kind), shellWord(r.Namespace), shellWord(r.Name))
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
