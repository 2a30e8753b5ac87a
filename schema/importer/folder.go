package importer

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	meshconfig "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// config is what a Folder says of one VM and its group.
type config struct {
	at                  diag.Path // of its cluster.env
	env                 map[string]string
	namespace, group    string
	account, network    string
	address             string
	auto                bool
	labels              map[string]string
	ports               map[string]uint32
	probe               *networking.ReadinessProbe
	proxy               *meshconfig.ProxyConfig // what is not derived
	discovery, rootCert string
	istiod              []string
}

// readFolders reads what istioctl wrote. A folder whose cluster.env does not tell its group is of no use.
func (i *importer) readFolders(folders []Folder) []*config {
	var out []*config
	for _, f := range folders {
		if c := i.readFolder(f); c != nil {
			out = append(out, c)
		}
	}
	return out
}

func (i *importer) readFolder(f Folder) *config {
	source := diag.Source{Name: f.Name + "/cluster.env", Text: f.Env}
	c := &config{at: diag.Root(&source), rootCert: strings.TrimSpace(string(f.RootCert))}
	if f.Token {
		d := ruleToken.At(diag.Root(&diag.Source{Name: f.Name + "/istio-token"}), "there is a token in this folder; it was not read")
		i.say(d.WithHelp("delete it where it is not used, and never commit it: it is a VM's identity until it expires"))
	}
	var wrong diag.List
	c.env, wrong = readEnv(c.at, f.Env)
	i.out.Findings = append(i.out.Findings, wrong...)
	c.namespace, c.account = first(c.env["POD_NAMESPACE"], c.env["ISTIO_NAMESPACE"]), c.env["SERVICE_ACCOUNT"]
	name, _, _ := strings.Cut(c.env["ISTIO_SERVICE"], ".")
	c.group = first(c.env["ISTIO_META_AUTO_REGISTER_GROUP"], c.env["ISTIO_META_WORKLOAD_NAME"], name)
	c.auto = c.env["ISTIO_META_AUTO_REGISTER_GROUP"] != ""
	c.network, c.address = c.env["ISTIO_META_NETWORK"], c.env["ISTIO_SVC_IP"]
	c.readJSON(i, f.Env)
	c.readHosts(f.Hosts)
	if f.Mesh != nil {
		c.readMesh(i, f)
	}
	if c.group == "" || c.namespace == "" {
		if len(wrong) == 0 {
			d := ruleFolder.At(c.at, "cluster.env does not tell the group and its namespace (ISTIO_META_WORKLOAD_NAME, POD_NAMESPACE)")
			d.Where = diag.Pos{Line: 1, Col: 1}
			i.say(d.WithHelp("name a folder that `istioctl x workload entry configure` wrote"))
		}
		return nil
	}
	return c
}

// readJSON reads the two lines of cluster.env that are JSON.
func (c *config) readJSON(i *importer, src []byte) {
	var ports []struct {
		Name          string `json:"name"`
		ContainerPort uint32 `json:"containerPort"`
	}
	for key, into := range map[string]any{"ISTIO_METAJSON_LABELS": &c.labels, "ISTIO_META_POD_PORTS": &ports} {
		if value := c.env[key]; value != "" && json.Unmarshal([]byte(value), into) != nil {
			d := ruleFolder.At(c.at, "%s is not JSON of the form that istioctl writes", key)
			before, _, _ := strings.Cut(string(src), key+"=")
			d.Where = diag.Pos{Line: strings.Count(before, "\n") + 1, Col: 1}
			i.say(d.WithHelp("let istioctl write the file again"))
		}
	}
	for _, p := range ports {
		if c.ports == nil {
			c.ports = map[string]uint32{}
		}
		c.ports[p.Name] = p.ContainerPort
	}
}

// readHosts finds where the VM reaches istiod.
func (c *config) readHosts(src []byte) {
	for line := range strings.Lines(string(src)) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		for _, name := range words[1:] {
			if name == "istiod" || strings.HasPrefix(name, "istiod.") || strings.HasPrefix(name, "istiod-") {
				c.istiod = append(c.istiod, words[0])
				or(&c.discovery, name+":15012")
				break
			}
		}
	}
}

