package lint

import (
	"maps"
	"slices"
	"strings"

	meshconfig "istio.io/api/mesh/v1alpha1"
	telemetry "istio.io/api/telemetry/v1"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// findStrangeProviders judges specs of a mesh whose configuration one of them emits.
func findStrangeProviders(m *mesh.Mesh, report Report) {
	known := providersOfSpecs(m)
	if known == nil {
		return
	}
	told := map[*mesh.Spec]bool{} // the settings are a spec's, and each of its workloads has them
	for _, w := range m.Workloads {
		if told[w.Spec] {
			continue
		}
		told[w.Spec] = true
		at := w.Spec.At.Key("observability")
		for i, l := range w.AccessLogging {
			known.judge(l.GetProviders(), at.Key("accessLogging").Item(i, ""), logProviders, report)
		}
		for i, t := range w.Tracing {
			known.judge(t.GetProviders(), at.Key("tracing").Item(i, ""), traceProviders, report)
		}
	}
}

// providerSet is the providers of a mesh by name, in small letters: Istio compares them so.
type providerSet map[string]*meshconfig.MeshConfig_ExtensionProvider

// providersOfSpecs are those of the mesh that a build's specs install, Istio's own among them (istio: pkg/config/mesh/mesh.go,
// DefaultMeshConfig and ApplyMeshConfig, which adds a mesh's providers to its own); nil where none of them does.
func providersOfSpecs(m *mesh.Mesh) providerSet {
	var known providerSet
	for _, s := range m.Specs {
		if s.ControlPlane == nil || s.ControlPlane.MeshConfig == nil || s.ControlPlane.Install == "None" {
			continue
		}
		if known == nil {
			known = providerSet{
				"prometheus":  {Name: "prometheus", Provider: &meshconfig.MeshConfig_ExtensionProvider_Prometheus{}},
				"stackdriver": {Name: "stackdriver", Provider: &meshconfig.MeshConfig_ExtensionProvider_Stackdriver{Stackdriver: &meshconfig.MeshConfig_ExtensionProvider_StackdriverProvider{}}},
				"envoy":       {Name: "envoy", Provider: &meshconfig.MeshConfig_ExtensionProvider_EnvoyFileAccessLog{}},
			}
		}
		for _, p := range s.ControlPlane.MeshConfig.GetExtensionProviders() {
			known[strings.ToLower(p.GetName())] = p
		}
	}
	return known
}

// purpose is what a provider may be for.
type purpose struct {
	what string
	// fits tells of providers that are for it; doubtful of those that some release gave up, or that Istio treats in
	// another place: they are neither refused nor proposed.
	fits, doubtful func(*meshconfig.MeshConfig_ExtensionProvider) bool
}

// logProviders are what Istio makes access logs with (istio: pilot/pkg/model/telemetry_logging.go, telemetryAccessLog).
var logProviders = purpose{
	what: "access logs",
	fits: func(p *meshconfig.MeshConfig_ExtensionProvider) bool {
		switch p.GetProvider().(type) {
		case *meshconfig.MeshConfig_ExtensionProvider_EnvoyFileAccessLog, *meshconfig.MeshConfig_ExtensionProvider_EnvoyHttpAls,
			*meshconfig.MeshConfig_ExtensionProvider_EnvoyTcpAls, *meshconfig.MeshConfig_ExtensionProvider_EnvoyOtelAls:
			return true
		}
		return false
	},
	doubtful: func(p *meshconfig.MeshConfig_ExtensionProvider) bool { return p.GetStackdriver() != nil },
}

// traceProviders are what Istio traces with (istio: pilot/pkg/networking/core/tracing.go, configureFromProviderConfig).
var traceProviders = purpose{
	what: "traces",
	fits: func(p *meshconfig.MeshConfig_ExtensionProvider) bool {
		switch p.GetProvider().(type) {
		case *meshconfig.MeshConfig_ExtensionProvider_Zipkin, *meshconfig.MeshConfig_ExtensionProvider_Datadog,
			*meshconfig.MeshConfig_ExtensionProvider_Skywalking, *meshconfig.MeshConfig_ExtensionProvider_Opentelemetry:
			return true
		}
		return false
	},
	doubtful: func(p *meshconfig.MeshConfig_ExtensionProvider) bool {
		return p.GetStackdriver() != nil || p.GetLightstep() != nil || p.GetOpencensus() != nil
	},
}

// judge looks at the providers that one entry names.
func (known providerSet) judge(all []*telemetry.ProviderRef, at diag.Path, u purpose, report Report) {
	var fit []string
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if u.fits(known[name]) {
			fit = append(fit, known[name].GetName())
		}
	}
	help := "add it to meshConfig.extensionProviders in controlPlane"
	if len(fit) > 0 {
		help = "for " + u.what + " there is " + strings.Join(fit, ", ") + "; add others to meshConfig.extensionProviders in controlPlane"
	}
	for i, p := range all {
		here := at.Key("providers").Item(i, "").Key("name")
		switch is := known[strings.ToLower(p.GetName())]; {
		case is == nil:
			d := unknownProvider.At(here, "no provider is named %q", p.GetName()).WithHelp("%s", help)
			if near := diag.Nearest(p.GetName(), fit); near != "" {
				d = d.Suggest("did you mean %q?", p.GetName(), near, fit)
			}
			report(d)
		case !u.fits(is) && !u.doubtful(is):
			report(unknownProvider.At(here, "the provider %q is not for %s", p.GetName(), u.what).WithHelp("%s", help))
		}
	}
}
