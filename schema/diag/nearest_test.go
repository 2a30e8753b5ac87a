package diag

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNearest(t *testing.T) {
	fields := []string{"name", "namespace", "network", "address", "externalAddress", "ports", "Sidecar"}
	for word, want := range map[string]string{
		"adress":         "address",
		"addres":         "address",
		"adderss":        "address", // two neighbours swapped
		"ADDRESS":        "address",
		"name_space":     "namespace",
		"port":           "ports",
		"nam":            "name",
		"netwrok":        "network",
		"sidecar":        "Sidecar",
		"externaladress": "externalAddress",
		"x":              "",
		"":               "",
		"completely":     "",
		"日本":             "",
	} {
		require.Equal(t, want, Nearest(word, fields), word)
	}
	require.Empty(t, Nearest("name", []string{"name"}), "a word is not near itself")
	require.Equal(t, "aa", Nearest("aaa", []string{"aa", "aaaa"}), "ties go to the first")
	require.Empty(t, Nearest("name", nil))
}
