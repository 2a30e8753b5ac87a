package lint

import (
	"slices"
	"strings"

	"istio.io/api/annotation"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

var unknownAnnotation = diag.Rule{
	ID: "VM122", Name: "unknown-annotation", Severity: diag.Warning,
	Doc: "An annotation of the sidecar's is one that Istio has.",
	Long: "Annotations are free text to Kubernetes, and Istio passes over those that it does not know. Registration in particular is switched on by no annotation: a VM registers with the group that its " +
		"ISTIO_META_AUTO_REGISTER_GROUP names (istio: pilot/pkg/autoregistration/controller.go; the annotations are those of istio.io/api/annotation).",
	Bad: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}, annotations: {sidecar.istio.io/autoRegistration: \"true\"}}, template: {serviceAccount: pay}}\n",
	Good: "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: pay, namespace: shop}\n" +
		"spec: {metadata: {labels: {app: pay}, annotations: {proxy.istio.io/config: \"concurrency: 2\"}}, template: {serviceAccount: pay}}\n",
}

// ownAnnotations are the names that Istio has in the domains where it does not have room for others'. Two of them its list of
// annotations leaves out.
func ownAnnotations() []string {
	names := []string{mesh.AnnotationHealthChecks, "sidecar.istio.io/controlPlaneAuthPolicy"}
	for _, a := range annotation.AllResourceAnnotations() {
		names = append(names, a.Name)
	}
	return names
}

func findUnknownAnnotations(s *manifest.Set, report Report) {
	known := ownAnnotations()
	check := func(annotations map[string]string, at diag.Path) {
		for _, key := range sorted(annotations) {
			domain, _, _ := strings.Cut(key, "/")
			if !slices.Contains([]string{"sidecar.istio.io", "proxy.istio.io", "traffic.sidecar.istio.io"}, domain) || slices.Contains(known, key) {
				continue
			}
			d := unknownAnnotation.At(at.Key(key), "Istio does not have an annotation %s", key).Key()
			switch near := diag.Nearest(key, known); {
			case key == "sidecar.istio.io/autoRegistration":
				d = d.WithHelp("drop it, and set ISTIO_META_AUTO_REGISTER_GROUP in the VMs' cluster.env")
			case near != "":
				d = d.WithHelp("did you mean %s?", near)
			default:
				d = d.WithHelp("drop it")
			}
			report(d)
		}
	}
	for _, r := range s.All() {
		check(r.Annotations, r.Place("metadata", "annotations"))
	}
	for r, g := range manifest.Each[*networking.WorkloadGroup](s) {
		check(g.GetMetadata().GetAnnotations(), r.Place("spec", "metadata", "annotations"))
	}
}

var idleEnv = diag.Rule{
	ID: "VM123", Name: "idle-variable", Severity: diag.Warning,
	Doc:  "A variable for a sidecar or a gateway is one that something reads, and that nothing has replaced.",
	Long: "Guides for older Istios set variables that nothing reads any more, or whose work Istio does by itself; whoever finds them later takes them for what makes it work.",
	Bad:  "vm: {env: [{name: ISTIO_INBOUND_EXCLUDE_PORTS, value: \"9100\"}]}",
	Good: "vm: {env: [{name: SECRET_TTL, value: 72h}]}",
}

// idle is a variable without a use since a minor of Istio, what is wrong with it, and what does its work.
type idle struct {
	since     int
	why, help string
}

// idleVariables have their sources: the first two are in no Go file, chart or script of Istio; the third is named in sidecar.env
// and bound to nothing; the fourth is deprecated since 1.25 (istio: the release's change notes; pkg/config/validation/agent warns).
var idleVariables = map[string]idle{
	"ISTIO_META_ROUTER_MODE":       {0, "is read by no Istio any more", "drop it: a Gateway with AUTO_PASSTHROUGH makes what it once switched on"},
	"VERIFY_CERTIFICATE_AT_CLIENT": {0, "is read by no Istio any more", "drop it: certificates are verified"},
	"ISTIO_INBOUND_EXCLUDE_PORTS":  {0, "is read by nothing, though sidecar.env names it", "exclude ports with ISTIO_LOCAL_EXCLUDE_PORTS; in a spec with vm.interception.excludeInboundPorts"},
	"ISTIO_META_DNS_AUTO_ALLOCATE": {25, "is deprecated since Istio 1.25, where istiod allocates addresses by itself", "drop it; the label " + allocateLabel + " says it for one ServiceEntry"},
}

func idleFinding(name string, minor int, at diag.Path) (diag.Diagnostic, bool) {
	v, idle := idleVariables[name]
	if !idle || minor > 0 && minor < v.since {
		return diag.Diagnostic{}, false
	}
	return idleEnv.At(at, "%s %s", name, v.why).WithHelp("%s", v.help), true
}

func findIdleEnv(m *mesh.Mesh, report Report) {
	for _, w := range m.Workloads {
		for _, g := range w.Groups {
			minor := g.Revision.Release.Minor
			for _, e := range g.VM.Env {
				if d, ok := idleFinding(e.Name, minor, e.At.Key("name")); ok {
					report(d)
				}
			}
			for _, name := range sorted(g.VM.ProxyConfig.GetProxyMetadata()) {
				if d, ok := idleFinding(name, minor, g.VM.ProxyAt.Key("proxyMetadata").Key(name)); ok {
					report(d.Key())
				}
			}
		}
	}
}

func findIdleEnvOfObjects(s *manifest.Set, report Report) {
	for _, m := range meshSettings(s) {
		list := m.root.Get("defaultConfig").Get("proxyMetadata")
		for i := range fieldsOf(list) {
			f := &list.Fields[i]
			at := m.at
			if m.text == nil {
				at = at.Key("defaultConfig").Key("proxyMetadata").Key(f.Key)
			}
			if d, ok := idleFinding(f.Key, 0, at); ok {
				report(m.place(d.Key(), &syntax.Node{Line: f.Line, Col: f.Col}))
			}
		}
	}
	env := func(list *syntax.Node, at diag.Path) {
		for i, e := range listOf(list) {
			if d, ok := idleFinding(e.Get("name").Text(), 0, at.Item(i, e.Get("name").Text()).Key("name")); ok {
				report(d)
			}
		}
	}
	for _, r := range s.OfKind("install.istio.io", "IstioOperator") {
		for _, kind := range []string{"ingressGateways", "egressGateways"} {
			for i, c := range listOf(r.Root.Get("spec").Get("components").Get(kind)) {
				env(c.Get("k8s").Get("env"), r.Place("spec", "components", kind).Item(i, c.Get("name").Text()).Key("k8s").Key("env"))
			}
		}
		pilot := r.Root.Get("spec").Get("components").Get("pilot")
		env(pilot.Get("k8s").Get("env"), r.Place("spec", "components", "pilot", "k8s", "env"))
	}
	for _, r := range s.OfKind("apps", "Deployment") {
		for i, c := range listOf(r.Root.Get("spec").Get("template").Get("spec").Get("containers")) {
			env(c.Get("env"), r.Place("spec", "template", "spec", "containers").Item(i, c.Get("name").Text()).Key("env"))
		}
	}
	for _, vm := range s.VMs() {
		for _, name := range sorted(vm.Env) {
			if d, ok := idleFinding(name, 0, vm.At.Key(name)); ok {
				report(d)
			}
		}
	}
}
