//go:build unix

package tree

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// private reports whether a folder is this user's, and nobody else may enter it.
func private(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid() && info.Mode().Perm() == modeWork
}

// identity is what a file has and no copy of it: where it is on the disk, and when it was written, to the nanosecond.
func identity(info fs.FileInfo) string {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d:%d:%d", s.Dev, s.Ino, info.ModTime().UnixNano())
}
