package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// beyond are the beginnings of commands of docs/first-vm.md that cannot be run here, and why.
var beyond = map[string]string{
	"scp ":                  "the machine has no SSH server: the test copies the same files",
	"kubectl run ":          "no node runs pods here: the test looks at what a pod's sidecar is sent",
	"istioctl proxy-status": "istiod is no pod here",
}

// testFirstVM does what docs/first-vm.md says, command by command, and looks whether a pod would reach the VM.
func testFirstVM(t *testing.T, c *Cluster) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "first-vm.md"))
	require.NoError(t, err)
	const gateway, address = "198.18.7.1", "192.0.2.11"
	i := c.StartIstiod(t, Settings{}, gateway)
	v := StartMachine(t, "vm1", address, "1.31.1")
	v.StartApp(t, "8080")
	dir := t.TempDir()
	t.Cleanup(func() {
		out, err := exec.Command(program("kubectl"), "--kubeconfig", c.Kubeconfig, "delete", "--wait=false", "-k", filepath.Join(dir, "deploy")).CombinedOutput()
		require.NoError(t, err, "%s", out)
		c.deleteNamespace(t, "vm-workloads") // the command leaves that to a controller
	})

	skipped := map[string]bool{}
	ran := 0
	for _, block := range strings.Split(string(page), "```sh\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		var lines []string
		for line := range strings.Lines(block) {
			for start := range beyond {
				if strings.HasPrefix(line, start) {
					skipped[start] = true
					line = ""
				}
			}
			lines = append(lines, line)
		}
		commands := strings.Join(lines, "")
		switch {
		case strings.HasPrefix(block, "# on the VM"):
			out, err := v.command(nil, "bash", "-euc", "cd /root\n"+commands).CombinedOutput()
			if strings.Contains(block, "diagnose.sh") {
				// systemd is not there, which it says; everything up to the certificate is as on a VM.
				require.Contains(t, string(out), "address", "%s", out)
			} else {
				require.NoError(t, err, "%s\n%s", block, out)
			}
			if strings.Contains(block, "install.sh") {
				v.StartIstio(t)
				v.Certificate(t)
			}
		case strings.HasPrefix(block, "scp -r deploy/vms/scripts deploy/vms/vm-workloads/hello istio-token root-cert.pem VM:"):
			v.copyTo(t, filepath.Join(dir, "deploy/vms/scripts"), "/root/scripts")
			v.copyTo(t, filepath.Join(dir, "deploy/vms/vm-workloads/hello"), "/root/hello")
			for _, file := range []string{"istio-token", "root-cert.pem"} {
				text, err := os.ReadFile(filepath.Join(dir, file))
				require.NoError(t, err)
				v.Write(t, "/root/"+file, text, 0o600)
			}
		default:
			if strings.Contains(block, "status.loadBalancer") {
				// What a cluster's load balancer would do.
				_, err := c.Kube.CoreV1().Services("istio-system").Patch(context.Background(), "istio-eastwestgateway", types.MergePatchType,
					[]byte(`{"status": {"loadBalancer": {"ingress": [{"ip": "`+gateway+`"}]}}}`), metav1.PatchOptions{}, "status")
				require.NoError(t, err)
			}
			if strings.Contains(block, "istio-ca-root-cert") {
				c.RootCert(t, "vm-workloads")
			}
			command := exec.Command("bash", "-euc", commands)
			command.Dir = dir
			command.Env = []string{"KUBECONFIG=" + c.Kubeconfig, "HOME=" + dir, "PATH=" + program(".") + ":" + os.Getenv("PATH")}
			out, err := command.CombinedOutput()
			require.NoError(t, err, "%s\n%s", commands, out)
		}
		ran++
	}
	require.GreaterOrEqual(t, ran, 10, "the page has lost its commands")
	require.Len(t, skipped, len(beyond), "a command that cannot be run is not there any more")

	require.Equal(t, "spiffe://cluster.local/ns/vm-workloads/sa/hello", v.Certificate(t).URIs[0].String())
	pod := NewClient(t, i, Pod{Namespace: "default"})
	pod.Until(t, "the VM", func(view View) error {
		return lists("outbound|8080||hello.vm-workloads.svc.cluster.local",
			Endpoint{Address: address + ":8080", Weight: 1, MTLS: true, Healthy: true},
			Endpoint{Address: "192.0.2.12:8080", Weight: 1, MTLS: true, Healthy: true})(view)
	})
}
