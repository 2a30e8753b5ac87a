package mesh

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

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
		PhoneHome:   merged.CloudInit.PhoneHome,
	}
	vm.Package.Release = g.Revision.Release
	if release, ok := ParseRelease(merged.Package.Version); ok {
		vm.Package.Release = release
	}
	vm.ProxyAt = s.VM.At.Key("proxyConfig")
	if in.VM != nil && in.VM.ProxyConfig != nil {
		vm.ProxyAt = in.VM.At.Key("proxyConfig")
	}
	for _, c := range merged.Package.Checksums {
		vm.Package.Checksums = append(vm.Package.Checksums, Checksum{Format: c.Format, Arch: c.Arch, SHA256: strings.ToLower(c.SHA256)})
	}
	slices.SortFunc(vm.Package.Checksums, func(a, b Checksum) int {
		return cmp.Or(cmp.Compare(a.Format, b.Format), cmp.Compare(a.Arch, b.Arch))
	})
	for _, e := range merged.Env {
		vm.Env = append(vm.Env, EnvVar{At: e.At, Name: e.Name, Value: e.Value})
	}
	slices.SortFunc(vm.Env, func(a, b EnvVar) int { return cmp.Compare(a.Name, b.Name) })

	// A block that only spec.vm has is judged for every group that uses it; the findings are the same and told once.
	r.packageVersion(&merged.Package, g)
	r.packageOrigin(&merged.Package)
	r.vmAddress(&merged.Address, vm.Cloud.Type)
	r.dns(&merged.DNS, vm, g)
	r.identity(&merged.Identity, g)
	r.application(&merged.Application, vm)
	r.drain(&merged.Drain, vm)
	r.interception(&merged.Interception, &merged.Firewall, vm, g)
	r.proxyConfig(&s.VM, in.VM, vm, g)
	r.env(&merged, vm)
	r.firewall(&merged.Firewall, vm, g)
	r.scraped(in, &merged, g)
	return vm
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
	if ok {
		r.skew(v, in.At.Key("version"), g)
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

// packageOrigin demands that nobody on the way can put another package in the place of Istio's, which runs as root.
func (r *resolver) packageOrigin(in *schema.Package) {
	if in.Format != "None" && len(in.Checksums) == 0 && strings.HasPrefix(in.BaseURL, "http://") {
		r.say(ruleMisfit.At(in.At.Key("baseURL"), "packages come from %s unencrypted, and no checksum pins them", in.BaseURL).
			WithHelp("use https, or add `checksums: [{format: Deb, arch: amd64, sha256: <sum>}]` for each package that VMs install"))
	}
}

func (r *resolver) vmAddress(in *schema.Address, cloud string) {
	metadata := in.Source == "Metadata" || in.Source == "MetadataExternal"
	switch {
	case metadata && !slices.Contains([]string{"AWS", "GCP", "Azure", "OpenStack"}, cloud):
		r.say(ruleMisfit.At(in.At.Key("source"), "source: %s, and cloud type %s has no metadata service that tells an address", in.Source, cloud).
			WithHelp("set `vm.cloud: {type: AWS}`, or whichever it is, or another source"))
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
		r.tokenTTL(t.TokenTTL, t.At.Key("tokenTTL"))
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
		for n, word := range in.Command.Argv {
			r.word(word, in.Command.At.Key("argv").Item(n, ""))
		}
	case in.Type == "SPIRE" && in.SPIRE != nil:
		file(in.SPIRE.At.Key("socketPath"), in.SPIRE.SocketPath)
	}
}

// tokenTTL demands a life that the Kubernetes API gives to a token, of which it takes whole seconds (kubernetes:
// pkg/apis/authentication/validation, ValidateTokenRequest).
func (r *resolver) tokenTTL(ttl string, at diag.Path) {
	switch d, err := time.ParseDuration(ttl); {
	case ttl == "":
	case err != nil || d > 1<<32*time.Second:
		r.say(ruleMisfit.At(at, "no token lives as long as %s", ttl).WithHelp("write a duration such as 1h"))
	case d < 10*time.Minute:
		r.say(ruleMisfit.At(at, "the Kubernetes API gives no token for less than 10 minutes, and tokenTTL is %s", ttl).WithHelp("write 10m or more; 1h is the default"))
	case d%time.Second != 0:
		r.say(ruleMisfit.At(at, "the Kubernetes API counts the life of a token in seconds, and tokenTTL is %s", ttl).WithHelp("write %s", d.Truncate(time.Second)))
	}
}

// https demands an address over which a credential may be sent.
func (r *resolver) https(url string, at diag.Path) {
	if url != "" && !strings.HasPrefix(url, "https://") {
		r.say(ruleMisfit.At(at, "%q is no https:// address; a credential goes over it", url).WithHelp("write https://"))
	}
}

func (r *resolver) firewall(in *schema.Firewall, vm *VM, g *Group) {
	vm.Firewall = Firewall{
		Backend: in.Backend, SSHPort: uint32(in.SSHPort), SSHFrom: r.prefixes(in.SSHFrom, in.At.Key("sshFrom")),
		AllowFrom: r.prefixes(in.AllowFrom, in.At.Key("allowFrom")), ScrapeFrom: r.prefixes(in.ScrapeFrom, in.At.Key("scrapeFrom")),
	}
	r.openings(in, vm, g)
	if in.Backend == "None" {
		return
	}
	r.callers(in, g)
	if g.Workload.Spec.Prometheus.Format != "None" && len(in.ScrapeFrom) == 0 {
		r.say(ruleMissingSetting.At(in.At, "scrapeFrom is missing: the firewall would keep Prometheus out").
			WithHelp("add `scrapeFrom: [<range of the scrapers>]`"))
	}
}

// callers demands that a firewall can know who may call the group's VMs.
func (r *resolver) callers(in *schema.Firewall, g *Group) {
	if len(in.AllowFrom) > 0 || len(g.Ports) == 0 {
		return
	}
	if len(g.Workload.Istio().PodCIDRs) == 0 {
		r.say(ruleMissingSetting.At(in.At, "istio.podCIDRs is missing: the firewall would keep pods out").
			WithHelp("add `istio: {podCIDRs: [<ranges of the pods>]}`; or `allowFrom: [<ranges of the nodes>]` here, where the cluster's network hides pods behind their nodes"))
	}
	for _, n := range g.Workload.Spec.Networks {
		for _, gw := range n.Gateways {
			if _, isIP := parseIP(gw.Address); n.Name == g.Network && !isIP && len(n.CIDRs) == 0 {
				r.say(ruleMissingSetting.At(in.At, "what comes through network %q comes from %s, and a firewall opens for addresses only", n.Name, gw.Address).
					WithHelp("add the `cidrs` of network %q, or `allowFrom: [<addresses of the gateway>]` here", n.Name))
			}
		}
	}
}
