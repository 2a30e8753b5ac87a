package mesh

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// workload resolves one workload with its groups, services and policies.
func (r *resolver) workload(spec *Spec, s *schema.Spec, in *schema.Workload) {
	w := &Workload{
		At: in.At, Spec: spec, Name: in.Name,
		ServiceAccount: first(in.ServiceAccount, in.Name),
		Labels:         map[string]string{},
		Annotations:    in.Annotations,
		Selector:       map[string]string{labelApp: in.Name, labelClass: classVM},
		Probe:          in.Probe,
		Sidecar:        in.Sidecar,
		AccessLogging:  s.Observability.AccessLogging,
		Tracing:        s.Observability.Tracing,
	}
	w.Namespace = r.namespace(in.Namespace, s, spec)
	maps.Copy(w.Labels, in.Labels)
	w.Labels[labelApp] = w.Name
	r.labels(in.Labels, in.At.Key("labels"), derivedLabel)
	r.annotations(in.Annotations, in.At.Key("annotations"), derivedAnnotation)
	r.keysOfRelease(in.Labels, in.At.Key("labels"), w.Istio().Release)
	r.keysOfRelease(in.Annotations, in.At.Key("annotations"), w.Istio().Release)
	if isTrue(in.CreateServiceAccount) && !in.Proxyless() {
		r.serviceAccount(w, w.ServiceAccount, in.At)
	}
	w.Ports = r.ports(in)
	w.Metrics = r.metrics(in, w)
	r.probe(in)
	r.hook().Sidecar(in.Sidecar, in.At.Key("sidecar"))
	if in.Sidecar != nil && in.Sidecar.WorkloadSelector != nil {
		r.say(ruleRefusedField.At(in.At.Key("sidecar").Key("workloadSelector"), "workloadSelector cannot be set here").Key().
			WithHelp("drop it: the Sidecar selects the workload's own VMs"))
	}
	// A workload's VMs are found by app and class in its namespace; two workloads of one name there would be one.
	r.claim(kindWorkload, w.Namespace, w.Name, in.At)

	r.groups(s, in, w)
	r.brokenReleases(s, w)
	r.uncaptured(in, w)
	r.services(in, w)
	r.oneProtocol(w)
	r.security(in, w)
	r.proxylessWorkload(in, w)
	r.mesh.Workloads = append(r.mesh.Workloads, w)
}

// ports resolves what the workload listens on.
func (r *resolver) ports(in *schema.Workload) []*Port {
	var out []*Port
	unique(r, in.Ports, func(p *schema.Port) (string, diag.Path) { return p.Name, p.At })
	for n, p := range in.Ports {
		port := &Port{order: n, At: p.At, Name: p.Name, Number: uint32(p.Port), Target: uint32(p.TargetPort), Protocol: ProtocolOf(p.Protocol, p.Name)}
		if port.Protocol == "" {
			r.say(ruleUnknownProtocol.At(p.At.Key("name"), "the name %q does not say which protocol port %d speaks", p.Name, p.Port).
				WithHelp("add `protocol: HTTP` (or what it is), or begin the name with it: http-%s", p.Name))
		}
		out = append(out, port)
	}
	slices.SortStableFunc(out, func(a, b *Port) int { return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Name, b.Name)) })
	return out
}

// oneProtocol requires one protocol for each port that VMs listen on for services: the sidecar has one listener for it, of
// the protocol of the oldest Service (istio: pilot/pkg/networking/core/listener_inbound.go).
func (r *resolver) oneProtocol(w *Workload) {
	var ordered []*Port
	served, index := map[*Port]bool{}, map[*Port]int{}
	for _, s := range w.Services {
		for _, p := range s.Ports {
			served[p] = true
		}
	}
	for i, p := range w.Ports {
		index[p] = i
		if p.Protocol != "" && served[p] {
			ordered = append(ordered, p)
		}
	}
	slices.SortFunc(ordered, func(a, b *Port) int { return cmp.Compare(a.order, b.order) })
	reported := map[*Port]bool{}
	for _, set := range w.portSets() {
		target := func(p *Port) uint32 { return set[index[p]] }
		first := map[uint32]*Port{} // by where VMs listen
		for _, p := range ordered {
			q := first[target(p)]
			if q == nil {
				first[target(p)] = p
			} else if p.Protocol.IsHTTP() != q.Protocol.IsHTTP() && !reported[p] {
				reported[p] = true
				r.say(rulePortClash.At(p.At, "VMs listen on %d for %q, which is %s, and for %q, which is %s", target(p), q.Name, q.Protocol, p.Name, p.Protocol).
					WithHelp("the sidecar has one listener for a port, of one protocol: give both ports the same, or different target ports"))
			}
		}
	}
}

