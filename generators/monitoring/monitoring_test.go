package monitoring_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/generators/monitoring"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// resolved reads specs, each the inside of `spec`, without a finding.
func resolved(t testing.TB, bodies ...string) *mesh.Mesh {
	t.Helper()
	var specs []*schema.VMMesh
	for n, body := range bodies {
		docs, found := schema.Parse("vmmesh.yaml", []byte(fmt.Sprintf("apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: s%d}\nspec:\n  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90]}\n%s", n, body)))
		require.Empty(t, found)
		require.Empty(t, docs[0].Validate())
		spec, found := docs[0].Decode()
		require.Empty(t, found)
		schema.Default(spec)
		specs = append(specs, spec)
	}
	m, found := mesh.Resolve(specs)
	require.Empty(t, found)
	return m
}

// names are the objects of a mesh, in the order in which they come.
func names(m *mesh.Mesh) []string {
	var all []string
	for o := range monitoring.ScrapeConfigs(m) {
		all = append(all, o.Kind+" "+o.Namespace+"/"+o.Name)
	}
	for o := range monitoring.PrometheusRules(m) {
		all = append(all, o.Kind+" "+o.Namespace+"/"+o.Name)
	}
	for o := range monitoring.ConfigMaps(m) {
		all = append(all, o.Kind+" "+o.Namespace+"/"+o.Name)
	}
	return all
}

const two = "  workloads:\n  - {name: web, namespace: z, groups: [{name: b, registration: Auto, instances: [{name: vm1, address: 10.0.0.1}]}, {name: a, instances: [{name: vm1, address: 10.0.0.2}]}, {name: empty}]}\n" +
	"  - {name: api, namespace: a, groups: [{name: z, instances: [{name: vm1, address: 10.0.0.3}]}]}\n  - {name: none, namespace: a, groups: [{name: none}]}\n"

// Objects come sorted by namespace and name, each once, and nothing is made that nobody asked for.
func TestWhatIsMade(t *testing.T) {
	require.Empty(t, names(resolved(t, two)))
	require.Empty(t, slices.Collect(monitoring.Files(resolved(t, two))))
	require.Equal(t, []string{
		"ScrapeConfig watch/vms.a.z", "ScrapeConfig watch/vms.z.a", "ScrapeConfig watch/vms.z.b",
		"PrometheusRule watch/vms.a.api", "PrometheusRule watch/vms.z.web",
	}, names(resolved(t, two+"  observability: {prometheus: {format: ScrapeConfig, namespace: watch, alerts: true}}\n")))
	require.Equal(t, []string{
		"ConfigMap monitoring/vm-fleet", "ConfigMap monitoring/vms.a.api.rules", "ConfigMap monitoring/vms.a.z.scrape",
		"ConfigMap monitoring/vms.z.a.scrape", "ConfigMap monitoring/vms.z.b.scrape", "ConfigMap monitoring/vms.z.web.rules",
	}, names(resolved(t, two+"  observability: {prometheus: {format: Fragment, alerts: true, dashboard: true}}\n")))
	require.Empty(t, names(resolved(t, two+"  observability: {prometheus: {format: FileSD, alerts: true}}\n")))
	// One dashboard in each namespace, whoever asks for it.
	board := "  observability: {prometheus: {dashboard: true%s}}\n"
	require.Equal(t, []string{"ConfigMap elsewhere/vm-fleet", "ConfigMap monitoring/vm-fleet"},
		names(resolved(t, fmt.Sprintf(board, ""), fmt.Sprintf(board, ", namespace: elsewhere"), fmt.Sprintf(board, ""))))
}

// Generators may be asked to stop anywhere.
func TestStop(t *testing.T) {
	m := resolved(t, two+"  observability: {prometheus: {format: Fragment, alerts: true, dashboard: true}}\n")
	all := slices.Collect(monitoring.Files(m))
	for n := range all {
		var some []manifest.File
		for f := range monitoring.Files(m) {
			if len(some) == n {
				break
			}
			some = append(some, f)
		}
		require.Equal(t, all[:n], append([]manifest.File{}, some...))
	}
	for range monitoring.ConfigMaps(m) {
		break
	}
}

