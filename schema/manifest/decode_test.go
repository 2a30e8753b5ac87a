package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	mesh "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1"
	networkingalpha "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1"
	telemetry "istio.io/api/telemetry/v1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// readTree reads YAML; its one document is at the root.
func readTree(t testing.TB, yaml string) (*syntax.Node, diag.Path) {
	t.Helper()
	docs, found := syntax.Read("test.yaml", []byte(yaml))
	require.Empty(t, found, yaml)
	require.Len(t, docs, 1, yaml)
	return docs[0].Root, docs[0].Path
}

// lines prints findings in reading order as `rule line:col path: message (help)`.
func lines(found diag.List) []string {
	var all []string
	for _, d := range found.Sorted() {
		pos := d.Pos()
		line := fmt.Sprintf("%s %d:%d %s: %s", d.Rule, pos.Line, pos.Col, d.At, d.Message)
		if d.Help != "" {
			line += " (" + d.Help + ")"
		}
		all = append(all, line)
	}
	return all
}

func TestDecodeFindings(t *testing.T) {
	for _, c := range []struct {
		name    string
		message proto.Message
		yaml    string
		version string
		want    []string
	}{
		// VM020
		{"unknown field", &networking.TrafficPolicy{}, "conectionPool: {}\n", "", []string{
			`VM020 1:1 conectionPool: unknown field "conectionPool" in TrafficPolicy (did you mean "connectionPool"?)`,
		}},
		{"snake case", &networking.TrafficPolicy{}, "loadBalancer: {}\noutlier_detection: {}\n", "", []string{
			`VM020 2:1 outlier_detection: unknown field "outlier_detection" in TrafficPolicy (write outlierDetection, as Istio's YAML spells it)`,
		}},
		{"wrong case", &security.Source{}, "requestprincipals: [a]\n", "", []string{
			`VM020 1:1 requestprincipals: unknown field "requestprincipals" in Source (write requestPrincipals, as Istio's YAML spells it)`,
		}},
		{"nothing near", &networking.Percent{}, "xylophone: 1\n", "", []string{
			`VM020 1:1 xylophone: unknown field "xylophone" in Percent (the fields of Percent are value)`,
		}},
		{"unknown field without a value", &networking.Percent{}, "vlaue:\n", "", []string{
			`VM020 1:1 vlaue: unknown field "vlaue" in Percent (did you mean "value"?)`,
		}},
		{"the CRD's second spelling in a spec", &security.JWTRule{}, "issuer: a\njwks_uri: https://a/b\n", "", []string{
			`VM020 2:1 jwks_uri: unknown field "jwks_uri" in JWTRule (write jwksUri, as Istio's YAML spells it)`,
		}},
		{"path with names and keys", &networking.DestinationRule{}, "host: a\nsubsets:\n- name: v1\n  trafficPolicy: {tls: {sin: x}}\n- labels: {a.b/c: 1}\n  name: v2\n", "", []string{
			`VM020 4:25 subsets[v1].trafficPolicy.tls.sin: unknown field "sin" in ClientTLSSettings (did you mean "sni"?)`,
			`VM021 5:19 subsets[v2].labels["a.b/c"]: a.b/c must be a string, not the integer 1 (quote it: "1")`,
		}},

		// VM021
		{"no map", &networking.TrafficPolicy{}, "tls: SIMPLE\n", "", []string{
			`VM021 1:6 tls: tls must be a map, not the text "SIMPLE" (the fields of ClientTLSSettings are caCertificates, caCrl, clientCertificate, credentialName, insecureSkipVerify, mode, privateKey, sni, subjectAltNames)`,
		}},
		{"no list of text", &security.Operation{}, "methods: GET\n", "", []string{
			`VM021 1:10 methods: methods must be a list, not the text "GET" (write a list: methods: [GET])`,
		}},
		{"no list of maps", &networking.HTTPRoute{}, "route: {destination: {host: a}}\n", "", []string{
			`VM021 1:8 route: route must be a list, not a map (write a list: each item begins with "- ")`,
		}},
		{"an empty item", &networking.HTTPRoute{}, "route:\n-\n", "", []string{
			`VM021 2:2 route[0]: route[0] must be a map, not nothing (write the item, or delete the "- ")`,
		}},
		{"a number for text", &networking.Destination{}, "host: 10\n", "", []string{
			`VM021 1:7 host: host must be a string, not the integer 10 (quote it: "10")`,
		}},
		{"a null in a map", &networking.Subset{}, "name: a\nlabels: {a: , b: true}\n", "", []string{
			`VM021 2:13 labels.a: a must be a string, not nothing`,
			`VM021 2:18 labels.b: b must be a string, not the boolean true (quote it: "true")`,
		}},
		{"a map as a list", &networking.Subset{}, "name: a\nlabels: [a]\n", "", []string{
			`VM021 2:9 labels: labels must be a map, not a list (write its keys and values below it, without "- ")`,
		}},
		{"quoted number", &networking.PortSelector{}, "number: \"80\"\n", "", []string{
			`VM021 1:9 number: number must be an integer, not the text "80" (write 80, without quotes)`,
		}},
		{"fraction", &networking.PortSelector{}, "number: 80.5\n", "", []string{
			`VM021 1:9 number: number must be an integer, not the number 80.5`,
		}},
		{"uint32", &networking.PortSelector{}, "number: -1\n", "", []string{
			`VM021 1:9 number: number must be an integer from 0 to 4294967295, not the integer -1`,
		}},
		{"int32", &networking.ReadinessProbe{}, "periodSeconds: 2147483648\n", "", []string{
			`VM021 1:16 periodSeconds: periodSeconds must be an integer from -2147483648 to 2147483647, not the integer 2147483648`,
		}},
		{"uint64 as text", &networking.LoadBalancerSettings_ConsistentHashLB_MagLev{}, "tableSize: \"1\"\n", "", []string{
			`VM021 1:12 tableSize: tableSize must be an integer, not the text "1" (write 1, without quotes)`,
		}},
		{"wrapper of a number", &networking.OutlierDetection{}, "consecutive5xxErrors: five\n", "", []string{
			`VM021 1:23 consecutive5xxErrors: consecutive5xxErrors must be an integer, not the text "five"`,
		}},
		{"wrapper of a boolean", &networking.CorsPolicy{}, "allowCredentials: \"yes\"\n", "", []string{
			`VM021 1:19 allowCredentials: allowCredentials must be true or false, not the text "yes" (write true, without quotes)`,
		}},
		{"boolean", &networking.HTTPRedirect{}, "redirectCode: 301\n", "", nil},
		{"number as text", &networking.Percent{}, "value: \"12.5\"\n", "", []string{
			`VM021 1:8 value: value must be a number, not the text "12.5" (write 12.5, without quotes)`,
		}},
		{"not finite", &networking.Percent{}, "value: .inf\n", "", []string{
			`VM021 1:8 value: value must be a finite number, not the number .inf`,
		}},
		{"duration without a unit", &networking.HTTPRoute{}, "timeout: 10\n", "", []string{
			`VM021 1:10 timeout: timeout must be a duration such as 10s, 1.5s, 100ms or 5m, not the integer 10 (write 10s)`,
		}},
		{"duration in words", &networking.HTTPRoute{}, "timeout: 5 min\nretries: {perTryTimeout: 2d, backoff: soon}\n", "", []string{
			`VM021 1:10 timeout: timeout must be a duration such as 10s, 1.5s, 100ms or 5m, not the text "5 min" (write 5m)`,
			`VM021 2:26 retries.perTryTimeout: perTryTimeout must be a duration such as 10s, 1.5s, 100ms or 5m, not the text "2d" (write 48h: the largest unit is the hour)`,
			`VM021 2:39 retries.backoff: backoff must be a duration such as 10s, 1.5s, 100ms or 5m, not the text "soon" (write 10s)`,
		}},
		{"word", &networking.ClientTLSSettings{}, "mode: SIMPEL\n", "", []string{
			`VM021 1:7 mode: mode must be DISABLE, SIMPLE, MUTUAL or ISTIO_MUTUAL, not the text "SIMPEL" (did you mean SIMPLE?)`,
		}},
		{"word in the wrong case", &networking.ClientTLSSettings{}, "mode: istio-mutual\n", "", []string{
			`VM021 1:7 mode: mode must be DISABLE, SIMPLE, MUTUAL or ISTIO_MUTUAL, not the text "istio-mutual" (write ISTIO_MUTUAL)`,
		}},
		{"number for a word", &networking.ClientTLSSettings{}, "mode: 1\n", "", []string{
			`VM021 1:7 mode: mode must be DISABLE, SIMPLE, MUTUAL or ISTIO_MUTUAL, not the integer 1`,
		}},
		{"two of a oneof", &networking.ReadinessProbe{}, "httpGet: {port: 80}\ntcpSocket: {port: 80}\n", "", []string{
			`VM021 2:1 tcpSocket: httpGet and tcpSocket exclude each other (keep one of them)`,
		}},
		{"null leaves a oneof", &networking.ReadinessProbe{}, "httpGet: {port: 80}\ntcpSocket:\n", "", nil},
		{"bytes", &networking.HTTPBody{}, "bytes: \"!\"\n", "", []string{
			`VM021 1:8 bytes: bytes must be bytes in base64, not the text "!" (encode them: printf '%s' … | base64 -w0)`,
		}},
		{"integer key", &security.PeerAuthentication{}, "selector: {matchLabels: {a: b}}\nportLevelMtls: {http: {mode: STRICT}, 0x50: {}, 8080: {mode: DISABLE}}\n", "", []string{
			`VM021 2:17 portLevelMtls.http: the key must be a decimal integer, not "http"`,
			`VM021 2:39 portLevelMtls.0x50: the key must be a decimal integer, not "0x50"`,
		}},
		{"two spellings of one key", &security.PeerAuthentication{}, "selector: {matchLabels: {a: b}}\nportLevelMtls: {\"08080\": {}, 8080: {}}\n", "", []string{
			`VM021 2:17 portLevelMtls.08080: the key must be a decimal integer, not "08080"`,
		}},
		{"free form", &networkingalpha.EnvoyFilter_Patch{}, "value: [1]\n", "", []string{
			`VM021 1:8 value: value must be a map, not a list`,
		}},
		{"a number that a double cannot hold", &networkingalpha.EnvoyFilter_Patch{}, "value: {a: [9007199254740993, 9007199254740992]}\n", "", []string{
			`VM021 1:13 value.a[0]: a[0] must be an integer that a double can hold, not the integer 9007199254740993 (quote it: "9007199254740993")`,
		}},

		// VM022
		{"required", &networking.DestinationRule{}, "subsets: [{labels: {}}]\n", "", []string{
			`VM022 1:1 : field "host" is missing in DestinationRule`,
			`VM022 1:11 subsets[0]: field "name" is missing in Subset`,
		}},
		{"required, yet empty", &networking.Server{}, "hosts: []\nport: {number: 0, name: \"\", protocol: TCP}\n", "", []string{
			`VM022 1:8 hosts: field "hosts" in Server is empty, and it is required`,
			`VM022 2:16 port.number: field "number" in Port is required and must not be 0`,
			`VM022 2:25 port.name: field "name" in Port is empty, and it is required`,
		}},
		{"required, yet wrong", &networking.DestinationRule{}, "host: 1\n", "", []string{
			`VM021 1:7 host: host must be a string, not the integer 1 (quote it: "1")`,
		}},
		{"vmmesh fills in the host", &networking.HTTPRouteDestination{}, "destination: {subset: v1}\n", "", nil},
		{"range", &networking.TrafficPolicy_RetryBudget{}, "percent: 101\n", "", []string{
			`VM022 1:10 percent: percent must be between 0 and 100, not 101`,
		}},
		{"lower end", &networking.ReadinessProbe{}, "periodSeconds: -1\n", "", []string{
			`VM022 1:16 periodSeconds: periodSeconds must be at least 0, not -1`,
		}},
		{"range of items", &networking.OutlierDetection{}, "outlierDetectionHttpErrorCodes: [500, 600]\n", "", []string{
			`VM022 1:39 outlierDetectionHttpErrorCodes[1]: outlierDetectionHttpErrorCodes[1] must be between 100 and 599, not 600`,
		}},
		{"empty text", &security.JWTRule{}, "audiences: [\"\"]\nissuer: \"\"\n", "", []string{
			`VM022 1:13 audiences[0]: audiences[0] is empty (write a value, or delete it)`,
		}},
		{"long text", &networking.ServiceEntry{}, "hosts: [a]\naddresses: [" + strings.Repeat("a", 65) + "]\n", "", []string{
			`VM022 2:13 addresses[0]: addresses[0] is 65 characters long, and may have 64 at most`,
		}},
		{"characters are no bytes", &networking.ServiceEntry{}, "hosts: [a]\naddresses: [" + strings.Repeat("ä", 64) + "]\n", "", nil},
		{"pattern", &networking.HTTPHeader{}, "name: \"a b\"\n", "", []string{
			`VM022 1:7 name: name must match ^[-_A-Za-z0-9]+$, not "a b"`,
		}},
		{"too few", &networking.ServerTLSSettings{}, "credentialNames: [a, b, c]\n", "", []string{
			`VM022 1:18 credentialNames: credentialNames has 3 items, and may have 2 at most`,
		}},
		{"keyed list", &networking.ServiceEntry{}, "hosts: [a]\nports:\n- {name: a, number: 1}\n- {name: a, number: 2}\n", "", []string{
			`VM022 4:10 ports[a].name: another item has the name a too (every item needs its own)`,
		}},
		{"at most one", &networking.ServiceEntry{}, "hosts: [a]\nresolution: STATIC\nendpoints: [{address: 10.0.0.1}]\nworkloadSelector: {labels: {a: b}}\n", "", []string{
			`VM022 3:1 endpoints: only one of WorkloadSelector or Endpoints can be set (workloadSelector and endpoints are set: keep one of them)`,
		}},
		{"an empty list is absent", &networking.ServiceEntry{}, "hosts: [a]\nendpoints: []\nworkloadSelector: {labels: {a: b}}\n", "", nil},
		{"an empty map is absent", &security.PeerAuthentication{}, "portLevelMtls: {}\n", "", nil},
		{"an unreadable value breaks no limit too", &networking.HTTPRoute{}, "timeout: -1\n", "", []string{
			`VM021 1:10 timeout: timeout must be a duration such as 10s, 1.5s, 100ms or 5m, not the integer -1 (write 10s)`,
		}},
		{"short duration", &networking.HTTPRoute{}, "timeout: 0s\n", "", []string{
			`VM022 1:10 timeout: must be a valid duration greater than 1ms (write 1ms or more, or leave the field out)`,
		}},
		{"port", &networking.ReadinessProbe{}, "httpGet: {port: 70000, scheme: http}\n", "", []string{
			`VM022 1:17 httpGet.port: port must be between 1-65535`,
			`VM022 1:32 httpGet.scheme: scheme must be one of [HTTP, HTTPS] (write it in capitals)`,
		}},
		{"wildcards in a selector", &networking.WorkloadSelector{}, "labels: {a: \"*\"}\n", "", []string{
			`VM022 1:13 labels.a: wildcard is not supported in selector (write the value out, or leave the label out)`,
		}},
		{"wildcards in keys and values", &security.PeerAuthentication{}, "selector: {matchLabels: {\"a*\": \"b*\", \"\": c}}\n", "", []string{
			`VM022 1:26 selector.matchLabels["a*"]: wildcard not allowed in label key match (write the key out, or leave the label out)`,
			`VM022 1:32 selector.matchLabels["a*"]: wildcard not allowed in label value match (write the value out, or leave the label out)`,
			`VM022 1:38 selector.matchLabels[""]: key must not be empty`,
		}},
		{"wildcard host", &networking.ServiceEntry{}, "hosts: [a, \"*\"]\n", "", []string{
			`VM022 1:12 hosts[1]: hostname cannot be wildcard (write host names, such as example.com or *.example.com)`,
		}},
		{"port number twice", &networking.ServiceEntry{}, "hosts: [a]\nports:\n- {name: a, number: 80}\n- {name: b, number: 0x50}\n", "", []string{
			`VM022 4:21 ports[b].number: port number cannot be duplicated (every port needs a number of its own)`,
		}},
		{"addresses", &networking.ServiceEntry{}, "hosts: [a]\nresolution: DNS\naddresses: [10.0.0.1, 10.0.0.0/8]\n", "", []string{
			`VM022 3:23 addresses[1]: CIDR addresses are allowed only for NONE/STATIC resolution types (write single addresses, or set resolution to STATIC or NONE)`,
		}},
		{"resolution NONE", &networking.ServiceEntry{}, "hosts: [a]\nendpoints: [{address: 10.0.0.1}]\n", "", []string{
			`VM022 2:1 endpoints: NONE mode cannot set endpoints (set resolution to STATIC or DNS, or leave the endpoints out)`,
		}},
		{"round robin", &networking.ServiceEntry{}, "hosts: [a]\nresolution: DNS_ROUND_ROBIN\nendpoints: [{address: a}, {address: b}]\n", "", []string{
			`VM022 3:1 endpoints: DNS_ROUND_ROBIN mode cannot have multiple endpoints (set resolution to DNS, or keep one endpoint)`,
		}},
		{"endpoints", &networking.ServiceEntry{}, "hosts: [a]\nresolution: STATIC\nendpoints:\n- {}\n- {network: n}\n- {address: \"unix://x\", ports: {http: 1}}\n- {address: \"unix:///x/\"}\n- {address: \"unix://@x\"}\n- {address: a, ports: {-a: 1, b: 0}}\n", "", []string{
			`VM022 4:3 endpoints[0]: address is required (only an endpoint with a network, reached through that network's gateway, may do without)`,
			`VM022 6:13 endpoints[2].address: UDS must be an absolute path or abstract socket (write unix:///path/to/socket)`,
			`VM022 6:25 endpoints[2].ports: UDS may not include ports (leave the ports out: a socket has none)`,
			`VM022 7:13 endpoints[3].address: UDS may not be a dir (name the socket itself)`,
			`VM022 9:24 endpoints[5].ports.-a: port name must be valid (at most 62 letters, digits and inner dashes)`,
			`VM022 9:34 endpoints[5].ports.b: port must be between 1-65535`,
		}},
		{"a template needs no address", &networking.WorkloadGroup{}, "template: {}\n", "", nil},
		{"an entry does", &networking.WorkloadEntry{}, "labels: {a: b}\n", "", []string{
			`VM022 1:1 : address is required (only an endpoint with a network, reached through that network's gateway, may do without)`,
		}},
		{"a group needs a template", &networking.WorkloadGroup{}, "metadata: {}\n", "", []string{
			`VM022 1:1 : field "template" is missing in WorkloadGroup`,
		}},
		{"identities", &security.Source{}, "serviceAccounts: [a/b]\nprincipals: [c]\nnotNamespaces: [d]\n", "", []string{
			`VM022 2:1 principals: cannot set serviceAccounts with namespaces or principals (a service account says its namespace already: write two entries of from, which are ORed)`,
			`VM022 3:1 notNamespaces: cannot set serviceAccounts with namespaces or principals (a service account says its namespace already: write two entries of from, which are ORed)`,
		}},
		{"port level", &security.PeerAuthentication{}, "portLevelMtls: {\"0\": {}}\n", "", []string{
			`VM022 1:1 portLevelMtls: portLevelMtls requires selector (set selector.matchLabels)`,
			`VM022 1:17 portLevelMtls.0: port must be between 1-65535`,
		}},
		{"keys of a JWT", &security.JWTRule{}, "jwksUri: ftp://a/b\njwks: \"{}\"\n", "", []string{
			`VM022 1:10 jwksUri: url must have scheme http:// or https:// (write the whole URL, such as https://issuer.example.com/jwks.json)`,
			`VM022 2:1 jwks: only one of jwks or jwksUri can be set (jwksUri and jwks are set: keep one of them)`,
		}},
		{"no URL at all", &security.JWTRule{}, "jwksUri: example.com/jwks\n", "", []string{
			`VM022 1:10 jwksUri: url must have scheme http:// or https:// (write the whole URL, such as https://issuer.example.com/jwks.json)`,
		}},
		{"tag overrides", &telemetry.MetricsOverrides{}, "tagOverrides:\n  a: {operation: UPSERT}\n  b: {operation: REMOVE, value: x}\n  c: {value: x}\n", "", []string{
			`VM022 2:6 tagOverrides.a: value must be set when operation is UPSERT (set value, or set operation to REMOVE)`,
			`VM022 3:26 tagOverrides.b.value: value must not be set when operation is REMOVE (leave value out)`,
		}},
		{"target in another namespace", &telemetry.Telemetry{}, "targetRefs: [{kind: Service, name: a, namespace: b}]\nselector: {matchLabels: {a: b}}\n", "", []string{
			`VM022 1:1 targetRefs: only one of targetRefs or selector can be set (selector and targetRefs are set: keep one of them)`,
			`VM022 1:50 targetRefs[a].namespace: cross namespace referencing is not currently supported (leave it out: the target is in the policy's own namespace)`,
		}},
		{"the mesh's own types have no CRD", &mesh.MeshConfig{}, "tcpKeepalive: {time: 0s}\ndefaultHttpRetryPolicy: {perTryTimeout: 0s}\n", "", nil},

		// VM023
		{"newer field", &networking.TrafficPolicy{}, "retryBudget: {percent: 20}\n", "1.26.4", []string{
			`VM023 1:1 retryBudget: retryBudget exists since Istio 1.27, and istio.version is 1.26 (leave it out, or upgrade Istio first: an older control plane drops the field in silence)`,
		}},
		{"the field's own minor", &networking.TrafficPolicy{}, "retryBudget: {percent: 20}\n", "1.27.0", nil},
		{"newer inside an older one", &networking.TrafficPolicy{}, "retryBudget: {budgetInterval: 1s}\n", "1.30.1", []string{
			`VM023 1:15 retryBudget.budgetInterval: budgetInterval exists since Istio 1.31, and istio.version is 1.30 (leave it out, or upgrade Istio first: an older control plane drops the field in silence)`,
		}},
		{"newer word", &networking.ServiceEntry{}, "hosts: [\"*.a.com\"]\nresolution: DYNAMIC_DNS\n", "1.27.0", []string{
			`VM023 2:13 resolution: DYNAMIC_DNS exists since Istio 1.28, and istio.version is 1.27 (choose another word, or upgrade Istio first: an older control plane refuses this one)`,
		}},
		{"newer field of the mesh", &mesh.ProxyConfig{}, "statsCompression: true\n", "1.28.0", []string{
			`VM023 1:1 statsCompression: statsCompression exists since Istio 1.29, and istio.version is 1.28 (leave it out, or upgrade Istio first: an older control plane drops the field in silence)`,
		}},
		{"vmmesh rewrites service accounts", &security.Source{}, "serviceAccounts: [a/b]\nnotServiceAccounts: [c/d]\n", "1.24.0", nil},
		{"but nothing else", &security.Source{}, "trustDomains: [a]\n", "1.24.0", []string{
			`VM023 1:1 trustDomains: trustDomains exists since Istio 1.30, and istio.version is 1.24 (leave it out, or upgrade Istio first: an older control plane drops the field in silence)`,
		}},
		{"no version", &networking.TrafficPolicy{}, "retryBudget: {percent: 20}\n", "", nil},

		// All in one run, in reading order.
		{"many", &networking.HTTPRoute{}, "timout: 1s\ntimeout: 1\nmatch:\n- port: \"80\"\n  uri: {exact: a, prefix: b}\nroute:\n- destination: {host: [a]}\n  weight: 1.5\n", "", []string{
			`VM020 1:1 timout: unknown field "timout" in HTTPRoute (did you mean "timeout"?)`,
			`VM021 2:10 timeout: timeout must be a duration such as 10s, 1.5s, 100ms or 5m, not the integer 1 (write 1s)`,
			`VM021 4:9 match[0].port: port must be an integer, not the text "80" (write 80, without quotes)`,
			`VM021 5:19 match[0].uri.prefix: exact and prefix exclude each other (keep one of them)`,
			`VM021 7:23 route[0].destination.host: host must be a string, not a list`,
			`VM021 8:11 route[0].weight: weight must be an integer, not the number 1.5`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, at := readTree(t, c.yaml)
			require.Equal(t, c.want, lines(Decode(n, proto.Clone(c.message), at, c.version)))
		})
	}
}

