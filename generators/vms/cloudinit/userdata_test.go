package cloudinit_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/generators/vms/cloudinit"
	"github.com/vmmesh/vmmesh/internal/need"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// The files of a bundle as a group has them, and what no file should be able to do to the rest.
func own() []manifest.File {
	return []manifest.File{
		{Path: "cluster.env", Mode: 0o644, Data: []byte("CANONICAL_REVISION='v1'\nISTIO_INBOUND_PORTS='8080,9090'\n")},
		{Path: "hosts", Mode: 0o644},
		{Path: "instances", Mode: 0o644, Data: []byte("10.0.0.1\t10.0.0.1\tpay-vm1\tvm1\tshared\n")},
		{Path: "vm.env", Mode: 0o644, Data: []byte("A='{{ v1.region }} {% raw %} 100% $(id) `id` ${HOME}'\nB='#include http://x'\n")},
	}
}

// awkward are contents that no plain text of YAML, mail or template may bend.
func awkward() []manifest.File {
	var files []manifest.File
	for name, text := range map[string]string{
		"mail":     "Content-Type: multipart/mixed; boundary=x\nMIME-Version: 1.0\n\n--x\n",
		"template": "## template: jinja\n{{ ds.meta_data }}\n",
		"blank":    "\n\n a line\n\n",
		"spaces":   "ends in a space \n\ttab\t\n",
		"noend":    "no newline at the end",
		"return":   "a\r\nb\r\n",
		"control":  "a\x00\x01\x7f\x85b\n",
		"umlauts":  "gr\u00fc\u00dfe \u2028 \U0001f600 \u0085\n",
		"binary":   "\xff\xfe\x00\xc3(",
		"yaml":     "- a: b\n...\n---\n#cloud-config\nruncmd: [reboot]\n",
		"yes":      "yes",
		"number":   "0755",
		"base64":   "aGVsbG8K",
	} {
		files = append(files, manifest.File{Path: name, Mode: 0o600, Data: []byte(text)})
	}
	return files
}

func static() []manifest.File {
	return []manifest.File{
		{Path: "diagnose.sh", Mode: 0o755, Data: noise(500)},
		{Path: "install.sh", Mode: 0o755, Data: []byte("#!/usr/bin/env bash\n# what it does\nset -euo pipefail\n" + strings.Repeat("echo text # and more\n", 70))},
		{Path: "istio.conf", Mode: 0o644, Data: []byte("[Service]\n# why\nExecStartPre=+/usr/local/lib/vmmesh/prepare.sh\n")},
	}
}

