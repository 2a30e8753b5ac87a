#!/usr/bin/env bash
# The licences of everything that is compiled into vmmesh: licenses.sh DIR. A file for each module, and Go's own. A module
# without a licence, or with one that is not on the list below, ends it: somebody has to read it first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=$1
allowed='Apache License|MIT License|Permission is hereby granted, free of charge|Redistribution and use in source and binary forms|ISC License'

rm -rf "$out"
mkdir -p "$out"
# For every system that there is a release of, since they do not need the same modules.
modules=$(for os in linux darwin windows; do
	GOOS=$os CGO_ENABLED=0 go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}' ./cmd/vmmesh
done | sort -u)
modules+=$'\n'"go $(go env GOROOT)"
count=0
while read -r module dir; do
	found=
	for file in "$dir"/LICENSE* "$dir"/LICENCE* "$dir"/COPYING* "$dir"/NOTICE*; do
		[ -f "$file" ] || continue
		case ${file##*/} in
		NOTICE*) ;;
		*)
			grep -qE "$allowed" "$file" || {
				echo "$module: ${file##*/} is not a licence that is allowed: $0 lists those" >&2
				exit 1
			}
			found=yes
			;;
		esac
		install -m 0644 "$file" "$out/${module//\//_}.${file##*/}"
	done
	[ -n "$found" ] || {
		echo "$module has no licence file" >&2
		exit 1
	}
	count=$((count + 1))
done <<<"$modules"
echo "licences of $count modules"
