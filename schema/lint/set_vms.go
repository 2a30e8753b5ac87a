package lint

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// Rules about the settings of VMs beside the objects of the cluster: what `istioctl x workload entry configure` and vmmesh
// write once, and an overlay, an edit or an upgrade of the cluster leaves behind.

// vmNamespace is the namespace that a VM says.
func vmNamespace(vm *manifest.VM) string { return vm.Get("POD_NAMESPACE", "ISTIO_NAMESPACE") }

// itsGroup is the WorkloadGroup of a VM: the one that it registers with, or the one that it is named after.
func itsGroup(s *manifest.Set, vm *manifest.VM) *manifest.Workload {
	name := vm.Get("ISTIO_META_AUTO_REGISTER_GROUP", "ISTIO_META_WORKLOAD_NAME")
	return s.Workload(s.Find(manifest.NetworkingGroup, "WorkloadGroup", vmNamespace(vm), name))
}

// itsEntry is the WorkloadEntry that a VM says is its own.
func itsEntry(s *manifest.Set, vm *manifest.VM) *manifest.Workload {
	return s.Workload(s.Find(manifest.NetworkingGroup, "WorkloadEntry", vmNamespace(vm), vm.Env["ISTIO_META_WORKLOAD_ENTRY"]))
}

// its is the VM's entry, or its group where it has none.
func its(s *manifest.Set, vm *manifest.VM) *manifest.Workload {
	if w := itsEntry(s, vm); w != nil {
		return w
	}
	return itsGroup(s, vm)
}

// vmFile begins a VM's cluster.env in the examples of rules, behind the objects.
const (
	vmFile   = "# file: vms/shop/pay/cluster.env\n"
	meshFile = "\n# file: vms/shop/pay/mesh.yaml\n"
	hostFile = "\n# file: vms/shop/pay/hosts\n"
)

const vmEntry = "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-vm1, namespace: shop, annotations: {proxy.istio.io/health-checks-enabled: \"true\"}}\n" +
	"spec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay}\n"

var vmIdentity = diag.Rule{
	ID: "VM103", Name: "identity-of-vm", Severity: diag.Error,
	Doc: "A VM says the service account and namespace that its token and certificate have.",
	Long: "istiod takes a stream only if the namespace and service account that the VM's settings say are those of its certificate, and refuses it otherwise: no identities matched (istio: pilot/pkg/xds/auth.go). " +
		"The token is asked for in the name of the WorkloadGroup's service account.",
	Bad:  vmGood + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_WORKLOAD_NAME='pay'\nSERVICE_ACCOUNT='payments'",
	Good: vmGood + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_WORKLOAD_NAME='pay'\nSERVICE_ACCOUNT='pay'",
}

func findVMIdentities(s *manifest.Set, report Report) {
	for _, vm := range s.VMs() {
		if pod, istio := vm.Env["POD_NAMESPACE"], vm.Env["ISTIO_NAMESPACE"]; pod != "" && istio != "" && pod != istio {
			report(vmIdentity.At(vm.At.Key("POD_NAMESPACE"), "POD_NAMESPACE is %q and ISTIO_NAMESPACE %q: one of them is not the certificate's", pod, istio).
				WithHelp("write the namespace of the VM's WorkloadGroup in both"))
		}
		if w := its(s, vm); w != nil && vm.Env["SERVICE_ACCOUNT"] != "" && w.Account != "" && vm.Env["SERVICE_ACCOUNT"] != w.Account {
			report(vmIdentity.At(vm.At.Key("SERVICE_ACCOUNT"), "the VM says service account %q, and %s says %q", vm.Env["SERVICE_ACCOUNT"], w.Resource, w.Account).
				WithHelp("write %s, and ask for its token in that name", w.Account))
		}
	}
}

