package krm_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/runfn"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// binary is the program itself, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "vmmesh-krm")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "vmmesh")
		if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/vmmesh").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
			return 1
		}
		return m.Run()
	}())
}

// cases lists the specs below testdata/ok and examples: a folder is a case.
func cases(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"../../testdata/ok/*/vmmesh.yaml", "../../examples/*/vmmesh.yaml", "../../examples/platform-and-team/*/vmmesh.yaml"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, path := range paths {
			name := filepath.Base(filepath.Dir(path))
			require.NotContains(t, found, name, "two cases of one name: one would not be built")
			found[name] = path
		}
	}
	require.NotEmpty(t, found)
	return found
}

// objects is a sink that keeps every object as a value, by kind, namespace and name, and its path.
type objects struct {
	values map[string]any
	paths  map[string]string
}

func (o *objects) Object(path string, text []byte) error {
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		return err
	}
	id := identityOf(n.Content[0])
	o.values[id], o.paths[id] = value(n.Content[0]), path
	return nil
}

func (o *objects) File(manifest.File) error { return nil }

func identityOf(n *yaml.Node) string {
	meta, err := yaml.NewRNode(n).GetMeta()
	if err != nil {
		return err.Error()
	}
	return meta.Kind + " " + meta.Namespace + "/" + meta.Name
}

// built is what `vmmesh build` makes of a spec.
func built(t testing.TB, src []byte) *objects {
	t.Helper()
	docs, findings := schema.Parse("vmmesh.yaml", src)
	require.False(t, findings.HasErrors())
	out := &objects{values: map[string]any{}, paths: map[string]string{}}
	findings, err := fn.Build(docs, out)
	require.NoError(t, err)
	require.Less(t, findings.Worst(), diag.Warning)
	return out
}

// annotated is a stream of specs, each with an annotation that makes it a function of this kind.
func annotated(t testing.TB, src []byte, function string) string {
	t.Helper()
	var out bytes.Buffer
	decoder, encoder := yaml.NewDecoder(bytes.NewReader(src)), yaml.NewEncoder(&out)
	for {
		var doc yaml.Node
		if decoder.Decode(&doc) != nil {
			break
		}
		require.NoError(t, yaml.NewRNode(&doc).PipeE(yaml.SetAnnotation("config.kubernetes.io/function", function)))
		require.NoError(t, encoder.Encode(&doc))
	}
	require.NoError(t, encoder.Close())
	return out.String()
}

func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
}

// tree is what is in a directory.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(text)
		return err
	}))
	return files
}

// kustomize builds a directory with the real kustomize and exec functions: every object as a value.
func kustomize(t testing.TB, dir string) (map[string]any, error) {
	t.Helper()
	options := krusty.MakeDefaultOptions()
	options.PluginConfig = types.EnabledPluginConfig(types.BploUseStaticallyLinked)
	options.PluginConfig.FnpLoadingOptions.EnableExec = true
	result, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, err
	}
	found := map[string]any{}
	for _, r := range result.Resources() {
		text, err := r.AsYAML()
		require.NoError(t, err)
		var n yaml.Node
		require.NoError(t, yaml.Unmarshal(text, &n))
		found[identityOf(n.Content[0])] = value(n.Content[0])
	}
	return found, nil
}

func function() string { return "exec: {path: " + binary + "}" }

// TestGenerator builds every good case with kustomize and the function as its generator: the same objects, as values, as
// `vmmesh build` makes, and no trace of the function in any of them.
func TestGenerator(t *testing.T) {
	for name, path := range cases(t) {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			if bytes.Contains(src, []byte("\n---\n")) {
				return // kustomize calls the function once for each spec, and one knows nothing of the other: see TestTransformer
			}
			want := built(t, src)
			dir := t.TempDir()
			write(t, dir, map[string]string{
				"vmmesh.yaml": annotated(t, src, function()), "kustomization.yaml": "generators: [vmmesh.yaml]\n",
			})
			got, err := kustomize(t, dir)
			require.NoError(t, err)
			require.Equal(t, want.values, got)
		})
	}
}

