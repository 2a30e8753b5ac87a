#!/usr/bin/env bash
# Compares what a pull request's specs build to with what the specs of its base build to, and keeps one comment on the
# pull request (GitHub) or merge request (GitLab) up to date. It prints the report, and exits as `vmmesh diff` does.
#
#   VMMESH_PATH      the spec, or its directory, in the repository (default: .)
#   VMMESH_AGAINST   compare with this tree, directory or file instead, such as an export of the cluster
#   VMMESH_BASE      the commit to compare with (default: the base of the pull request)
#   VMMESH_FAIL_ON   any, risk or breaks (default: breaks)
#   VMMESH_TOKEN     writes the comment: GITHUB_TOKEN with pull-requests: write, or a token of GitLab with scope api
#
# It needs vmmesh, git, curl and jq. A token that may not write, as on pull requests from forks, fails nothing.
set -euo pipefail

path=${VMMESH_PATH:-.}
fail_on=${VMMESH_FAIL_ON:-breaks}
marker='<!-- vmmesh diff -->'
temp=$(mktemp -d)
# shellcheck disable=SC2317 # the trap calls it
clean() {
	git worktree remove --force "$temp/base" 2>/dev/null || true
	rm -rf "$temp"
}
trap clean EXIT

note() { echo "vmmesh diff: $*" >&2; }

# request METHOD URL [FILE] calls the API, with a JSON file as its body. The token is not on curl's command line, where
# other processes could read it.
request() {
	local header
	if [ -n "${GITHUB_ACTIONS-}" ]; then
		header="Authorization: Bearer $VMMESH_TOKEN"
	else
		header="PRIVATE-TOKEN: $VMMESH_TOKEN"
	fi
	curl --silent --show-error --fail --max-time 60 --request "$1" --header 'Content-Type: application/json' \
		${3:+--data-binary "@$3"} --config <(printf 'header = "%s"\n' "$header") "$2"
}

# previous COMMENTS prints the number of our comment in a list of the API, nothing where there is none.
previous() {
	local page=1 text found
	while :; do
		text=$(request GET "$1?per_page=100&page=$page") || return
		found=$(jq -r --arg marker "$marker" 'map(select(.body | startswith($marker))) | first | .id // empty' <<<"$text")
		if [ -n "$found" ]; then
			echo "$found"
			return
		fi
		[ "$(jq length <<<"$text")" = 100 ] || return 0
		page=$((page + 1))
	done
}

# comment COMMENTS COMMENT METHOD writes the report: into our comment, whose URL is COMMENT/<number>, or as a new one.
# Where nothing would change there is no new comment.
comment() {
	local id
	jq --raw-input --slurp '{body: .}' <"$temp/report" >"$temp/body"
	id=$(previous "$1") || return
	if [ -n "$id" ] && request "$3" "$2/$id" "$temp/body" >/dev/null; then
		return
	fi
	[ -n "$id" ] || [ ! -e "$temp/same" ] || return 0
	request POST "$1" "$temp/body" >/dev/null
}

# The state to compare with: what the base builds to, unless something else is given.
against=${VMMESH_AGAINST-}
if [ -z "$against" ]; then
	base=${VMMESH_BASE:-${CI_MERGE_REQUEST_DIFF_BASE_SHA-}}
	[ -n "$base" ] || {
		note "there is no commit to compare with: set VMMESH_BASE or VMMESH_AGAINST"
		exit 2
	}
	case $base in -*)
		note "VMMESH_BASE is not a commit: $base"
		exit 2
		;;
	esac
	git cat-file -e "$base^{commit}" 2>/dev/null || git fetch --quiet --depth=1 origin "$base"
	git worktree add --quiet --detach "$temp/base" "$base"
	against=$temp/deploy
	prefix=$(git rev-parse --show-prefix)
	if ! (cd "$temp/base/$prefix" && vmmesh build -q -o "$against" -- "$path") 2>"$temp/errors"; then
		note "the base does not build, so everything is new:"
		cat "$temp/errors" >&2
		rm -rf "$against"
		mkdir "$against"
	fi
fi

code=0
vmmesh diff -q --against "$against" --fail-on "$fail_on" --report markdown -- "$path" >"$temp/report" 2>"$temp/errors" || code=$?
cat "$temp/errors" >&2
if [ ! -s "$temp/report" ]; then # findings at error level: nothing was compared
	{
		echo "$marker"
		echo "### vmmesh diff: nothing was compared"
		echo
		echo '```'
		head -c 50000 "$temp/errors" | tr -d '`'
		echo '```'
	} >"$temp/report"
elif vmmesh diff -q --against "$against" --check -- "$path" >/dev/null 2>&1; then
	touch "$temp/same"
fi
cat "$temp/report"

if [ -n "${GITHUB_ACTIONS-}" ]; then
	cat "$temp/report" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
	vmmesh diff -q --against "$against" --report github -- "$path" || true
	number=$(jq -r '.pull_request.number // empty' "${GITHUB_EVENT_PATH:-/dev/null}")
	api=${GITHUB_API_URL-}/repos/${GITHUB_REPOSITORY-}/issues
	comments=$api/$number/comments one=$api/comments method=PATCH
else
	number=${CI_MERGE_REQUEST_IID-}
	comments=${CI_API_V4_URL-}/projects/${CI_PROJECT_ID-}/merge_requests/$number/notes
	one=$comments method=PUT
fi
if [ -z "$number" ]; then
	note "this is not a pull request: there is no comment"
elif [ -z "${VMMESH_TOKEN-}" ]; then
	note "VMMESH_TOKEN is not set: there is no comment"
elif ! comment "$comments" "$one" "$method"; then
	note "the comment could not be written: may the token write on this pull request?"
fi
exit "$code"
