package compare

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/secret"
)

// LockName is the file that lists what a build wrote into a tree.
const LockName = ".vmmesh.lock"

// FileChange is a file of an output tree that differs.
type FileChange struct {
	Change Change
	Path   string
	Why    string // what else there is: that it was changed by hand, is missing, …; may be empty
	Lines  []Line // what differs in it, of files with settings; may be empty
}

// parts are the texts of a tree that meanings read.
type parts struct {
	objects           []File // of the old side
	vms               []vmFile
	wasMesh, willMesh map[string][]byte // the files of the control plane
}

// isControlPlane reports whether a file of a tree is for istioctl or Helm.
func isControlPlane(path string) bool { return strings.HasPrefix(path, "control-plane/") }

// compareFiles finds the files that a build would write or remove. It returns the texts that meanings read; no other
// text
// is kept.
func (c *Changes) compareFiles(old Old, made New) (found parts, err error) {
	found.wasMesh, found.willMesh = map[string][]byte{}, map[string][]byte{}
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
			return parts{}, err
		case isObjects(path):
			have.Path = path
			found.objects = append(found.objects, have)
		}
		there := err == nil
		if isControlPlane(path) {
			if there {
				found.wasMesh[path] = have.Text
			}
			if want != nil {
				found.willMesh[path] = want.Text
			}
		}
		edited := there && owned && sum(have.Text) != lock.SHA256
		if want == nil || !owned || lock.SHA256 != sum(want.Text) || isScript(lock.Mode) != isScript(want.Mode) {
			lockStale = true
		}

		change := func(how Change, why string) {
			change := FileChange{Change: how, Path: path, Why: why}
			both := how == Changed && there && want != nil
			if both && isControlPlane(path) {
				change.Lines = lineChanges(have.Text, want.Text)
			}
			if f, ofVMs := vmFileAt(path); ofVMs {
				f.change = how
				_, settings := ofEveryVM[f.name]
				if both && settings {
					f.old, f.new = have.Text, want.Text
				}
				if both && (settings || f.name == "instances") {
					change.Lines = settingChanges(f.name, have.Text, want.Text)
				}
				found.vms = append(found.vms, f)
			}
			c.Files = append(c.Files, change)
		}
		switch {
		case isOdd && want != nil:
			change(Changed, odd.What+" is there, and a build does not write over it")
		case isOdd:
			change(Removed, odd.What+" is there, and a build does not remove it")
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
	// The lock changes with any file. Alone it is listed where it does not list what is there; that it has the sum of
	// another spec, one with other comments, is not a difference.
	if len(c.Files) == 0 && lockStale {
		c.Files = append(c.Files, FileChange{Change: Changed, Path: LockName, Why: "its list of files is not that " +
			"of a build"})
	}
	for _, path := range old.Strangers {
		if wanted[path] == nil {
			c.Strangers = append(c.Strangers, path)
		}
	}
	slices.Sort(c.Strangers)
	slices.SortFunc(c.Files, func(a, b FileChange) int { return cmp.Compare(a.Path, b.Path) })
	return found, nil
}

func isScript(mode uint32) bool { return mode&0o100 != 0 }

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

// Line is a line, or a variable, that differs.
type Line struct {
	Change Change
	Text   string // redacted, and safe for a terminal
}

// settingChanges are the lines that differ in a file of VMs: of variables with both values.
func settingChanges(name string, old, new []byte) []Line {
	switch {
	case name == "root-cert.pem":
		return nil // its lines are not readable
	case !strings.HasSuffix(name, ".env"):
		return lineChanges(old, new)
	}
	var found []Line
	for _, v := range variables(old, new) {
		a, b := v.old, v.new
		if secret.Of(v.name, strings.Trim(a, "'")) != nil || secret.Of(v.name, strings.Trim(b, "'")) != nil {
			a, b = "(left out)", "(left out)"
		}
		text := v.name + ": " + a + " → " + b
		switch v.change {
		case Added:
			text = v.name + "=" + b
		case Removed:
			text = v.name + "=" + a
		case Changed, Renamed:
		}
		found = append(found, Line{v.change, printable(secret.Redact(text))})
	}
	return found
}

// lineChanges are the lines that differ between two texts, in order.
func lineChanges(old, new []byte) []Line {
	a, b := textLines(secret.Redact(string(old))), textLines(secret.Redact(string(new)))
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	endA, endB := len(a), len(b)
	for endA > start && endB > start && a[endA-1] == b[endB-1] {
		endA, endB = endA-1, endB-1
	}
	a, b = a[start:endA], b[start:endB]
	numbers := map[string]int{}
	number := func(lines []string) []int {
		of := make([]int, len(lines))
		for i, line := range lines {
			n, ok := numbers[line]
			if !ok {
				n = len(numbers)
				numbers[line] = n
			}
			of[i] = n
		}
		return of
	}
	var found []Line
	line := func(change Change, text string) {
		found = append(found, Line{change, printable(text)})
	}
	i, j := 0, 0
	for _, m := range append(subsequence(number(a), number(b)), match{len(a), len(b)}) {
		for ; i < m.old; i++ {
			line(Removed, a[i])
		}
		for ; j < m.new; j++ {
			line(Added, b[j])
		}
		i, j = i+1, j+1
	}
	return found
}

// textLines are the lines of a text, without their ends.
func textLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSuffix(strings.ReplaceAll(line, "\t", "    "), "\n"))
	}
	return lines
}
