package webhook

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// HTTPRoute checks the settings of an HTTP route (istio: pkg/config/validation, validateHTTPRoute), apart from where it
// leads.
func (c Check) HTTPRoute(h *networking.HTTPRoute, at diag.Path) {
	for i, m := range h.Match {
		c.httpMatch(m, at.Key("match").Item(i, ""))
	}
	c.headers(h.Headers, at.Key("headers"))
	for i, d := range h.Route {
		c.headers(d.GetHeaders(), at.Key("route").Item(i, "").Key("headers"))
	}
	c.retries(h.Retries, at.Key("retries"))
	c.fault(h.Fault, at.Key("fault"))
	c.cors(h.CorsPolicy, at.Key("corsPolicy"))
	c.rewrite(h.Rewrite, at.Key("rewrite"))
	c.redirect(h, at)
	c.oneAuthority(h, at)
	c.duration(h.Timeout, at.Key("timeout"))
	if d := h.DirectResponse; d != nil {
		if !isStatus(int64(d.Status)) {
			c.Say(RouteSettings.At(at.Key("directResponse").Key("status"), "%d is not an HTTP status", d.Status).WithHelp("write a number from 200 to 599"))
		}
		if size := len(d.Body.GetString_()) + len(d.Body.GetBytes()); size > maxBody {
			c.Say(RouteSettings.At(at.Key("directResponse").Key("body"), "the body has %d bytes, and Istio takes %d", size, maxBody).
				WithHelp("let a server answer with it"))
		}
	}
	if h.Mirror != nil && len(h.Mirrors) > 0 {
		c.Say(RouteSettings.At(at.Key("mirror"), "mirror is next to mirrors, and Istio takes one of the two").Key().
			WithHelp("move it into the list: mirrors: [{destination: ...}]"))
	}
	c.percentage(h.MirrorPercentage, at.Key("mirrorPercentage"), 0)
	if n := h.MirrorPercent.GetValue(); n > 100 { // deprecated, and read all the same
		c.Say(RouteSettings.At(at.Key("mirrorPercent"), "%d is not a percentage", n).WithHelp("write mirrorPercentage: {value: ...}, from 0 to 100"))
	}
	for i, m := range h.Mirrors {
		c.percentage(m.GetPercentage(), at.Key("mirrors").Item(i, "").Key("percentage"), 0)
	}
}

const maxBody = 1024 * 1024

// isStatus reports whether a proxy can answer with a status. istiod takes 600 besides, and Envoy does not.
func isStatus(n int64) bool { return n >= 200 && n < 600 }

// isClaim reports whether a header of a match is about a claim of the request's token.
func isClaim(name string) bool {
	const prefix = "@request.auth.claims"
	if len(name) < len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
		return false
	}
	rest := name[len(prefix):]
	return len(rest) > 1 && rest[0] == '.' || len(rest) > 2 && rest[0] == '[' && strings.HasSuffix(rest, "]")
}

func isHeader(name string) bool {
	return tokenForm.MatchString(name) || isClaim(name) ||
		slices.Contains([]string{":method", ":scheme", ":authority", ":path", ":status"}, name)
}

const headerHelp = "a header's name has letters, digits, '-' and '_', such as x-tenant"

func (c Check) httpMatch(m *networking.HTTPMatchRequest, at diag.Path) {
	c.regex(m.GetUri(), at.Key("uri"))
	for _, s := range []struct {
		key   string
		match *networking.StringMatch
	}{{"scheme", m.GetScheme()}, {"method", m.GetMethod()}, {"authority", m.GetAuthority()}} {
		c.stringMatch(s.match, at.Key(s.key))
	}
	for _, list := range []struct {
		key     string
		matches map[string]*networking.StringMatch
		header  bool
	}{{"headers", m.GetHeaders(), true}, {"withoutHeaders", m.GetWithoutHeaders(), true}, {"queryParams", m.GetQueryParams(), false}} {
		for _, name := range sortedKeys(list.matches) {
			here := at.Key(list.key).Key(name)
			if list.header && !isHeader(name) {
				c.Say(RouteSettings.At(here, "%q is not a header name", name).Key().WithHelp(headerHelp))
			}
			if match := list.matches[name]; list.key != "withoutHeaders" || match.GetRegex() != "*" { // there it is for any value
				c.stringMatch(match, here)
			}
		}
	}
	if m.GetPort() > 65535 {
		c.port(m.Port, at.Key("port"))
	}
	c.sourceMatch(m.GetSourceLabels(), m.GetGateways(), at)
	if namespace := m.GetSourceNamespace(); namespace != "" && !isLabel(namespace) {
		c.Say(RouteSettings.At(at.Key("sourceNamespace"), "%q is not a namespace", namespace).WithHelp("write lower-case letters, digits and '-'"))
	}
}

