#!/bin/bash
# Runs install.sh of the bundle at the first boot, until it has succeeded once. Between two tries vmmesh-bootstrap.service is
# failed, so that `systemctl --failed` shows it.
#
#   bootstrap.sh run     one try
#   bootstrap.sh again   what systemd runs after a try: it arranges for the next one, if that one failed
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
settings "$ETC/vm.env"
TRIES=/run/vmmesh-bootstrap.tries

# only: PhoneHome
# tell STATUS MESSAGE posts the outcome to vm.cloudInit.phoneHome, if the spec has one. No answer is needed.
tell() {
	[ -n "$VMMESH_PHONE_HOME" ] || return 0
	local text=${2//\\/\\\\}
	text=${text//\"/\\\"}
	printf '{"host":"%s","namespace":"%s","group":"%s","status":"%s","message":"%s"}' "$(hostname)" "$VMMESH_NAMESPACE" "$VMMESH_GROUP" "$1" \
		"${text//[[:cntrl:]]/ }" | curl -q --fail --silent --show-error --globoff --proto '=https' --max-time 20 -H 'Content-Type: application/json' \
		--data-binary @- --output /dev/null --url "$VMMESH_PHONE_HOME" || warn "$VMMESH_PHONE_HOME could not be told"
}
# end

case ${1-} in
run)
	[ ! -e "$INSTALLED" ] || exit 0
	TEMP=$(mktemp)
	if bash "$STATE/bundle/install.sh" 2> >(tee "$TEMP" >&2); then
		rm -f "$STATE/bootstrap.error" "$TRIES"
# only: PhoneHome
		tell installed ""
# end
		exit 0
	fi
	sleep 0.1 # tee may still be writing the last lines
	text=$(sed -n 's/^vmmesh: error: //p' "$TEMP" | head -n 1)
	put 0644 root:root "$STATE/bootstrap.error" <<<"${text:-install.sh failed: journalctl -u vmmesh-bootstrap}"
# only: PhoneHome
	tell failed "$text"
# end
	exit 1
	;;
again)
	[ "${SERVICE_RESULT-failed}" != success ] || exit 0
	tries=$(cat "$TRIES" 2>/dev/null) || tries=0
	[[ $tries =~ ^[0-9]{1,3}$ ]] || tries=0
	delay=$((tries < 4 ? 30 << tries : 300))
	echo $((tries + 1)) >"$TRIES"
	note "the next try is in $delay seconds"
	systemd-run --quiet --collect --unit vmmesh-bootstrap-retry --on-active "$delay" --timer-property AccuracySec=1s \
		systemctl --no-block start vmmesh-bootstrap.service
	;;
*) die "usage: bootstrap.sh run | again" ;;
esac
