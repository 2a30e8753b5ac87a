#!/bin/bash
# Opens this VM's firewall for what the spec derives. Rules are replaced, not added to.
#
#   firewall.sh apply [SECONDS]   tries the rules of /etc/vmmesh, and keeps them if SSH and istiod are still reached
#   firewall.sh confirm           keeps rules that apply could not try; without it they are gone after SECONDS (120)
#   firewall.sh restore           goes back, if the new rules are not confirmed
#   firewall.sh load              what a boot does: only confirmed rules come back
#   firewall.sh remove            takes all rules of the mesh away
#   firewall.sh status            prints confirmed, trial or other
#   firewall.sh wider             prints what else opens ports that the spec opens to some sources alone
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
[ "${1-}" = status ] || [ "${1-}" = wider ] || alone "${BASH_SOURCE[0]}" "$@"
settings "$ETC/vm.env"

DIR=$STATE/firewall # backend, confirmed: what is in force; pending: a trial; before/: what its end brings back
BACKEND=$VMMESH_FIREWALL
RULES=$ETC/firewall.rules
[ "$BACKEND" != Nftables ] || RULES=$ETC/firewall.nft
POLICY=/etc/firewalld/policies/vmmesh.xml
UFW=(/etc/ufw/user.rules /etc/ufw/user6.rules /etc/ufw/ufw.conf /etc/default/ufw)
TRIAL=vmmesh-firewall-trial

# only: UFW
# own lists vmmesh's rules in ufw, as the words of the command that made them.
own() { ufw show added | sed -n "s/^ufw \(.*\) comment 'vmmesh: .*'\$/\1/p"; }

# only KEEP deletes vmmesh's rules from ufw but those that are lines of KEEP.
only() {
	local rule words
	own | while IFS= read -r rule; do
		read -ra words <<<"$rule"
		grep -qxF -e "$rule" <<<"$1" || ufw --force delete "${words[@]}" >/dev/null
	done
}
# end

# change puts RULES in the place of what vmmesh put there before.
change() {
	local port proto source why rule words wanted=
	case $BACKEND in
	Nftables) nft -f "$RULES" ;;
# only: UFW
	UFW)
		# New rules first: SSH is never without one.
		while IFS=$'\t' read -r port proto source why; do
			if [[ $source == *:* ]] && grep -qi '^IPV6=no' /etc/default/ufw; then
				warn "ufw has IPV6=no in /etc/default/ufw: it has no rule for $source, and filters no IPv6"
				continue
			fi
			if [ "$source" = host ]; then
				# The host's own rules for SSH stay as they are.
				! ufw show added | grep -v " comment 'vmmesh: " | grep -qE "^ufw (allow|limit) (.*OpenSSH|.*[ ,:]$port([/,: ]|$))" || continue
				source=any
			fi
			rule="allow from $source to any port $port proto $proto"
			[ "$source" != any ] || rule="allow $port/$proto"
			wanted+=$rule$'\n'
			read -ra words <<<"$rule"
			ufw "${words[@]}" comment "vmmesh: $why" >/dev/null
		done <"$RULES"
		only "$wanted"
		ufw default deny incoming >/dev/null
		ufw --force enable >/dev/null
		;;
# end
# only: Firewalld
	Firewalld)
		install -d -m 0750 "${POLICY%/*}"
		policy | put 0644 root:root "$POLICY"
		firewall-cmd --quiet --check-config
		firewall-cmd --quiet --reload
		recapture
		;;
# end
	esac
}

# only: Firewalld
# zones_open PORT reports whether a zone that is in use has a rule of the host's own for a port.
zones_open() {
	local zone all
	for zone in $(firewall-cmd --get-active-zones 2>/dev/null | grep -v '^ ') $(firewall-cmd --get-default-zone); do
		all=$(firewall-cmd --zone="$zone" --list-all 2>/dev/null)
		if firewall-cmd --quiet --zone="$zone" --query-port="$1/tcp" 2>/dev/null || [[ $all == *"port=\"$1\""* ]]; then
			return 0
		fi
		[ "$1" != 22 ] || [[ $all != *"service name=\"ssh\""* ]] || return 0
		[ "$1" != 22 ] || ! firewall-cmd --quiet --zone="$zone" --query-service=ssh 2>/dev/null || return 0
	done
	return 1
}
# end

# only: Firewalld
# recapture puts Istio's rules back, which old releases of firewalld flush when they reload (firewalld issue 863).
recapture() {
	if systemctl --quiet is-active istio.service && [ "$VMMESH_INTERCEPTION" != NONE ] && ! captured; then
		note "firewalld flushed the rules of capture: they are put back"
		/usr/local/bin/istio-start.sh init >&2 || systemctl --no-block restart istio.service
	fi
}
# end

