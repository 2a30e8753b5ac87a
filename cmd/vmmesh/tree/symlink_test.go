package tree

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func symlink(t *testing.T, to, at string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
	if err := os.Symlink(to, at); err != nil {
		t.Fatalf("this test needs symbolic links: %v", err)
	}
}

func TestSymlinksAreNeverFollowed(t *testing.T) {
	want := files{"manifests/pay/a.yaml": "1\n", "b": "1\n"}
	for name, c := range map[string]struct {
		at, to string
		old    files // an earlier build, with the link in its place afterwards
	}{
		"folder, out of the tree":         {at: "manifests", to: "OUT"},
		"inner folder, out of the tree":   {at: "manifests/pay", to: "OUT"},
		"folder, within the tree":         {at: "manifests", to: "mine"},
		"folder, dangling":                {at: "manifests", to: "nowhere"},
		"file, out of the tree":           {at: "b", to: "OUT/pay/a.yaml"},
		"file, within the tree":           {at: "b", to: "mine/pay/a.yaml"},
		"file, right content":             {at: "b", to: "mine/right"},
		"file, dangling":                  {at: "b", to: "nowhere"},
		"file, itself":                    {at: "b", to: "b"},
		"stale file":                      {at: "stale", to: "OUT/pay/a.yaml", old: files{"stale": "1\n"}},
		"folder of a stale file":          {at: "stale", to: "OUT", old: files{"stale/pay/a.yaml": "out\n"}},
		"folder of a stale file, within":  {at: "stale", to: "mine", old: files{"stale/right": "1\n"}},
		"owned file became a link":        {at: "b", to: "mine/right", old: files{"b": "1\n"}},
		"folder of owned files is a link": {at: "manifests", to: "mine", old: files{"manifests/pay/a.yaml": "out\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, out := t.TempDir(), t.TempDir()
			put(t, out, files{"pay/a.yaml": "out\n"})
			if c.old != nil {
				mustBuild(t, dir, Options{}, c.old)
				require.NoError(t, os.RemoveAll(filepath.Join(dir, c.at)))
			}
			put(t, dir, files{"mine/pay/a.yaml": "out\n", "mine/right": "1\n"})
			to := c.to
			if below, ok := strings.CutPrefix(to, "OUT"); ok {
				to = out + below
			}
			symlink(t, to, filepath.Join(dir, c.at))
			before := onDisk(t, dir)
			for _, force := range []bool{false, true} {
				_, err := build(dir, Options{Force: force}, want)
				obstacle, ok := errors.AsType[*ObstacleError](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, []Obstacle{{c.at, "a symbolic link"}}, obstacle.Obstacles)
				require.Equal(t, before, onDisk(t, dir))
				require.Equal(t, files{"pay/": "", "pay/a.yaml": "out\n"}, onDisk(t, out))
			}
		})
	}
}

func TestObstaclesAndConflictsTogether(t *testing.T) {
	dir := t.TempDir()
	symlink(t, "nowhere", filepath.Join(dir, "z"))
	symlink(t, "nowhere", filepath.Join(dir, "b"))
	put(t, dir, files{"c": "mine\n"})
	_, err := build(dir, Options{}, files{"b": "1", "c": "1", "z/x": "1", "z/y": "1"})
	obstacle, ok := errors.AsType[*ObstacleError](err)
	require.True(t, ok)
	require.Equal(t, []Obstacle{{"b", "a symbolic link"}, {"z", "a symbolic link"}}, obstacle.Obstacles)
	conflict, ok := errors.AsType[*ConflictError](err)
	require.True(t, ok)
	require.Equal(t, []string{"c"}, conflict.Foreign)
	require.Equal(t, "in the way of the output, and not to be replaced:\n  "+filepath.Join(dir, "b")+" is a symbolic link\n  "+
		filepath.Join(dir, "z")+" is a symbolic link\nnothing was written; move it away, or write to another directory\n"+conflict.Error(), err.Error())
}

func TestDirectoryMayBeASymlink(t *testing.T) {
	top := t.TempDir()
	put(t, top, files{"real/": ""})
	symlink(t, "real", filepath.Join(top, "link"))
	mustBuild(t, filepath.Join(top, "link"), Options{}, files{"a": "1\n"})
	require.Equal(t, files{"a": "1\n"}.plus(t, "", nil), onDisk(t, filepath.Join(top, "real")))

	symlink(t, "nowhere", filepath.Join(top, "dangling"))
	_, err := Open(filepath.Join(top, "dangling"), Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "cannot write to "+filepath.Join(top, "dangling")+": ")
}

func TestWorkFolderIsNoFolder(t *testing.T) {
	for what, plant := range map[string]func(dir string){
		"a symbolic link": func(dir string) { symlink(t, t.TempDir(), filepath.Join(dir, workName)) },
		"a file":          func(dir string) { put(t, dir, files{workName: "mine\n"}) },
	} {
		dir := t.TempDir()
		plant(dir)
		before := onDisk(t, dir)
		_, err := Open(dir, Options{Force: true})
		require.Equal(t, &ObstacleError{Dir: dir, Obstacles: []Obstacle{{workName, what}}}, err)
		require.Equal(t, before, onDisk(t, dir))
	}
}

func TestLinksInsideTheWorkFolder(t *testing.T) {
	out := t.TempDir()
	put(t, out, files{"precious": "p\n"})
	dir := t.TempDir()
	put(t, dir, files{workName + "/": ""})
	symlink(t, out, filepath.Join(dir, workName, "stage"))
	symlink(t, out, filepath.Join(dir, workName, "backup"))
	mustBuild(t, dir, Options{}, files{"a": "1\n"})
	require.Equal(t, files{"a": "1\n"}.plus(t, "", nil), onDisk(t, dir))
	require.Equal(t, files{"precious": "p\n"}, onDisk(t, out))

	put(t, dir, files{workName + "/": ""})
	symlink(t, filepath.Join(out, "precious"), filepath.Join(dir, workName, "lock"))
	_, err := Open(dir, Options{})
	require.Error(t, err, "the guard may not be a link")
	require.Equal(t, files{"precious": "p\n"}, onDisk(t, out))
}

func TestLockIsASymlink(t *testing.T) {
	dir := t.TempDir()
	mustBuild(t, dir, Options{}, files{"a": "1\n"})
	require.NoError(t, os.Rename(filepath.Join(dir, lockName), filepath.Join(dir, "elsewhere")))
	symlink(t, "elsewhere", filepath.Join(dir, lockName))
	_, err := Open(dir, Options{Force: true})
	require.ErrorContains(t, err, filepath.Join(dir, lockName)+" is a symbolic link and no lock of vmmesh: ")
	_, err = ReadLock(dir)
	require.ErrorContains(t, err, " is a symbolic link and no lock of vmmesh: ")
}
