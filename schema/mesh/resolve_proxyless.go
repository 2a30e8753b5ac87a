package mesh

import (
	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// proxyless checks a group whose VMs have no sidecar for settings that only one could carry out.
func (r *resolver) proxyless(in *schema.Group) {
	if len(in.Instances) == 0 && in.Registration != "Auto" {
		r.say(ruleProxyless.At(in.At, "group %q has proxy: None and no instances: VMs without a sidecar do not register",
			in.Name).
			WithHelp("add `instances: [{name: vm1, address: 192.168.1.100}]`"))
	}
	for _, f := range []struct {
		key, help string
		set       bool
	}{
		{"registration", "remove it, and list the instances: a sidecar's agent is what registers a VM",
			in.Registration == "Auto"},
		{"revision", "remove it: these VMs connect to no control plane", in.Revision != ""},
		{"minHealthy", "remove it: the alert counts sidecars", in.MinHealthy > 0},
		{"vm", "remove it: these VMs get no files", in.VM != nil},
	} {
		if f.set {
			r.say(ruleProxyless.At(in.At.Key(f.key), "%s does nothing with proxy: None", f.key).Key().WithHelp("%s", f.help))
		}
	}
}

// proxylessWorkload checks a workload with VMs without a sidecar. Where no VM has one, nothing is emitted that only
// sidecars read.
func (r *resolver) proxylessWorkload(in *schema.Workload, w *Workload) {
	if len(w.Proxyless) == 0 {
		return
	}
	all := len(w.Groups) == 0
	if all {
		for _, f := range []struct {
			key, help string
			set       bool
		}{
			{"serviceAccount", "remove it: these VMs have no identity", in.ServiceAccount != ""},
			{"metrics", "remove it: the sidecar's agent is what serves them; have Prometheus scrape the VMs themselves",
				in.Metrics != nil},
			{"probe", "remove it, and give the services outlierDetection: the sidecar's agent is what probes", in.Probe != nil},
			{"sidecar", "remove it", in.Sidecar != nil},
		} {
			if f.set {
				r.say(ruleProxyless.At(in.At.Key(f.key), "%s does nothing: no VM of %q has a sidecar", f.key, w.Name).Key().
					WithHelp("%s", f.help))
			}
		}
		w.ServiceAccount, w.Metrics, w.Probe, w.Sidecar = "", nil, nil, nil
		w.AccessLogging, w.Tracing = nil, nil
	}
	r.pretended(in, w, all)
	for _, s := range w.Services {
		r.mutualTLS(s)
	}
}

// pretended reports policies that hold for none of the VMs, and warns of those that hold for some.
func (r *resolver) pretended(in *schema.Workload, w *Workload, all bool) {
	s := &in.Security
	for _, f := range []struct {
		key string
		at  diag.Path
		set bool
	}{
		{"mtls", s.MTLS.At, all && (s.MTLS.Mode == "STRICT" || s.MTLS.Mode == "PERMISSIVE" || len(s.MTLS.Ports) > 0)},
		{"allow", s.At.Key("allow"), len(s.Allow) > 0},
		{"deny", s.At.Key("deny"), len(s.Deny) > 0},
		{"jwt", s.At.Key("jwt"), len(s.JWT) > 0},
	} {
		if !f.set {
			continue
		}
		d := ruleProxyless.At(f.at, "security.%s would protect nothing: the VMs of %q have no sidecar to enforce it", f.key,
			w.Name).
			WithHelp("remove it, and protect the VMs by a firewall; policies need proxy: Sidecar")
		if !all {
			d = ruleProxyless.At(f.at, "security.%s does not protect group %q, whose VMs have no sidecar to enforce it", f.key,
				w.Proxyless[0].Name).
				WithHelp("protect those VMs by a firewall, and move the group to a workload of its own where it stays so")
			d.Severity = diag.Warning
		}
		r.say(d)
	}
	if all {
		w.MTLS, w.Allow, w.AllowAt, w.Deny, w.DenyAt, w.JWT = MTLS{At: w.MTLS.At}, nil, nil, nil, nil, nil
	}
}

// mutualTLS reports a traffic policy that makes clients of VMs without a sidecar speak mTLS.
func (r *resolver) mutualTLS(s *Service) {
	at := s.At.Key("traffic")
	// The place of a subset is its list, whose order the mesh does not keep.
	check := func(p *networking.TrafficPolicy, at diag.Path, labels map[string]string) {
		if p.GetTls().GetMode() != networking.ClientTLSSettings_ISTIO_MUTUAL {
			return
		}
		for _, g := range s.Workload.Proxyless {
			if g.anyVM(s.Selector, labels) {
				r.say(ruleProxyless.At(at, "tls mode ISTIO_MUTUAL cannot reach group %q, whose VMs have no sidecar", g.Name).
					WithHelp("remove tls: clients then speak mTLS to the VMs that have a sidecar, and plaintext to the others"))
				return
			}
		}
	}
	check(s.Traffic.Policy, at.Key("trafficPolicy").Key("tls").Key("mode"), nil)
	for _, x := range s.Traffic.Subsets {
		check(x.TrafficPolicy, at.Key("subsets"), x.Labels)
	}
}

// proxylessBehind reports VMs without a sidecar behind the gateways of a network: those pass mTLS alone, and istiod
// leaves other
// endpoints out for clients in other networks (istio: pilot/pkg/xds/endpoints/ep_filters.go).
func (r *resolver) proxylessBehind(w *Workload) {
	say := func(at diag.Path, network string) {
		r.say(ruleProxyless.At(at, "VMs without a sidecar are behind the gateways of network %q, which pass mTLS alone",
			network).
			WithHelp("put them into a network without gateways, which clients dial directly, or give them a sidecar"))
	}
	for _, g := range w.Proxyless {
		if w.Spec.BehindGateways(g.Network) {
			say(g.At.Key("network"), g.Network)
			continue
		}
		for _, i := range g.Instances {
			if w.Spec.BehindGateways(i.Network) {
				say(i.At.Key("network"), i.Network)
			}
		}
	}
}
