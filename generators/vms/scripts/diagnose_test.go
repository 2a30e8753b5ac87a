package scripts_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmmesh/vmmesh/internal/need"
)

// finding is one of diagnose.sh --json.
type finding struct{ Check, Status, Message, Section string }

type report struct {
	Namespace, Workload, Group, Status string
	Findings                           []finding
}

// healthy is a VM on which all is well: a sidecar that answers, an istiod whose certificate the root vouches for, a
// certificate, the hosts block, rules, names and an application.
func healthy(t *testing.T) *machine {
	m := newMachine(t)
	m.placed()
	m.net = network + "; ip addr add 10.0.0.99/32 dev lo"
	m.identified()
	m.vars["PROBE"], m.vars["PROBE_SCHEME"], m.vars["PROBE_PORT"], m.vars["PROBE_PATH"] = "httpGet", "HTTP", "8080", "/health"
	m.vars["ISTIOD_ADDRESSES"] = []string{"10.0.0.99"}
	m.write("etc/vmmesh/hosts", "10.0.0.99 istiod.istio-system.svc\n")
	m.write("etc/hosts", "127.0.0.1 localhost\n10.96.0.1 kubernetes.default.svc.cluster.local\n# BEGIN vmmesh\n10.0.0.99 istiod.istio-system.svc\n# END vmmesh\n")
	m.write("var/lib/istio/envoy/cluster.env", "ISTIO_SVC_IP='10.0.0.5'\n")
	m.write("run/active-istio.service", "")
	m.write("run/enabled-istio.service", "")
	m.tool("timedatectl", "echo yes")
	m.tool("iptables-save", "echo '-A PREROUTING -p tcp -j ISTIO_INBOUND'")
	m.write("tmp/serve.py", `
import http.server, os, ssl, sys, threading
class Answer(http.server.BaseHTTPRequestHandler):
	def do_GET(self):
		port, code, text = self.server.server_address[1], 200, ""
		if port == 15020 and self.path == "/debug/ndsz": text = '{"table": {"kubernetes.default": {}}}' if "ndsz" not in off else "null"
		elif (port, self.path) == (8080, "/health"): code = 503 if "health" in off or self.client_address[0] != "127.0.0.6" else 200
		elif (port, self.path) == (15021, "/healthz/ready"): code = 503 if "ready" in off else 200
		else: code = 404
		self.send_response(code); self.end_headers(); self.wfile.write(text.encode())
	def log_message(self, *a): pass
off = sys.argv[1:]
def serve(address, tls=None):
	s = http.server.ThreadingHTTPServer(address, Answer)
	if tls: s.socket = tls.wrap_socket(s.socket, server_side=True)
	threading.Thread(target=s.serve_forever, daemon=True).start()
for port in (8080, 15020, 15021): serve(("0.0.0.0", port))
tls = None
if "tls" not in off:
	tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); tls.load_cert_chain("/tmp/istiod.pem")
if "istiod" not in off: serve(("10.0.0.99", 15012), tls)
open("/run/serving", "w").close()
threading.Event().wait()
`)
	out := m.run("bash", "-c", `cd /tmp && printf '[req]\ndistinguished_name=dn\nx509_extensions=ca\n[dn]\n[ca]\nbasicConstraints=critical,CA:true\n' >openssl.cnf && export OPENSSL_CONF=/tmp/openssl.cnf && openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /O=root -keyout root.key -out root.pem 2>/dev/null &&
openssl req -newkey rsa:2048 -nodes -subj /O=istiod -keyout istiod.key -out istiod.csr 2>/dev/null &&
openssl x509 -req -in istiod.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -extfile <(echo subjectAltName=DNS:istiod.istio-system.svc) -out istiod.crt 2>/dev/null &&
cat istiod.key istiod.crt >istiod.pem && openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /O=other -keyout other.key -out other.pem 2>/dev/null`)
	m.ok(out)
	mesh, _ := certificate(t, "spiffe://cluster.local", 0, 0)
	m.write("etc/certs/root-cert.pem", m.read("tmp/root.pem")+mesh)
	m.write("var/lib/vmmesh/installed", "")
	return m
}