// readMesh reads mesh.yaml: the probe, and what of the proxy's configuration is not derived.
func (c *config) readMesh(i *importer, f Folder) {
	documents, wrong := syntax.Read(f.Name+"/mesh.yaml", f.Mesh)
	if len(documents) == 0 || wrong.HasErrors() {
		i.out.Findings = append(i.out.Findings, wrong...)
		return
	}
	n, at := documents[0].Root.Get("defaultConfig"), documents[0].Path.Key("defaultConfig")
	p := &meshconfig.ProxyConfig{}
	wrong = manifest.Terms{}.Decode(n, p, at)
	i.out.Findings = append(i.out.Findings, wrong...)
	if wrong.HasErrors() {
		return
	}
	c.discovery = first(p.DiscoveryAddress, c.discovery)
	c.probe = p.ReadinessProbe
	or2(c.env, "ISTIO_META_MESH_ID", p.MeshId)
	p.DiscoveryAddress, p.MeshId, p.ReadinessProbe = "", "", nil
	for key := range p.ProxyMetadata {
		if mesh.DerivedEnv(key) {
			delete(p.ProxyMetadata, key)
		}
	}
	if len(p.ProxyMetadata) == 0 {
		p.ProxyMetadata = nil
	}
	if !isEmpty(p) {
		c.proxy = p
	}
}

func or2(m map[string]string, key, value string) {
	if m[key] == "" && m != nil {
		m[key] = value
	}
}

// tell adds what the folder knows of the mesh.
func (c *config) tell(f *facts, addressed bool) {
	or(&f.MeshID, c.env["ISTIO_META_MESH_ID"])
	or(&f.ClusterName, c.env["ISTIO_META_CLUSTER_ID"])
	or(&f.TrustDomain, c.env["TRUST_DOMAIN"])
	or(&f.RootCert, c.rootCert)
	if f.RootCert != "" && !strings.HasSuffix(f.RootCert, "\n") {
		f.RootCert += "\n"
	}
	if !addressed {
		f.IstiodAddresses = addressList(append(f.IstiodAddresses, c.istiod...))
	}
	if ca := c.env["CA_ADDR"]; ca != c.discovery && !strings.HasPrefix(ca, "istiod.") && !strings.HasPrefix(ca, "istiod-") {
		or(&f.CAAddress, ca)
	}
	host, port, _ := strings.Cut(c.discovery, ":")
	name, rest, _ := strings.Cut(host, ".")
	namespace, svc, _ := strings.Cut(rest, ".")
	revision, revisioned := strings.CutPrefix(name, "istiod-")
	switch {
	case host == "":
	case strings.HasPrefix(svc, "svc") && (name == "istiod" || revisioned):
		or(&f.Namespace, namespace)
		if revisioned {
			or(&f.Revision, revision)
		}
		if port == "15012" {
			break
		}
		fallthrough
	default:
		or(&f.DiscoveryAddress, c.discovery)
	}
}

// vm is how the VM of the folder is set up, as far as that is not the default.
func (c *config) vm(ports []string) *schema.VM {
	vm := &schema.VM{ProxyConfig: c.proxy}
	if c.env["ISTIO_META_DNS_CAPTURE"] != "true" {
		vm.DNS.Mode = "None"
	}
	x := &vm.Interception
	if mode := c.env["ISTIO_INBOUND_INTERCEPTION_MODE"]; mode != "REDIRECT" {
		x.Mode = mode
	}
	if inbound := split(c.env["ISTIO_INBOUND_PORTS"]); !sameSet(inbound, ports) && len(ports) > 0 {
		x.IncludeInboundPorts = inbound
	}
	if slices.Contains(x.IncludeInboundPorts, "*") {
		for _, p := range split(c.env["ISTIO_LOCAL_EXCLUDE_PORTS"]) {
			if n, err := strconv.Atoi(p); err == nil && !slices.Contains([]int{22, 15020, 15021, 15090}, n) {
				x.ExcludeInboundPorts = append(x.ExcludeInboundPorts, n)
			}
		}
	}
	if ranges := split(c.env["ISTIO_SERVICE_CIDR"]); !slices.Equal(ranges, []string{"*"}) {
		x.IncludeOutboundIPRanges = ranges
	}
	x.ExcludeOutboundIPRanges = split(c.env["ISTIO_SERVICE_EXCLUDE_CIDR"])
	for _, p := range split(c.env["ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE"]) {
		if n, err := strconv.Atoi(p); err == nil {
			x.ExcludeOutboundPorts = append(x.ExcludeOutboundPorts, n)
		}
	}
	x.ExcludeInterfaces = split(c.env["ISTIO_EXCLUDE_INTERFACES"])
	for _, group := range split(c.env["ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE"]) {
		if x.Mode != "TPROXY" || group != "root" { // which that mode needs
			x.ExcludeOwnerGroups = append(x.ExcludeOwnerGroups, group)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.env)) {
		inProxy := c.proxy.GetProxyMetadata()[name] == c.env[name]
		if !mesh.DerivedEnv(name) && !inProxy {
			vm.Env = append(vm.Env, schema.EnvVar{Name: name, Value: c.env[name]})
		}
	}
	return vm
}

// split splits a list at its commas; an empty string is an empty list.
func split(s string) []string {
	var out []string
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" {
			out = append(out, word)
		}
	}
	return out
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
