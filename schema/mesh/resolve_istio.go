package mesh

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// istio resolves the facts of the mesh.
func (r *resolver) istio(s *schema.Spec) *Istio {
	in := &s.Istio
	release, _ := ParseRelease(in.Version) // its form was checked against the schema
	i := &Istio{
		At: in.At, Release: release, Namespace: in.Namespace, MeshID: in.MeshID, ClusterName: in.ClusterName, Network: in.Network,
		TrustDomain: in.TrustDomain, ClusterDomain: in.ClusterDomain, Ambient: in.DataplaneMode == "Ambient",
		IstiodAddresses: in.IstiodAddresses, DiscoveryAddress: in.DiscoveryAddress, CAAddress: in.CAAddress, RootCert: in.RootCert,
		PodCIDRs:     r.prefixes(in.PodCIDRs, in.At.Key("podCIDRs")),
		ServiceCIDRs: r.prefixes(in.ServiceCIDRs, in.At.Key("serviceCIDRs")),
	}
	r.newRelease(release, in.At.Key("version"))
	r.revisions(in, i)
	if i.DiscoveryAddress == "" {
		i.DiscoveryAddress = i.Revision.Host + ":15012"
	} else if host, port, _ := strings.Cut(i.DiscoveryAddress, ":"); !isDNSName(host) || !isPort(port) {
		r.say(ruleBadAddress.At(in.At.Key("discoveryAddress"), "%q is no host:port", i.DiscoveryAddress).
			WithHelp("write a DNS name that istiod's certificate has and its port, such as %s:15012", i.Revision.Host))
	}
	if host, port, _ := strings.Cut(in.CAAddress, ":"); in.CAAddress != "" && (!isDNSName(host) || looksLikeIP(host) || !isPort(port)) {
		r.say(ruleBadAddress.At(in.At.Key("caAddress"), "%q is not a DNS name and a port", in.CAAddress).
			WithHelp("write a name that the CA's certificate has, and its port, such as cert-manager-istio-csr.cert-manager.svc:443"))
	}
	if i.CAAddress == i.DiscoveryAddress {
		i.CAAddress = "" // istiod itself
	}
	joins := func(w schema.Workload) bool { return !w.Proxyless() }
	if slices.ContainsFunc(s.Workloads, joins) && len(in.IstiodAddresses) == 0 && s.Emit != "ClientSide" {
		r.say(ruleMissingSetting.At(in.At, "istiodAddresses is missing: VMs have to know where they reach istiod").
			WithHelp("add `istiodAddresses: [<address>]`: the east-west gateway's or a load balancer's IPs, or one DNS name"))
	}
	r.istiodAddresses(in.IstiodAddresses, in.At.Key("istiodAddresses"), i)
	r.rootCert(in)
	for _, d := range []struct{ key, value string }{{"trustDomain", in.TrustDomain}, {"clusterDomain", in.ClusterDomain}} {
		if !isDNSName(d.value) {
			r.say(ruleBadAddress.At(in.At.Key(d.key), "%q is no DNS name", d.value).WithHelp("write it as a domain, such as cluster.local"))
		}
	}
	return i
}

// revisions resolves the control planes in use.
func (r *resolver) revisions(in *schema.Istio, i *Istio) {
	i.Revision = &Revision{Name: in.Revision, Release: i.Release, Host: IstiodHost(in.Revision, in.Namespace)}
	i.Revisions = []*Revision{i.Revision}
	r.revisionName(in.Revision, in.At.Key("revision"))
	unique(r, in.Revisions, func(v *schema.Revision) (string, diag.Path) { return v.Name, v.At })
	for _, v := range in.Revisions {
		if v.Name == in.Revision {
			r.say(ruleDuplicateName.At(v.At.Key("name"), "revision %q is istio.revision itself", v.Name).
				WithHelp("list only the other control planes here"))
			continue
		}
		r.revisionName(v.Name, v.At.Key("name"))
		release, ok := ParseRelease(v.Version)
		if !ok {
			release = i.Release
		}
		r.newRelease(release, v.At.Key("version"))
		i.Revisions = append(i.Revisions, &Revision{Name: v.Name, Release: release, Host: IstiodHost(v.Name, in.Namespace)})
	}
	slices.SortFunc(i.Revisions, func(a, b *Revision) int { return cmp.Compare(a.Name, b.Name) })
}

