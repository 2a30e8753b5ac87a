package lint

import (
	"strings"

	telemetry "istio.io/api/telemetry/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

var unknownProvider = diag.Rule{
	ID: "VM614", Name: "unknown-provider", Severity: diag.Error,
	Doc: "A provider of logs or traces is one that the mesh's configuration defines.",
	Long: "Istio knows prometheus, stackdriver and envoy by itself, and beyond them what meshConfig.extensionProviders names. A Telemetry with another one switches tracing off, or loses its logs, and says " +
		"nothing (istio: pilot/pkg/model/telemetry.go). This is judged where the mesh's configuration is at hand.",
	Bad:  "spec:\n  controlPlane: {install: Helm, meshConfig: {accessLogFile: /dev/stdout}}\n  observability: {tracing: [{providers: [{name: zipkin}]}]}",
	Good: "spec:\n  controlPlane: {install: Helm, meshConfig: {extensionProviders: [{name: zipkin, zipkin: {service: zipkin.monitoring.svc.cluster.local, port: 9411}}]}}\n  observability: {tracing: [{providers: [{name: zipkin}]}]}",
}

// builtinProviders are those of every mesh (istio: pkg/config/mesh/mesh.go).
var builtinProviders = []string{"envoy", "prometheus", "stackdriver"}

// providersOf lists the providers that logs and traces name, with their places below a Telemetry's spec or its like.
func providersOf(logs []*telemetry.AccessLogging, traces []*telemetry.Tracing, at diag.Path, do func(name string, at diag.Path)) {
	for i, l := range logs {
		for j, p := range l.GetProviders() {
			do(p.GetName(), at.Key("accessLogging").Item(i, "").Key("providers").Item(j, p.GetName()).Key("name"))
		}
	}
	for i, t := range traces {
		for j, p := range t.GetProviders() {
			do(p.GetName(), at.Key("tracing").Item(i, "").Key("providers").Item(j, p.GetName()).Key("name"))
		}
	}
}

func sayProvider(report Report, known map[string]bool, name string, at diag.Path) {
	for _, builtin := range builtinProviders {
		known[builtin] = true
	}
	if known[name] || name == "" {
		return
	}
	d := unknownProvider.At(at, "meshConfig.extensionProviders has no %q", name)
	if near := diag.Nearest(name, sorted(known)); near != "" {
		d = d.WithHelp("did you mean %q?", near)
	} else {
		d = d.WithHelp("define it there, or name one of %s", strings.Join(sorted(known), ", "))
	}
	report(d)
}

// findUnknownProviders judges specs of a mesh whose configuration one of them emits.
func findUnknownProviders(m *mesh.Mesh, report Report) {
	var known map[string]bool
	for _, s := range m.Specs {
		if c := s.ControlPlane; c != nil && c.Install != "None" {
			known = map[string]bool{}
			for _, p := range c.MeshConfig.GetExtensionProviders() {
				known[p.GetName()] = true
			}
		}
	}
	if known == nil {
		return
	}
	for _, w := range m.Workloads {
		providersOf(w.AccessLogging, w.Tracing, w.Spec.At.Key("observability"), func(name string, at diag.Path) { sayProvider(report, known, name, at) })
	}
}

func findUnknownProvidersOfTelemetries(s *manifest.Set, report Report) {
	all := meshSettings(s)
	if len(all) == 0 {
		return
	}
	known := map[string]bool{}
	for _, m := range all {
		for _, p := range m.config.ExtensionProviders {
			known[p.GetName()] = true
		}
	}
	for r, t := range manifest.Each[*telemetry.Telemetry](s) {
		providersOf(t.AccessLogging, t.Tracing, r.Place("spec"), func(name string, at diag.Path) { sayProvider(report, known, name, at) })
	}
}

var idleFilter = diag.Rule{
	ID: "VM622", Name: "idle-filter", Severity: diag.Info,
	Doc:  "A filter of access logs keeps something out.",
	Long: "An expression that is always true logs everything, as no filter does, and is evaluated for each request. One that is always false logs nothing; `disabled: true` says that.",
	Bad:  "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: logs, namespace: shop}\nspec: {accessLogging: [{providers: [{name: envoy}], filter: {expression: \"true\"}}]}\n",
	Good: "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: logs, namespace: shop}\nspec: {accessLogging: [{providers: [{name: envoy}], filter: {expression: response.code >= 400}}]}\n",
}

func findIdleFilters(s *manifest.Set, report Report) {
	for r, t := range manifest.Each[*telemetry.Telemetry](s) {
		for i, l := range t.AccessLogging {
			switch text := strings.TrimSpace(l.GetFilter().GetExpression()); text {
			case "true", "false":
				report(idleFilter.At(r.Place("spec", "accessLogging").Item(i, "").Key("filter").Key("expression"), "the filter is always %s", text).
					WithHelp("%s", map[string]string{"true": "drop the filter", "false": "write disabled: true"}[text]))
			}
		}
	}
}
