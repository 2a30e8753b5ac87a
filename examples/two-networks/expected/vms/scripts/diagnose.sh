#!/bin/bash
# Says what state this VM's membership is in: sudo bash diagnose.sh [--json]. It exits with the worst finding: 0 all is
# well, 1 a warning, 2 an error; 3 where it could not look. Findings name the section of RUNBOOK.md that helps.
# shellcheck disable=SC2317 # the checks are called by their names
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
[ -r "$ETC/vm.env" ] || [ ! -r "$here/vm.env" ] || ETC=$here # nothing is installed yet, and this is the bundle
if [ "${1---json}" != --json ] || [ "$(id -u)" != 0 ] || [ ! -r "$ETC/vm.env" ]; then
	note "usage, as root on a VM where install.sh ran: diagnose.sh [--json]"
	exit 3
fi
settings "$ETC/vm.env"
set +e # a check that fails is a finding

worst=0 words=(ok warning error) names=() states=() said=() sections=()

# is STATE MESSAGE [SECTION] is a finding of the check that is under way.
is() {
	names+=("$check") states+=("$1") said+=("$2") sections+=("${3-}")
	[ "$1" -le "$worst" ] || worst=$1
}
fine() { is 0 "$1"; }
odd() { is 1 "$@"; }
bad() { is 2 "$@"; }

# proxy COMMAND runs as the sidecar's user, whose traffic is not captured.
proxy() { setpriv --reuid "$(id -u istio-proxy)" --regid "$(id -g istio-proxy)" --clear-groups timeout 10 "$@" 2>/dev/null; }
get() { curl --fail --silent --noproxy '*' --globoff --insecure --max-time 5 "$@"; }
active() { systemctl --quiet is-active "$1" 2>/dev/null; }

# installed comes first: where install.sh has not succeeded, all else follows from that.
installed() {
	local why
	[ ! -e "$INSTALLED" ] || return 0
	why=$(cat "$STATE/bootstrap.error" 2>/dev/null)
	bad "install.sh has not succeeded on this VM${why:+: $why}; again: systemctl start vmmesh-bootstrap" "VM is down"
}

unit() {
	if ! active istio.service; then
		bad "istio.service is not running: journalctl -u istio -n 50" "VM is down"
	elif ! systemctl --quiet is-enabled istio.service 2>/dev/null; then
		odd "istio.service will not run after a reboot: systemctl enable istio" "VM is down"
	else
		fine "istio.service runs"
	fi
}

ready() {
	if get --output /dev/null http://127.0.0.1:15021/healthz/ready; then
		fine "the sidecar answers on 15021"
	else
		bad "port 15021 does not say ready: tail /var/log/istio/istio.err.log" "Control plane is not connected"
	fi
}

hosts() {
	local block
	block=$(sed -n '/^# BEGIN vmmesh$/,/^# END vmmesh$/p' /etc/hosts | grep -v '^#')
	if [ -z "$block" ] || { [ -s "$ETC/hosts" ] && [ "$block" != "$(cat "$ETC/hosts")" ]; }; then
		bad "/etc/hosts does not say where $VMMESH_ISTIOD_HOST is, or not what the spec says: bash $here/hosts.sh" "Control plane is not connected"
	else
		fine "${block//$'\n'/, }"
	fi
}

# reached HOST PORT connects as the agent does, and checks the certificate.
reached() {
	local code server=$1:$2
	# Where there is no certificate at all the code would be that of success.
	code=$(proxy openssl s_client -connect "$server" -servername "$1" -verify_hostname "$1" \
		-CAfile "$CERTS/root-cert.pem" </dev/null | sed -n '/^no peer certificate/q; s/ *Verify return code: //p' | head -n 1)
	if ! proxy bash -c "$CONNECT" connect "$1" "$2"; then
		bad "$server accepts no connection" "Control plane is not connected"
	elif [ -z "$code" ]; then
		bad "$server does not speak TLS, or $CERTS/root-cert.pem is not a certificate" "mTLS is refused"
	elif [ "$code" != '0 (ok)' ]; then
		bad "$server shows a certificate that $CERTS/root-cert.pem does not vouch for: $code" "mTLS is refused"
	else
		fine "$server answers, with a certificate of this mesh"
	fi
}

istiod() { reached "$VMMESH_ISTIOD_HOST" "$VMMESH_ISTIOD_PORT"; }

# shellcheck disable=SC2153 # vm.env has both
# ca is the server that signs certificates, where it is not istiod.
# shellcheck disable=SC2153
ca() { [ -z "$VMMESH_CA_HOST" ] || reached "$VMMESH_CA_HOST" "$VMMESH_CA_PORT"; }

