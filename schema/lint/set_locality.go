package lint

import (
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"
	telemetry "istio.io/api/telemetry/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

var localityForm = diag.Rule{
	ID: "VM510", Name: "locality-form", Severity: diag.Error,
	Doc: "The locality of VMs is region[/zone[/subzone]], and as a label has dots in place of the slashes.",
	Long: "istiod takes what is written and compares it letter by letter with the localities of nodes and other VMs: one of another form matches no client's locality, so that the VM gets traffic last or from everywhere. In the label " +
		"topology.istio.io/locality every dot becomes a slash (istio: pkg/model/proxy.go, GetLocalityLabel).",
	Bad:  "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-vm1, namespace: shop}\nspec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay, locality: us-west1/a/rack/7}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-vm1, namespace: shop}\nspec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay, locality: us-west1/a/rack-7}\n",
}

func findLocalityForms(s *manifest.Set, report Report) {
	for _, w := range virtual(s) {
		parts := strings.Split(w.Locality, "/")
		if w.Locality != "" && (len(parts) > 3 || slices.Contains(parts, "")) {
			report(localityForm.At(w.LocalAt, "%q is not a locality", w.Locality).WithHelp("write region, region/zone or region/zone/subzone"))
		}
		for _, key := range []string{localityLabel, oldLocalityLabel} {
			label := w.Clients[key]
			if strings.Contains(label, "/") {
				report(localityForm.At(w.LabelsAt.Key(key), "the label %s has a slash, which no label's value may have", key).
					WithHelp("write %s", strings.ReplaceAll(label, "/", ".")))
			} else if strings.Count(label, ".") > 2 {
				report(localityForm.At(w.LabelsAt.Key(key), "%q has more than three parts: each dot is a slash", label).WithHelp("write region.zone.subzone, without dots in them"))
			}
		}
	}
}

var lostLocality = diag.Rule{
	ID: "VM511", Name: "template-locality", Severity: diag.Warning,
	Doc: "A WorkloadGroup that has a locality has it as a label too.",
	Long: "As a VM registers, istiod writes the locality that the VM reports over the template's. Outside AWS, GCP and Azure a VM reports an empty one, so the template's is lost (istio: pilot/pkg/autoregistration/controller.go, " +
		"issue 51800). The label topology.istio.io/locality, with dots for slashes, stays, and counts where the field is empty; before Istio 1.29 it is istio-locality.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, locality: us-west1/zone-a}}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay, topology.istio.io/locality: us-west1.zone-a}}, template: {serviceAccount: pay, locality: us-west1/zone-a}}\n",
}

func findLostLocalities(s *manifest.Set, report Report) {
	for r := range manifest.Each[*networking.WorkloadGroup](s) {
		if w := s.Workload(r); w.Locality != "" && labelledLocality(w) == "" {
			report(lostLocality.At(w.LocalAt, "VMs that register outside AWS, GCP and Azure lose this locality").
				WithHelp("add the label %s: %s to %s; before Istio 1.29 its key is %s", localityLabel, strings.ReplaceAll(w.Locality, "/", "."), w.LabelsAt, oldLocalityLabel))
		}
	}
}

var unknownToMetrics = diag.Rule{
	ID: "VM619", Name: "no-canonical-labels", Severity: diag.Info,
	Doc: "VMs have labels that say which service and which version they are.",
	Long: "Metrics, traces and graphs name a workload by service.istio.io/canonical-name, app.kubernetes.io/name or app, and its version likewise. Without them the service is called after the WorkloadGroup and its version latest, or " +
		"unknown (istio: pkg/kube/labels/labels.go; issue 25601).",
	Bad:  "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {tier: backend}}, template: {serviceAccount: pay}}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay, tier: backend}}, template: {serviceAccount: pay}}\n",
}

func findUnknownToMetrics(s *manifest.Set, report Report) {
	for _, w := range virtual(s) {
		if len(w.Clients) == 0 || slices.ContainsFunc(identityLabels, func(key string) bool { return w.Clients[key] != "" }) {
			continue
		}
		report(unknownToMetrics.At(w.LabelsAt, "no label of %s says which service %s", w.Resource, map[bool]string{true: "its VM is", false: "its VMs are"}[w.Entry()]).WithHelp("add app"))
	}
}

var rootSelector = diag.Rule{
	ID: "VM603", Name: "policy-in-root-namespace", Severity: diag.Warning,
	Doc:  "A PeerAuthentication with a selector is in the namespace of what it selects.",
	Long: "In the root namespace one without a selector is the whole mesh's. One with a selector is for workloads of the root namespace alone, and for no other (istio: pilot/pkg/security/authn/policy_applier.go).",
	Bad:  "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: pay, namespace: istio-system}\nspec: {selector: {matchLabels: {app: pay}}, mtls: {mode: STRICT}}\n---\n" + vmGood,
	Good: "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {matchLabels: {app: pay}}, mtls: {mode: STRICT}}\n---\n" + vmGood,
}

func findRootSelectors(s *manifest.Set, report Report) {
	var by map[[2]string][]*manifest.Workload // VMs by each of their labels
	for r, p := range manifest.Each[*security.PeerAuthentication](s) {
		labels := p.GetSelector().GetMatchLabels()
		if r.Namespace != rootNamespace || len(labels) == 0 || len(s.Governed(rootNamespace, labels)) > 0 {
			continue
		}
		if by == nil {
			by = map[[2]string][]*manifest.Workload{}
			for _, w := range virtual(s) {
				for key, value := range w.Own {
					by[[2]string{key, value}] = append(by[[2]string{key, value}], w)
				}
			}
		}
		var meant *manifest.Workload
		for _, w := range rarest(by, labels) {
			if manifest.Carries(w.Own, labels) && (meant == nil || w.Namespace < meant.Namespace) {
				meant = w
			}
		}
		if meant != nil {
			report(rootSelector.At(r.Place("metadata", "namespace"), "%s selects nothing: %s is in another namespace", r, meant.Resource).
				WithHelp("put it into namespace %s", meant.Namespace))
		}
	}
}

// rarest is the shortest of the lists of those that have one of the labels.
func rarest(by map[[2]string][]*manifest.Workload, labels map[string]string) []*manifest.Workload {
	var shortest []*manifest.Workload
	for i, key := range sorted(labels) {
		if list := by[[2]string{key, labels[key]}]; i == 0 || len(list) < len(shortest) {
			shortest = list
		}
	}
	return shortest
}

var targetOfVM = diag.Rule{
	ID: "VM612", Name: "policy-target", Severity: diag.Error,
	Doc:  "A policy or Telemetry for VMs selects them by labels, and not by targetRefs.",
	Long: "targetRefs are for gateways and waypoints. The sidecar of a VM passes over a policy that has them, also one whose target is the VM's own Service: what was to be refused is let in (istio: pilot/pkg/model/policyattachment.go).",
	Bad: payService + vmGood + "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {targetRefs: [{kind: Service, group: \"\", name: pay}], rules: [{from: [{source: {namespaces: [web]}}]}]}\n",
	Good: payService + vmGood + "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {selector: {matchLabels: {app: pay}}, rules: [{from: [{source: {namespaces: [web]}}]}]}\n",
}

const waypointLabel = "istio.io/use-waypoint"

// findTargetsOfVMs is silent where the Service has a waypoint: it reads the policy.
func findTargetsOfVMs(s *manifest.Set, report Report) {
	check := func(r *manifest.Resource, i int, kind, name, namespace string) {
		if kind != "Service" {
			return
		}
		if namespace == "" {
			namespace = r.Namespace
		}
		v := s.Service(namespace, name)
		if v == nil || v.Labels[waypointLabel] != "" {
			return
		}
		if n := s.Find("", "Namespace", "", namespace); n != nil && n.Labels[waypointLabel] != "" {
			return
		}
		if selected := s.Selected(v.Namespace, v.Selector); len(selected) > 0 && len(vms(selected)) == len(selected) {
			report(targetOfVM.At(r.Place("spec", "targetRefs").Item(i, name), "the sidecars of VMs pass over a policy for %s", v.Resource).
				WithHelp("write selector: {matchLabels: …} in place of targetRefs"))
		}
	}
	for r, p := range manifest.Each[*security.AuthorizationPolicy](s) {
		for i, t := range p.TargetRefs {
			check(r, i, t.Kind, t.Name, t.Namespace)
		}
	}
	for r, p := range manifest.Each[*security.RequestAuthentication](s) {
		for i, t := range p.TargetRefs {
			check(r, i, t.Kind, t.Name, t.Namespace)
		}
	}
	for r, p := range manifest.Each[*telemetry.Telemetry](s) {
		for i, t := range p.TargetRefs {
			check(r, i, t.Kind, t.Name, t.Namespace)
		}
	}
}
