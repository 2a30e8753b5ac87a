package lint

import (
	"maps"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"
	telemetry "istio.io/api/telemetry/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Pods are seldom among the manifests, so a selector that selects nothing is a fault only where it was meant for VMs:
// where it asks for the class that vmmesh gives VMs, or for a label by which VMs of the namespace are known.

// identityLabels are those that say which application a workload is.
var identityLabels = []string{"app", "app.kubernetes.io/name", "k8s-app", "service.istio.io/canonical-name"}

// labelsOf says which labels of workloads a selector is compared with.
type labelsOf struct {
	read func(*manifest.Workload) map[string]string
	find func(s *manifest.Set, namespace string, labels map[string]string) []*manifest.Workload
}

var (
	forClients = labelsOf{func(w *manifest.Workload) map[string]string { return w.Clients }, (*manifest.Set).Selected}
	forPolicy  = labelsOf{func(w *manifest.Workload) map[string]string { return w.Own }, (*manifest.Set).Governed}
)

// meantFor finds VMs of a namespace that a selector was meant for although it does not select them. One that asks for
// another class than VMs' is meant for pods.
func meantFor(s *manifest.Set, namespace string, selector map[string]string, by labelsOf) *manifest.Workload {
	if class, asked := selector["class"]; asked && class != "vm" {
		return nil
	}
	for _, key := range identityLabels {
		if value, asked := selector[key]; asked {
			if found := vms(by.find(s, namespace, map[string]string{key: value})); len(found) > 0 {
				return found[0]
			}
		}
	}
	if selector["class"] != "vm" {
		return nil
	}
	// The class alone says that VMs are meant. Which, an application of nearly that name may tell.
	for _, key := range identityLabels {
		value, asked := selector[key]
		if !asked {
			continue
		}
		var names []string
		first := map[string]*manifest.Workload{}
		for _, w := range vms(s.Workloads(namespace)) {
			if had := by.read(w)[key]; had != "" && first[had] == nil {
				names = append(names, had)
				first[had] = w
			}
		}
		if near := diag.Nearest(value, names); near != "" {
			return first[near]
		}
	}
	return nil
}

// missing lists what a selector asks for and labels do not have, in order, as key=value.
func missing(labels, selector map[string]string) []string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		if had, ok := labels[key]; !ok || had != selector[key] {
			list = append(list, key+"="+selector[key])
		}
	}
	return list
}

// provenance reports whether a label says what made an object, and is for no selector.
func provenance(key string) bool { return key == mesh.LabelSpec || key == mesh.LabelManagedBy }

// otherwise reports whether labels have another value for each label that is asked for and missing.
func otherwise(labels, selector map[string]string) bool {
	for key := range selector {
		if _, has := labels[key]; !has {
			return false
		}
	}
	return true
}

// firstMissing is the key of the first label that is asked for and not there.
func firstMissing(labels, selector map[string]string) string {
	list := missing(labels, selector)
	if len(list) == 0 {
		return ""
	}
	key, _, _ := strings.Cut(list[0], "=")
	return key
}

// clientSelector is labels by which clients find endpoints.
type clientSelector struct {
	by     *manifest.Resource
	labels map[string]string
	at     diag.Path
}

func clientSelectors(s *manifest.Set) []clientSelector {
	var all []clientSelector
	for _, v := range s.Services() {
		if !v.External && len(v.Selector) > 0 {
			all = append(all, clientSelector{v.Resource, v.Selector, v.Place("spec", "selector")})
		}
	}
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		if labels := e.GetWorkloadSelector().GetLabels(); len(labels) > 0 {
			all = append(all, clientSelector{r, labels, r.Place("spec", "workloadSelector", "labels")})
		}
	}
	return all
}

var selectsNothing = diag.Rule{
	ID: "VM201", Name: "selects-nothing", Severity: diag.Error,
	Doc: "A Service or ServiceEntry that is for VMs selects some.",
	Long: "A selector has to be among the labels of a WorkloadEntry, or of a WorkloadGroup's VMs, of the same namespace. One label too many and " +
		"there is no endpoint: clients get 503, no healthy upstream. kustomize's `labels` with includeSelectors adds a label to the selector " +
		"of a Service and not to the VMs, unless it is told of their fields.",
	Bad: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay, env: staging}, ports: [{name: http, port: 80}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n",
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay, env: staging}, ports: [{name: http, port: 80}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay, env: staging}}, template: {serviceAccount: pay}}\n",
}

