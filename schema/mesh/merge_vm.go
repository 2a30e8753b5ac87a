package mesh

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/vmmesh/vmmesh/schema"
)

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
	m.Application.Units = longer(over.Application.Units, below.Application.Units)
	m.Application.Start = first(over.Application.Start, below.Application.Start)
	m.Application.Timeout = first(over.Application.Timeout, below.Application.Timeout)
	if a := over.Application; len(a.Units) > 0 || a.Start+a.Timeout != "" {
		m.Application.At = a.At
	}
	m.Drain.OnShutdown = cmp.Or(over.Drain.OnShutdown, below.Drain.OnShutdown)
	m.Drain.Timeout = first(over.Drain.Timeout, below.Drain.Timeout)
	if d := over.Drain; d.OnShutdown != nil || d.Timeout != "" {
		m.Drain.At = d.At
	}
	a, b := &over.Interception, &below.Interception
	m.Interception = schema.Interception{
		At: b.At, Mode: first(a.Mode, b.Mode), Backend: first(a.Backend, b.Backend),
		ExcludeContainers:       cmp.Or(a.ExcludeContainers, b.ExcludeContainers),
		IncludeInboundPorts:     longer(a.IncludeInboundPorts, b.IncludeInboundPorts),
		ExcludeInboundPorts:     longer(a.ExcludeInboundPorts, b.ExcludeInboundPorts),
		IncludeOutboundIPRanges: longer(a.IncludeOutboundIPRanges, b.IncludeOutboundIPRanges),
		ExcludeOutboundIPRanges: longer(a.ExcludeOutboundIPRanges, b.ExcludeOutboundIPRanges),
		ExcludeOutboundPorts:    longer(a.ExcludeOutboundPorts, b.ExcludeOutboundPorts),
		ExcludeInterfaces:       longer(a.ExcludeInterfaces, b.ExcludeInterfaces),
		ExcludeOwnerGroups:      longer(a.ExcludeOwnerGroups, b.ExcludeOwnerGroups),
	}
	if a.Mode+a.Backend != "" || a.ExcludeContainers != nil || len(a.IncludeInboundPorts)+len(a.ExcludeInboundPorts)+
		len(a.IncludeOutboundIPRanges)+len(a.ExcludeOutboundIPRanges)+len(a.ExcludeOutboundPorts)+len(a.ExcludeInterfaces)+
		len(a.ExcludeOwnerGroups) > 0 {
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
		SSHFrom: longer(over.Firewall.SSHFrom, below.Firewall.SSHFrom), Open: slices.Clone(longer(over.Firewall.Open, below.Firewall.Open)),
		AllowFrom: longer(over.Firewall.AllowFrom, below.Firewall.AllowFrom), ScrapeFrom: longer(over.Firewall.ScrapeFrom, below.Firewall.ScrapeFrom),
	}
	if f := over.Firewall; f.Backend != "" || f.SSHPort != 0 || len(f.SSHFrom)+len(f.Open)+len(f.AllowFrom)+len(f.ScrapeFrom) > 0 {
		m.Firewall.At = over.Firewall.At
	}
	m.CloudInit.MinVersion = first(over.CloudInit.MinVersion, below.CloudInit.MinVersion)
	m.CloudInit.PhoneHome = first(over.CloudInit.PhoneHome, below.CloudInit.PhoneHome)
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
