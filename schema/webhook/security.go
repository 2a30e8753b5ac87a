package webhook

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	security "istio.io/api/security/v1beta1"
	typed "istio.io/api/type/v1beta1"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// targets are the kinds that a policy may name in targetRefs, with their groups.
var targets = map[string]string{
	"Service": "", "ServiceEntry": "networking.istio.io", "Gateway": "gateway.networking.k8s.io", "GatewayClass": "gateway.networking.k8s.io",
}

// attached checks what a policy is for: by selector, or by targetRefs.
func (c Check) attached(s *typed.WorkloadSelector, ref *typed.PolicyTargetReference, refs []*typed.PolicyTargetReference, at diag.Path) {
	var set []string
	for _, f := range []struct {
		key string
		set bool
	}{{"selector", s != nil}, {"targetRef", ref != nil}, {"targetRefs", len(refs) > 0}} {
		if f.set {
			set = append(set, f.key)
		}
	}
	if len(set) > 1 {
		c.Say(Refused.At(at.Key(set[1]), "%s is next to %s, and Istio takes one of the two", set[1], set[0]).Key().WithHelp("remove one of the two"))
	}
	c.selector(s.GetMatchLabels(), at.Key("selector").Key("matchLabels"))
	if ref != nil {
		c.target(ref, at.Key("targetRef"))
	}
	for i, r := range refs {
		c.target(r, at.Key("targetRefs").Item(i, r.GetName()))
	}
}

func (c Check) target(r *typed.PolicyTargetReference, at diag.Path) {
	if r.GetName() == "" {
		c.refuse(at, "add the name of the object", "the reference has no name")
	}
	if r.GetNamespace() != "" {
		c.Say(Refused.At(at.Key("namespace"), "the target of a policy is in the policy's namespace").Key().
			WithHelp("remove namespace, and put the policy next to its target"))
	}
	group, known := targets[r.GetKind()]
	if r.GetGroup() == "core" { // the same as ""
		if known && group == "" {
			return
		}
	}
	if !known || group != r.GetGroup() {
		c.refuse(at, "write kind Service, ServiceEntry, Gateway or GatewayClass, with its group", "a policy cannot target %s of group %q", r.GetKind(), r.GetGroup())
	}
}

// attributes are the keys of conditions (istio: pkg/config/security, ValidateAttribute); some have a name in brackets.
var attributes = []string{
	"connection.sni", "destination.ip", "destination.port", "remote.ip", "request.auth.audiences", "request.auth.claims[]",
	"request.auth.presenter", "request.auth.principal", "request.headers[]", "source.ip", "source.namespace", "source.principal",
	"source.serviceAccount", "source.trustDomain",
}

