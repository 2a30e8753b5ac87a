package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// The scenario of the fault tests has one of everything that a commit can do.
var (
	faultOld = files{
		"same": "1\n", "changed": "1\n", "stale/deep/x": "1\n", "stale/y": "1\n", "mixed/x": "1\n",
		"file": "1\n", "folder/x": "1\n", "m/a": "1\n",
	}
	faultNew = files{
		"same": "1\n", "changed": "2\n", "file/x": "2\n", "folder": "2\n", "m/a": "2\n", "m/b": "2\n",
		"new/deep/x": "2\n", "new/run.sh": "2\n",
	}
	faultMine = files{"mixed/mine": "m\n", "mine": "m\n"}
)

var errFault = errors.New("injected fault")

// faulty counts the steps of a run. From the step number at on, or at that step only, they fail.
type faulty struct {
	at     int
	killed bool // all steps after it fail too, as for a process that is gone
	steps  int
	last   string // the step that failed first
}

func (f *faulty) hook(op, path string) error {
	f.steps++
	if f.at == 0 || f.steps < f.at || f.steps > f.at && !f.killed {
		return nil
	}
	if f.last == "" {
		f.last = op + " " + path
	}
	return errFault
}

// state names what a directory holds: "old", "new", or neither.
func state(t *testing.T, dir string, old, want files) string {
	t.Helper()
	got := onDisk(t, dir)
	maps.DeleteFunc(got, func(path, _ string) bool { return strings.HasPrefix(path, workName) })
	switch {
	case maps.Equal(got, want):
		return "new"
	case maps.Equal(got, old) || len(old) == 0 && len(got) == 0:
		return "old"
	}
	return fmt.Sprintf("neither: %q", got)
}

// prepareFault makes the directory of the scenario.
func prepareFault(t *testing.T) (dir string, old, want files) {
	t.Helper()
	dir = t.TempDir()
	old = faultOld.plus(t, "", faultMine)
	put(t, dir, old) // as a build would, but faster: nothing is forced to disk
	return dir, old, faultNew.plus(t, specSum, faultMine)
}

func (f *faulty) options() Options { return Options{SpecSHA256: specSum, hook: f.hook} }

// countSteps is how many steps a run of the scenario has.
func countSteps(t *testing.T) int {
	t.Helper()
	dir, _, want := prepareFault(t)
	var none faulty
	mustBuild(t, dir, none.options(), faultNew)
	require.Equal(t, want, onDisk(t, dir))
	require.Greater(t, none.steps, 50)
	return none.steps
}

func TestOneFaultAtEveryStep(t *testing.T) {
	t.Parallel()
	for at, last := 1, countSteps(t); at <= last; at++ {
		dir, old, want := prepareFault(t)
		fault := faulty{at: at}
		_, err := build(dir, fault.options(), faultNew)
		require.NotEmpty(t, fault.last)
		says := fmt.Sprintf("step %d, %s: %v", at, fault.last, err)
		if err != nil {
			require.ErrorIs(t, err, errFault, says)
			require.Equal(t, "old", state(t, dir, old, want), says)
		} else { // what failed was only cleaning up, or there was another way
			require.Equal(t, "new", state(t, dir, old, want), says)
		}
		mustBuild(t, dir, Options{SpecSHA256: specSum}, faultNew)
		require.Equal(t, want, onDisk(t, dir), says)
	}
}

func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	var completed, asBefore int
	for at, last := 1, countSteps(t); at <= last; at++ {
		dir, old, want := prepareFault(t)
		fault := faulty{at: at, killed: true}
		_, err := build(dir, fault.options(), faultNew)
		says := fmt.Sprintf("step %d, %s: %v", at, fault.last, err)

		w, err := Open(dir, Options{SpecSHA256: specSum})
		require.NoError(t, err, says)
		after := state(t, dir, old, want)
		switch w.Recovered() {
		case Completed:
			completed++
			require.Equal(t, "new", after, says)
		case NothingToRecover:
			asBefore++
			require.Contains(t, []string{"old", "new"}, after, says)
		default:
			t.Fatalf("%s: taken back", says)
		}
		w.Abort()
		require.Equal(t, after, state(t, dir, old, want), says)
		mustBuild(t, dir, Options{SpecSHA256: specSum}, faultNew)
		require.Equal(t, want, onDisk(t, dir), says)
	}
	require.Greater(t, completed, 20)
	require.Greater(t, asBefore, 20)
}

