package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the expected outputs in testdata")

// world is what a test gives the program.
type world struct {
	in  string
	env map[string]string
	tty string // of "in", "out" and "err", those that are terminals
}

// result is what the program gave back.
type result struct {
	code     int
	out, err string
}

// run calls Main in process.
func (w world) run(args ...string) result {
	in, out, errs := strings.NewReader(w.in), new(bytes.Buffer), new(bytes.Buffer)
	code := Main(args, Streams{
		In: in, Out: out, Err: errs,
		LookupEnv: func(name string) (string, bool) { v, ok := w.env[name]; return v, ok },
		IsTerminal: func(stream any) bool {
			names := map[any]string{in: "in", out: "out", errs: "err"}
			return slices.Contains(strings.Fields(w.tty), names[stream])
		},
	})
	return result{code, out.String(), errs.String()}
}

func run(args ...string) result { return world{}.run(args...) }

// Each file in testdata/cases is one call of the program: a header, and sections that begin with "-- name --".
//
//	$ vmmesh lint --report json     its arguments
//	env NO_COLOR=1                  its environment
//	tty out err                     the streams that are terminals
//	-- stdin --                     what it reads
//	-- vmmesh.yaml --               a file that it finds
//	-- exit --                      then, rewritten by -update: the exit code,
//	-- stdout --                    what it says (an escape character shows as ␛),
//	-- stderr --
//	-- files --                     and the files that it leaves besides
func TestCases(t *testing.T) {
	cases, err := filepath.Glob("testdata/cases/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, path := range cases {
		file, err := filepath.Abs(path)
		require.NoError(t, err)
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			header, sections := parseCase(string(text))

			var w world
			var args []string
			w.env = map[string]string{}
			for line := range strings.Lines(header) {
				words := strings.Fields(line)
				switch {
				case len(words) == 0 || words[0] == "#":
				case words[0] == "$" && words[1] == "vmmesh":
					args = words[2:]
				case words[0] == "env":
					name, value, _ := strings.Cut(words[1], "=")
					w.env[name] = value
				case words[0] == "tty":
					w.tty = strings.Join(words[1:], " ")
				default:
					t.Fatalf("what does %q mean?", line)
				}
			}
			t.Chdir(t.TempDir())
			given := map[string]bool{}
			for _, s := range sections {
				switch s.name {
				case "stdin":
					w.in = s.text
				case "exit", "stdout", "stderr", "files":
				default:
					given[s.name] = true
					require.NoError(t, os.MkdirAll(filepath.Dir(s.name), 0o755))
					require.NoError(t, os.WriteFile(s.name, []byte(s.text), 0o644))
				}
			}

			r := w.run(args...)
			var files strings.Builder
			require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
				if path = filepath.ToSlash(path); err == nil && !d.IsDir() && !given[path] {
					files.WriteString(path + "\n")
				}
				return err
			}))
			want := header
			for _, s := range sections {
				if !slices.Contains([]string{"exit", "stdout", "stderr", "files"}, s.name) {
					want += "-- " + s.name + " --\n" + s.text
				}
			}
			want += fmt.Sprintf("-- exit --\n%d\n", r.code)
			if len(args) > 0 && args[0] == "list" { // every change of a VM's scripts changes the hash of its files
				r.out = regexp.MustCompile(`\b[0-9a-f]{16}\b`).ReplaceAllString(r.out, "0123456789abcdef")
			}
			for _, s := range []section{{"stdout", r.out}, {"stderr", r.err}, {"files", files.String()}} {
				if s.text != "" {
					require.True(t, strings.HasSuffix(s.text, "\n") || strings.HasSuffix(s.text, "\x1b[K"), "%s ends within a line", s.name)
					want += "-- " + s.name + " --\n" + strings.ReplaceAll(s.text, "\x1b", "␛")
				}
			}
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
			}
			require.Equal(t, string(text), want)
		})
	}
}

type section struct{ name, text string }

func parseCase(text string) (header string, sections []section) {
	for line := range strings.Lines(text) {
		name, begins := strings.CutPrefix(strings.TrimSuffix(line, " --\n"), "-- ")
		switch {
		case begins && strings.HasSuffix(line, " --\n"):
			sections = append(sections, section{name: name})
		case len(sections) == 0:
			header += line
		default:
			sections[len(sections)-1].text += line
		}
	}
	return header, sections
}

// failingWriter takes n bytes, and then fails.
type failingWriter struct {
	n   int
	err error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.n {
		return w.n, w.err
	}
	w.n -= len(p)
	return len(p), nil
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

type panickingReader struct{}

func (panickingReader) Read([]byte) (int, error) { panic("the cat sat on it") }

// runWith calls Main with other streams than buffers; nil is an empty one.
func runWith(in io.Reader, out io.Writer, args ...string) result {
	var errs, buffer bytes.Buffer
	if in == nil {
		in = strings.NewReader("")
	}
	if out == nil {
		out = &buffer
	}
	code := Main(args, Streams{
		In: in, Out: out, Err: &errs,
		LookupEnv:  func(string) (string, bool) { return "", false },
		IsTerminal: func(any) bool { return false },
	})
	return result{code, buffer.String(), errs.String()}
}

// Whatever is printed to a standard output that takes no more, the exit code says so.
func TestStandardOutputFails(t *testing.T) {
	t.Chdir(t.TempDir())
	require.Equal(t, 0, run("init").code)
	require.NoError(t, os.WriteFile("bad.yaml", []byte("kind: Other\n"), 0o644))
	for _, args := range [][]string{
		{"build"}, {"lint", "bad.yaml"}, {"lint", "--report", "json"}, {"init", "-o", "-"}, {"schema"}, {"schema", "--openapi"},
		{"explain"}, {"explain", "spec"}, {"explain", "VM001"}, {"explain", "rules"}, {"version"}, {"version", "-o", "json"},
		{"completion", "bash"}, {"completion", "zsh"}, {"completion", "fish"}, {"completion", "powershell"},
		{"cmp"}, {"cmp", "parameters"},
		{"--version"}, {"--help"}, {"help", "build"}, {"build", "--help"},
	} {
		for _, failure := range []error{syscall.EPIPE, syscall.ENOSPC} {
			for _, n := range []int{0, 10} {
				r := runWith(nil, &failingWriter{n, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: failure}}, args...)
				require.Equal(t, exitIO, r.code, "%v: %s", args, r.err)
				require.Equal(t, "vmmesh: cannot write to standard output: "+failure.Error()+"\n", r.err, "%v", args)
			}
		}
	}
}

