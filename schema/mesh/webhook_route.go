package mesh

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// routeSettings checks what istiod's webhook demands of HTTP routes beyond the CRD (istio: pkg/config/validation,
// validateHTTPRoute), apart from where they lead.
func (r *resolver) routeSettings(h *networking.HTTPRoute, at diag.Path) {
	for i, m := range h.Match {
		r.match(m, at.Key("match").Item(i, ""))
	}
	r.headers(h.Headers, at.Key("headers"))
	for i, d := range h.Route {
		r.headers(d.GetHeaders(), at.Key("route").Item(i, "").Key("headers"))
	}
	r.retries(h.Retries, at.Key("retries"))
	r.fault(h.Fault, at.Key("fault"))
	r.cors(h.CorsPolicy, at.Key("corsPolicy"))
	r.rewrite(h.Rewrite, at.Key("rewrite"))
	r.redirect(h, at)
	r.oneAuthority(h, at)
	if d := h.DirectResponse; d != nil && !isStatus(int64(d.Status)) {
		r.say(ruleSettings.At(at.Key("directResponse").Key("status"), "%d is no HTTP status", d.Status).WithHelp("write a number from 200 to 599"))
	}
	if h.Mirror != nil && len(h.Mirrors) > 0 {
		r.say(ruleSettings.At(at.Key("mirror"), "mirror stands beside mirrors, and Istio takes one of the two").Key().WithHelp("move it into the list: mirrors: [{destination: ...}]"))
	}
	r.percentage(h.MirrorPercentage, at.Key("mirrorPercentage"), 0)
	for i, m := range h.Mirrors {
		r.percentage(m.GetPercentage(), at.Key("mirrors").Item(i, "").Key("percentage"), 0)
	}
}

// isStatus is Istio's own bound for statuses that a proxy answers with.
func isStatus(n int64) bool { return n >= 200 && n < 600 }

func (r *resolver) match(m *networking.HTTPMatchRequest, at diag.Path) {
	for _, s := range []struct {
		key   string
		match *networking.StringMatch
	}{{"uri", m.GetUri()}, {"scheme", m.GetScheme()}, {"method", m.GetMethod()}, {"authority", m.GetAuthority()}} {
		r.regex(s.match, at.Key(s.key))
	}
	for _, list := range []struct {
		key     string
		matches map[string]*networking.StringMatch
		header  bool
	}{{"headers", m.GetHeaders(), true}, {"withoutHeaders", m.GetWithoutHeaders(), true}, {"queryParams", m.GetQueryParams(), false}} {
		for _, name := range sortedKeys(list.matches) {
			here := at.Key(list.key).Key(name)
			if list.header && (name == "" || strings.ContainsAny(name, " \t")) {
				r.say(ruleSettings.At(here, "%q is no header name", name).Key().WithHelp("letters, digits, '-' and '_'"))
			}
			r.regex(list.matches[name], here)
		}
	}
	r.sourceMatch(m.GetSourceLabels(), m.GetSourceNamespace(), m.GetGateways(), at)
}

// sourceMatch checks which callers a match is for. The routes of a workload are for sidecars: Istio calls them the
// gateway mesh, and a match on other gateways never holds.
func (r *resolver) sourceMatch(labels map[string]string, namespace string, gateways []string, at diag.Path) {
	r.labels(labels, at.Key("sourceLabels"), nil)
	if namespace != "" && !isDNSLabel(namespace) {
		r.say(ruleSettings.At(at.Key("sourceNamespace"), "%q is no namespace", namespace).WithHelp("lower-case letters, digits and '-'"))
	}
	if len(gateways) > 0 && !slices.Contains(gateways, "mesh") {
		r.say(ruleSettings.At(at.Key("gateways"), "these routes are for the mesh's own sidecars, so a match on gateway %q never holds", gateways[0]).
			WithHelp("drop `gateways`; a gateway's routes are in a VirtualService of its own"))
	}
}

func (r *resolver) layerFour(list []*networking.L4MatchAttributes, at diag.Path) {
	for i, m := range list {
		here := at.Key("match").Item(i, "")
		r.subnets(m.GetDestinationSubnets(), here.Key("destinationSubnets"))
		r.sourceMatch(m.GetSourceLabels(), m.GetSourceNamespace(), m.GetGateways(), here)
	}
}