func TestKilledInANewDirectory(t *testing.T) {
	t.Parallel()
	want := faultNew.plus(t, specSum, nil)
	for at := 1; ; at++ {
		dir := filepath.Join(t.TempDir(), "a", "b")
		fault := faulty{at: at, killed: true}
		_, _ = build(dir, fault.options(), faultNew)
		if fault.last == "" {
			require.Equal(t, want, onDisk(t, dir))
			return
		}
		w, err := Open(dir, Options{SpecSHA256: specSum})
		require.NoError(t, err)
		require.Contains(t, []string{"old", "new"}, state(t, dir, nil, want), fault.last)
		w.Abort()
		mustBuild(t, dir, Options{SpecSHA256: specSum}, faultNew)
		require.Equal(t, want, onDisk(t, dir), fault.last)
	}
}

// interrupted is a directory whose build was killed in the middle of its commit, just before a step: this one,
// or with a slash at its end the first in that folder.
func interrupted(t *testing.T, before string) (dir string, old, want files) {
	t.Helper()
	dir, old, want = prepareFault(t)
	killed := false
	_, err := build(dir, Options{SpecSHA256: specSum, hook: func(op, path string) error {
		step := op + " " + path
		killed = killed || step == before || strings.HasSuffix(before, "/") && strings.HasPrefix(step, before)
		if killed {
			return errFault
		}
		return nil
	}}, faultNew)
	require.True(t, killed, before)
	require.ErrorIs(t, err, errFault)
	require.ErrorContains(t, err, "the next build will complete it")
	return dir, old, want
}

func TestRecoveryWithFaultsAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"rename " + backupName + "/", "rename m/a", "remove .vmmesh.work/journal"} {
		for _, killed := range []bool{false, true} {
			for at := 1; ; at++ {
				dir, old, want := interrupted(t, before)
				fault := faulty{at: at, killed: killed}
				w, err := Open(dir, fault.options())
				steps := fault.steps
				says := fmt.Sprintf("%s, killed %t, step %d, %s: %v", before, killed, at, fault.last, err)
				if err == nil {
					require.Contains(t, []string{"old", "new"}, state(t, dir, old, want), says)
					w.Abort()
				} else {
					require.ErrorIs(t, err, errFault, says)
				}
				w, err = Open(dir, Options{SpecSHA256: specSum})
				require.NoError(t, err, says)
				require.Contains(t, []string{"old", "new"}, state(t, dir, old, want), says)
				w.Abort()
				mustBuild(t, dir, Options{SpecSHA256: specSum}, faultNew)
				require.Equal(t, want, onDisk(t, dir), says)
				if steps < at {
					break
				}
			}
		}
	}
}

func TestTakingBackIsKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	// The commit fails at its last file for a reason of its own, and then taking it back is killed.
	steps := 0
	for at := 1; ; at++ {
		dir, old, want := prepareFault(t)
		failed, undone := false, 0
		_, err := build(dir, Options{SpecSHA256: specSum, hook: func(op, path string) error {
			if failed {
				if undone++; undone >= at {
					return errFault
				}
			}
			if op == "rename" && path == lockName && !failed {
				failed = true
				return syscall.ENOSPC
			}
			return nil
		}}, faultNew)
		require.ErrorIs(t, err, syscall.ENOSPC)
		says := fmt.Sprintf("step %d: %v", at, err)
		w, err := Open(dir, Options{})
		require.NoError(t, err, says)
		require.Equal(t, map[Recovery]string{Completed: "new", TakenBack: "old", NothingToRecover: "old"}[w.Recovered()], state(t, dir, old, want), says)
		w.Abort()
		mustBuild(t, dir, Options{SpecSHA256: specSum}, faultNew)
		require.Equal(t, want, onDisk(t, dir), says)
		if undone < at {
			break
		}
		steps++
	}
	require.Greater(t, steps, 20)
}

