#!/bin/bash
# Repairs what others change while the sidecar runs: rules of capture that were flushed, and an address that the VM lost. It
# starts the units that require the sidecar, where that was ready too late for them. vmmesh-watch.timer runs it.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
alone "${BASH_SOURCE[0]}" "$@"
settings "$ETC/vm.env"
systemctl --quiet is-active istio.service || exit 0

if [ "$VMMESH_INTERCEPTION" != NONE ] && ! captured; then
	# Before the agent has started it has no rules yet.
	sidecar_ready || exit 0
	warn "the rules of capture are gone, flushed by another program: they are put back"
	/usr/local/bin/istio-start.sh init >&2 || warn "istio-start.sh init failed"
	if ! captured; then
		warn "the rules of capture did not come back: istio is restarted"
		systemctl --no-block restart istio.service
		exit 0
	fi
fi

# A metadata service is not asked every 30 seconds.
if [[ $VMMESH_ADDRESS_SOURCE != Metadata* ]] && own=$(bash "$here/address.sh" 2>/dev/null); then
	own=$(value ISTIO_SVC_IP - <<<"$own")
	was=$(value ISTIO_SVC_IP "$ENV" 2>/dev/null) || was=
	if [ -n "$was" ] && [ "$own" != "$was" ]; then
		warn "this VM's address is $own now, and was $was: istio is restarted"
		systemctl --no-block restart istio.service
		exit 0
	fi
fi

if [ -e "$HELD" ] && sidecar_ready; then
	rm -f "$HELD"
	for unit in "${VMMESH_UNITS[@]}"; do
		if systemctl --quiet is-enabled "$unit" 2>/dev/null && ! systemctl --quiet is-active "$unit"; then
			note "the sidecar is ready: $unit is started"
			systemctl --no-block start "$unit"
		fi
	done
fi
