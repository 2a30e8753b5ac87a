package vms

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// firewall is the openings of a group's VMs as firewall.sh reads them: none without a backend, a script of nft for
// Nftables, and else a line for each port and source.
func firewall(g *mesh.Group) []manifest.File {
	switch g.VM.Firewall.Backend {
	case "None":
		return nil
	case "Nftables":
		return []manifest.File{text("firewall.nft", nftScript(g.Openings()))}
	}
	return []manifest.File{text("firewall.rules", rules(g.Openings()))}
}

// rules are lines of port, protocol, source ("any": anyone; "host": whom the host's own rules let in, and anyone where it
// has none for the port) and reason, separated by tabs.
func rules(openings []mesh.Opening) []byte {
	var out bytes.Buffer
	for _, o := range openings {
		if len(o.Sources) == 0 {
			anyone := "any"
			if o.Why == mesh.ReasonSSH {
				anyone = "host"
			}
			fmt.Fprintf(&out, "%d\t%s\t%s\t%s\n", o.Port, protocol(o), anyone, o.Why)
		}
		for _, s := range o.Sources {
			fmt.Fprintf(&out, "%d\t%s\t%s\t%s\n", o.Port, protocol(o), source(s), o.Why)
		}
	}
	return out.Bytes()
}

func protocol(o mesh.Opening) string {
	if o.UDP {
		return "udp"
	}
	return "tcp"
}

// nftScript replaces the table inet vmmesh in one transaction: it is made where it is not there yet, deleted, and made
// anew. What else filters on the VM stays as it is.
func nftScript(openings []mesh.Opening) []byte {
	var out bytes.Buffer
	out.WriteString("# Who may reach this VM. The table is vmmesh's alone.\ntable inet vmmesh\ndelete table inet vmmesh\ntable inet vmmesh {\n")
	var groups [][]netip.Prefix // of sources: several ports have the same
	for _, o := range openings {
		if len(o.Sources) > 0 && index(groups, o.Sources) < 0 {
			groups = append(groups, o.Sources)
			for _, f := range families {
				if elements := f.of(o.Sources); len(elements) > 0 {
					fmt.Fprintf(&out, "\tset from%d_%s {\n\t\ttype %s\n\t\tflags interval\n\t\telements = { %s }\n\t}\n", len(groups), f.match, f.kind, strings.Join(elements, ",\n\t\t\t"))
				}
			}
		}
	}
	out.WriteString(`	chain input {
		type filter hook input priority 0; policy drop;
		ct state established,related accept
		ct state invalid drop
		iifname "lo" accept
		meta l4proto { 1, 58 } accept comment "ICMP, and ICMPv6 with neighbour discovery"
		udp sport 67 udp dport 68 accept comment "DHCP"
		ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept comment "DHCPv6"
`)
	for _, o := range openings {
		if len(o.Sources) == 0 {
			fmt.Fprintf(&out, "\t\t%s dport %d accept comment \"%s\"\n", protocol(o), o.Port, o.Why)
			continue
		}
		for _, f := range families {
			if len(f.of(o.Sources)) > 0 {
				fmt.Fprintf(&out, "\t\t%s saddr @from%d_%s %s dport %d accept comment \"%s\"\n", f.match, index(groups, o.Sources)+1, f.match, protocol(o), o.Port, o.Why)
			}
		}
	}
	out.WriteString("\t}\n}\n")
	return out.Bytes()
}

// family is IPv4 or IPv6, as nft calls it in a match and as the type of a set.
type family struct {
	match, kind string
	is4         bool
}

var families = []family{{"ip", "ipv4_addr", true}, {"ip6", "ipv6_addr", false}}

// of are the sources of the family, as words.
func (f family) of(sources []netip.Prefix) []string {
	var words []string
	for _, s := range sources {
		if s.Addr().Is4() == f.is4 {
			words = append(words, source(s))
		}
	}
	return words
}

func index(groups [][]netip.Prefix, sources []netip.Prefix) int {
	return slices.IndexFunc(groups, func(g []netip.Prefix) bool { return slices.Equal(g, sources) })
}

// source is a prefix, or the one address in it.
func source(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
