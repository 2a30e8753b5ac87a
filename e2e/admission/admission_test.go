// Package admission holds vmmesh verify to Istio's admission: what the API server refuses by Istio's CRDs, or istiod's
// webhook by its validation, verify refuses. It needs no server: both are libraries of Istio's.
package admission

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	istiocrd "istio.io/istio/pkg/config/crd"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// kinds are those that verify reads.
var kinds = []string{
	"AuthorizationPolicy", "DestinationRule", "Gateway", "PeerAuthentication", "RequestAuthentication", "ServiceEntry", "Sidecar",
	"Telemetry", "VirtualService", "WorkloadEntry", "WorkloadGroup",
}

// object is one object, and where it comes from.
type object struct {
	from string
	tree map[string]any
}

// judge is Istio's admission.
type judge struct{ crds *istiocrd.Validator }

// refuses returns why the object is refused; "" where it is accepted.
func (j judge) refuses(o object) string {
	text, err := json.Marshal(o.tree)
	if err != nil {
		return err.Error()
	}
	un := &unstructured.Unstructured{}
	if err := un.UnmarshalJSON(text); err != nil {
		return err.Error()
	}
	if err := j.crds.ValidateCustomResource(un); err != nil {
		return "CRD: " + err.Error()
	}
	if err := webhook(text); err != nil {
		return "webhook: " + err.Error()
	}
	return ""
}

// webhook is what istiod runs when its webhook is called.
func webhook(text []byte) error {
	var kind crd.IstioKind
	if err := json.Unmarshal(text, &kind); err != nil {
		return err
	}
	gvk := kind.GroupVersionKind()
	schema, known := collections.Pilot.FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&gvk))
	if !known {
		return fmt.Errorf("no kind %v", gvk)
	}
	out, err := crd.ConvertObject(schema, &kind, "cluster.local")
	if err != nil {
		return err
	}
	if out.Namespace == "" {
		out.Namespace = "default" // as kubectl does
	}
	_, err = schema.ValidateConfig(*out)
	return err
}

// isAdmission reports whether a rule is about one object alone: those below VM100, and some in whose place the webhook is
// not heard again.
func isAdmission(rule string) bool {
	return rule < "VM100" || slices.Contains([]string{"VM215", "VM306", "VM609"}, rule)
}

// verify returns what verify refuses of each object, by the object's index: findings of error level of the rules that are
// about one object alone.
func verify(t *testing.T, objects []object) []string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "vmmesh")
	build := exec.Command("go", "build", "-o", program, "./cmd/vmmesh")
	build.Dir = filepath.Join("..", "..")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	found := make([]string, 0, len(objects))
	// A report shows 2,000 findings at most.
	for batch := range slices.Chunk(objects, 250) {
		found = append(found, verifyBatch(t, program, batch)...)
	}
	return found
}

func verifyBatch(t *testing.T, program string, objects []object) []string {
	t.Helper()
	in := t.TempDir()
	for i, o := range objects {
		tree := maps.Clone(o.tree)
		meta, _ := tree["metadata"].(map[string]any)
		meta = maps.Clone(meta)
		if meta == nil {
			meta = map[string]any{}
		}
		meta["namespace"] = fmt.Sprintf("n%d", i)
		tree["metadata"] = meta
		text, err := json.Marshal(tree)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(in, fmt.Sprintf("%d.json", i)), text, 0o644))
	}
	run := exec.Command(program, "verify", in, "--report", "json", "--fail-on", "never")
	var stdout, stderr bytes.Buffer
	run.Stdout, run.Stderr = &stdout, &stderr
	require.NoError(t, run.Run(), stderr.String())
	var report struct {
		Findings []struct {
			Rule, Severity, File, Message string
		}
		Summary struct{ Omitted int }
	}
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &report), stdout.String())
	require.Zero(t, report.Summary.Omitted, "the batch is too large")
	found := make([]string, len(objects))
	for _, f := range report.Findings {
		var i int
		_, err := fmt.Sscanf(filepath.Base(f.File), "%d.json", &i)
		require.NoError(t, err, f.File)
		if f.Severity == "error" && isAdmission(f.Rule) {
			found[i] += f.Rule + " " + f.Message + "\n"
		}
	}
	return found
}

