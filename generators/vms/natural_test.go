package vms

import (
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// Keys stand in the order in which istioctl's YAML library prints them.
func TestNaturalOrderIsThatOfTheLibrary(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	words := []string{"ISTIO_META_", "ISTIO_METAJSON_", "ISTIO", "_", "A", "Z", "9", "10", "2", "07", "a", "b", "POD_", "X1"}
	for range 2000 {
		keys := map[string]string{} // two: over more of them the library's comparison is no order
		for range 2 {
			key := "K"
			for range 1 + r.Intn(4) {
				key += words[r.Intn(len(words))]
			}
			keys[key] = ""
		}
		text, err := yaml.Marshal(keys)
		require.NoError(t, err)
		var want []string
		for line := range strings.Lines(string(text)) {
			key, _, _ := strings.Cut(line, ":")
			want = append(want, key)
		}
		got := slices.Clone(want)
		slices.Sort(got)
		slices.SortStableFunc(got, natural)
		require.Equal(t, want, got)
	}
}
