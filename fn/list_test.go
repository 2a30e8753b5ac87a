package fn_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
	vmlist "github.com/vmmesh/vmmesh/generators/fleet"
	"github.com/vmmesh/vmmesh/schema"
)

func listVMs(t testing.TB, name string, src []byte) vmlist.List {
	docs, findings := schema.Parse(name, src)
	require.Empty(t, findings)
	list, findings := fn.List(docs)
	require.False(t, findings.HasErrors(), "%v", findings)
	return list
}

// TestFilesHash holds the hash of each VM in the list to that in its vm.env, in every good case.
func TestFilesHash(t *testing.T) {
	for name, path := range cases(t) {
		src, err := os.ReadFile(path)
		require.NoError(t, err)
		if strings.Contains(string(src), "emit: ClientSide") {
			continue // the VMs are listed, and their files are another build's
		}
		files := mustBuild(t, name+"/vmmesh.yaml", src).files
		list := listVMs(t, name+"/vmmesh.yaml", src)
		hash := func(folders ...string) string {
			for _, folder := range folders {
				if text, there := files[folder+"/vm.env"]; there {
					require.Equal(t, 1, strings.Count(text, "VMMESH_FILES_HASH="), folder)
					_, value, _ := strings.Cut(text, "VMMESH_FILES_HASH='")
					value, _, _ = strings.Cut(value, "'")
					return value
				}
			}
			return ""
		}
		for _, g := range list.Groups {
			require.Regexp(t, `^[0-9a-f]{16}$`, g.Hash)
			require.Equal(t, hash(g.Folder), g.Hash, g.Folder)
		}
		for _, vm := range list.VMs {
			require.Equal(t, hash(vm.Folder+"/"+vm.Instance, vm.Folder), vm.Hash, vm.Folder+" "+vm.Instance)
		}
		require.Equal(t, files["fleet/vms.json"] == "", len(list.Groups) == 0)
		if len(list.Groups) > 0 {
			require.Equal(t, files["fleet/vms.json"], string(list.JSON()))
		}
	}
}

// TestFilesHashChanges changes one thing at a time: the hashes of the VMs whose files differ change, and no others.
func TestFilesHashChanges(t *testing.T) {
	const spec = `apiVersion: vmmesh.dev/v1alpha1
kind: VMMesh
metadata: {name: shop}
spec:
  istio: {version: 1.31.1, istiodAddresses: [203.0.113.10]}
  workloads:
  - name: cart
    ports: [{name: http, port: 8080}]
    groups:
    - name: one
      instances: [{name: vm1, address: 192.0.2.11}, {name: own, address: 192.0.2.12, labels: {a: b}}]
    - name: two
      instances: [{name: vm1, address: 192.0.2.13}]
`
	hashes := func(spec string) map[string]string {
		all := map[string]string{}
		list := listVMs(t, "-", []byte(spec))
		for _, vm := range list.VMs {
			all[vm.Group+"/"+vm.Instance] = vm.Hash
		}
		return all
	}
	before := hashes(spec)
	require.Len(t, before, 3)
	for _, c := range []struct {
		name, old, new string
		changed        []string
	}{
		{"nothing", "", "", nil},
		{"one VM more", "{name: own", "{name: vm9, address: 192.0.2.19}, {name: own", nil},
		{"the address of istiod", "203.0.113.10", "203.0.113.11", []string{"one/own", "one/vm1", "two/vm1"}},
		{"a label of a group", "- name: two", "- name: two\n      labels: {x: y}", []string{"two/vm1"}},
		{"a label of a VM", "a: b", "a: c", []string{"one/own"}},
		{"the address of a VM with settings of its own", "192.0.2.12", "192.0.2.22", []string{"one/own"}},
	} {
		after := hashes(strings.Replace(spec, c.old, c.new, 1))
		var changed []string
		for _, vm := range []string{"one/own", "one/vm1", "two/vm1"} {
			if after[vm] != before[vm] {
				changed = append(changed, vm)
			}
		}
		require.Equal(t, c.changed, changed, c.name)
	}
}
