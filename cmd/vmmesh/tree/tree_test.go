package tree

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// files is a tree in a test: path to content. A path that ends in "/" is a folder, one that ends in ".sh" has the
// mode 0755.
type files map[string]string

// add hands a tree to a writer, in the order of its paths.
func (want files) add(w *Writer) error {
	for _, path := range slices.Sorted(maps.Keys(want)) {
		mode := uint32(0o644)
		if strings.HasSuffix(path, ".sh") {
			mode = 0o755
		}
		if err := w.File(manifest.File{Path: path, Mode: mode, Data: []byte(want[path])}); err != nil {
			return err
		}
	}
	return nil
}

// build writes a tree as a command would.
func build(dir string, o Options, want files) (Summary, error) {
	w, err := Open(dir, o)
	if err != nil {
		return Summary{}, err
	}
	defer w.Abort()
	if err := want.add(w); err != nil {
		return Summary{}, err
	}
	return w.Commit()
}

func mustBuild(t *testing.T, dir string, o Options, want files) Summary {
	t.Helper()
	s, err := build(dir, o, want)
	require.NoError(t, err)
	return s
}

// disk reads a directory, folders and all; nil where there is none.
func onDisk(t *testing.T, dir string) files {
	t.Helper()
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	got := files{}
	dir, err := filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		require.NoError(t, err)
		rel, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		rel = filepath.ToSlash(rel)
		switch {
		case rel == ".":
		case e.IsDir():
			got[rel+"/"] = ""
		case e.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			require.NoError(t, err)
			got[rel] = "-> " + to
		default:
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			got[rel] = string(text)
			info, err := e.Info()
			require.NoError(t, err)
			if modesKept && !strings.HasPrefix(rel, workName) {
				require.Equal(t, strings.HasSuffix(rel, ".sh"), info.Mode()&0o100 != 0, "mode of %s", rel)
			}
		}
		return nil
	}))
	return got
}

// put writes files into a directory as a user would.
func put(t *testing.T, dir string, want files) {
	t.Helper()
	for path, text := range want {
		full := filepath.Join(dir, filepath.FromSlash(path))
		if strings.HasSuffix(path, "/") {
			require.NoError(t, os.MkdirAll(full, 0o755))
			continue
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		mode := fs.FileMode(0o644)
		if strings.HasSuffix(path, ".sh") {
			mode = 0o755
		}
		require.NoError(t, os.WriteFile(full, []byte(text), mode))
	}
}

// plus is a tree with its folders and its lock: what a directory must hold after a build.
func (want files) plus(t *testing.T, spec string, more files) files {
	t.Helper()
	all := maps.Clone(want)
	lock := Lock{SpecSHA256: spec}
	for _, path := range slices.Sorted(maps.Keys(want)) {
		mode := uint32(0o644)
		if strings.HasSuffix(path, ".sh") {
			mode = 0o755
		}
		lock.Files = append(lock.Files, LockedFile{Path: path, SHA256: sumOf(want[path]), Mode: mode})
	}
	var text strings.Builder
	require.NoError(t, lock.write(&text))
	all[lockName] = text.String()
	maps.Copy(all, more)
	for path := range all {
		for dir := parent(strings.TrimSuffix(path, "/")); dir != ""; dir = parent(dir) {
			all[dir+"/"] = ""
		}
	}
	return all
}

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hexSum(sum[:])
}

var specSum = sumOf("spec")

func TestNewTree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	want := files{"RUNBOOK.md": "run\n", "manifests/pay/service-a.yaml": "a\n", "vms/pay/v1/install.sh": "#!/bin/sh\n", "empty": ""}
	s := mustBuild(t, dir, Options{SpecSHA256: specSum}, want)
	require.Equal(t, Summary{Written: []string{"RUNBOOK.md", "empty", "manifests/pay/service-a.yaml", "vms/pay/v1/install.sh"}}, s)
	require.Equal(t, want.plus(t, specSum, nil), onDisk(t, dir))

	lock, err := os.ReadFile(filepath.Join(dir, lockName))
	require.NoError(t, err)
	require.Equal(t, `{
  "format": 1,
  "spec": "`+specSum+`",
  "files": [
    {"path": "RUNBOOK.md", "sha256": "`+sumOf("run\n")+`"},
    {"path": "empty", "sha256": "`+emptySum+`"},
    {"path": "manifests/pay/service-a.yaml", "sha256": "`+sumOf("a\n")+`"},
    {"path": "vms/pay/v1/install.sh", "sha256": "`+sumOf("#!/bin/sh\n")+`", "mode": "0755"}
  ]
}
`, string(lock))
}

