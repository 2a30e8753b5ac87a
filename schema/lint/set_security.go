package lint

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	security "istio.io/api/security/v1beta1"
	telemetry "istio.io/api/telemetry/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// sameScope is a selector, as a word.
func sameScope(namespace string, labels map[string]string) string {
	var b strings.Builder
	b.WriteString(namespace)
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		b.WriteString("\n" + key + "=" + labels[key])
	}
	return b.String()
}

var twoPeerPolicies = diag.Rule{
	ID: "VM601", Name: "two-peer-authentications", Severity: diag.Error,
	Doc: "A workload, and a namespace, has one PeerAuthentication.",
	Long: "Istio takes the oldest of several and ignores the others: they are not merged (istio: " +
		"pilot/pkg/security/authn/policy_applier.go). Whether plaintext is refused then depends on what was applied first.",
	Bad: "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: shop}\nspec: {mtls: {mode: STRICT}}\n---\n" +
		"apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: permissive, namespace: shop}\nspec: {mtls: {mode: PERMISSIVE}}\n",
	Good: "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: shop}\nspec: {mtls: {mode: STRICT}}\n",
}

func findTwoPeerPolicies(s *manifest.Set, report Report) {
	scopes := map[string]*manifest.Resource{}
	owner := map[*manifest.Workload]*manifest.Resource{}
	for r, p := range manifest.Each[*security.PeerAuthentication](s) {
		labels := p.GetSelector().GetMatchLabels()
		scope := sameScope(r.Namespace, labels)
		if other := scopes[scope]; other != nil {
			if len(labels) == 0 {
				report(twoPeerPolicies.At(r.Place("metadata", "name"), "%s is for the whole namespace too", other).WithHelp("keep one of them"))
			} else {
				report(twoPeerPolicies.At(r.Place("spec", "selector"), "%s selects the same workloads", other).WithHelp("join them into one"))
			}
			continue
		}
		scopes[scope] = r
		if len(labels) == 0 {
			continue
		}
		for _, w := range s.Governed(r.Namespace, labels) {
			if other := owner[w]; other != nil {
				report(twoPeerPolicies.At(r.Place("spec", "selector"), "%s selects %s too", other, w.Resource).
					WithHelp("let each workload be selected by one of them"))
				break
			}
			owner[w] = r
		}
	}
}

// servicePorts are the ports by which Services lead clients to a VM, where they differ from its own: the Service's
// number, and the VM's; of the first VM of each class.
func servicePorts(s *manifest.Set, c *classes) map[*manifest.Workload]map[uint32]uint32 {
	found := map[*manifest.Workload]map[uint32]uint32{}
	for v := range distinctServices(s) {
		for _, w := range c.vms(v.Namespace, v.Selector) {
			for _, p := range v.Ports {
				target := w.Ports[p.Name]
				if p.TargetName != "" {
					target = w.Ports[p.TargetName]
				} else if target == 0 {
					target = p.Target
				}
				if target == 0 || target == p.Number {
					continue
				}
				if found[w] == nil {
					found[w] = map[uint32]uint32{}
				}
				found[w][p.Number] = target
			}
		}
	}
	return found
}

// misdialled finds the VM for which a policy's port is a Service's and not the VM's own. It is nil as soon as the port is
// one that some of the selected VMs have.
func misdialled(workloads []*manifest.Workload, targets map[*manifest.Workload]map[uint32]uint32, port uint32) (*manifest.Workload, uint32) {
	var found *manifest.Workload
	for _, w := range workloads {
		if portNamed(w, port) != "" || !w.VM {
			return nil, 0
		}
		for _, target := range targets[w] {
			if target == port {
				return nil, 0
			}
		}
		if found == nil && targets[w][port] != 0 {
			found = w
		}
	}
	if found == nil {
		return nil, 0
	}
	return found, targets[found][port]
}

var portLevelService = diag.Rule{
	ID: "VM602", Name: "mtls-by-service-port", Severity: diag.Error,
	Doc: "portLevelMtls is by the ports that VMs listen on.",
	Long: "The keys are ports of the workload, not of a Service in front of it. An exception for a Service's port is without effect: the port that " +
		"it leads to keeps the mode of the rest (istio: pilot/pkg/security/authn/policy_applier.go).",
	Bad: payService + vmGood + "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {selector: {matchLabels: {app: pay}}, mtls: {mode: STRICT}, portLevelMtls: {\"80\": {mode: PERMISSIVE}}}\n",
	Good: payService + vmGood + "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {selector: {matchLabels: {app: pay}}, mtls: {mode: STRICT}, portLevelMtls: {\"8080\": {mode: PERMISSIVE}}}\n",
}

