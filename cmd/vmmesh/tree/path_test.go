package tree

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

func TestPathsThatAreRefused(t *testing.T) {
	const is = " cannot be the name of an output file: "
	for path, says := range map[string]string{
		"":               "an output file has no name",
		"/":              `"/"` + is + "it does not start below the output directory",
		"/etc/passwd":    `"/etc/passwd"` + is + "it does not start below the output directory",
		"..":             `".."` + is + `a part of it is ".."`,
		"a/../b":         `"a/../b"` + is + `a part of it is ".."`,
		"./a":            `"./a"` + is + `a part of it is "."`,
		"a/.":            `"a/."` + is + `a part of it is "."`,
		"a//b":           `"a//b"` + is + "a part of it is empty",
		"a/":             `"a/"` + is + "a part of it is empty",
		"a\x00b":         `"a\x00b"` + is + "it has a control character",
		"a\nb":           `"a\nb"` + is + "it has a control character",
		"a\xff":          `"a\xff"` + is + "it is not UTF-8",
		`..\a`:           `"..\\a"` + is + `it has a '\\'`,
		"c:a":            `"c:a"` + is + `it has a ':'`,
		"a./b":           `"a./b"` + is + "a part of it ends in a dot or a space",
		"a /b":           `"a /b"` + is + "a part of it ends in a dot or a space",
		".git/HEAD":      `".git/HEAD"` + is + "a part of it is Git's own folder",
		"a/.GIT/x":       `"a/.GIT/x"` + is + "a part of it is Git's own folder",
		"git~1/config":   `"git~1/config"` + is + "a part of it is Git's own folder",
		".vmmesh.lock":   `".vmmesh.lock"` + is + "names that start with .vmmesh. are vmmesh's own",
		".VMMesh.Lock":   `".VMMesh.Lock"` + is + "names that start with .vmmesh. are vmmesh's own",
		".vmmesh.work/a": `".vmmesh.work/a"` + is + "names that start with .vmmesh. are vmmesh's own",
		".vmmesh.new":    `".vmmesh.new"` + is + "names that start with .vmmesh. are vmmesh's own",
	} {
		dir := t.TempDir()
		w, err := Open(dir, Options{})
		require.NoError(t, err)
		require.EqualError(t, w.File(manifest.File{Path: path, Mode: 0o644}), says)
		_, err = w.Commit()
		require.EqualError(t, err, says)
		w, err = Open(dir, Options{})
		require.NoError(t, err)
		require.EqualError(t, w.Object(path, []byte("x\n")), says)
		require.Empty(t, onDisk(t, dir))
	}
}

func TestPathsThatAreTaken(t *testing.T) {
	want := files{"a": "1", "a.b/..c": "1", ".hidden": "1", "m/.vmmesh.lock": "1", "ü/ é": "1", "...a": "1"}
	dir := t.TempDir()
	mustBuild(t, dir, Options{}, want)
	require.Equal(t, want.plus(t, "", nil), onDisk(t, dir))
}

func TestPathsThatClash(t *testing.T) {
	for _, c := range []struct{ first, second, says string }{
		{"a/b", "a/b", "a/b would be written twice"},
		{"a/b", "a/B", "a/b and a/B differ only in case"},
		{"a/b", "A/c", "a and A differ only in case"},
		{"x/a/b", "x/A/c/d", "x/a and x/A differ only in case"},
		{"a", "a/b", "a would be a file and a folder of the output"},
		{"a", "a/b/c", "a would be a file and a folder of the output"},
		{"a/b", "a", "a would be a file and a folder of the output"},
		{"a/b", "A", "A would be a file and a folder of the output"},
	} {
		w, err := Open(t.TempDir(), Options{})
		require.NoError(t, err)
		require.NoError(t, w.Object(c.first, []byte("x\n")))
		require.EqualError(t, w.File(manifest.File{Path: c.second, Mode: 0o644}), c.says)
		w.Abort()
	}
}

func TestEmptyObject(t *testing.T) {
	w, err := Open(t.TempDir(), Options{})
	require.NoError(t, err)
	require.EqualError(t, w.Object("a.yaml", nil), "an object of a.yaml is empty")
}
