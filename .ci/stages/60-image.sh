# The image, built where there is neither engine nor registry. Its program is then run as the image's own user, on a
# file system that nobody can write to, with no environment at all.
. .ci/lib.sh
need buildah

# What works inside another container, too.
export BUILDAH_ISOLATION=chroot
buildah="buildah --storage-driver vfs"

make image IMAGE=vmmesh-ci BUILDAH="$buildah"
container=$($buildah from vmmesh-ci)
trap '$buildah rm "$container" >/dev/null; $buildah rmi --force vmmesh-ci >/dev/null' EXIT
root=$($buildah mount "$container")

config=$($buildah inspect --type image --format 'user {{.OCIv1.Config.User}}, entrypoint {{.OCIv1.Config.Entrypoint}}' vmmesh-ci)
files=$(cd "$root" && find . -type f)
echo "$config, files $files"
[ "$config" = 'user 65534:65534, entrypoint [/vmmesh]' ]
[ "$files" = ./vmmesh ]

# vmmesh runs the image's program with its arguments.
vmmesh() {
	# shellcheck disable=SC2016 # the inner shell expands these
	unshare --mount sh -euc '
		root=$1; shift
		mount --bind "$root" "$root"
		mount -o remount,bind,ro "$root"
		exec env -i /usr/sbin/chroot --userspec=65534:65534 "$root" /vmmesh "$@"' sh "$root" "$@"
}
vmmesh version
vmmesh build - <examples/minimal/vmmesh.yaml >"$CI_TMP/minimal.yaml"
grep -c '^kind: ' "$CI_TMP/minimal.yaml"
