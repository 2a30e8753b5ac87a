package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// updateEnv has the tests write what they see instead of comparing it. Read the difference before you keep it.
const updateEnv = "VMMESH_E2E_UPDATE"

// testTraffic shows each example to clients, and compares what they see with the texts in testdata/traffic/<example>: a
// pod, more pods if clients.yaml says so, and a real VM of each group. Beside the example's objects are those of
// objects.yaml.
func testTraffic(t *testing.T, c *Cluster) {
	for _, kase := range Cases(t) {
		name, example := strings.CutPrefix(kase.Name, "examples/")
		if !example {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", "traffic", filepath.FromSlash(name))
			b := Build(t, kase)
			require.Len(t, b.Specs, 1)
			spec := b.Specs[0]
			address := "198.18.1.1"
			if first := spec.Spec.Istio.IstiodAddresses[0]; isIP(first) {
				address = first
			}
			beside := readObjects(t, filepath.Join(dir, "objects.yaml"))
			for _, other := range Cases(t) { // other specs of the same example
				if parent := filepath.Dir(kase.Name); parent != "examples" && filepath.Dir(other.Name) == parent && other.Name != kase.Name {
					beside = append(beside, Build(t, other).Objects...)
				}
			}
			if len(spec.Groups()) == 0 {
				require.NotEmpty(t, beside, "nobody has anything to do with this spec")
				return // it is seen with the others
			}
			var hosts []string // istiod plays all revisions: behind a gateway they have one address
			for _, revision := range spec.Spec.Istio.Revisions {
				hosts = append(hosts, fmt.Sprintf("istiod-%s.%s.svc", revision.Name, spec.Settings("").namespace()))
			}
			i := c.StartIstiod(t, spec.Settings(spec.Spec.Istio.Revision), address, hosts...)
			c.ApplyWithStatus(t, beside)
			c.Apply(t, b.Objects)
			c.allHealthy(t, b)
			known := hostsOf(spec, append(slices.Clone(b.Objects), beside...))

			clients := map[string]Pod{"pod": {Namespace: "client", Network: spec.Spec.Istio.Network}}
			if text, err := os.ReadFile(filepath.Join(dir, "clients.yaml")); !errors.Is(err, fs.ErrNotExist) {
				require.NoError(t, err)
				require.NoError(t, yaml.UnmarshalStrict(text, &clients))
			}
			// All of them are there before anybody looks: what one sees of the others then depends on no order.
			sees := map[string]func(*testing.T){}
			for name, pod := range clients {
				client := NewClient(t, i, pod)
				sees[name] = func(t *testing.T) {
					same(t, client, filepath.Join(dir, name+".txt"), func(v View) string { return v.Outbound(known...) })
				}
			}
			for n, g := range spec.Groups() {
				address := fmt.Sprintf("10.20.0.%d", n+1)
				var instance *InstanceSpec
				if len(g.Instances) > 0 {
					instance = &g.Instances[0]
					address = instance.Address
				}
				v := StartMachine(t, fmt.Sprintf("%s-%d", g.Name, n), address, spec.Spec.Istio.Version)
				v.StartApp(t, b.Ports(t, g)...)
				v.Join(t, c, i, b, g)
				client := v.Envoy(t)
				require.NotContains(t, sees, g.Name)
				sees[g.Name] = func(t *testing.T) {
					same(t, client, filepath.Join(dir, g.Name+".txt"), func(v View) string { return v.Inbound() + v.Outbound(known...) })
				}
			}
			for name, pod := range gatewaysOf(append(slices.Clone(b.Objects), beside...), spec.Spec.Istio.Network) {
				client := NewClient(t, i, pod)
				sees[name] = func(t *testing.T) {
					same(t, client, filepath.Join(dir, name+".txt"), func(v View) string { return v.Passing(known...) })
				}
			}
			for _, name := range slices.Sorted(maps.Keys(sees)) {
				t.Run(name, sees[name])
			}
		})
	}
}

// same waits until what a client sees is what the file says.
func same(t *testing.T, client *Client, path string, describe func(View) string) {
	t.Helper()
	if os.Getenv(updateEnv) != "" {
		settled, since := "", time.Now()
		client.Until(t, "the configuration to settle", func(v View) error {
			if now := describe(v); now != settled {
				settled, since = now, time.Now()
			}
			if time.Since(since) < 3*time.Second {
				return errors.New("it still changes")
			}
			return nil
		})
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(settled), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "the text of what this client must see: "+updateEnv+"=1 make e2e writes it, read it then")
	require.NotEmpty(t, want, path)
	got, since := "", time.Now()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		now := ""
		if v, err := client.See(); err == nil {
			if now = describe(v); now == string(want) {
				return
			}
		} else {
			now = err.Error()
		}
		if now != got {
			got, since = now, time.Now()
		}
		if os.Getenv(attachEnv) != "" && time.Since(since) > patience/4 {
			break // a broken vmmesh: it will not change any more
		}
		time.Sleep(100 * time.Millisecond)
	}
	require.Equal(t, string(want), got, path)
}

// readObjects reads a file of objects, if there is one.
func readObjects(t *testing.T, path string) []*unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	return Objects(t, text)
}

// hostsOf are the host names of Services and ServiceEntries, less those of the mesh itself.
func hostsOf(s *Spec, objects []*unstructured.Unstructured) []string {
	var hosts []string
	for _, o := range objects {
		if o.GetNamespace() == s.Settings("").namespace() {
			continue
		}
		switch o.GetKind() {
		case "Service":
			hosts = append(hosts, fmt.Sprintf("%s.%s.svc.%s", o.GetName(), o.GetNamespace(), s.Settings("").clusterDomain()))
		case "ServiceEntry":
			more, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "hosts")
			hosts = append(hosts, more...)
		}
	}
	return hosts
}

// allHealthy lets istiod's word on the entries' health be good, as if every VM of the spec were up.
func (c *Cluster) allHealthy(t *testing.T, b *Built) {
	t.Helper()
	now := time.Now().UTC().Format(time.RFC3339)
	for _, o := range b.Kind("WorkloadEntry") {
		entries := c.Dynamic.Resource(entryResource).Namespace(o.GetNamespace())
		e, err := entries.Get(context.Background(), o.GetName(), metav1.GetOptions{})
		require.NoError(t, err)
		require.NoError(t, unstructured.SetNestedSlice(e.Object, []any{map[string]any{
			"type": "Healthy", "status": "True", "lastProbeTime": now, "lastTransitionTime": now,
		}}, "status", "conditions"))
		_, err = entries.UpdateStatus(context.Background(), e, metav1.UpdateOptions{})
		require.NoError(t, err)
	}
}
