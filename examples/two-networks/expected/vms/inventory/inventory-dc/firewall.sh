#!/bin/bash
# Opens this VM's firewall for what the spec derives, and for nothing else of vmmesh's: rules are replaced, not added to.
#
#   firewall.sh apply [SECONDS]   tries the rules of /etc/vmmesh, and keeps them if SSH and istiod are still reached
#   firewall.sh confirm           keeps rules that apply could not try out; without it they are gone after SECONDS (120)
#   firewall.sh restore           goes back to the rules of before, if the new ones are not confirmed
#   firewall.sh load              what a boot does: only confirmed rules come back
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
alone "${BASH_SOURCE[0]}" "$@"
settings "$ETC/vm.env"

DIR=$STATE/firewall # backend, confirmed: what is in force; pending: a trial; before/: what its end brings back
POLICY=/etc/firewalld/policies/vmmesh.xml
UFW_FILES=(/etc/ufw/user.rules /etc/ufw/user6.rules /etc/ufw/ufw.conf /etc/default/ufw)
TRIAL=vmmesh-firewall-trial

# file prints which of the two files a backend reads.
file() {
	case $1 in
	Nftables) echo "$ETC/firewall.nft" ;;
	*) echo "$ETC/firewall.rules" ;;
	esac
}

# own lists vmmesh's rules in ufw, as the words of the command that made them.
own() { ufw show added | sed -n "s/^ufw \(.*\) comment 'vmmesh: .*'\$/\1/p"; }

# change BACKEND FILE puts the rules of FILE in the place of those that vmmesh put there before.
change() {
	local port proto source why rule rules=() wanted=$'\n'
	case $1 in
	Nftables) nft -f "$2" ;;
	UFW)
		# New rules first: SSH is never without one.
		while IFS=$'\t' read -r port proto source why; do
			rule="allow $port/$proto"
			[ "$source" = any ] || rule="allow from $source to any port $port proto $proto"
			wanted+=$rule$'\n'
			read -ra rules <<<"$rule"
			ufw "${rules[@]}" comment "vmmesh: $why" >/dev/null
		done <"$2"
		own | while IFS= read -r rule; do
			read -ra rules <<<"$rule"
			[[ $wanted == *$'\n'"$rule"$'\n'* ]] || ufw --force delete "${rules[@]}" >/dev/null
		done
		ufw default deny incoming >/dev/null
		ufw --force enable >/dev/null
		;;
	Firewalld)
		install -d -m 0750 "${POLICY%/*}"
		policy "$2" | put 0644 root:root "$POLICY"
		firewall-cmd --quiet --check-config
		firewall-cmd --quiet --reload
		;;
	esac
}

# policy FILE prints a policy of firewalld: what comes from anywhere to this host, before the zones have their say.
policy() {
	local port proto source why family
	printf '<?xml version="1.0" encoding="utf-8"?>\n<policy priority="-100" target="CONTINUE">\n  <short>vmmesh</short>\n'
	printf '  <ingress-zone name="ANY"/>\n  <egress-zone name="HOST"/>\n'
	while IFS=$'\t' read -r port proto source why; do
		family=ipv4
		[[ $source != *:* ]] || family=ipv6
		if [ "$source" = any ]; then
			printf '  <port port="%s" protocol="%s"/>\n' "$port" "$proto"
		else
			printf '  <rule family="%s"><source address="%s"/><port port="%s" protocol="%s"/><accept/></rule>\n' "$family" "$source" "$port" "$proto"
		fi
	done <"$1"
	printf '</policy>\n'
}

# snapshot BACKEND keeps what restore brings back.
snapshot() {
	local path
	rm -rf "$DIR/before"
	install -d -m 0700 "$DIR" "$DIR/before"
	case $1 in
	UFW) cp -p "${UFW_FILES[@]}" "$DIR/before/" ;;
	Firewalld) [ ! -e "$POLICY" ] || cp -p "$POLICY" "$DIR/before/" ;;
	esac
}