// sourceMatch checks which callers a match is for.
func (c Check) sourceMatch(labels map[string]string, gateways []string, at diag.Path) {
	c.labels(labels, at.Key("sourceLabels"))
	c.gatewayNames(gateways, at.Key("gateways"))
}

// gatewayNames checks references to Gateways.
func (c Check) gatewayNames(list []string, at diag.Path) {
	for i, g := range list {
		namespace, name, found := strings.Cut(g, "/")
		if found && (!isLabel(namespace) || !isLabel(name)) || !found && !isHost(g) {
			c.refuse(at.Item(i, ""), "write namespace/name of a Gateway, or mesh for the sidecars", "%q is not the name of a Gateway", g)
		}
	}
}

// TCPMatches checks the matches of a TCP route.
func (c Check) TCPMatches(list []*networking.L4MatchAttributes, at diag.Path) {
	for i, m := range list {
		here := at.Item(i, "")
		c.ranges(m.GetDestinationSubnets(), here.Key("destinationSubnets"))
		if m.GetPort() > 65535 {
			c.port(m.Port, here.Key("port"))
		}
		c.sourceMatch(m.GetSourceLabels(), m.GetGateways(), here)
	}
}

// TLSMatches checks the matches of a TLS route, apart from their names.
func (c Check) TLSMatches(list []*networking.TLSMatchAttributes, at diag.Path) {
	for i, m := range list {
		here := at.Item(i, "")
		c.ranges(m.GetDestinationSubnets(), here.Key("destinationSubnets"))
		if m.GetPort() > 65535 {
			c.port(m.Port, here.Key("port"))
		}
		c.sourceMatch(m.GetSourceLabels(), m.GetGateways(), here)
	}
}

// stringMatch checks a match that is not of a path: an empty prefix there matches everything, and is refused.
func (c Check) stringMatch(m *networking.StringMatch, at diag.Path) {
	if p, is := m.GetMatchType().(*networking.StringMatch_Prefix); is && p.Prefix == "" {
		c.Say(RouteSettings.At(at.Key("prefix"), "the prefix is empty, and Istio refuses that").
			WithHelp("remove the match, or write `regex: \".*\"` for any value"))
	}
	c.regex(m, at)
}

// regex checks that a regular expression can be read; Istio and Envoy take those of RE2, as Go does.
func (c Check) regex(m *networking.StringMatch, at diag.Path) {
	if s, is := m.GetMatchType().(*networking.StringMatch_Regex); is {
		c.expression(s.Regex, at.Key("regex"))
	}
}

const maxExpression = 1024 // bytes: what Istio takes

func (c Check) expression(s string, at diag.Path) {
	if s == "" || len(s) > maxExpression {
		c.Say(RouteSettings.At(at, "the regular expression has %d characters, and Istio takes 1 to %d", len(s), maxExpression).
			WithHelp("remove it, or write several matches"))
		return
	}
	if _, err := regexp.Compile(s); err != nil {
		c.Say(RouteSettings.At(at, "%q is not a regular expression: %s", s, strings.TrimPrefix(err.Error(), "error parsing regexp: ")).
			WithHelp("Istio takes RE2's syntax, without look-ahead and back references"))
	}
}

func (c Check) headers(h *networking.Headers, at diag.Path) {
	for _, side := range []struct {
		key  string
		ops  *networking.Headers_HeaderOperations
		host bool // whether host may be changed
	}{{"request", h.GetRequest(), true}, {"response", h.GetResponse(), false}} {
		here := at.Key(side.key)
		for _, list := range []struct {
			key    string
			values map[string]string
		}{{"add", side.ops.GetAdd()}, {"set", side.ops.GetSet()}} {
			for _, name := range sortedKeys(list.values) {
				c.headerName(name, side.host, here.Key(list.key).Key(name), true)
				c.headerValue(list.values[name], here.Key(list.key).Key(name))
			}
		}
		for i, name := range side.ops.GetRemove() {
			c.headerName(name, false, here.Key("remove").Item(i, ""), false)
		}
	}
}

// isAuthority reports whether a header is the host of the request.
func isAuthority(name string) bool {
	return strings.EqualFold(name, "host") || strings.EqualFold(name, ":authority")
}

