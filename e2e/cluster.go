package e2e

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	apiServerIP  = "198.18.0.1" // of the block for tests of devices, so that no spec means another by it
	apiServerURL = "https://" + apiServerIP + ":6443"
	serviceCIDR  = "198.19.0.0/16"
	adminToken   = "admin" // it is good for this API server alone, which nobody else can reach
)

// Cluster is a Kubernetes API with Istio's types and its webhook, and nothing that acts on objects but istiod.
type Cluster struct {
	Kube       kubernetes.Interface
	Dynamic    dynamic.Interface
	Kubeconfig string // of an administrator
	CAFile     string // what the API server's certificate is verified by
	warnings   *warnings
	mapper     *restmapper.DeferredDiscoveryRESTMapper
	cached     discovery.CachedDiscoveryInterface
	istiod     *Istiod // always there: the default revision, whose webhook judges every object
}

// StartCluster starts etcd, the API server and an istiod of the default revision. They stop with the test. In a process
// that another one started in its sandbox, it is the cluster of that one.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	if os.Getenv(attachEnv) != "" {
		c := dial(t, func() error { return nil })
		c.istiod = &Istiod{Address: "127.0.0.1"}
		return c
	}
	startServer(t, "etcd", nil, program("etcd"), "--data-dir", filepath.Join(workDir(), "etcd"), "--unsafe-no-fsync",
		"--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
		"--listen-peer-urls", "http://127.0.0.1:2380", "--log-level", "warn")

	certs := filepath.Join(workDir(), "kubernetes")
	require.NoError(t, os.MkdirAll(certs, 0o700))
	tokens := filepath.Join(certs, "tokens.csv")
	require.NoError(t, os.WriteFile(tokens, []byte(adminToken+",admin,admin,system:masters\n"), 0o600))
	key := filepath.Join(certs, "service-accounts.key")
	writeKey(t, key)
	apiServer := startServer(t, "kube-apiserver", nil, program("kube-apiserver"),
		"--etcd-servers", "http://127.0.0.1:2379", "--secure-port", "6443", "--bind-address", "0.0.0.0",
		"--advertise-address", apiServerIP, "--cert-dir", certs, "--endpoint-reconciler-type", "none",
		"--service-cluster-ip-range", serviceCIDR, "--allow-privileged=true", "--authorization-mode", "RBAC",
		"--token-auth-file", tokens, "--service-account-issuer", "https://kubernetes.default.svc",
		"--service-account-key-file", key, "--service-account-signing-key-file", key,
		"--disable-admission-plugins", "ServiceAccount", "--profiling=false")

	c := dial(t, apiServer.running)
	require.NoError(t, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"e2e": {Server: apiServerURL, CertificateAuthority: c.CAFile}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"admin": {Token: adminToken}},
		Contexts:       map[string]*clientcmdapi.Context{"e2e": {Cluster: "e2e", AuthInfo: "admin"}},
		CurrentContext: "e2e",
	}, c.Kubeconfig))

	c.installCRDs(t)
	c.istiod = c.StartIstiod(t, Settings{}, "127.0.0.1")
	c.installWebhook(t)
	return c
}

// dial waits for the API server and returns what the tests need to talk to it. It ends early when running has an error.
func dial(t testing.TB, running func() error) *Cluster {
	t.Helper()
	c := &Cluster{
		CAFile: filepath.Join(workDir(), "kubernetes", "apiserver.crt"), Kubeconfig: filepath.Join(workDir(), "kubeconfig"), warnings: &warnings{},
	}
	config := &rest.Config{
		Host: apiServerURL, BearerToken: adminToken, QPS: -1, WarningHandler: c.warnings,
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.CAFile},
	}
	eventually(t, "the API server", func() error {
		if err := running(); err != nil {
			return err
		}
		if _, err := os.Stat(c.CAFile); err != nil {
			return err
		}
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			return err
		}
		c.Kube = client
		_, err = client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(context.Background())
		return err
	})
	var err error
	c.Dynamic, err = dynamic.NewForConfig(config)
	require.NoError(t, err)
	c.cached = memory.NewMemCacheClient(c.Kube.Discovery())
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(c.cached)
	return c
}

// writeKey makes a key that lives as long as the folder it is in.
func writeKey(t testing.TB, path string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	require.NoError(t, os.WriteFile(path, text, 0o600), fmt.Sprint("key ", path))
}
