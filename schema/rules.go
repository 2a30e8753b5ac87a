package schema

import "github.com/vmmesh/vmmesh/schema/diag"

// Rules lists the rules of this room, in order of their ids.
var Rules = []*diag.Rule{
	ruleWrongKind, ruleUnknownField, ruleMissingField, ruleWrongType, ruleEnumValue, ruleOutOfRange, ruleWrongForm,
	ruleEmptyAllow, ruleSecret,
}

var ruleWrongKind = &diag.Rule{
	ID: "VM004", Name: "wrong-kind", Severity: diag.Error,
	Doc: "A document is not a VMMesh of the version that this vmmesh reads.",
	Long: "Every document of a spec file says `apiVersion: vmmesh.dev/v1alpha1` and `kind: VMMesh`. Another kind in the file would be left out of the build " +
		"in silence, so it is an error: keep manifests in files of their own. A version that is not known may mean that a newer vmmesh is needed.",
	Bad:  "apiVersion: vmmesh.dev/v1\nkind: VMMesh\n",
	Good: "apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\n",
}

var ruleUnknownField = &diag.Rule{
	ID: "VM010", Name: "unknown-field", Severity: diag.Error,
	Doc: "A block has a field that does not exist there.",
	Long: "A misspelled or misplaced field would be ignored, and the mesh would differ from the file. " +
		"Nothing is built while there is one. Names are case-sensitive; `vmmesh explain` with the path of the block lists its fields.",
	Bad:  "workloads:\n- name: pay\n  gruops: [{name: v1}]\n",
	Good: "workloads:\n- name: pay\n  groups: [{name: v1}]\n",
}

var ruleMissingField = &diag.Rule{
	ID: "VM011", Name: "missing-field", Severity: diag.Error,
	Doc: "A required field is absent, null or empty.",
	Long: "These fields have no default, because none would be right: an address, a version, the name by which an item is merged in overlays. " +
		"A name is never derived, since a derived one changes when a sibling comes and drops VMs out of the mesh. Write the field.",
	Bad:  "istio: {revision: canary}\n",
	Good: "istio: {version: 1.31.1, revision: canary}\n",
}

var ruleWrongType = &diag.Rule{
	ID: "VM012", Name: "wrong-type", Severity: diag.Error,
	Doc: "A value is of another type than its field: a number where text belongs, a map where a list belongs.",
	Long: "YAML decides by the look of a value what it is: `1.31` is a number and `true` a boolean until they are quoted. " +
		"Nothing is converted in silence, because the text would not be the one that was written (`1.30` as a number is 1.3). " +
		"Quote text that looks like a number, and leave numbers bare.",
	Bad:  "workloads:\n- name: pay\n  groups: [{name: v1, version: 1.0}]\n",
	Good: "workloads:\n- name: pay\n  groups: [{name: v1, version: \"1.0\"}]\n",
}

var ruleEnumValue = &diag.Rule{
	ID: "VM013", Name: "invalid-enum-value", Severity: diag.Error,
	Doc: "A value is not one of the field's allowed values.",
	Long: "Values are case-sensitive. Those of Istio are written as Istio writes them (`STRICT`), ours in CamelCase (`TokenFile`). " +
		"`vmmesh explain` with the path of the field lists them.",
	Bad:  "workloads:\n- name: pay\n  security: {mtls: {mode: strict}}\n",
	Good: "workloads:\n- name: pay\n  security: {mtls: {mode: STRICT}}\n",
}

var ruleOutOfRange = &diag.Rule{
	ID: "VM014", Name: "out-of-range", Severity: diag.Error,
	Doc: "A number is too small or too large, or a text too long.",
	Long: "Kubernetes, Istio and the VM refuse such a value, some of them only when it is used. A weight of 0 is refused because Istio reads it as 1: " +
		"it does not drain a VM. Names are limited where they become labels (63) or names of objects (253).",
	Bad:  "workloads:\n- name: pay\n  ports: [{name: http, port: 80800}]\n",
	Good: "workloads:\n- name: pay\n  ports: [{name: http, port: 8080}]\n",
}

var ruleWrongForm = &diag.Rule{
	ID: "VM015", Name: "wrong-form", Severity: diag.Error,
	Doc: "A text is not of the form that its field asks for.",
	Long: "Names become names of Kubernetes objects, labels, host names and files, which allow few characters; versions, durations, " +
		"paths and checksums have a form of their own. A value of another form would be refused by the API server, or would mean something else in a shell on the VM.",
	Bad:  "workloads:\n- name: Payment_Service\n",
	Good: "workloads:\n- name: payment-service\n",
}

var ruleEmptyAllow = &diag.Rule{
	ID: "VM016", Name: "empty-allow", Severity: diag.Warning,
	Doc: "A list `allow` that is written has a rule.",
	Long: "An empty list is the same as none, as everywhere in a spec: without an allow rule there is no policy, and every client may call. " +
		"In an AuthorizationPolicy of Istio an empty list of rules denies all requests, so that an empty `allow` reads like the opposite of " +
		"what it is. Remove it where everyone may call; write a deny rule where no one may.",
	Bad:  "workloads:\n- name: pay\n  security: {allow: []}\n",
	Good: "workloads:\n- name: pay\n  security: {allow: [{name: shop, from: [{namespaces: [shop]}]}]}\n",
}