// revisionName checks that istiod's host name has room for a revision.
func (r *resolver) revisionName(name string, at diag.Path) {
	if label := "istiod-" + name; len(label) > maxDNSLabel {
		r.say(ruleNameTooLong.At(at, "istiod's host name would begin with %s, %d characters; a part of a host name may have %d", label, len(label), maxDNSLabel).
			WithHelp("no such control plane can be installed: a revision has at most %d characters", maxDNSLabel-len("istiod-")))
	}
}

// istiodAddresses checks ways to istiod: IPs, or one DNS name.
func (r *resolver) istiodAddresses(addresses []string, at diag.Path, i *Istio) {
	names := 0
	for n, a := range addresses {
		here := at.Item(n, "")
		switch _, isIP := parseIP(a); {
		case isIP:
			r.dialable(a, here)
			r.offCluster(a, here, i)
		case a == "localhost" || strings.HasSuffix(a, ".localhost") || strings.HasPrefix(a, "localhost."):
			r.say(ruleUnusableAddress.At(here, "%s is the VM itself, which has no istiod", a).
				WithHelp("write the external address of the east-west gateway, or of a load balancer before istiod"))
		case isDNSName(a) && !looksLikeIP(a):
			names++
		default:
			r.say(ruleBadAddress.At(here, "%q is neither an IP address nor a DNS name", a).
				WithHelp("%s", first(diag.Hint(a), "write an address such as 34.56.78.90, without a port: VMs use that of discoveryAddress, 15012 by default")))
		}
	}
	if names > 0 && len(addresses) > 1 {
		r.say(ruleIstiodAddresses.At(at, "%d addresses with a DNS name among them", len(addresses)).
			WithHelp("give IP addresses, or one DNS name alone, which the VM resolves outside its own DNS capture"))
	}
}

const pasteRoot = "paste what `kubectl get configmap istio-ca-root-cert -o jsonpath='{.data.root-cert\\.pem}'` prints, as a literal block (|)"

// rootCert checks that the bundle is certificates and nothing else.
func (r *resolver) rootCert(in *schema.Istio) {
	at := in.At.Key("rootCert")
	rest := []byte(in.RootCert)
	for n := 1; len(strings.TrimSpace(string(rest))) > 0; n++ {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			r.say(ruleRootCert.At(at, "what follows certificate %d is no PEM block", n-1).
				WithHelp("%s", pasteRoot))
			return
		}
		if block.Type != "CERTIFICATE" {
			r.say(ruleRootCert.At(at, "PEM block %d is a %s, not a CERTIFICATE", n, block.Type).WithHelp("leave only the root certificates"))
			return
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			r.say(ruleRootCert.At(at, "certificate %d cannot be read: %v", n, err).
				WithHelp("%s", pasteRoot))
			return
		}
		if !cert.IsCA {
			r.say(ruleRootCert.At(at, "certificate %d (%s) is no certificate authority", n, cert.Subject).
				WithHelp("give the root that signs istiod's certificate, not that certificate itself"))
		}
	}
}

// sameCluster holds the specs of one build to one mesh: their outputs go to one cluster.
func (r *resolver) sameCluster(s *Spec) {
	if len(r.mesh.Specs) == 0 {
		return
	}
	first := r.mesh.Specs[0]
	a, b := first.Istio, s.Istio
	facts := map[string][2]string{
		"clusterName": {a.ClusterName, b.ClusterName}, "meshID": {a.MeshID, b.MeshID}, "network": {a.Network, b.Network},
		"trustDomain": {a.TrustDomain, b.TrustDomain}, "clusterDomain": {a.ClusterDomain, b.ClusterDomain}, "namespace": {a.Namespace, b.Namespace},
		"caAddress": {a.CAAddress, b.CAAddress},
	}
	for _, key := range slices.Sorted(maps.Keys(facts)) {
		if v := facts[key]; v[0] != v[1] {
			r.say(ruleOneCluster.At(b.At.Key(key), "%s is %q here and %q in spec %q of the same build", key, v[1], v[0], first.Name).
				WithHelp("a build is for one cluster: build the specs of another cluster on their own"))
		}
	}
	for _, v := range b.Revisions {
		n := slices.IndexFunc(a.Revisions, func(o *Revision) bool { return o.Name == v.Name })
		if n < 0 || a.Revisions[n].Release == v.Release {
			continue
		}
		at, name := b.At.Key("version"), "the default revision"
		if v != b.Revision {
			at = b.At.Key("revisions")
		}
		if v.Name != "" {
			name = "revision " + strconv.Quote(v.Name)
		}
		r.say(ruleOneCluster.At(at, "%s is %s here and %s in spec %q of the same build", name, v.Release, a.Revisions[n].Release, first.Name).
			WithHelp("one of the two specs is out of date: write what the cluster runs"))
	}
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}
