#!/usr/bin/env bash
# Makes everything that a release has, in dist/: release.sh VERSION. Archives, deb, rpm and SBOMs are GoReleaser's work
# (.goreleaser.yaml), the image for both architectures buildah's. Nothing is published, and the same commit makes the
# same bytes: every time in them is that of the commit.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=${1:-}
[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || {
	echo "make release VERSION=v1.2.3: the version is missing, or not of this form" >&2
	exit 2
}
command -v buildah >/dev/null || {
	echo "buildah is missing: apt-get install buildah" >&2
	exit 1
}
tools=$PWD/bin/tools
CGO_ENABLED=0 GOBIN=$tools go install github.com/goreleaser/goreleaser/v2@v2.15.1
CGO_ENABLED=0 GOBIN=$tools go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH PATH="$tools:$PATH"
RELEASE_VERSION=${version#v} goreleaser release --clean --snapshot --skip=publish

# An OCI layout with an index of both architectures. No step of the image runs a program, so each can be made anywhere.
export BUILDAH_ISOLATION=chroot
store=$(mktemp -d)
trap 'rm -rf "$store"' EXIT
buildah=(buildah --storage-driver vfs --root "$store/root" --runroot "$store/run")
for arch in amd64 arm64; do
	context=$store/$arch
	mkdir -p "$context/etc"
	install -m 0755 dist/vmmesh_linux_"$arch"*/vmmesh "$context/vmmesh"
	cp -r bin/licenses "$context/licenses"
	echo 'nobody:x:65534:65534:nobody:/:/sbin/nologin' >"$context/etc/passwd"
	"${buildah[@]}" bud --quiet --target local --file Dockerfile --arch "$arch" --os linux --timestamp "$SOURCE_DATE_EPOCH" \
		--manifest "vmmesh:${version#v}" "$context" >/dev/null
done
rm -rf dist/image
"${buildah[@]}" manifest push --quiet --all "vmmesh:${version#v}" "oci:dist/image:vmmesh:${version#v}" >/dev/null
tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu \
	-C dist/image -cf "dist/vmmesh_${version#v}_image.oci.tar" .
(cd dist && sha256sum "vmmesh_${version#v}_image.oci.tar" >>SHA256SUMS)
(cd dist && sha256sum --quiet --check SHA256SUMS)
echo "dist/ has"
(cd dist && cut -c 67- SHA256SUMS)
