package compare

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a server, a controller or a tool adds to an object is not a difference; what a person changed is.
func TestDefaults(t *testing.T) {
	for _, c := range []struct {
		name, kind, apiVersion string
		old, new               string // without apiVersion and kind
		want                   []string
	}{
		{"a Service in a cluster", "Service", "v1", `
metadata: {name: a, namespace: ns, uid: x, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z", finalizers: [service.kubernetes.io/load-balancer-cleanup]}
spec:
  clusterIP: 10.0.0.1
  clusterIPs: [10.0.0.1]
  internalTrafficPolicy: Cluster
  ipFamilies: [IPv4]
  ipFamilyPolicy: SingleStack
  ports: [{name: http, port: 80, protocol: TCP, targetPort: 80}, {name: x, nodePort: 30000, port: 81, protocol: TCP, targetPort: 8081}]
  selector: {a: b}
  sessionAffinity: None
  type: ClusterIP
status: {loadBalancer: {}}
`, `
metadata: {name: a, namespace: ns}
spec: {selector: {a: b}, ports: [{name: x, port: 81, targetPort: 8081}, {name: http, port: 80}]}
`, []string{"spec.ports: in another order: [http, x] → [x, http]"}},
		{"defaults that the new side sets", "Service", "v1", `{metadata: {name: a}, spec: {ports: [{port: 80}]}}`,
			`{metadata: {name: a}, spec: {type: ClusterIP, ports: [{port: 80, targetPort: 80, protocol: TCP}]}}`, nil},
		{"values that are not the default", "Service", "v1", `{metadata: {name: a}, spec: {type: NodePort, sessionAffinity: ClientIP, ports: [{name: x, port: 80, targetPort: 81}]}}`,
			`{metadata: {name: a}, spec: {ports: [{name: x, port: 80}]}}`,
			[]string{"- spec.type: NodePort", "- spec.sessionAffinity: ClientIP", "- spec.ports[x].targetPort: 81"}},
		{"a default that becomes another value", "Service", "v1", `{metadata: {name: a}, spec: {type: ClusterIP}}`, `{metadata: {name: a}, spec: {type: LoadBalancer}}`,
			[]string{"spec.type: ClusterIP → LoadBalancer"}},
		{"headless is on purpose", "Service", "v1", `{metadata: {name: a}, spec: {clusterIP: None}}`, `{metadata: {name: a}, spec: {}}`, []string{"spec: {clusterIP: None} → {}"}},
		{"families that the new side sets", "Service", "v1", `{metadata: {name: a}, spec: {ipFamilies: [IPv4]}}`, `{metadata: {name: a}, spec: {ipFamilies: [IPv6]}}`,
			[]string{"spec.ipFamilies[0]: IPv4 → IPv6"}},
		{"a Namespace in a cluster", "Namespace", "v1", `{metadata: {name: ns, labels: {kubernetes.io/metadata.name: ns}}, spec: {finalizers: [kubernetes]}, status: {phase: Active}}`,
			`{metadata: {name: ns}}`, nil},
		{"Argo CD, Flux and Helm", "WorkloadGroup", "networking.istio.io/v1", `
metadata:
  name: a
  labels: {app: x, app.kubernetes.io/instance: shop, kustomize.toolkit.fluxcd.io/name: shop, kustomize.toolkit.fluxcd.io/namespace: flux-system, helm.toolkit.fluxcd.io/name: y, app.kubernetes.io/managed-by: Helm}
  annotations: {argocd.argoproj.io/tracking-id: "shop:x", meta.helm.sh/release-name: y, config.kubernetes.io/origin: z}
`, `{metadata: {name: a, labels: {app: x}}}`, nil},
		{"what keeps from pruning is ours", "WorkloadGroup", "networking.istio.io/v1", `{metadata: {name: a, annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}}}`, `{metadata: {name: a}}`,
			[]string{"- metadata.annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}"}},
		{"istiod", "WorkloadEntry", "networking.istio.io/v1",
			`{metadata: {name: a, annotations: {istio.io/workloadController: istiod-1, istio.io/connectedAt: x}}, spec: {address: 1.2.3.4}, status: {conditions: [{type: Healthy}]}}`,
			`{metadata: {name: a}, spec: {address: 1.2.3.4}}`, nil},
		{"quantities", "Deployment", "apps/v1", `{metadata: {name: a}, spec: {template: {spec: {containers: [{name: x, resources: {limits: {cpu: "2", memory: 1Gi, a: 1, b: 2k, c: 1}}}]}}}}`,
			`{metadata: {name: a}, spec: {template: {spec: {containers: [{name: x, resources: {limits: {cpu: 2000m, memory: 1024Mi, a: "1.0", b: 2Ki, c: x}}}]}}}}`, []string{
				`spec.template.spec.containers[x].resources.limits.b: "2k" → "2Ki"`, `spec.template.spec.containers[x].resources.limits.c: 1 → x`}},
		{"defaults in lists", "ScrapeConfig", "monitoring.coreos.com/v1alpha1", `{metadata: {name: a}, spec: {relabelings: [{action: replace, targetLabel: x}, {action: drop}]}}`,
			`{metadata: {name: a}, spec: {relabelings: [{targetLabel: x}, {targetLabel: y}]}}`, []string{"- spec.relabelings[1].action: drop", `+ spec.relabelings[1].targetLabel: "y"`}},
		{"a policy's defaults", "AuthorizationPolicy", "security.istio.io/v1", `{metadata: {name: a}, spec: {rules: [{}]}}`, `{metadata: {name: a}, spec: {action: ALLOW, rules: [{}]}}`, nil},
		{"a policy that denies", "AuthorizationPolicy", "security.istio.io/v1", `{metadata: {name: a}, spec: {action: DENY, rules: [{}]}}`, `{metadata: {name: a}, spec: {rules: [{}]}}`,
			[]string{"- spec.action: DENY"}},
		{"what kubectl did not apply", "Service", "v1", `
metadata:
  name: a
  labels: {app: x, team: y}
  annotations: {mine: z, kubectl.kubernetes.io/last-applied-configuration: '{"metadata":{"name":"a","labels":{"app":"x"}},"spec":{"selector":{"app":"x"},"loadBalancerIP":"1.2.3.4"}}'}
spec: {selector: {app: x}, loadBalancerIP: 1.2.3.4, externalName: x.y}
`, `{metadata: {name: a, labels: {app: x}}, spec: {selector: {app: x}}}`, []string{"- spec.loadBalancerIP: 1.2.3.4"}},
		{"an item that was added by hand to a list goes", "AuthorizationPolicy", "security.istio.io/v1", `
metadata: {name: a, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"spec":{"rules":[{"a":1}]}}'}}
spec: {rules: [{a: 1, b: 2}, {c: 3}]}
`, `{metadata: {name: a}, spec: {rules: [{a: 1}]}}`, []string{"- spec.rules[0].b: 2", "- spec.rules[1]: {c: 3}"}},
		{"an annotation that is not JSON", "Service", "v1", `{metadata: {name: a, annotations: {kubectl.kubernetes.io/last-applied-configuration: '[{'}}, spec: {x: 1}}`,
			`{metadata: {name: a}, spec: {}}`, []string{"spec: {x: 1} → {}"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			whole := func(text string) *set {
				s, findings := readSet("", []File{{Path: "x", Text: []byte(text)}}, &Changes{})
				require.Empty(t, findings)
				require.Len(t, s.objects, 1)
				s.objects[0].Kind, s.objects[0].Group = c.kind, kindOf(c.apiVersion)
				return s
			}
			head := func(text string) string {
				if text[0] == '{' {
					return "{apiVersion: " + c.apiVersion + ", kind: " + c.kind + ", " + text[1:]
				}
				return "apiVersion: " + c.apiVersion + "\nkind: " + c.kind + "\n" + text
			}
			was, will := whole(head(c.old)), whole(head(c.new))
			before := canonical(was.objects[0].root)
			var got []string
			for _, f := range compareFields(withDefaults(was.objects[0], will.objects[0])) {
				got = append(got, f.lines(palette{})...)
			}
			require.Equal(t, c.want, got)
			require.Equal(t, before, canonical(was.objects[0].root), "the object itself was changed")
		})
	}
}

