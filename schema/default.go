package schema

import (
	"slices"

	networking "istio.io/api/networking/v1"
)

// Default sets what is not set, where the default is a value in the schema: it needs no other
// field but those named here. It is pure and idempotent, and never touches what was said. Defaults that follow from
// other objects (a workload's service account, a group's revision, the subsets of a host) are the mesh's.
//
// Groups' own `vm` blocks stay as they are: they are laid over spec.vm, where the defaults are.
func Default(m *VMMesh) {
	s := &m.Spec
	or(&s.Namespace, m.Metadata.Namespace)
	or(&s.Namespace, "vm-workloads")
	defaultIstio(&s.Istio)
	for i := range s.Networks {
		for j := range s.Networks[i].Gateways {
			or(&s.Networks[i].Gateways[j].Port, 15443)
		}
	}
	if s.ControlPlane != nil {
		defaultControlPlane(s.ControlPlane)
	}
	or(&s.Emit, "All")
	or(&s.Namespaces.Create, yes())
	or(&s.Namespaces.MTLS.Mode, "UNSET")
	for i := range s.Workloads {
		defaultWorkload(&s.Workloads[i])
	}
	for i := range s.ExternalServices {
		// location needs no word: MESH_EXTERNAL is its zero value.
		if e := s.ExternalServices[i].ServiceEntry; e != nil && len(e.ExportTo) == 0 {
			e.ExportTo = []string{"."}
		}
	}
	defaultVM(&s.VM)
	p := &s.Observability.Prometheus
	or(&p.Format, "None")
	or(&p.Discovery.Type, "Auto")
	or(&p.Namespace, "monitoring")
	or(&p.Interval, "15s")
	or(&s.GitOps.PruneProtection, yes())
	or(&s.GitOps.VMFiles, "Files")
}

func defaultIstio(i *Istio) {
	or(&i.Namespace, "istio-system")
	or(&i.ClusterName, "Kubernetes")
	or(&i.TrustDomain, "cluster.local")
	or(&i.ClusterDomain, "cluster.local")
	or(&i.DataplaneMode, "Sidecar")
}

func defaultControlPlane(c *ControlPlane) {
	or(&c.Install, "None")
	or(&c.NetworkLabel, "Auto")
	g := &c.EastWestGateway
	or(&g.Name, "istio-eastwestgateway")
	or(&g.Namespace, "istio-system")
	or(&g.Deployment, "None")
	or(&g.Service.Type, "LoadBalancer")
	or(&g.ExposeIstiod, yes())
	or(&g.ExposeServices, "Auto")
}

func defaultWorkload(w *Workload) {
	or(&w.CreateServiceAccount, yes())
	for i := range w.Ports {
		or(&w.Ports[i].TargetPort, w.Ports[i].Port)
	}
	if w.Metrics != nil {
		or(&w.Metrics.Path, "/metrics")
	}
	if w.Probe != nil {
		defaultProbe(w.Probe)
	}
	for i := range w.Groups {
		or(&w.Groups[i].Registration, "Static")
		or(&w.Groups[i].Proxy, "Sidecar")
	}
	for i := range w.Services {
		or(&w.Services[i].Kind, "Service")
	}
	if w.Proxyless() {
		or(&w.Security.MTLS.Mode, "UNSET") // no policy could hold
	}
	or(&w.Security.MTLS.Mode, "STRICT")
}

// Proxyless reports whether the workload has groups, and none of them has a sidecar.
func (w *Workload) Proxyless() bool {
	return len(w.Groups) > 0 && !slices.ContainsFunc(w.Groups, func(g Group) bool { return g.Proxy != "None" })
}

// defaultProbe writes out the numbers that Istio's documentation names: the agent on the VM has others of its own
// (it gives up after one failure, not three).
func defaultProbe(p *networking.ReadinessProbe) {
	or(&p.TimeoutSeconds, 1)
	or(&p.PeriodSeconds, 10)
	or(&p.SuccessThreshold, 1)
	or(&p.FailureThreshold, 3)
	if tcp := p.GetTcpSocket(); tcp != nil {
		// On the VM's own address Envoy answers in the application's stead, and the probe would always succeed.
		or(&tcp.Host, "127.0.0.1")
	}
}

func defaultVM(v *VM) {
	or(&v.Package.Format, "Auto")
	or(&v.Package.BaseURL, "https://storage.googleapis.com/istio-release/releases")
	or(&v.Cloud.Type, "None")
	or(&v.Address.Source, "DefaultRoute")
	or(&v.DNS.Mode, "Proxy")
	defaultIdentity(&v.Identity)
	or(&v.Application.Start, "Require")
	or(&v.Application.Timeout, "5m")
	or(&v.Drain.OnShutdown, yes())
	or(&v.Drain.Timeout, "30s")
	or(&v.Interception.Mode, "REDIRECT")
	or(&v.Interception.Backend, "IPTables")
	or(&v.Interception.ExcludeContainers, yes())
	if len(v.Interception.IncludeOutboundIPRanges) == 0 {
		v.Interception.IncludeOutboundIPRanges = []string{"*"}
	}
	if len(v.Interception.ExcludeOwnerGroups) == 0 {
		v.Interception.ExcludeOwnerGroups = []string{
			"sssd", "nslcd", "chrony", "_chrony", "ntp", "ntpsec", "systemd-timesync", "systemd-network",
		}
	}
	or(&v.Firewall.Backend, "None")
	or(&v.Firewall.SSHPort, 22)
	for i := range v.Firewall.Open {
		or(&v.Firewall.Open[i].Protocol, "TCP")
	}
	or(&v.CloudInit.MinVersion, "22.4")
}

// defaultIdentity completes the block of the chosen type, and makes it where every setting of it has a default.
func defaultIdentity(i *Identity) {
	or(&i.Type, "TokenFile")
	switch i.Type {
	case "TokenFile":
		if i.TokenFile == nil {
			i.TokenFile = &TokenFileIdentity{At: i.At.Key("tokenFile")}
		}
		or(&i.TokenFile.Path, "/var/lib/vmmesh/istio-token")
		or(&i.TokenFile.RootCertPath, "/var/lib/vmmesh/root-cert.pem")
	case "TokenRequest":
		if i.TokenRequest != nil {
			or(&i.TokenRequest.TokenTTL, "1h")
		}
	case "GCE":
		if i.GCE == nil {
			i.GCE = &GCEIdentity{At: i.At.Key("gce")}
		}
	case "SPIRE":
		if i.SPIRE == nil {
			i.SPIRE = &SPIREIdentity{At: i.At.Key("spire")}
		}
		or(&i.SPIRE.SocketPath, "/var/run/secrets/workload-spiffe-uds/socket")
	}
}

// or sets a field that is unset.
func or[T comparable](field *T, value T) {
	var unset T
	if *field == unset {
		*field = value
	}
}

// yes is a new true: fields that are on by default are pointers, and no two share one.
func yes() *bool { return new(true) }
