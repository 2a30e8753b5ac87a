package fn_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/importer"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// importable is a build's stream as manifests.
func importable(out *outputs) []fn.Manifests {
	return []fn.Manifests{{Name: "manifests.yaml", Text: out.stream.Bytes()}}
}

// backwards is importable in the opposite order, in two files.
func backwards(out *outputs) []fn.Manifests {
	documents := strings.Split(out.stream.String(), "\n---\n")
	slices.Reverse(documents)
	half := len(documents) / 2
	return []fn.Manifests{
		{Name: "a.yaml", Text: []byte(strings.Join(documents[:half], "\n---\n"))},
		{Name: "b.yaml", Text: []byte(strings.Join(documents[half:], "\n---\n"))},
	}
}

// factsOf are the facts of a spec that no manifest has.
func factsOf(t testing.TB, path string, src []byte) importer.Options {
	t.Helper()
	docs, found := schema.Parse(path, src)
	require.False(t, found.HasErrors())
	spec, found := docs[0].Decode()
	require.False(t, found.HasErrors())
	i := spec.Spec.Istio
	return importer.Options{
		IstioVersion: i.Version, IstiodAddresses: i.IstiodAddresses, IstioNamespace: i.Namespace, MeshID: i.MeshID, ClusterName: i.ClusterName,
		Network: i.Network, TrustDomain: i.TrustDomain, ClusterDomain: i.ClusterDomain,
	}
}

// objectsOf are the objects of a stream that import takes up, as text, by kind, namespace and name.
func objectsOf(t testing.TB, stream string) map[string]string {
	t.Helper()
	var set manifest.Set
	require.Empty(t, report(t, set.Read("stream.yaml", []byte(stream))))
	out := map[string]string{}
	for n, text := range strings.Split(stream, "\n---\n") {
		// What a spec makes in Istio's own namespace is the control plane's, which import leaves alone.
		r := set.All()[n]
		controlPlane := strings.HasPrefix(r.Namespace, "istio-") || r.Kind == "Namespace" && strings.HasPrefix(r.Name, "istio-")
		if importer.Takes(r) && !controlPlane {
			out[r.String()] = strings.TrimSpace(text)
		}
	}
	return out
}

// notImported are objects of our own that import does not take up, by case, with the reason.
var notImported = map[string]map[string]string{
	"vm-identities": {
		"ServiceAccount elsewhere/pay-sa-bootstrap":    ofIdentity,
		"ServiceAccount vm-workloads/pay-sa-bootstrap": ofIdentity,
	},
	"client-side": {
		"DestinationRule shop/pay": ofClients, "DestinationRule shop/pay-old": ofClients, "Service shop/pay": ofClients,
		"VirtualService shop/pay": ofClients, "Namespace shop": ofClients,
	},
}

const ofClients = "it is for clients in a cluster that has none of the VMs"

const ofIdentity = "it comes with vm.identity, which no manifest has"

// TestImportOurs imports what every example and good case builds to, and builds the result: the objects are equal to the
// last byte, and no finding is about them.
func TestImportOurs(t *testing.T) {
	for name := range notImported {
		require.Contains(t, cases(t), name, "the table has a case that does not exist")
	}
	for name, path := range cases(t) {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			first := mustBuild(t, path, src)
			got := fn.Import("vmmesh.yaml", importable(first), nil, factsOf(t, path, src))
			golden := "../testdata/import/ours/" + name + ".yaml"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got.Text), 0o644))
			}
			text, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(text), got.Text, "run `make golden` and read the difference")

			want := objectsOf(t, first.stream.String())
			for object, reason := range notImported[name] {
				require.NotEmpty(t, reason)
				require.Contains(t, want, object, "an entry of the table that is used by nothing")
				delete(want, object)
			}
			if len(want) == 0 { // nothing but a control plane
				require.Empty(t, got.Text)
				return
			}
			ignored := ""
			if name == "lint-ignore" { // what the manifests do not have, and the case is about
				_, ignored, _ = strings.Cut(string(src), "\n  lint:")
				ignored = "  lint:" + ignored
				got.Text += ignored
				got.Faults = slices.DeleteFunc(got.Faults, func(d diag.Diagnostic) bool { return d.Rule == "VM113" })
			}
			again, found := build(t, "vmmesh.yaml", []byte(got.Text))
			require.Less(t, found.Worst(), diag.Error, "%s\n%s", report(t, found), got.Text)
			require.Equal(t, want, objectsOf(t, again.stream.String()), "%s\n%s", got.Text, report(t, got.Faults))
			require.Equal(t, strings.TrimSuffix(got.Text, ignored), fn.Import("vmmesh.yaml", importable(again), nil, factsOf(t, path, src)).Text, "imported again it is something else")
			require.Equal(t, strings.TrimSuffix(got.Text, ignored), fn.Import("vmmesh.yaml", backwards(first), nil, factsOf(t, path, src)).Text, "the order of objects shows")
			for _, d := range got.Faults {
				require.Contains(t, []string{"VM801", "VM806"}, d.Rule, "%s", report(t, got.Faults))
			}
		})
	}
}

