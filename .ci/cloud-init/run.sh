# The scenarios: run.sh WORK DEBIAN-ROOT BUILT-TREE, in mount, network and PID namespaces of its own.
set -euo pipefail
work=$1 debian=$2 built=$3/vms/vm-workloads
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=
# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$here/machine.sh"

ip link set lo up
ip link add vm type veth peer name far
ip address add 192.168.1.1/24 dev far
ip address add 192.168.1.100/24 dev vm
ip link set far up
ip link set vm up

# authority, istiod's certificate, and the VM's own in three states.
pki=$work/pki
mkdir -p "$pki/new"
cat >"$pki/ca.cnf" <<CNF
[ca]
default_ca = a
[a]
new_certs_dir = $pki/new
database = $pki/index
rand_serial = yes
default_md = sha256
policy = p
copy_extensions = copy
unique_subject = no
[p]
organizationName = optional
CNF
: >"$pki/index"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/root.key" -out "$pki/root.pem" -subj /O=mesh -days 30 2>/dev/null

# issue NAME URI-OR-DNS FROM TO makes a certificate that is valid from and to these times.
issue() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/$1.key" -subj /O=x -addext "subjectAltName=$2" -out "$pki/$1.csr" 2>/dev/null
	openssl ca -batch -config "$pki/ca.cnf" -cert "$pki/root.pem" -keyfile "$pki/root.key" -in "$pki/$1.csr" -out "$pki/$1.pem" -notext \
		-startdate "$(date -u -d "$3" +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "$4" +%Y%m%d%H%M%SZ)" 2>/dev/null
}
name=URI:spiffe://cluster.local/ns/vm-workloads/sa/hello
issue istiod DNS:istiod.istio-system.svc '-1 hour' '+1 day'
issue good "$name" '-1 hour' '+23 hours'
issue late "$name" '-20 hours' '+1 hour'
issue ended "$name" '-25 hours' '-1 hour'

servers() {
	python3 "$here/servers.py" "$work/mirror" "$pki/istiod.pem" "$pki/istiod.key" &
	server=$!
	await 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8000 4<>/dev/tcp/192.168.1.1/15012'
}
servers

# version prints state and version of the package.
# shellcheck disable=SC2016 # dpkg-query expands it
version() { enter dpkg-query -W -f '${Status} ${Version}' istio-sidecar; }

# mode PATH prints owner and mode.
mode() { enter stat -L -c '%a %U:%G' "$1"; }

# finished waits for cloud-init, which must have had no error and no doubt.
finished() {
	equal "cloud-init" "status: done" "$(enter cloud-init status --wait | tr -d '.\n')"
	if enter grep -E 'WARNING|ERROR|CRITICAL|Traceback' /var/log/cloud-init.log; then
		fail "cloud-init's log has warnings"
	fi
	check "no warning in cloud-init's log"
}

new first-boot
seed "$built/hello/user-data"
boot
finished
equal "the package" "install ok installed $PACKAGE" "$(version)"
equal "/etc/istio is the package's link" /var/lib/istio "$(enter readlink /etc/istio)"
equal "units that start at boot" "enabled enabled" "$(enter systemctl is-enabled istio.service vmmesh-identity.timer | xargs)"
equal "istio.service without a token" activating "$(enter systemctl is-active istio.service || true)"
enter journalctl --no-pager -u istio >"$work/journal"
has "the journal says why" "$work/journal" "/var/lib/vmmesh/istio-token is not there yet"
diagnosis 2 unit=error ready=error istiod=error certificate=error token=error capture=error dns=error

