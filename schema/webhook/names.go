package webhook

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// The forms of names are istiod's (istio: pkg/config/labels/instance.go), which take capital letters too.
var (
	labelForm     = regexp.MustCompile(`^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$`)
	wildcardForm  = regexp.MustCompile(`^(\*|(\*|\*-)?[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)$`)
	qualifiedForm = regexp.MustCompile(`^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$`)
	prefixForm    = regexp.MustCompile(`^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*$`)
	tokenForm     = regexp.MustCompile("^[!#$%&'*+.^_`|~A-Za-z0-9-]+$") // RFC 9110, token
	probeForm     = regexp.MustCompile(`^[-A-Za-z0-9]+$`)
	claimForm     = regexp.MustCompile(`^[-_A-Za-z0-9]+$`)
)

const (
	maxLabel  = 63
	maxPrefix = 253
	maxDomain = 255
)

// isLabel reports whether s is a DNS label.
func isLabel(s string) bool { return len(s) <= maxLabel && labelForm.MatchString(s) }

// isHost reports whether s is a host name without a wildcard. A dot may end it.
func isHost(s string) bool { return s != "" && len(s) <= maxDomain && areLabels(s) }

func areLabels(s string) bool {
	parts := strings.Split(s, ".")
	last := len(parts) - 1
	if _, err := strconv.Atoi(parts[last]); err == nil {
		return false // it would be an address
	}
	for i, part := range parts {
		if !isLabel(part) && (i < last || part != "") {
			return false
		}
	}
	return true
}

// isWildcardHost reports whether s is a host name, whose first label may be or begin with a star.
func isWildcardHost(s string) bool {
	if s == "" || len(s) > maxDomain {
		return false
	}
	first, rest, more := strings.Cut(s, ".")
	return len(first) <= maxLabel && wildcardForm.MatchString(first) && (!more || areLabels(rest))
}

// isPartialWildcard reports whether s has a star that is not a whole first label.
func isPartialWildcard(s string) bool {
	return strings.Contains(s, "*") && s != "*" && !strings.HasPrefix(s, "*.")
}

func isWild(s string) bool { return strings.HasPrefix(s, "*") }

// within reports whether every name that host has is one of wide (istio: pkg/config/host, SubsetOf).
func within(host, wide string) bool {
	switch {
	case isWild(wide) && isWild(host):
		return len(host) >= len(wide) && strings.HasSuffix(host[1:], wide[1:])
	case isWild(wide):
		return strings.HasSuffix(host, wide[1:])
	case isWild(host):
		return false
	}
	return host == wide
}

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// isRange reports whether s is an address or a CIDR.
func isRange(s string) bool {
	if strings.Contains(s, "/") {
		_, err := netip.ParsePrefix(s)
		return err == nil
	}
	return isIP(s)
}

const unixPrefix = "unix://"

// isSocket reports whether s, what follows unix://, is the path of a file or an abstract name.
func isSocket(s string) bool {
	return strings.HasPrefix(s, "@") || strings.HasPrefix(s, "/") && !strings.HasSuffix(s, "/")
}

const rangeHelp = "write a CIDR such as 10.0.0.0/8, or one IP address"

// ranges checks a list of addresses and CIDRs.
func (c Check) ranges(list []string, at diag.Path) {
	for i, s := range list {
		if !isRange(s) {
			c.Say(BadRange.At(at.Item(i, ""), "%q is not an address range", s).WithHelp(rangeHelp))
		}
	}
}

// labels checks the form of labels.
func (c Check) labels(labels map[string]string, at diag.Path) {
	for _, key := range sortedKeys(labels) {
		prefix, name, found := strings.Cut(key, "/")
		if !found {
			prefix, name = "", key
		}
		switch value := labels[key]; {
		case found && (len(prefix) > maxPrefix || !prefixForm.MatchString(prefix)), len(name) > maxLabel || !qualifiedForm.MatchString(name):
			c.Say(Label.At(at.Key(key), "%q is not a label key", key).Key().
				WithHelp("write [prefix/]name: at most 63 letters, digits, '-', '_' and '.', after a DNS name"))
		case value != "" && (len(value) > maxLabel || !qualifiedForm.MatchString(value)): // longer ones the API server refuses
			c.Say(Label.At(at.Key(key), "%q is not a label value", value).
				WithHelp("a value has at most 63 letters, digits, '-', '_' and '.'; a letter or digit begins and ends it"))
		}
	}
}

// selector checks the labels by which an object selects workloads.
func (c Check) selector(labels map[string]string, at diag.Path) {
	for _, key := range sortedKeys(labels) {
		switch {
		case key == "":
			c.Say(Label.At(at.Key(key), "the selector has a label without a key").Key().WithHelp("write the key, such as app"))
		case strings.Contains(key+labels[key], "*"):
			c.Say(Label.At(at.Key(key), "a selector cannot have wildcards, and %s: %s has one", key, labels[key]).
				WithHelp("write the whole label, or leave it out"))
		}
	}
}

// port checks a port number, in a message that names what it is the port of.
func (c Check) port(n uint32, at diag.Path) {
	if n < 1 || n > 65535 {
		c.refuse(at, "write a number from 1 to 65535", "%d is not a port number", n)
	}
}

// portName checks the name of a port.
func (c Check) portName(s string, at diag.Path) {
	if !isLabel(s) {
		c.refuse(at, "write at most 63 letters, digits and '-', such as http-web", "%q is not a port name", s)
	}
}

// duration checks a duration against what Envoy can have: whole milliseconds, at least one.
func (c Check) duration(d *durationpb.Duration, at diag.Path) {
	switch length := d.AsDuration(); {
	case d == nil:
	case length < time.Millisecond:
		c.refuse(at, "write 1ms or more", "%s must be at least 1ms, not %s", at.LastKey(), length)
	case length%time.Millisecond != 0:
		c.refuse(at, "write it without a fraction of a millisecond", "%s must be in whole milliseconds, not %s", at.LastKey(), length)
	}
}

// exportTo checks to which namespaces an object is visible. Only a ServiceEntry can be visible to none (~).
func (c Check) exportTo(list []string, namespace string, entry bool, at diag.Path) {
	seen := map[string]bool{}
	for i, e := range list {
		here := at.Item(i, "")
		key := e
		if e == "." {
			key = namespace
		}
		switch {
		case seen[key] && key != e:
			c.Say(ExportTo.At(here, "%q and %q are one namespace", ".", namespace).WithHelp("remove one of the two"))
		case seen[key]:
			c.Say(ExportTo.At(here, "%q is listed twice", e).WithHelp("remove one of them"))
		case (e == "*" || e == "~") && len(list) > 1:
			c.Say(ExportTo.At(here, "%q is next to others, and Istio takes it alone only", e).WithHelp("remove it, or the others"))
		case e == "~" && !entry:
			c.Say(ExportTo.At(here, `"~" is for ServiceEntries only`).WithHelp(`write "." for this namespace`))
		case e != "." && e != "*" && e != "~" && !isLabel(e):
			c.Say(ExportTo.At(here, "%q is not a namespace", e).WithHelp(`write ".", "*" or names of namespaces`))
		}
		seen[key] = true
	}
}
