# What is compiled into the program: the modules that a person has allowed, as their sums say, without a known
# vulnerability where the database of those can be reached.
. .ci/lib.sh
go mod verify
for os in linux darwin windows; do
	GOOS=$os CGO_ENABLED=0 go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}' ./cmd/vmmesh
done | sort -u >"$CI_TMP/modules"
grep -v '^#' .ci/modules.allow | diff - "$CI_TMP/modules" || {
	echo "the modules in the program are not those in .ci/modules.allow"
	exit 1
}
bash .ci/release/licenses.sh "$CI_TMP/licenses"
GOBIN=$CI_TMP/bin go install golang.org/x/vuln/cmd/govulncheck@v1.1.4
if "$CI_TMP/bin/govulncheck" ./cmd/vmmesh >"$CI_TMP/vulnerabilities" 2>&1; then
	tail -n 1 "$CI_TMP/vulnerabilities"
elif grep -qiE 'vuln\.go\.dev|dial tcp|no such host|connection refused|fetching vulnerabilities' "$CI_TMP/vulnerabilities" &&
	! grep -q '^Vulnerability #' "$CI_TMP/vulnerabilities"; then
	echo "the vulnerability database cannot be reached from here: the list of modules is what is checked"
else
	cat "$CI_TMP/vulnerabilities"
	exit 1
fi