// read reads the objects of the kinds in the YAML files below a directory.
func read(t *testing.T, dir string) []object {
	t.Helper()
	var out []object
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for i, doc := range bytes.Split(append([]byte("\n"), text...), []byte("\n---")) {
			var tree map[string]any
			if yaml.Unmarshal(doc, &tree) != nil || tree == nil {
				continue // a template
			}
			kind, _ := tree["kind"].(string)
			version, _ := tree["apiVersion"].(string)
			if slices.Contains(kinds, kind) && strings.Contains(version, "istio.io/") {
				delete(tree, "_err")
				delete(tree, "status")
				name, _ := filepath.Rel(dir, path)
				out = append(out, object{fmt.Sprintf("%s#%d", name, i), tree})
			}
		}
		return nil
	}))
	return out
}

// istio is where the module istio.io/istio is.
func istio(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		require.NoError(t, err, string(exit.Stderr))
	}
	return strings.TrimSpace(string(out))
}

// compare holds verify to the judge: whatever the judge refuses, verify refuses. It returns how many verify refuses. With
// ADMISSION_MORE it writes those that verify alone refuses into that file.
func compare(t *testing.T, objects []object) (refused int) {
	t.Helper()
	j := judge{istiocrd.NewIstioValidator(t)}
	list := os.Getenv("ADMISSION_MORE")
	var missed, more []string
	for i, found := range verify(t, objects) {
		if found != "" {
			refused++
			if list == "" {
				continue
			}
		}
		switch why := j.refuses(objects[i]); {
		case why != "" && found == "":
			missed = append(missed, fmt.Sprintf("%s: %.300s", objects[i].from, strings.Join(strings.Fields(why), " ")))
		case why == "" && found != "":
			more = append(more, objects[i].from+": "+found)
		}
	}
	if list != "" {
		require.NoError(t, os.WriteFile(list, []byte(strings.Join(more, "")), 0o644))
	}
	require.Empty(t, missed, "verify takes %d objects that Istio refuses, and refuses %d:\n%s", len(missed), refused, strings.Join(missed, "\n"))
	return refused
}

// TestCorpus compares on Istio's own validation corpus.
func TestCorpus(t *testing.T) {
	objects := read(t, filepath.Join(istio(t), "pkg", "config", "validation", "testdata", "crds"))
	require.Greater(t, len(objects), 75)
	require.Greater(t, compare(t, objects), 30)
}

// texts, numbers and others are what a value is replaced by.
var (
	texts = []string{
		"", "*", "a b", "A_b", "a..b", "-a", "*.example.com", "*a.example.com", "a*b", "10.0.0.1", "10.0.0.1/24", "10.0.0.0/33", "300.1.1.1",
		"2001:db8::1", "0s", "-1s", "1500us", "80", "0", "70000", "/", "a/b", "/a", "~", ".", "unix://a", "unix:///a/", "127.0.0.1:80", "localhost:80",
		"[a", "(?=a)", "a*", "%", "%A", "%A(%", "TLS", "HTTPX", "UDP", "GET", "get", "{a}", "/{**}/{*}", "STRICT", "DISABLE", "MUTUAL", "SIMPLE",
		"PASSTHROUGH", "ISTIO_MUTUAL", "DNS", "NONE", "STATIC", "configmap://a", "configmap://a/b", "istio.io", "x[", "x[]", "source.principal",
		"request.auth.principal", "5xx, reset", "600", "true", "CUSTOM", "ALLOW", "DENY", "http", "outbound_.80_.v1_.a.b", "mesh", "a.b.c",
		"é", "a\nb", strings.Repeat("a", 64), strings.Repeat("a.", 130) + "a", strings.Repeat("a", 1030),
	}
	numbers = []any{-1, 0, 1, 65535, 65536, 101, 99, 1.5, 600, 601}
)

