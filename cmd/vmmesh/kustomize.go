package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/vmmesh/vmmesh/schema"
	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// kustomizationFiles are the names that kustomize takes for its file.
var kustomizationFiles = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// kustomizationIn is the kustomization of a directory without a vmmesh.yaml; "" where there is none, or path is not a
// directory.
func kustomizationIn(path string) string {
	if info, err := os.Stat(path); path == "-" || err != nil || !info.IsDir() {
		return ""
	}
	if _, err := os.Lstat(filepath.Join(path, specFile)); err == nil {
		return ""
	}
	for _, name := range kustomizationFiles {
		if file := filepath.Join(path, name); isRegular(file) {
			return file
		}
	}
	return ""
}

// kustomizing is held during a build: kustomize keeps the OpenAPI schema of a kustomization in a global variable.
var kustomizing sync.Mutex

// noNetwork refuses every request. kustomize fetches what a file names by URL with the default transport.
type noNetwork struct{}

func (noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("%s is not fetched: vmmesh reads local files alone", r.URL)
}

// kustomize builds a kustomization in process, and returns the specs that it results in. Nothing is executed and nothing
// is fetched. Where within is not "", nothing outside that directory is read.
func kustomize(file, within string) ([]byte, error) {
	dir, err := filepath.Abs(filepath.Dir(file))
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err == nil && within != "" {
		if within, err = filepath.Abs(within); err == nil {
			within, err = filepath.EvalSymlinks(within)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, cause(err))
	}
	kustomizing.Lock()
	defer kustomizing.Unlock()
	transport := http.DefaultTransport
	http.DefaultTransport = noNetwork{}
	defer func() { http.DefaultTransport = transport }()

	disk := &guardedDisk{FileSystem: filesys.MakeFsOnDisk(), root: dir, within: within}
	result, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, dir)
	if disk.refused != nil { // kustomize wraps it in errors of its own
		return nil, fmt.Errorf("cannot build %s: %w", file, disk.refused)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot build %s: %s", file, kustomizeError(err, dir))
	}
	text, err := result.AsYaml()
	if err != nil {
		return nil, fmt.Errorf("cannot build %s: %s", file, kustomizeError(err, dir))
	}
	specs := 0
	for _, r := range result.Resources() {
		if r.GetKind() == schema.KindVMMesh {
			specs++
		}
	}
	if specs == 0 {
		return nil, fmt.Errorf("%s builds no %s: list specs among its resources, or name the directory of a vmmesh.yaml", file, schema.KindVMMesh)
	}
	return text, nil
}

// kustomizeError is what kustomize complains of, on one line, with paths below the kustomization's directory.
func kustomizeError(err error, dir string) string {
	text := strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
	text = strings.ReplaceAll(text, dir, ".")
	text, _, _ = strings.Cut(text, ": must build at directory:")
	text = strings.Join(strings.Fields(text), " ")
	switch {
	case strings.Contains(text, "external plugins disabled"), strings.Contains(text, "plugins are disabled"), strings.Contains(text, "enable-"):
		text += "; its result must be specs, so list them among its resources: vmmesh runs no plugins, functions or Helm"
	}
	return text
}

// guardedDisk is the disk as kustomize sees it: regular files that are read and never written, and no kustomization that
// names anything else.
type guardedDisk struct {
	filesys.FileSystem
	root, within string
	refused      error // the first
}

func (d *guardedDisk) refuse(format string, args ...any) error {
	err := errors.New(diag.Sprintf(format, args...))
	if d.refused == nil {
		d.refused = err
	}
	return err
}

// shown is a path in a message.
func (d *guardedDisk) shown(path string) string {
	if rel, err := filepath.Rel(d.root, path); err == nil {
		return filepath.ToSlash(rel)
	}
	return path
}

// ReadFile reads a file, and refuses a kustomization that leads elsewhere.
func (d *guardedDisk) ReadFile(path string) ([]byte, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	if real, err = filepath.Abs(real); err != nil {
		return nil, err
	}
	if d.within != "" && !below(real, d.within) {
		return nil, d.refuse("%s is outside the application's directory", d.shown(path))
	}
	f, err := openRegular(real)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := readLimited(f, 0)
	if err != nil {
		return nil, err
	}
	if len(text) > syntax.MaxBytes {
		return nil, d.refuse("%s is larger than %d MiB", d.shown(path), syntax.MaxBytes>>20)
	}
	if slices.Contains(kustomizationFiles, filepath.Base(path)) {
		if err := d.inspect(path, text); err != nil {
			return nil, err
		}
	}
	return text, nil
}

func below(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// places are the fields of a kustomization that name directories, which kustomize clones with git where they look remote.
var places = []string{"resources", "bases", "components", "crds", "generators", "transformers", "validators", "configurations"}

// remote matches what kustomize may take for a repository or a URL.
var remote = regexp.MustCompile(`(?i)://|^git@|^git::|^gh:|github\.com[:/]|_git/|\.git(/|\?|$)|\?ref=|.//`)

// inspect refuses a kustomization that names what is not a local file or directory.
func (d *guardedDisk) inspect(path string, text []byte) error {
	documents, findings := syntax.Read(d.shown(path), text)
	if findings.HasErrors() {
		first := findings.Sorted()[0]
		return d.refuse("%s:%d: %s", d.shown(path), first.Pos().Line, first.Message)
	}
	for _, document := range documents {
		for _, field := range places {
			list := document.Root.Get(field)
			if list == nil {
				continue
			}
			for i := range list.Items {
				entry := list.Items[i].Text()
				if entry == "" || strings.Contains(entry, "\n") {
					continue // objects that are written in the kustomization itself
				}
				line := list.Items[i].Line
				if remote.MatchString(entry) {
					return d.refuse("%s:%d: %s: %s is not local: vmmesh fetches nothing, so copy it here", d.shown(path), line, field, entry)
				}
				target := filepath.Join(filepath.Dir(path), filepath.FromSlash(entry))
				if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
					return d.refuse("%s:%d: %s: there is no %s", d.shown(path), line, field, d.shown(target))
				}
			}
		}
	}
	return nil
}

var errReadOnly = errors.New("it is only read")

// Create is refused, as all writing is.
func (d *guardedDisk) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir is refused.
func (d *guardedDisk) Mkdir(string) error { return errReadOnly }

// MkdirAll is refused.
func (d *guardedDisk) MkdirAll(string) error { return errReadOnly }

// RemoveAll is refused.
func (d *guardedDisk) RemoveAll(string) error { return errReadOnly }

// WriteFile is refused.
func (d *guardedDisk) WriteFile(string, []byte) error { return errReadOnly }
