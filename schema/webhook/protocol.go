package webhook

import (
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// protocols are those that Istio has (istio: pkg/config/protocol/instance.go, Parse), in any case.
var protocols = []string{"GRPC", "GRPC-WEB", "HTTP", "HTTP2", "HTTPS", "HTTP_PROXY", "MONGO", "MYSQL", "REDIS", "TCP", "TLS", "UDP"}

func isHTTP(protocol string) bool {
	return slices.Contains([]string{"GRPC", "GRPC-WEB", "HTTP", "HTTP2", "HTTP_PROXY"}, strings.ToUpper(protocol))
}

func isTLS(protocol string) bool {
	return slices.Contains([]string{"HTTPS", "TLS"}, strings.ToUpper(protocol))
}

// IsProtocol reports whether Istio has a protocol; an empty one is detected from the traffic.
func IsProtocol(s string) bool { return s == "" || slices.Contains(protocols, strings.ToUpper(s)) }

// protocol checks a protocol's name. A Gateway has to set it.
func (c Check) protocol(rule *diag.Rule, s string, at diag.Path) {
	if IsProtocol(s) {
		return
	}
	d := rule.At(at, "Istio does not have a protocol %q", s)
	if near := diag.Nearest(strings.ToUpper(s), protocols); near != "" {
		c.Say(d.Suggest("did you mean %s?", s, near, protocols))
	} else {
		c.Say(d.WithHelp("write one of %s", listed(protocols)))
	}
}
