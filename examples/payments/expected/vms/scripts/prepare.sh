#!/bin/bash
# Puts everything in place that the sidecar reads. istio.service runs it before every start, while nothing is captured
# yet; a failure is in the journal and the start is tried again ten seconds later.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
alone "${BASH_SOURCE[0]}" "$@"
settings "$ETC/vm.env"
id istio-proxy >/dev/null 2>&1 || die "there is no user istio-proxy" "install the package istio-sidecar $VMMESH_PACKAGE_VERSION: its post-install script makes the user"

# directories makes what the package leaves out or a reboot takes away, and takes back what root reads: the package gives
# the folders of cluster.env and sidecar.env, which the start script runs as root, to istio-proxy. Each folder is below
# one that is root's alone by then. The agent reads /etc/istio, which the package makes a link to /var/lib/istio; where it
# is a folder it needs the same content.
directories() {
	local dir at logs=$PROXY
	[ -e /etc/istio ] || [ -L /etc/istio ] || ln -s /var/lib/istio /etc/istio
	folder root:root /var/lib/istio
	[ -L /etc/istio ] || folder root:root /etc/istio
	for at in /var/lib/istio /etc/istio; do
		[ ! -L "$at" ] || continue
		folder root:root "$at/config"
		folder "$PROXY" "$at/proxy" # the agent's own: root writes nothing there
	done
	folder root:root /var/lib/istio/envoy
	# With TPROXY agent and Envoy are root, and so are their logs.
	[ "$VMMESH_INTERCEPTION" != TPROXY ] || logs=root:root
	folder "$logs" /var/log/istio
	dir=/var/lib/istio/envoy/sidecar.env
	if [ -e "$dir" ] || [ -L "$dir" ]; then
		if [ -L "$dir" ] || [ ! -f "$dir" ] || [ "$(stat -c %u "$dir")" != 0 ] || [[ $(stat -c %A "$dir") == ?????w* || $(stat -c %A "$dir") == ????????w* ]]; then
			mv -f -T "$dir" "$dir.untrusted"
			warn "$dir could be written by others than root, who runs it: it is $dir.untrusted now"
		fi
	fi
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

# uncaptured_groups prints the line that leaves the traffic of groups out of capture: the mode's own, then those of the spec that
# exist here. A name that is unknown would make iptables-restore refuse the whole table, and nothing would be captured.
uncaptured_groups() {
	local group all
	all=$(value ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE "$ETC/cluster.env")
	for group in "${VMMESH_EXCLUDE_OWNER_GROUPS[@]}"; do
		[[ ! ,$all, == *",$group,"* ]] || continue
		if [[ $group =~ ^[0-9]+$ ]] || timeout 5 getent group "$group" >/dev/null; then
			all+=${all:+,}$group
		fi
	done
	[ -z "$all" ] || printf "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE='%s'\n" "$all"
}

# containers ADDRESS prints the line that leaves the bridges of containers out of capture, beside the spec's interfaces. A bridge
# that has the VM's own address, or its default route, carries the VM's own traffic.
containers() {
	local dir name all own
	[ "$VMMESH_EXCLUDE_CONTAINERS" = true ] || return 0
	own=$(value ISTIO_EXCLUDE_INTERFACES "$ETC/cluster.env")
	all=$own
	for dir in /sys/class/net/{docker,br-,cni,podman,virbr}*; do
		name=${dir##*/}
		if [ ! -e "$dir" ] || [[ ,$all, == *",$name,"* ]] || [[ $(ip -o addr show dev "$name") == *" $1/"* ]] ||
			[[ "$(ip -o route show default) $(ip -6 -o route show default)" == *" dev $name "* ]]; then
			continue
		fi
		all+=${all:+,}$name
	done
	[ "$all" = "$own" ] || printf "ISTIO_EXCLUDE_INTERFACES='%s'\n" "$all"
}

directories
own=$(bash "$here/address.sh" && uncaptured_groups)
bridges=$(containers "$(value ISTIO_SVC_IP - <<<"$own")")
own+=${bridges:+$'\n'$bridges}
merged=$(cat - "$ETC/cluster.env" <<<"$own" | sorted)
put 0644 root:root $ENV <<<"$merged"
put 0644 root:root /etc/istio/config/mesh <"$ETC/mesh.yaml"
bash "$here/hosts.sh"
bash "$here/identity.sh"
