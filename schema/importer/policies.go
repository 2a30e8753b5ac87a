package importer

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1"
	security "istio.io/api/security/v1"
	modes "istio.io/api/security/v1beta1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// governed finds the workloads that a policy with these labels governs. reason says why that is nothing a spec can say:
// it also governs others, or some of a workload's VMs only; none says that it governs no VM.
func (i *importer) governed(namespace string, labels map[string]string) (list []*workload, reason string, none bool) {
	if len(labels) == 0 {
		return nil, "it is for the whole namespace", false
	}
	part := false
	for _, w := range i.candidates(namespace, labels) {
		if w.namespace != namespace || !w.mayCarry(labels) {
			continue
		}
		all, some := true, false
		for _, g := range w.groups {
			for _, set := range g.vms() {
				if carries(set, labels) {
					some = true
				} else {
					all = false
				}
			}
		}
		if some {
			list = append(list, w)
			part = part || !all
		}
	}
	switch {
	case len(list) == 0:
		return nil, "", true
	case otherClass(labels):
		return nil, classReason, false
	case i.governsPods(namespace, labels):
		return nil, "it selects pods too, and a policy of a spec selects VMs alone", false
	case part:
		return nil, "it is for some VMs of a workload only", false
	}
	return list, "", false
}

func (i *importer) governsPods(namespace string, labels map[string]string) bool {
	return i.hasPods(namespace, labels)
}

// rootNamespace reports whether a policy of this namespace is for the whole mesh.
func (i *importer) rootNamespace(namespace string) bool {
	return namespace == first(i.istio.Namespace, "istio-system")
}

func (i *importer) findPolicies() {
	for _, r := range age(each[*security.PeerAuthentication](i)) {
		i.peerAuthentication(r, r.Spec.(*security.PeerAuthentication))
	}
	for _, r := range age(each[*security.AuthorizationPolicy](i)) {
		i.authorizationPolicy(r, r.Spec.(*security.AuthorizationPolicy))
	}
	for _, w := range i.workloads {
		nameRules(w.out.Security.Allow)
		nameRules(w.out.Security.Deny)
	}
	for _, r := range age(each[*security.RequestAuthentication](i)) {
		i.requestAuthentication(r, r.Spec.(*security.RequestAuthentication))
	}
	for _, w := range i.workloads {
		if w.out.Security.MTLS.Mode == "" {
			w.out.Security.MTLS.Mode = "UNSET" // no policy was there, and none is made
		}
		if w.out.Security.MTLS.Mode == "STRICT" {
			w.out.Security.MTLS.Mode = "" // the default
		}
	}
}

func (i *importer) peerAuthentication(r *manifest.Resource, p *security.PeerAuthentication) {
	labels := p.GetSelector().GetMatchLabels()
	if len(labels) == 0 && !i.rootNamespace(r.Namespace) {
		i.namespaceMode(r, p)
		return
	}
	list, reason, none := i.governed(r.Namespace, labels)
	if none || i.rootNamespace(r.Namespace) {
		return
	}
	if reason != "" {
		i.leaves(r, r.Place("spec", "selector"), reason, "")
		return
	}
	mtls := map[*workload]schema.MTLS{}
	for _, w := range list {
		ports, unknown := w.modes(p.GetPortLevelMtls())
		switch {
		case unknown != 0:
			i.leaves(r, r.Place("spec", "portLevelMtls"), "no VM of "+w.name+" listens on "+strconv.Itoa(int(unknown))+" under a name of its own", "name the port that VMs listen on, not the one that clients dial")
			return
		case w.out.Security.MTLS.Mode != "":
			i.leaves(r, r.Place("spec", "selector"), "another PeerAuthentication is for these VMs, and Istio uses the older one", "merge the two, or delete this one")
			return
		}
		mtls[w] = schema.MTLS{Mode: p.GetMtls().GetMode().String(), Ports: ports}
	}
	for _, w := range list {
		w.out.Security.MTLS = mtls[w]
		w.objects = append(w.objects, r)
		w.source("mtls", r)
	}
	i.takes(r, fate{identity: identity{kind: "PeerAuthentication", namespace: r.Namespace, name: list[0].name}, more: others(list)}, len(list) > 1)
	i.tellSeveral(r, list)
}

// takes remembers what an object becomes, and whether others are in it too, or it is in several.
func (i *importer) takes(r *manifest.Resource, f fate, merged bool) {
	if merged {
		i.merge(r, f)
		return
	}
	i.becomes(r, f)
}

// others names all but the first.
func others(list []*workload) []string {
	var out []string
	for _, w := range list[1:] {
		out = append(out, w.name)
	}
	return out
}

// tellSeveral reports that one object becomes several.
func (i *importer) tellSeveral(r *manifest.Resource, list []*workload) {
	if len(list) > 1 {
		i.say(ruleDifferent.At(r.Place("metadata", "name"), "%s becomes one for each of %s", r, names(list)).
			WithHelp("delete this one last, once the VMs run with their new files"))
	}
}

