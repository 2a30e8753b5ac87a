package compare

import (
	"slices"
	"strconv"
	"strings"
)

// installStep is the step in which VMs get what changes.
const installStep = "run `install.sh` with the new files on each VM, one after another: the sidecar restarts"

// controlPlaneStep is the step in which istiod gets what changes.
const controlPlaneStep = "update istiod with the new files of control-plane/, and wait until it is ready"

// restartStep is the step in which pods get what changes.
const restartStep = "restart the pods that have a sidecar, and the gateways: `kubectl rollout restart deployment`"

// findTrustDomain: a certificate names the trust domain, and both ends of a call check it.
func findTrustDomain(p *pair, report report) {
	for _, s := range p.settings("vm.env", "VMMESH_TRUST_DOMAIN", func(f *facts) string { return f.trustDomain }) {
		about, others := p.about(s)
		old, now := value(s.old), value(s.now)
		policies := ""
		if naming := p.policiesOf(old); len(naming) > 0 {
			policies = " (here " + some(naming) + ")"
		}
		c := report(Breaks, about, "the trust domain becomes %s instead of %s, and with it every identity: between "+
			"workloads that have the new one and "+
			"workloads that do not, mTLS fails, and policies that name %s%s match no caller", now, old, old, policies)
		c.Others = others
		c.Steps = []string{
			"add " + old + " to `meshConfig.trustDomainAliases` of istiod, so that both domains are accepted",
			controlPlaneStep,
			restartStep,
			"run `install.sh` with the new files on each VM, one after another: it drops the old certificate, and " +
				"the sidecar restarts with a new one",
			"remove the alias, and apply policies that name " + now,
		}
	}
}

// policiesOf lists the policies of the new side that name a trust domain.
func (p *pair) policiesOf(domain string) []string {
	var found []string
	for _, o := range p.will.of(security, "AuthorizationPolicy") {
		if strings.Contains(canonical(o.root), `"`+domain+`/ns/`) {
			found = append(found, o.ID.String())
		}
	}
	return found
}

// findClusterName: a VM names its cluster when it asks for a certificate with a token, and istiod refuses one that it
// does not have.
func findClusterName(p *pair, report report) {
	for _, s := range p.settings("cluster.env", "ISTIO_META_CLUSTER_ID", func(f *facts) string { return f.cluster }) {
		about, others := p.about(s)
		old, now := value(s.old), value(s.now)
		c := report(Breaks, about, "the cluster is called %s instead of %s: istiod refuses a token from a VM that "+
			"names the other, so that VM gets no "+
			"certificate, and other clusters of the mesh find no endpoints under the old name", now, old)
		c.Others = others
		c.Steps = []string{
			controlPlaneStep,
			restartStep,
			installStep + "; until then it runs with the certificate that it has",
			"make the remote secrets of other clusters again for " + now + ", and remove those for " + old,
		}
	}
}

// findIstiodAddress: VMs dial what their files say.
func findIstiodAddress(p *pair, report report) {
	const why = ": VMs dial the old until `install.sh` ran on them; where nothing answers there any more, they keep " +
		"their configuration, " +
		"get no changes, and leave the mesh when their certificate ends"
	for _, s := range p.settings("vm.env", "VMMESH_ISTIOD_ADDRESSES", nil) {
		about, others := p.about(s)
		more := slices.DeleteFunc(elements(s.now), func(a string) bool { return slices.Contains(elements(s.old), a) })
		var lost []string
		for _, a := range elements(s.old) {
			if !slices.Contains(elements(s.now), a) {
				lost = append(lost, a)
			}
		}
		if len(lost) == 0 && len(elements(s.old)) > 0 {
			c := report(Note, about, "istiod is also reached at %s: VMs dial it once `install.sh` ran on them",
				orNone(some(more)))
			c.Others = others
			continue
		}
		c := report(Breaks, about, "istiod is reached at %s instead of %s"+why, value(s.now), value(s.old))
		c.Others = others
		c.Steps = []string{
			"see that istiod answers at " + value(s.now) + ", port 15012, from the VMs' network; keep " +
				orNone(some(lost)) + " as it is",
			installStep,
			"give up " + orNone(some(lost)) + " when every VM is connected: `istioctl proxy-status`",
		}
	}
	for _, v := range []struct{ variable, what string }{{"VMMESH_ISTIOD_HOST", "host"}, {"VMMESH_ISTIOD_PORT", "port"}} {
		for _, s := range p.settings("vm.env", v.variable, nil) {
			about, others := p.about(s)
			c := report(Breaks, about, "the "+v.what+" of istiod becomes %s instead of %s"+why, value(s.now),
				value(s.old))
			c.Others = others
			c.Steps = []string{
				"see that istiod answers at " + value(s.now) + " with a certificate for it; keep " + value(s.old) + " as it is",
				installStep,
				"give up " + value(s.old) + " when every VM is connected: `istioctl proxy-status`",
			}
		}
	}
}

