package scripts_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/generators/vms/scripts"
	"github.com/vmmesh/vmmesh/internal/need"
)

// machine is a scratch VM: the real scripts at their real paths, run by the host's bash as root in a mount namespace of
// their own. What they write is below root.
type machine struct {
	t    *testing.T
	root string
	vars map[string]any // of vm.env: a string or a []string
	net  string         // commands that make its own network; "" = it shares the host's
	host sync.Mutex     // held while a server of the test answers: what the test says before a run is seen in it
}

// tools are what the scripts find on a VM, or install there first: the program, and the Debian package that has it.
var tools = [][2]string{
	{"bash", "bash"}, {"curl", "curl"}, {"ip", "iproute2"}, {"iptables", "iptables"}, {"openssl", "openssl"}, {"sudo", "sudo"},
}

// newMachine makes a machine with the user istio-proxy, the files of a group, and stand-ins for systemd's commands.
func newMachine(t *testing.T) *machine {
	t.Helper()
	need.Namespaces(t, "--mount")
	for _, tool := range tools {
		need.Tool(t, tool[1], tool[0])
	}
	m := &machine{t: t, root: t.TempDir(), vars: settings()}
	for _, dir := range []string{"etc/ssl/certs", "etc/logrotate.d", "var/log", "var/lib", "var/tmp", "run/systemd/system", "tmp", "local/sbin", "local/bin", "units", "usr", "proc", "sys", "dev", "root", "bundle"} {
		require.NoError(t, os.MkdirAll(m.path(dir), 0o755))
	}
	require.NoError(t, os.Symlink("/run", m.path("var/run")))
	out, err := exec.Command("cp", "-a", "/etc/alternatives", "/etc/ld.so.cache", m.path("etc")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	m.write("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nistio-proxy:x:998:998::/var/lib/istio:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
	m.write("etc/group", "root:x:0:\nistio-proxy:x:998:\n")
	m.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
	m.write("etc/hosts", "127.0.0.1 localhost\n")
	m.write("bundle/cluster.env", "ISTIO_META_CLUSTER_ID='Kubernetes'\nISTIO_NAMESPACE='vm-workloads'\nTRUST_DOMAIN='cluster.local'\n")
	m.write("bundle/mesh.yaml", "defaultConfig:\n  discoveryAddress: istiod.istio-system.svc:15012\n")
	m.write("bundle/hosts", "34.56.78.90 istiod.istio-system.svc\n")
	for _, f := range scripts.Files() {
		m.write("bundle/"+f.Path, string(f.Data))
	}
	// systemctl notes what it is asked; units are active or enabled once they were started or enabled.
	m.tool("systemctl", `
echo "$*" >>/var/log/systemctl
for unit; do :; done
case " $* " in
*" is-active "*) [ -e "/run/active-$unit" ] ;;
*" is-enabled "*) [ -e "/run/enabled-$unit" ] ;;
*" start "*) touch "/run/active-$unit" ;;
*" enable "*) touch "/run/enabled-$unit" ;;
esac`)
	return m
}

// settings are the values of a plain static group, whose token somebody puts there.
func settings() map[string]any {
	return map[string]any{
		"NAMESPACE": "vm-workloads", "WORKLOAD": "payment-service", "GROUP": "payment-service", "SERVICE_ACCOUNT": "payment-service",
		"REGISTRATION": "Auto", "TRUST_DOMAIN": "cluster.local", "CLUSTER_DOMAIN": "cluster.local",
		"ISTIOD_HOST": "istiod.istio-system.svc", "ISTIOD_PORT": "15012", "ISTIOD_ADDRESSES": []string{"34.56.78.90"}, "ISTIO_NAMESPACE": "istio-system", "CA_HOST": "", "CA_PORT": "",
		"PACKAGE_FORMAT": "None", "PACKAGE_VERSION": "1.31.1", "PACKAGE_BASE_URL": "https://mirror.example.com/istio",
		"PACKAGE_SHA256_DEB_AMD64": "", "PACKAGE_SHA256_DEB_ARM64": "", "PACKAGE_SHA256_RPM_AMD64": "", "PACKAGE_SHA256_RPM_ARM64": "",
		"CLOUD": "None", "ADDRESS_SOURCE": "DefaultRoute", "ADDRESS_INTERFACE": "", "DNS_MODE": "Proxy", "DNS_SERVERS": []string{},
		"IDENTITY": "TokenFile", "TOKEN_FILE": "/var/lib/vmmesh/istio-token", "ROOT_CERT_FILE": "/var/lib/vmmesh/root-cert.pem",
		"TOKEN_REQUEST_SERVER": "", "TOKEN_REQUEST_CREDENTIAL_FILE": "", "TOKEN_REQUEST_SECONDS": "", "CA_FILE": "",
		"HTTP_URL": "", "HTTP_HEADERS_FILE": "", "COMMAND": []string{}, "SPIRE_SOCKET": "",
		"INTERCEPTION": "REDIRECT", "INBOUND_PORTS": []string{"8080"}, "TARGET_PORTS": []string{"8080"}, "EXCLUDE_OWNER_GROUPS": []string{}, "FILES_HASH": "",
		"PROBE": "", "PROBE_SCHEME": "", "PROBE_HOST": "", "PROBE_PORT": "", "PROBE_PATH": "", "PROBE_COMMAND": []string{},
		"PROBE_HEADERS": []string{}, "PROBE_TIMEOUT": "1",
		"FIREWALL": "None", "SSH_PORT": "22", "METRICS_PORT": "", "PHONE_HOME": "",
		"UNITS": []string{"payment-service.service"}, "START": "Require", "START_SECONDS": "300",
		"DRAIN": "true", "DRAIN_SECONDS": "3", "DRAIN_NOTICE": "1", "STOP_SECONDS": "5", "CAPTURE": "IPTables", "EXCLUDE_CONTAINERS": "true",
	}
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'" }

// env writes vm.env, into the bundle and where the scripts find it after an installation.
func (m *machine) env() {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m.vars)) {
		switch v := m.vars[name].(type) {
		case string:
			fmt.Fprintf(&b, "VMMESH_%s=%s\n", name, quote(v))
		case []string:
			var words []string
			for _, w := range v {
				words = append(words, quote(w))
			}
			fmt.Fprintf(&b, "VMMESH_%s=(%s)\n", name, strings.Join(words, " "))
		}
	}
	m.write("bundle/vm.env", b.String())
	if _, err := os.Stat(m.path("etc/vmmesh")); err == nil {
		m.write("etc/vmmesh/vm.env", b.String())
	}
}

// placed does what an installation leaves behind, without one.
func (m *machine) placed() {
	for _, dir := range []string{"etc/vmmesh", "var/lib/vmmesh", "var/lib/istio", "local/lib/vmmesh"} {
		require.NoError(m.t, os.MkdirAll(m.path(dir), 0o755))
	}
	for _, name := range []string{"cluster.env", "mesh.yaml", "hosts"} {
		m.write("etc/vmmesh/"+name, m.read("bundle/"+name))
	}
	for _, f := range scripts.Files() {
		m.write("local/lib/vmmesh/"+f.Path, string(f.Data))
	}
}

func (m *machine) path(p string) string { return filepath.Join(m.root, p) }

func (m *machine) write(p, text string) {
	m.t.Helper()
	if have, err := os.ReadFile(m.path(p)); err == nil && string(have) == text {
		return
	}
	require.NoError(m.t, os.MkdirAll(filepath.Dir(m.path(p)), 0o755))
	require.NoError(m.t, os.WriteFile(m.path(p), []byte(text), 0o644))
}

func (m *machine) read(p string) string {
	m.t.Helper()
	data, err := os.ReadFile(m.path(p))
	require.NoError(m.t, err)
	return string(data)
}

func (m *machine) remove(p string) { require.NoError(m.t, os.RemoveAll(m.path(p))) }

// tool puts a stand-in for a command before the real one.
func (m *machine) tool(name, body string) {
	m.write("local/sbin/"+name, "#!/bin/bash\n"+strings.TrimSpace(body)+"\n")
	require.NoError(m.t, os.Chmod(m.path("local/sbin/"+name), 0o755))
}

// result is what a run left: its exit code and what it said.
type result struct {
	code        int
	out, errors string
}

// run runs a command in the machine, with vm.env as m.vars say.
func (m *machine) run(command ...string) result {
	m.t.Helper()
	m.env()
	args := []string{"--mount"}
	before := "exec \"$@\""
	if m.net != "" {
		args = append(args, "--net", "--kill-child", "--fork")
		before = "set -e; ip link set lo up; " + m.net + "; exec \"$@\""
	}
	args = append(args, "--", "bash", "-c", before, "bash", "bash", "testdata/enter.sh", m.root)
	cmd := exec.Command("unshare", append(args, command...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = 10 * time.Second // for what a command leaves behind
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(m.t, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// script runs an installed script.
func (m *machine) script(name string, args ...string) result {
	m.t.Helper()
	m.meet()
	defer m.meet()
	return m.run(append([]string{"bash", "/usr/local/lib/vmmesh/" + name}, args...)...)
}

// meet is where the test and its servers see what the other has done: nothing else tells Go that a script was in between.
func (m *machine) meet() {
	m.host.Lock()
	defer m.host.Unlock()
}

// ok demands that a run succeeded.
func (m *machine) ok(r result) result {
	m.t.Helper()
	require.Zero(m.t, r.code, "%s%s", r.out, r.errors)
	return r
}

// fails demands that a run failed and said why.
func (m *machine) fails(r result, words ...string) {
	m.t.Helper()
	require.NotZero(m.t, r.code, "%s%s", r.out, r.errors)
	for _, w := range words {
		require.Contains(m.t, r.errors, w)
	}
}

// state is the content, mode, owner and time of everything in the machine that is meant to last.
func (m *machine) state() map[string]string {
	m.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(m.root, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(m.root, p)
		if name == "etc/alternatives" || name == "proc" || name == "sys" || name == "dev" || name == "usr" || name == "tmp" || name == "var/log/systemctl" {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		text := fmt.Sprintf("%s %s", info.Mode(), owner(info))
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %d %x", info.ModTime().UnixNano(), sha256.Sum256(data))
		}
		all[name] = text
		return nil
	})
	require.NoError(m.t, err)
	return all
}

func owner(info fs.FileInfo) string {
	stat := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d", stat.Uid, stat.Gid)
}

// unchanged demands that nothing in the machine is other than it was.
func (m *machine) unchanged(before map[string]string) {
	m.t.Helper()
	after := m.state()
	for name, was := range before {
		require.Equal(m.t, was, after[name], name)
	}
	for name := range after {
		require.Contains(m.t, slices.Collect(maps.Keys(before)), name)
	}
}
