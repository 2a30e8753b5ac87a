package importer

import (
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// kinds are those that import takes.
var kinds = map[[2]string]bool{
	{"", "Namespace"}: true, {"", "Service"}: true, {"", "ServiceAccount"}: true,
	{manifest.NetworkingGroup, "DestinationRule"}: true, {manifest.NetworkingGroup, "ServiceEntry"}: true, {manifest.NetworkingGroup, "Sidecar"}: true,
	{manifest.NetworkingGroup, "VirtualService"}: true, {manifest.NetworkingGroup, "WorkloadEntry"}: true, {manifest.NetworkingGroup, "WorkloadGroup"}: true,
	{manifest.SecurityGroup, "AuthorizationPolicy"}: true, {manifest.SecurityGroup, "PeerAuthentication"}: true,
	{manifest.SecurityGroup, "RequestAuthentication"}: true, {manifest.TelemetryGroup, "Telemetry"}: true,
}

// Takes reports whether import takes objects of a kind at all.
func Takes(r *manifest.Resource) bool { return kinds[[2]string{r.Group, r.Kind}] }

// tellRest reports the objects that have no fate yet: in a namespace of VMs a user may expect them in the spec. The others
// are listed in the summary.
func (i *importer) tellRest() {
	var at diag.Path
	var unrelated, wide []*manifest.Resource
	for _, r := range i.set.All() {
		if f, known := i.out.fates[r]; known {
			if at == nil && !f.left {
				at = r.Place("metadata", "name")
			}
			continue
		}
		switch {
		case i.skip[r]:
			i.becomes(r, fate{left: true})
			i.say(ruleLeft.At(r.Place("metadata", "name"), "%s stays outside the spec: it cannot be read", r).WithHelp("fix what was found in it, and import again"))
		case Takes(r) && i.spaces[r.Namespace] != nil && r.Namespace != "":
			i.becomes(r, fate{left: true})
			unrelated = append(unrelated, r)
		default:
			if Takes(r) && i.rootNamespace(r.Namespace) && (r.Group == manifest.SecurityGroup || r.Group == manifest.TelemetryGroup || r.Kind == "Sidecar") {
				wide = append(wide, r)
			}
			i.out.Others++
			i.out.others = append(i.out.others, r)
		}
	}
	if byName(i.alone); len(i.alone) > 0 {
		d := ruleDecide.At(i.alone[0].Place("metadata", "name"),
			"no entry of the VMs of %s is among the manifests, so in the spec they register by themselves", several(i.alone))
		d.Severity = diag.Info
		i.say(d.WithHelp("list them as instances if they do not, and `registration: Static`"))
	}
	i.tellKinds(unrelated, "is about no VM, and stays as it is", "are about no VM, and stay as they are")
	if len(i.workloads) > 0 {
		i.tellKinds(wide, "acts on the whole mesh, these VMs included, and stays as it is", "act on the whole mesh, these VMs included, and stay as they are")
		at = i.workloads[0].at
	}
	i.tellMissing(at)
}

// tellKinds reports objects that stay as they are: one info for each kind.
func (i *importer) tellKinds(list []*manifest.Resource, one, many string) {
	byKind := map[string][]*manifest.Resource{}
	for _, r := range list {
		byKind[r.Kind] = append(byKind[r.Kind], r)
	}
	for _, kind := range sorted(byKind) {
		list := byKind[kind]
		text := one
		if len(list) > 1 {
			text = many
		}
		var names []string
		for _, r := range list {
			names = append(names, nameOf(r))
		}
		d := ruleLeft.At(list[0].Place("metadata", "name"), "%s %s %s", kind, atMost(names, 5), text)
		d.Severity = diag.Info
		i.say(d)
	}
}
