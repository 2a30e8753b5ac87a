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
			d := ruleLeft.At(r.Place("metadata", "name"), "%s is about no VM, and stays as it is", r)
			d.Severity = diag.Info
			i.say(d)
		default:
			i.out.Others++
			i.out.others = append(i.out.others, r)
		}
	}
	if len(i.workloads) > 0 {
		at = i.workloads[0].at
	}
	i.tellMissing(at)
}
