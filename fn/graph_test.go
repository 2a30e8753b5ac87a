package fn_test

import (
	"fmt"
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
	drawing, found = fn.Graph(docs)
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
	require.Equal(t, "flowchart LR", lines[0])
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
