package tree

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/vmmesh/vmmesh/schema/manifest"
)

// Options say how to write a tree.
type Options struct {
	// Force overwrites and removes files that were edited by hand, and overwrites files that vmmesh never wrote.
	Force bool
	// SpecSHA256 is the sha256 of the spec that the tree is built from, in 64 hex digits; it is kept in the lock.
	SpecSHA256 string

	// Names are the names at the top of a tree that may be written and removed; none: all. A lock that lists others was not
	// written by a build.
	Names []string
	// Interrupted is closed when the process is asked to end: the tree is given up before anything in it is changed.
	Interrupted <-chan struct{}

	hook func(op, path string) error // see disk; nil outside tests
}

// ErrInterrupted is returned after [Options.Interrupted] was closed.
var ErrInterrupted = errors.New("interrupted; the output directory is as it was")

// interrupted reports whether the process was asked to end.
func (w *Writer) interrupted() bool {
	select {
	case <-w.o.Interrupted:
		return true
	default:
		return false
	}
}

// Writer takes the files of a tree and then puts them all in place. It is for one goroutine. After an error the
// same error meets every further call, and nothing is written.
type Writer struct {
	d         *disk
	o         Options
	guard     *os.File
	made      []string // directories that Open made, DIR last
	recovered Recovery
	old       *Lock  // what DIR's lock says; empty where there is none
	oldSum    string // sha256 of DIR's lock, "" where there is none

	survey  *survey // DIR as it was while files came
	names   names
	outputs []output // complete ones
	ids     int      // the last number given to a file in the work folder
	cur     current
	err     error
	spec    string // as the lock keeps it
}

// KeepSpec keeps the spec itself in the lock, so that import can restore it.
func (w *Writer) KeepSpec(text string) { w.spec = text }

// output is a file that is complete.
type output struct {
	path   string
	sum    string
	script bool // mode 0755
	id     int  // where it is staged, 0 if DIR has just this file already
}

// current is the file of objects that is being written. Little ones stay in memory, so that a file that DIR has
// already costs no writing at all.
type current struct {
	path string // "" if there is none
	hash hash.Hash
	size int64
	text []byte   // what is not in file
	file *os.File // nil while all is in text
	id   int      // of file
}

// spillSize is how much text of one file is kept in memory, in bytes.
const spillSize = 1 << 20

var errClosed = errors.New("the output tree is closed")

// Open prepares to write a tree at dir, and makes dir if it is missing. It first completes or takes back an earlier
// build that was killed. Errors are a [*BusyError] where another process writes to dir, a [*LockError] where
// .vmmesh.lock cannot be used, a [*ConflictError] or [*ObstacleError] where an earlier build cannot be completed
// because of what somebody did since, and else wrap the system's. The caller must call Commit or Abort.
func Open(dir string, o Options) (*Writer, error) {
	if dir == "" {
		return nil, errors.New("the output directory has no name")
	}
	if o.SpecSHA256 != "" && !isSum(o.SpecSHA256) {
		return nil, fmt.Errorf("%q is no sha256 of a spec", o.SpecSHA256)
	}
	made, err := makeDir(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if info, serr := os.Stat(dir); err != nil && serr == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		removeDirs(made)
		return nil, ioError("write to", dir, err)
	}
	w := &Writer{d: &disk{dir: dir, root: root, hook: o.hook}, o: o, made: made, names: names{}}
	if err := w.open(); err != nil {
		w.stop(err)
		return nil, err
	}
	return w, nil
}

func (w *Writer) open() error {
	var err error
	if w.guard, err = w.d.guard(); err != nil {
		return err
	}
	if w.recovered, err = w.d.recover(w.o.Force); err != nil {
		return err
	}
	lock, text, err := w.d.readLock()
	if err != nil {
		return err
	}
	w.old = &Lock{}
	if lock != nil {
		for _, f := range lock.Files {
			if top, _, _ := strings.Cut(f.Path, "/"); len(w.o.Names) > 0 && !slices.Contains(w.o.Names, top) {
				return &LockError{Path: w.d.name(lockName), Problem: "lists " + f.Path + ", which no build writes"}
			}
		}
		sum := sha256.Sum256(text)
		w.old, w.oldSum = lock, hexSum(sum[:])
	}
	w.survey = newSurvey(w.d)
	return nil
}

// Recovered says what Open did about an earlier build that was killed.
func (w *Writer) Recovered() Recovery { return w.recovered }

// Object adds one Kubernetes object as YAML text. Consecutive objects with the same path go into one file, with
// "---" between them. The path is below the tree, with slashes. The text is not kept after the call.
func (w *Writer) Object(path string, text []byte) error {
	if w.err != nil {
		return w.err
	}
	if w.interrupted() {
		w.stop(ErrInterrupted)
		return ErrInterrupted
	}
	if err := w.object(path, text); err != nil {
		w.stop(err)
		return err
	}
	return nil
}

func (w *Writer) object(path string, text []byte) error {
	if len(text) == 0 {
		return fmt.Errorf("an object of %s is empty", path)
	}
	switch {
	case w.cur.path != path || path == "":
		if err := w.finish(); err != nil {
			return err
		}
		if err := w.begin(path); err != nil {
			return err
		}
	default:
		if err := w.append([]byte("---\n")); err != nil {
			return err
		}
	}
	if err := w.append(text); err != nil {
		return err
	}
	if text[len(text)-1] != '\n' {
		return w.append([]byte("\n"))
	}
	return nil
}

