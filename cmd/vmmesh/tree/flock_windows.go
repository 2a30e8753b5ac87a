package tree

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// modesKept tells whether files have an executable bit here.
const modesKept = false

// flock locks f for this process until f is closed or the process dies. It does not wait.
func flock(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errBusy
	}
	return err
}
