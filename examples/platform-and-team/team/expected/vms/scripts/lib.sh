# shellcheck shell=bash disable=SC2034,SC2119,SC2120
# What vmmesh's scripts share. All that they say goes to standard error: the journal, under systemd.
set -euo pipefail
umask 022
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

ETC=/etc/vmmesh       # what the spec says
STATE=/var/lib/vmmesh # what outlives a reboot
CERTS=/etc/certs
TOKEN=/var/run/secrets/tokens/istio-token
UDS=/var/run/secrets/workload-spiffe-uds
ENV=/var/lib/istio/envoy/cluster.env
PROXY=istio-proxy:istio-proxy
LOCK=/run/vmmesh
INSTALLED=$STATE/installed         # there once install.sh has succeeded
OUT=$STATE/rotation/out            # there while an operator keeps this VM out of rotation
STOPPING=/run/vmmesh-rotation/stop # there while the sidecar is about to stop
HELD=/run/vmmesh-held              # there once the application was not started, for want of a ready sidecar
NOW=$(date +%s)
CHANGED= # "yes" once put has written something
TEMP=    # what an early end must not leave behind
trap 'rm -rf ${TEMP:+"$TEMP"}' EXIT

note() { printf 'vmmesh: %s\n' "$*" >&2; }
warn() { note "warning: $*"; }

