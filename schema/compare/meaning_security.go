package compare

import (
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// modes ranks what a PeerAuthentication demands. Where it says nothing, the namespace or the mesh does, and Istio's
// own default there is PERMISSIVE.
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

func (c modeChange) where() string {
	if c.port == "" {
		return "mTLS"
	}
	return "mTLS of port " + c.port
}

// namespaceMode is the mode that a namespace's own policy gives to all that say nothing, UNSET where it says nothing
// either.
func (s *set) namespaceMode(namespace string) string {
	for _, o := range s.of(security, "PeerAuthentication") {
		if o.Namespace == namespace && isNull(o.at("spec", "selector")) {
			return mode(o.at("spec", "mtls"))
		}
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
	for _, o := range p.was.of(security, "PeerAuthentication") {
		if now := p.will.index[o.ID]; now != nil {
			add(o, o, now)
		} else if p.remains(o) {
			add(o, o, nil)
		}
	}
	for _, o := range p.came(security, "PeerAuthentication") {
		if p.existed(o) {
			add(o, nil, o)
		}
	}
	return found
}

// existed tells whether what a policy selects was there before. A policy that comes with its workload changes nothing
// for anyone.
func (p *pair) existed(policy *object) bool { return p.was.selectedBy(policy) }

// remains tells whether what a policy selects will be there.
func (p *pair) remains(policy *object) bool { return p.will.selectedBy(policy) }

func (s *set) selectedBy(policy *object) bool {
	return s.selected(policy.Namespace, labels(policy.at("spec", "selector", "matchLabels"))) > 0
}

func findStricter(p *pair, report report) {
	for _, c := range p.modeChanges() {
		switch {
		case modes[c.now] < modes[c.old]:
		case c.now == "STRICT":
			report(Breaks, c.policy.ID, "%s becomes STRICT instead of %s: callers without a sidecar, who speak plaintext, are refused", c.where(), inherited(c.old))
		default:
			report(Note, c.policy.ID, "%s becomes %s instead of %s: plaintext is still taken", c.where(), inherited(c.now), inherited(c.old))
		}
	}
}

func findLooser(p *pair, report report) {
	for _, c := range p.modeChanges() {
		switch {
		case modes[c.now] > modes[c.old]:
		case c.now == "DISABLE":
			report(Risk, c.policy.ID, "%s becomes DISABLE instead of %s: traffic is no longer encrypted, and policies that name callers match nobody", c.where(), inherited(c.old))
		default:
			report(Risk, c.policy.ID, "%s becomes %s instead of %s: callers in plaintext, of whom nobody knows who they are, are let in", c.where(), inherited(c.now), inherited(c.old))
		}
	}
}

// inherited is a mode in a sentence.
func inherited(mode string) string {
	if mode == "UNSET" {
		return "the namespace's or the mesh's (PERMISSIVE where nobody said more)"
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
	selector := like.at("spec", "selector", "matchLabels")
	return slices.DeleteFunc(slices.Clone(s.of(security, "AuthorizationPolicy")), func(o *object) bool {
		other := o.at("spec", "selector", "matchLabels")
		covers := isNull(other) || !isNull(selector) && equal(selector, other)
		return o.Namespace != like.Namespace || action(o) != do || !covers
	})
}

func findAddedAllows(p *pair, report report) {
	for _, o := range p.will.of(security, "AuthorizationPolicy") {
		if action(o) != "ALLOW" || !p.existed(o) || p.did(o, "ALLOW") {
			continue
		}
		if len(p.was.acting("ALLOW", o)) == 0 {
			report(Breaks, o.ID, "before, everyone could call; from now on whatever its %s %s not allow is denied", count(len(items(o.at("spec", "rules"))), "rule"),
				verb(len(items(o.at("spec", "rules"))), "does", "do"))
		} else {
			report(Risk, o.ID, "it comes beside others that allow: more may call")
		}
	}
}

// did tells whether a policy was there before with an action.
func (p *pair) did(o *object, do string) bool {
	was := p.was.index[o.ID]
	return was != nil && action(was) == do
}

// does tells whether a policy will be there with an action.
func (p *pair) does(o *object, do string) bool {
	will := p.will.index[o.ID]
	return will != nil && action(will) == do
}

func findRemovedAllows(p *pair, report report) {
	for _, o := range p.was.of(security, "AuthorizationPolicy") {
		if action(o) != "ALLOW" || !p.remains(o) || p.does(o, "ALLOW") {
			continue
		}
		if len(p.will.acting("ALLOW", o)) == 0 {
			report(Risk, o.ID, "it goes, and no other allows: from now on everyone may call who is not denied")
		} else {
			report(Breaks, o.ID, "it goes while others still allow: callers that it alone allowed are denied")
		}
	}
}

func findChangedDenials(p *pair, report report) {
	for _, o := range p.will.of(security, "AuthorizationPolicy") {
		if action(o) == "DENY" && p.existed(o) && !p.did(o, "DENY") {
			report(Breaks, o.ID, "it comes: callers that its %s %s are denied, whatever else allows them", count(len(items(o.at("spec", "rules"))), "rule"),
				verb(len(items(o.at("spec", "rules"))), "names", "name"))
		}
	}
	for _, o := range p.was.of(security, "AuthorizationPolicy") {
		if action(o) == "DENY" && p.remains(o) && !p.does(o, "DENY") {
			report(Risk, o.ID, "it goes: callers that it denied are let in where nothing else stops them")
		}
	}
}

func findChangedRules(p *pair, report report) {
	p.both(security, "AuthorizationPolicy", func(was, will *object) {
		if action(was) != action(will) {
			return
		}
		gone, came, changed := 0, 0, 0
		old, now := was.at("spec", "rules"), will.at("spec", "rules")
		if isNull(old) {
			old = &syntax.Node{Kind: syntax.Seq}
		}
		if isNull(now) {
			now = &syntax.Node{Kind: syntax.Seq}
		}
		for _, m := range align(old, now) {
			switch {
			case m.new < 0:
				gone++
			case m.old < 0:
				came++
			case !equal(&old.Items[m.old], &now.Items[m.new]):
				changed++
			}
		}
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
