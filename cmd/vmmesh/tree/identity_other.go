//go:build !unix

package tree

import (
	"io/fs"
	"strconv"
)

// private reports whether a folder is this user's alone, which modes do not tell here.
func private(fs.FileInfo) bool { return true }

// identity is what a file has and a copy of it from elsewhere does not: when it was written, to the nanosecond.
func identity(info fs.FileInfo) string { return strconv.FormatInt(info.ModTime().UnixNano(), 10) }