func TestRecoveryThatCannotGoForwardGoesBack(t *testing.T) {
	dir, old, want := interrupted(t, "rename m/a")
	w, err := Open(dir, Options{hook: func(op, path string) error {
		if op == "rename" && path == "m/a" {
			return syscall.EACCES
		}
		return nil
	}})
	require.NoError(t, err)
	require.Equal(t, TakenBack, w.Recovered())
	require.Equal(t, "old", state(t, dir, old, want))
	w.Abort()
	require.Equal(t, old, onDisk(t, dir))
}

func TestStagedFilesLostInAPowerCut(t *testing.T) {
	for _, before := range []string{"rename m/a", "rename .vmmesh.lock"} {
		for name, damage := range map[string]func(dir string){
			"a staged file is empty": func(dir string) {
				staged, err := filepath.Glob(filepath.Join(dir, workName, "stage", "*"))
				require.NoError(t, err)
				require.NotEmpty(t, staged)
				for _, path := range staged {
					require.NoError(t, os.Truncate(path, 0))
				}
			},
			"a file in its place is empty": func(dir string) {
				require.NoError(t, os.Truncate(filepath.Join(dir, "changed"), 0))
			},
		} {
			dir, old, want := interrupted(t, before)
			require.Equal(t, "2\n", onDisk(t, dir)["changed"])
			damage(dir)
			w, err := Open(dir, Options{})
			require.NoError(t, err, name)
			require.Equal(t, TakenBack, w.Recovered(), name)
			require.Equal(t, "old", state(t, dir, old, want), name)
			w.Abort()
		}
	}
}

func TestEditsBetweenAKilledBuildAndTheNext(t *testing.T) {
	dir, _, want := interrupted(t, "rename m/a")
	put(t, dir, files{"m/a": "edited\n", "m/b": "mine\n"})
	before := onDisk(t, dir)
	_, err := Open(dir, Options{})
	conflict, ok := errors.AsType[*ConflictError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, &ConflictError{Dir: dir, Edited: []string{"m/a"}, Foreign: []string{"m/b"}}, conflict)
	require.ErrorContains(t, err, "an earlier build was interrupted and cannot be completed: changed by hand")
	require.Equal(t, before, withoutGuard(onDisk(t, dir), before))

	mustBuild(t, dir, Options{Force: true, SpecSHA256: specSum}, faultNew)
	require.Equal(t, want, onDisk(t, dir))
}

func TestEditsOfFilesThatAKilledBuildWouldRemove(t *testing.T) {
	dir, _, want := interrupted(t, "rename "+backupName+"/")
	put(t, dir, files{"stale/y": "edited\n"})
	_, err := Open(dir, Options{})
	conflict, ok := errors.AsType[*ConflictError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, []string{"stale/y"}, conflict.Edited)
	mustBuild(t, dir, Options{Force: true, SpecSHA256: specSum}, faultNew)
	require.Equal(t, want, onDisk(t, dir))
}

func TestNewFilesWhereAKilledBuildRemovedSome(t *testing.T) {
	dir, _, want := interrupted(t, "rename m/a")
	put(t, dir, files{"stale/y": "mine\n"})
	w, err := Open(dir, Options{})
	require.NoError(t, err)
	require.Equal(t, Completed, w.Recovered())
	w.Abort()
	maps.Copy(want, files{"stale/": "", "stale/y": "mine\n"})
	require.Equal(t, want, onDisk(t, dir))
}