func (r *resolver) tlsMatches(list []*networking.TLSMatchAttributes, at diag.Path) {
	for i, m := range list {
		here := at.Key("match").Item(i, "")
		r.subnets(m.GetDestinationSubnets(), here.Key("destinationSubnets"))
		r.sourceMatch(m.GetSourceLabels(), m.GetSourceNamespace(), m.GetGateways(), here)
	}
}

func (r *resolver) subnets(list []string, at diag.Path) {
	for i, s := range list {
		if _, ok := parsePrefix(s); !ok {
			r.say(ruleBadRange.At(at.Item(i, ""), "%q is no address range", s).WithHelp("write a CIDR such as 10.0.0.0/8, or one IP address"))
		}
	}
}

// regex checks that a regular expression can be read; Istio and Envoy take those of RE2, as Go does.
func (r *resolver) regex(m *networking.StringMatch, at diag.Path) {
	s, is := m.GetMatchType().(*networking.StringMatch_Regex)
	if !is {
		return
	}
	r.expression(s.Regex, at.Key("regex"))
}

const maxExpression = 1024 // bytes: what Istio takes

func (r *resolver) expression(s string, at diag.Path) {
	if s == "" || len(s) > maxExpression {
		r.say(ruleSettings.At(at, "the regular expression has %d characters, and Istio takes 1 to %d", len(s), maxExpression).WithHelp("drop it, or write several matches"))
	}
	if _, err := regexp.Compile(s); err != nil {
		r.say(ruleSettings.At(at, "%q is no regular expression: %s", s, strings.TrimPrefix(err.Error(), "error parsing regexp: ")).
			WithHelp("Istio takes RE2's syntax, without look-ahead and back references"))
	}
}

func (r *resolver) headers(h *networking.Headers, at diag.Path) {
	for _, side := range []struct {
		key  string
		ops  *networking.Headers_HeaderOperations
		host bool // whether host may be changed
	}{{"request", h.GetRequest(), true}, {"response", h.GetResponse(), false}} {
		here := at.Key(side.key)
		for _, name := range sortedKeys(side.ops.GetAdd()) {
			r.headerOperation(name, side.host, here.Key("add").Key(name), true)
		}
		for _, name := range sortedKeys(side.ops.GetSet()) {
			r.headerOperation(name, side.host, here.Key("set").Key(name), true)
		}
		for i, name := range side.ops.GetRemove() {
			r.headerOperation(name, false, here.Key("remove").Item(i, ""), false)
		}
	}
}

func (r *resolver) headerOperation(name string, host bool, at diag.Path, key bool) {
	authority := strings.EqualFold(name, "host") || strings.EqualFold(name, ":authority")
	if name != "" && (host && authority || !strings.HasPrefix(name, ":") && !strings.EqualFold(name, "host")) {
		return
	}
	d := ruleSettings.At(at, "%q is no header that a route can change", name)
	if key {
		d = d.Key()
	}
	r.say(d.WithHelp("path, method and authority are changed by `rewrite`; other headers by their names, such as x-tenant"))
}

// retryWords are the conditions of retries (istio: pkg/config/validation, supportedRetryOnPolicies), beside statuses.
var retryWords = []string{
	"5xx", "cancelled", "connect-failure", "deadline-exceeded", "envoy-ratelimited", "gateway-error", "http3-post-connect-failure",
	"internal", "refused-stream", "reset", "reset-before-request", "resource-exhausted", "retriable-4xx", "retriable-headers",
	"retriable-status-codes", "unavailable",
}

func (r *resolver) retries(t *networking.HTTPRetry, at diag.Path) {
	if t == nil {
		return
	}
	switch {
	case t.Attempts < 0:
		r.say(ruleSettings.At(at.Key("attempts"), "attempts is %d, below 0", t.Attempts).WithHelp("write how often a request is tried again; 0 is never"))
	case t.Attempts == 0 && (t.PerTryTimeout != nil || t.RetryOn != "" || t.RetryRemoteLocalities != nil):
		r.say(ruleSettings.At(at, "attempts is 0, which is never, and the other settings say how to try again").
			WithHelp("add `attempts: 2`, or leave only `attempts: 0`"))
	}
	if t.RetryOn == "" {
		return
	}
	for word := range strings.SplitSeq(t.RetryOn, ",") {
		if n, err := strconv.Atoi(word); err == nil && registered(n) || slices.Contains(retryWords, word) {
			continue
		}
		d := ruleSettings.At(at.Key("retryOn"), "Istio knows no condition %q", word)
		near := diag.Nearest(strings.TrimSpace(word), retryWords)
		switch {
		case slices.Contains(retryWords, strings.TrimSpace(word)):
			d = d.WithHelp("write the conditions with commas alone between them, without spaces")
		case near != "":
			d = d.WithHelp("did you mean %s?", near)
		default:
			d = d.WithHelp("write HTTP statuses or %s", strings.Join(retryWords, ", "))
		}
		r.say(d)
	}
}

