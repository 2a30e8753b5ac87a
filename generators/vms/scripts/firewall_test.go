package scripts_test

import (
	"encoding/xml"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/internal/need"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// tree keeps the files of a build.
type tree map[string]string

func (t tree) Object(string, []byte) error { return nil }
func (t tree) File(f manifest.File) error  { t[f.Path] = string(f.Data); return nil }

// opened builds a spec with a firewall and gives the machine its rules.
func (m *machine) opened(backend, vm string) {
	m.t.Helper()
	spec := `apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata: {name: payments}
spec:
  istio: {version: 1.31.1, istiodAddresses: [34.56.78.90], podCIDRs: [10.244.0.0/16, "fd00:10::/64"]}
  workloads:
  - name: payment-service
    ports: [{name: http, port: 8080}, {name: tcp, port: 3306}]
    groups: [{name: payment-service, registration: Auto}]
    security: {mtls: {ports: [{name: tcp, mode: DISABLE}]}}
  vm: {firewall: {backend: ` + backend + `, scrapeFrom: [10.40.0.0/24]}, ` + vm + `}
`
	docs, found := schema.Parse("vmmesh.yaml", []byte(spec))
	require.Empty(m.t, found)
	out := tree{}
	found, err := fn.Build(docs, out)
	require.NoError(m.t, err)
	require.Empty(m.t, found)
	for _, name := range []string{"firewall.nft", "firewall.rules"} {
		if text, ok := out["vms/vm-workloads/payment-service/"+name]; ok {
			m.write("etc/vmmesh/"+name, text)
			m.write("bundle/"+name, text)
		}
	}
	m.vars["FIREWALL"] = backend
}

// firewalled is a machine whose network has a pod, a scraper and a stranger, each in a namespace of its own behind an
// interface of the VM's, and daemons on the ports that matter.
func firewalled(t *testing.T) *machine {
	need.Tool(t, "python3", "python3")
	need.Tool(t, "nftables", "nft")
	m := newMachine(t)
	m.placed()
	m.net = "true"
	m.remove("run/systemd") // it would be asked for a timer
	m.write("tmp/listen.py", `
import selectors, socket, sys
s = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
	l = socket.socket(socket.AF_INET6)
	l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	l.setsockopt(socket.SOL_IP, 19, 1) # IP_TRANSPARENT, as Envoy with TPROXY
	l.setsockopt(socket.IPPROTO_IPV6, 75, 1)
	l.bind(("::", port))
	l.listen()
	s.register(l, 1)
open("/run/listening", "w").close()
while True:
	for key, _ in s.select():
		key.fileobj.accept()[0].close()
`)
	m.write("tmp/network.sh", `
set -e
rm -rf /run/netns /run/listening # of a run before
host() { # NAME NUMBER ADDRESS ADDRESS6: a namespace behind a pair of interfaces
	ip netns add "$1"
	ip link add "to-$1" type veth peer name eth0 netns "$1"
	ip addr add "10.0.$2.1/24" dev "to-$1"
	ip addr add "fd00:0:$2::1/64" dev "to-$1" nodad
	ip link set "to-$1" up
	ip -n "$1" link set lo up
	ip -n "$1" addr add "$3/32" dev eth0
	ip -n "$1" addr add "$4/128" dev eth0 nodad
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default dev eth0
	ip -n "$1" -6 route add default dev eth0
	ip route add "$3/32" dev "to-$1"
	ip -6 route add "$4/128" dev "to-$1"
}
host pod 1 10.244.3.4 fd00:10::4
host scraper 2 10.40.0.9 fd00:40::9
host stranger 3 203.0.113.66 2001:db8::66
python3 /tmp/listen.py $LISTEN &
trap "kill $!" EXIT
until [ -e /run/listening ]; do
	kill -0 $!
	sleep 0.05
done
tried() { # PORTS...: who gets through to them, over IPv4 and IPv6
	local port who n=0
	for who in pod scraper stranger; do
		n=$((n + 1))
		for port; do
			for to in "4 10.0.$n.1" "6 fd00:0:$n::1"; do
				ip netns exec "$who" timeout 3 bash -c "exec 3<>/dev/tcp/${to#* }/$port" 2>/dev/null && echo "$who $port ${to%% *}" >>/run/tried &
			done
		done
	done
	while [ "$(jobs -r | wc -l)" -gt 1 ]; do sleep 0.1; done # the daemons
	sort /run/tried
	rm /run/tried
}
`)
	return m
}

// firewall runs commands in that network.
func (m *machine) firewall(listen, commands string) result {
	m.t.Helper()
	return m.run("env", "LISTEN="+listen, "bash", "-c", ". /tmp/network.sh\n"+commands)
}

// TestFirewallLetsTheMeshIn tries every port from everywhere, with the traffic of 8080 captured as Istio captures it.
func TestFirewallLetsTheMeshIn(t *testing.T) {
	need.All(t)
	const redirect = "for t in iptables ip6tables; do $t -t nat -A PREROUTING -p tcp --dport 8080 -j REDIRECT --to-ports 15006; done\n"
	const tproxy = `for v in 4 6; do ip -$v rule add fwmark 1337 lookup 133; ip -$v route add local default dev lo table 133; done
for t in iptables ip6tables; do $t -t mangle -A PREROUTING -p tcp --dport 8080 -j TPROXY --on-port 15006 --tproxy-mark 1337; done
`
	for _, c := range []struct {
		name, vm, before string
		listen           string // besides SSH, 3306, 15006 and 15020
		ports            string // that the pod reaches, and nobody else
	}{
		{"REDIRECT", "interception: {includeInboundPorts: [8080]}", redirect, "9999", "3306 8080 15006"},
		{"TPROXY", "interception: {mode: TPROXY}", tproxy, "9999", "3306 8080"},
		{"NONE", "interception: {mode: NONE}", "", "8080 9999", "3306 8080"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := firewalled(t)
			m.opened("Nftables", c.vm)
			r := m.ok(m.firewall("22 3306 15006 15020 "+c.listen, c.before+"bash /usr/local/lib/vmmesh/firewall.sh apply\ntried 22 3306 8080 9999 15006 15020"))
			require.Contains(t, r.errors, "the firewall has this mesh's rules")
			want := []string{"scraper 15020 4", "scraper 22 4", "scraper 22 6", "stranger 22 4", "stranger 22 6"}
			for _, port := range strings.Fields("22 " + c.ports) {
				want = append(want, "pod "+port+" 4", "pod "+port+" 6")
			}
			slices.Sort(want)
			require.Equal(t, want, strings.Split(strings.TrimSpace(r.out), "\n"))
		})
	}
}

