package scripts_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmmesh/vmmesh/internal/need"
)

// cable is two interfaces, one at each end.
const cable = "ip link add eth0 type veth peer name eth1; ip link set eth0 up; ip link set eth1 up; "

// network gives the machine one interface with a default route, one without, and IPv6 on both.
const network = cable + `ip addr add 10.0.0.5/24 dev eth0; ip addr add 2001:db8:1::5/64 dev eth0 nodad;  ip addr add 172.16.0.9/16 dev eth1; ip route add default via 10.0.0.1`

func TestAddress(t *testing.T) {
	for _, c := range []struct {
		name      string
		vars      map[string]any
		instances string
		net       string
		out       string
		errors    []string // it fails and says this
	}{
		{name: "default route", out: "ISTIO_SVC_IP='10.0.0.5'\n"},
		{name: "default route, IPv6 alone", net: cable + "ip addr add 2001:db8:1::5/64 dev eth0 nodad; ip route add default via 2001:db8:1::1",
			out: "ISTIO_SVC_IP='2001:db8:1::5'\n"},
		{name: "no default route", net: "true", errors: []string{"no address was found by vm.address.source DefaultRoute", "ip route"}},
		{name: "interface", vars: map[string]any{"ADDRESS_SOURCE": "Interface", "ADDRESS_INTERFACE": "eth1"}, out: "ISTIO_SVC_IP='172.16.0.9'\n"},
		{name: "no such interface", vars: map[string]any{"ADDRESS_SOURCE": "Interface", "ADDRESS_INTERFACE": "eth7"}, errors: []string{"vm.address.source Interface eth7"}},
		{name: "metadata without a cloud", vars: map[string]any{"ADDRESS_SOURCE": "Metadata"}, errors: []string{"cloud None has no metadata service"}},
		{name: "auto, listed", instances: "10.0.0.5\t10.0.0.5\t-\tvm1\tshared\n", out: "ISTIO_SVC_IP='10.0.0.5'\n"},
		{name: "auto, another is listed", instances: "10.0.0.50\t10.0.0.50\t-\tvm1\tshared\n", out: "ISTIO_SVC_IP='10.0.0.5'\n"},
		{name: "static", vars: map[string]any{"REGISTRATION": "Static"}, instances: "10.0.0.4\t10.0.0.4\tpay-vm0\tvm0\tshared\n172.16.0.9\t172.16.0.9\tpay-vm1\tvm1\tshared\n",
			out: "ISTIO_META_WORKLOAD_ENTRY='pay-vm1'\nISTIO_SVC_IP='172.16.0.9'\n"},
		{name: "static, IPv6", vars: map[string]any{"REGISTRATION": "Static"}, instances: "2001:db8:1::5\t2001:db8:1::5\tpay-vm1\tvm1\tshared\n",
			out: "ISTIO_META_WORKLOAD_ENTRY='pay-vm1'\nISTIO_SVC_IP='2001:db8:1::5'\n"},
		{name: "behind NAT", vars: map[string]any{"REGISTRATION": "Static"}, instances: "10.0.0.5\t203.0.113.7\tpay-vm1\tvm1\tshared\n",
			out: "ISTIO_META_WORKLOAD_ENTRY='pay-vm1'\nISTIO_SVC_IP='203.0.113.7'\nREWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION='true'\n"},
		{name: "settings of its own", instances: "10.0.0.5\t10.0.0.5\tpay-vm1\tvm1\town\n",
			errors: []string{"this VM is instance vm1, which has settings of its own", "vms/vm-workloads/payment-service/vm1/user-data"}},
		{name: "static, not listed", vars: map[string]any{"REGISTRATION": "Static"}, instances: "10.0.0.50\t10.0.0.50\tpay-vm1\tvm1\tshared\n",
			errors: []string{"none of this VM's addresses (127.0.0.1", "10.0.0.5", "is an instance of group payment-service"}},
		{name: "static, addresses that look alike", vars: map[string]any{"REGISTRATION": "Static"}, instances: "10.0.0.55\t10.0.0.55\tpay-vm1\tvm1\tshared\n72.16.0.9\t72.16.0.9\tx\ty\tshared\n",
			errors: []string{"none of this VM's addresses"}},
		{name: "two instances on one VM", instances: "10.0.0.5\t10.0.0.5\t-\tvm1\tshared\n172.16.0.9\t172.16.0.9\t-\tvm2\tshared\n",
			errors: []string{"two instances of group payment-service are at addresses of this VM", "vm1", "vm2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			m.placed()
			for k, v := range c.vars {
				m.vars[k] = v
			}
			if c.instances != "" {
				m.write("etc/vmmesh/instances", c.instances)
			}
			m.net = c.net
			if m.net == "" {
				m.net = network
			}
			r := m.script("address.sh")
			if c.errors != nil {
				m.fails(r, c.errors...)
				require.Empty(t, r.out)
				return
			}
			m.ok(r)
			require.Equal(t, c.out, r.out)
		})
	}
}

