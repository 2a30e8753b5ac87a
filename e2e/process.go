package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Server is a program that runs beside the tests, with its output in a file.
type Server struct {
	Name string
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

// startServer starts a program of build.sh and, when the test fails or the program ends by itself, prints the end of
// what it said. It is stopped with the test.
func startServer(t testing.TB, name string, env []string, program string, args ...string) *Server {
	t.Helper()
	s := &Server{Name: name, log: filepath.Join(workDir(), name+".log"), done: make(chan struct{})}
	out, err := os.Create(s.log)
	require.NoError(t, err)
	s.cmd = exec.Command(program, args...)
	s.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + workDir()}, env...)
	s.cmd.Dir = workDir()
	s.cmd.Stdout, s.cmd.Stderr = out, out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, s.cmd.Start())
	require.NoError(t, out.Close())
	go func() {
		_ = s.cmd.Wait()
		close(s.done)
	}()
	t.Cleanup(func() {
		said := s.tail()
		s.stop()
		if t.Failed() {
			t.Logf("the last that %s said:\n%s", name, said)
		}
	})
	return s
}

// stop asks the program to end, and ends it if it does not within some seconds.
func (s *Server) stop() {
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(5 * time.Second):
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.done
	}
}

// running tells whether the program has not ended yet.
func (s *Server) running() error {
	select {
	case <-s.done:
		return fmt.Errorf("%s has ended:\n%s", s.Name, s.tail())
	default:
		return nil
	}
}

// routine is what servers say all the time; what matters is easier to see without it.
var routine = regexp.MustCompile(`(?m)^(I\d{4} .*|.*\t(info|debug)\t.*|.*"level":"info".*)\n`)

// tail is the end of what the program said: its warnings and errors, and then the very last lines.
func (s *Server) tail() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return end(routine.ReplaceAllString(string(text), ""), 4<<10) + "\n…\n" + end(string(text), 2<<10)
}

// end is the last lines of a text, about so many bytes of them.
func end(text string, most int) string {
	if len(text) > most {
		text = text[len(text)-most:]
		_, text, _ = strings.Cut(text, "\n")
	}
	return strings.TrimSpace(text)
}

// patience is how long a test waits for servers to do something: long enough for a busy machine. Where a broken vmmesh is
// tested, and most of what is waited for never comes, it is shorter.
var patience = map[bool]time.Duration{false: 45 * time.Second, true: 15 * time.Second}[os.Getenv(attachEnv) != ""]

// eventually asks until there is no error, and fails with the last one when that takes too long.
func eventually(t testing.TB, what string, ask func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			require.NoError(t, err, "waited %s for %s", patience, what)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