const apply = "bash /usr/local/lib/vmmesh/firewall.sh apply"

// hasTable tells whether vmmesh's table is loaded, in words that show in the output.
const hasTable = "\nnft list table inet vmmesh >/dev/null 2>&1 && echo loaded || echo none"

// TestFirewallIsTakenBack when the way to SSH is closed by something else, or nobody says that it is open.
func TestFirewallIsTakenBack(t *testing.T) {
	need.All(t)
	m := firewalled(t)
	m.opened("Nftables", "")
	const closed = "nft 'table inet other { chain input { type filter hook input priority 10; tcp dport 22 drop; }; }'\n"
	r := m.ok(m.firewall("22", closed+apply+" || echo failed"+hasTable))
	require.Equal(t, "failed\nnone\n", r.out)
	require.Contains(t, r.errors, "nobody would reach port 22; they are gone again")
	require.NoFileExists(t, m.path("var/lib/vmmesh/firewall/pending"))

	// Rules that were confirmed once are what it goes back to.
	r = m.ok(m.firewall("22", apply+"\ncp /etc/vmmesh/firewall.nft /tmp/first\nsed -i s/15090/15091/ /etc/vmmesh/firewall.nft\n"+closed+apply+" || echo failed"+hasTable+
		"\nnft list table inet vmmesh | grep -c 15090\nbash /usr/local/lib/vmmesh/firewall.sh status"))
	require.Equal(t, "failed\nloaded\n1\nother\n", r.out)
	require.Equal(t, m.read("tmp/first"), m.read("var/lib/vmmesh/firewall/confirmed"))

	// Rules that the backend refuses change nothing.
	r = m.ok(m.firewall("22", "cp /tmp/first /etc/vmmesh/firewall.nft\nbash /usr/local/lib/vmmesh/firewall.sh load\necho nonsense >>/etc/vmmesh/firewall.nft\n"+apply+" || echo failed"+hasTable))
	require.Equal(t, "failed\nloaded\n", r.out)
	require.Contains(t, r.errors, "Nftables did not take the rules")
}