echo "  -- the token arrives"
install -d "$root/srv/issued"
cp "$pki/good.pem" "$root/srv/issued/cert-chain.pem"
cp "$pki/good.key" "$root/srv/issued/key.pem"
chmod -R a+rX "$root/srv/issued"
chmod a+r "$root/srv/issued/key.pem"
header=$(printf '{"alg":"none"}' | base64 -w0)
claims=$(printf '{"aud":["istio-ca"],"sub":"system:serviceaccount:vm-workloads:hello","exp":%d}' "$(($(date +%s) + 3600))" | base64 -w0 | tr -d =)
token=${header%%=*}.$claims.signature
enter bash -c 'umask 077; cat >/var/lib/vmmesh/root-cert.pem' <"$pki/root.pem"
enter bash -c 'umask 077; cat >/var/lib/vmmesh/istio-token' <<<"$token"
await 30 enter curl -fsS http://127.0.0.1:15021/healthz/ready
check "istio.service came up by itself"

# running looks at everything that the sidecar needs, where it needs it.
running() {
	equal "cluster.env" "644 root:root" "$(mode /var/lib/istio/envoy/cluster.env)"
	# prepare.sh adds the groups of this machine whose traffic is not captured.
	cmp <(grep -v '^ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE=' "$root/var/lib/istio/envoy/cluster.env") "$built/hello/vm1/cluster.env" || fail "cluster.env is not the instance's"
	check "cluster.env is the one that the output has for vm1"
	equal "config/mesh" "644 root:root" "$(mode /var/lib/istio/config/mesh)"
	cmp "$root/var/lib/istio/config/mesh" "$built/hello/mesh.yaml" || fail "config/mesh is not mesh.yaml"
	equal "root-cert.pem" "644 istio-proxy:istio-proxy" "$(mode /etc/certs/root-cert.pem)"
	cmp "$root/etc/certs/root-cert.pem" "$pki/root.pem" || fail "another root certificate"
	equal "the delivered token" "600 root:root" "$(mode /var/lib/vmmesh/istio-token)"
	equal "drop-in" "644 root:root" "$(mode /etc/systemd/system/istio.service.d/10-vmmesh.conf)"
	equal "the application's drop-in" "644 root:root" "$(mode /etc/systemd/system/hello.service.d/10-vmmesh.conf)"
	equal "blocks in /etc/hosts" 1 "$(grep -c '^# BEGIN vmmesh$' "$root/etc/hosts")"
	equal "lines for istiod" 1 "$(grep -c '^192\.168\.1\.1 istiod\.istio-system\.svc$' "$root/etc/hosts")"
	has "cloud-init's own /etc/hosts" "$root/etc/hosts" "127.0.1.1 vm1 vm1"
	python3 - "$root/var/log/istio/found.json" <<'PY' || fail "the agent found something else"
import json, sys
with open(sys.argv[1]) as f:
    found = json.load(f)
assert found["user"] == "istio-proxy", found
assert found["env"]["ISTIO_SVC_IP"] == "192.168.1.100", found
assert found["env"]["ISTIO_META_WORKLOAD_ENTRY"] == "hello-vm1", found
want = "it's \"{{ v1.region }}\" {% raw %} 100% $(id) `id` \\ # \u00fcn\u00efcode MIME-Version: 1.0"
assert found["env"]["QUOTES"] == want, found
PY
	check "the agent is istio-proxy, knows its address, and QUOTES arrived as it was written"
}

# asked looks at the token, which is there only after it was needed.
asked() {
	equal "istio-token" "600 istio-proxy:istio-proxy" "$(mode /var/run/secrets/tokens/istio-token)"
	equal "what the agent sent" "$token" "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["token"])' "$root/var/log/istio/found.json")"
}
asked
running
diagnosis 0

echo "  -- the states of its certificate, its agent and istiod"
# certificate NAME is what the agent has got.
certificate() {
	cp "$pki/$1.pem" "$root/etc/certs/cert-chain.pem"
	cp "$pki/$1.key" "$root/etc/certs/key.pem"
}
certificate late
diagnosis 1 certificate=warning
certificate ended
diagnosis 2 certificate=error
certificate good
enter systemctl stop istio.service
diagnosis 2 unit=error ready=error capture=error dns=error
enter systemctl start istio.service
await 30 enter curl -fsS http://127.0.0.1:15021/healthz/ready
kill "$server"
wait "$server" 2>/dev/null || true
diagnosis 2 istiod=error
servers
diagnosis 0