// diagnose runs the script beside the daemons, some of them off.
func (m *machine) diagnose(off string, args ...string) result {
	m.t.Helper()
	need.Tool(m.t, "python3", "python3")
	m.remove("run/serving")
	return m.run(append([]string{"bash", "-c", `python3 /tmp/serve.py $0 >/dev/null 2>&1 & trap "kill $!" EXIT
until [ -e /run/serving ]; do kill -0 $! || exit 9; sleep 0.05; done
bash /usr/local/lib/vmmesh/diagnose.sh "$@"`, off}, args...)...)
}

// TestDiagnose brings a healthy VM into one state after the other: diagnose.sh names it, and nothing else.
func TestDiagnose(t *testing.T) {
	sections := map[string]bool{}
	base := healthy(t)
	original := snapshot(base)
	for _, c := range []struct {
		name    string
		off     string
		change  func(m *machine)
		check   string // the finding that is not ok
		status  string
		message string
		also    []string // other checks that follow from it
	}{
		{name: "all is well"},
		{name: "not running", change: func(m *machine) { m.remove("run/active-istio.service") }, check: "unit", status: "error", message: "istio.service is not running"},
		{name: "not enabled", change: func(m *machine) { m.remove("run/enabled-istio.service") }, check: "unit", status: "warning", message: "systemctl enable istio"},
		{name: "not ready", off: "ready", check: "ready", status: "error", message: "15021"},
		{name: "another CA is away", change: func(m *machine) {
			m.vars["CA_HOST"], m.vars["CA_PORT"] = "istiod.istio-system.svc", "443"
			m.token(jwt(t, time.Hour))
		}, check: "ca", status: "error", message: "istiod.istio-system.svc:443 accepts no connection"},
		{name: "another CA without a token", change: func(m *machine) {
			m.vars["CA_HOST"], m.vars["CA_PORT"] = "istiod.istio-system.svc", "15012"
		}, check: "token", status: "warning", message: "renews a certificate for a valid token only"},
		{name: "no hosts block", change: func(m *machine) {
			m.write("etc/hosts", "10.0.0.99 istiod.istio-system.svc\n10.96.0.1 kubernetes.default.svc.cluster.local\n")
		}, check: "hosts", status: "error", message: "hosts.sh"},
		{name: "an old address", change: func(m *machine) { m.write("etc/vmmesh/hosts", "10.0.0.98 istiod.istio-system.svc\n") }, check: "hosts", status: "error", message: "not what the spec says"},
		{name: "istiod is away", off: "istiod", check: "istiod", status: "error", message: "istiod.istio-system.svc:15012 accepts no connection"},
		{name: "istiod without TLS", off: "tls", check: "istiod", status: "error", message: "does not speak TLS"},
		{name: "another mesh's root", change: func(m *machine) { m.write("etc/certs/root-cert.pem", m.read("tmp/other.pem")) }, check: "istiod", status: "error", message: "does not vouch for", also: []string{"certificate", "token"}},
		{name: "another name", change: func(m *machine) {
			m.vars["ISTIOD_HOST"] = "istiod.other.svc"
			m.write("etc/vmmesh/hosts", "10.0.0.99 istiod.other.svc\n")
			m.write("etc/hosts", "10.96.0.1 kubernetes.default.svc.cluster.local\n# BEGIN vmmesh\n10.0.0.99 istiod.other.svc\n# END vmmesh\n")
		}, check: "istiod", status: "error", message: "hostname mismatch"},
		{name: "a certificate near its end", change: func(m *machine) { m.certified(spiffe, -23*time.Hour, time.Hour) }, check: "certificate", status: "warning", message: "should have been renewed"},
		{name: "an expired certificate", change: func(m *machine) { m.certified(spiffe, -25*time.Hour, -time.Hour) }, check: "certificate", status: "error", message: "it ended", also: []string{"token"}},
		{name: "a certificate from the future", change: func(m *machine) { m.certified(spiffe, time.Hour, 25*time.Hour) }, check: "certificate", status: "error", message: "clock is behind", also: []string{"token"}},
		{name: "another's certificate", change: func(m *machine) { m.certified(spiffe+"2", -time.Hour, time.Hour) }, check: "certificate", status: "error", message: "payment-service2", also: []string{"token"}},
		{name: "no certificate", change: func(m *machine) { m.remove("etc/certs/cert-chain.pem"); m.token(jwt(t, time.Hour)) }, check: "certificate", status: "error", message: "there is none"},
		{name: "no certificate and an old token", change: func(m *machine) { m.remove("etc/certs/key.pem"); m.token(jwt(t, -time.Hour)) }, check: "token", status: "error", message: "it ended", also: []string{"certificate"}},
		{name: "an old token beside a good certificate", change: func(m *machine) { m.token(jwt(t, -time.Hour)) }},
		{name: "a token for another audience", change: func(m *machine) {
			m.remove("etc/certs/key.pem")
			m.token("e30.eyJhdWQiOlsiaHR0cHM6Ly9rdWJlcm5ldGVzIl19.e30")
		}, check: "token", status: "error", message: "audience istio-ca", also: []string{"certificate"}},
		{name: "a token of another account", change: func(m *machine) {
			m.remove("etc/certs/key.pem")
			m.token("e30.eyJhdWQiOlsiaXN0aW8tY2EiXSwic3ViIjoic3lzdGVtOnNlcnZpY2VhY2NvdW50OmE6YiJ9.e30")
		}, check: "token", status: "error", message: "service account vm-workloads/payment-service", also: []string{"certificate"}},
		{name: "a token that others may read", change: func(m *machine) {
			m.token(jwt(t, time.Hour))
			require.NoError(t, os.Chmod(m.path(tokenPath), 0o644))
		}, check: "token", status: "warning", message: "istio-proxy with 644"},
		{name: "no instance", change: func(m *machine) { m.vars["REGISTRATION"] = "Static" }, check: "address", status: "error", message: "none of this VM's addresses"},
		{name: "another address than istio's", change: func(m *machine) { m.write("var/lib/istio/envoy/cluster.env", "ISTIO_SVC_IP='10.0.0.6'\n") }, check: "address", status: "warning", message: "others should dial 10.0.0.5", also: []string{"probe"}},
		{name: "nothing captured", change: func(m *machine) { m.tool("iptables-save", ":") }, check: "capture", status: "error", message: "past the sidecar"},
		{name: "captured against the spec", change: func(m *machine) { m.vars["INTERCEPTION"] = "NONE" }, check: "capture", status: "warning", message: "vm.interception.mode is NONE"},
		{name: "no names yet", off: "ndsz", check: "dns", status: "error", message: "no names from istiod"},
		{name: "a name is missing", change: func(m *machine) { m.vars["CLUSTER_DOMAIN"] = "other.example" }, check: "dns", status: "warning", message: "kubernetes.default.svc.other.example does not resolve"},
		{name: "no resolver to forward", change: func(m *machine) { m.vars["DNS_MODE"], m.vars["DNS_SERVERS"] = "Forward", []string{"10.0.0.53"} }, check: "dns", status: "error", message: "10.0.0.53"},
		{name: "DNS is left alone", change: func(m *machine) { m.vars["DNS_MODE"], m.vars["CLUSTER_DOMAIN"] = "None", "other.example" }},
		{name: "the application is ill", off: "health", check: "probe", status: "error", message: "httpGet http://10.0.0.5:8080/health fails"},
		{name: "the application listens nowhere", change: func(m *machine) { m.vars["PROBE"], m.vars["PROBE_PORT"] = "tcpSocket", "8081" }, check: "probe", status: "error", message: "tcpSocket 10.0.0.5:8081 fails"},
		{name: "it listens", change: func(m *machine) { m.vars["PROBE"], m.vars["PROBE_HOST"] = "tcpSocket", "127.0.0.1" }},
		{name: "a command that fails", change: func(m *machine) {
			m.vars["PROBE"], m.vars["PROBE_COMMAND"] = "exec", []string{"/bin/sh", "-c", `[ "$(id -un)" = root ]`}
		}, check: "probe", status: "error", message: "exec"},
		{name: "no firewall where the spec has one", change: func(m *machine) { m.opened("Nftables", ""); m.vars["FIREWALL"] = "Nftables" }, check: "firewall", status: "error", message: "firewall.sh apply"},
		{name: "a clock on its own", change: func(m *machine) { m.tool("timedatectl", "echo no") }, check: "clock", status: "warning", message: "not synchronized"},
		{name: "SPIRE without its agent", change: func(m *machine) { m.vars["IDENTITY"], m.vars["SPIRE_SOCKET"] = "SPIRE", "/run/spire.sock" }, check: "certificate", status: "error", message: "/run/spire.sock"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := base
			m.t = t
			m.restore(original)
			if c.change != nil {
				c.change(m)
			}
			r := m.diagnose(c.off, "--json")
			var got report
			require.NoError(t, json.Unmarshal([]byte(r.out), &got), "%s%s", r.out, r.errors)
			require.Equal(t, []string{"vm-workloads", "payment-service", "payment-service"}, []string{got.Namespace, got.Workload, got.Group})
			worst := map[string]int{"ok": 0, "warning": 1, "error": 2}
			require.Equal(t, worst[got.Status], r.code)
			allowed := append(c.also, c.check)
			found := c.check == ""
			for _, f := range got.Findings {
				if f.Status != "ok" {
					require.Contains(t, allowed, f.Check, "%+v", f)
					require.NotEmpty(t, f.Section)
					sections[f.Section] = true
				}
				if f.Check == c.check && f.Status == c.status && strings.Contains(f.Message, c.message) {
					found = true
				}
			}
			require.True(t, found, r.out)
			if c.check == "" {
				require.Equal(t, "ok", got.Status, r.out)
			}
		})
	}
	// What findings point at is what RUNBOOK.md has: see the handbook's own test.
	for _, s := range []string{"VM is down", "Control plane is not connected", "mTLS is refused", "Certificate is near its end", "Token", "Clock", "Registration fails", "Names do not resolve", "Probe fails", "Firewall"} {
		require.True(t, sections[s], s)
	}
	require.Len(t, sections, 10)
}

