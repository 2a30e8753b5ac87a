# Some of the ways to break vmmesh that e2e/testdata/mutants.yaml lists, others with each commit: a test of e2e notices each.
# All of them (make mutants) take some ten minutes, these about three.
. .ci/lib.sh
need ip iproute2
need iptables
need sudo
need nsenter util-linux
need hostname
(cd e2e && CGO_ENABLED=0 go vet -trimpath -tags mutants .)
make mutants MUTANTS="14@$(git rev-parse HEAD)"
