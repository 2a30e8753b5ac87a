package fn_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"

	"github.com/vmmesh/vmmesh/internal/need"
)

const (
	argoCD = "../examples/argocd"
	flux   = "../examples/flux"
)

// parsed is every document of a YAML file.
func parsed(t testing.TB, path string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var all []map[string]any
	d := kyaml.NewDecoder(bytes.NewReader(text))
	for {
		var one map[string]any
		err := d.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err, path)
		all = append(all, one)
	}
}

// field is what stands at a path of keys, or nil.
func field(v any, keys ...string) any {
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

// lua finds an interpreter of the language that Argo CD runs health checks in, or skips the test.
func lua(t testing.TB) string { return need.Tool(t, "lua5.1", "lua5.1", "luajit") }

// asLua writes a value as Lua does.
func asLua(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var fields []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			fields = append(fields, "["+strconv.Quote(key)+"]="+asLua(v[key]))
		}
		return "{" + strings.Join(fields, ",") + "}"
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, asLua(item))
		}
		return "{" + strings.Join(items, ",") + "}"
	case string:
		return strconv.Quote(v)
	}
	return fmt.Sprint(v)
}

// TestArgoCDHealth runs the health check of the example in Lua: the health of an entry is what its VM reports, if it
// reports at all.
func TestArgoCDHealth(t *testing.T) {
	interpreter := lua(t)
	cm := parsed(t, argoCD+"/plugin/argocd-cm.yaml")[0]
	script, _ := field(cm, "data", "resource.customizations.health.networking.istio.io_WorkloadEntry").(string)
	require.NotEmpty(t, script)
	const checked = `metadata: {name: vm1, annotations: {team: a, proxy.istio.io/health-checks-enabled: "true"}}`
	for _, c := range []struct{ name, entry, want string }{
		{"no probe", "metadata: {name: vm1}", "Healthy: The VM reports no health: its workload has no probe"},
		{"no probe, annotations", "metadata: {annotations: {team: a}}\nstatus: {conditions: [{type: Healthy, status: 'False'}]}", "Healthy: The VM reports no health: its workload has no probe"},
		{"probe switched off", `metadata: {annotations: {proxy.istio.io/health-checks-enabled: "false"}}`, "Healthy: The VM reports no health: its workload has no probe"},
		{"no status", checked, "Progressing: Waiting for the VM's first report of its health"},
		{"no conditions", checked + "\nstatus: {}", "Progressing: Waiting for the VM's first report of its health"},
		{"another condition", checked + "\nstatus: {conditions: [{type: Ready, status: 'True'}]}", "Progressing: Waiting for the VM's first report of its health"},
		{"unknown", checked + "\nstatus: {conditions: [{type: Healthy, status: Unknown}]}", "Progressing: Waiting for the VM's first report of its health"},
		{"healthy", checked + "\nstatus: {conditions: [{type: Ready, status: 'False'}, {type: Healthy, status: 'True'}]}", "Healthy: The VM reports that it is healthy"},
		{"unhealthy", checked + "\nstatus: {conditions: [{type: Healthy, status: 'False', message: probe failed}]}", "Degraded: probe failed"},
		{"unhealthy without a word", checked + "\nstatus: {conditions: [{type: Healthy, status: 'False'}]}", "Degraded: The VM reports that its probe fails"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var entry map[string]any
			require.NoError(t, yaml.Unmarshal([]byte(c.entry), &entry))
			cmd := exec.Command(interpreter, "-")
			cmd.Stdin = strings.NewReader("obj = " + asLua(entry) + "\nlocal function check()\n" + script + "\nend\nlocal hs = check()\nprint(hs.status .. ': ' .. hs.message)\n")
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Equal(t, c.want, strings.TrimSpace(string(out)))
		})
	}
}

