package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ConflictError lists all files that stand in the way of a build and are not vmmesh's to change. Nothing was
// written. [Options].Force overrides it.
type ConflictError struct {
	Dir     string   // the output directory, as the user named it
	Edited  []string // written by vmmesh and changed since; below Dir, with slashes, sorted
	Foreign []string // never written by vmmesh; the same
}

// Error is the lines, joined.
func (e *ConflictError) Error() string { return strings.Join(e.Lines(), "\n") }

// Lines returns the text in lines: each file has its own.
func (e *ConflictError) Lines() []string {
	var lines []string
	list := func(what string, paths []string) {
		if len(paths) > 0 {
			lines = append(lines, what+":")
		}
		for _, path := range paths {
			lines = append(lines, "  "+filepath.Join(e.Dir, filepath.FromSlash(path)))
		}
	}
	list("changed by hand since vmmesh wrote", e.Edited)
	list("in the way and not written by vmmesh", e.Foreign)
	return append(lines, "nothing was written; move the changes elsewhere, or use --force to overwrite them")
}

// Obstacle is a thing in the output directory that a build neither follows nor replaces.
type Obstacle struct {
	Path string // below the output directory, with slashes
	What string // "a symbolic link", "a folder with other files in it"
}

// ObstacleError lists all obstacles. Nothing was written, and Force does not override it.
type ObstacleError struct {
	Dir       string
	Obstacles []Obstacle // sorted by path
}

// Error is the lines, joined.
func (e *ObstacleError) Error() string { return strings.Join(e.Lines(), "\n") }

// Lines returns the text in lines: each obstacle has its own.
func (e *ObstacleError) Lines() []string {
	lines := []string{"in the way of the output, and not to be replaced:"}
	for _, o := range e.Obstacles {
		lines = append(lines, fmt.Sprintf("  %s is %s", filepath.Join(e.Dir, filepath.FromSlash(o.Path)), o.What))
	}
	return append(lines, "nothing was written; move it away, or write to another directory")
}

// LockError says that .vmmesh.lock cannot be used. Force does not override it.
type LockError struct {
	Path    string // of the lock
	Problem string
	Newer   bool // it was written by a later version of vmmesh
}

func (e *LockError) Error() string {
	if e.Newer {
		return fmt.Sprintf("%s %s: use that version, or write to another directory", e.Path, e.Problem)
	}
	return fmt.Sprintf("%s %s: restore it from version control, or delete it; without it a build keeps the files whose "+
		"content is right, needs --force for others in its way, and leaves all the rest", e.Path, e.Problem)
}

// BusyError says that another process is writing to the same directory.
type BusyError struct{ Dir string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("another vmmesh is writing to %s: wait until it is done", e.Dir)
}

// ioError words a failure of the system: what could not be done, to which file, why. The os package's own words name
// system calls and the places in the work folder, which say nothing to a user. The cause stays reachable.
func ioError(cannot, path string, err error) error {
	return &fs.PathError{Op: "cannot " + cannot, Path: path, Err: cause(err)}
}

// cause is the bare reason inside an error of the os package.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return l.Err
	}
	return err
}
