# shellcheck shell=bash
# shellcheck disable=SC2154 # $work, $debian and $here are who sources this
# One machine at a time: $machine is its folder, $root its file system, $init the process that is its process 1.

check() { printf '  ok: %s\n' "$*"; }
fail() {
	printf 'FAILED: %s\n' "$*"
	if [ -n "${init-}" ]; then
		enter journalctl --no-pager --lines 30 -u istio || true
		enter grep -E '^vmmesh|rror|arning' /var/log/cloud-init-output.log /var/log/cloud-init.log || true
	fi
	exit 1
}

# equal WHAT WANT GOT
equal() {
	[ "$2" = "$3" ] || fail "$1: wanted <$2>, got <$3>"
	check "$1: $2"
}

# has WHAT FILE TEXT
has() {
	grep -qF -- "$3" "$2" || {
		cat "$2"
		fail "$1: $2 does not say <$3>"
	}
	check "$1: $3"
}

# new NAME makes a machine over the pristine root.
new() {
	machine=$work/$1 root=$work/$1/root init=
	mkdir -p "$machine"/{upper,work,root}
	mount -t overlay overlay -o "lowerdir=$debian,upperdir=$machine/upper,workdir=$machine/work" "$root"
	printf '\n== %s\n' "$1"
}

# seed FILE gives the machine its user-data, by cloud-init's NoCloud.
seed() {
	local to=$root/var/lib/cloud/seed/nocloud
	mkdir -p "$to"
	printf 'instance-id: i-%s\nlocal-hostname: vm1\n' "$(basename "$machine")" >"$to/meta-data"
	cp "$1" "$to/user-data"
}

# boot starts the machine and waits until it has started everything.
boot() {
	local tries state
	iptables -t nat -F
	iptables -t nat -X
	unshare --mount --uts --ipc --pid --cgroup --fork --kill-child bash "$here/init.sh" "$root" &
	holder=$!
	for ((tries = 0; tries < 300; tries++)); do
		init=$(pgrep -P "$holder" || true)
		[ -z "$init" ] || state=$(enter systemctl is-system-running 2>/dev/null || true)
		case ${state-} in
		running | degraded)
			printf '  booted: %s\n' "$state"
			return
			;;
		esac
		sleep 0.5
	done
	fail "the machine did not start: ${state-}"
}

# enter COMMAND... runs it in the machine.
enter() {
	timeout --signal KILL 120 nsenter --target "$init" --mount --uts --ipc --pid --cgroup --root --wd \
		env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
}

# halt shuts the machine down.
halt() {
	enter systemctl poweroff --no-wall >/dev/null 2>&1 || true
	wait "$holder" 2>/dev/null || true
	init=
}

# await SECONDS COMMAND... repeats a command until it succeeds.
await() {
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$until" ] || fail "waited in vain for: $*"
		sleep 0.5
	done
}

# picture prints every file of the machine with owner, mode and content, but for what a running system writes by itself:
# logs, cloud-init's notes of each boot, random seeds and times.
picture() {
	(cd "$root" && find . -xdev \( -path ./var/log -o -path ./var/lib/cloud -o -path ./run -o -path ./tmp -o -path ./var/tmp \
		-o -path ./var/lib/systemd -o -path ./var/lib/private -o -path ./root/.cache \) -prune -o -printf '%p %y %m %U:%G %l\n' | sort
	find . -xdev \( -path ./var/log -o -path ./var/lib/cloud -o -path ./run -o -path ./tmp -o -path ./var/tmp -o -path ./var/lib/systemd \
		-o -path ./var/lib/private -o -path ./root/.cache \) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum)
}

# diagnosis EXIT CHECK=STATE... runs diagnose.sh, and compares its exit code and the findings that are named; all others are ok.
diagnosis() {
	local want=$1 status=0
	shift
	enter bash /usr/local/lib/vmmesh/diagnose.sh --json >"$work/diagnosis.json" || status=$?
	python3 - "$work/diagnosis.json" "$@" <<'PY' || fail "diagnose.sh does not tell the truth"
import json, sys
with open(sys.argv[1]) as f:
    said = json.load(f)
states = {f["check"]: f["status"] for f in said["findings"]}
want = dict.fromkeys(states, "ok") | dict(a.split("=") for a in sys.argv[2:])
lies = ["%(check)s is %(status)s: %(message)s" % f for f in said["findings"] if f["status"] != want[f["check"]]]
lies += ["not looked at: " + check for check in want.keys() - states.keys()]
if lies:
    sys.exit("\n".join(lies))
PY
	[ "$status" = "$want" ] || fail "diagnose.sh exits $status and not $want"
	check "diagnose.sh exits $want: ${*:-all is well}"
}
