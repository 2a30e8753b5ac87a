package webhook

import (
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// What istiod accepts, and what never holds at run time. Neither its webhook nor its CRDs refuse it; the routes below are
// what `istioctl analyze` and a warning of the webhook are about.

// never reports a value of a policy that matches no request. It is an error where that opens what was to be closed: a
// denial that denies nothing, an exception of an allowance that excepts nothing.
func (c Check) never(deny bool, at diag.Path, help, format string, args ...any) {
	d := NeverMatches.At(at, format, args...)
	d.Help = help
	list := at.Parent().LastKey()
	if excepts := strings.HasPrefix(list, "not"); deny == excepts {
		d.Severity = diag.Warning
	}
	c.Say(d)
}

// neverWild reports values with a star that is neither at the beginning nor at the end, which Istio compares as a character
// (istio: pilot/pkg/security/authz/matcher/string.go).
func (c Check) neverWild(deny bool, list []string, at diag.Path) {
	for i, s := range list {
		if strings.Contains(s, "*") && !isEndWildcard(s) {
			c.never(deny, at.Item(i, ""), "a * only begins or ends a value, once; list the values, or match the part before or after it",
				"%q never matches: Istio compares this * as a character", s)
		}
	}
}

// NeverSource reports what of a source matches no caller.
func (c Check) NeverSource(s *security.Source, deny bool, at diag.Path) {
	for _, l := range sourceLists(s) {
		// A star of a namespace may be anywhere, and those of a request's principal are in each of its two parts (istio:
		// pilot/pkg/security/authz/model/generator.go).
		if l.key == "principals" || l.key == "notPrincipals" {
			c.neverWild(deny, l.list, at.Key(l.key))
		}
	}
}

// NeverOperation reports what of an operation matches no request.
func (c Check) NeverOperation(o *security.Operation, deny bool, at diag.Path) {
	c.neverWild(deny, o.Hosts, at.Key("hosts"))
	c.neverWild(deny, o.NotHosts, at.Key("notHosts"))
	for _, l := range []keyed{{"methods", o.Methods}, {"notMethods", o.NotMethods}} {
		here := at.Key(l.key)
		c.neverWild(deny, l.list, here)
		for i, m := range l.list {
			if upper := strings.ToUpper(m); upper != m && slices.Contains(methods, strings.Trim(upper, "*")) {
				c.never(deny, here.Item(i, ""), "write "+upper, "%q never matches: methods are case-sensitive", m)
			}
		}
	}
	for _, l := range []keyed{{"paths", o.Paths}, {"notPaths", o.NotPaths}} {
		for i, p := range l.list {
			c.neverPath(p, deny, at.Key(l.key).Item(i, ""))
		}
	}
}

// neverPath judges a path without URI templates, which the webhook checks.
func (c Check) neverPath(p string, deny bool, at diag.Path) {
	switch cut := strings.IndexAny(p, "?#"); {
	case p == "" || strings.Contains(p, "{"):
	case cut >= 0:
		help := "write the path alone"
		if path := strings.TrimPrefix(p[:cut], "/"); path != "" {
			help = "write /" + path
		}
		c.never(deny, at, help, "%q never matches: a path is compared without its query", p)
	case !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "*"):
		c.never(deny, at, "write /"+p, "%q never matches: a path begins with a slash", p)
	case strings.Contains(p, "*") && !isEndWildcard(p):
		template := strings.ReplaceAll(p, "*", "{*}")
		if slices.ContainsFunc(strings.Split(strings.Trim(template, "/"), "/"), func(part string) bool {
			return strings.Contains(part, "{") && part != "{*}"
		}) {
			template = "{*} for one whole part of the path, or several paths"
		}
		c.never(deny, at, "write "+template, "%q never matches: Istio compares a * inside a path as a character", p)
	}
}

// NeverCondition reports what of a condition never holds.
func (c Check) NeverCondition(when *security.Condition, deny bool, at diag.Path) {
	key := when.GetKey()
	switch name, _, _ := strings.Cut(key, "["); name {
	case "source.principal", "request.headers", "request.auth.audiences", "request.auth.presenter", "connection.sni":
	default:
		return
	}
	c.neverWild(deny, when.GetValues(), at.Key("values"))
	c.neverWild(deny, when.GetNotValues(), at.Key("notValues"))
}

