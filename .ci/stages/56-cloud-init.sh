# A VM that boots for real from user-data that `vmmesh build` wrote: .ci/cloud-init/README.md. With $CI_CACHE set to a folder,
# the Debian root is kept there between runs.
. .ci/lib.sh
need debootstrap
need rpmbuild rpm
need dpkg-deb dpkg
need ip iproute2
need iptables
need openssl
need python3
need nsenter util-linux
need pgrep procps
work=$CI_TMP/cloud-init
mkdir -p "$work"

debian=$work/debian
kept=${CI_CACHE:+$CI_CACHE/cloud-init-$(sha256sum .ci/cloud-init/root.sh | cut -c 1-16).tar}
if [ -n "$kept" ] && [ -e "$kept" ]; then
	mkdir "$debian"
	tar --extract --numeric-owner --xattrs --file "$kept" --directory "$debian"
else
	unshare --mount bash .ci/cloud-init/root.sh "$debian"
	if [ -n "$kept" ]; then
		tar --create --numeric-owner --xattrs --file "$kept.new" --directory "$debian" .
		mv "$kept.new" "$kept"
	fi
fi
echo "a Debian root of $(du -sh "$debian" | cut -f 1)"

# The mesh's own package is a release older than its control plane, so that there is one to upgrade to.
version=1.31.1
export PACKAGE=1.31.0 NEWER=1.31.1
for release in "$PACKAGE" "$NEWER"; do
	bash .ci/cloud-init/package.sh "$release" "$work/mirror/$release"
done
cat >"$work/base.spec" <<'SPEC'
Name: base
Version: 1
Release: 1
Summary: what the root has, for rpm
License: none
BuildArch: noarch
Provides: /bin/sh /bin/bash iproute iptables sudo hostname
%description
Base.
%files
SPEC
rpmbuild --quiet -bb --define "_topdir $work/base" "$work/base.spec"
mv "$work"/base/RPMS/noarch/base-1-1.noarch.rpm "$work/base.rpm"

sum() { sha256sum "$work/mirror/$1"/"$2"/*."$2" | cut -d ' ' -f 1; }
NEWERSUM=$(sum "$NEWER" deb)
export NEWERSUM
sed "s/VERSION/$version/; s/PACKAGE/$PACKAGE/; s/ARCH/$(dpkg --print-architecture)/; s/DEBSUM/$(sum "$PACKAGE" deb)/; s/RPMSUM/$(sum "$PACKAGE" rpm)/; s/MUCH/$(printf '%04000d' 0)/" \
	.ci/cloud-init/spec.yaml >"$work/vmmesh.yaml"
go build -o "$work/vmmesh" ./cmd/vmmesh
"$work/vmmesh" build "$work/vmmesh.yaml" -o "$work/built"

# One user-data of each form.
GZIPPED='' PACKED=''
for file in "$work"/built/vms/vm-workloads/hello-*/user-data; do
	case $(head -c 2 "$file" | od -An -tx1) in
	' 1f 8b') GZIPPED=$file ;;
	*) ! grep -q '^  encoding: gz+b64$' "$file" || PACKED=$file ;;
	esac
done
export GZIPPED PACKED
(cd "$work/built/vms/vm-workloads" && wc --bytes ./*/user-data)
if [ -z "$GZIPPED" ] || [ -z "$PACKED" ]; then
	echo "no cloud needs a packed or a gzipped user-data any more"
	exit 1
fi
unshare --mount --net --pid --fork --kill-child --mount-proc bash .ci/cloud-init/run.sh "$work" "$debian" "$work/built"
