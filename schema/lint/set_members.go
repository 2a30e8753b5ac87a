package lint

import (
	"slices"
	"strconv"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// tlsModeLabel of an endpoint says whether it has a sidecar.
const tlsModeLabel = "security.istio.io/tlsMode"

var externalVMs = diag.Rule{
	ID: "VM222", Name: "external-vms", Severity: diag.Error,
	Doc: "A ServiceEntry whose endpoints are VMs of the mesh has location: MESH_INTERNAL.",
	Long: "The default is MESH_EXTERNAL, whose endpoints never get mTLS by themselves: clients send plaintext, a VM in STRICT mode refuses it, and " +
		"rules by principal or namespace never match (istio: pilot/pkg/networking/core/cluster_tls.go). A DestinationRule whose tls has a mode " +
		"for the host takes the place of the location.",
	Bad: seHead + "spec: {hosts: [db.example.com], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], " +
		"endpoints: [{address: 192.168.1.200, serviceAccount: db}]}\n",
	Good: seHead + "spec: {hosts: [db.example.com], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], " +
		"endpoints: [{address: 192.168.1.200, serviceAccount: db}]}\n",
}

func findExternalVMs(s *manifest.Set, report Report) {
	rules := destinationRules(s)
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		if e.Location == networking.ServiceEntry_MESH_INTERNAL || e.Resolution == networking.ServiceEntry_NONE || chosenTLS(rules, e.Hosts, r.Namespace) {
			continue
		}
		member := ""
		for _, w := range vms(s.Selected(r.Namespace, e.GetWorkloadSelector().GetLabels())) {
			if w.Account != "" && w.Clients[tlsModeLabel] != "disabled" {
				member = w.String()
				break
			}
		}
		for _, w := range e.Endpoints {
			if member == "" && w.ServiceAccount != "" && w.Labels[tlsModeLabel] != "disabled" {
				member = "the endpoint " + w.Address
			}
		}
		if member == "" {
			continue
		}
		d := externalVMs.At(r.Place("spec", "location"), "%s is of the mesh, and location MESH_EXTERNAL has clients send it plaintext", member)
		if r.Root.Get("spec").Get("location") == nil {
			d = externalVMs.At(r.Place("spec"), "%s is of the mesh, and without location: MESH_INTERNAL clients send it plaintext", member)
		}
		report(d.WithHelp("write location: MESH_INTERNAL"))
	}
}

// chosenTLS reports whether a DestinationRule for one of the hosts sets how clients begin TLS.
func chosenTLS(rules map[string][]ruled, hosts []string, namespace string) bool {
	return slices.ContainsFunc(hosts, func(host string) bool {
		return slices.ContainsFunc(rulesOf(rules, hostOf(host, namespace)), func(r ruled) bool { return r.rule.GetTrafficPolicy().GetTls() != nil })
	})
}

var portNames = diag.Rule{
	ID: "VM223", Name: "port-names-differ", Severity: diag.Warning,
	Doc: "A VM's ports have the names of the ServiceEntry's ports.",
	Long: "Where a VM listens for a port of a ServiceEntry is its own port of that name, else the targetPort, else the ServiceEntry's number (istio: " +
		"pilot/pkg/serviceregistry/serviceentry/conversion.go). With another name the VM's number is not used, without an error.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: db-1, namespace: shop}\n" +
		"spec: {address: 192.168.1.200, serviceAccount: db, labels: {app: db}, ports: {web: 8080}}\n---\n" + seHead +
		"spec: {hosts: [db.example.com], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], " +
		"workloadSelector: {labels: {app: db}}}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: db-1, namespace: shop}\n" +
		"spec: {address: 192.168.1.200, serviceAccount: db, labels: {app: db}, ports: {http: 8080}}\n---\n" + seHead +
		"spec: {hosts: [db.example.com], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], " +
		"workloadSelector: {labels: {app: db}}}\n",
}

func findPortNames(s *manifest.Set, report Report) {
	all := classesOf(s)
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		if e.Resolution == networking.ServiceEntry_NONE {
			continue
		}
		selected := all.vms(r.Namespace, e.GetWorkloadSelector().GetLabels())
		for i, p := range e.Ports {
			if p.GetTargetPort() != 0 {
				continue
			}
			for _, w := range selected {
				if _, named := w.Ports[p.GetName()]; len(w.Ports) == 0 || named || portNamed(w, p.GetNumber()) != "" {
					continue
				}
				report(portNames.At(r.Place("spec", "ports").Item(i, p.GetName()).Key("name"),
					"%s does not have a port named %q, so clients dial it on %d", w.Resource, p.GetName(), p.GetNumber()).
					WithHelp("use one name in both: the VM has %s; or write targetPort", spokenPorts(w.Ports)))
				break
			}
		}
	}
}

