package lint

import (
	"net/netip"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// seHead begins a ServiceEntry in the examples of rules.
const seHead = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: db, namespace: shop}\n"

var entryPortShadow = diag.Rule{
	ID: "VM207", Name: "entry-port-shadows", Severity: diag.Info,
	Doc: "A ServiceEntry's targetPort is where its endpoints listen.",
	Long: "Where an endpoint or a WorkloadEntry has a port of the ServiceEntry port's name, that one counts and the targetPort does not (istio: " +
		"pilot/pkg/serviceregistry/serviceentry/conversion.go). Both are legal; what is written last in the eyes of a reader is not what happens.",
	Bad:  seHead + "spec: {hosts: [db.example.com], location: MESH_INTERNAL, ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}], resolution: STATIC, endpoints: [{address: 192.168.1.200, ports: {http: 9090}, serviceAccount: db}]}\n",
	Good: seHead + "spec: {hosts: [db.example.com], location: MESH_INTERNAL, ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}], resolution: STATIC, endpoints: [{address: 192.168.1.200, serviceAccount: db}]}\n",
}

func findEntryPortShadows(s *manifest.Set, report Report) {
	all := classesOf(s)
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		for i, p := range e.Ports {
			if p.TargetPort == 0 {
				continue
			}
			at := r.Place("spec", "ports").Item(i, p.Name).Key("targetPort")
			say := func(who string, own uint32) {
				report(entryPortShadow.At(at, "port %q goes to %d of %s, and not to %d", p.Name, own, who, p.TargetPort).
					WithHelp("drop the targetPort, or take the port from the endpoint"))
			}
			if j := slices.IndexFunc(e.Endpoints, func(w *networking.WorkloadEntry) bool { return w.Ports[p.Name] != 0 && w.Ports[p.Name] != p.TargetPort }); j >= 0 {
				say("endpoint "+e.Endpoints[j].Address, e.Endpoints[j].Ports[p.Name])
				continue
			}
			for _, w := range all.vms(r.Namespace, e.GetWorkloadSelector().GetLabels()) {
				// A VM that only listens elsewhere than the others is what the names are for.
				if own := w.Ports[p.Name]; own != 0 && own != p.TargetPort && portNamed(w, p.TargetPort) != "" {
					say(w.Resource.String(), own)
					break
				}
			}
		}
	}
}

var endpointPorts = diag.Rule{
	ID: "VM208", Name: "ports-of-one-endpoint", Severity: diag.Error,
	Doc: "An endpoint's ports do not remove the ServiceEntry's other ports: Istio does not support that.",
	Long: "Every endpoint of a ServiceEntry serves every port of it; `ports` of an endpoint only says where it listens for the ones that it names. A replica that names the " +
		"read-only port alone gets the writes too (istio: pilot/pkg/serviceregistry/serviceentry/conversion.go). Split them into ServiceEntries of their own hosts.",
	Bad: seHead + "spec: {hosts: [db.example.com], addresses: [240.240.1.1], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 3306, name: mysql, protocol: TCP}, {number: 3307, name: mysql-ro, protocol: TCP}],\n" +
		"  endpoints: [{address: 192.168.1.200, ports: {mysql: 3306}, serviceAccount: db}, {address: 192.168.1.201, ports: {mysql-ro: 3307}, serviceAccount: db}]}\n",
	Good: seHead + "spec: {hosts: [db.example.com], addresses: [240.240.1.1], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 3306, name: mysql, protocol: TCP}],\n" +
		"  endpoints: [{address: 192.168.1.200, ports: {mysql: 3306}, serviceAccount: db}]}\n",
}

// findEndpointPorts speaks where endpoints divide the ports among them; one that merely listens elsewhere for one of
// several ports is not a sign of that.
func findEndpointPorts(s *manifest.Set, report Report) {
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		if len(e.Ports) < 2 || len(e.Endpoints) < 2 {
			continue
		}
		for i, w := range e.Endpoints {
			port, _ := divided(w, e.Endpoints)
			if port == "" {
				continue
			}
			report(endpointPorts.At(r.Place("spec", "endpoints").Item(i, "").Key("ports"), "endpoint %s gets the traffic of port %q too", w.Address, port).
				WithHelp("give each role a ServiceEntry with a host of its own, such as primary.%s and replica.%[1]s", firstOf(e.Hosts)))
			break
		}
	}
}

