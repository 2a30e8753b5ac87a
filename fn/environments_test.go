package fn_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"

	"github.com/vmmesh/vmmesh/schema"
)

const environments = "../examples/overlays"

// TestEnvironments patches the spec of the example with kustomize, without plugins, and builds what comes out: lists
// merged by name, and the tree is the one that is committed.
func TestEnvironments(t *testing.T) {
	for _, env := range []string{"overlays/staging", "overlays/production", "two-clusters/east"} {
		t.Run(env, func(t *testing.T) {
			dir := filepath.Join("../examples", env)
			t.Cleanup(openapi.ResetOpenAPI) // the file stays in force for the whole process
			result, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(dir, "spec"))
			require.NoError(t, err)
			spec, err := result.AsYaml()
			require.NoError(t, err)
			out := mustBuild(t, env, spec)
			expected := filepath.Join(dir, "expected")
			if *update {
				writeTree(t, expected, out.files)
			}
			require.Equal(t, readTree(t, expected), out.files, "run `make golden` and read the difference")
			require.Empty(t, verified(t, out.stream.String()))
		})
	}
}

// TestEnvironmentsByFunction builds the environments with the exec function: the objects of the committed trees, as
// values.
func TestEnvironmentsByFunction(t *testing.T) {
	bin := t.TempDir()
	text, err := exec.Command("go", "build", "-o", filepath.Join(bin, "vmmesh"), "../cmd/vmmesh").CombinedOutput()
	require.NoError(t, err, "%s", text)
	t.Setenv("PATH", bin)
	t.Cleanup(openapi.ResetOpenAPI)
	options := krusty.MakeDefaultOptions()
	options.PluginConfig = types.EnabledPluginConfig(types.BploUseStaticallyLinked)
	options.PluginConfig.FnpLoadingOptions.EnableExec = true
	for _, env := range []string{"staging", "production"} {
		t.Run(env, func(t *testing.T) {
			values := func(k *krusty.Kustomizer, dir string) map[string]any {
				result, err := k.Run(filesys.MakeFsOnDisk(), dir)
				require.NoError(t, err)
				all := map[string]any{}
				for _, r := range result.Resources() {
					object, err := r.Map()
					require.NoError(t, err)
					all[r.CurId().String()] = object
				}
				return all
			}
			dir := filepath.Join(environments, env)
			want := values(krusty.MakeKustomizer(krusty.MakeDefaultOptions()), filepath.Join(dir, "expected"))
			require.NotEmpty(t, want)
			require.Equal(t, want, values(krusty.MakeKustomizer(options), dir))
		})
	}
}

// TestOpenAPIFileTakesOver shows why the file belongs to nothing but the patches of specs: where `spec/` is built in the
// same run, a patch of a Deployment replaces the list of its containers.
func TestOpenAPIFileTakesOver(t *testing.T) {
	patched := func(withFile string) int {
		t.Cleanup(openapi.ResetOpenAPI)
		openapi.ResetOpenAPI()
		disk := filesys.MakeFsInMemory()
		for name, text := range map[string]string{
			"/spec/kustomization.yaml":  "resources: [object.yaml]\n" + withFile,
			"/spec/object.yaml":         "{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}\n",
			"/spec/vmmesh.openapi.json": string(schema.OpenAPI()),
			"/deployment.yaml":          "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers: [{name: one, image: one}]}}}}\n",
			"/kustomization.yaml": "resources: [spec, deployment.yaml]\npatches:\n- patch: " +
				"'{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers: [{name: two, image: two}]}}}}'\n",
		} {
			require.NoError(t, disk.WriteFile(name, []byte(text)))
		}
		result, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, "/")
		require.NoError(t, err)
		text, err := result.AsYaml()
		require.NoError(t, err)
		return strings.Count(string(text), "image: ")
	}
	require.Equal(t, 2, patched(""))
	require.Equal(t, 1, patched("openapi: {path: vmmesh.openapi.json}\n"))
}

// TestEnvironmentsHaveTheOpenAPIFile holds the committed copies to what `vmmesh schema --openapi` prints.
func TestEnvironmentsHaveTheOpenAPIFile(t *testing.T) {
	copies, err := filepath.Glob(environments + "/*/spec/vmmesh.openapi.json")
	require.NoError(t, err)
	require.Len(t, copies, 2)
	for _, path := range copies {
		if *update {
			require.NoError(t, os.WriteFile(path, schema.OpenAPI(), 0o644))
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(schema.OpenAPI()), string(text), "%s is stale: run `make golden`", path)
	}
}
