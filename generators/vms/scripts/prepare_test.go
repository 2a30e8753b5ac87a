package scripts_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// identified gives the machine what identity.sh is content with.
func (m *machine) identified() {
	root, _ := certificate(m.t, "spiffe://cluster.local", -time.Hour, time.Hour)
	m.write("etc/vmmesh/root-cert.pem", root)
	m.write("bundle/root-cert.pem", root)
	m.certified(spiffe, -time.Minute, time.Hour)
}

func TestPrepare(t *testing.T) {
	m := newMachine(t)
	m.placed()
	m.net = network
	m.identified()
	m.vars["REGISTRATION"] = "Static"
	m.write("etc/vmmesh/instances", "10.0.0.5\t203.0.113.7\tpay-vm1\tvm1\tshared\n")
	// Keys where the order of whole lines is not that of keys, and a value over lines that looks like lines of its own.
	m.write("etc/vmmesh/cluster.env", "A='1'\nA1='2'\nISTIO_METAJSON_LABELS='{\"app\":\"x\"}'\nISTIO_NAMESPACE='vm-workloads'\n"+
		"PROXY_CONFIG='a: it'\"'\"'s\nB='\"'\"'x'\"'\"'\n\nISTIO_T='\"'\"''\nTRUST_DOMAIN=''\n")
	m.ok(m.script("prepare.sh"))
	require.Equal(t, "A='1'\nA1='2'\nISTIO_METAJSON_LABELS='{\"app\":\"x\"}'\nISTIO_META_WORKLOAD_ENTRY='pay-vm1'\nISTIO_NAMESPACE='vm-workloads'\nISTIO_SVC_IP='203.0.113.7'\n"+
		"PROXY_CONFIG='a: it'\"'\"'s\nB='\"'\"'x'\"'\"'\n\nISTIO_T='\"'\"''\nREWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION='true'\nTRUST_DOMAIN=''\n", m.read("var/lib/istio/envoy/cluster.env"))
	m.rooted("var/lib/istio/envoy", 0o755)
	m.rooted("var/lib/istio/envoy/cluster.env", 0o644)
	require.Equal(t, m.read("bundle/mesh.yaml"), m.read("var/lib/istio/config/mesh"))
	m.rooted("var/lib/istio/config/mesh", 0o644)
	m.owned("var/lib/istio/proxy", 0o755)
	m.owned("var/log/istio", 0o755)
	m.rooted("run/secrets/tokens", 0o755)
	m.owned("run/secrets/workload-spiffe-uds", 0o755)
	m.owned("etc/certs", 0o755)
	require.Equal(t, "127.0.0.1 localhost\n# BEGIN vmmesh\n34.56.78.90 istiod.istio-system.svc\n# END vmmesh\n", m.read("etc/hosts"))

	// Again: nothing changes, not even a time.
	before := m.state()
	m.ok(m.script("prepare.sh"))
	m.unchanged(before)

	// The folder of an instance with settings of its own says already who it is.
	want := m.read("var/lib/istio/envoy/cluster.env")
	m.write("etc/vmmesh/cluster.env", want)
	m.ok(m.script("prepare.sh"))
	require.Equal(t, want, m.read("var/lib/istio/envoy/cluster.env"))

	// A value without an end is not guessed at, and what the sidecar has stays.
	m.write("etc/vmmesh/cluster.env", "A='1'\nB='2\n")
	m.fails(m.script("prepare.sh"), "cluster.env is damaged: B has no end")
	require.Contains(t, m.read("var/lib/istio/envoy/cluster.env"), "TRUST_DOMAIN")
}

// TestGroupsLeftOutOfCapture: iptables-restore refuses a table with a group that does not exist, so only those that exist
// on the VM are written, next to what the mode itself leaves out.
func TestGroupsLeftOutOfCapture(t *testing.T) {
	const name = "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE="
	for _, c := range []struct {
		name, env string
		groups    []string
		want      string
	}{
		{"none exists", "", []string{"sssd", "ntp"}, ""},
		{"one exists", "", []string{"sssd", "chrony", "ntp"}, name + "'chrony'\n"},
		{"none is listed", "", []string{}, ""},
		{"by number", "", []string{"sssd", "4711"}, name + "'4711'\n"},
		{"beside the mode's own", name + "'root'\n", []string{"chrony", "root", "_chrony"}, name + "'root,chrony,_chrony'\n"},
		{"the mode's own alone", name + "'root'\n", []string{"sssd"}, name + "'root'\n"},
		{"no pattern", "", []string{"chro.y"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			m.placed()
			m.net = network
			m.identified()
			m.vars["REGISTRATION"], m.vars["EXCLUDE_OWNER_GROUPS"] = "Auto", c.groups
			m.write("etc/group", "root:x:0:\nistio-proxy:x:998:\nchrony:x:990:\n_chrony:x:989:\n")
			m.write("etc/vmmesh/cluster.env", c.env)
			m.ok(m.script("prepare.sh"))
			require.Equal(t, c.want+"ISTIO_SVC_IP='10.0.0.5'\n", m.read("var/lib/istio/envoy/cluster.env"))
		})
	}
}

