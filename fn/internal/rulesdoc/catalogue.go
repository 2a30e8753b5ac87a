package rulesdoc

// Entry is one entry of the catalogue of what Istio accepts and breaks on, and what vmmesh answers to it. An entry may have
// several answers: the generators cannot emit what it is about, and manifests that came from elsewhere are checked for it.
type Entry struct {
	Number int
	Name   string // the catalogue's
	// Spec and Manifests are the rules that find it: in a spec, and in manifests or the files of VMs.
	Spec, Manifests []string
	// Prevented says why vmmesh cannot emit it; Proof is the test that shows it, as package.Test.
	Prevented, Proof string
	// Undecidable says why no file shows it; Instead is what does.
	Undecidable, Instead string
}

// ownOutput is the proof that all rules about manifests are run over everything that vmmesh emits, and are silent.
const ownOutput = "fn.TestVerifyIsSilentAboutOurs"

// What tells where files do not.
const (
	onVM    = "diagnose.sh: "
	runbook = "RUNBOOK.md"
)

func rules(ids ...string) []string { return ids }

// Catalogue answers every entry, by number. Entries above the catalogue's own (VM122, VM517, VM620 …) are rules that were added to
// it and are in lint.Table alone.
var Catalogue = []Entry{
	{Number: 101, Name: "wle-missing-serviceaccount", Manifests: rules("VM101", "VM216"), Spec: rules("VM216"), Prevented: "every group and entry has its workload's account", Proof: ownOutput},
	{Number: 102, Name: "sa-not-defined", Manifests: rules("VM102"), Prevented: "the account is emitted, or said to be someone else's", Proof: ownOutput},
	{Number: 103, Name: "sa-namespace-mismatch", Manifests: rules("VM103"), Prevented: "objects and VM settings have one source", Proof: ownOutput},
	{Number: 104, Name: "autoreg-identity-mismatch", Manifests: rules("VM104"), Undecidable: "entries that istiod made are in the cluster alone, unless it is exported", Instead: runbook},
	{Number: 105, Name: "autoreg-group-missing", Manifests: rules("VM105"), Prevented: "a VM's settings name the group that is emitted beside them", Proof: ownOutput},
	{Number: 106, Name: "autoreg-name-invalid", Spec: rules("VM106", "VM015"), Manifests: rules("VM106")},
	{Number: 107, Name: "autoreg-name-collision", Spec: rules("VM107")},
	{Number: 108, Name: "autoreg-name-too-long", Spec: rules("VM050"), Manifests: rules("VM108")},
	{Number: 109, Name: "static-and-autoreg", Manifests: rules("VM109"), Prevented: "a group registers, or its instances have entries", Proof: ownOutput},
	{Number: 110, Name: "label-drift", Manifests: rules("VM110"), Prevented: "one label set is written to all three places", Proof: ownOutput},
	{Number: 111, Name: "wle-address-not-instance-ip", Manifests: rules("VM111"), Prevented: "the entry's address is the one that the VM is told to report", Proof: ownOutput},
	{Number: 112, Name: "pod-ports-named-target", Prevented: "a Service's targetPorts are numbers", Proof: ownOutput, Manifests: rules("VM111", "VM205")},
	{Number: 113, Name: "duplicate-wle-address", Spec: rules("VM113"), Manifests: rules("VM113")},
	{Number: 114, Name: "wle-address-other-namespace", Spec: rules("VM113"), Manifests: rules("VM114")},
	{Number: 115, Name: "cluster-id-unknown", Manifests: rules("VM115"), Spec: rules("VM057")},
	{Number: 116, Name: "trust-domain-mismatch", Manifests: rules("VM116"), Spec: rules("VM057")},
	{Number: 117, Name: "instance-ip-unpinned", Undecidable: "how many interfaces a VM has cannot be told from files; an instance's address is pinned, others find theirs by vm.address", Instead: onVM + "address"},
	{Number: 118, Name: "wle-dns-address-with-service", Spec: rules("VM040"), Manifests: rules("VM118")},
	{Number: 119, Name: "wle-no-labels", Manifests: rules("VM119"), Prevented: "every VM has app and class", Proof: ownOutput},
	{Number: 120, Name: "wle-empty-address-no-gateway", Spec: rules("VM011"), Manifests: rules("VM120")},
	{Number: 121, Name: "wg-edit-not-propagated", Undecidable: "one state of files shows no change; `vmmesh diff` says of two that VMs must register anew", Instead: runbook},

	{Number: 201, Name: "selector-matches-nothing", Spec: rules("VM038"), Manifests: rules("VM201")},
	{Number: 202, Name: "selector-cross-namespace", Manifests: rules("VM202"), Prevented: "a service is in its workload's namespace", Proof: ownOutput},
	{Number: 203, Name: "selector-empty", Manifests: rules("VM203"), Prevented: "a selector has app", Proof: ownOutput},
	{Number: 204, Name: "headless-service", Manifests: rules("VM204"), Prevented: "a Service is a ClusterIP", Proof: ownOutput},
	{Number: 205, Name: "named-targetport-missing", Manifests: rules("VM205"), Prevented: "targetPorts are numbers", Proof: ownOutput},
	{Number: 206, Name: "port-name-shadows", Manifests: rules("VM206"), Prevented: "names and numbers come from one port", Proof: ownOutput},
	{Number: 207, Name: "se-port-name-shadow", Manifests: rules("VM207"), Prevented: "names and numbers come from one port", Proof: ownOutput},
	{Number: 208, Name: "se-per-endpoint-ports-dont-filter", Manifests: rules("VM208"), Prevented: "roles are services with a selector", Proof: ownOutput},
	{Number: 209, Name: "pods-and-vms-mixed-weight", Spec: rules("VM209"), Manifests: rules("VM209")},
	{Number: 210, Name: "se-host-shadows-service", Spec: rules("VM061"), Manifests: rules("VM210")},
	{Number: 211, Name: "se-cluster-local-without-service", Manifests: rules("VM211")},
	{Number: 212, Name: "se-tcp-without-address", Spec: rules("VM055"), Manifests: rules("VM212")},
	{Number: 213, Name: "se-duplicate-host", Spec: rules("VM061"), Manifests: rules("VM213")},
	{Number: 214, Name: "se-selector-empty", Manifests: rules("VM214"), Prevented: "a selector has app", Proof: ownOutput},
	{Number: 215, Name: "se-static-dns-address", Spec: rules("VM069"), Manifests: rules("VM215", "VM118")},
	{Number: 216, Name: "se-mesh-internal-no-sa", Spec: rules("VM216"), Manifests: rules("VM216")},
	{Number: 217, Name: "server-first-port-undeclared", Spec: rules("VM045"), Manifests: rules("VM217")},
	{Number: 218, Name: "port-protocol-conflict", Spec: rules("VM044"), Manifests: rules("VM218")},
	{Number: 219, Name: "reserved-port", Spec: rules("VM219"), Manifests: rules("VM219")},
	{Number: 220, Name: "discovery-selectors-exclude", Spec: rules("VM220"), Manifests: rules("VM220")},
	{Number: 221, Name: "named-targetport-too-long", Manifests: rules("VM221"), Prevented: "targetPorts are numbers", Proof: ownOutput},

	{Number: 301, Name: "inbound-port-not-captured", Spec: rules("VM301"), Manifests: rules("VM301")},
	{Number: 302, Name: "inbound-star-captures-host", Spec: rules("VM302"), Manifests: rules("VM302")},
	{Number: 303, Name: "registry-only-whole-host", Spec: rules("VM303")},
	{Number: 304, Name: "probe-localhost-app", Spec: rules("VM304"), Undecidable: "with interception, whether the application listens on 127.0.0.1 alone shows on the VM", Instead: onVM + "probe"},
	{Number: 305, Name: "probe-tcp-through-envoy", Spec: rules("VM305"), Manifests: rules("VM305")},
	{Number: 306, Name: "probe-grpc", Spec: rules("VM054"), Manifests: rules("VM306")},
	{Number: 307, Name: "probe-failure-threshold-implicit", Manifests: rules("VM307"), Prevented: "all five numbers of a probe are written", Proof: ownOutput},
	{Number: 308, Name: "health-annotation-without-reporter", Manifests: rules("VM308"), Prevented: "an entry that waits is named in its VM's settings", Proof: ownOutput},
	{Number: 309, Name: "probe-without-registration", Manifests: rules("VM309"), Prevented: "a VM registers, or its settings name its entry", Proof: ownOutput},
	{Number: 310, Name: "workload-entry-missing", Manifests: rules("VM310"), Prevented: "a VM's settings name the entry that is emitted beside them", Proof: ownOutput},
	{Number: 311, Name: "docker-on-vm", Undecidable: "what runs on a VM cannot be told from files; vm.interception.excludeInterfaces keeps a bridge out", Instead: onVM + "capture"},
	{Number: 312, Name: "firewall-15006", Undecidable: "a firewall that someone else made shows on the VM alone; the one of vm.firewall opens 15006 to the mesh", Instead: onVM + "firewall"},
	{Number: 313, Name: "dns-capture-no-hosts", Spec: rules("VM052"), Manifests: rules("VM313")},
	{Number: 314, Name: "dns-port53-conflict", Undecidable: "which resolver a VM uses shows on the VM", Instead: onVM + "dns"},

	{Number: 401, Name: "network-without-gateway", Spec: rules("VM033"), Manifests: rules("VM401"), Undecidable: "a network without a gateway is dialled directly, which is right wherever there is a route", Instead: runbook},
	{Number: 402, Name: "gateway-label-no-15443", Manifests: rules("VM402"), Prevented: "the gateway of a network has 15443", Proof: ownOutput},
	{Number: 403, Name: "gateway-without-autopassthrough", Manifests: rules("VM403"), Prevented: "the port and its Gateway are emitted together", Proof: ownOutput},
	{Number: 404, Name: "system-namespace-unlabelled", Manifests: rules("VM404"), Prevented: "the label is emitted where the cluster has a network, unless that is switched off", Proof: ownOutput},
	{Number: 405, Name: "network-half-set", Manifests: rules("VM405"), Prevented: "a group without a network has the cluster's", Proof: ownOutput},
	{Number: 406, Name: "cross-network-plaintext", Spec: rules("VM406"), Manifests: rules("VM406")},
	{Number: 407, Name: "lb-hostname-hosts", Spec: rules("VM043", "VM052"), Manifests: rules("VM313")},
	{Number: 408, Name: "gateway-nodeport-no-selector", Spec: rules("VM408"), Manifests: rules("VM408")},
	{Number: 409, Name: "same-network-no-route", Undecidable: "routes are the network's; which ones a flat VM needs is written down for each mesh", Instead: runbook},

	{Number: 501, Name: "subset-not-defined", Spec: rules("VM036"), Manifests: rules("VM501")},
	{Number: 502, Name: "subset-without-workloads", Spec: rules("VM037"), Manifests: rules("VM502")},
	{Number: 503, Name: "dest-port-omitted-multiport", Manifests: rules("VM503"), Prevented: "each route is written out for each port", Proof: ownOutput},
	{Number: 504, Name: "two-dr-one-host", Spec: rules("VM061"), Manifests: rules("VM504")},
	{Number: 505, Name: "dr-other-namespace", Manifests: rules("VM505"), Prevented: "a rule is in its service's namespace", Proof: ownOutput},
	{Number: 506, Name: "two-vs-one-host", Spec: rules("VM061"), Manifests: rules("VM506")},
	{Number: 507, Name: "failover-without-outlier", Spec: rules("VM507"), Manifests: rules("VM507")},
	{Number: 508, Name: "outlier-activates-locality", Spec: rules("VM508")},
	{Number: 509, Name: "failover-from-unknown-region", Spec: rules("VM509"), Manifests: rules("VM509")},
	{Number: 510, Name: "locality-format", Spec: rules("VM046"), Manifests: rules("VM510")},
	{Number: 511, Name: "template-locality-lost", Manifests: rules("VM511"), Prevented: "a locality is a label too", Proof: ownOutput},
	{Number: 512, Name: "h2-upgrade-plain", Spec: rules("VM512"), Manifests: rules("VM512")},
	{Number: 513, Name: "dr-tls-overrides-automtls", Spec: rules("VM513"), Manifests: rules("VM513")},
	{Number: 514, Name: "exportto-hides", Spec: rules("VM514"), Manifests: rules("VM514")},
	{Number: 515, Name: "sidecar-egress-hides", Manifests: rules("VM515")},
	{Number: 516, Name: "default-retries", Undecidable: "whether two retries harm an application, which are Istio's default, is the application's matter; `retries: {attempts: 0}` switches them off", Instead: runbook},

	{Number: 601, Name: "pa-same-scope", Spec: rules("VM060"), Manifests: rules("VM601")},
	{Number: 602, Name: "pa-portlevel-service-port", Spec: rules("VM035"), Manifests: rules("VM602")},
	{Number: 603, Name: "pa-root-ns-selector", Manifests: rules("VM603"), Prevented: "a policy is in its workload's namespace", Proof: ownOutput},
	{Number: 604, Name: "strict-plaintext-clients", Manifests: rules("VM604"), Undecidable: "other plaintext callers, such as a load balancer's health checks, are in no file", Instead: runbook},
	{Number: 605, Name: "ap-allow-http-on-tcp", Spec: rules("VM605"), Manifests: rules("VM605")},
	{Number: 606, Name: "ap-deny-http-on-tcp", Spec: rules("VM606"), Manifests: rules("VM606")},
	{Number: 607, Name: "ap-allow-omits-port", Spec: rules("VM607"), Manifests: rules("VM607")},
	{Number: 608, Name: "ap-identity-plaintext", Spec: rules("VM608"), Manifests: rules("VM608")},
	{Number: 609, Name: "ap-trust-domain", Spec: rules("VM609"), Manifests: rules("VM609")},
	{Number: 610, Name: "ap-port-service-port", Spec: rules("VM035"), Manifests: rules("VM610")},
	{Number: 611, Name: "policy-selector-matches-nothing", Manifests: rules("VM611"), Prevented: "a policy selects its workload's own labels", Proof: ownOutput},
	{Number: 612, Name: "policy-targetref-on-vm", Manifests: rules("VM612"), Prevented: "policies have selectors", Proof: ownOutput},
	{Number: 613, Name: "telemetry-same-scope", Manifests: rules("VM613"), Prevented: "a workload has one Telemetry", Proof: ownOutput},
	{Number: 614, Name: "telemetry-unknown-provider", Spec: rules("VM614"), Manifests: rules("VM614")},
	{Number: 615, Name: "scrape-endpoints-role", Manifests: rules("VM615"), Prevented: "VMs are listed, or discovered by their cloud", Proof: ownOutput},
	{Number: 616, Name: "scrape-path", Manifests: rules("VM616"), Prevented: "the path is always written", Proof: ownOutput},
	{Number: 617, Name: "token-world-readable", Undecidable: "the mode of a file on a VM is in no file; what vmmesh installs is 0600", Instead: onVM + "token"},
	{Number: 618, Name: "cert-file-unreadable", Undecidable: "the owner of a file on a VM is in no file; what vmmesh installs istio-proxy owns", Instead: onVM + "certificate"},
	{Number: 619, Name: "canonical-labels-missing", Manifests: rules("VM619"), Prevented: "every VM has a canonical name and revision", Proof: ownOutput},
}

// Retired are ids of rules that are gone. They are never used again: whoever ignores one, or finds it in an old report, must not
// meet another rule. testdata/ids.txt knows every id that there ever was.
var Retired = []string{
	"VM017", // no-effect-yet: every field has one
}
