package compare

import (
	"math/big"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/syntax"
)

// defaults are the values that an API server gives to fields that a manifest does not set, by kind. A path goes through
// maps by their keys and through every item of a list by []. The value "*" is assigned by the server or a controller:
// it
// is a difference only where the new side sets one.
var defaults = map[kind][]struct{ path, value string }{
	{"", "Service"}: {
		{"spec.type", "ClusterIP"}, {"spec.sessionAffinity", "None"}, {"spec.internalTrafficPolicy", "Cluster"},
		{"spec.externalTrafficPolicy", "Cluster"}, {"spec.allocateLoadBalancerNodePorts", "true"},
		{"spec.publishNotReadyAddresses", "false"}, {"spec.clusterIPs", "*"}, {"spec.ipFamilies", "*"},
		{"spec.ipFamilyPolicy", "*"}, {"spec.healthCheckNodePort", "*"}, {"spec.sessionAffinityConfig", "*"},
		{"spec.ports.[].protocol", "TCP"}, {"spec.ports.[].nodePort", "*"},
	},
	{"", "Namespace"}:      {{"spec.finalizers", "*"}, {"spec", "{}"}},
	{"", "ServiceAccount"}: {{"secrets", "*"}, {"imagePullSecrets", "*"}},
	{"", "ConfigMap"}:      {{"immutable", "false"}},
	{"apps", "Deployment"}: append(podDefaults("spec.template.spec"), []struct{ path, value string }{
		{"spec.replicas", "1"}, {"spec.progressDeadlineSeconds", "600"}, {"spec.revisionHistoryLimit", "10"},
		{"spec.minReadySeconds", "0"}, {"spec.paused", "false"},
		{"spec.strategy.type", "RollingUpdate"}, {"spec.strategy.rollingUpdate.maxSurge", "25%"},
		{"spec.strategy.rollingUpdate.maxUnavailable", "25%"}, {"spec.strategy.rollingUpdate", "{}"},
		{"spec.strategy", "{}"},
		{"spec.template.metadata.creationTimestamp", "*"},
	}...),
	{"autoscaling", "HorizontalPodAutoscaler"}: {{"spec.minReplicas", "1"}, {"spec.behavior", "*"}},
	{"policy", "PodDisruptionBudget"}:          {{"spec.unhealthyPodEvictionPolicy", "*"}},
	{"rbac.authorization.k8s.io", "RoleBinding"}: {
		{"roleRef.apiGroup", "rbac.authorization.k8s.io"}, {"subjects.[].apiGroup", ""},
	},
	{"gateway.networking.k8s.io", "Gateway"}: {
		{"spec.listeners.[].allowedRoutes.namespaces.from", "Same"}, {"spec.listeners.[].allowedRoutes.namespaces",
			"{}"},
		{"spec.listeners.[].allowedRoutes", "{}"}, {"spec.listeners.[].tls.mode", "Terminate"},
		{"spec.listeners.[].tls.certificateRefs.[].group", ""}, {"spec.listeners.[].tls.certificateRefs.[].kind",
			"Secret"},
		{"spec.addresses.[].type", "IPAddress"},
	},
	{"monitoring.coreos.com", "ScrapeConfig"}: {
		{"spec.relabelings.[].action", "replace"}, {"spec.metricRelabelings.[].action", "replace"},
	},
	// What Istio itself reads where a field is not set.
	{security, "AuthorizationPolicy"}: {{"spec.action", "ALLOW"}},
	{security, "PeerAuthentication"}:  {{"spec.mtls.mode", "UNSET"}, {"spec.mtls", "{}"}},
	{networking, "ServiceEntry"}:      {{"spec.location", "MESH_EXTERNAL"}, {"spec.resolution", "NONE"}},
	{networking, "Gateway"}:           {{"spec.servers.[].tls.mode", "PASSTHROUGH"}},
}

