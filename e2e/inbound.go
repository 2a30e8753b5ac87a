package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	accesslog "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rbac "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	filelog "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/file/v3"
	cel "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/filters/cel/v3"
	jwt "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	rbachttp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	rbacnet "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	tcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	matcher "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Inbound describes how a proxy handles what comes to it: for each port whether it accepts mTLS, plaintext or both, what
// the bytes are parsed as, who is let in, and what is logged and traced.
func (v View) Inbound() string {
	ports := map[string][]*listener.FilterChain{}
	virtual := v.Listeners["virtualInbound"]
	for _, chain := range append(slices.Clone(virtual.GetFilterChains()), virtual.GetDefaultFilterChain()) {
		if chain == nil || chain.GetName() == "virtualInbound-blackhole" {
			continue
		}
		port := "other ports"
		if p := chain.GetFilterChainMatch().GetDestinationPort().GetValue(); p > 0 {
			port = fmt.Sprintf("port %d", p)
		}
		ports[port] = append(ports[port], chain)
	}
	var b strings.Builder
	for _, port := range slices.SortedFunc(maps.Keys(ports), naturally) {
		modes, kinds, policies := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, chain := range ports[port] {
			secured := chain.GetTransportSocket() != nil
			modes[map[bool]string{true: "mTLS", false: "plaintext"}[secured]] = true
			for _, filter := range chain.GetFilters() {
				describeFilter(filter, kinds, policies)
			}
		}
		fmt.Fprintf(&b, "%s: %s; %s\n", port, joined(modes), joined(kinds))
		for _, policy := range slices.Sorted(maps.Keys(policies)) {
			fmt.Fprintf(&b, "  %s\n", policy)
		}
	}
	return b.String()
}

func joined(set map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(set)), " or ")
}