// TestTransformer builds every good case with its specs among the resources, and the function as a transformer: the same
// objects again, each with its owner. The specs see each other.
func TestTransformer(t *testing.T) {
	for name, path := range cases(t) {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			want := built(t, src)
			dir := t.TempDir()
			write(t, dir, map[string]string{
				"vmmesh.yaml":        strings.ReplaceAll(annotated(t, src, "none"), "config.kubernetes.io/function: 'none'", "config.kubernetes.io/local-config: 'true'"),
				"expand.yaml":        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: expand\n  annotations: {config.kubernetes.io/function: '" + function() + "'}\n",
				"kustomization.yaml": "resources: [vmmesh.yaml]\ntransformers: [expand.yaml]\n",
			})
			got, err := kustomize(t, dir)
			require.NoError(t, err)
			require.ElementsMatch(t, keysOf(want.values), keysOf(got))
			for id, object := range got {
				meta := object.(map[string]any)["metadata"].(map[string]any)
				annotations := meta["annotations"].(map[string]any)
				require.NotEmpty(t, annotations["vmmesh.dev/owner"], id)
				delete(annotations, "vmmesh.dev/owner")
				if len(annotations) == 0 {
					delete(meta, "annotations")
				}
				require.Equal(t, want.values[id], object)
			}
		})
	}
}

func keysOf(m map[string]any) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	return all
}

// TestValidator lays a VMMeshCheck over a build, as its last transformer: what holds together passes untouched, and what
// does not fails the build. (Under `validators:` kustomize refuses every function, see TestValidatorsOfKustomize.)
func TestValidator(t *testing.T) {
	src, err := os.ReadFile("../../examples/payments/vmmesh.yaml")
	require.NoError(t, err)
	want := built(t, src)
	dir := t.TempDir()
	check := "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMeshCheck\nmetadata:\n  name: check\n  annotations: {config.kubernetes.io/function: '" + function() + "'}\n"
	write(t, dir, map[string]string{
		"vmmesh.yaml": annotated(t, src, function()), "check.yaml": check,
		"kustomization.yaml": "generators: [vmmesh.yaml]\ntransformers: [check.yaml]\n",
	})
	got, err := kustomize(t, dir)
	require.NoError(t, err)
	require.Equal(t, want.values, got)

	for name, overlay := range map[string]string{ // each of these kustomize takes without a word
		"namePrefix":       "namePrefix: staging-\n",
		"namespace":        "namespace: staging\n",
		"includeSelectors": "labels: [{pairs: {env: staging}, includeSelectors: true}]\n",
		"patched list": "patches:\n- patch: |\n    apiVersion: networking.istio.io/v1\n    kind: DestinationRule\n    metadata: {name: payment-service, namespace: vm-workloads}\n" +
			"    spec: {subsets: [{name: canary, labels: {version: v2}}]}\n",
	} {
		plain := "generators: [vmmesh.yaml]\n" + overlay
		write(t, dir, map[string]string{"kustomization.yaml": plain})
		_, err = kustomize(t, dir)
		require.NoError(t, err, name)
		write(t, dir, map[string]string{"kustomization.yaml": plain + "transformers: [check.yaml]\n"})
		_, err = kustomize(t, dir)
		require.ErrorContains(t, err, "exit status 1", name)
	}

	write(t, dir, map[string]string{
		"base/kustomization.yaml": "generators: [vmmesh.yaml]\npatches: [{path: patch.yaml}]\n",
		"base/vmmesh.yaml":        annotated(t, src, function()),
		"kustomization.yaml":      "resources: [base]\ntransformers: [check.yaml]\n",
		"base/patch.yaml":         "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: payment-service, namespace: vm-workloads}\nspec: {template: {adress: 192.168.1.1}}\n",
	})
	_, err = kustomize(t, dir)
	require.ErrorContains(t, err, "exit status 1")
}

// TestValidatorsOfKustomize shows why a VMMeshCheck is a transformer there: kustomize notes a path on every object that
// comes back from a function, and then takes its own note for a change by the validator. A function that only repeats
// its input is refused as well. When this test fails, kustomize has changed, and help and examples may say `validators:`.
func TestValidatorsOfKustomize(t *testing.T) {
	dir := t.TempDir()
	repeat := filepath.Join(dir, "repeat")
	require.NoError(t, os.WriteFile(repeat, []byte("#!/bin/sh\nexec cat\n"), 0o755))
	for _, program := range []string{repeat, binary} {
		write(t, dir, map[string]string{
			"notes.yaml": notes, "kustomization.yaml": "resources: [notes.yaml]\nvalidators: [check.yaml]\n",
			"check.yaml": "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMeshCheck\nmetadata:\n  name: check\n  annotations: {config.kubernetes.io/function: 'exec: {path: " + program + "}'}\n",
		})
		_, err := kustomize(t, dir)
		require.ErrorContains(t, err, "validator shouldn't modify the resource map", program)
	}
}

