package manifest_test

import (
	"testing"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// setOf reads a text without faults; that a version is not the newest is none.
func setOf(t testing.TB, text string) *manifest.Set {
	t.Helper()
	var s manifest.Set
	for _, d := range s.Read("set.yaml", []byte(text)) {
		require.Equal(t, "VM026", d.Rule, "%s", d.Message)
	}
	return &s
}

func names(workloads []*manifest.Workload) []string {
	var list []string
	for _, w := range workloads {
		list = append(list, w.String())
	}
	return list
}

const mixed = `
apiVersion: v1
kind: Service
metadata: {name: pay, namespace: shop, labels: {team: payments}}
spec:
  selector: {app: pay}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: grpc, port: "90", targetPort: "9090", protocol: TCP, appProtocol: grpc}
  - {name: web, port: 81, targetPort: web}
  - {name: same, port: 82}
  - {name: zero, port: 83, targetPort: 0}
---
apiVersion: networking.istio.io/v1alpha3
kind: WorkloadEntry
metadata: {name: pay-vm1, namespace: shop, labels: {env: blue, app: pay}}
spec: {address: 192.168.1.100, labels: {app: old, version: v1}, ports: {http: 8080}, network: dc1, serviceAccount: pay}
---
apiVersion: networking.istio.io/v1beta1
kind: WorkloadGroup
metadata: {name: pay, namespace: shop, labels: {env: blue}}
spec: {metadata: {labels: {app: pay, version: v1}}, template: {labels: {version: v2}, serviceAccount: pay}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: pay, namespace: shop, labels: {app: other}}
spec: {template: {metadata: {labels: {app: pay}}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: night, namespace: shop}
spec: {jobTemplate: {spec: {template: {metadata: {labels: {app: night}}}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: pay, namespace: elsewhere}
`

func TestSetFindsObjects(t *testing.T) {
	s := setOf(t, mixed)
	require.Equal(t, 6, s.Len())
	require.Equal(t, "Service shop/pay", s.Find("", "Service", "shop", "pay").String())
	require.Equal(t, map[string]string{"team": "payments"}, s.Find("", "Service", "shop", "pay").Labels)
	require.Nil(t, s.Find("", "Service", "other", "pay"))
	require.Nil(t, s.Find("networking.istio.io", "Service", "shop", "pay"))
	require.Len(t, s.OfKind("apps", "Deployment"), 1)
	require.True(t, s.Holds("elsewhere"))
	require.False(t, s.Holds("nowhere"))

	count := 0
	for r, entry := range manifest.Each[*networking.WorkloadEntry](s) {
		count++
		require.Equal(t, "v1alpha3", r.Version)
		require.Equal(t, "192.168.1.100", entry.Address)
		require.Same(t, r, s.Workload(r).Resource)
	}
	require.Equal(t, 1, count)
}

// TestSetSelects pins whose labels count for whom: for clients those of an entry's object lie over those of its spec, and
// of a group only those count that its VMs get.
func TestSetSelects(t *testing.T) {
	s := setOf(t, mixed)
	all := []string{"WorkloadEntry shop/pay-vm1", "WorkloadGroup shop/pay", "Deployment shop/pay", "CronJob shop/night"}
	require.Equal(t, all, names(s.Workloads("shop")))
	require.Equal(t, all[:3], names(s.Selected("shop", map[string]string{"app": "pay"})))
	require.Equal(t, all[:1], names(s.Selected("shop", map[string]string{"app": "pay", "env": "blue"})))
	require.Equal(t, all[:1], names(s.Selected("shop", map[string]string{"version": "v1"})))
	require.Equal(t, all[1:2], names(s.Selected("shop", map[string]string{"version": "v2"})))
	require.Empty(t, s.Selected("shop", map[string]string{"app": "other"}))
	require.Empty(t, s.Selected("shop", nil), "no labels select nothing")
	require.Empty(t, s.Selected("other", map[string]string{"app": "pay"}))

	require.Equal(t, all, names(s.Governed("shop", nil)), "a policy without labels is for all")
	require.Equal(t, all[1:3], names(s.Governed("shop", map[string]string{"app": "pay"})))
	require.Equal(t, all[:1], names(s.Governed("shop", map[string]string{"app": "old", "env": "blue"})))
	require.Empty(t, s.Governed("other", nil))

	vm := s.Selected("shop", map[string]string{"env": "blue"})[0]
	require.True(t, vm.Entry() && vm.VM && !vm.Group())
	require.Equal(t, "pay dc1 192.168.1.100 8080", vm.Account+" "+vm.Network+" "+vm.Address+" "+"8080")
	require.Equal(t, uint32(8080), vm.Ports["http"])
	require.Equal(t, "spec.ports", vm.PortsAt.String())
}

func TestSetReadsServices(t *testing.T) {
	v := setOf(t, mixed).Service("shop", "pay")
	require.Equal(t, map[string]string{"app": "pay"}, v.Selector)
	require.False(t, v.Headless || v.External)
	var ports []manifest.PortView
	for _, p := range v.Ports {
		p.At = nil
		ports = append(ports, p)
	}
	require.Equal(t, []manifest.PortView{
		{Name: "http", Number: 80, Target: 8080},
		{Name: "grpc", Number: 90, Target: 9090, Protocol: "TCP", AppProtocol: "grpc"},
		{Name: "web", Number: 81, TargetName: "web"},
		{Name: "same", Number: 82, Target: 82},
		{Name: "zero", Number: 83, Target: 83},
	}, ports)
	require.Equal(t, "spec.ports[grpc]", v.Ports[1].At.String())
	require.Nil(t, setOf(t, mixed).Service("shop", "cart"))
	h := setOf(t, "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {clusterIP: None, type: ExternalName, selector: [a], ports: {a: b}}\n").Service("", "a")
	require.True(t, h.Headless && h.External)
	require.Empty(t, h.Selector)
	require.Empty(t, h.Ports)
}

// TestSetTakesLists reads lists of every kind, one inside another, and leaves out what goes to no cluster.
func TestSetTakesLists(t *testing.T) {
	s := setOf(t, `
apiVersion: config.kubernetes.io/v1
kind: ResourceList
functionConfig: {apiVersion: v1, kind: ServiceAccount, metadata: {name: not-this}}
items:
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: one}}
- apiVersion: v1
  kind: List
  items: [{apiVersion: v1, kind: ServiceAccount, metadata: {name: two}}]
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: three, annotations: {config.kubernetes.io/local-config: "true"}}}
- {apiVersion: vmmesh.dev/v1alpha1, kind: VMMesh, metadata: {name: four}}
- {apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization}
- {apiVersion: builtin, kind: PatchTransformer, metadata: {name: five}}
---
{"apiVersion": "v1", "kind": "ServiceAccountList", "items": [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "five"}}]}
---
replicas: 3
---
[a, list]
--- text
...
`)
	var found []string
	for _, r := range s.All() {
		found = append(found, r.String()+" at "+r.Place("metadata", "name").String())
	}
	require.Equal(t, []string{
		"ServiceAccount one at items[ServiceAccount/one].metadata.name",
		"ServiceAccount two at items[1].items[ServiceAccount/two].metadata.name",
		"ServiceAccount five at items[ServiceAccount/five].metadata.name",
	}, found)
}

func TestSetFindings(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "# nothing\n", ""},
		{"unknown field", "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: a}\nspec: {address: 10.0.0.1, netwrk: a}\n", "VM020 4:27"},
		{"no name", "apiVersion: v1\nkind: Service\nspec: {}\n", "VM024 1:1"},
		{"no name needed", "apiVersion: v1\nkind: ConfigMap\ndata: {}\n", ""},
		{"version", "apiVersion: security.istio.io/v1alpha1\nkind: PeerAuthentication\nmetadata: {name: a}\n", "VM024 1:13"},
		{"twice", "{apiVersion: v1, kind: Service, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {}}\n", "VM025 3:50"},
		{"syntax", "kind: [\n", "VM001 1:7"},
		{"nothing of a broken document", "apiVersion: v1\nkind: Service\nkind: Service\n", "VM002 3:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s manifest.Set
			got := ""
			for _, d := range s.Read("a.yaml", []byte(c.text)) {
				got += d.Rule + " " + itoa(d.Pos().Line) + ":" + itoa(d.Pos().Col)
			}
			require.Equal(t, c.want, got)
		})
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// TestSetWithoutLines adds objects one by one, as a function does: a finding leads back to its object.
func TestSetWithoutLines(t *testing.T) {
	documents, faults := syntax.Read("", []byte("apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: a}\nspec: {address: 10.0.0.1, netwrk: a}\n"))
	require.Empty(t, faults)
	source := &diag.Source{Name: "WorkloadEntry/a"}
	var s manifest.Set
	found := s.Add(documents[0].Root, diag.Root(source))
	require.Len(t, found, 1)
	require.Same(t, source, found[0].At.Source())
	require.Equal(t, "spec.netwrk", found[0].At.String())
	require.Equal(t, diag.Pos{}, found[0].Pos())
	require.Nil(t, s.Add(nil, nil))
}

// TestReadStreamOfJSON reads JSON values one after another, as jq -c prints them, and finds places in them.
func TestReadStreamOfJSON(t *testing.T) {
	const text = `{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"pay","namespace":"shop"}}
 {"apiVersion":"networking.istio.io/v1",
  "kind":"WorkloadEntry","metadata":{"name":"pay-1","namespace":"shop"},"spec":{"adress":"10.0.0.1"}}{"kind":"List","apiVersion":"v1","items":[]}
`
	set := &manifest.Set{}
	found := set.Read("stream.json", []byte(text))
	require.Equal(t, 2, set.Len())
	require.Len(t, found, 2) // the field that does not exist, and the one that is missing
	require.Equal(t, diag.Pos{Line: 3, Col: 81}, found[0].Pos())
	require.Equal(t, text, string(found[0].At.Source().Text))

	for _, broken := range []string{"{\"a\": 1}\n{\"b\" 2}", `{"a": 1} [2]`} {
		require.NotEmpty(t, set.Read("stream.json", []byte(broken)), broken)
	}
}