// File adds a file that is no Kubernetes object. Its data is not kept after the call.
func (w *Writer) File(f manifest.File) error {
	if w.err != nil {
		return w.err
	}
	if w.interrupted() {
		w.stop(ErrInterrupted)
		return ErrInterrupted
	}
	if err := w.file(f); err != nil {
		w.stop(err)
		return err
	}
	return nil
}

func (w *Writer) file(f manifest.File) error {
	if err := w.finish(); err != nil {
		return err
	}
	if err := w.name(f.Path); err != nil {
		return err
	}
	mode := fs.FileMode(f.Mode)
	if mode != modeFile && mode != modeScript {
		return fmt.Errorf("%s has the mode %#o; it can have 0644 or 0755", f.Path, f.Mode)
	}
	sum := sha256.Sum256(f.Data)
	out := output{path: f.Path, sum: hexSum(sum[:]), script: mode == modeScript}
	same, err := w.same(out, int64(len(f.Data)))
	if err != nil {
		return err
	}
	if !same {
		out.id = w.id()
		if err := w.d.writeAll(stagePath(out.id), mode, f.Data); err != nil {
			return ioError("write", w.d.name(f.Path), err)
		}
	}
	w.outputs = append(w.outputs, out)
	return nil
}

func (w *Writer) id() int { w.ids++; return w.ids }

func (w *Writer) name(path string) error {
	if err := checkPath(path); err != nil {
		return err
	}
	return w.names.add(path)
}

func (w *Writer) begin(path string) error {
	if err := w.name(path); err != nil {
		return err
	}
	w.cur = current{path: path, hash: w.cur.hash, text: w.cur.text[:0]}
	if w.cur.hash == nil {
		w.cur.hash = sha256.New()
	}
	w.cur.hash.Reset()
	return nil
}

func (w *Writer) append(text []byte) error {
	c := &w.cur
	c.hash.Write(text)
	c.size += int64(len(text))
	c.text = append(c.text, text...)
	if len(c.text) < spillSize {
		return nil
	}
	return w.spill()
}

// spill moves the text of the current file to its staged file.
func (w *Writer) spill() error {
	c := &w.cur
	if c.file == nil {
		c.id = w.id()
		f, err := w.d.create(stagePath(c.id), modeFile)
		if err != nil {
			return ioError("write", w.d.name(c.path), err)
		}
		c.file = f
	}
	_, err := (stepWriter{w.d, stagePath(c.id), c.file}).Write(c.text)
	c.text = c.text[:0]
	if err != nil {
		return ioError("write", w.d.name(c.path), err)
	}
	return nil
}

// finish completes the current file, if there is one.
func (w *Writer) finish() error {
	c := &w.cur
	if c.path == "" {
		return nil
	}
	out := output{path: c.path, sum: hexSum(c.hash.Sum(nil))}
	same, err := w.same(out, c.size)
	if err != nil {
		return err
	}
	if !same || c.file != nil {
		if err := w.spill(); err != nil {
			return err
		}
		f := c.file
		c.file = nil
		if err := w.d.close(f, stagePath(c.id)); err != nil {
			return ioError("write", w.d.name(c.path), err)
		}
	}
	if !same {
		out.id = c.id
	}
	c.path = ""
	w.outputs = append(w.outputs, out)
	return nil
}

// same tells whether DIR has just this file already. What else may stand there is asked in Commit.
func (w *Writer) same(out output, size int64) (bool, error) {
	f, err := w.survey.at(out.path)
	if err != nil || f.kind != regular || f.info.Size() != size || !sameMode(f.info.Mode(), out.script) {
		return false, err
	}
	sum, err := w.d.sum(out.path)
	return sum == out.sum, err
}

// sameMode tells whether a file may be run, or may not, as it should. Its other bits are the umask's and the user's.
func sameMode(mode fs.FileMode, script bool) bool {
	return !modesKept || (mode&0o100 != 0) == script
}

// Abort gives up: DIR stays as it was, and is removed if Open made it. After Commit it does nothing.
func (w *Writer) Abort() {
	if w.guard != nil {
		w.stop(errClosed)
	}
}

// stop ends the writer before Commit has changed anything. What cannot be removed is removed by the next build.
func (w *Writer) stop(err error) {
	if w.cur.file != nil {
		_ = w.cur.file.Close()
	}
	unfinished := false
	if w.guard != nil {
		for _, name := range []string{journalName, undoName} {
			has, err := w.d.has(name)
			unfinished = unfinished || has || err != nil
		}
		if unfinished {
			_ = w.guard.Close()
		} else {
			w.clear()
		}
		w.guard = nil
	}
	_ = w.d.root.Close()
	if !unfinished {
		removeDirs(w.made)
	}
	w.err = err
}

// clear empties the work folder and lets the next process in.
func (w *Writer) clear() {
	for _, leftover := range []string{draftName, stageName, backupName} {
		_ = w.d.removeAll(leftover)
	}
	w.d.unguard(w.guard)
}
