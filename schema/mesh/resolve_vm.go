package mesh

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// Ports of the agent and of Envoy that are never captured: merged metrics, readiness, Envoy's own metrics.
var uncapturedPorts = []uint32{15020, 15021, 15090}

// vm resolves how a group's VMs become members: spec.vm, with the group's own words over it.
func (r *resolver) vm(s *schema.Spec, in *schema.Group, g *Group) *VM {
	merged := s.VM
	if in.VM != nil {
		r.vmUnions(in.VM)
		merged = mergeVM(s.VM, in.VM)
	}
	vm := &VM{
		At:          merged.At,
		Package:     Package{Format: merged.Package.Format, Version: first(merged.Package.Version, g.Revision.Release.String()), BaseURL: merged.Package.BaseURL},
		Cloud:       cloud(&merged.Cloud),
		Address:     Address{Source: merged.Address.Source, Interface: merged.Address.Interface},
		DNS:         DNS{Mode: merged.DNS.Mode},
		Identity:    identity(&merged.Identity),
		ProxyConfig: merged.ProxyConfig,
		CloudInit:   merged.CloudInit.MinVersion,
	}
	for _, c := range merged.Package.Checksums {
		vm.Package.Checksums = append(vm.Package.Checksums, Checksum{Format: c.Format, Arch: c.Arch, SHA256: strings.ToLower(c.SHA256)})
	}
	slices.SortFunc(vm.Package.Checksums, func(a, b Checksum) int {
		return cmp.Or(cmp.Compare(a.Format, b.Format), cmp.Compare(a.Arch, b.Arch))
	})
	for _, e := range merged.Env {
		vm.Env = append(vm.Env, EnvVar{Name: e.Name, Value: e.Value})
	}
	slices.SortFunc(vm.Env, func(a, b EnvVar) int { return cmp.Compare(a.Name, b.Name) })

	// A block that only spec.vm has is judged for every group that uses it; the findings are the same and told once.
	r.packageVersion(&merged.Package, g)
	r.vmAddress(&merged.Address)
	r.dns(&merged.DNS, vm, g)
	r.identity(&merged.Identity, g)
	r.interception(&merged.Interception, &merged.Firewall, vm, g)
	r.proxyConfig(&merged, vm, g)
	r.env(&merged, vm)
	r.firewall(&merged.Firewall, vm, g)
	return vm
}

