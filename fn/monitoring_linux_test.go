package fn_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/vmmesh/vmmesh/internal/need"
)

// agentMetrics is what the agent of a stand-in VM answers: its own metrics, Envoy's and the application's.
const agentMetrics = `# TYPE istio_agent_cert_expiry_seconds gauge
istio_agent_cert_expiry_seconds{resource_name="default"} 70000
# TYPE istio_agent_istiod_connection_failures counter
istio_agent_istiod_connection_failures 0
# TYPE envoy_server_state gauge
envoy_server_state{} 0
# TYPE orders_total counter
orders_total{namespace="spoofed"} 7
`

// network is a network namespace with a loopback interface that has the addresses of VMs.
type network struct {
	t     *testing.T
	calls chan func()
}

// newNetwork makes one on a thread of its own, which ends with the test; or it ends the test where that is not allowed.
func newNetwork(t *testing.T) *network {
	ip := need.Tool(t, "iproute2", "ip")
	n := &network{t: t, calls: make(chan func())}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock it: the thread goes with the goroutine
		made <- unix.Unshare(unix.CLONE_NEWNET)
		for call := range n.calls {
			call()
		}
	}()
	t.Cleanup(func() { close(n.calls) })
	if err := <-made; err != nil {
		t.Log(err)
		need.Missing(t, "network namespaces: run it as root on a machine, or in a container, that may make them")
	}
	n.inside(func() error { return exec.Command(ip, "link", "set", "lo", "up").Run() })
	return n
}

// inside runs something in the namespace.
func (n *network) inside(f func() error) {
	n.t.Helper()
	done := make(chan error)
	n.calls <- func() { done <- f() }
	require.NoError(n.t, <-done)
}

// serve answers HTTP at an address, which lo gets if it has not got it yet.
func (n *network) serve(address string, handler http.Handler) {
	n.t.Helper()
	host, _, err := net.SplitHostPort(address)
	require.NoError(n.t, err)
	n.inside(func() error {
		if !strings.HasPrefix(host, "127.") {
			bits := "/32"
			if strings.Contains(host, ":") {
				bits = "/128"
			}
			args := []string{"addr", "replace", host + bits, "dev", "lo"}
			if bits == "/128" {
				args = append(args, "nodad")
			}
			if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
				return fmt.Errorf("ip %v: %w: %s", args, err, out)
			}
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		server := &http.Server{Handler: handler}
		go server.Serve(listener)
		n.t.Cleanup(func() { server.Close() })
		return nil
	})
}

// get asks a server inside for JSON; an error is an answer that is not there yet.
func (n *network) get(address, path string, into any) error {
	var failed error
	n.inside(func() error {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			failed = err
			return nil
		}
		defer conn.Close()
		if _, failed = fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, address); failed != nil {
			return nil
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			failed = err
			return nil
		}
		defer response.Body.Close()
		failed = json.NewDecoder(response.Body).Decode(into)
		return nil
	})
	return failed
}

// target is one of /api/v1/targets.
type target struct {
	Labels    map[string]string
	ScrapeURL string
	Health    string
	LastError string
}