func TestEditsAreKeptWhenABuildIsTakenBack(t *testing.T) {
	dir, old, _ := interrupted(t, "rename m/a")
	put(t, dir, files{"changed": "edited\n", "file/x": "edited\n", "m/b": "2\n"}) // m/b: what the build would have written
	staged, err := filepath.Glob(filepath.Join(dir, workName, "stage", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, staged)
	for _, path := range staged {
		require.NoError(t, os.Truncate(path, 0))
	}
	w, err := Open(dir, Options{})
	require.NoError(t, err)
	require.Equal(t, TakenBack, w.Recovered())
	w.Abort()
	want := maps.Clone(old)
	maps.Copy(want, files{"changed": "edited\n", "file/": "", "file/x": "edited\n", "m/b": "2\n"})
	delete(want, "file") // a folder with the user's file stands there now
	require.Equal(t, want, onDisk(t, dir))
}

func TestObstaclesPutThereAfterAKilledBuild(t *testing.T) {
	for name, c := range map[string]struct {
		before   string
		plant    func(dir string)
		obstacle Obstacle
	}{
		"folder of a new file is a link": {"rename m/a", func(dir string) {
			require.NoError(t, os.Rename(filepath.Join(dir, "m"), filepath.Join(dir, "moved")))
			symlink(t, "moved", filepath.Join(dir, "m"))
		}, Obstacle{"m", "a symbolic link"}},
		"new file is a link": {"rename m/a", func(dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "m", "a")))
			symlink(t, "../mine", filepath.Join(dir, "m", "a"))
		}, Obstacle{"m/a", "a symbolic link"}},
		"new file is a folder": {"rename m/a", func(dir string) { put(t, dir, files{"m/b/mine": "m"}) }, Obstacle{"m/b", "a folder"}},
		"folder of a stale file is a link": {"rename .vmmesh.work/backup/", func(dir string) {
			require.NoError(t, os.Rename(filepath.Join(dir, "stale"), filepath.Join(dir, "moved")))
			symlink(t, "moved", filepath.Join(dir, "stale"))
		}, Obstacle{"stale", "a symbolic link"}},
		"stale file is a folder": {"rename .vmmesh.work/backup/", func(dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "stale", "y")))
			put(t, dir, files{"stale/y/mine": "m"})
		}, Obstacle{"stale/y", "a folder"}},
	} {
		dir, _, _ := interrupted(t, c.before)
		c.plant(dir)
		before := onDisk(t, dir)
		_, err := Open(dir, Options{Force: true})
		obstacle, ok := errors.AsType[*ObstacleError](err)
		require.True(t, ok, "%s: %v", name, err)
		require.Equal(t, []Obstacle{c.obstacle}, obstacle.Obstacles, name)
		require.Equal(t, before, withoutGuard(onDisk(t, dir), before), name)
	}
}

func TestFileWhereAKilledBuildNeedsAFolder(t *testing.T) {
	dir, _, want := interrupted(t, "mkdir new")
	put(t, dir, files{"new": "mine\n"})
	_, err := Open(dir, Options{})
	conflict, ok := errors.AsType[*ConflictError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, []string{"new"}, conflict.Foreign)

	mustBuild(t, dir, Options{Force: true, SpecSHA256: specSum}, faultNew)
	require.Equal(t, want, onDisk(t, dir), "taken back, and then built anew with force")
}

// withoutGuard forgets the guard's file, which stays when a work folder does, unless it was there before too.
func withoutGuard(got, before files) files {
	if _, ok := before[guardName]; !ok {
		delete(got, guardName)
	}
	return got
}

