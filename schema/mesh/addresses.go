package mesh

import (
	"net/netip"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// parseIP reads an address as people write it: v4 or v6, no zone, no port, no leading zeros.
func parseIP(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Zone() == ""
}

// looksLikeIP reports whether a text that is not an IP address would be read as one: its last part is a number, decimal or
// hexadecimal, as inet_aton(3) and URL parsers take it (WHATWG URL, "ends in a number").
func looksLikeIP(s string) bool {
	last := strings.TrimSuffix(s, ".")
	last = last[strings.LastIndexByte(last, '.')+1:]
	if hex, found := strings.CutPrefix(strings.ToLower(last), "0x"); found {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// address reads an address that must be an IP; an invalid one is said, and answered as the zero Addr.
func (r *resolver) address(s string, at diag.Path) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	a, ok := parseIP(s)
	if !ok {
		help := "write an IP address such as 192.168.1.100"
		if host, port, found := strings.Cut(s, ":"); found && isPort(port) {
			if _, isIP := parseIP(host); isIP {
				help = "write " + host + " alone; ports have their own field"
			}
		} else if p, err := netip.ParsePrefix(s); err == nil {
			help = "write " + p.Addr().String() + " alone, without the prefix length"
		} else if isDNSName(s) && !looksLikeIP(s) {
			help = "write the IP address that this name has: istiod takes no names for VMs behind a Service"
		}
		help = first(diag.Hint(s), help)
		r.say(ruleBadAddress.At(at, "%q is no IP address", s).WithHelp("%s", help))
		return netip.Addr{}
	}
	r.dialable(s, at)
	return a.Unmap()
}

// dialable says addresses that nobody else can dial.
func (r *resolver) dialable(s string, at diag.Path) {
	a, ok := parseIP(s)
	if !ok {
		return
	}
	kind := ""
	switch a = a.Unmap(); {
	case a.IsUnspecified():
		kind = "the unspecified address"
	case a.IsLoopback():
		kind = "a loopback address"
	case a.IsLinkLocalUnicast():
		kind = "a link-local address"
	case a.IsMulticast():
		kind = "a multicast address"
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		kind = "the broadcast address"
	default:
		return
	}
	r.say(ruleUnusableAddress.At(at, "%s is %s, which nobody else can dial", s, kind).
		WithHelp("give the address on the interface that others reach"))
}

// offCluster says addresses of Kubernetes Services where they are needed outside the cluster.
func (r *resolver) offCluster(s string, at diag.Path, i *Istio) {
	r.noClusterIP(s, at, i, "give the address of a load balancer")
}

// noClusterIP is offCluster with another mend.
func (r *resolver) noClusterIP(s string, at diag.Path, i *Istio, mend string) {
	if s == "" || len(i.ServiceCIDRs) == 0 {
		return
	}
	a, _ := parseIP(s)
	for _, p := range i.ServiceCIDRs {
		if p.Contains(a.Unmap()) {
			r.say(ruleUnusableAddress.At(at, "%s is in serviceCIDRs (%s): a ClusterIP, which exists only inside the cluster", s, p).
				WithHelp("%s", mend))
			return
		}
	}
}

// prefixes reads CIDRs. A single address is taken as its own prefix, as firewalls and Kubernetes write both.
func (r *resolver) prefixes(list []string, at diag.Path) []netip.Prefix {
	var out []netip.Prefix
	for n, s := range list {
		p, ok := parsePrefix(s)
		if !ok {
			r.say(ruleBadRange.At(at.Item(n, ""), "%q is not an address range", s).WithHelp("write a CIDR such as 10.0.0.0/8, or one IP address"))
			continue
		}
		if p != p.Masked() {
			r.say(ruleBadRange.At(at.Item(n, ""), "%s has bits set below its prefix length", s).WithHelp("write %s", p.Masked()).
				WithFix(diag.Fix{Old: s, New: p.Masked().String()}))
			continue
		}
		out = append(out, p)
	}
	return out
}

func parsePrefix(s string) (netip.Prefix, bool) {
	if a, ok := parseIP(s); ok {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil
}

// addressList reads addresses that must all be IPs.
func (r *resolver) addressList(list []string, at diag.Path) []netip.Addr {
	var out []netip.Addr
	for n, s := range list {
		if a := r.address(s, at.Item(n, "")); a.IsValid() {
			out = append(out, a)
		}
	}
	return out
}
