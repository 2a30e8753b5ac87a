package lint

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1alpha3"
	security "istio.io/api/security/v1beta1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// The files of VMs are compared with what the objects of their group lead to, key by key. What a file leaves out is judged
// only where it is a whole cluster.env, and not a part that is added to another one.

// whole reports whether a VM's settings are a whole cluster.env.
func whole(vm *manifest.VM) bool {
	const least = 5 // keys; istioctl writes a dozen
	return len(vm.Env) >= least
}

var vmPorts = diag.Rule{
	ID: "VM331", Name: "port-not-captured-by-vm", Severity: diag.Error,
	Doc: "A VM's ISTIO_INBOUND_PORTS has the ports that clients are led to.",
	Long: "The rules on the VM take over the ports in ISTIO_INBOUND_PORTS, or all of them for *, less ISTIO_LOCAL_EXCLUDE_PORTS (istio: " +
		"tools/istio-iptables). On any other port a client's mTLS reaches the application itself, which cannot read it; without the " +
		"variable that is every port.",
	Bad:  payService + vmGood + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_WORKLOAD_NAME='pay'\nISTIO_INBOUND_PORTS='9080'",
	Good: payService + vmGood + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_WORKLOAD_NAME='pay'\nISTIO_INBOUND_PORTS='8080'",
}

func findVMPorts(s *manifest.Set, report Report) {
	if len(s.VMs()) == 0 {
		return
	}
	all := classesOf(s)
	targets, policies := ledTo(s, all), peersOf(s)
	for _, vm := range s.VMs() {
		w := its(s, vm)
		ports, set := vm.Env["ISTIO_INBOUND_PORTS"]
		if w == nil || !set && !whole(vm) || vm.Env["ISTIO_CUSTOM_IP_TABLES"] == "true" {
			continue
		}
		wanted := targets[all.first[w]]
		if g := itsGroup(s, vm); len(wanted) == 0 && g != nil {
			wanted = targets[all.first[g]]
		}
		listed := func(list string, port uint32) bool {
			return slices.ContainsFunc(strings.Split(list, ","), func(s string) bool {
				return strings.TrimSpace(s) == strconv.FormatUint(uint64(port), 10)
			})
		}
		var lost []uint32
		for port := range wanted {
			excluded := ports == "*" && listed(vm.Env["ISTIO_LOCAL_EXCLUDE_PORTS"], port)
			plain := policies.of(w.Namespace, w.Own).mode(port) == security.PeerAuthentication_MutualTLS_DISABLE
			if (ports != "*" && !listed(ports, port) || excluded) && !plain {
				lost = append(lost, port)
			}
		}
		if len(lost) == 0 {
			continue
		}
		slices.Sort(lost)
		d := vmPorts.At(vm.At.Key("ISTIO_INBOUND_PORTS"), "the sidecar does not take over port %s, where clients of %s are led to", numberList(lost), w.Resource)
		switch {
		case ports == "*":
			d = d.WithHelp("take the port out of ISTIO_LOCAL_EXCLUDE_PORTS")
		default:
			var all []uint32
			for port := range wanted {
				all = append(all, port)
			}
			slices.Sort(all)
			d = d.WithHelp("write ISTIO_INBOUND_PORTS='%s', or '*' for all", strings.ReplaceAll(numberList(all), " ", ""))
		}
		report(d)
	}
}

// ledTo finds the ports to which Services and ServiceEntries lead clients, of the first VM of each class.
func ledTo(s *manifest.Set, all *classes) map[*manifest.Workload]map[uint32]bool {
	found := map[*manifest.Workload]map[uint32]bool{}
	add := func(w *manifest.Workload, port uint32) {
		if found[w] == nil {
			found[w] = map[uint32]bool{}
		}
		if port != 0 {
			found[w][port] = true
		}
	}
	for v := range distinctServices(s) {
		for _, w := range all.vms(v.Namespace, v.Selector) {
			for _, p := range v.Ports {
				if target, ok := targetOn(w, p); ok && p.Protocol != "UDP" && p.Protocol != "SCTP" {
					add(w, target)
				}
			}
		}
	}
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		for _, w := range all.vms(r.Namespace, e.GetWorkloadSelector().GetLabels()) {
			for _, p := range e.Ports {
				switch own := w.Ports[p.GetName()]; {
				case own != 0:
					add(w, own)
				case p.GetTargetPort() != 0:
					add(w, p.TargetPort)
				default:
					add(w, p.GetNumber())
				}
			}
		}
	}
	return found
}

// vmWhole is a whole cluster.env for the examples of rules.
const vmWhole = "POD_NAMESPACE='shop'\nISTIO_META_WORKLOAD_NAME='pay'\nSERVICE_ACCOUNT='pay'\nISTIO_META_CLUSTER_ID='Kubernetes'\nISTIO_INBOUND_PORTS='8080'"

