# shellcheck shell=bash
# What stages share. Source it: . .ci/lib.sh

# need COMMAND [PACKAGE] installs a Debian package (of the command's name, unless another is said) when the command is
# missing. Package lists are fetched once a run, and only if something is missing.
need() {
	command -v "$1" >/dev/null && return
	if [ ! -e "$CI_TMP/apt-updated" ]; then
		apt-get -qq update
		touch "$CI_TMP/apt-updated"
	fi
	echo "installing ${2:-$1}"
	DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "${2:-$1}" >"$CI_TMP/apt.log" 2>&1 || {
		cat "$CI_TMP/apt.log"
		return 1
	}
}