// protocols are those that a sidecar carries, as Istio compares them (istio: pkg/config/protocol/instance.go, Parse).
var protocols = []Protocol{"HTTP", "HTTPS", "HTTP2", "GRPC", "GRPC-WEB", "TCP", "TLS", "MONGO", "REDIS", "MYSQL"}

// Carried reports whether a port of a spec may have the protocol.
func (p Protocol) Carried() bool { return slices.Contains(protocols, p) }

// ProtocolOf returns the protocol that a port was given, in upper case, else the one that its name begins with, up to a
// dash; "" where it has neither (istio: pkg/config/kube/conversion.go, ConvertProtocol).
func ProtocolOf(protocol, name string) Protocol {
	if protocol != "" {
		return Protocol(strings.ToUpper(protocol))
	}
	prefix, _, _ := strings.Cut(name, "-")
	if strings.HasPrefix(name, "grpc-web") {
		prefix = "grpc-web"
	}
	if p := Protocol(strings.ToUpper(prefix)); p.Carried() {
		return p
	}
	return ""
}

// IsHTTP tells whether HTTP routes and HTTP conditions of policies act on a port of this protocol; also where Istio finds
// out by the bytes.
func (p Protocol) IsHTTP() bool {
	switch p {
	case "HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY", "":
		return true
	}
	return false
}

// IsTLS tells whether TLS routes act on a port of this protocol.
func (p Protocol) IsTLS() bool { return p == "TLS" || p == "HTTPS" }

// metrics resolves where the application serves metrics.
func (r *resolver) metrics(in *schema.Workload, w *Workload) *Metrics {
	if in.Metrics == nil {
		return nil
	}
	m := &Metrics{At: in.Metrics.At, Path: in.Metrics.Path}
	at := in.Metrics.At.Key("port")
	switch n, err := strconv.ParseUint(in.Metrics.Port, 10, 16); {
	case in.Metrics.Port == "":
		r.say(ruleMissingSetting.At(in.Metrics.At, "port is missing: where the application serves metrics").WithHelp("add `port: 9091`, or the name of a port"))
	case err == nil && n > 0:
		m.Port = uint32(n)
	case err == nil || strings.Trim(in.Metrics.Port, "0123456789") == "":
		r.say(rulePortClash.At(at, "%s is no port number", in.Metrics.Port).WithHelp("ports are 1 to 65535"))
	default:
		if p := w.port(in.Metrics.Port); p != nil {
			m.Name, m.Port = p.Name, p.Target
		} else {
			r.unknownPort(in.Metrics.Port, w.Ports, at)
		}
	}
	return m
}

// port finds a port of the workload by name.
func (w *Workload) port(name string) *Port {
	for _, p := range w.Ports {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// unknownPort says that no port has this name.
func (r *resolver) unknownPort(name string, ports []*Port, at diag.Path) {
	var names []string
	for _, p := range ports {
		names = append(names, p.Name)
	}
	d := ruleUnknownPort.At(at, "no port is named %q", name)
	switch near := diag.Nearest(name, names); {
	case near != "":
		d = d.Suggest("did you mean %q?", name, near, names)
	case len(names) == 0:
		d = d.WithHelp("the workload has no ports; add it to its `ports`")
	default:
		d = d.WithHelp("its ports are %s", strings.Join(names, ", "))
	}
	r.say(d)
}

// probe checks what istiod's webhook demands of a probe beyond its CRD (istio: pkg/config/validation,
// validateReadinessProbe), and what its agent cannot do.
func (r *resolver) probe(in *schema.Workload) {
	if in.Probe == nil {
		return
	}
	at := in.At.Key("probe")
	r.probeWords(in.Probe, at)
	switch m := in.Probe.HealthCheckMethod.(type) {
	case nil:
		r.say(ruleProbe.At(at, "the probe has no method").WithHelp("add httpGet: {path: /health, port: 8080}, tcpSocket: {port: 5432} or exec: {command: [...]}"))
	case *networking.ReadinessProbe_Grpc:
		r.say(ruleProbe.At(at.Key("grpc"), "istiod refuses grpc probes").Key().WithHelp("use httpGet, tcpSocket or exec"))
	case *networking.ReadinessProbe_HttpGet:
		at = at.Key("httpGet")
		if p := m.HttpGet.GetPath(); p != "" && !strings.HasPrefix(p, "/") {
			r.say(ruleProbe.At(at.Key("path"), "path %q does not begin with a slash", p).WithHelp("write %q", "/"+p).
				WithFix(diag.Fix{Old: p, New: "/" + p, Certain: true}))
		}
		for n, h := range m.HttpGet.GetHttpHeaders() {
			if !headerName(h.GetName()) {
				r.say(ruleProbe.At(at.Key("httpHeaders").Item(n, "").Key("name"), "%q is no header name", h.GetName()).WithHelp("letters, digits and '-'"))
			}
		}
	}
}

func headerName(s string) bool {
	return s != "" && strings.Trim(s, "-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}
