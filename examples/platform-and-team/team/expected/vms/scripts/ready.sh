#!/bin/bash
# Waits for a ready sidecar. The application's units start after vmmesh-ready.service, which runs this: with `start: Wait` also
# when it fails, with `start: Require` only once it succeeds; vmmesh-watch.service starts them when the sidecar is ready later.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
settings "$ETC/vm.env"

while [ "$SECONDS" -lt "${1:-$VMMESH_START_SECONDS}" ]; do
	if sidecar_ready; then
		rm -f "$HELD"
		exit
	fi
	sleep 1
done
if [ "$VMMESH_START" = Require ]; then
	touch "$HELD"
	die "the sidecar is not ready; what needs it starts when it is" "sudo bash $here/diagnose.sh"
fi
die "the sidecar is not ready; what waits for it starts without it" "sudo bash $here/diagnose.sh"
