package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// systemCAs is the bundle of certificate authorities that curl trusts on a Debian machine.
const systemCAs = "/etc/ssl/certs/ca-certificates.crt"

// ServeTokens answers a machine's requests to the URL of vm.identity.http with tokens of a service account, as the service
// of an operator does, the root certificate with them: by HTTPS, with a certificate that the machine trusts, and for the right credential alone. The
// server listens at an address of the sandbox that has port 443 free.
func (v *VM) ServeTokens(t testing.TB, c *Cluster, address, namespace, serviceAccount, from, headersFile string) {
	t.Helper()
	u, err := url.Parse(from)
	require.NoError(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: u.Hostname()}, DNSNames: []string{u.Hostname()}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)

	const credential = "Bearer of-the-machine"
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path != u.Path || q.Header.Get("Authorization") != credential {
			http.Error(w, "who are you?", http.StatusForbidden)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"token": c.Token(t, namespace, serviceAccount), "rootCert": string(c.RootCert(t, namespace))})
	})}
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "443"))
	require.NoError(t, err)
	go func() {
		_ = server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}))
	}()
	t.Cleanup(func() { _ = server.Close() })

	known, err := v.Read(systemCAs)
	require.NoError(t, err)
	v.Write(t, systemCAs, append(known, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...), 0o644)
	v.Write(t, headersFile, []byte("Authorization: "+credential+"\n"), 0o600)
	v.Resolve(t, u.Hostname(), address)
}
