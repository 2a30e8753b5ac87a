// Package lint is the rules about a mesh that Istio would accept and break on: one table, one entry a rule, one file a
// theme. Ids are those of the catalogue that they come from (VM113 is its entry 113).
package lint

import (
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Report takes a finding.
type Report func(diag.Diagnostic)

// Rule is a rule and how it looks at a resolved mesh. The function must stand a mesh that had other findings.
type Rule struct {
	diag.Rule
	Mesh func(*mesh.Mesh, Report)
}

// Table is every rule of this room, by id.
var Table = []Rule{
	{Rule: unusedIgnore}, // found by Suppress, after all others have spoken
	{duplicateAddress, findDuplicateAddresses},
	{mixedWeights, findMixedWeights},
	{reservedPort, findReservedPorts},
}

// Mesh runs every rule that speaks about the mesh.
func Mesh(m *mesh.Mesh) diag.List {
	var found diag.List
	for _, rule := range Table {
		if rule.Mesh != nil {
			rule.Mesh(m, func(d diag.Diagnostic) { found = append(found, d) })
		}
	}
	return found
}