// divided finds an endpoint that names a port which this one does not, while this one names a port which that one does
// not.
func divided(w *networking.WorkloadEntry, all []*networking.WorkloadEntry) (port string, other *networking.WorkloadEntry) {
	for _, o := range all {
		theirs, ours := lacking(w.Ports, o.Ports), lacking(o.Ports, w.Ports)
		if theirs != "" && ours != "" {
			return theirs, o
		}
	}
	return "", nil
}

// lacking is the first port that others have and these have not; both must have some.
func lacking(ports, others map[string]uint32) string {
	if len(ports) == 0 {
		return ""
	}
	for _, name := range sorted(others) {
		if _, has := ports[name]; !has {
			return name
		}
	}
	return ""
}

func firstOf(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

var shadowedService = diag.Rule{
	ID: "VM210", Name: "entry-beside-service", Severity: diag.Warning,
	Doc: "A ServiceEntry does not have the host of a Kubernetes Service.",
	Long: "Istio merges the endpoints of both and takes ports and resolution of one; its DNS answers with the Service's address (istio: " +
		"pkg/dns/server/name_table.go). VMs join a Service by its selector: a ServiceEntry beside it is not needed.",
	Bad: payService + "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {hosts: [pay.shop.svc.cluster.local], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], workloadSelector: {labels: {app: pay}}}\n",
	Good: payService + "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {hosts: [pay.example.com], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], workloadSelector: {labels: {app: pay}}}\n",
}

var clusterHost = diag.Rule{
	ID: "VM211", Name: "cluster-host-without-service", Severity: diag.Warning,
	Doc: "A host in the cluster's own domain is that of a Service.",
	Long: "The cluster's DNS knows Services alone and answers NXDOMAIN for any other name of its domain. Only clients whose sidecar captures DNS resolve such a host of a " +
		"ServiceEntry; pods do not by default, and its short forms are never resolved (istio: pkg/dns/server/name_table.go).",
	Bad:  seHead + "spec: {hosts: [db.shop.svc.cluster.local], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}\n",
	Good: seHead + "spec: {hosts: [db.example.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}\n",
}

func findEntryHosts(s *manifest.Set, beside, without func(r *manifest.Resource, v *manifest.ServiceView, host string, at diag.Path)) {
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		for i, host := range e.Hosts {
			h := hostOf(host, r.Namespace)
			if h.name == "" || !strings.Contains(host, ".") {
				continue
			}
			if v := service(s, h); v != nil {
				beside(r, v, host, r.Place("spec", "hosts").Item(i, ""))
			} else {
				without(r, nil, host, r.Place("spec", "hosts").Item(i, ""))
			}
		}
	}
}

func findShadowedServices(s *manifest.Set, report Report) {
	findEntryHosts(s, func(_ *manifest.Resource, v *manifest.ServiceView, host string, at diag.Path) {
		report(shadowedService.At(at, "%q is the host of %s too", host, v.Resource).
			WithHelp("drop the ServiceEntry, and let the Service select the VMs; or give it a host outside the cluster's domain"))
	}, func(*manifest.Resource, *manifest.ServiceView, string, diag.Path) {})
}

// clusterDomain is that of most clusters. A host of another domain may be of another cluster, or of the Multi-Cluster Services
// API (clusterset.local).
const clusterDomain = "cluster.local"

// findClusterHosts judges hosts of the ServiceEntry's namespace: a Service of another one may well be in manifests that are
// not here.
func findClusterHosts(s *manifest.Set, report Report) {
	findEntryHosts(s, func(*manifest.Resource, *manifest.ServiceView, string, diag.Path) {},
		func(r *manifest.Resource, _ *manifest.ServiceView, host string, at diag.Path) {
			h := hostOf(host, r.Namespace)
			if domain := strings.TrimPrefix(host, h.text); h.namespace == r.Namespace && (domain == "" || domain == "."+clusterDomain) {
				report(clusterHost.At(at, "no Service is behind %q: the cluster's DNS does not know the name", host).
					WithHelp("make it a Service that selects the VMs, or choose a host outside the cluster's domain"))
			}
		})
}

