package scripts_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmmesh/vmmesh/internal/need"
)

const spiffe = "spiffe://cluster.local/ns/vm-workloads/sa/payment-service"

// certificate makes a self-signed certificate for a name, and its key, in PEM.
func certificate(t *testing.T, name string, from, to time.Duration) (string, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	uri, err := url.Parse(name)
	require.NoError(t, err)
	now := time.Now()
	signer, signerKey := authority(t)
	if name == "spiffe://cluster.local" {
		return signerPEM(signer), ""
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{Organization: []string{"mesh"}}, NotBefore: now.Add(from), NotAfter: now.Add(to),
		URIs: []*url.URL{uri}, IsCA: true, BasicConstraintsValid: true}
	if strings.Contains(name, "/ns/") {
		template.IsCA = false
	} else {
		signer, signerKey = template, key // another mesh's root
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, signerKey)
	require.NoError(t, err)
	private, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}))
}

// authority is the mesh's CA, the same in every test. Its certificate is "spiffe://cluster.local".
func authority(t *testing.T) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	ca.once.Do(func() {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		now := time.Now()
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"the mesh's root"}},
			NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		require.NoError(t, err)
		ca.cert, err = x509.ParseCertificate(der)
		require.NoError(t, err)
		ca.key = key
	})
	return ca.cert, ca.key
}

var ca struct {
	once sync.Once
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func signerPEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// jwt is a token as Kubernetes makes them, that ends after so long; its signature is none.
func jwt(t *testing.T, after time.Duration) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{"aud": []string{"istio-ca"}, "exp": time.Now().Add(after).Unix(), "sub": "system:serviceaccount:vm-workloads:payment-service"})
	require.NoError(t, err)
	return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString(claims) + ".c2lnbmF0dXJl"
}

// certified gives the machine a certificate as the agent writes it.
func (m *machine) certified(name string, from, to time.Duration) {
	cert, key := certificate(m.t, name, from, to)
	m.write("etc/certs/cert-chain.pem", cert)
	m.write("etc/certs/key.pem", key)
}

// readied is what prepare.sh does before identity.sh.
func readied(t *testing.T) *machine {
	m := newMachine(t)
	m.placed()
	require.NoError(t, os.MkdirAll(m.path("run/secrets/tokens"), 0o755))
	require.NoError(t, os.MkdirAll(m.path("etc/certs"), 0o755))
	return m
}

const tokenPath = "run/secrets/tokens/istio-token"

// hasToken demands the token where the agent reads it, for its eyes alone.
func (m *machine) hasToken(want string) {
	m.t.Helper()
	require.Equal(m.t, want, strings.TrimSpace(m.read(tokenPath)))
	m.owned(tokenPath, 0o600)
}

// owned demands a file of istio-proxy's with this mode.
func (m *machine) owned(p string, mode os.FileMode) {
	m.t.Helper()
	info, err := os.Stat(m.path(p))
	require.NoError(m.t, err)
	require.Equal(m.t, mode, info.Mode().Perm(), p)
	require.Equal(m.t, "998:998", owner(info), p)
}

// rooted is owned for what is root's.
func (m *machine) rooted(p string, mode os.FileMode) {
	m.t.Helper()
	info, err := os.Lstat(m.path(p))
	require.NoError(m.t, err)
	require.Equal(m.t, mode, info.Mode().Perm(), p)
	require.Equal(m.t, "0:0", owner(info), p)
}

func (m *machine) hasNoToken() {
	m.t.Helper()
	require.NoFileExists(m.t, m.path(tokenPath))
}

