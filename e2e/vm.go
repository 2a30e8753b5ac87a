package e2e

import (
	"bytes"
	"context"
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	authentication "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// VM is a machine of its own as far as a kernel can make one: network, processes, host name, and a file system that is
// the host's with everything written to it kept apart. The sidecar's package is installed on it as its postinst does.
type VM struct {
	Name    string
	Address string
	// PowerOff ends everything on the machine at once.
	PowerOff func()
	process  *exec.Cmd
	root     string // the machine's /, as seen from here
	log      string
	envoy    string // its program, or /dev/null
}

// Option changes a machine before it is booted.
type Option func(*VM)

// WithEnvoy has the sidecar of a machine be complete: the agent starts an Envoy.
func WithEnvoy(v *VM) { v.envoy = program("envoy") }

//go:embed machine.sh
var machineScript string

// StartMachine boots a machine with one address, on which a version of the sidecar's package is installed. It is switched
// off with the test.
func StartMachine(t testing.TB, name, address, version string, options ...Option) *VM {
	t.Helper()
	dir, err := os.MkdirTemp(workDir(), "vm-")
	require.NoError(t, err)
	v := &VM{Name: name, Address: address, log: filepath.Join(dir, "log"), envoy: os.DevNull}
	for _, change := range options {
		change(v)
	}
	log, err := os.Create(v.log)
	require.NoError(t, err)
	defer log.Close()
	v.process = exec.Command("bash", "-euc", machineScript, "machine", dir, name, program("."), version,
		v.envoy, resolverFor(address))
	v.process.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	v.process.Stdout, v.process.Stderr = log, log
	v.process.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:    true,
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS,
	}
	require.NoError(t, v.process.Start())
	done := make(chan struct{})
	go func() {
		_ = v.process.Wait()
		close(done)
	}()
	v.PowerOff = func() {
		_ = v.process.Process.Kill()
		<-done
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what %s said:\n%s", name, v.said())
		}
		v.PowerOff()
		require.NoError(t, os.RemoveAll(dir))
	})
	v.root = fmt.Sprintf("/proc/%d/root", v.process.Process.Pid)
	eventually(t, name+" to boot", func() error {
		select {
		case <-done:
			return errors.New(v.said())
		default:
		}
		_, err := v.Read("/run/booted")
		return err
	})
	v.plug(t)
	return v
}

// cables counts the machines, for the names of their links; a process that ran before may have left some behind.
var cables int

// plug gives the machine its address and a way to everything in the sandbox.
func (v *VM) plug(t testing.TB) {
	t.Helper()
	cables++
	link := fmt.Sprintf("vm%d-%d", os.Getpid(), cables)
	pid := fmt.Sprint(v.process.Process.Pid)
	run(t, "ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", pid)
	family, gateway, bits := "-4", "169.254.1.1", "/32"
	if strings.Contains(v.Address, ":") {
		family, gateway, bits = "-6", "fe80::1", "/128"
	}
	run(t, "ip", "address", "add", gateway+bits, "dev", link, "nodad")
	run(t, "ip", "link", "set", link, "up")
	run(t, "ip", family, "route", "add", v.Address+bits, "dev", link)
	inside := func(args ...string) { run(t, "nsenter", append([]string{"--target", pid, "--net", "ip"}, args...)...) }
	inside("link", "set", "lo", "up")
	inside("link", "set", "eth0", "up")
	inside("address", "add", v.Address+bits, "dev", "eth0", "nodad")
	inside(family, "route", "add", "default", "via", gateway, "dev", "eth0", "onlink")
}

// command is a command on the machine, with what systemd gives a service.
func (v *VM) command(env []string, args ...string) *exec.Cmd {
	pid := fmt.Sprint(v.process.Process.Pid)
	command := exec.Command("nsenter", append([]string{
		"--target", pid, "--net", "--mount", "--uts", "--pid", "--root", "--wd=" + v.root, "--",
	}, args...)...)
	command.Env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, env...)
	return command
}

// Run runs a command on the machine, which must succeed.
func (v *VM) Run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := v.command(nil, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s\n%s", v.Name, strings.Join(args, " "), out)
	return string(out)
}

