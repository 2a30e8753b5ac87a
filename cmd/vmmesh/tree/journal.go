package tree

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"syscall"
)

// journalFormat is the format of the journal that this version writes and reads.
const journalFormat = 2

// The kinds of action, in the order in which a commit does them.
const (
	doRemove = "remove" // move a file to backup/ID
	doRmdir  = "rmdir"  // remove a folder if it is empty
	doMkdir  = "mkdir"  // make a folder
	doPut    = "put"    // keep the old file as backup/ID, move stage/ID to its place
	doEnd    = "end"    // nothing: the last line, which shows that none is missing
)

// action is one step of a commit. Each can be repeated after it was done or half done, and taken back.
type action struct {
	Do     string `json:"do"`
	Path   string `json:"path,omitempty"`
	ID     int    `json:"id,omitempty"`     // of the file in stage and backup
	SHA256 string `json:"sha256,omitempty"` // put: of the new content
	Was    string `json:"was,omitempty"`    // sha256 of the old content, "" where there was no file
	Format int    `json:"format,omitempty"` // end: the journal's
	Owner  string `json:"owner,omitempty"`  // end: of the work folder, see disk.owner
}

func stagePath(id int) string  { return stageName + "/" + strconv.Itoa(id) }
func backupPath(id int) string { return backupName + "/" + strconv.Itoa(id) }

// writeJournal makes the actions known to the next build. From its last line on, the commit will happen.
func (d *disk) writeJournal(actions []action) error {
	owner, err := d.owner()
	if err != nil {
		return err
	}
	err = d.writeSynced(draftName, modeFile, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		for _, a := range actions {
			if err := enc.Encode(a); err != nil {
				return err
			}
		}
		return enc.Encode(action{Do: doEnd, Format: journalFormat, Owner: owner})
	})
	if err == nil {
		err = d.rename(draftName, journalName)
	}
	if err == nil {
		err = d.syncDir(workName)
	}
	return err
}

// readJournal reads what writeJournal wrote. Its paths are checked again: a directory may come from anywhere.
func (d *disk) readJournal(path string) ([]action, error) {
	damaged := func(why string) error {
		return fmt.Errorf("%s, the journal of a build that was interrupted, is damaged (%s): delete %s and build again; "+
			"files that the interrupted build wrote may then need --force", d.name(path), why, d.name(workName))
	}
	if err := d.step("read", path); err != nil {
		return nil, ioError("read", d.name(path), err)
	}
	f, err := d.root.Open(filepath.FromSlash(path))
	if err != nil {
		return nil, ioError("read", d.name(path), err)
	}
	defer f.Close()
	dec := json.NewDecoder(bufio.NewReaderSize(f, 64<<10))
	var actions []action
	for {
		var a action
		if err := dec.Decode(&a); err == io.EOF {
			return nil, damaged("its end is missing")
		} else if err != nil {
			return nil, damaged(err.Error())
		}
		if a.Do == doEnd {
			if a.Format != journalFormat {
				return nil, fmt.Errorf("%s was left by a build with another version of vmmesh: build with that version again", d.name(path))
			}
			if owner, err := d.owner(); err != nil || owner == "" || owner != a.Owner {
				return nil, errors.Join(err, fmt.Errorf("%s was not left by a build of yours in this directory, and is not carried out: delete %s and build again",
					d.name(path), d.name(workName)))
			}
			return actions, nil
		}
		if a.Path != lockName {
			if err := checkPath(a.Path); err != nil {
				return nil, damaged(err.Error())
			}
		}
		if a.Do != doRemove && a.Do != doRmdir && a.Do != doMkdir && a.Do != doPut {
			return nil, damaged(fmt.Sprintf("there is no action %q", a.Do))
		}
		actions = append(actions, a)
	}
}

