package lint

import (
	"maps"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// vmGood is a group of VMs for the examples of rules.
const vmGood = "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
	"spec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, ports: {http: 8080}}}\n"

// vms are the VMs among workloads.
func vms(workloads []*manifest.Workload) []*manifest.Workload {
	var found []*manifest.Workload
	for _, w := range workloads {
		if w.VM {
			found = append(found, w)
		}
	}
	return found
}

var noSelector = diag.Rule{
	ID: "VM203", Name: "service-without-selector", Severity: diag.Error,
	Doc: "A Service for VMs has a selector.",
	Long: "WorkloadEntries join a Service by its selector alone. A Service without one has only the endpoints that someone writes for it, and " +
		"VMs are never among them (istio: pilot/pkg/serviceregistry/kube/controller/controller.go).",
	Bad:  "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {ports: [{name: http, port: 8080}]}\n---\n" + vmGood,
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 8080}]}\n---\n" + vmGood,
}

// findNoSelectors takes a Service for one of VMs when it has the name of their application, no one wrote endpoints for
// it, and nothing else serves the VMs.
func findNoSelectors(s *manifest.Set, report Report) {
	served := map[*manifest.Workload]bool{}
	for _, c := range clientSelectors(s) {
		for _, w := range s.Selected(c.by.Namespace, c.labels) {
			served[w] = true
		}
	}
	written := map[[2]string]bool{}
	for _, r := range s.OfKind("", "Endpoints") {
		written[[2]string{r.Namespace, r.Name}] = true
	}
	for _, r := range s.OfKind("discovery.k8s.io", "EndpointSlice") {
		written[[2]string{r.Namespace, r.Labels["kubernetes.io/service-name"]}] = true
	}
	for _, v := range s.Services() {
		if len(v.Selector) > 0 || v.External || written[[2]string{v.Namespace, v.Name}] {
			continue
		}
		for _, key := range identityLabels {
			found := s.Selected(v.Namespace, map[string]string{key: v.Name})
			i := slices.IndexFunc(found, func(w *manifest.Workload) bool { return w.VM && !served[w] })
			if i < 0 {
				continue
			}
			report(noSelector.At(v.Place("spec", "selector"), "%s does not have a selector: %s will not be among its endpoints", v.Resource, found[i].Resource).
				WithHelp("add selector: {%s: %s}", key, v.Name))
			break
		}
	}
}

var headless = diag.Rule{
	ID: "VM204", Name: "headless-service", Severity: diag.Error,
	Doc: "A Service for VMs has an address of its own: it is neither headless nor an ExternalName.",
	Long: "Istio passes traffic for a headless Service on to the address that the client looked up, and DNS lists no VM's: WorkloadEntries are left " +
		"out (istio: pilot/pkg/serviceregistry/kube/conversion.go). Stable names for single VMs come from a ServiceEntry for each.",
	Bad:  "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {clusterIP: None, selector: {app: pay}, ports: [{name: http, port: 8080}]}\n---\n" + vmGood,
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 8080}]}\n---\n" + vmGood,
}

// findHeadless is silent where another Service with an address serves the VMs: a headless one beside it is for pods.
func findHeadless(s *manifest.Set, report Report) {
	served := map[*manifest.Workload]bool{}
	for _, c := range clientSelectors(s) {
		if v := s.Service(c.by.Namespace, c.by.Name); c.by.Kind == "Service" && v.Headless {
			continue
		}
		for _, w := range s.Selected(c.by.Namespace, c.labels) {
			served[w] = true
		}
	}
	for _, v := range s.Services() {
		if !v.Headless && !v.External {
			continue
		}
		selected := s.Selected(v.Namespace, v.Selector)
		i := slices.IndexFunc(selected, func(w *manifest.Workload) bool { return w.VM && !served[w] })
		switch {
		case i < 0:
		case v.External:
			report(headless.At(v.Place("spec", "type"), "%s is an ExternalName: %s gets no traffic from it", v.Resource, selected[i].Resource).
				WithHelp("leave the type out, which makes it a ClusterIP"))
		default:
			report(headless.At(v.Place("spec", "clusterIP"), "%s is headless: %s gets no traffic from it", v.Resource, selected[i].Resource).
				WithHelp("leave clusterIP out"))
		}
	}
}

var namedTarget = diag.Rule{
	ID: "VM205", Name: "named-target-port", Severity: diag.Error,
	Doc: "A targetPort that is a name is one of the VMs' ports.",
	Long: "istiod looks the name up among the ports of each WorkloadEntry, and leaves out for this port every one that has it not (istio: " +
		"pilot/pkg/serviceregistry/kube/controller/controller.go). The names of pods' ports are not judged here.",
	Bad:  "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80, targetPort: web}]}\n---\n" + vmGood,
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80, targetPort: http}]}\n---\n" + vmGood,
}

