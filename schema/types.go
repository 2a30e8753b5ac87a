package schema

import (
	mesh "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1"
	security "istio.io/api/security/v1"
	telemetry "istio.io/api/telemetry/v1"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// The only apiVersion and kind that this version reads.
const (
	APIVersion = "vmmesh.dev/v1alpha1"
	KindVMMesh = "VMMesh"
)

// VMMesh is a spec as a person writes it. What each field means is in vmmesh.schema.json, next to this file.
// Unset is the zero value everywhere; a pointer is used where unset and zero mean different things.
// At, where a struct has it, is the place in the document; every item of a keyed list has a Name, its merge key.
type VMMesh struct {
	At         diag.Path `json:"-"`
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Metadata   Metadata  `json:"metadata"`
	Spec       Spec      `json:"spec"`
}

// Metadata names the file. Orchestrators leave annotations and labels here; nothing of them is emitted.
type Metadata struct {
	At          diag.Path         `json:"-"`
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// Spec describes the mesh and its VMs.
type Spec struct {
	At               diag.Path         `json:"-"`
	Istio            Istio             `json:"istio"`
	Networks         []Network         `json:"networks"`
	ControlPlane     *ControlPlane     `json:"controlPlane"` // nil: the file emits nothing outside its workloads' namespaces
	Emit             string            `json:"emit"`
	Namespace        string            `json:"namespace"`
	Namespaces       Namespaces        `json:"namespaces"`
	Workloads        []Workload        `json:"workloads"`
	ExternalServices []ExternalService `json:"externalServices"`
	VM               VM                `json:"vm"`
	Observability    Observability     `json:"observability"`
	GitOps           GitOps            `json:"gitops"`
	Lint             Lint              `json:"lint"`
}

// Istio states facts of the mesh that the VMs join; it emits nothing.
type Istio struct {
	At               diag.Path  `json:"-"`
	Version          string     `json:"version"`
	Revision         string     `json:"revision"`
	Revisions        []Revision `json:"revisions"`
	Namespace        string     `json:"namespace"`
	MeshID           string     `json:"meshID"`
	ClusterName      string     `json:"clusterName"`
	Network          string     `json:"network"`
	TrustDomain      string     `json:"trustDomain"`
	ClusterDomain    string     `json:"clusterDomain"`
	DataplaneMode    string     `json:"dataplaneMode"`
	IstiodAddresses  []string   `json:"istiodAddresses"`
	DiscoveryAddress string     `json:"discoveryAddress"`
	CAAddress        string     `json:"caAddress"`
	RootCert         string     `json:"rootCert"`
	PodCIDRs         []string   `json:"podCIDRs"`
	ServiceCIDRs     []string   `json:"serviceCIDRs"`
}

// Revision is another control plane that some VMs are on.
type Revision struct {
	At      diag.Path `json:"-"`
	Name    string    `json:"name"`
	Version string    `json:"version"`
}

// Network is a network other than the cluster's own.
type Network struct {
	At              diag.Path        `json:"-"`
	Name            string           `json:"name"`
	CIDRs           []string         `json:"cidrs"`
	IstiodAddresses []string         `json:"istiodAddresses"`
	Gateways        []NetworkGateway `json:"gateways"`
}

// NetworkGateway is how other networks reach into this one.
type NetworkGateway struct {
	At      diag.Path `json:"-"`
	Address string    `json:"address"`
	Port    int       `json:"port"`
}

// ControlPlane says what the file emits outside its workloads' namespaces.
type ControlPlane struct {
	At              diag.Path        `json:"-"`
	Install         string           `json:"install"`
	MeshConfig      *mesh.MeshConfig `json:"meshConfig"`
	NetworkLabel    string           `json:"networkLabel"`
	EastWestGateway EastWestGateway  `json:"eastWestGateway"`
}

// EastWestGateway is the way into the cluster for VMs: to istiod, and to services from other networks.
type EastWestGateway struct {
	At             diag.Path         `json:"-"`
	Name           string            `json:"name"`
	Namespace      string            `json:"namespace"`
	Selector       map[string]string `json:"selector"`
	Deployment     string            `json:"deployment"`
	Service        GatewayService    `json:"service"`
	ExposeIstiod   *bool             `json:"exposeIstiod"`
	ExposeServices string            `json:"exposeServices"`
	ExposeWebhook  bool              `json:"exposeWebhook"`
}

// GatewayService is the Kubernetes Service in front of the gateway.
type GatewayService struct {
	At                       diag.Path         `json:"-"`
	Type                     string            `json:"type"`
	Annotations              map[string]string `json:"annotations"`
	LoadBalancerClass        string            `json:"loadBalancerClass"`
	LoadBalancerSourceRanges []string          `json:"loadBalancerSourceRanges"`
	ExternalIPs              []string          `json:"externalIPs"`
}

// Namespaces applies to every namespace that a workload or an external service is in.
type Namespaces struct {
	At        diag.Path         `json:"-"`
	Create    *bool             `json:"create"`
	Labels    map[string]string `json:"labels"`
	Injection bool              `json:"injection"`
	MTLS      NamespaceMTLS     `json:"mtls"`
}

// NamespaceMTLS is the mode of a whole namespace, its pods included.
type NamespaceMTLS struct {
	At   diag.Path `json:"-"`
	Mode string    `json:"mode"`
}

// Workload is one application on VMs: one identity, one set of ports, some groups of VMs.
type Workload struct {
	At                   diag.Path                  `json:"-"`
	Name                 string                     `json:"name"`
	Namespace            string                     `json:"namespace"`
	ServiceAccount       string                     `json:"serviceAccount"`
	CreateServiceAccount *bool                      `json:"createServiceAccount"`
	Labels               map[string]string          `json:"labels"`
	Annotations          map[string]string          `json:"annotations"`
	Ports                []Port                     `json:"ports"`
	Metrics              *Metrics                   `json:"metrics"`
	Probe                *networking.ReadinessProbe `json:"probe"`
	Sidecar              *networking.Sidecar        `json:"sidecar"`
	Groups               []Group                    `json:"groups"`
	Services             []Service                  `json:"services"`
	Security             Security                   `json:"security"`
}

// Port is what VMs listen on (TargetPort) and clients dial (Port).
type Port struct {
	At         diag.Path `json:"-"`
	Name       string    `json:"name"`
	Port       int       `json:"port"`
	TargetPort int       `json:"targetPort"`
	Protocol   string    `json:"protocol"`
}

// Metrics is where the application itself serves Prometheus metrics.
type Metrics struct {
	At   diag.Path `json:"-"`
	Port string    `json:"port"` // a number or the name of a port, as text
	Path string    `json:"path"`
}

// Group is a set of like VMs; it becomes one WorkloadGroup of exactly its name.
type Group struct {
	At           diag.Path         `json:"-"`
	Name         string            `json:"name"`
	Version      string            `json:"version"`
	Revision     string            `json:"revision"`
	Network      string            `json:"network"`
	Locality     string            `json:"locality"`
	Weight       *int              `json:"weight"`
	Registration string            `json:"registration"`
	Proxy        string            `json:"proxy"`
	MinHealthy   int               `json:"minHealthy"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	Ports        []PortOverride    `json:"ports"`
	Instances    []Instance        `json:"instances"`
	VM           *VM               `json:"vm"`
}

// PortOverride says where a group or an instance listens instead.
type PortOverride struct {
	At         diag.Path `json:"-"`
	Name       string    `json:"name"`
	TargetPort int       `json:"targetPort"`
}

// Instance is one VM that is known by address.
type Instance struct {
	At              diag.Path         `json:"-"`
	Name            string            `json:"name"`
	Address         string            `json:"address"`
	ExternalAddress string            `json:"externalAddress"`
	EntryName       string            `json:"entryName"`
	Network         string            `json:"network"`
	Locality        string            `json:"locality"`
	Weight          *int              `json:"weight"`
	Labels          map[string]string `json:"labels"`
	Ports           []PortOverride    `json:"ports"`
}

// Service is a host name under which clients call the workload.
type Service struct {
	At        diag.Path         `json:"-"`
	Name      string            `json:"name"`
	Kind      string            `json:"kind"`
	Ports     []string          `json:"ports"`
	Selector  map[string]string `json:"selector"`
	Pods      bool              `json:"pods"`
	Hosts     []string          `json:"hosts"`
	Addresses []string          `json:"addresses"`
	ExportTo  []string          `json:"exportTo"`
	Expose    Expose            `json:"expose"`
	Traffic   Traffic           `json:"traffic"`
}

// Expose serves a Service at gateways too, under public hosts. Without gateways and hosts it is not exposed.
type Expose struct {
	At       diag.Path `json:"-"`
	Gateways []string  `json:"gateways"` // namespace/name
	Hosts    []string  `json:"hosts"`
}

// Traffic becomes the DestinationRule and VirtualService of a Service's host.
type Traffic struct {
	At            diag.Path                 `json:"-"`
	TrafficPolicy *networking.TrafficPolicy `json:"trafficPolicy"`
	Subsets       []Subset                  `json:"subsets"`
	HTTP          []*networking.HTTPRoute   `json:"http"`
	TCP           []*networking.TCPRoute    `json:"tcp"`
	TLS           []*networking.TLSRoute    `json:"tls"`
}

// Subset is networking.v1.Subset, plus Version as the short form of labels: {version: …}.
type Subset struct {
	At            diag.Path                 `json:"-"`
	Name          string                    `json:"name"`
	Version       string                    `json:"version"`
	Labels        map[string]string         `json:"labels"`
	TrafficPolicy *networking.TrafficPolicy `json:"trafficPolicy"`
}

// Security is who may call the workload's VMs, and how.
type Security struct {
	At    diag.Path           `json:"-"`
	MTLS  MTLS                `json:"mtls"`
	Allow []AccessRule        `json:"allow"`
	Deny  []AccessRule        `json:"deny"`
	JWT   []*security.JWTRule `json:"jwt"`
}

// MTLS is the mode of the workload's VMs.
type MTLS struct {
	At    diag.Path  `json:"-"`
	Mode  string     `json:"mode"`
	Ports []MTLSPort `json:"ports"`
}

// MTLSPort is an exception for one port, by name.
type MTLSPort struct {
	At   diag.Path `json:"-"`
	Name string    `json:"name"`
	Mode string    `json:"mode"`
}

// AccessRule is one rule of an AuthorizationPolicy; rules are ORed.
type AccessRule struct {
	At   diag.Path             `json:"-"`
	Name string                `json:"name"`
	From []*security.Source    `json:"from"`
	To   []*security.Operation `json:"to"`
	When []*security.Condition `json:"when"`
}

// ExternalService is something outside the mesh that VMs call.
type ExternalService struct {
	At            diag.Path                 `json:"-"`
	Name          string                    `json:"name"`
	Namespace     string                    `json:"namespace"`
	ServiceEntry  *networking.ServiceEntry  `json:"serviceEntry"`
	TrafficPolicy *networking.TrafficPolicy `json:"trafficPolicy"`
}

// Observability is what is seen of the VMs. Nothing of it is emitted unless asked for.
type Observability struct {
	At            diag.Path                  `json:"-"`
	AccessLogging []*telemetry.AccessLogging `json:"accessLogging"`
	Tracing       []*telemetry.Tracing       `json:"tracing"`
	Prometheus    Prometheus                 `json:"prometheus"`
}

// Prometheus is how the VMs are scraped.
type Prometheus struct {
	At          diag.Path         `json:"-"`
	Format      string            `json:"format"`
	Discovery   Discovery         `json:"discovery"`
	Namespace   string            `json:"namespace"`
	Interval    string            `json:"interval"`
	Labels      map[string]string `json:"labels"`
	AlertLabels map[string]string `json:"alertLabels"`
	RunbookURL  string            `json:"runbookURL"`
	Alerts      bool              `json:"alerts"`
	Dashboard   bool              `json:"dashboard"`
}

// Discovery is how Prometheus finds VMs that are not instances. Type names the one block that may be set beside it.
type Discovery struct {
	At   diag.Path      `json:"-"`
	Type string         `json:"type"`
	HTTP *HTTPDiscovery `json:"http"`
}

// HTTPDiscovery is Prometheus's http_sd.
type HTTPDiscovery struct {
	At  diag.Path `json:"-"`
	URL string    `json:"url"`
}

// GitOps is how the outputs live under Argo CD and Flux.
type GitOps struct {
	At              diag.Path `json:"-"`
	PruneProtection *bool     `json:"pruneProtection"`
	ArgoCD          bool      `json:"argocd"`
	Flux            bool      `json:"flux"`
	VMFiles         string    `json:"vmFiles"`
}

// Lint configures the rules.
type Lint struct {
	At     diag.Path `json:"-"`
	Ignore []Ignore  `json:"ignore"`
}

// Ignore silences one rule below one path, for a reason.
type Ignore struct {
	At     diag.Path `json:"-"`
	Rule   string    `json:"rule"`
	Path   string    `json:"path"`
	Reason string    `json:"reason"`
}
