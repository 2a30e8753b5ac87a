package fn

import (
	"github.com/vmmesh/vmmesh/generators/graph"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// Graph draws the mesh of the specs: a Mermaid flowchart. With an error among the findings it is "".
func Graph(docs []*schema.Document) (string, diag.List) {
	m, findings := check(docs)
	if findings.HasErrors() || len(docs) == 0 {
		return "", findings
	}
	return graph.Mermaid(m), findings
}

// Reach is the reachability table of the specs' mesh, in Markdown. With an error among the findings it is "".
func Reach(docs []*schema.Document) (string, diag.List) {
	m, findings := check(docs)
	if findings.HasErrors() || len(docs) == 0 {
		return "", findings
	}
	return graph.Table(m), findings
}
