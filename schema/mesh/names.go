package mesh

import (
	"regexp"
	"strings"
)

// Limits on names that are put together here.
const (
	maxLabelValue = 63  // a label's value, and a label's name
	maxObjectName = 253 // a custom resource's name: an RFC 1123 subdomain
	maxDNSLabel   = 63  // a Service's name
	maxAddress    = 39  // an IPv6 address, as istiod writes it into an entry's name
)

// NamespacePolicy is the name of a namespace's own PeerAuthentication, as Istio's documentation has it.
const NamespacePolicy = "default"

// EntryName is the name of an instance's WorkloadEntry. Only its group and itself are in it, so that no sibling can
// change it.
func EntryName(group, instance string) string { return group + "-" + instance }

// BootstrapName is the name of what lets VMs ask for tokens of a service account: an account of its own, with its Role
// and RoleBinding.
func BootstrapName(account string) string { return account + "-bootstrap" }

// VMFilesName is the name of the ConfigMap that holds the files of a group's VMs.
func VMFilesName(group string) string { return group + "-vm-files" }

// ScriptsFolder is the folder next to those of namespaces that has what is the same on every VM.
const ScriptsFolder = "scripts"

// VMFileNames are the files of a group, which no instance can be named after: its own folder may be next to them.
var VMFileNames = []string{
	"cluster.env", "mesh.yaml", "hosts", "vm.env", "root-cert.pem", "instances", "user-data",
	"firewall.rules", "firewall.nft", "address.sh", "application.conf", "diagnose.sh", "firewall.sh", "folders.sh", "hosts.sh", "identity.sh", "install.sh", "istio.conf", "istio.logrotate", "lib.sh",
	"prepare.sh", "probe.sh", "ready.sh", "rotation.sh", "bootstrap.sh", "uninstall.sh", "watch.sh",
	"vmmesh-bootstrap.service", "vmmesh-drain.service", "vmmesh-watch.service", "vmmesh-watch.timer",
	"vmmesh-firewall.service", "vmmesh-identity.service", "vmmesh-identity.timer", "vmmesh-ready.service",
}

// ServiceHost is the name under which a Kubernetes Service is known in the mesh.
func ServiceHost(name, namespace, clusterDomain string) string {
	return name + "." + namespace + ".svc." + clusterDomain
}

// IstiodHost is the name of a control plane that its certificate has (istio: pilot/pkg/bootstrap/istio_ca.go and
// certcontroller.go give istiod[-<revision>].<namespace>.svc; tags are not among them).
func IstiodHost(revision, namespace string) string {
	if revision == "" || revision == "default" { // as istioctl takes it
		return "istiod." + namespace + ".svc"
	}
	return "istiod-" + revision + "." + namespace + ".svc"
}

// ScrapeName is the name of what scrapes a group's VMs. No namespace has a dot, so no two groups share it.
func ScrapeName(g *Group) string {
	name := "vms." + g.Workload.Namespace + "." + g.Name
	if g.Workload.Spec.Prometheus.Format != "ScrapeConfig" {
		name += ".scrape"
	}
	return name
}

// RulesName is the name of a workload's alerts.
func RulesName(w *Workload) string {
	name := "vms." + w.Namespace + "." + w.Name
	if w.Spec.Prometheus.Format != "ScrapeConfig" {
		name += ".rules"
	}
	return name
}

// Principal is the identity of a service account in a trust domain as policies write it, without spiffe://.
func Principal(trustDomain, namespace, account string) string {
	return trustDomain + "/ns/" + namespace + "/sa/" + account
}

// subsetName makes a subset's name of a version: subset names are DNS labels, versions may have dots and capitals.
func subsetName(version string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r == '.' || r == '_' {
			return '-'
		}
		return r
	}, strings.ToLower(version)), "-")
}

// hostObject makes an object name of a host name.
func hostObject(service, host string) string {
	return service + "-" + strings.NewReplacer(".", "-", "*", "any").Replace(strings.ToLower(host))
}

var (
	dnsLabel     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	dnsSubdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	labelWord    = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`)
)

func isDNSLabel(s string) bool { return len(s) <= maxDNSLabel && dnsLabel.MatchString(s) }

// isDNSName tells whether s is a host name: labels of up to 63, 253 in all. A wildcard is no host name.
func isDNSName(s string) bool {
	if len(s) > maxObjectName || !dnsSubdomain.MatchString(s) {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if len(label) > maxDNSLabel {
			return false
		}
	}
	return true
}

// isLabelValue tells whether Kubernetes takes s as a label's value.
func isLabelValue(s string) bool {
	return s == "" || len(s) <= maxLabelValue && labelWord.MatchString(s)
}

// isQualifiedKey tells whether Kubernetes takes s as the key of a label or an annotation: [prefix/]name.
func isQualifiedKey(s string) bool {
	prefix, name, found := strings.Cut(s, "/")
	if !found {
		prefix, name = "", s
	} else if prefix == "" || len(prefix) > maxObjectName || !dnsSubdomain.MatchString(prefix) {
		return false
	}
	return len(name) <= maxLabelValue && labelWord.MatchString(name)
}