// noise is text that cannot be made small.
func noise(n int) []byte {
	out := make([]byte, n)
	state := uint32(1)
	for i := range out {
		state = state*1664525 + 1013904223
		out[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[state>>26]
	}
	return append(out, '\n')
}

func TestReadable(t *testing.T) {
	got := cloudinit.NewWriter([]manifest.File{{Path: "install.sh", Mode: 0o755, Data: []byte("#!/bin/bash\ntrue\n")}}).UserData("None", own())
	require.Equal(t, cloudinit.Readable, got.Form)
	require.Equal(t, `#cloud-config
# Made from a vmmesh.yaml. It holds no secret and nothing of a single VM. Beside another cloud-config, be its later part.
merge_how:
- name: list
  settings:
  - append
- name: dict
  settings:
  - no_replace
  - recurse_list
write_files:
- path: /var/lib/vmmesh/bundle/cluster.env
  permissions: "0644"
  content: |
    CANONICAL_REVISION='v1'
    ISTIO_INBOUND_PORTS='8080,9090'
- path: /var/lib/vmmesh/bundle/hosts
  permissions: "0644"
  content: ""
- path: /var/lib/vmmesh/bundle/instances
  permissions: "0644"
  content: |
    10.0.0.1	10.0.0.1	pay-vm1	vm1	shared
- path: /var/lib/vmmesh/bundle/vm.env
  permissions: "0644"
  content: |
    A='{{ v1.region }} {% raw %} 100% $(id) `+"`id`"+` ${HOME}'
    B='#include http://x'
- path: /var/lib/vmmesh/bundle/install.sh
  permissions: "0755"
  content: |
    #!/bin/bash
    true
runcmd:
- - bash
  - /var/lib/vmmesh/bundle/install.sh
  - "--boot"
`, string(got.Data))
}

// Each cloud's first form with room is taken, to the byte.
func TestForms(t *testing.T) {
	w := cloudinit.NewWriter(static())
	sized := func(cloud string, bytes int) cloudinit.UserData {
		return w.UserData(cloud, append(own(), manifest.File{Path: "root-cert.pem", Mode: 0o644, Data: noise(bytes)}))
	}
	for cloud, limit := range map[string]int{"AWS": 16384, "GCP": 262144, "Azure": 65535, "OpenStack": 49149, "VSphere": 49152} {
		known, limited := cloudinit.LimitOf(cloud)
		require.True(t, limited)
		require.Equal(t, limit, known.Bytes, cloud)

		spare := 100 + limit - len(sized(cloud, 100).Data)
		full := sized(cloud, spare)
		require.Equal(t, cloudinit.Readable, full.Form, cloud)
		require.Len(t, full.Data, limit)
		require.False(t, full.Last, "it can still be made smaller")

		// One byte more, and the files are packed: the static ones shrink, which is what noise cannot do.
		next := sized(cloud, spare+1)
		require.NotEqual(t, cloudinit.Readable, next.Form, cloud)

		// The last form gives up diagnose.sh, and no sooner than it has to.
		first := sort.Search(2*limit, func(bytes int) bool { return len(sized(cloud, bytes).Spare) > 0 })
		less, all := sized(cloud, first), sized(cloud, first-1)
		require.LessOrEqual(t, len(less.Data), limit, cloud)
		require.Equal(t, less.Form != cloudinit.Readable, less.Last, cloud)
		require.LessOrEqual(t, len(all.Data), limit, cloud)
		require.Greater(t, len(all.Data)+16, limit, cloud)
		require.False(t, all.Last, "diagnose.sh can still go")
		if known.Binary {
			require.Contains(t, string(unzipped(t, all)), "/diagnose.sh", cloud)
			require.NotContains(t, string(unzipped(t, less)), "/diagnose.sh", cloud)
			require.Contains(t, string(unzipped(t, less)), "/install.sh", cloud)
		}

		over := sized(cloud, 2*limit)
		require.Greater(t, len(over.Data), limit, cloud)
		require.True(t, over.Last, cloud)
		require.Equal(t, known.Binary, over.Form == cloudinit.Gzipped, cloud)
	}
	for _, cloud := range []string{"None", "NoCloud"} {
		large := sized(cloud, 1<<20)
		require.Equal(t, cloudinit.UserData{Data: large.Data, Form: cloudinit.Readable}, large)
	}
}

// What a Writer did before never shows.
func TestSameBytes(t *testing.T) {
	used := cloudinit.NewWriter(static())
	for _, size := range []int{0, 13_000, 20_000, 0, 13_000} {
		for _, cloud := range []string{"AWS", "GCP", "None"} {
			files := append(own(), manifest.File{Path: "root-cert.pem", Mode: 0o644, Data: noise(size)})
			require.Equal(t, cloudinit.NewWriter(static()).UserData(cloud, files), used.UserData(cloud, files))
		}
	}
}

// unzipped is the text of user-data.
func unzipped(t *testing.T, u cloudinit.UserData) []byte {
	if u.Form != cloudinit.Gzipped {
		return u.Data
	}
	r, err := gzip.NewReader(bytes.NewReader(u.Data))
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	return text
}

// forms are the same files in each form.
func forms(t *testing.T) map[cloudinit.Form]cloudinit.UserData {
	w := cloudinit.NewWriter(static())
	files := append(own(), awkward()...)
	got := map[cloudinit.Form]cloudinit.UserData{}
	got[cloudinit.Readable] = w.UserData("None", files)
	for _, size := range []int{12_000, 15_000} {
		u := w.UserData("AWS", append(files, manifest.File{Path: "root-cert.pem", Mode: 0o644, Data: noise(size)}))
		got[u.Form] = u
	}
	got[cloudinit.Packed] = w.UserData("AWS", append(files, manifest.File{Path: "much", Mode: 0o644, Data: bytes.Repeat([]byte("x\n"), 8000)}))
	require.Len(t, got, 3)
	for form, u := range got {
		require.Equal(t, form, u.Form)
	}
	return got
}

// Cloud-init's own schema has nothing to say, not even a warning.
func TestSchema(t *testing.T) {
	need.Tool(t, "cloud-init", "cloud-init")
	for form, u := range forms(t) {
		file := filepath.Join(t.TempDir(), "user-data")
		require.NoError(t, os.WriteFile(file, unzipped(t, u), 0o600))
		out, err := exec.Command("cloud-init", "schema", "--config-file", file).CombinedOutput()
		require.NoError(t, err, "%s: %s", form, out)
		require.Equal(t, "Valid cloud-config: "+file+"\n", string(out), form)
	}
}

// Cloud-init's own reader takes every form for a cloud-config, and writes exactly the files that went in.
func TestArrival(t *testing.T) {
	need.Tool(t, "cloud-init", "cloud-init")
	need.Tool(t, "tar", "tar")
	all := append(append(own(), awkward()...), static()...)
	withoutComments := strings.NewReplacer("# what it does\n", "", "# why\n", "")
	for form, u := range forms(t) {
		root := t.TempDir()
		file := filepath.Join(root, "user-data")
		require.NoError(t, os.WriteFile(file, u.Data, 0o600))
		read := exec.Command("/usr/bin/python3", "-c", `
import json, os, sys
from cloudinit import user_data, util
from cloudinit.config import cc_write_files
file, root = sys.argv[1:]
paths = type("Paths", (), {"get_ipath_cur": lambda self, name: root})()
user_data.util.fetch_ssl_details = lambda paths: {}
with open(file, "rb") as f:
    parts = [p for p in user_data.UserDataProcessor(paths).process(f.read()).walk() if p.get_content_maintype() != "multipart"]
assert [p.get_content_type() for p in parts] == ["text/cloud-config"], [p.get_content_type() for p in parts]
config = util.load_yaml(util.fully_decoded_payload(parts[0]))
cc_write_files.util.chownbyname = lambda path, user, group: None
for f in config["write_files"]:
    assert f["path"].startswith("/var/lib/vmmesh/bundle") and "owner" not in f, f
    f["path"] = root + f["path"]
cc_write_files.write_files("write_files", config["write_files"], "root:root")
json.dump(config["runcmd"], sys.stdout)
`, file, root)
		out, err := read.CombinedOutput()
		require.NoError(t, err, "%s: %s", form, out)
		var commands [][]string
		require.NoError(t, json.Unmarshal(out, &commands), "%s", out)

		require.Equal(t, []string{"bash", cloudinit.Dir + "/install.sh", "--boot"}, commands[len(commands)-1])
		for _, c := range commands[:len(commands)-1] {
			require.Equal(t, "tar", c[0])
			for i := range c {
				c[i] = strings.Replace(c[i], "/var/lib/", root+"/var/lib/", 1)
			}
			out, err := exec.Command(c[0], c[1:]...).CombinedOutput()
			require.NoError(t, err, "%s", out)
		}
		for _, f := range all {
			path := filepath.Join(root, cloudinit.Dir, f.Path)
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			want := string(f.Data)
			if form != cloudinit.Readable {
				want = withoutComments.Replace(want)
			}
			require.Equal(t, want, string(got), "%s, %s", form, f.Path)
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(f.Mode), info.Mode().Perm(), "%s, %s", form, f.Path)
		}
	}
}
