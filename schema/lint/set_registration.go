package lint

import (
	"regexp"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var registeredAccount = diag.Rule{
	ID: "VM104", Name: "registered-account", Severity: diag.Error,
	Doc: "A VM that registered itself runs as the service account that its WorkloadGroup names.",
	Long: "istiod takes a VM's connection for a WorkloadEntry that is there already only if the VM's certificate has the entry's service account and " +
		"namespace; otherwise it refuses the stream, and the VM gets no configuration (istio: pilot/pkg/autoregistration/controller.go). An entry keeps what " +
		"the group said when the VM registered, so a group whose service account was changed locks its VMs out until their entries are deleted.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay-sa}}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-192.168.1.100, namespace: shop, annotations: {istio.io/autoRegistrationGroup: pay}}\n" +
		"spec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay-sa}}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-192.168.1.100, namespace: shop, annotations: {istio.io/autoRegistrationGroup: pay}}\n" +
		"spec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay-sa}\n",
}

func findRegisteredAccounts(s *manifest.Set, report Report) {
	for _, w := range virtual(s) {
		r := groupOf(s, w)
		if r == nil {
			continue
		}
		if group := s.Workload(r); group.Account != "" && w.Account != "" && group.Account != w.Account {
			report(registeredAccount.At(w.AccountAt, "%s registered as %q, and %s says %q: the VM is refused when it connects again", w.Resource, w.Account, r, group.Account).
				WithHelp("delete the entry once the VM has a token of %q, or give the group its old service account back", group.Account))
		}
	}
}

// groupOf is the WorkloadGroup with which an entry registered; nil where it did not, or the group is not there.
func groupOf(s *manifest.Set, w *manifest.Workload) *manifest.Resource {
	if w.Auto() == "" {
		return nil
	}
	return s.Find(manifest.NetworkingGroup, "WorkloadGroup", w.Namespace, w.Auto())
}

var missingGroup = diag.Rule{
	ID: "VM105", Name: "missing-group", Severity: diag.Error,
	Doc: "The WorkloadGroup with which VMs register is there, in their namespace and under the name that they say.",
	Long: "A VM says its group in ISTIO_META_AUTO_REGISTER_GROUP. Where istiod finds no WorkloadGroup of that name in the VM's namespace it ends the whole " +
		"stream with FailedPrecondition: the VM gets no configuration at all (istio: pilot/pkg/autoregistration/controller.go). An overlay's `namePrefix` renames the " +
		"group and not what VMs say. This is judged where WorkloadGroups of the namespace are among the manifests.",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: staging-pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-192.168.1.100, namespace: shop, annotations: {istio.io/autoRegistrationGroup: pay}}\n" +
		"spec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n---\n" +
		"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: pay-192.168.1.100, namespace: shop, annotations: {istio.io/autoRegistrationGroup: pay}}\n" +
		"spec: {address: 192.168.1.100, labels: {app: pay}, serviceAccount: pay}\n",
}

func findMissingGroups(s *manifest.Set, report Report) {
	groups := map[string][]string{}
	for _, r := range s.OfKind(manifest.NetworkingGroup, "WorkloadGroup") {
		groups[r.Namespace] = append(groups[r.Namespace], r.Name)
	}
	say := func(namespace, name string, at diag.Path) {
		if name == "" || len(groups[namespace]) == 0 || s.Find(manifest.NetworkingGroup, "WorkloadGroup", namespace, name) != nil {
			return
		}
		d := missingGroup.At(at, "there is no WorkloadGroup %q in namespace %s: istiod refuses its VMs", name, spokenNamespace(namespace))
		if near := diag.Nearest(name, groups[namespace][:min(few, len(groups[namespace]))]); near != "" {
			d = d.WithHelp("did you mean %q?", near)
		} else {
			d = d.WithHelp("give the group this name again: VMs in the field say it")
		}
		report(d)
	}
	for _, w := range virtual(s) {
		if w.Auto() != "" {
			say(w.Namespace, w.Auto(), w.Place("metadata", "annotations", "istio.io/autoRegistrationGroup"))
		}
	}
	for _, vm := range s.VMs() {
		say(vm.Get("ISTIO_NAMESPACE", "POD_NAMESPACE"), vm.Env["ISTIO_META_AUTO_REGISTER_GROUP"], vm.At.Key("ISTIO_META_AUTO_REGISTER_GROUP"))
	}
}

var registrationName = diag.Rule{
	ID: "VM106", Name: "registration-name", Severity: diag.Error,
	Doc: "The names that istiod gives to the entries of VMs that register are names that Kubernetes takes.",
	Long: "istiod names such an entry <group>-<address>[-<network>], with hyphens for the colons of an IPv6 address. A network with capitals or underscores, and an " +
		"address that ends in `::` without a network behind it, make a name that the API server refuses, and with it the VM's whole stream " +
		"(istio: pilot/pkg/autoregistration/controller.go, autoregisteredWorkloadEntryName).",
	Bad:  "groups: [{name: pay, registration: Auto, instances: [{name: vm1, address: \"2001:db8:5::\"}]}]",
	Good: "groups: [{name: pay, registration: Auto, instances: [{name: vm1, address: \"2001:db8:5::1\"}]}]",
}

// subdomain is what the network of VMs that register may be.
var subdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

func findRegistrationNames(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		for _, g := range w.Groups {
			for _, i := range g.Instances {
				if a := i.Dial(); g.Auto && i.Network == "" && a.Is6() && a.String()[len(a.String())-1] == ':' {
					report(registrationName.At(i.At.Key("address"), "the VM at %s cannot register: its entry's name would end in a hyphen", a).
						WithHelp("give the VM an address that does not end in ::, or set registration: Static"))
				}
			}
		}
	}
}

func findGroupRegistrationNames(s *manifest.Set, report Report) {
	for r, g := range manifest.Each[*networking.WorkloadGroup](s) {
		if network := g.GetTemplate().GetNetwork(); network != "" && !subdomain.MatchString(network) {
			report(registrationName.At(r.Place("spec", "template", "network"), "VMs of network %q cannot register: it would be a part of their entries' names", network).
				WithHelp("name the network in small letters, digits and hyphens, wherever it is named"))
		}
	}
}

var longRegistrationName = diag.Rule{
	ID: "VM108", Name: "long-registration-name", Severity: diag.Warning,
	Doc: "The name of a WorkloadGroup leaves room for what istiod adds to it.",
	Long: "The entry of a VM that registers is named <group>-<address>[-<network>]. Of a name above 253 characters istiod cuts off the beginning: the " +
		"group's name is no longer in it, and what is left may begin with a hyphen, which the API server refuses (istio: pilot/pkg/autoregistration/controller.go).",
	Bad:  "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: " + longName + ", namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\nspec: {metadata: {labels: {app: pay}}, template: {serviceAccount: pay}}\n",
}

const (
	fifty    = "a-name-of-fifty-letters-is-long-enough-for-anybody"
	longName = fifty + fifty + fifty + fifty + fifty
)

func findLongRegistrationNames(s *manifest.Set, report Report) {
	const most, address = 253, len("255.255.255.255")
	for r, g := range manifest.Each[*networking.WorkloadGroup](s) {
		length := len(r.Name) + 1 + address
		if network := g.GetTemplate().GetNetwork(); network != "" {
			length += 1 + len(network)
		}
		if length > most {
			report(longRegistrationName.At(r.Place("metadata", "name"), "the names of its VMs' entries would have up to %d characters, and %d are the most", length, most).
				WithHelp("give the group a shorter name"))
		}
	}
}
