#!/usr/bin/env bash
# A mesh to look at: examples/payments with its VMs, its clients and a machine outside the mesh, each in namespaces of its
# own on this machine, with the real istiod, agents and Envoys.
#   lab.sh up                 starts it, waits until it is ready, and prints what to try
#   lab.sh in MACHINE CMD …   runs a command on a machine
#   lab.sh kill MACHINE       kills the application on a machine
#   lab.sh down               ends it and everything in it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
state=/run/vmmesh-lab

die() {
	echo "lab: $*" >&2
	exit 1
}

[ "$(id -u)" = 0 ] || die "needs root, for namespaces: run it with sudo"

# running reports whether the process of the lab is there: its number alone could be another process by now.
running() {
	[ -s "$state/pid" ] && [ -e "$state/lab.test" ] && [ "/proc/$(<"$state/pid")/exe" -ef "$state/lab.test" ]
}

# inside runs a command in the namespaces that all machines are in.
inside() {
	running || die "it is not running: make lab"
	local outer inner
	outer=$(<"$state/pid")
	inner=$(cat /proc/"$outer"/task/*/children | tr ' ' '\n' | head -n 1)
	[ -n "$inner" ] || die "it is about to end"
	nsenter --target "$inner" --mount --pid --net -- "$@"
}

# column prints a column of a machine's line: its name, its process, that of its application.
column() {
	awk -v name="$1" -v column="$2" '$1 == name && $column != "-" { print $column; found = 1 } END { exit !found }' "$state/machines" ||
		die "no ${3:-machine} $1: there are $(awk '{ printf "%s ", $1 }' "$state/machines")"
}

case ${1:-} in
up)
	if running; then
		cat "$state/try"
		exit
	fi
	programs=$(./build.sh)
	[ -e "$programs/envoy" ] || die "there is no Envoy: this machine cannot download it"
	command -v curl >/dev/null || die "there is no curl, which the commands to try need"
	rm -rf "$state"
	install -d -m 0700 "$state"
	CGO_ENABLED=0 go test -trimpath -c -o "$state/lab.test" .
	VMMESH_E2E=$programs VMMESH_E2E_LAB=$state setsid "$state/lab.test" -test.run '^TestLab$' -test.timeout 12h </dev/null >"$state/log" 2>&1 &
	echo $! >"$state/pid"
	for _ in $(seq 300); do
		if [ -e "$state/try" ] || ! [ -d "/proc/$(<"$state/pid")" ]; then
			break
		fi
		sleep 1
	done
	if [ ! -e "$state/try" ]; then
		tail -n 60 "$state/log" >&2
		"./lab.sh" down
		die "it did not start"
	fi
	cat "$state/try"
	;;
in)
	machine=$(column "${2:?which machine}" 2)
	shift 2
	inside nsenter --target "$machine" --net --mount --uts --pid --root --wd="/proc/$machine/root" -- "$@"
	;;
kill)
	inside kill -KILL "$(column "${2:?which machine}" 3 "application on")"
	;;
down)
	if running; then
		outer=$(<"$state/pid")
		kill -TERM "$outer"
		for _ in $(seq 100); do
			[ -d "/proc/$outer" ] || break
			sleep 0.1
		done
		if running; then
			kill -KILL "$outer"
		fi
	fi
	rm -rf "$state"
	;;
*) die "up, in MACHINE COMMAND, kill MACHINE, or down" ;;
esac