// TestArgoCDComponent lays the example's component over what it patches of Argo CD.
func TestArgoCDComponent(t *testing.T) {
	disk := filesys.MakeFsInMemory()
	paths, err := filepath.Glob(argoCD + "/plugin/*")
	require.NoError(t, err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, disk.WriteFile("/argocd/plugin/"+filepath.Base(path), text))
	}
	require.NoError(t, disk.WriteFile("/argocd/kustomization.yaml", []byte("namespace: argocd\nresources: [install.yaml]\ncomponents: [plugin]\n"+
		"images: [{name: vmmesh, newName: registry.example.com/vmmesh, newTag: v1}]\n")))
	require.NoError(t, disk.WriteFile("/argocd/install.yaml", []byte(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: argocd-repo-server}
spec:
  template:
    spec:
      containers: [{name: argocd-repo-server, image: argocd}]
      volumes: [{name: var-files, emptyDir: {}}, {name: plugins, emptyDir: {}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm}
data: {url: "https://argocd.example.com"}
`)))
	result, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, "/argocd")
	require.NoError(t, err)
	var server, cm, plugin map[string]any
	for _, r := range result.Resources() {
		object, err := r.Map()
		require.NoError(t, err)
		switch {
		case r.GetKind() == "Deployment":
			server = object
		case r.GetName() == "argocd-cm":
			cm = object
		default:
			plugin = object
		}
	}
	pod := field(server, "spec", "template", "spec")
	containers := field(pod, "containers").([]any)
	require.Len(t, containers, 2)
	sidecar := containers[slices.IndexFunc(containers, func(c any) bool { return field(c, "name") == "vmmesh" })]
	require.Equal(t, "registry.example.com/vmmesh:v1", field(sidecar, "image"))
	require.EqualValues(t, 999, field(sidecar, "securityContext", "runAsUser"))
	volumes := map[any]any{}
	for _, v := range field(pod, "volumes").([]any) {
		volumes[field(v, "name")] = v
	}
	require.Len(t, volumes, 4)
	for _, m := range field(sidecar, "volumeMounts").([]any) {
		require.Contains(t, volumes, field(m, "name"))
	}
	require.Equal(t, field(plugin, "metadata", "name"), field(volumes["vmmesh-plugin"], "configMap", "name"))
	require.Contains(t, field(plugin, "data"), "plugin.yaml")
	require.Len(t, field(cm, "data"), 3, "what was there stays")
}

// TestGitOpsExamples holds the examples to each other, and to the fields that the documentation of Argo CD and Flux has.
func TestGitOpsExamples(t *testing.T) {
	plugin := parsed(t, argoCD+"/plugin/plugin.yaml")[0]
	require.Equal(t, []any{"/vmmesh", "cmp"}, field(plugin, "spec", "generate", "command"))
	require.Equal(t, []any{"/vmmesh", "cmp", "parameters"}, field(plugin, "spec", "parameters", "dynamic", "command"))

	source := func(s any) {
		if p := field(s, "plugin"); p != nil {
			require.Equal(t, field(plugin, "metadata", "name"), field(p, "name"), "an Application names the plugin")
			for _, parameter := range field(p, "parameters").([]any) {
				require.Contains(t, []string{"environment", "only"}, field(parameter, "name"))
			}
		}
	}
	source(field(parsed(t, argoCD+"/application.yaml")[0], "spec", "source"))
	for _, set := range parsed(t, argoCD+"/applicationset.yaml") {
		source(field(set, "spec", "template", "spec", "source"))
	}

	git, oci := parsed(t, flux+"/git.yaml"), parsed(t, flux+"/oci.yaml")
	require.Equal(t, field(git[1], "spec", "healthCheckExprs"), field(oci[1], "spec", "healthCheckExprs"))
	for _, pair := range [][]map[string]any{git, oci} {
		require.Equal(t, field(pair[0], "kind"), field(pair[1], "spec", "sourceRef", "kind"))
		require.Equal(t, field(pair[0], "metadata", "name"), field(pair[1], "spec", "sourceRef", "name"))
		check := field(pair[1], "spec", "healthCheckExprs").([]any)[0]
		require.Equal(t, "networking.istio.io/v1 WorkloadEntry", fmt.Sprint(field(check, "apiVersion"), " ", field(check, "kind")))
		for _, expression := range []string{"failed", "current"} {
			require.Contains(t, field(check, expression), "'proxy.istio.io/health-checks-enabled'")
		}
	}

	for path, known := range map[string]string{
		argoCD + "/plugin/plugin.yaml": "metadata.name spec.generate.command spec.parameters.dynamic.command spec.preserveFileMode",
		argoCD + "/application.yaml":   "metadata.name metadata.namespace metadata.annotations " + application("spec."),
		argoCD + "/applicationset.yaml": "metadata.name metadata.namespace spec.goTemplate spec.goTemplateOptions spec.generators.list.elements " +
			"spec.generators.git.repoURL spec.generators.git.revision spec.generators.git.directories.path " +
			"spec.template.metadata.name spec.template.metadata.annotations " + application("spec.template.spec."),
		flux + "/git.yaml": fluxFields,
		flux + "/oci.yaml": fluxFields,
	} {
		for _, document := range parsed(t, path) {
			for _, used := range fieldsOf(document, "") {
				if used != "apiVersion" && used != "kind" {
					require.True(t, slices.ContainsFunc(strings.Fields(known), func(k string) bool {
						return used == k || strings.HasPrefix(used, k+".") && (strings.HasSuffix(k, "annotations") || strings.HasSuffix(k, "elements"))
					}), "%s: %s", path, used)
				}
			}
		}
	}
}

func application(prefix string) string {
	var all []string
	for _, name := range strings.Fields("project source.repoURL source.targetRevision source.path source.plugin.name source.plugin.parameters.name " +
		"source.plugin.parameters.string destination.server destination.namespace syncPolicy.automated.prune syncPolicy.automated.selfHeal syncPolicy.syncOptions") {
		all = append(all, prefix+name)
	}
	return strings.Join(all, " ")
}

const fluxFields = "metadata.name metadata.namespace spec.interval spec.url spec.ref.branch spec.ref.tag spec.retryInterval spec.timeout " +
	"spec.dependsOn.name spec.sourceRef.kind spec.sourceRef.name spec.path spec.prune spec.wait " +
	"spec.healthCheckExprs.apiVersion spec.healthCheckExprs.kind spec.healthCheckExprs.failed spec.healthCheckExprs.current"

// fieldsOf is the path of every scalar, lists left out of the way.
func fieldsOf(v any, at string) []string {
	var all []string
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(all, fieldsOf(v[key], strings.TrimPrefix(at+"."+key, "."))...)
		}
		return all
	case []any:
		for _, item := range v {
			all = append(all, fieldsOf(item, at)...)
		}
		return all
	}
	return []string{at}
}

// TestSyncWaves reads the waves of every kind: what others need is there first, and entries, which wait for VMs, hold up
// nothing.
func TestSyncWaves(t *testing.T) {
	src, err := os.ReadFile("../testdata/ok/gitops-argocd/vmmesh.yaml")
	require.NoError(t, err)
	waves := map[string]int{}
	for id, text := range objects(t, mustBuild(t, "vmmesh.yaml", src)) {
		var object map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(text), &object))
		wave, said := field(object, "metadata", "annotations", "argocd.argoproj.io/sync-wave").(string)
		require.True(t, said, "%s has no wave", id)
		n, err := strconv.Atoi(wave)
		require.NoError(t, err)
		if !strings.Contains(id, "late") { // the user's own
			waves[field(object, "kind").(string)] = n
		}
	}
	require.Len(t, waves, 13, "every kind that is emitted")
	for _, order := range []string{
		"Namespace ServiceAccount AuthorizationPolicy WorkloadGroup Service DestinationRule VirtualService PeerAuthentication WorkloadEntry",
		"ServiceAccount RequestAuthentication WorkloadGroup", "ServiceAccount Sidecar WorkloadGroup", "ServiceAccount Telemetry WorkloadGroup",
		"WorkloadGroup ServiceEntry DestinationRule",
	} {
		kinds := strings.Fields(order)
		for i := range kinds[1:] {
			require.Less(t, waves[kinds[i]], waves[kinds[i+1]], "%s comes before %s", kinds[i], kinds[i+1])
		}
	}
}

// TestSyncWavesOfTheGateway: an entry's health is that of its VM, which reports through the gateway, so the gateway is
// there before; nothing else waits until its load balancer has an address.
func TestSyncWavesOfTheGateway(t *testing.T) {
	src, err := os.ReadFile("../testdata/ok/network-separate/vmmesh.yaml")
	require.NoError(t, err)
	waves := map[string]int{}
	for id, text := range objects(t, mustBuild(t, "vmmesh.yaml", src)) {
		var object map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(text), &object))
		wave, _ := field(object, "metadata", "annotations", "argocd.argoproj.io/sync-wave").(string)
		n, err := strconv.Atoi(wave)
		require.NoError(t, err, id)
		name := field(object, "kind").(string)
		if field(object, "metadata", "namespace") == "istio-gateways" {
			name = "gateway's " + name
		}
		waves[name] = n
	}
	for _, order := range [][2]string{
		{"gateway's ServiceAccount", "gateway's Deployment"}, {"gateway's RoleBinding", "gateway's Deployment"},
		{"gateway's Gateway", "gateway's VirtualService"}, {"gateway's VirtualService", "gateway's Deployment"},
		{"Service", "gateway's Service"}, {"WorkloadGroup", "gateway's Service"},
		{"gateway's Service", "WorkloadEntry"}, {"gateway's Deployment", "WorkloadEntry"}, {"gateway's PodDisruptionBudget", "WorkloadEntry"},
	} {
		for _, name := range order {
			require.Contains(t, waves, name)
		}
		require.Less(t, waves[order[0]], waves[order[1]], "%s comes before %s", order[0], order[1])
	}
}
