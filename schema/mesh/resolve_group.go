package mesh

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// groups resolves a workload's sets of VMs.
func (r *resolver) groups(s *schema.Spec, in *schema.Workload, w *Workload) {
	if len(in.Groups) == 0 && !w.Spec.ClientSide {
		r.say(ruleNoGroups.At(in.At, "workload %q has no groups, so no VMs", in.Name).
			WithHelp("add `groups: [{name: %s, instances: [...]}]`", in.Name))
	}
	unique(r, in.Groups, func(g *schema.Group) (string, diag.Path) { return g.Name, g.At })
	for i := range in.Groups {
		g := r.group(s, in, w, &in.Groups[i])
		if in.Groups[i].Proxy == "None" {
			w.Proxyless = append(w.Proxyless, g)
		} else {
			w.Groups = append(w.Groups, g)
		}
	}
	slices.SortStableFunc(w.Groups, func(a, b *Group) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(w.Proxyless, func(a, b *Group) int { return cmp.Compare(a.Name, b.Name) })
	w.Targets = w.allTargets()
}

func (r *resolver) group(s *schema.Spec, inW *schema.Workload, w *Workload, in *schema.Group) *Group {
	g := &Group{
		At: in.At, Workload: w, Name: in.Name, Version: in.Version, Locality: in.Locality, Auto: in.Registration == "Auto", MinHealthy: in.MinHealthy,
	}
	r.claim("WorkloadGroup", w.Namespace, g.Name, in.At)
	if !isLabelValue(in.Version) {
		r.say(ruleLabel.At(in.At.Key("version"), "version %q is no label value", in.Version).
			WithHelp("a version has at most 63 letters, digits, '-', '_' and '.', and begins and ends with a letter or digit"))
	}
	g.Revision = r.revision(in.Revision, in.At.Key("revision"), w.Istio())
	g.Network = r.network(in.Network, in.At.Key("network"), w.Spec)
	r.locality(in.Locality, in.At.Key("locality"))
	if most := maxObjectName - len("-") - maxAddress - len("-") - len(g.Network); g.Auto && len(g.Name) > most {
		r.say(ruleNameTooLong.At(in.At.Key("name"), "istiod names the entries of this group <group>-<address>-<network>, and the group's name has %d characters", len(g.Name)).
			WithHelp("shorten it to %d, so that an entry's name has at most %d; istiod would cut the group's name off", most, maxObjectName))
	}
	g.localityKey = g.oldestReader(s, in).LocalityLabel()
	g.Weight = weight(in.Weight)
	r.labels(in.Labels, in.At.Key("labels"), derivedLabel)
	r.keysOfRelease(in.Labels, in.At.Key("labels"), w.Istio().Release)
	g.Labels = labelSet(w, g.Version, g.Locality, g.localityKey, inW.Labels, in.Labels)
	r.annotations(in.Annotations, in.At.Key("annotations"), derivedAnnotation)
	r.keysOfRelease(in.Annotations, in.At.Key("annotations"), w.Istio().Release)
	g.Annotations = manifest.Over(w.Annotations, in.Annotations)

	own := make(map[string]uint32, len(w.Ports))
	for _, p := range w.Ports {
		own[p.Name] = p.Target
	}
	g.Ports = r.override(in.Ports, own, w)
	if in.Proxy == "None" {
		plaintextLabels(g.Labels)
		r.proxyless(in)
	} else {
		g.VM = r.vm(s, in, g)
	}
	if in.MinHealthy > len(in.Instances) && !g.Auto && g.VM != nil {
		d := ruleMisfit.At(in.At.Key("minHealthy"), "minHealthy is %d, and the group has %d instances", in.MinHealthy, len(in.Instances)).
			WithHelp("write %d or less: the alert would never end", len(in.Instances))
		if len(in.Instances) == 0 {
			d = d.WithHelp("list the group's instances, or set `registration: Auto`")
		}
		r.say(d)
	}

	unique(r, in.Instances, func(i *schema.Instance) (string, diag.Path) { return i.Name, i.At })
	for n := range in.Instances {
		g.Instances = append(g.Instances, r.instance(inW, in, g, &in.Instances[n]))
	}
	slices.SortStableFunc(g.Instances, func(a, b *Instance) int { return cmp.Compare(a.Name, b.Name) })
	g.labelSets = g.differentLabels()
	if g.VM != nil {
		r.vmFiles(in, g)
	}
	return g
}

// plaintextLabels makes the labels of a VM those of one without a sidecar: clients speak neither mTLS nor HBONE to it
// (istio: pilot/pkg/serviceregistry/serviceentry/conversion.go, getTLSModeFromWorkloadEntry).
func plaintextLabels(labels map[string]string) {
	delete(labels, labelTunnel)
	labels[labelTLSMode] = tlsModeDisabled
}

// oldestReader is the release of the oldest that reads the labels of the group's VMs: the mesh's control plane, the group's
// own, or the sidecar on the VMs.
func (g *Group) oldestReader(s *schema.Spec, in *schema.Group) Release {
	oldest := g.Workload.Istio().Release
	if oldest.Newer(g.Revision.Release) {
		oldest = g.Revision.Release
	}
	version := s.VM.Package.Version
	if in.VM != nil {
		version = first(in.VM.Package.Version, version)
	}
	if v, ok := ParseRelease(version); ok && oldest.Newer(v) {
		oldest = v
	}
	return oldest
}

// instance resolves one VM. What it does not say is its group's, and shared with it.
func (r *resolver) instance(inW *schema.Workload, inG *schema.Group, g *Group, in *schema.Instance) *Instance {
	i := &Instance{
		At: in.At, Group: g, Name: in.Name, EntryName: EntryName(g.Name, in.Name),
		Address: r.address(in.Address, in.At.Key("address")), External: r.address(in.ExternalAddress, in.At.Key("externalAddress")),
		Network: g.Network, Locality: g.Locality, Weight: g.Weight, Labels: g.Labels, Ports: g.Ports,
	}
	const mend = "give the address that the VM itself has: nothing outside the cluster has one of these"
	r.noClusterIP(in.Address, in.At.Key("address"), g.Workload.Istio(), mend)
	r.noClusterIP(in.ExternalAddress, in.At.Key("externalAddress"), g.Workload.Istio(), mend)
	if in.Network != "" {
		i.Network = r.network(in.Network, in.At.Key("network"), g.Workload.Spec)
	}
	if in.Weight != nil {
		i.Weight = weight(in.Weight)
	}
	if in.Locality != "" {
		r.locality(in.Locality, in.At.Key("locality"))
		i.Locality = in.Locality
	}
	if in.Locality != "" || len(in.Labels) > 0 {
		r.labels(in.Labels, in.At.Key("labels"), derivedLabel)
		r.keysOfRelease(in.Labels, in.At.Key("labels"), g.Workload.Istio().Release)
		i.Labels, i.ownLabels = labelSet(g.Workload, g.Version, i.Locality, g.localityKey, inW.Labels, inG.Labels, in.Labels), true
		if g.VM == nil {
			plaintextLabels(i.Labels)
		}
	}
	i.Ports, i.ownPorts = r.override(in.Ports, g.Ports, g.Workload), len(in.Ports) > 0
	switch {
	case in.EntryName == "":
		if !g.Auto {
			r.objectName(i.EntryName, "its WorkloadEntry", in.At.Key("name"))
		}
	case g.Auto:
		r.say(ruleMisfit.At(in.At.Key("entryName"), "entryName has no effect with registration: Auto, where istiod names the entries").
			WithHelp("remove it, or set `registration: Static` on the group"))
	default:
		i.EntryName, i.ownEntryName = in.EntryName, true
	}
	return i
}

// differentLabels lists the label sets that VMs of the group have: its own, where VMs that are not listed have it or an
// instance shares it, and those of instances that say something themselves.
func (g *Group) differentLabels() []map[string]string {
	var sets []map[string]string
	shared := g.Auto || len(g.Instances) == 0
	for _, i := range g.Instances {
		if i.ownLabels {
			sets = append(sets, i.Labels)
		} else {
			shared = true
		}
	}
	if shared {
		sets = append(sets, g.Labels)
	}
	return sets
}

// override applies overrides of target ports; without any, the ports are those below, shared.
func (r *resolver) override(list []schema.PortOverride, below map[string]uint32, w *Workload) map[string]uint32 {
	if len(list) == 0 {
		return below
	}
	unique(r, list, func(p *schema.PortOverride) (string, diag.Path) { return p.Name, p.At })
	ports := maps.Clone(below)
	for _, p := range list {
		if _, known := below[p.Name]; !known {
			r.unknownPort(p.Name, w.Ports, p.At.Key("name"))
			continue
		}
		if p.TargetPort != 0 {
			ports[p.Name] = uint32(p.TargetPort)
		}
	}
	return ports
}

// revision resolves a reference to a control plane.
func (r *resolver) revision(name string, at diag.Path, i *Istio) *Revision {
	if name == "" {
		return i.Revision
	}
	var known []string
	for _, v := range i.Revisions {
		if v.Name == name {
			return v
		}
		if v.Name != "" {
			known = append(known, v.Name)
		}
	}
	d := ruleUnknownRevision.At(at, "no revision is named %q", name)
	switch near := diag.Nearest(name, known); {
	case near != "":
		d = d.Suggest("did you mean %q?", name, near, known)
	case len(known) > 0:
		d = d.WithHelp("known are %s; add others to istio.revisions with their version", strings.Join(known, ", "))
	default:
		d = d.WithHelp("add it to istio.revisions with its version")
	}
	r.say(d)
	return i.Revision
}

func weight(w *int) uint32 {
	if w == nil || *w < 0 {
		return 0
	}
	return uint32(*w)
}

// portSets lists the different ways in which VMs of the workload listen: target ports in the order of its ports.
func (w *Workload) portSets() [][]uint32 {
	var sets [][]uint32
	seen := map[string]bool{}
	var key []byte
	add := func(ports map[string]uint32) {
		key = key[:0]
		for _, p := range w.Ports {
			key = strconv.AppendUint(append(key, ','), uint64(ports[p.Name]), 10)
		}
		if seen[string(key)] {
			return
		}
		seen[string(key)] = true
		set := make([]uint32, len(w.Ports))
		for n, p := range w.Ports {
			set[n] = ports[p.Name]
		}
		sets = append(sets, set)
	}
	for _, g := range w.AllGroups() {
		add(g.Ports)
		for _, i := range g.Instances {
			if i.ownPorts {
				add(i.Ports)
			}
		}
	}
	return sets
}

// allTargets finds where the workload's VMs listen for each port, over all groups and instances.
func (w *Workload) allTargets() map[string][]uint32 {
	out := make(map[string][]uint32, len(w.Ports))
	sets := w.portSets()
	for n, p := range w.Ports {
		for _, set := range sets {
			if set[n] != 0 {
				out[p.Name] = append(out[p.Name], set[n])
			}
		}
		slices.Sort(out[p.Name])
		out[p.Name] = slices.Compact(out[p.Name])
	}
	return out
}

// listeners are the port sets of a workload by the numbers in them.
type listeners map[uint32][][]uint32

func (w *Workload) listeners() listeners {
	by := listeners{}
	for _, set := range w.portSets() {
		for _, target := range slices.Compact(slices.Sorted(slices.Values(set))) {
			by[target] = append(by[target], set)
		}
	}
	return by
}

// stranger finds a port that some VM serves where another VM serves the named one: policies judge by number alone, so
// what is said of the one holds for the other. It answers "" where there is none.
func (w *Workload) stranger(name string, target uint32, by listeners) string {
	own := slices.IndexFunc(w.Ports, func(p *Port) bool { return p.Name == name })
	for _, set := range by[target] {
		for n, p := range w.Ports {
			if n != own && set[n] == target && set[own] != target {
				return p.Name
			}
		}
	}
	return ""
}