// findIstioVersion: a control plane is one minor version ahead of its sidecars at most, and never behind them.
func findIstioVersion(p *pair, report report) {
	for _, s := range p.settings("vm.env", "VMMESH_PACKAGE_VERSION", func(f *facts) string { return f.version }) {
		about, others := p.about(s)
		old, now := value(s.old), value(s.now)
		a, okA := minor(old)
		b, okB := minor(now)
		var c *Consequence
		switch {
		case !okA || !okB:
			c = report(Risk, about, "Istio becomes %s instead of %s: istiod must be as new as every sidecar", now, old)
			c.Steps = []string{controlPlaneStep, restartStep, installStep}
		case b-a > 1:
			c = report(Breaks, about, "Istio becomes %s instead of %s, %d minor versions newer: Istio supports one "+
				"at a time, since istiod serves sidecars "+
				"that are one minor version older; sidecars that stay behind may refuse their configuration", now,
				old, b-a)
			for v := a + 1; v <= b; v++ {
				version := "1." + strconv.Itoa(v)
				if v == b {
					version = now
				}
				c.Steps = append(c.Steps, "build with "+version+": update Istio's CRDs and istiod, restart the pods "+
					"that have a sidecar, then run `install.sh` on each VM")
			}
		case b-a == 1:
			c = report(Risk, about, "Istio becomes %s instead of %s: istiod must be first, since sidecars that are "+
				"newer than it are not supported", now, old)
			c.Steps = []string{"update Istio's CRDs, then " + controlPlaneStep, restartStep, installStep}
		case b < a:
			c = report(Breaks, about, "Istio becomes %s instead of %s, which is older: sidecars that are newer than "+
				"istiod are not supported, and objects "+
				"may have fields that the older one does not read; `install.sh` keeps a newer package", now, old)
			c.Steps = []string{
				"run `install.sh --allow-downgrade` with the new files on each VM, one after another: the sidecar " +
					"restarts",
				"restart the pods with sidecars of " + now + ", which is a revision of its own",
				"update istiod last, one minor version at a time; leave Istio's CRDs as they are",
			}
		default:
			c = report(Note, about, "Istio becomes %s instead of %s, within one minor version: istiod first, then "+
				"the sidecars", now, old)
			c.Steps = []string{controlPlaneStep, installStep}
		}
		c.Others = others
	}
}

// minor is the minor version in one of Istio's versions.
func minor(version string) (int, bool) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 || parts[0] != "1" {
		return 0, false
	}
	n, err := strconv.Atoi(parts[1])
	return n, err == nil
}

// networkLabel is the label of istiod's namespace that names the network of the cluster.
const networkLabel = "topology.istio.io/network"