// Dead reports HTTP routes that no request reaches, since each of their matches is covered by a route before them. At is
// where the list is.
func (c Check) Dead(routes []*networking.HTTPRoute, at diag.Path) {
	type place struct {
		match *networking.HTTPMatchRequest
		route int
	}
	var before []place
	all := -1 // the route that takes every request
	for i, r := range routes {
		matches := r.GetMatch()
		if len(matches) == 0 {
			matches = []*networking.HTTPMatchRequest{{}}
		}
		by := all
		for _, m := range matches {
			if all >= 0 {
				break
			}
			found := -1
			if len(before) < mostMatches {
				if n := slices.IndexFunc(before, func(p place) bool { return coversMatch(p.match, m) }); n >= 0 {
					found = before[n].route
				}
			}
			if by = found; by < 0 {
				break
			}
		}
		if by >= 0 && i > by {
			c.Say(DeadRoute.At(at.Item(i, r.GetName()), "no request reaches this route: %s takes them before it", routeName(routes, by)).
				WithHelp("put it before %s: the first route that matches is used", routeName(routes, by)))
			continue
		}
		for _, m := range matches {
			before = append(before, place{m, i})
			if all < 0 && coversMatch(m, &networking.HTTPMatchRequest{}) {
				all = i
			}
		}
	}
}

// mostMatches bounds the comparisons of each match with those before it.
const mostMatches = 500

func routeName(routes []*networking.HTTPRoute, i int) string {
	if name := routes[i].GetName(); name != "" {
		return "route " + name
	}
	if i == 0 {
		return "the first route"
	}
	return "route " + ordinal(i+1)
}

func ordinal(n int) string {
	suffix := "th"
	if tens := n % 100; tens < 11 || tens > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	digits := ""
	for ; n > 0; n /= 10 {
		digits = string(rune('0'+n%10)) + digits
	}
	return digits + suffix
}

// coversMatch reports whether every request of a match is one of another, wider one.
func coversMatch(wide, narrow *networking.HTTPMatchRequest) bool {
	if wide.GetIgnoreUriCase() != narrow.GetIgnoreUriCase() && !everyPath(wide.GetUri()) {
		return false
	}
	return (everyPath(wide.GetUri()) || coversText(wide.GetUri(), narrow.GetUri())) &&
		coversText(wide.GetScheme(), narrow.GetScheme()) && coversText(wide.GetMethod(), narrow.GetMethod()) &&
		coversText(wide.GetAuthority(), narrow.GetAuthority()) &&
		coversTexts(wide.GetHeaders(), narrow.GetHeaders()) && coversTexts(wide.GetQueryParams(), narrow.GetQueryParams()) &&
		sameTexts(wide.GetWithoutHeaders(), narrow.GetWithoutHeaders()) &&
		(wide.GetPort() == 0 || wide.GetPort() == narrow.GetPort()) &&
		(wide.GetSourceNamespace() == "" || wide.GetSourceNamespace() == narrow.GetSourceNamespace()) &&
		coversLabels(wide.GetSourceLabels(), narrow.GetSourceLabels()) && coversGateways(wide.GetGateways(), narrow.GetGateways())
}

// everyPath reports whether a match of a path holds for all of them.
func everyPath(m *networking.StringMatch) bool {
	return m == nil || m.GetPrefix() == "/" || m.GetRegex() == ".*" || m.GetRegex() == "/.*"
}

// coversText reports whether every text of a match is one of another, wider one.
func coversText(wide, narrow *networking.StringMatch) bool {
	switch w := wide.GetMatchType().(type) {
	case nil:
		return wide == nil || narrow != nil // an empty match is for any value that is there
	case *networking.StringMatch_Exact:
		n, exact := narrow.GetMatchType().(*networking.StringMatch_Exact)
		return exact && n.Exact == w.Exact
	case *networking.StringMatch_Prefix:
		switch n := narrow.GetMatchType().(type) {
		case *networking.StringMatch_Exact:
			return strings.HasPrefix(n.Exact, w.Prefix)
		case *networking.StringMatch_Prefix:
			return strings.HasPrefix(n.Prefix, w.Prefix)
		}
		return false
	case *networking.StringMatch_Regex:
		n, regex := narrow.GetMatchType().(*networking.StringMatch_Regex)
		return regex && n.Regex == w.Regex || narrow != nil && w.Regex == ".*"
	}
	return false
}

// coversTexts reports whether each of the wider matches is among the narrower ones, or covers one of them.
func coversTexts(wide, narrow map[string]*networking.StringMatch) bool {
	for name, w := range wide {
		n, there := narrow[name]
		if !there || !coversText(w, n) {
			return false
		}
	}
	return true
}

// sameTexts reports whether each of the matches is among the others just so.
func sameTexts(wide, narrow map[string]*networking.StringMatch) bool {
	for name, w := range wide {
		n, there := narrow[name]
		if !there || !coversText(w, n) || !coversText(n, w) {
			return false
		}
	}
	return true
}

func coversLabels(wide, narrow map[string]string) bool {
	for key, value := range wide {
		if had, there := narrow[key]; !there || had != value {
			return false
		}
	}
	return true
}

func coversGateways(wide, narrow []string) bool {
	return len(wide) == 0 || len(narrow) > 0 && !slices.ContainsFunc(narrow, func(g string) bool { return !slices.Contains(wide, g) })
}
