package scripts_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBootstrap: a first boot whose mirror is away leaves a VM that tries again, that reports why, and whose application does not
// start without the mesh. The next try succeeds.
func TestBootstrap(t *testing.T) {
	m := newDebian(t)
	s := newMirror(t, m)
	m.tool("systemd-run", `echo "$*" >>/var/log/systemd-run`)
	require.NoError(t, os.MkdirAll(m.path("var/lib/vmmesh"), 0o755))
	require.NoError(t, os.Symlink("/bundle", m.path("var/lib/vmmesh/bundle")))

	// What user-data runs places the units first, and starts the one that tries.
	m.ok(m.install("--boot"))
	require.Equal(t, []string{"daemon-reload", "--quiet enable vmmesh-bootstrap.service", "start vmmesh-bootstrap.service"}, m.managed())
	require.Equal(t, m.read("bundle/vmmesh-bootstrap.service"), m.read("etc/systemd/system/vmmesh-bootstrap.service"))
	require.Contains(t, m.read("etc/systemd/system/payment-service.service.d/10-vmmesh.conf"), "Requires=vmmesh-ready.service")

	// systemd runs it: the first try fails.
	m.fails(m.script("bootstrap.sh", "run"), ".sha256 could not be fetched")
	require.Contains(t, m.read("var/lib/vmmesh/bootstrap.error"), ".sha256 could not be fetched")
	require.NoFileExists(t, m.path("var/lib/vmmesh/installed"))
	require.NoFileExists(t, m.path("local/bin/pilot-agent"))

	// diagnose.sh reports that, also from the bundle.
	for _, script := range []string{"/usr/local/lib/vmmesh/diagnose.sh", "/bundle/diagnose.sh"} {
		r := m.run("bash", script)
		require.Equal(t, 2, r.code)
		first := strings.SplitN(r.out, "\n", 4)[2]
		require.Contains(t, first, "install.sh has not succeeded on this VM")
		require.Contains(t, first, ".sha256 could not be fetched")
	}

	// The time between two tries doubles, up to five minutes, and nothing follows a success.
	for range 6 {
		m.ok(m.run("env", "SERVICE_RESULT=exit-code", "bash", "/usr/local/lib/vmmesh/bootstrap.sh", "again"))
	}
	m.ok(m.run("env", "SERVICE_RESULT=success", "bash", "/usr/local/lib/vmmesh/bootstrap.sh", "again"))
	var delays []string
	for line := range strings.Lines(m.read("var/log/systemd-run")) {
		words := strings.Fields(line)
		for n, w := range words {
			if w == "--on-active" {
				delays = append(delays, words[n+1])
			}
		}
	}
	require.Equal(t, []string{"30", "60", "120", "240", "300", "300"}, delays)

	// The mirror is back.
	s.add("1.31.1", deb(t, "1.31.1"))
	m.ok(m.script("bootstrap.sh", "run"))
	require.FileExists(t, m.path("local/bin/pilot-agent"))
	require.FileExists(t, m.path("var/lib/vmmesh/installed"))
	require.NoFileExists(t, m.path("var/lib/vmmesh/bootstrap.error"))
	m.managed()

	// Another boot from the same user-data changes nothing.
	before, asked := m.state(), s.asked.Load()
	m.ok(m.install("--boot"))
	m.ok(m.script("bootstrap.sh", "run"))
	m.unchanged(before)
	require.Equal(t, asked, s.asked.Load())
}

// TestPhoneHome: the URL hears of both outcomes, and an URL that does not answer changes neither.
func TestPhoneHome(t *testing.T) {
	m := newDebian(t)
	s := newMirror(t, m)
	require.NoError(t, os.MkdirAll(m.path("var/lib/vmmesh"), 0o755))
	require.NoError(t, os.Symlink("/bundle", m.path("var/lib/vmmesh/bundle")))
	var heard []string
	packages := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPost {
			text := make([]byte, 4096)
			n, _ := q.Body.Read(text)
			m.host.Lock()
			defer m.host.Unlock()
			heard = append(heard, string(text[:n]))
			return
		}
		packages.ServeHTTP(w, q)
	})
	m.vars["PHONE_HOME"] = s.URL + "/heard"
	m.ok(m.install("--boot"))
	m.fails(m.script("bootstrap.sh", "run"))
	s.add("1.31.1", deb(t, "1.31.1"))
	m.ok(m.script("bootstrap.sh", "run"))
	require.Len(t, heard, 2)
	require.Contains(t, heard[0], `"group":"payment-service","status":"failed","message":"`)
	require.Contains(t, heard[0], "could not be fetched")
	require.Contains(t, heard[1], `"status":"installed","message":""`)

	m.remove("var/lib/vmmesh/installed")
	m.vars["PHONE_HOME"] = "https://127.0.0.1:1/"
	m.ok(m.install("--boot"))
	require.Contains(t, m.ok(m.script("bootstrap.sh", "run")).errors, "could not be told")
}

