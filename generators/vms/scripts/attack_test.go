package scripts_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"mvdan.cc/sh/v3/syntax"

	"github.com/vmmesh/vmmesh/internal/need"
)

// asProxy is shell text that runs as istio-proxy, whatever comes of it.
const asProxy = "setpriv --reuid istio-proxy --regid istio-proxy --clear-groups bash -c "

// attacked is a machine on which the package has given its folders to istio-proxy, as postinst.sh of Istio 1.31 does, and
// everything above them too; and which has something of root's to win.
func attacked(t *testing.T) *machine {
	m := newMachine(t)
	m.placed()
	m.net = network
	root, _ := certificate(t, "spiffe://cluster.local", -time.Hour, time.Hour)
	m.write("etc/vmmesh/root-cert.pem", root)
	m.write("var/lib/vmmesh/istio-token", "e30.e30.x\n")
	m.write("etc/cron.d/daily", "root's\n")
	m.write("etc/victim", "root's\n")
	require.NoError(t, os.Chmod(m.path("etc/victim"), 0o600))
	require.NoError(t, os.MkdirAll(m.path("units/generators"), 0o755))
	m.ok(m.run("bash", "-euc", `
		mkdir -p /var/lib/istio/envoy /var/lib/istio/config /var/lib/istio/proxy /var/log/istio /etc/certs /run/secrets/tokens
		echo '# the package'"'"'s' >/var/lib/istio/envoy/sidecar.env
		chown -R istio-proxy:istio-proxy /var/lib/istio /var/log/istio /etc/certs /run/secrets
		chown root:root /var/lib/istio/envoy/sidecar.env`))
	return m
}

// lost are the things that must be root's still.
func (m *machine) isRoots() {
	m.t.Helper()
	require.Equal(m.t, "root's\n", m.read("etc/victim"))
	m.rooted("etc/victim", 0o600)
	m.rooted("etc/cron.d", 0o755)
	for _, dir := range []string{"etc/cron.d", "units/generators"} {
		entries, err := os.ReadDir(m.path(dir))
		require.NoError(m.t, err)
		for _, e := range entries {
			require.Equal(m.t, "daily", e.Name(), dir)
		}
	}
}

// TestLinksOfIstioProxy: links that istio-proxy made where root writes lead nowhere, whichever folder they are in.
func TestLinksOfIstioProxy(t *testing.T) {
	for name, attack := range map[string]string{
		"a folder":              `cd /var/lib/istio; mv envoy x; ln -s /etc/cron.d envoy`,
		"another folder":        `cd /var/lib/istio; mv config x; ln -s /etc/cron.d config; mv proxy y; ln -s /etc/cron.d proxy`,
		"the token":             `ln -s /usr/lib/systemd/system/generators /run/secrets/tokens/istio-token`,
		"the token's folder":    `cd /run/secrets; mv tokens x; ln -s /etc/cron.d tokens`,
		"the socket's folder":   `cd /run/secrets; ln -s /etc/cron.d workload-spiffe-uds`,
		"the settings":          `ln -s /etc/cron.d /var/lib/istio/envoy/cluster.env; ln -s /etc/victim /var/lib/istio/config/mesh`,
		"the root certificate":  `ln -s /etc/victim /etc/certs/root-cert.pem`,
		"a certificate as pipe": `mkfifo /etc/certs/cert-chain.pem`,
		"the logs":              `cd /var/log; rmdir istio; ln -s /etc/cron.d istio`,
	} {
		t.Run(name, func(t *testing.T) {
			m := attacked(t)
			r := m.run("bash", "-c", asProxy+quote(attack)+"; bash /usr/local/lib/vmmesh/prepare.sh; bash /usr/local/lib/vmmesh/identity.sh timer")
			m.ok(r)
			m.isRoots()
			for _, dir := range []string{"var/lib/istio", "var/lib/istio/envoy", "var/lib/istio/config", "run/secrets", "run/secrets/tokens"} {
				m.rooted(dir, 0o755)
			}
			m.rooted("var/lib/istio/envoy/cluster.env", 0o644)
			m.owned(tokenPath, 0o600)
			m.owned("etc/certs/root-cert.pem", 0o644)
			// From now on istio-proxy can change nothing that root reads.
			out := m.run("bash", "-c", asProxy+quote(`for f in /var/lib/istio/envoy/new /var/lib/istio/config/new /run/secrets/new /run/secrets/tokens/new /var/lib/istio/new; do
				touch "$f" 2>/dev/null && echo "$f"; done; mv /var/lib/istio/envoy/cluster.env /var/lib/istio/envoy/y 2>/dev/null && echo moved; :`))
			m.ok(out)
			require.Empty(t, out.out)
		})
	}
}

