package mesh

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLabelSet(t *testing.T) {
	w := &Workload{Name: "pay", Spec: &Spec{Istio: &Istio{}}}
	require.Equal(t, map[string]string{
		"app": "pay", "class": "vm", "service.istio.io/canonical-name": "pay", "service.istio.io/canonical-revision": "latest",
	}, labelSet(w, "", "", labelLocality))

	w.Spec.Istio.Ambient = true
	require.Equal(t, map[string]string{
		"app": "pay", "class": "vm", "version": "v1", "tier": "cache", "team": "payments",
		"app.kubernetes.io/name": "payments", "app.kubernetes.io/version": "7",
		"service.istio.io/canonical-name": "payments", "service.istio.io/canonical-revision": "7",
		"topology.istio.io/locality": "us-west1.zone-a.rack-1", "networking.istio.io/tunnel": "http",
		"topology.kubernetes.io/region": "us-west1", "topology.kubernetes.io/zone": "zone-a", "topology.istio.io/subzone": "rack-1",
	}, labelSet(w, "v1", "us-west1/zone-a/rack-1", labelLocality,
		map[string]string{"tier": "backend", "team": "payments", "app.kubernetes.io/name": "payments"},
		map[string]string{"tier": "database", "app.kubernetes.io/version": "7"},
		map[string]string{"tier": "cache"}))

	own := labelSet(w, "v1", "", labelLocality, map[string]string{"service.istio.io/canonical-name": "mine", "service.istio.io/canonical-revision": "one"})
	require.Equal(t, "mine", own["service.istio.io/canonical-name"])
	require.Equal(t, "one", own["service.istio.io/canonical-revision"])
}

// Nobody's labels are those of another: instances share their group's set only while they say nothing of their own.
func TestLabelsOfInstances(t *testing.T) {
	m := mustResolve(t, `
  workloads:
  - name: pay
    labels: {tier: backend}
    groups:
    - name: pay
      labels: {rack: r1}
      locality: us-west1
      instances:
      - {name: vm1, address: 192.168.1.1}
      - {name: vm2, address: 192.168.1.2, labels: {rack: r2}}
      - {name: vm3, address: 192.168.1.3, locality: us-east1}
`)
	g := m.Workloads[0].Groups[0]
	require.Equal(t, "r1", g.Labels["rack"])
	require.Equal(t, "us-west1", g.Labels[labelLocality])
	require.Equal(t, g.Labels, g.Instances[0].Labels)
	require.Equal(t, "r2", g.Instances[1].Labels["rack"])
	require.Equal(t, "us-west1", g.Instances[1].Labels[labelLocality])
	require.Equal(t, "r1", g.Instances[2].Labels["rack"])
	require.Equal(t, "us-east1", g.Instances[2].Labels[labelLocality])
	require.Equal(t, map[string]string{"app": "pay", "tier": "backend"}, m.Workloads[0].Labels)
}

func TestIncludes(t *testing.T) {
	set := map[string]string{"a": "1", "b": ""}
	for _, c := range []struct {
		selector map[string]string
		want     bool
	}{{nil, true}, {map[string]string{"a": "1"}, true}, {map[string]string{"b": ""}, true}, {map[string]string{"c": ""}, false}, {map[string]string{"a": "2"}, false}} {
		require.Equal(t, c.want, includes(set, c.selector), c.selector)
	}
}