// TestApplicationUnits: each unit of the spec gets its order, by the kind of start, and a unit that is no longer listed loses it.
func TestApplicationUnits(t *testing.T) {
	m := newDebian(t)
	m.tool("pilot-agent", "exit 0")
	file := func(unit string) string { return "etc/systemd/system/" + unit + ".d/10-vmmesh.conf" }
	m.vars["UNITS"] = []string{"mysql.service", "web@1.service"}
	m.ok(m.install())
	for _, unit := range []string{"mysql.service", "web@1.service"} {
		require.Contains(t, m.read(file(unit)), "\nRequires=vmmesh-ready.service\nAfter=vmmesh-ready.service\n")
	}
	require.NoFileExists(t, m.path(file("payment-service.service")))
	require.Contains(t, m.read(file("vmmesh-drain.service")), "After=mysql.service web@1.service\n")
	require.Contains(t, m.read(file("vmmesh-drain.service")), "TimeoutStopSec=18\n")
	require.Contains(t, m.read("etc/systemd/system/istio.service.d/20-stop.conf"), "TimeoutStopSec=15\n")

	m.vars["START"] = "Wait"
	m.vars["UNITS"] = []string{"mysql.service"}
	m.ok(m.install())
	require.Contains(t, m.read(file("mysql.service")), "\nWants=vmmesh-ready.service\nAfter=vmmesh-ready.service\n")
	require.NotContains(t, m.read(file("mysql.service")), "\nRequires=")
	require.NoFileExists(t, m.path(file("web@1.service")))

	m.vars["START"] = "Independent"
	m.ok(m.install())
	require.NoFileExists(t, m.path(file("mysql.service")))
}

// TestHeldPackage: a package that an operator holds is there, and is not installed again.
func TestHeldPackage(t *testing.T) {
	m := newDebian(t)
	s := newMirror(t, m)
	s.add("1.31.1", deb(t, "1.31.1"))
	m.ok(m.install())
	status := strings.Replace(m.read("var/lib/dpkg/status"), "Status: install ok", "Status: hold ok", 1)
	require.Contains(t, status, "Status: hold ok")
	m.write("var/lib/dpkg/status", status)
	m.managed()
	asked := s.asked.Load()
	m.ok(m.install())
	require.Equal(t, asked, s.asked.Load())
	require.Empty(t, m.managed())
}

const readySidecar = `
url=${!#}
case $url in
*/healthz/ready) [ -e /run/sidecar-is-ready ] ;;
*15000/stats*) cat /run/connections 2>/dev/null || echo "listener.0.0.0.0_15006.downstream_cx_active: 0" ;;
*) exec /usr/bin/curl "$@" ;;
esac`

// watched is a VM whose sidecar runs, with rules of capture in the legacy variant, as the agent makes them on Debian.
func watched(t *testing.T) *machine {
	m := newMachine(t)
	m.placed()
	m.net = network
	m.tool("curl", readySidecar)
	m.tool("iptables-save", "true")
	m.tool("iptables-nft-save", "true")
	m.tool("nft", "true")
	m.tool("iptables-legacy-save", "cat /run/legacy 2>/dev/null")
	m.write("local/bin/istio-start.sh", "#!/bin/bash\necho \"$*\" >>/var/log/istio-start\n[ -e /run/broken ] || echo '-A PREROUTING -p tcp -j ISTIO_INBOUND' >/run/legacy\n")
	require.NoError(t, os.Chmod(m.path("local/bin/istio-start.sh"), 0o755))
	m.write("run/active-istio.service", "")
	m.write("run/sidecar-is-ready", "")
	m.write("run/legacy", "-A PREROUTING -p tcp -j ISTIO_INBOUND\n")
	m.write("var/lib/istio/envoy/cluster.env", "ISTIO_SVC_IP='10.0.0.5'\n")
	return m
}

// TestWatch: capture that was flushed comes back, and what is in order is left alone.
func TestWatch(t *testing.T) {
	m := watched(t)
	m.ok(m.script("watch.sh"))
	require.NoFileExists(t, m.path("var/log/istio-start"))
	require.Empty(t, m.managed())

	m.remove("run/legacy")
	r := m.ok(m.script("watch.sh"))
	require.Contains(t, r.errors, "the rules of capture are gone")
	require.Equal(t, "init\n", m.read("var/log/istio-start"))
	require.Empty(t, m.managed())

	// Where that does not help, the sidecar is restarted.
	m.remove("run/legacy")
	m.write("run/broken", "")
	m.ok(m.script("watch.sh"))
	require.Equal(t, []string{"--no-block restart istio.service"}, m.managed())

	// A sidecar that is not ready may not have made its rules yet; one that is stopped has none, and without capture none are due.
	m.remove("run/sidecar-is-ready")
	m.ok(m.script("watch.sh"))
	require.Empty(t, m.managed())
	m.write("run/sidecar-is-ready", "")
	m.vars["INTERCEPTION"] = "NONE"
	m.ok(m.script("watch.sh"))
	require.Empty(t, m.managed())
	m.vars["INTERCEPTION"] = "REDIRECT"
	m.remove("run/active-istio.service")
	m.ok(m.script("watch.sh"))
	require.Empty(t, m.managed())
}

