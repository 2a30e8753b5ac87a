#!/bin/bash
# Stands in for upstream's: reads the same files by the same relative names, redirects traffic, and becomes istio-proxy.
set -ea
for file in ./var/lib/istio/envoy/sidecar.env ./var/lib/istio/envoy/cluster.env; do
	# shellcheck source=/dev/null
	[ ! -r "$file" ] || . "$file"
done
iptables -w -t nat -F ISTIO_INBOUND 2>/dev/null && iptables -w -t nat -X ISTIO_INBOUND
[ "${1-}" != clean ] || exit 0
iptables -w -t nat -N ISTIO_INBOUND
exec sudo -E -u istio-proxy /usr/local/bin/pilot-agent proxy
