package tree

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// survey looks at what is in DIR already, and remembers the folders.
type survey struct {
	d       *disk
	folders map[string]found
}

func newSurvey(d *disk) *survey { return &survey{d: d, folders: map[string]found{"": {kind: folder}}} }

// found is what stands at a path.
type found struct {
	kind    kind
	info    fs.FileInfo // nil when absent
	blocker string      // the folder of the path that is no folder (a file, a symbolic link), "" if there is none
}

// at says what stands at a path. Below a blocker, nothing does; the info is then the blocker's.
func (s *survey) at(path string) (found, error) {
	in, err := s.folder(parent(path))
	if err != nil || in.kind != folder {
		return in, err
	}
	k, info, err := s.d.lstat(path)
	return found{kind: k, info: info}, err
}

func (s *survey) folder(dir string) (found, error) {
	if f, ok := s.folders[dir]; ok {
		return f, nil
	}
	f, err := s.at(dir)
	if err != nil {
		return f, err
	}
	if f.kind == regular || f.kind == other {
		f.kind, f.blocker = absent, dir
	}
	s.folders[dir] = f
	return f, nil
}

// stranger finds something in a folder that would still be there once the files in leaving are gone, "" when there
// is nothing; folders go when they hold leaving files only.
func (s *survey) stranger(dir string, leaving map[string]bool) (string, error) {
	inside := map[string]bool{} // folders, and whether something that leaves is in them
	stranger := ""
	err := fs.WalkDir(s.d.root.FS(), dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			inside[path] = false
		case leaving[path]:
			for at := parent(path); len(at) >= len(dir) && at != ""; at = parent(at) {
				inside[at] = true
			}
		default:
			stranger = path
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return "", ioError("read", s.d.name(dir), err)
	}
	if stranger != "" {
		return stranger, nil
	}
	for path, leaves := range inside {
		if !leaves && (stranger == "" || path < stranger) {
			stranger = path
		}
	}
	return stranger, nil
}

// trouble collects all that stands in the way of a build.
type trouble struct {
	conflict ConflictError
	obstacle ObstacleError
	seen     map[string]bool
}

func (t *trouble) first(path string) bool {
	if t.seen[path] {
		return false
	}
	if t.seen == nil {
		t.seen = map[string]bool{}
	}
	t.seen[path] = true
	return true
}

func (t *trouble) edited(path string) {
	if t.first(path) {
		t.conflict.Edited = append(t.conflict.Edited, path)
	}
}

func (t *trouble) foreign(path string) {
	if t.first(path) {
		t.conflict.Foreign = append(t.conflict.Foreign, path)
	}
}

func (t *trouble) blocked(path, what string) {
	if t.first(path) {
		t.obstacle.Obstacles = append(t.obstacle.Obstacles, Obstacle{path, what})
	}
}

// err is all trouble as one error, nil where there is none. With force only the obstacles count.
func (t *trouble) err(dir string, force bool) error {
	var errs []error
	if len(t.obstacle.Obstacles) > 0 {
		t.obstacle.Dir = dir
		slices.SortFunc(t.obstacle.Obstacles, func(a, b Obstacle) int { return strings.Compare(a.Path, b.Path) })
		errs = append(errs, &t.obstacle)
	}
	if !force && len(t.conflict.Edited)+len(t.conflict.Foreign) > 0 {
		t.conflict.Dir = dir
		slices.Sort(t.conflict.Edited)
		slices.Sort(t.conflict.Foreign)
		errs = append(errs, &t.conflict)
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
