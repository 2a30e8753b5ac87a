package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vmmesh/vmmesh/fn"
	"github.com/vmmesh/vmmesh/schema"
)

// fixedText is a file before and after its fixes.
type fixedText struct {
	name          string
	before, after []byte
	fixes         int
}

// fix applies the fixes that are certain, and reads the specs again.
func (s *specs) fix() []fixedText {
	texts, repaired := fn.Fix(s.texts)
	count := map[string]int{}
	for _, d := range repaired {
		count[d.At.Source().Name]++
	}
	var out []fixedText
	s.docs, s.findings = nil, nil
	for i, t := range texts {
		docs, findings := schema.Parse(t.Name, t.Text)
		s.docs = append(s.docs, docs...)
		s.findings = append(s.findings, findings...)
		out = append(out, fixedText{t.Name, s.texts[i].Text, t.Text, count[t.Name]})
	}
	s.texts = texts
	return out
}

// writeFixes writes what changed, and prints the text of standard input; printed reports whether it did. Nothing is
// replaced before everything is written next to where it belongs.
func (a *app) writeFixes(fixes []fixedText) (printed bool, err error) {
	type staged struct {
		fixedText
		temporary, target string
	}
	var files []staged
	var failures []error
	defer func() {
		for _, f := range files {
			_ = os.Remove(f.temporary) // it is gone already where it was renamed
		}
	}()
	for _, f := range fixes {
		if f.name == "-" {
			printed = true
			continue
		}
		if bytes.Equal(f.before, f.after) {
			continue
		}
		temporary, target, err := stage(f)
		if err != nil {
			failures = append(failures, fmt.Errorf("cannot fix %s: %w", f.name, cause(err)))
			continue
		}
		files = append(files, staged{f, temporary, target})
	}
	if err := errors.Join(failures...); err != nil {
		return printed, err
	}
	for _, f := range files {
		if err := os.Rename(f.temporary, f.target); err != nil {
			failures = append(failures, fmt.Errorf("cannot fix %s: %w", f.name, cause(err)))
			continue
		}
		a.talk("fixed %s in %s", count(f.fixes, "finding"), f.name)
	}
	if printed {
		for _, f := range fixes {
			if f.name == "-" {
				if _, err := a.out.Write(f.after); err != nil {
					return true, err
				}
				if f.fixes > 0 {
					a.talk("fixed %s in standard input", count(f.fixes, "finding"))
				}
			}
		}
	}
	return printed, errors.Join(failures...)
}

// stage writes a fixed text into a new file beside the one that it will replace, with its permissions. A link is followed:
// the file that it leads to is replaced.
func stage(f fixedText) (temporary, target string, err error) {
	if target, err = filepath.EvalSymlinks(f.name); err != nil {
		return "", "", err
	}
	info, err := os.Stat(target)
	if err != nil {
		return "", "", err
	}
	if !info.Mode().IsRegular() {
		return "", "", errors.New("it is not a regular file")
	}
	now, err := os.ReadFile(target)
	if err != nil {
		return "", "", err
	}
	if !bytes.Equal(now, f.before) {
		return "", "", errors.New("it has changed since it was read")
	}
	if probe, err := os.OpenFile(target, os.O_WRONLY, 0); err != nil { // a file that is read-only stays as it is
		return "", "", err
	} else if err := probe.Close(); err != nil {
		return "", "", err
	}
	out, err := os.CreateTemp(filepath.Dir(target), ".vmmesh-fix-*")
	if err != nil {
		return "", "", err
	}
	_, err = out.Write(f.after)
	err = errors.Join(err, out.Chmod(info.Mode().Perm()), out.Sync(), out.Close())
	if err != nil {
		_ = os.Remove(out.Name())
		return "", "", err
	}
	return out.Name(), target, nil
}
