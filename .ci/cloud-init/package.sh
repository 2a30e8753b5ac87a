# Makes the stand-in package: package.sh VERSION DIR leaves istio-sidecar[-arm64].deb and .rpm in DIR. Files, configuration
# files, dependencies and post-install steps are those of Istio's tools/packaging; the binaries are not.
set -euo pipefail
version=$1 out=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/package
arch=$(dpkg --print-architecture)
name=istio-sidecar
[ "$arch" = amd64 ] || name+=-$arch
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
umask 022

for binary in pilot-agent envoy; do
	install -D -m 0755 "$here/$binary" "$tree/usr/local/bin/$binary"
done
install -D -m 0755 "$here/istio-start.sh" "$tree/usr/local/bin/istio-start.sh"
install -D -m 0644 "$here/istio.service" "$tree/lib/systemd/system/istio.service"
install -D -m 0644 "$here/sidecar.env" "$tree/var/lib/istio/envoy/sidecar.env"
echo "# of $version" >>"$tree/var/lib/istio/envoy/sidecar.env"
echo '{}' >"$tree/var/lib/istio/envoy/envoy_bootstrap_tmpl.json"

mkdir -p "$out/deb" "$out/rpm" "$tree/DEBIAN"
cat >"$tree/DEBIAN/control" <<CONTROL
Package: istio-sidecar
Version: $version
Architecture: $arch
Maintainer: nobody <nobody@example.com>
Depends: iproute2, iptables, sudo, hostname
Description: stand-in for the Istio sidecar
CONTROL
printf '%s\n' /var/lib/istio/envoy/envoy_bootstrap_tmpl.json /var/lib/istio/envoy/sidecar.env >"$tree/DEBIAN/conffiles"
install -m 0755 "$here/postinst" "$tree/DEBIAN/postinst"
dpkg-deb --root-owner-group --build "$tree" "$out/deb/$name.deb" >/dev/null
rm -r "$tree/DEBIAN"

# The root has no rpm of what upstream's package depends on, so this one says nothing of that.
cat >"$tree.spec" <<SPEC
Name: istio-sidecar
Version: $version
Release: 1
Summary: stand-in for the Istio sidecar
License: none
AutoReqProv: no
%description
Stand-in.
%install
cp -a $tree/. %{buildroot}/
%post
$(cat "$here/postinst")
%files
/usr/local/bin/*
/lib/systemd/system/istio.service
%config(noreplace) /var/lib/istio/envoy/envoy_bootstrap_tmpl.json
%config(noreplace) /var/lib/istio/envoy/sidecar.env
SPEC
rpmbuild --quiet -bb --define "_topdir $tree.top" --define "__spec_install_post %{nil}" "$tree.spec" >"$tree.log" 2>&1 || {
	cat "$tree.log"
	exit 1
}
cp "$tree".top/RPMS/*/istio-sidecar-*.rpm "$out/rpm/$name.rpm"
rm -rf "$tree".*
(cd "$out" && for file in deb/"$name".deb rpm/"$name".rpm; do
	sha256sum "$file" | awk '{ print $1 "  istio-sidecar" }' >"$file.sha256"
done)