// podDefaults are the defaults of a pod's spec.
func podDefaults(at string) []struct{ path, value string } {
	list := []struct{ path, value string }{
		{at + ".restartPolicy", "Always"}, {at + ".dnsPolicy", "ClusterFirst"}, {at + ".schedulerName",
			"default-scheduler"},
		{at + ".securityContext", "{}"}, {at + ".terminationGracePeriodSeconds", "30"}, {at + ".serviceAccount", "*"},
		{at + ".enableServiceLinks", "true"},
	}
	for _, container := range []string{at + ".containers.[].", at + ".initContainers.[]."} {
		list = append(list, []struct{ path, value string }{
			{container + "imagePullPolicy", "*"}, {container + "resources", "{}"},
			{container + "terminationMessagePath", "/dev/termination-log"}, {container + "terminationMessagePolicy",
				"File"},
			{container + "ports.[].protocol", "TCP"}, {container + "env.[].valueFrom.fieldRef.apiVersion", "v1"},
		}...)
		for _, probe := range []string{"readinessProbe.", "livenessProbe.", "startupProbe."} {
			list = append(list, []struct{ path, value string }{
				{container + probe + "timeoutSeconds", "1"}, {container + probe + "periodSeconds", "10"},
				{container + probe + "successThreshold", "1"}, {container + probe + "failureThreshold", "3"},
				{container + probe + "httpGet.scheme", "HTTP"},
			}...)
		}
	}
	for _, volume := range []string{"configMap", "secret", "projected", "downwardAPI"} {
		list = append(list, struct{ path, value string }{at + ".volumes.[]." + volume + ".defaultMode", "420"})
	}
	return list
}

// foreignKeys begin the labels and annotations that servers, controllers and tools write on objects that others made.
var foreignKeys = []string{
	"kubectl.kubernetes.io/", "kubernetes.io/metadata.name", "deployment.kubernetes.io/",
	"autoscaling.alpha.kubernetes.io/",
	"endpoints.kubernetes.io/", "applyset.kubernetes.io/", "cloud.google.com/neg",
	"service.beta.kubernetes.io/assigned",
	"argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance", "argocd.argoproj.io/installation-id",
	"argocd.argoproj.io/refresh", "app.kubernetes.io/instance",
	"kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace", "kustomize.toolkit.fluxcd.io/checksum",
	"kustomize.toolkit.fluxcd.io/reconcile", "helm.toolkit.fluxcd.io/", "reconcile.fluxcd.io/", "meta.helm.sh/",
	"helm.sh/",
	"config.kubernetes.io/", "internal.config.kubernetes.io/", "config.k8s.io/", "alpha.config.kubernetes.io/",
	"istio.io/workloadController", "istio.io/connectedAt", "istio.io/disconnectedAt", "istio.io/autoRegistrationGroup",
	"openshift.io/", "field.cattle.io/", "lifecycle.cattle.io/", "objectset.rio.cattle.io/", "olm.",
	"kapp.k14s.io/", "pulumi.com/",
}

// controllerFields are fields of metadata that controllers write.
var controllerFields = []string{
	"finalizers", "ownerReferences", "deletionTimestamp", "deletionGracePeriodSeconds", "generateName",
}

// withDefaults returns both states of an object without what is a difference of their texts alone: what an API server,
// a controller or a tool adds to the old one, and defaults that one of them sets.
func withDefaults(was, will *object) (old, now *syntax.Node) {
	if equal(was.root, will.root) {
		return was.root, was.root
	}
	old, now = clone(was.root), clone(will.root)
	if was.applied != nil {
		forget(old, now, was.applied, coreGroups[was.Group])
	}
	dropForeign(old, now)
	for _, d := range defaults[kind{was.Group, was.Kind}] {
		settle(old, now, strings.Split(d.path, "."), d.value)
	}
	switch {
	case was.Kind == "Service" && was.Group == "":
		settleService(old, now)
	case was.Kind == "Deployment":
		settleQuantities(old, now)
	}
	return old, now
}

// coreGroups are the groups whose lists kubectl merges item by item; those of other kinds it replaces as a whole.
var coreGroups = map[string]bool{
	"": true, "apps": true, "autoscaling": true, "policy": true, "rbac.authorization.k8s.io": true,
}