# only: Firewalld
# policy prints RULES as a policy of firewalld, from anywhere to this host, that comes before the zones.
policy() {
	local port proto source why family limited=()
	echo '<?xml version="1.0" encoding="utf-8"?><policy priority="-100" target="CONTINUE"><ingress-zone name="ANY"/><egress-zone name="HOST"/>'
	while IFS=$'\t' read -r port proto source why; do
		if [ "$source" = host ]; then
			! zones_open "$port" || continue
			source=any
		fi
		family=ipv4
		[[ $source != *:* ]] || family=ipv6
		if [ "$source" = any ]; then
			echo "<port port=\"$port\" protocol=\"$proto\"/>"
		else
			echo "<rule family=\"$family\"><source address=\"$source\"/><port port=\"$port\" protocol=\"$proto\"/><accept/></rule>"
			limited+=("$port $proto")
		fi
	done <"$RULES"
	# What is not for everybody is refused to the rest here: a zone behind this policy may accept everything.
	printf '%s\n' "${limited[@]}" | sort -u | while read -r port proto; do
		[ -z "$port" ] || echo "<rule priority=\"100\"><port port=\"$port\" protocol=\"$proto\"/><drop/></rule>"
	done
	echo '</policy>'
}
# end

# remove BACKEND takes away all that vmmesh put into it. What ufw has otherwise, and SSH, stays.
remove() {
	case $1 in
	Nftables) nft "table inet vmmesh; delete table inet vmmesh" ;;
	UFW) only "allow $VMMESH_SSH_PORT/tcp" ;;
# only: Firewalld
	Firewalld)
		rm -f "$POLICY"
		firewall-cmd --quiet --reload
		recapture
		;;
# end
	esac
}

# restore ends a trial.
restore() {
	[ -e "$DIR/pending" ] || return 0
	local path backend
	backend=$(cat "$DIR/pending")
	case $backend in
# only: UFW
	UFW)
		for path in "${UFW[@]}"; do
			cp -p "$DIR/before/${path##*/}" "$path"
		done
		if grep -q '^ENABLED=yes' /etc/ufw/ufw.conf; then
			ufw reload >/dev/null
		else
			ufw --force disable >/dev/null
		fi
		;;
# end
# only: Firewalld
	Firewalld)
		if [ -e "$DIR/before/vmmesh.xml" ]; then
			cp -p "$DIR/before/vmmesh.xml" "$POLICY"
			firewall-cmd --quiet --reload
			recapture
		else
			remove Firewalld
		fi
		;;
# end
	*)
		if [ -e "$DIR/confirmed" ]; then
			nft -f "$DIR/confirmed"
		else
			remove Nftables
		fi
		;;
	esac
	rm -rf "$DIR/pending" "$DIR/before"
	warn "the firewall's new rules were not confirmed: those of before are back"
}

# wider prints what else opens the ports that the spec opens to some sources alone, a line each.
wider() {
	local ports zone
	ports=$(awk -F '\t' '$3 != "any" && $3 != "host" { print $1 }' "$RULES" 2>/dev/null | sort -u | paste -sd '|')
	[ -n "$ports" ] || return 0
	case $BACKEND in
# only: UFW
	UFW)
		ufw show added | grep -v " comment 'vmmesh: " | grep -E "^ufw (allow|limit) (.* port )?($ports)(/|,| |$)" || :
		[ "$(ufw status verbose 2>/dev/null | grep -c '^Default: allow')" = 0 ] || echo "ufw's default for incoming traffic is allow"
		;;
# end
# only: Firewalld
	Firewalld)
		for zone in $(firewall-cmd --get-active-zones 2>/dev/null | grep -v '^ ') $(firewall-cmd --get-default-zone 2>/dev/null); do
			[ "$(firewall-cmd --permanent --zone="$zone" --get-target 2>/dev/null)" != ACCEPT ] ||
				echo "firewalld's zone $zone accepts every port that the spec does not limit"
		done | sort -u
		;;
# end
	esac
}

# tellWider warns of what wider prints.
tellWider() {
	local line
	wider | while IFS= read -r line; do warn "also open: $line"; done
}

# status prints whether the spec's rules are in force.
status() {
	local loaded=
	case $BACKEND in
	Nftables) nft list table inet vmmesh >/dev/null 2>&1 && loaded=yes ;;
	UFW) ufw status | grep -q '^Status: active' && loaded=yes ;;
	Firewalld) [ -e "$POLICY" ] && firewall-cmd --quiet --state && loaded=yes ;;
	esac
	if [ -e "$DIR/pending" ]; then
		echo trial
	elif [ -n "$loaded" ] && cmp -s "$RULES" "$DIR/confirmed"; then
		echo confirmed
	else
		echo other
	fi
}

# elsewhere prints where sshd listens, if nothing listens where the spec says.
elsewhere() {
	local all
	all=$(ss -Hltnp)
	awk -v want="$VMMESH_SSH_PORT" '
		{ port = $4; sub(/.*:/, "", port) }
		port == want { here = 1 }
		/"sshd"/ { ports[port] }
		END { if (!here) for (p in ports) print p }' <<<"$all"
}