// mergeVM lays a group's words over the spec's: field by field, a list or a union as a whole.
func mergeVM(below schema.VM, over *schema.VM) schema.VM {
	m := below
	m.Package = schema.Package{
		At: below.Package.At, Format: first(over.Package.Format, below.Package.Format), Version: first(over.Package.Version, below.Package.Version),
		BaseURL: first(over.Package.BaseURL, below.Package.BaseURL), Checksums: longer(over.Package.Checksums, below.Package.Checksums),
	}
	if p := over.Package; p.Format+p.Version+p.BaseURL != "" || len(p.Checksums) > 0 {
		m.Package.At = over.Package.At
	}
	if over.Cloud.Type != "" || over.Cloud.AWS != nil || over.Cloud.GCP != nil || over.Cloud.Azure != nil || over.Cloud.OpenStack != nil {
		m.Cloud = over.Cloud
	}
	m.Address.Source, m.Address.Interface = first(over.Address.Source, below.Address.Source), first(over.Address.Interface, below.Address.Interface)
	if over.Address.Source != "" && over.Address.Interface == "" && over.Address.Source != "Interface" {
		m.Address.Interface = ""
	}
	if over.Address.Source+over.Address.Interface != "" {
		m.Address.At = over.Address.At
	}
	m.DNS.Mode, m.DNS.Servers = first(over.DNS.Mode, below.DNS.Mode), longer(over.DNS.Servers, below.DNS.Servers)
	if over.DNS.Mode != "" && over.DNS.Mode != "Forward" && len(over.DNS.Servers) == 0 {
		m.DNS.Servers = nil
	}
	if over.DNS.Mode != "" || len(over.DNS.Servers) > 0 {
		m.DNS.At = over.DNS.At
	}
	if o := over.Identity; o.Type != "" || o.TokenFile != nil || o.TokenRequest != nil || o.HTTP != nil || o.Command != nil || o.GCE != nil || o.SPIRE != nil {
		m.Identity = o
	}
	a, b := &over.Interception, &below.Interception
	m.Interception = schema.Interception{
		At: b.At, Mode: first(a.Mode, b.Mode),
		IncludeInboundPorts:     longer(a.IncludeInboundPorts, b.IncludeInboundPorts),
		ExcludeInboundPorts:     longer(a.ExcludeInboundPorts, b.ExcludeInboundPorts),
		IncludeOutboundIPRanges: longer(a.IncludeOutboundIPRanges, b.IncludeOutboundIPRanges),
		ExcludeOutboundIPRanges: longer(a.ExcludeOutboundIPRanges, b.ExcludeOutboundIPRanges),
		ExcludeOutboundPorts:    longer(a.ExcludeOutboundPorts, b.ExcludeOutboundPorts),
		ExcludeInterfaces:       longer(a.ExcludeInterfaces, b.ExcludeInterfaces),
	}
	if a.Mode != "" || len(a.IncludeInboundPorts)+len(a.ExcludeInboundPorts)+len(a.IncludeOutboundIPRanges)+len(a.ExcludeOutboundIPRanges)+
		len(a.ExcludeOutboundPorts)+len(a.ExcludeInterfaces) > 0 {
		m.Interception.At = a.At
	}
	if over.ProxyConfig != nil {
		m.ProxyConfig = over.ProxyConfig
		if below.ProxyConfig != nil { // field by field
			m.ProxyConfig = proto.CloneOf(below.ProxyConfig)
			lay(m.ProxyConfig.ProtoReflect(), proto.CloneOf(over.ProxyConfig).ProtoReflect())
		}
	}
	m.Env = longer(over.Env, below.Env)
	m.Firewall = schema.Firewall{
		At: below.Firewall.At, Backend: first(over.Firewall.Backend, below.Firewall.Backend), SSHPort: cmp.Or(over.Firewall.SSHPort, below.Firewall.SSHPort),
		AllowFrom: longer(over.Firewall.AllowFrom, below.Firewall.AllowFrom), ScrapeFrom: longer(over.Firewall.ScrapeFrom, below.Firewall.ScrapeFrom),
	}
	if f := over.Firewall; f.Backend != "" || f.SSHPort != 0 || len(f.AllowFrom)+len(f.ScrapeFrom) > 0 {
		m.Firewall.At = over.Firewall.At
	}
	m.CloudInit.MinVersion = first(over.CloudInit.MinVersion, below.CloudInit.MinVersion)
	m.At = over.At
	// A union that the group chose itself still lacks its defaults; the specs keep their own blocks.
	m.Identity.TokenFile = copied(m.Identity.TokenFile)
	m.Identity.TokenRequest = copied(m.Identity.TokenRequest)
	m.Identity.SPIRE = copied(m.Identity.SPIRE)
	whole := schema.VMMesh{Spec: schema.Spec{VM: m}}
	schema.Default(&whole)
	return whole.Spec.VM
}

// lay puts one message over another: field by field, maps key by key, a list or a union as a whole. It is not
// proto.Merge, which appends to lists, adds durations up and lets no false win over a true. The parts of over are
// shared afterwards.
func lay(below, over protoreflect.Message) {
	over.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			m := below.Mutable(f).Map()
			v.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
				m.Set(key, value)
				return true
			})
		case f.IsList() || f.Message() == nil || f.ContainingOneof() != nil || f.Message().ParentFile().Package() == "google.protobuf" || !below.Has(f):
			below.Set(f, v)
		default:
			lay(below.Mutable(f).Message(), v.Message())
		}
		return true
	})
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

// longer answers the first list that says anything: lists are replaced whole.
func longer[T any](over, below []T) []T {
	if len(over) > 0 {
		return over
	}
	return below
}

func cloud(in *schema.Cloud) Cloud {
	out := Cloud{Type: in.Type}
	if in.AWS != nil {
		out.Region = in.AWS.Region
	}
	if in.OpenStack != nil {
		out.Region = in.OpenStack.Region
	}
	if in.GCP != nil {
		out.Project, out.Zones = in.GCP.Project, in.GCP.Zones
	}
	if in.Azure != nil {
		out.SubscriptionID, out.ResourceGroup = in.Azure.SubscriptionID, in.Azure.ResourceGroup
	}
	return out
}