// metadata is a stand-in for the metadata services of the clouds, at their common address: each answers only to its own
// header, and AWS only to a session token.
const metadata = `
import http.server, sys
class Cloud(http.server.BaseHTTPRequestHandler):
	def answer(self, method):
		head = self.headers
		if head.get("X-aws-ec2-metadata-token-ttl-seconds") and method == "PUT" and self.path == "/latest/api/token":
			text = "SESSION=="
		elif method == "GET" and {
			"/latest/meta-data/local-ipv4": head.get("X-aws-ec2-metadata-token") == "SESSION==" or cloud == "OpenStack",
			"/latest/meta-data/public-ipv4": head.get("X-aws-ec2-metadata-token") == "SESSION==" or cloud == "OpenStack",
			"/computeMetadata/v1/instance/network-interfaces/0/ip": head.get("Metadata-Flavor") == "Google",
			"/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip": head.get("Metadata-Flavor") == "Google",
			"/metadata/instance/network/interface/0/ipv4/ipAddress/0/privateIpAddress?api-version=2021-02-01&format=text": head.get("Metadata") == "true",
			"/metadata/instance/network/interface/0/ipv4/ipAddress/0/publicIpAddress?api-version=2021-02-01&format=text": head.get("Metadata") == "true",
		}.get(self.path):
			text = "203.0.113.9" if "public" in self.path or "external" in self.path else "10.9.9.9"
			if cloud == "Odd": text = "<html>login</html>"
		else:
			self.send_error(401)
			return
		self.send_response(200)
		self.end_headers()
		self.wfile.write(text.encode())
	def do_GET(self): self.answer("GET")
	def do_PUT(self): self.answer("PUT")
	def log_message(self, *args): pass
cloud = sys.argv[1]
server = http.server.HTTPServer(("169.254.169.254", 80), Cloud)
open("/run/metadata-is-up", "w").close()
server.serve_forever()
`

func TestAddressOfTheCloud(t *testing.T) {
	for _, c := range []struct{ cloud, source, out, errors string }{
		{"AWS", "Metadata", "ISTIO_SVC_IP='10.9.9.9'\n", ""},
		{"AWS", "MetadataExternal", "ISTIO_SVC_IP='203.0.113.9'\nREWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION='true'\n", ""},
		{"GCP", "Metadata", "ISTIO_SVC_IP='10.9.9.9'\n", ""},
		{"GCP", "MetadataExternal", "ISTIO_SVC_IP='203.0.113.9'\nREWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION='true'\n", ""},
		{"Azure", "Metadata", "ISTIO_SVC_IP='10.9.9.9'\n", ""},
		{"Azure", "MetadataExternal", "ISTIO_SVC_IP='203.0.113.9'\nREWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION='true'\n", ""},
		{"OpenStack", "Metadata", "ISTIO_SVC_IP='10.9.9.9'\n", ""},
		{"OpenStack", "MetadataExternal", "ISTIO_SVC_IP='203.0.113.9'\nREWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION='true'\n", ""},
		{"VSphere", "Metadata", "", "cloud VSphere has no metadata service"},
		{"Odd", "Metadata", "", "no address was found by vm.address.source Metadata"},
	} {
		t.Run(c.cloud+" "+c.source, func(t *testing.T) {
			need.Tool(t, "python3", "python3")
			m := newMachine(t)
			m.placed()
			m.vars["CLOUD"], m.vars["ADDRESS_SOURCE"] = c.cloud, c.source
			if c.cloud == "Odd" {
				m.vars["CLOUD"] = "OpenStack"
			}
			m.net = "ip addr add 169.254.169.254/32 dev lo"
			m.write("tmp/metadata.py", metadata)
			// A proxy that the environment names must not be asked.
			r := m.run("bash", "-c", `python3 /tmp/metadata.py "$1" & trap "kill $!" EXIT
				until [ -e /run/metadata-is-up ]; do kill -0 $! || exit; sleep 0.05; done
				http_proxy=http://127.0.0.1:9 bash /usr/local/lib/vmmesh/address.sh`, "bash", c.cloud)
			if c.errors != "" {
				m.fails(r, c.errors)
				return
			}
			m.ok(r)
			require.Equal(t, c.out, r.out)
		})
	}
}
