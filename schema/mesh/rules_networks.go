package mesh

import "github.com/vmmesh/vmmesh/schema/diag"

var (
	ruleControlPlane = &diag.Rule{
		ID: "VM080", Name: "two-control-planes", Severity: diag.Error,
		Doc:  "Of the specs of one build, one has controlPlane.",
		Long: "What is in front of istiod, the label of its namespace and the gateways of other networks are there once in a mesh. Two specs that emit them would overwrite each other at every build, so it is the platform's spec that has them; those of teams state the same facts in `istio` and `networks`, which emit nothing.",
		Bad: `controlPlane: {networkLabel: Never}
---
controlPlane: {networkLabel: Never}`,
		Good: `controlPlane: {networkLabel: Never}
---
gitops: {argocd: true}`,
	}
	ruleGatewayAddress = &diag.Rule{
		ID: "VM081", Name: "gateway-without-address", Severity: diag.Error,
		Doc:  "A network's gateway has addresses that its callers can dial, and not more than one object takes.",
		Long: "Callers of the east-west gateway are outside the cluster: a ClusterIP exists only inside it, and of a NodePort istiod knows no address unless an annotation makes those of nodes count. Without an address the network has no gateway, and istiod sends callers to pods, which they cannot reach.",
		Bad: `istio: {network: kube-network}
controlPlane: {eastWestGateway: {deployment: Injected, service: {type: ClusterIP}}}`,
		Good: `istio: {network: kube-network}
controlPlane: {eastWestGateway: {deployment: Injected, service: {type: LoadBalancer, loadBalancerSourceRanges: [192.168.0.0/16]}}}`,
	}
	rulePlaintext = &diag.Rule{
		ID: "VM082", Name: "plaintext-behind-gateway", Severity: diag.Warning,
		Doc:  "VMs behind a network's gateway speak mTLS.",
		Long: "A gateway between networks cannot see where plaintext goes, and istiod leaves endpoints that take no mTLS out for every client in another network: all of them get `no healthy upstream`. Callers outside the mesh, which dial the VM itself, are not concerned.",
		Bad: `istio: {network: kube-network}
networks: [{name: dc2, gateways: [{address: 203.0.113.7}]}]
workloads: [{name: pay, groups: [{name: v1, network: dc2}], security: {mtls: {mode: DISABLE}}}]`,
		Good: `istio: {network: kube-network}
networks: [{name: dc2, gateways: [{address: 203.0.113.7}]}]
workloads: [{name: pay, groups: [{name: v1, network: dc2}], security: {mtls: {mode: PERMISSIVE}}}]`,
	}
	ruleOutsideNetwork = &diag.Rule{
		ID: "VM083", Name: "outside-its-network", Severity: diag.Warning,
		Doc:  "A VM's address is in the ranges of its network, where these are given.",
		Long: "Firewalls let a network's ranges in, and routes lead to them. A VM with another address is refused by its neighbours, or its network is not the one that the spec says.",
		Bad: `istio: {network: kube-network}
networks: [{name: dc2, cidrs: [10.20.0.0/16]}]
workloads: [{name: pay, groups: [{name: v1, network: dc2, instances: [{name: vm1, address: 10.30.0.4}]}]}]`,
		Good: `istio: {network: kube-network}
networks: [{name: dc2, cidrs: [10.20.0.0/16]}]
workloads: [{name: pay, groups: [{name: v1, network: dc2, instances: [{name: vm1, address: 10.20.0.4}]}]}]`,
	}
	ruleAmbient = &diag.Rule{
		ID: "VM084", Name: "ambient-across-networks", Severity: diag.Warning,
		Doc:  "Where pods are ambient, VMs are in the cluster's own network.",
		Long: "Gateways between networks pass a sidecar's mTLS on 15443, which a pod without a sidecar does not speak: for a VM in another network istiod leaves such pods out, and calls end in `no healthy upstream`. Pods that have a sidecar in a mesh that is mostly ambient are reached; ignore the rule where these are all that VMs call.",
		Bad: `istio: {network: kube-network, dataplaneMode: Ambient}
networks: [{name: dc2}]
workloads: [{name: pay, groups: [{name: v1, network: dc2}]}]`,
		Good: `istio: {network: kube-network, dataplaneMode: Ambient}
networks: [{name: dc2}]
workloads: [{name: pay, groups: [{name: v1}]}]`,
	}
)
