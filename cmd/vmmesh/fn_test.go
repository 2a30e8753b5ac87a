package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	listWithSpec = `apiVersion: config.kubernetes.io/v1
kind: ResourceList
items: []
functionConfig:
  apiVersion: vmmesh.dev/v1alpha1
  kind: VMMesh
  metadata: {name: minimal}
  spec:
    istio: {version: 1.31.1, istiodAddresses: [34.56.78.90]}
    workloads: [{name: hello, groups: [{name: hello, instances: [{name: vm1, address: 192.168.1.100}]}]}]
`
	listWithFault = `apiVersion: config.kubernetes.io/v1
kind: ResourceList
items: []
functionConfig:
  apiVersion: vmmesh.dev/v1alpha1
  kind: VMMesh
  metadata: {name: minimal}
  spec: {istio: {version: 1.31.1}, wrkloads: []}
`
)

// Without arguments and with a pipe to read from, the program is the function.
func TestNoArgumentsIsTheFunction(t *testing.T) {
	want := world{in: listWithSpec}.run("fn")
	require.Equal(t, exitOK, want.code, want.err)

	r, w, err := os.Pipe()
	require.NoError(t, err)
	go func() {
		_, _ = w.WriteString(listWithSpec)
		w.Close()
	}()
	require.Equal(t, want.out, outputOf(t, r))

	path := filepath.Join(t.TempDir(), "list.yaml")
	require.NoError(t, os.WriteFile(path, []byte(listWithSpec), 0o644))
	file, err := os.Open(path)
	require.NoError(t, err)
	require.Equal(t, want.out, outputOf(t, file))

	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	got := runWith(null, nil)
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.err, "a command is missing")
	require.Equal(t, exitUsage, runWith(null, nil, "--quiet").code)
}

func outputOf(t *testing.T, in *os.File) string {
	t.Helper()
	defer in.Close()
	r := runWith(in, nil)
	require.Equal(t, exitOK, r.code, r.err)
	require.Empty(t, r.err)
	return r.out
}

// The function has two exit codes, whatever fails.
func TestFunctionExitCodes(t *testing.T) {
	require.Equal(t, result{exitFindings, "", "vmmesh: cannot read standard input: the cable is out\n"},
		runWith(failingReader{errors.New("the cable is out")}, nil, "fn"))
	whole := world{in: listWithSpec}.run("fn")
	for n := 0; n < len(whole.out); n += 97 {
		r := runWith(strings.NewReader(listWithSpec), &failingWriter{n, syscall.EPIPE}, "fn")
		require.Equal(t, result{exitFindings, "", "vmmesh: cannot write to standard output: broken pipe\n"}, r)
	}
	r := world{in: listWithFault}.run("fn")
	require.Equal(t, exitFindings, r.code)
	require.Contains(t, r.out, "results:\n")
	require.Equal(t, exitUsage, run("fn", "list.yaml").code)
}

// What it says has no colour, whatever the environment asks for.
func TestFunctionAsksNoEnvironment(t *testing.T) {
	plain := world{in: listWithFault}.run("fn")
	loud := world{in: listWithFault, tty: "err", env: map[string]string{"CLICOLOR_FORCE": "1"}}.run("fn")
	require.Equal(t, plain, loud)
	require.NotContains(t, loud.err, "\x1b")
}
