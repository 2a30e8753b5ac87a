package compare

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
)

// LockName is the file in which a tree says what it is.
const LockName = ".vmmesh.lock"

// FileChange is a file of an output tree that differs.
type FileChange struct {
	Change Change
	Path   string
	Why    string // what else there is to say of it: that it was changed by hand, is missing, …; may be empty
}

// compareFiles finds the files that a build would write or remove. It answers those with objects that stand now, and
// those of VMs that differ; no other text is kept.
func (c *Changes) compareFiles(old Old, made New) (objects []File, vms []vmFile, err error) {
	locked := map[string]Locked{}
	wanted := map[string]*File{}
	paths := map[string]bool{}
	for _, f := range old.Lock.Files {
		locked[f.Path], paths[f.Path] = f, true
	}
	for i := range made.Files {
		f := &made.Files[i]
		wanted[f.Path], paths[f.Path] = f, true
	}
	lockStale := false
	for _, path := range sortedKeys(paths) {
		lock, owned := locked[path]
		want := wanted[path]
		have, err := old.Read(path)
		odd, isOdd := errors.AsType[NoFile](err)
		switch {
		case isOdd, isAbsent(err):
		case err != nil:
			return nil, nil, err
		case isObjects(path):
			have.Path = path
			objects = append(objects, have)
		}
		there := err == nil
		edited := there && owned && sum(have.Text) != lock.SHA256
		if want == nil || !owned || lock.SHA256 != sum(want.Text) || isScript(lock.Mode) != isScript(want.Mode) {
			lockStale = true
		}

		change := func(how Change, why string) {
			c.Files = append(c.Files, FileChange{how, path, why})
			if f, ofVMs := vmFileAt(path); ofVMs {
				f.change = how
				if f.name == "cluster.env" && how == Changed && want != nil {
					f.old, f.new = have.Text, want.Text
				}
				vms = append(vms, f)
			}
		}
		switch {
		case isOdd && want != nil:
			change(Changed, odd.What+" stands there, and a build does not write over it")
		case isOdd:
			change(Removed, odd.What+" stands there, and a build does not remove it")
		case want == nil && !there: // gone already; the lock alone does not know
		case want == nil && edited:
			change(Removed, "changed by hand; a build removes it only with --force")
		case want == nil:
			change(Removed, "")
		case !there && owned:
			change(Added, "missing: it was written and is gone")
		case !there:
			change(Added, "")
		case string(want.Text) == string(have.Text):
			if have.Mode != 0 && isScript(have.Mode) != isScript(want.Mode) {
				change(Changed, "its mode alone")
			}
		case !owned:
			change(Changed, "not written by vmmesh; a build overwrites it only with --force")
		case edited:
			change(Changed, "changed by hand; a build overwrites it only with --force")
		default:
			change(Changed, "")
		}
	}
	// The lock changes with any file. Alone it is worth a word.
	if len(c.Files) == 0 {
		switch {
		case lockStale:
			c.Files = append(c.Files, FileChange{Changed, LockName, "its list of files is not that of a build"})
		case old.Lock.SpecSHA256 != made.SpecSHA256:
			c.Files = append(c.Files, FileChange{Changed, LockName, "the spec's text is another than the one it was built from"})
		}
	}
	for _, path := range old.Strangers {
		if wanted[path] == nil {
			c.Strangers = append(c.Strangers, path)
		}
	}
	slices.Sort(c.Strangers)
	slices.SortFunc(c.Files, func(a, b FileChange) int { return cmp.Compare(a.Path, b.Path) })
	return objects, vms, nil
}

func isScript(mode uint32) bool { return mode&0o100 != 0 }

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}
