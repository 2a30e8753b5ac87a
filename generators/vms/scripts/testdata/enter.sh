# Runs a command in a scratch machine: enter.sh ROOT COMMAND... The system's programs are the host's, read-only; /etc,
# /var, /run, /tmp, /usr/local and the units are folders below ROOT. It is run in a mount namespace of its own.
set -eu
root=$1
shift
mount --make-rprivate /
mount --bind "$root" "$root" # `ip netns exec` wants / to be a mount
for dir in bin sbin lib lib32 lib64 libx32; do
	if [ -L "/$dir" ]; then
		ln -sfn "$(readlink "/$dir")" "$root/$dir"
	elif [ -d "/$dir" ]; then
		mkdir -p "$root/$dir"
		mount --bind "/$dir" "$root/$dir"
		mount -o remount,bind,ro "$root/$dir"
	fi
done
mount --bind /usr "$root/usr"
mount -o remount,bind,ro "$root/usr"
mount --bind "$root/local" "$root/usr/local"
mount --bind "$root/units" "$root/usr/lib/systemd/system"
for dir in proc sys dev; do
	mount --rbind "/$dir" "$root/$dir"
done
exec chroot "$root" "$@"
