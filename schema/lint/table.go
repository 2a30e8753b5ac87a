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
// functions must accept a mesh, and objects, that have other findings.
type Rule struct {
	diag.Rule
	Mesh func(*mesh.Mesh, Report)
	Set  func(*manifest.Set, Report)
}

// Table is every rule of this room, by id.
var Table = []Rule{
	{olderReading, nil, findOlderReadings},
	{Rule: unusedIgnore},  // found by Suppress, after all others have spoken
	{Rule: ignoreComment}, // found by SuppressByComment, at the very end
	{missingAccount, nil, findMissingAccounts},
	{unknownAccount, nil, findUnknownAccounts},
	{vmIdentity, nil, findVMIdentities},
	{registeredAccount, nil, findRegisteredAccounts},
	{missingGroup, nil, findMissingGroups},
	{registrationName, findRegistrationNames, findGroupRegistrationNames},
	{registrationClash, findRegistrationClashes, nil},
	{longRegistrationName, nil, findLongRegistrationNames},
	{staticBesideAuto, nil, findStaticBesideAuto},
	{labelDrift, nil, findAllLabelDrift},
	{vmAddress, nil, findVMAddresses},
	{duplicateAddress, findDuplicateAddresses, findDuplicateEntryAddresses},
	{foreignAddress, nil, findForeignAddresses},
	{vmCluster, nil, findVMClusters},
	{vmTrust, nil, findVMTrust},
	{hostNameAddress, nil, findHostNameAddresses},
	{noLabels, nil, findNoLabels},
	{noWayIn, nil, findNoWayIn},
	{unknownAnnotation, nil, findUnknownAnnotations},
	{idleEnv, findIdleEnv, findIdleEnvOfObjects},
	{tokensOfCA, findTokensOfCA, nil},
	{tokenByHand, findTokensByHand, nil},
	{idleMinimum, findIdleMinimums, nil},
	{vmInPodRange, findVMsInPodRanges, nil},
	{istiodIsVM, findIstiodsAtVMs, nil},
	{inRootNamespace, findInRootNamespace, nil},
	{unresolvable, findUnresolvable, findUnresolvableEntries},
	{selectsNothing, nil, findSelectsNothing},
	{selectsElsewhere, nil, findSelectsElsewhere},
	{noSelector, nil, findNoSelectors},
	{headless, nil, findHeadless},
	{namedTarget, nil, findNamedTargets},
	{portShadow, nil, findPortShadows},
	{entryPortShadow, nil, findEntryPortShadows},
	{endpointPorts, nil, findEndpointPorts},
	{mixedWeights, findMixedWeights, findMixedEntryWeights},
	{shadowedService, nil, findShadowedServices},
	{clusterHost, nil, findClusterHosts},
	{addressless, nil, findAddressless},
	{twoServiceEntries, nil, findTwoServiceEntries},
	{selectsEverything, nil, findSelectsEverything},
	{staticHostName, nil, findStaticHostNames},
	{internalAccount, findInternalEndpoints, findInternalAccounts},
	{serverFirst, nil, findServerFirst},
	{protocolConflict, nil, findProtocolConflicts},
	{reservedPort, findReservedPorts, findReservedEntryPorts},
	{undiscovered, findUndiscovered, findUndiscoveredNamespaces},
	{longTarget, nil, findLongTargets},
	{externalVMs, nil, findExternalVMs},
	{portNames, nil, findPortNames},
	{unreadField, findUnreadSettings, findUnreadFields},
	{notCaptured, findUncapturedPorts, findNotCaptured},
	{wholeHost, findWholeHosts, findWholeHostGroups},
	{registryOnly, findRegistryOnly, nil},
	{probeOfLoopback, findProbesOfLoopback, nil},
	{probeOfSidecar, findProbesOfSidecar, findGroupProbesOfSidecar},
	{probeMethod, nil, findProbeMethods},
	{failureThreshold, nil, findFailureThresholds},
	{noReporter, nil, findNoReporters},
	{idleProbe, nil, findIdleProbes},
	{missingEntry, nil, findMissingEntries},
	{missingHost, nil, findMissingHosts},
	{rootUncaptured, findRootUncaptured, nil},
	{vmPorts, nil, findVMPorts},
	{vmCA, nil, findVMCAs},
	{vmNetwork, nil, findVMNetworks},
	{vmProbe, nil, findVMProbes},
	{vmContradiction, nil, findVMContradictions},
	{discoveryIP, nil, findDiscoveryIPs},
	{vmDerived, nil, findVMDerived},
	{metadataText, nil, findMetadataTexts},
	{unknownNetwork, nil, findUnknownNetworks},
	{deafGateway, nil, findDeafGateways},
	{closedGateway, nil, findClosedGateways},
	{unlabelledSystem, nil, findUnlabelledSystems},
	{halfNetwork, nil, findHalfNetworks},
	{crossPlaintext, findCrossPlaintext, findCrossPlaintextEntries},
	{nodePortGateway, findNodePortGateways, findNodePortServices},
	{unknownSubset, nil, findUnknownSubsets},
	{emptySubset, nil, findEmptySubsets},
	{missingPort, nil, findMissingPorts},
	{twoRules, nil, findTwoRules},
	{ruleElsewhere, nil, findRulesElsewhere},
	{twoRoutes, nil, findTwoRoutes},
	{failoverWithoutOutlier, findFailoverWithoutOutlier, findFailoverWithoutOutlierRules},
	{quietLocality, findQuietLocalities, nil},
	{unknownRegion, findUnknownRegions, findUnknownRegionRules},
	{localityForm, nil, findLocalityForms},
	{lostLocality, nil, findLostLocalities},
	{upgradedPlain, findUpgradedPlain, findUpgradedPlainRules},
	{tlsOfMesh, findTLSOfMesh, findTLSOfMeshRules},
	{hiddenFromCallers, findHiddenFromCallers, findHiddenDestinations},
	{hiddenBySidecar, nil, findHiddenBySidecars},
	{unknownHost, nil, findUnknownHosts},
	{unknownGateway, nil, findUnknownGateways},
	{foreignPort, nil, findForeignPorts},
	{gatewayShutOut, findGatewaysShutOut, nil},
	{egressPort, findEgressPorts, nil},
	{wildcardHost, findWildcardHosts, nil},
	{leftOutByLocality, findLeftOutByLocality, nil},
	{unprobed, findUnprobed, nil},
	{twoPeerPolicies, nil, findTwoPeerPolicies},
	{portLevelService, nil, findPortLevelServices},
	{rootSelector, nil, findRootSelectors},
	{plainScrape, nil, findPlainScrapes},
	{httpOnTCP, findHTTPOnTCP, findHTTPOnTCPPolicies},
	{denyHTTPOnTCP, findDenyHTTPOnTCP, findDenyHTTPOnTCPPolicies},
	{uncoveredPort, findUncoveredPorts, findUncoveredPortsOfPolicies},
	{identityOfPlaintext, findIdentityOfPlaintext, findIdentityOfPlaintextPolicies},
	{principalForm, findPrincipals, findPrincipalForms},
	{policyServicePort, nil, findPolicyServicePorts},
	{governsNothing, nil, findGovernsNothing},
	{targetOfVM, nil, findTargetsOfVMs},
	{twoTelemetries, nil, findTwoTelemetries},
	{unknownProvider, findStrangeProviders, findUnknownProvidersOfTelemetries},
	{podDiscovery, nil, findPodDiscovery},
	{scrapePath, nil, findScrapePaths},
	{unknownToMetrics, nil, findUnknownToMetrics},
	{unknownCaller, nil, findUnknownCallers},
	{idleFilter, nil, findIdleFilters},
	{otherInterface, findOtherInterfaces, nil},
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

// Set runs every rule that is about manifests.
func Set(s *manifest.Set) diag.List {
	var found diag.List
	for _, rule := range Table {
		if rule.Set != nil {
			rule.Set(s, func(d diag.Diagnostic) { found = append(found, d) })
		}
	}
	return append(found, refused(s, found)...)
}
