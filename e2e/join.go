package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Join makes the machine a VM of a group, or one of its instances, as a person does by hand: it gets the group's folder,
// or for an instance with settings of its own that instance's files over it, and where the spec says so a token; then
// install.sh is run, and the sidecar started as its unit does.
func (v *VM) Join(t testing.TB, c *Cluster, i *Istiod, b *Built, g *Group, instance *InstanceSpec) {
	t.Helper()
	group := filepath.Join(b.Dir, "vms", g.Namespace, g.Name)
	v.bundle(t, group)
	if instance != nil {
		own := filepath.Join(group, instance.Name)
		if _, err := os.Stat(filepath.Join(own, "instances")); err == nil {
			v.bundle(t, own)
		}
	}
	if g.Identity == "TokenFile" {
		v.Write(t, "/var/lib/vmmesh/root-cert.pem", c.RootCert(t, g.Namespace), 0o644)
		v.Write(t, "/var/lib/vmmesh/istio-token", []byte(c.Token(t, g.Namespace, b.ServiceAccount(t, g))), 0o600)
	}
	if first := g.IstiodAddresses("")[0]; !isIP(first) {
		v.Resolve(t, first, i.Address)
	}
	v.Run(t, "bash", bundleDir+"/install.sh")
	v.StartIstio(t)
}

// bundleDir is where a VM's files are put together.
const bundleDir = "/var/lib/vmmesh/bundle"

// bundle copies the files of a folder of vms/ to the machine.
func (v *VM) bundle(t testing.TB, dir string) {
	t.Helper()
	v.copyTo(t, dir, bundleDir)
}

// copyTo copies the files of a folder, without its folders, to the machine.
func (v *VM) copyTo(t testing.TB, from, to string) {
	t.Helper()
	files, err := os.ReadDir(from)
	require.NoError(t, err)
	for _, f := range files {
		if !f.IsDir() {
			text, err := os.ReadFile(filepath.Join(from, f.Name()))
			require.NoError(t, err)
			v.Write(t, filepath.Join(to, f.Name()), text, 0o644)
		}
	}
}

// ServiceAccount is the identity of a group's VMs.
func (b *Built) ServiceAccount(t testing.TB, g *Group) string {
	t.Helper()
	for _, o := range b.Kind("WorkloadGroup") {
		if o.GetName() == g.Name && o.GetNamespace() == g.Namespace {
			account, _, _ := unstructured.NestedString(o.Object, "spec", "template", "serviceAccount")
			require.NotEmpty(t, account)
			return account
		}
	}
	require.Fail(t, "no WorkloadGroup "+g.Name)
	return ""
}

// Ports are where the VMs of a group listen.
func (b *Built) Ports(t testing.TB, g *Group) []string {
	t.Helper()
	var ports []string
	for _, o := range b.Kind("WorkloadGroup") {
		if o.GetName() == g.Name && o.GetNamespace() == g.Namespace {
			named, _, _ := unstructured.NestedMap(o.Object, "spec", "template", "ports")
			for _, port := range named {
				ports = append(ports, fmt.Sprint(port))
			}
		}
	}
	return ports
}