func findSelectsNothing(s *manifest.Set, report Report) {
	all := clientSelectors(s)
	var dialled map[*manifest.Workload]bool // those that some selector finds; made when it is asked for
	for _, c := range all {
		if len(s.Selected(c.by.Namespace, c.labels)) > 0 {
			continue
		}
		w := meantFor(s, c.by.Namespace, c.labels, forClients)
		if w == nil {
			if key, near := misspelledSelector(s, c, all, &dialled); near != nil {
				d := selectsNothing.At(c.at.Key(key), "%s selects nothing: no workload has %s: %s", c.by, key, c.labels[key]).
					WithHelp("did you mean %s, which %s has? No other selector finds it", near.Clients[key], near.Resource)
				if c.by.Name != near.Clients[key] && !strings.HasPrefix(near.Name, c.by.Name) {
					d.Severity = diag.Warning // it may be for pods that are not among the manifests
				}
				report(d)
			}
			continue
		}
		d := selectsNothing.At(c.at.Key(firstMissing(w.Clients, c.labels)), "%s selects nothing: %s lacks %s", c.by, w.Resource, strings.Join(missing(w.Clients, c.labels), ", ")).
			WithHelp("take the label from the selector, or give it to the VMs too: spec.metadata.labels of WorkloadGroups, spec.labels of WorkloadEntries")
		if c.by.Kind == "Service" && otherwise(w.Clients, c.labels) {
			d.Severity = diag.Warning // it may well be for pods, of another version, that are not among the manifests
		}
		report(d)
	}
}

// misspelledSelector finds VMs that a selector may be for although a label of it is spelled otherwise: those that no selector
// finds, and whose labels are the selector's but for the value of one by which applications are known.
func misspelledSelector(s *manifest.Set, c clientSelector, all []clientSelector, dialled *map[*manifest.Workload]bool) (string, *manifest.Workload) {
	for _, key := range identityLabels {
		value, asked := c.labels[key]
		if !asked || len(value) < 4 {
			continue
		}
		if *dialled == nil {
			*dialled = map[*manifest.Workload]bool{}
			for _, other := range all {
				for _, w := range s.Selected(other.by.Namespace, other.labels) {
					(*dialled)[w] = true
				}
			}
		}
		candidates := vms(s.Workloads(c.by.Namespace))
		if len(candidates) > few {
			return "", nil
		}
		for _, w := range candidates {
			had := w.Clients[key]
			if had == "" || (*dialled)[w] || withoutDigits(had) == withoutDigits(value) || diag.Nearest(value, []string{had}) == "" {
				continue
			}
			if rest := missing(w.Clients, c.labels); len(rest) == 1 {
				return key, w
			}
		}
	}
	return "", nil
}

var selectsElsewhere = diag.Rule{
	ID: "VM202", Name: "selects-elsewhere", Severity: diag.Error,
	Doc: "A Service or ServiceEntry is in the namespace of the VMs that it selects.",
	Long: "Selectors do not reach beyond their namespace. A Service in another one than its VMs does not have endpoints (istio: " +
		"pilot/pkg/serviceregistry/kube/controller/controller.go), whatever its labels.",
	Bad: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: vms}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n",
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: vms}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: vms}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n",
}

// findSelectsElsewhere is silent about VMs that a Service of their own namespace selects: they are not missed.
func findSelectsElsewhere(s *manifest.Set, report Report) {
	all := clientSelectors(s)
	served := map[*manifest.Workload]bool{}
	for _, c := range all {
		for _, w := range s.Selected(c.by.Namespace, c.labels) {
			served[w] = true
		}
	}
	// Unserved VMs by the labels that say which application they are: namespaces are not searched one by one.
	missed := map[[2]string][]*manifest.Workload{}
	for _, w := range virtual(s) {
		if served[w] {
			continue
		}
		for _, key := range identityLabels {
			if value := w.Clients[key]; value != "" {
				missed[[2]string{key, value}] = append(missed[[2]string{key, value}], w)
			}
		}
	}
	for _, c := range all {
		i := slices.IndexFunc(identityLabels, func(key string) bool { return c.labels[key] != "" })
		if i < 0 || c.by.Namespace == "" || len(s.Selected(c.by.Namespace, c.labels)) > 0 || meantFor(s, c.by.Namespace, c.labels, forClients) != nil {
			continue
		}
		var meant *manifest.Workload
		for _, w := range missed[[2]string{identityLabels[i], c.labels[identityLabels[i]]}] {
			if w.Namespace != c.by.Namespace && w.Namespace != "" && manifest.Carries(w.Clients, c.labels) && (meant == nil || w.Namespace < meant.Namespace) {
				meant = w
			}
		}
		if meant != nil {
			report(selectsElsewhere.At(c.by.Place("metadata", "namespace"), "%s selects nothing: %s is in another namespace", c.by, meant.Resource).
				WithHelp("put both into one namespace; clients of any namespace may use the Service"))
		}
	}
}

var labelDrift = diag.Rule{
	ID: "VM110", Name: "label-drift", Severity: diag.Error,
	Doc: "A label by which VMs are selected is one that the VMs have, and not their WorkloadGroup or WorkloadEntry alone.",
	Long: "The VMs do not get the metadata of the WorkloadGroup itself: one that registers has the labels of spec.metadata.labels, and no " +
		"others. Policies go by what a VM reports, which the metadata of its WorkloadEntry does not change. An overlay that adds a label to " +
		"metadata and to selectors splits the truth in two: some clients and entries go by one, VMs that register and policies by the other.",
	Bad: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay, env: staging}, ports: [{name: http, port: 80}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-vm1, namespace: shop, labels: {app: pay, env: staging}}\nspec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay}\n",
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay, env: staging}, ports: [{name: http, port: 80}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-vm1, namespace: shop, labels: {app: pay, env: staging}}\nspec: {address: 192.168.1.100, labels: {app: pay, env: staging}, serviceAccount: pay}\n",
}