// TestWatchAddress: a VM whose address changed is known by the new one after a restart.
func TestWatchAddress(t *testing.T) {
	m := watched(t)
	m.write("var/lib/istio/envoy/cluster.env", "ISTIO_SVC_IP='10.0.0.77'\n")
	r := m.ok(m.script("watch.sh"))
	require.Contains(t, r.errors, "address is 10.0.0.5 now, and was 10.0.0.77")
	require.Equal(t, []string{"--no-block restart istio.service"}, m.managed())
}

// TestHeldApplication: what requires the sidecar does not start without it, and starts when it is ready.
func TestHeldApplication(t *testing.T) {
	m := watched(t)
	m.remove("run/sidecar-is-ready")
	m.vars["UNITS"] = []string{"mysql.service", "off.service"}
	m.write("run/enabled-mysql.service", "")
	m.fails(m.script("ready.sh", "0"), "what needs it starts when it is")
	m.ok(m.script("watch.sh"))
	require.Empty(t, m.managed())
	m.write("run/sidecar-is-ready", "")
	m.ok(m.script("watch.sh"))
	require.Equal(t, []string{"--no-block start mysql.service"}, m.managed())
	m.ok(m.script("watch.sh"))
	require.Empty(t, m.managed())

	// With Wait systemd starts it anyway.
	m.remove("run/sidecar-is-ready")
	m.vars["START"] = "Wait"
	m.fails(m.script("ready.sh", "0"), "what waits for it starts without it")
	require.NoFileExists(t, m.path("run/vmmesh-held"))
}

// TestRotation: the probe fails while the VM is out, whatever the application answers.
func TestRotation(t *testing.T) {
	m := watched(t)
	m.vars["PROBE"], m.vars["PROBE_COMMAND"] = "exec", []string{"/bin/true"}
	status := func() string { return m.ok(m.script("rotation.sh", "status")).out }
	m.ok(m.script("probe.sh"))
	require.Equal(t, "in\n", status())

	m.ok(m.script("rotation.sh", "drain", "--wait", "1"))
	require.Equal(t, "out\n", status())
	m.fails(m.script("probe.sh"), "out of rotation")
	m.ok(m.script("probe.sh", "application"))
	require.Equal(t, "out\n", status(), "a second look changes nothing")
	m.ok(m.script("rotation.sh", "join"))
	require.Equal(t, "in\n", status())
	m.ok(m.script("probe.sh"))

	// A stop drains, within its bound also while connections remain, and the next start takes the VM back.
	m.write("run/connections", "listener.0.0.0.0_15006.downstream_cx_active: 7\n")
	m.ok(m.script("rotation.sh", "stop"))
	require.Equal(t, "stopping\n", status())
	m.fails(m.script("probe.sh"))
	m.ok(m.script("rotation.sh", "started"))
	require.Equal(t, "in\n", status())

	// An operator's drain outlives a start.
	m.ok(m.script("rotation.sh", "drain", "--wait", "1"))
	m.ok(m.script("rotation.sh", "started"))
	require.Equal(t, "out\n", status())
	m.ok(m.script("rotation.sh", "join"))

	m.vars["DRAIN"] = "false"
	m.ok(m.script("rotation.sh", "stop"))
	require.Equal(t, "in\n", status())

	m.fails(m.script("rotation.sh", "drain", "--wait", "soon"), "soon is not a number of seconds")
	m.fails(m.script("rotation.sh", "drain", "now"), "usage:")
	m.vars["PROBE"] = ""
	m.fails(m.script("rotation.sh", "drain"), "cannot be drained: its workload has no probe")
	require.Equal(t, "in\n", status())
}

