package manifest

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// view is a value as the CRDs' expressions see it: what is written like an absent field is absent.
type view struct {
	n *syntax.Node
	p *messagePlan // of a message; nil for other values
}

// get finds a field that is there; nil for one that is not.
func (v view) get(name string) *syntax.Node {
	field := v.n.Get(name)
	if field == nil || isBlank(field) {
		return nil
	}
	if v.p != nil && v.p.fields[name] != nil && v.p.fields[name].desc.IsMap() && len(field.Fields) == 0 {
		return nil
	}
	return field
}

func (v view) has(name string) bool { return v.get(name) != nil }

// word is a field's text, "" where there is none.
func (v view) word(name string) string {
	if field := v.get(name); field != nil && field.Kind == syntax.String {
		return field.Value
	}
	return ""
}

// report takes the places at which a rule is broken; onKey points at the key and not at the value.
type report func(at diag.Path, onKey bool)

// expressionRule is a CRD's expression, translated.
type expressionRule struct {
	judge func(v view, at diag.Path, broken report)
	help  string
}

// expression judges one of the CRDs' rules that concern a value.
func (d *decoder) expression(v view, index int, at diag.Path) {
	rule := crdExpressions[index]
	translated, ok := expressionRules[rule.expression]
	if !ok {
		return // a test sees to it that none is missing
	}
	translated.judge(v, at, func(at diag.Path, onKey bool) {
		f := ruleLimit.At(at, "%s", sentence(rule.message))
		f.OnKey, f.Help = onKey, translated.help
		d.add(f)
	})
}