// modes turns exceptions by number into those by the name of a port. It returns a number that is not a whole port's.
func (w *workload) modes(byNumber map[uint32]*modes.PeerAuthentication_MutualTLS) ([]schema.MTLSPort, uint32) {
	left := maps.Clone(byNumber)
	var out []schema.MTLSPort
	for _, p := range w.ports {
		targets := w.targets[p.name]
		if len(targets) == 0 || slices.ContainsFunc(targets, func(n uint32) bool { return byNumber[n] == nil || byNumber[n].Mode != byNumber[targets[0]].Mode }) {
			continue
		}
		out = append(out, schema.MTLSPort{Name: p.name, Mode: byNumber[targets[0]].Mode.String()})
		for _, n := range targets {
			delete(left, n)
		}
	}
	if len(left) > 0 {
		return nil, slices.Min(slices.Collect(maps.Keys(left)))
	}
	return out, 0
}

func (i *importer) authorizationPolicy(r *manifest.Resource, p *security.AuthorizationPolicy) {
	list, reason, none := i.governed(r.Namespace, p.GetSelector().GetMatchLabels())
	if none && len(p.GetTargetRefs()) == 0 && p.GetTargetRef() == nil || i.rootNamespace(r.Namespace) {
		return
	}
	at := r.Place("spec", "selector")
	switch {
	case len(p.GetTargetRefs()) > 0 || p.GetTargetRef() != nil:
		return // for waypoints and gateways: no VM's
	case reason != "":
	case p.GetAction() != security.AuthorizationPolicy_ALLOW && p.GetAction() != security.AuthorizationPolicy_DENY:
		at, reason = r.Place("spec", "action"), "a spec cannot express action "+p.GetAction().String()
	case r.Annotations["istio.io/dry-run"] != "":
		at, reason = r.Place("metadata", "annotations").Key("istio.io/dry-run"), "a spec cannot express a dry run"
	case len(p.GetRules()) == 0:
		at, reason = r.Place("spec"), "without rules it allows nothing, and a spec cannot express that"
	}
	if reason != "" {
		i.leaves(r, at, reason, "")
		return
	}
	for _, w := range list {
		if n, bad := w.unheard(p.GetRules()); bad {
			i.leaves(r, r.Place("spec", "rules"), "no VM of "+w.name+" listens on "+n, "name the port that VMs listen on, not the one that clients dial")
			return
		}
	}
	merged := len(list) > 1
	for _, w := range list {
		rules, end := &w.out.Security.Allow, "-allow"
		if p.GetAction() == security.AuthorizationPolicy_DENY {
			rules, end = &w.out.Security.Deny, "-deny"
		}
		if len(*rules) > 0 && !merged {
			merged = true
			i.say(ruleDifferent.At(r.Place("metadata", "name"), "%s becomes part of the one policy %s", r, w.name+end).
				WithHelp("its rules are ORed with those of the others; delete this one last, once the VMs run with their new files"))
		}
		for _, rule := range p.GetRules() {
			*rules = append(*rules, i.accessRule(w, rule))
		}
		w.objects = append(w.objects, r)
		w.source(strings.TrimPrefix(end, "-"), r)
		if w == list[0] {
			f := fate{identity: identity{kind: "AuthorizationPolicy", namespace: r.Namespace, name: w.name + end}}
			for _, name := range others(list) {
				f.more = append(f.more, name+end)
			}
			i.takes(r, f, merged)
		}
	}
	i.tellSeveral(r, list)
}

func (i *importer) requestAuthentication(r *manifest.Resource, p *security.RequestAuthentication) {
	list, reason, none := i.governed(r.Namespace, p.GetSelector().GetMatchLabels())
	switch {
	case none || i.rootNamespace(r.Namespace) || len(p.GetTargetRefs()) > 0 || p.GetTargetRef() != nil:
		return
	case len(p.GetJwtRules()) == 0:
		reason = "it lacks rules"
	}
	if reason != "" {
		i.leaves(r, r.Place("spec", "selector"), reason, "")
		return
	}
	merged := len(list) > 1
	for _, w := range list {
		if len(w.out.Security.JWT) > 0 && !merged {
			merged = true
			i.say(ruleDifferent.At(r.Place("metadata", "name"), "%s becomes part of the one RequestAuthentication %s", r, w.name).
				WithHelp("its rules are added to those of the others; delete this one last, once the VMs run with their new files"))
		}
		w.out.Security.JWT = append(w.out.Security.JWT, p.GetJwtRules()...)
		w.objects = append(w.objects, r)
		w.source("jwt", r)
	}
	i.takes(r, fate{identity: identity{kind: "RequestAuthentication", namespace: r.Namespace, name: list[0].name}, more: others(list)}, merged)
	i.tellSeveral(r, list)
}

// findSidecars takes the Sidecars that are for the VMs of a workload.
func (i *importer) findSidecars() {
	for _, r := range age(each[*networking.Sidecar](i)) {
		p := r.Spec.(*networking.Sidecar)
		list, reason, none := i.governed(r.Namespace, p.GetWorkloadSelector().GetLabels())
		if none || i.rootNamespace(r.Namespace) {
			continue
		}
		if reason == "" && slices.ContainsFunc(list, func(w *workload) bool { return w.out.Sidecar != nil }) {
			reason = "another Sidecar is for these VMs"
		}
		if reason != "" {
			i.leaves(r, r.Place("spec", "workloadSelector"), reason, "")
			continue
		}
		for _, w := range list {
			w.out.Sidecar = p.DeepCopy()
			w.out.Sidecar.WorkloadSelector = nil
			w.objects = append(w.objects, r)
			w.source("sidecar", r)
		}
		i.takes(r, fate{identity: identity{kind: "Sidecar", namespace: r.Namespace, name: list[0].name}, more: others(list)}, len(list) > 1)
		i.tellSeveral(r, list)
	}
}
