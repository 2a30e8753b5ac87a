package lint

import (
	"strings"

	telemetry "istio.io/api/telemetry/v1alpha1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

var unknownProvider = diag.Rule{
	ID: "VM614", Name: "unknown-provider", Severity: diag.Error,
	Doc: "A provider of access logs or traces is one that the mesh configuration has, and is for that.",
	Long: "Istio knows the providers prometheus, stackdriver and envoy, and those of meshConfig.extensionProviders. With an unknown one it traces " +
		"nothing, or drops the log, without an error (istio: pilot/pkg/model/telemetry.go, fetchProvider); so it does with one of another " +
		"purpose. It is checked where a spec of the build has the mesh configuration and emits it: `controlPlane.install` and `meshConfig`.",
	Bad: "controlPlane: {install: Helm, meshConfig: {extensionProviders: [{name: zipkin, zipkin: {service: zipkin.tracing.svc.cluster.local, port: 9411}}]}}\n" +
		"observability: {tracing: [{providers: [{name: zipkn}]}]}",
	Good: "controlPlane: {install: Helm, meshConfig: {extensionProviders: [{name: zipkin, zipkin: {service: zipkin.tracing.svc.cluster.local, port: 9411}}]}}\n" +
		"observability: {tracing: [{providers: [{name: zipkin}]}]}",
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
