package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/vmmesh/vmmesh/schema/diag"
)

// Exit codes; scripts rely on them.
const (
	exitOK       = 0
	exitFindings = 1 // findings at error level, or at the one --fail-on names; nothing was written
	exitUsage    = 2 // the command line makes no sense
	exitIO       = 3 // something could not be read or written, stands in the way in the output directory, or is our bug
)

// Streams is all that the program has of the world besides the files that its arguments name.
type Streams struct {
	In         io.Reader
	Out, Err   io.Writer
	LookupEnv  func(name string) (string, bool)
	IsTerminal func(stream any) bool // of In, Out or Err
	// Hold keeps the signals that end a process until release, which then lets one that came end it; the channel is closed
	// when one comes. nil: nothing is kept.
	Hold func() (interrupted <-chan struct{}, release func())
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Main runs the program with its arguments, without the program's name, and answers its exit code. It keeps nothing
// between calls, and may be called by several goroutines at once.
func Main(args []string, s Streams) (code int) {
	a := &app{Streams: s, out: bufio.NewWriterSize(stdout{s.Out}, 64<<10)}
	defer func() {
		if p := recover(); p != nil {
			a.say("vmmesh: internal error: %v (%s)", p, panicSite())
			a.say("This is a bug in vmmesh; please report it, with the file that it happened on: https://github.com/vmmesh/vmmesh/issues")
			code = exitIO
		}
	}()
	root := a.command()
	root.SetArgs(append([]string{}, args...)) // never nil: cobra would take the process's own arguments
	cmd, err := root.ExecuteC()
	if flushed := a.out.Flush(); flushed != nil && !errors.As(err, new(ioError)) {
		err = flushed // cobra prints help without asking whether it arrives
	}
	return a.exit(cmd, err)
}

// app is one run of the program.
type app struct {
	Streams
	out     *bufio.Writer // data, for Streams.Out
	quiet   bool
	verbose bool
	color   colorMode
}

// errFindings ends a run whose findings have been reported.
var errFindings = errors.New("there are findings")

// usageError says that the command line makes no sense.
type usageError struct{ error }

// ioError says that something could not be read or written.
type ioError struct{ error }

// Unwrap is the error itself.
func (e ioError) Unwrap() error { return e.error }

// runs makes a command's function. What it returns and is nothing else is an I/O error; errors that cobra finds
// itself stay bare, and are usage errors.
func (a *app) runs(f func(args []string) error) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		err := f(args)
		if err == nil || errors.Is(err, errFindings) || errors.As(err, new(usageError)) || errors.As(err, new(ioError)) {
			return err
		}
		return ioError{err}
	}
}

// exit says what went wrong, and answers the exit code.
func (a *app) exit(cmd *cobra.Command, err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFindings):
		return exitFindings
	case errors.As(err, new(ioError)):
		a.sayErrors(err)
		return exitIO
	}
	// cobra appends the commands that come near, each on a line; what precedes them quotes the command line.
	text, near, _ := strings.Cut(strings.TrimRight(err.Error(), "\n"), "\n\nDid you mean")
	a.say("vmmesh: %s", text)
	if near != "" {
		fmt.Fprintf(a.Err, "\nDid you mean%s\n", near)
	}
	a.say("Run '%s --help' for usage.", cmd.CommandPath())
	return exitUsage
}

// parts is the errors that were joined.
func parts(err error) []error {
	if e, ok := err.(ioError); ok {
		return parts(e.error)
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, parts(e)...)
		}
		return all
	}
	return []error{err}
}

// stdout is standard output with an error that says so.
type stdout struct{ w io.Writer }

func (s stdout) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		err = ioError{fmt.Errorf("cannot write to standard output: %w", cause(err))}
	}
	return n, err
}

// say prints one line to standard error. The arguments are cleaned: names of files and values of specs print as text,
// and never begin a line or move the cursor.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.Err, diag.Sprintf(format, args...))
}

// sayErrors prints each of the errors that were joined. An error of several lines has the method Lines.
func (a *app) sayErrors(err error) {
	for _, e := range parts(err) {
		lines := []string{e.Error()}
		if several, ok := errors.AsType[interface {
			error
			Lines() []string
		}](e); ok {
			lines = several.Lines()
		}
		for i, line := range lines {
			if i == 0 {
				line = "vmmesh: " + line
			}
			a.say("%s", line)
		}
	}
}

// talk prints a line to standard error, unless the run is quiet.
func (a *app) talk(format string, args ...any) {
	if !a.quiet {
		a.say(format, args...)
	}
}

// tell prints a line to standard error in a verbose run.
func (a *app) tell(format string, args ...any) {
	if a.verbose {
		a.say(format, args...)
	}
}

// cause is the reason in an error of the os package, without the name of a system call and a path: messages have
// the path in words of their own.
func cause(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

// panicSite is where this program was when it panicked: the innermost function of its own.
func panicSite() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	panicking := false
	for {
		f, more := frames.Next()
		if panicking && strings.HasPrefix(f.Function, "github.com/vmmesh/") || strings.HasPrefix(f.Function, "main.") && panicking {
			return fmt.Sprintf("%s, %s:%d", f.Function, filepath.Base(f.File), f.Line)
		}
		panicking = panicking || f.Function == "runtime.gopanic"
		if !more {
			return "unknown place"
		}
	}
}