// TestFirewallOnTrial: on a VM that cannot try by itself the rules stay only if somebody says so in time.
func TestFirewallOnTrial(t *testing.T) {
	m := firewalled(t)
	m.opened("Nftables", "")
	const cannotTry = `ip() { if [ "$1 $2 $3" = "netns add vmmesh-trial" ]; then return 1; fi; command ip "$@"; }; export -f ip
`
	status := "\nbash /usr/local/lib/vmmesh/firewall.sh status"
	r := m.ok(m.firewall("22", cannotTry+apply+" 1"+hasTable+status+`
for ((n = 0; n < 300; n++)); do [ -e /var/lib/vmmesh/firewall/pending ] || break; sleep 0.1; done`+hasTable+status))
	require.Equal(t, "loaded\ntrial\nnone\nother\n", r.out)
	require.Contains(t, r.errors, "this VM cannot try whether SSH still works", "within 1 seconds", "firewall.sh confirm")

	m.fails(m.script("firewall.sh", "confirm"), "there is nothing to confirm")
	r = m.ok(m.firewall("22", cannotTry+apply+" 60\nbash /usr/local/lib/vmmesh/firewall.sh confirm\nbash /usr/local/lib/vmmesh/firewall.sh restore"+hasTable+status))
	require.Equal(t, "loaded\nconfirmed\n", r.out)

	// A reboot in the middle of a trial ends it; confirmed rules come back.
	r = m.ok(m.firewall("22", "bash /usr/local/lib/vmmesh/firewall.sh load"+hasTable))
	require.Equal(t, "loaded\n", r.out)
	r = m.ok(m.firewall("22", "sed -i s/15090/15091/ /etc/vmmesh/firewall.nft\n"+cannotTry+apply+" 60\nnft delete table inet vmmesh\nbash /usr/local/lib/vmmesh/firewall.sh load\nnft list table inet vmmesh | grep -c 15090"+status))
	require.Equal(t, "1\nother\n", r.out)
	require.Contains(t, r.errors, "those of before are back")
}

// TestFirewallAgain: a second run changes nothing, and a spec without a firewall takes away what one with one put there.
func TestFirewallAgain(t *testing.T) {
	m := firewalled(t)
	m.opened("Nftables", "")
	r := m.ok(m.firewall("22", apply+"\nnft -a list table inet vmmesh >/tmp/before\n"+apply+"\nnft -a list table inet vmmesh | diff - /tmp/before\nip netns list | grep -c trial || :\nip link | grep -c trial || :"))
	require.Equal(t, "0\n0\n", r.out)
	require.Equal(t, 1, strings.Count(r.errors, "the firewall has this mesh's rules"))

	m.vars["FIREWALL"] = "None"
	r = m.ok(m.firewall("22", "nft -f /etc/vmmesh/firewall.nft\n"+apply+hasTable))
	require.Equal(t, "none\n", r.out)
	require.NoDirExists(t, m.path("var/lib/vmmesh/firewall"))
	require.Contains(t, m.read("var/log/systemctl"), "disable vmmesh-firewall.service")
}

// TestFirewallWithSSHElsewhere does not begin what would end in a lock-out.
func TestFirewallWithSSHElsewhere(t *testing.T) {
	m := firewalled(t)
	m.opened("Nftables", "")
	m.tool("ss", `echo 'LISTEN 0 128 0.0.0.0:2222 0.0.0.0:* users:(("sshd",pid=1,fd=3))
LISTEN 0 128 [::]:2222 [::]:* users:(("sshd",pid=1,fd=4))
LISTEN 0 128 127.0.0.1:222 0.0.0.0:* users:(("other",pid=2,fd=4))'`)
	r := m.ok(m.firewall("22", apply+" || echo failed"+hasTable))
	require.Equal(t, "failed\nnone\n", r.out)
	require.Contains(t, r.errors, "sshd listens on 2222 and the spec opens 22: the firewall stays as it is")
	require.Contains(t, r.errors, "set vm.firewall.sshPort: 2222")
	require.NoDirExists(t, m.path("var/lib/vmmesh/firewall"))
}

