package mesh

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// webhookCase puts one setting into a spec whose rest Istio takes.
func webhookCase(where, what string) string {
	const head = `
  workloads:
  - name: cart
    ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-raw, port: 7000}, {name: tls-x, port: 8443}]
    groups: [{name: cart, version: a, instances: [{name: c1, address: 10.9.8.1}]}]
`
	switch where {
	case "sidecar", "security":
		return head + "    " + where + ": " + what + "\n"
	case "external":
		return head + "  externalServices: [{name: bank, serviceEntry: " + what + "}]\n"
	case "route":
		return head + "    services: [{name: cart, traffic: {http: [{match: [{port: 80}], route: [{destination: {}}], " + what + "}]}}]\n"
	}
	return head + "    services: [{name: cart, traffic: {" + where + ": " + what + "}}]\n"
}

// TestWebhook has, for each demand of istiod's webhook, a setting that it refuses and the nearest that it takes; both were
// put to istioctl validate.
func TestWebhook(t *testing.T) {
	long := strings.Repeat("a", 1025)
	local := func(s string) string {
		return "{outlierDetection: {consecutive5xxErrors: 3}, loadBalancer: {localityLbSetting: " + s + "}}"
	}
	in := func(s string) string { return "{ingress: [{port: {number: 80, protocol: HTTP, name: a}, " + s + "}]}" }
	tls := func(s string) string {
		return "{ingress: [{port: {number: 80, protocol: HTTPS, name: a}, defaultEndpoint: \"127.0.0.1:80\", tls: " + s + "}]}"
	}
	for _, c := range []struct{ rule, where, bad, good string }{
		{"VM070", "route", `retries: {attempts: 2, retryOn: "5xx, reset"}`, `retries: {attempts: 2, retryOn: "5xx,reset"}`},
		{"VM070", "route", `retries: {attempts: 2, retryOn: "599"}`, `retries: {attempts: 2, retryOn: "503,unavailable"}`},
		{"VM070", "route", `retries: {perTryTimeout: 2s}`, `retries: {attempts: 0}`},
		{"VM070", "route", `retries: {attempts: -1}`, `retries: {attempts: 1}`},
		{"VM070", "route", `fault: {abort: {httpStatus: 600}}`, `fault: {abort: {httpStatus: 599}}`},
		{"VM070", "route", `fault: {abort: {grpcStatus: UNAVAILBLE}}`, `fault: {abort: {grpcStatus: UNAVAILABLE}}`},
		{"VM070", "route", `fault: {delay: {fixedDelay: 1s, percentage: {value: 0.00001}}}`, `fault: {delay: {fixedDelay: 1s, percentage: {value: 0.0001}}}`},
		{"VM070", "route", `mirror: {port: {number: 80}}, mirrorPercentage: {value: 101}`, `mirror: {port: {number: 80}}, mirrorPercentage: {value: 100}`},
		{"VM070", "route", `mirror: {port: {number: 80}}, mirrors: [{destination: {port: {number: 80}}}]`, `mirrors: [{destination: {port: {number: 80}}, percentage: {value: 100}}]`},
		{"VM070", "route", `mirrors: [{destination: {port: {number: 80}}, percentage: {value: 101}}]`, `mirrors: [{destination: {port: {number: 80}}}]`},
		{"VM070", "route", `corsPolicy: {allowMethods: [get]}`, `corsPolicy: {allowMethods: [GET, "*"]}`},
		{"VM070", "route", `corsPolicy: {allowOrigins: [{exact: ""}]}`, `corsPolicy: {allowOrigins: [{exact: "*"}]}`},
		{"VM070", "route", `corsPolicy: {maxAge: 1.5s}`, `corsPolicy: {maxAge: 2s}`},
		{"VM070", "route", `corsPolicy: {exposeHeaders: ["x y"]}`, `corsPolicy: {exposeHeaders: ["*", x_y]}`},
		{"VM070", "route", `headers: {request: {set: {":path": /}}}`, `headers: {request: {set: {":authority": a}}}`},
		{"VM070", "route", `headers: {response: {add: {host: a}}}`, `headers: {response: {add: {x-host: a}}}`},
		{"VM070", "route", `headers: {request: {remove: [Host]}}`, `headers: {request: {remove: [x-debug]}}`},
		{"VM070", "route", `rewrite: {authority: a}, headers: {request: {set: {host: b}}}`, `rewrite: {authority: a}, headers: {request: {set: {x-host: b}}}`},
		{"VM070", "route", `rewrite: {uri: /, uriRegexRewrite: {match: a, rewrite: b}}`, `rewrite: {uriRegexRewrite: {match: a, rewrite: b}}`},
		{"VM070", "route", `rewrite: {uriRegexRewrite: {match: a}}`, `rewrite: {authority: a}`},
		{"VM070", "route", `rewrite: {uriRegexRewrite: {match: "(", rewrite: b}}`, `rewrite: {uri: /}`},
		{"VM070", "http", `[{redirect: {redirectCode: 301}}]`, `[{redirect: {derivePort: FROM_REQUEST_PORT}}]`},
		{"VM070", "http", `[{redirect: {scheme: ftp}}]`, `[{redirect: {port: 8443}}]`},
		{"VM070", "http", `[{redirect: {uri: /a, redirectCode: 200}}]`, `[{redirect: {uri: /a, redirectCode: 308}}]`},
		{"VM070", "http", `[{redirect: {uri: /a}, rewrite: {uri: /}}]`, `[{redirect: {uri: /a}}]`},
		{"VM070", "http", `[{directResponse: {status: 199}}]`, `[{directResponse: {status: 200}}]`},
		{"VM070", "http", `[{directResponse: {status: 200}, rewrite: {uri: /}}]`, `[{directResponse: {status: 503}}]`},
		{"VM070", "http", `[{match: [{uri: {regex: "(?=a)"}}], directResponse: {status: 200}}]`, `[{match: [{uri: {regex: "a.*"}}], directResponse: {status: 200}}]`},
		{"VM070", "http", `[{match: [{uri: {regex: ` + long + `}}], directResponse: {status: 200}}]`, `[{match: [{uri: {regex: ` + long[1:] + `}}], directResponse: {status: 200}}]`},
		{"VM070", "http", `[{match: [{headers: {"x y": {exact: a}}}], directResponse: {status: 200}}]`, `[{match: [{headers: {":path": {exact: a}}}], directResponse: {status: 200}}]`},
		{"VM070", "http", `[{match: [{sourceNamespace: A_b}], directResponse: {status: 200}}]`, `[{match: [{sourceNamespace: web}], directResponse: {status: 200}}]`},
		{"VM070", "http", `[{match: [{gateways: [istio-system/public]}], directResponse: {status: 200}}]`, `[{match: [{gateways: [mesh]}], directResponse: {status: 200}}]`},
		{"VM070", "tcp", `[{match: [{gateways: [public]}], route: [{destination: {port: {number: 7000}}}]}]`, `[{match: [{gateways: [mesh]}], route: [{destination: {port: {number: 7000}}}]}]`},
		{"VM041", "tcp", `[{match: [{destinationSubnets: [10.0.0.0/33]}], route: [{destination: {port: {number: 7000}}}]}]`, `[{match: [{destinationSubnets: [10.0.0.0/8]}], route: [{destination: {port: {number: 7000}}}]}]`},
		{"VM048", "http", `[{match: [{sourceLabels: {"a b": c}}], directResponse: {status: 200}}]`, `[{match: [{sourceLabels: {a: c}}], directResponse: {status: 200}}]`},
		{"VM035", "http", `[{route: [{destination: {port: {}}}]}]`, `[{route: [{destination: {port: {number: 80}}}]}]`},
		{"VM071", "trafficPolicy", `{connectionPool: {}}`, `{connectionPool: {tcp: {}}}`},
		{"VM071", "trafficPolicy", `{connectionPool: {tcp: {maxConnections: -1}}}`, `{connectionPool: {tcp: {maxConnections: 0}}}`},
		{"VM071", "trafficPolicy", `{connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}}`, `{connectionPool: {http: {h2UpgradePolicy: DO_NOT_UPGRADE, useClientProtocol: true}}}`},
		{"VM071", "trafficPolicy", `{outlierDetection: {consecutiveLocalOriginFailures: 3}}`, `{outlierDetection: {consecutiveLocalOriginFailures: 3, splitExternalLocalOriginErrors: true}}`},
		{"VM071", "trafficPolicy", `{outlierDetection: {minHealthPercent: 101}}`, `{outlierDetection: {minHealthPercent: 100}}`},
		{"VM071", "trafficPolicy", `{tls: {mode: MUTUAL, clientCertificate: /a}}`, `{tls: {mode: MUTUAL, clientCertificate: /a, privateKey: /b}}`},
		{"VM071", "trafficPolicy", `{tls: {mode: SIMPLE, credentialName: a, caCertificates: /b}}`, `{tls: {mode: DISABLE, credentialName: a, caCertificates: /b}}`},
		{"VM071", "trafficPolicy", `{tls: {mode: SIMPLE, insecureSkipVerify: true, caCertificates: /b}}`, `{tls: {mode: MUTUAL, insecureSkipVerify: true, credentialName: b}}`},
		{"VM071", "trafficPolicy", `{portLevelSettings: [{tls: {mode: DISABLE}}]}`, `{portLevelSettings: [{port: {number: 80}, tls: {mode: DISABLE}}]}`},
		{"VM071", "trafficPolicy", `{portLevelSettings: [{port: {number: 80}}]}`, `{portLevelSettings: [{port: {number: 80}, outlierDetection: {}}]}`},
		{"VM071", "trafficPolicy", `{tunnel: {protocol: GET, targetHost: a, targetPort: 1}}`, `{tunnel: {protocol: POST, targetHost: a, targetPort: 1}}`},
		{"VM071", "trafficPolicy", `{tunnel: {targetHost: a b, targetPort: 1}}`, `{tunnel: {targetHost: 10.0.0.1, targetPort: 1}}`},
		{"VM071", "trafficPolicy", `{tunnel: {targetHost: a, targetPort: 1}, proxyProtocol: {version: V2}}`, `{tunnel: {targetHost: a, targetPort: 1}}`},
		{"VM071", "trafficPolicy", `{loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 65536}}}}`, `{loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 65537}}}}`},
		{"VM071", "trafficPolicy", `{loadBalancer: {consistentHash: {useSourceIp: true, minimumRingSize: 10, ringHash: {}}}}`, `{loadBalancer: {consistentHash: {useSourceIp: true, ringHash: {minimumRingSize: 10}}}}`},
		{"VM071", "trafficPolicy", local(`{distribute: [{from: "a/*", to: {"b/*": 50}}]}`), local(`{distribute: [{from: "a/*", to: {"b/*": 50, "c/*": 50}}]}`)},
		{"VM071", "trafficPolicy", local(`{distribute: [{from: "a/*", to: {"b/*": 100, "c/*": 0}}]}`), local(`{distribute: [{from: "a/*", to: {"b/*": 99, "c/*": 1}}]}`)},
		{"VM071", "trafficPolicy", local(`{distribute: [{from: a, to: {b: 100}}, {from: a/x, to: {b: 100}}]}`), local(`{distribute: [{from: a/y, to: {b: 100}}, {from: a/x, to: {b: 100}}]}`)},
		{"VM071", "trafficPolicy", local(`{distribute: [{from: "*", to: {b: 100}}, {from: a/*, to: {b: 100}}]}`), local(`{distribute: [{from: a/x/*, to: {b: 100}}, {from: a/*, to: {b: 100}}, {from: "*", to: {b: 100}}]}`)},
		{"VM071", "trafficPolicy", local(`{distribute: [{from: a, to: {a/*: 80, "*": 20}}]}`), local(`{distribute: [{from: a, to: {a/x: 80, a/y: 20}}]}`)},
		{"VM071", "trafficPolicy", local(`{distribute: [{from: a/x/y, to: {b: 100}}, {from: a/x, to: {b: 100}}]}`), local(`{distribute: [{from: a/x/y, to: {b: 100}}, {from: a/x/*, to: {b: 100}}]}`)},
		{"VM071", "trafficPolicy", local(`{distribute: [{from: a/*/c, to: {b: 100}}]}`), local(`{distribute: [{from: a/b/*, to: {b: 100}}]}`)},
		{"VM071", "trafficPolicy", local(`{distribute: [{from: a//c, to: {b: 100}}]}`), local(`{distribute: [{from: "*", to: {b: 100}}]}`)},
		{"VM071", "trafficPolicy", local(`{distribute: [{from: a, to: {b: 100}}], failover: [{from: a, to: b}]}`), local(`{failover: [{from: a, to: b}, {from: a, to: c}]}`)},
		{"VM071", "trafficPolicy", local(`{failover: [{from: a, to: a}]}`), local(`{failover: [{to: a}]}`)},
		{"VM071", "trafficPolicy", local(`{failover: [{from: a/x, to: b}]}`), local(`{failover: [{from: a, to: b}]}`)},
		{"VM071", "trafficPolicy", local(`{failover: [{from: a, to: b}], failoverPriority: [topology.istio.io/subzone]}`), local(`{failover: [{from: a, to: b}], failoverPriority: [topology.istio.io/network]}`)},
		{"VM071", "subsets", `[{name: a, version: a, trafficPolicy: {connectionPool: {}}}]`, `[{name: a, version: a, trafficPolicy: {connectionPool: {http: {}}}}]`},
		{"VM072", "sidecar", `{egress: [{hosts: [istio-system]}]}`, `{egress: [{hosts: [istio-system/*]}]}`},
		{"VM072", "sidecar", `{egress: [{hosts: [a_b/*]}]}`, `{egress: [{hosts: ["~/*", "*/*"]}]}`},
		{"VM072", "sidecar", `{egress: [{hosts: ["./web"]}]}`, `{egress: [{hosts: ["./web.shop.svc.cluster.local"]}]}`},
		{"VM072", "sidecar", `{egress: [{hosts: ["./*-a.b"]}]}`, `{egress: [{hosts: ["./*.a.b"]}]}`},
		{"VM072", "sidecar", `{egress: [{hosts: ["*/10.0.0.1"]}]}`, `{egress: [{hosts: ["*/a.b."]}]}`},
		{"VM072", "sidecar", `{egress: [{hosts: ["./*"]}, {hosts: ["*/*"]}]}`, `{egress: [{hosts: ["./*"], port: {number: 80, protocol: HTTP, name: a}}, {hosts: ["*/*"]}]}`},
		{"VM072", "sidecar", `{egress: [{hosts: ["./*"], port: {number: 80, protocol: HTPP, name: a}}]}`, `{egress: [{hosts: ["./*"], port: {number: 80, name: a}}]}`},
		{"VM072", "sidecar", `{egress: [{hosts: ["./*"], bind: eth0, port: {number: 80, protocol: HTTP, name: a}}]}`, `{egress: [{hosts: ["./*"], bind: 127.0.0.2, port: {number: 80, protocol: HTTP, name: a}}]}`},
		{"VM072", "sidecar", in(`defaultEndpoint: "localhost:80"`), in(`defaultEndpoint: "127.0.0.1:80"`)},
		{"VM072", "sidecar", in(`defaultEndpoint: unix://a`), in(`defaultEndpoint: unix:///a`)},
		{"VM072", "sidecar", in(`defaultEndpoint: "127.0.0.1"`), in(`defaultEndpoint: "[::1]:80"`)},
		{"VM072", "sidecar", `{ingress: [{port: {number: 80, name: a, protocol: HTTP}}, {port: {number: 80, name: b, protocol: HTTP}}]}`, `{ingress: [{port: {number: 80, name: a, protocol: HTTP}}, {port: {number: 81, name: b, protocol: HTTP}}]}`},
		{"VM072", "sidecar", `{ingress: [{port: {number: 80, name: a, protocol: HTTP, targetPort: 81}}]}`, in(`bind: 10.0.0.1`)},
		{"VM072", "sidecar", tls(`{mode: MUTUAL, serverCertificate: /a, privateKey: /b}`), tls(`{mode: MUTUAL, serverCertificate: /a, privateKey: /b, caCertificates: /c}`)},
		{"VM072", "sidecar", tls(`{mode: SIMPLE}`), tls(`{mode: SIMPLE, serverCertificate: /a, privateKey: /b}`)},
		{"VM072", "sidecar", tls(`{mode: ISTIO_MUTUAL}`), tls(`{mode: PASSTHROUGH}`)},
		{"VM072", "sidecar", tls(`{mode: PASSTHROUGH, httpsRedirect: true}`), tls(`{}`)},
		{"VM072", "sidecar", `{outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.b}}}`, `{outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.b, port: {number: 80}}}}`},
		{"VM059", "security", `{allow: [{name: a, to: [{methods: [""]}]}]}`, `{allow: [{name: a, to: [{methods: ["*"]}]}]}`},
		{"VM059", "security", `{allow: [{name: a, from: [{principals: [""]}]}]}`, `{allow: [{name: a, from: [{principals: ["*"]}]}]}`},
		{"VM059", "security", `{allow: [{name: a, to: [{paths: ["/{**}/b/{*}"]}]}]}`, `{allow: [{name: a, to: [{paths: ["/{*}/b/{**}"]}]}]}`},
		{"VM059", "security", `{allow: [{name: a, to: [{notPaths: ["/users/{id}"]}]}]}`, `{allow: [{name: a, to: [{notPaths: ["/users/{*}"]}]}]}`},
		{"VM059", "security", `{allow: [{name: a, to: [{paths: ["/{*}/b*"]}]}]}`, `{allow: [{name: a, to: [{paths: ["/b*"]}]}]}`},
		{"VM041", "security", `{allow: [{name: a, when: [{key: source.ip, values: [1.2.3.x]}]}]}`, `{allow: [{name: a, when: [{key: source.ip, values: [1.2.3.0/24]}]}]}`},
		{"VM067", "security", `{jwt: [{issuer: a, jwks: foo}]}`, `{jwt: [{issuer: a, jwks: '{"keys": [{"kty": "RSA", "e": "AQAB", "n": "sXchAA"}]}'}]}`},
		{"VM069", "external", `{hosts: ["*.a.com"], ports: [{number: 443, name: tcp, protocol: TCP}], resolution: DYNAMIC_DNS}`, `{hosts: ["*.a.com"], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DYNAMIC_DNS}`},
	} {
		_, found := resolve(t, webhookCase(c.where, c.bad))
		require.Equal(t, []string{c.rule}, rules(found), "%s: %s", c.where, c.bad)
		require.NotEmpty(t, found[0].Help, c.bad)
		require.NotZero(t, found[0].Pos().Line, c.bad)
		_, found = resolve(t, webhookCase(c.where, c.good))
		require.Empty(t, found, "%s: %s", c.where, c.good)
	}
}
