package mesh

import (
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/webhook"
)

// Rules lists what resolving can find wrong, by id.
var Rules = []*diag.Rule{
	ruleDuplicateName,
	ruleSpecName,
	ruleObjectClash,
	ruleUnknownNetwork,
	ruleUnknownRevision,
	ruleUnknownPort,
	ruleUnknownSubset,
	ruleEmptySubset,
	ruleEmptySelector,
	ruleUnknownDestination,
	ruleBadAddress,
	ruleBadRange,
	ruleUnusableAddress,
	ruleIstiodAddresses,
	rulePortClash,
	ruleUnknownProtocol,
	ruleLocality,
	ruleWeight,
	ruleLabel,
	ruleDerivedLabel,
	ruleNameTooLong,
	ruleUnion,
	ruleMissingSetting,
	ruleRootCert,
	ruleProbe,
	ruleServiceShape,
	ruleOneCluster,
	ruleRoute,
	ruleAccess,
	ruleNamespaceConflict,
	ruleHostClash,
	ruleDerivedSetting,
	rulePackageVersion,
	ruleExportTo,
	ruleNoGroups,
	ruleRefusedField,
	ruleJWT,
	ruleMisfit,
	ruleServiceEntry,
	ruleSettings,
	rulePolicy,
	ruleSidecar,
	ruleTelemetry,
	webhook.DeadRoute, webhook.NeverMatches,
	ruleEnvironment,
	ruleControlPlane,
	ruleGatewayAddress,
	rulePlaintext,
	ruleOutsideNetwork,
	ruleAmbient,
	ruleExpose,
	ruleProxyless,
	ruleNewRelease,
	ruleBadRelease,
	ruleSkew,
}

