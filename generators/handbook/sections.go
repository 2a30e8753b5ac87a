package handbook

import (
	"fmt"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// sections are the page's, in order. Alerts and diagnose.sh point at them by title: a title is never changed alone.
var sections = []struct {
	title string
	write func(*page)
}{
	{"VM is down", (*page).down},
	{"Certificate is near its end", (*page).certificate},
	{"Control plane is not connected", (*page).controlPlane},
	{"Group is below its minimum", (*page).minimum},
	{"Registration fails", (*page).registration},
	{"Service has no endpoints", (*page).endpoints},
	{"mTLS is refused", (*page).mtls},
	{"Names do not resolve", (*page).names},
	{"Probe fails", (*page).probe},
	{"Firewall", (*page).firewall},
	{"Token", (*page).token},
	{"Clock", (*page).clock},
	{"First boot", (*page).firstBoot},
}

// Parts of commands that are met more than once.
const (
	again    = "sudo systemctl restart istio"
	errorLog = "sudo tail -n 50 /var/log/istio/istio.err.log"
	journal  = "sudo journalctl -u istio -u vmmesh-identity -n 50 --no-pager"
	expiry   = "sudo openssl x509 -in /etc/certs/cert-chain.pem -noout -startdate -enddate -ext subjectAltName"
)

func (p *page) down() {
	p.line("Nothing answers on the VM's ports 15020 and 15021: the VM is off, or its sidecar is. See which VMs the mesh knows, and what the VM says.")
	p.sh(p.entries()...)
	p.onVM("systemctl is-active istio; systemctl is-enabled istio", journal, errorLog, again)
	p.line("The journal has what was missing before the start; what the agent and Envoy say is in `/var/log/istio`. A VM that is gone for")
	p.line("good leaves the spec, with its instance; an auto-registered one is removed by istiod by itself.")
}

// entries are commands that list the mesh's VMs.
func (p *page) entries() []string {
	return p.workloads(func(w *mesh.Workload) []string {
		return []string{fmt.Sprintf("kubectl get workloadentry -n %s -l app=%s -o wide", w.Namespace, w.Name)}
	})
}

func (p *page) certificate() {
	p.line("A sidecar renews its certificate with the certificate itself, at half its life. One that is near its end could not, mostly because istiod")
	p.line("is not reached; once it has ended, only a new token helps.")
	p.onVM(expiry, "curl -s http://127.0.0.1:15000/certs", errorLog, "sudo systemctl start vmmesh-identity; "+journal)
	p.line("Next: [Control plane is not connected](#control-plane-is-not-connected); if the certificate has ended, [Token](#token).")
}

func (p *page) controlPlane() {
	p.line("The VM does not reach istiod, or istiod does not answer it. Follow the way from the VM: its name, its port, its certificate.")
	p.onVM("sed -n '/^# BEGIN vmmesh/,/^# END vmmesh/p' /etc/hosts")
	for _, at := range p.istiods() {
		host, port := at.split()
		var commands []string
		for _, a := range at.addresses {
			commands = append(commands, fmt.Sprintf("sudo -u istio-proxy openssl s_client -connect %s -servername %s -CAfile /etc/certs/root-cert.pem -brief </dev/null", quote(join(a, port)), host))
		}
		p.onVM(commands...)
	}
	p.line("Connection refused or no answer: the gateway or load balancer, or a firewall on the way. An unknown certificate: [mTLS is refused](#mtls-is-refused).")
	commands := []string{
		"istioctl proxy-status",
		fmt.Sprintf("kubectl get deploy,pod,svc -n %s -l app=istiod", p.istio.Namespace),
		fmt.Sprintf("kubectl logs -n %s -l app=istiod --tail=100 | grep -iE 'unauthenticated|denied|error'", p.istio.Namespace),
	}
	for _, s := range p.mesh.Specs {
		if c := s.ControlPlane; c != nil {
			gw := c.EastWestGateway
			commands = append(commands,
				fmt.Sprintf("kubectl get svc %s -n %s", gw.Name, gw.Namespace),
				fmt.Sprintf("kubectl get gateways.networking.istio.io,virtualservices -n %s", gw.Namespace))
		}
	}
	p.sh(commands...)
	p.line("`hosts` is written again at every start: `sudo bash /usr/local/lib/vmmesh/hosts.sh` does it now, and `" + again + "` connects anew.")
}

func (p *page) minimum() {
	p.line("Fewer VMs of a group are healthy than its `minHealthy` says. Which ones are not, and why they are not, their entries say:")
	p.sh(p.workloads(func(w *mesh.Workload) []string {
		return []string{fmt.Sprintf(`kubectl get workloadentry -n %s -l app=%s -o custom-columns='NAME:.metadata.name,ADDRESS:.spec.address,HEALTHY:.status.conditions[?(@.type=="Healthy")].status,WHY:.status.conditions[?(@.type=="Healthy")].message'`, w.Namespace, w.Name)}
	})...)
	p.line("`False`: [Probe fails](#probe-fails). No entry: [Registration fails](#registration-fails). An entry without a condition: the sidecar never connected, [VM is down](#vm-is-down).")
}

func (p *page) registration() {
	p.line("The VM is connected and has no entry, or istiod refuses it. Its group's WorkloadGroup must be there before it connects, and its token must")
	p.line("be for the group's own service account and namespace.")
	groups, more := p.groups()
	var commands []string
	for _, g := range groups {
		commands = append(commands, fmt.Sprintf("kubectl get workloadgroup %s -n %s; kubectl get serviceaccount %s -n %s", g.Name, g.Workload.Namespace, g.Workload.ServiceAccount, g.Workload.Namespace))
	}
	if more > 0 {
		commands = append(commands, "# and so on for "+number(more, "more group"))
	}
	p.sh(append(commands, fmt.Sprintf("kubectl logs -n %s -l app=istiod --tail=1000 | grep -iE 'regist|workloadentry|identity'", p.istio.Namespace))...)
	p.onVM("sudo bash /usr/local/lib/vmmesh/address.sh", "sudo grep -E '^(ISTIO_SVC_IP|ISTIO_META_WORKLOAD_ENTRY|ISTIO_META_AUTO_REGISTER_GROUP|SERVICE_ACCOUNT)=' /var/lib/istio/envoy/cluster.env", expiry)
	p.line("A VM of a Static group finds out who it is by its own addresses: one of them must be the `address` of an instance in the spec. A certificate")
	p.line("for another service account than the spec's goes away with a new token: [Token](#token).")
}

func (p *page) endpoints() {
	p.line("Callers get 503, or nothing, though VMs are up. `kubectl get endpoints` is always empty for VMs: they live in istiod. Ask a caller's proxy;")
	p.line("`CALLER` is a pod of yours.")
	p.sh(append([]string{"CALLER=frontend-0.frontend"}, p.workloads(func(w *mesh.Workload) []string {
		var commands []string
		for _, s := range w.Services {
			for _, port := range s.Ports {
				commands = append(commands, fmt.Sprintf(`istioctl proxy-config endpoints "$CALLER" --cluster %s`, quote(fmt.Sprintf("outbound|%d||%s", port.Number, s.Hosts[0].Name))))
			}
		}
		return append(commands, fmt.Sprintf("kubectl get service,serviceentry,destinationrule,virtualservice -n %s -l app=%s", w.Namespace, w.Name))
	})...)...)
	p.line("No line: no VM is registered, or none is healthy: [Group is below its minimum](#group-is-below-its-minimum). Lines, and still no answer:")
	p.line("[mTLS is refused](#mtls-is-refused), [Firewall](#firewall).")
}
