// Package lint is the rules about a mesh that Istio would accept and break on: one table, one entry a rule, one file a
// theme. Ids are those of the catalogue that they come from (VM113 is its entry 113).
package lint

import (
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// Report takes a finding.
type Report func(diag.Diagnostic)

// Rule is a rule, how it looks at a resolved mesh, and how at manifests that came from elsewhere. Either may be nil. The
// functions must stand a mesh, and objects, that had other findings.
type Rule struct {
	diag.Rule
	Mesh func(*mesh.Mesh, Report)
	Set  func(*manifest.Set, Report)
}

// Table is every rule of this room, by id.
var Table = []Rule{
	{Rule: unusedIgnore}, // found by Suppress, after all others have spoken
	{missingAccount, nil, findMissingAccounts},
	{unknownAccount, nil, findUnknownAccounts},
	{staticBesideAuto, nil, findStaticBesideAuto},
	{labelDrift, nil, findLabelDrift},
	{duplicateAddress, findDuplicateAddresses, findDuplicateEntryAddresses},
	{hostNameAddress, nil, findHostNameAddresses},
	{noLabels, nil, findNoLabels},
	{noWayIn, nil, findNoWayIn},
	{selectsNothing, nil, findSelectsNothing},
	{selectsElsewhere, nil, findSelectsElsewhere},
	{noSelector, nil, findNoSelectors},
	{headless, nil, findHeadless},
	{namedTarget, nil, findNamedTargets},
	{portShadow, nil, findPortShadows},
	{mixedWeights, findMixedWeights, findMixedEntryWeights},
	{twoServiceEntries, nil, findTwoServiceEntries},
	{reservedPort, findReservedPorts, findReservedEntryPorts},
	{notCaptured, nil, findNotCaptured},
	{deafGateway, nil, findDeafGateways},
	{closedGateway, nil, findClosedGateways},
	{unknownSubset, nil, findUnknownSubsets},
	{emptySubset, nil, findEmptySubsets},
	{missingPort, nil, findMissingPorts},
	{twoRules, nil, findTwoRules},
	{twoRoutes, nil, findTwoRoutes},
	{unknownHost, nil, findUnknownHosts},
	{unknownGateway, nil, findUnknownGateways},
	{twoPeerPolicies, nil, findTwoPeerPolicies},
	{portLevelService, nil, findPortLevelServices},
	{principalForm, nil, findPrincipalForms},
	{policyServicePort, nil, findPolicyServicePorts},
	{governsNothing, nil, findGovernsNothing},
	{twoTelemetries, nil, findTwoTelemetries},
	{unknownCaller, nil, findUnknownCallers},
	{oldCloudInit, findOldCloudInit, nil},
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

// Set runs every rule that speaks about manifests.
func Set(s *manifest.Set) diag.List {
	var found diag.List
	for _, rule := range Table {
		if rule.Set != nil {
			rule.Set(s, func(d diag.Diagnostic) { found = append(found, d) })
		}
	}
	return found
}