func (c Check) headerName(name string, host bool, at diag.Path, key bool) {
	if name != "" && (host && isAuthority(name) || !strings.HasPrefix(name, ":") && !strings.EqualFold(name, "host")) {
		return
	}
	d := RouteSettings.At(at, "%q is not a header that a route can change", name)
	if key {
		d = d.Key()
	}
	c.Say(d.WithHelp("path, method and authority are changed by `rewrite`; other headers by their names, such as x-tenant"))
}

// headerForm is the form of a header's value: text, with variables of Envoy's as %NAME% or %NAME(…)%, and %% for a percent
// sign (istio: pkg/config/validation/header_value_validator.go).
var headerForm = func() *regexp.Regexp {
	const text = `(?:\\.|[^\\)"])*`
	const arguments = `\( *(?:\[ *"|[^ \[])` + text + `(?:" *, *"` + text + `)*(?:\)|" *\] *\)) *`
	return regexp.MustCompile(`^(?s:[^%]|%%|%[^%(]*(?:` + arguments + `)?%)*$`)
}()

func (c Check) headerValue(value string, at diag.Path) {
	control := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	switch {
	case strings.ContainsFunc(value, control):
		c.Say(RouteSettings.At(at, "the header's value has a control character").WithHelp("write it on one line, without control characters"))
	case !headerForm.MatchString(value):
		c.Say(RouteSettings.At(at, "the header's value has a %% that does not belong to a variable").
			WithHelp("write %%%% for a percent sign, and variables as %%NAME%% or %%NAME(argument)%%"))
	}
}

// retryConditions are the conditions of retries (istio: pkg/config/validation, supportedRetryOnPolicies), next to statuses.
var retryConditions = []string{
	"5xx", "cancelled", "connect-failure", "deadline-exceeded", "envoy-ratelimited", "gateway-error", "http3-post-connect-failure",
	"internal", "refused-stream", "reset", "reset-before-request", "resource-exhausted", "retriable-4xx", "retriable-headers",
	"retriable-status-codes", "unavailable",
}

func (c Check) retries(t *networking.HTTPRetry, at diag.Path) {
	if t == nil {
		return
	}
	switch {
	case t.Attempts < 0:
		c.Say(RouteSettings.At(at.Key("attempts"), "attempts is %d, below 0", t.Attempts).WithHelp("write how often a request is tried again; 0 is never"))
	case t.Attempts == 0 && (t.PerTryTimeout != nil || t.RetryOn != "" || t.RetryRemoteLocalities != nil):
		c.Say(RouteSettings.At(at, "attempts is 0, which is never, and the other settings are about how to try again").
			WithHelp("add `attempts: 2`, or leave only `attempts: 0`"))
	}
	c.duration(t.PerTryTimeout, at.Key("perTryTimeout"))
	c.duration(t.Backoff, at.Key("backoff"))
	if t.RetryOn == "" {
		return
	}
	for condition := range strings.SplitSeq(t.RetryOn, ",") {
		if n, err := strconv.Atoi(condition); err == nil && registered(n) || slices.Contains(retryConditions, condition) {
			continue
		}
		d := RouteSettings.At(at.Key("retryOn"), "Istio does not have a retry condition %q", condition)
		near := diag.Nearest(strings.TrimSpace(condition), retryConditions)
		switch {
		case slices.Contains(retryConditions, strings.TrimSpace(condition)):
			d = d.WithHelp("write the conditions with commas alone between them, without spaces")
		case near != "":
			d = d.WithHelp("did you mean %s?", near)
		default:
			d = d.WithHelp("write HTTP statuses or %s", listed(retryConditions))
		}
		c.Say(d)
	}
}

// registered reports whether an HTTP status has a name (https://www.iana.org/assignments/http-status-codes), as retryOn
// demands.
func registered(n int) bool {
	for _, span := range [][2]int{
		{100, 103}, {200, 208}, {226, 226}, {300, 305}, {307, 308}, {400, 418}, {421, 426}, {428, 429}, {431, 431}, {451, 451}, {500, 508}, {510, 511},
	} {
		if n >= span[0] && n <= span[1] {
			return true
		}
	}
	return false
}

// grpcStatuses are the values of a fault's grpcStatus.
var grpcStatuses = []string{
	"ABORTED", "ALREADY_EXISTS", "CANCELLED", "DATA_LOSS", "DEADLINE_EXCEEDED", "FAILED_PRECONDITION", "INTERNAL", "INVALID_ARGUMENT",
	"NOT_FOUND", "OK", "OUT_OF_RANGE", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED", "UNAVAILABLE", "UNIMPLEMENTED", "UNKNOWN",
}