func TestDecodeValues(t *testing.T) {
	for _, c := range []struct {
		name string
		yaml string
		want proto.Message
	}{
		{"numbers in all notations", "maxConnections: 0x10\nconnectTimeout: 1m30s\n", &networking.ConnectionPoolSettings_TCPSettings{
			MaxConnections: 16, ConnectTimeout: seconds(90),
		}},
		{"an integer with a point", "number: 8.08e3\n", &networking.PortSelector{Number: 8080}},
		{"octal", "number: 0o120\n", &networking.PortSelector{Number: 80}},
		{"an integer for a number", "value: 12\n", &networking.Percent{Value: 12}},
		{"64 bits", "tableSize: 18446744073709551615\n", &networking.LoadBalancerSettings_ConsistentHashLB_MagLev{TableSize: 1<<64 - 1}},
		{"null is absent", "host: ~\nsubset: a\nport:\n", &networking.Destination{Subset: "a"}},
		{"bytes", "bytes: AAEC\n", &networking.HTTPBody{Specifier: &networkingalpha.HTTPBody_Bytes{Bytes: []byte{0, 1, 2}}}},
		{"integer keys", "selector: {matchLabels: {a: b}}\nportLevelMtls: {8080: {mode: STRICT}}\n", &security.PeerAuthentication{
			Selector:      selectorOf("a", "b"),
			PortLevelMtls: map[uint32]*security.PeerAuthentication_MutualTLS{8080: {Mode: 3}},
		}},
		{"free form", "value: {a: [1, 1.5, x, true, null, {b: 0x10}]}\n", &networkingalpha.EnvoyFilter_Patch{Value: structOf(t, map[string]any{
			"a": []any{1, 1.5, "x", true, nil, map[string]any{"b": 16}},
		})}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, at := readTree(t, c.yaml)
			got := c.want.ProtoReflect().New().Interface()
			require.Empty(t, lines(Decode(n, got, at, "1.31.1")))
			require.True(t, proto.Equal(c.want, got), "%v", got)
		})
	}
}

