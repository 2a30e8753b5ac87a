#!/bin/bash
# Prints the lines of cluster.env that are this VM's own: who it is, found by its addresses in the table of instances,
# or else, in a group that registers itself, the address that others dial.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
settings "$ETC/vm.env"

# route prints the address from which this VM reaches what is far away: the kernel's choice for a documentation address.
route() {
	local text
	text=$(ip -4 -o route get 192.0.2.1 2>/dev/null) || text=$(ip -6 -o route get 2001:db8::1 2>/dev/null) || return
	[[ $text =~ \ src\ ([^ ]+) ]] && echo "${BASH_REMATCH[1]}"
}

# only: Metadata
# metadata PATH HEADER OPTIONS of curl: asks the cloud's metadata service, past every proxy.
metadata() {
	curl --fail --silent --show-error --globoff --noproxy '*' --proto '=http' --connect-timeout 2 --max-time 5 --retry 5 \
		--retry-connrefused -H "$2" "${@:3}" --url "http://169.254.169.254/$1"
}
# end

# told private|public prints the address that the cloud tells.
told() {
	local token name=local path=ip
	[ "$1" = private ] || name=public path=access-configs/0/external-ip
	case $VMMESH_CLOUD in
# only: AWS
	AWS) # IMDSv2: a session token first
		token=$(metadata latest/api/token "X-aws-ec2-metadata-token-ttl-seconds: 60" --request PUT) || return
		metadata "latest/meta-data/$name-ipv4" "X-aws-ec2-metadata-token: $token"
		;;# end

# only: GCP
	GCP) metadata "computeMetadata/v1/instance/network-interfaces/0/$path" "Metadata-Flavor: Google" ;;
# end
# only: Azure
	Azure) metadata "metadata/instance/network/interface/0/ipv4/ipAddress/0/$1IpAddress?api-version=2021-02-01&format=text" "Metadata: true" ;;
# end
# only: OpenStack
	OpenStack) metadata "latest/meta-data/$name-ipv4" "Accept: text/plain" ;;
# end
	*) die "vm.address.source is $VMMESH_ADDRESS_SOURCE, and cloud $VMMESH_CLOUD has no metadata service" "set vm.cloud.type, or another vm.address.source" ;;
	esac
}

# own prints the address of a VM that is no instance of the spec.
own() {
	case $VMMESH_ADDRESS_SOURCE in
	DefaultRoute) route ;;
	Interface)
		local all
		all=$(addresses dev "$VMMESH_ADDRESS_INTERFACE" scope global) || return
		# IPv4 where there is one, as with the other sources.
		grep -m 1 -F . <<<"$all" || head -n 1 <<<"$all"
		;;
	Metadata) told private ;;
	MetadataExternal) told public ;;
	esac
}

line() { printf "%s='%s'\n" "$1" "$2"; }

instance "$ETC/instances"
if [ -n "$found" ]; then
	IFS=$'\t' read -r inside address entry name settings <<<"$found"
	[ "$settings" = shared ] || die "this VM is instance $name, which has settings of its own" \
		"boot it from vms/$VMMESH_NAMESPACE/$VMMESH_GROUP/$name/user-data, or run install.sh with the group's whole folder"
	[ "$entry" = - ] || line ISTIO_META_WORKLOAD_ENTRY "$entry"
elif [ "$VMMESH_REGISTRATION" = Static ]; then
	die "none of this VM's addresses ($(addresses | paste -sd ' ')) is an instance of group $VMMESH_GROUP" \
		"add it to the group's instances in the spec and install the new files, or see whether this folder is another group's"
else
	address=$(own) || address=
	[[ $address =~ ^[0-9]{1,3}(\.[0-9]{1,3}){3}$|^[0-9A-Fa-f]*:[0-9A-Fa-f.:]+$ ]] ||
		die "no address was found by vm.address.source $VMMESH_ADDRESS_SOURCE${VMMESH_ADDRESS_INTERFACE:+ $VMMESH_ADDRESS_INTERFACE}" \
			"see \`ip addr\`, \`ip route\`, or what the cloud's metadata service answers"
	inside=$address
	[ "$VMMESH_ADDRESS_SOURCE" != MetadataExternal ] || inside=
fi
line ISTIO_SVC_IP "$address"
# The agent probes the address that others dial, unless it is told that it is not on this VM.
[ "$inside" = "$address" ] || line REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION true
