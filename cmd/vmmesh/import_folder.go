package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vmmesh/vmmesh/schema/importer"
)

// envFile is the file by which a directory that istioctl wrote for a VM is known.
const envFile = "cluster.env"

// vmFiles are those that are read of such a directory.
var vmFiles = []string{envFile, "mesh.yaml", "hosts", "root-cert.pem"}

// vmFolders lists the directories at and below one that istioctl wrote, in order of their paths.
func (a *app) vmFolders(dir string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("cannot read %s: %w", path, cause(err))
		case e.IsDir() && path != dir && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		case !e.IsDir() && e.Name() == envFile && (e.Type().IsRegular() || isRegular(path)):
			found = append(found, filepath.Dir(path))
		}
		return nil
	})
	return found, err
}

// readFolder reads what istioctl wrote, but for the token.
func (a *app) readFolder(dir string) (importer.Folder, error) {
	f := importer.Folder{Name: filepath.ToSlash(dir)}
	for n, into := range []*[]byte{&f.Env, &f.Mesh, &f.Hosts, &f.RootCert} {
		path := filepath.Join(dir, vmFiles[n])
		file, err := openRegular(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return f, fmt.Errorf("cannot read %s: %w", path, cause(err))
		}
		*into, err = readLimited(file, 0)
		file.Close()
		if err != nil {
			return f, fmt.Errorf("cannot read %s: %w", path, cause(err))
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "istio-token")); err == nil {
		f.Token = true
	}
	a.tell("read %s, which istioctl wrote for a VM", f.Name)
	return f, nil
}