// authorizationPolicy checks an AuthorizationPolicy (istio: ValidateAuthorizationPolicy).
func (c Check) authorizationPolicy(m *security.AuthorizationPolicy, at diag.Path) {
	c.attached(m.Selector, m.TargetRef, m.TargetRefs, at)
	custom := m.Action == security.AuthorizationPolicy_CUSTOM
	switch {
	case custom && len(m.Rules) == 0:
		c.refuse(at, "add `rules: [{}]` for every request", "a CUSTOM policy without rules asks its provider about no request")
	case custom && m.GetProvider().GetName() == "":
		c.refuse(at, "add provider: {name: ...}, of an extensionProvider of the mesh", "a CUSTOM policy needs the name of its provider")
	case !custom && m.GetProvider() != nil:
		c.Say(Refused.At(at.Key("provider"), "provider is for action CUSTOM, and this policy has %s", m.Action).Key().
			WithHelp("remove provider, or write action: CUSTOM"))
	case m.Action == security.AuthorizationPolicy_DENY && len(m.Rules) == 0:
		c.refuse(at, "add `rules: [{}]` to deny every request, or delete the policy", "a DENY policy without rules denies nothing, and istiod refuses it")
	}
	deny := m.Action == security.AuthorizationPolicy_DENY
	for i, rule := range m.Rules {
		here := at.Key("rules").Item(i, "")
		for k, from := range rule.GetFrom() {
			place := here.Key("from").Item(k, "")
			if from.GetSource() == nil {
				c.Say(Access.At(place, "the source is missing").WithHelp("write source: {...}, or remove `from` for every caller"))
				continue
			}
			c.Source(from.Source, place.Key("source"))
			c.NeverSource(from.Source, deny, place.Key("source"))
			if custom {
				c.customSource(from.Source, place.Key("source"))
			}
		}
		for k, to := range rule.GetTo() {
			place := here.Key("to").Item(k, "")
			if to.GetOperation() == nil {
				c.Say(Access.At(place, "the operation is missing").WithHelp("write operation: {...}, or remove `to` for every request"))
				continue
			}
			c.Operation(to.Operation, place.Key("operation"))
			c.NeverOperation(to.Operation, deny, place.Key("operation"))
			c.ports(to.Operation.Ports, place.Key("operation").Key("ports"))
			c.ports(to.Operation.NotPorts, place.Key("operation").Key("notPorts"))
		}
		for k, when := range rule.GetWhen() {
			place := here.Key("when").Item(k, "")
			c.Condition(when, place)
			c.NeverCondition(when, deny, place)
			c.conditionRanges(when, place)
			key := when.GetKey()
			if custom && (slices.Contains([]string{"source.namespace", "source.serviceAccount", "source.trustDomain", "source.principal"}, key) ||
				strings.HasPrefix(key, "request.auth.")) {
				c.Say(Access.At(place.Key("key"), "a CUSTOM policy cannot judge by %s", key).WithHelp("let an ALLOW or DENY policy judge it"))
			}
		}
	}
}

// customSource refuses the fields of a source that the filter of CUSTOM policies cannot see.
func (c Check) customSource(s *security.Source, at diag.Path) {
	for _, l := range sourceLists(s) {
		if len(l.list) > 0 && !strings.HasSuffix(l.key, "Blocks") {
			c.Say(Access.At(at.Key(l.key), "a CUSTOM policy cannot judge by %s", l.key).Key().WithHelp("let an ALLOW or DENY policy judge it"))
		}
	}
}

type keyed struct {
	key  string
	list []string
}

// sourceLists are the fields of a source.
func sourceLists(s *security.Source) []keyed {
	return []keyed{
		{"principals", s.Principals}, {"notPrincipals", s.NotPrincipals},
		{"requestPrincipals", s.RequestPrincipals}, {"notRequestPrincipals", s.NotRequestPrincipals},
		{"namespaces", s.Namespaces}, {"notNamespaces", s.NotNamespaces},
		{"serviceAccounts", s.ServiceAccounts}, {"notServiceAccounts", s.NotServiceAccounts},
		{"trustDomains", s.TrustDomains}, {"notTrustDomains", s.NotTrustDomains},
		{"ipBlocks", s.IpBlocks}, {"notIpBlocks", s.NotIpBlocks},
		{"remoteIpBlocks", s.RemoteIpBlocks}, {"notRemoteIpBlocks", s.NotRemoteIpBlocks},
	}
}

// Source checks who calls.
func (c Check) Source(s *security.Source, at diag.Path) {
	lists := sourceLists(s)
	if !slices.ContainsFunc(lists, func(l keyed) bool { return len(l.list) > 0 }) {
		c.Say(Access.At(at, "the source is empty, and Istio refuses that").
			WithHelp("remove `from` for every caller, or write who: {serviceAccounts: [frontend/frontend-sa]}"))
	}
	for _, l := range lists {
		here := at.Key(l.key)
		switch {
		case strings.HasSuffix(l.key, "Blocks"):
			c.ranges(l.list, here)
		case strings.HasSuffix(l.key, "erviceAccounts"):
			c.accounts(l.list, here)
		default:
			c.noEmpty(l.list, here)
		}
		if strings.HasSuffix(l.key, "rustDomains") {
			for i, d := range l.list {
				if strings.Contains(d, "/") || !isEndWildcard(d) {
					c.Say(Access.At(here.Item(i, ""), "%q is not a trust domain", d).WithHelp("write a name without slashes; a * only begins or ends it"))
				}
			}
		}
	}
	byName := len(s.ServiceAccounts)+len(s.NotServiceAccounts) > 0
	if byName && len(s.Principals)+len(s.NotPrincipals)+len(s.Namespaces)+len(s.NotNamespaces) > 0 {
		c.Say(Access.At(at, "serviceAccounts is next to namespaces or principals, and Istio refuses that").
			WithHelp("name the callers in one way; two items of `from` are joined by or"))
	}
}

