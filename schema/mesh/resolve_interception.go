package mesh

import (
	"slices"
	"strconv"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// Ports of the agent and of Envoy that are never captured: merged metrics, readiness, Envoy's own metrics.
var uncapturedPorts = []uint32{15020, 15021, 15090}

// interception resolves what traffic goes through the sidecar.
func (r *resolver) interception(in *schema.Interception, fw *schema.Firewall, vm *VM, g *Group) {
	out := &vm.Interception
	out.At, out.Mode = in.At, in.Mode
	out.Native, out.ExcludeContainers = in.Backend == "Nftables", *in.ExcludeContainers
	if out.Native && !vm.Package.Release.CapturesNatively() {
		r.say(ruleMisfit.At(in.At.Key("backend"), "backend: Nftables needs Istio 1.27, and the VMs of group %q have %s", g.Name, vm.Package.Release).
			WithHelp("drop it, or install an Istio that has it"))
	}
	at := in.At.Key("includeInboundPorts")
	for i, word := range in.IncludeInboundPorts {
		n, err := strconv.ParseUint(word, 10, 16)
		switch {
		case word == "*" && len(in.IncludeInboundPorts) == 1:
			out.AllInbound = true
		case word == "*":
			r.say(ruleMisfit.At(at.Item(i, ""), `"*" stands beside other ports`).WithHelp(`write ["*"] alone for every port, or list ports`))
		case err != nil || n == 0:
			r.say(rulePortClash.At(at.Item(i, ""), "%q is no port number", word).WithHelp(`write a number from 1 to 65535, or ["*"] alone`))
		default:
			out.IncludeInboundPorts = append(out.IncludeInboundPorts, uint32(n))
		}
	}
	out.TargetPorts = len(in.IncludeInboundPorts) == 0
	if out.TargetPorts {
		for _, n := range g.Ports {
			out.IncludeInboundPorts = append(out.IncludeInboundPorts, n)
		}
	}
	slices.Sort(out.IncludeInboundPorts)
	out.IncludeInboundPorts = slices.Compact(out.IncludeInboundPorts)
	if len(in.ExcludeInboundPorts) > 0 && !out.AllInbound {
		r.say(ruleMisfit.At(in.At.Key("excludeInboundPorts"), "excludeInboundPorts does nothing: only listed ports are captured").Key().
			WithHelp(`drop it, or set includeInboundPorts: ["*"]`))
	}
	if out.AllInbound {
		out.ExcludeInboundPorts = append(numbers(in.ExcludeInboundPorts), uncapturedPorts...)
		out.ExcludeInboundPorts = append(out.ExcludeInboundPorts, uint32(fw.SSHPort))
		slices.Sort(out.ExcludeInboundPorts)
		out.ExcludeInboundPorts = slices.Compact(out.ExcludeInboundPorts)
	}
	out.IncludeOutboundIPRanges = r.ranges(in.IncludeOutboundIPRanges, in.At.Key("includeOutboundIPRanges"), true)
	out.ExcludeOutboundIPRanges = r.ranges(in.ExcludeOutboundIPRanges, in.At.Key("excludeOutboundIPRanges"), false)
	out.ExcludeOutboundPorts = numbers(in.ExcludeOutboundPorts)
	slices.Sort(out.ExcludeOutboundPorts)
	out.ExcludeInterfaces = slices.Sorted(slices.Values(in.ExcludeInterfaces))
	if in.Mode != "NONE" { // which captures nothing
		out.ExcludeOwnerGroups = slices.Compact(slices.Sorted(slices.Values(in.ExcludeOwnerGroups)))
	}
}

// ranges reads outbound ranges: CIDRs, or "*" alone.
func (r *resolver) ranges(list []string, at diag.Path, star bool) []string {
	if star && len(list) == 1 && list[0] == "*" {
		return list
	}
	var out []string
	for _, p := range r.prefixes(list, at) {
		out = append(out, p.String())
	}
	return out
}

func numbers(list []int) []uint32 {
	var out []uint32
	for _, n := range list {
		out = append(out, uint32(n))
	}
	return out
}
