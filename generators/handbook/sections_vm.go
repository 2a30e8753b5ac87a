package handbook

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// join is host and port of an address.
func join(address, port string) string {
	if a, err := netip.ParseAddr(address); err == nil && a.Is6() {
		return "[" + address + "]:" + port
	}
	return address + ":" + port
}

func (p *page) mtls() {
	p.line("A handshake fails: the two sides do not trust one root, or one of them speaks plain text to a port that demands mTLS.")
	p.onVM("sudo openssl x509 -in /etc/certs/root-cert.pem -noout -fingerprint -sha256 -enddate", expiry, errorLog)
	commands := []string{}
	for _, ns := range p.mesh.Namespaces {
		if len(commands) == most {
			break
		}
		commands = append(commands, fmt.Sprintf("kubectl get configmap istio-ca-root-cert -n %s -o jsonpath='{.data.root-cert\\.pem}' | openssl x509 -noout -fingerprint -sha256 -enddate", ns.Name))
	}
	p.sh(append(commands, p.workloads(func(w *mesh.Workload) []string {
		return []string{fmt.Sprintf("kubectl get peerauthentication,authorizationpolicy,destinationrule -n %s", w.Namespace)}
	})...)...)
	p.line("Two fingerprints: the VM has an old root. Put the new one into `istio.rootCert`, or where the identity brings it from, install the files again,")
	p.line("and restart istio. Certificates must be for " + code("spiffe://"+p.istio.TrustDomain+"/ns/<namespace>/sa/<service account>") + ".")
}

func (p *page) names() {
	p.line("Which way names go is `vm.dns.mode` of the spec.")
	name := "kubernetes.default.svc." + p.istio.ClusterDomain
	if p.uses(func(vm *mesh.VM) bool { return vm.DNS.Mode == "Proxy" }) {
		p.line("\nProxy: the agent answers, from a table that istiod sends it. Until it has one, every captured query fails.")
		p.onVM("curl -s http://127.0.0.1:15020/debug/ndsz", "dig @127.0.0.1 -p 15053 "+quote(name))
		p.line("No table: [Control plane is not connected](#control-plane-is-not-connected). A name that is not in it has no Service or ServiceEntry that this VM may see: look at `exportTo` and the workload's `sidecar`.")
	}
	if p.uses(func(vm *mesh.VM) bool { return vm.DNS.Mode == "Forward" }) {
		p.line("\nForward: systemd-resolved asks the cluster's servers for the cluster's domain.")
		p.onVM("resolvectl status; cat /etc/systemd/resolved.conf.d/vmmesh.conf", "resolvectl query "+quote(name))
	}
	if p.uses(func(vm *mesh.VM) bool { return vm.DNS.Mode == "None" }) {
		p.line("\nNone: the VM's own resolver decides, and knows names of the cluster only if you taught it.")
	}
}

func (p *page) probe() {
	p.line("The application does not answer its probe, so istiod sends no traffic to this VM. Ask it as the agent does:")
	p.onVM("sudo bash /usr/local/lib/vmmesh/diagnose.sh | grep -A1 probe", "ss -ltnp", p.applications())
	p.line("The probe that counts is the one in `mesh.yaml` on the VM: after a change of `probe` in the spec, install the files again. An application that")
	p.line("listens on 127.0.0.1 alone needs `host: 127.0.0.1` in its probe.")
}

// applications is a command that shows the applications' own units.
func (p *page) applications() string {
	var units []string
	for _, w := range p.mesh.Workloads {
		for _, g := range w.Groups {
			for _, unit := range g.VM.Application.Units {
				if word := "-u " + unit; len(units) < most && !slices.Contains(units, word) {
					units = append(units, word)
				}
			}
		}
	}
	for _, w := range p.mesh.Workloads {
		if len(units) == 0 {
			units = append(units, "-u "+w.Name) // the spec lists no unit
		}
	}
	return "sudo journalctl " + strings.Join(units, " ") + " -n 50 --no-pager"
}

func (p *page) firewall() {
	p.line("Captured traffic comes to the VM's own firewall with port 15006, whatever port was dialled (with TPROXY it keeps its own); SSH stays open.")
	groups, more := p.groups()
	var rows [][]string
	for _, g := range groups {
		if g.VM.Firewall.Backend == "None" {
			continue
		}
		for _, o := range g.Openings() {
			rows = append(rows, []string{code(g.Workload.Namespace + "/" + g.Name), portOf(o), from(o.Sources), o.Why})
		}
	}
	if len(rows) == 0 {
		p.line("\nThe spec opens no firewall (`vm.firewall.backend` is None). If there is one, it has to let callers in to 15006 and the ports that are not captured, and scrapers to 15020, 15021 and 15090.")
		return
	}
	rest := ""
	if more > 0 {
		rest = "and likewise for " + number(more, "more group") + ": see `firewall.rules` and `firewall.nft` in their folders."
	}
	p.line("")
	p.table([]string{"group", "port", "from", "what for"}, rows, rest)
	for _, b := range []struct{ backend, command string }{
		{"Nftables", "sudo nft list table inet vmmesh"}, {"UFW", "sudo ufw status numbered"}, {"Firewalld", "sudo firewall-cmd --info-policy vmmesh"},
	} {
		if p.uses(func(vm *mesh.VM) bool { return vm.Firewall.Backend == b.backend }) {
			p.onVM(b.command, "sudo bash /usr/local/lib/vmmesh/firewall.sh status", "sudo bash /usr/local/lib/vmmesh/firewall.sh apply")
		}
	}
	p.line("New rules are on trial until a new connection through them reaches SSH. A VM that cannot try by itself waits two minutes for")
	p.line("`firewall.sh confirm`, and goes back otherwise.")
}