// expressionRules translate the expressions of the CRDs, by their exact text.
var expressionRules = map[string]expressionRule{
	// Of one value.
	`duration(self) >= duration('1ms')`: {
		judge: ofText(func(s string) bool {
			v, err := time.ParseDuration(s)
			return err == nil && v >= time.Millisecond
		}),
		help: "write 1ms or more, or leave the field out",
	},
	`!self.contains("*")`: {judge: ofText(func(s string) bool { return !strings.Contains(s, "*") }), help: "write the value out, or leave the label out"},
	`self.size() == 0`:    {judge: ofText(func(s string) bool { return s == "" }), help: "leave it out: the target is in the policy's own namespace"},
	`self != "*"`:         {judge: ofText(func(s string) bool { return s != "*" }), help: "write host names, such as example.com or *.example.com"},
	`0 < self && self <= 65535`: {
		judge: func(v view, at diag.Path, broken report) {
			if port, ok := floatOf(v.n); ok && (port <= 0 || port > 65535) {
				broken(at, false)
			}
		},
	},
	`self in ["", "HTTP", "HTTPS"]`: {
		judge: ofText(func(s string) bool { return s == "" || s == "HTTP" || s == "HTTPS" }),
		help:  "write it in capitals",
	},
	`self.startsWith("unix://") ? (self.substring(7, 8) == "/" || self.substring(7, 8) == "@") : true`: {
		judge: ofText(func(s string) bool {
			path, isSocket := strings.CutPrefix(s, "unix://")
			return !isSocket || strings.HasPrefix(path, "/") || strings.HasPrefix(path, "@")
		}),
		help: "write unix:///path/to/socket",
	},
	`self.startsWith("unix://") ? !self.endsWith("/") : true`: {
		judge: ofText(func(s string) bool { return !strings.HasPrefix(s, "unix://") || !strings.HasSuffix(s, "/") }),
		help:  "name the socket itself",
	},
	`url(self).getScheme() in ["http", "https"]`: {
		judge: ofText(func(s string) bool {
			scheme, ok := schemeOf(s)
			return ok && (scheme == "http" || scheme == "https")
		}),
		help: "write the whole URL, such as https://issuer.example.com/jwks.json",
	},
	"isURL(self) ? (url(self).getScheme() in [\"\", \"http\", \"https\", \"oci\", \"file\"]) : (isURL(\"http://\" + self) &&\nurl(\"http://\" + self).getScheme() in [\"\", \"http\", \"https\", \"oci\", \"file\"])": {judge: ofText(isModuleURL)},
	"isURL(self) ? (url(self).getScheme() in [\"\", \"http\", \"https\", \"file\", \"oci\"]) : (isURL(\"http://\" + self) &&\nurl(\"http://\" + self).getScheme() in [\"\", \"http\", \"https\", \"file\", \"oci\"])": {judge: ofText(isModuleURL)},

	// Of a map or a list.
	`self.all(key, !key.contains("*"))`: {judge: ofKeys(func(key string) bool { return !strings.Contains(key, "*") }), help: "write the key out, or leave the label out"},
	`self.all(key, key.size() != 0)`:    {judge: ofKeys(func(key string) bool { return key != "" })},
	`self.all(key, size(key) < 63 && key.matches("^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$"))`: {
		judge: ofKeys(func(key string) bool { return len(key) < 63 && portName.MatchString(key) }),
		help:  "at most 62 letters, digits and inner dashes",
	},
	`self.all(key, 0 < int(key) && int(key) <= 65535)`: {
		judge: ofKeys(func(key string) bool {
			port, err := strconv.ParseInt(key, 10, 64)
			return err != nil || port > 0 && port <= 65535 // a key that is no number was reported before
		}),
	},
	`self.all(l1, self.exists_one(l2, l1.number == l2.number))`: {judge: sameNumber, help: "every port needs a number of its own"},

	// Of the fields of a message together.
	`has(self.address) || has(self.network)`: {
		judge: together("", func(v view) bool { return v.has("address") || v.has("network") }),
		help:  "only an endpoint with a network, reached through that network's gateway, may do without",
	},
	`(has(self.address) ? self.address : "").startsWith("unix://") ? !has(self.ports) : true`: {
		judge: together("ports", func(v view) bool { return !strings.HasPrefix(v.word("address"), "unix://") || !v.has("ports") }),
		help:  "leave the ports out: a socket has none",
	},
	`!((has(self.addresses) ? self.addresses : []).exists(k, k.contains("/")) && !((has(self.resolution) ? self.resolution : "NONE") in ["STATIC", "NONE"]))`: {
		judge: cidrAddresses, help: "write single addresses, or set resolution to STATIC or NONE",
	},
	`((has(self.resolution) ? self.resolution : "NONE") == "NONE") ? !has(self.endpoints) : true`: {
		judge: together("endpoints", func(v view) bool { return v.has("resolution") && v.word("resolution") != "NONE" || !v.has("endpoints") }),
		help:  "set resolution to STATIC or DNS, or leave the endpoints out",
	},
	`((has(self.resolution) ? self.resolution : "") == "DNS_ROUND_ROBIN") ? ((has(self.endpoints) ? self.endpoints : []).size() <= 1) : true`: {
		judge: together("endpoints", func(v view) bool {
			endpoints := v.get("endpoints")
			return v.word("resolution") != "DNS_ROUND_ROBIN" || endpoints == nil || len(endpoints.Items) <= 1
		}),
		help: "set resolution to DNS, or keep one endpoint",
	},
	"(has(self.serviceAccounts) || has(self.notServiceAccounts)) ? (!has(self.principals) &&\n!has(self.notPrincipals) && !has(self.namespaces) && !has(self.notNamespaces)) : true": {
		judge: sourceIdentities, help: "a service account says its namespace already: write two entries of from, which are ORed",
	},
	`has(self.portLevelMtls) ? (((has(self.selector) && has(self.selector.matchLabels)) ? self.selector.matchLabels : {}).size() > 0) : true`: {
		judge: together("portLevelMtls", func(v view) bool {
			labels := v.get("selector").Get("matchLabels")
			return !v.has("portLevelMtls") || labels != nil && len(labels.Fields) > 0
		}),
		help: "set selector.matchLabels",
	},
	`((has(self.operation) ? self.operation : "") == "UPSERT") ? (self.value != "") : true`: {
		judge: together("", func(v view) bool { return v.word("operation") != "UPSERT" || v.has("value") }),
		help:  "set value, or set operation to REMOVE",
	},
	`((has(self.operation) ? self.operation : "") == "REMOVE") ? !has(self.value) : true`: {
		judge: together("value", func(v view) bool { return v.word("operation") != "REMOVE" || !v.has("value") }),
		help:  "leave value out",
	},
	`has(self.context) ? ((self.context == "WAYPOINT") ? has(self.waypoint) : !has(self.waypoint)) : !has(self.waypoint)`: {
		judge: together("", func(v view) bool { return (v.word("context") == "WAYPOINT") == v.has("waypoint") }),
	},
	`(has(self.valueFrom) ? self.valueFrom : "") != "HOST" || !has(self.value)`: {
		judge: together("value", func(v view) bool { return v.word("valueFrom") != "HOST" || !v.has("value") }),
		help:  "leave value out: HOST takes it from the proxy's environment",
	},
	`has(self.wasm) != has(self.lua)`: {
		judge: together("", func(v view) bool { return v.has("wasm") != v.has("lua") }),
	},
}

