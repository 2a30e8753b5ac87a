package tree

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkBuild writes 5,000 small files: to a new directory, again without a change, and all of them changed.
func BenchmarkBuild(b *testing.B) {
	fleet := func(version string) func(w *Writer) {
		text := make([]byte, 0, 1024)
		return func(w *Writer) {
			for i := range 5000 {
				text = fmt.Appendf(text[:0], "kind: WorkloadEntry\nversion: %s\nname: vm-%d\n", version, i)
				for len(text) < 500 {
					text = append(text, "spec: this is about as long as one object is\n"...)
				}
				require.NoError(b, w.Object(fmt.Sprintf("manifests/ns-%d/workloadentry-%d.yaml", i%20, i), text))
			}
		}
	}
	run := func(dir string, fill func(w *Writer)) {
		w, err := Open(dir, Options{})
		require.NoError(b, err)
		defer w.Abort()
		fill(w)
		_, err = w.Commit()
		require.NoError(b, err)
	}
	b.Run("new", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			run(filepath.Join(b.TempDir(), fmt.Sprint(i)), fleet("1"))
		}
	})
	b.Run("same", func(b *testing.B) {
		dir := b.TempDir()
		run(dir, fleet("1"))
		for b.Loop() {
			run(dir, fleet("1"))
		}
	})
	b.Run("changed", func(b *testing.B) {
		dir := b.TempDir()
		run(dir, fleet("0"))
		for i := 1; b.Loop(); i++ {
			run(dir, fleet(fmt.Sprint(i)))
		}
	})
}
