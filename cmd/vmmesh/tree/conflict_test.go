package tree

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConflictsAreListedAndNothingIsWritten(t *testing.T) {
	dir := t.TempDir()
	mustBuild(t, dir, Options{}, files{"a": "1\n", "b": "1\n", "gone": "1\n", "gone-too": "1\n", "same-edit": "1\n", "fine": "1\n"})
	put(t, dir, files{
		"b": "edited\n", "a": "edited\n", "gone": "edited\n", "same-edit": "2\n",
		"new": "not yours\n", "m/x": "not yours\n", "adopt": "2\n", "bystander": "mine\n",
	})
	before := onDisk(t, dir)
	want := files{"a": "2\n", "b": "2\n", "same-edit": "2\n", "fine": "2\n", "new": "2\n", "m/x": "2\n", "adopt": "2\n"}

	_, err := build(dir, Options{}, want)
	require.Equal(t, &ConflictError{Dir: dir, Edited: []string{"a", "b", "gone"}, Foreign: []string{"m/x", "new"}}, err)
	require.Equal(t, before, onDisk(t, dir))

	s := mustBuild(t, dir, Options{Force: true}, want)
	require.Equal(t, Summary{Written: []string{"a", "b", "fine", "m/x", "new"}, Unchanged: 2, Removed: []string{"gone", "gone-too"}}, s)
	require.Equal(t, want.plus(t, "", files{"bystander": "mine\n"}), onDisk(t, dir))
}

func TestEditedFileOfTheSameContentAsBefore(t *testing.T) {
	dir := t.TempDir()
	want := files{"a": "1\n"}
	mustBuild(t, dir, Options{}, want)
	put(t, dir, files{"a": "edited\n"})
	_, err := build(dir, Options{}, want)
	require.Equal(t, &ConflictError{Dir: dir, Edited: []string{"a"}}, err, "an edit is not lost even when the spec did not change")
}

func TestConflictErrorText(t *testing.T) {
	err := &ConflictError{Dir: "build", Edited: []string{"a", "m/b"}, Foreign: []string{"c"}}
	require.Equal(t, filepath.FromSlash(`changed by hand since vmmesh wrote:
  build/a
  build/m/b
in the way and not written by vmmesh:
  build/c
`)+`nothing was written; move the changes elsewhere, or use --force to overwrite them`, err.Error())
}

func TestAdoptedTree(t *testing.T) {
	dir := t.TempDir()
	want := files{"m/a": "1\n", "run.sh": "1\n"}
	put(t, dir, want)
	require.Equal(t, Summary{Unchanged: 2}, mustBuild(t, dir, Options{}, want))
	require.Equal(t, want.plus(t, "", nil), onDisk(t, dir))
	require.Equal(t, Summary{Removed: []string{"m/a", "run.sh"}}, mustBuild(t, dir, Options{}, files{}), "adopted files are owned")
}

func TestFilesBecomeFoldersAndBack(t *testing.T) {
	dir := t.TempDir()
	one := files{"a": "1\n", "b/x/y": "1\n", "b/z": "1\n"}
	two := files{"a/x/y": "2\n", "a/z": "2\n", "b": "2\n"}
	mustBuild(t, dir, Options{}, one)
	mustBuild(t, dir, Options{}, two)
	require.Equal(t, two.plus(t, "", nil), onDisk(t, dir))
	mustBuild(t, dir, Options{}, one)
	require.Equal(t, one.plus(t, "", nil), onDisk(t, dir))
}

