#!/bin/bash
# Takes this VM out of the mesh: it ends as if it had never been a member. It can be run again, and goes on where it ended.
#
#   sudo bash uninstall.sh [--keep-package]
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
alone "${BASH_SOURCE[0]}" "$@"
[ "${1---keep-package}" = --keep-package ] || die "unknown argument $1" "usage: sudo bash uninstall.sh [--keep-package]"
[ -r "$ETC/vm.env" ] || [ ! -r "$here/vm.env" ] || ETC=$here
if [ ! -r "$ETC/vm.env" ]; then
	note "this VM is not a member of a mesh: nothing was changed"
	exit 0
fi
settings "$ETC/vm.env"
LIB=/usr/local/lib/vmmesh
UNITS=/etc/systemd/system
LEFT= # what could not be taken away

# try COMMAND goes on after a failure, which the last line reports.
try() { "$@" || LEFT+="${LEFT:+, }$1 ${*: -1}"; }

# clean removes Istio's rules in every variant, with the agent where it is still here.
clean() {
	local tool table chain rule words
	! has pilot-agent || timeout 60 pilot-agent istio-clean-iptables >/dev/null 2>&1 || :
	for tool in iptables iptables-legacy iptables-nft ip6tables ip6tables-legacy ip6tables-nft; do
		has "$tool-save" || continue
		for table in nat mangle raw; do
			"$tool-save" -t "$table" 2>/dev/null | sed -n 's/^-A \(.*ISTIO_.*\)/\1/p' | while IFS= read -r rule; do
				read -ra words <<<"$rule"
				[[ ${words[0]} == ISTIO_* ]] || "$tool" -t "$table" -D "${words[@]}" 2>/dev/null || :
			done
			for chain in $("$tool-save" -t "$table" 2>/dev/null | sed -n 's/^:\(ISTIO_[A-Z0-9_]*\).*/\1/p'); do
				"$tool" -t "$table" -F "$chain" 2>/dev/null || :
			done
			for chain in $("$tool-save" -t "$table" 2>/dev/null | sed -n 's/^:\(ISTIO_[A-Z0-9_]*\).*/\1/p'); do
				"$tool" -t "$table" -X "$chain" 2>/dev/null || :
			done
		done
	done
	! has nft || nft list tables 2>/dev/null | sed -n 's/^table \([a-z0-9]*\) \(istio-proxy-[a-z]*\)$/\1 \2/p' | while read -r table chain; do
		nft delete table "$table" "$chain" || :
	done
}

# manage is systemctl where systemd runs.
manage() { [ ! -d /run/systemd/system ] || systemctl "$@" 2>/dev/null || :; }

# The application's own stop is not waited for, and it does not wait for a mesh that this VM leaves.
for file in "$UNITS"/*.service.d/10-vmmesh.conf; do
	[ ! -e "$file" ] || [[ $file == "$UNITS"/istio.service.d/* ]] || [[ $file == "$UNITS"/vmmesh-* ]] || try rm -f "$file"
done
manage daemon-reload
for unit in vmmesh-bootstrap.service vmmesh-watch.timer vmmesh-identity.timer; do
	systemctl --quiet disable "$unit" 2>/dev/null || :
	manage stop "$unit"
done
manage stop vmmesh-bootstrap-retry.timer
manage stop istio.service # drains first, by vmmesh-drain.service
manage stop vmmesh-drain.service
systemctl --quiet disable istio.service 2>/dev/null || :
clean
if [ -e "$LIB/firewall.sh" ] && [ -e "$STATE/firewall" ]; then
	try bash "$LIB/firewall.sh" remove
fi
systemctl --quiet disable vmmesh-firewall.service 2>/dev/null || :
if [ -e /etc/hosts ] && grep -qxF '# BEGIN vmmesh' /etc/hosts && grep -qxF '# END vmmesh' /etc/hosts; then
	put "$(stat -c %a /etc/hosts)" "$(stat -c %u:%g /etc/hosts)" /etc/hosts <<<"$(sed '/^# BEGIN vmmesh$/,/^# END vmmesh$/d' /etc/hosts)"
fi
if [ -e /etc/systemd/resolved.conf.d/vmmesh.conf ]; then
	try rm -f /etc/systemd/resolved.conf.d/vmmesh.conf
	rmdir /etc/systemd/resolved.conf.d 2>/dev/null || :
	manage try-restart systemd-resolved.service
fi
if [ "${1-}" != --keep-package ] && [ "$VMMESH_PACKAGE_FORMAT" != None ]; then
	if has dpkg-query && dpkg-query -W istio-sidecar >/dev/null 2>&1; then
		DEBIAN_FRONTEND=noninteractive try apt-get -qq -o DPkg::Lock::Timeout=600 purge --yes istio-sidecar >&2
	elif has rpm && rpm -q istio-sidecar >/dev/null 2>&1; then
		try rpm --erase istio-sidecar >&2
	fi
	[ -n "$LEFT" ] || try rm -rf /var/lib/istio /var/log/istio
	[ ! -L /etc/istio ] || [ -e /etc/istio/ ] || try rm -f /etc/istio
fi
# Keys, certificates and tokens; those that an operator delivered too.
try rm -rf "$CERTS/key.pem" "$CERTS/cert-chain.pem" "$CERTS/root-cert.pem" "${TOKEN%/*}"
if [ "$VMMESH_IDENTITY" != SPIRE ]; then
	try rm -rf "$UDS"
elif [ -L "$UDS/socket" ]; then # our link; SPIRE's own socket stays
	try rm -f "$UDS/socket"
fi
for file in "$VMMESH_TOKEN_FILE" "$VMMESH_ROOT_CERT_FILE" "$VMMESH_TOKEN_REQUEST_CREDENTIAL_FILE" "$VMMESH_HTTP_HEADERS_FILE"; do
	[ -z "$file" ] || try rm -f "$file"
done
rmdir "$CERTS" /var/run/secrets 2>/dev/null || :
try rm -f "$ENV" /etc/logrotate.d/vmmesh "$HELD" /run/vmmesh-bootstrap.tries
try rm -rf "${STOPPING%/*}" "$UNITS/istio.service.d/10-vmmesh.conf" "$UNITS/istio.service.d/20-stop.conf" "$UNITS/vmmesh-drain.service.d"
for file in "$UNITS"/vmmesh-*.service "$UNITS"/vmmesh-*.timer; do
	try rm -f "$file"
done
find "$UNITS" -mindepth 1 -maxdepth 1 -name '*.service.d' -empty -delete
manage daemon-reload
manage reset-failed 'vmmesh-*'
[ -z "$LEFT" ] || die "some of it could not be taken away: $LEFT" "see the messages above, and run it again"
# Last: what a second run would need.
rm -rf "$STATE" /etc/vmmesh "$LIB"
note "this VM is not a member of the mesh any more"
