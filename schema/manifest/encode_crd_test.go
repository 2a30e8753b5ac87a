package manifest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	yaml "go.yaml.in/yaml/v3"
	sigs "sigs.k8s.io/yaml"
)

// crdSchema is as much of a CRD's schema as says what JSON type a value has.
type crdSchema struct {
	Type       string                `yaml:"type"`
	Properties map[string]*crdSchema `yaml:"properties"`
	Items      *crdSchema            `yaml:"items"`
	Values     *crdSchema            `yaml:"additionalProperties"`
	IntOrText  bool                  `yaml:"x-kubernetes-int-or-string"`
	Open       bool                  `yaml:"x-kubernetes-preserve-unknown-fields"`
}

// specSchemas reads the v1 schemas of Istio's specs, by kind, from the module that the messages come from.
func specSchemas(t *testing.T) map[string]*crdSchema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api").Output()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "kubernetes", "customresourcedefinitions.gen.yaml"))
	require.NoError(t, err)
	specs := map[string]*crdSchema{}
	for docs := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var crd struct {
			Spec struct {
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct {
						OpenAPIV3Schema *crdSchema `yaml:"openAPIV3Schema"`
					}
				}
			}
		}
		err := docs.Decode(&crd)
		if errors.Is(err, io.EOF) {
			return specs
		}
		require.NoError(t, err)
		for _, v := range crd.Spec.Versions {
			if v.Name == "v1" {
				specs[crd.Spec.Names.Kind] = v.Schema.OpenAPIV3Schema.Properties["spec"]
			}
		}
	}
}

// check proves that v has the types that an API server asks for; jsonpb's quoted 64-bit integers have not.
func (s *crdSchema) check(t *testing.T, v any, at string) {
	t.Helper()
	require.NotNil(t, s, "%s: the CRD has no such field", at)
	if s.Open {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		require.Equal(t, "object", s.Type, at)
		for key, value := range v {
			if s.Values != nil {
				s.Values.check(t, value, at+"."+key)
			} else {
				s.Properties[key].check(t, value, at+"."+key)
			}
		}
	case []any:
		require.Equal(t, "array", s.Type, at)
		for _, item := range v {
			s.Items.check(t, item, at+"[]")
		}
	case string:
		require.True(t, s.Type == "string" || s.IntOrText, "%s: a string where the CRD has %s", at, s.Type)
	case bool:
		require.Equal(t, "boolean", s.Type, at)
	case float64:
		require.True(t, s.Type == "number" || s.Type == "integer" && v == float64(int64(v)) || s.IntOrText, "%s: %v where the CRD has %s", at, v, s.Type)
	default:
		require.Fail(t, "unexpected value", "%s: %v", at, v)
	}
}

// TestTypesAreThoseOfTheCRDs is why 64-bit integers are no strings here, whatever proto3 JSON says.
func TestTypesAreThoseOfTheCRDs(t *testing.T) {
	specs := specSchemas(t)
	kinds := 0
	for _, m := range printed() {
		spec, ok := specs[nameOfMessage(m)]
		if !ok || nameOfMessage(m) == "ProxyConfig" { // MeshConfig is no CRD; the CRD ProxyConfig is another type
			continue
		}
		kinds++
		for seed := range int64(40) {
			var v any
			require.NoError(t, sigs.Unmarshal([]byte(text(t, random(m, seed))), &v))
			spec.check(t, v, nameOfMessage(m))
		}
	}
	require.Equal(t, 11, kinds)
}
