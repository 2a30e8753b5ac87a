#!/bin/bash
# Makes this VM a member of the mesh, out of its group's folder. Run it again after every change of the folder; without
# one it changes nothing.
#
#   sudo bash scripts/install.sh [--allow-downgrade] GROUP     the group's folder, here or next to that of this script
#   sudo bash install.sh [--allow-downgrade]                   where this script is in the group's folder, as in user-data
#   sudo bash install.sh --boot                                what user-data runs: vmmesh-bootstrap.service does the rest
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
if [ "${1-}" = --boot ]; then
	# Not under the lock: the unit runs install.sh, which takes it.
	bash "${BASH_SOURCE[0]}" --units
	[ ! -e "$INSTALLED" ] || exit 0
	systemctl --quiet enable vmmesh-bootstrap.service
	[ -d /run/systemd/system ] || exit 0 # an image that is being built: the next boot does it
	systemctl start vmmesh-bootstrap.service || die "$(cat "$STATE/bootstrap.error" 2>/dev/null); this is tried again" "journalctl -u vmmesh-bootstrap"
	exit 0
fi
alone "${BASH_SOURCE[0]}" "$@"
GROUP=$here # the folder of the group's files
OWN=        # that of the instance, where it has settings of its own
DOWNGRADE=  # "yes" where an older package may replace a newer one
PLACE=      # "yes" where the scripts and units are placed, and nothing else is done
# user-data has no folders.sh: all that it needs is in one folder.
# shellcheck source-path=SCRIPTDIR source=folders.sh
[ ! -e "$here/folders.sh" ] || . "$here/folders.sh"
for argument; do
	case $argument in
	--allow-downgrade) DOWNGRADE=yes ;;
	--units) PLACE=yes ;;
	*)
		if [[ $argument == -* ]] || ! has find_group; then
			die "unknown argument $argument" "usage: sudo bash install.sh [--allow-downgrade] [GROUP]"
		fi
		find_group "$argument"
		;;
	esac
done

LIB=/usr/local/lib/vmmesh
UNITS=/etc/systemd/system
RESTART= # "yes" when the sidecar must read something anew
verb=install

# family tells whose packages this system takes.
family() {
	if has apt-get; then
		echo Deb
	elif has dnf || has yum; then
		echo RPM
	else
		die "neither apt-get nor dnf nor yum is here" "use a Debian- or RHEL-like image"
	fi
}

# add PACKAGE... installs packages or files. Configuration files stay as they are; a new machine's own first update is
# waited for.
add() {
	if [ "$(family)" = Deb ]; then
		DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold \
			-o Dpkg::Options::=--force-confdef install --yes --no-install-recommends --allow-downgrades "$@" >&2
	elif has dnf; then
		dnf -y "$verb" "$@" >&2
	else
		yum -y "$verb" "$@" >&2
	fi
}

# config FILE prints the path of a file of settings: the instance's own, or else the group's.
config() {
	if [ -n "$OWN" ] && [ -e "$OWN/$1" ]; then
		echo "$OWN/$1"
	else
		echo "$GROUP/$1"
	fi
}

# tools installs the commands that vmmesh needs and this system lacks.
tools() {
	local missing=() line command deb rpm
	[ "$VMMESH_CAPTURE" != Nftables ] || set -- "nft nftables nftables"
	local wanted=("$@" "curl curl curl" "openssl openssl openssl" "ip iproute2 iproute" "iptables iptables iptables" "sudo sudo sudo" "hostname hostname hostname")
	case $VMMESH_FIREWALL in
	UFW) wanted+=("ufw ufw ufw") ;;
	Nftables) wanted+=("nft nftables nftables") ;;
	Firewalld) wanted+=("firewall-cmd firewalld firewalld") ;;
	esac
	for line in "${wanted[@]}"; do
		read -r command deb rpm <<<"$line"
		has "$command" || missing+=("$deb:$rpm")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(family)" = Deb ]; then
		missing=("${missing[@]%%:*}")
		apt-get -qq -o DPkg::Lock::Timeout=600 update >&2 || warn "apt-get update failed"
	else
		missing=("${missing[@]##*:}")
	fi
	note "installing ${missing[*]}"
	add "${missing[@]}" || die "${missing[*]} could not be installed" "put them into the image"
}