echo "  -- a second run"
picture >"$work/before"
enter bash /var/lib/vmmesh/bundle/install.sh >"$work/again" 2>&1 || {
	cat "$work/again"
	fail "install.sh again"
}
picture >"$work/after"
diff "$work/before" "$work/after" || fail "a second run of install.sh changes something"
[ "$(grep -c /usr/local/lib/vmmesh/ "$work/before")" -gt 10 ] || fail "the picture misses our files"
check "install.sh again changes no file"

echo "  -- a reboot"
halt
boot
finished
await 30 enter curl -fsS http://127.0.0.1:15021/healthz/ready
equal "times that cloud-init wrote /etc/hosts" 2 "$(grep -c 'Writing to /etc/hosts ' "$root/var/log/cloud-init.log")"
running
equal "tokens asked for, with a good certificate" 0 "$(enter find /var/run/secrets/tokens -type f | wc -l)"
equal "the application waited for the sidecar" yes "$(enter sh -c '[ -e /run/sidecar-was-ready ] && echo yes')"
diagnosis 0
picture >"$work/after"
diff "$work/before" "$work/after" || fail "a reboot changes something"
check "a reboot changes no file"
enter bash -c 'rm /etc/certs/cert-chain.pem /etc/certs/key.pem && systemctl restart istio.service'
await 30 enter curl -fsS http://127.0.0.1:15021/healthz/ready
echo "  -- the certificate is lost"
asked
halt

echo "  -- a newer package"
sed -i "s/^VMMESH_PACKAGE_VERSION=.*/VMMESH_PACKAGE_VERSION='$NEWER'/; s/^\\(VMMESH_PACKAGE_SHA256_DEB_[A-Z0-9]*\\)='..*'/\\1='$NEWERSUM'/" "$root/var/lib/vmmesh/bundle/vm.env"
echo "MINE='kept'" >>"$root/var/lib/istio/envoy/sidecar.env"
boot
enter bash /var/lib/vmmesh/bundle/install.sh >"$work/upgrade" 2>&1 || {
	cat "$work/upgrade"
	fail "the upgrade"
}
equal "the package" "install ok installed $NEWER" "$(version)"
has "the operator's configuration file" "$root/var/lib/istio/envoy/sidecar.env" "MINE='kept'"
await 30 enter curl -fsS http://127.0.0.1:15021/healthz/ready
diagnosis 0
halt

new tampered-package
seed "$GZIPPED"
equal "the user-data" "gzip" "$(head -c 2 "$GZIPPED" | od -An -tx1 | sed 's/ 1f 8b/gzip/')"
file=$(basename "$(ls "$work/mirror/$PACKAGE"/deb/*.deb)")
cp "$work/mirror/$PACKAGE/deb/$file" "$work/true.deb"
printf x >>"$work/mirror/$PACKAGE/deb/$file"
boot
status=$(enter cloud-init status --wait | tr -d '.\n' || true)
equal "cloud-init" "status: error" "$status"
has "what cloud-init's log says" "$root/var/log/cloud-init-output.log" "is not what it should be: its SHA-256 is not"
equal "the package" absent "$(enter dpkg-query -W istio-sidecar >/dev/null 2>&1 || echo absent)"
for path in /etc/istio /usr/local/bin/pilot-agent /var/lib/vmmesh/installed; do
	if [ -e "$root$path" ] || [ -L "$root$path" ]; then
		fail "$path is there"
	fi
