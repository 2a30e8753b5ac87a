package graph

import (
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Table is the reachability table of a mesh in Markdown: who dials whom, where, on which ports, and what has to be there
// for it. Each row is a rule for a firewall or a route, or a gateway that passes the traffic on.
func Table(m *mesh.Mesh) string {
	var out strings.Builder
	out.WriteString("| " + strings.Join(columns, " | ") + " |\n" + strings.Repeat("|---", len(columns)) + "|\n")
	for _, w := range rows(m) {
		for _, cell := range cells(w) {
			out.WriteString("| " + plain(cell) + " ")
		}
		out.WriteString("|\n")
	}
	return out.String()
}

var columns = []string{"from", "to", "dials", "ports", "by way of"}

// rows are all ways of a mesh: between its members, and from VMs to what is outside.
func rows(m *mesh.Mesh) []mesh.Way { return append(m.Reach(), m.Outbound()...) }

func cells(w mesh.Way) []string {
	return []string{ends(w.From), describe(w.To), dialled(w), ports(w), manner(w)}
}

func ends(list []mesh.End) string {
	var words []string
	for _, e := range list {
		words = append(words, describe(e))
	}
	return strings.Join(words, ", ")
}

// describe names an end of a way.
func describe(e mesh.End) string {
	switch {
	case e.Kind == mesh.EndExternal:
		return "external service " + e.Network
	case e.Kind == mesh.EndIstiod || e.Kind == mesh.EndCA || e.Kind == mesh.EndScrapers || e.Network == "":
		return string(e.Kind)
	case e.Kind == mesh.EndGateway:
		return "gateway of " + e.Network
	}
	return string(e.Kind) + " of " + e.Network
}

// mostAddresses is how many addresses a cell lists.
const mostAddresses = 8

func dialled(w mesh.Way) string {
	switch {
	case len(w.Addresses) > 0:
		return some(w.Addresses, mostAddresses)
	case w.Through != "":
		return "its load balancer's address"
	case w.To.Kind == mesh.EndPods:
		return "pods' own addresses"
	case w.To.Kind == mesh.EndDNS:
		return "the VM's own resolvers"
	}
	return "the addresses that VMs report"
}

func ports(w mesh.Way) string {
	if len(w.Ports) == 0 {
		return "any that pods listen on"
	}
	var words []string
	for _, p := range w.Ports {
		words = append(words, strconv.Itoa(int(p)))
	}
	return some(words, 20)
}

func manner(w mesh.Way) string {
	switch {
	case w.Through != "":
		return w.Through + ", mTLS only"
	case w.Protocol != "":
		return w.Protocol
	case w.To.Kind == mesh.EndIstiod || w.To.Kind == mesh.EndCA:
		return "TLS to " + strings.Join(w.Names, ", ")
	}
	return "a route both ways"
}

// some lists words, the first few of them.
func some(words []string, most int) string {
	if len(words) > most+1 {
		return strings.Join(words[:most], ", ") + " and " + strconv.Itoa(len(words)-most) + " more"
	}
	return strings.Join(words, ", ")
}

// plain is a text that means nothing else in a table of Markdown.
func plain(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", `\`, `\\`, "|", `\|`, "`", "\\`", "<", "&lt;", "&", "&amp;", "[", `\[`, "]", `\]`, "*", `\*`, "_", `\_`).Replace(s)
}
