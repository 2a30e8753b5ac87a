package tree

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Summary says what a build did to the directory. Paths are below it, with slashes, and sorted; the lock is not
// among them.
type Summary struct {
	Written   []string // new, or with other content or mode than before
	Unchanged int      // there already, and not touched
	Removed   []string // of an earlier build, and not of this one
}

// Commit puts all files in place, removes those of the earlier build that are not among them, and writes the lock.
// Where files are in the way the error is a [*ConflictError] or an [*ObstacleError], or both joined, and lists them
// all; other errors wrap the system's. After an error the directory is as it was; where even that did not work, the
// next Open sees to it, and the error says so.
func (w *Writer) Commit() (Summary, error) {
	if w.err != nil {
		return Summary{}, w.err
	}
	p, err := w.prepare()
	if err == nil && w.interrupted() {
		err = ErrInterrupted
	}
	if err != nil {
		w.stop(err)
		return Summary{}, err
	}
	if len(p.actions) > 0 {
		if err := w.carryOut(p.actions); err != nil {
			w.stop(err)
			return Summary{}, err
		}
	}
	w.clear()
	_ = w.d.root.Close()
	w.guard, w.err = nil, errClosed
	return p.summary, nil
}

// prepare completes what was added, plans the commit and stages the lock.
func (w *Writer) prepare() (*plan, error) {
	if err := w.finish(); err != nil {
		return nil, err
	}
	slices.SortFunc(w.outputs, func(a, b output) int { return strings.Compare(a.path, b.path) })
	p, err := w.plan()
	if err != nil {
		return nil, err
	}
	lock := Lock{SpecSHA256: w.o.SpecSHA256, Spec: w.spec, Files: make([]LockedFile, len(w.outputs))}
	for i, out := range w.outputs {
		lock.Files[i] = LockedFile{Path: out.path, SHA256: out.sum, Mode: uint32(modeFile)}
		if out.script {
			lock.Files[i].Mode = uint32(modeScript)
		}
	}
	h := sha256.New()
	buffered := bufio.NewWriter(h)
	if err := lock.write(buffered); err != nil {
		return nil, err
	}
	if err := buffered.Flush(); err != nil {
		return nil, err
	}
	sum := hexSum(h.Sum(nil))
	if sum == w.oldSum {
		return p, nil
	}
	put := action{Do: doPut, Path: lockName, ID: w.id(), SHA256: sum, Was: w.oldSum}
	err = w.d.writeSynced(stagePath(put.ID), modeFile, func(to io.Writer) error { return lock.write(to) })
	if err != nil {
		return nil, ioError("write", w.d.name(lockName), err)
	}
	p.actions = append(p.actions, put)
	return p, nil
}

// carryOut does what was planned, or takes it back.
func (w *Writer) carryOut(actions []action) error {
	err := w.d.writeJournal(actions)
	if err != nil {
		err = ioError("write to", w.d.name(workName), err)
		if begun, herr := w.d.has(journalName); herr == nil && !begun {
			return err
		}
	} else {
		err = w.d.doAll(actions)
	}
	if err == nil {
		if err = w.d.remove(journalName); err == nil {
			return nil
		}
		err = ioError("write to", w.d.name(workName), err)
	}
	if uerr := w.d.undoAll(actions); uerr != nil {
		return fmt.Errorf("%w; %s is half written, and the next build will complete it or take it back", err, w.d.dir)
	}
	return err
}