certificate() {
	local ends starts uris file=$CERTS/cert-chain.pem
	if [ "$VMMESH_IDENTITY" = SPIRE ]; then
		if [ -S "$VMMESH_SPIRE_SOCKET" ]; then fine "SPIRE gives it"; else bad "SPIRE's socket $VMMESH_SPIRE_SOCKET is not there" Token; fi
		return
	fi
	ends=$(cert_date "$file" enddate) starts=$(cert_date "$file" startdate) uris=$(cert_names "$file")
	if [ -z "$ends" ] || [ ! -s "$CERTS/key.pem" ]; then
		bad "there is none in $CERTS" Token
	elif [ "$ends" -le "$NOW" ]; then
		bad "it ended $(when "$ends")" "Certificate is near its end"
	elif [ "$starts" -gt "$NOW" ]; then
		bad "it begins only $(when "$starts"): this VM's clock is behind" Clock
	elif ! grep -qxF "$NAME" <<<"$uris"; then
		bad "it is for $uris and this VM is $NAME" Token
	elif [ -s "$CERTS/root-cert.pem" ] && ! openssl verify -CAfile "$CERTS/root-cert.pem" -untrusted "$file" "$file" >/dev/null 2>&1; then
		bad "$CERTS/root-cert.pem does not vouch for it, so istiod refuses it: systemctl restart istio" "mTLS is refused"
	elif [ $(((ends - NOW) * 4)) -le $((ends - starts)) ]; then
		odd "it ends $(when "$ends") and should have been renewed" "Certificate is near its end"
	else
		fine "good until $(when "$ends")"
	fi
}

# token looks at what the sidecar would send. A good certificate, just looked at, needs none.
token() {
	local ends claims wrong='' needed with=
	case $VMMESH_IDENTITY in
	GCE | SPIRE) return ;;
	esac
	if [ "${states[-1]}" = 2 ]; then
		needed=bad
	elif [ -n "$VMMESH_CA_HOST" ]; then
		needed=odd with=", and $VMMESH_CA_HOST renews a certificate for a valid token only"
	else
		needed=fine with=", and with a good certificate none is needed"
	fi
	if [ ! -s "$TOKEN" ]; then
		$needed "there is none in $TOKEN$with" Token
		return
	fi
	claims=$(claims "$(cat "$TOKEN")") ends=$(expiry "$(cat "$TOKEN")")
	if [ "$(stat -c '%U %a' "$TOKEN")" != "istio-proxy 600" ]; then
		odd "$TOKEN should be istio-proxy's with mode 600 and is $(stat -c '%U with %a' "$TOKEN")" Token
	fi
	if [[ $claims == *\"aud\"* && $claims != *'"istio-ca"'* ]]; then
		wrong="it is not for audience istio-ca"
	elif [[ $claims == *'"system:serviceaccount:'* && $claims != *"\"system:serviceaccount:$VMMESH_NAMESPACE:$VMMESH_SERVICE_ACCOUNT\""* ]]; then
		wrong="it is not for service account $VMMESH_NAMESPACE/$VMMESH_SERVICE_ACCOUNT"
	elif [ "${ends:-$((NOW + 1))}" -le "$NOW" ]; then
		wrong="it ended $(when "$ends")"
	fi
	if [ -n "$wrong" ]; then
		$needed "$wrong$with" Token
	else
		fine "$(((NOW - $(stat -c %Y "$TOKEN")) / 60)) minutes old${ends:+, good until $(when "$ends")}"
	fi
}

address() {
	local text own
	if ! text=$(bash "$here/address.sh" 2>&1); then
		text=${text#*error: }
		bad "${text%%$'\n'*}" "Registration fails"
		return
	fi
	own=$(value ISTIO_SVC_IP - <<<"$text")
	if [ "$own" = "$(value ISTIO_SVC_IP "$ENV" 2>/dev/null)" ]; then
		fine "others dial $own"
	else
		odd "others should dial $own, and istio was not started with it: systemctl restart istio" "Registration fails"
	fi
}

capture() {
	case $VMMESH_INTERCEPTION:$(rules) in
	NONE:*ISTIO_* | NONE:*istio-proxy-*) odd "traffic is captured, and vm.interception.mode is NONE: systemctl restart istio" "VM is down" ;;
	NONE:*) fine "none, as the spec says" ;;
	*:*ISTIO_* | *:*istio-proxy-*) fine "traffic goes through the sidecar" ;;
	*) bad "no rule of Istio's is there, so traffic goes past the sidecar: systemctl restart istio" "VM is down" ;;
	esac
}

