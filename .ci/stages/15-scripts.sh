# Our own scripts.
. .ci/lib.sh
need shellcheck
shellcheck --shell=bash --external-sources .ci/run .ci/lib.sh .ci/stages/*.sh .ci/cloud-init/*.sh .ci/cloud-init/package/{istio-start.sh,postinst} e2e/*.sh