// TestSettingsOfIstioProxy: root does not run a sidecar.env that istio-proxy could have written.
func TestSettingsOfIstioProxy(t *testing.T) {
	m := attacked(t)
	m.ok(m.script("prepare.sh"))
	require.Equal(t, "# the package's\n", m.read("var/lib/istio/envoy/sidecar.env"), "the package's own stays")
	m.ok(m.run("bash", "-c", `chown istio-proxy /var/lib/istio/envoy; `+asProxy+quote(`cd /var/lib/istio/envoy; rm -f sidecar.env; echo 'touch /tmp/won' >sidecar.env`)))
	r := m.script("prepare.sh")
	m.ok(r)
	require.Contains(t, r.errors, "sidecar.env could be written by others than root")
	require.NoFileExists(t, m.path("var/lib/istio/envoy/sidecar.env"))
	require.Equal(t, "touch /tmp/won\n", m.read("var/lib/istio/envoy/sidecar.env.untrusted"))
}

// TestRaceWithIstioProxy swaps everything that istio-proxy can reach for links to root's files, in a loop beside the
// scripts: a fixed number of their runs, and not one leads a write elsewhere.
func TestRaceWithIstioProxy(t *testing.T) {
	m := attacked(t)
	m.write("tmp/swap.sh", `
cd /
while [ ! -e /tmp/end ]; do
	for at in /etc/certs/* /run/secrets/tokens/* /var/lib/istio/envoy/* /var/lib/istio/config/* /run/secrets/workload-spiffe-uds; do
		ln -sfn /etc/victim "$at"
	done
	ln -sfn /etc/cron.d /var/lib/istio/envoy
	rm -f /etc/certs/root-cert.pem /run/secrets/tokens/istio-token
done 2>/dev/null
`)
	m.ok(m.run("bash", "-c", asProxy+`'bash /tmp/swap.sh' &
		for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
			bash /usr/local/lib/vmmesh/prepare.sh || : # which may fail, of course
			rm -f /etc/certs/cert-chain.pem
			bash /usr/local/lib/vmmesh/identity.sh timer || :
		done
		touch /tmp/end
		wait`))
	m.isRoots()
}

// TestLock: no file that another user can open keeps a script from its work.
func TestLock(t *testing.T) {
	m := attacked(t)
	m.ok(m.script("prepare.sh"))
	m.rooted("run/vmmesh", 0o700)
	r := m.run("bash", "-c", "setpriv --reuid nobody --regid 65534 --clear-groups bash -c "+
		quote(`for f in $(find /run /var/lib/vmmesh /etc/vmmesh -type f -readable 2>/dev/null); do flock --shared --nonblock "$f" sleep 60 & done; jobs -r | wc -l`)+
		` >/dev/null; timeout 50 bash /usr/local/lib/vmmesh/prepare.sh; echo $?; kill $(jobs -p) 2>/dev/null; pkill -x sleep; :`)
	require.Equal(t, "0", strings.TrimSpace(r.out), r.errors)
}

// expanded finds an expansion in a program that is given to a shell as text.
func expanded(text string) (string, error) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return "", err
	}
	found := ""
	syntax.Walk(file, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		shell := false
		for i, word := range call.Args {
			lit := word.Lit()
			base := filepath.Base(lit)
			switch {
			case base == "eval" && i == 0:
				found = "eval"
			case base == "bash" || base == "sh" || base == "dash":
				shell = true
			case shell && regexp.MustCompile(`^-[a-z]*c$`).MatchString(lit) && i+1 < len(call.Args):
				if program := call.Args[i+1]; !constant(program) {
					var b strings.Builder
					_ = syntax.NewPrinter().Print(&b, program)
					found = b.String()
				}
				return true
			}
		}
		return true
	})
	return found, nil
}

// constant reports whether a word is fixed text, or the one program that is a constant of lib.sh.
func constant(w *syntax.Word) bool {
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit, *syntax.SglQuoted:
		case *syntax.DblQuoted:
			for _, inner := range p.Parts {
				switch x := inner.(type) {
				case *syntax.Lit:
				case *syntax.ParamExp:
					if x.Param.Value != "CONNECT" {
						return false
					}
				default:
					return false
				}
			}
		default:
			return false
		}
	}
	return true
}

// TestNoValueIsProgramText: a shell never gets a value as part of a program, and nothing is evaluated.
func TestNoValueIsProgramText(t *testing.T) {
	for bad, want := range map[string]string{
		`timeout 5 bash -c "exec 3<>/dev/tcp/$1/$2"`:  `"exec 3<>/dev/tcp/$1/$2"`,
		`bash -euc "sleep $1"`:                        `"sleep $1"`,
		`/bin/sh -c "$x"`:                             `"$x"`,
		`eval "$x"`:                                   "eval",
		`bash -c 'exec 3<>"/dev/tcp/$1/$2"' a "$1" b`: "",
	} {
		found, err := expanded(bad)
		require.NoError(t, err)
		require.Equal(t, want, found, bad)
	}
	files, err := filepath.Glob("*.sh")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		found, err := expanded(string(text))
		require.NoError(t, err)
		require.Empty(t, found, name)
	}
}