// isEndWildcard reports whether a text has at most one star, at its beginning or end.
func isEndWildcard(s string) bool {
	return !strings.Contains(strings.TrimSuffix(strings.TrimPrefix(s, "*"), "*"), "*") && strings.Count(s, "*") < 2
}

const (
	maxAccounts = 16
	maxAccount  = 320
)

// accounts checks service accounts, [namespace/]name.
func (c Check) accounts(list []string, at diag.Path) {
	if len(list) > maxAccounts {
		c.Say(Access.At(at, "%d service accounts are listed, and Istio takes %d", len(list), maxAccounts).WithHelp("write several items of `from`"))
	}
	for i, a := range list {
		namespace, name, found := strings.Cut(a, "/")
		if !found {
			namespace, name = "x", a
		}
		if namespace == "" || name == "" || strings.ContainsAny(name, "/*") || strings.Contains(namespace, "*") || len(a) > maxAccount {
			c.Say(Access.At(at.Item(i, ""), "%q is not a service account", a).
				WithHelp("write namespace/name, or the name alone for the policy's namespace"))
		}
	}
}

// noEmpty refuses empty items, as Istio does: they match nothing.
func (c Check) noEmpty(list []string, at diag.Path) {
	if i := slices.Index(list, ""); i >= 0 {
		c.Say(Access.At(at.Item(i, ""), "an item of %s is empty, and Istio refuses that", at.LastKey()).
			WithHelp("remove it, or write \"*\" for any that is not empty"))
	}
}

// Operation checks what is called, apart from the form of ports: a spec has names there.
func (c Check) Operation(o *security.Operation, at diag.Path) {
	lists := []keyed{
		{"hosts", o.Hosts}, {"notHosts", o.NotHosts}, {"methods", o.Methods}, {"notMethods", o.NotMethods},
		{"paths", o.Paths}, {"notPaths", o.NotPaths}, {"ports", o.Ports}, {"notPorts", o.NotPorts},
	}
	if !slices.ContainsFunc(lists, func(l keyed) bool { return len(l.list) > 0 }) {
		c.Say(Access.At(at, "the operation is empty, and Istio refuses that").
			WithHelp("remove `to` for every request, or write what: {methods: [GET]}"))
	}
	for _, l := range lists[:6] {
		c.noEmpty(l.list, at.Key(l.key))
	}
	c.pathTemplates(o.Paths, at.Key("paths"))
	c.pathTemplates(o.NotPaths, at.Key("notPaths"))
}

// ports checks port numbers written as text. Istio takes 0, which no server listens on.
func (c Check) ports(list []string, at diag.Path) {
	for i, p := range list {
		if n, err := strconv.ParseUint(p, 10, 32); err != nil || n > 65535 {
			c.Say(Access.At(at.Item(i, ""), "%q is not a port number", p).WithHelp("write the number that the server listens on, in quotes: \"8080\""))
		}
	}
}

var literalForm = regexp.MustCompile("^[a-zA-Z0-9-._~%!$&'()+,;:@=]+$")

