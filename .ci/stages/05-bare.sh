# A machine that has nothing but what the README names: a minimal Debian with Go, git, make and CA certificates. The
# README's own commands run there from a clean clone, as root and as an ordinary user. It comes before anything else is
# installed here, since tests that find their tools on this machine prove nothing about others.
. .ci/lib.sh
need debootstrap
root=$CI_TMP/bare
kept=${CI_CACHE:+$CI_CACHE/bare-bookworm.tar}
if [ -n "$kept" ] && [ -e "$kept" ]; then
	mkdir "$root"
	tar --extract --numeric-owner --file "$kept" --directory "$root"
else
	debootstrap --variant=minbase --include=git,make,ca-certificates bookworm "$root" >"$root.log" 2>&1 || {
		tail -n 20 "$root.log"
		exit 1
	}
	[ -z "$kept" ] || tar --create --numeric-owner --file "$kept" --directory "$root" .
fi
for tool in curl python3 iptables nft ip sudo unzip gcc; do
	if chroot "$root" sh -c "command -v $tool" >/dev/null; then
		echo "the root is not bare: it has $tool"
		exit 1
	fi
done

# The commands of the README that need nothing installed, in its order.
mapfile -t commands < <(awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside' README.md | grep -E '^(go|git|make) ' | sed 's/  #.*//' | grep -v 'go install ')
printf 'README: %s\n' "${commands[@]}"
[[ " ${commands[*]} " == *"go run ./cmd/vmmesh build "* && " ${commands[*]} " == *"make test"* ]]

# Go itself, and the caches of this machine at the paths that they have here, so that nothing is fetched or compiled twice.
# Each user has its own layer over the cache of builds.
ENTER=$(cat <<'SCRIPT'
set -euo pipefail
root=$1 ids=$2 home=$3 commands=$4
goroot=$(go env GOROOT) modules=$(go env GOMODCACHE) builds=$(go env GOCACHE)
mount --bind "$root" "$root" # so that namespaces can be made inside
mkdir -p "$root$goroot" "$root$modules" "$root$builds" "$root/layer" "$root$home" "$modules" "$builds"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t sysfs sysfs "$root/sys" 2>/dev/null || mount --rbind /sys "$root/sys"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount --bind "$goroot" "$root$goroot"
mount -o remount,bind,ro "$root$goroot"
mount --bind "$modules" "$root$modules"
chmod 0755 "$root/root" "$root/root/.cache"
layer=$root/layer/${ids%:*}
mkdir "$layer" "$layer/upper" "$layer/work"
mount -t overlay -o "lowerdir=$builds,upperdir=$layer/upper,workdir=$layer/work" overlay "$root$builds"
chown "$ids" "$root$builds" "$root$builds"/* "$root$home"
chown -R "$ids" "$root$home/vmmesh"
exec chroot --userspec="$ids" "$root" /usr/bin/env -i HOME="$home" PATH="$goroot/bin:/usr/bin:/bin" TMPDIR=/tmp \
	GOPROXY="$(go env GOPROXY)" GOSUMDB="$(go env GOSUMDB)" GOMODCACHE="$modules" GOCACHE="$builds" GOTOOLCHAIN=local \
	bash -euo pipefail -c "cd $home/vmmesh; $commands"
SCRIPT
)
echo 'builder:x:1000:1000::/home/builder:/bin/bash' >>"$root/etc/passwd"
go mod download
list=$(printf '%s\n' "${commands[@]}")
for user in "0:0 /root" "1000:1000 /home/builder"; do
	read -r ids home <<<"$user"
	mkdir -p "$root$home"
	git clone --quiet --no-hardlinks . "$root$home/vmmesh"
	echo "as ${ids%:*}"
	unshare --mount bash -c "$ENTER" enter "$root" "$ids" "$home" "$list"
	[ -s "$root$home/vmmesh/build/kustomization.yaml" ]
done
