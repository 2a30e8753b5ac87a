package lint

import "github.com/vmmesh/vmmesh/schema/diag"

var unknownProvider = diag.Rule{
	ID: "VM614", Name: "unknown-provider", Severity: diag.Error,
	Doc: "A provider of access logs or traces is one that the mesh configuration has, and is for that.",
	Long: "Istio knows the providers prometheus, stackdriver and envoy, and those of meshConfig.extensionProviders. With an unknown one it traces " +
		"nothing, or drops the log, and says nothing (istio: pilot/pkg/model/telemetry.go, fetchProvider); so it does with one of another " +
		"purpose. It is checked where a spec of the build has the mesh configuration and emits it: `controlPlane.install` and `meshConfig`.",
	Bad: "controlPlane: {install: Helm, meshConfig: {extensionProviders: [{name: zipkin, zipkin: {service: zipkin.tracing.svc.cluster.local, port: 9411}}]}}\n" +
		"observability: {tracing: [{providers: [{name: zipkn}]}]}",
	Good: "controlPlane: {install: Helm, meshConfig: {extensionProviders: [{name: zipkin, zipkin: {service: zipkin.tracing.svc.cluster.local, port: 9411}}]}}\n" +
		"observability: {tracing: [{providers: [{name: zipkin}]}]}",
}
