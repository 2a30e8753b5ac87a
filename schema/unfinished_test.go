package schema

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
)

func TestUnfinished(t *testing.T) {
	for _, c := range []struct {
		name, spec string
		want       []string
	}{
		{"nothing", "namespace: x", nil},
		{"what works", "workloads: [{name: pay, ports: [{name: http, port: 80}], groups: [{name: v1, registration: Auto}]}]\ngitops: {pruneProtection: false}\n" +
			"observability: {tracing: [{providers: [{name: zipkin}]}]}", nil},
		{"facts emit nothing by themselves", "istio: {version: 1.31.1, meshID: m, podCIDRs: [10.0.0.0/8]}\nnetworks: [{name: dc2, gateways: [{address: a}]}]", nil},
		{"defaults say nothing new", "controlPlane: {install: None, eastWestGateway: {exposeIstiod: true}}\nvm: {dns: {mode: Proxy}, interception: {includeOutboundIPRanges: [\"*\"]}, " +
			"firewall: {sshPort: 22}}\ngitops: {argocd: false, vmFiles: Files}\nobservability: {prometheus: {format: None}}", nil},
		{"the top-most field", "controlPlane: {eastWestGateway: {exposeIstiod: false}}\nvm: {dns: {servers: [10.0.0.1]}, env: [{name: A}]}", []string{
			"5:3 spec.controlPlane"}},
		{"one below another", "observability: {prometheus: {format: Fragment}}\ngitops: {argocd: true, flux: true, vmFiles: ConfigMap}", []string{
			"5:19 spec.observability.prometheus"}},
		{"in lists", "workloads:\n- name: pay\n  metrics: {port: 9091}\n  groups:\n  - {name: v1, minHealthy: 2}\n  - {name: v2, vm: {proxyConfig: {concurrency: 2}}}", []string{
			"9:18 spec.workloads[pay].groups[v1].minHealthy"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, f := range Unfinished(decoded(t, c.spec)) {
				require.Equal(t, "VM017", f.Rule)
				require.Equal(t, diag.Info, f.Severity)
				require.Contains(t, f.Message, " has no effect yet: ")
				got = append(got, positionAndPath(f))
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestUnfinishedSaysWhatComes(t *testing.T) {
	findings := Unfinished(decoded(t, "workloads: [{name: pay, groups: [{name: v1, minHealthy: 2}]}]"))
	require.Len(t, findings, 1)
	require.Equal(t, "minHealthy has no effect yet: checked; scrape configuration, alerts and dashboards come with a later version", findings[0].Message)
}