func identity(in *schema.Identity) Identity {
	out := Identity{Type: in.Type}
	switch {
	case in.Type == "TokenFile" && in.TokenFile != nil:
		out.Path, out.RootCertPath = in.TokenFile.Path, in.TokenFile.RootCertPath
	case in.Type == "TokenRequest" && in.TokenRequest != nil:
		t := in.TokenRequest
		out.Server, out.CAFile, out.CredentialFile, out.TokenTTL = t.Server, t.CAFile, t.CredentialFile, t.TokenTTL
	case in.Type == "HTTP" && in.HTTP != nil:
		out.URL, out.CAFile, out.HeadersFile = in.HTTP.URL, in.HTTP.CAFile, in.HTTP.HeadersFile
	case in.Type == "Command" && in.Command != nil:
		out.Argv = in.Command.Argv
	case in.Type == "SPIRE" && in.SPIRE != nil:
		out.SocketPath = in.SPIRE.SocketPath
	}
	return out
}

// vmUnions checks the unions of a vm block as it was written.
func (r *resolver) vmUnions(in *schema.VM) {
	c, i := &in.Cloud, &in.Identity
	r.union("cloud", c.At, c.Type, []branch{
		{"AWS", "aws", c.AWS != nil, ""}, {"GCP", "gcp", c.GCP != nil, ""},
		{"Azure", "azure", c.Azure != nil, ""}, {"OpenStack", "openstack", c.OpenStack != nil, ""},
	})
	r.union("identity", i.At, i.Type, []branch{
		{"TokenFile", "tokenFile", i.TokenFile != nil, ""},
		{"TokenRequest", "tokenRequest", i.TokenRequest != nil, "{server: https://<the Kubernetes API>:6443, credentialFile: /etc/vmmesh/bootstrap-token}"},
		{"HTTP", "http", i.HTTP != nil, "{url: https://<where a token comes from>}"},
		{"Command", "command", i.Command != nil, "{argv: [/usr/local/bin/get-token]}"},
		{"GCE", "gce", i.GCE != nil, ""}, {"SPIRE", "spire", i.SPIRE != nil, ""},
	})
}

// branch is one block of a union: the type that it belongs to, its key, whether it was written, and an example where
// its type needs it.
type branch struct {
	of, key string
	said    bool
	example string
}

// union checks that only the block of its type stands in a union.
func (r *resolver) union(name string, at diag.Path, kind string, branches []branch) {
	for _, b := range branches {
		if b.said && b.of != kind {
			d := ruleUnion.At(at.Key(b.key), "the block %s belongs to type: %s", b.key, b.of).Key()
			if kind == "" {
				d = d.WithHelp("add `type: %s` to %s", b.of, name)
			} else {
				d = d.WithHelp("the type of %s is %s: write `type: %s`, or drop the block", name, kind, b.of)
			}
			r.say(d)
		}
		if b.example != "" && !b.said && b.of == kind {
			r.say(ruleUnion.At(at.Key("type"), "type: %s needs the block %s", kind, b.key).WithHelp("add `%s: %s`", b.key, b.example))
		}
	}
}

// packageVersion holds VMs to a sidecar that is not newer than their control plane.
func (r *resolver) packageVersion(in *schema.Package, g *Group) {
	if in.Version == "" {
		return
	}
	v, ok := ParseRelease(in.Version)
	if ok && v.Newer(g.Revision.Release) {
		r.say(rulePackageVersion.At(in.At.Key("version"), "package %s is newer than the control plane of group %q, %s", v, g.Name, g.Revision.Release).
			WithHelp("Istio supports data planes that are older than their control plane, not newer: write %s or less", g.Revision.Release))
	}
	seen := map[[2]string]bool{}
	for _, c := range in.Checksums {
		if key := [2]string{c.Format, c.Arch}; seen[key] {
			r.say(ruleDuplicateName.At(c.At, "two checksums are for %s on %s", c.Format, c.Arch))
		} else {
			seen[key] = true
		}
	}
}

