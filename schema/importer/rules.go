package importer

import "github.com/vmmesh/vmmesh/schema/diag"

var ruleLeft = &diag.Rule{
	ID: "VM801", Name: "left-as-it-is", Severity: diag.Warning,
	Doc: "An object stays outside the spec that import writes.",
	Long: "A spec speaks of workloads on VMs: their policies select exactly the VMs of one workload, their routes are for one host. " +
		"An object that reaches further (pods too, a whole namespace, some VMs of a workload only), or has fields that a spec has no " +
		"word for, is not taken apart: it goes on to mean what it means, so keep its manifest beside what the spec builds. Import " +
		"writes nothing that would take its place. A note (info) of this rule says the same of an object that is about no VM.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n---\n" +
		"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: all, namespace: shop}\n" +
		"spec: {action: DENY, rules: [{to: [{operation: {paths: [/admin]}}]}]}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n---\n" +
		"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: pay-deny, namespace: shop}\n" +
		"spec: {selector: {matchLabels: {app: pay, class: vm}}, action: DENY, rules: [{to: [{operation: {paths: [/admin]}}]}]}\n",
}

var ruleNotExpressed = &diag.Rule{
	ID: "VM802", Name: "cannot-be-expressed", Severity: diag.Error,
	Doc: "The spec that import writes cannot say a part of an object, and what is built from it differs there.",
	Long: "Import builds its own spec and holds the result against what it read. This part of an object is lost or becomes another, " +
		"and traffic, identity or policy of VMs may change with it: two service accounts in one workload, a weight that one VM alone " +
		"does not have, a label that selects. Change the manifest so that the spec can say it, or build with it and know.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay-old, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay-old}}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n",
}

var ruleDifferent = &diag.Rule{
	ID: "VM803", Name: "written-differently", Severity: diag.Warning,
	Doc: "What is built from the spec that import writes has a part of an object in another form, or with another name.",
	Long: "Names of policies and rules are derived from those of workloads, groups and hosts; policies select app and class=vm; " +
		"the labels of a VM are one set on its WorkloadGroup and WorkloadEntry. Delete what has another name last, once the VMs " +
		"run with their new files: of two policies or rules for one thing Istio uses the oldest. A note (info) of this rule lists what a build adds.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n---\n" +
		"apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: strict, namespace: shop}\n" +
		"spec: {selector: {matchLabels: {app: pay, class: vm}}, mtls: {mode: STRICT}}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n---\n" +
		"apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {selector: {matchLabels: {app: pay, class: vm}}, mtls: {mode: STRICT}}\n",
}

var ruleMissing = &diag.Rule{
	ID: "VM804", Name: "not-in-the-manifests", Severity: diag.Warning,
	Doc: "Something that a spec must say is in none of the manifests.",
	Long: "No manifest has the version of the control plane, or where VMs reach istiod, and few the cluster's own network. Import leaves the field empty, with a " +
		"comment, and lint names it until it is filled in. Set it with --istio-version and --istiod-address, or name the folder that " +
		"`istioctl x workload entry configure` wrote for one of the VMs: its hosts file has the address.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n",
	Good: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: pay, namespace: shop}\n",
}

var ruleToken = &diag.Rule{
	ID: "VM805", Name: "token-in-folder", Severity: diag.Warning,
	Doc: "A folder that istioctl wrote has a token in it.",
	Long: "The token beside cluster.env is the identity of a VM: whoever has it can join the mesh in its place until it expires. " +
		"Import does not read it, and nothing of it is in the spec. istioctl writes it readable for everybody; delete it where it is " +
		"not used, and never commit it.",
	Bad:  "vm1/cluster.env\nvm1/istio-token\n",
	Good: "vm1/cluster.env\n",
}

var ruleDecide = &diag.Rule{
	ID: "VM806", Name: "decision-needed", Severity: diag.Warning,
	Doc: "Import chose between things that the manifests leave open.",
	Long: "Whether pods serve a host beside VMs, whether the only network of VMs is the cluster's own, or how a group registers whose VMs " +
		"are in no manifest, is not in the manifests. The spec has a comment where a choice was made. Read it, and change the line if the " +
		"choice is wrong.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, network: dc1}}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n",
}

var ruleFolder = &diag.Rule{
	ID: "VM807", Name: "unreadable-vm-file", Severity: diag.Error,
	Doc: "A file that istioctl wrote for a VM cannot be read.",
	Long: "cluster.env has one KEY='value' a line, mesh.yaml the proxy's configuration below defaultConfig, hosts an address and a name " +
		"a line. What is different was changed by hand or is another file.",
	Bad:  "ISTIO_NAMESPACE='shop\n",
	Good: "ISTIO_NAMESPACE='shop'\n",
}

// Rules are the rules of this package, in the order of their ids.
var Rules = []*diag.Rule{ruleLeft, ruleNotExpressed, ruleDifferent, ruleMissing, ruleToken, ruleDecide, ruleFolder}