// registered tells whether an HTTP status has a name (https://www.iana.org/assignments/http-status-codes), as retryOn asks.
func registered(n int) bool {
	for _, span := range [][2]int{{100, 103}, {200, 208}, {226, 226}, {300, 305}, {307, 308}, {400, 418}, {421, 426}, {428, 429}, {431, 431}, {451, 451}, {500, 508}, {510, 511}} {
		if n >= span[0] && n <= span[1] {
			return true
		}
	}
	return false
}

// grpcStatuses are the words of a fault's grpcStatus.
var grpcStatuses = []string{
	"ABORTED", "ALREADY_EXISTS", "CANCELLED", "DATA_LOSS", "DEADLINE_EXCEEDED", "FAILED_PRECONDITION", "INTERNAL", "INVALID_ARGUMENT",
	"NOT_FOUND", "OK", "OUT_OF_RANGE", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED", "UNAVAILABLE", "UNIMPLEMENTED", "UNKNOWN",
}

func (r *resolver) fault(f *networking.HTTPFaultInjection, at diag.Path) {
	if f == nil {
		return
	}
	if f.Abort == nil && f.Delay == nil {
		r.say(ruleSettings.At(at, "the fault neither aborts nor delays").WithHelp("add `delay: {fixedDelay: 5s, percentage: {value: 1}}` or `abort: {httpStatus: 503, ...}`, or drop it"))
	}
	r.percentage(f.GetDelay().GetPercentage(), at.Key("delay").Key("percentage"), leastFault)
	r.percentage(f.GetAbort().GetPercentage(), at.Key("abort").Key("percentage"), leastFault)
	at = at.Key("abort")
	switch e := f.GetAbort().GetErrorType().(type) {
	case *networking.HTTPFaultInjection_Abort_HttpStatus:
		if !isStatus(int64(e.HttpStatus)) {
			r.say(ruleSettings.At(at.Key("httpStatus"), "%d is no HTTP status", e.HttpStatus).WithHelp("write a number from 200 to 599"))
		}
	case *networking.HTTPFaultInjection_Abort_GrpcStatus:
		if !slices.Contains(grpcStatuses, e.GrpcStatus) {
			d := ruleSettings.At(at.Key("grpcStatus"), "%q is no gRPC status", e.GrpcStatus)
			if upper := strings.ToUpper(e.GrpcStatus); slices.Contains(grpcStatuses, upper) {
				d = d.Suggest("write %s", e.GrpcStatus, upper, grpcStatuses)
			} else if near := diag.Nearest(upper, grpcStatuses); near != "" {
				d = d.Suggest("did you mean %s?", e.GrpcStatus, near, grpcStatuses)
			} else {
				d = d.WithHelp("write one of %s", strings.Join(grpcStatuses, ", "))
			}
			r.say(d)
		}
	}
}

const leastFault = 0.0001 // percent: the smallest share that Envoy can draw

func (r *resolver) percentage(p *networking.Percent, at diag.Path, least float64) {
	if v := p.GetValue(); v != 0 && (v < least || v > 100) {
		r.say(ruleSettings.At(at.Key("value"), "%v is no percentage", v).WithHelp("write a number from 0 to 100"))
	}
}

