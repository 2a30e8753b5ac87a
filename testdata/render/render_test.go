// Package render renders what is written for installing a control plane with the real tools, Helm over Istio's charts and
// istioctl, and holds what comes of it to the spec. It is run by .ci/stages, which installs both.
package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/manifest"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// facts is what both ways of installing agree about, and the spec says.
type facts struct {
	MeshID, ClusterName, Network, TrustDomain, ClusterDomain, RootNamespace, DiscoveryAddress, Revision string
	Providers                                                                                           any
	AccessLog                                                                                           string
	Gateway                                                                                             *gateway
}

type gateway struct {
	Namespace, Type, View string
	Labels                map[string]string // of its pods, as far as Gateways and istiod look at them
	ServiceLabels         map[string]string
	Annotations           map[string]string
	Ports                 map[string]any
	Ranges, ExternalIPs   []any
	Revision, Templates   string
	Selects               bool // whether its Service selects its pods
}

// specs are the cases with a control plane to install.
func specs(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	paths, err := filepath.Glob("../../testdata/ok/*/vmmesh.yaml")
	require.NoError(t, err)
	more, err := filepath.Glob("../../examples/*/*/vmmesh.yaml")
	require.NoError(t, err)
	for _, path := range append(paths, more...) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		if strings.Contains(string(text), "emit: ClientSide") {
			continue // the other cluster of the mesh installs it
		}
		if strings.Contains(string(text), "install: Helm") || strings.Contains(string(text), "install: IstioOperator") {
			found[filepath.Base(filepath.Dir(path))] = string(text)
		}
	}
	require.GreaterOrEqual(t, len(found), 2)
	return found
}

// as is a spec that installs in one way.
func as(spec, install string) string {
	return strings.NewReplacer("install: Helm", "install: "+install, "install: IstioOperator", "install: "+install).Replace(spec)
}

type files struct{ dir string }

func (f files) Object(string, []byte) error { return nil }

func (f files) File(file manifest.File) error {
	path := filepath.Join(f.dir, filepath.FromSlash(file.Path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, file.Data, 0o644)
}

// build writes a spec's files into a directory, and answers what the spec means.
func build(t *testing.T, text string) (*mesh.Mesh, string) {
	t.Helper()
	dir := t.TempDir()
	docs, found := schema.Parse("vmmesh.yaml", []byte(text))
	require.Empty(t, found)
	found, err := fn.Build(docs, files{dir})
	require.NoError(t, err)
	require.False(t, found.HasErrors(), "%v", found)
	var all []*schema.VMMesh
	for _, doc := range docs {
		spec, _ := doc.Decode()
		schema.Default(spec)
		all = append(all, spec)
	}
	m, _ := mesh.Resolve(all)
	require.NotNil(t, m.ControlPlane)
	return m, filepath.Join(dir, "control-plane")
}

// TestHelm renders the values with the charts.
func TestHelm(t *testing.T) {
	charts := os.Getenv("ISTIO_CHARTS")
	require.NotEmpty(t, charts, "ISTIO_CHARTS is where Istio's charts are")
	for name, spec := range specs(t) {
		t.Run(name, func(t *testing.T) {
			m, dir := build(t, as(spec, "Helm"))
			var rendered bytes.Buffer
			for _, chart := range []struct{ name, path string }{
				{"base", "base"}, {"istiod", "istio-control/istio-discovery"}, {"gateway", "gateway"},
			} {
				values := filepath.Join(dir, chart.name+"-values.yaml")
				text, err := os.ReadFile(values)
				if chart.name == "gateway" && !m.ControlPlane.Emitted() {
					require.ErrorIs(t, err, os.ErrNotExist)
					continue
				}
				require.NoError(t, err)
				args := command(t, string(text))
				require.Equal(t, "istio/"+chart.name, args[4])
				args[4] = filepath.Join(charts, chart.path)
				args = append([]string{"template", args[3]}, slices.DeleteFunc(args[4:], func(a string) bool { return a == "--create-namespace" })...)
				i := slices.Index(args, "--version") // the charts of a module have no version
				args = slices.Delete(args, i, i+2)
				rendered.Write(run(t, dir, "helm", args...))
				rendered.WriteString("\n---\n")
			}
			require.Equal(t, expected(t, m), rendering(t, m, rendered.Bytes()))
		})
	}
}

// TestIstioctl renders the file with istioctl, without a cluster.
func TestIstioctl(t *testing.T) {
	istioctl := os.Getenv("ISTIOCTL")
	require.NotEmpty(t, istioctl, "ISTIOCTL is the program")
	for name, spec := range specs(t) {
		t.Run(name, func(t *testing.T) {
			m, dir := build(t, as(spec, "IstioOperator"))
			run(t, dir, istioctl, "validate", "--filename", "istio-operator.yaml")
			text := run(t, dir, istioctl, "manifest", "generate", "--filename", "istio-operator.yaml")
			require.Equal(t, expected(t, m), rendering(t, m, text))
		})
	}
}

// command is what the head of a file of values tells to run.
func command(t *testing.T, text string) []string {
	for line := range strings.Lines(text) {
		if args, found := strings.CutPrefix(strings.TrimSpace(line), "#   "); found {
			require.True(t, strings.HasPrefix(args, "helm upgrade --install "), args)
			return strings.Fields(args)
		}
	}
	t.Fatal("the file does not say what takes it")
	return nil
}

func run(t *testing.T, dir, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "KUBECONFIG=/dev/null", "HOME="+t.TempDir())
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	require.NoError(t, err, "%s %v\n%s", program, args, complaints.String())
	return out
}