// do carries an action out, or what is missing of it.
func (d *disk) do(a action) error {
	switch a.Do {
	case doRemove:
		return d.keep(a)
	case doRmdir:
		return d.rmdir(a.Path)
	case doMkdir:
		if err := d.ensureDir(a.Path, modeDir); err != nil {
			return ioError("create directory", d.name(a.Path), err)
		}
		return nil
	}
	staged, err := d.has(stagePath(a.ID))
	if err != nil || !staged {
		return err // not staged any more: in its place
	}
	if a.Was != "" {
		if err := d.keepCopy(a); err != nil {
			return err
		}
	}
	if err := d.rename(stagePath(a.ID), a.Path); err != nil {
		return ioError("write", d.name(a.Path), err)
	}
	return nil
}

// keep moves an old file to the backup, unless it is there.
func (d *disk) keep(a action) error {
	kept, err := d.has(backupPath(a.ID))
	if err != nil || kept {
		return err
	}
	err = d.rename(a.Path, backupPath(a.ID))
	if err != nil && !isAbsent(err) {
		return ioError("remove", d.name(a.Path), err)
	}
	return nil
}

// keepCopy gives an old file a second name in the backup, so that at no moment there is no file at its path. Where
// the file system has no second names it is moved.
func (d *disk) keepCopy(a action) error {
	if err := d.link(a.Path, backupPath(a.ID)); err == nil || isAbsent(err) {
		return nil // kept, or nothing to keep
	}
	return d.keep(a) // which knows too if it was kept before
}

// isAbsent tells whether an operation failed because there is no file of that name.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// rmdir removes a folder if it is one and empty.
func (d *disk) rmdir(path string) error {
	k, _, err := d.lstat(path)
	if err != nil || k != folder {
		return err
	}
	err = d.remove(path)
	if err != nil && !isAbsent(err) && !isFull(err) {
		return ioError("remove", d.name(path), err)
	}
	return nil
}

// isFull tells whether a folder could not be removed because something is in it.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, fs.ErrExist)
}

// emptySum is the sha256 of an empty file. A power cut can leave a new file empty; nobody's work is in it.
const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// undo takes an action back, as far as it was done. A file that somebody changed in the meantime stays.
func (d *disk) undo(a action) error {
	switch a.Do {
	case doRmdir:
		if err := d.ensureDir(a.Path, modeDir); err != nil {
			return ioError("create directory", d.name(a.Path), err)
		}
		return nil
	case doMkdir:
		return d.rmdir(a.Path)
	}
	kept, err := d.has(backupPath(a.ID))
	if err != nil {
		return err
	}
	k, _, err := d.lstat(a.Path)
	if err != nil {
		return err
	}
	now := ""
	if k == regular {
		if now, err = d.sum(a.Path); err != nil {
			return err
		}
	}
	ours := k == absent || k == regular && (now == a.SHA256 || now == emptySum)
	switch {
	case kept && ours:
		if err := d.rename(backupPath(a.ID), a.Path); err != nil {
			return ioError("restore", d.name(a.Path), err)
		}
	case a.Do == doPut && a.Was == "" && k == regular && ours:
		staged, err := d.has(stagePath(a.ID))
		if err != nil || staged {
			return err // never came to its place
		}
		if err := d.remove(a.Path); err != nil {
			return ioError("remove", d.name(a.Path), err)
		}
	}
	return nil
}

// doAll carries out a commit.
func (d *disk) doAll(actions []action) error {
	for _, a := range actions {
		if err := d.do(a); err != nil {
			return err
		}
	}
	return nil
}

// undoAll takes a commit back that has a journal or an undo file. It can itself be interrupted and repeated: the
// journal is renamed first, so that nobody goes forward again.
func (d *disk) undoAll(actions []action) error {
	if err := d.rename(journalName, undoName); err != nil && !isAbsent(err) {
		return ioError("write to", d.name(workName), err)
	}
	for i := len(actions) - 1; i >= 0; i-- {
		if err := d.undo(actions[i]); err != nil {
			return err
		}
	}
	if err := d.remove(undoName); err != nil && !isAbsent(err) {
		return ioError("write to", d.name(workName), err)
	}
	return nil
}
