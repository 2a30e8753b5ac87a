// Package need is for tests that use something of the machine: a program, root, the network. Where it is missing they
// skip, and say what to install; in CI, which has everything, they fail.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// Prefix begins every message of a skip, so that [Summary] finds it.
const Prefix = "needs "

// Tool skips the test where none of the named programs is installed, and returns the path of the first that is. The
// package is Debian's, by which a person installs it.
func Tool(t testing.TB, debianPackage string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Missing(t, names[0]+": apt-get install "+debianPackage)
	return ""
}

// All skips a test that takes long outside of `make test-all` and CI.
func All(t testing.TB) {
	t.Helper()
	if os.Getenv("CI") == "" && os.Getenv("VMMESH_TEST_ALL") == "" {
		Missing(t, "time: make test-all")
	}
}

// Root skips the test where it does not run as root.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "root: run it as root")
	}
}

// Namespaces skips the test where it may not make namespaces of these kinds, such as "--mount" or "--net".
func Namespaces(t testing.TB, kinds ...string) {
	t.Helper()
	Root(t)
	unshare := Tool(t, "util-linux", "unshare")
	if out, err := exec.Command(unshare, append(kinds, "true")...).CombinedOutput(); err != nil {
		t.Logf("unshare: %v %s", err, out)
		Missing(t, "namespaces: run it as root on a machine, or in a container, that may make them")
	}
}

// Missing skips the test for what the machine lacks, and fails it in CI. The text is one line, "<what>: <how to get it>".
func Missing(t testing.TB, text string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(Prefix + text)
	}
	t.Skip(Prefix + text)
}
