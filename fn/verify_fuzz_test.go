package fn_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/fn"
)

// FuzzVerify reads anything as manifests: no panic, and the same answer twice, each finding of it with a rule, a place
// and one line of text.
func FuzzVerify(f *testing.F) {
	for _, pattern := range []string{"../testdata/verify/*.yaml", "../testdata/verify/silent/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(f, err)
		require.NotEmpty(f, paths)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		texts := []fn.Manifests{{Name: "a.yaml", Text: text}, {Name: "b.yaml", Text: text}}
		found := fn.Verify(texts)
		require.Equal(t, report(t, found), report(t, fn.Verify(texts)))
		for _, d := range found {
			require.NotEmpty(t, d.Rule)
			require.NotEmpty(t, d.Severity)
			require.NotEmpty(t, d.Message)
			require.NotContains(t, d.Message, "\n")
			require.NotNil(t, d.At.Source())
		}
	})
}
