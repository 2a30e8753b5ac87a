package tree

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTwoAtOnce(t *testing.T) {
	dir := t.TempDir()
	w, err := Open(dir, Options{})
	require.NoError(t, err)
	require.NoError(t, files{"a": "1\n"}.add(w))
	_, err = Open(dir, Options{Force: true})
	require.Equal(t, &BusyError{Dir: dir}, err)
	require.EqualError(t, err, "another vmmesh is writing to "+dir+": wait until it is done")
	_, err = w.Commit()
	require.NoError(t, err, "the other one disturbed nothing")
	require.Equal(t, files{"a": "1\n"}.plus(t, "", nil), onDisk(t, dir))
	mustBuild(t, dir, Options{}, files{"a": "2\n"})
}

func TestManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	var inside, built atomic.Int32
	for i := range 8 {
		group.Go(func() {
			for n := 0; n < 20; {
				w, err := Open(dir, Options{})
				if _, busy := errors.AsType[*BusyError](err); busy {
					continue
				}
				if err != nil || inside.Add(1) != 1 {
					t.Errorf("%d writers at once, %v", inside.Load(), err)
					return
				}
				if err := (files{"who": strconv.Itoa(i) + "." + strconv.Itoa(n)}).add(w); err != nil {
					t.Error(err)
				}
				inside.Add(-1)
				if _, err := w.Commit(); err != nil {
					t.Error(err)
				}
				built.Add(1)
				n++
			}
		})
	}
	group.Wait()
	require.Equal(t, int32(160), built.Load())
	got := onDisk(t, dir)
	require.Equal(t, files{"who": got["who"]}.plus(t, "", nil), got)
}

// TestLockIsLetGo: a build that could not finish holds nothing, though its work folder stays.
func TestLockIsLetGo(t *testing.T) {
	dir, _, want := interrupted(t, "rename m/a")
	require.FileExists(t, filepath.Join(dir, guardName))
	mustBuild(t, dir, Options{SpecSHA256: specSum}, faultNew)
	require.Equal(t, want, onDisk(t, dir))
}

func TestGuardOfADeadProcess(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, files{guardName: "", stagePath(1): "left over", backupPath(1): "left over"})
	mustBuild(t, dir, Options{}, files{"a": "1\n"})
	require.Equal(t, files{"a": "1\n"}.plus(t, "", nil), onDisk(t, dir))
}

// TestKilledProcess kills real processes at every step of a build. The test binary runs itself for that.
func TestKilledProcess(t *testing.T) {
	const where, when = "VMMESH_TREE_TEST_DIR", "VMMESH_TREE_TEST_STEP"
	if dir := os.Getenv(where); dir != "" {
		at, err := strconv.Atoi(os.Getenv(when))
		require.NoError(t, err)
		steps := 0
		_, err = build(dir, Options{SpecSHA256: specSum, hook: func(string, string) error {
			if steps++; steps == at {
				self, err := os.FindProcess(os.Getpid())
				require.NoError(t, err)
				require.NoError(t, self.Kill())
				select {} // until the signal arrives
			}
			return nil
		}}, faultNew)
		require.NoError(t, err)
		return
	}
	// Not in parallel with others: between fork and exec a child holds the locks of this process.
	self, err := os.Executable()
	require.NoError(t, err)
	last := countSteps(t)
	for at := 1; at <= last; at += 3 {
		dir, old, want := prepareFault(t)
		cmd := exec.Command(self, "-test.run=^TestKilledProcess$")
		cmd.Env = append(os.Environ(), where+"="+dir, when+"="+strconv.Itoa(at))
		out, err := cmd.CombinedOutput()
		require.Error(t, err, "step %d: %s", at, out)
		require.False(t, strings.Contains(string(out), "FAIL"), "step %d: %s", at, out)
		w, err := Open(dir, Options{})
		require.NoError(t, err, "the dead process's lock is gone")
		require.Contains(t, []string{"old", "new"}, state(t, dir, old, want), "step %d", at)
		w.Abort()
		mustBuild(t, dir, Options{SpecSHA256: specSum}, faultNew)
		require.Equal(t, want, onDisk(t, dir), "step %d", at)
	}
	dir, _, want := prepareFault(t)
	cmd := exec.Command(self, "-test.run=^TestKilledProcess$")
	cmd.Env = append(os.Environ(), where+"="+dir, when+"=0")
	require.NoError(t, cmd.Run())
	require.Equal(t, want, onDisk(t, filepath.Clean(dir)))
}
