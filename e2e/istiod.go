package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// Settings are the facts of a mesh that its charts are given: what spec.istio says. Zero values are Istio's defaults.
type Settings struct {
	Revision      string
	Namespace     string
	MeshID        string
	ClusterName   string
	Network       string
	TrustDomain   string
	ClusterDomain string
	Ambient       bool
	// DiscoveryAddress is where proxies find istiod, if not under its Service's name.
	DiscoveryAddress string
	// ControlPlane is the folder control-plane of a build, if its files are what the charts are given: all of these
	// settings are then theirs, and the fields above are only what the tests expect of them.
	ControlPlane string
	// UpstreamEnvoy has istiod send only what an Envoy without Istio's own extensions has.
	UpstreamEnvoy bool
}

func (s Settings) namespace() string     { return or(s.Namespace, "istio-system") }
func (s Settings) cluster() string       { return or(s.ClusterName, "Kubernetes") }
func (s Settings) trustDomain() string   { return or(s.TrustDomain, "cluster.local") }
func (s Settings) clusterDomain() string { return or(s.ClusterDomain, "cluster.local") }

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// Istiod is a running control plane.
type Istiod struct {
	Settings Settings
	Address  string // an IP, on which it has its usual ports
	server   *Server
}

// chart is what Istio's charts make of settings, as far as the tests use it.
type chart struct {
	objects []*unstructured.Unstructured
	env     map[string]string // of istiod
}

// rendered are the charts of settings that were asked for before.
var rendered sync.Map

// charts renders Istio's own charts for these settings.
func charts(t testing.TB, s Settings) chart {
	t.Helper()
	if known, ok := rendered.Load(s); ok {
		return known.(chart).copy()
	}
	made := render(t, s)
	if s.ControlPlane == "" { // the files of a folder may change
		rendered.Store(s, made)
	}
	return made.copy()
}

// copy returns the same with objects that can be changed.
func (c chart) copy() chart {
	objects := make([]*unstructured.Unstructured, len(c.objects))
	for n, o := range c.objects {
		objects[n] = o.DeepCopy()
	}
	return chart{objects, c.env}
}

func render(t testing.TB, s Settings) chart {
	t.Helper()
	args := []string{"manifest", "generate"}
	if s.ControlPlane != "" {
		args = append(args, "--filename", operatorFile(t, s.ControlPlane))
	} else {
		args = append(args, "--set", "profile=minimal", "--istioNamespace", s.namespace(),
			"--set", "values.global.istioNamespace="+s.namespace(), "--set", "namespace="+s.namespace())
		for name, value := range map[string]string{
			"revision":                                  s.Revision,
			"values.global.meshID":                      s.MeshID,
			"values.global.multiCluster.clusterName":    s.ClusterName,
			"values.global.network":                     s.Network,
			"meshConfig.trustDomain":                    s.TrustDomain,
			"values.global.proxy.clusterDomain":         s.ClusterDomain,
			"meshConfig.defaultConfig.discoveryAddress": s.DiscoveryAddress,
		} {
			if value != "" {
				args = append(args, "--set", name+"="+value)
			}
		}
	}
	if s.UpstreamEnvoy {
		args = append(args, "--set", "values.telemetry.enabled=false")
	}
	made := chart{env: map[string]string{}}
	for _, o := range Objects(t, []byte(istioctl(t, args...))) {
		switch o.GetKind() {
		case "ConfigMap", "ServiceAccount", "Service":
			made.objects = append(made.objects, o)
		case "Deployment":
			if !strings.HasPrefix(o.GetName(), "istiod") {
				continue
			}
			containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
			env, _, _ := unstructured.NestedSlice(containers[0].(map[string]any), "env")
			for _, variable := range env {
				if v := variable.(map[string]any); v["value"] != nil {
					made.env[v["name"].(string)] = fmt.Sprint(v["value"])
				}
			}
		}
	}
	return made
}

// operatorFile is the IstioOperator of a folder control-plane; where that has values for Helm, a file that has istioctl
// give them to the same chart.
func operatorFile(t testing.TB, dir string) string {
	t.Helper()
	operator := filepath.Join(dir, "istio-operator.yaml")
	if _, err := os.Stat(operator); err == nil {
		return operator
	}
	text, err := os.ReadFile(filepath.Join(dir, "istiod-values.yaml"))
	require.NoError(t, err)
	values := map[string]any{}
	require.NoError(t, yaml.UnmarshalStrict(text, &values))
	spec := map[string]any{"profile": "minimal", "values": values}
	for _, name := range []string{"revision", "meshConfig", "profile"} { // IstioOperators have these beside the values
		if value, there := values[name]; there {
			spec[name] = value
			delete(values, name)
		}
	}
	namespace, _, _ := unstructured.NestedString(values, "global", "istioNamespace")
	spec["namespace"] = namespace
	text, err = yaml.Marshal(map[string]any{"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "spec": spec})
	require.NoError(t, err)
	operator = filepath.Join(t.TempDir(), "operator.yaml")
	require.NoError(t, os.WriteFile(operator, text, 0o600))
	return operator
}

// Install gives the cluster what Istio's installation leaves beside the running istiod: the mesh's ConfigMaps, and the
// label that names the cluster's network. After the test everything is again as it was. It returns the environment that
// the charts give istiod.
func (c *Cluster) Install(t testing.TB, s Settings) map[string]string {
	t.Helper()
	c.Namespace(t, s.namespace())
	made := charts(t, s)
	for _, o := range made.objects {
		resource, err := c.resource(o)
		require.NoError(t, err)
		before, err := resource.Get(context.Background(), o.GetName(), metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			require.NoError(t, err)
			t.Cleanup(func() {
				before.SetManagedFields(nil)
				before.SetResourceVersion("")
				_, _, err := c.TryApply(before)
				require.NoError(t, err, Ref(before))
			})
		} else {
			t.Cleanup(func() { c.Delete(t, []*unstructured.Unstructured{o}) })
		}
		_, _, err = c.TryApply(o)
		require.NoError(t, err, Ref(o))
	}
	c.labelNamespace(t, s.namespace(), "topology.istio.io/network", s.Network)
	return made.env
}

// labelNamespace sets a label, or takes it away when the value is empty, until the test is over.
func (c *Cluster) labelNamespace(t testing.TB, namespace, name, value string) {
	t.Helper()
	set := func(value any) {
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]any{name: value}}})
		require.NoError(t, err)
		_, err = c.Kube.CoreV1().Namespaces().Patch(context.Background(), namespace, types.MergePatchType, patch, metav1.PatchOptions{})
		if !apierrors.IsNotFound(err) { // it may have been an object of the test
			require.NoError(t, err)
		}
	}
	if value == "" {
		set(nil)
		return
	}
	set(value)
	t.Cleanup(func() { set(nil) })
}

