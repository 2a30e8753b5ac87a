package fn_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

func fix(text string) (string, diag.List) {
	fixed, repaired := fn.Fix([]fn.Text{{Name: "vmmesh.yaml", Text: []byte(text)}})
	return string(fixed[0].Text), repaired
}

const fixable = `# A spec with "comments", and # signs.
apiVersion: vmmesh.dev/v1alpha1   # this version
kind: vmmesh
metadata: {name: fix}
spec:
  istio: {version: 1.31.1, istiodAddreses: [34.56.78.90], network: kube}
  networks:
  - {name: branch-office, gateways: [{address: 203.0.113.7}]}
  workloads:
  - name: pay      # the workload
    "prots":
    - {name: http-api, port: "8080"} # quoted
    labels: {team: 42, on: "yes", tier: true}
    createServiceAccount: "yes"
    probe: {tcpSocket: {port: '8080'}, periodSecond: 5}
    gruops:
    - name: pay
      version: 1.0          # a text
      network: branch-ofice
      registration: 'static'
      instances: [{name: vm1, address: 192.168.1.100}]
    security: {mtls: {mode: strict, ports: [{name: http-apo, mode: "permissive"}]}}
`

const fixedSpec = `# A spec with "comments", and # signs.
apiVersion: vmmesh.dev/v1alpha1   # this version
kind: VMMesh
metadata: {name: fix}
spec:
  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90], network: kube}
  networks:
  - {name: branch-office, gateways: [{address: 203.0.113.7}]}
  workloads:
  - name: pay      # the workload
    "ports":
    - {name: http-api, port: 8080} # quoted
    labels: {team: "42", on: "yes", tier: "true"}
    createServiceAccount: true
    probe: {tcpSocket: {port: 8080}, periodSeconds: 5}
    groups:
    - name: pay
      version: "1.0"          # a text
      network: branch-office
      registration: 'Static'
      instances: [{name: vm1, address: 192.168.1.100}]
    security: {mtls: {mode: STRICT, ports: [{name: http-api, mode: "PERMISSIVE"}]}}
`

// TestFix: what is certain is fixed, through all stages that hide one another, and every other byte stays.
func TestFix(t *testing.T) {
	got, repaired := fix(fixable)
	require.Equal(t, fixedSpec, got)
	require.Len(t, repaired, 16)
	again, none := fix(got)
	require.Equal(t, got, again)
	require.Empty(t, none)
	docs, found := schema.Parse("vmmesh.yaml", []byte(got))
	require.Empty(t, found)
	require.False(t, fn.Lint(docs).HasErrors(), "%s", report(t, fn.Lint(docs)))

	got, _ = fix(strings.ReplaceAll(fixable, "\n", "\r\n"))
	require.Equal(t, strings.ReplaceAll(fixedSpec, "\n", "\r\n"), got, "line ends stay")
	got, _ = fix("\ufeff" + fixable)
	require.Equal(t, "\ufeff"+fixedSpec, got)
}

// TestFixLeavesDoubt: what may have been intended otherwise stays as it is.
func TestFixLeavesDoubt(t *testing.T) {
	spec := func(workload string) string {
		return "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: doubt}\nspec:\n" +
			"  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90]}\n  workloads:\n  - name: pay\n" + workload
	}
	for name, text := range map[string]string{
		"another number":       spec("    ports: [{name: http-8081, port: 8081}]\n    groups: [{name: pay}]\n    security: {mtls: {ports: [{name: http-8082, mode: STRICT}]}}\n"),
		"two that are as near": spec("    ports: [{name: http-a, port: 80}, {name: http-b, port: 81}]\n    groups: [{name: pay}]\n    security: {mtls: {ports: [{name: http-c, mode: STRICT}]}}\n"),
		"the field is there":   spec("    groups: [{name: pay}]\n    gruops: [{name: other}]\n"),
		"two for one field":    "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: a, naem: b}\nspec: {}\n",
		"a name":               spec("    groups: [{name: Pay_1}]\n"),
		"not YAML":             "kind: vmmesh\napiVersion: [\n",
		"a number in octal":    spec("    ports: [{name: http, port: \"010\"}]\n    groups: [{name: pay}]\n"),
		"an alias":             spec("    labels: {a: &v 1, b: *v}\n    groups: [{name: pay}]\n"),
		"a manifest":           "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n",
		"empty":                "",
	} {
		t.Run(name, func(t *testing.T) {
			got, repaired := fix(text)
			require.Equal(t, text, got)
			require.Empty(t, repaired)
		})
	}
	got, _ := fix("apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {naem: a, nmae: b}\nspec: {}\n")
	require.Contains(t, []string{"{name: a, nmae: b}", "{naem: a, name: b}"}, strings.TrimSpace(strings.Split(strings.Split(got, "metadata: ")[1], "\n")[0]),
		"one of two fixes that contradict each other")
}

// TestFixOfEveryBadCase: no fix makes a text unreadable or takes a line or a comment away, none is there after all are
// applied, and the same text always gets the same fixes.
func TestFixOfEveryBadCase(t *testing.T) {
	paths, err := filepath.Glob("../testdata/bad/*.yaml")
	require.NoError(t, err)
	fixes := 0
	for _, path := range paths {
		src, err := os.ReadFile(path)
		require.NoError(t, err)
		_, before := schema.Parse(path, src)
		got, repaired := fix(string(src))
		again, same := fix(string(src))
		require.Equal(t, got, again, path)
		require.Len(t, same, len(repaired), path)
		fixes += len(repaired)
		_, after := schema.Parse(path, []byte(got))
		require.LessOrEqual(t, after.Count(diag.Error), before.Count(diag.Error), path)
		require.Equal(t, strings.Count(string(src), "\n"), strings.Count(got, "\n"), path)
		require.Equal(t, strings.Count(string(src), " # "), strings.Count(got, " # "), path)
		last, none := fix(got)
		require.Equal(t, got, last, path)
		require.Empty(t, none, path)
	}
	require.Greater(t, fixes, 20)
}
