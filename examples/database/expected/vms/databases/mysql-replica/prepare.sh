#!/bin/bash
# Puts everything in place that the sidecar reads. istio.service runs it before every start, while nothing is captured
# yet; a failure stands in the journal and the start is tried again ten seconds later.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
alone "${BASH_SOURCE[0]}" "$@"
settings "$ETC/vm.env"
id istio-proxy >/dev/null 2>&1 || die "there is no user istio-proxy" "install the package istio-sidecar $VMMESH_PACKAGE_VERSION: its post-install script makes the user"

# directories makes what the package leaves out or a reboot takes away. The agent reads /etc/istio, which the package
# makes a link to /var/lib/istio; where somebody was there first it is a directory, which then needs the same content.
directories() {
	[ -e /etc/istio ] || ln -s /var/lib/istio /etc/istio
	local dir
	for dir in /var/lib/istio/envoy /etc/istio/config /etc/istio/proxy /var/log/istio "$CERTS" /var/run/secrets "${TOKEN%/*}"; do
		install -d -m 0755 -o istio-proxy -g istio-proxy "$dir"
	done
}

# sorted puts lines KEY='value' in the order of their keys, as the group's file is, and of two for a key keeps the first:
# the result is what the spec's output holds for an instance. A value may go on over lines, so a line ends where its
# quotes do.
sorted() {
	local line all='' q=\'
	local whole="^[A-Za-z_][A-Za-z0-9_]*=(${q}[^$q]*$q|\"$q\")*\$"
	{
		while IFS= read -r line; do
			all+=${all:+$'\n'}$line
			if [[ $all =~ $whole ]]; then
				printf '%s\0' "$all"
				all=
			fi
		done
		[ -z "$all" ] || die "$ETC/cluster.env is damaged: ${all%%=*} has no end" "install the group's files again"
	} | sort -z -s -u -t= -k1,1 | tr '\0' '\n'
}

directories
own=$(bash "$here/address.sh")
merged=$(cat - "$ETC/cluster.env" <<<"$own" | sorted)
put 0644 "$PROXY" $ENV <<<"$merged"
put 0644 "$PROXY" /etc/istio/config/mesh <"$ETC/mesh.yaml"
bash "$here/hosts.sh"
bash "$here/identity.sh"