// Write puts a file on the machine.
func (v *VM) Write(t testing.TB, path string, text []byte, mode fs.FileMode) {
	t.Helper()
	command := v.command(nil, "install", "-D", "-m", fmt.Sprintf("%o", mode), "/dev/stdin", path)
	command.Stdin = bytes.NewReader(text)
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s: %s: %s", v.Name, path, out)
}

// Read reads a file of the machine. It goes through the machine: links in its tree are to its own root.
func (v *VM) Read(path string) ([]byte, error) {
	var stderr strings.Builder
	command := v.command(nil, "cat", path)
	command.Stderr = &stderr
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr.String())
	}
	return text, nil
}

// said is the log of the machine and of its agent.
func (v *VM) said() string {
	var all strings.Builder
	if text, err := os.ReadFile(v.log); err == nil {
		fmt.Fprintf(&all, "%s\n", text)
	}
	for _, path := range []string{"/var/log/istio/start.log", "/var/log/istio/istio.err.log", "/var/log/istio/istio.log"} {
		if text, err := v.Read(path); err == nil {
			fmt.Fprintf(&all, "--- %s\n%s\n", path, end(string(text), 4<<10))
		}
	}
	return all.String()
}

// Resolve lets the machine resolve a name, as its DNS servers would.
func (v *VM) Resolve(t testing.TB, name, address string) {
	t.Helper()
	hosts, err := v.Read("/etc/hosts")
	require.NoError(t, err)
	v.Write(t, "/etc/hosts", append(hosts, address+" "+name+"\n"...), 0o644)
}

// Token asks for a token as whoever brings up a VM does.
func (c *Cluster) Token(t testing.TB, namespace, serviceAccount string) string {
	t.Helper()
	answer, err := c.Kube.CoreV1().ServiceAccounts(namespace).CreateToken(context.Background(), serviceAccount,
		&authentication.TokenRequest{Spec: authentication.TokenRequestSpec{Audiences: []string{"istio-ca"}}}, metav1.CreateOptions{})
	require.NoError(t, err)
	return answer.Status.Token
}

// RootCert is the mesh's root certificate, as every namespace has it.
func (c *Cluster) RootCert(t testing.TB, namespace string) []byte {
	t.Helper()
	var text string
	eventually(t, "the root certificate in "+namespace, func() error {
		m, err := c.Kube.CoreV1().ConfigMaps(namespace).Get(context.Background(), "istio-ca-root-cert", metav1.GetOptions{})
		if err != nil {
			return err
		}
		text = m.Data["root-cert.pem"]
		return nil
	})
	return []byte(text)
}

// StartIstio starts the sidecar as its unit does: the steps before it, then the packaged script, with the agent and, where
// the machine has one, Envoy. Like the unit it tries again for as long as a step fails.
func (v *VM) StartIstio(t testing.TB) {
	t.Helper()
	var env []string
	if v.envoy == os.DevNull {
		env = []string{"DISABLE_ENVOY=true"}
	}
	command := v.command(env, "bash", "-c", `exec >>/var/log/istio/start.log 2>&1
		cd /
		install -d -o istio-proxy -m 0755 /var/run/secrets
		until bash /usr/local/lib/vmmesh/prepare.sh; do sleep 1; done
		exec istio-start.sh`)
	require.NoError(t, command.Start())
	go func() { _ = command.Wait() }()
}

// Certificate waits for the certificate that istiod gives the VM.
func (v *VM) Certificate(t testing.TB) *x509.Certificate {
	t.Helper()
	var certificate *x509.Certificate
	eventually(t, v.Name+" to get its certificate", func() error {
		text, err := v.Read("/etc/certs/cert-chain.pem")
		if err != nil {
			return err
		}
		block, _ := pem.Decode(text)
		if block == nil {
			return errors.New("no PEM in cert-chain.pem")
		}
		certificate, err = x509.ParseCertificate(block.Bytes)
		return err
	})
	return certificate
}

// xdsSocket is where the agent waits for its Envoy.
const xdsSocket = "/var/lib/istio/proxy/XDS"