func findNamedTargets(s *manifest.Set, report Report) {
	all := classesOf(s)
	for _, v := range s.Services() {
		for _, p := range v.Ports {
			if p.TargetName == "" {
				continue
			}
			for _, w := range all.vms(v.Namespace, v.Selector) {
				if _, has := w.Ports[p.TargetName]; has {
					continue
				}
				d := namedTarget.At(p.At.Key("targetPort"), "%s does not have a port %q: it gets no traffic from port %d of %s", w.Resource, p.TargetName, p.Number, v.Resource)
				names := slices.Sorted(maps.Keys(w.Ports))
				switch near := diag.Nearest(p.TargetName, names); {
				case near != "":
					d = d.WithHelp("did you mean %q?", near)
				default:
					d = d.WithHelp("write the number, or add the name to %s", w.PortsAt)
				}
				report(d)
				break
			}
		}
	}
}

var portShadow = diag.Rule{
	ID: "VM206", Name: "port-name-shadows", Severity: diag.Warning,
	Doc: "A Service's port leads to the VM port that its targetPort names.",
	Long: "Where a WorkloadEntry has a port of the Service port's own name, that one counts, and the targetPort does not (istio: " +
		"pilot/pkg/serviceregistry/kube/controller/util.go). A targetPort that is another port of the VM looks as if it worked, and does not.",
	Bad: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80, targetPort: 9090}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, ports: {http: 8080, grpc: 9090}}}\n",
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: grpc, port: 80, targetPort: 9090}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, ports: {http: 8080, grpc: 9090}}}\n",
}

// findPortShadows is silent where a VM only listens elsewhere than the others: that is what the names are for. It speaks
// where the number is another port of the same VM.
func findPortShadows(s *manifest.Set, report Report) {
	all := classesOf(s)
	for _, v := range s.Services() {
		for _, p := range v.Ports {
			for _, w := range all.vms(v.Namespace, v.Selector) {
				own, has := w.Ports[p.Name]
				if p.Target == 0 || !has || own == p.Target {
					continue
				}
				other := portNamed(w, p.Target)
				if other == "" {
					continue
				}
				report(portShadow.At(p.At.Key("targetPort"), "port %q of %s goes to %d of %s, and not to %d, which is its port %q", p.Name, v.Resource, own, w.Resource, p.Target, other).
					WithHelp("name the Service's port %q, or write targetPort: %d", other, own))
				break
			}
		}
	}
}

// portNamed is the name of a VM's port; "" where it listens on no such port.
func portNamed(w *manifest.Workload, number uint32) string {
	for _, name := range slices.Sorted(maps.Keys(w.Ports)) {
		if w.Ports[name] == number {
			return name
		}
	}
	return ""
}

var notCaptured = diag.Rule{
	ID: "VM301", Name: "port-not-captured", Severity: diag.Error,
	Doc: "A port of VMs that clients are led to is one that the sidecar takes over.",
	Long: "The sidecar takes over the ports that interception lists: by default those of the group's template, as istioctl writes them into a VM's settings. On any " +
		"other port a client's mTLS reaches the application itself, which cannot read it. A template without ports takes all of them over.",
	Bad:  "vm: {interception: {includeInboundPorts: [\"9090\"]}}",
	Good: "vm: {interception: {includeInboundPorts: [\"8080\", \"9090\"]}}",
}

func findNotCaptured(s *manifest.Set, report Report) {
	for _, v := range s.Services() {
		for _, p := range v.Ports {
			if p.Target == 0 || p.Protocol == "UDP" || p.Protocol == "SCTP" {
				continue
			}
			for _, w := range s.Selected(v.Namespace, v.Selector) {
				if !w.Group() || len(w.Ports) == 0 || portNamed(w, p.Target) != "" {
					continue
				}
				if _, named := w.Ports[p.Name]; named {
					continue
				}
				report(notCaptured.At(p.At, "port %d of %s leads to port %d, which is none of the ports of %s", p.Number, v.Resource, p.Target, w.Resource).
					WithHelp("add it to %s", w.PortsAt))
				break
			}
		}
	}
}

// withoutSidecar reports whether an entry is of a machine without a sidecar.
func withoutSidecar(w *manifest.Workload) bool {
	return w.Clients["security.istio.io/tlsMode"] == "disabled"
}

func findReservedEntryPorts(s *manifest.Set, report Report) {
	for _, w := range virtual(s) {
		if withoutSidecar(w) {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(w.Ports)) {
			if whose := reservedPorts[w.Ports[name]]; whose != "" {
				report(reservedPort.At(w.PortsAt.Key(name), "VMs cannot listen for the mesh on %d: it is %s", w.Ports[name], whose).
					WithHelp("let the application listen elsewhere; clients may still dial any port"))
			}
		}
	}
	for _, v := range s.Services() {
		for _, p := range v.Ports {
			whose := reservedPorts[p.Target]
			if whose == "" || p.Protocol == "UDP" {
				continue
			}
			// A VM that has the port under this name is judged by its own number.
			i := slices.IndexFunc(s.Selected(v.Namespace, v.Selector), func(w *manifest.Workload) bool {
				return w.VM && w.Ports[p.Name] == 0 && !withoutSidecar(w)
			})
			if i >= 0 {
				report(reservedPort.At(p.At, "%s leads to port %d of VMs: it is %s", v.Resource, p.Target, whose).
					WithHelp("let the application listen elsewhere; clients may still dial any port"))
			}
		}
	}
}

