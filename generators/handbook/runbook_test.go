package handbook_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// book keeps RUNBOOK.md of a build.
type book struct{ text string }

func (b *book) Object(string, []byte) error { return nil }
func (b *book) File(f manifest.File) error {
	if f.Path == "RUNBOOK.md" {
		b.text = string(f.Data)
	}
	return nil
}

func build(t *testing.T, body string) string {
	t.Helper()
	docs, found := schema.Parse("vmmesh.yaml", []byte("apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: payments}\nspec:\n"+body))
	require.Empty(t, found)
	out := &book{}
	found, err := fn.Build(docs, out)
	require.NoError(t, err)
	require.Less(t, found.Worst(), diag.Error, "%v", found)
	return out.text
}

var heading = regexp.MustCompile(`(?m)^## (.*)$`)

// titles are what alerts and diagnose.sh link to.
var titles = []string{
	"VM is down", "Certificate is near its end", "Control plane is not connected", "Group is below its minimum", "Registration fails", "Service has no endpoints",
	"mTLS is refused", "Names do not resolve", "Probe fails", "Firewall", "Token", "Clock", "First boot",
}

const everyKind = `  istio: {version: 1.31.1, istiodAddresses: ["2001:db8::7"], revision: "1-31", podCIDRs: [10.244.0.0/16], trustDomain: td.example, clusterDomain: c.example}
  controlPlane: {eastWestGateway: {name: way-in, namespace: ways}}
  namespace: vm-workloads
  workloads:
  - name: pay
    serviceAccount: pay-sa
    ports: [{name: http, port: 80, targetPort: 8080}]
    groups:
    - {name: pay-file, minHealthy: 2, vm: {dns: {mode: Forward, servers: [10.0.0.53]}, firewall: {backend: UFW}}, registration: Auto}
    - {name: pay-request, registration: Auto, vm: {identity: {type: TokenRequest, tokenRequest: {server: "https://k.example.com:6443", credentialFile: /etc/vmmesh/token}}, firewall: {backend: Firewalld}}}
    - {name: pay-http, registration: Auto, vm: {identity: {type: HTTP, http: {url: "https://t.example.com"}}, dns: {mode: None}, firewall: {backend: Nftables}}}
`

// TestSections are the titles that others link to, every link of the page's own, and the names in the commands.
func TestSections(t *testing.T) {
	text := build(t, everyKind)
	var got []string
	anchors := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		got = append(got, m[1])
		anchors[strings.ReplaceAll(strings.ToLower(m[1]), " ", "-")] = true
	}
	require.Equal(t, titles, got)
	for _, link := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(text, -1) {
		require.True(t, anchors[link[1]], link[1])
	}
	for _, want := range []string{
		"openssl s_client -connect '[2001:db8::7]:15012' -servername istiod-1-31.istio-system.svc ",
		"kubectl create token pay-sa -n vm-workloads --audience istio-ca --duration 1h | ssh VM sudo install -m 0600 /dev/stdin /var/lib/vmmesh/istio-token",
		"| ssh VM sudo install -m 0644 /dev/stdin /var/lib/vmmesh/root-cert.pem",
		"kubectl get svc way-in -n ways", "'outbound|80||pay.vm-workloads.svc.c.example'", "kubectl get workloadgroup pay-http -n vm-workloads",
		"resolvectl query kubernetes.default.svc.c.example", "spiffe://td.example/ns/", "ufw status", "firewall-cmd --info-policy vmmesh", "nft list table inet vmmesh",
		"TokenFile: ", "TokenRequest: ", "HTTP: ", "| `vm-workloads/pay-file` | 15006 | `10.244.0.0/16` | the mesh, captured |", "scp -r vms/scripts vms/vm-workloads/pay-file VM:",
	} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "SPIRE: ")
	require.NotContains(t, text, "\n\n\n")

	script, err := os.ReadFile("../vms/scripts/diagnose.sh")
	require.NoError(t, err)
	pointers := regexp.MustCompile(`(?m)^\s*(?:odd|bad|\*\) bad|.*; else bad) ".*" ("[^"]*"|[A-Z]\w*)(?: ;;|; fi)?$`).FindAllStringSubmatch(string(script), -1)
	require.Greater(t, len(pointers), 20)
	for _, m := range pointers {
		require.Contains(t, titles, strings.Trim(m[1], `"`), m[0])
	}
}

// TestCommands: every block is what a shell can read.
func TestCommands(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(build(t, everyKind), -1)
	require.Greater(t, len(blocks), 15)
	for _, b := range blocks {
		out, err := exec.Command("bash", "-n", "-c", b[1]).CombinedOutput()
		require.NoError(t, err, "%s%s", b[1], out)
	}
}

// TestLargeFleets have a page that a person still reads.
func TestLargeFleets(t *testing.T) {
	var body strings.Builder
	body.WriteString("  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90], podCIDRs: [10.244.0.0/16]}\n  vm: {firewall: {backend: Nftables}}\n  workloads:\n")
	for n := range 60 {
		fmt.Fprintf(&body, "  - name: w%d\n    ports: [{name: http, port: 8080}]\n    groups:\n    - name: w%d\n      instances:\n", n, n)
		for i := range 20 {
			fmt.Fprintf(&body, "      - {name: vm%d, address: 10.%d.%d.%d}\n", i, n, i, 2*i+1)
		}
	}
	text := build(t, body.String())
	require.Less(t, strings.Count(text, "\n"), 500)
	require.Less(t, len(text), 40_000)
	require.Contains(t, text, "and so on for 40 more workloads")
	require.Contains(t, text, "and 40 more groups")
	require.Contains(t, text, "1193 more ranges")
}
