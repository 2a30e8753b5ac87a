package schema

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// specOf puts lines below `spec:` of a document that is right but for them. The first of them is line 5.
func specOf(lines string) string {
	head := "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: shop}\nspec:\n"
	if !strings.Contains(lines, "istio:") {
		lines += "\nistio: {version: 1.31.1}"
	}
	return head + "  " + strings.ReplaceAll(strings.Trim(lines, "\n"), "\n", "\n  ") + "\n"
}

// parseOne reads a text that holds one document without a fault of syntax.
func parseOne(t testing.TB, src string) *Document {
	t.Helper()
	docs, findings := Parse("vmmesh.yaml", []byte(src))
	require.Empty(t, findings)
	require.Len(t, docs, 1)
	return docs[0]
}

// shown is a document's findings, one a line: position, rule, message, help.
func shown(d *Document) string {
	var b strings.Builder
	for _, f := range d.Validate() {
		fmt.Fprintf(&b, "%d:%d %s %s\n", f.Pos().Line, f.Pos().Col, f.Rule, f.Message)
		if f.Help != "" {
			fmt.Fprintf(&b, "  help: %s\n", f.Help)
		}
	}
	return b.String()
}

func TestValidate(t *testing.T) {
	long := strings.Repeat("a", 64)
	for _, c := range []struct{ name, spec, want string }{
		// VM010 unknown field
		{"a slip of the hand", "workloads:\n- name: pay\n  gruops: []", `
7:5 VM010 unknown field "gruops" in spec.workloads[pay]
  help: did you mean "groups"?`},
		{"wrong case", "gitOps: {}", `
5:3 VM010 unknown field "gitOps" in spec
  help: did you mean "gitops"?`},
		{"a longer name", "workloads: [{name: pay, serviceAccountName: x}]", `
5:27 VM010 unknown field "serviceAccountName" in spec.workloads[pay]
  help: did you mean "serviceAccount"?`},
		{"one floor too high", "workloads: [{name: pay, instances: []}]", `
5:27 VM010 unknown field "instances" in spec.workloads[pay]
  help: "instances" belongs in spec.workloads[].groups[]`},
		{"another block's", "meshConfig: {}", `
5:3 VM010 unknown field "meshConfig" in spec
  help: "meshConfig" belongs in spec.controlPlane`},
		{"no one's", "lint: {level: 3}", `
5:10 VM010 unknown field "level" in spec.lint
  help: the fields here are ignore`},
		{"in a block without fields", "vm: {identity: {type: GCE, gce: {project: 7}}}", `
5:36 VM010 unknown field "project" in spec.vm.identity.gce
  help: "project" belongs in spec.vm.cloud.gcp`},
		{"unknown and empty", "lint: {nothing: null}", `
5:10 VM010 unknown field "nothing" in spec.lint
  help: the fields here are ignore`},
		{"a key that is not a plain word", "\"a b\\n\": 1", `
5:3 VM010 unknown field "a b\n" in spec
  help: the fields here are istio, networks, controlPlane, emit, namespace, namespaces, workloads, externalServices, vm, observability, gitops, lint`},
		{"a misspelled required field is one finding", "workloads: [{nmae: pay}]", `
5:16 VM010 unknown field "nmae" in spec.workloads[0]
  help: did you mean "name"?`},

		// VM011 missing field
		{"missing", "istio: {revision: canary}", `
5:10 VM011 field "version" is missing in spec.istio
  help: write it, for example version: 1.31.1`},
		{"missing in an empty block", "istio: {}", `
5:10 VM011 field "version" is missing in spec.istio
  help: write it, for example version: 1.31.1`},
		{"null", "istio: null", `
5:10 VM011 field "istio" in spec is empty, and it is required
  help: write it, for example istio: {version: 1.31.1}`},
		{"names of items", "workloads:\n- name: \"\"\n- name:\n- {}", `
6:11 VM011 field "name" in spec.workloads[0] is empty, and it is required
  help: write it, for example name: payment-service
7:10 VM011 field "name" in spec.workloads[1] is empty, and it is required
  help: write it, for example name: payment-service
8:5 VM011 field "name" is missing in spec.workloads[2]
  help: write it, for example name: payment-service`},
		{"deep", "workloads: [{name: pay, groups: [{name: v1, instances: [{name: vm1}]}]}]", `
5:59 VM011 field "address" is missing in spec.workloads[pay].groups[v1].instances[vm1]
  help: write it, for example address: 192.168.1.100`},
		{"in an optional block that says something", "workloads: [{name: pay, metrics: {path: /m}}]", `
5:36 VM011 field "port" is missing in spec.workloads[pay].metrics
  help: write it, for example port: 9091`},
		{"an empty block of Istio's", "externalServices: [{name: stripe, serviceEntry: {}}]", `
5:51 VM011 field "serviceEntry" in spec.externalServices[stripe] is empty, and it is required
  help: write it, for example serviceEntry: {hosts: [api.stripe.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}`},
		{"several in one block", "lint: {ignore: [{path: x}]}", `
5:19 VM011 field "reason" is missing in spec.lint.ignore[0]
  help: write it, for example reason: the subnet moves in March
5:19 VM011 field "rule" is missing in spec.lint.ignore[0]
  help: write it, for example rule: VM101`},

		// VM012 wrong type
		{"a number where text belongs", "vm: {cloudInit: {minVersion: 22.4}}", `
5:32 VM012 minVersion must be a string, not the number 22.4
  help: quote it: minVersion: "22.4"`},
		{"a number that would be no version if quoted", "istio: {version: 1.31}", `
5:20 VM012 version must be a string, not the number 1.31
  help: for example version: 1.31.1`},
		{"a boolean where text belongs", "istio: {version: 1.31.1, clusterName: true}", `
5:41 VM012 clusterName must be a string, not the boolean true
  help: quote it: clusterName: "true"`},
		{"in a free map", "namespaces: {labels: {team: 7, none: null, empty: \"\"}}", `
5:31 VM012 labels.team must be a string, not the number 7
  help: quote it: team: "7"`},
		{"under a key with a slash", "namespaces: {labels: {\"a.b/c~d%2F\": 7}}", `
5:39 VM012 labels["a.b/c~d%2F"] must be a string, not the number 7
  help: quote it: "a.b/c~d%2F": "7"`},
		{"in a list", "istio: {version: 1.31.1, podCIDRs: [10]}", `
5:39 VM012 podCIDRs[0] must be a string, not the number 10
  help: quote it: "10"`},
		{"text where a number belongs", "workloads: [{name: pay, ports: [{name: http, port: \"8080\"}, {name: grpc, port: many}]}]", `
5:54 VM012 port must be an integer, not the string "8080"
  help: write it without quotes: port: 8080
5:82 VM012 port must be an integer, not the string "many"
  help: for example port: 8080`},
		{"broken numbers", "vm: {firewall: {sshPort: 22.5}, interception: {excludeOutboundPorts: [.inf, .nan, 80.0]}}", `
5:28 VM012 sshPort must be an integer, not the number 22.5
  help: for example sshPort: 22
5:73 VM012 excludeOutboundPorts[0] must be an integer, not the number .inf
5:79 VM012 excludeOutboundPorts[1] must be an integer, not the number .nan`},
		{"text where a boolean belongs", "gitops: {argocd: \"yes\", flux: off, pruneProtection: maybe}", `
5:20 VM012 argocd must be true or false, not the string "yes"
  help: write argocd: true
5:33 VM012 flux must be true or false, not the string "off"
  help: write flux: false
5:55 VM012 pruneProtection must be true or false, not the string "maybe"
  help: write pruneProtection: true or pruneProtection: false`},
		{"a map where a list belongs", "workloads:\n  pay: {groups: []}", `
6:5 VM012 workloads must be a list, not a map
  help: write a list: each item begins with "- name: …"`},
		{"a map where a list of Istio's belongs", "observability: {tracing: {providers: []}}", `
5:28 VM012 tracing must be a list, not a map
  help: write a list: each item begins with "- "`},
		{"a text where a list belongs", "istio: {version: 1.31.1, istiodAddresses: 34.56.78.90}", `
5:45 VM012 istiodAddresses must be a list, not the string "34.56.78.90"
  help: write a list: istiodAddresses: [34.56.78.90]`},
		{"a list where a map belongs", "istio: [{version: 1.31.1}]", `
5:10 VM012 istio must be a map, not a list
  help: write its fields directly below it, without "- "`},
		{"an empty list where a map belongs", "namespaces: []", `
5:15 VM012 namespaces must be a map, not a list
  help: write its fields directly below it, without "- "`},
		{"items that are not maps", "workloads: [pay, 5, null]", `
5:15 VM012 workloads[0] must be a map, not the string "pay"
  help: write {name: pay}
5:20 VM012 workloads[1] must be a map, not the number 5
  help: for example {name: payment-service}
5:23 VM012 workloads[2] must be a map, not null
  help: an item of a list cannot be empty: write it, or delete the "- "`},
		{"a scalar where Istio's block belongs", "workloads: [{name: pay, probe: 8080, services: [{name: pay, traffic: {http: [x]}}]}]", `
5:34 VM012 probe must be a map, not the number 8080
  help: for example probe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 5}
5:80 VM012 http[0] must be a map, not the string "x"
  help: for example {route: [{destination: {subset: stable}, weight: 90}, {destination: {subset: canary}, weight: 10}], timeout: "10s"}`},
		{"neither a number nor text", "workloads: [{name: pay, metrics: {port: [9091]}}]", `
5:43 VM012 port must be an integer or a string, not a list
  help: for example port: 9091`},

		// VM013 not one of the words
		{"wrong case of a word", "workloads: [{name: pay, security: {mtls: {mode: strict}}}]", `
5:51 VM013 mode must be STRICT, PERMISSIVE, DISABLE or UNSET, not "strict"
  help: write STRICT: case matters`},
		{"a word misspelled", "vm: {identity: {type: TokenFiel}}", `
5:25 VM013 type must be TokenFile, TokenRequest, HTTP, Command, GCE or SPIRE, not "TokenFiel"
  help: did you mean TokenFile?`},
		{"another word", "controlPlane: {install: kubectl}", `
5:27 VM013 install must be None, IstioOperator or Helm, not "kubectl"`},
		{"a word with a help of its own", "workloads: [{name: dns, ports: [{name: dns, port: 53, protocol: UDP}]}]", `
5:67 VM013 protocol must be HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TCP, TLS, MONGO, REDIS or MYSQL, not "UDP"
  help: UDP is not among them: the sidecar of a VM does not carry it`},

		// VM014 out of range
		{"a port", "workloads: [{name: pay, ports: [{name: http, port: 80800}, {name: grpc, port: 0}, {name: big, port: 99999999999999999999}]}]", `
5:54 VM014 port must be between 1 and 65535, not 80800
5:81 VM014 port must be between 1 and 65535, not 0
5:103 VM014 port must be between 1 and 65535, not 99999999999999999999`},
		{"a weight of 0", "workloads: [{name: pay, groups: [{name: v1, weight: 0}]}]", `
5:55 VM014 weight must be between 1 and 4294967295, not 0
  help: Istio reads 0 as 1: it does not drain a VM; leave weight out, or take the instance out of the list`},
		{"a negative number", "workloads: [{name: pay, groups: [{name: v1, minHealthy: -1}]}]", `
5:59 VM014 minHealthy must be between 0 and 2147483647, not -1`},
		{"a long name", "workloads: [{name: " + long + "}]", `
5:22 VM014 name is 64 characters long, and may have 63 at most`},
		{"an empty item", "istio: {version: 1.31.1, istiodAddresses: [\"\"]}", `
5:46 VM014 istiodAddresses[0] is empty
  help: write a value, or delete it`},

		// VM015 wrong form
		{"a name that can be fixed", "workloads: [{name: Payment_Service}]", `
5:22 VM015 name "Payment_Service" is not a DNS label: lower-case letters, digits and "-", beginning with a letter and ending in a letter or digit
  help: for example "payment-service"`},
		{"a name with a path in it", "workloads: [{name: pay, groups: [{name: ../../etc}]}]", `
5:43 VM015 name "../../etc" is not a DNS name: lower-case letters, digits, "-" and ".", every part between dots beginning and ending in a letter or digit
  help: for example payment-service`},
		{"a name with shell in it", "networks: [{name: $(id)}]", `
5:21 VM015 name "$(id)" is not a DNS label: lower-case letters, digits and "-", beginning and ending in a letter or digit
  help: variables are not expanded here: write the value, or let envsubst or a template write this file first`},
		{"a version that does not exist", "istio: {version: 1.132.0}", `
5:20 VM015 version "1.132.0" is not a whole Istio version from 1.24 with its patch number, such as 1.31.1
  help: for example 1.31.1`},
		{"a duration", "observability: {prometheus: {interval: 15 s}}", `
5:42 VM015 interval "15 s" is not a duration such as 15s, 1m30s or 1h
  help: for example "30s"`},
		{"a port or all", "vm: {interception: {includeInboundPorts: [all, \"*\", 8080, \"9090\", 70000]}}", `
5:45 VM015 includeInboundPorts[0] "all" is not a port from 1 to 65535, or "*" for all
5:69 VM014 includeInboundPorts[4] must be between 1 and 65535, not 70000`},
		{"a checksum", "vm: {package: {checksums: [{format: Deb, arch: amd64, sha256: abc}]}}", `
5:65 VM015 sha256 "abc" is not the 64 hexadecimal digits that sha256sum prints
  help: for example "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`},
		{"a path that climbs", "vm: {identity: {tokenFile: {path: /var/../etc/shadow}}}", `
5:37 VM015 path "/var/../etc/shadow" is not an absolute path without spaces, quotes or ".."
  help: for example /var/lib/vmmesh/istio-token`},
		{"a secret is not repeated", "namespace: \"-----BEGIN PRIVATE KEY-----\"\nistio: {version: eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2VjcmV0}", `
5:14 VM015 namespace is a private key, and not a DNS label: lower-case letters, digits and "-", beginning and ending in a letter or digit
6:20 VM015 version is a token (JWT), and not a whole Istio version from 1.24 with its patch number, such as 1.31.1`},
		{"nor as a word, number or list", "controlPlane: {install: eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2VjcmV0}\n" +
			"vm: {firewall: {sshPort: \"Bearer c2VjcmV0LXRva2Vu\", allowFrom: eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2VjcmV0}}", `
5:27 VM013 install must be None, IstioOperator or Helm, not a token (JWT)
6:28 VM012 sshPort must be an integer, not an Authorization header
  help: for example sshPort: 22
6:66 VM012 allowFrom must be a list, not a token (JWT)
  help: write a list: allowFrom: […]`},
		{"a long text is cut", "namespace: \"" + strings.Repeat("A", 70) + "\"", `
5:14 VM014 namespace is 70 characters long, and may have 63 at most
5:14 VM015 namespace "` + strings.Repeat("A", 63) + `…" is not a DNS label: lower-case letters, digits and "-", beginning and ending in a letter or digit
  help: for example vm-workloads`},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, strings.TrimPrefix(c.want, "\n")+"\n", shown(parseOne(t, specOf(c.spec))))
		})
	}
}

