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
files=$(cd "$root" && find . -type f | sort | xargs)
echo "$config, files $files"
[ "$config" = 'user 65534:65534, entrypoint [/vmmesh]' ]
[[ $files == './etc/passwd ./licenses/'*' ./vmmesh' ]]

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

# The KRM function: a ResourceList through the image's entrypoint, without an argument.
vmmesh <testdata/krm/generator/in.yaml | diff testdata/krm/generator/out.yaml -

# kustomize's container form. It runs `docker`, and here is no engine: a stand-in takes exactly the command line that
# kustomize is known to use, and runs the same image as it asks (the user looked up in the image, no network).
work=$CI_TMP/container
mkdir -p "$work/bin" "$work/spec" "$work/plain"
GOBIN=$work/bin go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.2
cat >"$work/bin/docker" <<'STANDIN'
#!/bin/bash
set -euo pipefail
echo "docker $*" >>"$STANDIN_LOG"
known='run --rm -i -a STDIN -a STDOUT -a STDERR --network none --user nobody --security-opt=no-new-privileges'
[ "$*" = "$known -e LOG_TO_STDERR=true -e STRUCTURED_RESULTS=true vmmesh-ci" ] || { echo "unknown: docker $*" >&2; exit 125; }
ids=$(awk -F: '$1 == "nobody" { print $3 ":" $4 }' "$STANDIN_ROOT/etc/passwd")
[ -n "$ids" ] || { echo "unable to find user nobody: no matching entries in passwd file" >&2; exit 125; }
exec unshare --mount --net sh -euc '
	mount --bind "$1" "$1"
	mount -o remount,bind,ro,nosuid "$1"
	exec env -i LOG_TO_STDERR=true STRUCTURED_RESULTS=true /usr/sbin/chroot --userspec="$2" "$1" /vmmesh' sh "$STANDIN_ROOT" "$ids"
STANDIN
chmod +x "$work/bin/docker"
cp examples/payments/vmmesh.yaml "$work/spec/"
printf '%s\n' 'resources: [vmmesh.yaml]' 'commonAnnotations: {config.kubernetes.io/function: "container: {image: vmmesh-ci}"}' >"$work/spec/kustomization.yaml"
echo 'generators: [spec]' >"$work/kustomization.yaml"
vmmesh build -q - <examples/payments/vmmesh.yaml >"$work/plain/all.yaml"
echo 'resources: [all.yaml]' >"$work/plain/kustomization.yaml"
export STANDIN_ROOT=$root STANDIN_LOG=$work/log
PATH=$work/bin:$PATH kustomize build --enable-alpha-plugins "$work" >"$work/generated.yaml"
PATH=$work/bin:$PATH kustomize build "$work/plain" | diff - "$work/generated.yaml"
cat "$STANDIN_LOG"
[ "$(wc -l <"$STANDIN_LOG")" = 1 ]