// expected is what the spec says.
func expected(t *testing.T, m *mesh.Mesh) facts {
	c := m.ControlPlane
	i := c.Spec.Istio
	f := facts{
		MeshID: i.MeshID, ClusterName: i.ClusterName, Network: i.Network, TrustDomain: i.TrustDomain, ClusterDomain: i.ClusterDomain,
		RootNamespace: i.Namespace, DiscoveryAddress: i.Revision.Host + ":15012", Revision: named(i), AccessLog: c.MeshConfig.GetAccessLogFile(),
	}
	for _, p := range c.MeshConfig.GetExtensionProviders() {
		text, err := protojson.Marshal(p)
		require.NoError(t, err)
		var value any
		require.NoError(t, json.Unmarshal(text, &value))
		providers, _ := f.Providers.([]any)
		f.Providers = append(providers, value)
	}
	if !c.Emitted() {
		return f
	}
	g := &c.EastWestGateway
	out := &gateway{
		Namespace: g.Namespace, Type: g.ServiceType, View: g.Network, Labels: maps.Clone(g.Selector), ServiceLabels: map[string]string{},
		Annotations: g.ServiceAnnotations, Ports: map[string]any{}, Revision: named(i), Templates: "gateway", Selects: true,
	}
	if g.Network != "" {
		out.Labels[mesh.LabelNetwork] = g.Network
		out.ServiceLabels[mesh.LabelNetwork] = g.Network
	}
	for _, p := range g.Ports() {
		out.Ports[p.Name] = int(p.Number)
	}
	for _, p := range g.LoadBalancerSourceRanges {
		out.Ranges = append(out.Ranges, p.String())
	}
	for _, a := range g.ExternalIPs {
		out.ExternalIPs = append(out.ExternalIPs, a.String())
	}
	f.Gateway = out
	return f
}

// named is a revision, where it is not the default one by either of its names.
func named(i *mesh.Istio) string {
	if i.Revision.Name == "default" {
		return ""
	}
	return i.Revision.Name
}