// methods are those that a CORS policy may allow.
var methods = []string{"*", "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}

func (r *resolver) cors(c *networking.CorsPolicy, at diag.Path) {
	for i, o := range c.GetAllowOrigins() {
		here := at.Key("allowOrigins").Item(i, "")
		if o.GetExact()+o.GetPrefix()+o.GetRegex() == "" {
			r.say(ruleSettings.At(here, "the origin says nothing").WithHelp("write `exact: https://example.com`, or a prefix or regex"))
		}
		r.regex(o, here)
	}
	for i, m := range c.GetAllowMethods() {
		if !slices.Contains(methods, m) {
			d := ruleSettings.At(at.Key("allowMethods").Item(i, ""), "%q is no HTTP method that Istio knows", m)
			if upper := strings.ToUpper(m); slices.Contains(methods, upper) {
				r.say(d.Suggest("write %s", m, upper, methods))
			} else if near := diag.Nearest(upper, methods); near != "" {
				r.say(d.Suggest("did you mean %s?", m, near, methods))
			} else {
				r.say(d.WithHelp("known are %s", strings.Join(methods, ", ")))
			}
		}
	}
	for _, list := range []struct {
		key   string
		names []string
	}{{"allowHeaders", c.GetAllowHeaders()}, {"exposeHeaders", c.GetExposeHeaders()}} {
		for i, name := range list.names {
			if name == "" || strings.ContainsAny(name, " \t") {
				r.say(ruleSettings.At(at.Key(list.key).Item(i, ""), "%q is no header name", name).WithHelp("letters, digits, '-' and '_'"))
			}
		}
	}
	if c.GetMaxAge().GetNanos() != 0 {
		r.say(ruleSettings.At(at.Key("maxAge"), "maxAge is in whole seconds").WithHelp("write 1s or more, without a fraction"))
	}
}

func (r *resolver) rewrite(w *networking.HTTPRewrite, at diag.Path) {
	if w == nil {
		return
	}
	switch x := w.UriRegexRewrite; {
	case w.Uri != "" && x != nil:
		r.say(ruleSettings.At(at.Key("uriRegexRewrite"), "uriRegexRewrite stands beside uri, and Istio takes one of the two").Key().WithHelp("drop one"))
	case w.Uri == "" && x == nil && w.Authority == "":
		r.say(ruleSettings.At(at, "the rewrite changes nothing, and Istio refuses an empty one").WithHelp("add uri, uriRegexRewrite or authority, or drop it"))
	case x != nil && (x.Match == "" || x.Rewrite == ""):
		r.say(ruleSettings.At(at.Key("uriRegexRewrite"), "uriRegexRewrite needs match and rewrite").WithHelp(`write {match: "^/old/(.*)$", rewrite: "/new/\\1"}`))
	case x != nil:
		r.expression(x.Match, at.Key("uriRegexRewrite").Key("match"))
	}
}

func (r *resolver) redirect(h *networking.HTTPRoute, at diag.Path) {
	d := h.Redirect
	answer := "redirect"
	if h.DirectResponse != nil {
		answer = "directResponse"
	}
	for _, beside := range []struct {
		key string
		set bool
	}{{"fault", h.Fault != nil}, {"rewrite", h.Rewrite != nil}, {"redirect", d != nil && h.DirectResponse != nil}} {
		if beside.set && (d != nil || h.DirectResponse != nil) {
			r.say(ruleSettings.At(at.Key(beside.key), "%s stands beside %s, and Istio refuses both together", beside.key, answer).Key().WithHelp("drop one of the two"))
		}
	}
	if d == nil {
		return
	}
	at = at.Key("redirect")
	if d.Uri == "" && d.Authority == "" && d.Scheme == "" && d.RedirectPort == nil {
		r.say(ruleSettings.At(at, "the redirect leads nowhere else").WithHelp("add uri, authority, scheme or port"))
	}
	if d.RedirectCode != 0 && (d.RedirectCode < 300 || d.RedirectCode > 399) {
		r.say(ruleSettings.At(at.Key("redirectCode"), "%d is no redirect", d.RedirectCode).WithHelp("write 301, 302, 303, 307 or 308"))
	}
	if s := d.Scheme; s != "" && s != "http" && s != "https" {
		r.say(ruleSettings.At(at.Key("scheme"), "%q is no scheme of a redirect", s).WithHelp("write http or https"))
	}
}

// oneAuthority refuses a route that says twice which host the request is for.
func (r *resolver) oneAuthority(h *networking.HTTPRoute, at diag.Path) {
	said := h.GetRewrite().GetAuthority() != ""
	ops := h.GetHeaders().GetRequest()
	for _, list := range []struct {
		key   string
		names map[string]string
	}{{"set", ops.GetSet()}, {"add", ops.GetAdd()}} {
		for _, name := range sortedKeys(list.names) {
			if !strings.EqualFold(name, "host") && !strings.EqualFold(name, ":authority") {
				continue
			}
			if said {
				r.say(ruleSettings.At(at.Key("headers").Key("request").Key(list.key).Key(name), "the request's host is changed here for the second time").Key().
					WithHelp("change it once, best by rewrite.authority"))
			}
			said = true
		}
	}
}
