package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Case is a spec of the repository.
type Case struct {
	Name string // its folder, from the top of the repository
	Path string // of vmmesh.yaml
}

// Cases finds every spec that must build: the examples, and the cases of testdata/ok.
func Cases(t testing.TB) []Case {
	t.Helper()
	var cases []Case
	for _, root := range []string{"examples", filepath.Join("testdata", "ok")} {
		found := 0
		err := filepath.WalkDir(filepath.Join("..", root), func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Name() == "vmmesh.yaml" && !e.IsDir() && !strings.Contains(path, "/expected/") {
				name, err := filepath.Rel("..", filepath.Dir(path))
				require.NoError(t, err)
				cases = append(cases, Case{Name: name, Path: path})
				found++
			}
			return err
		})
		require.NoError(t, err)
		require.NotZero(t, found, "no spec below %s", root)
	}
	return cases
}

// Example is the case of an example.
func Example(name string) Case {
	return Case{Name: "examples/" + name, Path: filepath.Join("..", "examples", name, "vmmesh.yaml")}
}

// Spec is what the tests read of a spec.
type Spec struct {
	Metadata struct{ Name, Namespace string }
	Spec     struct {
		Emit  string
		Istio struct {
			Version         string
			Revision        string
			Revisions       []struct{ Name, Version string }
			Namespace       string
			MeshID          string
			ClusterName     string
			Network         string
			TrustDomain     string
			ClusterDomain   string
			DataplaneMode   string
			IstiodAddresses []string
			// DiscoveryAddress is what meshConfig.defaultConfig has for VMs of the first revision.
			DiscoveryAddress string
			// CAAddress is what signs certificates, where it is not istiod.
			CAAddress string `json:"caAddress"`
		}
		ControlPlane struct{ MeshConfig map[string]any }
		Networks     []struct {
			Name            string
			IstiodAddresses []string
		}
		Namespace string
		Workloads []Workload
		VM        VMSpec
	}
}

// Workload is a workload of a spec.
type Workload struct {
	Name      string
	Namespace string
	Ports     []Port
	Metrics   *Metrics
	Groups    []*GroupSpec
}

// Port is a port of a workload, or what a group or an instance has else of it.
type Port struct {
	Name       string
	Port       int
	TargetPort int
}

// Metrics are where the application has its own metrics.
type Metrics struct {
	Port any // a number, or a port's name
	Path string
}

// GroupSpec is a group of a spec.
type GroupSpec struct {
	Name         string
	Revision     string
	Network      string
	Registration string
	Proxy        string
	Ports        []Port
	Instances    []InstanceSpec
	VM           VMSpec
}

// InstanceSpec is an instance of a spec.
type InstanceSpec struct {
	Name, Address, ExternalAddress, Network string
	EntryName                               string
	Ports                                   []Port
	Labels                                  map[string]string
}

// VMSpec is how a spec or a group has its VMs.
type VMSpec struct {
	DNS      struct{ Mode string }
	Identity struct {
		Type  string
		SPIRE struct{ SocketPath string }
		HTTP  struct{ URL, HeadersFile string }
	}
	Firewall     struct{ SSHPort int }
	Interception struct {
		Mode                    string
		IncludeInboundPorts     []any
		ExcludeInboundPorts     []int
		IncludeOutboundIPRanges []string
		ExcludeOutboundIPRanges []string
		ExcludeOutboundPorts    []int
		ExcludeInterfaces       []string
	}
	ProxyConfig map[string]any
	Env         []struct{ Name, Value string }
}

// Group is a group with what its spec says around it.
type Group struct {
	*GroupSpec
	Spec      *Spec
	Workload  *Workload
	Namespace string
	Revision  string
	DNS       string
	Identity  string
	// IstiodAddresses are how VMs of a network reach istiod; "" is the group's own network.
	IstiodAddresses func(network string) []string
}

// Entry is the name of an instance's WorkloadEntry.
func (g *Group) Entry(instance *InstanceSpec) string {
	return or(instance.EntryName, g.Name+"-"+instance.Name)
}

// Auto reports whether istiod makes the group's entries.
func (g *Group) Auto() bool { return g.Registration == "Auto" }

