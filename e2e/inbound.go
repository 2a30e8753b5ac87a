package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rbac "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	rbachttp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	rbacnet "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Inbound describes how a proxy handles what comes to it: for each port whether it takes mTLS, plaintext or both, what
// the bytes are taken for, and who is let in.
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

// describeFilter notes what a filter takes bytes for, and whom it lets in.
func describeFilter(f *listener.Filter, kinds, policies map[string]bool) {
	manager, network, web := &hcm.HttpConnectionManager{}, &rbacnet.RBAC{}, &rbachttp.RBAC{}
	switch {
	case f.GetTypedConfig().UnmarshalTo(manager) == nil:
		kinds["HTTP"] = true
		for _, h := range manager.GetHttpFilters() {
			switch {
			case h.GetTypedConfig().UnmarshalTo(web) == nil:
				describePolicies(web.GetRules(), "HTTP", policies)
			case strings.Contains(h.GetName(), "jwt_authn"):
				policies["checks JWTs"] = true
			}
		}
	case f.GetTypedConfig().UnmarshalTo(network) == nil:
		describePolicies(network.GetRules(), "TCP", policies)
	case strings.Contains(f.GetName(), "tcp_proxy"):
		kinds["TCP"] = true
	}
}

// describePolicies notes the policies of a filter: each by its name, as istiod gives it, with the identities, ports,
// methods and paths in it.
func describePolicies(rules *rbac.RBAC, kind string, policies map[string]bool) {
	for name, policy := range rules.GetPolicies() {
		who := map[string]bool{}
		for _, principal := range policy.GetPrincipals() {
			literals(principal, who)
		}
		what := map[string]bool{}
		for _, permission := range policy.GetPermissions() {
			literals(permission, what)
		}
		policies[fmt.Sprintf("%s %s %s: from %s; to %s", strings.ToLower(rules.GetAction().String()), kind, name, joined(who), joined(what))] = true
	}
	if len(rules.GetPolicies()) == 0 && rules != nil {
		policies[fmt.Sprintf("%s %s nothing", strings.ToLower(rules.GetAction().String()), kind)] = true
	}
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