func (c Check) fault(f *networking.HTTPFaultInjection, at diag.Path) {
	if f == nil {
		return
	}
	if f.Abort == nil && f.Delay == nil {
		c.Say(RouteSettings.At(at, "the fault neither aborts nor delays").
			WithHelp("add `delay: {fixedDelay: 5s, percentage: {value: 1}}` or `abort: {httpStatus: 503, ...}`, or remove it"))
	}
	delay := at.Key("delay")
	c.percentage(f.GetDelay().GetPercentage(), delay.Key("percentage"), leastFault)
	switch d := f.GetDelay().GetHttpDelayType().(type) {
	case *networking.HTTPFaultInjection_Delay_FixedDelay:
		c.duration(d.FixedDelay, delay.Key("fixedDelay"))
	case *networking.HTTPFaultInjection_Delay_ExponentialDelay:
		c.Say(RouteSettings.At(delay.Key("exponentialDelay"), "Istio does not have exponential delays yet").Key().WithHelp("write fixedDelay"))
	}
	at = at.Key("abort")
	c.percentage(f.GetAbort().GetPercentage(), at.Key("percentage"), leastFault)
	switch e := f.GetAbort().GetErrorType().(type) {
	case *networking.HTTPFaultInjection_Abort_Http2Error:
		c.Say(RouteSettings.At(at.Key("http2Error"), "Istio cannot abort with an HTTP/2 error yet").Key().WithHelp("write httpStatus or grpcStatus"))
	case *networking.HTTPFaultInjection_Abort_HttpStatus:
		if !isStatus(int64(e.HttpStatus)) {
			c.Say(RouteSettings.At(at.Key("httpStatus"), "%d is not an HTTP status", e.HttpStatus).WithHelp("write a number from 200 to 599"))
		}
	case *networking.HTTPFaultInjection_Abort_GrpcStatus:
		if !slices.Contains(grpcStatuses, e.GrpcStatus) {
			d := RouteSettings.At(at.Key("grpcStatus"), "%q is not a gRPC status", e.GrpcStatus)
			c.Say(nearest(d, e.GrpcStatus, grpcStatuses))
		}
	}
}

// nearest adds the allowed value that a wrong one is like, or all of them.
func nearest(d diag.Diagnostic, s string, allowed []string) diag.Diagnostic {
	upper := strings.ToUpper(s)
	if slices.Contains(allowed, upper) {
		return d.Suggest("write %s", s, upper, allowed)
	}
	if near := diag.Nearest(upper, allowed); near != "" {
		return d.Suggest("did you mean %s?", s, near, allowed)
	}
	return d.WithHelp("write one of %s", listed(allowed))
}

const leastFault = 0.0001 // percent: the smallest share that Envoy can draw

func (c Check) percentage(p *networking.Percent, at diag.Path, least float64) {
	if v := p.GetValue(); v != 0 && !(v >= least && v <= 100) { // NaN is neither
		c.Say(RouteSettings.At(at.Key("value"), "%v is not a percentage", v).WithHelp("write a number from 0 to 100"))
	}
}