func findPortLevelServices(s *manifest.Set, report Report) {
	all := classesOf(s)
	targets := servicePorts(s, all)
	for r, p := range manifest.Each[*security.PeerAuthentication](s) {
		labels := p.GetSelector().GetMatchLabels()
		if len(labels) == 0 {
			continue
		}
		for _, port := range slices.Sorted(maps.Keys(p.PortLevelMtls)) {
			if w, target := misdialled(all.governs(r.Namespace, labels), targets, port); w != nil {
				report(portLevelService.At(r.Place("spec", "portLevelMtls").Key(strconv.Itoa(int(port))), "%d is a port of the Service; %s listens on %d", port, w.Resource, target).Key().
					WithHelp("write \"%d\"", target))
			}
		}
	}
}

var policyServicePort = diag.Rule{
	ID: "VM610", Name: "policy-by-service-port", Severity: diag.Warning,
	Doc: "The ports of an AuthorizationPolicy are those that VMs listen on.",
	Long: "The sidecar compares the port that the request arrived at, which is the VM's. A rule for the port of a Service that leads to another " +
		"one never matches: an ALLOW allows no client, a DENY blocks none.",
	Bad: payService + vmGood + "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {selector: {matchLabels: {app: pay}}, action: DENY, rules: [{to: [{operation: {ports: [\"80\"]}}]}]}\n",
	Good: payService + vmGood + "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {selector: {matchLabels: {app: pay}}, action: DENY, rules: [{to: [{operation: {ports: [\"8080\"]}}]}]}\n",
}

func findPolicyServicePorts(s *manifest.Set, report Report) {
	all := classesOf(s)
	targets := servicePorts(s, all)
	for r, p := range manifest.Each[*security.AuthorizationPolicy](s) {
		labels := p.GetSelector().GetMatchLabels()
		if len(labels) == 0 {
			continue
		}
		workloads := all.governs(r.Namespace, labels)
		for i, rule := range p.Rules {
			for j, to := range rule.GetTo() {
				for k, text := range to.GetOperation().GetPorts() {
					port, err := strconv.ParseUint(text, 10, 16)
					if err != nil {
						continue
					}
					if w, target := misdialled(workloads, targets, uint32(port)); w != nil {
						at := r.Place("spec", "rules").Item(i, "").Key("to").Item(j, "").Key("operation").Key("ports").Item(k, "")
						report(policyServicePort.At(at, "%d is a port of the Service; %s listens on %d", port, w.Resource, target).WithHelp("write \"%d\"", target))
					}
				}
			}
		}
	}
}

var twoTelemetries = diag.Rule{
	ID: "VM613", Name: "two-telemetries", Severity: diag.Error,
	Doc: "A workload, and a namespace, has one Telemetry.",
	Long: "Istio takes the oldest of several of one scope, and ignores the others (istio: pilot/pkg/model/telemetry.go): their logs, traces or " +
		"metrics settings are without effect.",
	Bad: "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: logs, namespace: shop}\nspec: {accessLogging: [{providers: [{name: envoy}]}]}\n---\n" +
		"apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: traces, namespace: shop}\nspec: {tracing: [{randomSamplingPercentage: 10}]}\n",
	Good: "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: default, namespace: shop}\nspec: {accessLogging: [{providers: [{name: envoy}]}], tracing: [{randomSamplingPercentage: 10}]}\n",
}

func findTwoTelemetries(s *manifest.Set, report Report) {
	scopes := map[string]*manifest.Resource{}
	for r, p := range manifest.Each[*telemetry.Telemetry](s) {
		if len(p.TargetRefs) > 0 || p.TargetRef != nil {
			continue
		}
		labels := p.GetSelector().GetMatchLabels()
		scope := sameScope(r.Namespace, labels)
		other := scopes[scope]
		switch {
		case other == nil:
			scopes[scope] = r
		case len(labels) == 0:
			report(twoTelemetries.At(r.Place("metadata", "name"), "%s is for the whole namespace too", other).WithHelp("join them into one"))
		default:
			report(twoTelemetries.At(r.Place("spec", "selector"), "%s selects the same workloads", other).WithHelp("join them into one"))
		}
	}
}

// distinctServices yields the Services without those that select the same workloads with the same ports as one before:
// they give workloads no other ports.
func distinctServices(s *manifest.Set) iter.Seq[*manifest.ServiceView] {
	return func(yield func(*manifest.ServiceView) bool) {
		seen := map[string]bool{}
		for _, v := range s.Services() {
			var key strings.Builder
			fmt.Fprintf(&key, "%q %q %t %t", v.Namespace, v.Selector, v.Headless, v.External)
			for _, p := range v.Ports {
				fmt.Fprintf(&key, " %q %d %q %d %q %q", p.Name, p.Number, p.TargetName, p.Target, p.Protocol, p.AppProtocol)
			}
			if seen[key.String()] {
				continue
			}
			seen[key.String()] = true
			if !yield(v) {
				return
			}
		}
	}
}