// findMixedEntryWeights takes the weights of groups only where no entry says more: a group's own is a default for the VMs
// that register.
func findMixedEntryWeights(s *manifest.Set, report Report) {
	said := map[*manifest.Workload]bool{}
	for _, c := range clientSelectors(s) {
		selected := s.Selected(c.by.Namespace, c.labels)
		entries := slices.ContainsFunc(selected, (*manifest.Workload).Entry)
		var with, without *manifest.Workload
		for _, w := range selected {
			switch {
			case entries && w.Group():
			case w.Weight > 0 && with == nil:
				with = w
			case w.Weight == 0 && without == nil:
				without = w
			}
		}
		if with == nil || without == nil || said[with] {
			continue
		}
		said[with] = true
		help := "give all of them a weight, or none; a VM without one has the weight 1"
		if !without.VM {
			help = "drop the weights; shift traffic between VMs and pods with subsets and route weights"
		}
		report(mixedWeights.At(with.WeightAt, "%s has a weight and %s has none, behind %s", with.Resource, without.Resource, c.by).WithHelp("%s", help))
	}
}

var twoServiceEntries = diag.Rule{
	ID: "VM213", Name: "two-service-entries", Severity: diag.Error,
	Doc: "ServiceEntries for one host of a namespace are ones that Istio can merge.",
	Long: "Istio merges ServiceEntries of one namespace for one host if their resolution, workloadSelector and exportTo are the same. Of others, and of " +
		"two protocols for one port, the oldest counts: which that is depends on what was applied first (istio: " +
		"pilot/pkg/serviceregistry/serviceentry/conversion.go).",
	Bad: "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: db, namespace: shop}\nspec: {hosts: [db.example.com], ports: [{number: 3306, name: mysql, protocol: TCP}], resolution: DNS}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: replica, namespace: shop}\nspec: {hosts: [db.example.com], ports: [{number: 3307, name: mysql-2, protocol: TCP}], resolution: NONE}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: db, namespace: shop}\nspec: {hosts: [db.example.com], ports: [{number: 3306, name: mysql, protocol: TCP}], resolution: DNS}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: replica, namespace: shop}\nspec: {hosts: [db.example.com], ports: [{number: 3307, name: mysql-2, protocol: TCP}], resolution: DNS}\n",
}

func findTwoServiceEntries(s *manifest.Set, report Report) {
	type served struct {
		*manifest.Resource
		protocol string
	}
	first := map[[2]string]entry{}
	ports := map[[2]string]map[uint32]served{}
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		seen := map[string]bool{}
		for i, host := range e.Hosts {
			key := [2]string{r.Namespace, hostOf(host, r.Namespace).text}
			if seen[key[1]] {
				continue // one host, written in two ways
			}
			seen[key[1]] = true
			other, twice := first[key]
			if !twice {
				first[key] = entry{r, e}
				ports[key] = map[uint32]served{}
			}
			if differs := unmerged(other.spec, e); twice && differs != "" {
				report(twoServiceEntries.At(r.Place("spec", "hosts").Item(i, ""), "%s has the host %q too, with another %s", other, host, differs).
					WithHelp("join them, write one %s in both, or give each a host of its own", differs))
				continue
			}
			for k, p := range e.Ports {
				protocol := strings.ToUpper(p.GetProtocol())
				before, taken := ports[key][p.GetNumber()]
				if !taken {
					ports[key][p.GetNumber()] = served{r, protocol}
				} else if before.protocol != protocol && before.Resource != r {
					report(twoServiceEntries.At(r.Place("spec", "ports").Item(k, p.GetName()).Key("protocol"),
						"port %d of %q is %s here, and %s in %s", p.GetNumber(), host, protocol, before.protocol, before.Resource).
						WithHelp("write one protocol in both"))
				}
			}
		}
	}
}

// unmerged returns the field by which two ServiceEntries of one host cannot be merged; "" where they can.
func unmerged(a, b *networking.ServiceEntry) string {
	sorted := func(list []string) []string {
		list = slices.Clone(list)
		slices.Sort(list)
		return list
	}
	switch {
	case a == nil || b == nil:
		return ""
	case a.Resolution != b.Resolution:
		return "resolution"
	case (a.WorkloadSelector == nil) != (b.WorkloadSelector == nil) ||
		!maps.Equal(a.GetWorkloadSelector().GetLabels(), b.GetWorkloadSelector().GetLabels()):
		return "workloadSelector"
	case !slices.Equal(sorted(a.ExportTo), sorted(b.ExportTo)):
		return "exportTo"
	}
	return ""
}
