package gen

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/vmmesh/vmmesh/internal/need"
	"github.com/vmmesh/vmmesh/schema/mesh"
)

// cases holds the golden outputs, seen from here.
const cases = "../../../../testdata/ok"

// TestOutputsByTheirOwnRelease holds what is made for each release of Istio to the CRDs of that very release, closed: a field
// that it does not have would be dropped by its API server in silence.
func TestOutputsByTheirOwnRelease(t *testing.T) {
	byMinor := map[int][]string{} // folders of cases
	specs, err := filepath.Glob(cases + "/*/vmmesh.yaml")
	require.NoError(t, err)
	for _, path := range specs {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		byMinor[minorOfSpec(t, text)] = append(byMinor[minorOfSpec(t, text)], filepath.Dir(path))
	}
	for _, minor := range []int{24, 26, 28, 31} {
		require.Contains(t, byMinor, minor, "no case is for Istio 1.%d", minor)
	}
	for _, minor := range slices.Sorted(maps.Keys(byMinor)) {
		t.Run("1."+strconv.Itoa(minor), func(t *testing.T) {
			schemas := schemasOf(t, minor)
			seen := 0
			for _, dir := range byMinor[minor] {
				require.NoError(t, filepath.WalkDir(filepath.Join(dir, "expected", "manifests"), func(path string, e os.DirEntry, err error) error {
					if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), "configmap-") { // long ones are abbreviated there
						return err
					}
					text, err := os.ReadFile(path)
					if err != nil {
						return err
					}
					for _, object := range documents(t, text) {
						kind, _ := object["kind"].(string)
						version, _ := object["apiVersion"].(string)
						if !strings.Contains(version, ".istio.io/") {
							continue
						}
						schema := schemas[kind]
						require.NotNil(t, schema, "Istio 1.%d has no %s: %s", minor, kind, path)
						require.NoError(t, schema.Validate(object), path)
						seen++
					}
					return nil
				}))
			}
			require.NotZero(t, seen)
		})
	}
}

// TestReleasesRefuse makes sure that the schemas of a release know what it does not have.
func TestReleasesRefuse(t *testing.T) {
	object := map[string]any{
		"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": map[string]any{"name": "a"},
		"spec": map[string]any{"rules": []any{map[string]any{"from": []any{map[string]any{"source": map[string]any{"serviceAccounts": []any{"a/b"}}}}}}},
	}
	require.Error(t, schemasOf(t, 24)["AuthorizationPolicy"].Validate(object))
	require.NoError(t, schemasOf(t, 31)["AuthorizationPolicy"].Validate(object))
}

// minorOfSpec is the oldest minor that the file names: of several specs, and of revisions, the objects must suit them all.
func minorOfSpec(t *testing.T, text []byte) int {
	t.Helper()
	oldest := 1000
	for _, spec := range documents(t, text) {
		istio, _ := spec["spec"].(map[string]any)["istio"].(map[string]any)
		versions := []any{istio["version"]}
		revisions, _ := istio["revisions"].([]any)
		for _, r := range revisions {
			versions = append(versions, r.(map[string]any)["version"])
		}
		for _, v := range versions {
			parts := strings.Split(v.(string), ".")
			require.Len(t, parts, 3)
			minor, err := strconv.Atoi(parts[1])
			require.NoError(t, err)
			oldest = min(oldest, minor)
		}
	}
	return oldest
}

// documents decodes a stream into plain values, as JSON has them.
func documents(t *testing.T, text []byte) []map[string]any {
	t.Helper()
	var all []map[string]any
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var value any
		if decoder.Decode(&value) != nil {
			break
		}
		plain, err := json.Marshal(value)
		require.NoError(t, err)
		var object map[string]any
		require.NoError(t, json.Unmarshal(plain, &object))
		all = append(all, object)
	}
	require.NotEmpty(t, all)
	return all
}

// moduleOf is the folder of a minor's own version of the module istio.io/api.
func moduleOf(t *testing.T, minor int) string {
	t.Helper()
	version, known := surveyed[minor]
	require.True(t, known)
	m, err := goJSON(t.TempDir(), "mod", "download", "-json", "istio.io/api@"+version)
	if err != nil {
		t.Log(err)
		need.Missing(t, "older modules of istio.io/api: a connection to a Go module proxy")
	}
	return m.Dir
}

// schemasOf are the closed schemas of a minor's CRDs, by kind, out of its own module.
func schemasOf(t *testing.T, minor int) map[string]*jsonschema.Schema {
	t.Helper()
	crds, err := readCRDs(moduleOf(t, minor), false)
	require.NoError(t, err)
	found := map[string]*jsonschema.Schema{}
	for _, c := range crds {
		text, err := closedSchema(c)
		require.NoError(t, err)
		compiler := jsonschema.NewCompiler()
		url := "https://vmmesh.dev/crds/" + surveyed[minor] + "/" + c.Spec.Names.Kind + ".json"
		require.NoError(t, compiler.AddResource(url, bytes.NewReader(text)))
		found[c.Spec.Names.Kind], err = compiler.Compile(url)
		require.NoError(t, err)
	}
	require.Greater(t, len(found), 10)
	return found
}

// TestKeysSince holds the table of labels and annotations that are newer than 1.24 to the lists of them in each minor's module.
func TestKeysSince(t *testing.T) {
	oldest := map[string]int{}
	for _, minor := range slices.Sorted(maps.Keys(surveyed)) {
		dir := moduleOf(t, minor)
		seen := 0
		for _, file := range []string{"annotation/annotations.gen.go", "label/labels.gen.go"} {
			text, err := os.ReadFile(filepath.Join(dir, file))
			require.NoError(t, err)
			for _, m := range keyName.FindAllStringSubmatch(string(text), -1) {
				seen++
				if _, before := oldest[m[1]]; !before {
					oldest[m[1]] = minor
				}
			}
		}
		require.Greater(t, seen, 50)
	}
	foreign := []string{"gateway.networking.k8s.io/gateway-class-name"} // the Gateway API's own
	newer := 0
	for key, minor := range oldest {
		if minor == oldestMinor || slices.Contains(foreign, key) {
			require.Zero(t, mesh.KeySince(key), key)
			continue
		}
		newer++
		require.Equal(t, minor, mesh.KeySince(key), key)
	}
	require.Greater(t, newer, 5)
}

const oldestMinor = 24

var keyName = regexp.MustCompile(`Name:\s+"([^"]+)"`)