# installed FORMAT prints the version of istio-sidecar that is here, whole and configured.
installed() {
	local text
	if [ "$1" = Deb ]; then
		text=$(dpkg-query -W -f '${db:Status-Abbrev} ${Version}' istio-sidecar 2>/dev/null) && [[ $text == [ih]i* ]] || return 0
	else
		text=$(rpm -q --qf '%{VERSION}' istio-sidecar 2>/dev/null) || return 0
	fi
	text=${text##* }
	echo "${text%%-*}"
}

# package installs istio-sidecar in the spec's version.
package() {
	local format=$VMMESH_PACKAGE_FORMAT want=$VMMESH_PACKAGE_VERSION have file
	if [ "$format" = None ]; then
		has pilot-agent || die "pilot-agent is not here, and vm.package.format is None" "put istio-sidecar $want into the image"
		return
	fi
	[ "$format" != Auto ] || format=$(family)
	[ "$format" = "$(family)" ] || die "vm.package.format is $format, which this system does not take"
	have=$(installed "$format")
	[ "$have" != "$want" ] || return 0
	if [ "$(printf '%s\n' "$have" "$want" | sort -V | tail -n 1)" = "$have" ]; then
		if [ -z "$DOWNGRADE" ]; then
			warn "istio-sidecar $have stays, though the spec says $want: sudo bash $here/install.sh --allow-downgrade $GROUP"
			return
		fi
		verb=downgrade
	fi
	note "installing istio-sidecar $want${have:+ over $have}"
	download "${format,,}" "$want"
	add "$TEMP/$file" || die "istio-sidecar $want could not be installed" "the package manager's own words stand above"
	rm -rf "$TEMP"
	TEMP=
	RESTART=yes
}

# download FORMAT VERSION leaves the checked package in $TEMP/$file.
download() {
	local arch url sum pinned proto='=https'
	case $(uname -m) in
	x86_64) arch=amd64 file=istio-sidecar.$1 ;;
	aarch64) arch=arm64 file=istio-sidecar-arm64.$1 ;;
	*) die "Istio has no packages for $(uname -m)" "use a VM with amd64 or arm64" ;;
	esac
	url=$VMMESH_PACKAGE_BASE_URL/$2/$1/$file
	pinned=VMMESH_PACKAGE_SHA256_${1^^}_${arch^^}
	sum=${!pinned}
	TEMP=$(mktemp -d)
	chmod 0755 "$TEMP" # apt reads the file as a user of its own
	if [[ $url == http://* ]]; then
		[ -n "$sum" ] || die "$url is not encrypted and no checksum pins it" "set vm.package.checksums, or use https"
		proto='=http,https'
	fi
	get() { fetch "$1" --proto "$proto" --location --max-time 1800; }
	if [ -z "$sum" ]; then
		sum=$(get "$url.sha256") || die "$url.sha256 could not be fetched" "see that the mirror has it, or set vm.package.checksums"
		sum=${sum%%[[:space:]]*}
	fi
	[[ $sum =~ ^[0-9a-f]{64}$ ]] || die "$url.sha256 holds no SHA-256 sum"
	get "$url" >"$TEMP/$file" || die "$url could not be fetched" "see that this VM reaches it and that it is there; Istio itself publishes no rpm for arm64"
	sha256sum --check --status <<<"$sum  $TEMP/$file" ||
		die "$url is not what it should be: its SHA-256 is not $sum" "nothing was installed; find out who changed the file, or correct vm.package.checksums"
}

# place MODE DESTINATION FILE copies a file; one that is not there any more is removed from its destination.
place() {
	if [ -e "$3" ]; then
		put "$1" root:root "$2" <"$3"
	elif [ -e "$2" ]; then
		rm -f "$2"
		CHANGED=yes
	fi
}

# files copies what prepare.sh and the rest read, and themselves.
files() {
	local file
	install -d -m 0755 "$ETC" "$STATE" "$LIB"
	CHANGED=
	for file in cluster.env mesh.yaml hosts root-cert.pem instances; do
		place 0644 "$ETC/$file" "$(config "$file")"
	done
	# The hash of the files has no effect on the sidecar.
	[ "$(sed /^VMMESH_FILES_HASH=/d "$(config vm.env)")" = "$(sed /^VMMESH_FILES_HASH=/d "$ETC/vm.env" 2>/dev/null)" ] || CHANGED=yes
	[ -z "$CHANGED" ] || RESTART=yes
	for file in vm.env firewall.rules firewall.nft; do
		place 0644 "$ETC/$file" "$(config "$file")"
	done
	for file in "$here"/*.sh; do
		file=${file##*/}
		[ "$file" = install.sh ] || [ "$file" = folders.sh ] || place 0755 "$LIB/$file" "$here/$file"
	done
	# With TPROXY the agent is root, and writes logs that the rotation's user could not empty.
	[ ! -d /etc/logrotate.d ] || [ "$VMMESH_INTERCEPTION" = TPROXY ] || place 0644 /etc/logrotate.d/vmmesh "$here/istio.logrotate"
}

