#!/bin/bash
# Keeps istiod's host name in a marked block of /etc/hosts: the sidecar finds istiod there before DNS works. It runs at
# every start of istio, since cloud-init's manage_etc_hosts writes the file anew at every boot, and every hour.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
alone "${BASH_SOURCE[0]}" "$@"
settings "$ETC/vm.env"

HOSTS=/etc/hosts
begin='# BEGIN vmmesh'
end='# END vmmesh'

# rest prints the file without our block.
rest() {
	[ "$(grep -cxF "$begin" "$HOSTS")" = "$(grep -cxF "$end" "$HOSTS")" ] ||
		die "$HOSTS has one of the lines \"$begin\" and \"$end\" without the other" "remove it by hand; what stands between them is vmmesh's"
	sed "/^$begin\$/,/^$end\$/d" "$HOSTS"
}

# only: Name
# resolve NAME prints lines for its addresses; those of the last time where no DNS server answers.
resolve() {
	local known=$STATE/istiod.hosts answer
	if answer=$(getent ahosts "$1" | awk -v istiod="$VMMESH_ISTIOD_HOST" -v ca="$VMMESH_CA_HOST" '
		!seen[$1]++ { print $1, istiod; if (ca != "" && ca != istiod) print $1, ca }' | sort -k2,2 -k1,1) && [ -n "$answer" ]; then
		put 0644 root:root "$known" <<<"# $1"$'\n'"$answer"
	elif [ "$(head -n 1 "$known" 2>/dev/null)" = "# $1" ]; then
		warn "$1 does not resolve now; its last known addresses stay"
		answer=$(sed 1d "$known")
	else
		die "$1 does not resolve" "it is istio.istiodAddresses in the spec; see /etc/resolv.conf and: getent ahosts $1"
	fi
	echo "$answer"
}
# end

[ -e "$HOSTS" ] || touch "$HOSTS"
others=$(rest)
if [ -s "$ETC/hosts" ]; then
	block=$(cat "$ETC/hosts")
else
	name=${VMMESH_ISTIOD_ADDRESSES[0]}
	# Where the certificate's name is the DNS name itself, our own line would answer for it.
	[[ $name != "$VMMESH_ISTIOD_HOST" && $name != "$VMMESH_CA_HOST" ]] || put 0644 root:root "$HOSTS" <<<"$others"
	block=$(resolve "$name")
fi
put 0644 root:root "$HOSTS" <<<"${others:+$others$'\n'}$begin"$'\n'"$block"$'\n'"$end"
