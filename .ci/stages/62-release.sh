# A release as `make release` makes it, twice: the same bytes. Each archive is unpacked, the program that fits this
# machine runs, deb and rpm install, and the image is what its index says.
. .ci/lib.sh
need buildah
need debootstrap
need rpm
need unzip
need python3
work=$CI_TMP/release
mkdir -p "$work"
version=0.2.0-ci
git clone --quiet . "$work/src"
(cd "$work/src" && make release VERSION="v$version")
cp -r "$work/src/dist" "$work/first"
(cd "$work/src" && make release VERSION="v$version" >"$work/second.log" 2>&1) || {
	tail -n 20 "$work/second.log"
	exit 1
}
dist=$work/src/dist
diff "$work/first/SHA256SUMS" "$dist/SHA256SUMS"
(cd "$dist" && sha256sum --quiet --check SHA256SUMS)
echo "twice the same bytes: $(wc -l <"$dist/SHA256SUMS") files"

for target in linux_amd64 linux_arm64 darwin_amd64 darwin_arm64 windows_amd64 windows_arm64; do
	mkdir "$work/$target"
	case $target in
	windows*) unzip -q "$dist/vmmesh_${version}_$target.zip" -d "$work/$target" ;;
	*) tar -xzf "$dist/vmmesh_${version}_$target.tar.gz" -C "$work/$target" ;;
	esac
	for file in LICENSE README.md CHANGELOG.md third-party-licenses/go.LICENSE; do
		[ -s "$work/$target/$file" ] || {
			echo "$target has no $file"
			exit 1
		}
	done
	python3 - "$dist/vmmesh_${version}_$target.cdx.json" <<'PY'
import json, sys
bom = json.load(open(sys.argv[1]))
names = {c["name"] for c in bom["components"]}
assert "istio.io/api" in names and "github.com/spf13/cobra" in names, names
PY
done
arch=$(dpkg --print-architecture)
"$work/linux_$arch/vmmesh" version | tee "$work/version"
grep -q "v$version" "$work/version"
"$work/linux_$arch/vmmesh" build -q "$work/src/examples/minimal/vmmesh.yaml" | grep -c '^kind: '

# Both packages, in a Debian that has nothing.
debian=$work/debian
debootstrap --variant=minbase bookworm "$debian" >"$work/debootstrap.log" 2>&1 || {
	tail -n 20 "$work/debootstrap.log"
	exit 1
}
cp "$dist"/vmmesh_*_"$arch".deb "$debian/vmmesh.deb"
chroot "$debian" dpkg --install /vmmesh.deb
chroot "$debian" vmmesh version
[ -s "$debian/usr/share/doc/vmmesh/copyright" ] && [ -s "$debian/usr/share/doc/vmmesh/third-party-licenses/go.LICENSE" ]
chroot "$debian" dpkg --purge vmmesh
[ ! -e "$debian/usr/bin/vmmesh" ]
mkdir "$work/rpm"
rpm --root "$work/rpm" --initdb
rpm --root "$work/rpm" --install --nodeps --noscripts "$dist"/vmmesh-*."$(uname -m)".rpm
"$work/rpm/usr/bin/vmmesh" version

(cd "$work/src" && GOBIN=$work/gobin go install ./cmd/vmmesh) && "$work/gobin/vmmesh" version

# The image: an index of two manifests, whose layers hold the program and the licences.
python3 - "$dist/image" <<'PY'
import gzip, io, json, os, sys, tarfile
root = sys.argv[1]
blob = lambda d: open(os.path.join(root, "blobs", *d.split(":")), "rb").read()
index = json.load(open(os.path.join(root, "index.json")))
if len(index["manifests"]) == 1:
    index = json.loads(blob(index["manifests"][0]["digest"]))
found = {}
for m in index["manifests"]:
    manifest = json.loads(blob(m["digest"]))
    config = json.loads(blob(manifest["config"]["digest"]))
    assert config["config"]["User"] == "65534:65534" and config["config"]["Entrypoint"] == ["/vmmesh"], config
    files = set()
    for layer in manifest["layers"]:
        data = blob(layer["digest"])
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        files |= {f.name for f in tarfile.open(fileobj=io.BytesIO(data)).getmembers() if f.isfile()}
    assert "vmmesh" in files and "licenses/go.LICENSE" in files, files
    found[config["architecture"]] = True
assert sorted(found) == ["amd64", "arm64"], found
print("image for", *sorted(found))
PY
need podman
podman --storage-driver vfs --root "$work/podman" --runroot "$work/podman-run" load --input "$dist/vmmesh_${version}_image.oci.tar"
