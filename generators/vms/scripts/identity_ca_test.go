package scripts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTokenOfAnotherCA: a CA that is not istiod renews a certificate for a valid token only, which is asked for before
// each start and before the agent's own renewal, after half of the certificate's life.
func TestTokenOfAnotherCA(t *testing.T) {
	day := 24 * time.Hour
	new := [2]time.Duration{-time.Hour, day - time.Hour}
	timer := []string{"timer"}
	for _, c := range []struct {
		name  string
		args  []string
		life  [2]time.Duration // of the certificate
		have  time.Duration    // of the token that the agent has; 0: none
		env   string           // of the agent
		asked bool
	}{
		{name: "start", life: new, asked: true},
		{name: "start with an old token", life: new, have: -time.Hour, asked: true},
		{name: "start with a token that is about to end", life: new, have: time.Hour, asked: true},
		{name: "start with a good token", life: new, have: 2 * time.Hour},
		{name: "long before a renewal", args: timer, life: [2]time.Duration{-10 * time.Hour, 14 * time.Hour}},
		{name: "before a renewal", args: timer, life: [2]time.Duration{-11 * time.Hour, 13 * time.Hour}, asked: true},
		{name: "renewal is due", args: timer, life: [2]time.Duration{-13 * time.Hour, 11 * time.Hour}, asked: true},
		{name: "before a renewal, with a good token", args: timer, life: [2]time.Duration{-11 * time.Hour, 13 * time.Hour},
			have: 2 * time.Hour},
		{name: "renewal at another time", args: timer, life: new, env: "SECRET_GRACE_PERIOD_RATIO='0.9'\n", asked: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := ofAnotherCA(t)
			token, old := jwt(t, 3*time.Hour), jwt(t, c.have)
			m.write("var/lib/vmmesh/istio-token", token+"\n")
			m.write("var/lib/istio/envoy/cluster.env", c.env)
			m.certified(spiffe, c.life[0], c.life[1])
			if c.have != 0 {
				m.write(tokenPath, old+"\n")
			}
			m.ok(m.script("identity.sh", c.args...))
			switch {
			case c.asked:
				m.hasToken(token)
			case c.have != 0:
				require.Equal(t, old, strings.TrimSpace(m.read(tokenPath)))
			default:
				m.hasNoToken()
			}
			require.FileExists(t, m.path("etc/certs/cert-chain.pem"))
		})
	}

	t.Run("no token to be had", func(t *testing.T) {
		m := ofAnotherCA(t)
		m.certified(spiffe, -time.Hour, 23*time.Hour)
		r := m.ok(m.script("identity.sh"))
		require.Contains(t, r.errors, "istio-csr.cert-manager.svc renews it for a valid token only")
	})
}

// ofAnotherCA is a VM whose certificates come from istio-csr.
func ofAnotherCA(t *testing.T) *machine {
	m := readied(t)
	m.vars["CA_HOST"], m.vars["CA_PORT"] = "istio-csr.cert-manager.svc", "443"
	root, _ := certificate(t, "spiffe://cluster.local", -24*time.Hour, 24*time.Hour)
	m.write("etc/certs/root-cert.pem", root)
	m.write("var/lib/vmmesh/root-cert.pem", root)
	return m
}