func TestEmptyDirectoryAndEmptyTree(t *testing.T) {
	dir := t.TempDir()
	mustBuild(t, dir, Options{}, files{"a": "1"})
	require.Equal(t, Summary{Removed: []string{"a"}}, mustBuild(t, dir, Options{}, files{}))
	require.Equal(t, files{}.plus(t, "", nil), onDisk(t, dir), "the directory itself stays")
	lock, err := ReadLock(dir)
	require.NoError(t, err)
	require.Empty(t, lock.Files)
}

func TestObjectsOfOneFile(t *testing.T) {
	dir := t.TempDir()
	w, err := Open(dir, Options{})
	require.NoError(t, err)
	defer w.Abort()
	text := []byte("kind: A\n")
	require.NoError(t, w.Object("m/a.yaml", text))
	copy(text, "XXXXXXXX") // the text is the caller's again
	require.NoError(t, w.Object("m/a.yaml", []byte("kind: B")))
	require.NoError(t, w.Object("m/a.yaml", []byte("kind: C\n")))
	require.NoError(t, w.Object("m/b.yaml", []byte("kind: D\n")))
	_, err = w.Commit()
	require.NoError(t, err)
	want := files{"m/a.yaml": "kind: A\n---\nkind: B\n---\nkind: C\n", "m/b.yaml": "kind: D\n"}
	require.Equal(t, want.plus(t, "", nil), onDisk(t, dir))
}

func TestObjectsThatDoNotFollowEachOther(t *testing.T) {
	dir := t.TempDir()
	w, err := Open(dir, Options{})
	require.NoError(t, err)
	require.NoError(t, w.Object("a", []byte("1\n")))
	require.NoError(t, w.Object("b", []byte("1\n")))
	const says = "a would be written twice"
	require.EqualError(t, w.Object("a", []byte("2\n")), says)
	require.EqualError(t, w.Object("c", []byte("1\n")), says, "the first error stays")
	require.EqualError(t, w.File(manifest.File{Path: "d", Mode: 0o644}), says)
	_, err = w.Commit()
	require.EqualError(t, err, says)
	require.Empty(t, onDisk(t, dir))
}

func TestBigFileIsNotHeldInMemory(t *testing.T) {
	dir := t.TempDir()
	object := []byte(strings.Repeat("x", 1<<16) + "\n")
	const count = 5 * spillSize >> 16
	closed := 0
	write := func() Summary {
		w, err := Open(dir, Options{hook: func(op, path string) error {
			if op == "close" && parent(path) == stageName {
				closed++
			}
			return nil
		}})
		require.NoError(t, err)
		defer w.Abort()
		for range count {
			require.NoError(t, w.Object("big.yaml", object))
			require.LessOrEqual(t, cap(w.cur.text), 2*spillSize)
		}
		require.NoError(t, w.Object("small.yaml", []byte("s\n")))
		s, err := w.Commit()
		require.NoError(t, err)
		return s
	}
	require.Equal(t, []string{"big.yaml", "small.yaml"}, write().Written)
	want := files{"big.yaml": strings.TrimPrefix(strings.Repeat("---\n"+string(object), count), "---\n"), "small.yaml": "s\n"}
	require.Equal(t, want.plus(t, "", nil), onDisk(t, dir))
	require.Equal(t, 3, closed, "two files and the lock")
	require.Equal(t, Summary{Unchanged: 2}, write())
	require.Equal(t, 4, closed, "the big one again: it was staged before it was known to be the same")
	require.Equal(t, want.plus(t, "", nil), onDisk(t, dir))
}

func TestRebuildTouchesOnlyWhatChanged(t *testing.T) {
	dir := t.TempDir()
	mine := files{"notes.txt": "mine\n", "manifests/old/kept-by-me": "m\n", "own/": ""}
	mustBuild(t, dir, Options{}, files{"same": "1\n", "changed": "1\n", "run.sh": "1\n", "manifests/old/x": "1\n", "manifests/gone/deep/x": "1\n", "manifests/both/x": "1\n"})
	put(t, dir, mine)
	long := time.Unix(1e9, 0)
	for _, path := range []string{"same", "changed", "run.sh", lockName} {
		require.NoError(t, os.Chtimes(filepath.Join(dir, path), long, long))
	}
	want := files{"same": "1\n", "changed": "2\n", "run.sh": "1\n", "manifests/both/y": "1\n", "new/a/b": "n\n"}
	s := mustBuild(t, dir, Options{}, want)
	require.Equal(t, Summary{
		Written: []string{"changed", "manifests/both/y", "new/a/b"}, Unchanged: 2,
		Removed: []string{"manifests/both/x", "manifests/gone/deep/x", "manifests/old/x"},
	}, s)
	require.Equal(t, want.plus(t, "", mine), onDisk(t, dir), "folders that became empty are gone, others are not")
	for path, kept := range map[string]bool{"same": true, "run.sh": true, "changed": false, lockName: false} {
		info, err := os.Stat(filepath.Join(dir, path))
		require.NoError(t, err)
		require.Equal(t, kept, info.ModTime().Equal(long), path)
	}

	for _, path := range []string{"same", lockName} {
		require.NoError(t, os.Chtimes(filepath.Join(dir, path), long, long))
	}
	require.Equal(t, Summary{Unchanged: 5}, mustBuild(t, dir, Options{}, want))
	info, err := os.Stat(filepath.Join(dir, lockName))
	require.NoError(t, err)
	require.True(t, info.ModTime().Equal(long), "the lock too is left alone")

	mustBuild(t, dir, Options{SpecSHA256: specSum}, want)
	require.Equal(t, want.plus(t, specSum, mine), onDisk(t, dir), "another spec, the same files")
}

