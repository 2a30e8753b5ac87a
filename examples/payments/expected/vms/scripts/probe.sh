#!/bin/bash
# Asks the application what the spec's probe asks, from the address from which the agent asks. The agent runs this as its probe;
# it fails while the VM is out of rotation.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
settings "$ETC/vm.env"
if [ "${1-}" != application ] && { [ -e "$OUT" ] || [ -e "$STOPPING" ]; }; then
	note "this VM is out of rotation"
	exit 1
fi

host=$VMMESH_PROBE_HOST
if [ -z "$host" ]; then
	host=$(value ISTIO_SVC_IP "$ENV")
	[ -z "$(value REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION "$ENV")" ] || host=localhost
fi
[[ $host != *:* ]] || host=[$host]
from=127.0.0.6
[[ $host != \[* ]] || from=::6
case $VMMESH_PROBE in
# only: httpGet
httpGet)
	scheme=${VMMESH_PROBE_SCHEME:-http}
	headers=()
	for header in "${VMMESH_PROBE_HEADERS[@]}"; do headers+=(-H "$header"); done
	curl -q --fail --silent --noproxy '*' --globoff --insecure --max-time "$VMMESH_PROBE_TIMEOUT" --interface "$from" --output /dev/null \
		"${headers[@]}" --url "${scheme,,}://$host:$VMMESH_PROBE_PORT/${VMMESH_PROBE_PATH#/}"
	;;
# end
# only: tcpSocket
tcpSocket)
	if [ "$host" = 127.0.0.1 ] || [ "$host" = localhost ]; then # never captured
		timeout "$VMMESH_PROBE_TIMEOUT" bash -c "$CONNECT" connect "$host" "$VMMESH_PROBE_PORT" 2>/dev/null
	else # curl connects from a chosen address, and prints whether it did; the agent's own limit is a second or more
		[[ $(curl -q --silent --noproxy '*' --globoff --max-time 0.5 --interface "$from" --write-out '%{time_connect}' \
			--output /dev/null --url "telnet://$host:$VMMESH_PROBE_PORT" </dev/null) == *[1-9]* ]]
	fi
	;;
# end
exec) timeout "$VMMESH_PROBE_TIMEOUT" "${VMMESH_PROBE_COMMAND[@]}" >/dev/null ;;
esac
