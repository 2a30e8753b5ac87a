package mesh

import (
	"strings"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

var (
	ruleNewRelease = &diag.Rule{
		ID: "VM091", Name: "newer-istio", Severity: diag.Warning,
		Doc: "The version of Istio is one that this vmmesh has the changes of.",
		Long: "A newer Istio is treated as the newest one that is known: fields, labels and variables of that one are emitted, which a newer " +
			"Istio mostly still reads. What it changed is in its release notes; a newer vmmesh has it too.",
		Bad:  "istio: {version: 1.99.0}",
		Good: "istio: {version: 1.31.1}",
	}
	ruleBadRelease = &diag.Rule{
		ID: "VM092", Name: "broken-release", Severity: diag.Error,
		Doc: "The release of Istio does not break on what the spec asks for.",
		Long: "Some patch releases crash or misbehave on objects that are right. The release that is named has the fix; the sources are in the " +
			"table of changes (schema/mesh/release_changes.go).",
		Bad: "spec:\n  istio: {version: 1.28.3, dataplaneMode: Ambient, network: kube}\n  networks: [{name: dc1}]\n" +
			"  controlPlane: {install: Helm}\n  workloads:\n  - groups: [{name: pay, network: dc1}]",
		Good: "spec:\n  istio: {version: 1.31.1, network: kube}\n  networks: [{name: dc1}]\n" +
			"  controlPlane: {install: Helm}\n  workloads:\n  - groups: [{name: pay, network: dc1}]",
	}
	ruleSkew = &diag.Rule{
		ID: "VM093", Name: "old-sidecar", Severity: diag.Warning,
		Doc: "The sidecar package is at most one minor version older than its control plane.",
		Long: "Istio supports a control plane that is one minor version ahead of its proxies (istio.io: supported releases, control plane and " +
			"data plane skew). An older sidecar mostly works, and nobody tests that it does.",
		Bad:  "vm: {package: {version: 1.28.0}}",
		Good: "vm: {package: {version: 1.30.0}}",
	}
)

// newRelease warns of a release that is newer than the table of changes.
func (r *resolver) newRelease(release Release, at diag.Path) {
	if !release.Known() {
		r.say(ruleNewRelease.At(at, "Istio %s is newer than what is known: it is treated as 1.%d", release, NewestMinor).
			WithHelp("read what changed in its release notes, or use a newer vmmesh"))
	}
}

// brokenReleases finds releases that break on the mesh, or that ignore a part of it.
func (r *resolver) brokenReleases(s *schema.Spec, w *Workload) {
	istio := w.Istio()
	if !istio.Ambient {
		return
	}
	for _, g := range w.Groups {
		release := g.Revision.Release
		other := g.Network != istio.Network
		for _, i := range g.Instances {
			other = other || i.Network != istio.Network
		}
		if f := release.fault("ambient-other-network"); f != nil && other {
			r.say(ruleBadRelease.At(s.Istio.At.Key("version"), "Istio %s breaks on group %q: %s", release, g.Name, f.What).
				WithHelp("use %s or later (%s)", f.Good, f.Source))
		}
		if changeAmbientPorts.has(release) {
			continue
		}
		for _, p := range w.Ports {
			elsewhere := g.Ports[p.Name] != p.Target
			for _, i := range g.Instances {
				elsewhere = elsewhere || i.Ports[p.Name] != p.Target
			}
			if elsewhere {
				r.say(ruleBadRelease.At(g.At, "Istio %s sends ambient clients of port %q to %d on every VM, and group %q listens elsewhere", release, p.Name, p.Target, g.Name).
					WithHelp("let all VMs listen on %d, make the group a workload of its own, or use 1.28 or later (%s)", p.Target, changeAmbientPorts.Source))
			}
		}
	}
}

// skew warns of a sidecar that is older than Istio supports beside its control plane.
func (r *resolver) skew(v Release, at diag.Path, g *Group) {
	if control := g.Revision.Release; v.Minor < control.Minor-1 {
		r.say(ruleSkew.At(at, "package %s is more than one minor version older than the control plane of group %q, %s", v, g.Name, control).
			WithHelp("write 1.%d or later: Istio supports a control plane that is one minor version ahead", control.Minor-1))
	}
}

// withoutAddress warns of TCP hosts outside the mesh to which this Istio gives no address.
func (r *resolver) withoutAddress(e *ExternalService, at diag.Path) {
	if e.Spec.Istio.Release.AllocatesAddresses() || len(e.Entry.Addresses) > 0 {
		return
	}
	for i, p := range e.Entry.Ports {
		if proto := Protocol(strings.ToUpper(p.GetProtocol())); !proto.IsHTTP() && !proto.IsTLS() {
			d := ruleServiceEntry.At(at.Key("ports").Item(i, p.GetName()), "Istio %s gives the host of TCP port %d no address: every host of that port is one to it", e.Spec.Istio.Release, p.GetNumber()).
				WithHelp("add `addresses: [<virtual IP>]`, or use 1.25 or later")
			d.Severity = diag.Warning
			r.say(d)
			return
		}
	}
}