func TestValidateTheWholeDocument(t *testing.T) {
	const head = "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\n"
	for _, c := range []struct{ name, rest, want string }{
		{"nothing else", "", `
1:1 VM011 field "metadata" is missing in the document
  help: write it, for example metadata: {name: payments}
1:1 VM011 field "spec" is missing in the document
  help: write it, for example spec: {istio: {version: 1.31.1}}`},
		{"an empty spec", "metadata: {name: x}\nspec: {}", `
4:7 VM011 field "istio" is missing in spec
  help: write it, for example istio: {version: 1.31.1}`},
		{"a field of the spec at the top", "metadata: {name: x}\nspec: {istio: {version: 1.31.1}}\nworkloads: []", `
5:1 VM010 unknown field "workloads" in the document
  help: "workloads" belongs in spec`},
		{"metadata", "metadata: {name: X, lables: {}, annotations: {a: 1}}\nspec: {istio: {version: 1.31.1}}", `
3:18 VM015 name "X" is not a DNS name: lower-case letters, digits, "-" and ".", every part between dots beginning and ending in a letter or digit
  help: for example "x"
3:21 VM010 unknown field "lables" in metadata
  help: did you mean "labels"?
3:50 VM012 annotations.a must be a string, not the number 1
  help: quote it: a: "1"`},
		{"what orchestrators leave", "metadata:\n  name: x\n  namespace: y\n  labels: {a: b}\n" +
			"  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: vmmesh}\n    config.kubernetes.io/local-config: \"true\"\n" +
			"spec: {istio: {version: 1.31.1}}", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := strings.TrimPrefix(c.want, "\n")
			if want != "" {
				want += "\n"
			}
			require.Equal(t, want, shown(parseOne(t, head+c.rest+"\n")))
		})
	}
}

