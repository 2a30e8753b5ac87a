// Package e2e holds what vmmesh writes against the real servers: kube-apiserver, etcd, istiod, istioctl and pilot-agent.
// What is exported is for tests: they apply objects, play proxies, boot machines, and look.
package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

// Variables by which the outer process speaks to the inner one.
const (
	insideEnv = "VMMESH_E2E_INSIDE" // the folder that the inner process works in
	// Programs is the variable with the folder that build.sh has filled.
	Programs = "VMMESH_E2E"
	// attachEnv is set for a process that runs tests in the sandbox, and on the cluster, of the process that started it.
	attachEnv = "VMMESH_E2E_ATTACH"
)

// The process that waits must keep its thread: the kernel ends the inner process when the thread that made it ends.
func init() { runtime.LockOSThread() }

// Sandbox runs the tests in a process of their own that is the first of a process namespace, with a network and mounts
// of its own. Every port is free there, every address can be had, and when that process ends, for whatever reason, the
// kernel ends all that it started and removes what it mounted. It returns the exit code.
func Sandbox(run func() int) int {
	if os.Getenv(attachEnv) != "" {
		return run()
	}
	if os.Getenv(insideEnv) != "" {
		if err := furnish(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			return 1
		}
		return run()
	}
	if os.Getenv(Programs) == "" {
		fmt.Fprintln(os.Stderr, "e2e: the programs are not built: run `make e2e` at the top")
		return 1
	}
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "e2e: needs root, for namespaces and the virtual machines' networks")
		return 1
	}
	work, err := os.MkdirTemp("", "vmmesh-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer os.RemoveAll(work)
	inner := exec.Command("/proc/self/exe", os.Args[1:]...)
	inner.Env = append(os.Environ(), insideEnv+"="+work)
	inner.Stdin, inner.Stdout, inner.Stderr = os.Stdin, os.Stdout, os.Stderr
	inner.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	// Who is asked to end takes the inner process along, and then tidies up.
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGINT, syscall.SIGTERM)
	if err := inner.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	go func() {
		fmt.Fprintln(os.Stderr, "e2e:", <-asked)
		_ = inner.Process.Kill()
	}()
	err = inner.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode()
	}
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

// furnish gives the namespaces what programs expect: their own /proc, a memory file system to work in, a loopback
// device, and the address of the API server on it.
func furnish() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	if err := syscall.Mount("tmpfs", workDir(), "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("work folder: %w", err)
	}
	// The machines reach one another through here.
	for _, family := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
		if err := os.WriteFile("/proc/sys/net/"+family, []byte("1"), 0); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"address", "add", apiServerIP + "/32", "dev", "lo"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
	}
	return nil
}

// workDir is a folder in memory that goes with the process.
func workDir() string { return os.Getenv(insideEnv) }

// program is the path of a program that build.sh made.
func program(name string) string { return filepath.Join(os.Getenv(Programs), name) }