// portOf is the port of an opening, with its protocol where that is not TCP.
func portOf(o mesh.Opening) string {
	if o.UDP {
		return fmt.Sprint(o.Port, "/udp")
	}
	return fmt.Sprint(o.Port)
}

// from is sources as a cell: the first few, and how many more.
func from(sources []netip.Prefix) string {
	if len(sources) == 0 {
		return "anyone"
	}
	var words []string
	for _, s := range sources[:min(len(sources), 8)] {
		words = append(words, code(strings.TrimSuffix(s.String(), fmt.Sprintf("/%d", s.Addr().BitLen()))))
	}
	if rest := len(sources) - len(words); rest > 0 {
		words = append(words, number(rest, "more range"))
	}
	return strings.Join(words, ", ")
}

func (p *page) token() {
	p.line("A token is needed once, at the first start, and again when the certificate is gone or has ended: after a day without istiod, unless")
	p.line("`SECRET_TTL` says otherwise. Without either, the sidecar cannot prove who it is.")
	p.onVM("sudo ls -l /var/run/secrets/tokens/istio-token", "sudo systemctl start vmmesh-identity; "+journal)
	for _, kind := range identities {
		if p.uses(func(vm *mesh.VM) bool { return vm.Identity.Type == kind.kind }) {
			p.line("\n" + kind.text)
			if kind.kind == "TokenFile" {
				p.sh(p.bring()...)
			}
		}
	}
}

// identities are the strategies, and what goes wrong with each.
var identities = []struct{ kind, text string }{
	{"TokenFile", "TokenFile: somebody brings the token, and the root certificate where the spec has none. It takes effect at the next try, ten seconds later; mode 0600, please."},
	{"TokenRequest", "TokenRequest: 401 means that the bootstrap credential on the VM has ended, 403 that its Role lacks `create` on `serviceaccounts/token` of this service account, a TLS error that `caFile` is not the API server's."},
	{"HTTP", "HTTP: the journal has the endpoint's status. A redirect is not followed, since the credential would go with it."},
	{"Command", "Command: the journal has what the program said. It runs as root, with a minute's time, and prints the token alone."},
	{"GCE", "GCE: the agent asks Google's metadata service; istiod must trust Google's issuer (`JWT_RULE`)."},
	{"SPIRE", "SPIRE: `spire-agent` must run, with an entry for the sidecar's user; see `systemctl status spire-agent`. For its own stream to istiod the agent wants a certificate in `/etc/certs`, such as spiffe-helper writes."},
}

// bring are commands that make tokens and put them where VMs look.
func (p *page) bring() []string {
	return p.workloads(func(w *mesh.Workload) []string {
		i := slices.IndexFunc(w.Groups, func(g *mesh.Group) bool { return g.VM.Identity.Type == "TokenFile" })
		if i < 0 {
			return nil
		}
		id := w.Groups[i].VM.Identity
		var commands []string
		if w.Istio().RootCert == "" {
			commands = append(commands, fmt.Sprintf("kubectl get configmap istio-ca-root-cert -n %s -o jsonpath='{.data.root-cert\\.pem}' | ssh VM sudo install -m 0644 /dev/stdin %s", w.Namespace, quote(id.RootCertPath)))
		}
		return append(commands, fmt.Sprintf("kubectl create token %s -n %s --audience istio-ca --duration 1h | ssh VM sudo install -m 0600 /dev/stdin %s", w.ServiceAccount, w.Namespace, quote(id.Path)))
	})
}

func (p *page) clock() {
	p.line("Certificates and tokens have a beginning and an end: a clock that is behind or ahead makes good ones look bad.")
	p.onVM("timedatectl", "sudo systemctl restart systemd-timesyncd chronyd 2>/dev/null; sleep 5; timedatectl", again)
}

func (p *page) firstBoot() {
	p.line("cloud-init puts the group's files into `/var/lib/vmmesh/bundle` and runs `install.sh`. Without cloud-init, copy `vms/scripts` and a group's folder, and run it by hand:")
	groups, more := p.groups()
	var commands []string
	for _, g := range groups {
		commands = append(commands, fmt.Sprintf("scp -r vms/%s vms/%s/%s VM: && ssh VM sudo bash %s/install.sh %s",
			mesh.ScriptsFolder, g.Workload.Namespace, g.Name, mesh.ScriptsFolder, g.Name))
	}
	if more > 0 {
		commands = append(commands, "# and so on for "+number(more, "more group"))
	}
	p.sh(commands...)
	p.onVM("cloud-init status --long", "sudo grep -i vmmesh /var/log/cloud-init-output.log", "sudo bash /var/lib/vmmesh/bundle/install.sh")
	p.line("It can be run at any time: a second run changes nothing. A package whose checksum is wrong is not installed, and a newer one than the spec's")
	p.line("stays unless `--allow-downgrade` is said.")
}
