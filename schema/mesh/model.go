// Package mesh is the meaning of specs: who is who, everything resolved, nothing left to look up. In a resolved mesh
// nothing optional is nil unless its comment says so, nothing referenced is a name only, and every list is sorted, so
// that the order of a spec's keyed lists never shows in an output. Generators read it and change nothing.
package mesh

import (
	"cmp"
	"net/netip"
	"slices"

	meshconfig "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1"
	security "istio.io/api/security/v1"
	telemetry "istio.io/api/telemetry/v1"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// Mesh is all that the specs of one build say, together.
type Mesh struct {
	Specs            []*Spec            // by name
	Namespaces       []*Namespace       // by name
	ServiceAccounts  []*ServiceAccount  // by namespace, name
	Bootstraps       []*Bootstrap       // by namespace, name
	Workloads        []*Workload        // by namespace, name
	ExternalServices []*ExternalService // by namespace, name
	ControlPlane     *ControlPlane      // nil: no spec has one
}

// Spec is what one file says of everything in it.
type Spec struct {
	At           diag.Path
	Name         string
	Istio        *Istio
	Networks     []*Network    // by name
	ControlPlane *ControlPlane // nil: emits nothing outside its workloads' namespaces
	Prometheus   Prometheus
	GitOps       GitOps
	Ignores      []Ignore
	ClientSide   bool // the file emits for a cluster whose clients call the VMs of another one: see [Mesh.Emitted]

	DefaultConfig *meshconfig.ProxyConfig // what the mesh says to every proxy; nil: no spec of the build installs it
	peers         []netip.Prefix          // who may call any VM of the mesh: see Group.Openings
}

// Istio is the mesh that the VMs join.
type Istio struct {
	At               diag.Path
	Release          Release
	Revision         *Revision   // where VMs connect unless their group says otherwise
	Revisions        []*Revision // every control plane in use, Revision among them, by name
	Namespace        string
	MeshID           string
	ClusterName      string
	Network          string // "": the mesh knows no networks
	TrustDomain      string
	ClusterDomain    string
	Ambient          bool     // the pods' data plane; VMs' sidecars then speak HBONE too
	IstiodAddresses  []string // IPs, or one DNS name
	DiscoveryAddress string   // host:port of the default revision
	CAAddress        string   // host:port of what signs certificates; "": istiod
	RootCert         string   // PEM; "" = comes with the token
	PodCIDRs         []netip.Prefix
	ServiceCIDRs     []netip.Prefix
}

// discovery is host:port of a control plane.
func (i *Istio) discovery(r *Revision) string {
	if r == i.Revision {
		return i.DiscoveryAddress
	}
	return r.Host + ":15012"
}

// Revision is a control plane: its name ("" is the default one), release, and the host names in its certificate.
type Revision struct {
	Name    string
	Release Release
	Host    string // istiod[-<revision>].<namespace>.svc
}

// Network is a network other than the cluster's own.
type Network struct {
	At              diag.Path
	Name            string
	CIDRs           []netip.Prefix
	IstiodAddresses []string
	Gateways        []NetworkGateway
}

// NetworkGateway is how other networks reach into a network.
type NetworkGateway struct {
	Address string
	Port    uint32
}

// ControlPlane is what a file emits outside its workloads' namespaces, for all specs of the build.
type ControlPlane struct {
	At              diag.Path
	Spec            *Spec
	Install         string                 // None, IstioOperator, Helm
	MeshConfig      *meshconfig.MeshConfig // nil: nothing beyond what the spec says of the mesh
	NetworkLabel    bool                   // whether istio.namespace gets the label topology.istio.io/network
	EastWestGateway EastWestGateway
	Istiods         []Istiod         // every control plane that a spec of the build names, by revision
	Remotes         []RemoteGateways // gateways of other networks, by network and port

	createsNamespaces bool // whether the spec makes the namespaces that it needs
}

// Istiod is a control plane with every name under which VMs and webhooks may ask for it.
type Istiod struct {
	Revision *Revision
	Names    []string // SNI, the first as VMs say it
	Service  string   // its host in the cluster, fully qualified
}

// RemoteGateways are the gateways of a network that listen on one port.
type RemoteGateways struct {
	Network   string
	Port      uint32
	Addresses []string // IPs and DNS names, in order
}

// EastWestGateway is the way into the cluster for VMs.
type EastWestGateway struct {
	At                       diag.Path
	Name, Namespace          string
	Selector                 map[string]string // of its pods; its Gateways select it by these labels
	Network                  string            // whose way in it is, for other networks; "": it is none
	Deployment               string
	ServiceType              string
	ServiceAnnotations       map[string]string
	LoadBalancerClass        string
	LoadBalancerSourceRanges []netip.Prefix
	ExternalIPs              []netip.Addr
	ExposeIstiod             bool
	ExposeServices           bool     // 15443: asked for, or needed because there are other networks
	ServiceHosts             []string // what passes 15443: wildcards, and hosts of services that none of these is for
	ExposeWebhook            bool
	CA                       *GatewayCA // nil: istiod signs certificates, or istiod is not exposed
	auto                     bool       // whether other networks alone make it expose services
}

// GatewayCA is a CA other than istiod that VMs reach through the east-west gateway.
type GatewayCA struct {
	Port    uint32   // that VMs dial; the gateway listens on the same number
	Names   []string // SNI, the first as VMs say it
	Service string   // its host in the cluster
}

// VirtualService is the name of what routes to the CA.
func (*GatewayCA) VirtualService() string { return "istio-ca-vs" }

// Ports of the east-west gateway.
const (
	PortStatus      = 15021
	PortIstiod      = 15012
	PortWebhook     = 15017
	PortPassthrough = 15443
)

// GatewayPort is a port of the east-west gateway's Service.
type GatewayPort struct {
	Name   string
	Number uint32
}

// Target is where the gateway listens for the port: at the same number, or for one below 1024, which only root can listen
// at, 8000 above it (istio: operator/pkg/validate refuses such a targetPort; pilot/pkg/model/gateway.go, MergeGateways,
// finds the target by the Service).
func (p GatewayPort) Target() uint32 {
	if p.Number < 1024 {
		return p.Number + 8000
	}
	return p.Number
}

// Ports lists what the gateway's Service has, named as Istio's own gateways name them.
func (g *EastWestGateway) Ports() []GatewayPort {
	ports := []GatewayPort{{"status-port", PortStatus}}
	if g.ExposeServices {
		ports = append(ports, GatewayPort{"tls", PortPassthrough})
	}
	if g.ExposeIstiod {
		ports = append(ports, GatewayPort{"tls-istiod", PortIstiod})
	}
	if g.CA != nil && g.CA.Port != PortIstiod {
		ports = append(ports, GatewayPort{"tls-ca", g.CA.Port})
	}
	if g.ExposeWebhook {
		ports = append(ports, GatewayPort{"tls-webhook", PortWebhook})
	}
	return ports
}

// Namespace is a namespace that a workload or an external service is in, or the control plane.
type Namespace struct {
	At      diag.Path
	Name    string
	Create  bool
	System  bool              // istiod's own: others make it, and put labels on it
	Labels  map[string]string // the injection label included
	MTLS    security.PeerAuthentication_MutualTLS_Mode
	Protect bool // from pruning
	GitOps  GitOps
}

// ServiceAccount is an identity that is to be made.
type ServiceAccount struct {
	At        diag.Path
	Namespace string
	Name      string
	Protect   bool
	GitOps    GitOps // what every spec that uses it asks for
}

// Bootstrap is the right of VMs to ask the Kubernetes API for tokens of one service account, and for nothing else.
type Bootstrap struct {
	At        diag.Path
	Namespace string
	Name      string // of the account that has the right, and of its Role and RoleBinding
	Account   string // whose tokens are asked for
	GitOps    GitOps // what every spec that uses it asks for
}

// Workload is one application on VMs.
type Workload struct {
	At              diag.Path
	Spec            *Spec
	Name, Namespace string
	ServiceAccount  string
	Labels          map[string]string   // of every object that is about the workload: app, and the user's own
	Annotations     map[string]string   // likewise
	Selector        map[string]string   // app and class: these VMs and nothing else
	Ports           []*Port             // by number
	Targets         map[string][]uint32 // port name to where any of its VMs listen, sorted
	Metrics         *Metrics            // nil: none
	Probe           *networking.ReadinessProbe
	Sidecar         *networking.Sidecar // nil: none
	Groups          []*Group            // by name; those whose VMs have a sidecar
	Proxyless       []*Group            // by name; those whose VMs have none: their entries are emitted, and nothing else. VM is nil
	Services        []*Service          // by name
	MTLS            MTLS
	Allow, Deny     []*security.Rule // nil: no policy; rules are by name of the spec's rule
	AllowAt, DenyAt []diag.Path      // where each of them stands
	JWT             []*security.JWTRule
	AccessLogging   []*telemetry.AccessLogging
	Tracing         []*telemetry.Tracing
}

// AllGroups returns the groups with and without a sidecar, by name.
func (w *Workload) AllGroups() []*Group {
	if len(w.Proxyless) == 0 {
		return w.Groups
	}
	all := slices.Concat(w.Groups, w.Proxyless)
	slices.SortStableFunc(all, func(a, b *Group) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Istio is the mesh that the workload is in.
func (w *Workload) Istio() *Istio { return w.Spec.Istio }

// Protocol is how Istio treats a port.
type Protocol string

// Port is what VMs listen on and clients dial.
type Port struct {
	At       diag.Path
	Name     string
	Number   uint32
	Target   uint32   // where VMs listen unless their group or instance says otherwise
	Protocol Protocol // in upper case; "" = Istio has to find out by the bytes
	order    int      // in the spec
}

// Metrics is where the application itself serves Prometheus metrics.
type Metrics struct {
	At   diag.Path
	Name string // of the workload's port, where it is one: then each VM has it at its own Ports[Name]
	Port uint32
	Path string
}

// Group is a set of like VMs, one WorkloadGroup.
type Group struct {
	At          diag.Path
	Workload    *Workload
	Name        string
	Version     string // "": no version label
	Revision    *Revision
	Network     string
	Locality    string // region[/zone[/subzone]]; "": what the cloud's metadata says, else none
	Weight      uint32 // 0: not written
	Auto        bool   // istiod makes the entries; otherwise one is emitted for each instance
	MinHealthy  int
	Labels      map[string]string // the one label set: of the group, its entries and its VMs
	Annotations map[string]string // of the group's objects: the workload's, and over them its own
	Ports       map[string]uint32 // port name to where its VMs listen
	Instances   []*Instance       // by name
	VM          *VM
	labelSets   []map[string]string // what VMs of the group bear: see differentLabels

	localityKey string // the label that says a locality
}

// Discovered tells whether nothing in the spec says where the group's VMs are.
func (g *Group) Discovered() bool { return g.Auto && len(g.Instances) == 0 }

// Instance is one VM that is known by address. What it does not override is its group's.
type Instance struct {
	At           diag.Path
	Group        *Group
	Name         string
	EntryName    string     // of its WorkloadEntry, also in ISTIO_META_WORKLOAD_ENTRY
	Address      netip.Addr // on the VM's own interface
	External     netip.Addr // what others dial instead; invalid: none
	Network      string
	Locality     string
	Weight       uint32
	Labels       map[string]string
	Ports        map[string]uint32
	ownPorts     bool // whether Ports are not the group's
	ownEntryName bool // whether the spec names the entry
	ownLabels    bool // whether Labels are not the group's
}

// Dial is the address that others dial.
func (i *Instance) Dial() netip.Addr {
	if i.External.IsValid() {
		return i.External
	}
	return i.Address
}

// ServiceKind is what stands for a host name in the cluster.
type ServiceKind string

// The kinds of a Service.
const (
	KindService      ServiceKind = "Service"
	KindServiceEntry ServiceKind = "ServiceEntry"
	KindExisting     ServiceKind = "Existing" // emitted elsewhere
)

// Service is a host name under which clients call a workload.
type Service struct {
	At        diag.Path
	Workload  *Workload
	Name      string
	Kind      ServiceKind
	Ports     []*Port           // by number
	Selector  map[string]string // app, and what narrows it
	Pods      bool              // pods serve too
	Hosts     []Host            // at least one
	Addresses []string          // ServiceEntry only
	ExportTo  []string
	Expose    *Expose // nil: sidecars alone know the hosts
	Traffic   Traffic
	wildcard  string // one of its Hosts that is *.name; "": none
}

// Expose is where a Service is public: one VirtualService, of the name Object.
type Expose struct {
	At       diag.Path
	Object   string
	Gateways []string // namespace/name, sorted
	Hosts    []string // sorted
	HTTP     []*networking.HTTPRoute
	TLS      []*networking.TLSRoute
}

// Host is a name that clients dial, with the name of the objects that rule its traffic.
type Host struct {
	Name   string // fully qualified for Kubernetes Services
	Object string // of its DestinationRule and VirtualService
}

// Traffic rules a Service's hosts. Routes have their destinations in full for the first host: see [Service.Route].
type Traffic struct {
	Policy          *networking.TrafficPolicy // nil: none
	Subsets         []*networking.Subset      // by name
	DestinationRule bool                      // whether there is anything to say in one
	HTTP            []*networking.HTTPRoute
	TCP             []*networking.TCPRoute
	TLS             []*networking.TLSRoute
}

// Routed tells whether there is anything to say in a VirtualService.
func (t *Traffic) Routed() bool { return len(t.HTTP)+len(t.TCP)+len(t.TLS) > 0 }

// MTLS is the PeerAuthentication of a workload's VMs.
type MTLS struct {
	At    diag.Path
	Mode  security.PeerAuthentication_MutualTLS_Mode // UNSET: the namespace's
	Ports map[uint32]security.PeerAuthentication_MutualTLS_Mode
}

// ExternalService is something outside the mesh that VMs call.
type ExternalService struct {
	At              diag.Path
	Spec            *Spec
	Name, Namespace string
	Entry           *networking.ServiceEntry
	Policy          *networking.TrafficPolicy // nil: none
	Hosts           []Host
}

// Prometheus is how the VMs are scraped.
type Prometheus struct {
	At            diag.Path
	Format        string
	DiscoveryType string
	DiscoveryURL  string
	Namespace     string
	Interval      string
	Labels        map[string]string // of every object for Prometheus
	AlertLabels   map[string]string // of every alert
	RunbookURL    string            // where RUNBOOK.md is published; "": not known
	Alerts        bool
	Dashboard     bool
}

// GitOps is how the outputs live under Argo CD and Flux.
type GitOps struct {
	PruneProtection bool
	ArgoCD          bool
	Flux            bool
	VMFiles         string
}

// and is what two specs that share an object ask for: annotations that one of them wants hurt no other.
func (g GitOps) and(other GitOps) GitOps {
	g.PruneProtection = g.PruneProtection || other.PruneProtection
	g.ArgoCD = g.ArgoCD || other.ArgoCD
	g.Flux = g.Flux || other.Flux
	return g
}

// Ignore silences a rule below a path.
type Ignore struct {
	At                 diag.Path
	Rule, Path, Reason string
}
