package webhook

import "github.com/vmmesh/vmmesh/schema/diag"

// What istiod's webhook refuses of the blocks that are Istio's own.
var (
	// ServiceEntry is about what istiod refuses of a ServiceEntry.
	ServiceEntry = &diag.Rule{
		ID: "VM069", Name: "external-service", Severity: diag.Error,
		Doc: "An external service has a ServiceEntry that Istio takes.",
		Long: "istiod's webhook refuses hosts that are not names, wildcards that would have to be looked up, unknown protocols, several hosts on one TCP port, and " +
			"endpoints that the resolution cannot use.",
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
	// RouteSettings is about what an HTTP route does besides where it leads.
	RouteSettings = &diag.Rule{
		ID: "VM070", Name: "route-settings", Severity: diag.Error,
		Doc: "What a route does with a request is something that Istio takes.",
		Long: "istiod's webhook refuses unknown retry conditions, empty faults and rewrites, statuses, percentages and regular expressions that are not valid, " +
			"and settings that exclude each other. Then the whole VirtualService is refused, with all its other routes. In a spec, a match on a " +
			"gateway is accepted and never holds, since these routes are for sidecars.",
		Bad: `http:
- route: [{destination: {}}]
  retries: {attempts: 3, retryOn: "connect-failure, refused-stream"}`,
		Good: `http:
- route: [{destination: {}}]
  retries: {attempts: 3, retryOn: "connect-failure,refused-stream"}`,
	}
	// TrafficPolicy is about traffic policies.
	TrafficPolicy = &diag.Rule{
		ID: "VM071", Name: "traffic-policy", Severity: diag.Error,
		Doc: "A traffic policy is one that Istio takes.",
		Long: "istiod's webhook refuses empty policies and connection pools, numbers below 0, TLS without the certificates of its mode, shares of localities " +
			"that do not add up to 100, failover from or to anything but a region, and settings that exclude each other. Then the whole " +
			"DestinationRule is refused, with its subsets.",
		Bad:  "trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: us-west1/*, to: {us-west1/*: 80, us-east1/*: 10}}]}}}",
		Good: "trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: us-west1/*, to: {us-west1/*: 80, us-east1/*: 20}}]}}}",
	}
	// Sidecar is about Sidecars.
	Sidecar = &diag.Rule{
		ID: "VM072", Name: "sidecar", Severity: diag.Error,
		Doc: "A Sidecar has listeners that Istio takes.",
		Long: "istiod's webhook wants egress hosts as namespace/host with whole host names, one listener without a port and that last, one listener a port, " +
			"endpoints on the VM itself, and certificates where a listener ends TLS. A Sidecar that is refused leaves its VMs with the configuration " +
			"of the whole mesh.",
		Bad:  "sidecar: {egress: [{hosts: [istio-system]}]}",
		Good: "sidecar: {egress: [{hosts: [\"istio-system/*\"]}]}",
	}
	// Telemetry is about Telemetries.
	Telemetry = &diag.Rule{
		ID: "VM079", Name: "telemetry", Severity: diag.Error,
		Doc: "Access logs and traces have filters, tags and a provider that Istio can use.",
		Long: "istiod's webhook refuses a filter that is not a CEL expression, and a tag without a name. A second provider of traces is ignored, a tag without " +
			"a value is left out, and a filter that is always true filters nothing.",
		Bad:  `observability: {accessLogging: [{providers: [{name: envoy}], filter: {expression: "response.code = 500"}}]}`,
		Good: `observability: {accessLogging: [{providers: [{name: envoy}], filter: {expression: "response.code == 500"}}]}`,
	}
	// BadRange is about address ranges.
	BadRange = &diag.Rule{
		ID: "VM041", Name: "bad-range", Severity: diag.Error,
		Doc: "An address range is a CIDR with no bits below its prefix length.",
		Long: "Ranges go into firewalls, routes, capture rules and policies; tools differ in what they make of 10.1.2.3/8, and a range that is wider than " +
			"intended opens more than intended.",
		Bad:  "istio: {podCIDRs: [10.1.2.3/8]}",
		Good: "istio: {podCIDRs: [10.0.0.0/8]}",
	}
	// Label is about the form of labels and annotations.
	Label = &diag.Rule{
		ID: "VM048", Name: "invalid-label", Severity: diag.Error,
		Doc:  "Labels and annotations have the form that Kubernetes demands.",
		Long: "The API server refuses objects with malformed keys or label values, and a label that cannot be written on the WorkloadEntry can select nothing.",
		Bad:  "labels: {team: \"payments & refunds\"}",
		Good: "labels: {team: payments-refunds}",
	}
	// RouteWeight is about the weights of destinations.
	RouteWeight = &diag.Rule{
		ID: "VM047", Name: "route-weight", Severity: diag.Error,
		Doc:  "Weights of a route's destinations are not negative, and not all 0.",
		Long: "Istio refuses negative weights, and a route of several destinations whose weights add up to nothing. Weights need not add up to 100: they are shares.",
		Bad: `http:
- route: [{destination: {subset: v1}}, {destination: {subset: v2}}]`,
		Good: `http:
- route: [{destination: {subset: v1}, weight: 90}, {destination: {subset: v2}, weight: 10}]`,
	}
	// Route is about where a route leads.
	Route = &diag.Rule{
		ID: "VM058", Name: "route", Severity: diag.Error,
		Doc: "A route sends its traffic somewhere, and to one kind of place.",
		Long: "Istio refuses a route without a destination, unless it redirects, answers directly or delegates; one that does both; and a TLS match on a name " +
			"that is not a host of the service. In a spec, `destination: {}` is the service itself.",
		Bad:  "http: [{timeout: 10s}]",
		Good: "http: [{route: [{destination: {}}], timeout: 10s}]",
	}
	// Access is about the rules of an AuthorizationPolicy.
	Access = &diag.Rule{
		ID: "VM059", Name: "access-rule", Severity: diag.Error,
		Doc: "A rule has sources, operations and conditions in a form that Istio takes.",
		Long: "Istio refuses empty sources and operations, conditions without values, and conditions on unknown attributes. A service account is written " +
			"namespace/name, or by its name alone in the workload's namespace.",
		Bad:  "allow: [{name: web, from: [{}]}]",
		Good: "allow: [{name: web, from: [{serviceAccounts: [frontend/frontend-sa]}]}]",
	}
	// ExportTo is about exportTo.
	ExportTo = &diag.Rule{
		ID: "VM064", Name: "export-to", Severity: diag.Error,
		Doc:  "exportTo lists namespaces, or `.` or `*` alone.",
		Long: "Istio refuses repeated entries, `*` or `~` next to others, and `~` on anything but a ServiceEntry.",
		Bad:  "exportTo: [\"*\", frontend]",
		Good: "exportTo: [\".\", frontend]",
	}
	// JWT is about the rules of a RequestAuthentication.
	JWT = &diag.Rule{
		ID: "VM067", Name: "jwt-issuer", Severity: diag.Error,
		Doc: "A JWT rule names its issuer, and keys that can be read.",
		Long: "A rule without `issuer` would take the tokens of any issuer that these keys sign for. It is compared with the `iss` of each token, letter by letter. " +
			"Istio refuses keys and addresses of keys that it cannot read.",
		Bad:  `jwt: [{jwksUri: "https://a.example.com/keys"}]`,
		Good: `jwt: [{issuer: "https://a.example.com", jwksUri: "https://a.example.com/keys"}]`,
	}
	// DeadRoute is about routes that no request reaches.
	DeadRoute = &diag.Rule{
		ID: "VM075", Name: "dead-route", Severity: diag.Warning,
		Doc: "A route is reached by some request.",
		Long: "The first route that matches a request is used. A route whose matches are all covered by routes before it is never used: behind one without a " +
			"match, a canary gets no traffic. Write the narrow matches first, and the route for the rest last.",
		Bad: `http:
- route: [{destination: {}}]
- match: [{headers: {x-canary: {exact: "true"}}}]
  route: [{destination: {subset: v2}}]`,
		Good: `http:
- match: [{headers: {x-canary: {exact: "true"}}}]
  route: [{destination: {subset: v2}}]
- route: [{destination: {}}]`,
	}
	// NeverMatches is about rules of policies that never hold.
	NeverMatches = &diag.Rule{
		ID: "VM076", Name: "never-matches", Severity: diag.Error,
		Doc: "What a rule of a policy names is something that a request can have.",
		Long: "Istio accepts values that no request has: methods in small letters, paths without a slash in front or with a query, a star in the middle. A denial " +
			"of that form denies nothing, and an exception excepts nothing; an allowance of that form allows nothing, which is a warning. A " +
			"star begins or ends a value; whole parts of a path are {*} and {**} (istio: pilot/pkg/security/authz/matcher).",
		Bad:  `deny: [{name: writes, to: [{methods: [delete]}]}]`,
		Good: `deny: [{name: writes, to: [{methods: [DELETE]}]}]`,
	}
	// Refused is about what istiod refuses of an object and no other rule is about.
	Refused = &diag.Rule{
		ID: "VM074", Name: "refused-object", Severity: diag.Error,
		Doc: "An Istio object is one that istiod's webhook takes.",
		Long: "The CRDs state only a part of what istiod demands; the API server asks its webhook for the rest, and refuses the object (istio: " +
			"pkg/config/validation). One refused object stops an apply half way: what comes before it is in the cluster, and what comes after it is not.",
		Bad: "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: public, namespace: shop}\n" +
			"spec: {selector: {istio: ingressgateway}, servers: [{hosts: [pay.example.com], port: {number: 443, name: https, protocol: HTTPS}}]}\n",
		Good: "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: public, namespace: shop}\n" +
			"spec: {selector: {istio: ingressgateway}, servers: [{hosts: [pay.example.com], port: {number: 443, name: https, protocol: HTTPS}, " +
			"tls: {mode: SIMPLE, credentialName: pay}}]}\n",
	}
)

// Rules lists the rules of this package, which hold for specs and for manifests.
var Rules = []*diag.Rule{
	BadRange, RouteWeight, Label, Route, Access, ExportTo, JWT, ServiceEntry, RouteSettings, TrafficPolicy, Sidecar, Telemetry,
	DeadRoute, NeverMatches, Refused,
}

// ObjectRules lists those of them whose examples are manifests.
var ObjectRules = []*diag.Rule{Refused}