// TestWhenATokenIsAskedFor goes through the states of a certificate, with a token and a root certificate at hand.
func TestWhenATokenIsAskedFor(t *testing.T) {
	day := 24 * time.Hour
	for _, c := range []struct {
		name     string
		have     func(m *machine)
		asked    bool
		kept     bool // the certificate
		messages string
	}{
		{name: "none", have: func(*machine) {}, asked: true},
		{name: "fresh", have: func(m *machine) { m.certified(spiffe, -time.Hour, 23*time.Hour) }, kept: true, messages: "no token is needed"},
		{name: "half its life left", have: func(m *machine) { m.certified(spiffe, -day/2, day/2) }, kept: true, messages: "no token is needed"},
		{name: "a little more than a quarter left", have: func(m *machine) { m.certified(spiffe, -70*time.Minute, 30*time.Minute) }, kept: true, messages: "no token is needed"},
		{name: "a little less than a quarter left", have: func(m *machine) { m.certified(spiffe, -80*time.Minute, 20*time.Minute) }, asked: true, kept: true},
		{name: "expired", have: func(m *machine) { m.certified(spiffe, -day, -time.Minute) }, asked: true},
		{name: "of another service account", have: func(m *machine) { m.certified(spiffe+"-old", -time.Hour, 23*time.Hour) }, asked: true},
		{name: "of another trust domain", have: func(m *machine) {
			m.certified("spiffe://other/ns/vm-workloads/sa/payment-service", -time.Hour, 23*time.Hour)
		}, asked: true},
		{name: "damaged", have: func(m *machine) { m.write("etc/certs/cert-chain.pem", "no certificate") }, asked: true},
		{name: "without its key", have: func(m *machine) {
			m.certified(spiffe, -time.Hour, 23*time.Hour)
			m.remove("etc/certs/key.pem")
		}, asked: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := readied(t)
			token := jwt(t, time.Hour)
			root, _ := certificate(t, "spiffe://cluster.local", -day, day)
			m.write("var/lib/vmmesh/istio-token", token+"\n")
			m.write("var/lib/vmmesh/root-cert.pem", root)
			m.write("etc/certs/root-cert.pem", root)
			c.have(m)
			r := m.ok(m.script("identity.sh"))
			require.NotContains(t, r.errors+r.out, token[:40])
			if c.asked {
				m.hasToken(token)
			} else {
				m.hasNoToken()
			}
			if c.kept {
				require.FileExists(t, m.path("etc/certs/cert-chain.pem"))
			} else {
				require.NoFileExists(t, m.path("etc/certs/cert-chain.pem"))
				require.NoFileExists(t, m.path("etc/certs/key.pem"))
			}
			require.Contains(t, r.errors, c.messages)
			m.owned("etc/certs/root-cert.pem", 0o644)
		})
	}
}

// TestTokenFile is a token that somebody puts there: until then nothing starts, and everything says what to do.
func TestTokenFile(t *testing.T) {
	m := readied(t)
	m.fails(m.script("identity.sh"), "/var/lib/vmmesh/istio-token is not there yet", "kubectl create token payment-service -n vm-workloads --audience istio-ca", "no valid certificate")
	m.hasNoToken()

	m.write("var/lib/vmmesh/istio-token", jwt(t, time.Hour)+"\n")
	m.fails(m.script("identity.sh"), "the mesh's root certificate is not here", "/var/lib/vmmesh/root-cert.pem")
	m.hasNoToken()

	m.write("var/lib/vmmesh/root-cert.pem", "no certificate")
	m.fails(m.script("identity.sh"), "is none in PEM")
	m.hasNoToken()

	root, _ := certificate(t, "spiffe://cluster.local", -time.Hour, time.Hour)
	m.write("var/lib/vmmesh/root-cert.pem", root)
	r := m.ok(m.script("identity.sh"))
	require.Contains(t, r.errors, "/var/lib/vmmesh/istio-token can be read by everybody")
	require.Equal(t, root, m.read("etc/certs/root-cert.pem"))
	m.owned("etc/certs/root-cert.pem", 0o644)

	m.write("var/lib/vmmesh/istio-token", jwt(t, -time.Hour))
	m.fails(m.script("identity.sh"), "has expired", "kubectl create token")

	m.write("var/lib/vmmesh/istio-token", "<html>\n")
	m.fails(m.script("identity.sh"), "is not a token")

	// Near its end, a certificate still renews itself.
	m.certified(spiffe, -50*time.Minute, 10*time.Minute)
	r = m.ok(m.script("identity.sh"))
	require.Contains(t, r.errors, "there is no new token")
}

// TestRootCertificate: what the spec says comes first and once; afterwards the agent keeps the file.
func TestRootCertificate(t *testing.T) {
	m := readied(t)
	first, _ := certificate(t, "spiffe://first", -time.Hour, time.Hour)
	second, _ := certificate(t, "spiffe://second", -time.Hour, time.Hour)
	m.write("etc/vmmesh/root-cert.pem", first)
	m.write("var/lib/vmmesh/istio-token", jwt(t, time.Hour))
	m.write("var/lib/vmmesh/root-cert.pem", second) // not read where the spec has one
	m.ok(m.script("identity.sh"))
	require.Equal(t, first, m.read("etc/certs/root-cert.pem"))

	m.write("etc/certs/root-cert.pem", first+second) // the agent learnt of a second root
	m.ok(m.script("identity.sh"))
	require.Equal(t, first+second, m.read("etc/certs/root-cert.pem"))

	m.write("etc/vmmesh/root-cert.pem", second)
	m.certified(spiffe, -time.Minute, time.Hour)
	m.ok(m.script("identity.sh"))
	require.Equal(t, second, m.read("etc/certs/root-cert.pem"))

	m.remove("etc/certs/root-cert.pem")
	m.ok(m.script("identity.sh"))
	require.Equal(t, second, m.read("etc/certs/root-cert.pem"))
}