# bring_back BACKEND undoes change.
bring_back() {
	local path
	case $1 in
	Nftables)
		if [ -e "$DIR/confirmed" ]; then
			nft -f "$DIR/confirmed"
		else
			remove Nftables
		fi
		;;
	UFW)
		for path in "${UFW_FILES[@]}"; do
			cp -p "$DIR/before/${path##*/}" "$path"
		done
		if grep -q '^ENABLED=yes' /etc/ufw/ufw.conf; then
			ufw reload >/dev/null
		else
			/usr/lib/ufw/ufw-init force-stop >/dev/null 2>&1 || ufw --force disable >/dev/null
		fi
		;;
	Firewalld)
		rm -f "$POLICY"
		[ ! -e "$DIR/before/vmmesh.xml" ] || cp -p "$DIR/before/vmmesh.xml" "$POLICY"
		firewall-cmd --quiet --reload
		;;
	esac
}

# remove BACKEND takes away all that vmmesh put into it, as when the spec no longer names it.
remove() {
	local rule rules
	case $1 in
	Nftables) nft -f - <<<"table inet vmmesh; delete table inet vmmesh" ;;
	UFW) # the firewall itself stays as it is: somebody else's rules may be in it
		own | while IFS= read -r rule; do
			read -ra rules <<<"$rule"
			[[ $rule == "allow $VMMESH_SSH_PORT/tcp" ]] || ufw --force delete "${rules[@]}" >/dev/null
		done
		;;
	Firewalld)
		rm -f "$POLICY"
		firewall-cmd --quiet --reload
		;;
	esac
}

# in_force tells whether the confirmed rules are what the spec says, and are loaded.
in_force() {
	[ ! -e "$DIR/pending" ] && cmp -s "$(file "$1")" "$DIR/confirmed" || return
	case $1 in
	Nftables) nft list table inet vmmesh >/dev/null 2>&1 ;;
	UFW) ufw status | grep -q '^Status: active' ;;
	Firewalld) [ -e "$POLICY" ] && firewall-cmd --quiet --state ;;
	esac
}

# elsewhere prints where sshd listens, if that is not where the spec says.
elsewhere() {
	local all
	all=$(ss -Hltnp)
	awk -v port=":$VMMESH_SSH_PORT" '
		substr($4, length($4) - length(port) + 1) == port { here = 1 }
		/"sshd"/ { sub(/.*:/, "", $4); ports[$4] }
		END { if (!here) for (p in ports) print p }' <<<"$all"
}

# passes tells whether a new connection from outside gets through to the SSH port: 0 yes, 1 no, 2 this VM cannot try. It
# comes from a network namespace at the other end of a pair of interfaces, by addresses that are for documentation.
passes() {
	local space=vmmesh-trial said status=2
	if ip netns add "$space" 2>/dev/null; then
		if ip link add vmmesh-trial type veth peer name eth0 netns "$space" 2>/dev/null &&
			ip addr add 192.0.2.1/30 dev vmmesh-trial && ip link set vmmesh-trial up &&
			ip -n "$space" addr add 192.0.2.2/30 dev eth0 && ip -n "$space" link set eth0 up; then
			status=0
			# A refusal comes from the host itself: the rules let the question through.
			said=$(ip netns exec "$space" timeout 5 bash -c "exec 3<>/dev/tcp/192.0.2.1/$VMMESH_SSH_PORT" 2>&1) ||
				[[ $said == *refused* ]] || status=1
		fi
		ip link del vmmesh-trial 2>/dev/null || :
		ip netns del "$space"
	fi
	return "$status"
}

# reached tells whether istiod answers.
reached() {
	timeout 5 bash -c "exec 3<>/dev/tcp/$VMMESH_ISTIOD_HOST/$VMMESH_ISTIOD_PORT" 2>/dev/null
}