func TestFolderInTheWayOfAFile(t *testing.T) {
	for what, mine := range map[string]files{
		"a folder with other files in it (b/x/mine)":  {"b/x/mine": "m\n"},
		"a folder with other files in it (b/x/empty)": {"b/x/empty/": ""},
	} {
		dir := t.TempDir()
		mustBuild(t, dir, Options{}, files{"b/x/y": "1\n"})
		put(t, dir, mine)
		before := onDisk(t, dir)
		for _, force := range []bool{false, true} {
			_, err := build(dir, Options{Force: force}, files{"b": "2\n"})
			require.Equal(t, &ObstacleError{Dir: dir, Obstacles: []Obstacle{{"b", what}}}, err)
			require.Equal(t, before, onDisk(t, dir))
		}
	}
	dir := t.TempDir()
	put(t, dir, files{"b/": ""})
	_, err := build(dir, Options{Force: true}, files{"b": "2\n"})
	require.Equal(t, &ObstacleError{Dir: dir, Obstacles: []Obstacle{{"b", "a folder"}}}, err, "an empty folder is the user's too")
}

func TestFileInTheWayOfAFolder(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, files{"m": "mine\n"})
	want := files{"m/a": "1\n", "m/b/c": "1\n"}
	_, err := build(dir, Options{}, want)
	require.Equal(t, &ConflictError{Dir: dir, Foreign: []string{"m"}}, err)
	require.Equal(t, files{"m": "mine\n"}, onDisk(t, dir))
	mustBuild(t, dir, Options{Force: true}, want)
	require.Equal(t, want.plus(t, "", nil), onDisk(t, dir))
}

func TestEditedFileInTheWayOfAFolder(t *testing.T) {
	dir := t.TempDir()
	mustBuild(t, dir, Options{}, files{"m": "1\n"})
	put(t, dir, files{"m": "edited\n"})
	_, err := build(dir, Options{}, files{"m/a": "1\n"})
	require.Equal(t, &ConflictError{Dir: dir, Edited: []string{"m"}}, err)
	mustBuild(t, dir, Options{Force: true}, files{"m/a": "1\n"})
	require.Equal(t, files{"m/a": "1\n"}.plus(t, "", nil), onDisk(t, dir))
}

func TestStalePathBecameAFolder(t *testing.T) {
	dir := t.TempDir()
	mustBuild(t, dir, Options{}, files{"a": "1\n"})
	require.NoError(t, os.Remove(filepath.Join(dir, "a")))
	put(t, dir, files{"a/mine": "m\n"})
	_, err := build(dir, Options{Force: true}, files{})
	require.Equal(t, &ObstacleError{Dir: dir, Obstacles: []Obstacle{{"a", "a folder"}}}, err)
}

func TestFilesThatAppearDuringTheBuild(t *testing.T) {
	dir := t.TempDir()
	mustBuild(t, dir, Options{}, files{"a": "1\n"})
	for _, c := range []struct {
		meanwhile files
		want      error
	}{
		{files{"m/b": "mine\n"}, &ConflictError{Dir: dir, Foreign: []string{"m/b"}}},
		{files{"a": "edited\n"}, &ConflictError{Dir: dir, Edited: []string{"a"}}},
		{files{"a": "2\n", "m/b": "2\n"}, nil},
	} {
		w, err := Open(dir, Options{})
		require.NoError(t, err)
		require.NoError(t, files{"a": "2\n", "m/b": "2\n"}.add(w))
		put(t, dir, c.meanwhile)
		s, err := w.Commit()
		require.Equal(t, c.want, err)
		if c.want == nil {
			require.Equal(t, Summary{Unchanged: 2}, s)
			require.Equal(t, files{"a": "2\n", "m/b": "2\n"}.plus(t, "", nil), onDisk(t, dir))
			continue
		}
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "m")))
		put(t, dir, files{"a": "1\n"})
	}
}

func TestFilesAreNotEditedByTheirCase(t *testing.T) {
	dir := t.TempDir()
	mustBuild(t, dir, Options{}, files{"A": "1\n"})
	s := mustBuild(t, dir, Options{}, files{"a": "1\n"})
	got := onDisk(t, dir)
	if len(s.Removed) == 0 { // a file system where both are one file
		require.Equal(t, "1\n", got["A"])
		return
	}
	require.Equal(t, files{"a": "1\n"}.plus(t, "", nil), got)
}