// token is what the sidecar would send.
func (m *machine) token(text string) {
	m.write(tokenPath, text+"\n")
	require.NoError(m.t, os.Chown(m.path(tokenPath), 998, 998))
	require.NoError(m.t, os.Chmod(m.path(tokenPath), 0o600))
}

// snapshot remembers what the states of a machine change.
func snapshot(m *machine) *machine {
	copied := &machine{vars: map[string]any{}}
	for k, v := range m.vars {
		copied.vars[k] = v
	}
	return copied
}

func (m *machine) restore(from *machine) {
	for k, v := range from.vars {
		m.vars[k] = v
	}
	m.remove("run/secrets")
	m.remove("etc/vmmesh/firewall.nft")
	m.write("etc/vmmesh/hosts", "10.0.0.99 istiod.istio-system.svc\n")
	m.write("etc/hosts", "127.0.0.1 localhost\n10.96.0.1 kubernetes.default.svc.cluster.local\n# BEGIN vmmesh\n10.0.0.99 istiod.istio-system.svc\n# END vmmesh\n")
	mesh, _ := certificate(m.t, "spiffe://cluster.local", 0, 0)
	m.write("etc/certs/root-cert.pem", m.read("tmp/root.pem")+mesh)
	m.certified(spiffe, -time.Minute, time.Hour)
	m.write("var/lib/istio/envoy/cluster.env", "ISTIO_SVC_IP='10.0.0.5'\n")
	m.write("run/active-istio.service", "")
	m.write("run/enabled-istio.service", "")
	m.tool("timedatectl", "echo yes")
	m.tool("iptables-save", "echo '-A PREROUTING -p tcp -j ISTIO_INBOUND'")
}

