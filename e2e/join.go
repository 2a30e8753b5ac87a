package e2e

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Join makes the machine a VM of a group, or one of its instances, as a person does by hand: it gets vms/scripts and
// the group's folder, and where the spec says so a token; then install.sh is run, which finds an instance with settings of
// its own by the VM's address, and the sidecar is started as its unit does.
func (v *VM) Join(t testing.TB, c *Cluster, i *Istiod, b *Built, g *Group) {
	t.Helper()
	v.copyTo(t, filepath.Join(b.Dir, "vms/scripts"), "/root/scripts")
	v.copyTo(t, filepath.Join(b.Dir, "vms", g.Namespace, g.Name), "/root/"+g.Name)
	if g.Identity == "TokenFile" {
		v.Write(t, "/var/lib/vmmesh/root-cert.pem", c.RootCert(t, g.Namespace), 0o644)
		v.Write(t, "/var/lib/vmmesh/istio-token", []byte(c.Token(t, g.Namespace, b.ServiceAccount(t, g))), 0o600)
	}
	if g.Identity == "HTTP" {
		http := g.VM.Identity.HTTP
		if http.URL == "" {
			http = g.Spec.Spec.VM.Identity.HTTP
		}
		v.ServeTokens(t, c, i.Address, g.Namespace, b.ServiceAccount(t, g), http.URL, http.HeadersFile)
	}
	if first := g.IstiodAddresses("")[0]; !isIP(first) {
		v.Resolve(t, first, i.Address)
	}
	v.Run(t, "bash", "/root/scripts/install.sh", g.Name)
	v.StartIstio(t)
}

// copyTo copies a folder to the machine.
func (v *VM) copyTo(t testing.TB, from, to string) {
	t.Helper()
	files, err := exec.Command("tar", "-C", from, "-c", ".").Output()
	require.NoError(t, err)
	command := v.command(nil, "sh", "-euc", `mkdir -p "$1"; tar -C "$1" -x --no-same-owner`, "copy", to)
	command.Stdin = bytes.NewReader(files)
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s", out)
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
