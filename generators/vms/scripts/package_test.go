package scripts_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/generators/vms/scripts"
)

// deb builds an istio-sidecar package of the true layout in miniature: what the scripts read of it, its configuration
// file and its post-install script.
func deb(t *testing.T, version string) []byte {
	t.Helper()
	dir := t.TempDir()
	put := func(p, text string, mode os.FileMode) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, p)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, p), []byte(text), mode))
	}
	put("DEBIAN/control", "Package: istio-sidecar\nVersion: "+version+"\nArchitecture: amd64\nMaintainer: istio@istio.io\nDescription: Istio Sidecar\n", 0o644)
	put("DEBIAN/conffiles", "/var/lib/istio/envoy/sidecar.env\n", 0o644)
	put("DEBIAN/postinst", `#!/bin/sh
set -e
[ -e /etc/istio ] || ln -s /var/lib/istio /etc/istio
mkdir -p /var/lib/istio/envoy /var/lib/istio/proxy /var/lib/istio/config /var/log/istio /etc/certs
touch /var/lib/istio/config/mesh
chown istio-proxy:istio-proxy /etc/certs /var/lib/istio/envoy /var/lib/istio/config /var/log/istio /var/lib/istio/config/mesh /var/lib/istio/proxy
`, 0o755)
	put("usr/local/bin/pilot-agent", "#!/bin/sh\necho "+version+"\n", 0o755)
	put("var/lib/istio/envoy/sidecar.env", "# of "+version+"\n", 0o644)
	put("lib/systemd/system/istio.service", "[Service]\nExecStart=/usr/local/bin/istio-start.sh\n", 0o644)
	file := filepath.Join(t.TempDir(), "x.deb")
	out, err := exec.Command("dpkg-deb", "--root-owner-group", "--build", dir, file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return data
}

// mirror serves packages over https, with a certificate that the machine's trust store knows.
type mirror struct {
	*httptest.Server
	files map[string][]byte
	asked atomic.Int32
}

