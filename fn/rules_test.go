package fn_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// TestRulesAreDocumented demands what `vmmesh explain` prints of every rule.
func TestRulesAreDocumented(t *testing.T) {
	seen := map[string]bool{}
	names := map[string]bool{}
	for _, rule := range fn.Rules() {
		require.Regexp(t, regexp.MustCompile(`^VM\d{3}$`), rule.ID)
		require.False(t, seen[rule.ID], "two rules are %s", rule.ID)
		require.False(t, names[rule.Name], "two rules are named %s", rule.Name)
		seen[rule.ID], names[rule.Name] = true, true
		require.Regexp(t, regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`), rule.Name, rule.ID)
		require.Contains(t, []diag.Severity{diag.Info, diag.Warning, diag.Error}, rule.Severity, rule.ID)
		require.Regexp(t, regexp.MustCompile(`^[^\n]*\.$`), rule.Doc, "%s: one sentence", rule.ID)
		for what, text := range map[string]string{"Long": rule.Long, "Bad": rule.Bad, "Good": rule.Good} {
			require.NotEmpty(t, strings.TrimSpace(text), "%s has no %s", rule.ID, what)
		}
		require.NotEqual(t, rule.Bad, rule.Good, rule.ID)
	}
}

// notComplete are rules whose examples cannot stand as they are: what draws them is too large, or is another file.
var notComplete = map[string]string{
	"VM005": "its good example is the beginning of a spec only",
	"VM011": "completing it adds what is missing",
	"VM006": "its bad example would need a hundred brackets, or 64 MiB",
	"VM901": "its bad example would need a thousand instances",
	"VM902": "likewise",
	"VM903": "likewise",
	"VM905": "its bad example would need certificates",
}

// TestRulesExamples completes each rule's bad and good example into a spec: the bad one draws the rule, the good one has
// no finding at all that a person would have to mend.
func TestRulesExamples(t *testing.T) {
	for id := range notComplete {
		require.True(t, slices.ContainsFunc(fn.Rules(), func(r *diag.Rule) bool { return r.ID == id }), "%s is no rule", id)
	}
	for _, rule := range fn.Rules() {
		if notComplete[rule.ID] != "" || aboutManifests(rule.ID) { // TestVerifyExamples has those
			continue
		}
		t.Run(rule.ID, func(t *testing.T) {
			bad, found := lintExample(t, rule.Bad)
			require.True(t, drawn(found, rule.ID), "%s\n%s", bad, report(t, found))
			good, found := lintExample(t, rule.Good)
			if slices.Contains(syntax.Rules, rule) {
				require.False(t, drawn(found, rule.ID), "%s\n%s", good, report(t, found))
				return
			}
			require.Less(t, found.Worst(), diag.Warning, "%s\n%s", good, report(t, found))
		})
	}
}

func drawn(found diag.List, id string) bool {
	return slices.ContainsFunc(found, func(d diag.Diagnostic) bool { return d.Rule == id })
}

// lintExample completes an example and lints it. An example that cannot be read is linted as it stands.
func lintExample(t *testing.T, example string) (string, diag.List) {
	t.Helper()
	text := example
	if complete, ok := completed(example); ok {
		text = complete
		if strings.HasPrefix(example, "#") { // a comment may be what it is about
			comment, _, _ := strings.Cut(example, "\n")
			text = comment + "\n" + complete
		}
	}
	_, found := build(t, "example.yaml", []byte(text))
	return text, found
}

// homes are where an example may begin: the keys of the block that it is a part of, and the block.
var homes = []struct {
	keys string
	path string
}{
	{"apiVersion kind metadata spec", ""},
	{"istio networks namespace namespaces workloads externalServices vm observability controlPlane gitops lint", "spec"},
	{"groups ports services security probe sidecar labels annotations metrics", "spec workloads"},
	{"instances", "spec workloads groups"},
	{"traffic exportTo hosts kind selector", "spec workloads services"},
	{"http tcp tls subsets trafficPolicy", "spec workloads services traffic"},
	{"allow deny mtls jwt", "spec workloads security"},
	{"serviceEntry", "spec externalServices"},
}

const exampleBase = `
apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata: {name: example%d}
spec:
  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90]}
  workloads:
  - name: pay%[1]s
    ports: [{name: http, port: 8080}]
    groups:
    - {name: pay%[1]s-v1, version: v1, instances: [{name: vm1, address: 192.168.%[2]s.50}]}
    - {name: pay%[1]s-v2, version: v2, instances: [{name: vm2, address: 192.168.%[2]s.60}]}
    services: [{name: pay%[1]s}]
`

// completed lays each document of an example over a small spec.
func completed(example string) (string, bool) {
	var out strings.Builder
	documents := strings.Split(example, "\n---\n")
	for n, document := range documents {
		var part map[string]any
		if yaml.Unmarshal([]byte(document), &part) != nil {
			return "", false
		}
		suffix := ""
		if n > 0 {
			suffix = fmt.Sprint(n)
		}
		var base map[string]any
		text := strings.NewReplacer("%d", fmt.Sprint(n), "%[1]s", suffix, "%[2]s", fmt.Sprint(n+2)).Replace(exampleBase)
		if err := yaml.Unmarshal([]byte(text), &base); err != nil {
			panic(err)
		}
		home, ok := homeOf(part)
		if !ok {
			return "", false
		}
		var whole any = part
		for _, key := range slices.Backward(strings.Fields(home)) {
			whole = map[string]any{key: whole}
		}
		merged, err := yaml.Marshal(overlay(base, whole))
		if err != nil {
			return "", false
		}
		if n > 0 {
			out.WriteString("---\n")
		}
		out.Write(merged)
	}
	return out.String(), true
}

func homeOf(part map[string]any) (string, bool) {
	for _, home := range homes {
		keys := strings.Fields(home.keys)
		if !slices.ContainsFunc(slices.Collect(maps.Keys(part)), func(key string) bool { return !slices.Contains(keys, key) }) {
			return home.path, true
		}
	}
	return "", false
}

// overlay merges maps, and lists of maps item by item. A map over a list is laid over its first item, so that a home
// need not know names.
func overlay(below, over any) any {
	switch over := over.(type) {
	case map[string]any:
		switch below := below.(type) {
		case map[string]any:
			for key, value := range over {
				below[key] = overlay(below[key], value)
			}
			return below
		case []any:
			below[0] = overlay(below[0], over)
			return below
		case nil:
			return over
		}
	case []any:
		items, _ := below.([]any)
		for n, item := range over {
			if _, isMap := item.(map[string]any); isMap && n < len(items) {
				over[n] = overlay(items[n], item)
			}
		}
	}
	return over
}
