package fn_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
)

// pictured draws a spec, and prints its table.
func pictured(t testing.TB, path, text string) (drawing, table string) {
	t.Helper()
	docs, found := schema.Parse(path, []byte(text))
	require.Empty(t, found)
	drawing, found = fn.Graph(docs, fn.Mermaid)
	require.False(t, found.HasErrors(), "%s", report(t, found))
	table, _ = fn.Reach(docs)
	return drawing, table
}

// TestGraph draws every case, twice the same, in a form that Mermaid takes; some are compared with what was read before.
func TestGraph(t *testing.T) {
	all := cases(t)
	all["hostile"] = "../testdata/graph/hostile.yaml"
	for name, path := range all {
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			drawing, table := pictured(t, path, string(src))
			again, tableAgain := pictured(t, path, string(src))
			require.Equal(t, drawing, again)
			require.Equal(t, table, tableAgain)
			wellDrawn(t, drawing)
			for _, format := range fn.GraphFormats() {
				docs, _ := schema.Parse(path, src)
				picture, _ := fn.Graph(docs, format)
				docs, _ = schema.Parse(path, src)
				again, _ := fn.Graph(docs, format)
				require.Equal(t, picture, again)
				wellFormed(t, format, picture)
			}
			for row := range strings.Lines(table) {
				require.Regexp(t, regexp.MustCompile(`^\|(([^|\\\n]|\\.)*\|){5}\n$`), row)
			}
			golden := "../testdata/graph/" + name
			if _, err := os.Stat(golden + ".mmd"); err != nil {
				return
			}
			if *update {
				require.NoError(t, os.WriteFile(golden+".mmd", []byte(drawing), 0o644))
				require.NoError(t, os.WriteFile(golden+".md", []byte(table), 0o644))
			}
			for file, got := range map[string]string{golden + ".mmd": drawing, golden + ".md": table} {
				want, err := os.ReadFile(file)
				require.NoError(t, err)
				require.Equal(t, string(want), got, file)
			}
		})
	}
}

const text = `"([^"#<>\x60]|#\d+;|<br/>)*"`

var (
	frame = regexp.MustCompile(`^subgraph (n\d+)\[` + text + `\]$`)
	node  = regexp.MustCompile(`^(n\d+)(\[|\(|\{\{|\[\[|\(\[|\[/)` + text + `(\]|\)|\}\}|\]\]|\]\)|/\])$`)
	arrow = regexp.MustCompile(`^(n\d+) (-->|==>|-\.-x|-\.-)(\|` + text + `\|)? (n\d+)$`)
)

// wellDrawn reads a drawing as Mermaid does: each line is one of few forms, texts are closed in quotes, everything is
// drawn once and before an arrow needs it, no arrow goes between a frame and what is in it, which Mermaid refuses when it
// lays them out, and all stays within its limits.
func wellDrawn(t testing.TB, drawing string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(drawing, "\n"), "\n")
	require.Contains(t, []string{"flowchart LR", "flowchart TB"}, lines[0])
	parent := map[string]string{}
	var open []string
	inside := func(id, of string) bool {
		for ; id != ""; id = parent[id] {
			if id == of {
				return true
			}
		}
		return false
	}
	draw := func(id string) {
		_, drawn := parent[id]
		require.False(t, drawn, "%s is drawn twice", id)
		parent[id] = ""
		if len(open) > 0 {
			parent[id] = open[len(open)-1]
		}
	}
	edges := 0
	for _, line := range lines[1:] {
		line = strings.TrimLeft(line, " ")
		switch {
		case frame.MatchString(line):
			id := frame.FindStringSubmatch(line)[1]
			draw(id)
			open = append(open, id)
		case line == "end":
			require.NotEmpty(t, open)
			open = open[:len(open)-1]
		case node.MatchString(line):
			draw(node.FindStringSubmatch(line)[1])
		default:
			m := arrow.FindStringSubmatch(line)
			require.NotNil(t, m, "%s", line)
			from, to := m[1], m[5]
			require.Contains(t, parent, from, "%s", line)
			require.Contains(t, parent, to, "%s", line)
			require.False(t, inside(from, to) || inside(to, from), "%s", line)
			edges++
		}
	}
	require.Empty(t, open)
	require.LessOrEqual(t, edges, 500)
	require.LessOrEqual(t, len(drawing), 50_000)
}

var (
	vms   = regexp.MustCompile(`(\d+) VMs?\b`)
	shown = regexp.MustCompile(`\[".*<br/>10\.\d+\.\d+\.\d+"\]`)
)