# arm has the rules go after so many seconds, come what may.
arm() {
	if [ -d /run/systemd/system ]; then
		systemctl reset-failed "$TRIAL.timer" "$TRIAL.service" 2>/dev/null || :
		systemd-run --quiet --unit "$TRIAL" --on-active "$1" --timer-property AccuracySec=1s /bin/bash "$here/firewall.sh" restore
	else
		# Without the lock: this waits for its end.
		VMMESH_LOCKED='' setsid bash -c "sleep $1; exec bash \"\$0\" restore" "$here/firewall.sh" </dev/null >/dev/null 2>&1 &
	fi
}

confirm() {
	put 0644 root:root "$DIR/confirmed" <"$(file "$VMMESH_FIREWALL")"
	put 0644 root:root "$DIR/backend" <<<"$VMMESH_FIREWALL"
	rm -rf "$DIR/pending" "$DIR/before"
	[ ! -d /run/systemd/system ] || systemctl --quiet stop "$TRIAL.timer" 2>/dev/null || :
	systemctl --quiet is-enabled vmmesh-firewall.service 2>/dev/null || systemctl --quiet enable vmmesh-firewall.service
	note "the firewall has this mesh's rules"
}

restore() {
	local backend
	[ -e "$DIR/pending" ] || return 0
	backend=$(cat "$DIR/pending")
	bring_back "$backend"
	rm -rf "$DIR/pending" "$DIR/before"
	warn "the firewall's new rules were not confirmed: those of before are back"
}

apply() {
	local before=$1 seconds=$2 other status=0 was=
	if [ -n "$before" ] && [ "$before" != "$VMMESH_FIREWALL" ]; then
		remove "$before"
		rm -rf "$DIR"
		systemctl --quiet disable vmmesh-firewall.service
	fi
	[ "$VMMESH_FIREWALL" != None ] || return 0
	! in_force "$VMMESH_FIREWALL" || return 0
	restore
	other=$(elsewhere)
	[ -z "$other" ] || die "sshd listens on port ${other//$'\n'/, } and the spec opens $VMMESH_SSH_PORT: the firewall stays as it is" \
		"set vm.firewall.sshPort: ${other%%$'\n'*}"
	! reached || was=yes
	snapshot "$VMMESH_FIREWALL"
	put 0600 root:root "$DIR/pending" <<<"$VMMESH_FIREWALL"
	arm "$seconds"
	bash "$here/firewall.sh" change || {
		restore
		die "$VMMESH_FIREWALL did not take the rules" "its own words stand above"
	}
	passes || status=$?
	if [ "$status" = 1 ]; then
		restore
		die "with the new rules nobody would reach port $VMMESH_SSH_PORT, so they are gone again" "see what else filters on this VM: nft list ruleset"
	fi
	if [ -n "$was" ] && ! reached; then
		restore
		die "with the new rules istiod was no longer reached, so they are gone again" "see what else filters on this VM: nft list ruleset"
	fi
	if [ "$status" = 0 ]; then
		confirm
	else
		note "this VM cannot try by itself whether SSH still works. Open a new connection, and within $seconds seconds: sudo bash $here/firewall.sh confirm"
	fi
}

case ${1-} in
apply)
	applied=
	[ ! -e "$DIR/backend" ] || applied=$(cat "$DIR/backend")
	apply "$applied" "${2:-120}"
	;;
change) change "$VMMESH_FIREWALL" "$(file "$VMMESH_FIREWALL")" ;;
confirm)
	[ -e "$DIR/pending" ] || die "there is nothing to confirm" "the rules were confirmed already, or are gone: sudo bash $here/firewall.sh apply"
	confirm
	;;
restore) restore ;;
load)
	restore
	if [ -e "$DIR/confirmed" ] && [ "$(cat "$DIR/backend")" = Nftables ]; then
		nft -f "$DIR/confirmed"
	fi
	;;
*) die "usage: firewall.sh apply [SECONDS] | confirm | restore | load" ;;
esac
