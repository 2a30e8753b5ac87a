package mesh

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// derivedEnv are the lines of cluster.env that are facts of the mesh, said elsewhere in the spec
// (istio: istioctl/pkg/workload, createClusterEnv and createMeshConfig), and those by which the start script and the
// agent would take such a fact from somewhere else.
var derivedEnv = map[string]string{
	"CA_ADDR": "istio.revision and istio.caAddress", "CANONICAL_REVISION": "group.version", "CANONICAL_SERVICE": "workload.name",
	"CREDENTIAL_FETCHER_TYPE": "vm.identity", "WORKLOAD_IDENTITY_SOCKET_FILE": "vm.identity",
	"ISTIO_CUSTOM_IP_TABLES": "vm.interception", "ISTIO_META_INTERCEPTION_MODE": "vm.interception",
	"ISTIO_EXCLUDE_INTERFACES": "vm.interception", "ISTIO_INBOUND_INTERCEPTION_MODE": "vm.interception", "ISTIO_INBOUND_PORTS": "vm.interception",
	"ISTIO_LOCAL_EXCLUDE_PORTS": "vm.interception", "ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE": "vm.interception",
	"NATIVE_NFTABLES":                     "vm.interception.backend",
	"ISTIO_OUTBOUND_OWNER_GROUPS":         "vm.interception.excludeOwnerGroups",
	"ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE": "vm.interception.excludeOwnerGroups",
	"ISTIO_SERVICE_CIDR":                  "vm.interception", "ISTIO_SERVICE_EXCLUDE_CIDR": "vm.interception",
	"ISTIO_META_AUTO_REGISTER_GROUP": "group.registration", "ISTIO_META_WORKLOAD_ENTRY": "group.registration",
	"ISTIO_META_CLUSTER_ID": "istio.clusterName", "ISTIO_META_DNS_CAPTURE": "vm.dns", "REDIRECT_DNS": "vm.dns",
	"ISTIO_META_ENABLE_HBONE": "istio.dataplaneMode",
	"ISTIO_META_MESH_ID":      "istio.meshID", "ISTIO_META_NETWORK": "group.network", "ISTIO_META_POD_PORTS": "workload.ports",
	"ISTIO_META_WORKLOAD_NAME": "group.name", "ISTIO_METAJSON_LABELS": "workload.labels", "ISTIO_NAMESPACE": "workload.namespace",
	"ISTIO_PILOT_PORT": "istio.discoveryAddress", "PILOT_ADDRESS": "istio.discoveryAddress", "PROXY_CONFIG": "vm.proxyConfig",
	"ISTIO_PROMETHEUS_ANNOTATIONS": "workload.metrics", "ISTIO_SERVICE": "group.name",
	"INSTANCE_IP": "instance.address", "ISTIO_SVC_IP": "instance.address",
	"POD_NAMESPACE": "workload.namespace", "REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION": "instance.externalAddress",
	"SERVICE_ACCOUNT": "workload.serviceAccount", "TRUST_DOMAIN": "istio.trustDomain",
}

// shellsOwn are variables that bash keeps for itself, beside all that begin with BASH: it refuses to set them, which
// ends the start script, or gives them a meaning or value of its own (bash(1), Shell Variables).
var shellsOwn = regexp.MustCompile(`^(BASH.*|_|COMP_WORDBREAKS|DIRSTACK|ENV|EPOCHREALTIME|EPOCHSECONDS|EUID|FUNCNAME|GROUPS|HISTCMD|IFS|LINENO|` +
	`OPTARG|OPTIND|PIPESTATUS|POSIXLY_CORRECT|PPID|RANDOM|SECONDS|SHELLOPTS|SRANDOM|UID)$`)

// shellText are variables that the start script puts, unquoted, into a command line for root
// (istio: tools/packaging/common/istio-start.sh, the last line).
var shellText = map[string]bool{"EXEC_USER": true, "ISTIO_AGENT_FLAGS": true, "ISTIO_BIN_BASE": true, "ISTIO_LOG_DIR": true, "POD_NAME": true}

// powers are variables that choose which programs or libraries the start script runs as root, as whom it runs the agent, or
// which other settings it reads (ld.so(8), bash(1), glibc's environment; istio: tools/packaging/common/istio-start.sh).
var powers = regexp.MustCompile(`^(PATH|LD_.*|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|NLSPATH|MALLOC_.*|RES_OPTIONS|HOSTALIASES|RESOLV_.*|PS[0-4]|` +
	`PROMPT_COMMAND|CDPATH|SHELL|HOME|USER|LOGNAME|TMPDIR|SUDO_.*|XTABLES_.*|IPTABLES_.*|PYTHON.*|PERL.*|` +
	`EXEC_USER|ISTIO_BIN_BASE|ISTIO_LOG_DIR|ISTIO_SIDECAR_CONFIG|ISTIO_CLUSTER_CONFIG|PROV_CERT|OUTPUT_CERTS|XDS_ROOT_CA|CA_ROOT_CA)$`)