// rendering is what the rendered objects say.
func rendering(t *testing.T, m *mesh.Mesh, text []byte) facts {
	var f facts
	byName := map[string]map[string]any{}
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var o map[string]any
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if o != nil {
			byName[str(o, "kind")+" "+str(o, "metadata", "namespace")+"/"+str(o, "metadata", "name")] = o
		}
	}
	c := m.ControlPlane
	i := c.Spec.Istio
	suffix := ""
	if named(i) != "" {
		suffix = "-" + named(i)
	}
	require.Contains(t, byName, "CustomResourceDefinition /workloadgroups.networking.istio.io")
	get := func(kind, namespace, name string) map[string]any {
		o := byName[kind+" "+namespace+"/"+name]
		require.NotNil(t, o, "%s %s/%s: there are %v", kind, namespace, name, slices.Sorted(maps.Keys(byName)))
		return o
	}

	var config map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(str(get("ConfigMap", i.Namespace, "istio"+suffix), "data", "mesh")), &config))
	f.TrustDomain, f.RootNamespace, f.AccessLog = str(config, "trustDomain"), str(config, "rootNamespace"), str(config, "accessLogFile")
	f.MeshID, f.DiscoveryAddress = str(config, "defaultConfig", "meshId"), str(config, "defaultConfig", "discoveryAddress")
	f.Providers = asJSON(t, config["extensionProviders"])

	var values map[string]any
	require.NoError(t, json.Unmarshal([]byte(str(get("ConfigMap", i.Namespace, "istio-sidecar-injector"+suffix), "data", "values")), &values))
	f.Network, f.ClusterDomain = str(values, "global", "network"), str(values, "global", "proxy", "clusterDomain")
	require.Equal(t, f.MeshID, str(values, "global", "meshID"))
	require.Equal(t, i.ClusterName, str(values, "global", "multiCluster", "clusterName"))

	istiod := get("Deployment", i.Namespace, "istiod"+suffix)
	f.ClusterName = env(istiod, "CLUSTER_ID")
	if f.Revision = env(istiod, "REVISION"); f.Revision == "default" {
		f.Revision = ""
	}
	if !c.Emitted() {
		return f
	}

	g := &c.EastWestGateway
	service, pods := get("Service", g.Namespace, g.Name), get("Deployment", g.Namespace, g.Name)
	labels, _ := at(pods, "spec", "template", "metadata", "labels").(map[string]any)
	get("HorizontalPodAutoscaler", g.Namespace, g.Name)
	get("PodDisruptionBudget", g.Namespace, g.Name)
	out := &gateway{
		Namespace: str(service, "metadata", "namespace"), Type: str(service, "spec", "type"), View: env(pods, "ISTIO_META_REQUESTED_NETWORK_VIEW"),
		Labels: map[string]string{}, ServiceLabels: map[string]string{}, Ports: map[string]any{}, Selects: true,
		Templates: str(pods, "spec", "template", "metadata", "annotations", "inject.istio.io/templates"),
		Revision:  str(pods, "spec", "template", "metadata", "labels", "istio.io/rev"),
	}
	require.Equal(t, "true", labels["sidecar.istio.io/inject"])
	for key := range expected(t, m).Gateway.Labels {
		out.Labels[key], _ = labels[key].(string)
	}
	if network := str(service, "metadata", "labels", mesh.LabelNetwork); network != "" {
		out.ServiceLabels[mesh.LabelNetwork] = network
	}
	if annotations, _ := at(service, "metadata", "annotations").(map[string]any); len(annotations) > 0 {
		out.Annotations = map[string]string{}
		for key, value := range annotations {
			out.Annotations[key], _ = value.(string)
		}
	}
	for _, p := range list(service, "spec", "ports") {
		port := p.(map[string]any)
		number, isNumber := port["port"].(int)
		require.True(t, isNumber, "%T", port["port"])
		require.EqualValues(t, mesh.GatewayPort{Number: uint32(number)}.Target(), port["targetPort"])
		out.Ports[str(port, "name")] = port["port"]
	}
	out.Ranges, out.ExternalIPs = list(service, "spec", "loadBalancerSourceRanges"), list(service, "spec", "externalIPs")
	selector, _ := at(service, "spec", "selector").(map[string]any)
	require.NotEmpty(t, selector)
	for key, value := range selector {
		out.Selects = out.Selects && labels[key] == value
	}
	f.Gateway = out
	return f
}

func at(v any, keys ...string) any {
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func str(v any, keys ...string) string {
	s, _ := at(v, keys...).(string)
	return s
}

func list(v any, keys ...string) []any {
	l, _ := at(v, keys...).([]any)
	return l
}

// env is a variable of a Deployment's first container.
func env(deployment any, name string) string {
	for _, c := range list(deployment, "spec", "template", "spec", "containers")[:1] {
		for _, e := range list(c, "env") {
			if str(e, "name") == name {
				return str(e, "value")
			}
		}
	}
	return ""
}

func asJSON(t *testing.T, v any) any {
	if v == nil {
		return nil
	}
	text, err := json.Marshal(v)
	require.NoError(t, err)
	var out any
	require.NoError(t, json.Unmarshal(text, &out))
	return out
}