var vmCA = diag.Rule{
	ID: "VM332", Name: "ca-of-vm", Severity: diag.Error,
	Doc: "A VM asks the control plane that it is configured for for its certificate.",
	Long: "The agent takes its configuration from discoveryAddress in mesh.yaml, and its certificate from CA_ADDR in cluster.env, whose default is istiod " +
		"of the default revision (istio: tools/packaging/common/istio-start.sh). Where that one does not exist, or is not in the VM's hosts " +
		"file, the VM never gets a certificate.",
	Bad: vmGood + vmFile + vmWhole + meshFile +
		"defaultConfig: {discoveryAddress: istiod-canary.istio-system.svc:15012}",
	Good: vmGood + vmFile + vmWhole + "\nCA_ADDR='istiod-canary.istio-system.svc:15012'" + meshFile +
		"defaultConfig: {discoveryAddress: istiod-canary.istio-system.svc:15012}",
}

func findVMCAs(s *manifest.Set, report Report) {
	for _, vm := range s.VMs() {
		discovery := vm.Mesh.Get("discoveryAddress").Text()
		system := vm.Env["ISTIO_SYSTEM_NAMESPACE"]
		if system == "" {
			system = "istio-system"
		}
		usual := "istiod." + system + ".svc:15012"
		_, err := netip.ParseAddr(hostOfAddress(discovery))
		name, _, _ := strings.Cut(usual, ":")
		if discovery == "" || discovery == usual || err == nil || !whole(vm) || slices.Contains(vm.Hosts, name) || vm.Get("CA_ADDR", "PILOT_ADDRESS", "ISTIO_PILOT_PORT") != "" {
			continue
		}
		report(vmCA.At(vm.MeshAt.Key("discoveryAddress"), "the VM is configured by %s, and asks %s for its certificate", discovery, usual).
			WithHelp("add CA_ADDR='%s' to cluster.env", discovery))
	}
}

// hostOfAddress is host:port without the port.
func hostOfAddress(s string) string {
	if cut := strings.LastIndexByte(s, ':'); cut >= 0 && (strings.Count(s, ":") == 1 || s[0] == '[') {
		s = s[:cut]
	}
	return strings.Trim(s, "[]")
}

var vmNetwork = diag.Rule{
	ID: "VM333", Name: "network-of-vm", Severity: diag.Error,
	Doc: "A VM is in the network that its object says.",
	Long: "Clients reach an endpoint of another network through that network's gateway, by the network of the VM's object; the VM itself takes the way to " +
		"others by its ISTIO_META_NETWORK (istio: pilot/pkg/xds/endpoints). Where the two differ, one direction goes by a way that may not exist.",
	Bad: strings.Replace(vmGood, "serviceAccount: pay,", "serviceAccount: pay, network: dc2,", 1) + vmFile +
		"POD_NAMESPACE='shop'\nISTIO_META_WORKLOAD_NAME='pay'\nISTIO_META_NETWORK='dc3'",
	Good: strings.Replace(vmGood, "serviceAccount: pay,", "serviceAccount: pay, network: dc2,", 1) + vmFile +
		"POD_NAMESPACE='shop'\nISTIO_META_WORKLOAD_NAME='pay'\nISTIO_META_NETWORK='dc2'",
}

func findVMNetworks(s *manifest.Set, report Report) {
	for _, vm := range s.VMs() {
		w := its(s, vm)
		network, set := vm.Env["ISTIO_META_NETWORK"]
		if w == nil || w.Network == network || !set && (!whole(vm) || vm.Mesh.Get("proxyMetadata").Get("ISTIO_META_NETWORK").Text() == w.Network) {
			continue
		}
		if w.Network == "" && w.Group() {
			continue // its VMs say their networks
		}
		report(vmNetwork.At(vm.At.Key("ISTIO_META_NETWORK"), "the VM is in network %q, and %s in %q", network, w.Resource, w.Network).
			WithHelp("write ISTIO_META_NETWORK='%s', or change the network of %s", w.Network, w.Resource))
	}
}

var vmProbe = diag.Rule{
	ID: "VM334", Name: "probe-of-vm", Severity: diag.Error,
	Doc: "The probe of a WorkloadGroup is in its VMs' mesh.yaml.",
	Long: "istiod waits for the health of a VM whose group has a probe, and the agent probes by readinessProbe in mesh.yaml alone: without it the VM never " +
		"gets traffic. A probe that differs is the one that runs (a warning).",
	Bad: vmProbed + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_AUTO_REGISTER_GROUP='pay'" + meshFile + "defaultConfig: {meshId: a}",
	Good: vmProbed + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_AUTO_REGISTER_GROUP='pay'" + meshFile +
		"defaultConfig: {readinessProbe: {failureThreshold: 3, httpGet: {port: 8080}}}",
}