// agentFlags are the flags of the agent that vm.env may give it: how much it and Envoy log
// (istio: pilot/cmd/pilot-agent/app/cmd.go). All else has a field of the spec, or would contradict one.
var agentFlags = regexp.MustCompile(`^--(log_[a-z_]+|proxyLogLevel|proxyComponentLogLevel|vklog)(=[A-Za-z0-9_:,./-]+)?$`)

var (
	envName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	plainWords = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./ -]*$`)
)

// env checks further lines of cluster.env.
func (r *resolver) env(in *schema.VM, vm *VM) {
	unique(r, in.Env, func(e *schema.EnvVar) (string, diag.Path) { return e.Name, e.At })
	for _, e := range in.Env {
		if other, twice := vm.ProxyConfig.GetProxyMetadata()[e.Name]; twice && other != e.Value {
			r.say(ruleDerivedSetting.At(e.At.Key("name"), "%s is something else in vm.proxyConfig.proxyMetadata", e.Name).WithHelp("say it in one place"))
			continue
		}
		if since := newVariables[e.Name]; since > vm.Package.Release.Minor {
			r.say(manifest.NewerThan(e.At.Key("name"), e.Name, since, vm.Package.Release.Minor))
			continue
		}
		if r.variable(e.Name, e.At.Key("name"), false) {
			r.value(e.Name, e.Value, e.At.Key("value"))
		}
	}
}

// variable checks the name of a line of cluster.env.
func (r *resolver) variable(name string, at diag.Path, key bool) bool {
	say := func(d diag.Diagnostic) bool {
		if key {
			d = d.Key()
		}
		r.say(d)
		return false
	}
	switch from := derivedEnv[name]; {
	case from != "":
		return say(ruleDerivedSetting.At(at, "%s is derived and cannot be set here", name).WithHelp("it comes from %s", from))
	case !envName.MatchString(name):
		return say(ruleEnvironment.At(at, "%q is no name of an environment variable", name).
			WithHelp("a name has letters, digits and '_', and does not begin with a digit; it becomes a line of cluster.env"))
	case shellsOwn.MatchString(name):
		return say(ruleEnvironment.At(at, "%s is a variable of the shell's own", name).
			WithHelp("the start script of the sidecar is run by bash, which would not pass it on: use another name"))
	case powers.MatchString(name):
		return say(ruleEnvironment.At(at, "%s decides what root runs on the VM", name).
			WithHelp("remove it: the start script of the sidecar runs as root with these variables"))
	}
	return true
}

// value checks the value of a line of cluster.env.
func (r *resolver) value(name, value string, at diag.Path) {
	switch {
	case strings.ContainsFunc(value, func(c rune) bool { return unicode.IsControl(c) && c != '\t' }):
		r.say(ruleEnvironment.At(at, "the value of %s has a line break or another control character", name).
			WithHelp("cluster.env has one line for each variable: write the value on one line"))
	case name == "ISTIO_AGENT_FLAGS" && slices.ContainsFunc(strings.Fields(value), func(f string) bool { return !agentFlags.MatchString(f) }):
		r.say(ruleEnvironment.At(at, "ISTIO_AGENT_FLAGS has more than flags of logging").
			WithHelp("allowed are --log_output_level=…, other --log_ flags, --proxyLogLevel=… and --proxyComponentLogLevel=…"))
	case shellText[name] && !plainWords.MatchString(value):
		r.say(ruleEnvironment.At(at, "%s goes into a command line of Istio's start script as it stands, and %q has characters that a shell takes for its own", name, value).
			WithHelp("letters, digits, spaces and any of _ @ %% + = : , . / - stay what they are"))
	}
}

// word checks a text that reaches the scripts on the VM.
func (r *resolver) word(s string, at diag.Path) {
	if strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) && c != '\t' && c != '\n' }) {
		r.say(ruleEnvironment.At(at, "%q has a control character, which no program on the VM could be given", s).WithHelp("drop it"))
	}
}

// probeHost checks the host that a probe asks: the agent and diagnose.sh connect to it.
func (r *resolver) probeHost(host string, at diag.Path) {
	if _, ip := parseIP(host); host == "" || ip || isDNSName(strings.ToLower(host)) && !looksLikeIP(host) {
		return
	}
	r.say(ruleBadAddress.At(at, "%q is not an IP address or a DNS name", host).
		WithHelp("write the address on which the application listens, such as 127.0.0.1 or localhost, without a port"))
}

// probeWords checks the texts of a probe.
func (r *resolver) probeWords(p *networking.ReadinessProbe, at diag.Path) {
	switch m := p.HealthCheckMethod.(type) {
	case *networking.ReadinessProbe_HttpGet:
		at = at.Key("httpGet")
		r.probeHost(m.HttpGet.GetHost(), at.Key("host"))
		r.word(m.HttpGet.GetPath(), at.Key("path"))
	case *networking.ReadinessProbe_TcpSocket:
		r.probeHost(m.TcpSocket.GetHost(), at.Key("tcpSocket").Key("host"))
	case *networking.ReadinessProbe_Exec:
		for n, word := range m.Exec.GetCommand() {
			r.word(word, at.Key("exec").Key("command").Item(n, ""))
		}
	}
}