// TestPrepareWithoutTheLink: somebody made /etc/istio before the package could make it a link.
func TestPrepareWithoutTheLink(t *testing.T) {
	m := newMachine(t)
	m.placed()
	m.net = network
	m.identified()
	require.NoError(t, os.MkdirAll(m.path("etc/istio/vm-files"), 0o755))
	m.ok(m.script("prepare.sh"))
	require.Equal(t, m.read("bundle/mesh.yaml"), m.read("etc/istio/config/mesh"))
	m.rooted("etc/istio/config/mesh", 0o644)
	m.owned("etc/istio/proxy", 0o755)
}

func TestPrepareSaysWhatIsMissing(t *testing.T) {
	m := newMachine(t)
	m.placed()
	m.net = network
	m.write("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
	m.fails(m.script("prepare.sh"), "there is no user istio-proxy", "istio-sidecar 1.31.1")
}

// TestHosts is what becomes of /etc/hosts with one address, several, and a DNS name.
func TestHosts(t *testing.T) {
	const block = "# BEGIN vmmesh\n34.56.78.90 istiod.istio-system.svc\n# END vmmesh\n"
	for _, c := range []struct{ name, have, want, errors string }{
		{"as it comes", "127.0.0.1 localhost\n", "127.0.0.1 localhost\n" + block, ""},
		{"empty", "", block, ""},
		{"without a last line end", "127.0.0.1 localhost", "127.0.0.1 localhost\n" + block, ""},
		{"as it should be", "127.0.0.1 localhost\n" + block, "127.0.0.1 localhost\n" + block, ""},
		{"an old address, and lines after it", "127.0.0.1 localhost\n# BEGIN vmmesh\n10.1.1.1 istiod.istio-system.svc\n# END vmmesh\n10.0.0.1 db\n", "127.0.0.1 localhost\n10.0.0.1 db\n" + block, ""},
		{"no end", "127.0.0.1 localhost\n# BEGIN vmmesh\n10.0.0.1 db\n", "127.0.0.1 localhost\n# BEGIN vmmesh\n10.0.0.1 db\n", "without the other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			m.placed()
			m.write("etc/hosts", c.have)
			r := m.script("hosts.sh")
			if c.errors != "" {
				m.fails(r, c.errors)
			} else {
				m.ok(r)
				before := m.state()
				m.ok(m.script("hosts.sh"))
				m.unchanged(before)
			}
			require.Equal(t, c.want, m.read("etc/hosts"))
		})
	}
}

func TestHostsByName(t *testing.T) {
	m := newMachine(t)
	m.placed()
	m.write("etc/vmmesh/hosts", "")
	m.vars["ISTIOD_ADDRESSES"] = []string{"lb.example.com"}
	m.write("etc/hosts", "127.0.0.1 localhost\n")
	m.tool("getent", `printf '203.0.113.%s STREAM lb.example.com\n203.0.113.8 DGRAM\n' 8 7`)
	m.ok(m.script("hosts.sh"))
	block := "# BEGIN vmmesh\n203.0.113.7 istiod.istio-system.svc\n203.0.113.8 istiod.istio-system.svc\n# END vmmesh\n"
	require.True(t, strings.HasSuffix(m.read("etc/hosts"), block), m.read("etc/hosts"))

	// A CA that is not istiod is dialled at istiod's addresses.
	m.vars["CA_HOST"] = "istio-csr.cert-manager.svc"
	m.ok(m.script("hosts.sh"))
	with := "# BEGIN vmmesh\n203.0.113.7 istio-csr.cert-manager.svc\n203.0.113.8 istio-csr.cert-manager.svc\n" + block[len("# BEGIN vmmesh\n"):]
	require.True(t, strings.HasSuffix(m.read("etc/hosts"), with), m.read("etc/hosts"))
	m.vars["CA_HOST"] = ""
	m.ok(m.script("hosts.sh"))

	// The resolver fails, as the machine's own getent does: the last answer stays.
	m.remove("local/sbin/getent")
	m.write("etc/hosts", "127.0.0.1 localhost\n")
	r := m.ok(m.script("hosts.sh"))
	require.Contains(t, r.errors, "its last known addresses stay")
	require.Equal(t, "127.0.0.1 localhost\n"+block, m.read("etc/hosts"))

	// Another name: the old one's answer is not for it.
	m.vars["ISTIOD_ADDRESSES"] = []string{"other.example.com"}
	m.fails(m.script("hosts.sh"), "other.example.com does not resolve", "istio.istiodAddresses")

	// The name in the certificate is the load balancer's: our own block must not answer for it.
	m.vars["ISTIOD_ADDRESSES"], m.vars["ISTIOD_HOST"] = []string{"lb.example.com"}, "lb.example.com"
	m.write("etc/hosts", "127.0.0.1 localhost\n# BEGIN vmmesh\n192.0.2.1 lb.example.com\n# END vmmesh\n")
	m.remove("var/lib/vmmesh/istiod.hosts")
	m.fails(m.script("hosts.sh"), "lb.example.com does not resolve")
	m.write("etc/hosts", "127.0.0.1 localhost\n192.0.2.7 lb.example.com\n")
	m.ok(m.script("hosts.sh"))
	require.Equal(t, "127.0.0.1 localhost\n192.0.2.7 lb.example.com\n# BEGIN vmmesh\n192.0.2.7 lb.example.com\n# END vmmesh\n", m.read("etc/hosts"))
}