func TestDeletedFileComesBack(t *testing.T) {
	dir := t.TempDir()
	want := files{"m/a": "1\n", "m/b": "1\n"}
	mustBuild(t, dir, Options{}, want)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "m")))
	require.Equal(t, []string{"m/a", "m/b"}, mustBuild(t, dir, Options{}, want).Written)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "m")))
	require.Equal(t, Summary{}, mustBuild(t, dir, Options{}, files{}), "no longer produced and gone already")
	require.Equal(t, files{}.plus(t, "", nil), onDisk(t, dir))
}

func TestNothingChangesBeforeCommit(t *testing.T) {
	dir := t.TempDir()
	old := files{"a": "1\n", "m/b": "1\n"}
	mustBuild(t, dir, Options{}, old)
	before := onDisk(t, dir)
	w, err := Open(dir, Options{})
	require.NoError(t, err)
	require.NoError(t, files{"a": "2\n", "n/c": "2\n"}.add(w))
	during := onDisk(t, dir)
	maps.DeleteFunc(during, func(path, _ string) bool { return strings.HasPrefix(path, workName+"/") })
	require.Equal(t, before, during)
	w.Abort()
	require.Equal(t, before, onDisk(t, dir))
	w.Abort()
	require.ErrorIs(t, w.Object("x", []byte("x")), errClosed)
}

func TestAbortRemovesWhatOpenMade(t *testing.T) {
	top := t.TempDir()
	w, err := Open(filepath.Join(top, "a", "b"), Options{})
	require.NoError(t, err)
	require.NoError(t, files{"x/y": "1"}.add(w))
	require.NoError(t, w.Object("open", []byte("unfinished")))
	w.Abort()
	require.Empty(t, onDisk(t, top))
}

func TestAbortAfterCommit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	w, err := Open(dir, Options{})
	require.NoError(t, err)
	_, err = w.Commit()
	require.NoError(t, err)
	w.Abort()
	require.Equal(t, files{}.plus(t, "", nil), onDisk(t, dir))
	_, err = w.Commit()
	require.ErrorIs(t, err, errClosed)
}

func TestModes(t *testing.T) {
	if !modesKept {
		require.True(t, sameMode(0o666, true))
		return
	}
	dir := t.TempDir()
	write := func(mode uint32) Summary {
		w, err := Open(dir, Options{})
		require.NoError(t, err)
		defer w.Abort()
		require.NoError(t, w.File(manifest.File{Path: "f", Mode: mode, Data: []byte("same")}))
		s, err := w.Commit()
		require.NoError(t, err)
		return s
	}
	mode := func() fs.FileMode {
		info, err := os.Stat(filepath.Join(dir, "f"))
		require.NoError(t, err)
		return info.Mode() & 0o100
	}
	require.Len(t, write(0o644).Written, 1)
	require.Zero(t, mode())
	require.Len(t, write(0o755).Written, 1, "only the mode differs")
	require.NotZero(t, mode())
	lock, err := ReadLock(dir)
	require.NoError(t, err)
	require.Equal(t, uint32(0o755), lock.Files[0].Mode)
	require.NoError(t, os.Chmod(filepath.Join(dir, "f"), 0o600))
	require.Len(t, write(0o755).Written, 1, "a changed mode is mended")
	require.NotZero(t, mode())
	require.Len(t, write(0o644).Written, 1)
	require.Zero(t, mode())
	require.NoError(t, os.Chmod(filepath.Join(dir, "f"), 0o664))
	require.Equal(t, 1, write(0o644).Unchanged, "other bits are the user's and the umask's")

	w, err := Open(dir, Options{})
	require.NoError(t, err)
	defer w.Abort()
	require.EqualError(t, w.File(manifest.File{Path: "x", Mode: 0o600}), "x has the mode 0600; it can have 0644 or 0755")
}

func TestSpecSum(t *testing.T) {
	_, err := Open(t.TempDir(), Options{SpecSHA256: "latest"})
	require.EqualError(t, err, `"latest" is no sha256 of a spec`)
}
