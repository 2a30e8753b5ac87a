package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// VMFiles are a VM's files as flat keys and values: "cluster.env NAME", "mesh.yaml path.of.a.field" and "hosts NAME IP".
type VMFiles map[string]string

// readVMFiles reads cluster.env, mesh.yaml and hosts of the first folder that has them.
func readVMFiles(t testing.TB, dirs ...string) VMFiles {
	t.Helper()
	find := func(name string) string {
		for _, dir := range dirs {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				return filepath.Join(dir, name)
			}
		}
		require.Fail(t, "no "+name, "in %v", dirs)
		return ""
	}
	files := VMFiles{}
	for name, value := range readEnv(t, find("cluster.env")) {
		files["cluster.env "+name] = value
	}
	text, err := os.ReadFile(find("mesh.yaml"))
	require.NoError(t, err)
	var mesh map[string]any
	require.NoError(t, yaml.UnmarshalStrict(text, &mesh))
	flatten(files, "mesh.yaml ", "", mesh)
	text, err = os.ReadFile(find("hosts"))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 0 {
			require.Len(t, fields, 2, line)
			files["hosts "+fields[1]+" "+fields[0]] = ""
		}
	}
	return files
}

// readEnv is what bash makes of a file when the start script sources it.
func readEnv(t testing.TB, path string) map[string]string {
	t.Helper()
	command := exec.Command("bash", "-euc", `set -a; . "$1"; env -0`, "bash", path)
	command.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s: %s", path, out)
	values := map[string]string{}
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		name, value, _ := strings.Cut(line, "=")
		switch name {
		case "PATH", "PWD", "SHLVL", "_", "OLDPWD":
		default:
			values[name] = value
		}
	}
	return values
}

// flatten writes the leaves of a tree, JSON where they are no strings. Empty maps and lists are leaves.
func flatten(into VMFiles, file, path string, value any) {
	if m, ok := value.(map[string]any); ok && len(m) > 0 {
		for name, v := range m {
			flatten(into, file, strings.TrimPrefix(path+"."+name, "."), v)
		}
		return
	}
	if text, ok := value.(string); ok {
		into[file+path] = text
		return
	}
	text, err := json.Marshal(value)
	if err != nil {
		text = []byte(fmt.Sprint(value))
	}
	into[file+path] = string(text)
}

// EntryConfigure runs the real `istioctl x workload entry configure` for a group. The group is the one that the server
// has, or the object that is given.
func (c *Cluster) EntryConfigure(t testing.TB, g *Group, object *unstructured.Unstructured, network string, more ...string) VMFiles {
	t.Helper()
	dir := t.TempDir()
	args := []string{
		"x", "workload", "entry", "configure", "--kubeconfig", c.Kubeconfig, "--output", dir,
		"--istioNamespace", g.Spec.Settings("").namespace(),
	}
	if object == nil {
		args = append(args, "--name", g.Name, "--namespace", g.Namespace)
	} else {
		text, err := yaml.Marshal(object.Object)
		require.NoError(t, err)
		file := filepath.Join(dir, "group.yaml")
		require.NoError(t, os.WriteFile(file, text, 0o600))
		args = append(args, "--file", file)
	}
	if g.Revision != "" {
		args = append(args, "--revision", g.Revision)
	}
	if g.Auto() {
		args = append(args, "--autoregister")
	}
	if g.DNS != "Proxy" {
		args = append(args, "--capture-dns=false")
	}
	if first := g.IstiodAddresses(network)[0]; isIP(first) {
		args = append(args, "--ingressIP", first)
	}
	args = append(args, more...)
	istioctl(t, args...)
	token, err := os.ReadFile(filepath.Join(dir, "istio-token"))
	require.NoError(t, err)
	require.NotEmpty(t, token)
	return readVMFiles(t, dir)
}

func isIP(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// ingressByName gives the cluster the gateway that istioctl looks for, behind a load balancer that is known by name.
func (c *Cluster) ingressByName(t testing.TB, namespace, host string) {
	t.Helper()
	ctx := context.Background()
	services := c.Kube.CoreV1().Services(namespace)
	gateway := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "istio-eastwestgateway"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Name: "tls-istiod", Port: 15012}},
		},
	}
	made, err := services.Create(ctx, gateway, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, services.Delete(ctx, made.Name, metav1.DeleteOptions{})) })
	made.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{Hostname: host}}
	_, err = services.UpdateStatus(ctx, made, metav1.UpdateOptions{})
	require.NoError(t, err)
}
