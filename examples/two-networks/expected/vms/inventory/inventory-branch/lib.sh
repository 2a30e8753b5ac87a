# shellcheck shell=bash
# shellcheck disable=SC2034 # what others use
# What vmmesh's scripts share; they source it. All that they say goes to standard error: the journal, under systemd.
set -euo pipefail
umask 022
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

ETC=/etc/vmmesh            # what the spec says
STATE=/var/lib/vmmesh      # what must outlive a reboot
CERTS=/etc/certs           # where the agent keeps its certificate
TOKEN=/var/run/secrets/tokens/istio-token
USER_GROUP=istio-proxy:istio-proxy
CHANGED=                   # "yes" once put has written something
TEMP=                      # what an early end must not leave behind
trap 'rm -rf ${TEMP:+"$TEMP"}' EXIT

note() { printf 'vmmesh: %s\n' "$*" >&2; }
warn() { note "warning: $*"; }

# die WHAT [MEND] ends the script.
die() {
	note "error: $1"
	[ $# -lt 2 ] || note "  $2"
	exit 1
}

has() { command -v "$1" >/dev/null; }

# alone SCRIPT ARGUMENTS makes the script run as root and never beside another run of vmmesh: it starts it again under
# a lock, which the programs it calls do not inherit.
alone() {
	[ "$(id -u)" = 0 ] || die "this needs root" "sudo bash $*"
	[ -z "${VMMESH_LOCKED-}" ] || return 0
	local status=0
	VMMESH_LOCKED=yes flock --timeout 600 --conflict-exit-code 75 --close /run/vmmesh.lock bash "$@" || status=$?
	[ "$status" != 75 ] || die "another run of vmmesh has held /run/vmmesh.lock for ten minutes" "see what it waits for: fuser -v /run/vmmesh.lock"
	exit "$status"
}

# settings FILE reads vm.env. Its values are quoted, so they arrive as they are.
settings() {
	[ -r "$1" ] || die "$1 is missing" "copy the group's whole folder to this VM and run: sudo bash install.sh"
	# shellcheck source=/dev/null
	. "$1"
}

# put MODE OWNER FILE writes standard input to FILE, at once and with its owner and mode, unless it is so already.
put() {
	local mode=$1 owner=$2 file=$3
	TEMP=$(mktemp "$file.XXXXXX") || die "$file could not be written" # 0600 until it is complete
	if ! { cat >"$TEMP" && chown "$owner" "$TEMP" && chmod "$mode" "$TEMP"; }; then
		die "$file could not be written" "see \`df ${file%/*}\`"
	fi
	if cmp -s "$TEMP" "$file" && [ "$(stat -c '%a %u:%g' "$TEMP")" = "$(stat -c '%a %u:%g' "$file")" ]; then
		rm -f "$TEMP"
	else
		mv -f "$TEMP" "$file" || die "$file could not be written"
		! has restorecon || restorecon "$file"
		CHANGED=yes
	fi
	TEMP=
}

# fetch URL OPTIONS of curl: https alone, also after a redirect, and never for ever.
fetch() {
	curl --fail --silent --show-error --globoff --proto '=https' --proto-redir '=https' --connect-timeout 10 \
		--retry 3 --retry-delay 2 --retry-connrefused "${@:2}" --url "$1"
}

# cert_date FILE startdate|enddate prints a date of the first certificate in FILE, in seconds since 1970.
cert_date() {
	local date
	date=$(openssl x509 -in "$1" -noout "-$2" 2>/dev/null) || return
	date -d "${date#*=}" +%s
}

# expiry TOKEN prints when a JWT ends, in seconds since 1970; nothing where it does not say.
expiry() {
	local body=${1#*.}
	body=${body%%.*}
	while [ $((${#body} % 4)) != 0 ]; do body+='='; done
	tr '_-' '/+' <<<"$body" | base64 -d 2>/dev/null | sed -n 's/.*"exp" *: *\([0-9]\{1,12\}\).*/\1/p' || :
}

when() { date -u -d "@$1" '+%Y-%m-%d %H:%M UTC'; }
