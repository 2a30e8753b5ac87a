package tree

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The names that this package keeps for itself at the top of DIR. All others that start with reserved are kept too,
// for later versions.
const (
	lockName = ".vmmesh.lock"
	workName = ".vmmesh.work"
	reserved = ".vmmesh."
)

// checkPath tells whether a file may have this path. It refuses what is no path below DIR on every system: a tree
// is the same tree on each of them.
func checkPath(path string) error {
	if path == "" {
		return fmt.Errorf("an output file has no name")
	}
	bad := func(why string) error { return fmt.Errorf("%q cannot be the name of an output file: %s", path, why) }
	if !utf8.ValidString(path) {
		return bad("it is not UTF-8")
	}
	for _, r := range path {
		switch {
		case r < ' ' || r == 0x7f:
			return bad("it has a control character")
		case r == '\\' || r == ':':
			return bad(fmt.Sprintf("it has a %q", r))
		}
	}
	if path[0] == '/' {
		return bad("it does not start below the output directory")
	}
	for segment := range strings.SplitSeq(path, "/") {
		switch {
		case segment == "":
			return bad("a part of it is empty")
		case segment == "." || segment == "..":
			return bad(fmt.Sprintf("a part of it is %q", segment))
		case strings.HasSuffix(segment, ".") || strings.HasSuffix(segment, " "):
			return bad("a part of it ends in a dot or a space")
		case isGit(segment):
			return bad("a part of it is Git's own folder")
		}
	}
	if strings.HasPrefix(strings.ToLower(path), reserved) {
		return bad("names that start with " + reserved + " are vmmesh's own")
	}
	return nil
}

// isGit reports whether a file system may take a name for .git: without regard to case, by its short name on Windows, or
// with characters in it that macOS ignores (git: path.c, is_ntfs_dotgit; utf8.c, is_hfs_dotgit).
func isGit(segment string) bool {
	plain := strings.ToLower(strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, segment))
	return plain == ".git" || plain == "git~1"
}

// parent is the folder that a path is in, "" at the top.
func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return ""
}

// names are the files and folders of a tree. Names that differ only in case are one name on some systems, so they
// are found by their lower case.
type names map[string]name

type name struct {
	spelled string
	folder  bool
}

// add takes a new file and the folders it is in, or says why the tree cannot hold it.
func (n names) add(path string) error {
	folded := strings.ToLower(path)
	if old, ok := n[folded]; ok {
		switch {
		case old.folder:
			return fmt.Errorf("%s would be a file and a folder of the output", path)
		case old.spelled != path:
			return fmt.Errorf("%s and %s differ only in case", old.spelled, path)
		}
		return fmt.Errorf("%s would be written twice", path)
	}
	for dir := parent(path); dir != ""; dir = parent(dir) {
		folded := strings.ToLower(dir)
		old, ok := n[folded]
		if !ok {
			n[folded] = name{dir, true}
			continue
		}
		switch {
		case !old.folder:
			return fmt.Errorf("%s would be a file and a folder of the output", old.spelled)
		case old.spelled != dir:
			return fmt.Errorf("%s and %s differ only in case", old.spelled, dir)
		}
		break // its own folders are known too
	}
	n[folded] = name{path, false}
	return nil
}