var portName = regexp.MustCompile(`^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$`)

// ofText makes a rule of one about text; other values keep it.
func ofText(holds func(string) bool) func(view, diag.Path, report) {
	return func(v view, at diag.Path, broken report) {
		if v.n.Kind == syntax.String && !holds(v.n.Value) {
			broken(at, false)
		}
	}
}

// ofKeys makes a rule of one about each key of a map.
func ofKeys(holds func(string) bool) func(view, diag.Path, report) {
	return func(v view, at diag.Path, broken report) {
		for i := range v.n.Fields {
			if key := v.n.Fields[i].Key; !holds(key) {
				broken(at.Key(key), true)
			}
		}
	}
}

// together makes a rule of one about several fields; field is where to point, "" at all of them.
func together(field string, holds func(view) bool) func(view, diag.Path, report) {
	return func(v view, at diag.Path, broken report) {
		switch {
		case holds(v):
		case field == "":
			broken(at, false)
		default:
			broken(at.Key(field), true)
		}
	}
}

func sameNumber(v view, at diag.Path, broken report) {
	seen := make(map[string]bool, len(v.n.Items))
	for i := range v.n.Items {
		number := v.n.Items[i].Get("number")
		if number == nil || number.Kind != syntax.Int && number.Kind != syntax.Float {
			continue
		}
		text := scalarText(number)
		if seen[text] {
			broken(at.Item(i, nameOf(&v.n.Items[i])).Key("number"), false)
		}
		seen[text] = true
	}
}

func cidrAddresses(v view, at diag.Path, broken report) {
	addresses, resolution := v.get("addresses"), v.word("resolution")
	if addresses == nil || !v.has("resolution") || resolution == "STATIC" || resolution == "NONE" {
		return
	}
	for i := range addresses.Items {
		if item := &addresses.Items[i]; item.Kind == syntax.String && strings.Contains(item.Value, "/") {
			broken(at.Key("addresses").Item(i, ""), false)
		}
	}
}

func sourceIdentities(v view, at diag.Path, broken report) {
	if !v.has("serviceAccounts") && !v.has("notServiceAccounts") {
		return
	}
	for _, name := range []string{"principals", "notPrincipals", "namespaces", "notNamespaces"} {
		if v.has(name) {
			broken(at.Key(name), true)
		}
	}
}

// schemeOf reads a URL as the API server does: only whole ones are URLs.
func schemeOf(s string) (string, bool) {
	if _, err := url.ParseRequestURI(s); err != nil {
		return "", false
	}
	u, err := url.Parse(s)
	if err != nil {
		return "", false
	}
	return u.Scheme, true
}

func isModuleURL(s string) bool {
	scheme, ok := schemeOf(s)
	if !ok {
		scheme, ok = schemeOf("http://" + s)
	}
	return ok && slices.Contains([]string{"", "http", "https", "oci", "file"}, scheme)
}