// Parse says what is wrong with these two, and no one else.
func TestValidateLeavesTheHeaderToParse(t *testing.T) {
	root := parseOne(t, specOf("namespace: x")).Root
	for _, value := range []syntax.Node{{Kind: syntax.Null}, {Kind: syntax.Int, Value: "1"}, {Kind: syntax.String, Value: "v2"}} {
		for i := range 2 {
			changed := *root
			changed.Fields = slices.Clone(root.Fields)
			changed.Fields[i].Value = value
			d := &Document{Root: &changed, At: diag.Root(&diag.Source{Name: "x"})}
			require.Empty(t, d.Validate())
			changed.Fields = append(slices.Clone(root.Fields[:i]), root.Fields[i+1:]...)
			require.Empty(t, d.Validate())
		}
	}
}

// In function mode there are no lines, and the paths must do.
func TestFindingsHavePathsWithNames(t *testing.T) {
	d := parseOne(t, specOf("workloads: [{name: pay, groups: [{name: v1, instances: [{name: vm1, addres: x}, {address: 1}]}]}]"))
	var paths []string
	for _, f := range d.Validate() {
		paths = append(paths, f.At.String())
	}
	require.Equal(t, []string{
		"spec.workloads[pay].groups[v1].instances[vm1].addres",
		"spec.workloads[pay].groups[v1].instances[1]",
		"spec.workloads[pay].groups[v1].instances[1].address",
	}, paths)
}

func TestValidateWithoutADocument(t *testing.T) {
	require.Empty(t, (*Document)(nil).Validate())
	require.Empty(t, (&Document{}).Validate())
	for _, n := range []syntax.Node{{}, {Kind: syntax.String, Value: "x"}, {Kind: syntax.Seq}} {
		require.NotEmpty(t, (&Document{Root: &n, At: diag.Root(&diag.Source{Name: "x"})}).Validate(), "a spec is a map")
	}
}
