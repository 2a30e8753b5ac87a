package mesh

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// security resolves who may call the workload's VMs, and how.
func (r *resolver) security(in *schema.Workload, w *Workload) {
	s := &in.Security
	by := w.listeners()
	r.mtls(s, w, by)
	w.Allow, w.AllowAt = r.access(s.Allow, w, by, false)
	w.Deny, w.DenyAt = r.access(s.Deny, w, by, true)
	w.JWT = s.JWT
	for i, j := range s.JWT {
		at := s.At.Key("jwt").Item(i, "")
		if j.GetIssuer() == "" {
			r.say(ruleJWT.At(at, "the rule has no issuer, and Istio refuses it").WithHelp("add `issuer: https://issuer.example.com`: what the tokens say in `iss`"))
		}
		r.hook().JWTRule(j, at)
	}
}

// mtls resolves the modes; exceptions are by port name in a spec, and by where VMs listen in Istio.
func (r *resolver) mtls(s *schema.Security, w *Workload, by listeners) {
	w.MTLS = MTLS{At: s.MTLS.At, Mode: mtlsMode(s.MTLS.Mode)}
	unique(r, s.MTLS.Ports, func(p *schema.MTLSPort) (string, diag.Path) { return p.Name, p.At })
	for _, p := range s.MTLS.Ports {
		if w.port(p.Name) == nil {
			r.unknownPort(p.Name, w.Ports, p.At.Key("name"))
			continue
		}
		if w.MTLS.Ports == nil {
			w.MTLS.Ports = map[uint32]security.PeerAuthentication_MutualTLS_Mode{}
		}
		mode := mtlsMode(p.Mode)
		for _, target := range w.Targets[p.Name] {
			if other, taken := w.MTLS.Ports[target]; taken && other != mode {
				r.say(rulePortClash.At(p.At, "VMs listen for %q on %d, which has the mode %s for another port", p.Name, target, other).
					WithHelp("Istio's exceptions are by the port that VMs listen on: give both ports one mode"))
				break
			}
			w.MTLS.Ports[target] = mode
		}
	}
	for _, p := range s.MTLS.Ports {
		for _, target := range w.Targets[p.Name] {
			q := w.stranger(p.Name, target, by)
			listed := slices.ContainsFunc(s.MTLS.Ports, func(o schema.MTLSPort) bool { return o.Name == q })
			if q != "" && !listed && mtlsMode(p.Mode) != w.MTLS.Mode {
				r.say(rulePortClash.At(p.At, "some VMs listen for %q on %d, and others for %q: the exception would hold for both", p.Name, target, q).
					WithHelp("Istio's exceptions are by the port that VMs listen on: let the groups listen on different ports, or list %q too", q))
				break
			}
		}
	}
}

// access resolves the rules of one policy; their order means nothing to Istio, so it is that of their names.
func (r *resolver) access(list []schema.AccessRule, w *Workload, by listeners, deny bool) (rules []*security.Rule, places []diag.Path) {
	unique(r, list, func(a *schema.AccessRule) (string, diag.Path) { return a.Name, a.At })
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b schema.AccessRule) int { return cmp.Compare(a.Name, b.Name) })
	for _, a := range list {
		rule := &security.Rule{When: a.When}
		for i, source := range a.From {
			r.hook().NeverSource(source, deny, a.At.Key("from").Item(i, ""))
			rule.From = append(rule.From, &security.Rule_From{Source: r.source(source, w, a.At.Key("from").Item(i, ""))})
		}
		for i, c := range a.When {
			here := a.At.Key("when").Item(i, "")
			r.hook().Condition(c, here)
			r.hook().NeverCondition(c, deny, here)
			if slices.Contains([]string{"source.ip", "remote.ip", "destination.ip"}, c.GetKey()) {
				r.prefixes(c.GetValues(), here.Key("values"))
				r.prefixes(c.GetNotValues(), here.Key("notValues"))
			}
		}
		for i, op := range a.To {
			r.hook().NeverOperation(op, deny, a.At.Key("to").Item(i, ""))
			rule.To = append(rule.To, &security.Rule_To{Operation: r.operation(op, w, by, a.At.Key("to").Item(i, ""))})
		}
		rules, places = append(rules, rule), append(places, a.At)
	}
	return rules, places
}

// source checks a caller. Where this Istio has no serviceAccounts they become principals, which means the same.
func (r *resolver) source(in *security.Source, w *Workload, at diag.Path) *security.Source {
	for _, blocks := range []struct {
		key  string
		list []string
	}{{"ipBlocks", in.IpBlocks}, {"notIpBlocks", in.NotIpBlocks}, {"remoteIpBlocks", in.RemoteIpBlocks}, {"notRemoteIpBlocks", in.NotRemoteIpBlocks}} {
		r.prefixes(blocks.list, at.Key(blocks.key))
	}
	before := len(r.findings)
	r.hook().Source(in, at)
	if len(r.findings) > before {
		return in
	}
	accounts := len(in.ServiceAccounts)+len(in.NotServiceAccounts) > 0
	r.accountNames(in.ServiceAccounts, w, at.Key("serviceAccounts"))
	r.accountNames(in.NotServiceAccounts, w, at.Key("notServiceAccounts"))
	if !accounts || w.oldestRelease().SourceServiceAccounts() {
		return in
	}
	out := in.DeepCopy()
	out.Principals = append(out.Principals, principals(out.ServiceAccounts, w)...)
	out.NotPrincipals = append(out.NotPrincipals, principals(out.NotServiceAccounts, w)...)
	out.ServiceAccounts, out.NotServiceAccounts = nil, nil
	return out
}