// TestDiagnoseForPeople is the table that is printed by default, and what it says where it cannot look.
func TestDiagnoseForPeople(t *testing.T) {
	m := healthy(t)
	m.vars["GROUP"] = "a \"b\" \\c\n\td $(e)"
	r := m.diagnose("ready")
	require.Equal(t, 2, r.code, r.errors)
	require.Contains(t, r.out, "error    ready        port 15021 does not say ready: tail /var/log/istio/istio.err.log\n                      see RUNBOOK.md, \"Control plane is not connected\"\n")
	require.Contains(t, r.out, "ok       unit         istio.service runs\n")
	r = m.diagnose("", "--json")
	var got report
	require.NoError(t, json.Unmarshal([]byte(r.out), &got), r.out)
	require.Equal(t, "a \"b\" \\c  d $(e)", got.Group)

	require.Equal(t, 3, m.diagnose("", "--xml").code)
	require.Equal(t, 3, m.run("setpriv", "--reuid", "998", "--clear-groups", "bash", "/usr/local/lib/vmmesh/diagnose.sh").code)
	m.run("rm", "/etc/vmmesh/vm.env")
	require.Equal(t, 3, m.run("bash", "-c", "rm /etc/vmmesh/vm.env; bash /usr/local/lib/vmmesh/diagnose.sh").code)
}
