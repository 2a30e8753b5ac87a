package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatLacks runs the script that the Makefile asks first with Gos of several kinds: each machine that cannot compile
// vmmesh gets one sentence that says what to do.
func TestWhatLacks(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), "\ngo ")
	needed, _, _ := strings.Cut(rest, "\n")
	for name, c := range map[string]struct{ program, says string }{
		"none": {"", "Go is missing: install Go " + needed + " or later, https://go.dev/doc/install\n"},
		"old":  {`case "$1" in env) echo go1.20.1;; esac`, "Go 1.20.1 is too old: install Go " + needed + " or later, https://go.dev/doc/install\n"},
		"cannot switch": {`case "$1" in env) exit 1;; version) echo go version go1.21.0 linux/amd64;; esac`,
			"Go 1.21.0 is too old: install Go " + needed + " or later, https://go.dev/doc/install\n"},
		"no network": {`case "$1" in env) echo go` + needed + `;; mod) echo dial tcp: no route to host >&2; exit 1;; esac`,
			"Go modules cannot be downloaded: connect to a module proxy, or set GOPROXY to one that can be reached\ndial tcp: no route to host\n"},
		"enough": {`case "$1" in env) echo go1.999.0;; esac`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "go")
			if c.program != "" {
				require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"+c.program+"\n"), 0o755))
			}
			command := exec.Command("sh", ".ci/go.sh", program)
			command.Dir = "../.."
			out, err := command.CombinedOutput()
			require.Equal(t, c.says, string(out))
			require.Equal(t, c.says == "", err == nil)
		})
	}
}
