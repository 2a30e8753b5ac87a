package lint

import (
	"slices"
	"strconv"
	"strings"

	security "istio.io/api/security/v1beta1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// access is one AuthorizationPolicy, or several of one action, beside the ports of the VMs that it is for.
type access struct {
	who   string
	deny  bool
	rules []accessRule
	ports []accessPort
	mode  func(port uint32) security.PeerAuthentication_MutualTLS_Mode
	whole diag.Path // where a rule would be added
}

// accessRule is a rule and the places of its parts.
type accessRule struct {
	*security.Rule
	place     diag.Path
	operation func(i int) diag.Path
	source    func(i int) diag.Path
}

// accessPort is a port to which services lead clients, by the number that the VM listens on.
type accessPort struct {
	name   string
	number uint32
	tcp    bool // the sidecar sees no requests on it
	grpc   bool
}

func portOf(name string, number uint32, protocol string) accessPort {
	return accessPort{name, number, slices.Contains([]string{"TCP", "TLS", "HTTPS", "MONGO", "MYSQL", "REDIS"}, protocol), strings.HasPrefix(strings.ToLower(name), "grpc") || strings.HasPrefix(protocol, "GRPC")}
}

// operations are a rule's own; a rule without any has one empty operation.
func (r accessRule) operations() []*security.Operation {
	if len(r.To) == 0 {
		return []*security.Operation{{}}
	}
	var all []*security.Operation
	for _, to := range r.To {
		all = append(all, to.GetOperation())
	}
	return all
}

// at is the place of an operation; of one that is not written that of the rule.
func (r accessRule) at(i int) diag.Path {
	if len(r.To) == 0 {
		return r.place
	}
	return r.operation(i)
}

// reaches reports whether an operation is about a port, by its number.
func reaches(o *security.Operation, port uint32) bool {
	number := strconv.FormatUint(uint64(port), 10)
	return (len(o.GetPorts()) == 0 || slices.Contains(o.GetPorts(), number)) && !slices.Contains(o.GetNotPorts(), number)
}

// asksHTTP is the key of what an operation asks of a request; "" where it asks nothing.
func asksHTTP(o *security.Operation) string {
	for _, f := range []struct {
		key  string
		list []string
	}{
		{"methods", o.GetMethods()}, {"paths", o.GetPaths()}, {"hosts", o.GetHosts()},
		{"notMethods", o.GetNotMethods()}, {"notPaths", o.GetNotPaths()}, {"notHosts", o.GetNotHosts()},
	} {
		if len(f.list) > 0 {
			return f.key
		}
	}
	return ""
}

// asksRequest reports whether a rule asks something of requests beside its operations: every source for a JWT, or a
// condition.
func (r accessRule) asksRequest() bool {
	jwt := len(r.From) > 0
	for _, from := range r.From {
		jwt = jwt && len(from.GetSource().GetRequestPrincipals())+len(from.GetSource().GetNotRequestPrincipals()) > 0
	}
	return jwt || slices.ContainsFunc(r.When, func(c *security.Condition) bool { return strings.HasPrefix(c.GetKey(), "request.") })
}

// covers reports whether a rule can let anything in at a port.
func (r accessRule) covers(p accessPort) bool {
	if p.tcp && r.asksRequest() {
		return false
	}
	return slices.ContainsFunc(r.operations(), func(o *security.Operation) bool {
		return reaches(o, p.number) && !(p.tcp && asksHTTP(o) != "") && !(p.grpc && notGRPC(o))
	})
}

// notGRPC reports whether an operation can match no call of gRPC, which is a POST to /package.Service/Method.
func notGRPC(o *security.Operation) bool {
	methods, paths := o.GetMethods(), o.GetPaths()
	post := len(methods) == 0 || slices.Contains(methods, "POST") || slices.Contains(methods, "*")
	return !post || len(paths) > 0 && !slices.ContainsFunc(paths, grpcPath)
}

func grpcPath(path string) bool {
	if strings.HasPrefix(path, "*") || path == "/*" {
		return true
	}
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(parts) > 2 || len(parts) == 1 && !strings.HasSuffix(path, "*") {
		return false
	}
	return strings.ContainsAny(parts[0], ".{ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}

var httpOnTCP = diag.Rule{
	ID: "VM605", Name: "http-rule-on-tcp", Severity: diag.Error,
	Doc: "A rule that lets requests in is for a port on which the sidecar sees requests.",
	Long: "On a port of plain TCP or TLS there are no methods, paths, hosts or JWTs. Istio drops a rule of an ALLOW policy that asks for them from such a port's listener, and what no rule " +
		"allows is denied (istio: pilot/pkg/security/authz/model/model.go).",
	Bad:  "spec:\n  workloads:\n  - ports: [{name: tcp-db, port: 8080}]\n    security: {allow: [{name: web, to: [{methods: [GET], ports: [tcp-db]}]}]}",
	Good: "spec:\n  workloads:\n  - ports: [{name: tcp-db, port: 8080}]\n    security: {allow: [{name: web, to: [{ports: [tcp-db]}]}]}",
}

var denyHTTPOnTCP = diag.Rule{
	ID: "VM606", Name: "http-denial-on-tcp", Severity: diag.Error,
	Doc: "A rule that keeps requests out is for ports on which the sidecar sees requests alone.",
	Long: "On a port of plain TCP or TLS Istio leaves methods, paths, hosts and JWTs out of a DENY rule, and denies by what is left of it: mostly everything (istio: " +
		"pilot/pkg/security/authz/model/model.go, and a warning of the webhook). Name the ports that the rule is for.",
	Bad:  "spec:\n  workloads:\n  - ports: [{name: http, port: 8080}, {name: tcp-feed, port: 7000}]\n    security: {deny: [{name: admin, to: [{paths: [/admin*]}]}]}",
	Good: "spec:\n  workloads:\n  - ports: [{name: http, port: 8080}, {name: tcp-feed, port: 7000}]\n    security: {deny: [{name: admin, to: [{paths: [/admin*], ports: [http]}]}]}",
}

func judgeHTTP(a access, report Report) {
	for _, r := range a.rules {
		for i, o := range r.operations() {
			key := asksHTTP(o)
			if key == "" && !r.asksRequest() {
				continue
			}
			at := r.at(i)
			if key != "" {
				at = at.Key(key)
			}
			tcp, other := "", false
			for _, p := range a.ports {
				switch {
				case !reaches(o, p.number):
				case p.tcp && tcp == "":
					tcp = p.name
				default:
					other = other || !p.tcp
				}
			}
			switch {
			case tcp == "":
			case a.deny:
				report(denyHTTPOnTCP.At(at, "port %q of %s is not HTTP: Istio ignores the HTTP fields of this DENY rule there, so it denies more than written", tcp, a.who).Key().
					WithHelp("add ports: those that carry HTTP"))
			case !other:
				report(httpOnTCP.At(at, "port %q of %s is not HTTP: Istio drops this ALLOW rule there, so it allows no client", tcp, a.who).Key().
					WithHelp("drop what it asks of requests, or give the port a protocol of HTTP"))
			}
		}
	}
}

var uncoveredPort = diag.Rule{
	ID: "VM607", Name: "port-without-rule", Severity: diag.Warning,
	Doc: "A workload that has an ALLOW policy has a rule for each port to which services lead.",
	Long: "With one ALLOW policy, whatever no rule allows is denied: a gRPC port beside an HTTP rule, metrics, a second API. Calls of gRPC are POSTs to /package.Service/Method, which rules for other methods and " +
		"paths do not match. Where every rule names its ports this is a note, since then they were thought of. Add a rule for the port, drop it from the service, or ignore this with the reason why no client may call it.",
	Bad:  "spec:\n  workloads:\n  - ports: [{name: http, port: 8080}, {name: grpc, port: 9090}]\n    security: {allow: [{name: web, to: [{methods: [GET]}]}]}",
	Good: "spec:\n  workloads:\n  - ports: [{name: http, port: 8080}, {name: grpc, port: 9090}]\n    security: {allow: [{name: web, to: [{methods: [GET]}]}, {name: calls, to: [{ports: [grpc]}]}]}",
}

func judgeCover(a access, report Report) {
	if a.deny || len(a.rules) == 0 {
		return // nothing at all is allowed: that is intended
	}
	counted := !slices.ContainsFunc(a.rules, func(r accessRule) bool {
		return slices.ContainsFunc(r.operations(), func(o *security.Operation) bool { return len(o.GetPorts()) == 0 })
	})
	for _, p := range a.ports {
		if !slices.ContainsFunc(a.rules, func(r accessRule) bool { return r.covers(p) }) {
			d := uncoveredPort.At(a.whole, "no rule lets anybody in at port %d (%s) of %s", p.number, p.name, a.who).
				WithHelp("add a rule for the port, such as to: [{ports: [%q]}]", strconv.Itoa(int(p.number)))
			if counted { // who names the ports of every rule has thought of them
				d.Severity = diag.Info
			}
			report(d)
		}
	}
}

var identityOfPlaintext = diag.Rule{
	ID: "VM608", Name: "identity-of-plaintext", Severity: diag.Error,
	Doc:  "A rule that asks who calls is for a port that takes mTLS.",
	Long: "principals, namespaces and serviceAccounts are what the caller's certificate says. On a port in mTLS mode DISABLE there is none: an ALLOW that asks allows no client, a DENY keeps no one out.",
	Bad:  "spec:\n  workloads:\n  - security: {mtls: {mode: DISABLE}, allow: [{name: web, from: [{serviceAccounts: [frontend/web]}]}]}",
	Good: "spec:\n  workloads:\n  - security: {mtls: {mode: STRICT}, allow: [{name: web, from: [{serviceAccounts: [frontend/web]}]}]}",
}

// identityKey is the key by which a source asks for an identity; "" where it does not.
func identityKey(s *security.Source) string {
	switch {
	case len(s.GetServiceAccounts()) > 0:
		return "serviceAccounts"
	case len(s.GetPrincipals()) > 0:
		return "principals"
	case len(s.GetNamespaces()) > 0:
		return "namespaces"
	}
	return ""
}

func judgeIdentity(a access, report Report) {
	for _, r := range a.rules {
		plain := 0
		for _, p := range a.ports {
			if !slices.ContainsFunc(r.operations(), func(o *security.Operation) bool { return reaches(o, p.number) }) {
				continue
			}
			if a.mode(p.number) != security.PeerAuthentication_MutualTLS_DISABLE {
				plain = -1
				break
			}
			plain++
		}
		if plain <= 0 {
			continue
		}
		for i, from := range r.From {
			if key := identityKey(from.GetSource()); key != "" {
				report(identityOfPlaintext.At(r.source(i).Key(key), "callers have no identity: mTLS is off at the ports of %s that this rule is for", a.who).Key().
					WithHelp("set the mTLS mode to STRICT or PERMISSIVE, or tell callers by ipBlocks"))
				break
			}
		}
	}
}

// eachAccess walks over the policies of a mesh's workloads.
func eachAccess(m *mesh.Mesh, do func(access)) {
	spaces := modes(m)
	for _, w := range m.Workloads {
		var ports []accessPort
		if len(w.Allow)+len(w.Deny) == 0 {
			continue
		}
		served := map[*mesh.Port]bool{}
		for _, s := range w.Services {
			for _, p := range s.Ports {
				served[p] = true
			}
		}
		for _, p := range w.Ports {
			if !served[p] {
				continue
			}
			for _, target := range w.Targets[p.Name] {
				ports = append(ports, portOf(p.Name, target, string(p.Protocol)))
			}
		}
		for _, list := range []struct {
			key   string
			rules []*security.Rule
			at    []diag.Path
		}{{"allow", w.Allow, w.AllowAt}, {"deny", w.Deny, w.DenyAt}} {
			if len(list.rules) == 0 {
				continue
			}
			a := access{
				who: "workload " + strconv.Quote(w.Name), deny: list.key == "deny", ports: ports, whole: w.At.Key("security").Key(list.key),
				mode: func(port uint32) security.PeerAuthentication_MutualTLS_Mode { return modeOf(w, spaces, port) },
			}
			for i, r := range list.rules {
				at := list.at[i]
				a.rules = append(a.rules, accessRule{r, at,
					func(j int) diag.Path { return at.Key("to").Item(j, "") },
					func(j int) diag.Path { return at.Key("from").Item(j, "") }})
			}
			do(a)
		}
	}
}

func findHTTPOnTCP(m *mesh.Mesh, report Report) {
	eachAccess(m, func(a access) { judgeHTTP(a, only(&httpOnTCP, report)) })
}

func findDenyHTTPOnTCP(m *mesh.Mesh, report Report) {
	eachAccess(m, func(a access) { judgeHTTP(a, only(&denyHTTPOnTCP, report)) })
}

func findUncoveredPorts(m *mesh.Mesh, report Report) {
	eachAccess(m, func(a access) { judgeCover(a, report) })
}

func findIdentityOfPlaintext(m *mesh.Mesh, report Report) {
	eachAccess(m, func(a access) { judgeIdentity(a, report) })
}

// only lets the findings of one rule through.
func only(rule *diag.Rule, report Report) Report {
	return func(d diag.Diagnostic) {
		if d.Rule == rule.ID {
			report(d)
		}
	}
}

// eachPolicyAccess walks over the AuthorizationPolicies of VMs in a set. Those of one action for the same VMs are told
// together with together, since what one does not allow another may.
func eachPolicyAccess(s *manifest.Set, together bool, do func(access)) {
	policies, all := peersOf(s), classesOf(s)
	ports := map[*manifest.Workload][]accessPort{}
	for v := range distinctServices(s) {
		if v.Headless || v.External {
			continue
		}
		for _, w := range all.vms(v.Namespace, v.Selector) {
			for _, p := range v.Ports {
				protocol := protocolOf(p)
				target, ok := targetOn(w, p)
				if !ok || protocol == "UDP" || slices.ContainsFunc(ports[w], func(o accessPort) bool { return o.number == target }) {
					continue
				}
				ports[w] = append(ports[w], portOf(p.Name, target, protocol))
			}
		}
	}
	type group struct {
		vm   *manifest.Workload
		deny bool
	}
	joined := map[group]*access{}
	var order []group
	for r, p := range manifest.Each[*security.AuthorizationPolicy](s) {
		labels := p.GetSelector().GetMatchLabels()
		if len(p.Rules) == 0 || p.Action != security.AuthorizationPolicy_ALLOW && p.Action != security.AuthorizationPolicy_DENY || len(p.TargetRefs) > 0 {
			continue
		}
		selected := all.governs(r.Namespace, labels)
		i := slices.IndexFunc(selected, func(w *manifest.Workload) bool { return w.VM && len(ports[w]) > 0 })
		if i < 0 {
			continue
		}
		w := selected[i]
		a := &access{
			who: w.Resource.String(), deny: p.Action == security.AuthorizationPolicy_DENY, ports: ports[w], whole: r.Place("spec", "rules"),
			mode: func(port uint32) security.PeerAuthentication_MutualTLS_Mode {
				return policies.of(w.Namespace, w.Own).mode(port)
			},
		}
		for i, rule := range p.Rules {
			at := r.Place("spec", "rules").Item(i, "")
			a.rules = append(a.rules, accessRule{rule, at,
				func(j int) diag.Path { return at.Key("to").Item(j, "").Key("operation") },
				func(j int) diag.Path { return at.Key("from").Item(j, "").Key("source") }})
		}
		if !together {
			do(*a)
			continue
		}
		key := group{w, a.deny}
		if first := joined[key]; first != nil {
			first.rules = append(first.rules, a.rules...)
			continue
		}
		joined[key] = a
		order = append(order, key)
	}
	for _, key := range order {
		do(*joined[key])
	}
}

func findHTTPOnTCPPolicies(s *manifest.Set, report Report) {
	eachPolicyAccess(s, false, func(a access) { judgeHTTP(a, only(&httpOnTCP, report)) })
}

func findDenyHTTPOnTCPPolicies(s *manifest.Set, report Report) {
	eachPolicyAccess(s, false, func(a access) { judgeHTTP(a, only(&denyHTTPOnTCP, report)) })
}

func findUncoveredPortsOfPolicies(s *manifest.Set, report Report) {
	eachPolicyAccess(s, true, func(a access) {
		judgeCover(a, func(d diag.Diagnostic) {
			if d.Severity > diag.Info {
				report(d)
			}
		})
	})
}

func findIdentityOfPlaintextPolicies(s *manifest.Set, report Report) {
	eachPolicyAccess(s, false, func(a access) { judgeIdentity(a, report) })
}