// A fleet is as large as its VMs: one VM more is one target more, and changes no other.
func TestLargeFleets(t *testing.T) {
	size := func(format string, n int) (string, int) {
		var b strings.Builder
		b.WriteString("  observability: {prometheus: {format: " + format + ", alerts: true, dashboard: true}}\n  workloads:\n  - name: pay\n    groups:\n")
		for i := range n {
			if i%1000 == 0 {
				fmt.Fprintf(&b, "    - name: pay-%d\n      locality: us-west1/zone-a\n      version: v1\n      instances:\n", i/1000)
			}
			fmt.Fprintf(&b, "      - {name: vm-%d, address: 10.%d.%d.%d}\n", i, i>>16, i>>8&255, i&255)
		}
		m := resolved(t, b.String())
		var text strings.Builder
		largest := 0
		var enc manifest.Encoder
		for _, objects := range []func(*mesh.Mesh) []*manifest.Object{
			func(m *mesh.Mesh) []*manifest.Object { return slices.Collect(monitoring.ScrapeConfigs(m)) },
			func(m *mesh.Mesh) []*manifest.Object { return slices.Collect(monitoring.PrometheusRules(m)) },
			func(m *mesh.Mesh) []*manifest.Object { return slices.Collect(monitoring.ConfigMaps(m)) },
		} {
			for _, o := range objects(m) {
				enc.Reset()
				enc.Object(o)
				largest = max(largest, len(enc.Bytes()))
				text.Write(enc.Bytes())
			}
		}
		for f := range monitoring.Files(m) {
			text.Write(f.Data)
		}
		return text.String(), largest
	}
	for _, format := range []string{"Fragment", "ScrapeConfig", "FileSD"} {
		small, largest := size(format, 999)
		large, _ := size(format, 10000)
		more, _ := size(format, 1000)
		require.Less(t, largest, 100<<10, format)
		require.Less(t, len(large), 11*len(small), format)
		perVM := len(more) - len(small)
		require.Less(t, perVM, 220, "%s: one VM more, in a file and in a ConfigMap", format)
		places := map[string]int{"Fragment": 2, "ScrapeConfig": 1, "FileSD": 1}[format]
		require.Equal(t, places, strings.Count(more, "vm-999"), format)
		require.Equal(t, 999*places, strings.Count(small, "10.0.")-strings.Count(small, "$1"), format)
	}
}

// The largest group that is let through fits into an object, and one that is not would not have fitted by much.
func TestLargestGroup(t *testing.T) {
	var b strings.Builder
	b.WriteString("  observability: {prometheus: {format: Fragment}}\n  workloads:\n  - name: pay\n    groups:\n    - name: pay\n      instances:\n")
	for i := range 10500 {
		fmt.Fprintf(&b, "      - {name: vm-%05d, address: 10.%d.%d.%d}\n", i, i>>16, i>>8&255, i&255)
	}
	for o := range monitoring.ConfigMaps(resolved(t, b.String())) {
		var enc manifest.Encoder
		enc.Object(o)
		require.Less(t, len(enc.Bytes()), 1<<20)
		require.Greater(t, len(enc.Bytes()), 1<<20*8/10)
	}
}

// What the user says of a sync wave holds, and Flux is told only where there is something to tell.
func TestDelivered(t *testing.T) {
	m := resolved(t, "  workloads: [{name: pay, annotations: {argocd.argoproj.io/sync-wave: \"9\", note: \"${HOST}\"}, groups: [{name: pay, instances: [{name: vm1, address: 10.0.0.1}]}]}]\n"+
		"  observability: {prometheus: {format: ScrapeConfig, dashboard: true}}\n  gitops: {argocd: true, flux: true}\n")
	for o := range monitoring.ScrapeConfigs(m) {
		require.Equal(t, map[string]string{"argocd.argoproj.io/sync-wave": "9", "note": "${HOST}", "kustomize.toolkit.fluxcd.io/substitute": "disabled"}, o.Annotations)
	}
	for o := range monitoring.ConfigMaps(m) {
		require.Equal(t, map[string]string{"argocd.argoproj.io/sync-wave": "2"}, o.Annotations)
	}
	require.Len(t, m.Workloads[0].Annotations, 2, "the mesh is only read")
}

// Settings of certificates that cannot be read are Istio's own: the sidecar falls back to them too.
func TestCertificateSettings(t *testing.T) {
	for env, want := range map[string]string{
		"[]":                                   " < 17280\n",
		"[{name: SECRET_TTL, value: 1h}]":      " < 720\n",
		"[{name: SECRET_TTL, value: long}]":    " < 17280\n",
		"[{name: SECRET_TTL, value: \"-1h\"}]": " < 17280\n",
		"[{name: SECRET_GRACE_PERIOD_RATIO, value: \"0.2\"}]": " < 6912\n",
		"[{name: SECRET_GRACE_PERIOD_RATIO, value: \"2\"}]":   " < 17280\n",
	} {
		m := resolved(t, "  workloads: [{name: pay, groups: [{name: pay, instances: [{name: vm1, address: 10.0.0.1}], vm: {env: "+env+"}}]}]\n"+
			"  observability: {prometheus: {format: FileSD, alerts: true}}\n")
		var rules string
		for f := range monitoring.Files(m) {
			if strings.HasPrefix(f.Path, "monitoring/rules/") {
				rules = string(f.Data)
			}
		}
		require.Contains(t, rules, `resource_name="default"}`+want, env)
	}
}