// naturally sorts port 90 before port 8080.
func naturally(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// describeFilter notes what a filter parses bytes as, whom it lets in, and what it reports about that.
func describeFilter(f *listener.Filter, kinds, notes map[string]bool) {
	manager, network, web := &hcm.HttpConnectionManager{}, &rbacnet.RBAC{}, &rbachttp.RBAC{}
	proxy, tokens := &tcp.TcpProxy{}, &jwt.JwtAuthentication{}
	switch {
	case f.GetTypedConfig().UnmarshalTo(manager) == nil:
		kinds["HTTP"] = true
		describeLogs("HTTP", manager.GetAccessLog(), notes)
		describeTracing(manager.GetTracing(), notes)
		for _, h := range manager.GetHttpFilters() {
			switch {
			case h.GetTypedConfig().UnmarshalTo(web) == nil:
				describePolicies(web.GetRules(), "HTTP", notes)
			case h.GetTypedConfig().UnmarshalTo(tokens) == nil:
				for _, p := range tokens.GetProviders() {
					notes["checks JWTs "+describeIssuer(p)] = true
				}
			}
		}
	case f.GetTypedConfig().UnmarshalTo(network) == nil:
		describePolicies(network.GetRules(), "TCP", notes)
	case f.GetTypedConfig().UnmarshalTo(proxy) == nil:
		kinds["TCP"] = true
		describeLogs("TCP", proxy.GetAccessLog(), notes)
	}
}

// describeIssuer describes whose JWTs are accepted, for whom, where they are looked for, and where they go.
func describeIssuer(p *jwt.JwtProvider) string {
	text := "of " + p.GetIssuer()
	if audiences := p.GetAudiences(); len(audiences) > 0 {
		text += " for " + strings.Join(audiences, " or ")
	}
	for _, h := range p.GetFromHeaders() {
		text += fmt.Sprintf(" in header %s %q", h.GetName(), h.GetValuePrefix())
	}
	for _, name := range p.GetFromParams() {
		text += " in parameter " + name
	}
	for _, name := range p.GetFromCookies() {
		text += " in cookie " + name
	}
	if p.GetForward() {
		text += ", passed on"
	}
	if name := p.GetForwardPayloadHeader(); name != "" {
		text += ", payload in " + name
	}
	for _, c := range p.GetClaimToHeaders() {
		text += fmt.Sprintf(", claim %s in %s", c.GetClaimName(), c.GetHeaderName())
	}
	return text
}

// describeLogs notes each access log of a filter: where it goes, and what is written.
func describeLogs(kind string, logs []*accesslog.AccessLog, notes map[string]bool) {
	for _, log := range logs {
		to := strings.TrimPrefix(log.GetName(), "envoy.access_loggers.")
		file := &filelog.FileAccessLog{}
		if log.GetTypedConfig().UnmarshalTo(file) == nil {
			to = file.GetPath()
		}
		text := kind + " access log to " + to
		filter := &cel.ExpressionFilter{}
		switch {
		case log.GetFilter() == nil:
		case log.GetFilter().GetExtensionFilter().GetTypedConfig().UnmarshalTo(filter) == nil:
			text += " where " + filter.GetExpression()
		default:
			found := map[string]bool{}
			literals(log.GetFilter(), found)
			text += " where " + joined(found)
		}
		notes[text] = true
	}
}

// describeTracing notes which requests are traced, for which provider, and with which tags besides Istio's own. Requests
// are not traced by default.
func describeTracing(tracing *hcm.HttpConnectionManager_Tracing, notes map[string]bool) {
	if tracing == nil {
		return
	}
	share := tracing.GetRandomSampling().GetValue()
	if tracing.GetProvider() == nil && share == 1 { // what istiod writes where no Telemetry applies
		return
	}
	var tags []string
	for _, tag := range tracing.GetCustomTags() {
		if strings.HasPrefix(tag.GetTag(), "istio.") {
			continue
		}
		found := map[string]bool{}
		literals(tag, found)
		tags = append(tags, joined(found))
	}
	slices.Sort(tags)
	provider := tracing.GetProvider().GetName()
	if provider == "" {
		provider = "no provider of its own"
	}
	text := fmt.Sprintf("traces %g%% for %s", share, provider)
	if len(tags) > 0 {
		text += ", tags " + strings.Join(tags, "; ")
	}
	notes[text] = true
}

// describePolicies notes the policies of a filter: each by its name, as istiod gives it, with whom it is about and what
// they do, in terms of "and", "or" and "not".
func describePolicies(rules *rbac.RBAC, kind string, notes map[string]bool) {
	for name, policy := range rules.GetPolicies() {
		var who, what []string
		for _, principal := range policy.GetPrincipals() {
			who = append(who, describePrincipal(principal))
		}
		for _, permission := range policy.GetPermissions() {
			what = append(what, describePermission(permission))
		}
		notes[fmt.Sprintf("%s %s %s: from %s; to %s", strings.ToLower(rules.GetAction().String()), kind, name,
			combine("or", who), combine("or", what))] = true
	}
	if len(rules.GetPolicies()) == 0 && rules != nil {
		notes[fmt.Sprintf("%s %s nothing", strings.ToLower(rules.GetAction().String()), kind)] = true
	}
}

// combine joins the parts of a condition, in order and each once. Parts that are joined themselves get parentheses.
func combine(by string, parts []string) string {
	slices.Sort(parts)
	parts = slices.Compact(parts)
	if len(parts) == 1 {
		return parts[0]
	}
	other := map[string]string{"and": " or ", "or": " and "}[by]
	for n, part := range parts {
		if strings.Contains(part, other) {
			parts[n] = "(" + part + ")"
		}
	}
	return strings.Join(parts, " "+by+" ")
}

func describePrincipal(p *rbac.Principal) string {
	var parts []string
	switch id := p.GetIdentifier().(type) {
	case *rbac.Principal_AndIds:
		for _, inner := range id.AndIds.GetIds() {
			parts = append(parts, describePrincipal(inner))
		}
		return combine("and", parts)
	case *rbac.Principal_OrIds:
		for _, inner := range id.OrIds.GetIds() {
			parts = append(parts, describePrincipal(inner))
		}
		return combine("or", parts)
	case *rbac.Principal_NotId:
		return "not (" + describePrincipal(id.NotId) + ")"
	case *rbac.Principal_DirectRemoteIp:
		return "peer " + describeCIDR(id.DirectRemoteIp)
	case *rbac.Principal_RemoteIp:
		return "client " + describeCIDR(id.RemoteIp)
	case *rbac.Principal_Header:
		return describeHeaderRule(id.Header)
	case *rbac.Principal_Metadata:
		return describeMetadata(id.Metadata)
	}
	return leaf(p)
}

func describePermission(p *rbac.Permission) string {
	var parts []string
	switch rule := p.GetRule().(type) {
	case *rbac.Permission_AndRules:
		for _, inner := range rule.AndRules.GetRules() {
			parts = append(parts, describePermission(inner))
		}
		return combine("and", parts)
	case *rbac.Permission_OrRules:
		for _, inner := range rule.OrRules.GetRules() {
			parts = append(parts, describePermission(inner))
		}
		return combine("or", parts)
	case *rbac.Permission_NotRule:
		return "not (" + describePermission(rule.NotRule) + ")"
	case *rbac.Permission_DestinationIp:
		return "destination " + describeCIDR(rule.DestinationIp)
	case *rbac.Permission_Header:
		return describeHeaderRule(rule.Header)
	case *rbac.Permission_Metadata:
		return describeMetadata(rule.Metadata)
	}
	return leaf(p)
}

func describeCIDR(c *core.CidrRange) string {
	return fmt.Sprintf("%s/%d", c.GetAddressPrefix(), c.GetPrefixLen().GetValue())
}

// describeHeaderRule names the header unless the value makes it plain, as methods and hosts do.
func describeHeaderRule(h *route.HeaderMatcher) string {
	if h.GetName() == ":method" {
		return describeHeader(h)
	}
	return "[" + h.GetName() + " " + describeHeader(h) + "]"
}

func describeMetadata(m *matcher.MetadataMatcher) string {
	var path []string
	for _, segment := range m.GetPath() {
		path = append(path, segment.GetKey())
	}
	found := map[string]bool{}
	literals(m.GetValue(), found)
	return "[" + strings.Join(path, ".") + " " + joined(found) + "]"
}

// leaf describes a condition without others in it.
func leaf(m proto.Message) string {
	found := map[string]bool{}
	literals(m, found)
	return joined(found)
}

// literals collects the leaves of a rule: what it compares with, in whatever way, and whether that is denied.
func literals(m proto.Message, into map[string]bool) {
	text, err := protojson.Marshal(m)
	if err != nil {
		into[err.Error()] = true
		return
	}
	var tree any
	_ = json.Unmarshal(text, &tree)
	var walk func(prefix string, value any)
	walk = func(prefix string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for name, inner := range v {
				switch name {
				case "notRule", "notId":
					walk(prefix+"not ", inner)
				case "prefix":
					into[fmt.Sprintf("%s%v*", prefix, inner)] = true
				case "suffix":
					into[fmt.Sprintf("%s*%v", prefix, inner)] = true
				case "any", "name", "ignoreCase", "useFilterState", "googleRe2", "key", "filter":
					if name == "any" {
						into[prefix+"anyone"] = true
					}
				default:
					walk(prefix, inner)
				}
			}
		case []any:
			for _, inner := range v {
				walk(prefix, inner)
			}
		default:
			into[fmt.Sprintf("%s%v", prefix, v)] = true
		}
	}
	walk("", tree)
}
