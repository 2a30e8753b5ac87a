#!/bin/bash
# Takes this VM out of rotation and back: its health probe fails, so that istiod takes it away from its clients, while sidecar
# and application still serve what is on its way.
#
#   rotation.sh drain [--wait SECONDS]   takes it out, and returns when clients have let go of it; it survives a reboot
#   rotation.sh join                     takes it back
#   rotation.sh status                   prints in, out or stopping
#   rotation.sh stop | started           what vmmesh-drain.service runs before and after a stop of the sidecar
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
settings "$ETC/vm.env"
[ "${1-}" = status ] || [ "$(id -u)" = 0 ] || die "this needs root" "sudo bash $here/rotation.sh $*"

# flag FILE makes the probe fail. istio-proxy reads the folder, and only root writes it.
flag() {
	install -d -m 0755 "${1%/*}"
	put 0644 root:root "$1" </dev/null
}

# connections prints how many connections of clients Envoy has.
connections() {
	curl -q --silent --noproxy '*' --max-time 2 "http://127.0.0.1:15000/stats?filter=15006.downstream_cx_active" |
		awk '{ n += $2 } END { print n + 0 }'
}

# leave SECONDS waits until the probe has failed and clients have learned of it, and then for their connections to end.
leave() {
	local notice=$((VMMESH_DRAIN_NOTICE < $1 ? VMMESH_DRAIN_NOTICE : $1))
	sleep "$notice"
	while [ "$SECONDS" -lt "$1" ] && [ "$(connections)" != 0 ]; do
		sleep 1
	done
}

case ${1-} in
drain)
	wait=$VMMESH_DRAIN_SECONDS
	case $#:${2-} in
	1:) ;;
	3:--wait) wait=$3 ;;
	*) die "usage: rotation.sh drain [--wait SECONDS]" ;;
	esac
	[[ $wait =~ ^[0-9]{1,5}$ ]] || die "$wait is not a number of seconds" "rotation.sh drain --wait 60"
	[ -n "$VMMESH_PROBE" ] || die "this VM cannot be drained: its workload has no probe, by which istiod would learn of it" "add a probe to the spec"
	flag "$OUT"
	systemctl --quiet is-active istio.service || exit 0
	leave "$wait"
	note "out of rotation; $(connections) connections remain"
	;;
join)
	rm -f "$OUT" "$STOPPING"
	note "back in rotation once the probe succeeds"
	;;
status)
	if [ -e "$OUT" ]; then echo out; elif [ -e "$STOPPING" ]; then echo stopping; else echo in; fi
	;;
started) rm -f "$STOPPING" ;;
stop)
	if [ "$VMMESH_DRAIN" != true ] || [ -z "$VMMESH_PROBE" ] || [ -e "$OUT" ] || ! sidecar_ready; then
		exit 0
	fi
	flag "$STOPPING"
	leave "$VMMESH_DRAIN_SECONDS"
	;;
*) die "usage: rotation.sh drain [--wait SECONDS] | join | status" ;;
esac
