# Makes the Debian root that machines boot from: root.sh DIR. Everything is installed with the root's own apt, for
# cloud-init needs a virtual package that debootstrap does not resolve.
set -euo pipefail
root=$1

debootstrap --variant=minbase bookworm "$root" >"$root.log" 2>&1 || {
	tail -n 20 "$root.log"
	exit 1
}
cp /etc/resolv.conf "$root/etc/resolv.conf"
[ ! -e /etc/apt/apt.conf ] || cp /etc/apt/apt.conf "$root/etc/apt/apt.conf"
# Nothing is started while packages are installed.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 0755 "$root/usr/sbin/policy-rc.d"
mount -t proc proc "$root/proc"
chroot "$root" apt-get -qq update
DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -qq install --yes --no-install-recommends \
	cloud-init systemd locales openssh-server sudo iproute2 iptables hostname curl openssl ca-certificates dnf rpm >"$root.log" 2>&1 || {
	tail -n 20 "$root.log"
	exit 1
}
umount "$root/proc"
rm -rf "$root/usr/sbin/policy-rc.d" "$root/etc/resolv.conf" "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*

# As an image of its owner's: only the seed is asked, the locale is one that is there, and /etc/hosts is cloud-init's.
cat >"$root/etc/cloud/cloud.cfg.d/90_image.cfg" <<'CFG'
datasource_list: [NoCloud]
locale: C.UTF-8
manage_etc_hosts: true
CFG
# What cluster DNS would answer, for diagnose.sh.
echo '10.96.0.1 kubernetes.default.svc.cluster.local' >>"$root/etc/cloud/templates/hosts.debian.tmpl"
# The application, which is there before the mesh. It notes whether the sidecar was ready when it was started.
cat >"$root/etc/systemd/system/hello.service" <<'UNIT'
[Service]
ExecStart=/bin/sh -c 'curl -fs http://127.0.0.1:15021/healthz/ready && touch /run/sidecar-was-ready; exec python3 -m http.server --bind 192.168.1.100 --directory /srv 8080'
[Install]
WantedBy=multi-user.target
UNIT
chroot "$root" systemctl --quiet enable hello.service
: >"$root/etc/machine-id"
