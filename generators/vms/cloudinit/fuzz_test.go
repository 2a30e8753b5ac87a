package cloudinit_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/vmmesh/vmmesh/generators/vms/cloudinit"
	"github.com/vmmesh/vmmesh/schema/manifest"
)

// FuzzContent reads user-data as YAML: whatever a file holds, it arrives, and nothing of it becomes part of the rest.
func FuzzContent(f *testing.F) {
	for _, file := range awkward() {
		f.Add(file.Data)
	}
	w := cloudinit.NewWriter(static())
	f.Fuzz(func(t *testing.T, content []byte) {
		text := w.UserData("None", []manifest.File{{Path: "vm.env", Mode: 0o644, Data: content}}).Data
		require.True(t, strings.HasPrefix(string(text), "#cloud-config\n"))
		require.NotContains(t, strings.ToLower(string(text)), "mime-version:")
		var got struct {
			MergeHow   []any `yaml:"merge_how"`
			WriteFiles []struct {
				Path, Permissions, Encoding, Content string
			} `yaml:"write_files"`
			RunCmd [][]string `yaml:"runcmd"`
		}
		d := yaml.NewDecoder(strings.NewReader(string(text)))
		d.KnownFields(true)
		require.NoError(t, d.Decode(&got))
		require.Len(t, got.WriteFiles, 1+len(static()))
		require.Equal(t, [][]string{{"bash", cloudinit.Dir + "/install.sh", "--boot"}}, got.RunCmd)
		file := got.WriteFiles[0]
		if file.Encoding == "b64" {
			plain, err := base64.StdEncoding.DecodeString(file.Content)
			require.NoError(t, err)
			file.Content = string(plain)
		}
		require.Equal(t, string(content), file.Content)
		require.Equal(t, "0644", file.Permissions)
	})
}