// TestUFW adds, replaces and takes back rules of the real ufw; what an administrator added stays.
func TestUFW(t *testing.T) {
	need.All(t)
	need.Tool(t, "ufw", "ufw")
	m := firewalled(t)
	out, err := exec.Command("cp", "-a", "/etc/ufw", m.path("etc/ufw")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	m.write("etc/default/ufw", "IPV6=yes\nDEFAULT_INPUT_POLICY=\"ACCEPT\"\nDEFAULT_OUTPUT_POLICY=\"ACCEPT\"\nDEFAULT_FORWARD_POLICY=\"DROP\"\nDEFAULT_APPLICATION_POLICY=\"SKIP\"\nMANAGE_BUILTINS=no\nIPT_SYSCTL=\nIPT_MODULES=\"\"\n")
	m.opened("UFW", "interception: {includeInboundPorts: [8080]}")
	r := m.ok(m.firewall("22 3306 9999 15006 15020", "ufw allow 7777/tcp >/dev/null\n"+apply+"\ntried 22 3306 9999 15006 15020\nufw show added | grep -v '^Added'"))
	require.Equal(t, `pod 15006 4
pod 15006 6
pod 22 4
pod 22 6
pod 3306 4
pod 3306 6
scraper 15020 4
scraper 22 4
scraper 22 6
stranger 22 4
stranger 22 6
ufw allow 7777/tcp
ufw allow 22/tcp comment 'vmmesh: SSH'
ufw allow from 10.244.0.0/16 to any port 3306 proto tcp comment 'vmmesh: the mesh'
ufw allow from 10.244.0.0/16 to any port 15006 proto tcp comment 'vmmesh: the mesh, captured'
ufw allow from 10.40.0.0/24 to any port 15020 proto tcp comment 'vmmesh: metrics, with those of the application'
ufw allow from 10.40.0.0/24 to any port 15021 proto tcp comment 'vmmesh: readiness'
ufw allow from 10.40.0.0/24 to any port 15090 proto tcp comment 'vmmesh: metrics of Envoy alone'
ufw allow from fd00:10::/64 to any port 3306 proto tcp comment 'vmmesh: the mesh'
ufw allow from fd00:10::/64 to any port 15006 proto tcp comment 'vmmesh: the mesh, captured'
`, r.out)

	require.Empty(t, m.ok(m.firewall("22", "ufw reload >/dev/null\nbash /usr/local/lib/vmmesh/firewall.sh wider")).out)

	// An older rule that opens more is named, by whoever asks.
	r = m.ok(m.firewall("22", "ufw reload >/dev/null\nufw allow 15006 >/dev/null\nbash /usr/local/lib/vmmesh/firewall.sh wider\nufw delete allow 15006 >/dev/null"))
	require.Equal(t, "ufw allow 15006\n", r.out)

	// Without IPv6 in ufw its rules are left out, and that is told.
	r = m.ok(m.firewall("22", "sed -i s/IPV6=yes/IPV6=no/ /etc/default/ufw\nufw reload >/dev/null\nsed -i s/15021/16021/ /etc/vmmesh/firewall.rules\n"+apply+
		"\nufw show added | grep -c fd00 || :\nsed -i s/16021/15021/ /etc/vmmesh/firewall.rules; sed -i s/IPV6=no/IPV6=yes/ /etc/default/ufw; ufw reload >/dev/null; "+apply))
	require.Contains(t, r.errors, "ufw has IPV6=no in /etc/default/ufw")

	// Other rules take the place of these.
	r = m.ok(m.firewall("22", "sed -i 's/15020/16020/; /fd00/d; /3306/d' /etc/vmmesh/firewall.rules\nufw reload >/dev/null\n"+apply+"\nufw show added | grep -cE '15020|fd00|3306' || :\nufw show added | grep -cE '16020|7777|22/tcp'"))
	require.Equal(t, "0\n3\n", r.out)

	// A trial that nobody confirms brings back what was, rules and state.
	before := m.read("etc/ufw/user.rules")
	r = m.ok(m.firewall("22", "ufw reload >/dev/null\nsed -i s/16020/17020/ /etc/vmmesh/firewall.rules\niptables -I INPUT -p tcp --dport 22 -j DROP\n"+apply+" || echo failed\nufw status | head -n 1"))
	require.Equal(t, "failed\nStatus: active\n", r.out)
	require.Equal(t, before, m.read("etc/ufw/user.rules"))

	m.vars["FIREWALL"] = "None"
	r = m.ok(m.firewall("22", "ufw reload >/dev/null\n"+apply+"\nufw show added | grep -v '^Added'"))
	require.Equal(t, "ufw allow 7777/tcp\nufw allow 22/tcp comment 'vmmesh: SSH'\n", r.out)
}

// TestFirewalld has firewalld's own reader judge the policy. Its daemon, which would need a bus and root on the host, is
// a stand-in that notes when it is told to read the files.
func TestFirewalld(t *testing.T) {
	need.Tool(t, "firewalld", "firewall-offline-cmd")
	m := firewalled(t)
	out, err := exec.Command("cp", "-a", "/etc/firewalld", "/etc/protocols", "/etc/services", m.path("etc")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	m.tool("firewall-cmd", `
echo "$*" >>/var/log/firewall-cmd
case "$*" in
--get-default-zone) echo trusted ;;
*--zone=trusted*--get-target) echo ACCEPT ;;
*--query-*) exit 1 ;;
*--check-config) [ ! -e /tmp/refused ] && exec firewall-offline-cmd --check-config ;;
esac`)
	m.opened("Firewalld", "interception: {includeInboundPorts: [8080]}")
	status := "\nbash /usr/local/lib/vmmesh/firewall.sh status"
	r := m.ok(m.firewall("22", apply+status))
	require.Contains(t, r.out, "confirmed\n")
	require.Contains(t, r.errors, "also open: firewalld's zone trusted accepts every port that the spec does not limit")
	require.Regexp(t, "(?s)--quiet --check-config\n--quiet --reload\n.*--quiet --state\n$", m.read("var/log/firewall-cmd"))
	var policy struct {
		Target  string `xml:"target,attr"`
		Ingress struct {
			Name string `xml:"name,attr"`
		} `xml:"ingress-zone"`
		Egress struct {
			Name string `xml:"name,attr"`
		} `xml:"egress-zone"`
		Ports []string `xml:"port"`
		Rules []struct {
			Family string `xml:"family,attr"`
			Source struct {
				Address string `xml:"address,attr"`
			} `xml:"source"`
			Port struct {
				Port string `xml:"port,attr"`
			} `xml:"port"`
		} `xml:"rule"`
	}
	require.NoError(t, xml.Unmarshal([]byte(m.read("etc/firewalld/policies/vmmesh.xml")), &policy))
	require.Equal(t, []string{"CONTINUE", "ANY", "HOST"}, []string{policy.Target, policy.Ingress.Name, policy.Egress.Name})
	require.Len(t, policy.Ports, 1, "SSH")
	var rules []string
	for _, rule := range policy.Rules {
		rules = append(rules, rule.Family+" "+rule.Source.Address+" "+rule.Port.Port)
	}
	require.Equal(t, []string{"ipv4 10.244.0.0/16 3306", "ipv6 fd00:10::/64 3306", "ipv4 10.244.0.0/16 15006", "ipv6 fd00:10::/64 15006",
		"ipv4 10.40.0.0/24 15020", "ipv4 10.40.0.0/24 15021", "ipv4 10.40.0.0/24 15090",
		// Everybody else is refused, whatever the zone behind accepts.
		"  15006", "  15020", "  15021", "  15090", "  3306"}, rules)

	// A policy that firewalld refuses is not loaded, and the one before is back.
	before := m.read("etc/firewalld/policies/vmmesh.xml")
	r = m.ok(m.firewall("22", "touch /tmp/refused\nsed -i s/15020/16020/ /etc/vmmesh/firewall.rules\n"+apply+" || echo failed"))
	require.Contains(t, r.out, "failed")
	require.Contains(t, r.errors, "Firewalld did not take the rules")
	require.Equal(t, before, m.read("etc/firewalld/policies/vmmesh.xml"))

	m.vars["FIREWALL"] = "None"
	m.ok(m.firewall("22", apply))
	require.NoFileExists(t, m.path("etc/firewalld/policies/vmmesh.xml"))
}