func structOf(t *testing.T, m map[string]any) *structpb.Struct {
	s, err := structpb.NewStruct(m)
	require.NoError(t, err)
	return s
}

func TestDecodeNothing(t *testing.T) {
	var m networking.TrafficPolicy
	require.Empty(t, Decode(nil, &m, nil, "1.31.1"))
	require.Empty(t, Decode(&syntax.Node{Kind: syntax.Null}, &m, nil, "1.31.1"))
	require.True(t, proto.Equal(&networking.TrafficPolicy{}, &m))
}

// Outside of specs the CRDs' second spellings are fields, and nothing is filled in or rewritten.
func TestTermsOfManifests(t *testing.T) {
	n, at := readTree(t, "jwks_uri: https://a/b\n")
	var rule security.JWTRule
	require.Empty(t, lines(Terms{}.Decode(n, &rule, at)))
	require.Equal(t, "https://a/b", rule.JwksUri)

	n, at = readTree(t, "destination: {subset: a}\n")
	require.Equal(t, []string{`VM022 1:14 destination: field "host" is missing in Destination`},
		lines(Terms{}.Decode(n, &networking.HTTPRouteDestination{}, at)))

	n, at = readTree(t, "serviceAccounts: [a/b]\n")
	require.Len(t, Terms{Version: "1.24.6"}.Decode(n, &security.Source{}, at), 1)
}

