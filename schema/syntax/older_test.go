package syntax

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestOlderReadingAgreesWithKubernetes compares with the reader that kubectl and the API server use.
func TestOlderReadingAgreesWithKubernetes(t *testing.T) {
	differ := 0
	for _, s := range []string{
		"yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "yEs", "oN", "y", "n", "Y", "N",
		"0755", "0120", "007", "089", "00", "-012", "+012", "1_0", "1_000", "1__0", "_1", "1_", "0b11", "-0b11", "0o17", "0x1F", "1_0.5",
		"12:30", "12:30:00", "1.2.3", "2024-01-01", "v1", "1e3", "01.5", "10.0.0.1", "abc", ".", "+", "0x", "1.", ".5", "-.5_0",
	} {
		docs, findings := Read("a", []byte("a: "+s+"\n"))
		require.Empty(t, findings, s)
		n := docs[0].Root.Get("a")
		if n.Kind != String {
			require.Empty(t, n.OlderReading(), s)
			continue
		}
		out, err := yaml.YAMLToJSON([]byte("a: " + s + "\n"))
		require.NoError(t, err)
		var theirs struct{ A any }
		require.NoError(t, json.Unmarshal(out, &theirs))
		_, text := theirs.A.(string)
		require.Equal(t, text, n.OlderReading() == "", "%s is %v", s, theirs.A)
		if !text {
			differ++
			var want, got any
			require.NoError(t, json.Unmarshal([]byte(n.OlderReading()), &got), s)
			want = theirs.A
			require.Equal(t, want, got, s)
		}
		quoted, _ := Read("a", []byte("a: \""+s+"\"\n"))
		require.Empty(t, quoted[0].Root.Get("a").OlderReading(), s)
	}
	require.Greater(t, differ, 15)
}
