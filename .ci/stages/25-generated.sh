# What `make generate` makes is what is in the tree.
sums() { find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum; }
sums >"$CI_TMP/before"
make generate
sums >"$CI_TMP/after"
diff "$CI_TMP/before" "$CI_TMP/after"
