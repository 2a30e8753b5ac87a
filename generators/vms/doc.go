// Package vms makes the files from which VMs become members of the mesh: one folder a group, and one for each instance
// with what is its own. They are made of the same mesh as the objects in the cluster, so the two halves agree.
//
// cluster.env, mesh.yaml, hosts and root-cert.pem are what `istioctl x workload entry configure` writes against a cluster
// that holds the generated objects (istio: istioctl/pkg/workload/workload.go), key by key and value by value, with
// --clusterID of istio.clusterName, --ingressIP of istiodAddresses, and --autoregister, --capture-dns, --internalIP,
// --externalIP and --revision as the group or instance has it. These are the differences, and why there are any:
//
//	cluster.env
//	  CA_ADDR                            istioctl writes it with a revision only. Without it the start script asks
//	                                     istiod.istio-system.svc:15012 for certificates, wherever istiod is; so it is
//	                                     written wherever discoveryAddress is another one, and is that one; or it is
//	                                     istio.caAddress.
//	  ISTIO_INBOUND_PORTS                Sorted; istioctl's order is that of a Go map. Empty for VMs without ports, where
//	                                     istioctl has *, and mTLS would cut off every daemon of the host. Other ports
//	                                     where vm.interception says so.
//	  ISTIO_LOCAL_EXCLUDE_PORTS          The SSH port and excludeInboundPorts come behind istioctl's own.
//	  ISTIO_SERVICE_CIDR                 As vm.interception has it; istioctl knows * alone. So do the three that it never
//	  ISTIO_SERVICE_EXCLUDE_CIDR         writes, each only where there is something to say.
//	  ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE
//	  ISTIO_EXCLUDE_INTERFACES
//	  ISTIO_INBOUND_INTERCEPTION_MODE    TPROXY, with that mode: the start script and istio-iptables read nothing else.
//	  ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE  root, with mode TPROXY: the start script runs agent and Envoy as root then, and
//	                                     the agent's connections to istiod must not be captured.
//	                                     prepare.sh adds the groups of excludeOwnerGroups that exist on the VM.
//	  ISTIO_CUSTOM_IP_TABLES             true, with mode NONE: the start script then leaves iptables alone.
//	  ISTIO_META_WORKLOAD_ENTRY          In a static group, of each VM: without it istiod takes a VM's health report for
//	                                     nobody's.
//	  ISTIO_PROMETHEUS_ANNOTATIONS       Where workload.metrics says that the application has metrics: the agent finds
//	                                     them by nothing else.
//	  CREDENTIAL_FETCHER_TYPE            With identity GCE: the agent would read a token file.
//	  WORKLOAD_IDENTITY_SOCKET_FILE      With identity SPIRE, for a socket that is not called "socket".
//	  ISTIO_SVC_IP                       In the canonical form of an address, as its WorkloadEntry has it.
//	  lines of vm.env                    Nothing in the cluster has them.
//	both cluster.env and mesh.yaml
//	  ISTIO_META_INTERCEPTION_MODE       With a mode other than REDIRECT: istiod makes listeners by this alone. mesh.yaml
//	                                     has it as interceptionMode too.
//	  ISTIO_META_ENABLE_HBONE            true in an ambient mesh, also where its meshConfig does not say so to everybody.
//	  what is derived for VMs            The mesh's own defaultConfig does not change it: istioctl would take
//	                                     ISTIO_META_DNS_CAPTURE from there for a VM that wants no capture.
//	hosts
//	  a line for each address            istioctl takes one. The name is that of discoveryAddress; that of caAddress has
//	                                     lines too.
//
// There is no istio-token: a token is a secret, and comes to the VM by vm.identity. root-cert.pem is only there where
// istio.rootCert is given. An instance that overrides labels, ports or its network has them in its own files; istioctl
// knows no instances.
package vms
