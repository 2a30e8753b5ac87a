# Every output on the real API server, etcd, istiod, istioctl and agent, which are built here. They end with the stage; when
# it fails, what they said last stands beside the test that failed.
. .ci/lib.sh
need ip iproute2
need iptables
need sudo
need nsenter util-linux
need hostname
(cd e2e && CGO_ENABLED=0 go vet -trimpath ./...)
make e2e