// StartIstiod installs a mesh and starts its istiod on an address, which is made here for it. It stops with the test. It
// answers to its usual names and to the hosts that are given, such as those of other revisions.
func (c *Cluster) StartIstiod(t testing.TB, s Settings, address string, hosts ...string) *Istiod {
	t.Helper()
	env := c.Install(t, s)
	if address != "127.0.0.1" {
		addAddress(t, address)
	}
	at := func(port string) string { return net.JoinHostPort(address, port) }
	name := "istiod-" + address
	dir := filepath.Join(workDir(), name)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	i := &Istiod{Settings: s, Address: address}
	var switches []string
	if s.UpstreamEnvoy {
		switches = []string{"PILOT_ENABLE_METADATA_EXCHANGE=false", "PILOT_ENABLE_ALPN_FILTER=false", "PILOT_DISABLE_MX_ALPN=true"}
	}
	i.server = startServer(t, name, append(switches,
		"POD_NAME="+name, "POD_NAMESPACE="+s.namespace(), "SERVICE_ACCOUNT=istiod", "REVISION="+env["REVISION"],
		"CLUSTER_ID="+env["CLUSTER_ID"], "PILOT_CERT_PROVIDER=istiod", "ISTIOD_CUSTOM_HOST="+strings.Join(append([]string{"localhost"}, hosts...), ","),
		"PILOT_ENABLE_AMBIENT="+fmt.Sprint(s.Ambient), "PILOT_WORKLOAD_ENTRY_GRACE_PERIOD=1s",
	), "/bin/sh", "-c", `cd "$1" && shift && exec "$@"`, "sh", dir,
		program("pilot-discovery"), "discovery", "--kubeconfig", c.Kubeconfig, "--domain", s.clusterDomain(),
		"--httpAddr", at("8080"), "--grpcAddr", at("15010"), "--secureGRPCAddr", at("15012"), "--httpsAddr", at("15017"),
		"--monitoringAddr", at("15014"), "--ctrlz_address", address)
	eventually(t, name, func() error {
		if err := i.server.running(); err != nil {
			return err
		}
		answer, err := http.Get("http://" + at("8080") + "/ready")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("/ready: %s", answer.Status)
		}
		return nil
	})
	return i
}

// addAddress gives the sandbox an address, until the test is over.
func addAddress(t testing.TB, address string) {
	t.Helper()
	prefix := address + "/32"
	if strings.Contains(address, ":") {
		prefix = address + "/128"
	}
	run(t, "ip", "address", "replace", prefix, "dev", "lo", "nodad")
	t.Cleanup(func() { run(t, "ip", "address", "del", prefix, "dev", "lo") })
}

// run runs a program that must succeed, and returns what it printed.
func run(t testing.TB, program string, args ...string) string {
	t.Helper()
	command := exec.Command(program, args...)
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	require.NoError(t, err, "%s %s\n%s%s", filepath.Base(program), strings.Join(args, " "), out, stderr.String())
	return string(out)
}

// webhook judges every object of Istio's, whatever its revision, as the base chart's does.
const webhook = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: istiod-default-validator
  labels: {app: istiod, istio: istiod, istio.io/rev: default}
webhooks:
- name: validation.istio.io
  clientConfig: {url: "https://localhost:15017/validate"}
  rules:
  - operations: [CREATE, UPDATE]
    apiGroups: [security.istio.io, networking.istio.io, telemetry.istio.io, extensions.istio.io]
    apiVersions: ["*"]
    resources: ["*"]
  failurePolicy: Ignore
  sideEffects: None
  admissionReviewVersions: [v1]
`

// installWebhook installs Istio's validating webhook and waits until istiod has armed it. Then it must refuse what it is
// known to refuse: a webhook that is never asked accepts everything.
func (c *Cluster) installWebhook(t testing.TB) {
	t.Helper()
	object := Objects(t, []byte(webhook))[0]
	_, _, err := c.TryApply(object)
	require.NoError(t, err)
	resource, err := c.resource(object)
	require.NoError(t, err)
	eventually(t, "istiod to arm the webhook", func() error {
		o, err := resource.Get(context.Background(), object.GetName(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		hooks, _, _ := unstructured.NestedSlice(o.Object, "webhooks")
		if hook, ok := hooks[0].(map[string]any); !ok || hook["failurePolicy"] != "Fail" {
			return fmt.Errorf("the webhook's policy is %v", hook["failurePolicy"])
		}
		return nil
	})
	c.ExpectRejected(t, `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: refused, namespace: default}
spec:
  hosts: [a.example.com]
  http: [{route: [{destination: {host: b}, weight: -5}]}]
`, "validation.istio.io", "weight")
}