// oldestRelease is that of the oldest control plane that reads what is said of the workload's VMs. One that does not
// know a field drops it, and a source without its only field would be everyone.
func (w *Workload) oldestRelease() Release {
	oldest := w.Istio().Release
	for _, g := range w.Groups {
		if oldest.Newer(g.Revision.Release) {
			oldest = g.Revision.Release
		}
	}
	return oldest
}

// accountNames checks callers written as [namespace/]name.
func (r *resolver) accountNames(list []string, w *Workload, at diag.Path) {
	for i, a := range list {
		if namespace, name := account(a, w); !isDNSLabel(namespace) || !isDNSName(name) {
			r.say(ruleAccess.At(at.Item(i, ""), "%q is no service account", a).
				WithHelp("write namespace/name, or the name alone for this workload's namespace"))
		}
	}
}

func account(s string, w *Workload) (namespace, name string) {
	if namespace, name, found := strings.Cut(s, "/"); found {
		return namespace, name
	}
	return w.Namespace, s
}

func principals(accounts []string, w *Workload) []string {
	var out []string
	for _, a := range accounts {
		namespace, name := account(a, w)
		out = append(out, Principal(w.Istio().TrustDomain, namespace, name))
	}
	return out
}

// operation resolves what is called: ports by name become those on which VMs listen.
func (r *resolver) operation(in *security.Operation, w *Workload, by listeners, at diag.Path) *security.Operation {
	r.hook().Operation(in, at)
	if len(in.Ports)+len(in.NotPorts) == 0 {
		return in
	}
	out := in.DeepCopy()
	out.Ports = r.targetPorts(in.Ports, w, by, at.Key("ports"))
	out.NotPorts = r.targetPorts(in.NotPorts, w, by, at.Key("notPorts"))
	return out
}

// targetPorts turns names of ports into where VMs listen, and takes numbers that some VM listens on.
func (r *resolver) targetPorts(list []string, w *Workload, by listeners, at diag.Path) []string {
	var numbers []uint32
	for i, word := range list {
		here := at.Item(i, "")
		n, err := strconv.ParseUint(word, 10, 16)
		switch {
		case word != "" && strings.Trim(word, "0123456789") == "" && (err != nil || n == 0):
			r.say(rulePortClash.At(here, "%s is no port number", word).WithHelp("ports are 1 to 65535"))
		case err != nil && w.port(word) == nil:
			r.unknownPort(word, w.Ports, here)
		case err != nil:
			numbers = append(numbers, w.Targets[word]...)
			for _, target := range w.Targets[word] {
				if q := w.stranger(word, target, by); q != "" && !slices.Contains(list, q) {
					r.say(rulePortClash.At(here, "some VMs listen for %q on %d, and others for %q: the rule would hold for both", word, target, q).
						WithHelp("policies judge by the port that VMs listen on: let the groups listen on different ports, or list %q too", q))
					break
				}
			}
		case !w.listens(uint32(n)):
			r.portNumber(uint32(n), w, here)
		default:
			numbers = append(numbers, uint32(n))
		}
	}
	slices.Sort(numbers)
	var out []string
	for _, n := range slices.Compact(numbers) {
		out = append(out, strconv.FormatUint(uint64(n), 10))
	}
	return out
}

// portNumber says that no VM listens on a number; often it is the port that clients dial.
func (r *resolver) portNumber(n uint32, w *Workload, at diag.Path) {
	d := ruleUnknownPort.At(at, "no VM of workload %q listens on %d", w.Name, n)
	var names []string
	var targets []uint32
	for _, p := range w.Ports {
		if p.Number == n {
			names = append(names, p.Name)
			targets = append(targets, w.Targets[p.Name]...)
		}
	}
	if len(names) > 0 {
		r.say(d.WithHelp("clients dial %d, VMs listen on %s, and policies judge what VMs listen on: write ports: [%s]", n, joinNumbers(targets), strings.Join(names, ", ")))
		return
	}
	r.say(d.WithHelp("name one of its ports: %s", portList(w.Ports)))
}

// listens tells whether a policy could see traffic to this port on some VM.
func (w *Workload) listens(n uint32) bool {
	if w.Metrics != nil && w.Metrics.Port == n {
		return true
	}
	for _, targets := range w.Targets {
		if slices.Contains(targets, n) {
			return true
		}
	}
	return slices.ContainsFunc(w.Groups, func(g *Group) bool {
		_, found := slices.BinarySearch(g.VM.Interception.IncludeInboundPorts, n)
		return found || g.VM.Interception.AllInbound
	})
}

func joinNumbers(numbers []uint32) string {
	var words []string
	for _, n := range numbers {
		words = append(words, strconv.FormatUint(uint64(n), 10))
	}
	return strings.Join(words, ", ")
}
