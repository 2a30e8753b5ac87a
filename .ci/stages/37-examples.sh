# What the READMEs of the examples tell a reader to do, done: their own lines, in a copy of the examples, with the real
# kustomize. Only flux is a stand-in, which keeps what it is given.
. .ci/lib.sh
work=$CI_TMP/examples
mkdir -p "$work/bin" "$work/overlays/overlay"
GOBIN=$work/bin go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.2
go build -o "$work/bin/vmmesh" ./cmd/vmmesh
cp -r examples/. "$work/"

# The workflow of examples/ci, with its action; a wrong input is noticed.
actionlint=github.com/rhysd/actionlint/cmd/actionlint@v1.7.7
mkdir -p "$work/ci/.github/workflows"
sed 's|vmmesh/vmmesh/examples/ci@v[0-9.]*|./|' examples/ci/github.yml >"$work/ci/.github/workflows/vmmesh.yml"
git -C "$work/ci" init -q
(cd "$work/ci" && go run "$actionlint")
sed -i 's/fail-on:/fail-at:/' "$work/ci/.github/workflows/vmmesh.yml"
if (cd "$work/ci" && go run "$actionlint") >"$work/actionlint.txt"; then
	echo "a wrong input of the action was not noticed"
	exit 1
fi
grep -q 'fail-at' "$work/actionlint.txt"
rm -rf "$work/ci/.git"
cat >"$work/bin/flux" <<'STANDIN'
#!/bin/sh
echo "$*" >>flux.args
[ "$1" != push ] || cat >flux.yaml
STANDIN
chmod +x "$work/bin/flux"
PATH=$work/bin:$PATH

# code README prints its blocks of code: what is indented by four spaces.
code() { sed -n 's/^    //p' "$1"; }
# line README PATTERN prints the one line of code that has the pattern.
line() {
	local found
	found=$(code "$1" | grep -e "$2")
	[ "$(echo "$found" | wc -l)" = 1 ]
	echo "$found"
}

cd "$work/overlays" || exit
mapfile -t commands < <(code README.md | grep '^kustomize ')
[ "${#commands[@]}" = 2 ]
for command in "${commands[@]}"; do
	echo "$command"
	eval "$command" >"$work/last.yaml"
done
diff -r --exclude .vmmesh.lock production/expected production/deploy
kustomize build production/deploy | diff - "$work/last.yaml"

# The overlay over the output, as it is printed, and then with the line that makes names follow.
vmmesh build -q base -o build
code README.md | sed -n '/^# overlay\/kustomization.yaml$/,/^    - {op: add/p' >overlay/kustomization.yaml
[ "$(wc -l <overlay/kustomization.yaml)" = 9 ]
# shellcheck disable=SC2016 # the marks are Markdown's
command=$(grep -o '`kustomize build overlay [^`]*`' README.md | tr -d '`')
echo "$command"
eval "$command"
transformers=$(line README.md '^ *transformers: ')
printf '%s\n' 'resources: [../build]' 'namePrefix: eu-' 'namespace: test' "${transformers// /}" | sed 's/^transformers:/& /' >overlay/kustomization.yaml
eval "$command --fail-on warning"
sed -i '/^transformers:/d' overlay/kustomization.yaml
if eval "$command" >"$work/torn.txt"; then
	echo "a torn overlay was verified"
	exit 1
fi
# shellcheck disable=SC2016
grep -q 'give it `transformers: \[<tree>/overlay\]`' "$work/torn.txt"

# The platform and its team: every command of vmmesh's, and what kustomize makes of both trees.
cd "$work/platform-and-team" || exit
mapfile -t commands < <(code README.md | grep '^vmmesh ')
[ "${#commands[@]}" = 5 ]
# shellcheck disable=SC2016 # the marks are Markdown's
for command in "${commands[@]}" "$(grep -o '`vmmesh lint [^`]*`' README.md | tr -d '`')"; do
	echo "$command"
	eval "$command" >"$work/last.txt"
done
for spec in platform team; do
	diff -r --exclude .vmmesh.lock "$spec/expected" "deploy/$spec"
	[ "$(code README.md | grep -c "^kustomize build deploy/$spec | kubectl apply --server-side -f -$")" = 1 ]
	kustomize build "deploy/$spec" >"$work/$spec.yaml"
done
vmmesh verify "$work/platform.yaml" "$work/team.yaml" --fail-on warning
diff <(code README.md | grep '^helm ' | sort) <(sed -n 's/^#   \(helm .*\)/\1/p' deploy/platform/control-plane/*.yaml | sort)
sed -i 's/name: istiod-gateway/name: istiod-gatewy/' deploy/platform/manifests/istio-gateways/gateway-istiod-gateway.yaml
if vmmesh verify deploy/platform deploy/team >"$work/torn.txt"; then
	echo "a misspelt Gateway was verified"
	exit 1
fi
grep -q VM518 "$work/torn.txt"

cd "$work" || exit
command=$(line flux/README.md '^vmmesh build .* deploy$')
echo "$command"
eval "$command"
kustomize build deploy >deploy.yaml
[ -s deploy.yaml ]
git init -q .
git -c user.name=ci -c user.email=ci@example.com commit -q --allow-empty -m start
git config remote.origin.url https://git.example.com/mesh.git
push=$(code flux/README.md | sed -n '/^set -o pipefail$/,$p')
echo "$push"
(eval "$push")
commit=$(git rev-parse HEAD)
grep -qx "push artifact oci://registry.example.com/mesh/payments:$commit -f - --source=https://git.example.com/mesh.git --revision=[^@]*@sha1:$commit" flux.args
grep -qx "tag artifact oci://registry.example.com/mesh/payments:$commit --tag production" flux.args
vmmesh build -q payments | cmp - flux.yaml
echo '{' >payments/vmmesh.yaml
if (eval "$push") 2>"$work/push.txt"; then
	echo "a build with errors was pushed"
	exit 1
fi