# passes tells whether a new connection from outside gets through to the SSH port: 0 yes, 1 no, 2 this VM cannot try. It
# comes from a network namespace at the other end of a pair of interfaces, by addresses that are for documentation.
passes() {
	local space=vmmesh-trial text status=2
	ip netns add "$space" 2>/dev/null || return 2
	if ip link add "$space" type veth peer name eth0 netns "$space" 2>/dev/null && ip addr add 192.0.2.1/30 dev "$space" && ip link set "$space" up &&
		ip -n "$space" addr add 192.0.2.2/30 dev eth0 && ip -n "$space" link set eth0 up; then
		status=0
		# A refusal comes from the host itself: the rules let the question through.
		text=$(ip netns exec "$space" timeout 5 bash -c "$CONNECT" connect 192.0.2.1 "$VMMESH_SSH_PORT" 2>&1) || [[ $text == *refused* ]] || status=1
	fi
	ip link del "$space" 2>/dev/null || :
	ip netns del "$space"
	return "$status"
}

# arm has the rules go after so many seconds, come what may.
arm() {
	if [ -d /run/systemd/system ]; then
		systemctl reset-failed "$TRIAL.timer" "$TRIAL.service" 2>/dev/null || :
		systemd-run --quiet --unit "$TRIAL" --on-active "$1" --timer-property AccuracySec=1s /bin/bash "$here/firewall.sh" restore
	else
		# shellcheck disable=SC2016 # the inner shell expands these
		VMMESH_LOCKED='' setsid bash -c 'sleep "$1"; exec bash "$2" restore' trial "$1" "$here/firewall.sh" </dev/null >/dev/null 2>&1 &
	fi
}

confirm() {
	put 0644 root:root "$DIR/confirmed" <"$RULES"
	put 0644 root:root "$DIR/backend" <<<"$BACKEND"
	rm -rf "$DIR/pending" "$DIR/before"
	[ ! -d /run/systemd/system ] || systemctl --quiet stop "$TRIAL.timer" 2>/dev/null || :
	systemctl --quiet is-enabled vmmesh-firewall.service 2>/dev/null || systemctl --quiet enable vmmesh-firewall.service
	# Loading confirmed rules again changes nothing, and a unit that runs is told when others flush them.
	if [ -d /run/systemd/system ] && ! systemctl --quiet is-active vmmesh-firewall.service; then
		systemctl --quiet --no-block start vmmesh-firewall.service
	fi
	tellWider
	note "the firewall has this mesh's rules"
}

# refuse WHY ends a trial, and the script.
refuse() {
	restore
	die "$1; they are gone again" "see what else filters on this VM: nft list ruleset"
}

apply() {
	local other was='' status=0
	other=$(cat "$DIR/backend" 2>/dev/null) || other=$BACKEND
	if [ "$other" != "$BACKEND" ]; then
		remove "$other"
		rm -rf "$DIR"
		systemctl --quiet disable vmmesh-firewall.service
	fi
	[ "$BACKEND" != None ] && [ "$(status)" != confirmed ] || return 0
	restore
	other=$(elsewhere)
	[ -z "$other" ] || die "sshd listens on ${other//$'\n'/, } and the spec opens $VMMESH_SSH_PORT: the firewall stays as it is" "set vm.firewall.sshPort: ${other%%$'\n'*}"
	! open "$VMMESH_ISTIOD_HOST" "$VMMESH_ISTIOD_PORT" || was=yes
	install -d -m 0700 "$DIR" "$DIR/before"
	case $BACKEND in
	UFW) cp -p "${UFW[@]}" "$DIR/before/" ;;
	Firewalld) [ ! -e "$POLICY" ] || cp -p "$POLICY" "$DIR/before/" ;;
	esac
	put 0600 root:root "$DIR/pending" <<<"$BACKEND"
	arm "$1" || refuse "no timer would have taken the new rules back"
	bash "$here/firewall.sh" change || refuse "$BACKEND did not take the rules, its own words stand above"
	passes || status=$?
	[ "$status" != 1 ] || refuse "with the new rules nobody would reach port $VMMESH_SSH_PORT"
	[ -z "$was" ] || open "$VMMESH_ISTIOD_HOST" "$VMMESH_ISTIOD_PORT" || refuse "with the new rules istiod was no longer reached"
	if [ "$status" = 0 ]; then
		confirm
	else
		note "this VM cannot try whether SSH still works. Open a new connection, and within $1 seconds: sudo bash $here/firewall.sh confirm"
	fi
}

case ${1-} in
apply) apply "${2:-120}" ;;
change | restore | status | wider) "$1" ;;
remove)
	restore
	[ ! -e "$DIR/backend" ] || remove "$(cat "$DIR/backend")"
	rm -rf "$DIR"
	;;
confirm)
	[ -e "$DIR/pending" ] || die "there is nothing to confirm" "sudo bash $here/firewall.sh apply"
	confirm
	;;
load)
	restore
	if [ "$(cat "$DIR/backend" 2>/dev/null)" = Nftables ]; then
		nft -f "$DIR/confirmed"
	fi
	;;
*) die "usage: firewall.sh apply [SECONDS] | confirm | restore | load | status" ;;
esac
