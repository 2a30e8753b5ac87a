# Overlays with another prefix and namespace hold in old and new kustomize alike: older releases compare what newer ones
# match, and pass over in silence what they do not find.
. .ci/lib.sh
work=$CI_TMP/overlays
mkdir -p "$work"
go build -o "$work/vmmesh" ./cmd/vmmesh
for release in v5.0.3 v5.8.2; do
	GOBIN=$work/$release go install "sigs.k8s.io/kustomize/kustomize/v5@$release"
done
for spec in payments database two-networks; do
	overlay=$work/$spec/overlay
	mkdir -p "$overlay"
	"$work/vmmesh" build "examples/$spec" -o "$work/$spec/build"
	printf '%s\n' 'resources: [../build]' 'namePrefix: staging-' 'namespace: test' \
		'transformers: [../build/overlay]' >"$overlay/kustomization.yaml"
	for release in v5.0.3 v5.8.2; do
		"$work/$release/kustomize" build "$overlay" >"$work/$spec/$release.yaml"
		"$work/vmmesh" verify "$work/$spec/$release.yaml"
	done
	cmp "$work/$spec/v5.0.3.yaml" "$work/$spec/v5.8.2.yaml"
done
