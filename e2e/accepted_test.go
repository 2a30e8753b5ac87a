package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// testAccepted boots a VM of each group of each example and each case of testdata/ok, and sees that its Envoy takes all
// that istiod sends and gets ready. What is left out is in testdata/accepted.yaml, with the reason.
func testAccepted(t *testing.T, c *Cluster) {
	needEnvoy(t)
	text, err := os.ReadFile(filepath.Join("testdata", "accepted.yaml"))
	require.NoError(t, err)
	var out map[string]string
	require.NoError(t, yaml.UnmarshalStrict(text, &out))
	for _, kase := range Cases(t) {
		if _, left := out[kase.Name]; left {
			delete(out, kase.Name)
			continue
		}
		t.Run(kase.Name, func(t *testing.T) {
			b := Build(t, kase)
			require.Len(t, b.Specs, 1)
			spec := b.Specs[0]
			if len(spec.Groups()) == 0 {
				return // no VM
			}
			address := "198.18.1.1"
			if first := spec.Spec.Istio.IstiodAddresses[0]; isIP(first) {
				address = first
			}
			var hosts []string // istiod is all revisions
			for _, revision := range spec.Spec.Istio.Revisions {
				hosts = append(hosts, fmt.Sprintf("istiod-%s.%s.svc", revision.Name, spec.Settings("").namespace()))
			}
			settings := b.settings()
			settings.UpstreamEnvoy = true
			StartResolver(t, nil)
			i := c.StartIstiod(t, settings, address, hosts...)
			c.Apply(t, b.Objects)
			var machines []*VM
			for n, g := range spec.Groups() {
				address := fmt.Sprintf("10.20.0.%d", n+1)
				var instance *InstanceSpec
				if len(g.Instances) > 0 {
					instance = &g.Instances[0]
					address = instance.Address
				}
				v := StartMachine(t, fmt.Sprintf("%s-%d", g.Name, n), address, spec.Spec.Istio.Version, WithEnvoy)
				if ports := b.appPorts(t, g); len(ports) > 0 {
					v.StartApp(t, ports...)
				}
				v.Join(t, c, i, b, g)
				machines = append(machines, v)
			}
			for _, v := range machines {
				v.Ready(t)
			}
			(&Lab{sidecars: machines}).accepted(t)
		})
	}
	require.Empty(t, slices.Collect(maps.Keys(out)), "no such cases")
}