var (
	ruleDuplicateName = &diag.Rule{
		ID: "VM030", Name: "duplicate-name", Severity: diag.Error,
		Doc:  "Items of a list that is merged by name have names of their own.",
		Long: "A keyed list is merged by `name` when an overlay patches it, and outputs are named after its items. Two items of one name would overwrite each other: one VM, port or rule would be gone without a word. The same holds for a network or revision that repeats the cluster's own.",
		Bad: `ports:
- {name: http, port: 8080}
- {name: http, port: 9090}`,
		Good: `ports:
- {name: http, port: 8080}
- {name: http-admin, port: 9090}`,
	}
	ruleSpecName = &diag.Rule{
		ID: "VM031", Name: "spec-name-clash", Severity: diag.Error,
		Doc:  "Specs of one build have names of their own.",
		Long: "`metadata.name` is how reports, ownership and overlays tell specs apart. It names nothing that is emitted, so it can be changed at any time.",
		Bad: `metadata: {name: payments}
---
metadata: {name: payments}`,
		Good: `metadata: {name: payments}
---
metadata: {name: orders}`,
	}
	ruleObjectClash = &diag.Rule{
		ID: "VM032", Name: "object-clash", Severity: diag.Error,
		Doc:  "No two parts of the specs emit the same object.",
		Long: "Group names become names of WorkloadGroups, `<group>-<instance>` those of WorkloadEntries, service names those of Services. Two of one kind, namespace and name would overwrite each other in the cluster, and the last one applied would win. Default subsets are named after versions, where dots become dashes, and must differ too.",
		Bad: `workloads:
- {name: pay, groups: [{name: v1}]}
- {name: orders, groups: [{name: v1}]}`,
		Good: `workloads:
- {name: pay, groups: [{name: pay-v1}]}
- {name: orders, groups: [{name: orders-v1}]}`,
	}
	ruleUnknownNetwork = &diag.Rule{
		ID: "VM033", Name: "unknown-network", Severity: diag.Error,
		Doc:  "A network that is referred to is istio.network or one of spec.networks.",
		Long: "A network's name decides whether istiod gives clients a VM's own address or a gateway's. A name that nothing else has makes the VM unreachable, or reachable by a way that nobody planned, and istiod says nothing.",
		Bad: `istio: {network: kube-network}
networks: [{name: dc2}]
workloads: [{name: pay, groups: [{name: v1, network: dc-2}]}]`,
		Good: `istio: {network: kube-network}
networks: [{name: dc2}]
workloads: [{name: pay, groups: [{name: v1, network: dc2}]}]`,
	}
	ruleUnknownRevision = &diag.Rule{
		ID: "VM034", Name: "unknown-revision", Severity: diag.Error,
		Doc:  "A revision that is referred to is istio.revision or one of istio.revisions.",
		Long: "A VM connects to `istiod-<revision>` and checks that name in the certificate. A revision that is not installed, or a tag (which has no such name), leaves the VM without configuration.",
		Bad:  "groups: [{name: v1, revision: stable}]",
		Good: `istio: {revisions: [{name: 1-30, version: 1.30.4}]}
workloads: [{name: pay, groups: [{name: v1, revision: 1-30}]}]`,
	}
	ruleUnknownPort = &diag.Rule{
		ID: "VM035", Name: "unknown-port", Severity: diag.Error,
		Doc:  "A port that is referred to exists, by name or by the number that VMs listen on.",
		Long: "Services, policies, routes and overrides refer to the workload's ports. Istio takes a policy for a port that nobody listens on and never applies it; a route to a port that the service lacks answers 503. Policies judge the port that the VM listens on, not the one that clients dial.",
		Bad: `ports: [{name: http, port: 80, targetPort: 8080}]
security: {allow: [{name: web, to: [{ports: ["80"]}]}]}`,
		Good: `ports: [{name: http, port: 80, targetPort: 8080}]
security: {allow: [{name: web, to: [{ports: [http]}]}]}`,
	}
	ruleUnknownSubset = &diag.Rule{
		ID: "VM036", Name: "unknown-subset", Severity: diag.Error,
		Doc:  "A route's subset is one that its host has.",
		Long: "Envoy makes a cluster for each subset of the DestinationRule. A route to a subset that is not there answers 503 (NC, no cluster) for its share of the traffic. Without explicit subsets there is one for each version of the groups, named after it.",
		Bad: `traffic:
  subsets: [{name: stable, version: v1}]
  http: [{route: [{destination: {subset: canary}}]}]`,
		Good: `traffic:
  subsets: [{name: stable, version: v1}, {name: canary, version: v2}]
  http: [{route: [{destination: {subset: canary}}]}]`,
	}
	ruleEmptySubset = &diag.Rule{
		ID: "VM037", Name: "empty-subset", Severity: diag.Error,
		Doc:  "A subset has VMs, or its service has pods.",
		Long: "A subset whose labels no VM has is an empty cluster: its share of the traffic answers 503 (UH, no healthy upstream). Subset labels select among the VMs that the service selects.",
		Bad: `groups: [{name: v1, version: v1}]
services: [{name: pay, traffic: {subsets: [{name: canary, version: v2}]}}]`,
		Good: `groups: [{name: v1, version: v1}, {name: v2, version: v2}]
services: [{name: pay, traffic: {subsets: [{name: canary, version: v2}]}}]`,
	}
	ruleEmptySelector = &diag.Rule{
		ID: "VM038", Name: "empty-selector", Severity: diag.Error,
		Doc:  "A service's selector leaves some VM, or the service has pods.",
		Long: "A service selects VMs of its own namespace by all labels of its selector. One that selects nobody has no endpoints, and every call answers 503.",
		Bad:  "services: [{name: db, selector: {role: primry}}]",
		Good: `groups: [{name: primary, labels: {role: primary}}]
services: [{name: db, selector: {role: primary}}]`,
	}
	ruleUnknownDestination = &diag.Rule{
		ID: "VM039", Name: "unknown-destination", Severity: diag.Error,
		Doc:  "A route's host is a full name, or one without dots.",
		Long: "Istio completes a host without dots by the VirtualService's own namespace, and takes every other as it stands: `pay.vm-workloads` is no name that any service has, and the route answers 503.",
		Bad:  "http: [{route: [{destination: {host: pay.vm-workloads}}]}]",
		Good: "http: [{route: [{destination: {host: pay.vm-workloads.svc.cluster.local}}]}]",
	}
	ruleBadAddress = &diag.Rule{
		ID: "VM040", Name: "bad-address", Severity: diag.Error,
		Doc:  "An address is an IP address, or a DNS name where one may stand.",
		Long: "Clients dial a WorkloadEntry's address as it is; istiod drops one that it cannot read from the endpoints, without a word. Ports and prefix lengths have fields of their own.",
		Bad:  "instances: [{name: vm1, address: 192.168.1.300}]",
		Good: "instances: [{name: vm1, address: 192.168.1.30}]",
	}
	ruleBadRange        = webhook.BadRange
	ruleUnusableAddress = &diag.Rule{
		ID: "VM042", Name: "unusable-address", Severity: diag.Error,
		Doc:  "An address can be dialled from elsewhere.",
		Long: "Loopback, link-local, multicast and unspecified addresses mean another machine, or none, for whoever dials them. A ClusterIP exists only inside the cluster: a VM cannot reach istiod or DNS by it.",
		Bad:  "instances: [{name: vm1, address: 127.0.0.1}]",
		Good: "instances: [{name: vm1, address: 192.168.1.100}]",
	}
	ruleIstiodAddresses = &diag.Rule{
		ID: "VM043", Name: "istiod-addresses", Severity: diag.Error,
		Doc:  "istiodAddresses are IP addresses, or one DNS name alone.",
		Long: "The addresses go into the VM's hosts file under istiod's own name, so that its certificate fits. A hosts file has no names as targets; one DNS name is resolved on the VM instead, which cannot be mixed with fixed addresses.",
		Bad:  "istio: {istiodAddresses: [34.56.78.90, istiod.example.com]}",
		Good: "istio: {istiodAddresses: [istiod.example.com]}",
	}
	rulePortClash = &diag.Rule{
		ID: "VM044", Name: "port-clash", Severity: diag.Error,
		Doc: "Ports are numbers from 1 to 65535, and each is used for one thing.",
		Long: "Kubernetes refuses a Service with two ports of one number; two services of a workload may have it, each for its own port. " +
			"The sidecar has one listener for a port that VMs listen on, with one protocol. " +
			"A PeerAuthentication's exceptions are by that port: two modes for one port cannot both hold.",
		Bad: `ports:
- {name: http-shop, port: 80, targetPort: 8080}
- {name: http-admin, port: 80, targetPort: 8081}`,
		Good: `ports:
- {name: http-shop, port: 80, targetPort: 8080}
- {name: http-admin, port: 80, targetPort: 8081}
services: [{name: shop, ports: [http-shop]}, {name: admin, ports: [http-admin]}]`,
	}
	ruleUnknownProtocol = &diag.Rule{
		ID: "VM045", Name: "unknown-protocol", Severity: diag.Warning,
		Doc:  "A port says which protocol it speaks, by `protocol` or by the beginning of its name.",
		Long: "Without it Istio looks at the first bytes of each connection. That adds a delay, gives up HTTP routing, retries and policies where it guesses wrong, and cannot work where the server speaks first, as databases and mail servers do.",
		Bad:  "ports: [{name: api, port: 8080}]",
		Good: "ports: [{name: api, port: 8080, protocol: HTTP}]",
	}
	ruleLocality = &diag.Rule{
		ID: "VM046", Name: "locality", Severity: diag.Error,
		Doc:  "A locality is region[/zone[/subzone]], without dots, and fits a label.",
		Long: "istiod does not check localities; it compares them as they are, so a wrong one only means that locality balancing never happens. The locality also travels as a label, where a dot means a slash, and labels have at most 63 characters.",
		Bad:  "groups: [{name: v1, locality: us.west/zone-a}]",
		Good: "groups: [{name: v1, locality: us-west/zone-a}]",
	}
	ruleWeight       = webhook.RouteWeight
	ruleLabel        = webhook.Label
	ruleDerivedLabel = &diag.Rule{
		ID: "VM049", Name: "derived-label", Severity: diag.Error,
		Doc:  "Labels and annotations that vmmesh or istiod derives are not set by hand.",
		Long: "Clients select a VM by the labels of its WorkloadEntry, and policies by the labels that the VM reports itself. They work only if both are the same, so `app`, `version`, `class` and the topology labels are written once, from the fields that mean them.",
		Bad:  "workloads: [{name: pay, labels: {version: v1}}]",
		Good: "workloads: [{name: pay, groups: [{name: pay, version: v1}]}]",
	}
	ruleNameTooLong = &diag.Rule{
		ID: "VM050", Name: "name-too-long", Severity: diag.Error,
		Doc:  "Names that are put together stay within Kubernetes' limits.",
		Long: "A WorkloadEntry is named `<group>-<instance>`, and istiod's host is `istiod-<revision>`. Names are never cut, since a cut name could meet another one; shorten a part instead.",
		Bad:  "istio: {revision: a-revision-whose-name-is-too-long-for-istiods-own-host-name}",
		Good: "istio: {revision: 1-31}",
	}
	ruleUnion = &diag.Rule{
		ID: "VM051", Name: "union-block", Severity: diag.Error,
		Doc:  "Beside a union's `type` stands the block of that type, and no other.",
		Long: "A block of another type would be without effect, and a reader could not tell which one was meant. Some types need their block, because they have settings without a default.",
		Bad:  "vm: {identity: {type: SPIRE, tokenFile: {path: /var/lib/vmmesh/istio-token}}}",
		Good: "vm: {identity: {type: TokenFile, tokenFile: {path: /var/lib/vmmesh/istio-token}}}",
	}
	ruleMissingSetting = &diag.Rule{
		ID: "VM052", Name: "missing-setting", Severity: diag.Error,
		Doc:  "A setting that another one calls for is there.",
		Long: "Some fields are optional by themselves and needed beside others: VMs have to know where istiod is, an identity without a verified channel needs the root certificate in the spec, a firewall that is on has to let the scrapers in.",
		Bad: `istio: {version: 1.31.1, istiodAddresses: []}
workloads: [{name: pay, groups: [{name: pay}]}]`,
		Good: `istio: {version: 1.31.1, istiodAddresses: [34.56.78.90]}
workloads: [{name: pay, groups: [{name: pay}]}]`,
	}
	ruleRootCert = &diag.Rule{
		ID: "VM053", Name: "root-cert", Severity: diag.Error,
		Doc:  "istio.rootCert is PEM certificates of authorities, and nothing else.",
		Long: "The VM trusts istiod by this bundle. A leaf certificate, a truncated paste or a key in its place makes every connection fail, and a key would be a secret in plain sight.",
		Bad: `istio:
  rootCert: |
    -----BEGIN CERTIFICATE-----
    MIIBIDCB06ADAgECAgEBMAUGAytlcDAYMRYwFAYDVQQKEw1jbHVzdGVyLmxvY2Fs
    -----END CERTIFICATE-----`,
		Good: `istio:
  rootCert: |
    -----BEGIN CERTIFICATE-----
    MIIBIDCB06ADAgECAgEBMAUGAytlcDAYMRYwFAYDVQQKEw1jbHVzdGVyLmxvY2Fs
    MB4XDTI2MDEwMTAwMDAwMFoXDTM2MDEwMTAwMDAwMFowGDEWMBQGA1UEChMNY2x1
    c3Rlci5sb2NhbDAqMAUGAytlcAMhAAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3c
    hmQSVTG4o0IwQDAOBgNVHQ8BAf8EBAMCAgQwDwYDVR0TAQH/BAUwAwEB/zAdBgNV
    HQ4EFgQUVkdap1RjR0wChd9dvyvKtz2mUTUwBQYDK2VwA0EAHQNcMIb/PLe1J8Fn
    PhYl0eSKdCLeWs6x/P47D6ocds6KnqG2Z6BpG05EMkIHmkihAB8dkIkZxwKsaOxe
    LSkWCg==
    -----END CERTIFICATE-----`,
	}
	ruleProbe = &diag.Rule{
		ID: "VM054", Name: "probe", Severity: diag.Error,
		Doc:  "A probe has one method that istiod takes: httpGet, tcpSocket or exec, with its port or command.",
		Long: "istiod's webhook refuses a probe without a method, and one by grpc although the API has it. The probe runs in the sidecar agent on the VM and decides whether traffic is sent there.",
		Bad:  "probe: {periodSeconds: 5, grpc: {port: 9090}}",
		Good: "probe: {periodSeconds: 5, httpGet: {path: /health, port: 8080}}",
	}
	ruleServiceShape = &diag.Rule{
		ID: "VM055", Name: "service-shape", Severity: diag.Error,
		Doc:  "A service has what its kind needs, and nothing that its kind cannot have.",
		Long: "A Kubernetes Service is known by its name; only a ServiceEntry has hosts and addresses of its own, and it needs the hosts. Without an address Istio cannot tell two TCP services of one port apart: istiod allocates one from 1.25 on.",
		Bad:  "services: [{name: db, kind: ServiceEntry}]",
		Good: "services: [{name: db, kind: ServiceEntry, hosts: [db.example.com]}]",
	}
	ruleOneCluster = &diag.Rule{
		ID: "VM057", Name: "one-cluster", Severity: diag.Error,
		Doc:  "The specs of one build are about one cluster.",
		Long: "The outputs of one build go to one place. Specs that disagree about the mesh, its network or its trust domain are for different clusters, and VMs would be sent to the wrong one.",
		Bad: `istio: {clusterName: east}
---
istio: {clusterName: west}`,
		Good: `istio: {clusterName: east}
---
istio: {clusterName: east}`,
	}
	ruleRoute             = webhook.Route
	ruleAccess            = webhook.Access
	ruleNamespaceConflict = &diag.Rule{
		ID: "VM060", Name: "namespace-conflict", Severity: diag.Error,
		Doc:  "Specs of one build say the same of a namespace.",
		Long: "A Namespace is one object: two specs that create it with other labels, or want another mTLS mode for it, would overwrite each other at every build. A spec with `create: false` says nothing of the Namespace, and one without `mtls` nothing of its mode.",
		Bad: `namespaces: {injection: true}
---
namespaces: {injection: false}`,
		Good: `namespaces: {injection: true}
---
namespaces: {injection: true}`,
	}
	ruleHostClash = &diag.Rule{
		ID: "VM061", Name: "host-clash", Severity: diag.Error,
		Doc:  "A host belongs to one service.",
		Long: "Of two DestinationRules or VirtualServices for a host in one namespace Istio uses the oldest and ignores most of the other, in silence; of two ServiceEntries it merges the endpoints.",
		Bad: `services:
- {name: a, kind: ServiceEntry, hosts: [db.example.com]}
- {name: b, kind: ServiceEntry, hosts: [db.example.com]}`,
		Good: `services:
- {name: a, kind: ServiceEntry, hosts: [db.example.com]}
- {name: b, kind: ServiceEntry, hosts: [replica.db.example.com]}`,
	}
	ruleDerivedSetting = &diag.Rule{
		ID: "VM062", Name: "derived-setting", Severity: diag.Error,
		Doc:  "Free-form settings of the proxy contradict nothing that is derived.",
		Long: "`vm.env` and `vm.proxyConfig` reach the VM as they stand. A value there that the spec says elsewhere would win over it on the VM alone, so that the VM and the cluster would disagree.",
		Bad:  "vm: {env: [{name: ISTIO_META_NETWORK, value: dc2}]}",
		Good: `istio: {network: kube-network}
networks: [{name: dc2}]
workloads: [{name: pay, groups: [{name: v1, network: dc2}]}]`,
	}
	rulePackageVersion = &diag.Rule{
		ID: "VM063", Name: "package-version", Severity: diag.Error,
		Doc:  "A sidecar package is not newer than its control plane.",
		Long: "Istio supports data planes that are older than the control plane, never newer: an upgrade moves istiod first.",
		Bad: `istio: {version: 1.30.4}
vm: {package: {version: 1.31.1}}`,
		Good: `istio: {version: 1.31.1}
vm: {package: {version: 1.30.4}}`,
	}
	ruleExportTo = webhook.ExportTo
	ruleNoGroups = &diag.Rule{
		ID: "VM065", Name: "no-groups", Severity: diag.Error,
		Doc:  "A workload has at least one group.",
		Long: "VMs are in groups: a workload without one has no WorkloadGroup, so no VM could join, and its services would have no endpoints.",
		Bad:  "workloads: [{name: pay, ports: [{name: http, port: 8080}], groups: []}]",
		Good: "workloads: [{name: pay, ports: [{name: http, port: 8080}], groups: [{name: pay}]}]",
	}
	ruleRefusedField = &diag.Rule{
		ID: "VM066", Name: "refused-field", Severity: diag.Error,
		Doc:  "Fields of Istio's that vmmesh fills in itself are not set by hand.",
		Long: "The Sidecar of a workload selects exactly its own VMs. Another selector would configure other VMs, or pods.",
		Bad:  "sidecar: {workloadSelector: {labels: {app: other}}}",
		Good: "sidecar: {egress: [{hosts: [\"./*\"]}]}",
	}
	ruleJWT    = webhook.JWT
	ruleMisfit = &diag.Rule{
		ID: "VM068", Name: "misfit", Severity: diag.Error,
		Doc:  "Settings that stand together make sense together.",
		Long: "A setting that another one switches off looks as if it worked. Files that must survive a reboot are not put where a reboot loses them, and credentials go over https alone.",
		Bad:  "vm: {address: {source: DefaultRoute, interface: eth1}}",
		Good: "vm: {address: {source: Interface, interface: eth1}}",
	}
	ruleEnvironment = &diag.Rule{
		ID: "VM073", Name: "environment", Severity: diag.Error,
		Doc:  "What goes into a VM's environment arrives there as it was written.",
		Long: "`vm.env` and `proxyMetadata` become lines of cluster.env, which Istio's start script has bash read: a name that is no variable's name ends the script, and bash keeps some names for itself. No environment and no command line can carry a NUL, and a line of the file ends at a line break. A few variables go into a command line of that script without quotes.",
		Bad:  "vm: {env: [{name: ISTIO_AGENT_FLAGS, value: \"--log_output_level=default:debug; reboot\"}]}",
		Good: "vm: {env: [{name: ISTIO_AGENT_FLAGS, value: \"--log_output_level=default:debug\"}]}",
	}
	ruleServiceEntry = webhook.ServiceEntry
	ruleSettings     = webhook.RouteSettings
	rulePolicy       = webhook.TrafficPolicy
	ruleSidecar      = webhook.Sidecar
	ruleTelemetry    = webhook.Telemetry
	ruleExpose       = &diag.Rule{
		ID: "VM086", Name: "expose", Severity: diag.Error,
		Doc: "A service that is exposed names gateways and public hosts, and has a port that speaks HTTP or TLS.",
		Long: "A gateway tells its services apart by the host of a request, or by the server name of a TLS connection: a VirtualService without " +
			"either is served nowhere, and a plain TCP connection has neither. A Gateway is named with its namespace, in which it exists already.",
		Bad:  "services: [{name: shop, expose: {gateways: [public], hosts: [shop.example.com]}}]",
		Good: "services: [{name: shop, expose: {gateways: [istio-ingress/public], hosts: [shop.example.com]}}]",
	}
	ruleProxyless = &diag.Rule{
		ID: "VM087", Name: "without-sidecar", Severity: diag.Error,
		Doc: "Nothing that a sidecar does is asked of VMs with proxy: None.",
		Long: "VMs without a sidecar have no identity: their clients speak plaintext to them, also where mTLS is STRICT elsewhere. A policy is enforced by the " +
			"sidecar of the VM that is called; here it would protect nothing, without any sign of it. Probes, registration, merged metrics and the VM's " +
			"settings are the sidecar's work too, and a gateway between networks passes mTLS alone.",
		Bad: `groups: [{name: win, proxy: None, instances: [{name: vm1, address: 192.168.1.100}]}]
security: {allow: [{name: web, from: [{namespaces: [web]}]}]}`,
		Good: `groups: [{name: win, proxy: None, instances: [{name: vm1, address: 192.168.1.100}]}]
services: [{name: win, traffic: {trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5}}}}]`,
	}
)