var vmProbed = strings.Replace(vmGood, "}}\n", "}, probe: {failureThreshold: 3, httpGet: {port: 8080}}}\n", 1)

func findVMProbes(s *manifest.Set, report Report) {
	for _, vm := range s.VMs() {
		w := itsGroup(s, vm)
		if w == nil || vm.Mesh == nil {
			continue
		}
		group, _ := w.Spec.(*networking.WorkloadGroup)
		node := vm.Mesh.Get("readinessProbe")
		switch {
		case group.GetProbe() == nil:
		case node == nil && itsEntry(s, vm) == nil && vm.Get("ISTIO_META_AUTO_REGISTER_GROUP", "ISTIO_META_WORKLOAD_ENTRY") == "":
		case node == nil:
			report(vmProbe.At(vm.MeshAt, "%s has a probe, and the VM's mesh.yaml has none: istiod waits for its health", w.Resource).
				WithHelp("add the probe as defaultConfig.readinessProbe, and restart the sidecar"))
		default:
			probe := &networking.ReadinessProbe{}
			faults := manifest.Terms{}.Decode(node, probe, vm.MeshAt.Key("readinessProbe"))
			if slices.Equal(probe.GetExec().GetCommand(), mesh.ProbeCommand) { // it asks what the group's probe asks
				probe.HealthCheckMethod = group.Probe.HealthCheckMethod
			}
			if len(faults) == 0 && !sameProbe(probe, group.Probe) {
				d := vmProbe.At(vm.MeshAt.Key("readinessProbe"), "the VM's probe is not that of %s", w.Resource).Key().
					WithHelp("write one probe in both: the VM's mesh.yaml is the one that runs")
				d.Severity = diag.Warning
				report(d)
			}
		}
	}
}

// sameProbe reports whether two probes are the same to the agent, which has defaults for what is 0.
func sameProbe(a, b *networking.ReadinessProbe) bool {
	filled := func(p *networking.ReadinessProbe) *networking.ReadinessProbe {
		p = proto.CloneOf(p)
		for _, f := range []struct {
			value *int32
			usual int32
		}{{&p.TimeoutSeconds, 1}, {&p.PeriodSeconds, 10}, {&p.SuccessThreshold, 1}, {&p.FailureThreshold, 3}} {
			if *f.value == 0 {
				*f.value = f.usual // istioctl writes these for what the group leaves out
			}
		}
		if h := p.GetHttpGet(); h != nil {
			if h.Scheme == "" {
				h.Scheme = "HTTP"
			}
			if h.Path == "" {
				h.Path = "/"
			}
		}
		return p
	}
	return proto.Equal(filled(a), filled(b))
}

var vmContradiction = diag.Rule{
	ID: "VM335", Name: "settings-of-vm-differ", Severity: diag.Error,
	Doc: "A VM's mesh.yaml and cluster.env have the same value for a variable.",
	Long: "The agent reads ISTIO_META_ variables from proxyMetadata in mesh.yaml and from its environment, and takes the environment's; what else " +
		"cluster.env has goes by the start script (istio: pkg/bootstrap/config.go). Of two values one is wrong, and which one is used depends on " +
		"the variable.",
	Bad: vmGood + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_CLUSTER_ID='east'" + meshFile +
		"defaultConfig: {proxyMetadata: {ISTIO_META_CLUSTER_ID: west}}",
	Good: vmGood + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_CLUSTER_ID='east'" + meshFile +
		"defaultConfig: {proxyMetadata: {ISTIO_META_CLUSTER_ID: east}}",
}

var metadataText = diag.Rule{
	ID: "VM338", Name: "metadata-not-text", Severity: diag.Error,
	Doc:  "The values of proxyMetadata in a VM's mesh.yaml are text.",
	Long: "proxyMetadata is a map of texts: with a boolean or a number the agent cannot read mesh.yaml, and does not start (istio: pkg/config/mesh).",
	Bad: vmGood + vmFile + "POD_NAMESPACE='shop'" + meshFile +
		"defaultConfig: {proxyMetadata: {ISTIO_META_DNS_CAPTURE: true}}",
	Good: vmGood + vmFile + "POD_NAMESPACE='shop'" + meshFile +
		"defaultConfig: {proxyMetadata: {ISTIO_META_DNS_CAPTURE: \"true\"}}",
}

// eachMetadata calls f for each variable of a VM's proxyMetadata.
func eachMetadata(vm *manifest.VM, f func(name string, n *syntax.Node, at diag.Path)) {
	metadata := vm.Mesh.Get("proxyMetadata")
	for _, field := range fieldsOf(metadata) {
		f(field.Key, &field.Value, vm.MeshAt.Key("proxyMetadata").Key(field.Key))
	}
}

