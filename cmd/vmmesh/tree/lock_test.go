package tree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadLock(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadLock(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = ReadLock(filepath.Join(dir, "nowhere"))
	require.ErrorIs(t, err, fs.ErrNotExist)

	mustBuild(t, dir, Options{SpecSHA256: specSum}, files{"b.sh": "2", "a/x": "1"})
	lock, err := ReadLock(dir)
	require.NoError(t, err)
	require.Equal(t, &Lock{SpecSHA256: specSum, Files: []LockedFile{{"a/x", sumOf("1"), 0o644}, {"b.sh", sumOf("2"), 0o755}}}, lock)
	f, ok := lock.Find("b.sh")
	require.True(t, ok)
	require.Equal(t, lock.Files[1], f)
	_, ok = lock.Find("a")
	require.False(t, ok)
}

// TestLockKeepsSpec writes specs of all kinds to a lock and reads them back.
func TestLockKeepsSpec(t *testing.T) {
	for _, spec := range []string{"", "kind: VMMesh\n", "a: \"<b> & \\\"c\\\"\"\n---\nb: |\n  x\n\n  y\n", "a: \u2028\n"} {
		dir := t.TempDir()
		w, err := Open(dir, Options{SpecSHA256: specSum})
		require.NoError(t, err)
		w.KeepSpec(spec)
		_, err = w.Commit()
		require.NoError(t, err)
		lock, err := ReadLock(dir)
		require.NoError(t, err)
		require.Equal(t, spec, lock.Spec)
	}
}

func TestLocksThatCannotBeUsed(t *testing.T) {
	sum := sumOf("1")
	for text, problem := range map[string]string{
		"":                                 "is damaged (EOF)",
		"hello":                            "is damaged (invalid character 'h' looking for beginning of value)",
		"{}":                               "is no lock of vmmesh (it has no format)",
		`{"lockfileVersion": 3}`:           "is no lock of vmmesh (it has no format)",
		`{"format": 0, "spec": ""}`:        "is damaged (there is no format 0)",
		`{"format": 1}`:                    "is damaged (the spec's checksum is none)",
		`{"format": 1, "spec": "abc"}`:     "is damaged (the spec's checksum is none)",
		`{"format": 1, "spec": ""} {}`:     "is damaged (something follows its end)",
		`{"format": 1, "spec": "", "x":`:   "is damaged (unexpected EOF)",
		`{"format": 1, "spec": "", "x":1}`: `is damaged (json: unknown field "x")`,
		"{\n\"format\": 1,\n<<<<<<< HEAD\n\"spec\": \"\"}":                                                                     "is damaged (it has merge conflicts)",
		`{"format": 1, "spec": "", "files": [{"path": "a", "sha256": "1"}]}`:                                                   "is damaged (the checksum of a is none)",
		`{"format": 1, "spec": "", "files": [{"path": "a", "sha256": "` + strings.ToUpper(sum) + `"}]}`:                        "is damaged (the checksum of a is none)",
		`{"format": 1, "spec": "", "files": [{"path": "a", "sha256": "` + sum + `", "mode": "0777"}]}`:                         `is damaged (a has the mode "0777")`,
		`{"format": 1, "spec": "", "files": [{"path": "../a", "sha256": "` + sum + `"}]}`:                                      `is damaged ("../a" cannot be the name of an output file: a part of it is "..")`,
		`{"format": 1, "spec": "", "files": [{"path": "/etc/passwd", "sha256": "` + sum + `"}]}`:                               `is damaged ("/etc/passwd" cannot be the name of an output file: it does not start below the output directory)`,
		`{"format": 1, "spec": "", "files": [{"path": ".vmmesh.lock", "sha256": "` + sum + `"}]}`:                              `is damaged (".vmmesh.lock" cannot be the name of an output file: names that start with .vmmesh. are vmmesh's own)`,
		`{"format": 1, "spec": "", "files": [{"path": "b", "sha256": "` + sum + `"}, {"path": "a", "sha256": "` + sum + `"}]}`: "is damaged (a is listed twice or out of order)",
		`{"format": 1, "spec": "", "files": [{"path": "b", "sha256": "` + sum + `"}, {"path": "b", "sha256": "` + sum + `"}]}`: "is damaged (b is listed twice or out of order)",
	} {
		dir := t.TempDir()
		put(t, dir, files{lockName: text, "a": "mine\n"})
		before := onDisk(t, dir)
		for _, force := range []bool{false, true} {
			_, err := build(dir, Options{Force: force}, files{"a": "1\n"})
			lock, ok := errors.AsType[*LockError](err)
			require.True(t, ok, "%s: %v", text, err)
			require.Equal(t, problem, lock.Problem, text)
			require.False(t, lock.Newer)
			require.EqualError(t, err, filepath.Join(dir, lockName)+" "+problem+": restore it from version control, or delete it; without it a build keeps the files "+
				"whose content is right, needs --force for others in its way, and leaves all the rest")
			require.Equal(t, before, onDisk(t, dir), text)
		}
	}
}

func TestLockOfALaterVersion(t *testing.T) {
	for _, text := range []string{
		`{"format": 2, "spec": "", "files": []}`,
		`{"format": 2, "spec": {"a": 1}, "owners": [], "files": {"a": 1}}`,
	} {
		dir := t.TempDir()
		put(t, dir, files{lockName: text})
		_, err := build(dir, Options{Force: true}, files{"a": "1\n"})
		lock, ok := errors.AsType[*LockError](err)
		require.True(t, ok, "%v", err)
		require.True(t, lock.Newer)
		require.EqualError(t, err, filepath.Join(dir, lockName)+" was written by a later version of vmmesh (format 2; this one knows 1): use that version, or write to another directory")
		require.Equal(t, files{lockName: text}, onDisk(t, dir))
	}
}

func TestLockDeletedByTheUser(t *testing.T) {
	dir := t.TempDir()
	mustBuild(t, dir, Options{}, files{"same": "1\n", "changed": "1\n", "stale": "1\n"})
	require.NoError(t, os.Remove(filepath.Join(dir, lockName)))
	want := files{"same": "1\n", "changed": "2\n"}
	_, err := build(dir, Options{}, want)
	require.Equal(t, &ConflictError{Dir: dir, Foreign: []string{"changed"}}, err)
	mustBuild(t, dir, Options{Force: true}, want)
	require.Equal(t, want.plus(t, "", files{"stale": "1\n"}), onDisk(t, dir))
}

// FuzzParseLock: whatever parses prints as the same lock again.
func FuzzParseLock(f *testing.F) {
	f.Add(`{"format": 1, "spec": "", "files": []}`)
	f.Add(`{"format": 1, "spec": "` + specSum + `", "files": [{"path": "a/b", "sha256": "` + specSum + `", "mode": "0755"}]}`)
	f.Add(`{"format": 9}`)
	f.Fuzz(func(t *testing.T, text string) {
		lock, err := parseLock([]byte(text))
		if err != nil {
			_, ok := errors.AsType[*LockError](err)
			require.True(t, ok)
			return
		}
		var out strings.Builder
		require.NoError(t, lock.write(&out))
		again, err := parseLock([]byte(out.String()))
		require.NoError(t, err)
		require.Equal(t, lock, again)
	})
}
