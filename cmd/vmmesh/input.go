package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/vmmesh/vmmesh/cmd/vmmesh/tree"
	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// specFile is the file that a directory is read for.
const specFile = "vmmesh.yaml"

// specs is what the PATHs of one run hold.
type specs struct {
	docs     []*schema.Document // as far as they could be read
	findings diag.List          // of reading them
	texts    []fn.Text          // of the files
	sha256   string             // of the one file, or of the sums of several, in hexadecimal
}

// load reads all PATHs as one build; none means the working directory. A file that is named twice is read once.
// Everything that cannot be read is in the error, not the first alone.
func (a *app) load(paths []string) (specs, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var all specs
	var failures []error
	var seen seenFiles
	sums := make([][sha256.Size]byte, 0, len(paths))
	for _, path := range paths {
		name, text, err := kustomizationIn(path), []byte(nil), error(nil)
		built := name != ""
		if built {
			text, err = kustomize(name, "")
		} else {
			name, text, err = a.readSpec(path, &seen)
		}
		if err != nil {
			failures = append(failures, err)
			continue
		}
		if text == nil {
			a.tell("%s is named twice; it is read once", spoken(name))
			continue
		}
		docs, findings := schema.Parse(name, text)
		if built {
			findings = placeless(docs, findings)
		}
		a.tell("read %s: %s, %s", spoken(name), count(len(text), "byte"), count(len(docs), "spec"))
		all.docs = append(all.docs, docs...)
		all.texts = append(all.texts, fn.Text{Name: name, Text: text})
		all.findings = append(all.findings, findings...)
		sums = append(sums, sha256.Sum256(text))
	}
	all.sha256 = sumOf(sums)
	return all, errors.Join(failures...)
}

// placeless has findings name places in the spec and no lines: those of what a kustomization builds are in no file.
func placeless(docs []*schema.Document, findings diag.List) diag.List {
	for i := range findings {
		findings[i].Where = diag.Pos{}
		if s := findings[i].At.Source(); s != nil {
			s.Locate, s.Text = nil, nil
		}
	}
	for _, d := range docs {
		s := d.At.Source()
		s.Locate, s.Text = nil, nil
	}
	return findings
}

func sumOf(sums [][sha256.Size]byte) string {
	if len(sums) == 1 {
		return hex.EncodeToString(sums[0][:])
	}
	h := sha256.New()
	for _, sum := range sums {
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// readSpec reads one PATH: a file, a directory's vmmesh.yaml, or "-" for standard input. The name is for messages.
// The text is nil, and the error too, for a file that was seen before.
func (a *app) readSpec(path string, seen *seenFiles) (name string, text []byte, err error) {
	if path == "-" {
		if seen.stdin {
			return path, nil, nil
		}
		seen.stdin = true
		if a.IsTerminal(a.In) {
			a.talk("reading from the terminal; end it with Ctrl-D")
		}
		if text, err = readLimited(a.In, 0); err != nil {
			return path, nil, fmt.Errorf("cannot read standard input: %w", cause(err))
		}
		return path, text, nil
	}
	info, err := os.Stat(path)
	open := os.Open // a pipe that is named is read, as of the shell's <(…)
	if err == nil && info.IsDir() {
		open = openRegular
		dir := path
		path = filepath.Join(dir, specFile)
		if info, err = os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return path, nil, noSpecIn(dir)
		}
	}
	if err != nil {
		return path, nil, fmt.Errorf("cannot read %s: %w", path, cause(err))
	}
	if info.IsDir() {
		return path, nil, fmt.Errorf("cannot read %s: it is a directory", path)
	}
	if seen.file(info) {
		return path, nil, nil
	}
	f, err := open(path)
	if err != nil {
		return path, nil, fmt.Errorf("cannot read %s: %w", path, cause(err))
	}
	defer f.Close()
	if text, err = readLimited(f, info.Size()); err != nil {
		return path, nil, fmt.Errorf("cannot read %s: %w", path, cause(err))
	}
	return path, text, nil
}

// openRegular opens a file that was found in a directory: a regular one, or a link to one. It never waits, as it would for
// a pipe without a writer.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("it is %s", tree.WhatIs(info.Mode()))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// isRegular reports whether a path leads to a regular file.
func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// readLimited reads all, or of what is too large just enough for [schema.Parse] to see that it is. The text is never
// nil.
func readLimited(r io.Reader, size int64) ([]byte, error) {
	const limit = syntax.MaxBytes + 1
	text := make([]byte, 0, min(max(size, 0), limit)+512)
	r = io.LimitReader(r, limit)
	for {
		n, err := r.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if err == io.EOF {
			return text, nil
		}
		if err != nil {
			return nil, err
		}
		if len(text) == cap(text) {
			text = append(text, 0)[:len(text)]
		}
	}
}

// spoken is a PATH in a sentence.
func spoken(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

// noSpecIn says that a directory has no spec, and what to do about it.
func noSpecIn(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "vmmesh.yml")); err == nil {
		return fmt.Errorf("no %s in %s, but a vmmesh.yml: rename it, or name it as the PATH", specFile, describeDir(dir))
	}
	if dir == "." {
		return fmt.Errorf("no %s in this directory: name a PATH, or start one with 'vmmesh init'", specFile)
	}
	return fmt.Errorf("no %s in %s", specFile, describeDir(dir))
}

func describeDir(dir string) string {
	if dir == "." {
		return "this directory"
	}
	return dir
}

// seenFiles knows what was read before, whatever it was called.
type seenFiles struct {
	stdin bool
	files map[fileStamp][]fs.FileInfo
}

// file tells whether a file was seen before, and remembers it. Pipes and devices are new every time.
func (s *seenFiles) file(info fs.FileInfo) bool {
	if !info.Mode().IsRegular() {
		return false
	}
	stamp := fileStamp{info.Size(), info.ModTime().UnixNano()}
	for _, f := range s.files[stamp] {
		if os.SameFile(f, info) {
			return true
		}
	}
	if s.files == nil {
		s.files = map[fileStamp][]fs.FileInfo{}
	}
	s.files[stamp] = append(s.files[stamp], info)
	return false
}

// fileStamp is what is the same of one file under two names, and seldom the same of two files.
type fileStamp struct{ size, modified int64 }

// count is a number and its noun: "1 spec", "2 specs".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
