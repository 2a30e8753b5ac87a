package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	extensions "istio.io/api/extensions/v1alpha1"
	networking "istio.io/api/networking/v1"
	networkingalpha "istio.io/api/networking/v1alpha3"
	networkingbeta "istio.io/api/networking/v1beta1"
	security "istio.io/api/security/v1"
	telemetry "istio.io/api/telemetry/v1"

	"github.com/vmmesh/vmmesh/schema/crds"
	"github.com/vmmesh/vmmesh/schema/diag"
)

// kinds are the kinds that have a CRD, each with an apiVersion that is served.
var kinds = []struct {
	apiVersion string
	message    proto.Message
}{
	{"extensions.istio.io/v1alpha1", &extensions.TrafficExtension{}},
	{"extensions.istio.io/v1alpha1", &extensions.WasmPlugin{}},
	{"networking.istio.io/v1", &networking.DestinationRule{}},
	{"networking.istio.io/v1", &networking.Gateway{}},
	{"networking.istio.io/v1", &networking.ServiceEntry{}},
	{"networking.istio.io/v1", &networking.Sidecar{}},
	{"networking.istio.io/v1", &networking.VirtualService{}},
	{"networking.istio.io/v1", &networking.WorkloadEntry{}},
	{"networking.istio.io/v1", &networking.WorkloadGroup{}},
	{"networking.istio.io/v1alpha3", &networkingalpha.EnvoyFilter{}},
	{"networking.istio.io/v1beta1", &networkingbeta.ProxyConfig{}},
	{"security.istio.io/v1", &security.AuthorizationPolicy{}},
	{"security.istio.io/v1", &security.PeerAuthentication{}},
	{"security.istio.io/v1", &security.RequestAuthentication{}},
	{"telemetry.istio.io/v1", &telemetry.Telemetry{}},
}

// Decode and the closed JSON Schema of the kind agree on values that are made from the schema and then broken: both
// accept or both refuse. What only one of the two can judge is set aside:
//   - the CEL rules, the keys of keyed lists, the forms of durations and of integer keys, which a JSON Schema cannot state;
//   - null, "", empty lists and maps, which Decode takes for absent: no value is made with them.
func TestDecodeAgreesWithSchemas(t *testing.T) {
	for _, k := range kinds {
		kind := nameOfMessage(k.message)
		t.Run(kind, func(t *testing.T) {
			file, err := os.ReadFile("../crds/schemas/" + strings.ToLower(kind) + ".json")
			require.NoError(t, err)
			var schema map[string]any
			require.NoError(t, json.Unmarshal(file, &schema))
			spec := schema["properties"].(map[string]any)["spec"].(map[string]any)

			refused := 0
			const rounds = 200
			for seed := range int64(rounds) {
				g := &instances{rand.New(rand.NewSource(seed))}
				value := g.value(spec, 0)
				for range seed % 3 {
					value = g.mutate(value)
				}
				object := map[string]any{
					"apiVersion": k.apiVersion, "kind": kind,
					"metadata": map[string]any{"name": "a", "namespace": "b"}, "spec": value,
				}
				text, err := json.Marshal(value)
				require.NoError(t, err)
				verdict := crds.Validate(object)
				m := k.message.ProtoReflect().New().Interface()
				found := structural(Terms{}.Decode(nodeOf(t, text), m, diag.Root(nil)))
				if verdict != nil {
					refused++
					require.NotEmpty(t, found, "seed %d: Decode accepts what the schema refuses: %v\n%s", seed, verdict, text)
					continue
				}
				require.Empty(t, lines(found), "seed %d: the schema accepts what Decode refuses:\n%s", seed, text)
			}
			// Both verdicts were there to agree on.
			require.Greater(t, refused, rounds/10)
			require.Less(t, refused, rounds*9/10)
		})
	}
}

