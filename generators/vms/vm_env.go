package vms

import (
	"strconv"
	"strings"
	"time"

	meshconfig "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema/mesh"
)

// settings is a text of assignments of bash.
type settings struct{ text []byte }

func (s *settings) set(name, value string) { s.text = assign(s.text, "VMMESH_"+name, value) }
func (s *settings) list(name string, words []string) {
	s.text = assignList(s.text, "VMMESH_"+name, words)
}

// vmEnv is all that the scripts on the VM know of the spec: bash variables, each of them always there, in this order.
func vmEnv(m machine) []byte {
	w, vm, istio := m.workload(), m.group.VM, m.istio()
	s := &settings{}
	s.set("NAMESPACE", w.Namespace)
	s.set("WORKLOAD", w.Name)
	s.set("GROUP", m.group.Name)
	s.set("SERVICE_ACCOUNT", w.ServiceAccount)
	s.set("REGISTRATION", registration(m.group))
	s.set("TRUST_DOMAIN", istio.TrustDomain)
	s.set("CLUSTER_DOMAIN", istio.ClusterDomain)
	s.istiod(m)
	s.install(&vm.Package)
	s.set("CLOUD", vm.Cloud.Type)
	s.set("ADDRESS_SOURCE", vm.Address.Source)
	s.set("ADDRESS_INTERFACE", vm.Address.Interface)
	s.set("DNS_MODE", vm.DNS.Mode)
	servers := make([]string, 0, len(vm.DNS.Servers))
	for _, a := range vm.DNS.Servers {
		servers = append(servers, a.String())
	}
	s.list("DNS_SERVERS", servers)
	s.identity(&vm.Identity)
	s.list("UNITS", vm.Application.Units)
	s.set("START", vm.Application.Start)
	s.set("START_SECONDS", strconv.Itoa(int(vm.Application.Timeout/time.Second)))
	s.set("DRAIN", strconv.FormatBool(vm.Drain.OnShutdown))
	s.set("DRAIN_SECONDS", strconv.Itoa(int(vm.Drain.Timeout/time.Second)))
	s.set("DRAIN_NOTICE", strconv.Itoa(notice(w.Probe)))
	s.set("STOP_SECONDS", strconv.Itoa(int(termination(m.proxy)/time.Second)))
	s.set("INTERCEPTION", vm.Interception.Mode)
	s.set("CAPTURE", captureBackend(vm))
	s.set("EXCLUDE_CONTAINERS", strconv.FormatBool(vm.Interception.ExcludeContainers))
	s.list("INBOUND_PORTS", m.inbound())
	s.list("TARGET_PORTS", decimals(m.targets()))
	s.list("EXCLUDE_OWNER_GROUPS", vm.Interception.ExcludeOwnerGroups)
	s.probe(w.Probe)
	s.set("FIREWALL", vm.Firewall.Backend)
	s.set("SSH_PORT", strconv.Itoa(int(vm.Firewall.SSHPort)))
	s.set("METRICS_PORT", orNothing(m.metricsPort()))
	s.set("PHONE_HOME", vm.PhoneHome)
	return s.text
}

func captureBackend(vm *mesh.VM) string {
	if vm.Interception.Native {
		return "Nftables"
	}
	return "IPTables"
}

func registration(g *mesh.Group) string {
	if g.Auto {
		return "Auto"
	}
	return "Static"
}

// istiod is where the control plane is.
func (s *settings) istiod(m machine) {
	host := m.group.DiscoveryHost()
	s.set("ISTIOD_HOST", host)
	s.set("ISTIOD_PORT", m.group.DiscoveryAddress()[len(host)+1:])
	s.list("ISTIOD_ADDRESSES", m.workload().Spec.IstiodAddresses(m.network))
	s.set("ISTIO_NAMESPACE", m.istio().Namespace)
	ca, port := "", ""
	if m.group.VM.Identity.Type != "SPIRE" { // which signs the certificates itself
		ca, port, _ = strings.Cut(m.istio().CAAddress, ":")
	}
	s.set("CA_HOST", ca)
	s.set("CA_PORT", port)
}

