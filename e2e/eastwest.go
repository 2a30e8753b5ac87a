package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const networkLabel = "topology.istio.io/network"

// StartGateway starts the east-west gateway of a build on a machine: the agent as a router with the labels that the
// Service of the gateway selects. The Service gets the machine's address as that of its load balancer, and the Service of
// istiod an endpoint. Both Services are as Istio's charts make them of the build's control-plane/.
func (c *Cluster) StartGateway(t testing.TB, b *Built, i *Istiod, address string) *VM {
	t.Helper()
	ctx := context.Background()
	gateways := b.Kind("Gateway")
	require.NotEmpty(t, gateways, "the spec has no gateway")
	namespace := gateways[0].GetNamespace()
	selector, _, _ := unstructured.NestedStringMap(gateways[0].Object, "spec", "selector")

	services, err := c.Kube.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{LabelSelector: networkLabel})
	require.NoError(t, err)
	require.Len(t, services.Items, 1, "the Service of the gateway")
	service := &services.Items[0]
	service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address}}
	_, err = c.Kube.CoreV1().Services(namespace).UpdateStatus(ctx, service, metav1.UpdateOptions{})
	require.NoError(t, err)
	labels := maps.Clone(service.Spec.Selector)
	maps.Copy(labels, selector)
	labels[networkLabel] = service.Labels[networkLabel]

	istiod := "istiod"
	if i.Settings.Revision != "" {
		istiod += "-" + i.Settings.Revision
	}
	ready, name, port, tcp := true, "https-dns", int32(15012), corev1.ProtocolTCP
	slices := c.Kube.DiscoveryV1().EndpointSlices(i.Settings.namespace())
	_, err = slices.Create(ctx, &discovery.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: istiod + "-e2e", Labels: map[string]string{discovery.LabelServiceName: istiod}},
		AddressType: discovery.AddressTypeIPv4,
		Endpoints:   []discovery.Endpoint{{Addresses: []string{i.Address}, Conditions: discovery.EndpointConditions{Ready: &ready}}},
		Ports:       []discovery.EndpointPort{{Name: &name, Port: &port, Protocol: &tcp}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, slices.Delete(ctx, istiod+"-e2e", metav1.DeleteOptions{})) })

	v := StartMachine(t, "gateway", address, b.Specs[0].Spec.Istio.Version, WithEnvoy)
	host := fmt.Sprintf("%s.%s.svc", istiod, i.Settings.namespace())
	v.Resolve(t, host, i.Address)
	account := service.Name + "-service-account" // as Istio's chart of gateways names it
	v.Write(t, "/var/run/secrets/tokens/istio-token", []byte(c.Token(t, namespace, account)), 0o600)
	v.Write(t, "/etc/gateway/root-cert.pem", c.RootCert(t, namespace), 0o644)
	text, err := json.Marshal(labels)
	require.NoError(t, err)
	settings := i.Settings
	env := []string{
		"POD_NAME=" + service.Name + "-1", "POD_NAMESPACE=" + namespace, "INSTANCE_IP=" + address, "SERVICE_ACCOUNT=" + account,
		"ISTIO_META_CLUSTER_ID=" + settings.cluster(), "ISTIO_META_NETWORK=" + settings.Network,
		"ISTIO_META_REQUESTED_NETWORK_VIEW=" + labels[networkLabel], "ISTIO_METAJSON_LABELS=" + string(text),
		"TRUST_DOMAIN=" + settings.trustDomain(), "CA_ADDR=" + host + ":15012", "PROV_CERT=", "OUTPUT_CERTS=",
		"XDS_ROOT_CA=/etc/gateway/root-cert.pem", "CA_ROOT_CA=/etc/gateway/root-cert.pem", "PILOT_CERT_PROVIDER=istiod",
		"PROXY_CONFIG=" + strings.Join([]string{"discoveryAddress: " + host + ":15012", "concurrency: 1"}, "\n"),
	}
	command := v.command(env, "bash", "-c", `cd /
		install -d -m 0755 /var/log/istio
		exec /usr/local/bin/pilot-agent proxy router --domain "$POD_NAMESPACE.svc.cluster.local" \
			>>/var/log/istio/istio.log 2>>/var/log/istio/istio.err.log`)
	require.NoError(t, command.Start())
	go func() { _ = command.Wait() }()
	return v
}
