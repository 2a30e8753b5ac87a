//go:build !windows

package tree

import (
	"errors"
	"os"
	"syscall"
)

// modesKept tells whether files have an executable bit here.
const modesKept = true

// flock locks f for this process until f is closed or the process dies. It does not wait. Where the file system has
// no locks it does nothing: better no guard against a second build than no build.
func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EWOULDBLOCK:
			return errBusy
		case errors.Is(err, errors.ErrUnsupported) || err == syscall.ENOLCK:
			return nil
		}
		return err
	}
}