func (r *resolver) vmAddress(in *schema.Address) {
	switch {
	case in.Source == "Interface" && in.Interface == "":
		r.say(ruleMissingSetting.At(in.At, "source: Interface does not say which").WithHelp("add `interface: eth0`"))
	case in.Source != "Interface" && in.Interface != "":
		r.say(ruleMisfit.At(in.At.Key("interface"), "an interface beside source: %s, which does not use it", in.Source).WithHelp("drop it, or set `source: Interface`"))
	}
}

func (r *resolver) dns(in *schema.DNS, vm *VM, g *Group) {
	vm.DNS.Servers = r.addressList(in.Servers, in.At.Key("servers"))
	for i, s := range in.Servers {
		r.offCluster(s, in.At.Key("servers").Item(i, ""), g.Workload.Istio())
	}
	switch {
	case in.Mode == "Forward" && len(in.Servers) == 0:
		r.say(ruleMissingSetting.At(in.At, "mode: Forward does not say where to").WithHelp("add `servers: [<address>]`: DNS servers of the cluster that a VM can reach, behind a load balancer"))
	case in.Mode != "Forward" && len(in.Servers) > 0:
		r.say(ruleMisfit.At(in.At.Key("servers"), "servers beside mode: %s, which does not use them", in.Mode).WithHelp("drop them, or set `mode: Forward`"))
	}
}

// identity checks the settings of a strategy.
func (r *resolver) identity(in *schema.Identity, g *Group) {
	need := func(at diag.Path, key, value, help string) {
		if value == "" {
			r.say(ruleMissingSetting.At(at, "%s is missing", key).WithHelp("%s", help))
		}
	}
	file := func(at diag.Path, value string) {
		if value != "" && (!path.IsAbs(value) || path.Clean(value) != value) {
			r.say(ruleMisfit.At(at, "%q is no absolute, plain path", value).WithHelp("write a path such as /var/lib/vmmesh/istio-token"))
		}
	}
	if (in.Type == "Command" || in.Type == "GCE") && g.Workload.Istio().RootCert == "" {
		r.say(ruleMissingSetting.At(in.At.Key("type"), "type: %s brings no root certificate with it, and istio.rootCert is not set", in.Type).
			WithHelp("paste the mesh's root certificate into istio.rootCert; a VM never fetches it unverified"))
	}
	switch {
	case in.Type == "TokenFile" && in.TokenFile != nil:
		file(in.TokenFile.At.Key("path"), in.TokenFile.Path)
		file(in.TokenFile.At.Key("rootCertPath"), in.TokenFile.RootCertPath)
		if p := in.TokenFile.Path; strings.HasPrefix(p, "/var/run/") || strings.HasPrefix(p, "/run/") || strings.HasPrefix(p, "/tmp/") {
			r.say(ruleMisfit.At(in.TokenFile.At.Key("path"), "%s is lost on a reboot", p).WithHelp("put it on a disk: /var/lib/vmmesh/istio-token"))
		}
	case in.Type == "TokenRequest" && in.TokenRequest != nil:
		t := in.TokenRequest
		need(t.At, "server", t.Server, "add `server: https://<address of the Kubernetes API>:6443`")
		need(t.At, "credentialFile", t.CredentialFile, "add `credentialFile: /etc/vmmesh/bootstrap-token`: where the VM finds its bootstrap credential")
		r.https(t.Server, t.At.Key("server"))
		file(t.At.Key("caFile"), t.CAFile)
		file(t.At.Key("credentialFile"), t.CredentialFile)
	case in.Type == "HTTP" && in.HTTP != nil:
		need(in.HTTP.At, "url", in.HTTP.URL, "add `url: https://<where a token comes from>`")
		r.https(in.HTTP.URL, in.HTTP.At.Key("url"))
		file(in.HTTP.At.Key("caFile"), in.HTTP.CAFile)
		file(in.HTTP.At.Key("headersFile"), in.HTTP.HeadersFile)
	case in.Type == "Command" && in.Command != nil:
		if len(in.Command.Argv) == 0 {
			r.say(ruleMissingSetting.At(in.Command.At, "argv is missing").WithHelp("add `argv: [/usr/local/bin/get-token]`: a program that prints a token"))
		} else {
			file(in.Command.At.Key("argv").Item(0, ""), in.Command.Argv[0])
		}
	case in.Type == "SPIRE" && in.SPIRE != nil:
		file(in.SPIRE.At.Key("socketPath"), in.SPIRE.SocketPath)
	}
}

