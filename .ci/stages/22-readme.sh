# The README's first command does what it says there, with nothing but Go.
command=$(grep -m 1 '^go run ./cmd/vmmesh build .* -o build$' README.md)
[ ! -e build ] || {
	echo "build/ is in the way"
	exit 1
}
trap 'rm -rf build' EXIT
echo "$command"
eval "$command"
[ -s build/kustomization.yaml ] && [ -d build/manifests ]
