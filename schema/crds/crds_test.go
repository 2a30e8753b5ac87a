package crds

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var obj map[string]any
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &obj))
	return obj
}

const entry = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a, namespace: b}\n"

func TestValidateAccepts(t *testing.T) {
	for _, text := range []string{
		entry + "spec: {hosts: [a.example.com], ports: [{number: 80, name: http}]}\n",
		"apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: a, namespace: b, labels: {app: x}, annotations: {A/b: \"1\"}}\nspec: {template: {ports: {http: 8080}}, probe: {httpGet: {port: 80}}}\n",
		"apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: a, namespace: b}\nspec: {configPatches: [{patch: {value: {anything: {goes: 1}}}}]}\n",
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a, namespace: b}\nspec: {host: a, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 0}}}\n",
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {istio-injection: enabled}}\n",
		"apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a.b, namespace: b}\n",
		"apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\nspec: {selector: {app: x}, ports: [{name: http, port: 80, targetPort: 8080, appProtocol: http}, {name: dns, port: 80, protocol: UDP, targetPort: dns}]}\n",
		"apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\nspec: {type: LoadBalancer, externalIPs: [10.0.0.1, \"fd00::1\"], loadBalancerSourceRanges: [10.0.0.0/8], ports: [{port: 80}]}\n",
		"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nconfigurations: [kustomizeconfig.yaml]\nresources: [manifests/a/b.yaml]\n",
	} {
		require.NoError(t, Validate(object(t, text)), text)
	}
}

