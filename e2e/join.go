package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Join makes the machine a VM of a group, or one of its instances, and starts the sidecar.
func (v *VM) Join(t testing.TB, c *Cluster, i *Istiod, b *Built, g *Group, instance *InstanceSpec) {
	t.Helper()
	name := ""
	if instance != nil {
		name = instance.Name
	}
	dirs := b.VMDirs(g, name)
	if _, err := os.Stat(dirs[0]); err != nil { // TODO
		dirs = []string{filepath.Join(t.TempDir(), "x")}
		c.configureInto(t, dirs[0], g, name)
	}
	v.Install(t, c, g.Namespace, b.ServiceAccount(t, g), dirs...)
	v.StartIstio(t)
}

func (c *Cluster) configureInto(t testing.TB, dir string, g *Group, instance string) {
	args := []string{
		"x", "workload", "entry", "configure", "--kubeconfig", c.Kubeconfig, "--output", dir,
		"--name", g.Name, "--namespace", g.Namespace, "--ingressIP", or(map[string]string{"istiod.example.com": "198.18.1.1"}[g.IstiodAddresses("")[0]], g.IstiodAddresses("")[0])}
	if g.Revision != "" {
		args = append(args, "--revision", g.Revision)
	}
	if g.Auto() {
		args = append(args, "--autoregister")
	}
	run(t, program("istioctl"), args...)
	if instance != "" {
		f, err := os.OpenFile(filepath.Join(dir, "cluster.env"), os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		fmt.Fprintf(f, "ISTIO_META_WORKLOAD_ENTRY=%s-%s\n", g.Name, instance)
		f.Close()
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
