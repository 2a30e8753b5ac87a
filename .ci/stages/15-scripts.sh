# Our own scripts, and what the tests run those of VMs with.
. .ci/lib.sh
need shellcheck
need systemd-analyze systemd
need nft nftables
need ip iproute2
need curl
need firewall-offline-cmd firewalld
need unshare util-linux
for tool in cloud-init iptables openssl python3 sudo ufw; do
	need "$tool"
done
shellcheck --shell=bash --external-sources .ci/run .ci/lib.sh .ci/go.sh .ci/release/*.sh .ci/stages/*.sh generators/vms/scripts/*.sh .ci/cloud-init/*.sh .ci/cloud-init/package/{istio-start.sh,postinst} e2e/*.sh examples/ci/*.sh