func newMirror(t *testing.T, m *machine) *mirror {
	t.Helper()
	s := &mirror{files: map[string][]byte{}}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		m.host.Lock()
		defer m.host.Unlock()
		s.asked.Add(1)
		data, ok := s.files[q.URL.Path]
		if !ok {
			http.NotFound(w, q)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(s.Close)
	m.write("etc/ssl/certs/ca-certificates.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	m.vars["PACKAGE_FORMAT"], m.vars["PACKAGE_BASE_URL"] = "Auto", s.URL+"/releases"
	return s
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// add puts a package on the mirror, with upstream's file of its sum.
func (s *mirror) add(version string, data []byte) {
	p := "/releases/" + version + "/deb/istio-sidecar.deb"
	s.files[p] = data
	s.files[p+".sha256"] = []byte(sum(data) + " istio-sidecar.deb\n")
}

// newDebian is a machine with the package manager's own state, and nothing installed.
func newDebian(t *testing.T) *machine {
	m := newMachine(t)
	m.net = ""
	for _, dir := range []string{"etc/apt/sources.list.d", "etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log/apt"} {
		require.NoError(t, os.MkdirAll(m.path(dir), 0o755))
	}
	m.write("var/lib/dpkg/status", "")
	m.write("var/lib/dpkg/available", "")
	m.tool("hostname", "/bin/hostname \"$@\"")
	m.tool("uname", "echo x86_64")
	m.write("bundle/instances", "127.0.0.1\t127.0.0.1\t-\tvm1\tshared\n")
	return m
}

func (m *machine) install(args ...string) result {
	m.t.Helper()
	return m.run(append([]string{"bash", "/bundle/install.sh"}, args...)...)
}

// TestInstall goes from nothing to a member, and again.
func TestInstall(t *testing.T) {
	m := newDebian(t)
	s := newMirror(t, m)
	s.add("1.31.1", deb(t, "1.31.1"))
	r := m.ok(m.install())
	require.Contains(t, r.errors, "installing istio-sidecar 1.31.1")
	target, err := os.Readlink(m.path("etc/istio"))
	require.NoError(t, err)
	require.Equal(t, "/var/lib/istio", target)
	for _, name := range []string{"cluster.env", "mesh.yaml", "hosts", "vm.env", "instances"} {
		require.Equal(t, m.read("bundle/"+name), m.read("etc/vmmesh/"+name))
	}
	for _, name := range []string{"lib.sh", "prepare.sh", "identity.sh", "address.sh", "hosts.sh", "firewall.sh", "ready.sh"} {
		require.Equal(t, m.read("bundle/"+name), m.read("local/lib/vmmesh/"+name))
	}
	require.NoFileExists(t, m.path("local/lib/vmmesh/install.sh"))
	require.Equal(t, m.read("bundle/istio.conf"), m.read("etc/systemd/system/istio.service.d/10-vmmesh.conf"))
	require.Equal(t, m.read("bundle/application.conf"), m.read("etc/systemd/system/payment-service.service.d/10-vmmesh.conf"))
	require.Equal(t, m.read("bundle/vmmesh-identity.timer"), m.read("etc/systemd/system/vmmesh-identity.timer"))
	require.Equal(t, m.read("bundle/istio.logrotate"), m.read("etc/logrotate.d/vmmesh"))
	require.Equal(t, []string{"daemon-reload", "--quiet enable istio.service", "--no-block start istio.service", "--quiet enable vmmesh-identity.timer", "--no-block start vmmesh-identity.timer",
		"--quiet enable vmmesh-watch.timer", "--no-block start vmmesh-watch.timer", "reset-failed vmmesh-bootstrap.service"}, m.managed())
	require.Empty(t, m.left())

	// Again: nothing is fetched, written or started.
	asked, before := s.asked.Load(), m.state()
	m.ok(m.install())
	require.Equal(t, asked, s.asked.Load())
	m.unchanged(before)
	require.Empty(t, m.managed())

	// A change of what the sidecar reads starts it again, and nothing else does.
	m.write("bundle/cluster.env", "ISTIO_NAMESPACE='other'\n")
	m.ok(m.install())
	require.Equal(t, []string{"--no-block restart istio.service"}, m.managed())
	m.write("bundle/application.conf", m.read("bundle/application.conf")+"# more\n")
	m.ok(m.install())
	require.Equal(t, []string{"daemon-reload"}, m.managed())

	// What the bundle no longer has goes away.
	m.remove("bundle/instances")
	m.ok(m.install())
	require.NoFileExists(t, m.path("etc/vmmesh/instances"))
	m.vars["UNITS"] = []string{"orders.service"}
	m.ok(m.install())
	require.NoFileExists(t, m.path("etc/systemd/system/payment-service.service.d/10-vmmesh.conf"))
	require.FileExists(t, m.path("etc/systemd/system/orders.service.d/10-vmmesh.conf"))
}

// managed is what systemctl was asked to change since the last call.
func (m *machine) managed() []string {
	m.t.Helper()
	var out []string
	for _, line := range strings.Split(m.read("var/log/systemctl"), "\n") {
		if line != "" && !strings.Contains(line, "is-active") && !strings.Contains(line, "is-enabled") {
			out = append(out, line)
		}
	}
	m.remove("var/log/systemctl")
	return out
}

// left is what remains of temporary files.
func (m *machine) left() []string {
	m.t.Helper()
	var out []string
	for _, dir := range []string{"tmp", "var/tmp", "etc/vmmesh", "etc/systemd/system", "local/lib/vmmesh"} {
		entries, err := os.ReadDir(m.path(dir))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(m.t, err)
		for _, e := range entries {
			if dir == "tmp" || dir == "var/tmp" || len(filepath.Ext(e.Name())) == 7 && filepath.Ext(e.Name()) != ".device" && !strings.HasSuffix(e.Name(), ".service") {
				out = append(out, dir+"/"+e.Name())
			}
		}
	}
	return out
}

// TestUpgrade: the administrator's changes to configuration files stay, and nobody goes back by accident.
func TestUpgrade(t *testing.T) {
	m := newDebian(t)
	s := newMirror(t, m)
	for _, v := range []string{"1.30.4", "1.31.1"} {
		s.add(v, deb(t, v))
	}
	m.vars["PACKAGE_VERSION"] = "1.30.4"
	m.ok(m.install())
	m.managed()
	m.write("var/lib/istio/envoy/sidecar.env", "ISTIO_AGENT_FLAGS='--proxyLogLevel debug'\n")

	m.vars["PACKAGE_VERSION"] = "1.31.1"
	r := m.ok(m.install())
	require.Contains(t, r.errors, "installing istio-sidecar 1.31.1 over 1.30.4")
	require.Equal(t, "#!/bin/sh\necho 1.31.1\n", m.read("local/bin/pilot-agent"))
	require.Equal(t, "ISTIO_AGENT_FLAGS='--proxyLogLevel debug'\n", m.read("var/lib/istio/envoy/sidecar.env"))
	require.Equal(t, []string{"--no-block restart istio.service"}, m.managed())

	m.vars["PACKAGE_VERSION"] = "1.30.4"
	r = m.ok(m.install())
	require.Contains(t, r.errors, "istio-sidecar 1.31.1 stays, though the spec says 1.30.4")
	require.Equal(t, "#!/bin/sh\necho 1.31.1\n", m.read("local/bin/pilot-agent"))

	m.ok(m.install("--allow-downgrade"))
	require.Equal(t, "#!/bin/sh\necho 1.30.4\n", m.read("local/bin/pilot-agent"))
	m.fails(m.install("--force"), "unknown argument --force", "usage:")
}

// TestPackagesThatAreRefused: whatever is wrong, nothing is installed and nothing is left.
func TestPackagesThatAreRefused(t *testing.T) {
	good := deb(t, "1.31.1")
	const file = "/releases/1.31.1/deb/istio-sidecar.deb"
	for _, c := range []struct {
		name   string
		change func(m *machine, s *mirror)
		errors []string
	}{
		{"tampered", func(_ *machine, s *mirror) { s.files[file] = append([]byte(nil), append(good, 0)...) }, []string{"is not what it should be", sum(good), "nothing was installed"}},
		{"another than pinned", func(m *machine, _ *mirror) { m.vars["PACKAGE_SHA256_DEB_AMD64"] = strings.Repeat("a", 64) }, []string{"is not what it should be", strings.Repeat("a", 64)}},
		{"no sum", func(_ *machine, s *mirror) { delete(s.files, file+".sha256") }, []string{".sha256 could not be fetched", "vm.package.checksums"}},
		{"a sum that is none", func(_ *machine, s *mirror) { s.files[file+".sha256"] = []byte("<html>") }, []string{"holds no SHA-256 sum"}},
		{"no package", func(m *machine, s *mirror) {
			delete(s.files, file)
		}, []string{"could not be fetched", "404"}},
		{"an origin that nobody knows", func(m *machine, _ *mirror) { m.write("etc/ssl/certs/ca-certificates.crt", "") }, []string{"could not be fetched"}},
		{"in the clear, not pinned", func(m *machine, _ *mirror) { m.vars["PACKAGE_BASE_URL"] = "http://127.0.0.1:1" }, []string{"is not encrypted and no checksum pins it", "vm.package.checksums"}},
		{"another system's format", func(m *machine, _ *mirror) { m.vars["PACKAGE_FORMAT"] = "RPM" }, []string{"vm.package.format is RPM"}},
		{"another machine", func(m *machine, _ *mirror) { m.tool("uname", "echo riscv64") }, []string{"no packages for riscv64"}},
		{"no package manager's help", func(m *machine, _ *mirror) { m.vars["PACKAGE_FORMAT"] = "None" }, []string{"pilot-agent is not here", "into the image"}},
		{"a package that does not install", func(_ *machine, s *mirror) { s.add("1.31.1", []byte("no package")) }, []string{"istio-sidecar 1.31.1 could not be installed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newDebian(t)
			s := newMirror(t, m)
			s.add("1.31.1", good)
			c.change(m, s)
			m.fails(m.install(), c.errors...)
			require.NoFileExists(t, m.path("local/bin/pilot-agent"))
			require.NoDirExists(t, m.path("etc/istio"))
			require.NoFileExists(t, m.path("var/lib/vmmesh/installed"))
			require.FileExists(t, m.path("etc/systemd/system/payment-service.service.d/10-vmmesh.conf"), "it does not start without the mesh")
			require.Empty(t, m.left())
		})
	}
}

// TestPinnedPackages needs no file of sums, and over http nothing else will do.
func TestPinnedPackages(t *testing.T) {
	m := newDebian(t)
	s := newMirror(t, m)
	data := deb(t, "1.31.1")
	s.files["/releases/1.31.1/deb/istio-sidecar-arm64.deb"] = data
	m.tool("uname", "echo aarch64")
	m.vars["PACKAGE_SHA256_DEB_ARM64"] = sum(data)
	plain := httptest.NewServer(s.Config.Handler)
	t.Cleanup(plain.Close)
	m.vars["PACKAGE_BASE_URL"] = plain.URL + "/releases"
	m.ok(m.install())
	require.EqualValues(t, 1, s.asked.Load())
	require.FileExists(t, m.path("local/bin/pilot-agent"))
}

// TestInstallFromFolders installs from vms/scripts and a group's folder, as they are copied by hand: named from where they
// are, by a path, or not at all. An instance with settings of its own is found by the VM's address.
func TestInstallFromFolders(t *testing.T) {
	m := newDebian(t)
	s := newMirror(t, m)
	s.add("1.31.1", deb(t, "1.31.1"))
	m.env()
	for _, f := range scripts.Files() {
		m.write("root/scripts/"+f.Path, string(f.Data))
	}
	own := strings.Replace(m.read("bundle/vm.env"), "VMMESH_PROBE=''", "VMMESH_PROBE='TCP'", 1)
	require.NotEqual(t, m.read("bundle/vm.env"), own)
	for _, name := range []string{"cluster.env", "mesh.yaml", "hosts", "vm.env"} {
		m.write("root/pay/"+name, m.read("bundle/"+name))
	}
	m.write("root/pay/lib.sh", "exit 1 # of an older release, whose scripts were in the group's folder\n")
	m.write("root/pay/instances", "192.0.2.9\t192.0.2.9\t-\tvm2\tshared\n127.0.0.1\t127.0.0.1\t-\tvm1\tshared\n")
	install := func(dir string, args ...string) result {
		return m.run(append([]string{"bash", "-c", `cd "$1"; shift; bash /root/scripts/install.sh "$@"`, "install", dir}, args...)...)
	}

	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "/root/scripts/vm.env is missing\nvmmesh:   copy vms/scripts and the group's folder to this VM and run: sudo bash scripts/install.sh <group>"},
		{[]string{"web"}, "there is no folder of a group's files at web"},
		{[]string{"pay", "pay"}, "one group at a time: pay or pay"},
		{[]string{"--pay"}, "unknown argument --pay"},
	} {
		r := install("/", c.args...)
		require.NotZero(t, r.code, "%q", c.args)
		require.Contains(t, r.errors, "error: "+c.want)
		require.NoFileExists(t, m.path("etc/vmmesh/vm.env"))
	}

	m.ok(install("/", "pay"))
	for _, name := range []string{"cluster.env", "mesh.yaml", "hosts", "vm.env", "instances"} {
		require.Equal(t, m.read("root/pay/"+name), m.read("etc/vmmesh/"+name))
	}
	require.Equal(t, m.read("root/scripts/lib.sh"), m.read("local/lib/vmmesh/lib.sh"))
	before := m.state()
	m.ok(install("/root", "./pay", "--allow-downgrade"))
	m.ok(install("/root/scripts", "pay"))
	m.unchanged(before)

	// With settings of its own.
	m.write("root/pay/instances", "192.0.2.9\t192.0.2.9\t-\tvm2\tshared\n127.0.0.1\t127.0.0.1\t-\tvm1\town\n")
	before = m.state()
	r := install("/", "pay")
	require.NotZero(t, r.code)
	require.Contains(t, r.errors, "error: this VM is instance vm1, which has settings of its own, and /root/pay/vm1 is missing")
	m.unchanged(before)
	m.write("root/pay/vm1/vm.env", own)
	m.write("root/pay/vm1/cluster.env", "ISTIO_NAMESPACE='other'\n")
	m.write("root/pay/vm1/instances", "127.0.0.1\t127.0.0.1\t-\tvm1\tshared\n")
	m.ok(install("/", "pay"))
	require.Equal(t, own, m.read("etc/vmmesh/vm.env"))
	require.Equal(t, "ISTIO_NAMESPACE='other'\n", m.read("etc/vmmesh/cluster.env"))
	require.Equal(t, m.read("root/pay/vm1/instances"), m.read("etc/vmmesh/instances"))
	require.Equal(t, m.read("root/pay/mesh.yaml"), m.read("etc/vmmesh/mesh.yaml"))
}