// Groups are all groups of a spec.
func (s *Spec) Groups() []*Group {
	var groups []*Group
	if s.Spec.Emit == "ClientSide" {
		return nil // its VMs are another cluster's
	}
	for _, w := range s.Spec.Workloads {
		for _, g := range w.Groups {
			if g.Proxy == "None" {
				continue
			}
			groups = append(groups, &Group{
				GroupSpec: g,
				Spec:      s,
				Workload:  &w,
				Namespace: or(w.Namespace, or(s.Spec.Namespace, or(s.Metadata.Namespace, "vm-workloads"))),
				Revision:  or(g.Revision, s.Spec.Istio.Revision),
				DNS:       or(g.VM.DNS.Mode, or(s.Spec.VM.DNS.Mode, "Proxy")),
				Identity:  or(g.VM.Identity.Type, or(s.Spec.VM.Identity.Type, "TokenFile")),
				IstiodAddresses: func(network string) []string {
					for _, n := range s.Spec.Networks {
						if n.Name == or(network, g.Network) && len(n.IstiodAddresses) > 0 {
							return n.IstiodAddresses
						}
					}
					return s.Spec.Istio.IstiodAddresses
				},
			})
		}
	}
	return groups
}

// Listens is the number that the VMs of a group, or one of its instances, listen on for a port of the workload.
func (g *Group) Listens(instance *InstanceSpec, port any) int {
	for _, p := range g.Workload.Ports {
		if fmt.Sprint(port) != p.Name {
			continue
		}
		number := p.Port
		overrides := append([]Port{p}, g.Ports...)
		if instance != nil {
			overrides = append(overrides, instance.Ports...)
		}
		for _, o := range overrides {
			if o.Name == p.Name && o.TargetPort != 0 {
				number = o.TargetPort
			}
		}
		return number
	}
	number, _ := strconv.Atoi(fmt.Sprint(port))
	return number
}

// Settings are the mesh's settings for one of its revisions.
func (s *Spec) Settings(revision string) Settings {
	i := s.Spec.Istio
	return Settings{
		Revision: revision, Namespace: i.Namespace, MeshID: i.MeshID, ClusterName: i.ClusterName, Network: i.Network,
		TrustDomain: i.TrustDomain, ClusterDomain: i.ClusterDomain, Ambient: i.DataplaneMode == "Ambient",
		DiscoveryAddress: map[bool]string{true: i.DiscoveryAddress}[revision == i.Revision],
	}
}

// Revisions are the names of all control planes of the spec's mesh.
func (s *Spec) Revisions() []string {
	names := []string{s.Spec.Istio.Revision}
	for _, r := range s.Spec.Istio.Revisions {
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	return names
}

// Built is what vmmesh made of a case.
type Built struct {
	Case
	Dir     string // the tree
	Specs   []*Spec
	Objects []*unstructured.Unstructured
}

// Build runs vmmesh on a case, into a folder that goes with the test.
func Build(t testing.TB, c Case) *Built {
	t.Helper()
	b := &Built{Case: c, Dir: filepath.Join(t.TempDir(), "build")}
	vmmesh(t, "build", "-q", "-o", b.Dir, c.Path)
	b.Objects = Objects(t, []byte(vmmesh(t, "build", "-q", c.Path)))
	text, err := os.ReadFile(c.Path)
	require.NoError(t, err)
	for _, document := range strings.Split("\n"+string(text), "\n---\n") {
		spec := &Spec{}
		require.NoError(t, yaml.Unmarshal([]byte(document), spec))
		b.Specs = append(b.Specs, spec)
	}
	return b
}

// vmmesh runs the program, which must have nothing to say, and returns its output.
func vmmesh(t testing.TB, args ...string) string {
	t.Helper()
	command := exec.Command(program("vmmesh"), args...)
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	require.NoError(t, err, "vmmesh %s: %s", strings.Join(args, " "), stderr.String())
	require.Empty(t, stderr.String(), "vmmesh %s", strings.Join(args, " "))
	return string(out)
}

// Kind returns the objects of a kind, in the order of the build.
func (b *Built) Kind(kind string) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, o := range b.Objects {
		if o.GetKind() == kind {
			found = append(found, o)
		}
	}
	return found
}

// Group finds a group by its name.
func (b *Built) Group(t testing.TB, name string) *Group {
	t.Helper()
	for _, s := range b.Specs {
		for _, g := range s.Groups() {
			if g.Name == name {
				return g
			}
		}
	}
	require.Fail(t, "no group "+name)
	return nil
}

// VMDirs are the folders that a VM's files come from, the instance's own first.
func (b *Built) VMDirs(g *Group, instance string) []string {
	group := filepath.Join(b.Dir, "vms", g.Namespace, g.Name)
	if instance == "" {
		return []string{group}
	}
	return []string{filepath.Join(group, instance), group}
}