// TestPrometheusScrapes runs a real Prometheus over what builds make, and stand-ins for VMs at the addresses of the specs,
// in a network of their own: each target comes up with its labels, one that does not answer is down, alerts are judged.
func TestPrometheusScrapes(t *testing.T) {
	for _, c := range []struct {
		name, spec string
		change     *strings.Replacer
		servers    map[string]string // address to what it answers
		want       map[string]map[string]string
	}{
		{
			name: "files that are included", spec: "monitoring-fragment", change: strings.NewReplacer("interval: 30s", "interval: 1s"),
			servers: map[string]string{
				"192.168.1.100:15020": agentMetrics, "203.0.113.9:15020": agentMetrics, "10.20.0.3:15020": agentMetrics,
				"[fd00::4]:15020": agentMetrics, "192.168.1.110:16020": agentMetrics,
			},
			want: map[string]map[string]string{
				"192.168.1.100:15020": {"app": "pay", "namespace": "shop", "workload": "pay", "version": "v1", "pod": "vm1", "node": "vm1", "locality": "us-west1/zone-a", "network": "network1", "service_istio_io_canonical_name": "pay", "service_istio_io_canonical_revision": "v1"},
				"203.0.113.9:15020":   {"app": "pay", "namespace": "shop", "workload": "pay", "version": "v1", "pod": "vm2", "node": "vm2", "locality": "us-west1/zone-a", "network": "network1", "service_istio_io_canonical_name": "pay", "service_istio_io_canonical_revision": "v1"},
				"10.20.0.3:15020":     {"app": "pay", "namespace": "shop", "workload": "pay", "version": "v1", "pod": "vm3", "node": "vm3", "locality": "us-east1/zone-b", "network": "dc2", "service_istio_io_canonical_name": "payments", "service_istio_io_canonical_revision": "v1"},
				"[fd00::4]:15020":     {"app": "pay", "namespace": "shop", "workload": "pay", "version": "v1", "pod": "vm4", "node": "vm4", "locality": "us-west1/zone-a", "network": "network1", "service_istio_io_canonical_name": "pay", "service_istio_io_canonical_revision": "v1"},
				"192.168.1.110:16020": {"app": "pay", "namespace": "shop", "workload": "pay.long-lived", "pod": "vm1", "node": "vm1", "network": "network1", "service_istio_io_canonical_name": "pay", "service_istio_io_canonical_revision": "latest"},
				"192.168.1.120:15020": {"app": "batch", "namespace": "jobs", "workload": "batch", "pod": "vm1", "node": "vm1", "network": "network1", "service_istio_io_canonical_name": "batch", "service_istio_io_canonical_revision": "latest", "health": "down"},
			},
		},
		{
			name: "lists of targets, and an endpoint that lists VMs", spec: "monitoring-files",
			change: strings.NewReplacer("format: FileSD\n", "format: FileSD\n      interval: 1s\n", "http://cmdb.example.com/", "http://127.0.0.1:8000/"),
			servers: map[string]string{
				"192.168.1.100:15020": agentMetrics, "192.168.1.101:15020": agentMetrics, "192.168.7.1:15020": agentMetrics, "[fd00::7]:15020": agentMetrics,
				"127.0.0.1:8000": `[{"targets": ["192.168.7.1", "[fd00::7]:22"], "labels": {"namespace": "vm-workloads", "workload": "pay-auto"}},
					{"targets": ["192.168.7.2"], "labels": {"namespace": "vm-workloads", "workload": "pay", "pod": "i-2"}},
					{"targets": ["192.168.7.3"], "labels": {"namespace": "other", "workload": "pay-auto", "pod": "i-3"}}]`,
			},
			want: map[string]map[string]string{
				"192.168.1.100:15020": {"app": "pay", "namespace": "vm-workloads", "workload": "pay", "pod": "vm1", "node": "vm1", "locality": "eu-west/a", "service_istio_io_canonical_name": "pay", "service_istio_io_canonical_revision": "latest"},
				"192.168.1.101:15020": {"app": "pay", "namespace": "vm-workloads", "workload": "pay", "pod": "vm2", "node": "vm2", "locality": "eu-west/b", "service_istio_io_canonical_name": "pay", "service_istio_io_canonical_revision": "latest"},
				"192.168.7.1:15020":   {"app": "pay", "namespace": "vm-workloads", "workload": "pay-auto", "pod": "192.168.7.1:15020", "node": "192.168.7.1:15020", "service_istio_io_canonical_name": "pay", "service_istio_io_canonical_revision": "latest"},
				"[fd00::7]:15020":     {"app": "pay", "namespace": "vm-workloads", "workload": "pay-auto", "pod": "[fd00::7]:15020", "node": "[fd00::7]:15020", "service_istio_io_canonical_name": "pay", "service_istio_io_canonical_revision": "latest"},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			program := need.Tool(t, "prometheus", "prometheus")
			n := newNetwork(t)
			for address, text := range c.servers {
				n.serve(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch {
					case strings.HasSuffix(address, ":8000"):
						w.Header().Set("Content-Type", "application/json")
					case r.URL.Path != "/stats/prometheus":
						http.NotFound(w, r)
						return
					default:
						w.Header().Set("Content-Type", "text/plain; version=0.0.4")
					}
					fmt.Fprint(w, text)
				}))
			}
			src, err := os.ReadFile("../testdata/ok/" + c.spec + "/vmmesh.yaml")
			require.NoError(t, err)
			changed := c.change.Replace(string(src))
			require.NotEqual(t, string(src), changed)
			out := mustBuild(t, "vmmesh.yaml", []byte(changed))
			out.files["prometheus.yml"] = "global: {evaluation_interval: 1s}\n" + configuration(t, out, includes(t))
			dir := write(t, out.files)

			var log strings.Builder
			server := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+t.TempDir(), "--web.listen-address=127.0.0.1:9090")
			server.Stdout, server.Stderr = &log, &log
			server.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL} // it is not left behind
			n.inside(server.Start)
			ended := make(chan struct{})
			go func() { server.Wait(); close(ended) }()
			t.Cleanup(func() { server.Process.Kill(); <-ended })

			for address, labels := range c.want {
				labels["instance"], labels["job"], labels["cluster"] = address, "istio-proxy-vm", "Kubernetes"
				if c.spec == "monitoring-fragment" {
					labels["cluster"] = "cluster1"
				}
				if labels["health"] == "" {
					labels["health"] = "up"
				}
			}
			var answer struct {
				Data struct{ ActiveTargets []target }
			}
			got := map[string]map[string]string{}
			await(t, &log, ended, func() bool {
				clear(got)
				answer.Data.ActiveTargets = nil
				if n.get("127.0.0.1:9090", "/api/v1/targets?state=active", &answer) != nil || len(answer.Data.ActiveTargets) < len(c.want) {
					return false
				}
				for _, target := range answer.Data.ActiveTargets {
					target.Labels["health"] = target.Health
					got[target.Labels["instance"]] = target.Labels
					if target.Health == "unknown" {
						return false // not scraped yet
					}
				}
				return true
			})
			require.Equal(t, c.want, got)

			// The application's metrics are there, with the labels of its VM: no VM speaks for another.
			var found struct {
				Data struct {
					Result []struct{ Metric map[string]string }
				}
			}
			await(t, &log, ended, func() bool {
				found.Data.Result = nil
				return n.get("127.0.0.1:9090", "/api/v1/query?query=orders_total", &found) == nil && len(found.Data.Result) >= len(c.want)-1
			})
			for _, series := range found.Data.Result {
				require.Equal(t, c.want[series.Metric["instance"]]["namespace"], series.Metric["namespace"])
				require.Equal(t, "spoofed", series.Metric["exported_namespace"])
			}

			// Alerts are judged. About to fire are those of the VM that is down, of its group, and of the certificate of
			// a day where certificates live for a month; and nothing else.
			var rules struct {
				Data struct {
					Groups []struct {
						Rules []struct{ Name, Health, State, LastError string }
					}
				}
			}
			judged := map[string]string{}
			await(t, &log, ended, func() bool {
				clear(judged)
				rules.Data.Groups = nil
				if n.get("127.0.0.1:9090", "/api/v1/rules", &rules) != nil {
					return false
				}
				for _, g := range rules.Data.Groups {
					for _, r := range g.Rules {
						require.NotEqual(t, "err", r.Health, "%s: %s", r.Name, r.LastError)
						if r.Health != "ok" {
							return false
						}
						if r.State == "pending" {
							judged[r.Name] = r.State
						}
					}
				}
				return len(rules.Data.Groups) > 0 && (c.spec != "monitoring-fragment" || len(judged) >= 3)
			})
			if c.spec == "monitoring-fragment" {
				require.Equal(t, map[string]string{"VMDown": "pending", "VMGroupBelowMinimum": "pending", "VMCertificateNearItsEnd": "pending"}, judged)
			}
		})
	}
}

// await asks again and again until the answer is yes; it gives up when Prometheus has ended, or after a minute.
func await(t *testing.T, log fmt.Stringer, ended <-chan struct{}, answered func() bool) {
	t.Helper()
	for range 600 {
		if answered() {
			return
		}
		select {
		case <-ended:
			t.Fatalf("Prometheus has ended:\n%s", log)
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatalf("Prometheus did not answer as it should:\n%s", log)
}
