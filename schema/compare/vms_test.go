package compare

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
)

// trees compares two trees of texts by path, the old one built by us.
func trees(t *testing.T, was, will map[string]string) Changes {
	t.Helper()
	old := Old{Lock: &Lock{}, Read: func(path string) (File, error) {
		text, there := was[path]
		if !there {
			return File{}, fs.ErrNotExist
		}
		return File{Text: []byte(text)}, nil
	}}
	for path, text := range was {
		old.Lock.Files = append(old.Lock.Files, Locked{Path: path, SHA256: sum([]byte(text))})
	}
	var made New
	for path, text := range will {
		made.Files = append(made.Files, File{Path: path, Text: []byte(text)})
	}
	c, findings, err := Compare(old, made)
	require.NoError(t, err)
	require.Empty(t, findings)
	return c
}

func TestVMFiles(t *testing.T) {
	const a, b = "vms/ns/a/", "vms/ns/a-b/"
	was := map[string]string{
		a + "cluster.env": "A='1'\nB='2'\nC=''\n", a + "vm.env": "x\nVMMESH_FILES_HASH='1'\n", a + "install.sh": "old", a + "user-data": "old", a + "instances": "vm1\n",
		a + "vm1/cluster.env": "A='1'\n", b + "cluster.env": "A='1'\n", b + "vm.env": "x", b + "install.sh": "old", b + "firewall.nft": "old",
		"vms/ns/gone/vm.env": "x", "vms/ns/gone/cluster.env": "A='1'\n",
	}
	change := func(changes map[string]string) map[string]string {
		will := map[string]string{}
		for path, text := range was {
			will[path] = text
		}
		for path, text := range changes {
			if will[path] = text; text == "" {
				delete(will, path)
			}
		}
		return will
	}
	const stays = " reaches them when `install.sh` is run there with the new files, which does not restart the sidecar"
	const until = " reaches them when `install.sh` is run there with the new files, which restarts the sidecar"
	for _, c := range []struct {
		name    string
		changes map[string]string
		want    []string // "<group>: <message>"
		notes   []string
	}{
		{"variables", map[string]string{a + "cluster.env": "B='3'\nC=''\nD=''\n"}, []string{"a: what changes for its VMs (cluster.env: A, B, D)" + until}, nil},
		{"of one VM", map[string]string{a + "vm1/cluster.env": "A='2'\n"}, []string{"a: what changes for vm1 (cluster.env: A)" + until}, nil},
		{"of all, then no VM is named", map[string]string{a + "vm1/cluster.env": "A='2'\n", a + "vm.env": "y"}, []string{"a: what changes for its VMs (vm.env)" + until}, nil},
		{"comes and goes", map[string]string{a + "root-cert.pem": "PEM", b + "firewall.nft": ""},
			[]string{"a-b: what changes for its VMs (firewall.nft)" + stays, "a: what changes for its VMs (root-cert.pem)" + until}, nil},
		{"the hash of the files alone", map[string]string{a + "vm.env": "x\nVMMESH_FILES_HASH='2'\n", a + "install.sh": "new"}, nil,
			[]string{"what is the same on every VM changes (install.sh), in 1 group: VMs that are set up already get it when `install.sh` is run there with the new files"}},
		{"one more", map[string]string{a + "instances": "vm1\nvm2\n", a + "user-data": "new", a + "vm2/cluster.env": "A='1'\n"}, nil, nil},
		{"one less", map[string]string{a + "vm1/cluster.env": ""}, nil, nil},
		{"a group goes, and one comes", map[string]string{"vms/ns/gone/vm.env": "", "vms/ns/gone/cluster.env": "", "vms/ns/new/vm.env": "x", "vms/ns/new/cluster.env": "x"}, nil, nil},
		{"scripts", map[string]string{a + "install.sh": "new", b + "install.sh": "new", a + "ready.sh": "new", a + "user-data": "new"}, nil,
			[]string{"what is the same on every VM changes (install.sh, ready.sh), in 2 groups: VMs that are set up already get it when `install.sh` is run there with the new files"}},
		{"elsewhere", map[string]string{"vms/notes": "x", "vms/ns/a/b/c/cluster.env": "x", "control-plane/ns/a/cluster.env": "x"}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := trees(t, was, change(c.changes))
			var messages []string
			for _, m := range got.Consequences {
				require.Equal(t, Consequence{Severity: Risk, Meaning: "vm-files", Object: ID{networking, "WorkloadGroup", "ns", m.Object.Name}, Message: m.Message}, m)
				messages = append(messages, m.Object.Name+": "+m.Message)
			}
			require.Equal(t, c.want, messages)
			require.Equal(t, c.notes, got.Notes)
			require.NotEmpty(t, got.Files)
		})
	}
}
