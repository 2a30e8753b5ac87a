#!/bin/bash
# Waits for a ready sidecar, five minutes at most. The application's unit starts after vmmesh-ready.service, which runs this.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

while [ "$SECONDS" -lt "${1:-300}" ]; do
	if curl --fail --silent --noproxy '*' --max-time 2 --output /dev/null http://127.0.0.1:15021/healthz/ready; then
		exit
	fi
	sleep 1
done
die "the sidecar is not ready; what waits for it starts without it" "sudo bash $here/diagnose.sh"
