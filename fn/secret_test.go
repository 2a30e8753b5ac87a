package fn_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/importer"
)

// hidden is the credential of these tests; no report may show it, nor its beginning.
const hidden = "s3cr3tS3CR3T"

func specWith(workload string) string {
	return `apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata: {name: shop}
spec:
  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90]}
  workloads:
  - name: pay
    ports: [{name: http, port: 8080}]
    groups: [{name: pay, instances: [{name: vm1, address: 192.168.1.100}]}]
` + workload
}

// reports prints findings in every format.
func reports(t *testing.T, findings diag.List) string {
	var all bytes.Buffer
	for _, f := range diag.Formats() {
		require.NoError(t, diag.Report(&all, f, findings, diag.Options{Rules: fn.Rules()}))
	}
	return all.String()
}

func lintText(text string) diag.List {
	docs, findings := schema.Parse("vmmesh.yaml", []byte(text))
	if !findings.HasErrors() {
		findings = append(findings, fn.Lint(docs)...)
	}
	return findings
}

func TestSecretsByNameAreFoundAndNotShown(t *testing.T) {
	for _, part := range []string{
		"    probe: {httpGet: {port: 8080, httpHeaders: [{name: Authorization, value: HIDDEN}]}}\n",
		"    probe: {httpGet: {port: 8080, httpHeaders: [{value: HIDDEN, name: x-api-key}]}}\n",
		"    probe:\n      httpGet:\n        port: 8080\n        httpHeaders:\n        - name: Cookie\n          value: HIDDEN\n",
		"    services: [{name: pay, traffic: {http: [{route: [{destination: {}}], headers: {request: {set: {cookie: HIDDEN}}}}]}}]\n",
		"    services: [{name: pay, traffic: {http: [{route: [{destination: {}}], headers: {request: {add: {Proxy-Authorization: HIDDEN}}}}]}}]\n",
		"    services: [{name: pay, traffic: {http: [{match: [{headers: {authorization: {exact: HIDDEN}}}], route: [{destination: {}}]}]}}]\n",
		"    security: {allow: [{name: a, when: [{key: \"request.headers[x-api-key]\", values: [HIDDEN]}]}]}\n",
		"    security: {allow: [{name: a, when: [{key: \"request.headers[authorization]\", notValues: [HIDDEN]}]}]}\n",
		"  vm: {env: [{name: DB_PASSWORD, value: HIDDEN}]}\n",
		"  vm: {env: [{name: TOKEN, value: HIDDEN}]}\n",
		"  vm: {identity: {type: Command, command: [curl, -H, \"Authorization: Bearer HIDDEN\"]}}\n",
		"  vm: {identity: {type: Command, command: [get, --password, HIDDEN]}}\n",
		"  vm: {identity: {type: Command, command: [get, \"DB_PASSWORD=HIDDEN\"]}}\n",
		"  vm: {identity: {type: HTTP, http: {url: \"http://a:HIDDEN@e.com/x y\"}}}\n",
		"    annotations: {\"https://a:HIDDEN@example.com\": x}\n",
		"    annotations:\n      password: \"HIDDEN\"\n",
		"    annotations: {note: \"Bearer\n      HIDDEN\", n: [1]}\n",
		"    annotations: {note: \"https://a:HIDDEN@b\"\n",
		"    annotations:\n      note: |\n        password: HIDDEN\n",
	} {
		text := specWith(strings.ReplaceAll(part, "HIDDEN", hidden))
		findings := lintText(text)
		require.True(t, findings.HasErrors(), text)
		if findings[0].Rule >= "VM010" {
			require.Contains(t, reports(t, findings), "VM018", text)
		}
		require.NotContains(t, reports(t, findings), hidden[:6], text)
	}
}

func TestHonestValuesBesideSecretNames(t *testing.T) {
	for _, part := range []string{
		"    annotations: {note: uses basic authentication at the edge, b: Basic configuration of the fleet}\n",
		"    annotations: {note: put the -----BEGIN PRIVATE KEY----- block in vault}\n",
		"    services: [{name: pay, traffic: {http: [{route: [{destination: {}}], headers: {request: {remove: [authorization]}}}]}}]\n",
		"    services: [{name: pay, traffic: {http: [{match: [{headers: {cookie: {regex: \"^(.*?;)?(user=jason)(;.*)?$\"}}}], route: [{destination: {}}]}]}}]\n",
		"    security: {allow: [{name: a, when: [{key: \"request.headers[authorization]\", values: [\"Bearer *\"]}]}]}\n",
		"  vm: {env: [{name: SECRET_TTL, value: 72h}, {name: TOKEN_FILE, value: /etc/secret/token}]}\n",
		"  vm: {identity: {type: Command, rootCert: \"\", command: [get, --token-file, /etc/token]}}\n",
	} {
		require.NotContains(t, reports(t, lintText(specWith(part))), "VM018", part)
	}
}

const secretRoute = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: pay, namespace: shop}
spec:
  hosts: [pay]
  http:
  - headers: {request: {set: {Authorization: ` + hidden + `}, sett: {a: b}}}
    route: [{destination: {host: pay}}]
    timeout: "https://a:` + hidden + `@b"
`

func TestVerifyAndImportShowNoSecret(t *testing.T) {
	texts := []fn.Manifests{{Name: "a.yaml", Text: []byte(secretRoute)}}
	found := fn.Verify(texts)
	require.NotEmpty(t, found)
	require.NotContains(t, reports(t, found), hidden[:6])
	imported := fn.Import("spec.yaml", []fn.Manifests{{Name: "a.yaml", Text: []byte(secretRoute)}}, nil, importer.Options{})
	require.NotEmpty(t, imported.Faults)
	require.NotContains(t, reports(t, imported.Faults)+reports(t, imported.Defects)+imported.Text, hidden[:6])
}
