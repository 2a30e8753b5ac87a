package fn_test

import (
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// throughKustomize is what the real kustomize makes of the payments example under an overlay, as a stream. Without the
// configurations of its kustomization kustomize knows nothing of Istio's fields.
func throughKustomize(t testing.TB, overlay string, configured bool) string {
	t.Helper()
	src, err := os.ReadFile("../examples/payments/vmmesh.yaml")
	require.NoError(t, err)
	disk := filesys.MakeFsInMemory()
	for name, text := range mustBuild(t, "vmmesh.yaml", src).files {
		if name == "kustomization.yaml" && !configured {
			before, after, found := strings.Cut(text, "configurations:\n")
			require.True(t, found, text)
			_, after, found = strings.Cut(after, "resources:\n")
			require.True(t, found, text)
			text = before + "resources:\n" + after
		}
		require.NoError(t, disk.MkdirAll(path.Dir("/base/"+name)))
		require.NoError(t, disk.WriteFile("/base/"+name, []byte(text)))
	}
	require.NoError(t, disk.MkdirAll("/overlay"))
	require.NoError(t, disk.WriteFile("/overlay/kustomization.yaml", []byte("resources: [../base]\n"+overlay)))
	result, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, "/overlay")
	require.NoError(t, err)
	text, err := result.AsYaml()
	require.NoError(t, err)
	return string(text)
}

// TestVerifyFindsTornOverlays lays overlays that tear a mesh apart in silence over the payments example, and demands a
// finding for each thing that broke.
func TestVerifyFindsTornOverlays(t *testing.T) {
	for _, c := range []struct {
		name, overlay string
		finds         []string
	}{
		{"prefix", "namePrefix: staging-\n", []string{
			`error VM102: there is no ServiceAccount "payment-service-sa" in namespace vm-workloads: ServiceAccount vm-workloads/staging-payment-service-sa was renamed`,
			`error VM517: no service has the host "payment-service.vm-workloads.svc.cluster.local": Service vm-workloads/staging-payment-service was renamed`,
			`error VM517: no service has the host "payment-service.vm-workloads.svc.cluster.local" (7 times): Service vm-workloads/staging-payment-service was renamed`,
		}},
		{"suffix", "nameSuffix: -eu\n", []string{
			`ServiceAccount vm-workloads/payment-service-sa-eu was renamed`,
			`Service vm-workloads/payment-service-eu was renamed`,
		}},
		{"namespace", "namespace: staging\n", []string{
			`error VM517: no service has the host "payment-service.vm-workloads.svc.cluster.local": Service staging/payment-service was moved to namespace staging`,
		}},
		{"prefix and namespace", "namespace: staging\nnamePrefix: blue-\n", []string{
			`error VM102: there is no ServiceAccount "payment-service-sa" in namespace staging: ServiceAccount staging/blue-payment-service-sa was renamed`,
			`Service staging/blue-payment-service was renamed and moved to namespace staging`,
		}},
		{"label in selectors", "labels:\n- {pairs: {env: staging}, includeSelectors: true}\n", []string{
			`error VM110: Service vm-workloads/payment-service selects by env=staging, which is in the metadata of WorkloadGroup vm-workloads/payment-service alone and not on its VMs`,
			`error VM110: Service vm-workloads/payment-service selects by env=staging, which is in the metadata of WorkloadGroup vm-workloads/payment-service-v2 alone and not on its VMs`,
			`warning VM110: Service vm-workloads/payment-service selects by env=staging, which is in the metadata of WorkloadEntry vm-workloads/payment-service-vm1 alone and not on its VM`,
		}},
		{"list replaced by a patch", `
patches:
- patch: |
    apiVersion: networking.istio.io/v1
    kind: DestinationRule
    metadata: {name: payment-service, namespace: vm-workloads}
    spec:
      subsets:
      - {name: canary, labels: {version: v2}, trafficPolicy: {connectionPool: {tcp: {maxConnections: 10}}}}
`, []string{
			`error VM501: DestinationRule vm-workloads/payment-service does not have a subset "stable"; it has canary`,
		}},
		{"identity changed by a patch", `
patches:
- target: {kind: ServiceAccount}
  options: {allowNameChange: true}
  patch: |
    - {op: replace, path: /metadata/name, value: payments-service-sa}
`, []string{
			`error VM102: there is no ServiceAccount "payment-service-sa" in namespace vm-workloads: ServiceAccount vm-workloads/payments-service-sa has nearly that name`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stream := throughKustomize(t, c.overlay, false)
			got := report(t, verify("-", stream))
			for _, want := range c.finds {
				require.Contains(t, got, want)
			}
		})
	}
}

// TestVerifyIsSilentAboutIntactOverlays lays overlays over the whole tree, that keep the mesh together or do it no harm.
func TestVerifyIsSilentAboutIntactOverlays(t *testing.T) {
	for name, overlay := range map[string]string{
		"none":               "",
		"label in selectors": "labels:\n- {pairs: {env: staging}, includeSelectors: true}\n",
		"common labels":      "commonLabels: {env: staging}\n",
		"prefix":             "namePrefix: staging-\ntransformers: [../base/overlay]\n",
		"suffix":             "nameSuffix: -eu\ntransformers: [../base/overlay]\n",
		"prefix, namespace":  "namespace: staging\nnamePrefix: blue-\ntransformers: [../base/overlay]\n",
		"label on objects":   "labels:\n- {pairs: {app.kubernetes.io/managed-by: argocd}}\n",
		"annotations":        "commonAnnotations: {contact: payments}\n",
		"whole list in a patch": `
patches:
- patch: |
    apiVersion: networking.istio.io/v1
    kind: DestinationRule
    metadata: {name: payment-service, namespace: vm-workloads}
    spec:
      subsets:
      - {name: stable, labels: {version: v1}}
      - {name: canary, labels: {version: v2}, trafficPolicy: {connectionPool: {tcp: {maxConnections: 10}}}}
`,
		"addition by a JSON patch": `
patches:
- target: {kind: DestinationRule}
  patch: |
    - {op: add, path: /spec/subsets/-, value: {name: any, labels: {app: payment-service}}}
`,
	} {
		t.Run(name, func(t *testing.T) {
			stream := throughKustomize(t, overlay, true)
			require.Empty(t, report(t, verify("-", stream)))
		})
	}
}
