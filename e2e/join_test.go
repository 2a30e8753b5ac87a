package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	authentication "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

var entryResource = schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: "workloadentries"}

// entry waits until a WorkloadEntry is as asked, and returns it.
func (c *Cluster) entry(t *testing.T, namespace, name string, ask func(*unstructured.Unstructured) error) *unstructured.Unstructured {
	t.Helper()
	var found *unstructured.Unstructured
	eventually(t, "WorkloadEntry "+namespace+"/"+name, func() error {
		var err error
		found, err = c.Dynamic.Resource(entryResource).Namespace(namespace).Get(context.Background(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		return ask(found)
	})
	return found
}

// healthy asks that an entry's condition Healthy has this status.
func healthy(want string) func(*unstructured.Unstructured) error {
	return func(o *unstructured.Unstructured) error {
		conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
		for _, condition := range conditions {
			if c, ok := condition.(map[string]any); ok && c["type"] == "Healthy" && c["status"] == want {
				return nil
			}
		}
		return fmt.Errorf("not Healthy=%s: %v", want, conditions)
	}
}

// lists asks that a cluster has exactly these endpoints.
func lists(cluster string, want ...Endpoint) func(View) error {
	return func(v View) error {
		if got := v.EndpointsOf(cluster); !slices.Equal(got, want) {
			return fmt.Errorf("%s has %+v instead of %+v", cluster, got, want)
		}
		return nil
	}
}

// testJoin lets VMs join: with nothing but vmmesh's files, a token and the root certificate.
func testJoin(t *testing.T, c *Cluster) {
	t.Run("auto", func(t *testing.T) {
		b := Build(t, Example("autoscaling"))
		g := b.Group(t, "auto-scaled-workers")
		i := c.StartIstiod(t, b.Specs[0].Settings("1-31"), "198.18.1.1")
		c.Apply(t, b.Objects)
		pod := NewClient(t, i, Pod{Namespace: "batch"})
		const cluster = "outbound|80||worker.vm-workloads.svc.cluster.local"
		pod.Until(t, "an empty service", lists(cluster))

		v := StartMachine(t, "worker-1", "10.20.0.5", "1.31.1")
		v.Join(t, c, i, b, g)
		app := v.StartApp(t, "8080")
		require.Equal(t, "spiffe://cluster.local/ns/vm-workloads/sa/worker-sa", v.Certificate(t).URIs[0].String())
		v.Envoy(t)

		name := "auto-scaled-workers-10.20.0.5"
		e := c.entry(t, "vm-workloads", name, healthy("True"))
		spec := e.Object["spec"].(map[string]any)
		require.Equal(t, "10.20.0.5", spec["address"])
		require.Equal(t, "worker-sa", spec["serviceAccount"])
		require.Equal(t, "us-west1/us-west1-b", spec["locality"])
		require.NotContains(t, spec, "network")
		group := b.Kind("WorkloadGroup")[0]
		labels, _, _ := unstructured.NestedStringMap(group.Object, "spec", "metadata", "labels")
		require.NotEmpty(t, labels)
		for key, value := range labels {
			require.Equal(t, value, e.GetLabels()[key], key)
		}

		here := Endpoint{Address: "10.20.0.5:8080", Weight: 1, Locality: "us-west1/us-west1-b", MTLS: true, Healthy: true}
		pod.Until(t, "the VM", lists(cluster, here))
		app.Kill()
		c.entry(t, "vm-workloads", name, healthy("False"))
		pod.Until(t, "the VM to go", lists(cluster))
		v.StartApp(t, "8080")
		pod.Until(t, "the VM again", lists(cluster, here))

		v.PowerOff()
		pod.Until(t, "the VM to go with its power", lists(cluster))
		eventually(t, "the entry to go, too", func() error {
			_, err := c.Dynamic.Resource(entryResource).Namespace("vm-workloads").Get(context.Background(), name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return nil
			}
			return fmt.Errorf("it is still there (%v)", err)
		})
	})

	t.Run("static", func(t *testing.T) {
		b := Build(t, Example("payments"))
		g := b.Group(t, "payment-service-v2")
		i := c.StartIstiod(t, b.Specs[0].Settings(""), "34.56.78.90")
		c.Apply(t, b.Objects)
		pod := NewClient(t, i, Pod{Namespace: "frontend", Network: "network1"})
		const cluster = "outbound|8080|canary|payment-service.vm-workloads.svc.cluster.local"
		pod.Until(t, "nobody before a VM says that it is well", lists(cluster))

		vm4 := g.Instances[0]
		v := StartMachine(t, vm4.Name, vm4.Address, "1.31.1")
		v.Join(t, c, i, b, g)
		app := v.StartApp(t, "8080", "9090")
		require.Equal(t, "spiffe://cluster.local/ns/vm-workloads/sa/payment-service-sa", v.Certificate(t).URIs[0].String())
		v.Envoy(t)
		name := "payment-service-v2-vm4"
		before := c.entry(t, "vm-workloads", name, healthy("True"))
		here := Endpoint{Address: net.JoinHostPort(vm4.Address, "8080"), Weight: 1, Locality: "us-west1/zone-a", MTLS: true, Healthy: true}
		pod.Until(t, "the VM", lists(cluster, here))
		app.Kill()
		after := c.entry(t, "vm-workloads", name, healthy("False"))
		pod.Until(t, "the VM to go", lists(cluster))
		require.Equal(t, before.Object["spec"], after.Object["spec"], "istiod changed an entry that Git owns")
	})

	t.Run("IPv6", func(t *testing.T) {
		b := Build(t, Case{Name: "ipv6", Path: filepath.Join("testdata", "join", "ipv6", "vmmesh.yaml")})
		g := b.Group(t, "pay")
		vm1 := g.Instances[0]
		i := c.StartIstiod(t, b.Specs[0].Settings(""), "2001:db8::10")
		c.Apply(t, b.Objects)
		pod := NewClient(t, i, Pod{Namespace: "payments", IP: "2001:db8:2::9"})
		v := StartMachine(t, vm1.Name, vm1.Address, "1.31.1")
		v.StartApp(t, "8080")
		v.Join(t, c, i, b, g)
		require.Equal(t, "spiffe://cluster.local/ns/payments/sa/pay", v.Certificate(t).URIs[0].String())
		v.Envoy(t)
		c.entry(t, "payments", "pay-vm1", healthy("True"))
		pod.Until(t, "the VM", lists("outbound|8080||pay.payments.svc.cluster.local",
			Endpoint{Address: net.JoinHostPort(vm1.Address, "8080"), Weight: 1, MTLS: true, Healthy: true}))
	})

	// The VM has no token, only a credential with which it may ask for one.
	t.Run("token request", func(t *testing.T) {
		b := Build(t, Case{Name: "token-request", Path: filepath.Join("testdata", "join", "token-request", "vmmesh.yaml")})
		g := b.Group(t, "pay")
		i := c.StartIstiod(t, b.Specs[0].Settings(""), "192.0.2.10")
		c.Apply(t, b.Objects)
		c.RootCert(t, "payments")
		answer, err := c.Kube.CoreV1().ServiceAccounts("payments").CreateToken(context.Background(), "pay-bootstrap",
			&authentication.TokenRequest{}, metav1.CreateOptions{})
		require.NoError(t, err)
		credential := answer.Status.Token

		v := StartMachine(t, "pay-1", "10.20.0.7", "1.31.1")
		ca, err := os.ReadFile(c.CAFile)
		require.NoError(t, err)
		v.Write(t, "/etc/bootstrap/ca.pem", ca, 0o644)
		v.Write(t, "/etc/bootstrap/token", []byte(credential), 0o600)
		v.StartApp(t, "8080")
		v.Join(t, c, i, b, g)
		require.Equal(t, "spiffe://cluster.local/ns/payments/sa/pay", v.Certificate(t).URIs[0].String())
		v.Envoy(t)
		c.entry(t, "payments", "pay-10.20.0.7", healthy("True"))

		// The credential is good for that alone.
		as, err := kubernetes.NewForConfig(&rest.Config{Host: apiServerURL, BearerToken: credential,
			TLSClientConfig: rest.TLSClientConfig{CAFile: c.CAFile}})
		require.NoError(t, err)
		_, err = as.CoreV1().ServiceAccounts("payments").CreateToken(context.Background(), "pay-bootstrap", &authentication.TokenRequest{}, metav1.CreateOptions{})
		require.True(t, apierrors.IsForbidden(err), "a token for another account: %v", err)
		_, err = as.CoreV1().Secrets("payments").List(context.Background(), metav1.ListOptions{})
		require.True(t, apierrors.IsForbidden(err), "secrets: %v", err)
	})
}