func findVMContradictions(s *manifest.Set, report Report) {
	for _, vm := range s.VMs() {
		eachMetadata(vm, func(name string, n *syntax.Node, at diag.Path) {
			if value, set := vm.Env[name]; set && n.Text() != value && n.Kind != syntax.Map && n.Kind != syntax.Seq {
				report(vmContradiction.At(at, "%s is %q here, and %q in cluster.env", name, n.Text(), value).WithHelp("write one value in both"))
			}
		})
	}
}

func findMetadataTexts(s *manifest.Set, report Report) {
	for _, vm := range s.VMs() {
		eachMetadata(vm, func(name string, n *syntax.Node, at diag.Path) {
			if n.Kind != syntax.String {
				report(metadataText.At(at, "%s must be text, or the agent cannot read mesh.yaml", name).WithHelp("write it in quotes: %q", n.Text()))
			}
		})
	}
}

var discoveryIP = diag.Rule{
	ID: "VM336", Name: "discovery-by-address", Severity: diag.Error,
	Doc: "A VM's discoveryAddress is a name that istiod's certificate has.",
	Long: "The agent verifies istiod's certificate against the host of discoveryAddress, and istiod's certificates have DNS names alone: by an IP address " +
		"the VM never connects. The address goes into the VM's hosts file, next to the name.",
	Bad: vmGood + vmFile + "POD_NAMESPACE='shop'" + meshFile + "defaultConfig: {discoveryAddress: \"10.0.0.5:15012\"}",
	Good: vmGood + vmFile + "POD_NAMESPACE='shop'" + meshFile + "defaultConfig: {discoveryAddress: \"istiod.istio-system.svc:15012\"}" + hostFile +
		"10.0.0.5 istiod.istio-system.svc",
}

func findDiscoveryIPs(s *manifest.Set, report Report) {
	for _, vm := range s.VMs() {
		address := vm.Mesh.Get("discoveryAddress").Text()
		if a, err := netip.ParseAddr(hostOfAddress(address)); err == nil {
			report(discoveryIP.At(vm.MeshAt.Key("discoveryAddress"), "the VM asks for istiod by %s, which istiod's certificate does not have", address).
				WithHelp("write istiod.istio-system.svc:15012, and the line %q in hosts", a.String()+" istiod.istio-system.svc"))
		}
	}
}

var vmDerived = diag.Rule{
	ID: "VM337", Name: "derived-setting-of-vm", Severity: diag.Warning,
	Doc: "What a VM's settings have from its group is what the group has.",
	Long: "istioctl and vmmesh derive these from the WorkloadGroup: CANONICAL_SERVICE and CANONICAL_REVISION name the VM in metrics and traces, " +
		"ISTIO_META_WORKLOAD_NAME in access logs, ISTIO_META_POD_PORTS its ports to telemetry (istio: istioctl/pkg/workload). A value of another " +
		"group is mostly a file that was copied.",
	Bad:  vmGood + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_AUTO_REGISTER_GROUP='pay'\nCANONICAL_SERVICE='cart'",
	Good: vmGood + vmFile + "POD_NAMESPACE='shop'\nISTIO_META_AUTO_REGISTER_GROUP='pay'\nCANONICAL_SERVICE='pay'",
}

// canonical returns the label by which Istio names a workload: the first that is set.
func canonical(labels map[string]string, otherwise string, keys ...string) string {
	for _, key := range keys {
		if labels[key] != "" {
			return labels[key]
		}
	}
	return otherwise
}

func findVMDerived(s *manifest.Set, report Report) {
	for _, vm := range s.VMs() {
		w := itsGroup(s, vm)
		if w == nil {
			continue
		}
		labels := w.Own
		var own map[string]string // of a single VM
		if json.Unmarshal([]byte(vm.Env["ISTIO_METAJSON_LABELS"]), &own) == nil {
			labels = manifest.Over(labels, own)
		}
		for _, setting := range []struct{ name, value string }{
			{"CANONICAL_SERVICE", canonical(labels, w.Name, "service.istio.io/canonical-name", "app.kubernetes.io/name", "app")},
			{"CANONICAL_REVISION", canonical(labels, "latest", "service.istio.io/canonical-revision", "app.kubernetes.io/version", "version")},
			{"ISTIO_META_WORKLOAD_NAME", w.Name},
			{"ISTIO_SERVICE", w.Name + "." + w.Namespace},
		} {
			if written := vm.Env[setting.name]; written != "" && written != setting.value {
				report(vmDerived.At(vm.At.Key(setting.name), "%s is %q, and %s makes it %q", setting.name, written, w.Resource, setting.value).
					WithHelp("write %s='%s'", setting.name, setting.value))
			}
		}
	}
}
