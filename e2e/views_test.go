package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// testViews shows the cases of testdata/ok that testdata/views has a folder for to clients that are no machines: a pod, a
// proxy with the identity of each group's VMs, and each gateway. What they see is compared with the texts of the folder.
// Where vmmesh writes the files that install the control plane, istiod runs from them.
func testViews(t *testing.T, c *Cluster) {
	folders, err := os.ReadDir(filepath.Join("testdata", "views"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(folders), 12)
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			dir := filepath.Join("testdata", "views", folder.Name())
			b := Build(t, okCase(folder.Name()))
			spec := b.Specs[0]
			settings := b.settings()
			i := c.istiod
			if settings != (Settings{}) {
				i = c.StartIstiod(t, settings, "198.18.1.1")
			}
			beside := readObjects(t, filepath.Join(dir, "objects.yaml"))
			c.ApplyWithStatus(t, beside)
			c.Apply(t, b.Objects)
			c.allHealthy(t, b)
			known := hostsOf(spec, append(slices.Clone(b.Objects), beside...))

			sees := map[string]func(*testing.T){}
			see := func(name string, pod Pod, describe func(View) string) {
				client := NewClient(t, i, pod)
				require.NotContains(t, sees, name)
				sees[name] = func(t *testing.T) { same(t, client, filepath.Join(dir, name+".txt"), describe) }
			}
			see("pod", Pod{Namespace: "client", Network: spec.Spec.Istio.Network}, func(v View) string { return v.Outbound(known...) })
			for name, pod := range gatewaysOf(append(slices.Clone(b.Objects), beside...), spec.Spec.Istio.Network) {
				see(name, pod, func(v View) string { return v.Passing(known...) })
			}
			for n, o := range b.Kind("WorkloadGroup") {
				see(o.GetName(), b.proxyOf(t, o, fmt.Sprintf("10.20.0.%d", n+1)), func(v View) string { return v.Inbound() + v.Outbound(known...) })
			}
			for _, name := range slices.Sorted(maps.Keys(sees)) {
				t.Run(name, sees[name])
			}
		})
	}
}

// okCase is a case of testdata/ok.
func okCase(name string) Case {
	return Case{Name: "testdata/ok/" + name, Path: filepath.Join("..", "testdata", "ok", name, "vmmesh.yaml")}
}

// settings are those of the mesh of a build: its files control-plane/, where it has some.
func (b *Built) settings() Settings {
	s := b.Specs[0].Settings(b.Specs[0].Spec.Istio.Revision)
	if files := filepath.Join(b.Dir, "control-plane"); exists(files) {
		s.ControlPlane = files
	}
	return s
}

// testControlPlane gives Istio's charts the files of control-plane/ and sees that what they make of them is the mesh of
// the spec: every fact of spec.istio, and the MeshConfig that the spec adds.
func testControlPlane(t *testing.T, c *Cluster) {
	seen := 0
	for _, kase := range Cases(t) {
		t.Run(kase.Name, func(t *testing.T) {
			b := Build(t, kase)
			settings := b.settings()
			if settings.ControlPlane == "" {
				return
			}
			seen++
			spec := b.Specs[0].Spec
			rendered := charts(t, settings)
			require.Equal(t, settings.cluster(), rendered.env["CLUSTER_ID"])
			require.Equal(t, or(settings.Revision, "default"), rendered.env["REVISION"])
			var mesh map[string]any
			values := map[string]any{}
			for _, o := range rendered.objects {
				require.Equal(t, settings.namespace(), or(o.GetNamespace(), settings.namespace()), Ref(o))
				data, _, _ := unstructured.NestedStringMap(o.Object, "data")
				switch name := strings.TrimSuffix(o.GetName(), "-"+settings.Revision); {
				case o.GetKind() == "ConfigMap" && name == "istio":
					require.NoError(t, yaml.Unmarshal([]byte(data["mesh"]), &mesh))
				case o.GetKind() == "ConfigMap" && name == "istio-sidecar-injector":
					require.NoError(t, json.Unmarshal([]byte(data["values"]), &values))
				}
			}
			require.NotNil(t, mesh)
			global, _, _ := unstructured.NestedMap(values, "global")
			network, _, _ := unstructured.NestedString(global, "network")
			require.Equal(t, settings.Network, network)
			domain, _, _ := unstructured.NestedString(global, "proxy", "clusterDomain")
			require.Equal(t, settings.clusterDomain(), domain)
			id, _, _ := unstructured.NestedString(mesh, "defaultConfig", "meshId")
			require.Equal(t, or(settings.MeshID, settings.trustDomain()), or(id, settings.trustDomain()))
			require.Equal(t, settings.trustDomain(), mesh["trustDomain"])
			for name, want := range spec.ControlPlane.MeshConfig {
				fields, ok := want.(map[string]any)
				if !ok {
					require.Equal(t, fmt.Sprint(want), fmt.Sprint(mesh[name]), name)
				}
				for field, want := range fields { // the charts may have more
					got, _, _ := unstructured.NestedFieldNoCopy(mesh, name, field)
					require.Equal(t, fmt.Sprint(want), fmt.Sprint(got), name+"."+field)
				}
			}
		})
	}
	if !t.Failed() {
		require.NotZero(t, seen, "no case has files of the control plane")
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// proxyOf is the proxy of a VM of a WorkloadGroup: with what the files of the group's first VM tell its agent.
func (b *Built) proxyOf(t *testing.T, group *unstructured.Unstructured, otherwise string) Pod {
	t.Helper()
	g := b.Group(t, group.GetName())
	dirs := b.VMDirs(g, "")
	ip := otherwise
	if len(g.Instances) > 0 {
		ip = g.Instances[0].Address
		dirs = b.VMDirs(g, g.Instances[0].Name)
	}
	files := readVMFiles(t, dirs...)
	labels := map[string]string{}
	require.NoError(t, json.Unmarshal([]byte(files["cluster.env ISTIO_METAJSON_LABELS"]), &labels))
	return Pod{
		Name: files["cluster.env ISTIO_META_WORKLOAD_NAME"], Namespace: files["cluster.env POD_NAMESPACE"],
		ServiceAccount: files["cluster.env SERVICE_ACCOUNT"], Labels: labels, IP: ip, Network: files["cluster.env ISTIO_META_NETWORK"],
		Metadata: map[string]any{"CLUSTER_ID": files["cluster.env ISTIO_META_CLUSTER_ID"]},
	}
}
