package schema

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// patched builds an overlay over a spec with the real kustomize, and answers the spec that comes out, decoded.
func patched(t *testing.T, base, kustomization, patch string) *VMMesh {
	t.Helper()
	openapi.ResetOpenAPI()
	t.Cleanup(openapi.ResetOpenAPI)
	fs := filesys.MakeFsInMemory()
	for name, text := range map[string]string{
		"base/vmmesh.yaml":           base,
		"base/kustomization.yaml":    "resources: [vmmesh.yaml]\n",
		"overlay/patch.yaml":         patch,
		"overlay/openapi.json":       string(OpenAPI()),
		"overlay/kustomization.yaml": kustomization,
	} {
		require.NoError(t, fs.WriteFile("/"+name, []byte(text)))
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, "/overlay")
	require.NoError(t, err)
	out, err := resources.AsYaml()
	require.NoError(t, err)
	d := parseOne(t, string(out))
	require.Empty(t, d.Validate(), "%s", out)
	m, findings := d.Decode()
	require.Empty(t, findings)
	return m
}

const (
	withOpenAPI    = "resources: [../base]\npatches: [{path: patch.yaml}]\nopenapi: {path: openapi.json}\n"
	withoutOpenAPI = "resources: [../base]\npatches: [{path: patch.yaml}]\n"
	patchHead      = "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: shop}\n"
	base           = `
workloads:
- name: pay
  ports: [{name: http, port: 8080}, {name: grpc, port: 9090}]
  groups:
  - name: v1
    instances:
    - {name: vm1, address: 10.0.0.1}
    - {name: vm2, address: 10.0.0.2}
  - {name: v2, instances: [{name: vm3, address: 10.0.0.3}]}
  services:
  - name: pay
    exportTo: [a, b]
    traffic:
      subsets: [{name: stable, version: v1}]
      http: [{route: [{destination: {subset: stable}}]}]
  security: {mtls: {ports: [{name: http, mode: PERMISSIVE}]}, allow: [{name: web}]}
- name: other`
)

func TestAPatchAddsOneInstance(t *testing.T) {
	patch := patchHead + "spec: {workloads: [{name: pay, groups: [{name: v1, instances: [{name: vm9, address: 10.0.0.9}]}]}]}\n"
	m := patched(t, specOf(base), withOpenAPI, patch)
	require.Len(t, m.Spec.Workloads, 2)
	pay := m.Spec.Workloads[0]
	addresses := map[string]string{}
	for _, g := range pay.Groups {
		for _, i := range g.Instances {
			addresses[g.Name+"/"+i.Name] = i.Address
		}
	}
	require.Equal(t, map[string]string{"v1/vm1": "10.0.0.1", "v1/vm2": "10.0.0.2", "v1/vm9": "10.0.0.9", "v2/vm3": "10.0.0.3"}, addresses)
	require.Len(t, pay.Ports, 2)

	m = patched(t, specOf(base), withoutOpenAPI, patch)
	require.Len(t, m.Spec.Workloads, 1, "without the file kustomize replaces whole lists: this is what it is for")
}

func TestAPatchChangesAndDeletesByName(t *testing.T) {
	m := patched(t, specOf(base), withOpenAPI, patchHead+`
spec:
  workloads:
  - name: pay
    ports: [{name: grpc, port: 9999}]
    groups:
    - {name: v2, $patch: delete}
    - {name: v1, instances: [{name: vm2, weight: 5}]}
    services: [{name: pay, exportTo: [c], traffic: {subsets: [{name: canary, version: v2}], http: [{name: all}]}}]
    security: {mtls: {ports: [{name: grpc, mode: DISABLE}]}, allow: [{name: batch}], deny: [{name: admin}]}
`)
	pay := m.Spec.Workloads[0]
	ports := map[string]int{}
	for _, p := range pay.Ports {
		ports[p.Name] = p.Port
	}
	require.Equal(t, map[string]int{"http": 8080, "grpc": 9999}, ports)
	require.Len(t, pay.Groups, 1)
	for _, i := range pay.Groups[0].Instances {
		if i.Name == "vm2" {
			require.Equal(t, "10.0.0.2", i.Address)
			require.Equal(t, 5, *i.Weight)
		}
	}
	require.Len(t, pay.Groups[0].Instances, 2)
	require.Len(t, pay.Services[0].Traffic.Subsets, 2)
	require.Len(t, pay.Security.MTLS.Ports, 2)
	require.Len(t, pay.Security.Allow, 2)
	require.Len(t, pay.Security.Deny, 1)
	require.Equal(t, []string{"c"}, pay.Services[0].ExportTo, "a list without names is replaced whole")
	require.Len(t, pay.Services[0].Traffic.HTTP, 1, "and so is a list of Istio's")
	require.Equal(t, "all", pay.Services[0].Traffic.HTTP[0].Name)
}

func TestOpenAPIIsTheSameEveryTime(t *testing.T) {
	require.Equal(t, string(OpenAPI()), string(OpenAPI()))
	var file struct {
		Definitions map[string]struct {
			Kinds []map[string]string `json:"x-kubernetes-group-version-kind"`
		} `json:"definitions"`
	}
	require.NoError(t, json.Unmarshal(OpenAPI(), &file))
	require.Equal(t, []map[string]string{{"group": "vmmesh.dev", "version": "v1alpha1", "kind": "VMMesh"}},
		file.Definitions["dev.vmmesh.v1alpha1.VMMesh"].Kinds)
}

// Every keyed list of the schema has its merge key, and no other list has one.
func TestOpenAPIHasEveryMergeKey(t *testing.T) {
	keys := func(o map[string]any) bool {
		return o["x-kubernetes-patch-merge-key"] == "name" && o["x-kubernetes-patch-strategy"] == "merge"
	}
	rootField().walk(func(f *field) {
		o := openAPI(f)
		require.Equal(t, f.keyed, keys(o), f.path)
		require.True(t, o["type"] != nil || o["x-kubernetes-int-or-string"] == true, f.path)
	})
}
