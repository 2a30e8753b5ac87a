# The hooks of .pre-commit-hooks.yaml, run by the real pre-commit from this checkout in a repository of somebody else's:
# what passes, and what fails and how it is told.
. .ci/lib.sh
need git
need pre-commit

dir=$(mktemp -d "$CI_TMP/pre-commit.XXXXXX")
# pre-commit builds with a GOPATH of its own, and here with a home of its own: Go's settings, modules and compiled
# packages are those of everyone else.
GOENV=$(go env GOENV)
GOMODCACHE=$(go env GOMODCACHE)
GOCACHE=$(go env GOCACHE)
export GOENV GOMODCACHE GOCACHE
export HOME="$dir/home" PRE_COMMIT_HOME="$dir/cache" PRE_COMMIT_COLOR=never
mkdir "$HOME" "$dir/vmmesh" "$dir/user"
git config --global user.name nobody
git config --global user.email nobody@example.com
git config --global init.defaultBranch main
git config --global safe.directory '*'

# pre-commit takes hooks from a commit: this checkout as it stands, in a repository of its own.
git ls-files --cached --others --exclude-standard -z |
	while IFS= read -r -d '' file; do
		[ ! -e "$file" ] || printf '%s\0' "$file"
	done | tar --create --null --files-from=- | tar --extract --directory "$dir/vmmesh"
git -C "$dir/vmmesh" init --quiet
git -C "$dir/vmmesh" add --all
git -C "$dir/vmmesh" commit --quiet --message 'this checkout'
revision=$(git -C "$dir/vmmesh" rev-parse HEAD)

cp examples/payments/vmmesh.yaml "$dir/user"
cd "$dir/user" || exit
git init --quiet
cat >.pre-commit-config.yaml <<-YAML
	repos:
	- repo: $dir/vmmesh
	  rev: $revision
	  hooks:
	  - id: vmmesh-lint
	  - id: vmmesh-build
	    args: [-o, rendered]
	  - id: vmmesh-check
	    args: [--against, rendered]
YAML
git add --all

# hooks STATUS [ARGUMENT…] runs pre-commit, which must end with this status; what it says is in $said.
hooks() {
	local want=$1 status=0
	shift
	printf '\n$ pre-commit run %s\n' "$*"
	said=$(pre-commit run "$@" 2>&1) || status=$?
	printf '%s\n' "$said"
	[ "$status" -eq "$want" ] || {
		printf 'it ended with %s instead of %s\n' "$status" "$want"
		return 1
	}
}
# says TEXT: it was said.
says() {
	grep -qF -- "$1" <<<"$said" || {
		printf 'this was not said: %s\n' "$1"
		return 1
	}
}

echo 'Before anything is built, the gate fails and says what to do.'
hooks 1 vmmesh-check
says "vmmesh build -o rendered"
installed=$(find "$PRE_COMMIT_HOME" -path '*/golangenv-*/bin/*' -printf '%f ')
echo "installed: $installed"
[ "$installed" = 'vmmesh ' ]

echo 'The first build writes the tree; with it added, all hooks pass.'
hooks 0 vmmesh-build
[ -s rendered/kustomization.yaml ]
git add --all
hooks 0 --all-files
git commit --quiet --message 'the spec and its tree'

echo 'A commit that has nothing to do with it passes.'
echo hello >README.md
git add README.md
hooks 0

echo 'A spec that changed: the gate names the files and objects that are stale, the build renews them and fails the commit.'
sed -i 's/192\.168\.1\.110/192.168.1.111/' vmmesh.yaml
git add vmmesh.yaml
hooks 1 vmmesh-check
says '~ manifests/vm-workloads/workloadentry-payment-service-v2.yaml'
says 'rendered is stale; renew it: vmmesh build -o rendered'
hooks 1 vmmesh-build
says 'files were modified by this hook'
git add --all
hooks 0
git commit --quiet --message 'another address'

echo 'A file that was edited by hand, and one that is gone.'
sed -i 's/STRICT/DISABLE/' rendered/manifests/vm-workloads/peerauthentication-payment-service.yaml
git rm --quiet rendered/manifests/vm-workloads/service-payment-service.yaml
git add --all
hooks 1 vmmesh-check
says '~ manifests/vm-workloads/peerauthentication-payment-service.yaml (changed by hand'
says '+ manifests/vm-workloads/service-payment-service.yaml (missing'
git reset --quiet --hard

echo 'A bad spec does not pass, and every spec is a build of its own.'
mkdir staging
cp vmmesh.yaml staging
git add --all
hooks 0 vmmesh-lint
sed -i 's/port: 9090/prot: 9090/' staging/vmmesh.yaml
git add --all
hooks 1 vmmesh-lint
says 'staging/vmmesh.yaml:'
says 'error VM010: unknown field "prot"'
