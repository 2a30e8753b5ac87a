// Package importer turns manifests that exist into specs that build to them. It reads a set of objects, finds the
// workloads in them, writes the shortest specs that build to the same, and reports everything that they cannot express. It
// imports no generator: the caller builds its specs and hands it the objects, which it compares with what was read.
package importer

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"
	selectors "istio.io/api/type/v1beta1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// Options are facts that manifests do not have, or have wrong. What is empty is looked for, and left to a person to write
// where it is not found.
type Options struct {
	Name            string   // metadata.name
	Namespace       string   // where objects are that do not name one
	IstioVersion    string   // x.y.z
	IstiodAddresses []string // where VMs reach istiod
	IstioNamespace  string
	Revision        string
	MeshID          string
	ClusterName     string
	Network         string // the cluster's own
	TrustDomain     string
	ClusterDomain   string
}

// Override puts the options that are set in the place of what a spec has.
func (o *Options) Override(f *schema.Istio) {
	for _, one := range []struct {
		field *string
		value string
	}{
		{&f.Version, o.IstioVersion}, {&f.Namespace, o.IstioNamespace}, {&f.Revision, o.Revision}, {&f.MeshID, o.MeshID},
		{&f.ClusterName, o.ClusterName}, {&f.Network, o.Network}, {&f.TrustDomain, o.TrustDomain},
		{&f.ClusterDomain, o.ClusterDomain},
	} {
		if one.value != "" {
			*one.field = one.value
		}
	}
	if len(o.IstiodAddresses) > 0 {
		f.IstiodAddresses = o.IstiodAddresses
	}
}

// Folder is what `istioctl x workload entry configure` wrote for one VM. A file that is not there is nil. The token
// beside them is never read.
type Folder struct {
	Name                       string // as findings name it
	Env, Mesh, Hosts, RootCert []byte
	Token                      bool // whether there is an istio-token
}

// Result is the specs, and what became of each object.
type Result struct {
	Specs    []*schema.VMMesh
	Findings diag.List // without those of [Result.Compare]
	Others   int       // objects of other kinds, or in namespaces without VMs: they stay as they are
	notes    []notes
	parts    []*part // one for each spec
	fates    map[*manifest.Resource]fate
	order    []*manifest.Resource // those that have a fate, as they came
	anchors  map[string]diag.Path // where a namespace's, and a workload's, first object is
	full     func(host, namespace string) string
	outside  map[*manifest.Resource]bool // external services
	used     map[string]bool             // keys of labels that something selects by
	others   []*manifest.Resource        // that stay as they are
	exact    int                         // objects that are built back equal
	replaced []*manifest.Resource        // objects that a build makes under another name
	waits    bool                        // whether entries wait for a report of the VM's health in a build, and did not
	narrowed []*manifest.Resource        // policies that keep their name and select by class=vm in a build
}

// Text is the specs as they are written: they pass lint as far as the manifests allow, and where a person has to decide,
// a comment asks for it.
func (r *Result) Text() string { return write(r.Specs, r.notes) }

// Buildable is the same specs with something in the place of what a person has yet to set, so that they can be built
// and held against what was read.
func (r *Result) Buildable() string {
	var specs []*schema.VMMesh
	for _, s := range r.Specs {
		copied := *s
		if copied.Spec.Istio.Version == "" {
			copied.Spec.Istio.Version = anyVersion
		}
		if len(copied.Spec.Istio.IstiodAddresses) == 0 {
			copied.Spec.Istio.IstiodAddresses = []string{"192.0.2.1"} // of the range for documentation
		}
		if copied.Spec.Istio.Network == "" && len(copied.Spec.Networks) > 0 {
			copied.Spec.Istio.Network = anyNetwork
		}
		specs = append(specs, &copied)
	}
	return write(specs, r.notes) // with the notes, so that findings have the same lines
}

// fate is what becomes of an object: the object that a build makes in its place, or none.
type fate struct {
	identity
	more   []string // names of further ones of the kind
	left   bool     // it stays as it is, outside the specs
	merged bool     // it is not the whole of what it becomes, or not that alone
	told   bool     // and that was reported
}

// identity names an object of a build.
type identity struct {
	kind, namespace, name string
	host                  string // of a DestinationRule or VirtualService, instead of the name
}

// importer carries what grows while the set is read.
type importer struct {
	set         *manifest.Set
	options     Options
	out         *Result
	istio       facts
	pods        map[string][]map[string]string    // the labels of pods, by namespace
	made        map[identity][]*manifest.Resource // by what they become
	skip        map[*manifest.Resource]bool       // read with errors: they stay out
	workloads   []*workload                       // by namespace and name
	byApp       map[[2]string][]*workload         // by namespace and the label app; all of a namespace by ""
	hosts       map[string]*service               // by namespace/host
	externals   []*external
	alone       []*manifest.Resource // WorkloadGroups without entries
	spaces      map[string]*space
	guessedHome bool                                  // whether the namespace of objects that name none was guessed
	within      map[string][]*manifest.Resource       // by namespace, which holds its Namespace too
	servicesOf  map[[2]string][]*manifest.ServiceView // by namespace and the label app that they select
}

