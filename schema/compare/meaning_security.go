package compare

import (
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// modes ranks what a PeerAuthentication demands. Where it sets no mode, that of the namespace or the mesh applies,
// whose
// default is PERMISSIVE.
var modes = map[string]int{"DISABLE": 0, "PERMISSIVE": 1, "UNSET": 1, "STRICT": 2}

// mode is the mode in a mutualTLS block.
func mode(n *syntax.Node) string {
	if m := n.Get("mode").Text(); m != "" {
		return m
	}
	return "UNSET"
}

// peerModes are a policy's modes: of all ports under "", and of each port that has its own.
func peerModes(o *object) map[string]string {
	found := map[string]string{"": mode(o.at("spec", "mtls"))}
	if ports := o.at("spec", "portLevelMtls"); ports != nil {
		for i := range ports.Fields {
			if m := mode(&ports.Fields[i].Value); m != "UNSET" {
				found[ports.Fields[i].Key] = m
			}
		}
	}
	return found
}

// modeChange is a mode that changes, of a policy's port or of all its ports.
type modeChange struct {
	policy   *object
	port     string // "" for all
	old, now string
}

// where names the port of a change, and the groups of VMs.
func (p *pair) where(c modeChange) string {
	whose := p.will.whose(c.policy)
	if c.port == "" {
		return "mTLS" + whose
	}
	return "mTLS of port " + c.port + whose
}

// scope is what policies of a kind apply to: the workloads of a namespace that a selector matches.
type scope struct {
	kind      kind
	namespace string
	key       string // see scopeOf; "" is the whole namespace
}

// inScope lists the policies of a kind that apply to the same workloads, in order. The list is the set's own.
func (s *set) inScope(k kind, namespace, key string) []*object {
	if s.scopes == nil {
		s.scopes = map[scope][]*object{}
		for _, o := range s.objects {
			if o.Group == security {
				at := scope{kind{o.Group, o.Kind}, o.Namespace, scopeOf(o)}
				s.scopes[at] = append(s.scopes[at], o)
			}
		}
	}
	return s.scopes[scope{k, namespace, key}]
}

// namespaceMode is the mode that a namespace's own policy gives to policies without one, UNSET where it sets none
// either.
func (s *set) namespaceMode(namespace string) string {
	for _, o := range s.inScope(kind{security, "PeerAuthentication"}, namespace, "") {
		return mode(o.at("spec", "mtls"))
	}
	return "UNSET"
}

// modeChanges lists the modes that change for VMs that are there before and after.
func (p *pair) modeChanges() []modeChange {
	var found []modeChange
	add := func(policy, was, will *object) {
		before, after := peerModes(was), peerModes(will)
		if before[""] == "UNSET" {
			before[""] = p.was.namespaceMode(policy.Namespace)
		}
		if after[""] == "UNSET" {
			after[""] = p.will.namespaceMode(policy.Namespace)
		}
		ports := map[string]bool{}
		for port := range before {
			ports[port] = true
		}
		for port := range after {
			ports[port] = true
		}
		for _, port := range sortedKeys(ports) {
			old, now := before[port], after[port]
			if old == "" {
				old = before[""]
			}
			if now == "" {
				now = after[""]
			}
			if modes[old] != modes[now] {
				found = append(found, modeChange{policy, port, old, now})
			}
		}
	}
	// Of several policies with one selector one is enough to give the mode.
	for _, o := range p.was.of(security, "PeerAuthentication") {
		if now := p.now(o); now != nil {
			add(now, o, now)
		} else if p.remains(o) {
			add(o, o, p.will.sameScope(o))
		}
	}
	for _, o := range p.came(security, "PeerAuthentication") {
		if p.existed(o) {
			add(o, p.was.sameScope(o), o)
		}
	}
	return found
}

// sameScope returns a policy of the kind of another that applies to the same workloads, nil where there is none.
func (s *set) sameScope(like *object) *object {
	for _, o := range s.inScope(kind{like.Group, like.Kind}, like.Namespace, scopeOf(like)) {
		return o
	}
	return nil
}

// existed reports whether what a policy selects was there before. A policy that comes with its workload changes nothing
// for anyone.
func (p *pair) existed(policy *object) bool { return p.was.selectedBy(policy) }

// remains reports whether what a policy selects will be there.
func (p *pair) remains(policy *object) bool { return p.will.selectedBy(policy) }

func (s *set) selectedBy(policy *object) bool {
	return s.selected(policy.Namespace, labels(policy.at("spec", "selector", "matchLabels"))) > 0
}

func findStricter(p *pair, report report) {
	for _, c := range p.modeChanges() {
		switch {
		case modes[c.now] < modes[c.old]:
		case c.now == "STRICT":
			report(Breaks, c.policy.ID, "%s becomes STRICT instead of %s: callers without a sidecar, who speak "+
				"plaintext, are refused", p.where(c), inherited(c.old)).
				Steps = []string{
				"find callers in plaintext: " +
					"`istio_requests_total{reporter=\"destination\",connection_security_policy=\"none\"}`, or " +
					"`istio_tcp_connections_opened_total` of the same labels; load balancers' health checks and " +
					"Prometheus are among them",
				"give them a sidecar, or a port of their own that stays PERMISSIVE",
				"apply when none is left",
			}
		default:
			report(Note, c.policy.ID, "%s becomes %s instead of %s: plaintext is still accepted", p.where(c),
				inherited(c.now), inherited(c.old))
		}
	}
}

func findLooser(p *pair, report report) {
	for _, c := range p.modeChanges() {
		switch {
		case modes[c.now] > modes[c.old]:
		case c.now == "DISABLE":
			report(Risk, c.policy.ID, "%s becomes DISABLE instead of %s: traffic is no longer encrypted, and "+
				"policies that name callers match none", p.where(c), inherited(c.old))
		default:
			report(Risk, c.policy.ID, "%s becomes %s instead of %s: callers in plaintext, who have no identity, are "+
				"let in", p.where(c), inherited(c.now), inherited(c.old))
		}
	}
}

// inherited is a mode in a sentence.
func inherited(mode string) string {
	if mode == "UNSET" {
		return "the namespace's or the mesh's (PERMISSIVE where neither sets one)"
	}
	return mode
}

// action is what an AuthorizationPolicy does.
func action(o *object) string {
	if a := o.text("spec", "action"); a != "" {
		return a
	}
	return "ALLOW"
}

// acting lists the policies with an action that hold for all that another policy selects: those with its selector, and
// those of the whole namespace.
func (s *set) acting(do string, like *object) []*object {
	k, key := kind{security, "AuthorizationPolicy"}, scopeOf(like)
	found := slices.Clone(s.inScope(k, like.Namespace, key))
	if key != "" {
		found = append(found, s.inScope(k, like.Namespace, "")...)
	}
	return slices.DeleteFunc(found, func(o *object) bool { return action(o) != do })
}

// rules are the rules of the policies that [set.acting] lists.
func (s *set) rules(like *object) map[string]bool {
	at := scope{kind{"", action(like)}, like.Namespace, scopeOf(like)}
	if have, ok := s.rulesOf[at]; ok {
		return have
	}
	have := map[string]bool{}
	for _, o := range s.acting(action(like), like) {
		for _, r := range items(o.at("spec", "rules")) {
			have[rule(r)] = true
		}
	}
	if s.rulesOf == nil {
		s.rulesOf = map[scope]map[string]bool{}
	}
	s.rulesOf[at] = have
	return have
}

// rule is a rule of a policy as a text that equal rules share, whatever the order of the values in its lists.
func rule(n *syntax.Node) string {
	c := clone(n)
	var sort func(n *syntax.Node)
	sort = func(n *syntax.Node) {
		for i := range n.Fields {
			sort(&n.Fields[i].Value)
		}
		for i := range n.Items {
			sort(&n.Items[i])
		}
		slices.SortStableFunc(n.Items, func(a, b syntax.Node) int {
			return strings.Compare(canonical(&a),
				canonical(&b))
		})
	}
	sort(c)
	return canonical(c)
}

// covered reports whether the policies of a side do all that a policy does: they apply to what it applies to, with its
// action, and have its rules.
func (s *set) covered(o *object) bool {
	have := s.rules(o)
	for _, r := range items(o.at("spec", "rules")) {
		if !have[rule(r)] {
			return false
		}
	}
	return len(s.acting(action(o), o)) > 0
}

// findRenamedPolicies: the name of a policy has no effect; the order in which one goes and the other comes has.
func findRenamedPolicies(p *pair, report report) {
	for _, k := range pairedKinds {
		if k.group != security && k.kind != "Telemetry" && k.kind != "Sidecar" {
			continue
		}
		p.both(k.group, k.kind, func(was, will *object) {
			if was.ID == will.ID {
				return
			}
			if len(compareSpecs(was, will)) == 0 {
				report(Note, will.ID, "it is %s under another name, and nothing else changes: apply it before the "+
					"old one is deleted", was.Name)
				return
			}
			report(Note, will.ID, "it replaces %s, which applies to the same workloads: apply it before the old one "+
				"is deleted", was.Name)
		})
	}
}

func findAddedAllows(p *pair, report report) {
	for _, o := range p.will.of(security, "AuthorizationPolicy") {
		if action(o) != "ALLOW" || !p.existed(o) || p.did(o, "ALLOW") || p.was.covered(o) {
			continue
		}
		rules := len(items(o.at("spec", "rules")))
		if len(p.was.acting("ALLOW", o)) == 0 {
			report(Breaks, o.ID, "before, everyone could call the VMs%s; from now on whatever its %s %s not allow "+
				"is denied", p.will.whose(o), count(rules, "rule"), verb(rules, "does", "do")).
				Steps = []string{
				"apply it with the annotation `istio.io/dry-run: \"true\"`, and read what it would deny: the " +
					"sidecars' metrics with the label `authz_dry_run_result`",
				"add rules for callers that are missing, then apply it without the annotation",
			}
		} else {
			report(Risk, o.ID, "it comes beside others that allow: more may call")
		}
	}
}

// did reports whether a policy was there before with an action.
func (p *pair) did(o *object, do string) bool {
	was := p.before(o)
	return was != nil && action(was) == do
}

// does reports whether a policy will be there with an action.
func (p *pair) does(o *object, do string) bool {
	will := p.now(o)
	return will != nil && action(will) == do
}

func findRemovedAllows(p *pair, report report) {
	for _, o := range p.was.of(security, "AuthorizationPolicy") {
		if action(o) != "ALLOW" || !p.remains(o) || p.does(o, "ALLOW") || p.will.covered(o) {
			continue
		}
		if len(p.will.acting("ALLOW", o)) == 0 {
			report(Risk, o.ID, "it goes, and no other allows: from now on everyone may call the VMs%s who is not "+
				"denied", p.will.whose(o))
		} else {
			report(Breaks, o.ID, "it goes while others still allow: callers that it alone allowed are denied")
		}
	}
}

func findChangedDenials(p *pair, report report) {
	for _, o := range p.will.of(security, "AuthorizationPolicy") {
		if action(o) == "DENY" && p.existed(o) && !p.did(o, "DENY") && !p.was.covered(o) {
			rules := len(items(o.at("spec", "rules")))
			report(Breaks, o.ID, "it comes: callers that its %s %s are denied, whatever else allows them",
				count(rules, "rule"), verb(rules, "names", "name"))
		}
	}
	for _, o := range p.was.of(security, "AuthorizationPolicy") {
		if action(o) == "DENY" && p.remains(o) && !p.does(o, "DENY") && !p.will.covered(o) {
			report(Risk, o.ID, "it goes: callers that it denied are let in where nothing else stops them")
		}
	}
}

func findChangedRules(p *pair, report report) {
	p.both(security, "AuthorizationPolicy", func(was, will *object) {
		if action(was) != action(will) {
			return
		}
		// Rules have no order, and one that another policy of the same workloads has makes no difference.
		lost := p.will.lacking(items(was.at("spec", "rules")), will)
		gained := p.was.lacking(items(will.at("spec", "rules")), was)
		changed := min(lost, gained)
		gone, came := lost-changed, gained-changed
		if gone+came+changed == 0 {
			return
		}
		var parts []string
		for _, part := range []struct {
			n    int
			what string
		}{{came, "added"}, {gone, "removed"}, {changed, "changed"}} {
			if part.n > 0 {
				parts = append(parts, count(part.n, "rule")+" "+part.what)
			}
		}
		// Who loses a rule that allows, or gains one that denies, is refused.
		severity := Note
		if changed > 0 || action(was) == "ALLOW" && gone > 0 || action(was) == "DENY" && came > 0 {
			severity = Risk
		}
		report(severity, was.ID, "who is %s changes: %s", verbOf(action(was)), strings.Join(parts, ", "))
	})
}

// lacking counts the rules that no policy of a side has, of those with the action and the workloads of a policy there.
func (s *set) lacking(rules []*syntax.Node, like *object) int {
	have := s.rules(like)
	n := 0
	for _, r := range rules {
		if !have[rule(r)] {
			n++
		}
	}
	return n
}

// verbOf is an action in a sentence.
func verbOf(action string) string {
	switch action {
	case "ALLOW":
		return "allowed"
	case "DENY":
		return "denied"
	}
	return "subject to " + action
}