// https demands an address over which a credential may be sent.
func (r *resolver) https(url string, at diag.Path) {
	if url != "" && !strings.HasPrefix(url, "https://") {
		r.say(ruleMisfit.At(at, "%q is no https:// address; a credential goes over it", url).WithHelp("write https://"))
	}
}

func (r *resolver) interception(in *schema.Interception, fw *schema.Firewall, vm *VM, g *Group) {
	out := &vm.Interception
	out.Mode = in.Mode
	at := in.At.Key("includeInboundPorts")
	for i, word := range in.IncludeInboundPorts {
		n, err := strconv.ParseUint(word, 10, 16)
		switch {
		case word == "*" && len(in.IncludeInboundPorts) == 1:
			out.AllInbound = true
		case word == "*":
			r.say(ruleMisfit.At(at.Item(i, ""), `"*" stands beside other ports`).WithHelp(`write ["*"] alone for every port, or list ports`))
		case err != nil || n == 0:
			r.say(rulePortClash.At(at.Item(i, ""), "%q is no port number", word).WithHelp(`write a number from 1 to 65535, or ["*"] alone`))
		default:
			out.IncludeInboundPorts = append(out.IncludeInboundPorts, uint32(n))
		}
	}
	if len(in.IncludeInboundPorts) == 0 {
		for _, n := range g.Ports {
			out.IncludeInboundPorts = append(out.IncludeInboundPorts, n)
		}
	}
	slices.Sort(out.IncludeInboundPorts)
	out.IncludeInboundPorts = slices.Compact(out.IncludeInboundPorts)
	if len(in.ExcludeInboundPorts) > 0 && !out.AllInbound {
		r.say(ruleMisfit.At(in.At.Key("excludeInboundPorts"), "excludeInboundPorts does nothing: only listed ports are captured").Key().
			WithHelp(`drop it, or set includeInboundPorts: ["*"]`))
	}
	if out.AllInbound {
		out.ExcludeInboundPorts = append(numbers(in.ExcludeInboundPorts), uncapturedPorts...)
		out.ExcludeInboundPorts = append(out.ExcludeInboundPorts, uint32(fw.SSHPort))
		slices.Sort(out.ExcludeInboundPorts)
		out.ExcludeInboundPorts = slices.Compact(out.ExcludeInboundPorts)
	}
	out.IncludeOutboundIPRanges = r.ranges(in.IncludeOutboundIPRanges, in.At.Key("includeOutboundIPRanges"), true)
	out.ExcludeOutboundIPRanges = r.ranges(in.ExcludeOutboundIPRanges, in.At.Key("excludeOutboundIPRanges"), false)
	out.ExcludeOutboundPorts = numbers(in.ExcludeOutboundPorts)
	slices.Sort(out.ExcludeOutboundPorts)
	out.ExcludeInterfaces = slices.Sorted(slices.Values(in.ExcludeInterfaces))
}

// ranges reads outbound ranges: CIDRs, or "*" alone.
func (r *resolver) ranges(list []string, at diag.Path, star bool) []string {
	if star && len(list) == 1 && list[0] == "*" {
		return list
	}
	var out []string
	for _, p := range r.prefixes(list, at) {
		out = append(out, p.String())
	}
	return out
}

func numbers(list []int) []uint32 {
	var out []uint32
	for _, n := range list {
		out = append(out, uint32(n))
	}
	return out
}

