# Our own scripts.
. .ci/lib.sh
need shellcheck
shellcheck --shell=bash --external-sources .ci/run .ci/lib.sh .ci/stages/*.sh e2e/*.sh
