package manifest

// The few fields of Kubernetes' own kinds that vmmesh writes, as plain structs: the real types would bring
// `status: {}`, `creationTimestamp: null` and 26 MB. Fields print in this order; omitempty drops zero values.

// ServiceSpec is core/v1 ServiceSpec.
type ServiceSpec struct {
	Type     string            `json:"type,omitempty"`
	Selector map[string]string `json:"selector,omitempty"`
	Ports    []ServicePort     `json:"ports,omitempty"`
}

// ServicePort is core/v1 ServicePort.
type ServicePort struct {
	Name        string `json:"name"`
	Port        int    `json:"port"`
	TargetPort  int    `json:"targetPort"`
	Protocol    string `json:"protocol,omitempty"`
	AppProtocol string `json:"appProtocol,omitempty"`
}

// PolicyRule is rbac.authorization.k8s.io/v1 PolicyRule; "" in APIGroups is the core group.
type PolicyRule struct {
	APIGroups     []string `json:"apiGroups"`
	Resources     []string `json:"resources"`
	ResourceNames []string `json:"resourceNames,omitempty"`
	Verbs         []string `json:"verbs"`
}

// RoleRef is rbac.authorization.k8s.io/v1 RoleRef.
type RoleRef struct {
	APIGroup string `json:"apiGroup"`
	Kind     string `json:"kind"`
	Name     string `json:"name"`
}

// Subject is rbac.authorization.k8s.io/v1 Subject, for a ServiceAccount.
type Subject struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// Kustomization is kustomize.config.k8s.io/v1beta1 Kustomization, as a file: print it with [Encoder.Value].
type Kustomization struct {
	APIVersion     string   `json:"apiVersion"`
	Kind           string   `json:"kind"`
	Configurations []string `json:"configurations,omitempty"` // files of KustomizeConfig
	Resources      []string `json:"resources"`
}

// KustomizeConfig is what kustomize must be told of kinds that it does not know: which fields hold names and labels.
// It is a file of its own, without apiVersion and kind.
type KustomizeConfig struct {
	NameReference []NameReference `json:"nameReference,omitempty"`
	Labels        []FieldSpec     `json:"labels,omitempty"`
	CommonLabels  []FieldSpec     `json:"commonLabels,omitempty"`
}

// NameReference says where the names of objects of one kind are mentioned.
type NameReference struct {
	Group      string      `json:"group,omitempty"`
	Version    string      `json:"version,omitempty"`
	Kind       string      `json:"kind"`
	FieldSpecs []FieldSpec `json:"fieldSpecs"`
}

// FieldSpec is a field of a kind; the parts of Path are joined by slashes.
type FieldSpec struct {
	Group   string `json:"group,omitempty"`
	Version string `json:"version,omitempty"`
	Kind    string `json:"kind,omitempty"`
	Path    string `json:"path"`
	Create  bool   `json:"create,omitempty"`
}
