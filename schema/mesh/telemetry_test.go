package mesh

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTelemetry is what is just right beside the bad cases of testdata.
func TestTelemetry(t *testing.T) {
	for _, observability := range []string{
		"{accessLogging: [{providers: [{name: envoy}]}]}",
		"{accessLogging: [{filter: {expression: \"true && response.code >= 400\"}}]}",
		"{accessLogging: [{filter: {expression: \"response.code >= 400 || request.path != '/and = & not'\"}}]}",
		"{accessLogging: [{disabled: true}]}",
		"{tracing: [{providers: [{name: zipkin}]}, {providers: [{name: otel}], match: {mode: SERVER}}]}",
		"{tracing: [{randomSamplingPercentage: 0}]}",
		"{tracing: [{customTags: {path: {header: {name: \":path\"}}, zone: {literal: {value: a}}, host: {environment: {name: HOSTNAME}}}}]}",
	} {
		_, found := resolve(t, "  workloads: [{name: pay, groups: [{name: pay}]}]\n  observability: "+observability+"\n")
		require.Empty(t, found, observability)
	}
}
