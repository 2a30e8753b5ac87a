package mesh

import (
	"net/netip"
	"time"

	meshconfig "istio.io/api/mesh/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// VM is how the VMs of one group become members: spec.vm with the group's own words over it.
type VM struct {
	At           diag.Path
	Package      Package
	Cloud        Cloud
	Address      Address
	DNS          DNS
	Identity     Identity
	Application  Application
	Drain        Drain
	Interception Interception
	ProxyConfig  *meshconfig.ProxyConfig // nil: nothing beyond what is derived
	ProxyAt      diag.Path               // of the proxyConfig that has the last word
	Env          []EnvVar                // by name
	Firewall     Firewall
	CloudInit    string // the oldest cloud-init that must take the user-data
	PhoneHome    string // an https URL, or ""
}

// StatusPort is where the agent serves metrics: Envoy's, its own and the application's, merged.
func (v *VM) StatusPort() uint16 {
	if p := v.ProxyConfig.GetStatusPort(); p > 0 && p <= 65535 {
		return uint16(p)
	}
	return 15020
}

// Package is the istio-sidecar package that is installed.
type Package struct {
	Format    string
	Version   string
	Release   Release // the Version
	BaseURL   string
	Checksums []Checksum // by format, arch
}

// Checksum pins one package file.
type Checksum struct{ Format, Arch, SHA256 string }

// Cloud is where the VMs run, with what discovery needs there.
type Cloud struct {
	Type           string
	Region         string   // AWS, OpenStack
	Project        string   // GCP
	Zones          []string // GCP
	SubscriptionID string   // Azure
	ResourceGroup  string   // Azure
}

// Address is what a VM that is no instance reports as its own.
type Address struct{ Source, Interface string }

// DNS is how a VM resolves the names of the mesh.
type DNS struct {
	Mode    string
	Servers []netip.Addr
}

// Identity is where a VM's first token comes from. Only the fields of its Type are set.
type Identity struct {
	Type           string
	Path           string   // TokenFile
	RootCertPath   string   // TokenFile
	Server         string   // TokenRequest
	CredentialFile string   // TokenRequest
	TokenTTL       string   // TokenRequest
	CAFile         string   // TokenRequest, HTTP
	URL            string   // HTTP
	HeadersFile    string   // HTTP
	Argv           []string // Command
	SocketPath     string   // SPIRE
}

// Application is the units of the VM that need the mesh.
type Application struct {
	At      diag.Path
	Units   []string // sorted
	Start   string
	Timeout time.Duration // of Start Wait
}

// Drain is how a VM is taken out of rotation before it stops.
type Drain struct {
	At         diag.Path
	OnShutdown bool
	Timeout    time.Duration
}

// Interception is what traffic of the VM goes through the sidecar. Port lists are sorted.
type Interception struct {
	At                      diag.Path
	Mode                    string
	Native                  bool     // whether nft captures, and not iptables
	ExcludeContainers       bool     // whether the bridges of containers are found at each start, and left alone
	AllInbound              bool     // every port; otherwise IncludeInboundPorts alone
	IncludeInboundPorts     []uint32 // default: where the group's VMs listen
	TargetPorts             bool     // whether that default holds; then each VM has its own ports there
	ExcludeInboundPorts     []uint32 // beside AllInbound: SSH and Istio's own ports are always among them
	IncludeOutboundIPRanges []string // prefixes or "*"
	ExcludeOutboundIPRanges []string
	ExcludeOutboundPorts    []uint32
	ExcludeInterfaces       []string
	ExcludeOwnerGroups      []string // Linux groups; each is excluded on the VMs where it exists
}

// EnvVar is a further line of cluster.env.
type EnvVar struct {
	At          diag.Path
	Name, Value string
}

// Firewall is the VM's own packet filter.
type Firewall struct {
	Backend    string
	SSHPort    uint32
	SSHFrom    []netip.Prefix // empty: anyone, or whom the host's own rules let in
	Open       []FirewallOpen // by name
	AllowFrom  []netip.Prefix
	ScrapeFrom []netip.Prefix
}

// FirewallOpen is a port that a VM serves besides those of its workload.
type FirewallOpen struct {
	At   diag.Path
	Name string
	Port uint32
	UDP  bool
	From []netip.Prefix // empty: anyone
}