func findAllLabelDrift(s *manifest.Set, report Report) {
	findLabelDrift(s, report)
	findVMLabelDrift(s, report)
}

// findLabelDrift looks at VMs that have a label by which they are selected in their object's metadata alone. A selector
// that selects nothing at all is for [selectsNothing] and [governsNothing]. An entry is still found by clients, so that
// drift there is a warning, unless a policy asks.
func findLabelDrift(s *manifest.Set, report Report) {
	type asked struct {
		clientSelector
		policy bool
	}
	byNamespace := map[string][]asked{}
	for _, c := range clientSelectors(s) {
		if len(s.Selected(c.by.Namespace, c.labels)) > 0 {
			byNamespace[c.by.Namespace] = append(byNamespace[c.by.Namespace], asked{c, false})
		}
	}
	for _, c := range policySelectors(s) {
		if len(s.Governed(c.by.Namespace, c.labels)) > 0 {
			byNamespace[c.by.Namespace] = append(byNamespace[c.by.Namespace], asked{c, true})
		}
	}
	for _, w := range virtual(s) {
		vms := w.Clients
		if spec, ok := w.Spec.(*networking.WorkloadEntry); ok {
			vms = spec.Labels
			if len(vms) == 0 {
				continue // labels of metadata alone are a way to write an entry
			}
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(w.Labels)), func(key string) bool { return vms[key] != w.Labels[key] && !provenance(key) }) {
			continue
		}
		said := map[string]bool{}
		for _, c := range byNamespace[w.Namespace] {
			lacks := strings.Join(missing(vms, c.labels), ", ")
			if lacks == "" || said[lacks] || !manifest.Carries(manifest.Over(vms, w.Labels), c.labels) {
				continue
			}
			said[lacks] = true
			d := labelDrift.At(w.LabelsAt, "%s selects by %s, which is in the metadata of %s alone and not on %s", c.by, lacks, w.Resource, itsVMs(w)).
				WithHelp("add it to %s", w.LabelsAt)
			if w.Entry() && !c.policy {
				d.Severity = diag.Warning
			}
			report(d)
		}
	}
}

// policySelectors lists the selectors of policies and settings for workloads.
func policySelectors(s *manifest.Set) []clientSelector {
	var all []clientSelector
	add := func(r *manifest.Resource, labels map[string]string, keys ...string) {
		if len(labels) > 0 {
			all = append(all, clientSelector{r, labels, r.Place(keys...)})
		}
	}
	for r, p := range manifest.Each[*security.AuthorizationPolicy](s) {
		add(r, p.GetSelector().GetMatchLabels(), "spec", "selector", "matchLabels")
	}
	for r, p := range manifest.Each[*security.PeerAuthentication](s) {
		add(r, p.GetSelector().GetMatchLabels(), "spec", "selector", "matchLabels")
	}
	for r, p := range manifest.Each[*security.RequestAuthentication](s) {
		add(r, p.GetSelector().GetMatchLabels(), "spec", "selector", "matchLabels")
	}
	for r, p := range manifest.Each[*telemetry.Telemetry](s) {
		add(r, p.GetSelector().GetMatchLabels(), "spec", "selector", "matchLabels")
	}
	for r, p := range manifest.Each[*networking.Sidecar](s) {
		add(r, p.GetWorkloadSelector().GetLabels(), "spec", "workloadSelector", "labels")
	}
	return all
}

var governsNothing = diag.Rule{
	ID: "VM611", Name: "policy-selects-nothing", Severity: diag.Warning,
	Doc: "A policy, Telemetry or Sidecar that is for VMs selects some.",
	Long: "These select by the labels that a VM reports of itself, in its own namespace. One that selects no workload is ignored, and Istio reports " +
		"nothing: what was meant to be refused is let in (istio: pilot/pkg/model/policyattachment.go).",
	Bad: "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {matchLabels: {app: pay, env: staging}}, mtls: {mode: STRICT}}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n",
	Good: "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {matchLabels: {app: pay}}, mtls: {mode: STRICT}}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n",
}

func findGovernsNothing(s *manifest.Set, report Report) {
	for _, c := range policySelectors(s) {
		if len(s.Governed(c.by.Namespace, c.labels)) > 0 {
			continue
		}
		w := meantFor(s, c.by.Namespace, c.labels, forPolicy)
		if w == nil {
			continue
		}
		report(governsNothing.At(c.at.Key(firstMissing(w.Own, c.labels)), "%s selects no workload: %s lacks %s", c.by, w.Resource, strings.Join(missing(w.Own, c.labels), ", ")).
			WithHelp("take the label from the selector, or give it to the VMs too"))
	}
}
