# Boots a machine in the namespaces that this shell is the first process of: a copy of the host's file system that
# nothing else sees, and on it what the package istio-sidecar leaves. The arguments are a folder, a host name, the folder
# of programs, the version of the package, the program that is its Envoy, and the address of the DNS server.
dir=$1 name=$2 programs=$3 version=$4 envoy=$5 resolver=$6
mount --make-rprivate /
mkdir "$dir/upper" "$dir/work" "$dir/root"
mount -t overlay -o "lowerdir=/,upperdir=$dir/upper,workdir=$dir/work" overlay "$dir/root"
cd "$dir/root" || exit
mount -t proc proc proc
mount --rbind /dev dev
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
hostname "$name"
echo "$name" >etc/hostname
printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n' "$name" >etc/hosts
rm -f etc/resolv.conf
echo "nameserver $resolver" >etc/resolv.conf
rm -rf etc/istio var/lib/istio var/lib/vmmesh etc/vmmesh
mkdir -p usr/local/bin var/lib/istio/envoy lib/systemd/system
install -m 0755 "$programs/pilot-agent" "$programs/package/istio-start.sh" usr/local/bin/
install -m 0755 "$envoy" usr/local/bin/envoy
install -m 0644 "$programs/package/istio.service" lib/systemd/system/
install -m 0644 "$programs/package/sidecar.env" var/lib/istio/envoy/
install -m 0644 "$programs/package/envoy_bootstrap.json" var/lib/istio/envoy/envoy_bootstrap_tmpl.json
cp "$programs/package/postinst.sh" tmp/
chroot . bash /tmp/postinst.sh
cat >>var/lib/dpkg/status <<-STATUS

	Package: istio-sidecar
	Status: install ok installed
	Maintainer: Istio
	Architecture: amd64
	Version: $version
	Description: Istio Sidecar
STATUS
install -d -o 0 -m 0755 run/secrets
touch run/booted
exec chroot . sleep infinity