// install is which package is installed, and from where.
func (s *settings) install(p *mesh.Package) {
	s.set("PACKAGE_FORMAT", p.Format)
	s.set("PACKAGE_VERSION", p.Version)
	s.set("PACKAGE_BASE_URL", p.BaseURL)
	for _, file := range []struct{ format, arch, name string }{
		{"Deb", "amd64", "DEB_AMD64"}, {"Deb", "arm64", "DEB_ARM64"}, {"RPM", "amd64", "RPM_AMD64"}, {"RPM", "arm64", "RPM_ARM64"},
	} {
		sum := ""
		for _, c := range p.Checksums {
			if c.Format == file.format && c.Arch == file.arch {
				sum = c.SHA256
			}
		}
		s.set("PACKAGE_SHA256_"+file.name, sum)
	}
}

// identity is where the first token comes from. What another strategy would need is empty.
func (s *settings) identity(id *mesh.Identity) {
	s.set("IDENTITY", id.Type)
	s.set("TOKEN_FILE", id.Path)
	s.set("ROOT_CERT_FILE", id.RootCertPath)
	s.set("TOKEN_REQUEST_SERVER", id.Server)
	s.set("TOKEN_REQUEST_CREDENTIAL_FILE", id.CredentialFile)
	s.set("TOKEN_REQUEST_SECONDS", seconds(id.TokenTTL))
	s.set("CA_FILE", id.CAFile)
	s.set("HTTP_URL", id.URL)
	s.set("HTTP_HEADERS_FILE", id.HeadersFile)
	s.list("COMMAND", id.Argv)
	s.set("SPIRE_SOCKET", id.SocketPath)
}

// probe is how the agent judges the application, for diagnosis.
func (s *settings) probe(p *networking.ReadinessProbe) {
	kind, scheme, host, port, path := "", "", "", uint32(0), ""
	var command []string
	switch method := p.GetHealthCheckMethod().(type) {
	case *networking.ReadinessProbe_HttpGet:
		kind, scheme, host, port, path = "httpGet", method.HttpGet.Scheme, method.HttpGet.Host, method.HttpGet.Port, method.HttpGet.Path
	case *networking.ReadinessProbe_TcpSocket:
		kind, host, port = "tcpSocket", method.TcpSocket.Host, method.TcpSocket.Port
	case *networking.ReadinessProbe_Exec:
		kind, command = "exec", method.Exec.Command
	}
	s.set("PROBE", kind)
	s.set("PROBE_SCHEME", scheme)
	s.set("PROBE_HOST", host)
	s.set("PROBE_PORT", orNothing(port))
	s.set("PROBE_PATH", path)
	s.list("PROBE_COMMAND", command)
	var headers []string
	for _, h := range p.GetHttpGet().GetHttpHeaders() {
		headers = append(headers, h.Name+": "+h.Value)
	}
	s.list("PROBE_HEADERS", headers)
	s.set("PROBE_TIMEOUT", strconv.Itoa(int(max(p.GetTimeoutSeconds(), 1))))
}

// propagation is how long istiod and the clients' sidecars take, in seconds, to learn that a VM is out of rotation.
const propagation = 5

// notice is after how many seconds no client sends new requests to a VM whose probe begins to fail.
func notice(p *networking.ReadinessProbe) int {
	return int(max(p.GetPeriodSeconds(), 1)*max(p.GetFailureThreshold(), 1)+max(p.GetTimeoutSeconds(), 1)) + propagation
}

// termination is how long the agent drains after it is told to stop (istio: pkg/config/mesh, terminationDrainDuration).
func termination(proxy *meshconfig.ProxyConfig) time.Duration {
	if d := proxy.GetTerminationDrainDuration(); d != nil {
		return min(d.AsDuration(), 24*time.Hour)
	}
	return 5 * time.Second
}

// orNothing is a number, "" for 0.
func orNothing(n uint32) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(n), 10)
}

// seconds is a duration in whole seconds, "" for none.
func seconds(duration string) string {
	d, err := time.ParseDuration(duration)
	if err != nil {
		return ""
	}
	return strconv.FormatInt(int64(d/time.Second), 10)
}
