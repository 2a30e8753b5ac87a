#!/bin/sh
# Reports in one sentence what a machine lacks to compile vmmesh: go.sh GO. The Makefile asks it before anything else.
go=${1:-go}
needed=$(sed -n 's/^go //p' go.mod)
where="install Go $needed or later, https://go.dev/doc/install"
command -v "$go" >/dev/null 2>&1 || {
	echo "Go is missing: $where" >&2
	exit 1
}
# Inside a module, Go 1.21 and later switch to the release that go.mod asks for, where they may download it.
found=$("$go" env GOVERSION 2>/dev/null) || found=$(GOTOOLCHAIN=local GOFLAGS='' "$go" version 2>/dev/null | cut -d ' ' -f 3)
found=${found#go}
oldest=$(printf '%s\n%s\n' "$needed" "$found" | sort -V | head -n 1)
[ "$oldest" = "$needed" ] || {
	echo "Go ${found:-of an unknown version} is too old: $where" >&2
	exit 1
}
said=$("$go" mod download 2>&1) || {
	echo "Go modules cannot be downloaded: connect to a module proxy, or set GOPROXY to one that can be reached" >&2
	echo "$said" | tail -n 1 >&2
	exit 1
}