// api is a stand-in for the Kubernetes API or an endpoint of one's own, whose certificate only caFile knows.
func api(t *testing.T, m *machine, serve http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		m.host.Lock()
		defer m.host.Unlock()
		serve(w, q)
	}))
	t.Cleanup(s.Close)
	m.write("etc/vmmesh/ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	m.vars["CA_FILE"] = "/etc/vmmesh/ca.pem"
	return s
}

func TestTokenRequest(t *testing.T) {
	m := readied(t)
	token := jwt(t, time.Hour)
	root, _ := certificate(t, "spiffe://cluster.local", -time.Hour, time.Hour)
	withRole := true
	var asked []string
	s := api(t, m, func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("Authorization") != "Bearer bootstrap.credential" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		asked = append(asked, q.Method+" "+q.URL.Path)
		body, _ := io.ReadAll(q.Body)
		switch {
		case q.Method == http.MethodPost && q.URL.Path == "/api/v1/namespaces/vm-workloads/serviceaccounts/payment-service/token":
			var request struct {
				APIVersion, Kind string
				Spec             struct {
					Audiences         []string
					ExpirationSeconds int
				}
			}
			if json.Unmarshal(body, &request) != nil || request.Kind != "TokenRequest" || request.APIVersion != "authentication.k8s.io/v1" ||
				len(request.Spec.Audiences) != 1 || request.Spec.Audiences[0] != "istio-ca" || request.Spec.ExpirationSeconds != 5400 {
				http.Error(w, "bad", http.StatusBadRequest)
				return
			}
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"kind":"TokenRequest","metadata":{"name":"payment-service","managedFields":[{"fieldsV1":{"f:token":{}}}]},"spec":{"audiences":["istio-ca"],"boundObjectRef":null},"status":{"token":%q,"expirationTimestamp":"2026-01-01T00:00:00Z"}}`, token)
		case q.Method == http.MethodGet && q.URL.Path == "/api/v1/namespaces/vm-workloads/configmaps/istio-ca-root-cert" && withRole:
			data, _ := json.Marshal(map[string]any{"kind": "ConfigMap", "data": map[string]string{"root-cert.pem": root},
				"metadata": map[string]any{"annotations": map[string]string{"last-applied": `{"data":{"root-cert.pem":"other"}}`}, "managedFields": []any{map[string]any{"f:root-cert.pem": map[string]any{}}}}})
			_, _ = w.Write(data)
		default:
			http.Error(w, "forbidden", http.StatusForbidden)
		}
	})
	m.vars["IDENTITY"], m.vars["TOKEN_REQUEST_SERVER"] = "TokenRequest", s.URL
	m.vars["TOKEN_REQUEST_CREDENTIAL_FILE"], m.vars["TOKEN_REQUEST_SECONDS"] = "/etc/vmmesh/bootstrap-token", "5400"

	m.fails(m.script("identity.sh"), "/etc/vmmesh/bootstrap-token is missing", "bootstrap service account")

	m.write("etc/vmmesh/bootstrap-token", "wrong\n")
	r := m.script("identity.sh")
	m.fails(r, "gave no token for vm-workloads/payment-service", "401")
	m.hasNoToken()

	m.write("etc/vmmesh/bootstrap-token", "bootstrap.credential\n")
	require.NoError(t, os.Chmod(m.path("etc/vmmesh/bootstrap-token"), 0o600))
	// What curl is called with is there for every user to see.
	m.tool("curl", `printf '%s\n' "$@" >>/var/log/curl; exec /usr/bin/curl "$@"`)
	r = m.ok(m.script("identity.sh"))
	m.hasToken(token)
	require.Equal(t, root, m.read("etc/certs/root-cert.pem"))
	require.NotContains(t, r.errors, "everybody")
	require.NotContains(t, m.read("var/log/curl")+r.errors+r.out, "bootstrap.credential")
	require.NotContains(t, m.read("var/log/curl")+r.errors+r.out, token[:40])
	require.Equal(t, []string{"POST /api/v1/namespaces/vm-workloads/serviceaccounts/payment-service/token", "GET /api/v1/namespaces/vm-workloads/configmaps/istio-ca-root-cert"}, asked)

	// With a good certificate nobody is asked.
	m.certified(spiffe, -time.Minute, time.Hour)
	m.ok(m.script("identity.sh"))
	require.Len(t, asked, 2)
	m.remove("etc/certs/cert-chain.pem")

	// A role without the ConfigMap does for a root certificate that is there already, and not for a new VM.
	withRole = false
	m.ok(m.script("identity.sh"))
	m.remove("etc/certs/root-cert.pem")
	m.fails(m.script("identity.sh"), "see the credential's Role", "the mesh's root certificate is not here")

	// Whoever answers without the right certificate gets nothing.
	m.vars["CA_FILE"] = ""
	asked = nil
	m.fails(m.script("identity.sh"), "gave no token")
	require.Empty(t, asked)
}

func TestHTTP(t *testing.T) {
	m := readied(t)
	token := jwt(t, time.Hour)
	root, _ := certificate(t, "spiffe://cluster.local", -time.Hour, time.Hour)
	var answer string
	s := api(t, m, func(w http.ResponseWriter, q *http.Request) {
		if q.Method != http.MethodGet || q.URL.RequestURI() != "/token?a=[1]&b={x,y}" || q.Header.Get("Authorization") != "Basic c2VjcmV0" || q.Header.Get("X-Fleet") != `a "b" $(c)` {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		switch answer {
		case "":
			http.Redirect(w, q, "https://elsewhere.example.com/", http.StatusFound)
		case "elsewhere": // with a body that would be a token
			w.Header().Set("Location", "https://elsewhere.example.com/")
			w.WriteHeader(http.StatusFound)
			answer = token
		case "endless":
			for n := 0; n < 64; n++ {
				if _, err := w.Write(bytes.Repeat([]byte("A"), 1<<20)); err != nil {
					return
				}
			}
		}
		_, _ = io.WriteString(w, answer)
	})
	m.vars["IDENTITY"], m.vars["HTTP_URL"], m.vars["HTTP_HEADERS_FILE"] = "HTTP", s.URL+"/token?a=[1]&b={x,y}", "/etc/vmmesh/headers"
	m.write("etc/vmmesh/headers", "Authorization: Basic c2VjcmV0\nX-Fleet: a \"b\" $(c)\n")

	answer = token + "\n"
	m.fails(m.script("identity.sh"), "the mesh's root certificate is not here", "set istio.rootCert", "rootCert")
	m.hasNoToken()

	indented, err := json.MarshalIndent(map[string]string{"rootCert": root, "token": token}, "", "  ")
	require.NoError(t, err)
	answer = string(indented)
	r := m.ok(m.script("identity.sh"))
	m.hasToken(token)
	require.Equal(t, root, m.read("etc/certs/root-cert.pem"))
	require.NotContains(t, r.errors, "c2VjcmV0")

	m.remove(tokenPath)
	answer = token
	m.ok(m.script("identity.sh"))
	m.hasToken(token)

	const notToken, refused = "gave is not a token", " gave no token" // the server redirects for "" and for elsewhere
	for _, c := range []struct{ answer, want string }{
		{"<html><body>Please log in</body></html>", notToken}, {`{"error": "no"}`, notToken}, {"", refused}, {"elsewhere", refused}, {"endless", refused},
	} {
		m.remove(tokenPath)
		answer = c.answer
		m.fails(m.script("identity.sh"), c.want)
		m.hasNoToken()
	}
}

func TestCommand(t *testing.T) {
	m := readied(t)
	token := jwt(t, time.Hour)
	root, _ := certificate(t, "spiffe://cluster.local", -time.Hour, time.Hour)
	m.write("etc/vmmesh/root-cert.pem", root)
	m.vars["IDENTITY"] = "Command"
	hostile := []string{"/usr/local/bin/get-token", "a b", "", `'"$(touch /tmp/pwned)` + "`", "*", "{{ x }} %s", "line\nbreak"}
	m.vars["COMMAND"] = hostile
	m.write("local/bin/get-token", "#!/bin/bash\nprintf '%s\\0' \"$0\" \"$@\" >/tmp/argv\necho "+token+"\n")
	require.NoError(t, os.Chmod(m.path("local/bin/get-token"), 0o755))
	m.ok(m.script("identity.sh"))
	m.hasToken(token)
	require.Equal(t, strings.Join(hostile, "\x00")+"\x00", m.read("tmp/argv"))
	require.NoFileExists(t, m.path("tmp/pwned"))

	m.remove(tokenPath)
	m.write("local/bin/get-token", "#!/bin/bash\necho "+token+"\nexit 3\n")
	m.fails(m.script("identity.sh"), "/usr/local/bin/get-token failed")
	m.hasNoToken()
}

func TestGCE(t *testing.T) {
	m := readied(t)
	m.vars["IDENTITY"] = "GCE"
	m.fails(m.script("identity.sh"), "set istio.rootCert in the spec")
	root, _ := certificate(t, "spiffe://cluster.local", -time.Hour, time.Hour)
	m.write("etc/vmmesh/root-cert.pem", root)
	m.ok(m.script("identity.sh"))
	require.Equal(t, root, m.read("etc/certs/root-cert.pem"))
	m.hasNoToken()
}

func TestSPIRE(t *testing.T) {
	need.Tool(t, "python3", "python3")
	m := readied(t)
	root, _ := certificate(t, "spiffe://cluster.local", -time.Hour, time.Hour)
	m.write("etc/vmmesh/root-cert.pem", root)
	m.vars["IDENTITY"], m.vars["SPIRE_SOCKET"] = "SPIRE", "/run/spire/agent.sock"
	m.fails(m.script("identity.sh"), "/run/spire/agent.sock is not there", "spire-agent")

	listen := `mkdir -p /run/spire; python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$1"; bash /usr/local/lib/vmmesh/identity.sh`
	m.ok(m.run("bash", "-c", listen, "bash", "/run/spire/agent.sock"))
	target, err := os.Readlink(m.path("run/secrets/workload-spiffe-uds/socket"))
	require.NoError(t, err)
	require.Equal(t, "/run/spire/agent.sock", target)
	require.Equal(t, root, m.read("etc/certs/root-cert.pem"))
	m.hasNoToken()

	// The agent's own variable names the file.
	m.write("etc/vmmesh/cluster.env", "WORKLOAD_IDENTITY_SOCKET_FILE='spire.sock'\n")
	m.ok(m.script("identity.sh"))
	target, err = os.Readlink(m.path("run/secrets/workload-spiffe-uds/spire.sock"))
	require.NoError(t, err)
	require.Equal(t, "/run/spire/agent.sock", target)

	// A socket that is where the agent looks stays itself.
	m = readied(t)
	m.write("etc/vmmesh/root-cert.pem", root)
	m.vars["IDENTITY"], m.vars["SPIRE_SOCKET"] = "SPIRE", "/var/run/secrets/workload-spiffe-uds/socket"
	m.ok(m.run("bash", "-c", "mkdir -p /run/secrets/workload-spiffe-uds; "+listen, "bash", "/run/secrets/workload-spiffe-uds/socket"))
	info, err := os.Lstat(m.path("run/secrets/workload-spiffe-uds/socket"))
	require.NoError(t, err)
	require.Equal(t, os.ModeSocket, info.Mode().Type())
}

// TestTimer: while DNS is captured and no certificate is valid, only a start of istio can ask for a token.
func TestTimer(t *testing.T) {
	m := readied(t)
	root, _ := certificate(t, "spiffe://cluster.local", -time.Hour, time.Hour)
	m.write("etc/vmmesh/root-cert.pem", root)
	m.vars["IDENTITY"], m.vars["COMMAND"] = "Command", []string{"/bin/false"}
	r := m.ok(m.script("identity.sh", "timer"))
	require.Contains(t, r.errors, "istio is started again")
	require.Equal(t, "--no-block try-restart istio.service\n", m.read("var/log/systemctl"))

	m.remove("var/log/systemctl")
	m.vars["DNS_MODE"] = "None"
	m.fails(m.script("identity.sh", "timer"), "no valid certificate")
	require.NoFileExists(t, m.path("var/log/systemctl"))

	m.vars["DNS_MODE"], m.vars["IDENTITY"] = "Proxy", "TokenFile" // a start would find no file either
	m.fails(m.script("identity.sh", "timer"), "no valid certificate")

	m.certified(spiffe, -time.Minute, time.Hour)
	m.ok(m.script("identity.sh", "timer"))
	require.NoFileExists(t, m.path("var/log/systemctl"))
}