// pathTemplates checks {*} and {**} in paths (istio: pkg/config/security, CheckValidPathTemplate).
func (c Check) pathTemplates(paths []string, at diag.Path) {
	for i, path := range paths {
		template := strings.Contains(path, "{*}") || strings.Contains(path, "{**}")
		last := false
		for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
			whole := part == "{*}" || part == "{**}"
			if whole && last || !whole && (strings.ContainsAny(part, "{}") || template && !literalForm.MatchString(part)) {
				c.Say(Access.At(at.Item(i, ""), "%q is not a path that Istio matches", path).
					WithHelp("{*} is one whole part of a path, {**} all the rest, at the end; a bare * begins or ends a path without either"))
				break
			}
			last = last || part == "{**}"
		}
	}
}

// Condition checks a condition of a rule, apart from addresses.
func (c Check) Condition(when *security.Condition, at diag.Path) {
	key := when.GetKey()
	if len(when.GetValues())+len(when.GetNotValues()) == 0 {
		c.Say(Access.At(at, "the condition has neither values nor notValues").WithHelp("add `values: [...]`: those that %s may have", key))
	}
	name, rest, bracket := strings.Cut(key, "[")
	if bracket {
		name += "[]"
	}
	named := bracket && len(rest) > 1 && strings.HasSuffix(rest, "]")
	if !slices.Contains(attributes, name) || bracket != named {
		if strings.HasPrefix(name, "experimental.envoy.filters.") && named {
			c.noEmpty(when.GetValues(), at.Key("values"))
			c.noEmpty(when.GetNotValues(), at.Key("notValues"))
			return
		}
		d := Access.At(at.Key("key"), "Istio does not have an attribute %q", key)
		if near := diag.Nearest(name, attributes); near != "" {
			d = d.WithHelp("did you mean %q?", strings.Replace(near, "[]", "[name]", 1))
		} else {
			d = d.WithHelp("write one of %s", strings.ReplaceAll(listed(attributes), "[]", "[name]"))
		}
		c.Say(d)
		return
	}
	for _, l := range []keyed{{"values", when.GetValues()}, {"notValues", when.GetNotValues()}} {
		here := at.Key(l.key)
		switch key {
		case "source.ip", "remote.ip", "destination.ip":
		case "destination.port":
			c.ports(l.list, here)
		case "source.serviceAccount":
			c.accounts(l.list, here)
		case "source.trustDomain":
			c.noEmpty(l.list, here)
			for i, d := range l.list {
				if !isEndWildcard(d) {
					c.Say(Access.At(here.Item(i, ""), "%q is not a trust domain", d).WithHelp("a * only begins or ends a trust domain"))
				}
			}
		default:
			c.noEmpty(l.list, here)
		}
	}
}

// conditionRanges checks the values of a condition on addresses.
func (c Check) conditionRanges(when *security.Condition, at diag.Path) {
	if slices.Contains([]string{"source.ip", "remote.ip", "destination.ip"}, when.GetKey()) {
		c.ranges(when.GetValues(), at.Key("values"))
		c.ranges(when.GetNotValues(), at.Key("notValues"))
	}
}

// peerAuthentication checks a PeerAuthentication (istio: ValidatePeerAuthentication).
func (c Check) peerAuthentication(m *security.PeerAuthentication, at diag.Path) {
	if len(m.GetSelector().GetMatchLabels()) == 0 && len(m.PortLevelMtls) > 0 {
		c.Say(Refused.At(at.Key("portLevelMtls"), "portLevelMtls needs a selector with labels").Key().WithHelp("set selector.matchLabels"))
	}
	if m.PortLevelMtls != nil && len(m.PortLevelMtls) == 0 {
		c.Say(Refused.At(at.Key("portLevelMtls"), "portLevelMtls is empty, and Istio refuses that").Key().WithHelp("remove it, or add a port"))
	}
	var numbers []uint32
	for n := range m.PortLevelMtls {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		c.port(n, at.Key("portLevelMtls").Key(strconv.FormatUint(uint64(n), 10)))
	}
	c.selector(m.GetSelector().GetMatchLabels(), at.Key("selector").Key("matchLabels"))
}

