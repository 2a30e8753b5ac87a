package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vmmesh/vmmesh/schema/diag"
	"github.com/vmmesh/vmmesh/schema/syntax"
)

// endless counts what is read of it.
type endless struct{ n int }

func (r *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '#'
	}
	r.n += len(p)
	return len(p), nil
}

// A text without an end is refused, and no more of it is read than it takes to know.
func TestInputTooLarge(t *testing.T) {
	r := &endless{}
	got := runWith(r, nil, "lint", "-")
	require.Equal(t, exitFindings, got.code)
	require.Contains(t, got.out, "error VM006:")
	require.LessOrEqual(t, r.n, syntax.MaxBytes+1<<20)

	t.Chdir(t.TempDir())
	f, err := os.Create("big.yaml")
	require.NoError(t, err)
	require.NoError(t, f.Truncate(8<<30)) // a hole: it takes no room
	require.NoError(t, f.Close())
	file := run("build", "big.yaml", "-o", "out")
	require.Equal(t, exitFindings, file.code)
	require.Contains(t, file.err, "big.yaml:1:1: error VM006:")
	require.NoDirExists(t, "out")
}

// What cannot be opened is named, with the reason.
func TestInputUnreadable(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Symlink("loop.yaml", "loop.yaml"))
	require.NoError(t, os.Symlink("gone", "dangling"))
	long := strings.Repeat("n", 300)
	writeSpec(t, "vmmesh.yaml", smallSpec)
	for path, reason := range map[string]string{
		"loop.yaml":     "too many levels of symbolic links",
		"dangling":      "no such file or directory",
		long:            "file name too long",
		"vmmesh.yaml/":  "not a directory",
		"a\x00b":        "invalid argument",
		"":              "no such file or directory",
		"vmmesh.yaml/x": "not a directory",
	} {
		for _, command := range []string{"lint", "build"} {
			r := run(command, "--", path)
			require.Equal(t, result{exitIO, "", "vmmesh: cannot read " + diag.Clean(path) + ": " + reason + "\n"}, r, "%s %q", command, path)
		}
	}
}

// A pipe has no size, and is new every time.
func TestInputPipe(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	go func() {
		_, _ = write.WriteString(smallSpec)
		_ = write.Close()
	}()
	r := runWith(read, nil, "lint", "-")
	require.Equal(t, result{exitOK, "", "1 spec, no findings\n"}, r)
}

func TestReadLimited(t *testing.T) {
	text := strings.Repeat("vmmesh ", 10_000)
	for _, size := range []int64{0, 1, int64(len(text)), 1 << 30, -1} {
		got, err := readLimited(strings.NewReader(text), size)
		require.NoError(t, err)
		require.Equal(t, text, string(got))
	}
	got, err := readLimited(bytes.NewReader(nil), 0)
	require.NoError(t, err)
	require.NotNil(t, got)
	require.Empty(t, got)
}

func TestCount(t *testing.T) {
	require.Equal(t, "0 specs", count(0, "spec"))
	require.Equal(t, "1 spec", count(1, "spec"))
	require.Equal(t, "2 specs", count(2, "spec"))
}