var addressless = diag.Rule{
	ID: "VM212", Name: "tcp-without-address", Severity: diag.Warning,
	Doc: "A ServiceEntry for plain TCP has an address, its own or one that istiod gives it.",
	Long: "TCP carries no host name. Without an address of its own the service is one listener for every address at its port, which takes the traffic of all " +
		"others there. istiod allocates addresses since 1.25 by itself, unless the label networking.istio.io/enable-autoallocate-ip says false (istio: pilot/pkg/features/pilot.go).",
	Bad: "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: db, namespace: shop, labels: {networking.istio.io/enable-autoallocate-ip: \"false\"}}\n" +
		"spec: {hosts: [db.example.com], resolution: DNS, ports: [{number: 3306, name: mysql, protocol: TCP}]}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: db, namespace: shop, labels: {networking.istio.io/enable-autoallocate-ip: \"false\"}}\n" +
		"spec: {hosts: [db.example.com], addresses: [240.240.1.1], resolution: DNS, ports: [{number: 3306, name: mysql, protocol: TCP}]}\n",
}

const allocateLabel = "networking.istio.io/enable-autoallocate-ip"

func findAddressless(s *manifest.Set, report Report) {
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		if r.Labels[allocateLabel] != "false" || len(e.Addresses) > 0 || e.Resolution == networking.ServiceEntry_NONE {
			continue
		}
		for i, p := range e.Ports {
			if strings.EqualFold(p.Protocol, "TCP") || strings.EqualFold(p.Protocol, "MYSQL") || strings.EqualFold(p.Protocol, "MONGO") {
				report(addressless.At(r.Place("spec", "ports").Item(i, p.Name), "port %d is plain TCP, and the ServiceEntry does not have an address", p.Number).
					WithHelp("add addresses, or take the label %s off", allocateLabel))
				break
			}
		}
	}
}

var selectsEverything = diag.Rule{
	ID: "VM214", Name: "entry-selects-everything", Severity: diag.Error,
	Doc: "A ServiceEntry's workloadSelector has labels.",
	Long: "An empty selector draws a warning of istiod's webhook, and then selects every WorkloadEntry and every pod of the namespace: whatever is there is an endpoint " +
		"of this host (istio: pkg/config/validation).",
	Bad:  seHead + "spec: {hosts: [db.example.com], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], workloadSelector: {labels: {}}}\n",
	Good: seHead + "spec: {hosts: [db.example.com], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], workloadSelector: {labels: {app: db}}}\n",
}

func findSelectsEverything(s *manifest.Set, report Report) {
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		if e.WorkloadSelector != nil && len(e.WorkloadSelector.Labels) == 0 {
			report(selectsEverything.At(r.Place("spec", "workloadSelector"), "%s selects everything in its namespace", r).WithHelp("add labels: {app: …}"))
		}
	}
}

var staticHostName = diag.Rule{
	ID: "VM215", Name: "static-host-name", Severity: diag.Error,
	Doc: "The endpoints of a ServiceEntry with resolution STATIC are IP addresses.",
	Long: "istiod's webhook refuses the object: names are not looked up for STATIC (istio: pkg/config/validation). With a workloadSelector there is no error, and leaves " +
		"WorkloadEntries with host names out, which is VM118.",
	Bad:  seHead + "spec: {hosts: [db.example.com], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: db1.example.com, serviceAccount: db}]}\n",
	Good: seHead + "spec: {hosts: [db.example.com], location: MESH_INTERNAL, resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: db1.example.com, serviceAccount: db}]}\n",
}

func findStaticHostNames(s *manifest.Set, report Report) {
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		if e.Resolution != networking.ServiceEntry_STATIC {
			continue
		}
		for i, w := range e.Endpoints {
			if _, err := netip.ParseAddr(w.Address); err == nil || w.Address == "" || strings.HasPrefix(w.Address, "unix://") {
				continue
			}
			report(staticHostName.At(r.Place("spec", "endpoints").Item(i, "").Key("address"), "%q is not an IP address, and istiod refuses it for STATIC", w.Address).
				WithHelp("write the address, or resolution: DNS"))
		}
	}
}

