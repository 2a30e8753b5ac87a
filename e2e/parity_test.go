package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// testParity compares the files of every group and of every instance, key by key, with what istioctl writes against a
// server that holds the generated objects.
func testParity(t *testing.T, c *Cluster) {
	used := map[string]bool{}
	compared, ran := 0, 0
	cases := Cases(t)
	for _, kase := range cases {
		t.Run(kase.Name, func(t *testing.T) {
			ran++
			b := Build(t, kase)
			c.Apply(t, b.Objects)
			for _, s := range b.Specs {
				for _, revision := range s.Revisions() {
					c.Install(t, s.Settings(revision))
				}
				for _, g := range s.Groups() {
					c.somebodysAccount(t, g.Namespace, b.ServiceAccount(t, g))
					c.RootCert(t, g.Namespace)
					if first := g.IstiodAddresses("")[0]; !isIP(first) {
						c.ingressByName(t, s.Settings("").namespace(), first)
					}
					t.Run(g.Name, func(t *testing.T) {
						b.asInSpec(t, g)
						compare(t, used, subject{group: g}, c.EntryConfigure(t, g, b.groupOf(t, g, nil), ""), readVMFiles(t, b.VMDirs(g, "")...))
						compared++
						for _, instance := range g.Instances {
							t.Run(instance.Name, func(t *testing.T) {
								flag := []string{"--internalIP", instance.Address}
								if instance.ExternalAddress != "" {
									flag = []string{"--externalIP", instance.ExternalAddress}
								}
								istioctl := c.EntryConfigure(t, g, b.groupOf(t, g, &instance), instance.Network, flag...)
								compare(t, used, subject{g, &instance}, istioctl, readVMFiles(t, b.VMDirs(g, instance.Name)...))
								compared++
							})
						}
					})
				}
			}
		})
	}
	require.NotZero(t, compared)
	if t.Failed() || ran < len(cases) {
		return // what is missing may be what an entry is for
	}
	for _, d := range differences {
		require.True(t, used[d.reason], "no case differs by this, so it must not be stated: %s", d.reason)
	}
}

// compare fails for every key that differs and is not a stated difference.
func compare(t *testing.T, used map[string]bool, s subject, istioctl, vmmesh VMFiles) {
	t.Helper()
	keys := map[string]bool{}
	for key := range istioctl {
		keys[key] = true
	}
	for key := range vmmesh {
		keys[key] = true
	}
next:
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		theirs, has := istioctl[key]
		ours, have := vmmesh[key]
		if has && have && theirs == ours {
			continue
		}
		for _, d := range differences {
			if d.holds(s, key, side{theirs, has}, side{ours, have}) {
				used[d.reason] = true
				continue next
			}
		}
		t.Errorf("%s\n  istioctl: %s\n  vmmesh:   %s", key, side{theirs, has}, side{ours, have})
	}
}

// groupOf is the WorkloadGroup as istioctl has to read it: with what the spec says in proxyConfig, where people without
// vmmesh say it, in an annotation; and for an instance, the group whose VMs would all be like that instance.
func (b *Built) groupOf(t *testing.T, g *Group, instance *InstanceSpec) *unstructured.Unstructured {
	t.Helper()
	var o *unstructured.Unstructured
	for _, found := range b.Kind("WorkloadGroup") {
		if found.GetName() == g.Name && found.GetNamespace() == g.Namespace {
			o = found.DeepCopy()
		}
	}
	require.NotNil(t, o, "no WorkloadGroup %s", g.Name)
	spec := o.Object["spec"].(map[string]any)
	metadata := spec["metadata"].(map[string]any)
	template := spec["template"].(map[string]any)
	if config := over(g.Spec.Spec.VM.ProxyConfig, g.VM.ProxyConfig); len(config) > 0 {
		delete(config, "proxyMetadata") // on which istioctl fails: see the differences
		text, err := yaml.Marshal(config)
		require.NoError(t, err)
		o.SetAnnotations(map[string]string{"proxy.istio.io/config": string(text)})
	}
	if instance == nil {
		return o
	}
	if g.Auto() {
		if instance.Network != "" {
			template["network"] = instance.Network
		}
		for name, value := range instance.Labels {
			metadata["labels"].(map[string]any)[name] = value
		}
		return o
	}
	for _, e := range b.Kind("WorkloadEntry") {
		if e.GetName() == g.Entry(instance) && e.GetNamespace() == g.Namespace {
			entry := e.DeepCopy().Object["spec"].(map[string]any)
			for _, name := range []string{"network", "locality", "ports"} {
				delete(template, name)
				if value, ok := entry[name]; ok {
					template[name] = value
				}
			}
			metadata["labels"] = entry["labels"]
			return o
		}
	}
	require.Fail(t, "no WorkloadEntry of "+instance.Name)
	return nil
}

// asInSpec compares the objects that istioctl reads with the spec itself: where they are wrong, both istioctl and vmmesh
// would make the same wrong files of them.
func (b *Built) asInSpec(t *testing.T, g *Group) {
	t.Helper()
	ports := func(instance *InstanceSpec) map[string]any {
		want := map[string]any{}
		for _, p := range g.Workload.Ports {
			want[p.Name] = g.Listens(instance, p.Name)
		}
		return want
	}
	same := func(o *unstructured.Unstructured, instance *InstanceSpec, network, address string, template ...string) {
		at := func(name string) []string { return append(slices.Clone(template), name) }
		got, _, err := unstructured.NestedMap(o.Object, at("ports")...)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(ports(instance)), fmt.Sprint(got), Ref(o)) // numbers of JSON and of Go
		text, _, err := unstructured.NestedString(o.Object, at("network")...)
		require.NoError(t, err)
		require.Equal(t, network, text, "network of %s", Ref(o))
		text, _, err = unstructured.NestedString(o.Object, at("address")...)
		require.NoError(t, err)
		require.Equal(t, address, text, "address of %s", Ref(o))
	}
	network := or(g.Network, g.Spec.Spec.Istio.Network)
	for _, o := range b.Objects {
		if o.GetNamespace() != g.Namespace {
			continue
		}
		if o.GetKind() == "WorkloadGroup" && o.GetName() == g.Name {
			same(o, nil, network, "", "spec", "template")
		}
		for _, instance := range g.Instances {
			if o.GetKind() == "WorkloadEntry" && !g.Auto() && o.GetName() == g.Entry(&instance) {
				address, err := netip.ParseAddr(or(instance.ExternalAddress, instance.Address))
				require.NoError(t, err)
				same(o, &instance, or(instance.Network, network), address.Unmap().String(), "spec")
			}
		}
	}
}

// over lays a group's words over its spec's, field by field.
func over(spec, group map[string]any) map[string]any {
	merged := maps.Clone(spec)
	if merged == nil {
		merged = map[string]any{}
	}
	for name, value := range group {
		below, both := spec[name].(map[string]any)
		if inner, fields := value.(map[string]any); both && fields {
			value = over(below, inner)
		}
		merged[name] = value
	}
	return merged
}

// somebodysAccount makes a ServiceAccount that the spec says is somebody else's.
func (c *Cluster) somebodysAccount(t *testing.T, namespace, name string) {
	t.Helper()
	accounts := c.Kube.CoreV1().ServiceAccounts(namespace)
	_, err := accounts.Create(context.Background(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, accounts.Delete(context.Background(), name, metav1.DeleteOptions{})) })
}
