package manifest

import "github.com/vmmesh/vmmesh/schema/diag"

var ruleObject = &diag.Rule{
	ID: "VM024", Name: "unfit-object", Severity: diag.Error,
	Doc: "An object of a mesh has a name, and the group and a version of its kind.",
	Long: "The API server refuses an object without a name or an apiVersion, and one of a group or version that no CustomResourceDefinition has. Istio serves " +
		"networking.istio.io as v1, v1beta1 and v1alpha3, security.istio.io as v1 and v1beta1, telemetry.istio.io as v1 and v1alpha1.",
	Bad:  "apiVersion: networking.istio.io/v1alpha1\nkind: Sidecar\nmetadata: {name: default, namespace: pay}\nspec: {egress: [{hosts: [\"./*\"]}]}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: default, namespace: pay}\nspec: {egress: [{hosts: [\"./*\"]}]}\n",
}

var ruleTwice = &diag.Rule{
	ID: "VM025", Name: "object-twice", Severity: diag.Warning,
	Doc: "Manifests that are checked together say one thing of an object.",
	Long: "Of two manifests of one object the cluster keeps the one that is applied last, so what runs depends on the order of files. " +
		"The first one is checked here. Check one environment at a time: a base and its overlay are two versions of the same objects.",
	Bad: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: pay, namespace: shop, labels: {team: a}}\n---\n" +
		"apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: pay, namespace: shop, labels: {team: b}}\n",
	Good: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: pay, namespace: shop, labels: {team: a}}\n",
}

var ruleOlder = &diag.Rule{
	ID: "VM026", Name: "older-version", Severity: diag.Info,
	Doc: "An object of Istio's is of the newest version of its kind.",
	Long: "v1 of networking.istio.io, security.istio.io and telemetry.istio.io is served by every Istio since 1.22, and is the version in which objects are stored or will be. Older ones are served too, until Istio takes them away: " +
		"write v1 where no client needs an older Istio. Only the apiVersion differs.",
	Bad:  "apiVersion: networking.istio.io/v1beta1\nkind: Sidecar\nmetadata: {name: default, namespace: pay}\nspec: {egress: [{hosts: [\"./*\"]}]}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: default, namespace: pay}\nspec: {egress: [{hosts: [\"./*\"]}]}\n",
}

// SetRules are the rules of this room that speak about manifests from elsewhere, in the order of their ids.
var SetRules = []*diag.Rule{ruleObject, ruleTwice, ruleOlder}
