# What is written for installing a control plane, rendered by the real tools: Helm with Istio's charts, and istioctl, which
# the end-to-end module builds. Both come to the mesh that the spec says.
. .ci/lib.sh
work=$CI_TMP/control-plane
mkdir -p "$work"
istio=istio.io/istio@v0.0.0-20260827124520-eed52ebb66ad
GOBIN=$work go install helm.sh/helm/v3/cmd/helm@v3.22.0
charts=$(cd "$work" && GOFLAGS=-mod=mod go mod download -json "$istio" | sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p')/manifests/charts
servers=$(bash e2e/build.sh | tail -n 1)
go vet ./testdata/render
PATH=$work:$PATH ISTIO_CHARTS=$charts ISTIOCTL=$servers/istioctl go test -count=1 ./testdata/render
