package manifest

// The fields of Kubernetes' kinds that a gateway of our own needs, in the manner of core.go.

// DeploymentSpec is apps/v1 DeploymentSpec. It has no replicas: those are the autoscaler's.
type DeploymentSpec struct {
	Selector LabelSelector   `json:"selector"`
	Template PodTemplateSpec `json:"template"`
}

// LabelSelector is meta/v1 LabelSelector.
type LabelSelector struct {
	MatchLabels map[string]string `json:"matchLabels"`
}

// PodTemplateSpec is core/v1 PodTemplateSpec.
type PodTemplateSpec struct {
	Metadata PodMetadata `json:"metadata"`
	Spec     PodSpec     `json:"spec"`
}

// PodMetadata is meta/v1 ObjectMeta of a template.
type PodMetadata struct {
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// PodSpec is core/v1 PodSpec.
type PodSpec struct {
	ServiceAccountName        string                     `json:"serviceAccountName"`
	Containers                []Container                `json:"containers"`
	TopologySpreadConstraints []TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
}

// Container is core/v1 Container.
type Container struct {
	Name            string           `json:"name"`
	Image           string           `json:"image"`
	Env             []EnvVar         `json:"env,omitempty"`
	Ports           []ContainerPort  `json:"ports,omitempty"`
	Resources       *Resources       `json:"resources,omitempty"`
	SecurityContext *SecurityContext `json:"securityContext,omitempty"`
}

// EnvVar is core/v1 EnvVar.
type EnvVar struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ContainerPort is core/v1 ContainerPort.
type ContainerPort struct {
	Name          string `json:"name"`
	ContainerPort int    `json:"containerPort"`
	Protocol      string `json:"protocol"`
}

// Resources is core/v1 ResourceRequirements; quantities as Kubernetes writes them.
type Resources struct {
	Requests map[string]string `json:"requests"`
	Limits   map[string]string `json:"limits"`
}

// SecurityContext is core/v1 SecurityContext.
type SecurityContext struct {
	AllowPrivilegeEscalation bool         `json:"allowPrivilegeEscalation"`
	Capabilities             Capabilities `json:"capabilities"`
	Privileged               bool         `json:"privileged"`
	ReadOnlyRootFilesystem   bool         `json:"readOnlyRootFilesystem"`
	RunAsNonRoot             bool         `json:"runAsNonRoot"`
}

// Capabilities is core/v1 Capabilities.
type Capabilities struct {
	Drop []string `json:"drop"`
}

// TopologySpreadConstraint is core/v1 TopologySpreadConstraint.
type TopologySpreadConstraint struct {
	MaxSkew           int           `json:"maxSkew"`
	TopologyKey       string        `json:"topologyKey"`
	WhenUnsatisfiable string        `json:"whenUnsatisfiable"`
	LabelSelector     LabelSelector `json:"labelSelector"`
}

// AutoscalerSpec is autoscaling/v2 HorizontalPodAutoscalerSpec.
type AutoscalerSpec struct {
	ScaleTargetRef ObjectReference `json:"scaleTargetRef"`
	MinReplicas    int             `json:"minReplicas"`
	MaxReplicas    int             `json:"maxReplicas"`
	Metrics        []MetricSpec    `json:"metrics"`
}

// ObjectReference names an object of the same namespace.
type ObjectReference struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

// MetricSpec is autoscaling/v2 MetricSpec of type Resource.
type MetricSpec struct {
	Type     string         `json:"type"`
	Resource ResourceMetric `json:"resource"`
}

// ResourceMetric is autoscaling/v2 ResourceMetricSource.
type ResourceMetric struct {
	Name   string       `json:"name"`
	Target MetricTarget `json:"target"`
}

// MetricTarget is autoscaling/v2 MetricTarget of type Utilization, in percent of what is requested.
type MetricTarget struct {
	Type               string `json:"type"`
	AverageUtilization int    `json:"averageUtilization"`
}

// DisruptionBudgetSpec is policy/v1 PodDisruptionBudgetSpec.
type DisruptionBudgetSpec struct {
	MinAvailable int           `json:"minAvailable"`
	Selector     LabelSelector `json:"selector"`
}

// NetworkGatewaySpec is the part of gateway.networking.k8s.io/v1 GatewaySpec that says where a gateway elsewhere is.
type NetworkGatewaySpec struct {
	GatewayClassName string           `json:"gatewayClassName"`
	Addresses        []GatewayAddress `json:"addresses"`
	Listeners        []Listener       `json:"listeners"`
}

// GatewayAddress is gateway.networking.k8s.io/v1 GatewaySpecAddress; Type is IPAddress or Hostname.
type GatewayAddress struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Listener is gateway.networking.k8s.io/v1 Listener.
type Listener struct {
	Name     string      `json:"name"`
	Port     int         `json:"port"`
	Protocol string      `json:"protocol"`
	TLS      ListenerTLS `json:"tls"`
}

// ListenerTLS is gateway.networking.k8s.io/v1 ListenerTLSConfig.
type ListenerTLS struct {
	Mode    string            `json:"mode"`
	Options map[string]string `json:"options"`
}
