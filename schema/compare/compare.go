// Package compare compares two sets of manifests: which objects, fields and files differ, and what that does to a mesh
// that runs. It reads both sides as plain values, without their spec and without the cluster: a VM that registered by
// itself is in an export of the cluster alone.
package compare

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// File is a text of a side.
type File struct {
	Path string // below the tree, with slashes; or as the user named it
	Mode uint32 // permission bits; 0 where they are unknown
	Text []byte
}

// Old is the present state: the files of an output tree, which has a Lock, or manifests from anywhere.
type Old struct {
	Files []File // manifests from anywhere, with paths as findings name them; empty for a tree

	Name string // of a tree, as the user named it; findings about its files begin with it

	Lock *Lock // nil: this is not an output tree, and only objects are compared
	// Read reads a file of a tree. The error matches fs.ErrNotExist where there is none, and is a [NoFile] where
	// something else is at the path. It is called once for each path of the lock and of the build.
	Read func(path string) (File, error)
	// Strangers are files in the tree's folders that are not in the lock.
	Strangers []string
}

// Lock is the list of files of an output tree.
type Lock struct {
	SpecSHA256 string // of the spec's text; 64 hex digits, or ""
	Files      []Locked
}

// Locked is a file that a build wrote.
type Locked struct {
	Path, SHA256 string
	Mode         uint32
}

// NoFile is what is at a path instead of a file: a folder, a symbolic link.
type NoFile struct{ What string }

func (e NoFile) Error() string { return "there is " + e.What }

// New is what a build would write.
type New struct {
	Files      []File
	SpecSHA256 string          // of the spec's text, as a build would write it into the lock
	Kinds      map[string]bool // what builds make; other kinds are not looked for among manifests from anywhere
	Shared     map[string]bool // kinds of which most objects are others': only those that the build makes are looked for
}

// Change is how a thing differs.
type Change byte

// The ways to differ. They are also how a report marks them.
const (
	Added   Change = '+'
	Removed Change = '-'
	Changed Change = '~'
	Renamed Change = '>' // the same under another name, perhaps with other fields
)

// name is the change in a report for programs.
func (c Change) name() string {
	switch c {
	case Added:
		return "added"
	case Removed:
		return "removed"
	case Renamed:
		return "renamed"
	case Changed:
	}
	return "changed"
}

// Changes is all that differs. Lists are sorted.
type Changes struct {
	Objects      []ObjectChange
	Files        []FileChange // of an output tree; a lock is listed where it alone is stale
	Consequences []Consequence
	Setup        []Setup    // the VMs that have to run install.sh again
	Deletions    []Deletion // what is not made any more, in the order in which it can be deleted
	Strangers    []string   // files in the tree's folders that vmmesh did not write; a build leaves them
	Notes        []string   // what was not compared, and why
}

// ObjectChange is an object that differs.
type ObjectChange struct {
	Change Change
	ID     ID
	Was    ID            // of one that is renamed: what it is called on the old side
	Fields []FieldChange // of an object that is on both sides
}

// Same reports whether a build would change nothing.
func (c *Changes) Same() bool { return len(c.Objects) == 0 && len(c.Files) == 0 }

// Worst returns the highest severity of what the changes mean, 0 where they mean nothing.
func (c *Changes) Worst() Severity {
	var worst Severity
	for i := range c.Consequences {
		worst = max(worst, c.Consequences[i].Severity)
	}
	return worst
}

// Compare finds the changes that a build would make to the present state. The findings are about the old side: with an
// error among them it could not be read, and there are no changes. A Go error is Read's, or our own bug.
func Compare(old Old, made New) (Changes, diag.List, error) {
	var c Changes
	before := old.Files
	var found parts
	if old.Lock != nil {
		var err error
		if found, err = c.compareFiles(old, made); err != nil {
			return Changes{}, nil, err
		}
		before = found.objects
		if len(c.Files) == 0 {
			return c, nil, nil // the same bytes are the same objects
		}
	}
	was, findings := readSet(old.Name, before, &c)
	if findings.HasErrors() {
		return Changes{}, findings.Sorted(), nil
	}
	var ignored Changes
	will, faults := readSet("", objectFiles(made.Files), &ignored)
	if faults.HasErrors() {
		d := faults.Sorted()[0]
		return Changes{}, nil, fmt.Errorf("our own output cannot be read: %s:%d: %s", d.At.Source().Name,
			d.Pos().Line, d.Message)
	}
	if old.Lock == nil {
		mine := ours(was, will)
		was.keep(func(o *object) bool {
			there := will.index[o.ID] != nil
			return there && (made.Kinds[o.Kind] || made.Shared[o.Kind]) || made.Kinds[o.Kind] && mine(o)
		}, &c)
	}
	p := newPair(was, will, found)
	if old.Lock == nil {
		p.vmFiles = vmFilesInConfigMaps(p)
	}
	c.compareObjects(p)
	c.Consequences = consequences(p)
	c.Deletions = deletions(p)
	c.Setup = setup(p)
	c.noteScripts(p.vmFiles)
	return c, findings.Sorted(), nil
}

// compareObjects finds the objects that differ.
func (c *Changes) compareObjects(p *pair) {
	for _, o := range p.was.objects {
		other := p.now(o)
		if other == nil {
			c.Objects = append(c.Objects, ObjectChange{Change: Removed, ID: o.ID})
			continue
		}
		fields := compareFields(withDefaults(o, other))
		switch {
		case other.ID != o.ID:
			fields = slices.DeleteFunc(fields, func(f FieldChange) bool {
				return f.Path == "metadata.name" || f.Path == "metadata.namespace"
			})
			c.Objects = append(c.Objects, ObjectChange{Change: Renamed, ID: other.ID, Was: o.ID, Fields: fields})
		case len(fields) > 0:
			c.Objects = append(c.Objects, ObjectChange{Change: Changed, ID: o.ID, Fields: fields})
		}
	}
	for _, o := range p.will.objects {
		if p.before(o) == nil {
			c.Objects = append(c.Objects, ObjectChange{Change: Added, ID: o.ID})
		}
	}
	slices.SortFunc(c.Objects, func(a, b ObjectChange) int { return a.ID.compare(b.ID) })
}

// isAbsent reports whether an error of Read means that there is no such file.
func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// sortedKeys lists what is in a set.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// count is a number and its noun: "1 file", "2 files", "3 entries".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// some lists names, the first few of them.
func some(names []string) string {
	const most = 3
	if len(names) > most+1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