// spokenPorts lists ports as name: number.
func spokenPorts(ports map[string]uint32) string {
	var all []string
	for name, number := range ports {
		all = append(all, name+": "+strconv.FormatUint(uint64(number), 10))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

var foreignPort = diag.Rule{
	ID: "VM519", Name: "port-not-of-service", Severity: diag.Error,
	Doc: "A port that a route leads to, or that has settings, is one that clients dial of its service.",
	Long: "A route to a port that the service does not have leads to a cluster that does not exist: 503, NC (istio: " +
		"pilot/pkg/networking/core/route/route.go, GetDestinationCluster). portLevelSettings for such a port have no effect. Both are by " +
		"`port` of the service, not by its targetPort.",
	Bad: payService + "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {hosts: [pay], http: [{route: [{destination: {host: pay, port: {number: 8080}}}]}]}\n",
	Good: payService + "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {hosts: [pay], http: [{route: [{destination: {host: pay, port: {number: 80}}}]}]}\n",
}

// hostPorts are the ports of a host: those that clients dial, each with where it leads if that is a number.
type hostPorts struct {
	dialled map[uint32]uint32
	of      *manifest.Resource
}

// portsOfHosts finds the ports of each host of the set. A Service and ServiceEntries of one host have them together.
func portsOfHosts(s *manifest.Set) map[string]hostPorts {
	found := map[string]hostPorts{}
	add := func(host string, r *manifest.Resource, port, target uint32) {
		h := found[host]
		if h.dialled == nil {
			h = hostPorts{map[uint32]uint32{}, r}
		}
		h.dialled[port] = target
		found[host] = h
	}
	for _, v := range s.Services() {
		for _, p := range v.Ports {
			if !v.External {
				add(v.Name+"."+v.Namespace+".svc", v.Resource, p.Number, p.Target)
			}
		}
	}
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		for _, host := range e.Hosts {
			for _, p := range e.Ports {
				add(hostOf(host, r.Namespace).text, r, p.GetNumber(), p.GetTargetPort())
			}
		}
	}
	return found
}

func findForeignPorts(s *manifest.Set, report Report) {
	hosts := portsOfHosts(s)
	judge := func(host, namespace string, port uint32, at diag.Path) {
		h, known := hosts[hostOf(host, namespace).text]
		if _, has := h.dialled[port]; !known || has || port == 0 {
			return
		}
		var numbers []uint32
		d := foreignPort.At(at, "%s does not have port %d", h.of, port)
		for number, target := range h.dialled {
			numbers = append(numbers, number)
			if target == port && d.Help == "" {
				d = d.WithHelp("clients dial %d, which leads to %d: write %[1]d", number, port)
			}
		}
		if len(numbers) > 1 || d.Help == "" {
			slices.Sort(numbers)
			d = d.WithHelp("write a port that clients dial: %s", numberList(numbers))
		}
		report(d)
	}
	for r, vs := range manifest.Each[*networking.VirtualService](s) {
		for d := range destinations(r, vs) {
			judge(d.to.GetHost(), r.Namespace, d.to.GetPort().GetNumber(), d.at.Key("port").Key("number"))
		}
	}
	for r, rule := range manifest.Each[*networking.DestinationRule](s) {
		policy := func(p *networking.TrafficPolicy, at diag.Path) {
			for i, l := range p.GetPortLevelSettings() {
				judge(rule.Host, r.Namespace, l.GetPort().GetNumber(), at.Key("portLevelSettings").Item(i, "").Key("port").Key("number"))
			}
		}
		policy(rule.TrafficPolicy, r.Place("spec", "trafficPolicy"))
		for i, subset := range rule.Subsets {
			policy(subset.GetTrafficPolicy(), r.Place("spec", "subsets").Item(i, subset.GetName()).Key("trafficPolicy"))
		}
	}
}

func numberList(numbers []uint32) string {
	var words []string
	for _, n := range numbers {
		words = append(words, strconv.FormatUint(uint64(n), 10))
	}
	return strings.Join(words, ", ")
}

var unreadField = diag.Rule{
	ID: "VM224", Name: "unread-field", Severity: diag.Warning,
	Doc: "A field or label that is set is one that Istio reads.",
	Long: "Istio's API has fields that nothing reads any more, or never did: outlierDetection.consecutiveErrors (istio: " +
		"pilot/pkg/networking/core/cluster_traffic_policy.go), sourceSubnet of TCP matches, the address of a WorkloadGroup's template. " +
		"The label of a workload's revision is service.istio.io/canonical-revision; there is no canonical-version.",
	Bad:  "trafficPolicy: {outlierDetection: {consecutiveErrors: 3}}",
	Good: "trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}}",
}

// unreadPolicy reports the fields of a traffic policy that Istio does not read.
func unreadPolicy(p *networking.TrafficPolicy, at diag.Path, report Report) {
	judge := func(o *networking.OutlierDetection, at diag.Path) {
		if o.GetConsecutiveErrors() != 0 {
			report(unreadField.At(at.Key("consecutiveErrors"), "Istio does not read consecutiveErrors").Key().
				WithHelp("write consecutive5xxErrors: %d, or consecutiveGatewayErrors", o.ConsecutiveErrors))
		}
	}
	judge(p.GetOutlierDetection(), at.Key("outlierDetection"))
	for i, l := range p.GetPortLevelSettings() {
		judge(l.GetOutlierDetection(), at.Key("portLevelSettings").Item(i, "").Key("outlierDetection"))
	}
}

// unreadLabels reports labels that look like Istio's, and are not.
func unreadLabels(labels map[string]string, at diag.Path, report Report) {
	for _, key := range []string{"canonical-version", "service.istio.io/canonical-version", "istio.io/canonical-version"} {
		if value, set := labels[key]; set {
			report(unreadField.At(at.Key(key), "Istio does not read the label %s", key).Key().
				WithHelp("write service.istio.io/canonical-revision: %s", value))
		}
	}
}

func findUnreadSettings(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		unreadLabels(w.Labels, w.At.Key("labels"), report)
		for _, s := range w.Services {
			unreadPolicy(s.Traffic.Policy, s.At.Key("traffic").Key("trafficPolicy"), report)
		}
	}
	for _, e := range m.ExternalServices {
		unreadPolicy(e.Policy, e.At.Key("trafficPolicy"), report)
	}
}

