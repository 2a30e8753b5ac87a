# Our own scripts, and what the tests run those of VMs with.
. .ci/lib.sh
need shellcheck
need systemd-analyze systemd
need nft nftables
need ip iproute2
need curl
for tool in iptables openssl python3 ufw; do
	need "$tool"
done
shellcheck --shell=bash --external-sources .ci/run .ci/lib.sh .ci/stages/*.sh generators/vms/scripts/*.sh
