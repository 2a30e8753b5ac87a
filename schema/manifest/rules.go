package manifest

import "github.com/vmmesh/vmmesh/schema/diag"

var ruleUnknown = &diag.Rule{
	ID: "VM020", Name: "unknown-istio-field", Severity: diag.Error,
	Doc: "A block of Istio's has a field that Istio's type does not have.",
	Long: "The API server drops a field that its schema does not know, with a warning that pipelines seldom show: the setting " +
		"looks made and is not. Names are spelled as in Istio's YAML, in lower camelCase; the snake_case of the protobuf files " +
		"is not accepted. Fix the spelling, or move the field to the block that has it.",
	Bad:  "trafficPolicy:\n  conectionPool:\n    tcp: {maxConnections: 100}\n",
	Good: "trafficPolicy:\n  connectionPool:\n    tcp: {maxConnections: 100}\n",
}

var ruleType = &diag.Rule{
	ID: "VM021", Name: "wrong-istio-value", Severity: diag.Error,
	Doc: "A value inside a block of Istio's cannot be read as what the field holds.",
	Long: "Istio's types are strict: a duration has a unit, a number is not quoted, a word is one of the field's own, and of " +
		"fields that exclude each other only one is set. The API server refuses what breaks that, and with it the whole object.",
	Bad:  "http:\n- route: [{destination: {}}]\n  timeout: 10\n",
	Good: "http:\n- route: [{destination: {}}]\n  timeout: 10s\n",
}

var ruleLimit = &diag.Rule{
	ID: "VM022", Name: "istio-constraint", Severity: diag.Error,
	Doc: "A block of Istio's breaks a constraint that Istio's CRD states.",
	Long: "The constraints are those of the CustomResourceDefinitions of the Istio that this vmmesh was built with: required fields, " +
		"ranges, lengths, patterns, and the rules between fields. The API server refuses an object that breaks one.",
	Bad:  "probe:\n  httpGet: {path: /healthz}\n",
	Good: "probe:\n  httpGet: {path: /healthz, port: 8080}\n",
}

var ruleNewer = &diag.Rule{
	ID: "VM023", Name: "newer-than-istio", Severity: diag.Error,
	Doc: "A block of Istio's uses a field or a word that is newer than istio.version.",
	Long: "An older control plane's schema does not have it: the API server drops the field in silence, or refuses the value, and " +
		"what was meant does not happen. Leave it out, or upgrade Istio and raise istio.version.",
	Bad:  "istio: {version: 1.24.0}\nworkloads:\n- name: pay\n  services: [{name: pay, traffic: {trafficPolicy: {retryBudget: {percent: 20}}}}]\n",
	Good: "istio: {version: 1.27.0}\nworkloads:\n- name: pay\n  services: [{name: pay, traffic: {trafficPolicy: {retryBudget: {percent: 20}}}}]\n",
}

// NewerThan is the finding that a word, such as the key of an annotation, exists since a minor of Istio, and that the Istio at
// hand is older.
func NewerThan(at diag.Path, what string, since, minor int) diag.Diagnostic {
	return ruleNewer.At(at, "%s exists since Istio 1.%d, and istio.version is 1.%d", what, since, minor).
		WithHelp("leave it out, or upgrade Istio first: an older one passes over it in silence")
}

// Rules are the rules of this room, in the order of their ids.
var Rules = []*diag.Rule{ruleUnknown, ruleType, ruleLimit, ruleNewer}
