package fn

import (
	"github.com/vmmesh/vmmesh/generators/graph"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// GraphFormat is a format of [Graph].
type GraphFormat string

// The formats, the default first.
const (
	Mermaid GraphFormat = "mermaid"
	SVG     GraphFormat = "svg"
	HTML    GraphFormat = "html" // a page with the SVG and the reachability table
	DOT     GraphFormat = "dot"
)

// GraphFormats lists the formats of [Graph], the default first.
func GraphFormats() []GraphFormat { return []GraphFormat{Mermaid, SVG, HTML, DOT} }

// Graph draws the mesh of the specs. With an error among the findings it is "".
func Graph(docs []*schema.Document, format GraphFormat) (string, diag.List) {
	draw := map[GraphFormat]func(*mesh.Mesh) string{Mermaid: graph.Mermaid, SVG: graph.SVG, HTML: graph.HTML, DOT: graph.DOT}[format]
	return drawn(docs, draw)
}

// Reach is the reachability table of the specs' mesh, in Markdown. With an error among the findings it is "".
func Reach(docs []*schema.Document) (string, diag.List) { return drawn(docs, graph.Table) }

func drawn(docs []*schema.Document, draw func(*mesh.Mesh) string) (string, diag.List) {
	m, findings := check(docs)
	if findings.HasErrors() || len(docs) == 0 {
		return "", findings
	}
	return draw(m), findings
}