// findVMLabelDrift is [labelDrift] of VMs: what a VM reports of itself beside what its object has.
func findVMLabelDrift(s *manifest.Set, report Report) {
	var selectors []clientSelector // of policies; made when they are asked for
	for _, vm := range s.VMs() {
		w := its(s, vm)
		var labels map[string]string
		if _, set := vm.Env["ISTIO_METAJSON_LABELS"]; w != nil && !set && whole(vm) && vm.Mesh.Get("proxyMetadata").Get("ISTIO_METAJSON_LABELS") == nil {
			if policy := byLabel(s, w, &selectors); policy != nil {
				report(labelDrift.At(vm.At.Key("ISTIO_METAJSON_LABELS"), "the VM reports no labels, and %s selects VMs by labels: it does not hold for this one", policy).
					WithHelp("add ISTIO_METAJSON_LABELS with the labels of %s", w.Resource))
			}
			continue
		}
		if w == nil || json.Unmarshal([]byte(vm.Env["ISTIO_METAJSON_LABELS"]), &labels) != nil || len(labels) == 0 {
			continue
		}
		own := map[string]string{} // what istiod or istioctl adds by itself does not have a meaning here
		for key, value := range w.Clients {
			if !strings.Contains(key, "istio.io/") && !provenance(key) {
				own[key] = value
			}
		}
		if lacks := missing(labels, own); len(lacks) > 0 {
			report(labelDrift.At(vm.At.Key("ISTIO_METAJSON_LABELS"), "the VM does not have %s, and %s does: policies go by the VM's own labels, clients by the object's", strings.Join(lacks, ", "), w.Resource).
				WithHelp("write one label set to the object and to ISTIO_METAJSON_LABELS, and restart the sidecar"))
		}
	}
}

// byLabel finds a policy that selects a workload by labels.
func byLabel(s *manifest.Set, w *manifest.Workload, selectors *[]clientSelector) *manifest.Resource {
	if *selectors == nil {
		*selectors = append([]clientSelector{}, policySelectors(s)...)
	}
	for _, c := range *selectors {
		if c.by.Namespace == w.Namespace && len(c.labels) > 0 && manifest.Carries(w.Own, c.labels) {
			return c.by
		}
	}
	return nil
}

var vmAddress = diag.Rule{
	ID: "VM111", Name: "address-of-vm", Severity: diag.Error,
	Doc: "The address of a WorkloadEntry is the one that its VM reports.",
	Long: "istiod finds the entry of a connecting VM by the first address that it reports, ISTIO_SVC_IP. With another one the VM belongs to nothing: no Service or ServiceEntry gives it ports, and what arrives goes through as if unknown " +
		"(istio: pilot/pkg/serviceregistry/kube/controller/controller.go). Behind NAT both are the outer address.",
	Bad:  vmEntry + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_WORKLOAD_ENTRY='pay-vm1'\nISTIO_SVC_IP='10.0.0.5'",
	Good: vmEntry + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_WORKLOAD_ENTRY='pay-vm1'\nISTIO_SVC_IP='192.168.1.100'",
}

func findVMAddresses(s *manifest.Set, report Report) {
	for _, vm := range s.VMs() {
		w, said := itsEntry(s, vm), vm.Env["ISTIO_SVC_IP"]
		if w == nil || said == "" || w.Address == "" {
			continue
		}
		a, err1 := netip.ParseAddr(said)
		b, err2 := netip.ParseAddr(w.Address)
		if said != w.Address && !(err1 == nil && err2 == nil && a.Unmap() == b.Unmap()) {
			report(vmAddress.At(vm.At.Key("ISTIO_SVC_IP"), "the VM reports %s, and %s has %s", said, w.Resource, w.Address).
				WithHelp("write the same address in both: the one that others dial"))
		}
	}
}

var vmCluster = diag.Rule{
	ID: "VM115", Name: "cluster-of-vm", Severity: diag.Error,
	Doc: "A VM says the cluster's name as istiod knows it.",
	Long: "A token is checked by the cluster that the VM names in ISTIO_META_CLUSTER_ID. Of a name that is neither istiod's own (Kubernetes by default) nor a remote cluster's it refuses the token: client claims to be in cluster … " +
		"(istio: security/pkg/server/ca/authenticate/kubeauth).",
	Bad:  mesh1 + "---\n" + vmGood + vmFile + "ISTIO_META_CLUSTER_ID='Kubernetes'",
	Good: mesh1 + "---\n" + vmGood + vmFile + "ISTIO_META_CLUSTER_ID='cluster1'",
}

const mesh1 = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: mesh, namespace: istio-system}\n" +
	"spec: {meshConfig: {trustDomain: mesh.example.com}, values: {global: {multiCluster: {clusterName: cluster1}}}}\n"

var vmTrust = diag.Rule{
	ID: "VM116", Name: "trust-domain-of-vm", Severity: diag.Warning,
	Doc:  "A VM says the trust domain of the mesh.",
	Long: "istiod signs the identity that it has verified and passes over what the request asks for, so that a wrong TRUST_DOMAIN mostly does no harm; another authority may refuse the request (istio: security/pkg/server/ca/server.go).",
	Bad:  mesh1 + "---\n" + vmGood + vmFile + "TRUST_DOMAIN='cluster.local'",
	Good: mesh1 + "---\n" + vmGood + vmFile + "TRUST_DOMAIN='mesh.example.com'",
}