// TestImportOverlays imports the trees of the examples with overlays, file by file.
func TestImportOverlays(t *testing.T) {
	dirs, err := filepath.Glob("../examples/overlays/*/expected/manifests/*")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(dirs), 2)
	src, err := os.ReadFile("../examples/overlays/base/vmmesh.yaml")
	require.NoError(t, err)
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var texts []fn.Manifests
			var stream []string
			for name, text := range readTree(t, dir) {
				texts = append(texts, fn.Manifests{Name: name, Text: []byte(text)})
				stream = append(stream, text)
			}
			got := fn.Import("vmmesh.yaml", texts, nil, factsOf(t, "vmmesh.yaml", src))
			require.Empty(t, report(t, got.Faults))
			again := mustBuild(t, "vmmesh.yaml", []byte(got.Text))
			require.Equal(t, objectsOf(t, strings.Join(stream, "---\n")), objectsOf(t, again.stream.String()), got.Text)
		})
	}
}

// TestImportOursIsWhole holds the specs in testdata/import/ours to the cases.
func TestImportOursIsWhole(t *testing.T) {
	paths, err := filepath.Glob("../testdata/import/ours/*.yaml")
	require.NoError(t, err)
	require.Len(t, paths, len(cases(t)), "each case has its spec, and none is left over")
}

// TestImportRules holds the rules of import to what is demanded of all rules: words, an example that draws the rule and
// one that does not, and a case in testdata/import.
func TestImportRules(t *testing.T) {
	known := map[string]bool{}
	for _, rule := range fn.Rules() {
		known[rule.ID], known[rule.Name] = true, true
	}
	var reports strings.Builder
	paths, err := filepath.Glob("../testdata/import/*/report.txt")
	require.NoError(t, err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		reports.Write(text)
	}
	for _, rule := range importer.Rules {
		t.Run(rule.ID, func(t *testing.T) {
			require.Regexp(t, `^VM8\d{2}$`, rule.ID)
			require.False(t, known[rule.ID] || known[rule.Name], "another rule is called so")
			known[rule.ID], known[rule.Name] = true, true
			require.Regexp(t, `^[a-z0-9]+(-[a-z0-9]+)*$`, rule.Name)
			require.Regexp(t, `^[^\n]*\.$`, rule.Doc, "one sentence")
			require.NotEmpty(t, rule.Long)
			require.Contains(t, reports.String(), " "+rule.ID+": ", "no case in testdata/import draws it")

			bad, good := importExample(rule.ID, rule.Bad), importExample(rule.ID, rule.Good)
			require.True(t, drawnAt(bad, rule.ID, rule.Severity), "%s\n%s", rule.Bad, report(t, bad))
			require.False(t, drawnAt(good, rule.ID, diag.Warning), "%s\n%s", rule.Good, report(t, good))
		})
	}
}

// importExample imports an example of a rule: manifests, or files that istioctl wrote.
func importExample(id, example string) diag.List {
	var texts []fn.Manifests
	var folders []importer.Folder
	switch id {
	case "VM805": // a list of files
		folders = []importer.Folder{{Name: "vm1", Env: []byte("POD_NAMESPACE=shop\nISTIO_META_WORKLOAD_NAME=pay\n"), Token: strings.Contains(example, "istio-token")}}
	case "VM807": // a line of cluster.env
		folders = []importer.Folder{{Name: "vm1", Env: []byte("ISTIO_META_WORKLOAD_NAME=pay\n" + example)}}
	default:
		texts = []fn.Manifests{{Name: "example.yaml", Text: []byte(example)}}
	}
	return fn.Import("vmmesh.yaml", texts, folders, importer.Options{}).Faults
}

func drawnAt(found diag.List, id string, least diag.Severity) bool {
	return slices.ContainsFunc(found, func(d diag.Diagnostic) bool { return d.Rule == id && d.Severity >= least })
}