func TestDamagedJournals(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"no end":      {`{"do":"put","path":"m/a","id":1}` + "\n", "its end is missing"},
		"torn":        {`{"do":"put","path":"m/a",`, "unexpected EOF"},
		"out of tree": {`{"do":"put","path":"../a","id":1}` + "\n", `a part of it is ".."`},
		"its own":     {`{"do":"remove","path":".vmmesh.work/journal","id":1}` + "\n", "vmmesh's own"},
		"unknown":     {`{"do":"chmod","path":"a"}` + "\n", `there is no action "chmod"`},
		"other":       {`{"do":"end","format":1}` + "\n", "another version of vmmesh"},
		"copied":      {`{"do":"put","path":"m/a","id":1}` + "\n" + `{"do":"end","format":2,"owner":"1:2:3"}` + "\n", "not left by a build of yours"},
		"no owner":    {`{"do":"end","format":2}` + "\n", "not left by a build of yours"},
		"Git's":       {`{"do":"put","path":".git/hooks/pre-commit","id":1}` + "\n", "Git's own folder"},
	} {
		for _, journal := range []string{journalName, undoName} {
			dir, _, _ := interrupted(t, "rename m/a")
			require.NoError(t, os.Remove(filepath.Join(dir, journalName)))
			put(t, dir, files{journal: c.text})
			before := onDisk(t, dir)
			_, err := Open(dir, Options{Force: true})
			require.ErrorContains(t, err, c.says, name)
			require.ErrorContains(t, err, filepath.Join(dir, journal), name)
			require.Equal(t, before, withoutGuard(onDisk(t, dir), before), name)
		}
	}
}

func TestDraftOfAJournalIsNoJournal(t *testing.T) {
	dir, old, want := prepareFault(t)
	put(t, dir, files{draftName: `{"do":"remove","path":"mine","id":1}` + "\n" + `{"do":"end","format":1}`, stagePath(1): "x"})
	w, err := Open(dir, Options{})
	require.NoError(t, err)
	require.Equal(t, NothingToRecover, w.Recovered())
	require.Equal(t, "old", state(t, dir, old, want))
	require.NoError(t, faultNew.add(w))
	_, err = w.Commit()
	require.NoError(t, err)
	require.Equal(t, faultNew.plus(t, "", faultMine), onDisk(t, dir))
}

// TestSystemErrors gives each kind of step a full disk, a read-only one, or no permission.
func TestSystemErrors(t *testing.T) {
	for _, c := range []struct {
		op, path string
		errno    syscall.Errno
		says     string // DIR stands for the directory
	}{
		{"mkdir", workName, syscall.EROFS, "cannot write to DIR: read-only file system"},
		{"create", guardName, syscall.EACCES, "cannot write to DIR/.vmmesh.work: permission denied"},
		{"mkdir", stageName, syscall.ENOSPC, "cannot create directory DIR/.vmmesh.work/stage: no space left on device"},
		{"read", lockName, syscall.EACCES, "cannot read DIR/.vmmesh.lock: permission denied"},
		{"read", "same", syscall.EIO, "cannot read DIR/same: input/output error"},
		{"read", "m/a", syscall.EACCES, "cannot read DIR/m/a: permission denied"},
		{"read", "stale/y", syscall.EACCES, "cannot read DIR/stale/y: permission denied"},
		{"create", "FIRST", syscall.ENOSPC, "cannot write DIR/changed: no space left on device"},
		{"write", "FIRST", syscall.ENOSPC, "cannot write DIR/changed: no space left on device"},
		{"close", "FIRST", syscall.EDQUOT, "cannot write DIR/changed: disk quota exceeded"},
		{"write", draftName, syscall.ENOSPC, "cannot write to DIR/.vmmesh.work: no space left on device"},
		{"fsync", draftName, syscall.ENOSPC, "cannot write to DIR/.vmmesh.work: no space left on device"},
		{"fsync", workName, syscall.EIO, "cannot write to DIR/.vmmesh.work: input/output error"},
		{"rename", journalName, syscall.ENOSPC, "cannot write to DIR/.vmmesh.work: no space left on device"},
		{"rename", "changed", syscall.EACCES, "cannot write DIR/changed: permission denied"},
		{"rename", "new/deep/x", syscall.ENOSPC, "cannot write DIR/new/deep/x: no space left on device"},
		{"rename", lockName, syscall.ENOSPC, "cannot write DIR/.vmmesh.lock: no space left on device"},
		{"mkdir", "new/deep", syscall.ENOSPC, "cannot create directory DIR/new/deep: no space left on device"},
		{"rename", backupPath(0), syscall.EACCES, "cannot remove DIR/file: permission denied"},
		{"remove", "stale", syscall.EACCES, "cannot remove DIR/stale: permission denied"},
	} {
		dir, old, want := prepareFault(t)
		first := false
		_, err := build(dir, Options{hook: func(op, path string) error {
			switch c.path {
			case "FIRST": // staged file
				if op != c.op || !strings.HasPrefix(path, stageName+"/") {
					return nil
				}
			case backupPath(0): // any backup
				if op != c.op || !strings.HasPrefix(path, backupName+"/") || first {
					return nil
				}
			default:
				if op != c.op || path != c.path {
					return nil
				}
			}
			first = true
			return c.errno
		}}, faultNew)
		says := strings.ReplaceAll(c.says, "DIR", dir)
		require.ErrorIs(t, err, c.errno, says)
		require.EqualError(t, err, filepath.FromSlash(says))
		_, ok := errors.AsType[*fs.PathError](err)
		require.True(t, ok)
		require.Equal(t, "old", state(t, dir, old, want), says)
		require.Equal(t, old, onDisk(t, dir), says)
	}
}

