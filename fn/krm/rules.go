package krm

import "github.com/vmmesh/vmmesh/schema/diag"

// mendPath is what to do about a path that leads out of the package.
const mendPath = "paths are below the package, with slashes: remove the annotation, or write where the object is kept"

var (
	ruleNoList = &diag.Rule{
		ID: "VM951", Name: "no-resource-list", Severity: diag.Error,
		Doc:  "Standard input is no KRM ResourceList, or one that cannot be taken apart.",
		Long: "`vmmesh fn` is a KRM function: kustomize, kpt and others give it a ResourceList of `config.kubernetes.io/v1` or `v1beta1` on standard input, whose items are objects. Nothing is written to standard output, since there is no list to answer with. To expand a spec by hand, use `vmmesh build`.",
		Bad:  "apiVersion: v1\nkind: List\nitems: []\n",
		Good: "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\n",
	}
	ruleNoSpec = &diag.Rule{
		ID: "VM952", Name: "no-vmmesh", Severity: diag.Error,
		Doc:  "A function was given no VMMesh, neither as its functionConfig nor among its items.",
		Long: "An empty success would remove every object that an earlier run made, so there is none. As a generator the function takes a VMMesh as its functionConfig; as a transformer it expands those among its items; a VMMeshCheck makes it a validator.",
		Bad:  "functionConfig:\n  apiVersion: v1\n  kind: ConfigMap\nitems: []\n",
		Good: "functionConfig:\n  apiVersion: vmmesh.dev/v1alpha1\n  kind: VMMesh\n  metadata: {name: payments}\n",
	}
	ruleConfig = &diag.Rule{
		ID: "VM953", Name: "function-config", Severity: diag.Error,
		Doc:  "A functionConfig is no object, or a VMMeshCheck asks for something that does not exist.",
		Long: "A VMMeshCheck has a name and no settings: every rule is always checked. A setting that does not exist would look as if it worked.",
		Bad:  "functionConfig:\n  apiVersion: vmmesh.dev/v1alpha1\n  kind: VMMeshCheck\n  spec: {ignore: [VM113]}\n",
		Good: "functionConfig:\n  apiVersion: vmmesh.dev/v1alpha1\n  kind: VMMeshCheck\n",
	}
	ruleIgnored = &diag.Rule{
		ID: "VM954", Name: "function-config-ignored", Severity: diag.Warning,
		Doc:  "A functionConfig beside VMMesh items says something that has no effect.",
		Long: "The function takes no parameters: everything is said in the VMMesh. What the functionConfig asks for does not happen.",
		Bad:  "functionConfig:\n  apiVersion: v1\n  kind: ConfigMap\n  data: {environment: staging}\n",
		Good: "functionConfig:\n  apiVersion: v1\n  kind: ConfigMap\n",
	}
	rulePath = &diag.Rule{
		ID: "VM955", Name: "path-outside", Severity: diag.Error,
		Doc:  "A path annotation of an item leads out of the package.",
		Long: "Orchestrators write each object to the file that its annotation `internal.config.kubernetes.io/path` names. A path that is absolute, climbs with `..` or holds control characters would be written where nobody looks for it, or over somebody else's file.",
		Bad:  "items:\n- kind: VMMesh\n  metadata:\n    annotations: {internal.config.kubernetes.io/path: ../../etc/vmmesh.yaml}\n",
		Good: "items:\n- kind: VMMesh\n  metadata:\n    annotations: {internal.config.kubernetes.io/path: mesh/vmmesh.yaml}\n",
	}
	ruleForeign = &diag.Rule{
		ID: "VM956", Name: "foreign-object", Severity: diag.Error,
		Doc:  "A spec makes an object that is there already, says something else, and belongs to somebody else.",
		Long: "Only objects that carry the annotation `vmmesh.dev/owner` with the name of a VMMesh that is being expanded are replaced. Another object of the same group, kind, namespace and name is left alone if it says exactly what the spec says, and is an error if it differs: replacing it would destroy somebody's work, and two of them cannot be applied.",
		Bad:  "items:\n- apiVersion: v1\n  kind: ServiceAccount\n  metadata: {name: hello, namespace: vm-workloads, labels: {team: web}}\n",
		Good: "items:\n- apiVersion: v1\n  kind: ServiceAccount\n  metadata:\n    name: hello\n    namespace: vm-workloads\n    annotations: {vmmesh.dev/owner: hello}\n",
	}
	ruleOrphan = &diag.Rule{
		ID: "VM957", Name: "owner-not-here", Severity: diag.Warning,
		Doc:  "An object is owned by a VMMesh that is not in the list.",
		Long: "Objects are removed when the VMMesh that owns them no longer asks for them. Where the VMMesh itself is gone nobody asks, and nothing is removed: a list may be a part of a package, and the VMMesh in another part.",
		Bad:  "items:\n- kind: ServiceAccount\n  metadata:\n    annotations: {vmmesh.dev/owner: a-spec-that-was-deleted}\n",
		Good: "items: []\n",
	}
	ruleNothing = &diag.Rule{
		ID: "VM958", Name: "emits-nothing", Severity: diag.Warning,
		Doc:  "A VMMesh that a function expands makes no objects.",
		Long: "A spec that states facts only is well-formed, and emits nothing. As the only generator of a kustomization it makes an empty build, which some tools take for a wish to delete everything.",
		Bad:  "spec:\n  istio: {version: 1.31.1}\n",
		Good: "spec:\n  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90]}\n  workloads: [{name: hello, groups: [{name: hello, instances: [{name: vm1, address: 192.168.1.100}]}]}]\n",
	}
)

// ruleListed is for streams: a list of a function has its VMMesh among the items.
var ruleListed = &diag.Rule{
	ID: "VM959", Name: "spec-in-a-list", Severity: diag.Error,
	Doc:  "`vmmesh expand` found a VMMesh among the items of a List.",
	Long: "`vmmesh expand` replaces whole documents of a stream, and leaves every other document as it is. A VMMesh within a List would pass through and be refused by the cluster, which does not have this kind.",
	Bad:  "apiVersion: v1\nkind: List\nitems:\n- apiVersion: vmmesh.dev/v1alpha1\n  kind: VMMesh\n  metadata: {name: payments}\n",
	Good: "---\napiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata: {name: payments}\n",
}

// Rules lists what only this door complains of, by id.
var Rules = []*diag.Rule{ruleNoList, ruleNoSpec, ruleConfig, ruleIgnored, rulePath, ruleForeign, ruleOrphan, ruleNothing, ruleListed}
