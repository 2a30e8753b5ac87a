package tree

import (
	"fmt"
)

// Recovery is what Open did about an earlier build that was killed.
type Recovery uint8

// The recoveries.
const (
	NothingToRecover Recovery = iota // there was none, or it had not begun to change the directory
	Completed                        // what it had begun was carried out
	TakenBack                        // what it had begun was undone
)

// recover completes an earlier build that was killed, or takes it back, and leaves an empty work folder.
func (d *disk) recover(force bool) (Recovery, error) {
	done := NothingToRecover
	undo, err := d.has(undoName)
	if err != nil {
		return done, err
	}
	journal, err := d.has(journalName)
	if err != nil {
		return done, err
	}
	switch {
	case undo:
		actions, err := d.readJournal(undoName)
		if err == nil {
			err = d.undoAll(actions)
		}
		if err != nil {
			return done, err
		}
		done = TakenBack
	case journal:
		if done, err = d.resume(force); err != nil {
			return done, err
		}
	}
	for _, leftover := range []string{draftName, stageName, backupName} {
		if err := d.removeAll(leftover); err != nil {
			return done, ioError("remove", d.name(leftover), err)
		}
	}
	for _, dir := range []string{stageName, backupName} {
		if err := d.mkdir(dir, modeWork); err != nil {
			return done, ioError("create directory", d.name(dir), err)
		}
	}
	return done, nil
}

// resume goes on with a commit. Where that does not work, because a power cut took the staged files or because of
// what stopped it the first time, it takes the commit back.
func (d *disk) resume(force bool) (Recovery, error) {
	actions, err := d.readJournal(journalName)
	if err != nil {
		return NothingToRecover, err
	}
	whole, err := d.review(actions, force)
	if err != nil {
		return NothingToRecover, fmt.Errorf("an earlier build was interrupted and cannot be completed: %w", err)
	}
	if whole {
		err := d.doAll(actions)
		if err == nil {
			err = d.remove(journalName)
		}
		if err == nil {
			return Completed, nil
		}
	}
	return TakenBack, d.undoAll(actions)
}

// reviewer looks at what is left to do of a commit that was interrupted.
type reviewer struct {
	d       *disk
	survey  *survey
	leaving map[string]bool // files that the commit removes
	emptied map[string]bool // folders that it removes
	trouble trouble
	damaged bool // a new file is not whole
}

// review says whether all new files of a commit are whole, and errs where going on would lose what somebody has
// changed since.
func (d *disk) review(actions []action, force bool) (bool, error) {
	r := &reviewer{d: d, survey: newSurvey(d), leaving: map[string]bool{}, emptied: map[string]bool{}}
	for _, a := range actions {
		switch a.Do {
		case doRemove:
			r.leaving[a.Path] = true
		case doRmdir:
			r.emptied[a.Path] = true
		}
	}
	for _, a := range actions {
		if a.Do != doRemove && a.Do != doPut {
			continue
		}
		f, err := r.survey.at(a.Path)
		if err != nil {
			return false, err
		}
		now := ""
		if f.kind == regular {
			if now, err = d.sum(a.Path); err != nil {
				return false, err
			}
		}
		if a.Do == doRemove {
			err = r.removal(a, f, now)
		} else {
			err = r.put(a, f, now)
		}
		if err != nil {
			return false, err
		}
	}
	if r.damaged {
		return false, nil // it will be taken back, and that leaves changed files alone
	}
	return true, r.trouble.err(d.dir, force)
}

// removal looks at a file that is to be removed; now is the sha256 of what stands there.
func (r *reviewer) removal(a action, f found, now string) error {
	kept, err := r.d.has(backupPath(a.ID))
	switch {
	case err != nil || kept:
		return err
	case f.blocker != "" && !f.info.Mode().IsRegular():
		r.trouble.blocked(f.blocker, WhatIs(f.info.Mode()))
	case f.kind == absent:
	case f.kind != regular:
		r.trouble.blocked(a.Path, WhatIs(f.info.Mode()))
	case now != a.Was:
		r.trouble.edited(a.Path)
	}
	return nil
}

// put looks at a file that is to be written; now is the sha256 of what stands there.
func (r *reviewer) put(a action, f found, now string) error {
	staged, err := r.d.has(stagePath(a.ID))
	if err != nil {
		return err
	}
	if !staged { // in its place already
		r.damaged = r.damaged || now == emptySum && a.SHA256 != emptySum
		return nil
	}
	sum, err := r.d.sum(stagePath(a.ID))
	if err != nil {
		return err
	}
	r.damaged = r.damaged || sum != a.SHA256
	changed := f.kind == regular && now != a.SHA256 && now != a.Was
	switch {
	case f.blocker != "" && !f.info.Mode().IsRegular():
		r.trouble.blocked(f.blocker, WhatIs(f.info.Mode()))
	case f.blocker != "" && !r.leaving[f.blocker]:
		r.trouble.foreign(f.blocker)
	case f.kind == other, f.kind == folder && !r.emptied[a.Path]:
		r.trouble.blocked(a.Path, WhatIs(f.info.Mode()))
	case changed && a.Was == "":
		r.trouble.foreign(a.Path)
	case changed:
		r.trouble.edited(a.Path)
	}
	return nil
}