# die WHAT [HELP]
die() {
	note "error: $1"
	[ $# -lt 2 ] || note "  $2"
	exit 1
}

has() { command -v "$1" >/dev/null; }

# alone SCRIPT ARGUMENTS starts the script again, as root and under a lock that the programs it calls do not inherit.
alone() {
	[ "$(id -u)" = 0 ] || die "this needs root" "sudo bash $*"
	[ -z "${VMMESH_LOCKED-}" ] || return 0
	local status=0
	install -d -m 0700 "$LOCK" # nobody else can hold what nobody else can open
	VMMESH_LOCKED=yes flock --timeout 600 --conflict-exit-code 75 --close "$LOCK/lock" bash "$@" || status=$?
	[ "$status" != 75 ] || die "another run of vmmesh has held its lock for ten minutes" "fuser -v $LOCK/lock"
	exit "$status"
}

# settings FILE reads vm.env; its values are quoted.
settings() {
	[ -r "$1" ] || die "$1 is missing" "copy vms/scripts and the group's folder to this VM and run: sudo bash scripts/install.sh <group>"
	# shellcheck source=/dev/null
	. "$1"
	NAME=spiffe://$VMMESH_TRUST_DOMAIN/ns/$VMMESH_NAMESPACE/sa/$VMMESH_SERVICE_ACCOUNT
}

# addresses prints those of the interfaces, or of one.
addresses() {
	local cidr
	ip -o addr show "$@" | while read -r _ _ _ cidr _; do
		echo "${cidr%%/*}"
	done
}

# instance TABLE sets found to this VM's line of the table of instances, "" where it has none.
instance() {
	local line mine
	found=
	[ -e "$1" ] || return 0
	mine=$(addresses)
	while IFS= read -r line; do
		grep -qxF -e "${line%%$'\t'*}" <<<"$mine" || continue
		[ -z "$found" ] || die "two instances of group $VMMESH_GROUP are at addresses of this VM: ${found//$'\t'/ } and ${line//$'\t'/ }" \
			"boot it from the user-data of its own, or give each VM its own address in the spec"
		found=$line
	done <"$1"
}

# put MODE OWNER FILE writes standard input to FILE, at once and with its owner and mode, unless it is so already. The
# folder must be root's alone: whoever else may change it could lead the write elsewhere. See hand for those of istio-proxy.
put() {
	TEMP=$(mktemp "$3.XXXXXX") || die "$3 could not be written" # 0600 until it is complete
	if ! { cat >"$TEMP" && chown "$2" "$TEMP" && chmod "$1" "$TEMP"; }; then
		die "$3 could not be written"
	fi
	if [ -f "$3" ] && cmp -s "$TEMP" "$3" && [ "$(stat -c '%F %a %u:%g' "$TEMP")" = "$(stat -c '%F %a %u:%g' "$3")" ]; then
		rm -f "$TEMP"
	else
		mv -f -T "$TEMP" "$3" || die "$3 could not be written"
		! has restorecon || restorecon "$3"
		CHANGED=yes
	fi
	TEMP=
}

# proxied COMMAND runs a command as istio-proxy, with no right of root's.
proxied() {
	setpriv --reuid istio-proxy --regid istio-proxy --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all -- "$@"
}

# hand MODE FILE writes standard input to FILE in a folder of istio-proxy's, as istio-proxy: a link that istio-proxy put
# there leads to nothing that it could not write itself.
hand() {
	# shellcheck disable=SC2016 # the inner shell expands these
	proxied bash -euc '
		umask 077
		temp=$(mktemp "$2.XXXXXX")
		trap "rm -f \"\$temp\"" EXIT
		cat >"$temp"
		chmod "$1" "$temp"
		if [ ! -L "$2" ] && [ -f "$2" ] && [ -O "$2" ] && timeout 10 cmp -s "$temp" "$2" && [ "$(stat -c %a "$2")" = "$(stat -c %a "$temp")" ]; then exit; fi
		mv -f -T "$temp" "$2"' hand "$1" "$2" || die "$2 could not be written"
	! has restorecon || restorecon "$2"
}

# folder OWNER DIR makes DIR a folder of OWNER, and of nobody else. What is above it must be root's alone, so that it cannot
# be changed meanwhile; something else at its place, such as a link, was put there by whoever had it before, and goes.
folder() {
	if [ -L "$2" ] || { [ -e "$2" ] && [ ! -d "$2" ]; }; then
		warn "$2 is not a folder: it is made one"
		rm -f "$2" || die "$2 is in the way"
	fi
	[ -d "$2" ] || mkdir "$2" || die "$2 could not be made"
	if ! { chown -h "$1" "$2" && chmod 0755 "$2"; }; then
		die "$2 could not be given to $1"
	fi
}

# fetch URL OPTIONS of curl: https alone, also after a redirect, and never for ever.
fetch() {
	curl --fail --silent --show-error --globoff --proto '=https' --proto-redir '=https' --connect-timeout 10 \
		--retry 3 --retry-delay 2 --retry-connrefused "${@:2}" --url "$1"
}

# value KEY FILE prints the value of a line KEY='value'.
value() { sed -n "s/^$1='\(.*\)'\$/\1/p" "$2"; }

# cert_date FILE startdate|enddate prints a date of a certificate, in seconds since 1970.
cert_date() {
	local date
	[ -f "$1" ] && date=$(timeout 10 openssl x509 -in "$1" -noout "-$2" 2>/dev/null) || return
	date -d "${date#*=}" +%s
}

# cert_names FILE prints the URIs that a certificate is for.
cert_names() { [ ! -f "$1" ] || timeout 10 openssl x509 -in "$1" -noout -text 2>/dev/null | sed 's/[, ]\{1,\}/\n/g' | sed -n 's/^URI://p'; }

# claims TOKEN prints what a JWT says.
claims() {
	local body=${1#*.}
	body=${body%%.*}
	while [ $((${#body} % 4)) != 0 ]; do body+='='; done
	tr '_-' '/+' <<<"$body" | base64 -d 2>/dev/null | tr -d '\000' || :
}

# expiry TOKEN prints when a JWT ends, in seconds since 1970; nothing where it does not say.
expiry() { claims "$1" | sed -n 's/.*"exp" *: *\([0-9]\{1,12\}\).*/\1/p'; }

when() { date -u -d "@$1" '+%F %H:%M UTC'; }

# CONNECT opens a TCP connection to its arguments, a host and a port. Values are arguments: no part of a program's text.
# shellcheck disable=SC2016 # the inner shell expands these
CONNECT='exec 3<>"/dev/tcp/$1/$2"'

# sidecar_ready reports whether Envoy has its configuration.
sidecar_ready() { curl -q --fail --silent --noproxy '*' --max-time 2 --output /dev/null http://127.0.0.1:15021/healthz/ready; }

# rules prints what istio-iptables may have made, in every variant that this system has: the agent chooses one by itself, and
# takes the legacy one where its table exists.
rules() {
	local tool
	for tool in iptables iptables-legacy iptables-nft ip6tables ip6tables-legacy ip6tables-nft; do
		! has "$tool-save" || "$tool-save" 2>/dev/null || :
	done
	! has nft || nft list tables 2>/dev/null || :
}

# captured reports whether traffic goes through the sidecar.
captured() {
	local all
	all=$(rules)
	[[ $all == *ISTIO_* || $all == *istio-proxy-* ]]
}

# open HOST PORT reports whether a TCP connection is accepted.
open() { timeout 5 bash -c "$CONNECT" connect "$1" "$2" 2>/dev/null; }