// derivedEnv are the lines of cluster.env that are facts of the mesh, said elsewhere in the spec
// (istio: istioctl/pkg/workload, createClusterEnv and createMeshConfig).
var derivedEnv = map[string]string{
	"CA_ADDR": "istio.revision", "CANONICAL_REVISION": "group.version", "CANONICAL_SERVICE": "workload.name",
	"ISTIO_EXCLUDE_INTERFACES": "vm.interception", "ISTIO_INBOUND_INTERCEPTION_MODE": "vm.interception", "ISTIO_INBOUND_PORTS": "vm.interception",
	"ISTIO_LOCAL_EXCLUDE_PORTS": "vm.interception", "ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE": "vm.interception",
	"ISTIO_SERVICE_CIDR": "vm.interception", "ISTIO_SERVICE_EXCLUDE_CIDR": "vm.interception",
	"ISTIO_META_AUTO_REGISTER_GROUP": "group.registration", "ISTIO_META_WORKLOAD_ENTRY": "group.registration",
	"ISTIO_META_CLUSTER_ID": "istio.clusterName", "ISTIO_META_DNS_CAPTURE": "vm.dns", "ISTIO_META_ENABLE_HBONE": "istio.dataplaneMode",
	"ISTIO_META_MESH_ID": "istio.meshID", "ISTIO_META_NETWORK": "group.network", "ISTIO_META_POD_PORTS": "workload.ports",
	"ISTIO_META_WORKLOAD_NAME": "group.name", "ISTIO_METAJSON_LABELS": "workload.labels", "ISTIO_NAMESPACE": "workload.namespace",
	"ISTIO_PROMETHEUS_ANNOTATIONS": "workload.metrics", "ISTIO_SERVICE": "group.name", "ISTIO_SVC_IP": "instance.address",
	"POD_NAMESPACE": "workload.namespace", "REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION": "instance.externalAddress",
	"SERVICE_ACCOUNT": "workload.serviceAccount", "TRUST_DOMAIN": "istio.trustDomain",
}

func (r *resolver) env(in *schema.VM, vm *VM) {
	unique(r, in.Env, func(e *schema.EnvVar) (string, diag.Path) { return e.Name, e.At })
	for _, e := range in.Env {
		if from := derivedEnv[e.Name]; from != "" {
			r.say(ruleDerivedSetting.At(e.At.Key("name"), "%s is derived and cannot be set here", e.Name).WithHelp("it comes from %s", from))
		}
	}
}

// proxyConfig holds the free block to what the rest of the spec says.
func (r *resolver) proxyConfig(in *schema.VM, vm *VM, g *Group) {
	p := vm.ProxyConfig
	if p == nil {
		return
	}
	at := in.At.Key("proxyConfig")
	istio := g.Workload.Istio()
	derived := func(key, from string) {
		r.say(ruleDerivedSetting.At(at.Key(key), "%s is derived and cannot be set here", key).Key().WithHelp("it comes from %s", from))
	}
	if p.DiscoveryAddress != "" && p.DiscoveryAddress != istio.discovery(g.Revision) {
		derived("discoveryAddress", "istio.discoveryAddress and the group's revision")
	}
	if p.MeshId != "" && p.MeshId != istio.MeshID {
		derived("meshId", "istio.meshID")
	}
	if p.ReadinessProbe != nil {
		derived("readinessProbe", "workload.probe")
	}
	for _, key := range sortedKeys(p.ProxyMetadata) {
		if from := derivedEnv[key]; from != "" {
			r.say(ruleDerivedSetting.At(at.Key("proxyMetadata").Key(key), "%s is derived and cannot be set here", key).Key().WithHelp("it comes from %s", from))
		}
	}
	if p.InterceptionMode != 0 && p.InterceptionMode.String() != vm.Interception.Mode {
		derived("interceptionMode", "vm.interception.mode")
	}
}

func (r *resolver) firewall(in *schema.Firewall, vm *VM, g *Group) {
	vm.Firewall = Firewall{
		Backend: in.Backend, SSHPort: uint32(in.SSHPort),
		AllowFrom: r.prefixes(in.AllowFrom, in.At.Key("allowFrom")), ScrapeFrom: r.prefixes(in.ScrapeFrom, in.At.Key("scrapeFrom")),
	}
	if in.Backend != "None" && g.Workload.Spec.Prometheus.Format != "None" && len(in.ScrapeFrom) == 0 {
		r.say(ruleMissingSetting.At(in.At, "scrapeFrom is missing: the firewall would keep Prometheus out").
			WithHelp("add `scrapeFrom: [<range of the scrapers>]`"))
	}
}