// twoSpecs are specs that share a namespace.
func twoSpecs(t testing.TB) (pay, order string) {
	t.Helper()
	spec := func(name, address string) string {
		return "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: " + name + "}\nspec:\n  istio: {version: 1.31.1, istiodAddresses: [192.0.2.10]}\n" +
			"  workloads: [{name: " + name + ", ports: [{name: http, port: 8080}], groups: [{name: " + name + ", instances: [{name: vm1, address: " + address + "}]}]}]\n"
	}
	return spec("pay", "10.0.0.1"), spec("order", "10.0.0.2")
}

// TestTwoSpecsOfOneNamespace is what the help of fn says: kustomize takes an object from one generator alone, so that two
// specs of one namespace, which both make it, are expanded by a transformer.
func TestTwoSpecsOfOneNamespace(t *testing.T) {
	pay, order := twoSpecs(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"pay.yaml": annotated(t, []byte(pay), function()), "order.yaml": annotated(t, []byte(order), function()),
		"kustomization.yaml": "generators: [pay.yaml, order.yaml]\n",
	})
	_, err := kustomize(t, dir)
	require.ErrorContains(t, err, `Kind:"Namespace"`)
	require.ErrorContains(t, err, "exists; can not use behavior")

	local := func(spec string) string {
		return strings.Replace(spec, "metadata: {", `metadata: {annotations: {config.kubernetes.io/local-config: "true"}, `, 1)
	}
	write(t, dir, map[string]string{
		"pay.yaml": local(pay), "order.yaml": local(order),
		"expand.yaml":        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: expand\n  annotations: {config.kubernetes.io/function: '" + function() + "'}\n",
		"kustomization.yaml": "resources: [pay.yaml, order.yaml]\ntransformers: [expand.yaml]\n",
	})
	got, err := kustomize(t, dir)
	require.NoError(t, err)
	require.ElementsMatch(t, keysOf(built(t, []byte(pay+"---\n"+order)).values), keysOf(got))
}

// TestWarningsUnderKustomize lets a build with a warning pass, and the warning be seen: kustomize throws results away, and
// shows standard error.
func TestWarningsUnderKustomize(t *testing.T) {
	dir := t.TempDir()
	pay, _ := twoSpecs(t)
	write(t, dir, map[string]string{
		"vmmesh.yaml":        annotated(t, []byte(pay+"  lint: {ignore: [{rule: VM113, path: spec.workloads, reason: no longer true}]}\n"), function()),
		"kustomization.yaml": "generators: [vmmesh.yaml]\n",
	})
	seen, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer seen.Close()
	terminal := os.Stderr
	os.Stderr = seen // kustomize's, which it hands to functions
	got, err := kustomize(t, dir)
	os.Stderr = terminal
	require.NoError(t, err)
	require.NotEmpty(t, got)
	text, err := os.ReadFile(seen.Name())
	require.NoError(t, err)
	require.Contains(t, string(text), "pay:spec.lint.ignore[0]: warning VM098: ")
}

// TestErrorsUnderKustomize fails the build on every bad spec that could get so far.
func TestErrorsUnderKustomize(t *testing.T) {
	dir := t.TempDir()
	for _, spec := range []string{"spec: {istio: {version: 1.31.1}, wrkloads: []}", "spec: {istio: {version: 0.1.0}}", "spec: {}"} {
		write(t, dir, map[string]string{
			"kustomization.yaml": "generators: [vmmesh.yaml]\n",
			"vmmesh.yaml":        annotated(t, []byte("apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: bad}\n"+spec+"\n"), function()),
		})
		_, err := kustomize(t, dir)
		require.ErrorContains(t, err, "exit status 1", spec)
	}
}

// TestResultsDir keeps the findings of a run that fails, where the orchestrator wants them; the files stay as they are.
func TestResultsDir(t *testing.T) {
	dir, results := t.TempDir(), t.TempDir()
	write(t, dir, map[string]string{
		"notes.yaml":       notes,
		"mesh/vmmesh.yaml": annotated(t, []byte("apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: bad}\nspec: {istio: {version: 1.31.1}, wrkloads: []}\n"), function()),
	})
	before := tree(t, dir)
	err := runfn.RunFns{Path: dir, EnableExec: true, WorkingDir: dir, ResultsDir: results}.Execute()
	require.ErrorContains(t, err, "exit status 1")
	require.Equal(t, before, tree(t, dir))
	var found []listResult
	require.NoError(t, yaml.Unmarshal([]byte(tree(t, results)["results-0.yaml"]), &found))
	require.Len(t, found, 1)
	require.Equal(t, "error", found[0].Severity)
	require.Equal(t, "spec.wrkloads", found[0].Field.Path)
	require.Equal(t, "mesh/vmmesh.yaml", found[0].File.Path)
	require.Equal(t, "bad", found[0].ResourceRef.Name)
	require.Contains(t, found[0].Message, `did you mean "workloads"?`)
}