// Import makes specs of a set. Objects in skip are left alone: they could not be read. Those in refused stay outside the
// specs for the reason that it has.
func Import(set *manifest.Set, folders []Folder, o Options, skip map[*manifest.Resource]bool, refused map[*manifest.Resource]string) *Result {
	i := &importer{
		set: set, options: o, skip: skip, hosts: map[string]*service{}, spaces: map[string]*space{},
		out: &Result{fates: map[*manifest.Resource]fate{}, anchors: map[string]diag.Path{}},
	}
	for _, r := range set.All() {
		if reason, is := refused[r]; is {
			i.leaves(r, nil, "a spec cannot have it: "+reason, "")
		}
	}
	i.out.full, i.out.used = i.fullHost, i.usedLabels()
	i.tellHome()
	configs := i.readFolders(folders)
	i.readFacts(configs)
	i.findWorkloads(configs)
	i.findSpaces()
	i.findServices()
	i.findExternals()
	i.findPorts()
	i.findRules()
	i.findRoutes()
	i.findPolicies()
	i.findSidecars()
	i.findTelemetries()
	i.findProxyless()
	for _, w := range i.workloads {
		i.finish(w)
	}
	i.findNamespaceModes()
	i.makeSpecs()
	i.tellRest()
	return i.out
}

func (i *importer) say(d diag.Diagnostic) { i.out.Findings = append(i.out.Findings, d) }

// becomes remembers what an object becomes.
func (i *importer) becomes(r *manifest.Resource, f fate) {
	if _, known := i.out.fates[r]; !known {
		i.out.order = append(i.out.order, r)
	}
	i.out.fates[r] = f
	if i.made == nil {
		i.made = map[identity][]*manifest.Resource{}
	}
	i.made[f.identity] = append(i.made[f.identity], r)
}

// merge remembers that an object becomes a part of what others became, which then are parts too.
func (i *importer) merge(r *manifest.Resource, f fate) {
	for _, other := range i.made[f.identity] {
		known := i.out.fates[other]
		known.merged = true
		i.out.fates[other] = known
	}
	f.merged, f.told = true, true
	i.becomes(r, f)
}

// keepBeside is the help for an object that stays outside the spec.
const keepBeside = "keep its manifest beside what the spec builds"

// leaves reports that an object about VMs stays as it is, and why.
func (i *importer) leaves(r *manifest.Resource, at diag.Path, reason, help string) {
	i.becomes(r, fate{left: true})
	if at == nil {
		at = r.Place("metadata", "name")
	}
	d := ruleLeft.At(at, "%s stays outside the spec: %s", r, reason)
	if help == "" {
		help = keepBeside
	}
	i.say(d.WithHelp("%s", help))
}

// settled reports whether it is known what becomes of an object, or whether there is nothing to be done about it.
func (i *importer) settled(r *manifest.Resource) bool {
	_, known := i.out.fates[r]
	return known || i.skip[r]
}

// usedLabels are the keys of the labels that objects select by.
func (i *importer) usedLabels() map[string]bool {
	used := map[string]bool{}
	add := func(labels map[string]string) {
		for key := range labels {
			used[key] = true
		}
	}
	for _, v := range i.set.Services() {
		add(v.Selector)
	}
	for _, r := range i.set.All() {
		switch p := r.Spec.(type) {
		case *networking.ServiceEntry:
			add(p.GetWorkloadSelector().GetLabels())
		case *networking.Sidecar:
			add(p.GetWorkloadSelector().GetLabels())
		case *networking.DestinationRule:
			add(p.GetWorkloadSelector().GetMatchLabels())
			for _, subset := range p.GetSubsets() {
				add(subset.GetLabels())
			}
		case interface {
			GetSelector() *selectors.WorkloadSelector
		}:
			add(p.GetSelector().GetMatchLabels())
		}
	}
	return used
}

// each lists the objects of an Istio type that are still to be done.
func each[T proto.Message](i *importer) []*manifest.Resource {
	var list []*manifest.Resource
	for r := range manifest.Each[T](i.set) {
		if !i.settled(r) {
			list = append(list, r)
		}
	}
	return list
}

// hasPods reports whether pods of a namespace have these labels.
func (i *importer) hasPods(namespace string, labels map[string]string) bool {
	if i.pods == nil {
		i.pods = map[string][]map[string]string{}
		for ns, all := range i.set.Namespaces() {
			for _, w := range all {
				if !w.VM {
					i.pods[ns] = append(i.pods[ns], w.Clients)
				}
			}
			i.pods[ns] = distinct(i.pods[ns])
		}
	}
	return slices.ContainsFunc(i.pods[namespace], func(pod map[string]string) bool { return manifest.Carries(pod, labels) })
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// byName sorts objects by namespace and name, so that the order of files decides nothing.
func byName(list []*manifest.Resource) []*manifest.Resource {
	slices.SortStableFunc(list, func(a, b *manifest.Resource) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// entryOf is the spec of a WorkloadEntry.
func entryOf(w *manifest.Workload) *networking.WorkloadEntry {
	entry, _ := w.Spec.(*networking.WorkloadEntry)
	return entry
}