# units copies units and drop-ins, and removes drop-ins for a workload that this VM no longer runs.
units() {
	local file unit line=Requires istio=$UNITS/istio.service.d/10-vmmesh.conf drain=$UNITS/vmmesh-drain.service.d/10-vmmesh.conf
	local stop=$UNITS/istio.service.d/20-stop.conf kept=" $UNITS/istio.service.d/10-vmmesh.conf $UNITS/vmmesh-drain.service.d/10-vmmesh.conf "
	CHANGED=
	install -d -m 0755 "${istio%/*}"
	place 0644 "$istio" "$here/istio.conf"
	for file in "$here"/vmmesh-*.{service,timer}; do
		place 0644 "$UNITS/${file##*/}" "$file"
	done
	# The agent has its time to drain, and a stop of this VM waits for clients to let go of it.
	put 0644 root:root "$stop" <<<"[Service]"$'\n'"TimeoutStopSec=$((VMMESH_STOP_SECONDS + 10))"
	install -d -m 0755 "${drain%/*}"
	put 0644 root:root "$drain" <<<"[Unit]"$'\n'"After=${VMMESH_UNITS[*]}"$'\n'"[Service]"$'\n'"TimeoutStopSec=$((VMMESH_DRAIN_SECONDS + 15))"
	[ "$VMMESH_START" != Wait ] || line=Wants
	for unit in "${VMMESH_UNITS[@]}"; do
		[ "$VMMESH_START" != Independent ] || break
		file=$UNITS/$unit.d/10-vmmesh.conf
		kept+="$file "
		install -d -m 0755 "${file%/*}"
		put 0644 root:root "$file" <<<"$(sed "s/^Requires=/$line=/" "$here/application.conf")"
	done
	for file in "$UNITS"/*.service.d/10-vmmesh.conf; do
		[[ $kept == *" $file "* ]] || place 0644 "$file" /nowhere
	done
	[ -z "$CHANGED" ] || manage daemon-reload
}

# manage is systemctl where systemd runs. Where it does not, as in an image that is being built, the next boot does it.
manage() { [ ! -d /run/systemd/system ] || systemctl "$@"; }

# only: Forward
# forwarding has systemd-resolved ask the cluster's DNS servers for the cluster's domain, or takes that back.
forwarding() {
	local file=/etc/systemd/resolved.conf.d/vmmesh.conf
	CHANGED=
	if [ "$VMMESH_DNS_MODE" = Forward ]; then
		install -d -m 0755 "${file%/*}"
		put 0644 root:root "$file" <<<"[Resolve]"$'\n'"DNS=${VMMESH_DNS_SERVERS[*]}"$'\n'"Domains=~$VMMESH_CLUSTER_DOMAIN"
		[ -e /usr/lib/systemd/systemd-resolved ] || [ -e /lib/systemd/systemd-resolved ] ||
			warn "vm.dns.mode is Forward and systemd-resolved is not installed: names of $VMMESH_CLUSTER_DOMAIN will not resolve"
	else
		place 0644 "$file" /nowhere
	fi
	[ -z "$CHANGED" ] || manage try-restart systemd-resolved.service
}
# end

# start has istio.service run, now and at boot, with what was just copied. Its first start may wait for a token, and is
# not waited for.
start() {
	local unit
	for unit in istio.service vmmesh-identity.timer vmmesh-watch.timer; do
		systemctl --quiet is-enabled "$unit" 2>/dev/null || systemctl --quiet enable "$unit"
		if ! manage --quiet is-active "$unit"; then
			manage --no-block start "$unit"
		elif [ "$unit:$RESTART" = istio.service:yes ]; then
			manage --no-block restart "$unit"
		fi
	done
}

settings "$GROUP/vm.env"
[ -e "$GROUP/cluster.env" ] || die "$GROUP/cluster.env is missing" "copy the group's whole folder"
has systemctl || die "there is no systemd here" "istio-sidecar and vmmesh need it"
if [ ! -e "$INSTALLED" ]; then
	# Before anything that can fail: the application's order and, at a first boot, what tries again.
	files
	units
fi
[ -z "$PLACE" ] || exit 0
tools
if [ -e "$here/folders.sh" ]; then
	find_own
	settings "$(config vm.env)"
fi
package
files
units
# only: Forward
forwarding
# end
start
# Last: should it fail, all else is done.
[ ! -e "$LIB/firewall.sh" ] || bash "$LIB/firewall.sh" apply
if [ ! -e "$INSTALLED" ]; then
	put 0644 root:root "$INSTALLED" </dev/null
	rm -f "$STATE/bootstrap.error"
	[ -n "${INVOCATION_ID-}" ] || manage reset-failed vmmesh-bootstrap.service 2>/dev/null || :
fi
note "done; what state this VM is in: sudo bash $LIB/diagnose.sh"