dns() {
	local name=kubernetes.default.svc.$VMMESH_CLUSTER_DOMAIN
	if [ "$VMMESH_DNS_MODE" = None ]; then
		fine "left to this VM, as the spec says"
	elif [ "$VMMESH_DNS_MODE" = Proxy ] && [[ $(get http://127.0.0.1:15020/debug/ndsz) != *'"table"'* ]]; then
		bad "the agent has no names from istiod, so every captured query fails" "Names do not resolve"
	elif [ "$VMMESH_DNS_MODE" = Forward ] && ! active systemd-resolved.service; then
		bad "systemd-resolved, which should ask ${VMMESH_DNS_SERVERS[*]}, is not running" "Names do not resolve"
	elif timeout 10 getent ahosts "$name" >/dev/null; then
		fine "$name resolves"
	else
		odd "$name does not resolve" "Names do not resolve"
	fi
}

# probe asks the application what the agent asks it, as the agent does.
probe() {
	local host=$VMMESH_PROBE_HOST what=
	[ -n "$host" ] || host=$(value ISTIO_SVC_IP "$ENV" 2>/dev/null)
	case $VMMESH_PROBE in
	httpGet)
		what=${VMMESH_PROBE_SCHEME:-http}
		what=${what,,}://$host:$VMMESH_PROBE_PORT/${VMMESH_PROBE_PATH#/}
		;;
	tcpSocket) what=$host:$VMMESH_PROBE_PORT ;;
	exec) ;;
	*) return ;;
	esac
	if [ "$(bash "$here/rotation.sh" status)" = out ]; then
		odd "this VM is out of rotation: bash $here/rotation.sh join" "Probe fails"
		return
	fi
	proxy bash "$here/probe.sh" application >/dev/null
	case $? in
	0) fine "$VMMESH_PROBE $what succeeds" ;;
	*) bad "$VMMESH_PROBE $what fails, so no traffic comes here" "Probe fails" ;;
	esac
}

firewall() {
	local more
	[ "$VMMESH_FIREWALL" = None ] || case $(bash "$here/firewall.sh" status 2>&1) in
	confirmed)
		more=$(bash "$here/firewall.sh" wider 2>/dev/null)
		if [ -n "$more" ]; then
			odd "$VMMESH_FIREWALL has this mesh's rules, and others open more: ${more//$'\n'/; }" Firewall
		else
			fine "$VMMESH_FIREWALL has this mesh's rules"
		fi
		;;
	trial) odd "new rules are on trial: bash $here/firewall.sh confirm" Firewall ;;
	*) bad "$VMMESH_FIREWALL does not have this mesh's rules: bash $here/firewall.sh apply" Firewall ;;
	esac
}

clock() {
	if [ "$(timedatectl show --property NTPSynchronized --value 2>/dev/null)" = no ]; then
		odd "it is not synchronized, and says $(when "$NOW")" Clock
	else
		fine "$(when "$NOW")"
	fi
}

# text prints a JSON string.
text() {
	local s=${1//\\/\\\\}
	s=${s//\"/\\\"}
	printf '"%s"' "${s//[[:cntrl:]]/ }"
}

for check in installed unit ready hosts istiod ca certificate token address capture dns probe firewall clock; do
	$check
done
if [ $# = 1 ]; then
	printf '{"namespace":%s,"workload":%s,"group":%s,"files":%s,"status":"%s","findings":[' \
		"$(text "$VMMESH_NAMESPACE")" "$(text "$VMMESH_WORKLOAD")" "$(text "$VMMESH_GROUP")" "$(text "${VMMESH_FILES_HASH-}")" "${words[worst]}"
	for i in "${!names[@]}"; do
		printf '%s{"check":"%s","status":"%s","message":%s,"section":"%s"}' "${comma-}" "${names[i]}" "${words[states[i]]}" "$(text "${said[i]}")" "${sections[i]}"
		comma=,
	done
	echo ']}'
else
	printf '%s/%s, group %s, files %s\n\n' "$VMMESH_NAMESPACE" "$VMMESH_WORKLOAD" "$VMMESH_GROUP" "${VMMESH_FILES_HASH-unknown}"
	for i in "${!names[@]}"; do
		printf '%-8s %-12s %s\n' "${words[states[i]]}" "${names[i]}" "${said[i]}"
		[ -z "${sections[i]}" ] || printf '%21s see RUNBOOK.md, "%s"\n' '' "${sections[i]}"
	done
fi
exit "$worst"
