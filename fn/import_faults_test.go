package fn_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/importer"
)

const ledgerGroup = `apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: {name: ledger, namespace: fin}
spec: {metadata: {labels: {app: ledger}}, template: {serviceAccount: ledger, ports: {http: 8080}}}
---
apiVersion: v1
kind: Service
metadata: {name: ledger, namespace: fin}
spec: {selector: {app: ledger}, ports: [{port: 80, name: http, targetPort: 8080}]}
---
`

// entryOfLedger is an entry with a name and labels.
func entryOfLedger(name, address, labels, more string) string {
	return "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: " + name + ", namespace: fin" + more + "}\n" +
		"spec: {address: " + address + ", serviceAccount: ledger, labels: {app: ledger" + labels + "}, ports: {http: 8080}}\n---\n"
}

// TestImportNamesWhatDiffers imports sets in which something cannot stay as it is, or easily could be lost: the spec and
// the findings have what an operator needs, and nothing that changes a meaning is an info.
func TestImportNamesWhatDiffers(t *testing.T) {
	policy := func(kind, name, rest string) string {
		return "apiVersion: security.istio.io/v1\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: fin}\n" + rest + "\n---\n"
	}
	for name, c := range map[string]struct {
		in      string
		options importer.Options
		spec    []string // in the spec
		not     []string // not in it
		report  []string // in the findings
		silent  []string // not in them
		steps   []string // among the steps
		exact   int      // objects that are built back
	}{
		"a policy that selects without class": {
			in:     ledgerGroup + policy("AuthorizationPolicy", "who", "spec: {selector: {matchLabels: {app: ledger}}, rules: [{from: [{source: {namespaces: [web]}}]}]}"),
			report: []string{"warning VM803: AuthorizationPolicy fin/who is named ledger-allow", "warning VM803: AuthorizationPolicy fin/who: gets class: vm in its selector"},
			steps:  []string{"apply the build; delete nothing yet", "bring each VM its new files", "only when all VMs run with them, delete what has another name now: kubectl delete authorizationpolicy -n fin who"},
			exact:  2,
		},
		"a policy whose name a build uses": {
			in:    ledgerGroup + policy("PeerAuthentication", "ledger", "spec: {selector: {matchLabels: {app: ledger}}, mtls: {mode: STRICT}}"),
			steps: []string{"apply a copy, under another name, of PeerAuthentication fin/ledger", "apply the build", "new files", "delete what has another name now: the copies"},
			exact: 2,
		},
		"two policies that become one": {
			in: ledgerGroup + policy("AuthorizationPolicy", "ledger-allow", "spec: {selector: {matchLabels: {app: ledger}}, rules: [{from: [{source: {namespaces: [web]}}]}]}") +
				policy("AuthorizationPolicy", "more", "spec: {selector: {matchLabels: {app: ledger}}, rules: [{from: [{source: {namespaces: [api]}}]}]}"),
			report: []string{"AuthorizationPolicy fin/ledger-allow, fin/more: gets class: vm", "fin/more becomes part of the one policy ledger-allow"},
			steps:  []string{"apply a copy, under another name, of AuthorizationPolicy fin/ledger-allow", "new files", "kubectl delete authorizationpolicy -n fin more; the copies"},
			exact:  2,
		},
		"what a spec refuses": {
			in: ledgerGroup + "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: proxy, namespace: fin}\n" +
				"spec: {hosts: [proxy.example], ports: [{number: 3128, name: http, protocol: HTTP_CONNECT}], resolution: DNS}\n",
			not:    []string{"proxy.example"},
			report: []string{"warning VM801: ServiceEntry fin/proxy stays outside the spec: a spec cannot have it"},
			exact:  2,
		},
		"no service account": {
			in:     "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: old, namespace: fin}\nspec: {address: 10.3.0.9, labels: {app: old}}\n",
			spec:   []string{"proxy: None"},
			not:    []string{"serviceAccount"},
			report: []string{"info VM806: WorkloadEntry fin/old names no service account, so clients speak plaintext to it"},
			silent: []string{"serviceAccount: default"},
		},
		"no namespace": {
			in:     strings.ReplaceAll(ledgerGroup, ", namespace: fin", ""),
			spec:   []string{"namespace: default"},
			report: []string{`warning VM806: 2 objects are without a namespace: the spec puts them in "default"`},
			silent: []string{"VM802", "VM801"},
			exact:  2,
		},
		"no namespace, and one on the command line": {
			in:      strings.ReplaceAll(ledgerGroup, ", namespace: fin", ""),
			options: importer.Options{Namespace: "bank"},
			spec:    []string{"namespace: bank"},
			report:  []string{"info VM806: 2 objects are without a namespace"},
			silent:  []string{"VM802", "VM801"},
			exact:   2,
		},
		"no namespace, and others in one": {
			in:     strings.Replace(ledgerGroup, ", namespace: fin", "", 1),
			spec:   []string{"namespace: fin"},
			report: []string{`warning VM806: 1 object is without a namespace: the spec puts it in "fin"`},
			exact:  2,
		},
		"a locality": {
			in:   ledgerGroup + strings.Replace(entryOfLedger("ledger-1", "10.3.0.7", "", ""), "spec: {", "spec: {locality: eu/eu-a, ", 1),
			spec: []string{"locality: eu/eu-a"}, silent: []string{"VM802", "warning"}, exact: 3,
		},
		"a label of the group that an entry lacks": {
			in:     strings.Replace(ledgerGroup, "labels: {app: ledger}", "labels: {app: ledger, tier: back}", 1) + entryOfLedger("ledger-1", "10.3.0.7", "", ""),
			report: []string{"warning VM803: WorkloadEntry fin/ledger-1: gets spec.labels.tier: back"},
		},
		"a label of the group that an entry lacks, and a rule selects by": {
			in: strings.Replace(ledgerGroup, "labels: {app: ledger}", "labels: {app: ledger, tier: back}", 1) + entryOfLedger("ledger-1", "10.3.0.7", "", "") +
				"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: ledger, namespace: fin}\n" +
				"spec: {host: ledger.fin.svc.cluster.local, subsets: [{name: back, labels: {tier: back}}]}\n",
			report: []string{"error VM802: WorkloadEntry fin/ledger-1: gets spec.labels.tier: back"},
		},
		"a class": {
			in:     strings.Replace(ledgerGroup, "labels: {app: ledger}", "labels: {app: ledger, class: batch}", 1),
			report: []string{"warning VM803: WorkloadGroup fin/ledger: spec.metadata.labels.class is batch here, and vm in a build"},
		},
		"a class that a Service selects by": {
			in:     strings.NewReplacer("labels: {app: ledger}", "labels: {app: ledger, class: batch}", "selector: {app: ledger}", "selector: {app: ledger, class: batch}").Replace(ledgerGroup),
			report: []string{"error VM802: WorkloadGroup fin/ledger: spec.metadata.labels.class is batch here"},
		},
		"a probe without numbers": {
			in:     strings.Replace(ledgerGroup, "spec: {metadata", "spec: {probe: {httpGet: {port: 8080}}, metadata", 1),
			spec:   []string{"probe: {failureThreshold: 1, httpGet: {port: 8080}}"},
			silent: []string{"warning"}, exact: 2,
		},
		"a group without ports": {
			in:   strings.Replace(ledgerGroup, ", ports: {http: 8080}", "", 1),
			spec: []string{`includeInboundPorts: ["*"]`}, silent: []string{"warning"}, exact: 2,
		},
		"a label of one VM": {
			in:    entryOfLedger("a", "10.3.0.7", ", host: a", "") + entryOfLedger("b", "10.3.0.8", ", host: b", ""),
			spec:  []string{"{name: a, address: 10.3.0.7, entryName: a, labels: {host: a}}", "labels: {host: b}}"},
			exact: 2,
		},
		"an annotation of the group": {
			in:   strings.Replace(ledgerGroup, "labels: {app: ledger}}", "labels: {app: ledger}, annotations: {rack: r1}}", 1),
			spec: []string{"annotations: {rack: r1}"}, silent: []string{"Service fin/ledger: gets", "Service fin/ledger: a build writes out: metadata.annotations"}, exact: 2,
		},
		"short hosts and two ports": {
			in: strings.NewReplacer("{http: 8080}", "{http: 8080, grpc: 9090}", "[{port: 80, name: http, targetPort: 8080}]", "[{port: 8080, name: http}, {port: 9090, name: grpc}]").Replace(ledgerGroup) +
				"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: ledger, namespace: fin}\nspec: {hosts: [ledger], http: [{timeout: 5s, route: [{destination: {host: ledger}}]}]}\n",
			silent: []string{"warning VM8", "error"}, exact: 3,
		},
		"a written entry with the annotation of registered ones": {
			in:     ledgerGroup + entryOfLedger("ledger-vm", "10.3.0.7", "", ", annotations: {istio.io/autoRegistrationGroup: ledger}"),
			spec:   []string{"{name: vm, address: 10.3.0.7}"},
			not:    []string{"registration: Auto"},
			report: []string{"warning VM803: WorkloadEntry fin/ledger-vm was not made by istiod"},
		},
		"an entry that istiod made": {
			in:   ledgerGroup + entryOfLedger("ledger-10.3.0.7", "10.3.0.7", "", `, annotations: {istio.io/autoRegistrationGroup: ledger, istio.io/connectedAt: "2026-01-01T00:00:00Z"}`),
			spec: []string{"registration: Auto"}, not: []string{"10.3.0.7"}, exact: 2,
		},
		"a ServiceEntry without a location": {
			in: entryOfLedger("ledger-1", "10.3.0.7", "", "") +
				"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: ledger, namespace: fin}\nspec: {hosts: [ledger.corp.example], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}], workloadSelector: {labels: {app: ledger}}}\n---\n" +
				policy("AuthorizationPolicy", "ledger-allow", `spec: {selector: {matchLabels: {app: ledger}}, rules: [{to: [{operation: {ports: ["8080"]}}]}]}`),
			spec:   []string{"externalServices:", "ports: [http]"},
			report: []string{"warning VM806: ServiceEntry fin/ledger selects VMs of ledger", "location is MESH_EXTERNAL, the default"},
			silent: []string{"listens on 8080"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.options
			o.IstioVersion, o.IstiodAddresses = "1.31.1", []string{"34.56.78.90"}
			got := fn.Import("vmmesh.yaml", []fn.Manifests{{Name: "a.yaml", Text: []byte(c.in)}}, nil, o)
			text := report(t, got.Faults)
			require.False(t, got.Unbuilt, "%s\n%s", text, got.Text)
			for _, part := range c.spec {
				require.Contains(t, got.Text, part)
			}
			for _, part := range c.not {
				require.NotContains(t, got.Text, part)
			}
			for _, part := range c.report {
				require.Contains(t, text, part)
			}
			for _, part := range c.silent {
				require.NotContains(t, text, part)
			}
			at := 0
			for _, part := range c.steps { // in this order
				n := slices.IndexFunc(got.Summary.Steps[at:], func(step string) bool { return strings.Contains(step, part) })
				require.GreaterOrEqual(t, n, 0, "%q in %q", part, got.Summary.Steps)
				at += n
			}
			if c.exact > 0 {
				require.Equal(t, c.exact, got.Summary.Exact, text)
			}
		})
	}
}

// TestImportLosesNothing imports every set of the cases: each object is in the spec, or is named as one that stays.
func TestImportLosesNothing(t *testing.T) {
	for _, path := range importInputs(t) {
		t.Run(filepath.Base(filepath.Dir(filepath.Dir(path)))+"/"+filepath.Base(path), func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			got := fn.Import("vmmesh.yaml", []fn.Manifests{{Name: "a.yaml", Text: src}}, nil, importer.Options{})
			if got.Text == "" {
				return
			}
			stays := 0
			for _, list := range got.Summary.Beside {
				stays += len(list)
			}
			require.Equal(t, got.Objects, got.Summary.Taken+stays, "%v", got.Summary)
			require.LessOrEqual(t, got.Summary.Exact, got.Summary.Taken)
			for _, d := range got.Faults {
				if d.Severity == diag.Info { // a difference of meaning is a warning at least
					require.NotContains(t, d.Message, " is named ")
					require.NotContains(t, d.Message, "a build leaves out")
				}
			}
		})
	}
}
