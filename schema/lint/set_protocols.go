package lint

import (
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// protocolNames are the beginnings of port names that Istio knows (istio: pkg/config/protocol/instance.go, Parse).
var protocolNames = []string{"tcp", "udp", "grpc", "grpc-web", "http", "http_proxy", "http2", "https", "tls", "mongo", "redis", "mysql", "hbone"}

// knownPorts are those that Istio takes for TCP where nothing is set (istio: pkg/config/kube/conversion.go).
var knownPorts = []uint32{25, 53, 3306, 27017}

// protocolOf is how Istio treats a Service's port: "HTTP", "HTTP2", "TCP" or "UDP"; "" where it looks at the bytes.
func protocolOf(p manifest.PortView) string {
	if p.Protocol == "UDP" || p.Protocol == "SCTP" {
		return "UDP"
	}
	word := strings.ToLower(p.AppProtocol)
	if word == "" {
		word = strings.ToLower(p.Name)
		if !slices.Contains(protocolNames, word) && !strings.HasPrefix(word, "grpc-web") {
			word, _, _ = strings.Cut(word, "-")
		}
	}
	switch word {
	case "http", "http_proxy", "kubernetes.io/ws":
		return "HTTP"
	case "http2", "grpc", "kubernetes.io/h2c":
		return "HTTP2"
	case "tcp", "https", "tls", "mongo", "redis", "mysql", "kubernetes.io/wss":
		return "TCP"
	}
	if strings.HasPrefix(word, "grpc-web") {
		return "HTTP2"
	}
	if slices.Contains(knownPorts, p.Number) {
		return "TCP"
	}
	return ""
}

var serverFirst = diag.Rule{
	ID: "VM217", Name: "server-speaks-first", Severity: diag.Warning,
	Doc: "A port whose server speaks first says that it is TCP.",
	Long: "Where a port's protocol is not said, the sidecar waits for the client's first bytes to tell it. A client of MySQL, SMTP, FTP, IMAP or POP3 waits for the server's, and both wait " +
		"until the time-out (istio: pkg/config/kube/conversion.go). Begin the port's name with tcp- or say appProtocol: tcp.",
	Bad:  "apiVersion: v1\nkind: Service\nmetadata: {name: mail, namespace: shop}\nspec: {selector: {app: mail}, ports: [{name: submission, port: 587}]}\n---\n" + strings.ReplaceAll(strings.Replace(vmGood, "http: 8080", "smtp: 587", 1), "pay", "mail"),
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: mail, namespace: shop}\nspec: {selector: {app: mail}, ports: [{name: tcp-submission, port: 587}]}\n---\n" + strings.ReplaceAll(strings.Replace(vmGood, "http: 8080", "smtp: 587", 1), "pay", "mail"),
}

// talkers are ports of protocols in which the server speaks first, beside those that Istio knows by itself.
var talkers = map[uint32]string{21: "FTP", 110: "POP3", 143: "IMAP", 587: "SMTP", 2525: "SMTP", 3307: "MySQL", 33060: "MySQL"}

// findServerFirst judges Services of VMs; those of pods are for those who deploy them.
func findServerFirst(s *manifest.Set, report Report) {
	all := classesOf(s)
	for _, v := range s.Services() {
		if len(all.vms(v.Namespace, v.Selector)) == 0 {
			continue
		}
		for _, p := range v.Ports {
			if protocolOf(p) != "" {
				continue
			}
			who := talkers[p.Number]
			if who == "" {
				who = talkers[p.Target]
			}
			for _, part := range strings.Split(strings.ToLower(p.Name), "-") {
				switch part {
				case "mysql", "mariadb":
					who = "MySQL"
				case "smtp", "ftp", "imap", "pop3":
					who = strings.ToUpper(part)
				}
			}
			if who != "" {
				report(serverFirst.At(p.At, "a server of %s speaks first, and the port does not say that it is TCP: both sides wait", who).
					WithHelp("name it tcp-%s, or add appProtocol: tcp", p.Name))
			}
		}
	}
}

var protocolConflict = diag.Rule{
	ID: "VM218", Name: "protocol-conflict", Severity: diag.Warning,
	Doc: "Services that lead to one port of VMs give it one protocol.",
	Long: "On the VM there is one listener for the port, and it has the protocol of the oldest Service (istio: pilot/pkg/networking/core/listener_inbound.go). Clients of the others speak another " +
		"one to it: policies on paths and methods then hold or not by what was applied first.",
	Bad: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80, targetPort: 8080}]}\n---\n" +
		"apiVersion: v1\nkind: Service\nmetadata: {name: pay-raw, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: tcp, port: 8080}]}\n---\n" + vmGood,
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80, targetPort: 8080}]}\n---\n" +
		"apiVersion: v1\nkind: Service\nmetadata: {name: pay-raw, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http-raw, port: 8080}]}\n---\n" + vmGood,
}

func findProtocolConflicts(s *manifest.Set, report Report) {
	all := classesOf(s)
	type place struct {
		vm   *manifest.Workload
		port uint32
	}
	type word struct {
		protocol string
		by       *manifest.Resource
	}
	first := map[place]word{}
	for v := range distinctServices(s) {
		if v.Headless || v.External {
			continue
		}
		selected := all.vms(v.Namespace, v.Selector)
		for _, p := range v.Ports {
			protocol := protocolOf(p)
			if protocol == "" || protocol == "UDP" {
				continue // what is not set contradicts nothing
			}
			if protocol == "HTTP2" {
				protocol = "HTTP" // one listener serves both
			}
			for _, w := range selected {
				target, _ := targetOn(w, p)
				if target == 0 {
					continue
				}
				other, said := first[place{w, target}]
				if !said {
					first[place{w, target}] = word{protocol, v.Resource}
					continue
				}
				if other.protocol != protocol && other.by != v.Resource {
					report(protocolConflict.At(p.At, "port %d of %s is %s here, and %s of %s", target, w.Resource, protocol, other.protocol, other.by).
						WithHelp("give both ports one protocol, by their names or by appProtocol"))
					break
				}
			}
		}
	}
}

// targetOn is where a VM listens for a Service's port, and whether it does at all: its own port of the Service port's
// name before the targetPort.
func targetOn(w *manifest.Workload, p manifest.PortView) (uint32, bool) {
	if p.TargetName != "" {
		n, ok := w.Ports[p.TargetName]
		return n, ok
	}
	if n := w.Ports[p.Name]; n != 0 {
		return n, true
	}
	return p.Target, p.Target != 0
}