func TestValidateRefuses(t *testing.T) {
	service := "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\n"
	for _, c := range []struct{ name, text, want string }{
		{"kind", "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\n", `no schema for kind "Secret"`},
		{"version", strings.Replace(entry, "v1", "v2", 1) + "spec: {hosts: [a]}\n", "/apiVersion: value must be one of"},
		{"group", "apiVersion: istio.io/v1\nkind: Sidecar\nmetadata: {name: a, namespace: b}\nspec: {}\n", "/apiVersion: value must be one of"},
		{"status", entry + "spec: {hosts: [a]}\nstatus: {}\n", "'status' not allowed"},
		{"no spec", entry, "missing properties: 'spec'"},
		{"unknown field", entry + "spec: {hosts: [a], ports: [{number: 80, name: a, portName: b}]}\n", "/spec/ports/0: additionalProperties 'portName' not allowed"},
		{"required", entry + "spec: {}\n", "missing properties: 'hosts'"},
		{"type", entry + "spec: {hosts: [a], ports: [{number: \"80\", name: a}]}\n", "/spec/ports/0/number: expected integer, but got string"},
		{"range", entry + "spec: {hosts: [a], ports: [{number: -1, name: a}]}\n", "must be >= 0"},
		{"int32", "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: a, namespace: b}\nspec: {template: {}, probe: {periodSeconds: 2147483648}}\n", "must be <= 2.147483647e+09"},
		{"bytes", "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a, namespace: b}\nspec: {http: [{directResponse: {status: 200, body: {bytes: A}}}]}\n", "does not match pattern"},
		{"two of a group", "apiVersion: networking.istio.io/v1\nkind: WorkloadGroup\nmetadata: {name: a, namespace: b}\nspec: {template: {}, probe: {httpGet: {port: 1}, exec: {command: [a]}}}\n", "/spec/probe"},
		{"creation time", strings.Replace(entry, "name: a", "name: a, creationTimestamp: null", 1) + "spec: {hosts: [a]}\n", `unexpected field "creationTimestamp"`},
		{"name", strings.Replace(entry, "name: a", "name: A_b", 1) + "spec: {hosts: [a]}\n", "is no name for this kind"},
		{"no name", strings.Replace(entry, "name: a, ", "", 1) + "spec: {hosts: [a]}\n", "/metadata: name is missing"},
		{"no namespace", strings.Replace(entry, ", namespace: b", "", 1) + "spec: {hosts: [a]}\n", "/metadata: namespace is missing"},
		{"namespace", strings.Replace(entry, "namespace: b", "namespace: b.c", 1) + "spec: {hosts: [a]}\n", "is no namespace"},
		{"label value", strings.Replace(entry, "name: a", "name: a, labels: {a: b/c}", 1) + "spec: {hosts: [a]}\n", "is no label value"},
		{"label of a number", strings.Replace(entry, "name: a", "name: a, labels: {a: 1}", 1) + "spec: {hosts: [a]}\n", "is no label value"},
		{"label key", strings.Replace(entry, "name: a", "name: a, labels: {a/b/c: d}", 1) + "spec: {hosts: [a]}\n", "is no label key"},
		{"label prefix", strings.Replace(entry, "name: a", "name: a, labels: {A/b: d}", 1) + "spec: {hosts: [a]}\n", "is no label key"},
		{"annotation key", strings.Replace(entry, "name: a", "name: a, annotations: {\"a b\": d}", 1) + "spec: {hosts: [a]}\n", "is no annotation key"},
		{"annotation value", strings.Replace(entry, "name: a", "name: a, annotations: {a: true}", 1) + "spec: {hosts: [a]}\n", "must be a string, not bool"},
		{"annotations' size", strings.Replace(entry, "name: a", "name: a, annotations: {a: "+strings.Repeat("x", 256<<10)+"}", 1) + "spec: {hosts: [a]}\n", "at most 262144 are allowed"},
		{"namespaced Namespace", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: b}\n", "not failed"},
		{"dots in a Namespace", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a.b}\n", "is no name for this kind"},
		{"Service that begins with a digit", strings.Replace(service, "name: a", "name: 1a", 1) + "spec: {ports: [{port: 80}]}\n", "is no name for this kind"},
		{"nameless ports", service + "spec: {ports: [{port: 80}, {name: a, port: 81}]}\n", "/spec/ports/0: of several ports each needs a name"},
		{"port name twice", service + "spec: {ports: [{name: a, port: 80}, {name: a, port: 81}]}\n", "/spec/ports/1/name: a is there twice"},
		{"port twice", service + "spec: {ports: [{name: a, port: 80}, {name: b, port: 80, protocol: TCP}]}\n", "/spec/ports/1/port: 80 TCP is there twice"},
		{"port name", service + "spec: {ports: [{name: a_b, port: 80}]}\n", "/spec/ports/0/name: does not match pattern"},
		{"named target", service + "spec: {ports: [{port: 80, targetPort: \"80\"}]}\n", "/spec/ports/0/targetPort: does not match pattern"},
		{"selector", service + "spec: {selector: {a/b/c: d}, ports: [{port: 80}]}\n", "/spec/selector: \"a/b/c\" is no label key"},
		{"absolute resource", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [/etc/passwd]\n", "does not match pattern"},
		{"resource twice", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a, a]\n", "items at index 0 and 1 are equal"},
	} {
		require.ErrorContains(t, Validate(object(t, c.text)), c.want, c.name)
	}
}

func TestValidateStream(t *testing.T) {
	one := entry + "spec: {hosts: [a]}\n"
	two := strings.Replace(one, "name: a", "name: b", 1)
	require.NoError(t, ValidateStream([]byte(one)))
	require.NoError(t, ValidateStream([]byte("# head\n---\n"+one+"---  \n"+two+"---\n")))
	require.NoError(t, ValidateStream([]byte(one+"---\n"+strings.Replace(one, "namespace: b", "namespace: c", 1))))

	require.ErrorContains(t, ValidateStream([]byte(one+"---\n"+one)), "document 1: ServiceEntry.networking.istio.io b/a is document 0 already")
	require.ErrorContains(t, ValidateStream([]byte(one+"---\n"+strings.Replace(one, "/v1", "/v1beta1", 1))), "is document 0 already")
	require.ErrorContains(t, ValidateStream([]byte(one+"spec: {}\n")), "already set in map")
	require.ErrorContains(t, ValidateStream([]byte("a: [\n")), "document 0")
	require.ErrorContains(t, ValidateStream([]byte("- a\n")), "document 0")
	require.ErrorContains(t, ValidateStream([]byte("---\n# nothing\n")), "no document")
	// kubectl's YAML is 1.1: a bare `on` is a boolean there, and no host.
	require.ErrorContains(t, ValidateStream([]byte(entry+"spec: {hosts: [on]}\n")), "/spec/hosts/0: expected string, but got boolean")
}

// Every object of every schema is closed, or free on purpose.
func TestSchemasAreClosed(t *testing.T) {
	all, err := compiled()
	require.NoError(t, err)
	require.Len(t, all, 28)
	for kind := range all {
		dir := "schemas/"
		text, err := files.ReadFile(dir + kind + ".json")
		if err != nil {
			dir = "core/"
			text, err = files.ReadFile(dir + kind + ".json")
		}
		require.NoError(t, err)
		schema := object(t, string(text))
		open := 0
		var walk func(v any)
		walk = func(v any) {
			switch v := v.(type) {
			case map[string]any:
				if v["properties"] != nil || v["type"] == "object" {
					if v["additionalProperties"] == nil {
						open++
					}
				}
				for key, child := range v {
					if props, ok := child.(map[string]any); ok && key == "properties" {
						for _, p := range props {
							walk(p)
						}
						continue
					}
					walk(child)
				}
			case []any:
				for _, child := range v {
					walk(child)
				}
			}
		}
		walk(schema)
		free := map[string]int{"envoyfilter": 1, "wasmplugin": 1, "trafficextension": 1}[kind] // Struct fields
		require.Equal(t, free+1, open, "%s: metadata, which is judged apart, and the free-form fields are open, nothing else", kind)
	}
}