// TestUninstall: what install.sh and the sidecar made is gone, keys and tokens too, and a second run finds nothing to do.
func TestUninstall(t *testing.T) {
	m := newDebian(t)
	s := newMirror(t, m)
	s.add("1.31.1", deb(t, "1.31.1"))
	// The scratch machine's /usr/local is a mount, which dpkg cannot remove.
	m.tool("apt-get", `case " $* " in
*" purge "*) rm -rf /usr/local/bin/pilot-agent /var/lib/istio/envoy/sidecar.env /usr/lib/systemd/system/istio.service /etc/istio ;;
*) exec /usr/bin/apt-get "$@" ;;
esac`)
	m.ok(m.run("mkdir", "-p", "/usr/local/lib"))
	before := m.state()
	m.ok(m.install())
	m.ok(m.run("bash", "-c", "mkdir -p /etc/certs /run/secrets/tokens && echo key >/etc/certs/key.pem && echo t >/run/secrets/tokens/istio-token && "+
		"echo t >/var/lib/vmmesh/istio-token && bash /usr/local/lib/vmmesh/hosts.sh"))
	require.Contains(t, m.read("etc/hosts"), "# BEGIN vmmesh")
	m.ok(m.script("uninstall.sh"))
	after := m.state()
	for name := range after {
		if _, was := before[name]; !was && !strings.HasPrefix(name, "var/lib/dpkg") && !strings.HasPrefix(name, "var/log") &&
			!strings.HasPrefix(name, "var/cache") && !strings.HasPrefix(name, "var/lib/apt") && !strings.HasPrefix(name, "run/") &&
			name != "etc/systemd" && name != "etc/systemd/system" {
			t.Errorf("%s is left", name)
		}
	}
	require.NoDirExists(t, m.path("run/secrets"))
	require.NotContains(t, m.read("etc/hosts"), "vmmesh")
	require.Equal(t, "127.0.0.1 localhost\n", m.read("etc/hosts"))
	r := m.ok(m.run("bash", "/bundle/uninstall.sh"))
	require.Empty(t, m.left(), r.errors)
	m.vars["PACKAGE_FORMAT"] = "None"
	m.write("local/bin/pilot-agent", "#!/bin/sh\n")
	require.NoError(t, os.Chmod(m.path("local/bin/pilot-agent"), 0o755))
	m.ok(m.install())
	m.ok(m.script("uninstall.sh", "--keep-package"))
	require.FileExists(t, m.path("local/bin/pilot-agent"))
	require.NoDirExists(t, m.path("etc/vmmesh"))
	m.fails(m.run("bash", "/bundle/uninstall.sh", "--force"), "unknown argument --force")
}

// TestRebuiltCluster: a certificate of a CA that is gone makes way for the new token, and an istiod that shows another root has
// the strategy asked for it.
func TestRebuiltCluster(t *testing.T) {
	m := readied(t)
	old, _ := certificate(t, "spiffe://old", 0, 1<<40)
	m.write("etc/certs/root-cert.pem", old)
	m.certified(spiffe, -3600e9, 23*3600e9) // of the new CA, which the old root does not vouch for
	token := jwt(t, 3600e9)
	root, _ := certificate(t, "spiffe://cluster.local", 0, 0)
	m.write("var/lib/vmmesh/istio-token", token+"\n")
	m.write("var/lib/vmmesh/root-cert.pem", old)
	m.ok(m.script("identity.sh"))
	m.hasToken(token)
	require.NoFileExists(t, m.path("etc/certs/cert-chain.pem"))

	// The root that vouches for it arrives: the certificate is good, and no token is asked for.
	m.remove(tokenPath)
	m.certified(spiffe, -3600e9, 23*3600e9)
	m.write("etc/certs/root-cert.pem", root)
	m.write("var/lib/vmmesh/root-cert.pem", root)
	require.Contains(t, m.ok(m.script("identity.sh")).errors, "no token is needed")
}

// TestContainers: bridges of containers are left out of capture beside the spec's interfaces, but not one that carries the VM's
// own traffic.
func TestContainers(t *testing.T) {
	m := newMachine(t)
	m.placed()
	m.identified()
	m.net = network + "; for n in docker0 br-1234 virbr0 br-lan cnio; do ip link add $n type veth peer name p-$n; done; ip addr add 10.0.0.5/32 dev br-lan"
	m.write("etc/vmmesh/cluster.env", "ISTIO_EXCLUDE_INTERFACES='wg0,docker0'\nISTIO_NAMESPACE='x'\n")
	m.write("etc/vmmesh/instances", "10.0.0.5\t10.0.0.5\t-\tvm1\tshared\n")
	prepare := func() string {
		m.ok(m.run("bash", "-c", "umount /sys 2>/dev/null; mount -t sysfs sysfs /sys && bash /usr/local/lib/vmmesh/prepare.sh"))
		return m.read("var/lib/istio/envoy/cluster.env")
	}
	require.Contains(t, prepare(), "ISTIO_EXCLUDE_INTERFACES='wg0,docker0,br-1234,cnio,virbr0'\n")
	m.vars["EXCLUDE_CONTAINERS"] = "false"
	require.Contains(t, prepare(), "ISTIO_EXCLUDE_INTERFACES='wg0,docker0'\n")
}