func TestErrorBeforeTheJournalSaysNothingOfHalves(t *testing.T) {
	dir, old, want := prepareFault(t)
	full := false
	_, err := build(dir, Options{hook: func(op, path string) error {
		if full = full || op == "create" && path == draftName; full {
			return syscall.ENOSPC // for good
		}
		return nil
	}}, faultNew)
	require.EqualError(t, err, "cannot write to "+filepath.Join(dir, workName)+": no space left on device")
	require.Equal(t, "old", state(t, dir, old, want))
}

func TestFullDiskInABigFile(t *testing.T) {
	dir := t.TempDir()
	writes := 0
	w, err := Open(dir, Options{hook: func(op, path string) error {
		if op == "write" && path != ignoreName {
			if writes++; writes == 2 {
				return syscall.ENOSPC
			}
		}
		return nil
	}})
	require.NoError(t, err)
	object := bytes.Repeat([]byte("x"), spillSize)
	require.NoError(t, w.Object("big", object))
	err = w.Object("big", object)
	require.EqualError(t, err, "cannot write "+filepath.Join(dir, "big")+": no space left on device")
	require.Equal(t, err, w.File(manifest.File{Path: "x", Mode: 0o644}))
	require.Empty(t, onDisk(t, dir))
}

func TestFileSystemWithoutHardLinks(t *testing.T) {
	for _, last := range []bool{false, true} {
		dir, old, want := prepareFault(t)
		_, err := build(dir, Options{SpecSHA256: specSum, hook: func(op, path string) error {
			if op == "link" {
				return syscall.EPERM
			}
			if last && op == "rename" && path == lockName {
				return errFault
			}
			return nil
		}}, faultNew)
		if last {
			// The lock was moved to the backup, and the hook stands in the way of its coming back too.
			require.ErrorIs(t, err, errFault)
			w, err := Open(dir, Options{})
			require.NoError(t, err)
			require.Equal(t, "old", state(t, dir, old, want))
			w.Abort()
			continue
		}
		require.NoError(t, err)
		require.Equal(t, want, onDisk(t, dir))
	}
}

func TestDirectoryCannotBeMade(t *testing.T) {
	top := t.TempDir()
	put(t, top, files{"file": "mine\n"})
	_, err := Open(filepath.Join(top, "file"), Options{})
	require.ErrorIs(t, err, syscall.ENOTDIR)
	require.EqualError(t, err, "cannot write to "+filepath.Join(top, "file")+": not a directory")
	_, err = Open(filepath.Join(top, "file", "below", "it"), Options{})
	require.EqualError(t, err, "cannot write to "+filepath.Join(top, "file", "below", "it")+": not a directory")
	_, err = Open(filepath.Join(top, "new", strings.Repeat("x", 300)), Options{})
	require.ErrorIs(t, err, syscall.ENAMETOOLONG)
	_, err = Open("", Options{})
	require.EqualError(t, err, "the output directory has no name")
	require.Equal(t, files{"file": "mine\n"}, onDisk(t, top), "parents that were made are gone again")
}
