package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// lockFormat is the format of .vmmesh.lock that this version writes, and the highest that it reads.
const lockFormat = 1

// Lock is what .vmmesh.lock says: the files that vmmesh wrote to a directory. Its form is in the package's doc.
type Lock struct {
	SpecSHA256 string       // of the spec, 64 hex digits; may be empty
	Spec       string       // the spec as vmmesh writes it, from which import restores it; may be empty
	Files      []LockedFile // sorted by Path
}

// LockedFile is one file of a tree.
type LockedFile struct {
	Path   string // below the directory, with slashes
	SHA256 string // of the content, 64 hex digits
	Mode   uint32 // 0644 or 0755
}

// Find looks up a file by its path.
func (l *Lock) Find(path string) (LockedFile, bool) {
	i, ok := slices.BinarySearchFunc(l.Files, path, func(f LockedFile, path string) int {
		return strings.Compare(f.Path, path)
	})
	if !ok {
		return LockedFile{}, false
	}
	return l.Files[i], true
}

// ReadLock reads the .vmmesh.lock of a directory. The error is a [*LockError] where it cannot be used, and matches
// [fs.ErrNotExist] where there is no lock or no directory. It reads what is there: after a killed build, the state
// before or after that.
func ReadLock(dir string) (*Lock, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, ioError("read", dir, err)
	}
	defer root.Close()
	d := &disk{dir: dir, root: root}
	lock, _, err := d.readLock()
	if err == nil && lock == nil {
		return nil, ioError("read", d.name(lockName), fs.ErrNotExist)
	}
	return lock, err
}

// readLock reads the lock, also as it is written; nil where there is none.
func (d *disk) readLock() (*Lock, []byte, error) {
	k, info, err := d.lstat(lockName)
	switch {
	case err != nil:
		return nil, nil, err
	case k == absent:
		return nil, nil, nil
	case k != regular:
		return nil, nil, &LockError{Path: d.name(lockName), Problem: "is " + WhatIs(info.Mode()) + " and no lock of vmmesh"}
	}
	if err := d.step("read", lockName); err != nil {
		return nil, nil, ioError("read", d.name(lockName), err)
	}
	text, err := d.root.ReadFile(lockName)
	if err != nil {
		return nil, nil, ioError("read", d.name(lockName), err)
	}
	lock, err := parseLock(text)
	if l, ok := errors.AsType[*LockError](err); ok {
		l.Path = d.name(lockName)
	}
	return lock, text, err
}

// lockText and lockLine are the lock as JSON.
type lockText struct {
	Format *int       `json:"format"`
	Spec   *string    `json:"spec"`
	Files  []lockLine `json:"files"`
	Source []string   `json:"source"`
}

type lockLine struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Mode   string `json:"mode,omitempty"`
}

// parseLock reads the text of a lock. It is strict: what was not written by vmmesh tells nothing about who owns what.
func parseLock(text []byte) (*Lock, error) {
	damaged := func(format string, args ...any) error {
		return &LockError{Problem: "is damaged (" + fmt.Sprintf(format, args...) + ")"}
	}
	if bytes.Contains(text, []byte("\n<<<<<<< ")) {
		return nil, damaged("it has merge conflicts")
	}
	var t lockText
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	err := dec.Decode(&t)
	if err == nil && dec.Decode(new(any)) != io.EOF {
		err = errors.New("something follows its end")
	}
	if err != nil { // a later format may have any form, so look for its number alone
		t = lockText{}
		if json.Unmarshal(text, &t) != nil && t.Format == nil {
			return nil, damaged("%s", err)
		}
	}
	switch {
	case t.Format == nil:
		return nil, &LockError{Problem: "is no lock of vmmesh (it has no format)"}
	case *t.Format > lockFormat:
		return nil, &LockError{Newer: true, Problem: fmt.Sprintf("was written by a later version of vmmesh (format %d; this one knows %d)", *t.Format, lockFormat)}
	case *t.Format != lockFormat:
		return nil, damaged("there is no format %d", *t.Format)
	case err != nil:
		return nil, damaged("%s", err)
	}
	if t.Spec == nil || *t.Spec != "" && !isSum(*t.Spec) {
		return nil, damaged("the spec's checksum is none")
	}
	lock := &Lock{SpecSHA256: *t.Spec, Files: make([]LockedFile, len(t.Files))}
	if len(t.Source) > 0 {
		lock.Spec = strings.Join(t.Source, "\n") + "\n"
	}
	for i, line := range t.Files {
		if err := checkPath(line.Path); err != nil {
			return nil, damaged("%s", err)
		}
		if !isSum(line.SHA256) {
			return nil, damaged("the checksum of %s is none", line.Path)
		}
		if line.Mode != "" && line.Mode != "0755" {
			return nil, damaged("%s has the mode %q", line.Path, line.Mode)
		}
		if i > 0 && t.Files[i-1].Path >= line.Path {
			return nil, damaged("%s is listed twice or out of order", line.Path)
		}
		lock.Files[i] = LockedFile{Path: line.Path, SHA256: line.SHA256, Mode: uint32(modeFile)}
		if line.Mode != "" {
			lock.Files[i].Mode = uint32(modeScript)
		}
	}
	return lock, nil
}

// isSum tells whether s is a sha256 as vmmesh writes it.
func isSum(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !(s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f') {
			return false
		}
	}
	return true
}

// write prints the lock.
func (l *Lock) write(w io.Writer) error {
	spec, err := json.Marshal(l.SpecSHA256)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "{\n  \"format\": %d,\n  \"spec\": %s,\n  \"files\": [", lockFormat, spec); err != nil {
		return err
	}
	between := "\n    "
	for _, f := range l.Files {
		path, err := json.Marshal(f.Path)
		if err != nil {
			return err
		}
		mode := ""
		if f.Mode == uint32(modeScript) {
			mode = `, "mode": "0755"`
		}
		if _, err := fmt.Fprintf(w, "%s{\"path\": %s, \"sha256\": \"%s\"%s}", between, path, f.SHA256, mode); err != nil {
			return err
		}
		between = ",\n    "
	}
	if _, err := io.WriteString(w, "\n  ]"); err != nil {
		return err
	}
	between = ",\n  \"source\": [\n    "
	for line := range strings.Lines(l.Spec) {
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false) // so that a person can read the lines
		if err := enc.Encode(strings.TrimSuffix(line, "\n")); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", between, bytes.TrimSpace(text.Bytes())); err != nil {
			return err
		}
		between = ",\n    "
	}
	end := "\n}\n"
	if l.Spec != "" {
		end = "\n  ]" + end
	}
	_, err = io.WriteString(w, end)
	return err
}