func findVMClusters(s *manifest.Set, report Report) {
	names := map[string]bool{}
	for _, m := range meshSettings(s) {
		if name := m.values.Get("global").Get("multiCluster").Get("clusterName").Text(); name != "" {
			names[name] = true
		}
	}
	for _, vm := range s.VMs() {
		if said := vm.Env["ISTIO_META_CLUSTER_ID"]; len(names) > 0 && said != "" && !names[said] {
			report(vmCluster.At(vm.At.Key("ISTIO_META_CLUSTER_ID"), "the VM says cluster %q, and the mesh is installed as %s", said, strings.Join(sorted(names), ", ")).
				WithHelp("write %s", sorted(names)[0]))
		}
	}
}

func findVMTrust(s *manifest.Set, report Report) {
	domains := map[string]bool{}
	for _, m := range meshSettings(s) {
		if m.config.TrustDomain != "" {
			domains[m.config.TrustDomain] = true
		}
		for _, alias := range m.config.TrustDomainAliases {
			domains[alias] = true
		}
	}
	for _, vm := range s.VMs() {
		if said := vm.Env["TRUST_DOMAIN"]; len(domains) > 0 && said != "" && !domains[said] {
			report(vmTrust.At(vm.At.Key("TRUST_DOMAIN"), "the VM says trust domain %q, and the mesh has %s", said, strings.Join(sorted(domains), ", ")).
				WithHelp("write %s", sorted(domains)[0]))
		}
	}
}

var noReporter = diag.Rule{
	ID: "VM308", Name: "health-not-reported", Severity: diag.Error,
	Doc: "The VM of a WorkloadEntry that waits for health reports sends them.",
	Long: "With the annotation proxy.istio.io/health-checks-enabled istiod leaves an entry out of its services until the VM has reported that it is healthy, and a VM reports for the entry that its ISTIO_META_WORKLOAD_ENTRY names. " +
		"Without it the entry never gets traffic (istio: pilot/pkg/serviceregistry/serviceentry).",
	Bad:  vmEntry + vmFile + "POD_NAMESPACE='shop'\nISTIO_SVC_IP='192.168.1.100'",
	Good: vmEntry + vmFile + "POD_NAMESPACE='shop'\nISTIO_SVC_IP='192.168.1.100'\nISTIO_META_WORKLOAD_ENTRY='pay-vm1'",
}

// findNoReporters tells VMs by the address that they report.
func findNoReporters(s *manifest.Set, report Report) {
	if len(s.VMs()) == 0 {
		return
	}
	waiting := map[[2]string]*manifest.Workload{}
	for _, w := range virtual(s) {
		if w.Entry() && w.Auto() == "" && w.Annotations["proxy.istio.io/health-checks-enabled"] == "true" {
			waiting[[2]string{w.Namespace, w.Address}] = w
		}
	}
	for _, vm := range s.VMs() {
		w := waiting[[2]string{vmNamespace(vm), vm.Env["ISTIO_SVC_IP"]}]
		if w != nil && vm.Env["ISTIO_META_WORKLOAD_ENTRY"] == "" {
			report(noReporter.At(vm.At.Key("ISTIO_SVC_IP"), "%s waits for reports of this VM, which sends none", w.Resource).
				WithHelp("add ISTIO_META_WORKLOAD_ENTRY='%s'", w.Name))
		}
	}
}

var idleProbe = diag.Rule{
	ID: "VM309", Name: "idle-probe", Severity: diag.Warning,
	Doc:  "A VM with a probe has an entry to report for.",
	Long: "istiod takes health reports of a VM that registers, or that names its WorkloadEntry, and drops those of any other (istio: pilot/pkg/autoregistration/controller.go): the probe runs and changes nothing.",
	Bad:  vmGood + vmFile + "POD_NAMESPACE='shop'" + meshFile + "defaultConfig: {readinessProbe: {httpGet: {port: 8080}}}",
	Good: vmGood + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_AUTO_REGISTER_GROUP='pay'" + meshFile + "defaultConfig: {readinessProbe: {httpGet: {port: 8080}}}",
}