func findUnreadFields(s *manifest.Set, report Report) {
	for r, rule := range manifest.Each[*networking.DestinationRule](s) {
		unreadPolicy(rule.TrafficPolicy, r.Place("spec", "trafficPolicy"), report)
		for i, subset := range rule.Subsets {
			unreadPolicy(subset.GetTrafficPolicy(), r.Place("spec", "subsets").Item(i, subset.GetName()).Key("trafficPolicy"), report)
		}
	}
	for r, g := range manifest.Each[*networking.WorkloadGroup](s) {
		if address := g.GetTemplate().GetAddress(); address != "" {
			report(unreadField.At(r.Place("spec", "template", "address"), "Istio does not read the address of a template: each VM registers its own").Key().
				WithHelp("remove it; a VM that does not register itself needs a WorkloadEntry"))
		}
		unreadLabels(g.GetMetadata().GetLabels(), r.Place("spec", "metadata", "labels"), report)
		unreadLabels(g.GetTemplate().GetLabels(), r.Place("spec", "template", "labels"), report)
	}
	for r, e := range manifest.Each[*networking.WorkloadEntry](s) {
		unreadLabels(e.Labels, r.Place("spec", "labels"), report)
	}
	for r, vs := range manifest.Each[*networking.VirtualService](s) {
		for i, route := range vs.Tcp {
			for k, m := range route.GetMatch() {
				unreadSubnet(m.GetSourceSubnet(), r.Place("spec", "tcp").Item(i, "").Key("match").Item(k, ""), report)
			}
		}
	}
}

func unreadSubnet(subnet string, at diag.Path, report Report) {
	if subnet != "" {
		report(unreadField.At(at.Key("sourceSubnet"), "Istio does not read sourceSubnet, so this match holds for every caller").Key().
			WithHelp("match on sourceLabels or sourceNamespace, or let an AuthorizationPolicy judge by ipBlocks"))
	}
}