// structural drops the findings that no JSON Schema can have.
func structural(found diag.List) diag.List {
	beyond := []string{"another item has", "100ms or 5m, not the text", "the key must be a decimal integer"}
	for _, rule := range crdExpressions {
		beyond = append(beyond, sentence(rule.message))
	}
	for _, r := range crdMessages {
		for _, g := range r.atMostOne {
			beyond = append(beyond, sentence(g.message))
		}
	}
	var left diag.List
	for _, d := range found {
		if !slices.ContainsFunc(beyond, func(s string) bool { return strings.Contains(d.Message, s) }) {
			left = append(left, d)
		}
	}
	return left
}

// instances makes values after a JSON Schema.
type instances struct{ *rand.Rand }

func (g *instances) value(s map[string]any, depth int) any {
	if words, ok := s["enum"].([]any); ok {
		for {
			if w := words[g.Intn(len(words))]; w != nil {
				return w
			}
		}
	}
	kind, ok := s["type"].(string)
	if !ok {
		kind, _ = s["type"].([]any)[0].(string)
	}
	switch kind {
	case "object":
		return g.object(s, depth)
	case "array":
		items := make([]any, max(1, g.Intn(3)))
		for i := range items {
			items[i] = g.value(s["items"].(map[string]any), depth+1)
		}
		return items
	case "boolean":
		return g.Intn(2) == 0
	case "integer", "number":
		low, high := 1.0, 60000.0
		if v, ok := s["minimum"].(float64); ok {
			low = max(v, 1)
		}
		if v, ok := s["maximum"].(float64); ok {
			high = min(v, high)
		}
		return low + float64(g.Intn(int(high-low)+1))
	}
	return g.text(s)
}

func (g *instances) text(s map[string]any) string {
	pattern, _ := s["pattern"].(string)
	for {
		w := []string{"10s", "10s", "10s", "a.example.com", "x", "1h", "AAEC", strings.Repeat("a1", 32)}[g.Intn(8)]
		if limit, ok := s["maxLength"].(float64); ok && len(w) > int(limit) {
			continue
		}
		if regexp.MustCompile(pattern).MatchString(w) {
			return w
		}
	}
}

func (g *instances) object(s map[string]any, depth int) map[string]any {
	props, _ := s["properties"].(map[string]any)
	required := map[string]bool{}
	for _, name := range asList(s["required"]) {
		required[name.(string)] = true
	}
	left := map[string]bool{} // out: another field of its group is in
	groups := []any{s}
	groups = append(groups, asList(s["allOf"])...)
	for _, group := range groups {
		branches := asList(group.(map[string]any)["oneOf"])
		if len(branches) == 0 {
			continue
		}
		keep := g.Intn(len(branches))
		for i, b := range branches {
			for _, name := range asList(b.(map[string]any)["required"]) {
				left[name.(string)] = i != keep
			}
		}
	}
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if !left[name] && (required[name] || g.Intn(4+depth) < 3) {
			out[name] = g.value(props[name].(map[string]any), depth+1)
		}
	}
	switch more := s["additionalProperties"].(type) {
	case map[string]any:
		for i := range 1 + g.Intn(2) {
			out[fmt.Sprint(80+i)] = g.value(more, depth+1)
		}
	case nil: // free form
		out["free"] = map[string]any{"form": []any{1.0, "x", nil, true}}
	}
	return out
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}

// mutate breaks a value at one random place, or tries to.
func (g *instances) mutate(v any) any {
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		switch {
		case len(keys) == 0 || g.Intn(12) == 0:
			v["bogus"] = "x"
		case len(keys) > 1 && g.Intn(8) == 0:
			delete(v, keys[g.Intn(len(keys))])
		case g.Intn(8) == 0:
			return []any{v}
		default:
			key := keys[g.Intn(len(keys))]
			v[key] = g.mutate(v[key])
		}
		return v
	case []any:
		if g.Intn(8) == 0 {
			return v[0]
		}
		i := g.Intn(len(v))
		v[i] = g.mutate(v[i])
		return v
	}
	return []any{
		1.0, 2.0, 70000.0, -1.0, 1.5, 4294967296.0, 1e300, true, "bogus", "80", "STRICT", "10s", strings.Repeat("é", 300),
		map[string]any{"a": "b"}, []any{"a"},
	}[g.Intn(15)]
}