// forget removes what was not applied and would not be: `kubectl apply` leaves such fields as they are.
func forget(live, now, applied *syntax.Node, lists bool) {
	switch {
	case live.Kind == syntax.Map && now.Kind == syntax.Map && applied.Kind == syntax.Map:
		live.Fields = slices.DeleteFunc(live.Fields, func(f syntax.Field) bool {
			return now.Get(f.Key) == nil && applied.Get(f.Key) == nil
		})
		for i := range live.Fields {
			f := &live.Fields[i]
			if a, b := now.Get(f.Key), applied.Get(f.Key); a != nil && b != nil {
				forget(&f.Value, a, b, lists)
			}
		}
	case lists && live.Kind == syntax.Seq && now.Kind == syntax.Seq && applied.Kind == syntax.Seq &&
		len(live.Items) == len(applied.Items):
		for i := range live.Items {
			if other := itemLike(now, &live.Items[i], i); other != nil {
				forget(&live.Items[i], other, &applied.Items[i], lists)
			}
		}
	}
}

// itemLike returns the item of a list with the name of an item of another list, or else the one at its place.
func itemLike(list, item *syntax.Node, place int) *syntax.Node {
	if list == nil || list.Kind != syntax.Seq {
		return nil
	}
	if name := item.Get("name").Text(); name != "" {
		for i := range list.Items {
			if list.Items[i].Get("name").Text() == name {
				return &list.Items[i]
			}
		}
		return nil
	}
	if place < len(list.Items) {
		return &list.Items[place]
	}
	return nil
}

// dropForeign removes from the old side's metadata what the new side does not set and others write.
func dropForeign(old, now *syntax.Node) {
	meta, other := old.Get("metadata"), now.Get("metadata")
	if meta == nil || meta.Kind != syntax.Map {
		return
	}
	meta.Fields = slices.DeleteFunc(meta.Fields, func(f syntax.Field) bool {
		return slices.Contains(controllerFields, f.Key) && other.Get(f.Key) == nil
	})
	for _, of := range []string{"labels", "annotations"} {
		keys := meta.Get(of)
		if keys == nil || keys.Kind != syntax.Map || len(keys.Fields) == 0 {
			continue
		}
		keys.Fields = slices.DeleteFunc(keys.Fields, func(f syntax.Field) bool {
			foreign := slices.ContainsFunc(foreignKeys, func(prefix string) bool {
				return strings.HasPrefix(f.Key,
					prefix)
			}) ||
				f.Key == "app.kubernetes.io/managed-by" && f.Value.Text() == "Helm"
			return foreign && other.Get(of).Get(f.Key) == nil
		})
		if len(keys.Fields) == 0 && other.Get(of) == nil {
			*meta = *drop(meta, of)
		}
	}
	// What kubectl adds to a pod's template when it restarts a Deployment.
	if restarted := at(old, "spec", "template", "metadata", "annotations"); restarted != nil {
		if isNull(at(now, "spec", "template", "metadata", "annotations")) {
			settle(old, now, []string{"spec", "template", "metadata", "annotations",
				"kubectl.kubernetes.io/restartedAt"}, "*")
		} else {
			*restarted = *drop(restarted, "kubectl.kubernetes.io/restartedAt")
		}
	}
}

// settle removes a value that one side sets to its default and the other does not set.
func settle(old, now *syntax.Node, path []string, value string) {
	if path[0] == "[]" {
		settleItems(old, now, path[1:], value)
		return
	}
	a, b := old.Get(path[0]), now.Get(path[0])
	if len(path) > 1 {
		settle(a, b, path[1:], value)
		// A map that is empty now was made of defaults alone.
		if a != nil && isNull(b) && emptied(a) {
			*old = *drop(old, path[0])
		}
		if b != nil && isNull(a) && emptied(b) {
			*now = *drop(now, path[0])
		}
		return
	}
	if a != nil && isNull(b) && (value == "*" || isDefault(a, value)) {
		*old = *drop(old, path[0])
	}
	if b != nil && isNull(a) && value != "*" && isDefault(b, value) {
		*now = *drop(now, path[0])
	}
}

func settleItems(old, now *syntax.Node, path []string, value string) {
	if old != nil && old.Kind == syntax.Seq {
		for i := range old.Items {
			settle(&old.Items[i], itemLike(now, &old.Items[i], i), path, value)
		}
	}
	if now != nil && now.Kind == syntax.Seq {
		for i := range now.Items {
			settle(itemLike(old, &now.Items[i], i), &now.Items[i], path, value)
		}
	}
}

