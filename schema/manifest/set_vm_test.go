package manifest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

func vmOf(t testing.TB, clusterEnv, meshFile, hosts string, base *manifest.VM) *manifest.VM {
	t.Helper()
	var s manifest.Set
	files := manifest.VMFiles{ClusterEnv: manifest.Text{Name: "cluster.env", Bytes: []byte(clusterEnv)}}
	if meshFile != "" {
		files.Mesh = manifest.Text{Name: "mesh.yaml", Bytes: []byte(meshFile)}
	}
	if hosts != "" {
		files.Hosts = manifest.Text{Name: "hosts", Bytes: []byte(hosts)}
	}
	vm, faults := s.ReadVM(files, base)
	require.Empty(t, faults)
	require.Equal(t, []*manifest.VM{vm}, s.VMs())
	return vm
}

// Values are quoted as istioctl quotes them, for a shell.
func TestReadVMQuotes(t *testing.T) {
	vm := vmOf(t, "# a remark = nothing\nA='it'\"'\"'s'\nexport B=\"b c\"\nC=plain\nD=''\nE='{\"app\":\"pay\"}'\r\n\nnonsense\n", "", "", nil)
	require.Equal(t, map[string]string{"A": "it's", "B": "b c", "C": "plain", "D": "", "E": `{"app":"pay"}`}, vm.Env)
	pos := func(name string) diag.Pos { return vm.At.Source().Locate(vm.At.Key(name), false) }
	require.Equal(t, diag.Pos{Line: 3, Col: 1}, pos("B"))
	require.Equal(t, diag.Pos{Line: 1, Col: 1}, pos("missing"))
	require.Equal(t, "b c", vm.Get("missing", "D", "B"))
	require.Empty(t, vm.Get("missing"))
	require.Nil(t, vm.Hosts)
	require.Nil(t, vm.Mesh)
}

func TestReadVMBeside(t *testing.T) {
	base := vmOf(t, "A='a'\nB='b'\n", "defaultConfig: {discoveryAddress: \"istiod.istio-system.svc:15012\"}\n", "1.2.3.4 one two # three\n# 5.6.7.8 four\n", nil)
	require.Equal(t, []string{"one", "two"}, base.Hosts)
	require.Equal(t, "istiod.istio-system.svc:15012", base.Mesh.Get("discoveryAddress").Value)
	require.Equal(t, "defaultConfig.discoveryAddress", base.MeshAt.Key("discoveryAddress").String())

	vm := vmOf(t, "B='c'\n", "", "", base)
	require.Equal(t, map[string]string{"A": "a", "B": "c"}, vm.Env, "what a VM's own file leaves out is its group's")
	require.Equal(t, base.Hosts, vm.Hosts)
	require.Equal(t, map[string]string{"A": "a", "B": "b"}, base.Env)

	var s manifest.Set
	_, faults := s.ReadVM(manifest.VMFiles{ClusterEnv: manifest.Text{Name: "cluster.env"}, Mesh: manifest.Text{Name: "mesh.yaml", Bytes: []byte("a: [\n")}}, nil)
	require.True(t, faults.HasErrors())
}

// However broken a cluster.env is, it is read, and every variable has a line.
func FuzzReadVM(f *testing.F) {
	f.Add("A='b'\n")
	f.Add("A='\nB=\"\nC='\"'\n==\n=\x00")
	f.Fuzz(func(t *testing.T, text string) {
		var s manifest.Set
		vm, _ := s.ReadVM(manifest.VMFiles{ClusterEnv: manifest.Text{Name: "cluster.env", Bytes: []byte(text)}}, nil)
		lines := strings.Count(text, "\n") + 1
		for name := range vm.Env {
			pos := vm.At.Source().Locate(vm.At.Key(name), false)
			require.True(t, pos.Line >= 1 && pos.Line <= lines)
		}
	})
}