// runFunctions is `kustomize fn run` over a directory.
func runFunctions(dir string) error {
	return runfn.RunFns{Path: dir, EnableExec: true, WorkingDir: dir}.Execute()
}

// TestFunctionRun runs the function over a directory, as `kustomize fn run` does: the objects stand in the files in
// which `vmmesh build -o` puts them, and a second run changes nothing.
func TestFunctionRun(t *testing.T) {
	for name, path := range cases(t) {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			want := built(t, src)
			dir := t.TempDir()
			write(t, dir, map[string]string{"mesh/vmmesh.yaml": annotated(t, src, function()), "other/notes.yaml": notes})
			require.NoError(t, runFunctions(dir))
			first := tree(t, dir)
			require.Equal(t, notes, first["other/notes.yaml"])

			count := 0
			for file, text := range first {
				if !strings.HasPrefix(file, "mesh/manifests/") {
					continue
				}
				for document := range strings.SplitSeq(text, "---\n") {
					n := yaml.MustParse(document)
					id := identityOf(n.YNode())
					require.Equal(t, "mesh/"+want.paths[id], file, id)
					require.NotEmpty(t, n.GetAnnotations()["vmmesh.dev/owner"])
					require.NoError(t, n.PipeE(yaml.ClearAnnotation("vmmesh.dev/owner")))
					require.NoError(t, yaml.ClearEmptyAnnotations(n))
					require.Equal(t, want.values[id], value(n.YNode()))
					count++
				}
			}
			require.Equal(t, len(want.values), count)

			require.NoError(t, runFunctions(dir))
			require.Equal(t, first, tree(t, dir), "a second run changes something")
		})
	}
}

// notes is a file that is nobody's business.
const notes = `# head
apiVersion: v1
kind: ConfigMap
metadata: {name: notes} # at the end
# in the middle
data:
  a: "1" # quoted on purpose
`

// TestFunctionRunFollowsTheSpec changes the spec between runs: what is new comes, what is gone goes, what was edited by
// hand is put right, and nothing else moves.
func TestFunctionRunFollowsTheSpec(t *testing.T) {
	src, err := os.ReadFile("../../examples/minimal/vmmesh.yaml")
	require.NoError(t, err)
	dir := t.TempDir()
	write(t, dir, map[string]string{"vmmesh.yaml": annotated(t, src, function()), "notes.yaml": notes})
	require.NoError(t, runFunctions(dir))
	before := tree(t, dir)

	changed := strings.Replace(string(src), "name: vm2, address: 192.168.1.101", "name: vm3, address: 192.168.1.103", 1)
	require.NotEqual(t, string(src), changed)
	const account = "manifests/vm-workloads/serviceaccount-hello.yaml"
	write(t, dir, map[string]string{
		"vmmesh.yaml": annotated(t, []byte(changed), function()),
		account:       "# mine\n" + before[account] + "automountServiceAccountToken: true\n",
	})
	require.NoError(t, runFunctions(dir))
	after := tree(t, dir)
	const entries = "manifests/vm-workloads/workloadentry-hello.yaml"
	require.Contains(t, before[entries], "192.168.1.101")
	require.NotContains(t, after[entries], "192.168.1.101")
	require.Contains(t, after[entries], "192.168.1.103")
	require.Equal(t, "# mine\n"+before[account], after[account])
	for file, text := range before {
		if file != entries && file != account && file != "vmmesh.yaml" {
			require.Equal(t, text, after[file], file)
		}
	}

	none := strings.Split(string(src), "  workloads:")[0]
	write(t, dir, map[string]string{"vmmesh.yaml": annotated(t, []byte(none), function())})
	require.NoError(t, runFunctions(dir))
	require.Equal(t, []string{"notes.yaml", "vmmesh.yaml"}, keys(tree(t, dir)), "what is gone from the spec goes")
}

func keys(m map[string]string) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}
