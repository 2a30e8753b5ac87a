package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Join makes the machine a VM of a group, or one of its instances, and starts the sidecar.
func (v *VM) Join(t testing.TB, c *Cluster, i *Istiod, b *Built, g *Group, instance *InstanceSpec) {
	t.Helper()
	name, network := "", ""
	if instance != nil {
		name, network = instance.Name, instance.Network
	}
	v.Install(t, c, g.Namespace, b.ServiceAccount(t, g), b.VMDirs(g, name)...)
	if first := g.IstiodAddresses(network)[0]; !isIP(first) {
		// The name of the load balancer is resolved here.
		revision := strings.TrimSuffix("istiod-"+g.Revision, "-")
		hosts, err := v.Read("/etc/hosts")
		require.NoError(t, err)
		line := fmt.Sprintf("%s %s.%s.svc\n", i.Address, revision, i.Settings.namespace())
		v.Write(t, "/etc/hosts", append(hosts, line...), 0o644)
	}
	v.StartIstio(t)
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
