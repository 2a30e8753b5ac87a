package tree

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// The permissions of what is written, less the umask.
const (
	modeFile   fs.FileMode = 0o644
	modeScript fs.FileMode = 0o755
	modeDir    fs.FileMode = 0o755
	modeWork   fs.FileMode = 0o700
)

// disk is DIR. All paths are below it, with slashes; nothing reaches out of it. Every operation that can fail for
// reasons of the system goes through step first, where tests let it fail.
type disk struct {
	dir  string // as the user named it, for messages
	root *os.Root
	hook func(op, path string) error // nil outside tests
	buf  []byte                      // for reading files, reused
}

func (d *disk) step(op, path string) error {
	if d.hook == nil {
		return nil
	}
	return d.hook(op, path)
}

// name is a path as the user would write it.
func (d *disk) name(path string) string { return filepath.Join(d.dir, filepath.FromSlash(path)) }

// kind is what stands at a path.
type kind uint8

const (
	absent  kind = iota
	regular      // a file
	folder       // a directory
	other        // a symbolic link, a pipe, a device …
)

func kindOf(mode fs.FileMode) kind {
	switch {
	case mode.IsRegular():
		return regular
	case mode.IsDir():
		return folder
	}
	return other
}

// WhatIs names a file's type in a message.
func WhatIs(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a file"
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "not a regular file"
}

// lstat says what stands at a path itself, without following a link there. A path below a file is absent.
func (d *disk) lstat(path string) (kind, fs.FileInfo, error) {
	info, err := d.root.Lstat(filepath.FromSlash(path))
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		return absent, nil, nil
	case err != nil:
		return absent, nil, ioError("look at", d.name(path), err)
	}
	return kindOf(info.Mode()), info, nil
}

// has tells whether anything stands at a path.
func (d *disk) has(path string) (bool, error) {
	k, _, err := d.lstat(path)
	return k != absent, err
}

// sum is the sha256 of a file that is known to be regular, "" where there is none.
func (d *disk) sum(path string) (string, error) {
	if err := d.step("read", path); err != nil {
		return "", ioError("read", d.name(path), err)
	}
	f, err := d.root.Open(filepath.FromSlash(path))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", ioError("read", d.name(path), err)
	}
	defer f.Close()
	if d.buf == nil {
		d.buf = make([]byte, 64<<10)
	}
	h := sha256.New()
	for {
		n, err := f.Read(d.buf)
		h.Write(d.buf[:n])
		if err == io.EOF {
			return hexSum(h.Sum(nil)), nil
		}
		if err != nil {
			return "", ioError("read", d.name(path), err)
		}
	}
}

func hexSum(sum []byte) string { return hex.EncodeToString(sum) }

// create makes a new file; there must be none.
func (d *disk) create(path string, mode fs.FileMode) (*os.File, error) {
	if err := d.step("create", path); err != nil {
		return nil, err
	}
	return d.root.OpenFile(filepath.FromSlash(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

// stepWriter writes to a file through step.
type stepWriter struct {
	d    *disk
	path string
	f    *os.File
}

func (w stepWriter) Write(p []byte) (int, error) {
	if err := w.d.step("write", w.path); err != nil {
		return 0, err
	}
	return w.f.Write(p)
}

// close closes a written file; some systems report a full disk only here.
func (d *disk) close(f *os.File, path string) error {
	return errors.Join(d.step("close", path), f.Close())
}

// writeAll makes a new file with this content.
func (d *disk) writeAll(path string, mode fs.FileMode, data []byte) error {
	f, err := d.create(path, mode)
	if err != nil {
		return err
	}
	if _, err := (stepWriter{d, path, f}).Write(data); err != nil {
		f.Close()
		return err
	}
	return d.close(f, path)
}

// writeSynced makes a new file and waits until it is on the disk.
func (d *disk) writeSynced(path string, mode fs.FileMode, fill func(io.Writer) error) error {
	f, err := d.create(path, mode)
	if err != nil {
		return err
	}
	defer f.Close() // a second Close does no harm
	buffered := bufio.NewWriterSize(stepWriter{d, path, f}, 64<<10)
	if err := fill(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := d.step("fsync", path); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return d.close(f, path)
}

// syncDir waits until the names in a folder are on the disk, where the system can do that.
func (d *disk) syncDir(path string) error {
	if err := d.step("fsync", path); err != nil {
		return err
	}
	f, err := d.root.Open(filepath.FromSlash(path))
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) || errors.Is(err, fs.ErrPermission) {
		return nil // no such thing here: Windows, some network file systems
	}
	return err
}

func (d *disk) rename(from, to string) error {
	if err := d.step("rename", to); err != nil {
		return err
	}
	return d.root.Rename(filepath.FromSlash(from), filepath.FromSlash(to))
}

func (d *disk) link(from, to string) error {
	if err := d.step("link", to); err != nil {
		return err
	}
	return d.root.Link(filepath.FromSlash(from), filepath.FromSlash(to))
}

func (d *disk) mkdir(path string, mode fs.FileMode) error {
	if err := d.step("mkdir", path); err != nil {
		return err
	}
	return d.root.Mkdir(filepath.FromSlash(path), mode)
}

func (d *disk) remove(path string) error {
	if err := d.step("remove", path); err != nil {
		return err
	}
	return d.root.Remove(filepath.FromSlash(path))
}

func (d *disk) removeAll(path string) error {
	if err := d.step("remove", path); err != nil {
		return err
	}
	return d.root.RemoveAll(filepath.FromSlash(path))
}

// ensureDir makes a folder unless it is there. Its parent must be.
func (d *disk) ensureDir(path string, mode fs.FileMode) error {
	err := d.mkdir(path, mode)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	k, _, lerr := d.lstat(path)
	if lerr != nil || k == folder {
		return lerr
	}
	return err
}