func findIdleProbes(s *manifest.Set, report Report) {
	for _, vm := range s.VMs() {
		metadata := vm.Mesh.Get("proxyMetadata")
		if vm.Mesh.Get("readinessProbe") == nil || vm.Get("ISTIO_META_AUTO_REGISTER_GROUP", "ISTIO_META_WORKLOAD_ENTRY") != "" ||
			metadata.Get("ISTIO_META_AUTO_REGISTER_GROUP") != nil || metadata.Get("ISTIO_META_WORKLOAD_ENTRY") != nil {
			continue
		}
		if vm.Env["ISTIO_SVC_IP"] == "" && entriesOf(s, vm) {
			continue // shared by the VMs of a group; each says its own entry beside it
		}
		report(idleProbe.At(vm.MeshAt.Key("readinessProbe"), "the result of this probe is not used: the VM neither registers nor names its WorkloadEntry").Key().
			WithHelp("set ISTIO_META_AUTO_REGISTER_GROUP or ISTIO_META_WORKLOAD_ENTRY in cluster.env"))
	}
}

// entriesOf reports whether there are WorkloadEntries that someone wrote for the group of a VM.
func entriesOf(s *manifest.Set, vm *manifest.VM) bool {
	g := itsGroup(s, vm)
	return g != nil && slices.ContainsFunc(s.Selected(g.Namespace, g.Clients), func(w *manifest.Workload) bool { return w.Entry() && w.Auto() == "" })
}

var missingEntry = diag.Rule{
	ID: "VM310", Name: "missing-entry", Severity: diag.Error,
	Doc: "The WorkloadEntry that a VM names is there.",
	Long: "istiod refuses the connection of a VM whose ISTIO_META_WORKLOAD_ENTRY names an entry that is not in its namespace (istio: pilot/pkg/autoregistration/controller.go). An overlay's `namePrefix` renames the entry and not what " +
		"the VM says. This is judged where WorkloadEntries of the namespace are among the manifests.",
	Bad:  vmEntry + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_WORKLOAD_ENTRY='pay-vm2'",
	Good: vmEntry + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_WORKLOAD_ENTRY='pay-vm1'",
}

func findMissingEntries(s *manifest.Set, report Report) {
	if len(s.VMs()) == 0 {
		return
	}
	entries := map[string][]string{}
	for _, r := range s.OfKind(manifest.NetworkingGroup, "WorkloadEntry") {
		entries[r.Namespace] = append(entries[r.Namespace], r.Name)
	}
	for _, vm := range s.VMs() {
		name := vm.Env["ISTIO_META_WORKLOAD_ENTRY"]
		if name == "" || len(entries[vmNamespace(vm)]) == 0 || itsEntry(s, vm) != nil {
			continue
		}
		d := missingEntry.At(vm.At.Key("ISTIO_META_WORKLOAD_ENTRY"), "there is no WorkloadEntry %q in namespace %s: istiod refuses the VM", name, spokenNamespace(vmNamespace(vm)))
		if near := diag.Nearest(name, entries[vmNamespace(vm)][:min(few, len(entries[vmNamespace(vm)]))]); near != "" {
			d = d.WithHelp("did you mean %q?", near)
		}
		report(d)
	}
}

var missingHost = diag.Rule{
	ID: "VM313", Name: "istiod-without-hosts-entry", Severity: diag.Error,
	Doc: "A VM whose sidecar captures DNS knows istiod's address without asking it.",
	Long: "Until it has heard from istiod the agent answers every captured query with SERVFAIL, the one for istiod's own name among them (istio: pkg/dns/client/dns.go). The name in discoveryAddress has to be in /etc/hosts: of a load balancer " +
		"that has a host name and no address istioctl writes an empty hosts file.",
	Bad:  vmGood + vmFile + "ISTIO_META_DNS_CAPTURE='true'" + meshFile + "defaultConfig: {discoveryAddress: istiod.istio-system.svc:15012}" + hostFile + "# the load balancer has a host name and no address",
	Good: vmGood + vmFile + "ISTIO_META_DNS_CAPTURE='true'" + meshFile + "defaultConfig: {discoveryAddress: istiod.istio-system.svc:15012}" + hostFile + "34.56.78.90 istiod.istio-system.svc",
}

func findMissingHosts(s *manifest.Set, report Report) {
	for _, vm := range s.VMs() {
		host, _, _ := strings.Cut(vm.Mesh.Get("discoveryAddress").Text(), ":")
		if vm.Hosts == nil || host == "" || vm.Env["ISTIO_META_DNS_CAPTURE"] != "true" || slices.Contains(vm.Hosts, host) {
			continue
		}
		if _, err := netip.ParseAddr(host); err == nil {
			continue
		}
		report(missingHost.At(vm.MeshAt.Key("discoveryAddress"), "the VM's hosts file does not have %s, and nothing else answers before istiod does", host).
			WithHelp("add a line with istiod's address and %s to hosts", host))
	}
}
