package lint

import (
	"slices"
	"strings"

	security "istio.io/api/security/v1beta1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var gatewayShutOut = diag.Rule{
	ID: "VM530", Name: "gateway-shut-out", Severity: diag.Warning,
	Doc: "A gateway that serves a service sees it, and may call it.",
	Long: "A gateway is a caller like every other: it needs a service that is exported to its namespace, and an " +
		"AuthorizationPolicy that lets its " +
		"identity in. Without the one it answers 404, without the other 403. This is judged by the namespace of the " +
		"Gateway; where its pods are in " +
		"another one, ignore the finding.",
	Bad: "spec:\n  workloads:\n  - services: [{name: pay, expose: {gateways: [istio-ingress/public], hosts: " +
		"[pay.example.com]}}]\n" +
		"    security: {allow: [{name: web, from: [{serviceAccounts: [frontend/web]}]}]}",
	Good: "spec:\n  workloads:\n  - services: [{name: pay, expose: {gateways: [istio-ingress/public], hosts: " +
		"[pay.example.com]}}]\n" +
		"    security: {allow: [{name: gateway, from: [{namespaces: [istio-ingress]}]}, {name: web, from: " +
		"[{serviceAccounts: [frontend/web]}]}]}",
}

func findGatewaysShutOut(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		for _, s := range w.Services {
			if s.Expose == nil {
				continue
			}
			reported := map[string]bool{}
			for _, g := range s.Expose.Gateways {
				namespace, _, _ := strings.Cut(g, "/")
				if reported[namespace] {
					continue
				}
				reported[namespace] = true
				if !seen(s.ExportTo, w.Namespace, namespace) {
					report(gatewayShutOut.At(s.At.Key("exportTo"),
						"service %q is not exported to namespace %q, in which its gateway is", s.Name, namespace).
						WithHelp("add %q to exportTo", namespace))
				}
				if w.Allow != nil && !slices.ContainsFunc(w.Allow, func(rule *security.Rule) bool {
					return letsIn(rule,
						w.Namespace, namespace)
				}) {
					report(gatewayShutOut.At(s.Expose.At.Key("gateways"),
						"no rule of security.allow lets gateways of namespace %q in", namespace).
						WithHelp("add `{name: gateway, from: [{namespaces: [%s]}]}` to security.allow, or the gateway's service account",
							namespace))
				}
			}
		}
	}
}

// letsIn reports whether a rule may let in a workload of a namespace. What it says of the request, and of other
// properties of
// the caller, may be met.
func letsIn(rule *security.Rule, own, namespace string) bool {
	return len(rule.GetFrom()) == 0 || slices.ContainsFunc(rule.GetFrom(), func(from *security.Rule_From) bool {
		s := from.GetSource()
		of := "/ns/" + namespace + "/"
		principal := func(p string) bool {
			return strings.Contains("/"+p, of) || strings.HasPrefix(p, "*") || strings.HasSuffix(p, "*")
		}
		account := func(a string) bool {
			ns, _, cut := strings.Cut(a, "/")
			return ns == namespace || !cut && own == namespace
		}
		return (len(s.GetPrincipals()) == 0 || slices.ContainsFunc(s.GetPrincipals(), principal)) &&
			(len(s.GetServiceAccounts()) == 0 || slices.ContainsFunc(s.GetServiceAccounts(), account)) &&
			(len(s.GetNamespaces()) == 0 || slices.ContainsFunc(s.GetNamespaces(), func(n string) bool {
				return matches(n,
					namespace)
			})) &&
			!slices.ContainsFunc(s.GetNotNamespaces(), func(n string) bool { return matches(n, namespace) })
	})
}

// matches reports whether a value of a policy, with a star before or after it, is that of a text.
func matches(pattern, text string) bool {
	switch {
	case pattern == "*":
		return text != ""
	case strings.HasPrefix(pattern, "*"):
		return strings.HasSuffix(text, pattern[1:])
	case strings.HasSuffix(pattern, "*"):
		return strings.HasPrefix(text, pattern[:len(pattern)-1])
	}
	return pattern == text
}