// uses are calls of every function of lib.sh that takes a value, with $P in its place.
var uses = map[string]string{
	"sidecar_ready": `sidecar_ready "$P"`, "rules": `rules "$P"`, "captured": `captured "$P"`,
	"note": `note "$P"`, "warn": `warn "$P"`, "die": `(die "$P" "$P")`, "has": `has "$P"`,
	"alone": `(VMMESH_LOCKED= alone /dev/null "$P")`, "settings": `(settings "$P")`,
	"put": `put 0644 root:root "/tmp/$P" <<<"$P"; (put "$P" "$P" /tmp/x <<<"$P")`, "proxied": `proxied echo "$P"; proxied "$P"`,
	"hand": `(hand 0644 "/etc/certs/$P" <<<"$P"); (hand "$P" /etc/certs/x <<<"$P")`, "folder": `(folder "$P" /tmp/f); (folder root:root "/tmp/$P")`,
	"fetch": `fetch "https://127.0.0.1:9/$P"; fetch "$P"`, "value": `value "$P" /etc/vmmesh/vm.env; value A "$P"`,
	"cert_date": `cert_date "$P" enddate; cert_date /etc/hosts "$P"`, "cert_names": `cert_names "$P"`, "claims": `claims "$P"; claims "a.$P.b"`,
	"addresses": `addresses dev "$P"`, "instance": `instance "$P"; printf '%s\tx\t-\tvm1\tshared\n' "$P" 127.0.0.1 >/tmp/table; instance /tmp/table`,
	"expiry": `expiry "$P"`, "when": `when "$P"`, "open": `open "$P" 80; open 127.0.0.1 "$P"`,
}

// payloads would run a command, each in another way of meeting a shell.
var payloads = []string{
	"x/1;touch /tmp/won;echo ", "$(touch /tmp/won)", "`touch /tmp/won`", "a\ntouch /tmp/won\n", "' ; touch /tmp/won ; '", "\"; touch /tmp/won; \"",
	"a[$(touch /tmp/won)]", "x|touch /tmp/won|", "-x --proto =file $(touch /tmp/won)", "1/1;touch /tmp/won", "%s%n $(touch /tmp/won)",
}

// TestValuesAreUsedAsValues gives the payloads to every function of lib.sh.
func TestValuesAreUsedAsValues(t *testing.T) {
	text, err := os.ReadFile("lib.sh")
	require.NoError(t, err)
	for _, f := range regexp.MustCompile(`(?m)^([a-z_]+)\(\)`).FindAllStringSubmatch(string(text), -1) {
		require.Contains(t, uses, f[1], "call it with a value here")
	}
	m := newMachine(t)
	m.placed()
	m.net = network
	m.identified()
	for _, p := range payloads {
		for name, call := range uses {
			r := m.run("bash", "-c", `P=$1; . /usr/local/lib/vmmesh/lib.sh; set +e; `+call+`; :`, "bash", p)
			require.NoFileExists(t, m.path("tmp/won"), "%s %q\n%s", name, p, r.errors)
		}
	}
}

// TestScriptsUseValuesAsValues gives the payloads to every script, as all values of vm.env that choose no branch.
func TestScriptsUseValuesAsValues(t *testing.T) {
	need.All(t)
	// Values that choose a branch stay as they are.
	branches := []string{"IDENTITY", "PROBE", "FIREWALL", "DNS_MODE", "REGISTRATION", "ADDRESS_SOURCE", "CLOUD", "INTERCEPTION", "PACKAGE_FORMAT", "START", "DRAIN", "CAPTURE", "EXCLUDE_CONTAINERS", "PHONE_HOME", "UNITS"}
	for _, p := range payloads {
		for n, identity := range []string{"TokenFile", "TokenRequest", "HTTP", "SPIRE"} {
			m := newMachine(t)
			m.placed()
			m.net = network
			for name, value := range settings() {
				if slices.Contains(branches, name) {
					continue
				}
				if _, list := value.([]string); list {
					m.vars[name] = []string{p, p}
				} else {
					m.vars[name] = p
				}
			}
			m.vars["IDENTITY"] = identity
			m.vars["PROBE"] = []string{"tcpSocket", "httpGet", "tcpSocket", "exec"}[n]
			m.vars["COMMAND"], m.vars["PROBE_COMMAND"] = []string{"/bin/echo", p}, []string{"/bin/echo", p}
			m.vars["TOKEN_REQUEST_SERVER"], m.vars["HTTP_URL"] = "https://127.0.0.1:9/"+p, "https://127.0.0.1:9/"+p
			m.write("etc/vmmesh/cluster.env", "ISTIO_META_X="+quote(p)+"\n")
			m.write("etc/vmmesh/hosts", "34.56.78.90 istiod.istio-system.svc\n")
			for _, script := range []string{"address.sh", "hosts.sh", "identity.sh", "prepare.sh", "diagnose.sh", "firewall.sh"} {
				arguments := []string{"timeout", "60", "bash", "/usr/local/lib/vmmesh/" + script}
				if script == "firewall.sh" {
					arguments = append(arguments, "status")
				}
				m.env()
				r := m.run(arguments...)
				require.NoFileExists(t, m.path("tmp/won"), "%s %q\n%s", script, p, r.errors)
			}
		}
	}
}