// mutations lists objects that differ from one in one value: each value replaced, deleted, emptied or doubled.
func mutations(o object) []object {
	var out []object
	add := func(path string, change func(tree map[string]any)) {
		text, _ := json.Marshal(o.tree)
		var tree map[string]any
		_ = json.Unmarshal(text, &tree)
		change(tree)
		out = append(out, object{o.from + " " + path, tree})
	}
	var walk func(value any, path []any)
	walk = func(value any, path []any) {
		set := func(what string, to any) {
			add(fmt.Sprintf("%v %s", path, what), func(tree map[string]any) { put(tree, path, to) })
		}
		switch v := value.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				here := append(slices.Clone(path), key)
				add(fmt.Sprintf("%v deleted", here), func(tree map[string]any) { drop(tree, here) })
				walk(v[key], here)
			}
			set("emptied", map[string]any{})
			if strings.HasSuffix(fmt.Sprint(path), "abels]") || strings.HasSuffix(fmt.Sprint(path), "orts]") ||
				strings.HasSuffix(fmt.Sprint(path), "eaders]") || strings.HasSuffix(fmt.Sprint(path), "set]") || strings.HasSuffix(fmt.Sprint(path), "add]") {
				for _, key := range []string{"", "a b", "*", "a/b/c", "Host", ":path", "host", "@request.auth.claims.a", strings.Repeat("a", 64)} {
					for _, k := range slices.Sorted(maps.Keys(v))[:1] {
						more := maps.Clone(v)
						more[key] = v[k]
						set(fmt.Sprintf("with key %q", key), more)
					}
				}
			}
		case []any:
			for i, item := range v {
				here := append(slices.Clone(path), i)
				walk(item, here)
				set(fmt.Sprintf("twice %d", i), append(slices.Clone(v), item))
				set(fmt.Sprintf("without %d", i), slices.Delete(slices.Clone(v), i, i+1))
			}
			set("emptied", []any{})
		case string:
			for _, s := range texts {
				set(fmt.Sprintf("= %.20q", s), s)
			}
		case float64:
			for _, n := range numbers {
				set(fmt.Sprintf("= %v", n), n)
			}
		case bool:
			set("flipped", !v)
		}
	}
	walk(o.tree["spec"], []any{"spec"})
	return out
}

// put sets the value at a path.
func put(tree any, path []any, to any) {
	for _, step := range path[:len(path)-1] {
		tree = child(tree, step)
	}
	switch step := path[len(path)-1].(type) {
	case string:
		tree.(map[string]any)[step] = to
	case int:
		tree.([]any)[step] = to
	}
}

func drop(tree any, path []any) {
	for _, step := range path[:len(path)-1] {
		tree = child(tree, step)
	}
	delete(tree.(map[string]any), path[len(path)-1].(string))
}

func child(tree any, step any) any {
	if i, is := step.(int); is {
		return tree.([]any)[i]
	}
	return tree.(map[string]any)[step.(string)]
}

// TestMutations compares on objects that are wrong in one value, thousands of them. The bases themselves are accepted, or
// their mutations would show nothing.
func TestMutations(t *testing.T) {
	bases := read(t, "testdata")
	require.Greater(t, len(bases), 25)
	j := judge{istiocrd.NewIstioValidator(t)}
	for _, o := range bases {
		require.Empty(t, j.refuses(o), o.from)
	}
	var objects []object
	for _, o := range bases {
		objects = append(objects, mutations(o)...)
	}
	require.Greater(t, len(objects), 10000)
	require.Greater(t, compare(t, objects), 3000)
}

// TestExpressions compares on filters of access logs that differ from a good one in one character.
func TestExpressions(t *testing.T) {
	var objects []object
	for _, good := range []string{
		"response.code >= 400 && !(a.b == 'x' || has(c.d))", `request.headers["x-a"].startsWith("b") ? 1.5 : -2`, "x in [1, 0x2, 3u,]", "{'a': [b]}.a == r'c'",
		"T{f: 1}.f != null", "has(a['b'])", "a.all(x, x > 1)", `a == """b""" // c`,
	} {
		filter := func(s string) {
			objects = append(objects, object{s, map[string]any{
				"apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry", "metadata": map[string]any{"name": "a"},
				"spec": map[string]any{"accessLogging": []any{map[string]any{"filter": map[string]any{"expression": s}}}},
			}})
		}
		for i := range good {
			filter(good[:i] + good[i+1:])
			for _, c := range []string{"(", ")", "]", "'", `"`, ".", "!", "-", "?", ":", ",", "1", "a", " ", "=", "&", `\`, "}"} {
				filter(good[:i] + c + good[i:])
			}
		}
	}
	require.Greater(t, compare(t, objects), 1000)
}
