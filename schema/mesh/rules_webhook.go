package mesh

import "github.com/vmmesh/vmmesh/schema/diag"

// What istiod's webhook refuses of the blocks that are Istio's own.
var (
	ruleServiceEntry = &diag.Rule{
		ID: "VM069", Name: "external-service", Severity: diag.Error,
		Doc:  "An external service's ServiceEntry is one that Istio takes.",
		Long: "istiod's webhook refuses hosts that are no names, wildcards that would have to be looked up, protocols that it does not know, several hosts on one TCP port, and endpoints that the resolution cannot use.",
		Bad: `externalServices:
- name: storage
  serviceEntry:
    hosts: ["*.example.com"]
    ports: [{number: 443, name: tls, protocol: TLS}]
    resolution: DNS`,
		Good: `externalServices:
- name: storage
  serviceEntry:
    hosts: ["*.example.com"]
    ports: [{number: 443, name: tls, protocol: TLS}]
    resolution: NONE`,
	}
	ruleSettings = &diag.Rule{
		ID: "VM070", Name: "route-settings", Severity: diag.Error,
		Doc:  "What a route does with a request is something that Istio takes.",
		Long: "istiod's webhook refuses retry conditions that it does not know, faults and rewrites that say nothing, statuses, percentages and regular expressions that are none, and settings that exclude each other; then the whole VirtualService is refused, with all its other routes. A match on a gateway is accepted and never holds, since these routes are for sidecars.",
		Bad: `http:
- route: [{destination: {}}]
  retries: {attempts: 3, retryOn: "connect-failure, refused-stream"}`,
		Good: `http:
- route: [{destination: {}}]
  retries: {attempts: 3, retryOn: "connect-failure,refused-stream"}`,
	}
	rulePolicy = &diag.Rule{
		ID: "VM071", Name: "traffic-policy", Severity: diag.Error,
		Doc:  "A traffic policy is one that Istio takes.",
		Long: "istiod's webhook refuses empty connection pools, numbers below 0, TLS without the certificates of its mode, shares of localities that do not add up to 100, failover from or to anything but a region, and settings that exclude each other; then the whole DestinationRule is refused, with its subsets.",
		Bad:  "trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: us-west1/*, to: {us-west1/*: 80, us-east1/*: 10}}]}}}",
		Good: "trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: us-west1/*, to: {us-west1/*: 80, us-east1/*: 20}}]}}}",
	}
	ruleSidecar = &diag.Rule{
		ID: "VM072", Name: "sidecar", Severity: diag.Error,
		Doc:  "A Sidecar's listeners are ones that Istio takes.",
		Long: "istiod's webhook wants egress hosts as namespace/host with whole host names, one listener without a port and that last, one listener a port, endpoints on the VM itself, and certificates where a listener ends TLS. A Sidecar that is refused leaves its VMs with the configuration of the whole mesh.",
		Bad:  "sidecar: {egress: [{hosts: [istio-system]}]}",
		Good: "sidecar: {egress: [{hosts: [\"istio-system/*\"]}]}",
	}
	ruleTelemetry = &diag.Rule{
		ID: "VM079", Name: "telemetry", Severity: diag.Error,
		Doc:  "Access logs and traces have filters, tags and a provider that Istio can use.",
		Long: "istiod's webhook refuses a filter that is no CEL expression, and a tag without a name. A second provider of traces is ignored, a tag without a value is left out, and a filter that is always true filters nothing.",
		Bad:  `observability: {accessLogging: [{providers: [{name: envoy}], filter: {expression: "response.code = 500"}}]}`,
		Good: `observability: {accessLogging: [{providers: [{name: envoy}], filter: {expression: "response.code == 500"}}]}`,
	}
)