// Envoy connects to the agent as its Envoy would, with the identity that the agent wrote down for one.
func (v *VM) Envoy(t testing.TB) *Client {
	t.Helper()
	node := &core.Node{}
	eventually(t, "the agent of "+v.Name+" to write its bootstrap", func() error {
		text, err := v.Read("/var/lib/istio/proxy/grpc-bootstrap.json")
		if err != nil {
			return err
		}
		var bootstrap struct{ Node json.RawMessage }
		if err := json.Unmarshal(text, &bootstrap); err != nil {
			return err
		}
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(bootstrap.Node, node); err != nil {
			return err
		}
		return v.command(nil, "test", "-S", xdsSocket).Run()
	})
	delete(node.Metadata.Fields, "GENERATOR") // it asks for what proxies without Envoy get
	return connect(t, v.Name, "unix:"+v.root+xdsSocket, node, insecure.NewCredentials(), nil)
}

// App is an application on a machine.
type App struct {
	process *exec.Cmd
	done    chan struct{}
}

// Variables by which this program is an application.
const (
	appEnv     = "VMMESH_E2E_APP"      // the ports, or addresses and ports, to listen on
	appNameEnv = "VMMESH_E2E_APP_NAME" // what it calls itself
)

// StartApp starts an application on the machine that answers every request on these ports with 200 and a [Seen]. It ends
// with the test, or when it is killed.
func (v *VM) StartApp(t testing.TB, ports ...string) *App {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	a := &App{done: make(chan struct{})}
	a.process = exec.Command("nsenter", "--target", fmt.Sprint(v.process.Process.Pid), "--net", "--", self)
	a.process.Env = []string{appEnv + "=" + strings.Join(ports, ","), appNameEnv + "=" + v.Name}
	a.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, a.process.Start())
	go func() {
		_ = a.process.Wait()
		close(a.done)
	}()
	t.Cleanup(a.Kill)
	return a
}

// Kill kills the application.
func (a *App) Kill() {
	_ = a.process.Process.Kill()
	<-a.done
}

// Seen is what an application reports about a request: the answer's body.
type Seen struct {
	Name    string // of the machine
	Method  string
	Path    string
	Remote  string // the address of the peer, without its port
	Headers http.Header
	Count   int // of the requests with the same path so far, this one included
}

// application is the program's other life: see [VM.StartApp]. A request may ask for another status by ?status=503, for
// that only in the first n requests to its path by ?until=n, and for a delay by ?sleep=5s. /metrics is a metric of its own.
func application(ports, name string) error {
	var mu sync.Mutex
	counts := map[string]int{}
	welcome := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		counts[r.URL.Path]++
		count := counts[r.URL.Path]
		mu.Unlock()
		if r.URL.Path == "/metrics" {
			fmt.Fprintf(w, "vmmesh_e2e_application_up{machine=%q} 1\n", name)
			return
		}
		remote, _, _ := net.SplitHostPort(r.RemoteAddr)
		query := r.URL.Query()
		if wait, err := time.ParseDuration(query.Get("sleep")); err == nil {
			select {
			case <-time.After(wait):
			case <-r.Context().Done():
			}
		}
		if status, err := strconv.Atoi(query.Get("status")); err == nil {
			if until, err := strconv.Atoi(query.Get("until")); err != nil || count <= until {
				w.WriteHeader(status)
			}
		}
		_ = json.NewEncoder(w).Encode(Seen{Name: name, Method: r.Method, Path: r.URL.Path, Remote: remote, Headers: r.Header, Count: count})
	})
	failed := make(chan error)
	for _, port := range strings.Split(ports, ",") {
		address := port
		if !strings.Contains(port, ":") {
			address = ":" + port
		}
		server := &http.Server{Addr: address, Handler: welcome, ReadHeaderTimeout: time.Minute, Protocols: new(http.Protocols)}
		server.Protocols.SetHTTP1(true)
		server.Protocols.SetUnencryptedHTTP2(true) // of ports of gRPC
		go func() { failed <- server.ListenAndServe() }()
	}
	return <-failed
}