var internalAccount = diag.Rule{
	ID: "VM216", Name: "endpoint-without-account", Severity: diag.Warning,
	Doc: "The endpoints of a ServiceEntry inside the mesh name their service account.",
	Long: "istiod takes an endpoint without a service account for one without a sidecar, and clients send it plaintext. A VM in STRICT mode refuses that (istio: " +
		"pilot/pkg/serviceregistry/serviceentry/conversion.go). An endpoint that really does not have a sidecar says so with the label security.istio.io/tlsMode: disabled, or the " +
		"host's DestinationRule does with tls mode DISABLE.",
	Bad:  "externalServices: [{name: db, serviceEntry: {hosts: [db.example.com], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 192.168.1.200}]}}]",
	Good: "externalServices: [{name: db, serviceEntry: {hosts: [db.example.com], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 192.168.1.200, serviceAccount: db}]}}]",
}

// plainEndpoint returns the first endpoint that clients would send plaintext without intending to; -1 where there is none.
func plainEndpoint(e *networking.ServiceEntry) int {
	if e.GetLocation() != networking.ServiceEntry_MESH_INTERNAL {
		return -1
	}
	return slices.IndexFunc(e.Endpoints, func(w *networking.WorkloadEntry) bool {
		_, said := w.Labels["security.istio.io/tlsMode"]
		return w.ServiceAccount == "" && !said
	})
}

const accountOfEndpoint = "name the ServiceAccount that it runs as; one without a sidecar has the label security.istio.io/tlsMode: disabled"

func findInternalEndpoints(m *mesh.Mesh, report Report) {
	for _, e := range m.ExternalServices {
		if i := plainEndpoint(e.Entry); i >= 0 && !ownTLS(e.Policy) {
			report(internalAccount.At(e.At.Key("serviceEntry").Key("endpoints").Item(i, ""), "endpoint %s does not have a serviceAccount: clients will send it plaintext", e.Entry.Endpoints[i].Address).
				WithHelp(accountOfEndpoint))
		}
	}
}

// findInternalAccounts reports the first endpoint of a ServiceEntry, since all of them are fixed alike.
func findInternalAccounts(s *manifest.Set, report Report) {
	rules, policies := destinationRules(s), peersOf(s)
	for r, e := range manifest.Each[*networking.ServiceEntry](s) {
		i := plainEndpoint(e)
		if i < 0 || chosenTLS(rules, e.Hosts, r.Namespace) {
			continue
		}
		d := internalAccount.At(r.Place("spec", "endpoints").Item(i, ""), "endpoint %s does not have a serviceAccount: clients will send it plaintext", e.Endpoints[i].Address).
			WithHelp(accountOfEndpoint)
		if p := policies.strict(r.Namespace, e.Endpoints[i].Labels); p != nil {
			d.Severity = diag.Error
			d.Message += ", which " + p.String() + " refuses"
		}
		report(d)
	}
}

var longTarget = diag.Rule{
	ID: "VM221", Name: "target-port-name", Severity: diag.Error,
	Doc: "A targetPort that is a name is one that Kubernetes takes: at most 15 small letters, digits and hyphens, with a letter.",
	Long: "The ports of a WorkloadEntry may have names of 63 characters, and those of a Service too, but a targetPort may not: the API server refuses the Service " +
		"(Kubernetes: an IANA_SVC_NAME, RFC 6335).",
	Bad: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80, targetPort: http-of-payments}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, ports: {http-of-payments: 8080}}}\n",
	Good: "apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {selector: {app: pay}, ports: [{name: http, port: 80, targetPort: http-pay}]}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay, ports: {http-pay: 8080}}}\n",
}

func findLongTargets(s *manifest.Set, report Report) {
	for _, v := range s.Services() {
		for _, p := range v.Ports {
			if p.TargetName != "" && !serviceName(p.TargetName) {
				report(longTarget.At(p.At.Key("targetPort"), "%q is not a name that Kubernetes takes for a targetPort", p.TargetName).
					WithHelp("write the number, or a name of at most 15 small letters, digits and single hyphens"))
			}
		}
	}
}

// serviceName is Kubernetes' IsValidPortName.
func serviceName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	return len(s) <= 15 && strings.Trim(s, letters+"0123456789-") == "" && strings.ContainsAny(s, letters) &&
		!strings.Contains(s, "--") && s[0] != '-' && s[len(s)-1] != '-'
}
