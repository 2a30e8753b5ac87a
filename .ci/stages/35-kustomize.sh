# The real kustomize, with the function as an exec plugin on its PATH and nothing else in its environment: every example
# as a generator, as a function over a directory, and under a check.
. .ci/lib.sh
work=$CI_TMP/kustomize
mkdir -p "$work/bin"
GOBIN=$work/bin go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.2
go build -o "$work/bin/vmmesh" ./cmd/vmmesh

# clean runs a program with nothing around it but the two programs.
clean() { env -i PATH="$work/bin" HOME="$work" "$@"; }
build() { clean kustomize build --enable-alpha-plugins --enable-exec "$1"; }
function='config.kubernetes.io/function: "exec: {path: vmmesh}"'

for spec in examples/*/vmmesh.yaml examples/platform-and-team/*/vmmesh.yaml; do
	name=$(basename "$(dirname "$spec")")
	dir=$work/$name
	mkdir -p "$dir"/{spec,generated,plain,checked,package/mesh}
	cp "$spec" "$dir/spec/"
	cp "$spec" "$dir/package/mesh/"

	# As a generator; both sides go through kustomize once, for the same order of keys.
	printf 'resources: [vmmesh.yaml]\ncommonAnnotations: {%s}\n' "$function" >"$dir/spec/kustomization.yaml"
	echo 'generators: [../spec]' >"$dir/generated/kustomization.yaml"
	clean vmmesh build -q "$spec" >"$dir/plain/all.yaml"
	echo 'resources: [all.yaml]' >"$dir/plain/kustomization.yaml"
	build "$dir/generated" >"$dir/generated.yaml"
	build "$dir/plain" >"$dir/plain.yaml"
	diff "$dir/plain.yaml" "$dir/generated.yaml"
	[ -s "$dir/generated.yaml" ]

	# Under a check, which changes nothing.
	printf 'apiVersion: vmmesh.dev/v1alpha1\nkind: VMMeshCheck\nmetadata:\n  name: check\n  annotations: {%s}\n' "$function" >"$dir/checked/check.yaml"
	printf 'resources: [../generated]\ntransformers: [check.yaml]\n' >"$dir/checked/kustomization.yaml"
	build "$dir/checked" | diff "$dir/plain.yaml" -

	# Over a directory: the files that `build -o` writes, and nothing more the second time.
	printf '# kept\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\n' >"$dir/package/notes.yaml"
	clean vmmesh build -q "$spec" -o "$dir/tree"
	for run in 1 2; do
		(cd "$dir/package" && clean kustomize fn run --enable-exec --exec-path vmmesh .)
		(cd "$dir/package" && find . -type f -exec sha256sum {} + | sort -k 2) >"$dir/files.$run"
	done
	diff "$dir/files.1" "$dir/files.2"
	diff <(cd "$dir/tree" && find manifests -type f | sort) <(cd "$dir/package/mesh" && find manifests -type f | sort)
	cmp <(printf '# kept\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\n') "$dir/package/notes.yaml"
	echo "$name: $(grep -c '^kind: ' "$dir/plain.yaml") objects"
done

# An error fails the build, says why and leaves nothing on standard output.
mkdir -p "$work/bad"
printf 'apiVersion: vmmesh.dev/v1alpha1\nkind: VMMesh\nmetadata:\n  name: bad\n  annotations: {%s}\nspec: {istio: {version: 1.31.1}, wrkloads: []}\n' "$function" >"$work/bad/vmmesh.yaml"
echo 'generators: [vmmesh.yaml]' >"$work/bad/kustomization.yaml"
if build "$work/bad" >"$work/bad.out" 2>"$work/bad.err"; then
	echo "a bad spec was built"
	exit 1
fi
cat "$work/bad.err"
[ ! -s "$work/bad.out" ]
grep -q 'did you mean "workloads"?' "$work/bad.err"
