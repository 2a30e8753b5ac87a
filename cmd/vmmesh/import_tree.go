package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vmmesh/vmmesh/cmd/vmmesh/tree"
	"github.com/vmmesh/vmmesh/fn"
)

// loadTree reads the one PATH of an import where it is a directory that a build wrote, with the spec of its lock if it has
// one; else it returns nil. Beside other PATHs a tree is manifests like any others, which is reported.
func (a *app) loadTree(paths []string) (*fn.Tree, error) {
	for _, path := range paths {
		if path == "-" {
			continue
		}
		lock, err := tree.ReadLock(path)
		if err != nil || lock.Spec == "" {
			if len(paths) == 1 && hasTreeFiles(path) {
				files, err := a.treeFiles(path)
				return &fn.Tree{Name: filepath.ToSlash(path), Files: files}, err
			}
			continue
		}
		if len(paths) > 1 {
			a.talk("%s was written by 'vmmesh build': import it alone, and its spec is restored whole from its lock", path)
			continue
		}
		a.tell("read %s, which has the spec that %s was built from", filepath.Join(path, ".vmmesh.lock"), path)
		files, err := a.treeFiles(path)
		return &fn.Tree{Name: filepath.ToSlash(path), Source: lock.Spec, Files: files}, err
	}
	return nil, nil
}

// hasTreeFiles reports whether a directory has what every build with VMs writes at its top.
func hasTreeFiles(dir string) bool {
	for _, name := range []string{"kustomizeconfig.yaml", "manifests", "vms"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// treeFiles reads every file of a tree by its path below it, less those whose names begin with a dot. Symbolic links
// are not followed, as a build does not follow them.
func (a *app) treeFiles(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", dir, cause(err))
	}
	defer root.Close()
	var failures []error
	err = fs.WalkDir(root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		name := filepath.Join(dir, filepath.FromSlash(path))
		switch {
		case err != nil:
			return fmt.Errorf("cannot read %s: %w", name, cause(err))
		case path != "." && strings.HasPrefix(e.Name(), "."):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.Name() == "istio-token":
			return nil // never read
		case e.IsDir():
			return nil
		case !e.Type().IsRegular():
			a.talk("skipped %s: it is %s", name, tree.WhatIs(e.Type()))
			return nil
		}
		file, err := root.Open(filepath.FromSlash(path))
		if err == nil {
			defer file.Close()
			files[path], err = readLimited(file, 0)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("cannot read %s: %w", name, cause(err)))
		}
		return nil
	})
	return files, errors.Join(append(failures, err)...)
}