// TestGraphOfManyVMs: however large a mesh is, Mermaid draws it, and no VM is forgotten.
func TestGraphOfManyVMs(t *testing.T) {
	for _, c := range []struct {
		name                                             string
		namespaces, workloads, groups, instances, others int
		has                                              string
	}{
		{"few", 1, 2, 2, 5, 0, `"vm3<br/>10.0.0.3"`},
		{"large groups", 1, 2, 2, 2000, 1, `"group ns0/w0-0-g1<br/>2000 VMs"`},
		{"many groups", 2, 10, 60, 2, 2, `"workload ns1/w1-3<br/>30 groups, 60 VMs"`},
		{"many workloads", 5, 400, 1, 1, 0, `"namespace ns3<br/>400 workloads, 400 groups, 400 VMs"`},
		{"many namespaces", 1200, 1, 1, 1, 0, `"1200 workloads, 1200 groups, 1200 VMs"`},
		{"many gateways", 1, 1, 2, 3, 2000, `"1961 more networks"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var spec strings.Builder
			spec.WriteString("apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: many}\nspec:\n" +
				"  istio: {version: 1.31.1, network: kube, istiodAddresses: [34.56.78.90]}\n")
			if c.others > 0 {
				spec.WriteString("  networks:\n")
			}
			for n := range c.others {
				fmt.Fprintf(&spec, "  - {name: net%d, gateways: [{address: 203.0.113.7, port: %d}]}\n", n, 1000+n)
			}
			spec.WriteString("  workloads:\n")
			total := 0
			for ns := range c.namespaces {
				for w := range c.workloads {
					fmt.Fprintf(&spec, "  - name: w%d-%d\n    namespace: ns%d\n    ports: [{name: http, port: 80}]\n    groups:\n", ns, w, ns)
					for g := range c.groups {
						fmt.Fprintf(&spec, "    - name: w%d-%d-g%d\n", ns, w, g)
						if c.others > 0 && g%2 == 0 {
							fmt.Fprintf(&spec, "      network: net%d\n", (g/2)%c.others)
						}
						spec.WriteString("      instances:\n")
						for i := range c.instances {
							fmt.Fprintf(&spec, "      - {name: vm%d, address: 10.%d.%d.%d}\n", i, total>>16, total>>8&255, total&255)
							total++
						}
					}
				}
			}
			drawing, table := pictured(t, "vmmesh.yaml", spec.String())
			wellDrawn(t, drawing)
			require.Contains(t, drawing, c.has)
			drawn := len(shown.FindAllString(drawing, -1))
			for _, m := range vms.FindAllStringSubmatch(drawing, -1) {
				n, err := strconv.Atoi(m[1])
				require.NoError(t, err)
				drawn += n
			}
			require.Equal(t, total, drawn)
			require.Less(t, strings.Count(table, "\n"), 5*(c.others+4))
		})
	}
}

// TestGraphOfManyNetworks: VMs in so many networks with gateways that each reaches all others are drawn as far as Mermaid
// takes it; the table has them all.
func TestGraphOfManyNetworks(t *testing.T) {
	const n = 100
	var spec strings.Builder
	spec.WriteString("apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: many}\nspec:\n" +
		"  istio: {version: 1.31.1, network: kube, istiodAddresses: [34.56.78.90]}\n  networks:\n")
	for i := range n {
		fmt.Fprintf(&spec, "  - name: net%d\n    gateways: [{address: 203.0.113.%d}, {address: a%d.example.com, port: 443}, {address: b.example.com, port: 444}]\n", i, i, i)
	}
	spec.WriteString("  workloads:\n  - name: pay\n    ports: [{name: http, port: 80}]\n    groups:\n")
	for i := range n {
		fmt.Fprintf(&spec, "    - {name: pay-%d, network: net%d, registration: Auto}\n", i, i)
	}
	drawing, table := pictured(t, "vmmesh.yaml", spec.String())
	wellDrawn(t, drawing)
	require.Contains(t, drawing, `"61 more networks"`)
	for i := range n {
		require.Contains(t, table, fmt.Sprintf("| VMs of net%d | the addresses that VMs report | 80 |", i))
		require.Contains(t, table, fmt.Sprintf("| VMs of net%d | a%d.example.com | 443 | gateway of net%d, mTLS only |", i, i, i))
	}
}

// tags are the elements of pictures and pages. None of them runs or loads anything.
var tags = strings.Fields("svg title style defs marker path rect g text html head meta body h1 h2 div table thead tbody tr th td")

var dotLine = regexp.MustCompile(`^(digraph mesh \{|compound=true|rankdir=LR|(node|edge) \[.*\]|subgraph cluster_n\d+ \{|\}|` +
	`label=` + dotText + `|n\d+ \[shape=point, style=invis\]|n\d+ \[label=` + dotText + `(, (shape|style)=\w+)?\]|` +
	`n\d+ -> n\d+( \[(, )?((label=` + dotText + `|[a-z]+=\w+)(, )?)+\])?)$`)

const dotText = `"([^"\\]|\\["\\n])*"`

// wellFormed reads a picture as its readers do: XML that holds known elements alone, boxes that are within their frame and
// apart from one another, or statements of DOT.
func wellFormed(t testing.TB, format fn.GraphFormat, picture string) {
	t.Helper()
	switch format {
	case fn.DOT:
		for line := range strings.Lines(picture) {
			require.Regexp(t, dotLine, strings.TrimSpace(line))
		}
	case fn.SVG, fn.HTML:
		text := strings.TrimPrefix(picture, "<!DOCTYPE html>\n")
		text = regexp.MustCompile(`<meta ([^>]*)>`).ReplaceAllString(text, "<meta $1/>")
		decoder := xml.NewDecoder(strings.NewReader(text))
		type area struct{ x, y, w, h int }
		var open [][]area // of each element that is open, the boxes in it; the first is its own
		for {
			token, err := decoder.Token()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			switch e := token.(type) {
			case xml.StartElement:
				require.Contains(t, tags, e.Name.Local)
				at := map[string]string{}
				for _, a := range e.Attr {
					require.False(t, strings.HasPrefix(strings.ToLower(a.Name.Local), "on") || strings.Contains(a.Name.Local, "href"), a.Name.Local)
					at[a.Name.Local] = a.Value
				}
				if e.Name.Local == "rect" && at["class"] != "bg" {
					var box area
					for name, to := range map[string]*int{"x": &box.x, "y": &box.y, "width": &box.w, "height": &box.h} {
						var err error
						*to, err = strconv.Atoi(at[name])
						require.NoError(t, err)
					}
					open[len(open)-1] = append(open[len(open)-1], box)
				}
				open = append(open, nil)
			case xml.EndElement:
				inner := open[len(open)-1]
				open = open[:len(open)-1]
				if e.Name.Local != "g" {
					continue
				}
				own := inner[0]
				for i, a := range inner[1:] {
					require.True(t, a.x >= own.x && a.y >= own.y && a.x+a.w <= own.x+own.w && a.y+a.h <= own.y+own.h, "%v in %v", a, own)
					for _, b := range inner[1 : i+1] {
						require.True(t, a.x+a.w <= b.x || b.x+b.w <= a.x || a.y+a.h <= b.y || b.y+b.h <= a.y, "%v over %v", a, b)
					}
				}
				open[len(open)-1] = append(open[len(open)-1], own)
			}
		}
	}
}

// TestPicturesInDocs holds the pictures in docs to what is drawn now.
func TestPicturesInDocs(t *testing.T) {
	for file, example := range map[string]string{"mesh-payments.svg": "payments", "mesh-two-networks.svg": "two-networks"} {
		src, err := os.ReadFile("../examples/" + example + "/vmmesh.yaml")
		require.NoError(t, err)
		docs, _ := schema.Parse(example, src)
		got, found := fn.Graph(docs, fn.SVG)
		require.False(t, found.HasErrors())
		if *update {
			require.NoError(t, os.WriteFile("../docs/"+file, []byte(got), 0o644))
		}
		want, err := os.ReadFile("../docs/" + file)
		require.NoError(t, err)
		require.Equal(t, string(want), got)
	}
}

// TestGraphTableOutbound: the table has the rows that an owner of a firewall needs: also what VMs dial outside the mesh.
func TestGraphTableOutbound(t *testing.T) {
	_, table := pictured(t, "vmmesh.yaml", `apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata: {name: rows}
spec:
  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90]}
  observability: {prometheus: {format: Fragment, discovery: {type: HTTP, http: {url: "https://sd.example.com"}}}}
  vm:
    package: {format: Deb, baseURL: "https://mirror.example.com:8443/istio"}
    dns: {mode: Forward, servers: [10.0.0.53, "2001:db8::53"]}
    identity: {type: TokenRequest, tokenRequest: {server: "https://[2001:db8::1]:6443", credentialFile: /etc/vmmesh/credential}}
  workloads:
  - name: pay
    ports: [{name: http, port: 8080}]
    groups:
    - name: pay
      instances: [{name: vm1, address: 10.0.0.1}]
    - name: pay-auto
      registration: Auto
      vm: {identity: {type: HTTP, http: {url: "https://tokens.example.com/t"}}, package: {format: None}, proxyConfig: {statusPort: 16020}}
  externalServices:
  - name: bank
    serviceEntry: {hosts: [api.bank.example.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
`)
	for _, row := range []string{
		"| VMs | Kubernetes API | 2001:db8::1 | 6443 | HTTPS |",
		"| VMs | token server | tokens.example.com | 443 | HTTPS |",
		"| VMs | package server | mirror.example.com | 8443 | HTTPS |",
		"| VMs | DNS servers | 10.0.0.53, 2001:db8::53 | 53 | UDP and TCP |",
		"| VMs | external service vm-workloads/bank | api.bank.example.com | 443 | TLS |",
		"| scrapers | VMs | the addresses that VMs report | 15020, 16020 | a route both ways |",
	} {
		require.Contains(t, table, row+"\n")
	}
}
