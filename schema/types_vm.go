package schema

import (
	mesh "istio.io/api/mesh/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// VM is how a VM becomes a member of the mesh. A group overrides it field by field, a list or a union as a whole.
type VM struct {
	At           diag.Path         `json:"-"`
	Package      Package           `json:"package"`
	Cloud        Cloud             `json:"cloud"`
	Address      Address           `json:"address"`
	DNS          DNS               `json:"dns"`
	Identity     Identity          `json:"identity"`
	Application  Application       `json:"application"`
	Drain        Drain             `json:"drain"`
	Interception Interception      `json:"interception"`
	ProxyConfig  *mesh.ProxyConfig `json:"proxyConfig"`
	Env          []EnvVar          `json:"env"`
	Firewall     Firewall          `json:"firewall"`
	CloudInit    CloudInit         `json:"cloudInit"`
}

// Package is the istio-sidecar package that is installed on the VM.
type Package struct {
	At        diag.Path  `json:"-"`
	Format    string     `json:"format"`
	Version   string     `json:"version"`
	BaseURL   string     `json:"baseURL"`
	Checksums []Checksum `json:"checksums"`
}

// Checksum pins one package file.
type Checksum struct {
	At     diag.Path `json:"-"`
	Format string    `json:"format"`
	Arch   string    `json:"arch"`
	SHA256 string    `json:"sha256"`
}

// Cloud is where the VMs run. Type names the one block that may be set beside it.
type Cloud struct {
	At        diag.Path       `json:"-"`
	Type      string          `json:"type"`
	AWS       *AWSCloud       `json:"aws"`
	GCP       *GCPCloud       `json:"gcp"`
	Azure     *AzureCloud     `json:"azure"`
	OpenStack *OpenStackCloud `json:"openstack"`
}

// AWSCloud is what discovery needs on AWS.
type AWSCloud struct {
	At     diag.Path `json:"-"`
	Region string    `json:"region"`
}

// GCPCloud is what discovery needs on Google Cloud.
type GCPCloud struct {
	At      diag.Path `json:"-"`
	Project string    `json:"project"`
	Zones   []string  `json:"zones"`
}

// AzureCloud is what discovery needs on Azure.
type AzureCloud struct {
	At             diag.Path `json:"-"`
	SubscriptionID string    `json:"subscriptionID"`
	ResourceGroup  string    `json:"resourceGroup"`
}

// OpenStackCloud is what discovery needs on OpenStack.
type OpenStackCloud struct {
	At     diag.Path `json:"-"`
	Region string    `json:"region"`
}

// Address is what a VM that is not an instance of the spec reports as its own.
type Address struct {
	At        diag.Path `json:"-"`
	Source    string    `json:"source"`
	Interface string    `json:"interface"`
}

// DNS is how a VM resolves the names of the mesh.
type DNS struct {
	At      diag.Path `json:"-"`
	Mode    string    `json:"mode"`
	Servers []string  `json:"servers"`
}

// Identity is where a VM's first token comes from. Type names the one block that may be set beside it.
type Identity struct {
	At           diag.Path             `json:"-"`
	Type         string                `json:"type"`
	TokenFile    *TokenFileIdentity    `json:"tokenFile"`
	TokenRequest *TokenRequestIdentity `json:"tokenRequest"`
	HTTP         *HTTPIdentity         `json:"http"`
	Command      *CommandIdentity      `json:"command"`
	GCE          *GCEIdentity          `json:"gce"`
	SPIRE        *SPIREIdentity        `json:"spire"`
}

// TokenFileIdentity is a token that someone puts on the VM.
type TokenFileIdentity struct {
	At           diag.Path `json:"-"`
	Path         string    `json:"path"`
	RootCertPath string    `json:"rootCertPath"`
}

// TokenRequestIdentity asks the Kubernetes API for a token with a bootstrap credential.
type TokenRequestIdentity struct {
	At             diag.Path `json:"-"`
	Server         string    `json:"server"`
	CAFile         string    `json:"caFile"`
	CredentialFile string    `json:"credentialFile"`
	TokenTTL       string    `json:"tokenTTL"`
}

// HTTPIdentity fetches a token from an HTTPS endpoint.
type HTTPIdentity struct {
	At          diag.Path `json:"-"`
	URL         string    `json:"url"`
	CAFile      string    `json:"caFile"`
	HeadersFile string    `json:"headersFile"`
}

// CommandIdentity runs a program that prints a token.
type CommandIdentity struct {
	At   diag.Path `json:"-"`
	Argv []string  `json:"argv"`
}

// GCEIdentity uses the instance identity of Google Cloud; it does not have settings.
type GCEIdentity struct {
	At diag.Path `json:"-"`
}

// SPIREIdentity takes certificates from a SPIRE agent's socket.
type SPIREIdentity struct {
	At         diag.Path `json:"-"`
	SocketPath string    `json:"socketPath"`
}

// Application is the units of the VM that need the mesh.
type Application struct {
	At      diag.Path `json:"-"`
	Units   []string  `json:"units"`
	Start   string    `json:"start"`
	Timeout string    `json:"timeout"`
}

// Drain is how a VM is taken out of rotation before it stops.
type Drain struct {
	At         diag.Path `json:"-"`
	OnShutdown *bool     `json:"onShutdown"`
	Timeout    string    `json:"timeout"`
}

// Interception is what traffic of the VM goes through the sidecar.
type Interception struct {
	At                      diag.Path `json:"-"`
	Mode                    string    `json:"mode"`
	Backend                 string    `json:"backend"`
	ExcludeContainers       *bool     `json:"excludeContainers"`
	IncludeInboundPorts     []string  `json:"includeInboundPorts"` // numbers as text, or "*"
	ExcludeInboundPorts     []int     `json:"excludeInboundPorts"`
	IncludeOutboundIPRanges []string  `json:"includeOutboundIPRanges"`
	ExcludeOutboundIPRanges []string  `json:"excludeOutboundIPRanges"`
	ExcludeOutboundPorts    []int     `json:"excludeOutboundPorts"`
	ExcludeInterfaces       []string  `json:"excludeInterfaces"`
	ExcludeOwnerGroups      []string  `json:"excludeOwnerGroups"`
}

// EnvVar is a further line of cluster.env.
type EnvVar struct {
	At    diag.Path `json:"-"`
	Name  string    `json:"name"`
	Value string    `json:"value"`
}

// Firewall is the VM's own packet filter.
type Firewall struct {
	At         diag.Path      `json:"-"`
	Backend    string         `json:"backend"`
	SSHPort    int            `json:"sshPort"`
	SSHFrom    []string       `json:"sshFrom"`
	Open       []FirewallOpen `json:"open"`
	AllowFrom  []string       `json:"allowFrom"`
	ScrapeFrom []string       `json:"scrapeFrom"`
}

// FirewallOpen is a port that a VM serves besides those of its workload.
type FirewallOpen struct {
	At       diag.Path `json:"-"`
	Name     string    `json:"name"`
	Port     int       `json:"port"`
	Protocol string    `json:"protocol"`
	From     []string  `json:"from"`
}

// CloudInit is which cloud-init the images have, and where a VM reports how its first boot ended.
type CloudInit struct {
	At         diag.Path `json:"-"`
	MinVersion string    `json:"minVersion"`
	PhoneHome  string    `json:"phoneHome"`
}