// requestAuthentication checks a RequestAuthentication (istio: ValidateRequestAuthentication).
func (c Check) requestAuthentication(m *security.RequestAuthentication, at diag.Path) {
	c.attached(m.Selector, m.TargetRef, m.TargetRefs, at)
	for i, rule := range m.JwtRules {
		here := at.Key("jwtRules").Item(i, rule.GetIssuer())
		if rule.GetIssuer() == "" && rule.GetJwksUri() == "" {
			c.Say(JWT.At(here, "the rule has neither an issuer nor the address of keys").WithHelp("add `issuer: https://issuer.example.com`: `iss` of the tokens"))
		}
		c.JWTRule(rule, here)
	}
}

// JWTRule checks a rule of a RequestAuthentication, apart from whether it names its issuer.
func (c Check) JWTRule(rule *security.JWTRule, at diag.Path) {
	for _, l := range []keyed{{"audiences", rule.GetAudiences()}, {"fromParams", rule.GetFromParams()}, {"fromCookies", rule.GetFromCookies()}} {
		if i := slices.Index(l.list, ""); i >= 0 {
			c.Say(JWT.At(at.Key(l.key).Item(i, ""), "an item of %s is empty, and Istio refuses that", l.key).WithHelp("remove it"))
		}
	}
	if uri := rule.GetJwksUri(); uri != "" {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			c.Say(JWT.At(at.Key("jwksUri"), "%q is not an address of keys", uri).WithHelp("write the whole URL, such as https://issuer.example.com/jwks.json"))
		}
	}
	if rule.GetJwks() != "" {
		if fault := keysFault(rule.Jwks); fault != "" {
			c.Say(JWT.At(at.Key("jwks"), "this is not a set of keys: %s", fault).
				WithHelp(`write the JSON that the issuer publishes, '{"keys": [{...}]}', or its address as jwksUri`))
		}
	}
	for i, h := range rule.GetFromHeaders() {
		if h.GetName() == "" {
			c.Say(JWT.At(at.Key("fromHeaders").Item(i, ""), "the header has no name").WithHelp("add name: Authorization"))
		}
	}
	for i, o := range rule.GetOutputClaimToHeaders() {
		here := at.Key("outputClaimToHeaders").Item(i, "")
		switch {
		case o.GetClaim() == "" || o.GetHeader() == "":
			c.Say(JWT.At(here, "a claim and the header for it are needed").WithHelp("write {claim: sub, header: x-jwt-sub}"))
		case !claimForm.MatchString(o.GetHeader()):
			c.Say(JWT.At(here.Key("header"), "%q is not a header name", o.GetHeader()).WithHelp(headerHelp))
		}
	}
	c.duration(rule.GetTimeout(), at.Key("timeout"))
}

// keyFields are what a key of each type needs (RFC 7518, section 6).
var keyFields = map[string][]string{"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}, "oct": {"k"}}

// keysFault returns why a text is not a JSON Web Key Set, or a single key, which Istio takes too; "" where it is one.
func keysFault(text string) string {
	var set struct {
		Keys *[]map[string]any `json:"keys"`
	}
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return "it cannot be read as JSON of keys"
	}
	var keys []map[string]any
	if set.Keys != nil {
		keys = *set.Keys
	} else {
		var one map[string]any
		if json.Unmarshal([]byte(text), &one) != nil {
			return "it cannot be read as JSON of keys"
		}
		keys = append(keys, one)
	}
	if len(keys) == 0 { // Istio takes it, and then no token is valid
		return "it is empty"
	}
	for i, key := range keys {
		kind, _ := key["kty"].(string)
		needs, known := keyFields[kind]
		if !known {
			return fmt.Sprintf("key %d has kty %q, which is none of RSA, EC, OKP and oct", i+1, kind)
		}
		for _, name := range needs {
			if value, _ := key[name].(string); value == "" {
				return fmt.Sprintf("key %d, of type %s, does not have %s", i+1, kind, name)
			}
		}
	}
	return ""
}
