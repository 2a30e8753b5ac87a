package fn_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/vmmesh/vmmesh/generators/vms/cloudinit"
	"github.com/vmmesh/vmmesh/generators/vms/scripts"
)

// withoutScripts leaves out what is the same in every group: vms/scripts/ has all static files, byte by byte, and each
// user-data has them too, and so does the ConfigMap of a group. What is left of user-data is text, whatever form the
// cloud's limit gives it.
func withoutScripts(t testing.TB, files map[string]string) map[string]string {
	t.Helper()
	static := map[string]string{}
	for _, f := range scripts.Files() {
		static[f.Path] = string(f.Data)
	}
	left := maps.Clone(files)
	found := 0
	for name, text := range files {
		folder, base := path.Split(name)
		switch {
		case vmFilesMap.MatchString(name):
			left[name] = mapped(t, text, static)
		case !strings.HasPrefix(name, "vms/"):
		case base == "user-data":
			left[name] = legible(t, text, slices.Sorted(maps.Keys(static)))
			for _, needed := range []string{"lib.sh", "install.sh", "prepare.sh", "identity.sh", "istio.conf"} {
				require.Contains(t, left[name], needed, "%s: a VM boots from it alone", name)
			}
		case folder == "vms/scripts/":
			require.Equal(t, static[base], text, name)
			delete(left, name)
			found++
		}
	}
	if found > 0 {
		require.Equal(t, len(static), found, "vms/scripts/ is not complete")
	}
	for name, text := range left { // which every change of a script changes: see TestFilesHash
		left[name] = hashless(text)
	}
	return left
}

var filesHash = regexp.MustCompile(`(VMMESH_FILES_HASH='|"hash": "|vmmesh_files_hash: ")[0-9a-f]{16}(['"])`)

// hashless is a text with "(hash)" in place of the hashes of VMs' files.
func hashless(text string) string { return filesHash.ReplaceAllString(text, "${1}(hash)${2}") }

// vmFilesMap is the path of a ConfigMap of VM files.
var vmFilesMap = regexp.MustCompile(`^manifests/[^/]+/configmap-.*-vm-files\.yaml$`)

// mapped is a ConfigMap of VM files as text: static files by their names, user-data as it is read.
func mapped(t testing.TB, text string, static map[string]string) string {
	var object struct {
		Data       map[string]string `yaml:"data"`
		BinaryData map[string]string `yaml:"binaryData"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &object))
	head, _, _ := strings.Cut(text, "\ndata:")
	names := slices.Sorted(maps.Keys(static))
	values := map[string]string{}
	for key, value := range object.Data {
		values["data "+key] = value
	}
	for key, value := range object.BinaryData {
		bytes, err := base64.StdEncoding.DecodeString(value)
		require.NoError(t, err)
		values["binaryData "+key] = string(bytes)
	}
	var has []string
	for _, name := range names {
		if text, there := object.Data[name]; there {
			require.Equal(t, static[name], text, name)
			delete(values, "data "+name)
			has = append(has, name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value := values[key]
		if strings.HasSuffix(key, "user-data") {
			value = legible(t, value, names)
		}
		head += "\n--- " + key + "\n" + value
	}
	return head + "\n--- data " + strings.Join(has, ", ") + "\n"
}

// entry is one file of write_files, as the Encoder prints it.
var entry = regexp.MustCompile(`(?m)^- path: (\S+)\n(?:  .*\n|\n)*`)

// legible is user-data as text, with the names of static files in place of those.
func legible(t testing.TB, text string, static []string) string {
	head := ""
	if strings.HasPrefix(text, "\x1f\x8b") {
		head, text = "(gzipped)\n", string(gunzip(t, []byte(text)))
	}
	text = entry.ReplaceAllStringFunc(text, func(e string) string {
		file := entry.FindStringSubmatch(e)[1]
		switch {
		case file == cloudinit.Dir+".tar":
			_, content, _ := strings.Cut(e, "\n  content: ")
			archive, err := base64.StdEncoding.DecodeString(strings.TrimSpace(content))
			require.NoError(t, err)
			return strings.TrimSuffix(e, content) + "(\n" + listed(t, gunzip(t, archive), static) + ")\n"
		case slices.Contains(static, path.Base(file)):
			return "(" + file + ")\n"
		}
		return e
	})
	return head + text
}

// listed is an archive: what is a group's own in full.
func listed(t testing.TB, archive []byte, static []string) string {
	var out strings.Builder
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		require.NoError(t, err)
		require.Equal(t, [4]any{0, 0, "", int64(0)}, [4]any{h.Uid, h.Gid, h.Uname, h.ModTime.Unix()})
		fmt.Fprintf(&out, "%s %04o\n", h.Name, h.Mode)
		if !slices.Contains(static, path.Base(h.Name)) {
			text, err := io.ReadAll(r)
			require.NoError(t, err)
			out.Write(text)
		}
	}
}

func gunzip(t testing.TB, data []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(data))
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	return text
}