// A disk that fills up in the middle of a long stream is noticed as well.
func TestStandardOutputFailsLate(t *testing.T) {
	t.Chdir(t.TempDir())
	require.Equal(t, 0, run("init").code)
	whole := run("build")
	require.Equal(t, 0, whole.code)
	for n := range len(whole.out) {
		r := runWith(nil, &failingWriter{n, syscall.ENOSPC}, "build")
		require.Equal(t, exitIO, r.code, n)
	}
}

func TestStandardInputFails(t *testing.T) {
	r := runWith(failingReader{errors.New("the cable is out")}, nil, "lint", "-")
	require.Equal(t, result{exitIO, "", "vmmesh: cannot read standard input: the cable is out\n"}, r)
}

// A bug is reported as one: no stack trace, a place, and the exit code of what is not the user's fault.
func TestPanic(t *testing.T) {
	r := runWith(panickingReader{}, nil, "lint", "-")
	require.Equal(t, exitIO, r.code)
	require.Empty(t, r.out)
	require.Regexp(t, `^vmmesh: internal error: the cat sat on it \(\S+Read, main_test\.go:\d+\)\nThis is a bug in vmmesh; please report it\b.*\n$`, r.err)
}

// Every command says what it is for, how it ends and how it is used.
func TestHelp(t *testing.T) {
	a := &app{Streams: Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}}
	for _, c := range append(a.command().Commands(), a.command()) {
		if c.Name() == "help" {
			continue
		}
		require.NotEmpty(t, c.Short, c.Name())
		require.Contains(t, c.Long, "Exit codes: 0 ", c.Name())
		require.GreaterOrEqual(t, strings.Count(c.Example, "vmmesh "), 2, c.Name())
		for line := range strings.Lines(c.Long + "\n" + c.Example) {
			require.LessOrEqual(t, len([]rune(strings.TrimRight(line, "\n"))), 100, "%s: %s", c.Name(), line)
		}
		r := run("help", c.Name())
		if c.Name() == "vmmesh" {
			r = run("help")
		}
		require.Equal(t, exitOK, r.code, c.Name())
		require.Equal(t, r, run(append(strings.Fields(strings.TrimPrefix(c.CommandPath(), "vmmesh")), "--help")...), c.Name())
		require.Contains(t, r.out, c.Long)
	}
}

func TestColour(t *testing.T) {
	for _, c := range []struct {
		flag, env, tty string
		want           bool
	}{
		{"", "", "", false},
		{"", "", "out", true},
		{"", "", "err", false},
		{"", "NO_COLOR=1", "out", false},
		{"", "NO_COLOR=", "out", true},
		{"", "TERM=dumb", "out", false},
		{"", "CLICOLOR_FORCE=1", "", true},
		{"", "CLICOLOR_FORCE=0", "", false},
		{"", "CLICOLOR_FORCE=1 NO_COLOR=1", "", false},
		{"auto", "NO_COLOR=1", "out", false},
		{"always", "NO_COLOR=1", "", true},
		{"never", "CLICOLOR_FORCE=1", "out", false},
	} {
		w := world{in: "kind: Other\n", tty: c.tty, env: map[string]string{}}
		for _, v := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(v, "=")
			w.env[name] = value
		}
		args := []string{"lint", "-"}
		if c.flag != "" {
			args = append(args, "--color", c.flag)
		}
		r := w.run(args...)
		require.Equal(t, exitFindings, r.code)
		require.Equal(t, c.want, strings.Contains(r.out, "\x1b["), "%+v\n%s", c, r.out)
		require.NotContains(t, r.err, "\x1b[")
	}
	require.Contains(t, world{in: "kind: Other\n", tty: "err"}.run("build", "-").err, "\x1b[", "build talks on stderr")
}

// snapshot is a directory's files and what is in them.
func snapshot(t *testing.T, dir string) map[string]string {
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var text []byte
			text, err = os.ReadFile(path)
			files[path] = string(text)
		}
		return err
	}))
	return files
}

// The whole program under hostile arguments: an exit code of ours, and no panic.
func FuzzArguments(f *testing.F) {
	for _, args := range []string{"build", "lint\x00-", "explain\x00spec.workloads[0]", "init\x00-o\x00-\x00n", "help\x00x", "--report", "lint\x00--fail-on\x00never\x00-q", "version\x00-o\x00yaml", "__complete\x00explain\x00", "completion\x00bash"} {
		f.Add(args, "kind: VMMesh\n")
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, line, in string) {
		args := strings.Split(line, "\x00")
		t.Chdir(dir)
		for _, a := range args { // leave the machine's files alone
			if strings.ContainsAny(a, "/\\") || strings.Contains(a, "..") {
				return
			}
		}
		r := world{in: in}.run(args...)
		require.Contains(t, []int{exitOK, exitFindings, exitUsage, exitIO}, r.code)
		require.NotContains(t, r.err, "internal error")
		require.NotContains(t, r.err, "goroutine")
	})
}
