package importer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/vmmesh/vmmesh/schema"
)

// accessRule writes a rule of an AuthorizationPolicy as a spec has it. Its name is set later.
func (i *importer) accessRule(w *workload, rule *security.Rule) schema.AccessRule {
	var out schema.AccessRule
	for _, from := range rule.GetFrom() {
		if from.GetSource() != nil {
			out.From = append(out.From, i.source(from.GetSource()))
		}
	}
	for _, to := range rule.GetTo() {
		if to.GetOperation() != nil {
			op := to.GetOperation().DeepCopy()
			op.Ports, op.NotPorts = w.portNames(op.Ports), w.portNames(op.NotPorts)
			out.To = append(out.To, op)
		}
	}
	out.When = rule.GetWhen()
	return out
}

// source writes callers as service accounts where that builds to the very same policy: where this Istio lacks the field,
// they become principals of the trust domain.
func (i *importer) source(in *security.Source) *security.Source {
	if i.istio.release().SourceServiceAccounts() || len(in.GetServiceAccounts())+len(in.GetNotServiceAccounts()) > 0 {
		return in
	}
	accounts, ok := i.accounts(in.GetPrincipals())
	others, too := i.accounts(in.GetNotPrincipals())
	if !ok || !too {
		return in
	}
	out := in.DeepCopy()
	out.ServiceAccounts, out.NotServiceAccounts, out.Principals, out.NotPrincipals = accounts, others, nil, nil
	return out
}

// accounts turns principals of the trust domain into namespace/name; it returns false where one is something else.
func (i *importer) accounts(principals []string) ([]string, bool) {
	var out []string
	for _, p := range principals {
		rest, own := strings.CutPrefix(p, i.istio.trust()+"/ns/")
		namespace, name, found := strings.Cut(rest, "/sa/")
		if !own || !found || strings.ContainsAny(rest, "*") || strings.Contains(namespace, "/") || strings.Contains(name, "/") || name == "" || namespace == "" {
			return nil, false
		}
		out = append(out, namespace+"/"+name)
	}
	return out, true
}

// portNames turns numbers of ports into names, where all that VMs listen on under a name is among them.
func (w *workload) portNames(list []string) []string {
	if len(list) == 0 {
		return list
	}
	var out, done []string
	for _, p := range w.ports {
		var own []string
		for _, n := range w.targets[p.name] {
			own = append(own, strconv.Itoa(int(n)))
		}
		if len(own) > 0 && !slices.ContainsFunc(own, func(n string) bool { return !slices.Contains(list, n) || w.shared(n) }) {
			out, done = append(out, p.name), append(done, own...)
		}
	}
	for _, n := range list {
		if !slices.Contains(done, n) {
			out = append(out, n)
		}
	}
	return out
}

// shared reports whether VMs listen on a port under two names: one of the names then means less than the number.
func (w *workload) shared(number string) bool {
	count := 0
	for _, p := range w.ports {
		if slices.ContainsFunc(w.targets[p.name], func(n uint32) bool { return strconv.Itoa(int(n)) == number }) {
			count++
		}
	}
	return count > 1
}

// unheard finds a port in rules that no VM of the workload listens on.
func (w *workload) unheard(rules []*security.Rule) (string, bool) {
	for _, rule := range rules {
		for _, to := range rule.GetTo() {
			for _, n := range slices.Concat(to.GetOperation().GetPorts(), to.GetOperation().GetNotPorts()) {
				heard := false
				for _, targets := range w.targets {
					heard = heard || slices.ContainsFunc(targets, func(t uint32) bool { return strconv.Itoa(int(t)) == n })
				}
				if !heard {
					return n, true
				}
			}
		}
	}
	return "", false
}

// nameRules names rules after their callers. A build sorts them by name: where that would turn their order
// around, a number comes first.
func nameRules(rules []schema.AccessRule) {
	taken := map[string]bool{}
	for n := range rules {
		rules[n].Name = freeName(ruleName(&rules[n]), taken)
		taken[rules[n].Name] = true
	}
	if slices.IsSortedFunc(rules, func(a, b schema.AccessRule) int { return strings.Compare(a.Name, b.Name) }) {
		return
	}
	digits := len(strconv.Itoa(len(rules)))
	for n := range rules {
		name := fmt.Sprintf("%0*d-%s", digits, n+1, rules[n].Name)
		rules[n].Name = strings.TrimRight(name[:min(len(name), 63)], "-")
	}
}

// ruleName finds a name for a rule: a caller, else what is called.
func ruleName(rule *schema.AccessRule) string {
	for _, s := range rule.From {
		for _, word := range slices.Concat(s.GetServiceAccounts(), s.GetPrincipals()) {
			if name := dnsName(word[strings.LastIndexByte(word, '/')+1:]); name != "vm" {
				return name
			}
		}
		for _, word := range s.GetNamespaces() {
			if name := dnsName(word); name != "vm" {
				return name
			}
		}
		switch {
		case len(s.GetRequestPrincipals()) > 0:
			return "jwt"
		case len(s.GetIpBlocks())+len(s.GetRemoteIpBlocks()) > 0:
			return "addresses"
		}
		return "others"
	}
	for _, op := range rule.To {
		for _, word := range slices.Concat(op.GetPaths(), op.GetPorts(), op.GetHosts(), op.GetMethods()) {
			if strings.Trim(word, "0123456789") == "" {
				return "port-" + word
			}
			if name := dnsName(word); name != "vm" {
				return name
			}
		}
	}
	if len(rule.When) > 0 {
		return "when"
	}
	return "everyone"
}