func emptied(n *syntax.Node) bool { return n.Kind == syntax.Map && len(n.Fields) == 0 }

func isDefault(n *syntax.Node, value string) bool {
	if n.Kind == syntax.Map {
		return value == "{}" && len(n.Fields) == 0
	}
	return n.Kind != syntax.Seq && n.Value == value
}

// settleService settles the fields of a Service whose default depends on others: a cluster IP is assigned unless the
// Service is headless, and a port's target is the port itself.
func settleService(old, now *syntax.Node) {
	if ip := at(old, "spec", "clusterIP").Text(); ip != "" && ip != "None" {
		settle(old, now, []string{"spec", "clusterIP"}, "*")
	}
	a, b := at(old, "spec", "ports"), at(now, "spec", "ports")
	target := func(mine, other *syntax.Node) {
		if mine == nil || mine.Kind != syntax.Seq {
			return
		}
		for i := range mine.Items {
			item := &mine.Items[i]
			twin := itemLike(other, item, i)
			if twin == nil && len(mine.Items) == 1 && other != nil && len(other.Items) == 1 { // one port needs no name
				twin = &other.Items[0]
			}
			if t := item.Get("targetPort").Text(); t != "" && t == item.Get("port").Text() && isNull(twin.Get("targetPort")) {
				*item = *drop(item, "targetPort")
			}
		}
	}
	target(a, b)
	target(b, a)
}

// settleQuantities makes equal quantities of resources equal texts: an API server writes 2000m as 2.
func settleQuantities(old, now *syntax.Node) {
	switch {
	case now == nil:
	case old.Kind == syntax.Map:
		for i := range old.Fields {
			f := &old.Fields[i]
			other := now.Get(f.Key)
			if (f.Key == "limits" || f.Key == "requests") && other != nil && f.Value.Kind == syntax.Map {
				for j := range f.Value.Fields {
					q := &f.Value.Fields[j]
					a, okA := quantity(q.Value.Text())
					b, okB := quantity(other.Get(q.Key).Text())
					if okA && okB && a.Cmp(b) == 0 {
						q.Value = *other.Get(q.Key)
					}
				}
				continue
			}
			settleQuantities(&f.Value, other)
		}
	case old.Kind == syntax.Seq:
		for i := range old.Items {
			settleQuantities(&old.Items[i], itemLike(now, &old.Items[i], i))
		}
	}
}

// suffixes of quantities, and what they multiply by (apimachinery: pkg/api/resource).
var suffixes = map[string]string{
	"n": "1/1000000000", "u": "1/1000000", "m": "1/1000", "": "1", "k": "1000", "M": "1000000", "G": "1000000000",
	"T": "1000000000000", "P": "1000000000000000", "E": "1000000000000000000",
	"Ki": "1024", "Mi": "1048576", "Gi": "1073741824", "Ti": "1099511627776", "Pi": "1125899906842624",
	"Ei": "1152921504606846976",
}

// quantity reads a quantity of a resource.
func quantity(s string) (*big.Rat, bool) {
	if len(s) > 40 { // longer than any that an API server writes
		return nil, false
	}
	number := strings.TrimRight(s, "numkMGTPEi")
	factor, ok := suffixes[s[len(number):]]
	if !ok || number == "" || strings.Trim(number, "+-.0123456789") != "" {
		return nil, false
	}
	n, ok := new(big.Rat).SetString(number)
	if !ok {
		return nil, false
	}
	by, _ := new(big.Rat).SetString(factor)
	return n.Mul(n, by), true
}

// clone is a copy of a value, all of which can be changed.
func clone(n *syntax.Node) *syntax.Node {
	c := *n
	c.Fields, c.Items = slices.Clone(n.Fields), slices.Clone(n.Items)
	for i := range c.Fields {
		c.Fields[i].Value = *clone(&n.Fields[i].Value)
	}
	for i := range c.Items {
		c.Items[i] = *clone(&n.Items[i])
	}
	return &c
}
