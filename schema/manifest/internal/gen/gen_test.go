package gen

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// room is schema/manifest, seen from here.
const room = "../.."

// What is committed is what the module's own version gives: a raised dependency shows here until `make generate` is run.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	files, err := current(room)
	require.NoError(t, err)
	require.Greater(t, len(files), 10)
	data, err := os.ReadFile(filepath.Join(room, dataFile))
	require.NoError(t, err)
	files[versionsFile], err = versionsCode(data)
	require.NoError(t, err)
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(room, name))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "%s: run make generate", name)
	}
	schemas, err := filepath.Glob(filepath.Join(room, schemasDir, "*.json"))
	require.NoError(t, err)
	require.Len(t, schemas, len(files)-2+len(operatorKinds), "a schema is left over")
}

// The newest version that was surveyed is the one in use.
func TestSurveyIsCurrent(t *testing.T) {
	m, err := moduleInUse(room)
	require.NoError(t, err)
	newest := 0
	for minor := range surveyed {
		newest = max(newest, minor)
	}
	require.Equal(t, m.Version, surveyed[newest])
}

func TestSurveyOfTheModuleInUse(t *testing.T) {
	m, err := moduleInUse(room)
	require.NoError(t, err)
	have, err := survey(m.Dir)
	require.NoError(t, err)
	require.True(t, have["istio.security.v1beta1.Source.serviceAccounts"])
	require.True(t, have["istio.networking.v1alpha3.ServiceEntry.Resolution.DYNAMIC_DNS"])
	require.True(t, have["istio.mesh.v1alpha1.MeshConfig.trustDomain"])
	require.False(t, have["istio.security.v1beta1.Source.service_accounts"])
}

func TestRawDescriptor(t *testing.T) {
	for name, code := range map[string]string{
		"a list of bytes":     "var file_x_rawDesc = []byte{0x0a, 1, 0x7F}",
		"a sum of strings":    "const file_x_rawDesc = \"\" +\n\t\"\\n\" +\n\t\"\\x01\\x7f\"",
		"a converted literal": "var file_x_rawDesc = string([]byte{0x0a, 0x1, 0x7f})",
	} {
		path := filepath.Join(t.TempDir(), "x.pb.go")
		require.NoError(t, os.WriteFile(path, []byte("package x\n\n"+code+"\n"), 0o644))
		raw, err := rawDescriptor(path)
		require.NoError(t, err, name)
		require.Equal(t, []byte{0x0a, 1, 0x7f}, raw, name)
	}
}

func TestAtMostOne(t *testing.T) {
	require.Equal(t, []string{"a", "b", "c"}, atMostOne("(has(self.a) ? 1 : 0) + (has(self.b) ? 1 : 0) + (has(self.c) ? 1 : 0) <= 1"))
	require.Nil(t, atMostOne("(has(self.a) ? 1 : 0) + (has(self.b) ? 1 : 0) <= 2"))
	require.Nil(t, atMostOne("has(self.a) != has(self.b)"))
}

// A keyword that is not translated stops the generator.
func TestUnknownKeywordIsRefused(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(crdFile)), 0o755))
	write := func(keyword string) {
		text := "spec:\n  group: a.istio.io\n  names: {kind: A}\n  versions:\n  - name: v1\n    schema:\n      openAPIV3Schema: {properties: {spec: {type: object, " + keyword + "}}}\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, crdFile), []byte(text), 0o644))
	}
	write("minProperties: 1")
	_, err := readCRDs(dir, true)
	require.NoError(t, err)
	write("multipleOf: 2")
	_, err = readCRDs(dir, true)
	require.Error(t, err)
	require.True(t, strings.Contains(err.Error(), "multipleOf"), err)
}

func TestVersionsCodeRefusesOtherLines(t *testing.T) {
	_, err := versionsCode([]byte("# comment\n\na.b.C.d 1.27\n"))
	require.NoError(t, err)
	_, err = versionsCode([]byte("a.b.C.d 27\n"))
	require.ErrorContains(t, err, "a.b.C.d 27")
}
