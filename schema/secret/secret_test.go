package secret

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Parts of credentials are joined here, so that scanners of the repository find none.
const (
	rest16 = "0a1B2c3D4e5F6a7B"
	rest36 = "0a1B2c3D4e5F6a7B8c9D0e1F2a3B4c5D6e7F"
	jwtOf  = "eyJhbGciOiJSUzI1NiJ9" + ".eyJzdWIiOiJ4In0abc" + ".c2lnbmF0dXJl"
	body   = "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
)

func pemOf(kind string) string {
	return "-----BEGIN " + kind + "-----\n" + body + "\n-----END " + kind + "-----\n"
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestCredentialsAreFound(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        *Kind
	}{
		// PEM and others
		{"", pemOf("PRIVATE KEY"), PrivateKey},
		{"", pemOf("RSA PRIVATE KEY"), PrivateKey},
		{"", pemOf("EC PRIVATE KEY"), PrivateKey},
		{"", pemOf("OPENSSH PRIVATE KEY"), PrivateKey},
		{"", pemOf("ENCRYPTED PRIVATE KEY"), PrivateKey},
		{"", pemOf("PGP PRIVATE KEY BLOCK"), PrivateKey},
		{"", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\nComment: of a person\n\n" + body + "\n=abcd\n", PrivateKey},
		{"", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n" + body + "\n---- END", PrivateKey},
		{"", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n" + body, PrivateKey},
		{"", strings.ReplaceAll(pemOf("PRIVATE KEY"), "\n", " "), PrivateKey},
		{"", strings.ReplaceAll(pemOf("PRIVATE KEY"), "\n", `\n`), PrivateKey},
		{"", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----", PrivateKey},
		{"", "-----BEGIN PRIVATE KEY-----", PrivateKey},
		{"", "the -----BEGIN PRIVATE KEY----- is:\n" + pemOf("PRIVATE KEY"), PrivateKey},
		{"", "cat > key <<E\n" + pemOf("EC PRIVATE KEY") + "E\n", PrivateKey},
		{"", "PuTTY-User-Key-File-3: ssh-ed25519\nPublic-Lines: 1\nAA\nPrivate-Lines: 1\nAA\n", PrivateKey},
		{"", "AGE-SECRET-" + "KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ", PrivateKey},
		// in other encodings
		{"", base64Of(pemOf("PRIVATE KEY")), PrivateKey},
		{"", base64Of(base64Of(pemOf("EC PRIVATE KEY"))), PrivateKey},
		{"", base64Of(pemOf("PRIVATE KEY"))[:60] + "\n" + base64Of(pemOf("PRIVATE KEY"))[60:], PrivateKey},
		{"", "echo " + base64Of(pemOf("PRIVATE KEY")) + " | base64 -d", PrivateKey},
		{"", "data:text/plain;base64," + base64Of(pemOf("PRIVATE KEY")), PrivateKey},
		{"", strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(jwtOf)), "="), JWT},
		{"", base64Of(`{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}`), JWKS},
		{"", `{"key": "` + strings.ReplaceAll(pemOf("PRIVATE KEY"), "\n", `\n`) + `"}`, PrivateKey},
		// JSON Web Tokens
		{"", jwtOf, JWT},
		{"", "token=" + jwtOf, JWT},
		{"", base64.RawURLEncoding.EncodeToString([]byte(`{ "alg": "none" }`)) + ".eyJzdWIiOiJ4In0.", JWT},
		// headers
		{"", "Bearer S3CRETS3CRETS3CRET", Authorize},
		{"", "bearer abcdefghijklmnopqrst", Authorize},
		{"", "Basic " + base64Of("user:password"), Authorize},
		{"", "use basic " + base64Of("a:b") + " there", Authorize},
		{"", "Authorization: Bearer abcdef123456", Authorize},
		{"", `curl -H "Authorization: Bearer abcdef123456" https://a.example.com`, Authorize},
		{"", "X-Api-Key: abcdef123456", Header},
		{"", "PRIVATE-TOKEN: abcdef123456", Header},
		{"Authorization", "s3cr3t", Authorize},
		{"authorization", "Token s3cr3t", Authorize},
		{"proxy-authorization", "opensesame", Authorize},
		{"Proxy-Authorization", "Digest username=a", Authorize},
		{"cookie", "session=1", Header},
		{"X-API-Key", "1", Header},
		{"x_api_key", "abc", Header},
		{"x-vault-token", "root", Header},
		{"request.headers[authorization]", "Bearer abc", Authorize},
		{"request.headers[x-api-key]", "abc", Header},
		// names
		{"DB_PASSWORD", "hunter2", Password},
		{"DB_PASSWORD", "12345", Password},
		{"PGPASSWORD", "hunter2", Password},
		{"TOKEN", "abc", Password},
		{"SECRET", "correct horse", Password},
		{"CLIENT_SECRET", "x1", Password},
		{"AWS_SECRET_ACCESS_KEY", "abc", Password},
		{"API_KEY", "abc", Password},
		{"MYSQL_PWD", "abc", Password},
		{"TOKEN_1", "abc", Password},
		{"PASSWORD_BASE64", "aHVudGVyMg==", Password},
		{"password", "hunter2", Password},
		{"dbPassword", "hunter2", Password},
		{"example.com/db-password", "hunter2", Password},
		{"clientSecret", "q8A7zz00kkJJwwQ1", Password},
		{"token", "0123456789abcdef0123456789abcdef01234567", Password},
		{"", "DB_PASSWORD=hunter2", Password},
		{"", "host=db user=app password=hunter2", Password},
		{"", "--password=hunter2", Password},
		// tokens by prefix
		{"", "AKIA" + "IOSFODNN7EXAMPLE", Token},
		{"", "ASIA" + "IOSFODNN7EXAMPLE", Token},
		{"", "ghp_" + rest36, Token}, {"", "gho_" + rest36, Token}, {"", "ghu_" + rest36, Token},
		{"", "ghs_" + rest36, Token}, {"", "ghr_" + rest36, Token}, {"", "github_pat_" + rest36, Token},
		{"", "glpat-" + rest16 + "abcd", Token},
		{"", "xoxb-" + "123456789012-123456789012-abcdefABCDEF", Token}, {"", "xoxp-" + "1234567890-abc", Token},
		{"", "https://hooks.slack.com/services/" + "T00000000/B00000000/XXXXXXXXXXXXXXXX", URL},
		{"", "AIza" + "SyA-1234567890abcdefghijklmnopqrstu", Token},
		{"", "sk_live_" + rest16, Token}, {"", "rk_live_" + rest16, Token},
		{"", "hvs." + rest36, Token}, {"", "hvb." + rest36, Token}, {"", "s." + rest16 + "8c9D0e1F", Token},
		{"", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + rest36 + "==", Token},
		{"", "Endpoint=sb://a/;SharedAccessKeyName=n;SharedAccessKey=" + rest36, Token},
		{"", "https://a.blob.core.windows.net/c?sv=2020&sig=" + rest36, Token},
		{"", "npm_" + rest36, Token}, {"", "pypi-" + "AgEIcHlwaS5vcmc" + rest36, Token},
		{"", "SG." + rest16 + "abcdef." + rest36, Token}, {"", "a word, then ghp_" + rest36 + ", then others", Token},
		{"", "SK" + strings.Repeat("0a", 16), Token}, {"", "dop_v1_" + strings.Repeat("0a", 32), Token},
		// URLs
		{"", "https://user:hunter2@example.com/", URL}, {"", "http://user:pw@example.com/x y", URL},
		{"", "https://TOKEN@example.com/repo.git", URL}, {"", "git+https://x1y2z3@example.com", URL},
		{"", "redis://:hunter2@cache:6379", URL}, {"", "postgres://app:p@ss@db/app", URL}, {"", "see https://a:b@c now", URL},
		// kubeconfigs
		{"", "apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- name: a\n  user:\n    client-key-data: " + rest36, Kubeconfig},
		{"", "kind: Config\ncurrent-context: a\nusers:\n- user:\n    token: 0123456789abcdefABCDEF01", Kubeconfig},
		{"", `{"kind":"Config","users":[{"user":{"client-key-data":"` + base64Of(pemOf("RSA PRIVATE KEY")) + `"}}]}`, Password},
		{"", `{"auths":{"r.example.com":{"auth":"` + base64Of("user:pw") + `"}}}`, Password},
		// JWKS
		{"", `{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}`, JWKS},
		{"", `{"keys": [{"\u006bty": "oct", "k": "c2VjcmV0"}]}`, JWKS},
		{"", `{"keys": [{"\u006bty": "RSA", "n": "AQAB", "\u0064": "c2VjcmV0"}]}`, JWKS},
		{"", `{"KEYS": [{"KTY": "OCT"}]}`, JWKS},
		{"", `{"kty": "RSA", "n": "AQAB", "e": "AQAB", "p": "AQAB"}`, JWKS},
		{"", `{"kty": "RSA", "n": "AQAB", "e": "AQAB", "q": "AQAB"}`, JWKS},
		{"", `{"kty": "RSA", "n": "AQAB", "e": "AQAB", "dp": "AQAB"}`, JWKS},
		{"", `{"kty": "RSA", "n": "AQAB", "e": "AQAB", "DQ": "AQAB"}`, JWKS},
		{"", `{"kty": "RSA", "n": "AQAB", "e": "AQAB", "qi": "AQAB"}`, JWKS},
		{"", `{"d": "AQAB", "d": null, "kty": "EC"}`, JWKS},
		{"", `{"keys": [{"kid": "a", "d": "AQAB"}]}`, JWKS},
		{"", `[{"kty": "OKP", "d": "AQAB"}]`, JWKS},
		{"", "\n\ufeff {\"kty\": \"OKP\", \"D\": \"AQAB\"} rest", JWKS},
		{"", `{'kty': 'oct', 'k': 'AQAB'}`, JWKS},
	} {
		got := Of(c.name, c.value)
		require.NotNil(t, got, "%s: %s", c.name, c.value)
		require.Equal(t, c.want.What, got.What, "%s: %s", c.name, c.value)
	}
}

func TestHonestTextIsNoCredential(t *testing.T) {
	for _, c := range []struct{ name, value string }{
		{"", "uses basic authentication at the edge"}, {"", "Basic configuration of the fleet"}, {"", "Basic configuration"},
		{"", "Basic authentication"}, {"", "the bearer certificate is public"}, {"", "Bearer certificate"}, {"", "bearer authentication"},
		{"authorization", "%REQ(AUTHORIZATION)%"}, {"authorization", "%REQ(:AUTHORITY)%"}, {"authorization", "Bearer"},
		{"authorization", "Bearer *"}, {"authorization", "*"}, {"Authorization", "Bearer ${TOKEN}"}, {"cookie", "%REQ(COOKIE)%"},
		{"", "put the -----BEGIN PRIVATE KEY----- block in vault"},
		{"", "all from -----BEGIN PRIVATE KEY----- to the last line of -----END PRIVATE KEY-----"},
		{"", "-----BEGIN PRIVATE KEY----- blocks\ngo to the vault, as /etc/vault/secrets/private/keys says\n"},
		{"", pemOf("CERTIFICATE")}, {"", pemOf("PUBLIC KEY")}, {"", pemOf("PGP PUBLIC KEY BLOCK")}, {"", base64Of(pemOf("CERTIFICATE"))},
		{"", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ops"},
		{"", `{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "d", "use": "sig", "alg": "RS256", "x5c": ["MIIB"]}]}`},
		{"", `{"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB", "d": null}`}, {"", `{"d": "%DURATION%", "p": "%PROTOCOL%"}`},
		{"", "a855992f0f7b2f2d1a5f4b6c7d8e9fa0b1c2d3e4"}, {"sha256", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
		{"", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
		{"", "/etc/secret/token"}, {"TOKEN", "/etc/secret/token"}, {"SECRET_TTL", "72h"}, {"TOKEN_FILE", "/path"}, {"SERVICE_ACCOUNT", "payments"},
		{"TOKEN_TTL", "24h0m0s"}, {"SECRET", "true"}, {"DB_PASSWORD", "$DB_PASSWORD"}, {"DB_PASSWORD", "${DB_PASSWORD}"}, {"DB_PASSWORD", ""},
		{"PASSWORD_FILE", "/run/secrets/db"}, {"TOKEN", "https://tokens.example.com/v1"}, {"MAX_TOKEN", "4096"}, {"USE_TOKEN", "false"},
		{"PUBLIC_KEY", "AAAAC3NzaC1lZDI1NTE5"}, {"SECRET_GRACE_PERIOD_RATIO", "0.5"}, {"token", "first-party-jwt"}, {"secret", "payments-tls"},
		{"tokenAudience", "istio-ca"}, {"credentialName", "payments-credential"}, {"x-tenant", "acme"}, {"monkey", "bananas1"},
		{"", "https://example.com/a@b"}, {"", "https://example.com:8443/user:pw@x"}, {"", "ssh://git@github.com/a/b.git"}, {"", "https://prom@cmdb.example.com/"}, {"", "ops@example.com"},
		{"", "https://user:$PASSWORD@example.com"}, {"", "oci://registry.example.com/istio@sha256:abc"}, {"", "outbound|80||a.example.com"},
		{"", "spiffe://cluster.local/ns/a/sa/b"}, {"", "sk-learn is a library"}, {"", "pypi-mirror-of-the-data-centre"}, {"", "s.example.com"},
		{"", "payment-service-of-the-european-data-centre"}, {"", "vm-workloads/payment-service-v1-vm10042"}, {"", "keyboard.example.com"},
		{"", "the authorization: bearer tokens are checked at the edge"}, {"", "authorization: at the edge"}, {"", "password: ask the on-call"},
		{"", "^(.*?;)?(user=jason)(;.*)?$"}, {"", "team=payments,tier=1"}, {"", "Sig=nature"}, {"", "eyjafjallajokull.iceland.example.com"},
		{"", "10.0.0.1"}, {"", "2001:db8::1"}, {"", "arn:aws:iam::123456789012:role/payments"}, {"", "TOKEN_FILE=/etc/token"},
	} {
		if got := Of(c.name, c.value); got != nil {
			t.Errorf("%s: %s is taken for %s", c.name, c.value, got.What)
		}
	}
}

func TestRedact(t *testing.T) {
	require.Equal(t, "no credential here", Redact("no credential here"))
	require.Equal(t, `url "(left out)example.com" and (left out)`, Redact(`url "https://a:b@example.com" and `+"ghp_"+rest36))
	require.NotContains(t, Redact("key \""+pemOf("PRIVATE KEY")+"\""), body)
	require.NotContains(t, Redact("is "+jwtOf+", then "+jwtOf), "eyJ")
	require.Equal(t, "header "+`"(left out)" is`, Redact(`header "Basic `+base64Of("a:b")+`" is`))
}

func TestLinesWithCredentials(t *testing.T) {
	for _, line := range []string{
		`    - {name: Authorization, value: s3cr3t}`, `  DB_PASSWORD: hunter2`, `- name: X-Api-Key, value: "abc"`,
		`  authorization: "Bearer abc12345"`, `data: ` + base64Of(pemOf("PRIVATE KEY")), `url: https://a:b@c/ x`,
		`"password": "hunter2",`, `   token: ghp_` + rest36,
	} {
		require.True(t, InLine(line), line)
	}
	for _, line := range []string{
		`  - {name: http, port: 8080}`, `  authorization: "%REQ(AUTHORIZATION)%"`, `    tokenFile: {path: /a/b}`, `  # basic authentication`,
		`    - {name: SECRET_TTL, value: 72h}`,
	} {
		require.False(t, InLine(line), line)
	}
}

// TestLongTextOfBeginnings: what may begin a credential, a hundred thousand times, ends.
func TestLongTextOfBeginnings(t *testing.T) {
	for _, s := range []string{"-----BEGIN PRIVATE KEY----- ", "https://", "basic ", "{", `{"a":`, "a=", "ghp_", "eyJ", "a:\n", "LS0tLS1CRUdJTi"} {
		require.NotPanics(t, func() { Of("", strings.Repeat(s, 1<<14)+" x") }, s)
	}
}