// methods are those that a CORS policy may allow.
var methods = []string{"*", "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}

func (c Check) cors(p *networking.CorsPolicy, at diag.Path) {
	for i, o := range p.GetAllowOrigins() {
		here := at.Key("allowOrigins").Item(i, "")
		if o.GetExact()+o.GetPrefix()+o.GetRegex() == "" {
			c.Say(RouteSettings.At(here, "the origin is empty").WithHelp("write `exact: https://example.com`, or a prefix or regex"))
			continue
		}
		c.regex(o, here)
	}
	for i, m := range p.GetAllowMethods() {
		if !slices.Contains(methods, m) {
			c.Say(nearest(RouteSettings.At(at.Key("allowMethods").Item(i, ""), "%q is not an HTTP method that Istio takes", m), m, methods))
		}
	}
	for _, list := range []struct {
		key   string
		names []string
	}{{"allowHeaders", p.GetAllowHeaders()}, {"exposeHeaders", p.GetExposeHeaders()}} {
		for i, name := range list.names {
			if !tokenForm.MatchString(name) {
				c.Say(RouteSettings.At(at.Key(list.key).Item(i, ""), "%q is not a header name", name).WithHelp(headerHelp))
			}
		}
	}
	if p.GetMaxAge().GetNanos() != 0 {
		c.Say(RouteSettings.At(at.Key("maxAge"), "maxAge must be in whole seconds").WithHelp("write 1s or more, without a fraction"))
	} else {
		c.duration(p.GetMaxAge(), at.Key("maxAge"))
	}
}

func (c Check) rewrite(w *networking.HTTPRewrite, at diag.Path) {
	if w == nil {
		return
	}
	switch x := w.UriRegexRewrite; {
	case w.Uri != "" && x != nil:
		c.Say(RouteSettings.At(at.Key("uriRegexRewrite"), "uriRegexRewrite is next to uri, and Istio takes one of the two").Key().WithHelp("remove one"))
	case w.Uri == "" && x == nil && w.Authority == "":
		c.Say(RouteSettings.At(at, "the rewrite is empty, and Istio refuses that").WithHelp("add uri, uriRegexRewrite or authority, or remove it"))
	case x != nil && (x.Match == "" || x.Rewrite == ""):
		c.Say(RouteSettings.At(at.Key("uriRegexRewrite"), "uriRegexRewrite needs match and rewrite").
			WithHelp(`write {match: "^/old/(.*)$", rewrite: "/new/\\1"}`))
	case x != nil:
		c.expression(x.Match, at.Key("uriRegexRewrite").Key("match"))
	}
}

func (c Check) redirect(h *networking.HTTPRoute, at diag.Path) {
	d := h.Redirect
	answer := "redirect"
	if h.DirectResponse != nil {
		answer = "directResponse"
	}
	if h.Delegate == nil { // a root route is checked for other things
		for _, other := range []struct {
			key string
			set bool
		}{{"fault", h.Fault != nil}, {"rewrite", h.Rewrite != nil}, {"redirect", d != nil && h.DirectResponse != nil}} {
			if other.set && (d != nil || h.DirectResponse != nil) {
				c.Say(RouteSettings.At(at.Key(other.key), "%s is next to %s, and Istio refuses both together", other.key, answer).Key().
					WithHelp("remove one of the two"))
			}
		}
	}
	if d == nil {
		return
	}
	at = at.Key("redirect")
	if d.Uri == "" && d.PrefixRewrite == "" && d.Authority == "" && d.Scheme == "" && d.RedirectPort == nil {
		c.Say(RouteSettings.At(at, "the redirect leads nowhere else").WithHelp("add uri, authority, scheme or port"))
	}
	if d.PrefixRewrite != "" {
		if d.Uri != "" {
			c.Say(RouteSettings.At(at.Key("prefixRewrite"), "prefixRewrite is next to uri, and Istio takes one of the two").Key().WithHelp("remove one"))
		}
		for _, m := range h.Match {
			if _, prefix := m.GetUri().GetMatchType().(*networking.StringMatch_Prefix); m.GetUri() != nil && !prefix {
				c.Say(RouteSettings.At(at.Key("prefixRewrite"), "prefixRewrite replaces a prefix, and a match of the path is not by prefix").
					WithHelp("match by `uri: {prefix: ...}`, or write redirect.uri"))
				break
			}
		}
	}
	if d.RedirectCode != 0 && (d.RedirectCode < 300 || d.RedirectCode > 399) {
		c.Say(RouteSettings.At(at.Key("redirectCode"), "%d is not a status of redirects", d.RedirectCode).WithHelp("write 301, 302, 303, 307 or 308"))
	}
	if s := d.Scheme; s != "" && s != "http" && s != "https" {
		c.Say(RouteSettings.At(at.Key("scheme"), "a redirect cannot have the scheme %q", s).WithHelp("write http or https"))
	}
	if d.GetPort() > 65535 {
		c.port(d.GetPort(), at.Key("port"))
	}
}

// oneAuthority refuses a route that sets the request's host twice.
func (c Check) oneAuthority(h *networking.HTTPRoute, at diag.Path) {
	set := h.GetRewrite().GetAuthority() != ""
	ops := h.GetHeaders().GetRequest()
	for _, list := range []struct {
		key   string
		names map[string]string
	}{{"set", ops.GetSet()}, {"add", ops.GetAdd()}} {
		for _, name := range sortedKeys(list.names) {
			if !isAuthority(name) {
				continue
			}
			if set {
				c.Say(RouteSettings.At(at.Key("headers").Key("request").Key(list.key).Key(name), "the request's host is changed here for the second time").Key().
					WithHelp("change it once, best by rewrite.authority"))
			}
			set = true
		}
	}
}
