package syntax

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// JSON with characters beyond U+FFFF, half pairs, and backslashes before what looks like one, is read as encoding/json
// reads it; YAML of the same kind is still refused.
func TestSurrogates(t *testing.T) {
	for _, text := range []string{
		`{"a": "\ud83d\ude00"}`, `{"a": "\uD83D\uDE00x"}`, `{"a": "x\ud83d"}`, `{"a": "\ude00\ud83d\u0041"}`, `{"a": "\\ud83d\ude00"}`,
		`{"a": "\\\ud83d\ude00 \n \u00e9"}`, `["\ud83d\ude00", {"\ud83d\ude00": 1}]`, " \n{\"a\": \"\\ud83d\\ude00\"}\n",
	} {
		var want any
		require.NoError(t, json.Unmarshal([]byte(text), &want))
		documents, findings := Read("a.json", []byte(text))
		require.Empty(t, findings, text)
		require.Len(t, documents, 1)
		got, err := json.Marshal(documents[0].Root.Plain())
		require.NoError(t, err)
		expected, err := json.Marshal(want)
		require.NoError(t, err)
		require.JSONEq(t, string(expected), string(got), text)
	}
	_, findings := Read("a.yaml", []byte(`a: "\ud83d\ude00"`))
	require.NotEmpty(t, findings)
}

func TestTextOfNull(t *testing.T) {
	for _, text := range []string{"a: null\n", "a: ~\n", "a:\n", "b: 1\n", "a: {}\n", "a: []\n"} {
		documents, findings := Read("", []byte(text))
		require.Empty(t, findings)
		require.Empty(t, documents[0].Root.Get("a").Text(), text)
	}
}