// findMeshNetwork: an endpoint in a network without a gateway is dialled directly, wherever the caller is.
func findMeshNetwork(p *pair, report report) {
	seen := map[string]bool{}
	add := func(about ID, old, now string) {
		if old == now || seen[old+"\x00"+now] {
			return
		}
		seen[old+"\x00"+now] = true
		vms := ""
		if networks := p.will.networks(now); len(networks) > 0 {
			vms = " (here VMs in " + some(networks) + ")"
		}
		report(Breaks, about, "the network of the cluster becomes %s instead of %s: while istiod, the gateways and "+
			"the pods do not all have the new name, "+
			"callers in other networks%s find no gateway for it and dial addresses of pods that they do not reach",
			orNone(now), orNone(old), vms).
			Steps = []string{
			"update istiod and the east-west gateway together with the new files of control-plane/, and apply the " +
				"label of the namespace",
			"restart the gateway first, then the pods that have a sidecar: a pod has the name of the network since " +
				"it was started",
			"set the new name wherever another cluster or spec names " + orNone(old) + ": meshNetworks, gateways of " +
				"other networks",
			"see that VMs have the gateway's address for services of the cluster: `istioctl proxy-config endpoints`",
		}
	}
	p.both("", "Namespace", func(was, will *object) {
		old, now := was.at("metadata", "labels", networkLabel).Text(), will.at("metadata", "labels",
			networkLabel).Text()
		add(will.ID, old, now)
	})
	if p.wasMesh != nil && p.willMesh != nil {
		add(p.meshID(), p.wasMesh.network, p.willMesh.network)
	}
}

// networks lists the networks of VMs, less one.
func (s *set) networks(less string) []string {
	found := map[string]bool{}
	for _, o := range s.of(networking, "WorkloadGroup") {
		found[o.text("spec", "template", "network")] = true
	}
	for _, o := range s.of(networking, "WorkloadEntry") {
		found[o.text("spec", "network")] = true
	}
	delete(found, "")
	delete(found, less)
	return sortedKeys(found)
}

// injector is what a namespace's labels ask for: a revision, "default", or nothing.
func injector(ns *object) string {
	switch labels := ns.at("metadata", "labels"); {
	case labels.Get("istio-injection").Text() == "enabled":
		return "default"
	case labels.Get("istio-injection").Text() == "disabled":
		return ""
	default:
		return labels.Get("istio.io/rev").Text()
	}
}

// findInjection: a pod has a sidecar, or none, since it was created.
func findInjection(p *pair, report report) {
	p.both("", "Namespace", func(was, will *object) {
		old, now := injector(was), injector(will)
		switch {
		case old == now:
		case old == "":
			report(Risk, will.ID, "pods that are created from now on get a sidecar, those that run do not: those "+
				"with one speak mTLS and are subject to "+
				"policies, calls to ports that no Service declares may change, and a Job with a sidecar may not "+
				"end; VMs are not affected").
				Steps = []string{
				"see that the pods' ports are declared, and label Jobs `sidecar.istio.io/inject: \"false\"`",
				"apply, then `kubectl rollout restart deployment -n " + will.Name + "`, one Deployment after another",
				"demand STRICT mTLS of what they call only when all have a sidecar",
			}
		case now == "":
			strict := ""
			if list := p.will.strict(); len(list) > 0 {
				strict = " (here " + some(list) + ")"
			}
			report(Breaks, will.ID, "pods that are created from now on have no sidecar: with the next restart they "+
				"speak plaintext, which STRICT%s "+
				"refuses, and policies that name their service accounts no longer match their calls", strict).
				Steps = []string{
				"accept plaintext (PERMISSIVE) and calls without an identity wherever these pods call",
				"apply, then `kubectl rollout restart deployment -n " + will.Name + "`",
			}
		default:
			report(Risk, will.ID, "pods that are created from now on get the sidecar of revision %s instead of %s; "+
				"those that run keep theirs", now, old).
				Steps = []string{
				"see that istiod of revision " + now + " runs", "apply, then `kubectl rollout restart deployment -n " +
					"" + will.Name + "`",
			}
		}
	})
}

// strict lists the policies that demand mTLS.
func (s *set) strict() []string {
	var found []string
	for _, o := range s.of(security, "PeerAuthentication") {
		if mode(o.at("spec", "mtls")) == "STRICT" {
			found = append(found, o.ID.String())
		}
	}
	return found
}