done
check "nothing was installed"
equal "the bootstrap unit" "failed enabled" "$(enter systemctl is-failed vmmesh-bootstrap.service || true) $(enter systemctl is-enabled vmmesh-bootstrap.service)"
has "the application does not start without the mesh" "$root/etc/systemd/system/hello.service.d/10-vmmesh.conf" Requires=vmmesh-ready.service
status=0
# The largest user-data goes without diagnose.sh, which is then copied there.
cp "$built/../scripts/diagnose.sh" "$root/var/lib/vmmesh/bundle/"
enter bash /var/lib/vmmesh/bundle/diagnose.sh >"$work/early" 2>&1 || status=$?
equal "diagnose.sh before anything is installed" 2 "$status"
has "and it says" "$work/early" "install.sh has not succeeded on this VM: "
cp "$work/true.deb" "$work/mirror/$PACKAGE/deb/$file"
enter bash /var/lib/vmmesh/bundle/install.sh >"$work/repaired" 2>&1 || {
	cat "$work/repaired"
	fail "the true package afterwards"
}
equal "with the true package, after that" "install ok installed $PACKAGE" "$(version)"
halt

new beside-anothers
python3 - "$PACKED" "$work/multipart" <<'PY'
import sys
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
with open(sys.argv[1]) as f:
    ours = f.read()
theirs = "#cloud-config\nwrite_files:\n- {path: /srv/theirs, content: here}\nruncmd:\n- [sh, -c, 'echo $(ls /usr/local/lib/vmmesh 2>&1) >/srv/first']\n"
both = MIMEMultipart(boundary="==boundary==")
for text in (theirs, ours):
    both.attach(MIMEText(text, "cloud-config"))
with open(sys.argv[2], "w") as f:
    f.write(both.as_string())
PY
has "the user-data" "$PACKED" "encoding: gz+b64"
seed "$work/multipart"
boot
finished
equal "their file" here "$(enter cat /srv/theirs)"
has "their command ran, before ours" "$root/srv/first" "No such file"
equal "our package" "install ok installed $PACKAGE" "$(version)"
equal "our scripts, out of the archive" "755 root:root" "$(mode /var/lib/vmmesh/bundle/install.sh)"
equal "merged lists of write_files" "2" "$(enter python3 -c 'import yaml; print(len(yaml.safe_load(open("/var/lib/cloud/instance/cloud-config.txt"))["write_files"]))')"
halt

new rpm
rm -f "$root"/usr/bin/{apt-get,apt,dpkg,dpkg-query}
cp "$work/base.rpm" "$root/srv/"
mkdir -p "$root/var/lib/vmmesh/bundle"
find "$built/../scripts" "$built/hello" -maxdepth 1 -type f -exec cp {} "$root/var/lib/vmmesh/bundle/" \;
boot
enter rpm --install /srv/base.rpm
file=$(basename "$(ls "$work/mirror/$PACKAGE"/rpm/*.rpm)")
cp "$work/mirror/$PACKAGE/rpm/$file" "$work/true.rpm"
printf x >>"$work/mirror/$PACKAGE/rpm/$file"
status=0
enter bash /var/lib/vmmesh/bundle/install.sh >"$work/rpm.log" 2>&1 || status=$?
equal "a tampered rpm" 1 "$status"
has "and it says" "$work/rpm.log" "is not what it should be: its SHA-256 is not"
equal "the package" absent "$(enter rpm --quiet -q istio-sidecar || echo absent)"
cp "$work/true.rpm" "$work/mirror/$PACKAGE/rpm/$file"
enter bash /var/lib/vmmesh/bundle/install.sh >"$work/rpm.log" 2>&1 || {
	cat "$work/rpm.log"
	fail "the rpm"
}
equal "the package" "$PACKAGE-1" "$(enter rpm -q --qf '%{VERSION}-%{RELEASE}' istio-sidecar)"
equal "/etc/istio is the package's link" /var/lib/istio "$(enter readlink /etc/istio)"
await 30 grep -q '^# END vmmesh$' "$root/etc/hosts" # the first start has done what it can without a token
picture >"$work/before"
enter bash /var/lib/vmmesh/bundle/install.sh >"$work/rpm.log" 2>&1 || {
	cat "$work/rpm.log"
	fail "the rpm again"
}
picture >"$work/after"
diff "$work/before" "$work/after" || fail "a second run changes something"
check "a second run changes no file"
halt
