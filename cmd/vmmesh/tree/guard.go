package tree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// What is in the work folder.
const (
	guardName   = workName + "/lock"
	stageName   = workName + "/stage"
	backupName  = workName + "/backup"
	journalName = workName + "/journal"
	undoName    = workName + "/undo"
	draftName   = workName + "/journal.draft" // a journal that is being written
	ignoreName  = workName + "/.gitignore"    // keeps the folder out of commits, and is what ties a journal to it
)

// errBusy says that another process has the lock.
var errBusy = errors.New("locked by another process")

// guardTries is how often the guard is made anew when other processes remove it at the same moment.
const guardTries = 100

// guard makes the work folder and locks it for this process. The lock ends with the process, however it dies.
//
// Whoever is done removes the file that it has locked. Another process may have opened that same file a moment
// before: its lock would be on a file that has no name any more, and a third process could lock a new one. So a
// lock counts only when the file is still the one that has the name.
func (d *disk) guard() (_ *os.File, err error) {
	made := false
	defer func() {
		if err != nil && made {
			_ = d.remove(workName)
		}
	}()
	for range guardTries {
		err := d.mkdir(workName, modeWork)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, ioError("write to", d.dir, err)
		}
		made = made || err == nil
		switch k, info, err := d.lstat(workName); {
		case err != nil:
			return nil, err
		case k == absent:
			continue // another process has just removed it
		case k != folder:
			return nil, &ObstacleError{Dir: d.dir, Obstacles: []Obstacle{{workName, WhatIs(info.Mode())}}}
		}
		if err := d.step("create", guardName); err != nil {
			return nil, ioError("write to", d.name(workName), err)
		}
		f, err := d.root.OpenFile(filepath.FromSlash(guardName), os.O_RDWR|os.O_CREATE, modeFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, ioError("write to", d.name(workName), err)
		}
		if err := flock(f); err != nil {
			f.Close()
			if err == errBusy {
				return nil, &BusyError{Dir: d.dir}
			}
			return nil, ioError("lock", d.name(guardName), err)
		}
		mine, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, ioError("lock", d.name(guardName), err)
		}
		_, named, err := d.lstat(guardName)
		if err == nil && named != nil && os.SameFile(mine, named) {
			if err := d.mark(); err != nil {
				f.Close()
				return nil, err
			}
			return f, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
	}
	return nil, &BusyError{Dir: d.dir}
}

// mark makes the file that keeps the work folder out of commits. A journal names it by what no archive and no checkout can
// bring along, so that a journal that came with somebody else's files is not carried out.
func (d *disk) mark() error {
	k, _, err := d.lstat(ignoreName)
	if err != nil || k == regular {
		return err
	}
	if k != absent {
		return &ObstacleError{Dir: d.dir, Obstacles: []Obstacle{{ignoreName, "not a regular file"}}}
	}
	if err := d.writeAll(ignoreName, modeFile, []byte("*\n")); err != nil {
		return ioError("write to", d.name(workName), err)
	}
	return nil
}

// owner identifies this work folder and no copy of it: "" where it is not this user's alone.
func (d *disk) owner() (string, error) {
	_, folder, err := d.lstat(workName)
	if err != nil || folder == nil || !private(folder) {
		return "", err
	}
	k, file, err := d.lstat(ignoreName)
	if err != nil || k != regular {
		return "", err
	}
	return identity(file), nil
}

// unguard lets the next process in. What cannot be removed is removed by the next build.
func (d *disk) unguard(f *os.File) {
	_ = d.remove(ignoreName)
	_ = d.remove(guardName) // while it is locked: afterwards it may be another process's
	_ = f.Close()
	_ = d.remove(workName) // fails when another process has come in already
}

// makeDir makes a directory and the parents that are missing, and says which those were, top first.
func makeDir(dir string) ([]string, error) {
	var missing []string
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) {
			break // there, or a trouble that Mkdir will name
		}
		missing = append(missing, at)
		if at == filepath.Dir(at) {
			break
		}
	}
	var made []string
	for i := len(missing) - 1; i >= 0; i-- {
		err := os.Mkdir(missing[i], modeDir)
		switch {
		case err == nil:
			made = append(made, missing[i])
		case !errors.Is(err, fs.ErrExist):
			removeDirs(made)
			return nil, ioError("create directory", missing[i], err)
		}
	}
	return made, nil
}

// removeDirs takes makeDir back, as far as the directories are still empty.
func removeDirs(made []string) {
	for i := len(made) - 1; i >= 0; i-- {
		_ = os.Remove(made[i])
	}
}