func kindOf(apiVersion string) string {
	for i := range apiVersion {
		if apiVersion[i] == '/' {
			return apiVersion[:i]
		}
	}
	return ""
}

// What a cluster makes by itself in every namespace is not removed by a build.
func TestExportOfALiveNamespace(t *testing.T) {
	with := made(doc("networking.istio.io/v1", "WorkloadGroup", "g", "spec: {}\n"))
	with.Kinds["ConfigMap"], with.Kinds["ServiceAccount"] = true, true
	live := doc("networking.istio.io/v1", "WorkloadGroup", "g", "spec: {}\n") +
		doc("v1", "ConfigMap", "kube-root-ca.crt", "") + doc("v1", "ConfigMap", "istio-ca-root-cert", "") + doc("v1", "ServiceAccount", "default", "") +
		"---\napiVersion: v1\nkind: Service\nmetadata: {name: owned, namespace: ns, ownerReferences: [{kind: Gateway, name: x}]}\n"
	c, findings, err := Compare(stream(live), with)
	require.NoError(t, err)
	require.Empty(t, findings)
	require.Empty(t, c.Objects)
	require.Equal(t, []string{"4 objects that vmmesh does not make were not compared (ConfigMap, Service, ServiceAccount)"}, c.Notes)

	// Where some objects have the labels of vmmesh, those without are others'.
	labelled := "---\napiVersion: v1\nkind: Service\nmetadata: {name: ours, namespace: ns, labels: {app.kubernetes.io/managed-by: vmmesh, vmmesh.dev/spec: shop}}\n"
	c, _, err = Compare(stream(live+labelled+doc("v1", "Service", "theirs", "")), with)
	require.NoError(t, err)
	require.Equal(t, []string{"- Service ns/ours", "breaks host-removed: Service ns/ours"}, reported(c))
	require.Contains(t, text2(t, c, false), "  kubectl apply -k --prune: 1 object\n    -l vmmesh.dev/spec=shop --prune-allowlist=core/v1/Service\n")

	// Those of another spec stay, too, unless the spec has another name than before.
	other := strings.NewReplacer("ours", "of-another", "spec: shop", "spec: other").Replace(labelled)
	with.Files[0].Text = append(with.Files[0].Text, strings.Replace(labelled, "name: ours", "name: new", 1)...)
	c, _, err = Compare(stream(live+labelled+other), with)
	require.NoError(t, err)
	require.Equal(t, []string{"+ Service ns/new", "- Service ns/ours", "breaks host-removed: Service ns/ours"}, reported(c))
	c, _, err = Compare(stream(live+other), with)
	require.NoError(t, err)
	require.Equal(t, []string{"+ Service ns/new", "- Service ns/of-another", "breaks host-removed: Service ns/of-another"}, reported(c))
}

// Lists of lists, of typed items without kinds, and what is not an object.
func TestLists(t *testing.T) {
	group := doc("networking.istio.io/v1", "WorkloadGroup", "g", "spec: {}\n")
	same := func(old string) Changes { return compared(t, old, group) }
	require.Empty(t, same(`{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "List", "items": [
{"apiVersion": "networking.istio.io/v1", "kind": "WorkloadGroup", "metadata": {"name": "g", "namespace": "ns"}, "spec": {}}]}]}`).Objects)
	require.Empty(t, same(`{"apiVersion": "networking.istio.io/v1", "kind": "WorkloadGroupList", "metadata": {}, "items": [
{"metadata": {"name": "g", "namespace": "ns"}, "spec": {}}]}`).Objects)
	c := same(group + "---\n{}\n---\nimage: {tag: x}\n---\n[1, 2]\n---\napiVersion: v1\nkind: Service\n")
	require.Empty(t, c.Objects)
	require.Equal(t, []string{"3 documents that are not objects were not compared"}, c.Notes)
}