func TestFirstVersion(t *testing.T) {
	require.Equal(t, 25, FirstVersion("istio.security.v1beta1.Source", "serviceAccounts"))
	require.Equal(t, 28, FirstVersion("istio.networking.v1alpha3.ServiceEntry.Resolution", "DYNAMIC_DNS"))
	require.Equal(t, 29, FirstVersion("istio.mesh.v1alpha1.ProxyConfig", "statsCompression"))
	require.Zero(t, FirstVersion("istio.security.v1beta1.Source", "principals"))
}

func TestMinorOf(t *testing.T) {
	for version, minor := range map[string]int{"1.27.3": 27, "1.24": 24, "": 0, "2.1.0": 0, "1.x": 0, "1.-3.0": 0, "1.31.0-rc.1": 31} {
		require.Equal(t, minor, minorOf(version), version)
	}
}

// The examples of the rules' documentation draw their rule, and the fixed ones nothing.
func TestRulesExamples(t *testing.T) {
	blocks := map[string]func(n *syntax.Node) (*syntax.Node, proto.Message){
		"VM020": func(n *syntax.Node) (*syntax.Node, proto.Message) {
			return n.Get("trafficPolicy"), &networking.TrafficPolicy{}
		},
		"VM021": func(n *syntax.Node) (*syntax.Node, proto.Message) {
			return &n.Get("http").Items[0], &networking.HTTPRoute{}
		},
		"VM022": func(n *syntax.Node) (*syntax.Node, proto.Message) {
			return n.Get("probe"), &networking.ReadinessProbe{}
		},
		"VM023": func(n *syntax.Node) (*syntax.Node, proto.Message) {
			service := n.Get("workloads").Items[0].Get("services").Items[0]
			return service.Get("traffic").Get("trafficPolicy"), &networking.TrafficPolicy{}
		},
	}
	for _, r := range Rules {
		for yaml, want := range map[string]int{r.Bad: 1, r.Good: 0} {
			n, at := readTree(t, yaml)
			version := "1.31.1"
			if v := n.Get("istio").Get("version"); v != nil {
				version = v.Value
			}
			block, m := blocks[r.ID](n)
			found := Decode(block, m, at, version)
			require.Len(t, found, want, "%s: %s", r.ID, yaml)
			for _, d := range found {
				require.Equal(t, r.ID, d.Rule)
			}
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	n, at := readTree(b, `
- match: [{headers: {x-canary: {exact: "true"}}}]
  route: [{destination: {host: a, subset: canary}}]
- route: [{destination: {host: a, subset: stable}, weight: 90}, {destination: {host: a, subset: canary}, weight: 10}]
  retries: {attempts: 3, perTryTimeout: 2s, retryOn: "connect-failure,refused-stream,unavailable"}
  timeout: 10s
`)
	b.ReportAllocs()
	for b.Loop() {
		for i := range n.Items {
			if len(Decode(&n.Items[i], &networking.HTTPRoute{}, at.Item(i, ""), "1.31.1")) > 0 {
				b.Fatal("findings")
			}
		}
	}
}
