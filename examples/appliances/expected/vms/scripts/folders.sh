# shellcheck shell=bash disable=SC2034,SC2154
# What install.sh needs to install from vms/scripts and a group's folder, as they are copied by hand.

# find_group FOLDER sets GROUP to the folder of the group's files: here, or next to that of the scripts.
find_group() {
	local dir
	[ "$GROUP" = "$here" ] || die "one group at a time: $(basename "$GROUP") or $1"
	GROUP=
	for dir in "$1" "$here/../$1"; do
		[ -n "$GROUP" ] || [ ! -e "$dir/vm.env" ] || GROUP=$(cd "$dir" && pwd)
	done
	[ -n "$GROUP" ] || die "there is no folder of a group's files at $1" \
		"scp -r DIR/vms/scripts DIR/vms/<namespace>/<group> VM: and then: sudo bash scripts/install.sh <group>"
}

# find_own sets OWN to the folder of the instance that this VM is, where that has settings of its own.
find_own() {
	local name settings
	instance "$GROUP/instances"
	IFS=$'\t' read -r _ _ _ name settings <<<"$found"
	[ "$settings" = own ] || return 0
	OWN=$GROUP/$name
	[ -d "$OWN" ] || die "this VM is instance $name, which has settings of its own, and $OWN is missing" \
		"copy the group's whole folder, or boot the VM from vms/$VMMESH_NAMESPACE/$VMMESH_GROUP/$name/user-data"
}
